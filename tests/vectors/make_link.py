"""Vectors of LINK.md: datagram, trial, heartbeat, page, heads, erasure."""

from types import SimpleNamespace

import link
import suite
from suite import SEGMENT
from world import EPOCH, REGISTRY, SENDERS, TAG_KEY, flip, fixed, le, put, time

FOLDERS = ("datagram", "trial", "heartbeat", "page", "heads", "erasure")
NOW = time("2026-06-01T08:00:10")
SEQUENCE = (NOW << 32) + 5


def make(vectors):
    _datagrams(vectors)
    _trials(vectors)
    _heartbeats(vectors)
    _pages(vectors)
    _all_heads(vectors)
    _erasure(vectors)


def _data(symbols=None, **changes):
    d = dict(route_id=1, block=0, row_len=4096, epoch=EPOCH, sequence=SEQUENCE, number=123,
             object_len=4 * SEGMENT, k=16, r=3, row=2, first=30)
    d.update(changes)
    symbols = fixed("symbols", 64) * 4 if symbols is None else symbols
    return link.encode_data(SimpleNamespace(**d), symbols, TAG_KEY)


def _control(message, length=None):
    return link.encode_control(message, length or 40 + len(message) + 30, EPOCH, SEQUENCE, TAG_KEY)


def _retag(raw):
    return link.tagged(raw[16:], TAG_KEY)


def _beat(box="inside-1", **changes):
    b = dict(bundles=1, epoch=EPOCH, beat=9, time=NOW, generation=4, pages=1, registry_version=7,
             sent=77777, entries=321, head=fixed("ledger entry 321"),
             epoch_before=EPOCH - 1, waiting=123456, heal_rate=31250000, heal_round=9876543)
    b.update(changes)
    return link.encode_beat(SimpleNamespace(**b), SENDERS[box])


def _entry(number=123, **changes):
    e = dict(route_id=1, k=16, r=3, row_len=4096, passes=1, epoch=EPOCH, number=number,
             object_len=4 * SEGMENT, offered_until=NOW + 43200, destroy_by=NOW + 86400, root=fixed(f"root {number}"))
    e.update(changes)
    return SimpleNamespace(**e)


def _page(*entries, box="inside-1", **changes):
    p = dict(epoch=EPOCH, generation=4, time=NOW, page=0, pages=1, age=0, entries=entries)
    p.update(changes)
    return link.encode_page(SimpleNamespace(**p), SENDERS[box])


def _resigned(raw, domain, box="inside-1"):
    return raw[:-64] + suite.sign(domain, raw[:-64], SENDERS[box].secret)


