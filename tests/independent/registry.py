"""Keys, key files, cards, roots and registries: REGISTRY.md."""

import datetime
import os
import re
import struct

import rsa
import suite
from suite import Refused, blake, name32, require

KINDS = ("", "root", "person", "sender", "receiver", "recipient", "link", "psk", "machine")
KEY_FILE = struct.Struct("<8sHHBBH32sII16s24s32s32s48s")
LIMITS = {"person": 4096, "machine": 1024, "sender": 16, "receiver": 16, "recipient": 1024,
          "route": 1024, "policy": 1024, "review": 4096}
ROLES = ("operator", "officer", "receiving-admin", "recipient", "auditor", "installer", "reviewer")
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


def second_secret(kind, secret):
    """Of what a person reads waiting bundles with, and a recipient signs receipts with."""
    return blake(32, "weir1 reading" if kind == "person" else "weir1 receipts", secret)


def second_of(kind, secret):
    if kind == "person":
        return suite.exchange_public(second_secret(kind, secret))
    return suite.sign_public(second_secret(kind, secret)) if kind == "recipient" else bytes(32)


def key_check(secret, header):
    """Behind an unprotected secret, so that no damage to the file passes."""
    return blake(16, "weir1 key check", secret, header)


class Key:
    def __init__(self, kind, name, secret=None):
        self.secret = secret or os.urandom(32)
        self.card = Card(kind, name, public_of(kind, self.secret))
        self.name, self.id, self.public = name, self.card.id, self.card.public
        self.second = second_of(kind, self.secret)

    def text(self):
        """Its card, with the second public key where there is one."""
        word = {"person": "reading", "recipient": "receipts"}.get(self.card.kind)
        return self.card.text() + (f"{word} = {self.second.hex()}\n" if word else "")

    def encode(self, passphrase=None, operations=1, memory_kib=8192, salt=None, nonce=None):
        front = [b"WEIRSKEY", 1, 1, KINDS.index(self.card.kind), passphrase is not None, 0,
                 name32(self.name)]
        if passphrase is None:
            raw = KEY_FILE.pack(*front, 0, 0, bytes(16), bytes(24), self.public,
                                self.second, b"")[:160]
            return raw + self.secret + key_check(self.secret, raw)
        salt, nonce = salt or os.urandom(16), nonce or os.urandom(24)
        front += [operations, memory_kib, salt, nonce, self.public, self.second]
        ad = KEY_FILE.pack(*front, b"")[:160]
        stretched = suite.argon2id(passphrase, salt, operations, memory_kib)
        return KEY_FILE.pack(*front, suite.seal(self.secret, ad, nonce, stretched))


def read_key(raw, passphrase=None):
    require(len(raw) >= 8 and raw[:8] == b"WEIRSKEY" or len(raw) < 8, "bad-magic")
    require(len(raw) >= KEY_FILE.size, "truncated")
    require(len(raw) == KEY_FILE.size, "trailing-bytes")
    (_, version, suite_id, kind, protection, reserved, name, operations, memory_kib, salt, nonce,
     public, second, sealed) = KEY_FILE.unpack(raw)
    require(version == 1, "unknown-version")
    require(suite_id == 1, "unknown-suite")
    require(1 <= kind <= 8 and protection <= 1, "bad-type")
    require(reserved == 0, "bad-reserved")
    name = suite.read_name32(name)
    require(KINDS[kind] in ("person", "recipient") or suite.zeros(second), "bad-reserved")
    if protection == 0:
        require(operations == 0 and memory_kib == 0, "bad-limit")
        require(suite.zeros(salt + nonce), "bad-reserved")
        secret = sealed[:32]
        require(key_check(secret, raw[:160]) == sealed[32:], "wrong-key")
    else:
        require(1 <= operations <= 16 and 8192 <= memory_kib <= 1048576, "bad-limit")
        require(passphrase is not None, "wrong-passphrase")
        stretched = suite.argon2id(passphrase, salt, operations, memory_kib)
        secret = suite.unseal(sealed, raw[:160], nonce, stretched)
        require(secret is not None, "wrong-passphrase")
    key = Key(KINDS[kind], name, secret)
    require(key.public == public and key.second == second, "wrong-key")
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


def _label(value, number):
    require(len(value.encode()) <= 127, "bad-registry", f"{number}: longer than 127 bytes")
    return value


