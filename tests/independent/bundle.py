"""Statement, release, head, stanza, segments, manifest, hash tree, objects: BUNDLE.md."""

import io
import os
import struct
from types import SimpleNamespace

import endorsement
import openbundle
import suite
from suite import FRAME, PLAIN, SEGMENT, blake, name32, require

STATEMENT = struct.Struct("<8sHHI16s32s32s16sQQQQII32s32sQBB6s")
RELEASE = struct.Struct("<8sHHHHQQQIBBH32s16s")
BOX_SIGNATURE_AT = SEGMENT - 64
HEAD = struct.Struct("<8sHHHH32s32s32s")
STANZA = struct.Struct("<16s32s48s")
MANIFEST = struct.Struct("<8sHHI16sQQQII")
MEMBER = struct.Struct("<HBBQqIIQ32s")


# ---- statement and release: 2, 3

def encode_statement(s):
    return STATEMENT.pack(b"WEIRPUSH", 1, 1, 0, s.push_id, name32(s.route), name32(s.person),
                          s.person_key, s.registry_version, s.created, s.destroy_by, s.segments,
                          s.manifest_segments, 0, s.root, s.manifest_digest, s.policy_version,
                          s.content_rules, s.scan, b"")


def read_statement(raw):
    suite.begins(raw, b"WEIRPUSH")
    s = SimpleNamespace()
    (_, _, _, reserved, s.push_id, route, person, s.person_key, s.registry_version, s.created,
     s.destroy_by, s.segments, s.manifest_segments, reserved_2, s.root, s.manifest_digest,
     s.policy_version, s.content_rules, s.scan, reserved_3) = STATEMENT.unpack(raw)
    require(reserved == 0 and reserved_2 == 0 and suite.zeros(reserved_3), "bad-reserved")
    s.route, s.person = suite.read_name32(route), suite.read_name32(person)
    require(s.destroy_by >= s.created, "bad-time")
    require(3 <= s.segments <= 2**32 - 2 and 1 <= s.manifest_segments <= 8192, "bad-limit")
    s.content_segments = s.segments - 1 - s.manifest_segments
    require(s.content_segments >= 1 and s.policy_version < 1 << 63, "bad-limit")
    require(s.content_rules <= 1 and s.scan <= 1, "bad-type")
    return s


