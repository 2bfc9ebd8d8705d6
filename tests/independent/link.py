"""Datagrams, heartbeat, catalogue page, heads, erasure code and a receiver: LINK.md."""

import functools
import math
import struct
from types import SimpleNamespace

import suite
from bundle import geometry_check
from suite import SEGMENT, Refused, begins, blake, require

SYMBOL = 128
SYMBOLS_MAX = 69
COMMON = struct.Struct("<16sBBHHHQQ")
DATA = struct.Struct("<QIBBBBH6s")
BEAT = struct.Struct("<8sHHIQQQQIIQQQ32sQQQQ16s64s")
PAGE = struct.Struct("<8sHHHHQQQIIQ16s")
ENTRY = struct.Struct("<HBBHHQQQQQ32s")
HEADS = struct.Struct("<8sHHHHQQQQII16s")
HEAD = struct.Struct("<H6sQQ")
TRIAL = struct.Struct("<16sBBHHBBQQQQQQIHH")
PAGE_ENTRIES_MAX = 16
HEADS_MAX = 52
DOMAINS = {"WEIRBEAT": "weir1 beat", "WEIRCATA": "weir1 catalogue", "WEIRHEAD": "weir1 heads"}


# ---- GF(2^8) with polynomial 0x11d

def _tables():
    exp, log, value = [0] * 512, [0] * 256, 1
    for i in range(255):
        exp[i] = exp[i + 255] = value
        log[value] = i
        value = value << 1 ^ (0x11d if value & 0x80 else 0)
    return exp, log


_EXP, _LOG = _tables()


def gf_mul(a, b):
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def gf_inverse(a):
    return _EXP[255 - _LOG[a]]


@functools.cache
def _times(a):
    return bytes(gf_mul(a, b) for b in range(256))


def coefficient(i, j):
    """Of repair row i (k <= i < row_total) for source row j."""
    return gf_inverse(i ^ j)


def combine(pairs, length):
    """The sum of coefficient times row over (coefficient, row)."""
    total = 0
    for factor, row in pairs:
        if factor:
            total ^= int.from_bytes(row.translate(_times(factor)), "little")
    return total.to_bytes(length, "little")


def repair_row(i, rows):
    return combine(((coefficient(i, j), row) for j, row in enumerate(rows)), len(rows[0]))


def gf_invert(matrix):
    n = len(matrix)
    work = [list(row) + [int(i == j) for j in range(n)] for i, row in enumerate(matrix)]
    for column in range(n):
        pivot = next(i for i in range(column, n) if work[i][column])
        work[column], work[pivot] = work[pivot], work[column]
        factor = gf_inverse(work[column][column])
        work[column] = [gf_mul(factor, value) for value in work[column]]
        for i in range(n):
            if i != column and work[i][column]:
                factor = work[i][column]
                work[i] = [a ^ gf_mul(factor, b) for a, b in zip(work[i], work[column])]
    return [row[n:] for row in work]


def recover(k, have):
    """The missing source rows {j: bytes} from have = {row: bytes}, of which any k are enough."""
    missing = [j for j in range(k) if j not in have]
    repairs = [i for i in sorted(have) if i >= k][:len(missing)]
    if len(repairs) < len(missing):
        return None
    if not missing:
        return {}
    length = len(next(iter(have.values())))
    # What each repair row holds of the missing rows alone.
    rest = [combine([(1, have[i])] + [(coefficient(i, j), have[j]) for j in range(k) if j in have],
                    length) for i in repairs]
    inverse = gf_invert([[coefficient(i, j) for j in missing] for i in repairs])
    return {j: combine(zip(inverse[n], rest), length) for n, j in enumerate(missing)}


# ---- the sender's choice of geometry: 3

