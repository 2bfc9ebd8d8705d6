"""Standing orders: ORDER.md."""

import struct
from types import SimpleNamespace

import registry
import suite
from suite import begins, name32, require

ORDER = struct.Struct("<8sHHBBH16s32sQQQHHB3sQQII32s16s32s")
SIGNER = struct.Struct("<32s16sQ")
SIGNATURE = struct.Struct("<BBH")
MACHINES = {1: "machine", 2: "sender"}
LENGTHS = {1: 64, 2: 256}
DAY = 86400


def encode(o, signers=()):
    """signers: (name, key id, signed at, encoded signature), as they shall stand."""
    raw = ORDER.pack(b"WEIRORDR", 1, 1, o.kind, len(signers), 0, o.id, name32(o.route),
                     o.policy_version, o.not_before, o.not_after, o.window_start, o.window_len,
                     o.weekdays, b"", o.max_bytes, o.max_records, o.max_pushes, 0,
                     name32(o.machine.name), o.machine.id, o.machine.public)
    return raw + b"".join(SIGNER.pack(name32(name), key_id, at) + signature
                          for name, key_id, at, signature in signers)


def sign_input(raw, signer):
    """raw begins with the order; signer is the 56 bytes of name, key id and signed at."""
    return raw[:13] + b"\0" + raw[14:ORDER.size] + signer


def sign(raw, key, at, name=None):
    """A signer as encode takes it."""
    signer = SIGNER.pack(name32(name or key.name), key.id, at)
    signature = suite.sign("weir1 order", sign_input(raw, signer), key.secret)
    return name or key.name, key.id, at, SIGNATURE.pack(1, 0, 64) + signature


def read(raw):
    require(len(raw) < 8 or raw[:8] == b"WEIRORDR", "bad-magic")
    require(len(raw) >= ORDER.size, "truncated")
    begins(raw, b"WEIRORDR")
    o = SimpleNamespace(raw=raw)
    (_, _, _, o.kind, count, reserved, o.id, route, o.policy_version, o.not_before, o.not_after,
     o.window_start, o.window_len, o.weekdays, reserved_2, o.max_bytes, o.max_records, o.max_pushes,
     reserved_3, name, key_id, public) = ORDER.unpack_from(raw)
    require(o.kind in MACHINES, "bad-type")
    require(count <= {1: 1, 2: 16}[o.kind], "bad-limit", "signers")
    require(reserved == 0 and suite.zeros(reserved_2) and reserved_3 == 0, "bad-reserved")
    o.route = suite.read_name32(route)
    o.machine = registry.Card(MACHINES[o.kind], suite.read_name32(name), public)
    require(o.not_after > o.not_before, "bad-time")
    require(not suite.zeros(o.id) and o.policy_version < 2**63
            and o.not_after - o.not_before <= 2592000, "bad-limit")
    require(o.window_start <= 1439 and 1 <= o.window_len <= 1440 and 1 <= o.weekdays <= 127,
            "bad-limit")
    require(1 <= o.max_bytes <= 2**46 and 1 <= o.max_records <= 2**46 and 1 <= o.max_pushes <= 1440,
            "bad-limit")
    require(o.machine.id == key_id, "wrong-key")
    at, o.signers = ORDER.size, []
    for _ in range(count):
        signer, at = _read_signer(o, raw, at)
        o.signers.append(signer)
    require(at == len(raw), "trailing-bytes")
    return o


def _read_signer(o, raw, at):
    require(len(raw) >= at + SIGNER.size, "truncated")
    s = SimpleNamespace(raw=raw[at:at + SIGNER.size])
    name, s.key_id, s.signed_at = SIGNER.unpack(s.raw)
    s.name = suite.read_name32(name)
    require(s.signed_at <= o.not_after, "bad-time", "signed later")
    require(s.signed_at >= o.not_before - 30 * DAY, "bad-time", "signed long before")
    require(not o.signers or o.signers[-1].key_id < s.key_id, "bad-order")
    at += SIGNER.size
    require(len(raw) >= at + SIGNATURE.size, "truncated")
    s.algorithm, reserved, length = SIGNATURE.unpack_from(raw, at)
    require(s.algorithm in LENGTHS, "bad-type")
    require(reserved == 0, "bad-reserved")
    require(LENGTHS[s.algorithm] == length, "bad-length")
    at += SIGNATURE.size
    require(len(raw) >= at + length, "truncated")
    s.signature = raw[at:at + length]
    return s, at + length


def check(o, known, at, policy=None):
    """Section 4, by a registry; policy: the version that a bundle was made under."""
    require(("route", o.route) in known.found, "unknown-route")
    require(at <= known.expires, "expired", "registry")
    route = known.judge("route", o.route, at)
    require(at >= o.not_before, "bad-time")
    require(at <= o.not_after, "expired")
    if policy is None:
        policy = known.found[("policy", route["policy"])]["version"] if "policy" in route else 0
    require(o.policy_version == policy, "wrong-policy")
    known.card(o.machine.kind, o.machine.name, o.machine.id)
    known.judge(o.machine.kind, o.machine.name, at)
    for s in o.signers:
        known.card("person", s.name, s.key_id)
        keys = known.judge("person", s.name, at)
        require(s.name in route["operators" if o.kind == 1 else "officers"], "not-allowed")
        registry.verify("weir1 order", sign_input(o.raw, s.raw), (s.algorithm, s.signature), keys)
        require(s.signed_at <= at, "bad-time", "signed later")
    needed = max(route.get("quorum", 0), 1) if o.kind == 2 else 1
    require(len(o.signers) >= needed, "too-few-approvals")


def is_open(o, at):
    """Whether some window that opened on this or an earlier day is open."""
    day = at // DAY
    for start in (day - 1, day):
        opens = start * DAY + o.window_start * 60
        if o.weekdays >> (start + 3) % 7 & 1 and opens <= at < opens + o.window_len * 60:
            return True
    return False


def cover(o, at, size, records, pushes_today):
    """Section 5."""
    require(is_open(o, at), "beyond-order", "window")
    require(size <= o.max_bytes and records <= o.max_records and pushes_today < o.max_pushes,
            "beyond-order")
