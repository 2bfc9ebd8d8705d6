"""Who stands for a bundle, and whether that is enough: BUNDLE.md 2, 3 and 3.1."""

import struct
from types import SimpleNamespace

import order
import suite
from registry import verify
from suite import name32, require

PUSH, PUSH_ORDER, APPROVAL, RELEASE_ORDER = 1, 2, 3, 4
BYTES_MAX, APPROVALS_MAX, SLACK_S = 15992, 16, 3600
ED25519, RSA_2048 = 1, 2
SIGNATURE_LEN = {ED25519: 64, RSA_2048: 256}


# ---- signatures

def encode_signature(raw, algorithm=ED25519):
    return struct.pack("<BBH", algorithm, 0, len(raw)) + raw


def read_signature(raw):
    """(algorithm, bytes), and what is left behind it."""
    require(len(raw) >= 4, "truncated", "signature")
    algorithm, reserved, length = struct.unpack_from("<BBH", raw)
    require(algorithm in SIGNATURE_LEN, "bad-type", "algorithm")
    require(reserved == 0, "bad-reserved", "signature")
    require(length == SIGNATURE_LEN[algorithm], "bad-length", "signature")
    require(len(raw) >= 4 + length, "truncated", "signature")
    return (algorithm, raw[4:4 + length]), raw[4 + length:]


# ---- records

def record(kind, body, reserved=0, length=None):
    return struct.pack("<BBH", kind, reserved, 4 + len(body) if length is None else length) + body


def encode_push(statement_raw, seed, domain="weir1 push"):
    return record(PUSH, encode_signature(suite.sign(domain, statement_raw, seed)))


def decision(statement_raw, name, key_id, at):
    return statement_raw + name32(name) + key_id + struct.pack("<Q", at)


def encode_approval(statement_raw, key, at, domain="weir1 approve", signer=None):
    """The officer's key; signer, another key that signs in their name."""
    signed = decision(statement_raw, key.name, key.id, at)
    signature = suite.sign(domain, signed, (signer or key).secret)
    return record(APPROVAL, name32(key.name) + key.id + struct.pack("<Q", at)
                  + encode_signature(signature))


def _read_body(kind, body):
    e = SimpleNamespace(kind=kind, order=b"")
    if kind == APPROVAL:
        require(len(body) >= 56, "truncated", "approval")
        e.key_id, e.at = body[32:48], struct.unpack_from("<Q", body, 48)[0]
        e.name, body = suite.read_name32(body[:32]), body[56:]
    if kind != RELEASE_ORDER:
        e.signature, body = read_signature(body)
    if kind in (PUSH_ORDER, RELEASE_ORDER):
        require(body, "truncated", "order")
        e.order, body = body, b""
    require(not body, "trailing-bytes", "endorsement")
    return e


def read_endorsements(raw, count):
    require(count > 0, "bad-limit", "no endorsement")
    require(len(raw) <= BYTES_MAX, "bad-limit", "endorsements")
    out = []
    for i in range(count):
        require(len(raw) >= 4, "truncated", "endorsement")
        kind, reserved, length = struct.unpack_from("<BBH", raw)
        require(PUSH <= kind <= RELEASE_ORDER, "bad-type", "endorsement")
        require(reserved == 0, "bad-reserved", "endorsement")
        require(length >= 4, "bad-length", "endorsement")
        require(len(raw) >= length, "truncated", "endorsement")
        e, raw = _read_body(kind, raw[4:length]), raw[length:]
        require((e.kind in (PUSH, PUSH_ORDER)) == (i == 0), "bad-order", "push")
        require(not out or out[-1].kind != RELEASE_ORDER, "bad-order", "behind the order")
        require(e.kind != APPROVAL or out[-1].kind != APPROVAL or out[-1].key_id < e.key_id,
                "bad-order", "approvals")
        out.append(e)
    require(not raw, "trailing-bytes", "endorsements")
    require(sum(e.kind == APPROVAL for e in out) <= APPROVALS_MAX, "bad-limit", "approvals")
    return out


# ---- judgement

def _check_policy(s, route, registry):
    rules = registry.found.get(("policy", route.get("policy")), {})
    version = rules.get("version", 0)
    require(s.policy_version == 0 or s.content_rules == 1, "wrong-policy", "content rules")
    if s.registry_version < registry.version and s.policy_version < version:
        return
    require(s.policy_version == version, "wrong-policy")
    require(rules.get("scan") != "required" or s.scan == 1, "wrong-policy", "scan")


def _check_approval(s, statement_raw, e, route, registry, at):
    registry.card("person", e.name, e.key_id)
    require(e.name in route.get("officers", ()), "not-allowed", "officer")
    keys = registry.judge("person", e.name, at)
    require(s.created - SLACK_S <= e.at <= at + SLACK_S, "bad-time", "approval")
    require(e.name != s.person or route.get("pusher_may_approve") == "yes", "own-push")
    verify("weir1 approve", decision(statement_raw, e.name, e.key_id, e.at), e.signature, keys)


def _check_push_order(s, statement_raw, e, registry, at):
    o = order.read(e.order)
    require(o.kind == 1 and o.route == s.route
            and [(each.name, each.key_id) for each in o.signers] == [(s.person, s.person_key)],
            "not-allowed", "order")
    order.check(o, registry, s.created, s.policy_version)
    keys = registry.judge("machine", o.machine.name, at)
    verify("weir1 push", statement_raw, e.signature, keys)
    require(order.is_open(o, s.created), "beyond-order")


def _check_release_order(s, e, route, registry, at, box_key):
    o = order.read(e.order)
    require(o.kind == 2 and o.route == s.route and o.machine.id == box_key, "not-allowed", "order")
    order.check(o, registry, at, s.policy_version)
    count = sum(each.key_id != s.person_key or route.get("pusher_may_approve") == "yes"
                for each in o.signers)
    require(count >= max(route.get("quorum", 0), 1), "too-few-approvals", "order")
    require(order.is_open(o, at), "beyond-order")


def check(s, statement_raw, endorsements, registry, at, box_key):
    """Push and approvals of a statement, at the time of its release.  Gives the route."""
    require(s.registry_version <= registry.version, "older-registry")
    require(at <= registry.expires, "expired", "registry")
    require(("route", s.route) in registry.found, "unknown-route")
    route = registry.judge("route", s.route, at)
    kind = registry.pusher_kind(s.person, s.person_key)
    person = registry.judge(kind, s.person, at)
    allowed = kind == "sender" if s.route == "ledger" else kind == "person" and s.person in route["operators"]
    require(allowed, "not-allowed")
    if endorsements[0].kind == PUSH:
        verify("weir1 push", statement_raw, endorsements[0].signature, person)
    else:
        _check_push_order(s, statement_raw, endorsements[0], registry, at)
    _check_policy(s, route, registry)
    approvals = [e for e in endorsements if e.kind == APPROVAL]
    for e in approvals:
        _check_approval(s, statement_raw, e, route, registry, at)
    ordered = endorsements[-1].kind == RELEASE_ORDER
    if ordered:
        _check_release_order(s, endorsements[-1], route, registry, at, box_key)
    require(ordered or len(approvals) >= route.get("quorum", 0), "too-few-approvals")
    return route