def _size(value, number):
    unit = value.lstrip("0123456789")
    digits = value[:len(value) - len(unit)]
    shift = {"": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}.get(unit.strip(" \t"))
    require(shift is not None, "bad-registry", f"{number}: unit")
    return _integer(digits, 1, (2**63 - 1) >> shift, number) << shift


def _expect(value, number):
    require(value == "none" or re.fullmatch("daily ([01][0-9]|2[0-3]):[0-5][0-9]", value),
            "bad-registry", f"{number}: expect")
    return value


def _hex_chunk(value, number):
    require(value and set(value) <= set("0123456789abcdef"), "bad-registry", f"{number}: hex")
    return [value]


def _deny(value, number):
    column, _, pattern = value.replace("\t", " ", 1).partition(" ")
    require(pattern.strip(" \t"), "bad-registry", f"{number}: deny")
    return [(column, pattern.strip(" \t"))]


def _of(words):
    return lambda value, number: _word(value, words, number)


def _number(low, high):
    return lambda value, number: _integer(value, low, high, number)


def _words(value, number):
    return value.split()


def _key32(value, number):
    return _hex(value, 32, number)


def _second(value, number):
    require(_hex(value, 32, number) != bytes(32), "bad-registry", f"{number}: zero")
    return _hex(value, 32, number)


U63 = _number(1, 2**63 - 1)
LIFE = {"expires": _time, "suspended": _time}
BOX = ({"public": _key32}, LIFE)
# What a section must have, and what it may have.
SCHEMA = {
    "registry": ({"format": _number(1, 1), "name": lambda v, n: _names(v, n)[0], "version": U63,
                  "issued": _time, "expires": _time}, {}),
    "person": ({"roles": lambda v, n: [_word(each, ROLES, n) for each in v.split()]},
               {"public": _key32, "rsa": _hex_chunk, "reading": _second, "office": _label, **LIFE}),
    "machine": BOX,
    "sender": BOX,
    "receiver": BOX,
    "recipient": ({"public": _key32, "psk": _key32}, {"receipts": _second, **LIFE}),
    "route": ({"id": _number(1, 65534), "recipients": _names,
               "format": _of(("csv", "lines", "json", "fixed", "opaque")),
               "records": _of(("required", "waived")), "destroy_after_days": _number(1, 1825),
               "priority": _number(1, 9)},
              {"operators": _names, "officers": _names, "quorum": _number(0, 16),
               "pusher_may_approve": _of(("yes", "no")),
               "policy": lambda v, n: _names(v, n)[0], "max_records": U63, "max_bytes": _size,
               "max_records_a_day": U63, "max_bytes_a_day": _size, "authority": _label,
               "approval": _label, "data_class": _label, "expect": _expect, "needs": _names,
               **LIFE}),
    "policy": ({"version": U63},
               {"encoding": _of(("any", "utf-8", "big5", "cns11643")), "columns": _words,
                "widths": lambda v, n: [_integer(each, 1, 65535, n) for each in v.split()],
                "unique": _words, "identity": _words, "refuse_identity": _of(("yes", "no")),
                "deny": _deny, "control": _of(("required", "none")),
                "scan": _of(("required", "none"))}),
    "review": ({"route": lambda v, n: _names(v, n)[0], "office": lambda v, n: _names(v, n)[0],
                "person": lambda v, n: _names(v, n)[0], "date": _time, "signature": _hex_chunk},
               {}),
    "root": ({"public": _key32}, {}),
    "roots": ({"quorum": _number(1, 16)}, {}),
}
LISTS = {"recipients": 128, "operators": 4096, "officers": 64, "needs": 8, "roles": 7, "columns": 256,
         "widths": 256, "unique": 256, "identity": 256, "deny": 256, "rsa": 4, "signature": 4}


