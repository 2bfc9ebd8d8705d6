"""Keys, key files, cards, roots and registries: REGISTRY.md."""

import datetime
import os
import struct

import suite
from suite import Refused, blake, name32, require

KINDS = ("", "root", "person", "sender", "receiver", "recipient", "link", "psk")
KEY_FILE = struct.Struct("<8sHHBBH32sII16s24s32s48s")
LIMITS = {"person": 4096, "sender": 16, "receiver": 16, "recipient": 1024, "route": 1024}
BYTES_MAX = 4194304


class Card:
    def __init__(self, kind, name, public):
        self.kind, self.name, self.public = kind, name, public
        self.digest = blake(32, "weir1 key", data=bytes([KINDS.index(kind)]) + name32(name) + public)
        self.id = self.digest[:16]

    def fingerprint(self):
        groups = struct.unpack("<8I", self.digest)
        return " ".join(f"{group % 100000:05d}" for group in groups)

    def text(self):
        return f"; fingerprint {self.fingerprint()}\n[{self.kind} {self.name}]\npublic = {self.public.hex()}\n"


def public_of(kind, secret):
    if kind in ("link", "psk"):
        return blake(32, "weir1 secret id", secret)
    return suite.exchange_public(secret) if kind == "recipient" else suite.sign_public(secret)


def key_check(secret, header):
    """Behind an unprotected secret, so that no damage to the file passes."""
    return blake(16, "weir1 key check", secret, header)


class Key:
    def __init__(self, kind, name, secret=None):
        self.secret = secret or os.urandom(32)
        self.card = Card(kind, name, public_of(kind, self.secret))
        self.name, self.id, self.public = name, self.card.id, self.card.public

    def encode(self, passphrase=None, operations=1, memory_kib=8192, salt=None, nonce=None):
        front = [b"WEIRSKEY", 1, 1, KINDS.index(self.card.kind), passphrase is not None, 0,
                 name32(self.name)]
        if passphrase is None:
            raw = KEY_FILE.pack(*front, 0, 0, bytes(16), bytes(24), self.public, b"")[:128]
            return raw + self.secret + key_check(self.secret, raw)
        salt, nonce = salt or os.urandom(16), nonce or os.urandom(24)
        front += [operations, memory_kib, salt, nonce, self.public]
        ad = KEY_FILE.pack(*front, b"")[:128]
        stretched = suite.argon2id(passphrase, salt, operations, memory_kib)
        return KEY_FILE.pack(*front, suite.seal(self.secret, ad, nonce, stretched))


def read_key(raw, passphrase=None):
    require(len(raw) >= 8 and raw[:8] == b"WEIRSKEY" or len(raw) < 8, "bad-magic")
    require(len(raw) >= KEY_FILE.size, "truncated")
    require(len(raw) == KEY_FILE.size, "trailing-bytes")
    (_, version, suite_id, kind, protection, reserved, name, operations, memory_kib, salt, nonce,
     public, sealed) = KEY_FILE.unpack(raw)
    require(version == 1, "unknown-version")
    require(suite_id == 1, "unknown-suite")
    require(1 <= kind <= 7 and protection <= 1, "bad-type")
    require(reserved == 0, "bad-reserved")
    name = suite.read_name32(name)
    if protection == 0:
        require(operations == 0 and memory_kib == 0, "bad-limit")
        require(suite.zeros(salt + nonce), "bad-reserved")
        secret = sealed[:32]
        require(key_check(secret, raw[:128]) == sealed[32:], "wrong-key")
    else:
        require(1 <= operations <= 16 and 8192 <= memory_kib <= 1048576, "bad-limit")
        require(passphrase is not None, "wrong-passphrase")
        stretched = suite.argon2id(passphrase, salt, operations, memory_kib)
        secret = suite.unseal(sealed, raw[:128], nonce, stretched)
        require(secret is not None, "wrong-passphrase")
    key = Key(KINDS[kind], name, secret)
    require(key.public == public, "wrong-key")
    return key


def load_key(path, passphrase=None):
    with open(path, "rb") as file:
        require(os.fstat(file.fileno()).st_mode & 0o077 == 0, "loose-permissions")
        return read_key(file.read(), passphrase)


