"""Open bundles, which carry a registry: BUNDLE.md 9."""

import struct

import bundle  # which imports this
import endorsement
import suite
from suite import SEGMENT, blake, require

ROUTE, ROUTE_ID, TEXT_MAX = "registry", 65535, 4194304
HEAD = struct.Struct("<8sHHHHQ")


def digest(text):
    return blake(32, "weir1 open", data=text)


def segments_of(length):
    return max(3, bundle.padme(1 + -(-length // SEGMENT)))


def encode(text, kind=1, length=None, segments=None):
    """The body of this text."""
    head = HEAD.pack(b"WEIROPEN", 1, 1, kind, 0, len(text) if length is None else length)
    count = segments or segments_of(len(text))
    return (head.ljust(SEGMENT, b"\0") + text).ljust(count * SEGMENT, b"\0")


def read(body, s):
    suite.begins(body, b"WEIROPEN")
    _, _, _, kind, reserved, length = HEAD.unpack_from(body)
    require(kind == 1, "bad-type")
    require(reserved == 0, "bad-reserved")
    require(1 <= length <= TEXT_MAX, "bad-limit")
    require(suite.zeros(body[HEAD.size:SEGMENT]), "bad-reserved", "head")
    require(s.segments == segments_of(length), "bad-length")
    text, rest = body[SEGMENT:SEGMENT + length], body[SEGMENT + length:]
    require(suite.zeros(rest), "bad-reserved", "behind the text")
    require(digest(text) == s.manifest_digest, "bad-digest")
    return text


def check(r, registry):
    """Of a release whose box has signed it: route id, statement and push."""
    s = r.statement
    require(r.route_id == ROUTE_ID, "wrong-route")
    require(s.person_key == r.box_key, "not-allowed", "another box")
    require(s.policy_version == 0 and s.content_rules == 0 and s.scan == 0, "wrong-policy")
    require(s.registry_version == 0 and s.manifest_segments == 1
            and s.segments <= segments_of(TEXT_MAX), "bad-limit")
    require(len(r.endorsements) == 1 and r.endorsements[0].kind == endorsement.PUSH, "not-allowed")
    registry.card("sender", s.person, s.person_key)
    endorsement.verify("weir1 push", r.statement_raw, r.endorsements[0].signature,
                       registry.judge("sender", s.person, r.released_at))
