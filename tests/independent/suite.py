"""The primitives of suite 1 (BUNDLE.md): BLAKE2b and SHA-256 of Python, the rest of libsodium and libzstd."""

import ctypes
import hashlib
import struct

_sodium = ctypes.CDLL("libsodium.so.23")
_zstd = ctypes.CDLL("libzstd.so.1")
if _sodium.sodium_init() < 0:
    raise SystemExit("libsodium does not start")

SEAL = 16
SEGMENT = 16384
PLAIN = SEGMENT - SEAL
FRAME = 1048576
WINDOW_MAX = 8 << 20


class Refused(Exception):
    """An input was refused; verdict is the stable name of the reason."""

    def __init__(self, verdict, detail=""):
        super().__init__(f"{verdict}: {detail}" if detail else verdict)
        self.verdict = verdict


def require(condition, verdict, detail=""):
    if not condition:
        raise Refused(verdict, detail)


def begins(raw, magic):
    """Magic, version and suite: the same for every format."""
    require(raw[:8] == magic, "bad-magic")
    version, suite_id = struct.unpack_from("<HH", raw, 8)
    require(version == 1, "unknown-version")
    require(suite_id == 1, "unknown-suite")


def zeros(data):
    return data.count(0) == len(data)


def blake(size, person="", key=b"", data=b""):
    return hashlib.blake2b(data, digest_size=size, key=key, person=person.encode()).digest()


def sha256(data):
    return hashlib.sha256(data).digest()


def _domain(domain):
    return domain.encode().ljust(16, b"\0")


def sign_public(seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    _sodium.crypto_sign_seed_keypair(public, secret, seed)
    return public.raw


def sign(domain, data, seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    _sodium.crypto_sign_seed_keypair(public, secret, seed)
    signature, message = ctypes.create_string_buffer(64), _domain(domain) + data
    _sodium.crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(len(message)), secret)
    return signature.raw


def verify(domain, data, signature, public):
    message = _domain(domain) + data
    return 0 == _sodium.crypto_sign_verify_detached(
        signature, message, ctypes.c_ulonglong(len(message)), public)


def exchange_public(secret):
    public = ctypes.create_string_buffer(32)
    _sodium.crypto_scalarmult_base(public, secret)
    return public.raw


def exchange(secret, public):
    shared = ctypes.create_string_buffer(32)
    failed = _sodium.crypto_scalarmult(shared, secret, public)
    require(not failed and not zeros(shared.raw), "bad-key")
    return shared.raw


def seal(plain, ad, nonce, key):
    out = ctypes.create_string_buffer(len(plain) + SEAL)
    _sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        out, None, plain, ctypes.c_ulonglong(len(plain)), ad, ctypes.c_ulonglong(len(ad)), None,
        nonce, key)
    return out.raw


def unseal(sealed, ad, nonce, key):
    """The plaintext, or None when it does not open."""
    out = ctypes.create_string_buffer(max(len(sealed) - SEAL, 1))
    failed = _sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, None, None, sealed, ctypes.c_ulonglong(len(sealed)), ad,
        ctypes.c_ulonglong(len(ad)), nonce, key)
    return None if failed else out.raw[:len(sealed) - SEAL]


def poly1305(data, key):
    out = ctypes.create_string_buffer(16)
    _sodium.crypto_onetimeauth_poly1305(out, data, ctypes.c_ulonglong(len(data)), key)
    return out.raw


def siphash(data, key):
    tag = ctypes.create_string_buffer(16)
    _sodium.crypto_shorthash_siphashx24(tag, data, ctypes.c_ulonglong(len(data)), key)
    return tag.raw


def argon2id(passphrase, salt, operations, memory_kib):
    out = ctypes.create_string_buffer(32)
    failed = _sodium.crypto_pwhash(
        out, ctypes.c_ulonglong(32), passphrase, ctypes.c_ulonglong(len(passphrase)), salt,
        ctypes.c_ulonglong(operations), ctypes.c_size_t(memory_kib * 1024), 2)
    if failed:
        raise MemoryError("Argon2id")
    return out.raw


_zstd.ZSTD_compressBound.restype = ctypes.c_size_t
_zstd.ZSTD_compress.restype = ctypes.c_size_t
_zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t


def compress(data, level=1):
    out = ctypes.create_string_buffer(_zstd.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    used = _zstd.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)),
                               level)
    if _zstd.ZSTD_isError(ctypes.c_size_t(used)):
        raise ValueError("zstd cannot compress")
    return out.raw[:used]


def frame_header(frame):
    """Content size (None when not declared), window and dictionary id: RFC 8878 3.1.1.1."""
    require(len(frame) >= 6 and frame[:4] == b"\x28\xb5\x2f\xfd", "bad-frame", "no zstd frame")
    flags, at = frame[4], 5
    single, window = flags >> 5 & 1, None
    require(not flags & 8, "bad-frame", "reserved bit")
    if not single:
        base = 1 << (10 + (frame[at] >> 3))
        window, at = base + base // 8 * (frame[at] & 7), at + 1
    dictionary_bytes = (0, 1, 2, 4)[flags & 3]
    dictionary, at = int.from_bytes(frame[at:at + dictionary_bytes], "little"), at + dictionary_bytes
    content_bytes = (single, 2, 4, 8)[flags >> 6]
    content = None
    if content_bytes:
        require(len(frame) >= at + content_bytes, "bad-frame", "header cut off")
        content = int.from_bytes(frame[at:at + content_bytes], "little")
        content += 256 if content_bytes == 2 else 0
    return content, content if single else window, dictionary


def decompress(frame, wanted):
    """One frame that must declare exactly `wanted` bytes of content."""
    content, window, dictionary = frame_header(frame)
    require(content == wanted and dictionary == 0 and window <= WINDOW_MAX, "bad-frame")
    size = ctypes.c_size_t(len(frame))
    require(_zstd.ZSTD_findFrameCompressedSize(frame, size) == len(frame), "bad-frame")
    out = ctypes.create_string_buffer(max(wanted, 1))
    got = _zstd.ZSTD_decompress(out, ctypes.c_size_t(wanted), frame, size)
    require(got == wanted, "bad-frame", "does not decompress")
    return out.raw[:wanted]


def name32(name):
    return name.encode().ljust(32, b"\0")


def valid_name(text):
    return (1 <= len(text) <= 31 and text[0] in "abcdefghijklmnopqrstuvwxyz"
            and all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in text))


def read_name32(raw):
    text = raw.rstrip(b"\0")
    require(raw[31] == 0 and b"\0" not in text, "bad-name")
    text = text.decode("latin-1")
    require(valid_name(text), "bad-name")
    return text


def u64(value):
    return struct.pack("<Q", value)
