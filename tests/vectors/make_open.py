"""Vectors of open bundles, which carry a registry across the link: BUNDLE.md 9."""

import bundle
import endorsement
import openbundle
import registry
import suite
from suite import SEGMENT
from world import (PEOPLE, REGISTRY, ROOTS, ROOTS_TEXT, SENDERS, OFFICERS, approvals_of, fixed, flip, put,
                   registry_text, release, statement)

FOLDERS = ("open",)
BOX = SENDERS["inside-1"]


def text_of(version, roots=ROOTS[:2]):
    text = registry_text().replace("version = 7", f"version = {version}", 1)
    return registry.sign(text.encode(), roots)


NEWER = text_of(8)


def take(raw):
    """As a receiver does that uses version 7."""
    o = bundle.Object(raw)
    o.verify(REGISTRY)
    text = o.open_text()
    found = registry.Registry(text, registry.Roots(ROOTS_TEXT))
    suite.require(found.name == REGISTRY.name, "other-registry")
    suite.require(found.version > REGISTRY.version, "older-registry")
    return found


def make_object(text=NEWER, change_body=None, digest=None, changes=None, segments=None, **more):
    body = openbundle.encode(text, **more.pop("body", {}))
    if change_body:
        body = change_body(body)
    s = statement(route="registry", person=BOX.name, person_key=BOX.id, registry_version=0,
                  segments=segments or len(body) // SEGMENT, root=bundle.tree_root(body),
                  manifest_digest=digest or openbundle.digest(text))
    s.__dict__.update(changes or {})
    raw = bundle.encode_statement(s)
    more.setdefault("endorsements", [endorsement.encode_push(raw, BOX.secret)])
    if callable(more["endorsements"]):
        more["endorsements"] = more["endorsements"](raw)
    return bundle.encode_object(body, release(s, **{"route_id": 65535, **more}))


def make(vectors):
    base = make_object()
    vectors.write("open/ok.bin", base, take)

    def write(name, raw):
        vectors.recipe(f"open/{name}.patch", "open/ok.bin", base, raw, take)

    _heads(write)
    _texts(write)
    _statements(write)
    write("bad-root--text", flip(base, 3 * SEGMENT))
    write("bad-signature--box", flip(base, SEGMENT - 9))
    write("truncated--inside-the-body", base[:-1])


def _heads(write):
    def at(offset, value):
        return make_object(change_body=lambda b: put(b, offset, value))

    write("bad-magic", at(0, b"WEIRHEAD"))
    write("unknown-version", at(8, 2))
    write("unknown-suite", at(10, 2))
    write("bad-type--kind-0", at(12, 0))
    write("bad-type--kind-2", at(12, 2))
    write("bad-reserved--14", at(14, 1))
    write("bad-reserved--behind-the-head", at(24, 1))
    write("bad-reserved--last-byte-of-the-head", at(SEGMENT - 1, 1))
    write("bad-limit--no-text", at(16, bytes(8)))
    write("bad-limit--text-of-4-mib-and-a-byte", at(16, suite.u64(4194305)))
    write("bad-limit--text-of-16-eib", at(16, b"\xff" * 8))
    write("bad-reserved--behind-the-text", at(SEGMENT + len(NEWER), 1))
    write("bad-reserved--last-byte", make_object(change_body=lambda b: b[:-1] + b"\1"))
    write("bad-digest", make_object(digest=fixed("another digest")))


def _texts(write):
    count = openbundle.segments_of(len(NEWER))
    write("bad-length--a-segment-more", make_object(body={"segments": count + 1}))
    write("bad-length--text-needs-more-segments",
          make_object(change_body=lambda b: put(b, 16, suite.u64(count * SEGMENT))))
    other = registry_text().replace("version = 7", "version = 8", 1).replace("name = ", "name = other-", 1)
    write("other-registry--of-another-name", make_object(registry.sign(other.encode(), ROOTS[:2])))
    write("older-registry--the-one-before", make_object(text_of(6)))
    write("too-few-signatures--one-root", make_object(text_of(8, ROOTS[:1])))
    write("bad-signature--root", make_object(NEWER.replace(b"priority = 4", b"priority = 3", 1)))
    write("bad-registry--text", make_object(registry.sign(b"[registry]\nformat = 2\n", ROOTS[:2])))


def _statements(write):
    write("wrong-route--id-of-another", make_object(route_id=1))
    write("wrong-route--sealed-route-under-the-reserved-id", make_object(
        changes={"route": "tax", "person": "wang-mei", "person_key": PEOPLE["wang-mei"].id,
                 "registry_version": 7},
        endorsements=lambda raw: [endorsement.encode_push(raw, PEOPLE["wang-mei"].secret)]))
    write("not-allowed--pushed-by-another-box",
          make_object(changes={"person": "inside-old", "person_key": SENDERS["inside-old"].id},
                      endorsements=lambda raw: [endorsement.encode_push(raw, SENDERS["inside-old"].secret)]))
    write("not-allowed--approved", make_object(endorsements=lambda raw: [
        endorsement.encode_push(raw, BOX.secret), *approvals_of(raw, next(iter(OFFICERS)))]))
    write("bad-signature--person", make_object(
        endorsements=lambda raw: [endorsement.encode_push(raw, PEOPLE["wang-mei"].secret)]))
    write("unknown-key--no-sender", make_object(changes={"person": "wang-mei"}))
    write("bad-limit--registry-version", make_object(changes={"registry_version": 7}))
    write("bad-limit--two-manifest-segments", make_object(changes={"manifest_segments": 2}))
    write("wrong-policy--version", make_object(changes={"policy_version": 3, "content_rules": 1}))
    write("wrong-policy--content-rules", make_object(changes={"content_rules": 1}))
    write("wrong-policy--scan", make_object(changes={"scan": 1}))