def geometry_check(object_len, row_len, k, r):
    good = (k >= 1 and r >= 1 and k + r <= 255
            and row_len % 4096 == 0 and 4096 <= row_len <= 8380416
            and object_len % SEGMENT == 0 and object_len >= 49152)
    require(good, "bad-geometry")
    blocks = -(-object_len // (k * row_len))
    require(blocks <= 65535, "bad-geometry")
    require(blocks > 1 or (k - 1) * row_len < object_len, "bad-geometry")
    return blocks


def encode_release(r, statement_raw, endorsements, box_seed, count=None):
    """The whole segment.  endorsements: encoded records; count, when it is to be a wrong one."""
    records = b"".join(endorsements)
    raw = RELEASE.pack(b"WEIRRELS", 1, 1, r.route_id, len(endorsements) if count is None else count,
                       r.epoch, r.number, r.released_at, r.row_len, r.k, r.r, len(records),
                       name32(r.box), r.box_key)
    return sign_release(raw + statement_raw + records, box_seed)


def sign_release(raw, box_seed, domain="weir1 release"):
    raw = raw[:BOX_SIGNATURE_AT].ljust(BOX_SIGNATURE_AT, b"\0")
    return raw + suite.sign(domain, raw, box_seed)


def read_release(segment):
    suite.begins(segment, b"WEIRRELS")
    r = SimpleNamespace(raw=segment)
    (_, _, _, r.route_id, count, r.epoch, r.number, r.released_at, r.row_len, r.k, r.r, length, box,
     r.box_key) = RELEASE.unpack_from(segment)
    require(length <= endorsement.BYTES_MAX, "bad-limit")
    require(r.epoch != 0 and 1 <= r.number < 1 << 48, "bad-limit")
    r.box = suite.read_name32(box)
    at = RELEASE.size + STATEMENT.size
    r.statement_raw = segment[RELEASE.size:at]
    r.statement = s = read_statement(r.statement_raw)
    r.endorsements = endorsement.read_endorsements(segment[at:at + length], count)
    require(r.released_at >= s.created, "bad-time")
    r.object_len = (s.segments + 1) * SEGMENT
    geometry_check(r.object_len, r.row_len, r.k, r.r)
    require(suite.zeros(segment[at + length:BOX_SIGNATURE_AT]), "bad-reserved")
    return r


def check_release(r, registry):
    box = registry.card("sender", r.box, r.box_key)
    registry.judge("sender", r.box, r.released_at)
    require(suite.verify("weir1 release", r.raw[:BOX_SIGNATURE_AT], r.raw[BOX_SIGNATURE_AT:],
                         box.public), "bad-signature", "box")
    if r.statement.route == openbundle.ROUTE:
        openbundle.check(r, registry)
        return
    route = endorsement.check(r.statement, r.statement_raw, r.endorsements, registry, r.released_at,
                              r.box_key)
    require(route["id"] == r.route_id, "wrong-route")


# ---- head and stanzas: 4

def file_keys(file_key):
    return SimpleNamespace(file=file_key, content=blake(32, "weir1 content", file_key),
                           manifest=blake(32, "weir1 manifest", file_key))


def _wrap(shared, ephemeral, public, psk, route):
    return blake(32, "weir1 wrap", psk,
                 struct.pack("<H", 1) + shared + ephemeral + public + name32(route))


def encode_stanza(card, psk, route, keys, ephemeral_secret=None):
    secret = ephemeral_secret or os.urandom(32)
    ephemeral = suite.exchange_public(secret)
    wrap = _wrap(suite.exchange(secret, card.public), ephemeral, card.public, psk, route)
    return STANZA.pack(card.id, ephemeral, suite.seal(keys.file, card.id, bytes(24), wrap))


def encode_head(route, keys, stanzas):
    """Stanzas are put in ascending order of key id, which is how each begins."""
    head = HEAD.pack(b"WEIRHEAD", 1, 1, len(stanzas), 0, name32(route),
                     blake(32, "weir1 commit", keys.file), blake(32, "weir1 commit", keys.manifest))
    return (head + b"".join(sorted(stanzas))).ljust(SEGMENT, b"\0")


def read_head(segment, route=None):
    suite.begins(segment, b"WEIRHEAD")
    h = SimpleNamespace()
    _, _, _, count, reserved, name, h.file_commitment, h.manifest_commitment = \
        HEAD.unpack_from(segment)
    require(1 <= count <= 128, "bad-limit")
    require(reserved == 0, "bad-reserved")
    require(route is None or name == name32(route), "wrong-route")
    h.route = suite.read_name32(name)
    h.stanzas = [STANZA.unpack_from(segment, HEAD.size + i * STANZA.size) for i in range(count)]
    ids = [stanza[0] for stanza in h.stanzas]
    require(all(a < b for a, b in zip(ids, ids[1:])), "bad-order")
    require(suite.zeros(segment[HEAD.size + count * STANZA.size:]), "bad-reserved")
    return h


def open_head(h, recipient, psk):
    for key_id, ephemeral, sealed in h.stanzas:
        if key_id == recipient.id:
            break
    else:
        raise suite.Refused("wrong-recipient")
    shared = suite.exchange(recipient.secret, ephemeral)
    wrap = _wrap(shared, ephemeral, recipient.public, psk, h.route)
    file_key = suite.unseal(sealed, key_id, bytes(24), wrap)
    require(file_key is not None, "wrong-key")
    keys = file_keys(file_key)
    require(blake(32, "weir1 commit", keys.file) == h.file_commitment, "bad-commitment")
    require(blake(32, "weir1 commit", keys.manifest) == h.manifest_commitment, "bad-commitment")
    return keys


# ---- streams and segments: 5

def _nonce(index, last):
    return suite.u64(index) + bytes([last]) + bytes(15)


def seal_stream(stream, count, key):
    stream = stream.ljust(count * PLAIN, b"\0")
    return b"".join(suite.seal(stream[i * PLAIN:(i + 1) * PLAIN], b"", _nonce(i, i == count - 1), key)
                    for i in range(count))


def open_stream(sealed, key):
    count, parts = len(sealed) // SEGMENT, []
    for i in range(count):
        part = suite.unseal(sealed[i * SEGMENT:(i + 1) * SEGMENT], b"", _nonce(i, i == count - 1), key)
        require(part is not None, "damaged", f"segment {i}")
        parts.append(part)
    return b"".join(parts)


def padme(length):
    if length < 2:
        return length
    e = length.bit_length() - 1
    step = 1 << (e - e.bit_length())
    return -(-length // step) * step


def padded_counts(content_raw, manifest_raw):
    """C and M for the segments that the streams need."""
    content_raw, m = max(content_raw, 1), padme(max(manifest_raw, 1))
    return padme(1 + content_raw + m) - 1 - m, m


# ---- manifest: 5

def member_of(name, data, rule=0, mtime=0, mtime_ns=0):
    return SimpleNamespace(name=name.encode() if isinstance(name, str) else name, data=data,
                           rule=rule, size=len(data), mtime=mtime, mtime_ns=mtime_ns, columns=0,
                           records=count_records(data, rule),
                           digest=suite.sha256(data))


def count_records(data, rule):
    if rule == 0:
        return 0
    if rule == 2:
        # Line feeds inside quotes part nothing; the first record is the header.
        outside = b"".join(data.split(b'"')[::2])
        last = data[-1:] not in (b"", b"\n") or (data.endswith(b"\n") and data.count(b'"') % 2)
        return max(outside.count(b"\n") + bool(last) - 1, 0)
    return data.count(b"\n") + (data[-1:] not in (b"", b"\n"))


def encode_manifest(push_id, members, frame_lens):
    out = [MANIFEST.pack(b"WEIRMANI", 1, 1, 0, push_id, sum(m.size for m in members),
                         sum(frame_lens), sum(m.records for m in members), len(frame_lens),
                         len(members)), struct.pack(f"<{len(frame_lens)}I", *frame_lens)]
    for m in members:
        out += [MEMBER.pack(len(m.name), m.rule, 0, m.size, m.mtime, m.mtime_ns, m.columns, m.records,
                            m.digest), m.name]
    return b"".join(out)


def check_member_name(name):
    require(1 <= len(name) <= 4096 and all(b >= 0x20 and b != 0x7f for b in name), "bad-name")
    require(all(1 <= len(part) <= 255 and part not in (b".", b"..") for part in name.split(b"/")),
            "bad-name")


def read_manifest(raw):
    require(len(raw) >= 8, "truncated")
    require(raw[:8] == b"WEIRMANI", "bad-magic")
    require(len(raw) >= MANIFEST.size, "truncated")
    suite.begins(raw, b"WEIRMANI")
    m = SimpleNamespace()
    (_, _, _, reserved, m.push_id, m.content_len, m.stream_len, m.records, frame_count,
     member_count) = MANIFEST.unpack_from(raw)
    require(reserved == 0, "bad-reserved")
    require(member_count <= 1000000, "bad-limit")
    require(frame_count == -(-m.content_len // FRAME), "bad-manifest")
    at = MANIFEST.size
    require(len(raw) >= at + 4 * frame_count, "truncated")
    m.frame_lens = struct.unpack_from(f"<{frame_count}I", raw, at)
    require(all(1 <= each <= 1052672 for each in m.frame_lens), "bad-limit")
    at, m.members = at + 4 * frame_count, []
    for _ in range(member_count):
        member, at = _read_member(raw, at)
        m.members.append(member)
    require(at == len(raw), "trailing-bytes")
    _check_order([member.name for member in m.members])
    require(sum(member.size for member in m.members) == m.content_len, "bad-manifest")
    require(sum(m.frame_lens) == m.stream_len, "bad-manifest")
    require(sum(member.records for member in m.members) == m.records, "bad-manifest")
    return m


def _read_member(raw, at):
    require(len(raw) >= at + MEMBER.size, "truncated")
    m = SimpleNamespace()
    (name_len, m.rule, reserved, m.size, m.mtime, m.mtime_ns, m.columns, m.records,
     m.digest) = MEMBER.unpack_from(raw, at)
    require(m.rule <= 2 and m.mtime_ns < 10**9, "bad-limit")
    require(reserved == 0, "bad-reserved")
    require(m.rule or not m.records, "bad-manifest")
    at += MEMBER.size
    require(len(raw) >= at + name_len, "truncated")
    m.name = raw[at:at + name_len]
    check_member_name(m.name)
    return m, at + name_len


def order_key(name):
    return name.replace(b"/", b"\0")


def _check_order(names):
    for a, b in zip(names, names[1:]):
        require(order_key(a) < order_key(b), "bad-order")
        require(not b.startswith(a + b"/"), "bad-order", "a name is a folder of the next")


def manifest_digest(keys, manifest):
    return blake(32, "weir1 manidigest", keys.manifest, manifest)


def manifest_stream(manifest):
    frame = suite.compress(manifest)
    return struct.pack("<II", len(frame), len(manifest)) + frame


def open_manifest_stream(stream):
    z, length = struct.unpack_from("<II", stream)
    require(length <= 67108864, "bad-limit")
    require(z <= len(stream) - 8, "truncated")
    require(suite.zeros(stream[8 + z:]), "bad-reserved")
    return suite.decompress(stream[8:8 + z], length)


# ---- hash tree: 6

def tree_root(body):
    count = len(body) // SEGMENT
    leaves = [suite.sha256(body[i * SEGMENT:(i + 1) * SEGMENT])
              for i in range(count)]
    return suite.sha256(b"\2" + suite.u64(count) + _top(leaves))


def _top(hashes):
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return suite.sha256(b"\1" + _top(hashes[:split]) + _top(hashes[split:]))


# ---- whole objects: 1, 7

def frames_of(content):
    return [suite.compress(content[at:at + FRAME]) for at in range(0, len(content), FRAME)]


def seal_body(route, cards_and_psks, members, **fixed):
    """The body, and what the push statement says of it.  fixed: file_key, push_id, ephemerals."""
    members = sorted(members, key=lambda m: order_key(m.name))
    keys = file_keys(fixed.get("file_key") or os.urandom(32))
    push_id = fixed.get("push_id") or os.urandom(16)
    frames = frames_of(b"".join(m.data for m in members))
    manifest = encode_manifest(push_id, members, [len(f) for f in frames])
    return assemble_body(route, cards_and_psks, keys, push_id, b"".join(frames), manifest,
                         fixed.get("ephemerals"))


def assemble_body(route, cards_and_psks, keys, push_id, content, manifest, ephemerals=None,
                  manifest_raw=None, head=None):
    """From streams that are already made (and perhaps wrong on purpose)."""
    manifest_raw = manifest_raw or manifest_stream(manifest)
    c, m = padded_counts(-(-len(content) // PLAIN), -(-len(manifest_raw) // PLAIN))
    ephemerals = ephemerals or [None] * len(cards_and_psks)
    stanzas = [encode_stanza(card, psk, route, keys, ephemeral)
               for (card, psk), ephemeral in zip(cards_and_psks, ephemerals)]
    body = ((head or encode_head(route, keys, stanzas)) + seal_stream(content, c, keys.content)
            + seal_stream(manifest_raw, m, keys.manifest))
    return body, SimpleNamespace(push_id=push_id, route=route, segments=1 + c + m,
                                 manifest_segments=m, root=tree_root(body),
                                 manifest_digest=manifest_digest(keys, manifest))


def encode_object(body, release_raw):
    return release_raw + body


class Object:
    """Reads in the order of section 7; each step is a method and refuses by raising."""

    def __init__(self, data):
        require(len(data) >= SEGMENT, "truncated")
        self.release = read_release(data[:SEGMENT])
        length = self.release.object_len
        require(len(data) >= length, "truncated")
        self.body, self.registry_text = data[SEGMENT:length], data[length:]

    def verify(self, registry):
        check_release(self.release, registry)
        require(tree_root(self.body) == self.release.statement.root, "bad-root")
        s = self.release.statement
        if s.route == openbundle.ROUTE:
            return  # it is sealed to nobody
        keys = registry.judge("route", s.route, self.release.released_at)
        for key_id, _, _ in read_head(self.body[:SEGMENT], s.route).stanzas:
            names = [n for n in keys["recipients"] if registry.cards[("recipient", n)].id == key_id]
            require(names, "wrong-recipient", key_id.hex())
            registry.judge("recipient", names[0], self.release.released_at)

    def open_text(self):
        """What an open bundle carries: section 9."""
        return openbundle.read(self.body, self.release.statement)

    def unlock(self, recipient, psk):
        s = self.release.statement
        self.keys = open_head(read_head(self.body[:SEGMENT], s.route), recipient, psk)
        cut = SEGMENT * (1 + s.content_segments)
        self.content_sealed = self.body[SEGMENT:cut]
        manifest = open_manifest_stream(open_stream(self.body[cut:], self.keys.manifest))
        require(manifest_digest(self.keys, manifest) == s.manifest_digest, "bad-digest")
        self.manifest = read_manifest(manifest)
        require(self.manifest.push_id == s.push_id, "bad-manifest")
        require(self.manifest.stream_len <= s.content_segments * PLAIN, "bad-manifest")

    def members(self):
        """(member, plaintext), each checked before it is given."""
        stream, m, plain, at = open_stream(self.content_sealed, self.keys.content), self.manifest, [], 0
        left = m.content_len
        for length in m.frame_lens:
            plain.append(suite.decompress(stream[at:at + length], min(left, FRAME)))
            at, left = at + length, left - len(plain[-1])
        content = io.BytesIO(b"".join(plain))
        for member in m.members:
            data = content.read(member.size)
            require(suite.sha256(data) == member.digest, "bad-digest")
            require(count_records(data, member.rule) == member.records, "bad-count")
            yield member, data
