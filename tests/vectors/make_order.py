"""Vectors of ORDER.md: order, and registry/ok--orders.conf, which they are judged by."""

import struct
from types import SimpleNamespace

import order
import registry
import suite
from order import ORDER, SIGNATURE, SIGNER
from world import (RECIPIENTS, PSKS, ROOTS, ROOTS_TEXT, fixed, flip, key, le, party, put, route, section,
                   time)

FOLDERS = ("order",)
FROM, UNTIL, SIGNED = time("2026-06-01T00:00:00"), time("2026-07-01T00:00:00"), time("2026-05-31T08:00:00")
# A Tuesday evening; what is asked then is a second push of the day.
AT, BYTES, RECORDS, PUSHES_TODAY = time("2026-06-02T23:00:00"), 1000000, 1000, 1
GONE = {"chen-old": "expires = 2026-06-02", "wu-stop": "suspended = 2026-06-02T23:00:00Z",
        "old-machine": "expires = 2026-06-02", "stopped-machine": "suspended = 2026-06-02T23:00:00Z"}
PEOPLE = {name: key("person", name) for name in ("wang-mei", "lee-hao", "chen-old", "wu-stop", "lin-guest")}
MACHINES = {name: key("machine", name) for name in ("nightly", "old-machine", "stopped-machine")}
BOX = key("sender", "inside-1")
OFFICERS = "officers = wang-mei lee-hao chen-old wu-stop", "quorum = 2"


def registry_text():
    text = section("registry", "", "format = 1", "name = moi", "version = 7",
                   "issued = 2026-01-01", "expires = 2026-06-20")
    for name, each in PEOPLE.items():
        text += party("person", each, "roles = operator officer",
                      f"reading = {fixed(f'reading {name}').hex()}", *([GONE[name]] if name in GONE else []))
    for name, each in MACHINES.items():
        text += party("machine", each, *([GONE[name]] if name in GONE else []))
    text += party("sender", BOX)
    text += party("recipient", RECIPIENTS["tax-agency"], f"psk = {PSKS['tax-agency'].public.hex()}")
    text += section("policy", "people", "version = 3", "columns = id name")
    text += route("tax", 1, *OFFICERS, "policy = people") + route("plain", 2)
    text += route("old", 3, "expires = 2026-06-02") + route("stopped", 4, "suspended = 2026-06-02")
    return text + route("unseen", 5, "needs = privacy")


def new(kind=1, route_name="tax", machine=None, **changes):
    machine = machine or (MACHINES["nightly"] if kind == 1 else BOX)
    o = dict(kind=kind, id=fixed("order id", 16), route=route_name,
             policy_version=3 if route_name == "tax" else 0, not_before=FROM, not_after=UNTIL,
             window_start=22 * 60, window_len=360, weekdays=0x1f, max_bytes=BYTES, max_records=RECORDS,
             max_pushes=2, machine=machine.card)
    o.update(changes)
    return SimpleNamespace(**o)


def signed(o, *names, at=SIGNED):
    """As these people sign it, in the order that the format demands."""
    bare = order.encode(o)
    signers = [order.sign(bare, PEOPLE.get(name) or key("person", name), at) for name in names]
    return order.encode(o, sorted(signers, key=lambda s: s[1]))


def push(*names, **changes):
    return signed(new(**changes), *(names or ("wang-mei",)))


def release(*names, **changes):
    return signed(new(2, **changes), *(names or ("wang-mei", "lee-hao")))


def make(vectors):
    text = registry.sign(registry_text().encode(), ROOTS[:2])
    roots = registry.Roots(ROOTS_TEXT)
    vectors.write("registry/ok--orders.conf", text, lambda raw: registry.Registry(raw, roots))
    known = registry.Registry(text, roots)

    def judge(raw):
        o = order.read(raw)
        order.check(o, known, AT)
        order.cover(o, AT, BYTES, RECORDS, PUSHES_TODAY)

    def write(name, raw):
        vectors.write(f"order/{name}.bin", raw, judge)

    _good(write)
    _fixed(write)
    _signers(write)
    _judged(write)
    _covered(write)