def _parse(text, kinds):
    """{(kind, name): {key: value}} by the schema; "" is the section's text, as reviews sign it."""
    found, current = {}, None
    for number, section, key, value in _lines(text):
        kind, blank, name = section.partition(" ")
        if key is None:
            require(kind in kinds and (bool(blank) == (kind not in ("registry", "roots"))),
                    "bad-registry", f"{number}: unknown section")
            require(not blank or suite.valid_name(name), "bad-registry", f"{number}: name")
            require((kind, name) not in found, "bad-registry", f"{number}: section twice")
            current = found[(kind, name)] = {"": f"[{section}]\n"}
            continue
        require(current is not None, "bad-registry", f"{number}: key before any section")
        schema = {**SCHEMA[kind][0], **SCHEMA[kind][1]}
        require(key in schema, "bad-registry", f"{number}: unknown key")
        if key != "suspended":
            current[""] += f"{key} = {value}\n"
        if key in LISTS:
            current[key] = current.get(key, []) + schema[key](value, number)
            require(len(current[key]) <= LISTS[key], "bad-registry", f"{number}: list too long")
        else:
            require(key not in current, "bad-registry", f"{number}: key twice")
            current[key] = schema[key](value, number)
    for (kind, name), keys in found.items():
        missing = set(SCHEMA[kind][0]) - set(keys)
        require(not missing, "bad-registry", f"[{kind} {name}] lacks {sorted(missing)}")
        for key in ("roles", "needs", "columns", "unique", "identity"):
            require(len(set(keys.get(key, ()))) == len(keys.get(key, ())), "bad-registry",
                    f"[{kind} {name}]: twice in {key}")
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


def verify(domain, data, signature, keys):
    """signature: (algorithm, bytes); keys: the section of the person or machine."""
    algorithm, raw = signature
    if "rsa" in keys:
        require(algorithm == 2, "bad-signature", "algorithm")
        rsa.verify(domain, data, raw, bytes.fromhex("".join(keys["rsa"])))
    else:
        require(algorithm == 1 and suite.verify(domain, data, raw, keys["public"]), "bad-signature", domain)


def review_data(office, person, date, digest):
    return name32(office) + name32(person) + struct.pack("<Q", date) + digest