def _lines(text, first=1):
    """(line number, section, key, value) of every key; the rules of section 3 for text."""
    section = ""
    require(not text or text.endswith(b"\n"), "bad-registry", "last line without its end")
    for number, raw in enumerate(text.split(b"\n"), first):
        require(len(raw) <= 198, "bad-registry", f"{number}: longer than 198 bytes")
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("bad-registry", f"{number}: not UTF-8") from None
        require(all(c == "\t" or (ord(c) >= 32 and ord(c) != 127) for c in line), "bad-registry",
                f"{number}: control byte")
        require(line[:1] not in (" ", "\t", "\ufeff"), "bad-registry", f"{number}: indented")
        line = line.rstrip(" \t")
        if not line or line[0] in ";#":
            continue
        for at in range(1, len(line)):
            if line[at] == ";" and line[at - 1] in " \t":
                line = line[:at].rstrip(" \t")
                break
        if line[0] == "[":
            require(line[-1] == "]" and len(line.encode()) <= 50, "bad-registry",
                    f"{number}: section")
            section = line[1:-1]
            yield number, section, None, None
            continue
        key, equals, value = line.partition("=")
        require(equals, "bad-registry", f"{number}: neither section nor key")
        yield number, section, key.strip(" \t"), value.strip(" \t")


def _hex(value, size, number):
    try:
        raw = bytes.fromhex(value) if set(value) <= set("0123456789abcdef") else b""
    except ValueError:
        raw = b""
    require(len(raw) == size, "bad-registry", f"{number}: {2 * size} hex digits wanted")
    return raw


def _integer(value, low, high, number):
    require(value.isascii() and value.isdigit() and low <= int(value) <= high, "bad-registry",
            f"{number}: {low} to {high}")
    return int(value)


def _time(value, number):
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            time = datetime.datetime.strptime(value, form)
        except ValueError:
            continue
        if time.strftime(form) == value:
            return int(time.replace(tzinfo=datetime.timezone.utc).timestamp())
    raise Refused("bad-registry", f"{number}: no date")


def _word(value, words, number):
    require(value in words, "bad-registry", f"{number}: one of {words}")
    return value


def _names(value, number):
    names = value.split()
    require(names and all(suite.valid_name(name) for name in names), "bad-registry",
            f"{number}: names")
    return names


_party = {"public": lambda v, n: _hex(v, 32, n), "expires": _time, "suspended": _time}
SCHEMA = {
    "registry": ({"format": lambda v, n: _integer(v, 1, 1, n),
                  "name": lambda v, n: _names(v, n)[0],
                  "version": lambda v, n: _integer(v, 1, 2**63 - 1, n),
                  "issued": _time, "expires": _time}, ()),
    "person": (_party, ("expires", "suspended")),
    "sender": (_party, ("expires", "suspended")),
    "receiver": (_party, ("expires", "suspended")),
    "recipient": ({**_party, "psk": lambda v, n: _hex(v, 32, n)}, ("expires", "suspended")),
    "route": ({"id": lambda v, n: _integer(v, 1, 65535, n), "recipients": _names,
               "operators": _names,
               "format": lambda v, n: _word(v, ("csv", "lines", "opaque"), n),
               "records": lambda v, n: _word(v, ("required", "waived"), n),
               "destroy_after_days": lambda v, n: _integer(v, 1, 1825, n),
               "priority": lambda v, n: _integer(v, 1, 9, n),
               "expires": _time, "suspended": _time}, ("expires", "suspended")),
    "root": ({"public": lambda v, n: _hex(v, 32, n)}, ()),
    "roots": ({"quorum": lambda v, n: _integer(v, 1, 16, n)}, ()),
}
LISTS = ("recipients", "operators")


def _parse(text, kinds):
    """{(kind, name): {key: value}} by the schema."""
    found, current = {}, None
    for number, section, key, value in _lines(text):
        kind, blank, name = section.partition(" ")
        if key is None:
            require(kind in kinds and (bool(blank) == (kind not in ("registry", "roots"))),
                    "bad-registry", f"{number}: unknown section")
            require(not blank or suite.valid_name(name), "bad-registry", f"{number}: name")
            require((kind, name) not in found, "bad-registry", f"{number}: section twice")
            current = found[(kind, name)] = {}
            continue
        require(current is not None, "bad-registry", f"{number}: key before any section")
        require(key in SCHEMA[kind][0], "bad-registry", f"{number}: unknown key")
        if key in LISTS:
            current[key] = current.get(key, []) + SCHEMA[kind][0][key](value, number)
        else:
            require(key not in current, "bad-registry", f"{number}: key twice")
            current[key] = SCHEMA[kind][0][key](value, number)
    for (kind, name), keys in found.items():
        missing = set(SCHEMA[kind][0]) - set(SCHEMA[kind][1]) - set(keys)
        require(not missing, "bad-registry", f"[{kind} {name}] lacks {sorted(missing)}")
    return found


