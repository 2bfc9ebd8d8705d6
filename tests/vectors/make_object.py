"""Vectors of whole objects and .weir files: BUNDLE.md 1, 5 and 7."""

import struct

import bundle
import registry
import suite
from suite import FRAME, PLAIN, SEGMENT
from world import (PSKS, RECIPIENTS, REGISTRY, REGISTRY_TEXT, ROOTS, ROOTS_TEXT, fixed, flip, put,
                   registry_text, release, statement)

FOLDERS = ("object", "weir")
KEYS = bundle.file_keys(fixed("file key"))
PUSH_ID = fixed("push id", 16)
READER = RECIPIENTS["tax-agency"]


def text_member():
    lines = [f"A{i:09d},王小明{i},臺北市\n" for i in range(40)]
    return bundle.member_of("lines.txt", "".join(lines).encode(), 1, 1780300800, 5)


def csv_member():
    return bundle.member_of("people.csv", 'id,name,note\r\n1,"Lee ""Hao""",\r\n2,"two\nlines",x\r\n3,陳,'.encode(), 2, -1)


MEMBERS = [bundle.member_of("data/empty", b""), bundle.member_of("data/zeros.bin", bytes(300)),
           text_member(), csv_member()]


def raw_frame(blocks, declared=None, window=None, dictionary=0, checksum=b""):
    """A zstd frame of raw blocks, with any header: RFC 8878 3.1.1.1."""
    flags = (0xc0 if declared is not None else 0) | (0 if window else 0x20)
    flags |= (4 if checksum else 0) | (1 if dictionary else 0)
    out = b"\x28\xb5\x2f\xfd" + bytes([flags])
    out += bytes([(window.bit_length() - 11) << 3]) if window else b""
    out += bytes([dictionary]) if dictionary else b""
    out += struct.pack("<Q", declared) if declared is not None else b""
    for i, block in enumerate(blocks):
        header = len(block) << 3 | (i == len(blocks) - 1)
        out += header.to_bytes(3, "little") + block
    return out + checksum


class Maker:
    """Makes an object from streams that may be wrong; all keys are fixed."""

    def __init__(self, members=None, route="tax", recipients=("tax-agency",)):
        self.members, self.route, self.recipients = members or [], route, recipients
        self.content = b"".join(m.data for m in self.members)
        self.frames = bundle.frames_of(self.content)
        self.manifest = bundle.encode_manifest(PUSH_ID, self.members, [len(f) for f in self.frames])

    def make(self, frames=None, manifest=None, manifest_raw=None, head=None, change_body=None,
             stream=None, digest=None, psks=PSKS, recipients=None, **release_changes):
        frames = self.frames if frames is None else frames
        manifest = self.manifest if manifest is None else manifest
        names = recipients or self.recipients
        body, facts = bundle.assemble_body(
            self.route, [(RECIPIENTS[n].card, psks[n].secret) for n in names], KEYS, PUSH_ID,
            b"".join(frames) if stream is None else stream, manifest,
            [fixed(f"ephemeral {n}") for n in names], manifest_raw, head)
        if change_body:
            body = change_body(body)
        s = statement(push_id=PUSH_ID, route=self.route, segments=facts.segments,
                      manifest_segments=facts.manifest_segments, root=bundle.tree_root(body),
                      manifest_digest=digest or facts.manifest_digest)
        raw = release(s, **release_changes)
        return bundle.encode_object(body, raw)

    def with_frames(self, frames, **more):
        """The manifest tells the truth about these frames."""
        manifest = bundle.encode_manifest(PUSH_ID, self.members, [len(f) for f in frames])
        return self.make(frames=frames, manifest=manifest, **more)


def open_all(raw, recipient=READER, psk=PSKS["tax-agency"]):
    o = bundle.Object(raw)
    o.verify(REGISTRY)
    o.unlock(recipient, psk.secret)
    return list(o.members())


def open_weir(raw):
    o = bundle.Object(raw)
    suite.require(o.registry_text, "truncated", "no registry")
    own = registry.Registry(o.registry_text, registry.Roots(ROOTS_TEXT))
    o.verify(own)
    o.unlock(READER, PSKS["tax-agency"].secret)
    return list(o.members())


def make(vectors):
    maker = Maker(MEMBERS)
    base = maker.make()
    vectors.write("object/ok.bin", base, open_all)

    def write(name, raw):
        vectors.recipe(f"object/{name}.patch", "object/ok.bin", base, raw, open_all)

    _good(vectors, maker, write)
    _outside(write, maker, base)
    _heads(write, maker)
    _manifest_streams(write, maker)
    _frames(write, maker)
    _contents(write, maker)
    _second_frames(vectors)
    _weirs(vectors, base)


