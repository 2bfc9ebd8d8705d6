"""Vectors of BUNDLE.md for its parts: statement, release, head, manifest, tree, pad."""

from types import SimpleNamespace

import bundle
import endorsement
import order
import suite
from suite import SEGMENT, blake, name32
from world import (CREATED, MACHINES, OFFICERS, OFFICERS_MORE, PEOPLE, PSKS, RECIPIENTS, REGISTRY,
                   RELEASED, RSA_OFFICER, SENDERS, approvals_of, fixed, flip, key, le, put, release, statement, time)

FOLDERS = ("statement", "release", "head", "manifest", "tree", "pad")
KEYS = bundle.file_keys(fixed("file key"))


def make(vectors):
    _statements(vectors)
    _releases(vectors)
    _heads(vectors)
    _manifests(vectors)
    _trees(vectors)


def _name32_faults(raw, at):
    yield "empty", put(raw, at, bytes(32))
    yield "capital", put(raw, at, b"T")
    yield "digit-first", put(raw, at, b"7")
    yield "underscore", put(raw, at + 1, b"_")
    yield "not-zero-filled", put(raw, at + 20, b"x")
    yield "of-32", put(raw, at, b"a" * 32)


def _statements(vectors):
    def write(name, raw):
        vectors.write(f"statement/{name}.bin", raw, bundle.read_statement)

    good = bundle.encode_statement(statement())
    write("ok", good)
    write("ok--largest", bundle.encode_statement(statement(segments=2**32 - 2, manifest_segments=8192)))
    write("ok--destroyed-at-once", bundle.encode_statement(statement(destroy_by=CREATED)))
    write("bad-magic", flip(good, 7))
    write("unknown-version", put(good, 8, le(2, 2)))
    write("unknown-version--0", put(good, 8, le(0, 2)))
    write("unknown-suite", put(good, 10, le(2, 2)))
    write("bad-reserved--12", put(good, 15, 1))
    write("bad-reserved--148", put(good, 148, 1))
    write("bad-reserved--226", put(good, 226, 1))
    write("bad-reserved--231", put(good, 231, 1))
    write("ok--under-a-policy", bundle.encode_statement(
        statement(policy_version=2**63 - 1, content_rules=1, scan=1)))
    write("bad-limit--policy-version-2-to-the-63", bundle.encode_statement(statement(policy_version=2**63)))
    write("bad-type--content-rules-2", put(good, 224, 2))
    write("bad-type--scan-2", put(good, 225, 2))
    for field, at in (("route", 32), ("person", 64)):
        for case, raw in _name32_faults(good, at):
            write(f"bad-name--{field}-{case}", raw)
    write("bad-time", bundle.encode_statement(statement(destroy_by=CREATED - 1)))
    for case, n, m in (("segments-2", 2, 1), ("segments-2-to-the-32-less-1", 2**32 - 1, 1),
                       ("segments-huge", 2**63, 1), ("no-manifest-segment", 3, 0),
                       ("manifest-segments-8193", 20000, 8193), ("no-content-segment", 9, 8),
                       ("manifest-above-all", 9, 10)):
        write(f"bad-limit--{case}",
              bundle.encode_statement(statement(segments=n, manifest_segments=m)))