class Registry:
    def __init__(self, text, roots):
        require(len(text) <= BYTES_MAX, "bad-registry", "longer than 4 MiB")
        self.text = text
        self.found = found = _parse(check_signatures(text, roots), tuple(LIMITS) + ("registry",))
        require(("registry", "") in found, "bad-registry", "no [registry]")
        own = found[("registry", "")]
        self.name, self.version, self.expires = own["name"], own["version"], own["expires"]
        last = own["issued"] + 1827 * 86400
        require(all(keys.get("expires", 0) <= last for keys in found.values()), "bad-registry",
                "expires more than five years after issued")
        self.cards, publics = {}, []
        for (kind, name), keys in found.items():
            if kind in KINDS:
                self.cards[(kind, name)] = Card(kind, name, self._public(name, keys))
                publics.append(self.cards[(kind, name)].public)
                publics += [keys[second] for second in ("reading", "receipts") if second in keys]
        require(len(set(publics)) == len(publics), "bad-registry", "one public key, two names")
        for kind, most in LIMITS.items():
            require(sum(k == kind for k, _ in found) <= most, "bad-registry", f"too many {kind}")
        for name, keys in self._all("policy"):
            self._check_policy(name, keys)
        self._check_routes()
        self._check_reviews()

    def _all(self, kind):
        return [(name, keys) for (each, name), keys in self.found.items() if each == kind]

    def _public(self, name, keys):
        require(("public" in keys) != ("rsa" in keys), "bad-registry", f"{name}: public or rsa")
        if "public" in keys:
            return keys["public"]
        modulus = _hex("".join(keys["rsa"]), 256, name)
        require(modulus[0] & 128 and modulus[255] & 1, "bad-registry", f"{name}: modulus")
        return blake(32, "weir1 rsa", data=modulus)

    def _check_policy(self, name, keys):
        columns, widths = keys.get("columns", []), keys.get("widths", [])
        require("*" not in columns, "bad-registry", f"policy {name}: column *")
        require(not widths or len(widths) == len(columns), "bad-registry", f"policy {name}: widths")
        for column in keys.get("unique", []) + keys.get("identity", []):
            require(column in columns, "bad-registry", f"policy {name}: {column}")
        for column, _ in keys.get("deny", []):
            require(column == "*" or column in columns, "bad-registry", f"policy {name}: {column}")

    def _check_routes(self):
        require(("route", "registry") not in self.found, "bad-registry", "reserved")
        ids = set()
        for name, keys in self._all("route"):
            require(keys["id"] not in ids, "bad-registry", f"route {name}: id twice")
            ids.add(keys["id"])
            for kind, role, list_name in (("recipient", None, "recipients"),
                                          ("person", "operator", "operators"),
                                          ("person", "officer", "officers")):
                names = keys.get(list_name, [])
                require(len(set(names)) == len(names), "bad-registry", f"route {name}: name twice")
                for each in names:
                    require((kind, each) in self.found, "bad-registry", f"route {name}: {each}")
                    require(role is None or role in self.found[(kind, each)]["roles"],
                            "bad-registry", f"route {name}: {each} is no {role}")
            officers, quorum = keys.get("officers", []), keys.get("quorum", 0)
            require(name == "ledger" or keys.get("operators"), "bad-registry", f"route {name}: operators")
            require(name != "ledger" or (quorum == 0 and keys["format"] == "lines"), "bad-registry",
                    "the box's own route")
            require(("quorum" in keys or not officers) and quorum <= len(officers), "bad-registry",
                    f"route {name}: quorum")
            require(quorum == 0 or all("reading" in self.found[("person", each)]
                                       for each in officers), "bad-registry", f"route {name}: reading")
            self._check_fit(name, keys)

    def _check_fit(self, name, keys):
        policy, form = {}, keys["format"]
        if "policy" in keys:
            require(("policy", keys["policy"]) in self.found, "bad-registry", f"route {name}: policy")
            policy = self.found[("policy", keys["policy"])]
        require((form == "fixed") == ("widths" in policy), "bad-registry", f"route {name}: widths")
        require(form != "lines" or "columns" not in policy, "bad-registry", f"route {name}: columns")
        if form == "opaque" and policy:
            require(policy.get("scan") == "required" and policy.get("encoding", "any") == "any"
                    and policy.get("refuse_identity", "no") == "no"
                    and policy.get("control", "none") == "none"
                    and "columns" not in policy and "deny" not in policy, "bad-registry",
                    f"route {name}: more than scan")

    def _check_reviews(self):
        """self.reviews: {route: {office: whether the review is good}}"""
        self.reviews, people = {}, set()
        for name, keys in self._all("review"):
            route, office, person = keys["route"], keys["office"], keys["person"]
            require(("route", route) in self.found, "bad-registry", f"review {name}: route")
            require("reviewer" in self.found.get(("person", person), {}).get("roles", ()),
                    "bad-registry", f"review {name}: person")
            require(office not in self.reviews.get(route, {}) and (route, person) not in people,
                    "bad-registry", f"review {name}: twice")
            people.add((route, person))
            digits = "".join(keys["signature"])
            signature = _hex(digits, 256 if len(digits) == 512 else 64, name)
            self.reviews.setdefault(route, {})[office] = self._is_good(keys, signature)

    def route_digest(self, route):
        keys = self.found[("route", route)]
        text = keys[""] + (self.found[("policy", keys["policy"])][""] if "policy" in keys else "")
        return blake(32, "weir1 route", data=text.encode())

    def _is_good(self, keys, signature):
        person = self.found[("person", keys["person"])]
        data = review_data(keys["office"], keys["person"], keys["date"], self.route_digest(keys["route"]))
        try:
            self.judge("person", keys["person"], keys["date"])
            verify("weir1 review", data, (2 if len(signature) == 256 else 1, signature), person)
        except Refused:
            return False
        return True

    def is_reviewed(self, route):
        return all(self.reviews.get(route, {}).get(office)
                   for office in self.found[("route", route)].get("needs", []))

    def card(self, kind, name, key_id):
        card = self.cards.get((kind, name))
        require(card is not None and card.id == key_id, "unknown-key")
        return card

    def pusher_kind(self, name, key_id):
        """A person, or a sending box."""
        for kind in ("person", "sender"):
            card = self.cards.get((kind, name))
            if card is not None and card.id == key_id:
                return kind
        raise Refused("unknown-key")

    def by_key(self, kind, key_id):
        for (card_kind, _), card in self.cards.items():
            if card_kind == kind and card.id == key_id:
                return card
        raise Refused("unknown-key")

    def judge(self, kind, name, time):
        keys = self.found[(kind, name)]
        require(time <= keys.get("expires", self.expires), "expired", f"{kind} {name}")
        require(time < keys.get("suspended", time + 1), "suspended", f"{kind} {name}")
        require(kind != "route" or self.is_reviewed(name), "not-reviewed", f"route {name}")
        return keys