def _good(vectors, maker, write):
    write("ok--nothing-inside", Maker([]).make())
    write("ok--frame-with-checksum", _checksum(maker))
    write("ok--frame-of-raw-blocks", maker.with_frames([raw_frame([maker.content], len(maker.content))]))
    write("ok--window-of-8-mib",
          maker.with_frames([raw_frame([maker.content], len(maker.content), 8 << 20)]))
    write("ok--bytes-behind-the-last-frame", maker.make(stream=maker.frames[0] + b"padding"))
    three = Maker(MEMBERS, "all", ("tax-agency", "census", "audit")).make()
    vectors.write("object/ok--three-recipients.bin", three, lambda raw: [
        open_all(raw, RECIPIENTS[n], PSKS[n]) for n in RECIPIENTS])


def _checksum(maker):
    # XXH64 of the content, low 4 bytes: taken from a frame that zstd itself makes.
    return maker.with_frames([_with_checksum(maker.content)])


def _with_checksum(data):
    import ctypes
    z = suite._zstd
    z.ZSTD_createCCtx.restype = ctypes.c_void_p
    z.ZSTD_compress2.restype = ctypes.c_size_t
    context = ctypes.c_void_p(z.ZSTD_createCCtx())
    z.ZSTD_CCtx_setParameter(context, 201, 1)
    out = ctypes.create_string_buffer(len(data) + 1000)
    used = z.ZSTD_compress2(context, out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)))
    z.ZSTD_freeCCtx(context)
    return out.raw[:used]


def _outside(write, maker, base):
    write("truncated--inside-the-release", base[:SEGMENT - 1])
    write("truncated--inside-the-body", base[:-1])
    write("truncated--a-segment-less", base[:-SEGMENT])
    write("truncated--only-the-release", base[:SEGMENT])
    write("bad-root--head", flip(base, SEGMENT + 200))
    write("bad-root--content", flip(base, 2 * SEGMENT + 5))
    write("bad-root--last-byte", flip(base, len(base) - 1))
    write("bad-signature--person", maker.make(signer="lee-hao"))
    write("bad-signature--box", flip(base, SEGMENT - 9))
    write("bad-reserved--release-segment", put(base, 500, 1))


def _heads(write, maker):
    write("wrong-route--head", maker.make(change_body=lambda b: put(b, 16, b"all")))
    write("bad-magic--head", maker.make(change_body=lambda b: flip(b, 0)))
    write("bad-reserved--head", maker.make(change_body=lambda b: put(b, 16383, 1)))
    write("bad-commitment--file-key", maker.make(change_body=lambda b: flip(b, 48)))
    write("bad-commitment--manifest-key", maker.make(change_body=lambda b: flip(b, 80)))
    write("wrong-recipient--of-another-route", maker.make(recipients=("census",)))
    write("wrong-recipient--unknown-key", maker.make(change_body=lambda b: put(b, 112, bytes(16))))
    write("wrong-recipient", Maker(maker.members, route="all").make(recipients=("census",), route_id=4))
    write("wrong-key--other-pre-shared-key", maker.make(psks={"tax-agency": PSKS["census"]}))
    write("wrong-key--stanza-damaged", maker.make(change_body=lambda b: flip(b, 112 + 50)))
    write("bad-key--ephemeral-zero", maker.make(change_body=lambda b: put(b, 112 + 16, bytes(32))))
    write("bad-key--ephemeral-of-low-order",
          maker.make(change_body=lambda b: put(b, 112 + 16, b"\1" + bytes(31))))


def _manifest_streams(write, maker):
    frame, length = suite.compress(maker.manifest), len(maker.manifest)

    def stream(z, length_told, rest):
        return struct.pack("<II", z, length_told) + rest

    at = 2 * SEGMENT
    write("damaged--manifest", maker.make(change_body=lambda b: flip(b, at + 9)))
    write("bad-limit--manifest-length", maker.make(manifest_raw=stream(len(frame), 67108865, frame)))
    write("truncated--manifest-frame", maker.make(manifest_raw=stream(PLAIN - 7, length, frame)))
    write("bad-reserved--behind-the-manifest",
          maker.make(manifest_raw=stream(len(frame), length, frame + bytes(50) + b"\1")))
    write("bad-frame--manifest-of-another-length",
          maker.make(manifest_raw=stream(len(frame), length + 1, frame)))
    write("bad-frame--manifest-is-no-frame",
          maker.make(manifest_raw=stream(len(frame), length, flip(frame, 0))))
    write("bad-frame--manifest-frame-cut",
          maker.make(manifest_raw=stream(len(frame) - 1, length, frame[:-1])))
    sizeless = raw_frame([maker.manifest], None, 1 << 20)
    write("bad-frame--manifest-without-content-size",
          maker.make(manifest_raw=stream(len(sizeless), length, sizeless)))
    write("bad-digest--manifest", maker.make(digest=fixed("other digest")))
    push = bundle.encode_manifest(fixed("another push", 16), maker.members, [len(f) for f in maker.frames])
    write("bad-manifest--other-push-id", maker.make(manifest=push))
    beyond = bundle.encode_manifest(PUSH_ID, maker.members, [PLAIN + 1])
    write("bad-manifest--frames-beyond-the-content", maker.make(manifest=beyond))
    write("bad-magic--manifest", maker.make(manifest=flip(maker.manifest, 0)))
    write("trailing-bytes--manifest", maker.make(manifest=maker.manifest + b"\0"))