class Roots:
    def __init__(self, text):
        found = _parse(text, ("root", "roots"))
        require(("roots", "") in found, "bad-registry", "no [roots]")
        self.cards = [Card("root", name, keys["public"])
                      for (kind, name), keys in found.items() if kind == "root"]
        require(len({card.id for card in self.cards}) == len(self.cards) <= 16, "bad-registry")
        self.quorum = found[("roots", "")]["quorum"]
        require(self.quorum <= len(self.cards), "bad-registry", "quorum above the cards")


def _split(text):
    """What is signed, and the lines of the signatures."""
    if text.startswith(b"[signatures]"):
        return b"", text
    at = text.find(b"\n[signatures]")
    return (text, b"") if at < 0 else (text[:at + 1], text[at + 1:])


def sign(text, roots):
    signed, _ = _split(text)
    lines = [f"{root.name} = {root.id.hex()} {suite.sign('weir1 registry', signed, root.secret).hex()}\n"
             for root in roots]
    return signed + b"[signatures]\n" + "".join(lines).encode()


def check_signatures(text, roots):
    signed, tail = _split(text)
    good, names = set(), set()
    for number, section, name, value in _lines(tail, signed.count(b"\n") + 1):
        require(section == "signatures", "bad-registry", f"{number}: behind the signatures")
        if name is None:
            continue
        words = value.split()
        require(len(words) == 2 and name not in names, "bad-registry", f"{number}: signature")
        key_id, signature = _hex(words[0], 16, number), _hex(words[1], 64, number)
        names.add(name)
        for card in roots.cards:
            if card.id == key_id and card.name == name:
                require(suite.verify("weir1 registry", signed, signature, card.public),
                        "bad-signature", str(number))
                good.add(key_id)
    require(len(names) <= 16, "bad-registry", "signatures")
    require(len(good) >= roots.quorum, "too-few-signatures")
    return signed


class Registry:
    def __init__(self, text, roots):
        require(len(text) <= BYTES_MAX, "bad-registry", "longer than 4 MiB")
        self.text = text
        self.found = found = _parse(check_signatures(text, roots), tuple(LIMITS) + ("registry",))
        require(("registry", "") in found, "bad-registry", "no [registry]")
        own = found[("registry", "")]
        self.version, self.expires = own["version"], own["expires"]
        last = own["issued"] + 1827 * 86400
        require(all(keys.get("expires", 0) <= last for keys in found.values()), "bad-registry",
                "expires more than five years after issued")
        self.cards = {}
        for (kind, name), keys in found.items():
            if kind in KINDS:
                self.cards[(kind, name)] = Card(kind, name, keys["public"])
        publics = [card.public for card in self.cards.values()]
        require(len(set(publics)) == len(publics), "bad-registry", "one public key, two names")
        for kind, most in LIMITS.items():
            require(sum(k == kind for k, _ in found) <= most, "bad-registry", f"too many {kind}")
        self._check_routes()

    def _check_routes(self):
        ids = set()
        for (kind, name), keys in self.found.items():
            if kind != "route":
                continue
            require(keys["id"] not in ids, "bad-registry", f"route {name}: id twice")
            ids.add(keys["id"])
            for role, list_name in (("recipient", "recipients"), ("person", "operators")):
                names = keys[list_name]
                require(len(set(names)) == len(names), "bad-registry", f"route {name}: name twice")
                require(all((role, each) in self.found for each in names), "bad-registry",
                        f"route {name}: unknown {role}")
            require(len(keys["recipients"]) <= 128, "bad-registry", f"route {name}: recipients")

    def card(self, kind, name, key_id):
        card = self.cards.get((kind, name))
        require(card is not None and card.id == key_id, "unknown-key")
        return card

    def by_key(self, kind, key_id):
        for (card_kind, _), card in self.cards.items():
            if card_kind == kind and card.id == key_id:
                return card
        raise Refused("unknown-key")

    def judge(self, kind, name, time):
        keys = self.found[(kind, name)]
        require(time <= keys.get("expires", self.expires), "expired", f"{kind} {name}")
        require(time <= keys.get("suspended", time), "suspended", f"{kind} {name}")
        return keys
