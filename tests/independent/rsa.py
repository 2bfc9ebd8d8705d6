"""RSA signatures of common/REGISTRY.md 1: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017), from its text."""

import hashlib

import suite

BYTES = 256
EXPONENT = 65537
# DigestInfo of SHA-256, RFC 8017 9.2 note 1
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def encode(message):
    """EMSA-PKCS1-v1_5, RFC 8017 9.2."""
    tail = DIGEST_INFO + hashlib.sha256(message).digest()
    return b"\0\1" + b"\xff" * (BYTES - len(tail) - 3) + b"\0" + tail


def verify(domain, data, signature, modulus):
    """domain None: over data alone."""
    suite.require(len(modulus) == BYTES and modulus[0] & 0x80 and modulus[-1] & 1, "bad-key")
    n, s = int.from_bytes(modulus, "big"), int.from_bytes(signature, "big")
    suite.require(len(signature) == BYTES and s < n, "bad-signature")
    message = data if domain is None else domain.encode().ljust(16, b"\0") + data
    suite.require(pow(s, EXPONENT, n).to_bytes(BYTES, "big") == encode(message), "bad-signature")


def public(modulus):
    """What stands for the key wherever 32 bytes do."""
    return suite.blake(32, "weir1 rsa", data=modulus)