def _datagrams(vectors):
    def judge(raw):
        d = link.read_datagram(raw, TAG_KEY)
        if d.type == 2:
            link.check_message(link.read_message(d.message), d.message, REGISTRY)

    def write(name, raw):
        vectors.write(f"datagram/{name}.bin", raw, judge)

    good, control = _data(), _control(_beat())
    write("ok--source-row", good)
    write("ok--repair-row", _data(row=18, first=0))
    write("ok--one-symbol", _data(bytes(128), row=0))
    write("ok--11-symbols", _data(bytes(11 * 128), first=21))
    write("ok--second-block", _data(k=2, block=7))
    write("ok--heartbeat", control)
    write("ok--heartbeat-without-filling", _control(_beat(), 40 + 224))
    write("ok--page", _control(_page(_entry()), 1472))
    write("bad-tag", flip(good, 0))
    write("bad-tag--payload", flip(good, len(good) - 1))
    write("bad-tag--cut", good[:-1])
    write("bad-tag--longer", good + b"\0")
    write("bad-tag--39-bytes", _retag(good[:39]))
    write("bad-tag--empty", b"")
    write("bad-tag--filling", flip(control, len(control) - 1))
    write("bad-tag--key-of-another-link",
          link.tagged(good[16:], link.tag_key(fixed("another link"))))

    def changed(name, at, value, raw=good):
        write(name, _retag(put(raw, at, value)))

    changed("unknown-version", 16, 2)
    changed("unknown-version--0", 16, 0)
    changed("bad-type--0", 17, 0)
    changed("bad-type--3", 17, 3)
    changed("bad-limit--route-0", 18, bytes(2))
    changed("bad-limit--epoch-0", 24, bytes(8))
    changed("bad-limit--number-0", 40, bytes(8))
    changed("bad-limit--number-2-to-the-48", 40, le(1 << 48, 8))
    changed("bad-limit--object-of-2-segments", 48, le(2, 4))
    changed("bad-limit--block-behind-the-last", 20, le(1, 2))
    write("ok--further-row", _data(row=37, first=0))
    changed("bad-limit--row-behind-the-last", 54, 38)
    changed("ok--row-254", 54, 254, _data(k=120, r=8, object_len=120 * 4096, row=0))
    changed("bad-limit--row-255", 54, 255, _data(k=120, r=8, object_len=120 * 4096, row=0))
    write("bad-limit--no-symbol", _data(b""))
    write("bad-limit--symbols-beyond-the-row", _data(first=31))
    write("bad-limit--first-symbol-beyond-the-row", _data(first=32))
    write("bad-limit--first-symbol-65535", _data(first=65535))
    write("bad-limit--symbols-70", _data(bytes(70 * 128), row_len=12288, k=6, row=0, first=0))
    write("ok--symbols-69", _data(bytes(69 * 128), row_len=12288, k=6, row=0, first=0))
    write("bad-limit--symbols-behind-the-end",
          _data(row_len=12288, k=6, row=5, first=31))
    write("ok--last-symbols-of-the-object", _data(row_len=12288, k=6, row=5, first=30))
    write("bad-limit--row-behind-the-end", _data(k=3, block=5, row=2, first=0))
    changed("bad-geometry--row-length-0", 22, bytes(2))
    changed("bad-geometry--row-length-above-the-largest", 22, le(2047, 2))
    changed("bad-geometry--no-source-row", 52, 0)
    changed("bad-geometry--no-repair-row", 53, 0)
    changed("bad-geometry--rows-256", 53, 240)
    changed("bad-geometry--a-source-row-too-many", 52, 17)
    write("bad-geometry--blocks-65536", _data(object_len=65536 * 4096, k=1, row=0))
    write("bad-length--count-above-the-payload", _retag(put(good, 55, 3)))
    changed("bad-length--count-below-the-payload", 55, 1)
    write("bad-length--half-a-symbol", _retag(good + bytes(64)))
    changed("bad-reserved--58", 58, 1)
    changed("bad-reserved--63", 63, 1)
    write("truncated--data-header", _retag(good[:63]))
    changed("bad-reserved--control-20", 20, 1, control)
    changed("bad-reserved--control-23", 23, 1, control)
    changed("bad-limit--control-epoch-0", 24, bytes(8), control)
    changed("bad-reserved--filling", len(control) - 1, 1, control)
    changed("truncated--message", 18, le(224 + 31, 2), control)
    changed("trailing-bytes--message", 18, le(225, 2), control)
    write("bad-magic--message", _control(b"WEIRMAIL" + bytes(144)))
    write("bad-magic--no-message", _control(b""))
    write("bad-signature--message", _control(flip(_beat(), 100)))


def _messages(vectors, folder, fault):
    def judge(raw):
        link.check_message(link.read_message(raw), raw, REGISTRY)

    def write(name, raw):
        vectors.write(f"{folder}/{name}.bin", raw, judge)

    def changed(name, raw, at, value, domain):
        write(name, _resigned(put(raw, at, value), domain))

    fault(write, changed)


def _common_faults(write, changed, good, domain):
    write("ok", good)
    changed("bad-magic", good, 0, b"X", domain)
    changed("unknown-version", good, 8, le(2, 2), domain)
    changed("unknown-suite", good, 10, le(2, 2), domain)
    changed("bad-limit--epoch-0", good, 16, bytes(8), domain)
    write("bad-signature", flip(good, len(good) - 60))
    write("bad-signature--field", flip(good, 32))
    write("bad-signature--other-domain", _resigned(good, "weir1 release"))
    write("truncated", good[:-1])
    write("truncated--only-the-magic", good[:8])
    write("trailing-bytes", good + b"\0")


def _heartbeats(vectors):
    def fault(write, changed):
        good = _beat()
        _common_faults(write, changed, good, "weir1 beat")
        changed("bad-reserved", good, 52, 1, "weir1 beat")
        write("ok--empty-catalogue", _beat(bundles=0, pages=0))
        write("ok--largest-catalogue", _beat(bundles=80000, pages=5000))
        write("bad-limit--pages-5001", _beat(pages=5001))
        write("bad-limit--more-bundles-than-pages-hold", _beat(bundles=17))
        write("ok--no-ledger", _beat(entries=0, head=bytes(32)))
        write("ok--largest-ledger", _beat(entries=(1 << 53) - 1))
        write("bad-limit--ledger-2-to-the-53", _beat(entries=1 << 53))
        write("bad-reserved--hash-of-no-ledger", _beat(entries=0, head=bytes(31) + b"\1"))
        write("ok--first-epoch", _beat(epoch_before=0))
        write("bad-limit--epoch-before-itself", _beat(epoch_before=EPOCH))
        write("unknown-key", _beat("stranger"))
        write("bad-signature--by-another-box",
              _resigned(good, "weir1 beat", "inside-old"))

    _messages(vectors, "heartbeat", fault)