def _good(write):
    write("ok", push())
    write("ok--release", release())
    write("ok--signed-just-now", signed(new(), "wang-mei", at=AT))
    write("ok--route-without-rules", push(route_name="plain"))
    write("ok--largest", push(not_before=FROM, not_after=FROM + 2592000, window_start=1439, window_len=1440,
                              weekdays=127, max_bytes=2**46, max_records=2**46, max_pushes=1440))
    write("ok--of-yesterday", push(weekdays=1, window_start=23 * 60 + 1, window_len=1440))


def _fixed(write):
    """One byte or field of section 2; what is signed is signed with it."""
    def changed(name, at, value):
        raw = put(order.encode(new()), at, value)
        signers = [order.sign(raw, PEOPLE["wang-mei"], SIGNED)]
        signer = SIGNER.pack(signers[0][0].encode(), *signers[0][1:3]) + signers[0][3]
        write(name, put(raw, 13, 1) + signer if at != 13 else raw + signer)

    changed("bad-magic", 0, b"w")
    changed("unknown-version", 8, le(2, 2))
    changed("unknown-suite", 10, le(2, 2))
    changed("bad-type--kind-0", 12, 0)
    changed("bad-type--kind-3", 12, 3)
    for at in (14, 15, 93, 95, 116, 119):
        changed(f"bad-reserved--{at}", at, 1)
    changed("bad-limit--id-of-zeros", 16, bytes(16))
    changed("bad-name--route-capital", 32, b"T")
    changed("bad-name--route-not-zero-filled", 40, b"x")
    changed("bad-name--machine-empty", 120, bytes(32))
    changed("bad-limit--policy-2-to-the-63", 64, le(2**63, 8))
    changed("bad-time--ends-as-it-begins", 80, le(FROM, 8))
    changed("bad-limit--a-second-more-than-30-days", 80, le(UNTIL + 1, 8))
    changed("bad-limit--start-1440", 88, le(1440, 2))
    changed("bad-limit--length-0", 90, le(0, 2))
    changed("bad-limit--length-1441", 90, le(1441, 2))
    changed("bad-limit--no-weekday", 92, 0)
    changed("bad-limit--eighth-weekday", 92, 0x9f)
    changed("bad-limit--bytes-0", 96, le(0, 8))
    changed("bad-limit--bytes-above-2-to-the-46", 96, le(2**46 + 1, 8))
    changed("bad-limit--records-0", 104, le(0, 8))
    changed("bad-limit--records-2-to-the-63-less-1", 104, le(2**63 - 1, 8))
    changed("bad-limit--pushes-0", 112, le(0, 4))
    changed("bad-limit--pushes-1441", 112, le(1441, 4))
    changed("wrong-key--machine-of-another-name", 120, b"m")
    changed("wrong-key--machine-id", 152, bytes(16))
    changed("wrong-key--machine-public", 168, MACHINES["old-machine"].public)
    good = push()
    write("wrong-key--box-in-an-order-to-push", push(machine=BOX))
    write("truncated--empty", b"")
    write("truncated--fixed-part", good[:ORDER.size - 1])
    write("truncated--no-signer", good[:ORDER.size])
    write("truncated--signer", good[:ORDER.size + 55])
    write("truncated--signature", good[:-1])
    write("trailing-bytes", good + b"\0")
    write("trailing-bytes--a-signer-more-than-counted", put(release(), 13, 1))