def _last_flipped(raw):
    return flip(raw, len(raw) - 1)


def _frames(write, maker):
    content = maker.content
    size = len(content)
    write("damaged--content", maker.make(change_body=lambda b: flip(b, SEGMENT + 9)))
    write("damaged--content-tag", maker.make(change_body=lambda b: flip(b, 2 * SEGMENT - 1)))
    write("bad-frame--above-1-mib", maker.with_frames([raw_frame([content], FRAME + 1)]))
    write("bad-frame--of-16-eib", maker.with_frames([raw_frame([content], 2**64 - 3)]))
    write("bad-frame--a-byte-less", maker.with_frames([raw_frame([content[:-1]], size - 1)]))
    write("bad-frame--a-byte-more", maker.with_frames([raw_frame([content + b"x"], size + 1)]))
    write("bad-frame--declares-more-than-it-holds", maker.with_frames([raw_frame([content[:-1]], size)]))
    write("bad-frame--declares-less-than-it-holds", maker.with_frames([raw_frame([content + b"x"], size)]))
    write("bad-frame--without-content-size", maker.with_frames([raw_frame([content], None, 1 << 20)]))
    write("bad-frame--window-of-16-mib", maker.with_frames([raw_frame([content], size, 16 << 20)]))
    write("bad-frame--dictionary", maker.with_frames([raw_frame([content], size, dictionary=7)]))
    write("bad-frame--magic", maker.with_frames([flip(maker.frames[0], 0)]))
    write("bad-frame--skippable", maker.with_frames([b"\x50\x2a\x4d\x18\x04\0\0\0abcd"]))
    write("bad-frame--wrong-checksum", maker.with_frames([_last_flipped(_with_checksum(content))]))
    write("bad-frame--cut", maker.with_frames([maker.frames[0][:-1]]))
    write("bad-frame--bytes-behind-it", maker.with_frames([maker.frames[0] + b"\0"]))
    halves = [raw_frame([content[:9]], 9), raw_frame([content[9:]], size - 9)]
    write("bad-frame--two-in-one", maker.with_frames([b"".join(halves)]))


def _contents(write, maker):
    def with_member(index, **changes):
        members = [type(m)(**vars(m)) for m in maker.members]
        for field, value in changes.items():
            setattr(members[index], field, value)
        return maker.make(manifest=bundle.encode_manifest(PUSH_ID, members,
                                                          [len(f) for f in maker.frames]))

    write("bad-digest--first-member", with_member(0, digest=fixed("digest")))
    write("bad-digest--last-member", with_member(3, digest=fixed("digest")))
    write("bad-count--lines", with_member(2, records=41))
    write("bad-count--csv", with_member(3, records=4))


def _second_frames(vectors):
    """1.5 MiB in two frames and two content segments or more."""
    data = b"".join(b"%09d,%s\n" % (i, fixed(f"row {i // 900}", 16).hex().encode()) for i in range(36000))
    maker = Maker([bundle.member_of("big.txt", data, 1)])
    base = maker.make()
    vectors.write("object/ok--two-frames.bin", base, open_all)
    assert len(maker.frames) == 2 and len(base) > 4 * SEGMENT, (len(maker.frames), len(base))

    def write(name, raw):
        vectors.recipe(f"object/{name}.patch", "object/ok--two-frames.bin", base, raw, open_all)

    write("damaged--second-content-segment", maker.make(change_body=lambda b: flip(b, 2 * SEGMENT + 9)))
    first, second = maker.frames
    write("bad-frame--second-frame", maker.make(frames=[first, flip(second, 0)]))
    moved = suite.compress(maker.content[:FRAME - 1])
    write("bad-frame--first-frame-not-full",
          maker.with_frames([moved, suite.compress(maker.content[FRAME - 1:])]))

    def unsealed_end(body):
        count = len(body) // SEGMENT - 2
        last = bundle.open_stream(body[SEGMENT:-SEGMENT], KEYS.content)[-PLAIN:]
        nonce = suite.u64(count - 1) + bytes(16)
        return put(body, SEGMENT * count, suite.seal(last, b"", nonce, KEYS.content))

    write("damaged--last-segment-without-its-flag", maker.make(change_body=unsealed_end))


def _weirs(vectors, base):
    def write(name, registry_name, text, data=base):
        lines = ["base object/ok.bin"]
        lines += [f"length {len(data)}"] if len(data) < len(base) else []
        lines += [f"append {registry_name}"] if registry_name else []
        vectors.write(f"weir/{name}.patch", data + text, open_weir, "\n".join(lines).encode() + b"\n")

    write("ok", "registry/ok.conf", REGISTRY_TEXT)
    changed = REGISTRY_TEXT.replace(b"priority = 4", b"priority = 3", 1)
    write("bad-signature--registry", "registry/bad-signature--text-changed.conf", changed)
    few = registry.sign(registry_text().encode(), ROOTS[:1])
    write("too-few-signatures--registry", "registry/too-few-signatures--one.conf", few)
    write("truncated--no-registry", None, b"")
    write("truncated--inside-the-object", None, b"", base[:-1])