def _pages(vectors):
    domain = "weir1 catalogue"

    def fault(write, changed):
        good = _page(_entry(), _entry(122))
        _common_faults(write, changed, good, domain)
        write("ok--no-entry", _page())
        write("ok--16-entries", _page(*(_entry(200 - i) for i in range(16))))
        write("ok--entry-of-an-earlier-epoch", _page(_entry(epoch=EPOCH - 1)))
        write("bad-limit--entry-of-epoch-0", _page(_entry(epoch=0)))
        write("ok--page-5000", _page(_entry(), page=4999, pages=5000))
        changed("bad-reserved", good, 14, 1, domain)
        write("unknown-key", _page(_entry(), box="stranger"))
        write("bad-limit--17-entries", _page(*(_entry(200 - i) for i in range(17))))
        write("bad-limit--no-page", _page(_entry(), pages=0))
        write("bad-limit--pages-5001", _page(_entry(), pages=5001))
        write("bad-limit--page-behind-the-last", _page(_entry(), page=1))
        write("ok--older-pages", _page(_entry(), pages=3, age=8))
        write("bad-limit--older-than-the-first-generation", _page(_entry(), pages=3, age=9))
        write("bad-limit--age-of-the-only-page", _page(_entry(), age=1))
        write("ok--last-generation", _page(_entry(), generation=(1 << 48) - 1))
        write("bad-limit--generation-2-to-the-48", _page(_entry(), generation=1 << 48))
        write("bad-limit--route-0", _page(_entry(route_id=0)))
        write("bad-limit--number-0", _page(_entry(number=0)))
        write("bad-limit--number-2-to-the-48", _page(_entry(number=1 << 48)))
        write("bad-geometry--row-length", _page(_entry(row_len=0)))
        write("bad-geometry--no-source-row", _page(_entry(k=0)))
        write("bad-geometry--no-repair-row", _page(_entry(r=0)))
        write("bad-geometry--object-not-of-segments", _page(_entry(object_len=4 * SEGMENT + 1)))
        write("bad-geometry--object-of-2-segments", _page(_entry(object_len=2 * SEGMENT, k=8)))
        changed("truncated--an-entry-too-few", good, 12, le(3, 2), domain)
        changed("trailing-bytes--an-entry-too-many", good, 12, le(1, 2), domain)

    _messages(vectors, "page", fault)


def _heads(*routes, box="inside-1", **changes):
    h = dict(epoch=EPOCH, epoch_before=EPOCH - 1, generation=4, time=NOW, page=0, pages=1, routes=routes)
    h.update(changes)
    return link.encode_heads(SimpleNamespace(**h), SENDERS[box])


def _all_heads(vectors):
    domain = "weir1 heads"

    def fault(write, changed):
        good = _heads((1, 100, 123), (7, 1, 0))
        _common_faults(write, changed, good, domain)
        write("ok--no-route", _heads())
        write("ok--52-routes", _heads(*((i + 1, 1, i) for i in range(52))))
        write("ok--last-page", _heads((65535, 1, 3), page=63, pages=64))
        write("ok--first-epoch", _heads((1, 1, 1), epoch_before=0))
        write("ok--last-number", _heads((1, 1 << 48, (1 << 48) - 1)))
        changed("bad-reserved", good, 14, 1, domain)
        changed("bad-reserved--route", good, 72 + 2, 1, domain)
        write("unknown-key", _heads((1, 1, 1), box="stranger"))
        write("bad-limit--53-routes", _heads(*((i + 1, 1, i) for i in range(53))))
        write("bad-limit--epoch-before-itself", _heads((1, 1, 1), epoch_before=EPOCH))
        write("bad-limit--no-page", _heads((1, 1, 1), pages=0))
        write("bad-limit--pages-65", _heads((1, 1, 1), pages=65))
        write("bad-limit--page-behind-the-last", _heads((1, 1, 1), page=1))
        write("bad-limit--route-0", _heads((0, 1, 1)))
        write("bad-limit--first-number-0", _heads((1, 0, 1)))
        write("bad-limit--newest-2-to-the-48", _heads((1, 1, 1 << 48)))
        write("bad-limit--newest-below-the-first-but-one", _heads((1, 5, 3)))
        write("bad-order", _heads((7, 1, 0), (1, 100, 123)))
        write("bad-order--the-same-route-twice", _heads((1, 1, 3), (1, 1, 3)))
        changed("truncated--a-route-too-few", good, 12, le(3, 2), domain)
        changed("trailing-bytes--a-route-too-many", good, 12, le(1, 2), domain)

    _messages(vectors, "heads", fault)