def _releases(vectors):
    def judge(raw):
        bundle.check_release(bundle.read_release(raw), REGISTRY)

    good = release()
    vectors.write("release/ok.bin", good, judge)

    def write(name, raw):
        vectors.recipe(f"release/{name}.patch", "release/ok.bin", good, raw, judge)

    def resigned(name, raw):
        write(name, bundle.sign_release(raw, SENDERS["inside-1"].secret))

    write("ok--number-2-to-the-48-less-1", release(number=2**48 - 1))
    write("ok--older-registry-named", release(statement(registry_version=6)))
    resigned("bad-magic", flip(good, 0))
    resigned("unknown-version", put(good, 8, le(2, 2)))
    resigned("unknown-suite", put(good, 10, le(2, 2)))
    for at in (400, 401, suite.SEGMENT - 65):
        resigned(f"bad-reserved--{at}", put(good, at, 1))
    write("bad-limit--epoch-0", release(epoch=0))
    write("bad-limit--number-0", release(number=0))
    write("bad-limit--number-2-to-the-48", release(number=2**48))
    write("bad-time--released-before-created", release(released_at=CREATED - 1))
    for case, raw in _name32_faults(good, 48):
        resigned(f"bad-name--box-{case}", raw)
    write("bad-magic--statement", _restate(lambda s: flip(s, 0)))
    write("bad-reserved--statement", _restate(lambda s: put(s, 12, 1)))
    write("bad-limit--statement", release(statement(segments=9, manifest_segments=8)))
    write("bad-time--statement", release(statement(destroy_by=CREATED - 1)))
    _release_geometries(write)
    _release_judgements(write, good)
    _release_policies(write)
    _release_records(write)
    _release_approvals(write)
    _release_tokens(write)
    _release_orders(write)


def _restate(change):
    raw = change(bundle.encode_statement(statement()))
    push = endorsement.encode_push(raw, PEOPLE["wang-mei"].secret)
    return bundle.sign_release(put(release(), 96, raw + push), SENDERS["inside-1"].secret)


