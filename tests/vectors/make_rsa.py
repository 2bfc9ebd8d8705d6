"""Vectors of RSA signatures (REGISTRY.md 1): modulus, signature and message, one behind the other."""

import hashlib

import make_registry
import registry
import rsa
from world import (CREATED, ROOTS, ROOTS_TEXT, RsaKey, fixed, flip, key, put, registry_text, section,
                   time)

FOLDERS = ("rsa",)
KEY = RsaKey("tseng-li", "rsa")
P, MODULUS = KEY.p, KEY.n
MESSAGE = b"weir1 push".ljust(16, b"\0") + fixed("rsa message")


def number(value):
    return value.to_bytes(rsa.BYTES, "big")


def raw(encoded):
    return KEY.raw(encoded)


def sign(message):
    return number(raw(rsa.encode(message)))


def padded(tail, fill=b"\xff", front=b"\0\1", gap=b"\0"):
    """A block that ends in `tail`, filled up to the whole length."""
    return front + fill * (rsa.BYTES - len(tail) - len(front) - len(gap)) + gap + tail


def judge(data):
    rsa.verify(None, data[2 * rsa.BYTES:], data[rsa.BYTES:2 * rsa.BYTES], data[:rsa.BYTES])


def _blocks():
    """What a signature may open to that is not the one right block."""
    right, digest = rsa.encode(MESSAGE), hashlib.sha256(MESSAGE).digest()
    info, sha1 = rsa.DIGEST_INFO, bytes.fromhex("3021300906052b0e03021a05000414")
    no_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20"
    long_form = bytes.fromhex("308131300d060960864801650304020105000420")
    return {
        "digest-alone": padded(digest),
        "no-null-parameter": padded(no_null + digest),
        "length-in-long-form": padded(long_form + digest),
        "sha-1": padded(sha1 + hashlib.sha1(MESSAGE).digest()),
        "another-digest-name": padded(put(info, 14, 2) + digest),
        "another-digest": padded(info + flip(digest, 31)),
        "bytes-behind-the-digest": padded(info + digest + bytes(8)),
        "garbage-behind-a-short-padding":
            b"\0\1" + b"\xff" * 8 + b"\0" + info + digest + fixed("garbage", 64) * 2 + bytes(66),
        "bytes-inside-the-digest-info":
            padded(bytes.fromhex("3039301506096086480165030402010508") + bytes(8) + b"\4\x20" + digest),
        "padding-of-zeros": padded(info + digest, fill=b"\0"),
        "padding-with-one-wrong-byte": put(right, 100, 0xfe),
        "block-type-0": padded(info + digest, front=b"\0\0"),
        "block-type-2": padded(info + digest, front=b"\0\2"),
        "first-byte-1": padded(info + digest, front=b"\1\1"),
        "no-gap": padded(info + digest, gap=b"\xff"),
    }


def _reviews(vectors):
    """Reviewer tseng-li has an RSA key: judged as the other reviews are."""
    roots = registry.Roots(ROOTS_TEXT)
    digits = number(MODULUS).hex()
    text = registry_text(make_registry.AUTHORITY).replace(
        f"public = {key('person', 'tseng-li').public.hex()}\n",
        "".join(f"rsa = {digits[at:at + 128]}\n" for at in range(0, 512, 128)))

    def write(name, change=lambda signature: signature):
        own = registry.Registry(registry.sign(text.encode(), ROOTS[:2]), roots)
        data = registry.review_data("legal", "tseng-li", time("2026-05-04T08:00:00"), own.route_digest("rolls"))
        signature = change(sign(b"weir1 review".ljust(16, b"\0") + data)).hex()
        lines = [f"signature = {signature[at:at + 128]}" for at in range(0, len(signature), 128)]
        second = section("review", "second", "route = rolls", "office = legal", "person = tseng-li",
                         "date = 2026-05-04T08:00:00Z", *lines)
        raw = registry.sign((text + make_registry._review(text, "first", "security", "kao-min") + second).encode(),
                            ROOTS[:2])
        vectors.write(f"review/{name}.conf", raw,
                      lambda read: registry.Registry(read, roots).judge("route", "rolls", CREATED))

    write("ok--by-a-person-with-rsa")
    write("not-reviewed--rsa-signature-with-one-wrong-bit", lambda signature: flip(signature, 255))
    write("not-reviewed--ed25519-of-a-person-with-rsa", lambda signature: signature[:64])


def make(vectors):
    _reviews(vectors)

    def write(name, signature, message=MESSAGE, modulus=None):
        vectors.write(f"rsa/{name}.bin", (modulus or number(MODULUS)) + signature + message, judge)

    good = sign(MESSAGE)
    write("ok", good)
    write("ok--empty-message", sign(b""), b"")
    write("ok--of-1024-bytes", sign(bytes(1 << 10)), bytes(1 << 10))
    for name, block in _blocks().items():
        write(f"bad-signature--{name}", number(raw(block)))
    write("bad-signature--of-another-message", good, flip(MESSAGE, 0))
    write("bad-signature--0", number(0))
    write("bad-signature--1", number(1))
    write("bad-signature--modulus-less-1", number(MODULUS - 1))
    write("bad-signature--modulus", number(MODULUS))
    # the same number modulo the modulus, which must not count a second time
    i, message = 0, b""
    while not message or raw(rsa.encode(message)) + MODULUS >= 1 << 2048:
        message, i = fixed(f"rsa message {i}"), i + 1
    write("ok--small", sign(message), message)
    write("bad-signature--modulus-added", number(raw(rsa.encode(message)) + MODULUS), message)
    # a signature that begins with a zero byte is as long as any other
    while raw(rsa.encode(message)) >> 2040:
        message, i = fixed(f"rsa message {i}"), i + 1
    write("ok--begins-with-zero", sign(message), message)
    shifted = sign(message)[1:] + b"\0"
    write("bad-signature--moved-over-its-zero", shifted, message)
    write("bad-key--even", good, modulus=number(MODULUS - 1))
    write("bad-key--2047-bits", good, modulus=number(MODULUS >> 1 | 1))
    write("bad-key--1024-bits", good, modulus=number(P))
    write("bad-key--zero", good, modulus=bytes(rsa.BYTES))