def _signers(write):
    good, two, at = push(), release(), ORDER.size
    half = (len(two) - at) // 2
    first, second = two[at:at + half], two[at + half:]
    write("bad-limit--two-who-push", put(order.encode(new()), 13, 2) + first + second)
    write("bad-limit--17-signers", release(*(f"n{i}" for i in range(17))))
    write("bad-order--descending", two[:at] + second + first)
    write("bad-order--twice", two[:at] + first + first)
    write("bad-name--signer", put(good, at, b"W"))
    write("bad-time--signed-after-the-end", signed(new(), "wang-mei", at=UNTIL + 1))
    write("bad-time--signed-long-before", signed(new(), "wang-mei", at=FROM - 30 * 86400 - 1))
    write("ok--signed-30-days-before", signed(new(), "wang-mei", at=FROM - 30 * 86400))
    write("bad-type--algorithm-0", put(good, at + 56, 0))
    write("bad-type--algorithm-3", put(good, at + 56, 3))
    write("bad-reserved--signature", put(good, at + 57, 1))
    write("bad-length--63", put(good, at + 58, le(63, 2)))
    write("bad-length--ed25519-of-256", put(good, at + 58, le(256, 2)) + bytes(192))
    write("bad-signature--rsa-of-a-person-with-ed25519",
          good[:at + 56] + SIGNATURE.pack(2, 0, 256) + bytes(256))
    write("bad-signature--one-bit", flip(good, len(good) - 1))
    write("bad-signature--other-cap", put(good, 96, le(BYTES + 1, 8)))
    write("bad-signature--other-time", put(good, at + 48, le(SIGNED + 1, 8)))
    write("bad-signature--of-another", good[:at + 60] + push("lee-hao")[at + 60:])
    write("bad-signature--count-signed-too", _with_count())


def _with_count():
    """Signed over the fixed part as it stands in the file."""
    person, raw = PEOPLE["wang-mei"], put(order.encode(new()), 13, 1)
    signer = SIGNER.pack(b"wang-mei", person.id, SIGNED)
    return raw + signer + SIGNATURE.pack(1, 0, 64) + suite.sign("weir1 order", raw + signer, person.secret)


def _judged(write):
    write("unknown-route", push(route_name="none"))
    write("expired--route", push(route_name="old"))
    write("suspended--route", push(route_name="stopped"))
    write("not-reviewed", push(route_name="unseen"))
    write("bad-time--begins-later", push(not_before=AT + 1, not_after=AT + 86400))
    write("ok--begins-now", push(not_before=AT))
    write("expired--ended", push(not_after=AT - 1))
    write("ok--ends-now", push(not_after=AT))
    write("wrong-policy--older", push(policy_version=2))
    write("wrong-policy--newer", push(policy_version=4))
    write("wrong-policy--none", push(policy_version=0))
    write("wrong-policy--of-a-route-without", push(route_name="plain", policy_version=3))
    write("unknown-key--machine", push(machine=key("machine", "other")))
    write("unknown-key--machine-with-the-key-of-another",
          push(machine=registry.Key("machine", "nightly", fixed("machine other"))))
    write("unknown-key--box", release(machine=key("sender", "inside-2")))
    write("expired--machine", push(machine=MACHINES["old-machine"]))
    write("suspended--machine", push(machine=MACHINES["stopped-machine"]))
    write("unknown-key--signer", push("stranger"))
    write("expired--signer", push("chen-old"))
    write("suspended--signer", push("wu-stop"))
    write("suspended--one-of-three", release("wang-mei", "lee-hao", "wu-stop"))
    write("not-allowed--no-operator", push("lin-guest"))
    write("not-allowed--no-officer", release("wang-mei", "lin-guest"))
    write("bad-time--signed-later", signed(new(), "wang-mei", at=AT + 1))
    write("too-few-approvals--unsigned", order.encode(new()))
    write("too-few-approvals--one-of-two", release("wang-mei"))
    write("too-few-approvals--no-quorum-and-nobody", order.encode(new(2, route_name="plain")))


def _covered(write):
    write("beyond-order--bytes", push(max_bytes=BYTES - 1))
    write("beyond-order--records", push(max_records=RECORDS - 1))
    write("beyond-order--pushes", push(max_pushes=1))
    write("beyond-order--not-open-yet", push(window_start=23 * 60 + 1))
    write("beyond-order--closed", push(window_len=60))
    write("ok--last-minute", push(window_len=61))
    write("beyond-order--another-weekday", push(weekdays=0x7d))
    write("beyond-order--yesterday-alone", push(weekdays=1))