def _erasure(vectors):
    """k + r rows of 64 bytes, source rows first."""
    for k, r in ((1, 3), (5, 3), (16, 3), (128, 16), (200, 55)):
        rows = [fixed(f"row {i}", 64) for i in range(k)]
        repair = [link.repair_row(i, rows) for i in range(k, k + r)]
        vectors.write(f"erasure/ok--k{k}-r{r}.bin", b"".join(rows + repair), lambda raw: None)


def _trial(**changes):
    t = dict(step=2, steps=12, part=2, purpose=1, test_id=0xc0ffee00c0ffee, sequence=SEQUENCE, rate=10**8,
             number=5, time=1250000000, held=0, duration=1000, size=1500)
    t.update(changes)
    return link.encode_trial(SimpleNamespace(**t), TAG_KEY)


def _trials(vectors):
    def write(name, raw):
        vectors.write(f"trial/{name}.bin", raw, lambda given: link.read_trial(given, TAG_KEY))

    def changed(name, at, value, raw):
        write(name, _retag(put(raw, at, value)))

    load, end = _trial(), _trial(part=3)
    write("ok--begin", _trial(part=0, number=0))
    write("ok--warm-up", _trial(part=1, number=0))
    write("ok--load", load)
    write("ok--end", end)
    write("ok--9000-bytes", _trial(size=9000, purpose=2))
    write("ok--least", _trial(step=0, steps=1, test_id=1, rate=10**6, time=0, number=0, duration=10))
    write("ok--most", _trial(step=63, steps=64, test_id=(1 << 64) - 1, rate=10**12, time=(1 << 48) - 1,
                             held=(1 << 48) - 1, number=(1 << 48) - 1, duration=3600000))
    write("bad-tag", flip(load, len(load) - 1))
    write("bad-tag--key-of-another-link", link.tagged(load[16:], link.tag_key(fixed("another link"))))
    changed("unknown-version", 16, 2, load)
    changed("bad-type--1", 17, 1, load)
    changed("bad-type--2", 17, 2, load)
    write("bad-limit--step-12-of-12", _trial(step=12))
    write("bad-limit--no-steps", _trial(step=0, steps=0))
    write("bad-limit--steps-65", _trial(steps=65))
    changed("bad-limit--part-4", 22, 4, end)
    write("bad-limit--purpose-0", _trial(purpose=0))
    write("bad-limit--purpose-3", _trial(purpose=3))
    write("bad-limit--test-id-0", _trial(test_id=0))
    write("bad-limit--rate-below", _trial(rate=10**6 - 1))
    write("bad-limit--rate-above", _trial(rate=10**12 + 1))
    write("bad-limit--number-2-to-the-48", _trial(number=1 << 48))
    write("bad-limit--time-2-to-the-48", _trial(time=1 << 48))
    write("bad-limit--held-above-the-time", _trial(held=1250000001))
    write("bad-limit--duration-9", _trial(duration=9))
    write("bad-limit--duration-3600001", _trial(duration=3600001))
    write("bad-limit--size-1499", _trial(size=1499))
    write("bad-limit--size-9001", _retag(put(_trial(size=9000), 76, le(9001, 2)) + b"\0"))
    write("bad-reserved--begin-with-a-number", _trial(part=0))
    write("bad-reserved--warm-up-with-a-number", _trial(part=1))
    changed("bad-reserved--78", 78, 1, load)
    changed("bad-reserved--79", 79, 128, load)
    write("truncated--header", _retag(end[:79]))
    write("bad-length--load-too-short", _retag(load[:-1]))
    write("bad-length--load-too-long", _retag(load + b"\0"))
    write("bad-length--end-with-a-pattern", _retag(end + link.PATTERN[:1]))
    write("damaged--first-byte", _retag(flip(load, 80)))
    write("damaged--last-byte", _retag(flip(load, len(load) - 1)))