def _release_geometries(write):
    large = statement(segments=2**32 - 2)
    length = (2**32 - 1) * SEGMENT
    for case, s, shape in (
            ("row-length-0", None, dict(row_len=0)),
            ("row-length-4097", None, dict(row_len=4097)),
            ("row-length-above-the-largest", None, dict(row_len=8384512, k=1)),
            ("no-source-row", None, dict(k=0)), ("no-repair-row", None, dict(r=0)),
            ("rows-256", None, dict(row_len=4096, k=16, r=240)),
            ("a-source-row-too-many", None, dict(row_len=4096, k=17)),
            ("blocks-65536", large, dict(row_len=4096 * (length // 65536 // 4096), k=1))):
        write(f"bad-geometry--{case}", release(s, **shape))
    write("ok--one-row", release(row_len=65536, k=1, r=1))
    write("ok--rows-255", release(row_len=4096, k=16, r=239))
    write("ok--two-blocks", release(row_len=4096, k=15, r=3))
    write("ok--largest", release(large, row_len=8380416, k=239, r=16))


def _release_judgements(write, good):
    def by(name, **changes):
        return release(statement(person=name, person_key=PEOPLE[name].id, **changes), signer=name)

    write("ok--another-operator", by("lee-hao"))
    write("unknown-key--person", by("stranger"))
    write("unknown-key--person-with-the-key-of-another",
          release(statement(person_key=PEOPLE["lee-hao"].id), signer="lee-hao"))
    write("unknown-key--box", release(box="stranger"))
    write("unknown-key--box-with-the-key-of-another", release(box_signer="inside-old"))
    write("unknown-route", release(statement(route="nowhere")))
    write("wrong-route", release(route_id=2))
    write("not-allowed", by("lin-guest"))
    write("expired--person", by("chen-old"))
    write("expired--box", release(box="inside-old"))
    write("expired--route", release(statement(route="old"), route_id=2))
    write("expired--registry", release(released_at=time("2027-01-02")))
    write("suspended--person", by("wu-stop"))
    write("suspended--box", release(box="inside-stop"))
    write("suspended--route", release(statement(route="stopped"), route_id=3))
    before = time("2026-02-01")
    write("ok--person-not-yet-expired", _at(before, "chen-old"))
    write("ok--person-not-yet-suspended", _at(before, "wu-stop"))
    write("older-registry", release(statement(registry_version=8)))
    write("bad-signature--person", release(signer="lee-hao"))
    write("bad-signature--person-one-bit",
          bundle.sign_release(flip(good, 376), SENDERS["inside-1"].secret))
    write("bad-signature--box", flip(good, suite.SEGMENT - 24))
    write("bad-signature--box-other-number", put(good, 24, le(124, 8)))
    write("bad-signature--box-in-the-domain-of-a-push",
          bundle.sign_release(good, SENDERS["inside-1"].secret, "weir1 push"))


def _release_policies(write):
    def under(route, policy_version, **changes):
        return release(statement(route=route, policy_version=policy_version, **changes))

    passed = dict(content_rules=1, scan=1)
    write("ok--policy", under("ruled", 3, **passed))
    write("ok--policy-that-asks-for-no-scan", under("watched", 5, content_rules=1))
    write("wrong-policy--none-named", under("ruled", 0, **passed))
    write("wrong-policy--older", under("ruled", 2, **passed))
    write("wrong-policy--newer", under("ruled", 4, **passed))
    write("wrong-policy--of-a-route-that-has-none", under("tax", 1, **passed))
    write("wrong-policy--rules-not-looked-at", under("watched", 5, scan=1))
    write("wrong-policy--not-scanned", under("ruled", 3, content_rules=1))
    write("ok--older-policy-of-an-older-registry", under("ruled", 2, registry_version=6, **passed))
    write("ok--no-policy-under-an-older-registry", under("ruled", 0, registry_version=6))
    write("wrong-policy--newer-of-an-older-registry", under("ruled", 4, registry_version=6, **passed))
    write("wrong-policy--older-and-rules-not-looked-at", under("ruled", 2, registry_version=6, scan=1))
    write("ok--same-policy-under-an-older-registry", under("ruled", 3, registry_version=6, **passed))
    write("wrong-policy--same-and-not-scanned",
          under("ruled", 3, registry_version=6, content_rules=1))
    write("not-reviewed", under("unread", 0))


DUAL = statement(route="dual")


def _release_records(write):
    """What is wrong with the endorsements as bytes."""
    raw = bundle.encode_statement(DUAL)
    push = endorsement.encode_push(raw, PEOPLE["wang-mei"].secret)
    first, second = approvals_of(raw, "tseng-yu", "kuo-an")

    def dual(name, *records, count=None):
        write(name, release(DUAL, endorsements=records, count=count))

    def approval(name, at=CREATED + 2):
        key = OFFICERS[name]
        return endorsement.encode_approval(raw, key, at)

    dual("ok--two-approvals", push, first, second)
    dual("bad-limit--no-endorsement")
    dual("bad-limit--none-counted", push, first, second, count=0)
    dual("truncated--one-more-counted", push, first, second, count=4)
    dual("trailing-bytes--one-less-counted", push, first, second, count=2)
    dual("bad-order--no-push", first, second)
    dual("bad-order--push-twice", push, push)
    dual("bad-order--push-last", first, second, push)
    dual("bad-order--descending-approvals", push, second, first)
    dual("bad-order--approved-twice", push, first, first)
    order = endorsement.record(endorsement.RELEASE_ORDER, b"order")
    dual("bad-order--approval-behind-the-order", push, order, first)
    dual("bad-order--two-orders", push, order, order)
    dual("bad-order--under-an-order-and-by-a-person", push,
         endorsement.record(endorsement.PUSH_ORDER, push[4:] + b"order"))
    dual("bad-type--0", put(push, 0, 0), first, second)
    dual("bad-type--5", push, first, put(second, 0, 5))
    dual("bad-reserved--record", push, first, put(second, 1, 1))
    dual("bad-length--record-of-3", push, first, put(second, 2, le(3, 2)))
    dual("truncated--record-beyond-the-end", push, first, put(second, 2, le(len(second) + 1, 2)))
    dual("truncated--approval-of-55", push, first, endorsement.record(3, second[4:59]))
    dual("truncated--signature", push, first, endorsement.record(3, second[4:-1]))
    dual("truncated--push-of-nothing", endorsement.record(1, b""), first, second)
    dual("truncated--order-of-nothing", push, first, second, endorsement.record(4, b""))
    dual("truncated--push-under-no-order", endorsement.record(2, push[4:]), first, second)
    dual("trailing-bytes--push", endorsement.record(1, push[4:] + b"\0"), first, second)
    dual("trailing-bytes--approval", push, first, endorsement.record(3, second[4:] + b"\0"))
    dual("bad-type--algorithm-3", push, first, put(second, 60, 3))
    dual("bad-reserved--signature", push, first, put(second, 61, 1))
    dual("bad-length--signature-of-65", push, first,
         endorsement.record(3, second[4:60] + endorsement.encode_signature(bytes(65))))
    dual("bad-length--rsa-signature-of-64", push, first, put(second, 60, 2))
    for case, changed in _name32_faults(second, 4):
        dual(f"bad-name--officer-{case}", push, first, changed)
    officers = sorted(OFFICERS_MORE + ["tseng-yu", "kuo-an", "hsu-li", "ou-old", "ma-stop"],
                      key=lambda name: OFFICERS[name].id)
    dual("bad-limit--17-approvals", push, *(approval(name) for name in officers))
    sound = [name for name in officers if name not in ("ou-old", "ma-stop")]
    dual("ok--15-approvals", push, *(approval(name) for name in sound))
    large = endorsement.record(2, push[4:] + bytes(endorsement.BYTES_MAX - 71))
    dual("bad-limit--15993-bytes-of-endorsements", large)


def _release_approvals(write):
    """Who may stand for it, and when."""
    raw = bundle.encode_statement(DUAL)
    push = endorsement.encode_push(raw, PEOPLE["wang-mei"].secret)

    def dual(name, *approvals, s=DUAL, by=push):
        write(name, release(s, endorsements=[by, *sorted(approvals, key=lambda each: each[36:52])]))

    def approval(name, at=CREATED + 2, statement_raw=raw, **more):
        return endorsement.encode_approval(statement_raw, {**PEOPLE, **OFFICERS}[name], at, **more)

    good = approval("tseng-yu")
    dual("ok--three-approvals", good, approval("kuo-an"), approval("hsu-li"))
    dual("too-few-approvals--none")
    dual("too-few-approvals--one", good)
    dual("not-allowed--approved-by-an-operator", good, approval("wang-mei"), approval("kuo-an"))
    dual("unknown-key--approved-by-a-stranger", good, approval("stranger"))
    dual("unknown-key--another-key-of-the-officer", good,
         approval("kuo-an")[:36] + OFFICERS["hsu-li"].id + approval("kuo-an")[52:])
    dual("expired--officer", good, approval("ou-old"))
    dual("suspended--officer", good, approval("ma-stop"))
    own = statement(route="dual", person="tseng-yu", person_key=OFFICERS["tseng-yu"].id)
    own_raw = bundle.encode_statement(own)
    own_push = endorsement.encode_push(own_raw, OFFICERS["tseng-yu"].secret)
    dual("own-push", approval("tseng-yu", statement_raw=own_raw),
         approval("kuo-an", statement_raw=own_raw), approval("hsu-li", statement_raw=own_raw),
         s=own, by=own_push)
    dual("ok--an-officer-pushes-and-others-approve", approval("kuo-an", statement_raw=own_raw),
         approval("hsu-li", statement_raw=own_raw), s=own, by=own_push)
    free = statement(route="own", person="tseng-yu", person_key=OFFICERS["tseng-yu"].id)
    write("ok--pusher-may-approve", release(free, signer="tseng-yu", approvals=["tseng-yu"]))
    dual("ok--an-hour-before-created", good, approval("kuo-an", CREATED - 3600))
    dual("bad-time--more-than-an-hour-before-created", good, approval("kuo-an", CREATED - 3601))
    dual("ok--an-hour-after-released", good, approval("kuo-an", RELEASED + 3600))
    dual("bad-time--more-than-an-hour-after-released", good, approval("kuo-an", RELEASED + 3601))
    dual("bad-time--at-the-end-of-time", good, approval("kuo-an", 2**64 - 1))
    other = bundle.encode_statement(statement(route="dual", push_id=fixed("another push", 16)))
    dual("bad-signature--approval-of-another-bundle", good, approval("kuo-an", statement_raw=other))
    dual("bad-signature--approval-by-another-officer", good,
         approval("kuo-an", signer=OFFICERS["hsu-li"]))
    dual("bad-signature--approval-of-another-time", good, put(approval("kuo-an"), 52, le(CREATED + 3, 8)))
    dual("bad-signature--approval-in-the-domain-of-a-push", good, approval("kuo-an", domain="weir1 push"))
    dual("bad-signature--approval-in-the-domain-of-a-refusal", good,
         approval("kuo-an", domain="weir1 refuse"))
    dual("bad-signature--approval-of-another-algorithm", good, endorsement.record(
        3, approval("kuo-an")[4:60] + endorsement.encode_signature(bytes(256), endorsement.RSA_2048)))
    dual("bad-signature--push-in-the-domain-of-an-approval", good, approval("kuo-an"),
         by=endorsement.encode_push(raw, PEOPLE["wang-mei"].secret, "weir1 approve"))
    dual("bad-signature--an-approval-too-many-that-is-wrong", good, approval("kuo-an"),
         flip(approval("hsu-li"), 100))


def _release_tokens(write):
    """Officer and operator lo-token has an RSA key."""
    s = statement(route="dual", person=RSA_OFFICER.name, person_key=RSA_OFFICER.id)
    raw, other = bundle.encode_statement(s), bundle.encode_statement(DUAL)

    def push(signature, algorithm=endorsement.RSA_2048):
        return endorsement.record(1, endorsement.encode_signature(signature, algorithm))

    def approval(signature, algorithm=endorsement.RSA_2048):
        return endorsement.record(3, name32(RSA_OFFICER.name) + RSA_OFFICER.id + le(CREATED + 2, 8)
                                  + endorsement.encode_signature(signature, algorithm))

    def approved(name, record):
        records = [*approvals_of(other, "tseng-yu"), record]
        write(name, release(DUAL, endorsements=[
            endorsement.encode_push(other, PEOPLE["wang-mei"].secret),
            *sorted(records, key=lambda each: each[36:52])]))

    two = approvals_of(raw, "tseng-yu", "kuo-an")
    write("ok--pushed-with-a-token", release(s, endorsements=[push(RSA_OFFICER.sign("weir1 push", raw)), *two]))
    write("bad-signature--pushed-with-a-token-in-another-domain",
          release(s, endorsements=[push(RSA_OFFICER.sign("weir1 approve", raw)), *two]))
    write("bad-signature--ed25519-of-a-person-with-a-token",
          release(s, endorsements=[push(bytes(64), endorsement.ED25519), *two]))
    decided = endorsement.decision(other, RSA_OFFICER.name, RSA_OFFICER.id, CREATED + 2)
    approved("ok--approved-with-a-token", approval(RSA_OFFICER.sign("weir1 approve", decided)))
    approved("bad-signature--approved-with-a-token-in-another-domain",
             approval(RSA_OFFICER.sign("weir1 refuse", decided)))


def _release_orders(write):
    """A machine's push, and a box's release, each under an order; their vectors are in order/."""
    day = CREATED - CREATED % 86400

    def order_of(kind, route, machine, *signers, **changes):
        o = dict(kind=kind, id=fixed("order id", 16), route=route, policy_version=0, not_before=day,
                 not_after=day + 86400 * 30, window_start=0, window_len=1440, weekdays=127,
                 max_bytes=1000, max_records=10, max_pushes=1, machine=machine.card)
        o.update(changes)
        bare = order.encode(SimpleNamespace(**o))
        people = {**PEOPLE, **OFFICERS}
        return order.encode(SimpleNamespace(**o), sorted(
            (order.sign(bare, people[name], day - 60) for name in signers), key=lambda each: each[1]))

    def pushed(name, raw_order, s=None, by=MACHINES["batch"], domain="weir1 push", **changes):
        s = s or statement()
        raw = bundle.encode_statement(s)
        signature = endorsement.encode_signature(suite.sign(domain, raw, by.secret))
        write(name, release(s, endorsements=[endorsement.record(2, signature + raw_order)], **changes))

    batch = MACHINES["batch"]
    good = order_of(1, "tax", batch, "wang-mei")
    minute = (CREATED - day) // 60
    pushed("ok--pushed-under-an-order", good)
    pushed("bad-signature--pushed-under-an-order-by-its-signer", good, by=PEOPLE["wang-mei"])
    pushed("bad-signature--pushed-under-an-order-in-another-domain", good, domain="weir1 approve")
    pushed("not-allowed--pushed-under-the-order-of-another", order_of(1, "tax", batch, "lee-hao"))
    pushed("not-allowed--pushed-under-an-order-of-nobody", order_of(1, "tax", batch))
    pushed("not-allowed--pushed-under-an-order-for-another-route", order_of(1, "all", batch, "wang-mei"))
    pushed("not-allowed--pushed-under-an-order-to-release",
           order_of(2, "tax", SENDERS["inside-1"], "wang-mei"), by=SENDERS["inside-1"])
    pushed("unknown-key--pushed-by-a-strange-machine",
           order_of(1, "tax", MACHINES["stranger"], "wang-mei"), by=MACHINES["stranger"])
    pushed("suspended--machine", order_of(1, "tax", MACHINES["batch-stop"], "wang-mei"),
           by=MACHINES["batch-stop"])
    pushed("bad-time--pushed-before-the-order", order_of(1, "tax", batch, "wang-mei", not_before=CREATED + 1))
    pushed("ok--pushed-in-the-last-second",
           order_of(1, "tax", batch, "wang-mei", not_after=CREATED))
    pushed("expired--pushed-behind-the-end",
           order_of(1, "tax", batch, "wang-mei", not_after=CREATED - 1))
    pushed("beyond-order--pushed-outside-its-window", order_of(
        1, "tax", batch, "wang-mei", window_start=minute + 1, window_len=60))
    pushed("ok--pushed-in-its-window-and-released-behind", order_of(
        1, "tax", batch, "wang-mei", window_start=minute, window_len=1), released_at=CREATED + 3600)
    pushed("wrong-policy--pushed-under-an-order-for-rules",
           order_of(1, "tax", batch, "wang-mei", policy_version=1))
    pushed("trailing-bytes--behind-the-order", good + b"\0")
    pushed("truncated--order", good[:-1])

    def ordered(name, raw_order, s=DUAL, signer="wang-mei", **changes):
        raw = bundle.encode_statement(s)
        write(name, release(s, endorsements=[
            endorsement.encode_push(raw, {**PEOPLE, **OFFICERS}[signer].secret),
            endorsement.record(4, raw_order)], **changes))

    box = SENDERS["inside-1"]
    two = order_of(2, "dual", box, "tseng-yu", "kuo-an")
    ordered("ok--released-under-an-order", two)
    ordered("too-few-approvals--released-under-an-order-of-one", order_of(2, "dual", box, "kuo-an"))
    own = statement(route="dual", person="tseng-yu", person_key=OFFICERS["tseng-yu"].id)
    ordered("too-few-approvals--released-under-an-order-of-who-pushed", two, own, "tseng-yu")
    free = statement(route="own", person="tseng-yu", person_key=OFFICERS["tseng-yu"].id)
    ordered("ok--released-under-an-order-of-who-pushed-and-may", order_of(2, "own", box, "tseng-yu"), free,
            "tseng-yu")
    ordered("not-allowed--released-under-an-order-to-another-box",
            order_of(2, "dual", SENDERS["inside-old"], "tseng-yu", "kuo-an"))
    ordered("not-allowed--released-under-an-order-for-another-route",
            order_of(2, "own", box, "tseng-yu", "kuo-an"))
    ordered("not-allowed--released-under-an-order-to-push",
            order_of(1, "dual", batch, "tseng-yu"))
    ordered("beyond-order--released-outside-its-window", order_of(
        2, "dual", box, "tseng-yu", "kuo-an", window_start=minute, window_len=1), released_at=CREATED + 60)
    ordered("expired--released-behind-the-end", order_of(
        2, "dual", box, "tseng-yu", "kuo-an", not_after=CREATED), released_at=CREATED + 1)
    ordered("bad-signature--order-of-another", two[:-8] + bytes(8))


def _at(when, name):
    return release(statement(person=name, person_key=PEOPLE[name].id, created=when), signer=name,
                   released_at=when)


def _stanzas(count):
    return [le(i + 1, 16) + fixed(f"stanza {i}", 64) + fixed(f"rest {i}", 16) for i in range(count)]


def raw_head(stanzas, count=None, route="tax"):
    raw = bundle.HEAD.pack(b"WEIRHEAD", 1, 1, len(stanzas) if count is None else count, 0,
                           name32(route), blake(32, "weir1 commit", KEYS.file),
                           blake(32, "weir1 commit", KEYS.manifest))
    return raw + b"".join(stanzas)


def _heads(vectors):
    def write(name, raw):
        vectors.write(f"head/{name}.bin", raw,
                      lambda data: bundle.read_head(data.ljust(SEGMENT, b"\0"), "tax"))

    ascending = [bytes([i]) + stanza[1:] for i, stanza in enumerate(_stanzas(128))]
    good = raw_head(ascending[:3])
    write("ok", good)
    write("ok--one-stanza", raw_head(ascending[:1]))
    write("ok--128-stanzas", raw_head(ascending))
    write("bad-magic", flip(good, 3))
    write("unknown-version", put(good, 8, le(2, 2)))
    write("unknown-suite", put(good, 10, le(2, 2)))
    write("bad-reserved--14", put(good, 14, 1))
    write("bad-reserved--behind-the-stanzas", good + b"\1")
    write("bad-reserved--last-byte-of-the-segment", good.ljust(SEGMENT - 1, b"\0") + b"\1")
    write("bad-limit--no-stanza", raw_head([]))
    write("bad-limit--129-stanzas", raw_head(ascending + [b"\xff" * 96]))
    write("bad-limit--65535-stanzas", raw_head(ascending, 65535))
    write("bad-order--equal", raw_head([ascending[0], ascending[1], ascending[1]]))
    write("bad-order--descending", raw_head([ascending[1], ascending[0]]))
    write("wrong-route", raw_head(ascending[:1], route="all"))


def _manifests(vectors):
    def write(name, raw):
        vectors.write(f"manifest/{name}.bin", raw, bundle.read_manifest)

    def member(name, size=10, **changes):
        m = bundle.member_of(name, b"")
        m.size = size
        for field, value in changes.items():
            setattr(m, field, value)
        return m

    def manifest(*members, frames=None):
        total = sum(m.size for m in members)
        return bundle.encode_manifest(fixed("push id", 16), members,
                                      frames if frames is not None else [100] * (-(-total // suite.FRAME)))

    good = manifest(member("a/b", rule=1, records=3), member("a!"), member("c"))
    write("ok", good)
    write("ok--nothing", manifest())
    write("ok--empty-members", manifest(member("a", 0), member("b", 0)))
    write("ok--three-frames", manifest(member("a", 2 * suite.FRAME + 1)))
    write("ok--frame-of-exactly-1-mib", manifest(member("a", suite.FRAME)))
    write("ok--largest-frame", manifest(member("a"), frames=[1052672]))
    write("ok--before-1970", manifest(member("a", mtime=-1, mtime_ns=999999999)))
    write("ok--name-of-4096", manifest(member("/".join(["x" * 255] * 15 + ["x" * 254, "y"]))))
    write("ok--name-with-any-byte", manifest(member(b"\x80\xff \\'\"")))
    write("ok--slash-is-lowest", manifest(member("a/z"), member("a b"), member("a!")))
    write("ok--name-that-is-no-folder", manifest(member("a"), member("ab/c")))
    write("bad-magic", flip(good, 0))
    write("unknown-version", put(good, 8, le(2, 2)))
    write("unknown-suite", put(good, 10, le(2, 2)))
    write("bad-reserved--12", put(good, 12, 1))
    write("bad-manifest--content-length", put(good, 32, le(31, 8)))
    write("bad-manifest--stream-length", put(good, 40, le(101, 8)))
    write("bad-manifest--records", put(good, 48, le(4, 8)))
    write("bad-manifest--a-frame-too-few", manifest(member("a", suite.FRAME + 1), frames=[100]))
    write("bad-manifest--a-frame-too-many", manifest(member("a", suite.FRAME), frames=[100, 100]))
    write("bad-manifest--records-not-counted", manifest(member("a", rule=0, records=1)))
    wrapped = manifest(member("a", 10), member("b", 0), frames=[])
    write("bad-manifest--sizes-overflow", put(put(wrapped, 64 + 69 + 4, le(2**64 - 10, 8)), 32, bytes(8)))
    write("bad-limit--members-1000001", put(good, 60, le(1000001, 4)))
    write("bad-limit--empty-frame", manifest(member("a"), frames=[0]))
    write("bad-limit--frame-of-1052673", manifest(member("a"), frames=[1052673]))
    write("bad-limit--counting-rule-3", manifest(member("a", rule=3, records=0)))
    write("bad-limit--nanoseconds", manifest(member("a", mtime_ns=10**9)))
    at = 64 + 4
    write("bad-reserved--member-3", put(good, at + 3, 1))
    write("ok--columns", manifest(member("a", rule=2, columns=2**32 - 1)))
    for case, name in _BAD_NAMES:
        write(f"bad-name--{case}", manifest(member(name)))
    write("bad-order--descending", manifest(member("b"), member("a")))
    write("bad-order--equal-names", manifest(member("a"), member("a")))
    write("bad-order--slash-not-lowest", manifest(member("a b"), member("a/z")))
    write("bad-order--folder-of-the-next", manifest(member("a"), member("a/b")))
    write("trailing-bytes", good + b"\0")
    write("truncated--last-byte", good[:-1])
    write("truncated--header", good[:63])
    write("truncated--frames", manifest(member("a", 9 * suite.FRAME))[:64 + 35])
    write("truncated--member", good[:at + 67])
    write("truncated--a-member-too-few", put(good, 60, le(4, 4)))
    write("truncated--empty", b"")


_BAD_NAMES = (
    ("empty", b""), ("dot", b"."), ("dot-dot", b".."), ("dot-dot-inside", b"a/../b"),
    ("dot-inside", b"a/./b"), ("rooted", b"/etc/passwd"), ("slash-at-the-end", b"a/"),
    ("two-slashes", b"a//b"), ("line-feed", b"a\nb"), ("zero-byte", b"a\0b"), ("delete", b"a\x7f"),
    ("escape", b"\x1b[2J"), ("component-of-256", b"x" * 256),
    ("of-4097", b"/".join([b"x" * 255] * 16) + b"/y"),
)


def _trees(vectors):
    """N ROOT: the body is N segments, each filled with the low byte of its index."""
    lines = []
    for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 100):
        body = b"".join(bytes([i & 255]) * SEGMENT for i in range(count))
        lines.append(f"{count} {bundle.tree_root(body).hex()}\n")
    vectors.write("tree/ok.txt", "".join(lines).encode(), lambda raw: None)
    lengths = [*range(1, 70), 127, 128, 129, 1000, 1023, 1025, 65535, 65537, 10**6, 2**31 + 1]
    lines = [f"{length} {bundle.padme(length)}\n" for length in lengths]
    vectors.write("pad/ok.txt", "".join(lines).encode(), lambda raw: None)
