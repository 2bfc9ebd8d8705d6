"""The fixed keys, roots, registry and helpers that all vectors share."""

import datetime
import hashlib
import os
import sys
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "independent"))

import bundle  # noqa: E402
import endorsement  # noqa: E402
import link  # noqa: E402
import registry  # noqa: E402
import rsa  # noqa: E402
import suite  # noqa: E402

PASSPHRASE = b"correct horse battery staple"
EPOCH = 0x0123456789abcdef


def time(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


CREATED, RELEASED, DESTROY = time("2026-06-01T08:00:00"), time("2026-06-01T08:00:05"), time("2026-07-01")


def fixed(label, size=32):
    """Bytes that anybody can make again: BLAKE2b of the label."""
    return hashlib.blake2b(b"weir test vector " + label.encode(), digest_size=size).digest()


def key(kind, name):
    return registry.Key(kind, name, fixed(f"{kind} {name}"))


OFFICERS_MORE = [f"officer-{i}" for i in range(12)]
class RsaKey:
    """A person's key in a token; the primes are made from words as all keys are."""

    def __init__(self, name, words):
        p, q = (self._prime(f"{words} {letter}") for letter in "pq")
        self.name, self.p, self.n = name, p, p * q
        self.modulus = self.n.to_bytes(rsa.BYTES, "big")
        self.d = pow(rsa.EXPONENT, -1, (p - 1) * (q - 1))
        self.id = registry.Card("person", name, rsa.public(self.modulus)).id

    @staticmethod
    def _prime(label):
        """The first prime of 1,024 bits behind a fixed number that suits the exponent."""
        small = [p for p in range(3, 2000) if all(p % q for q in range(2, p))]
        candidate = int.from_bytes(b"".join(fixed(f"{label} {i}") for i in range(4)), "big")
        candidate |= 3 << 1022 | 1
        while (any(candidate % p == 0 for p in small) or candidate % rsa.EXPONENT == 1
               or any(pow(a, candidate - 1, candidate) != 1 for a in (2, 3, 5, 7))):
            candidate += 2
        return candidate

    def raw(self, block):
        return pow(int.from_bytes(block, "big"), self.d, self.n)

    def sign(self, domain, data):
        message = domain.encode().ljust(16, b"\0") + data
        return self.raw(rsa.encode(message)).to_bytes(rsa.BYTES, "big")


RSA_OFFICER = RsaKey("lo-token", "token")
ROOTS = [key("root", f"root-{i}") for i in (1, 2, 3)]
PEOPLE = {name: key("person", name)
          for name in ("wang-mei", "lee-hao", "chen-old", "wu-stop", "lin-guest", "stranger")}
# Who releases; ou-old and ma-stop did once.
OFFICERS = {name: key("person", name)
            for name in ("tseng-yu", "kuo-an", "hsu-li", "ou-old", "ma-stop", *OFFICERS_MORE)}
SENDERS = {name: key("sender", name) for name in ("inside-1", "inside-old", "inside-stop", "stranger")}
RECEIVER = key("receiver", "outside-1")
RECIPIENTS = {name: key("recipient", name) for name in ("tax-agency", "census", "audit")}
PSKS = {name: key("psk", name) for name in RECIPIENTS}
LINK = key("link", "l1")
MACHINE = key("machine", "nightly")
MACHINES = {name: key("machine", name) for name in ("batch", "batch-stop", "stranger")}
TAG_KEY = link.tag_key(LINK.secret)


def section(kind, name, *lines):
    return "".join(f"{line}\n" for line in (f"[{kind} {name}]".replace(" ]", "]"), *lines)) + "\n"


def party(kind, each, *lines):
    return section(kind, each.name, f"public = {each.public.hex()}", *lines)


def route(name, number, *lines, recipients="tax-agency",
          operators="wang-mei lee-hao chen-old wu-stop", form="csv"):
    return section("route", name, f"id = {number}", f"recipients = {recipients}",
                   f"operators = {operators}", f"format = {form}", "records = required",
                   "destroy_after_days = 30", "priority = 4", *lines)


def registry_text(extra=""):
    """Everything but the signatures."""
    text = section("registry", "", "format = 1", "name = moi", "version = 7",
                   "issued = 2026-01-01", "expires = 2027-01-01")
    gone = {"chen-old": "expires = 2026-03-01", "wu-stop": "suspended = 2026-03-01T12:00:00Z",
            "inside-old": "expires = 2026-03-01", "inside-stop": "suspended = 2026-03-01",
            "ou-old": "expires = 2026-03-01", "ma-stop": "suspended = 2026-03-01",
            "batch-stop": "suspended = 2026-03-01"}
    for kind, parties in (("person", PEOPLE), ("sender", SENDERS)):
        for name, each in parties.items():
            if name != "stranger":
                text += party(kind, each, *(["roles = operator officer"] if kind == "person" else []),
                              *([gone[name]] if name in gone else []))
    text += party("receiver", RECEIVER)
    for name, each in RECIPIENTS.items():
        text += party("recipient", each, f"psk = {PSKS[name].public.hex()}")
    text += route("tax", 1) + route("old", 2, "expires = 2026-03-01")
    text += route("stopped", 3, "suspended = 2026-03-01")
    text += route("all", 4, recipients="tax-agency census audit")
    return text + extra + release_text(gone)


def release_text(gone):
    """Who releases, on which routes, and by which rules."""
    text = ""
    for name, each in OFFICERS.items():
        text += party("person", each, "roles = operator officer", f"reading = {each.second.hex()}",
                      *([gone[name]] if name in gone else []))
    digits = RSA_OFFICER.modulus.hex()
    text += section("person", RSA_OFFICER.name, *(f"rsa = {digits[at:at + 128]}" for at in range(0, 512, 128)),
                    f"reading = {fixed('reading of lo-token').hex()}", "roles = operator officer")
    for name, each in MACHINES.items():
        if name != "stranger":
            text += party("machine", each, *([gone[name]] if name in gone else []))
    officers = [f"officers = {name}" for name in (*OFFICERS, RSA_OFFICER.name)]
    text += route("dual", 5, *officers, "quorum = 2", operators="wang-mei tseng-yu lo-token")
    text += route("own", 6, *officers, "quorum = 1", "pusher_may_approve = yes",
                  operators="wang-mei tseng-yu")
    text += route("ruled", 7, "policy = scanned", operators="wang-mei")
    text += route("watched", 8, "policy = plain", operators="wang-mei")
    text += route("unread", 9, "needs = legal", operators="wang-mei")
    text += section("policy", "scanned", "version = 3", "scan = required")
    return text + section("policy", "plain", "version = 5", "encoding = utf-8")


def roots_text(roots=None, quorum=2):
    return "".join(root.card.text() + "\n" for root in roots or ROOTS) + f"[roots]\nquorum = {quorum}\n"


ROOTS_TEXT = roots_text().encode()
REGISTRY_TEXT = registry.sign(registry_text().encode(), ROOTS[:2])
REGISTRY = registry.Registry(REGISTRY_TEXT, registry.Roots(ROOTS_TEXT))


def statement(**changes):
    s = dict(push_id=fixed("push id", 16), route="tax", person="wang-mei",
             person_key=PEOPLE["wang-mei"].id, registry_version=7, created=CREATED,
             destroy_by=DESTROY, segments=3, manifest_segments=1, root=fixed("root"),
             manifest_digest=fixed("manifest digest"), policy_version=0, content_rules=0, scan=0)
    s.update(changes)
    return SimpleNamespace(**s)


def geometry_for(object_len, **changes):
    """The sender's choice for a small object."""
    row_len = max(-(-object_len // 128 // 4096) * 4096, 4096)
    return dict(dict(row_len=row_len, k=-(-object_len // row_len), r=3), **changes)


ROUTE_IDS = {"tax": 1, "old": 2, "stopped": 3, "all": 4, "dual": 5, "own": 6, "ruled": 7, "watched": 8,
             "unread": 9}


def release(s=None, signer="wang-mei", box="inside-1", box_signer=None, approvals=(), endorsements=None,
            count=None, **changes):
    """A release segment: the push by `signer`, and approvals by these officers."""
    s = s or statement()
    raw = bundle.encode_statement(s)
    r = dict(route_id=ROUTE_IDS.get(s.route, 1), epoch=EPOCH, number=123, released_at=RELEASED, box=box,
             box_key=SENDERS[box_signer or box].id)
    r.update(geometry_for((s.segments + 1) * suite.SEGMENT))
    r.update(changes)
    if endorsements is None:
        endorsements = [endorsement.encode_push(raw, {**PEOPLE, **OFFICERS}[signer].secret)]
        endorsements += approvals_of(raw, *approvals)
    return bundle.encode_release(SimpleNamespace(**r), raw, endorsements,
                                 SENDERS[box_signer or box].secret, count)


def approvals_of(raw, *names, at=CREATED + 2):
    """By these officers, in their order in a release."""
    keys = sorted((OFFICERS[name] for name in names), key=lambda each: each.id)
    return [endorsement.encode_approval(raw, each, at) for each in keys]


def put(raw, at, value):
    """raw with the bytes (or the one byte) at this offset replaced."""
    value = bytes([value]) if isinstance(value, int) else value
    return raw[:at] + value + raw[at + len(value):]


def flip(raw, at):
    return put(raw, at, raw[at] ^ 1)


def le(value, size):
    return value.to_bytes(size, "little")


class Vectors:
    """Writes tests/vectors, after this reader has come to the verdict in the name."""

    def __init__(self, out):
        self.out, self.count = out, 0
        self.judged = {}

    def write(self, name, data, judge, content=None):
        """data is what the reader gets; content, when given, is what is stored (a recipe)."""
        wanted = os.path.basename(name).partition(".")[0].partition("--")[0]
        try:
            judge(data)
            got = "ok"
        except suite.Refused as refusal:
            got = refusal.verdict
        if got != wanted:
            raise SystemExit(f"{name}: the independent reader says {got}")
        path = os.path.join(self.out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            raise SystemExit(f"{name}: made twice")
        with open(path, "wb") as file:
            file.write(data if content is None else content)
        self.count += 1
        self.judged.setdefault(name.split("/")[0], set()).add(wanted)

    def recipe(self, name, base_name, base, data, judge):
        lines = [f"base {base_name}"]
        if len(data) < len(base):
            lines.append(f"length {len(data)}")
        at = 0
        while at < len(data):
            if at < len(base) and data[at] == base[at]:
                at += 1
                continue
            end, same = at + 1, 0
            while end < len(data) and same < 8 and end - at < 64:
                same = same + 1 if end < len(base) and data[end] == base[end] else 0
                end += 1
            lines.append(f"{at} {data[at:end - same].hex()}")
            at = end
        self.write(name, data, judge, "\n".join(lines).encode() + b"\n")