def failure(k, r, row_len, blocks):
    """Of one pass at MTU 1500 when 2 % of the datagrams are lost."""
    tail = sum(math.comb(k + r, lost) * 0.02**lost * 0.98**(k + r - lost)
               for lost in range(r + 1, k + r + 1))
    return blocks * -(-(row_len // SYMBOL) // 11) * tail


def choose_geometry(object_len):
    rows = 128
    while -(-object_len // (rows * 8380416)) > 65535:
        rows += 1
    blocks = -(-object_len // (rows * 8380416))
    row_len = -(-object_len // (rows * blocks) // 4096) * 4096
    if row_len >= 45056:
        row_len = -(-row_len // 45056) * 45056
    k = min(-(-object_len // row_len), rows)
    r = max(3, -(-k * 125 // 1000))
    while failure(k, r, row_len, -(-object_len // (k * row_len))) >= 5e-5:
        r += 1
    return row_len, k, r


def row_total(k, r):
    """Rows of the code: those of a pass and the further ones."""
    return min(255, 2 * (k + r))


# ---- datagrams: 1

def tag_key(link_secret):
    return blake(48, "weir1 tag", link_secret)


def tag_of(rest, key):
    """rest: bytes 16 to the end."""
    return suite.siphash(suite.poly1305(rest, key[:32]) + rest[16:24], key[32:])


def tagged(rest, key):
    return tag_of(rest, key) + rest


def encode_data(d, symbols, key):
    front = COMMON.pack(b"", 1, 1, d.route_id, d.block, d.row_len // 4096, d.epoch, d.sequence)[16:]
    front += DATA.pack(d.number, d.object_len // SEGMENT, d.k, d.r, d.row, len(symbols) // SYMBOL,
                       d.first, bytes(6))
    return tagged(front + symbols, key)


def encode_control(message, length, epoch, sequence, key):
    front = COMMON.pack(b"", 1, 2, len(message), 0, 0, epoch, sequence)[16:]
    return tagged((front + message).ljust(length - 16, b"\0"), key)


def row_sent(d):
    """Symbols of the row that are sent: none lies wholly behind the object's end."""
    if d.row >= d.k:
        return d.row_len // SYMBOL
    left = d.object_len - (d.block * d.k + d.row) * d.row_len
    return min(max(-(-left // SYMBOL), 0), d.row_len // SYMBOL)


def read_datagram(raw, key):
    require(len(raw) >= COMMON.size and tag_of(raw[16:], key) == raw[:16], "bad-tag")
    d = SimpleNamespace()
    _, version, d.type, short, d.block, row_units, d.epoch, d.sequence = COMMON.unpack_from(raw)
    require(version == 1, "unknown-version")
    require(d.type in (1, 2), "bad-type")
    require(d.epoch != 0, "bad-limit")
    if d.type == 2:
        require(d.block == 0 and row_units == 0, "bad-reserved")
        require(short <= len(raw) - COMMON.size, "truncated")
        d.message = raw[COMMON.size:COMMON.size + short]
        require(suite.zeros(raw[COMMON.size + short:]), "bad-reserved")
        return d
    require(len(raw) >= COMMON.size + DATA.size, "truncated")
    d.route_id, d.row_len, d.symbols = short, row_units * 4096, raw[COMMON.size + DATA.size:]
    d.number, segments, d.k, d.r, d.row, d.count, d.first, reserved = \
        DATA.unpack_from(raw, COMMON.size)
    require(suite.zeros(reserved), "bad-reserved")
    require(d.route_id != 0 and 1 <= d.number < 1 << 48 and segments >= 3
            and 1 <= d.count <= SYMBOLS_MAX, "bad-limit")
    require(len(d.symbols) == d.count * SYMBOL, "bad-length")
    d.object_len = segments * SEGMENT
    blocks = geometry_check(d.object_len, d.row_len, d.k, d.r)
    require(d.block < blocks and d.row < row_total(d.k, d.r), "bad-limit")
    require(d.first + d.count <= row_sent(d), "bad-limit")
    return d


# ---- datagrams of a link test: 8

def pattern(length):
    register, bits = [1] * 15, 0
    for _ in range(length * 8):
        bit = register[14] ^ register[13]
        register = [bit] + register[:14]
        bits = bits << 1 | bit
    return bits.to_bytes(length, "big")


PATTERN = pattern(9000)


def encode_trial(t, key):
    front = TRIAL.pack(b"", 1, 3, t.step, t.steps, t.part, t.purpose, t.test_id, t.sequence, t.rate,
                       t.number, t.time, t.held, t.duration, t.size, 0)[16:]
    return tagged(front + (PATTERN[:t.size - 108] if t.part in (1, 2) else b""), key)


def read_trial(raw, key):
    require(len(raw) >= COMMON.size and tag_of(raw[16:], key) == raw[:16], "bad-tag")
    require(len(raw) >= TRIAL.size, "truncated")
    t = SimpleNamespace()
    (_, version, kind, t.step, t.steps, t.part, t.purpose, t.test_id, t.sequence, t.rate, t.number,
     t.time, t.held, t.duration, t.size, reserved) = TRIAL.unpack_from(raw)
    require(version == 1, "unknown-version")
    require(kind == 3, "bad-type")
    require(reserved == 0, "bad-reserved")
    require(t.step < t.steps <= 64 and t.part <= 3 and t.purpose in (1, 2) and t.test_id != 0
            and 10**6 <= t.rate <= 10**12 and max(t.number, t.time) < 1 << 48 and t.held <= t.time
            and 10 <= t.duration <= 3600000 and 1500 <= t.size <= 9000, "bad-limit")
    require(t.part in (2, 3) or t.number == 0, "bad-reserved")
    rest = raw[TRIAL.size:]
    require(len(rest) == (t.size - 28 - TRIAL.size if t.part in (1, 2) else 0), "bad-length")
    require(rest == PATTERN[:len(rest)], "damaged")
    return t


# ---- control messages: 2

def encode_beat(b, box):
    raw = BEAT.pack(b"WEIRBEAT", 1, 1, b.bundles, b.epoch, b.beat, b.time, b.generation, b.pages, 0,
                    b.registry_version, b.sent, b.entries, b.head, b.epoch_before, b.waiting,
                    b.heal_rate, b.heal_round, box.id, b"")[:-64]
    return raw + suite.sign("weir1 beat", raw, box.secret)


def encode_page(p, box):
    raw = PAGE.pack(b"WEIRCATA", 1, 1, len(p.entries), 0, p.epoch, p.generation, p.time, p.page,
                    p.pages, p.age, box.id)
    raw += b"".join(ENTRY.pack(e.route_id, e.k, e.r, e.row_len // 4096, e.passes, e.epoch, e.number,
                               e.object_len, e.destroy_by, e.offered_until, e.root)
                    for e in p.entries)
    return raw + suite.sign("weir1 catalogue", raw, box.secret)


def encode_heads(h, box):
    raw = HEADS.pack(b"WEIRHEAD", 1, 1, len(h.routes), 0, h.epoch, h.epoch_before, h.generation,
                     h.time, h.page, h.pages, box.id)
    raw += b"".join(HEAD.pack(route_id, b"", first, newest) for route_id, first, newest in h.routes)
    return raw + suite.sign("weir1 heads", raw, box.secret)


def read_message(raw):
    """Everything but the signature."""
    m = SimpleNamespace(kind=raw[:8].decode("latin-1"))
    require(m.kind in DOMAINS, "bad-magic")
    read = {"WEIRBEAT": _read_beat, "WEIRCATA": _read_page, "WEIRHEAD": _read_heads}
    return read[m.kind](m, raw)


def _read_beat(m, raw):
    require(len(raw) >= BEAT.size, "truncated")
    require(len(raw) == BEAT.size, "trailing-bytes")
    begins(raw, b"WEIRBEAT")
    (_, _, _, m.bundles, m.epoch, m.beat, m.time, m.generation, m.pages, reserved,
     m.registry_version, m.sent, m.entries, m.head, m.epoch_before, m.waiting, m.heal_rate,
     m.heal_round, m.box_key, _) = BEAT.unpack(raw)
    require(reserved == 0, "bad-reserved")
    require(m.entries != 0 or suite.zeros(m.head), "bad-reserved")
    require(m.entries < 1 << 53, "bad-limit")
    require(m.epoch not in (0, m.epoch_before) and m.pages <= 5000 and m.bundles <= m.pages * PAGE_ENTRIES_MAX,
            "bad-limit")
    return m


def _read_page(m, raw):
    require(len(raw) >= PAGE.size, "truncated")
    begins(raw, b"WEIRCATA")
    _, _, _, count, reserved, m.epoch, m.generation, m.time, m.page, m.pages, m.age, m.box_key = \
        PAGE.unpack_from(raw)
    require(count <= PAGE_ENTRIES_MAX, "bad-limit")
    size = PAGE.size + count * ENTRY.size + 64
    require(len(raw) >= size, "truncated")
    require(len(raw) == size, "trailing-bytes")
    require(reserved == 0, "bad-reserved")
    require(m.epoch != 0 and 1 <= m.pages <= 5000 and m.page < m.pages and m.generation < 1 << 48
            and m.age <= (m.pages - 1) * m.generation, "bad-limit")
    m.entries = []
    for i in range(count):
        e = SimpleNamespace()
        (e.route_id, e.k, e.r, units, e.passes, e.epoch, e.number, e.object_len, e.destroy_by,
         e.offered_until, e.root) = ENTRY.unpack_from(raw, PAGE.size + i * ENTRY.size)
        e.row_len = units * 4096
        require(e.epoch != 0 and e.route_id != 0 and 1 <= e.number < 1 << 48, "bad-limit")
        geometry_check(e.object_len, e.row_len, e.k, e.r)
        m.entries.append(e)
    return m


def _read_heads(m, raw):
    require(len(raw) >= HEADS.size, "truncated")
    begins(raw, b"WEIRHEAD")
    (_, _, _, count, reserved, m.epoch, m.epoch_before, m.generation, m.time, m.page, m.pages,
     m.box_key) = HEADS.unpack_from(raw)
    require(count <= HEADS_MAX, "bad-limit")
    size = HEADS.size + count * HEAD.size + 64
    require(len(raw) >= size, "truncated")
    require(len(raw) == size, "trailing-bytes")
    require(reserved == 0, "bad-reserved")
    require(m.epoch not in (0, m.epoch_before) and 1 <= m.pages <= 64 and m.page < m.pages, "bad-limit")
    m.routes = []
    for i in range(count):
        route_id, zeros, first, newest = HEAD.unpack_from(raw, HEADS.size + i * HEAD.size)
        require(suite.zeros(zeros), "bad-reserved")
        require(route_id != 0 and first != 0 and first - 1 <= newest < 1 << 48, "bad-limit")
        require(not m.routes or m.routes[-1][0] < route_id, "bad-order")
        m.routes.append((route_id, first, newest))
    return m


def check_message(m, raw, registry):
    box = registry.by_key("sender", m.box_key)
    require(suite.verify(DOMAINS[m.kind], raw[:-64], raw[-64:], box.public), "bad-signature")


# ---- a transmitter and a receiver: 3, 4

def rows_of_object(data, row_len, k, r):
    """(block, row, bytes) in the order of sending; rows end with the object."""
    blocks = geometry_check(len(data), row_len, k, r)
    for block in range(blocks):
        part = data[block * k * row_len:(block + 1) * k * row_len]
        rows = [part[i * row_len:(i + 1) * row_len] for i in range(k)]
        full = [row.ljust(row_len, b"\0") for row in rows]
        for i in range(k):
            yield block, i, rows[i]
        for i in range(k, k + r):
            yield block, i, repair_row(i, full)


class Partial:
    """One bundle that is being received."""

    def __init__(self, d):
        self.shape = (d.object_len, d.row_len, d.k, d.r)
        self.blocks = geometry_check(*self.shape)
        self.columns = d.row_len // SYMBOL
        # symbols[block][column] = {row: 128 bytes}
        self.symbols = [[self._behind_end(block, column) for column in range(self.columns)]
                        for block in range(self.blocks)]

    def _behind_end(self, block, column):
        object_len, row_len, k, _ = self.shape
        return {row: bytes(SYMBOL) for row in range(k)
                if (block * k + row) * row_len + column * SYMBOL >= object_len}

    def add(self, d):
        require((d.object_len, d.row_len, d.k, d.r) == self.shape, "bad-geometry")
        for i in range(d.count):
            here = self.symbols[d.block][d.first + i]
            here.setdefault(d.row, d.symbols[i * SYMBOL:(i + 1) * SYMBOL])

    def is_decodable(self):
        return all(len(column) >= self.shape[2] for block in self.symbols for column in block)

    def missing_count(self):
        k = self.shape[2]
        return sum(row not in column for block in self.symbols for column in block for row in range(k))

    def object(self):
        object_len, row_len, k, _ = self.shape
        out = bytearray(self.blocks * k * row_len)
        for number, block in enumerate(self.symbols):
            for column, have in enumerate(block):
                for row, symbol in {**have, **(recover(k, have) or {})}.items():
                    if row < k:
                        at = (number * k + row) * row_len + column * SYMBOL
                        out[at:at + SYMBOL] = symbol
        return bytes(out[:object_len])


class Receiver:
    """Takes datagrams one by one; complete(id) gives the object once it can be decoded."""

    def __init__(self, link_secret, registry):
        self.key, self.registry = tag_key(link_secret), registry
        self.catalogue, self.partials, self.waiting, self.refused = {}, {}, [], {}
        self.pages = {}
        self.beats = 0

    def take(self, raw):
        try:
            d = read_datagram(raw, self.key)
            if d.type == 2:
                self._take_message(d.message)
            else:
                self._take_data(d)
        except Refused as refusal:
            self.refused[refusal.verdict] = self.refused.get(refusal.verdict, 0) + 1

    def _take_message(self, raw):
        m = read_message(raw)
        check_message(m, raw, self.registry)
        if m.kind == "WEIRBEAT":
            self.beats += 1
        elif m.kind == "WEIRCATA" and (m.time, m.generation) >= self.pages.get(m.page, (0, 0)):
            self.pages[m.page] = (m.time, m.generation)
            for e in m.entries:
                self.catalogue[(e.epoch, e.route_id, e.number)] = e
            waiting, self.waiting = self.waiting, []
            for d in waiting:
                self._take_data(d)

    def _take_data(self, d):
        bundle_id = (d.epoch, d.route_id, d.number)
        entry = self.catalogue.get(bundle_id)
        if entry is None:
            self.waiting.append(d)
            return
        require((entry.object_len, entry.row_len, entry.k, entry.r)
                == (d.object_len, d.row_len, d.k, d.r), "bad-geometry")
        self.partials.setdefault(bundle_id, None)
        if self.partials[bundle_id] is None:
            self.partials[bundle_id] = Partial(d)
        self.partials[bundle_id].add(d)
