/*
 * suite: the primitives of suite 1 (BUNDLE.md), and the only file that includes <sodium.h>.
 *
 * Nothing here allocates, logs or keeps state, but for suite_start and the secret memory.
 */
#ifndef WEIR_SUITE_H
#define WEIR_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SUITE_KEY_BYTES = 32,       /* every symmetric key, seed, X25519 and Ed25519 public key */
	SUITE_DIGEST_BYTES = 32,    /* BLAKE2b-256, SHA-256 */
	SUITE_SIGNATURE_BYTES = 64, /* Ed25519 */
	SUITE_SEAL_BYTES = 16,      /* what sealing adds: the Poly1305 tag */
	SUITE_NONCE_BYTES = 24,     /* XChaCha20-Poly1305-IETF */
	SUITE_TAG_BYTES = 16,       /* SipHash-2-4-128, key and tag */
	SUITE_SALT_BYTES = 16,      /* Argon2id */
	SUITE_DOMAIN_BYTES = 16,    /* personalisation and signature domain */
};

/* Once, before anything else and before the system-call table closes.  0 or -EIO. */
int suite_start(void);

void suite_random(void *out, size_t len);
void suite_wipe(void *data, size_t len);
/* Constant-time comparison. */
bool suite_equal(const void *a, const void *b, size_t len);

/*
 * Memory for secrets: locked, out of core dumps, with guard pages, wiped by suite_secret_free.
 * NULL when there is none (errno is set).
 */
void *suite_secret_alloc(size_t len);
void suite_secret_free(void *secret);

/*
 * BLAKE2b(out_len, domain; key; data) of BUNDLE.md.  domain is ASCII of at most 16 bytes, or NULL
 * for no personalisation.  key may be NULL with key_len 0.  1 <= out_len <= 64, key_len <= 64.
 */
void suite_hash(uint8_t *out, size_t out_len, const char *domain, const uint8_t *key,
		 size_t key_len, const void *data, size_t len);

/* The same over pieces. */
struct suite_hasher {
	_Alignas(64) uint8_t opaque[384];
};
void suite_hash_start(struct suite_hasher *hasher, size_t out_len, const char *domain,
		       const uint8_t *key, size_t key_len);
void suite_hash_add(struct suite_hasher *hasher, const void *data, size_t len);
void suite_hash_end(struct suite_hasher *hasher, uint8_t *out, size_t out_len);

/* Ed25519 over domain (zero-filled to 16 bytes) and data.  suite_sign: 0 or -ENOMEM. */
void suite_sign_public(uint8_t public_key[static SUITE_KEY_BYTES],
			const uint8_t seed[static SUITE_KEY_BYTES]);
int suite_sign(uint8_t signature[static SUITE_SIGNATURE_BYTES], const char *domain,
		const void *data, size_t len, const uint8_t seed[static SUITE_KEY_BYTES]);
/* VERDICT_OK or VERDICT_BAD_SIGNATURE; -ENOMEM. */
int suite_verify(const uint8_t signature[static SUITE_SIGNATURE_BYTES], const char *domain,
		  const void *data, size_t len,
		  const uint8_t public_key[static SUITE_KEY_BYTES]);

/* X25519.  suite_exchange gives VERDICT_BAD_KEY when the result would be all zero. */
void suite_exchange_public(uint8_t public_key[static SUITE_KEY_BYTES],
			    const uint8_t secret[static SUITE_KEY_BYTES]);
int suite_exchange(uint8_t shared[static SUITE_KEY_BYTES],
		    const uint8_t secret[static SUITE_KEY_BYTES],
		    const uint8_t public_key[static SUITE_KEY_BYTES]);

/*
 * XChaCha20-Poly1305-IETF.  out holds len + SUITE_SEAL_BYTES for seal, len - SUITE_SEAL_BYTES for
 * open; in place is fine (out == in).  ad may be NULL with ad_len 0.
 * suite_open gives VERDICT_DAMAGED when the tag is wrong or len is too short.
 */
void suite_seal(uint8_t *out, const uint8_t *in, size_t len, const void *ad, size_t ad_len,
		 const uint8_t nonce[static SUITE_NONCE_BYTES],
		 const uint8_t key[static SUITE_KEY_BYTES]);
int suite_open(uint8_t *out, const uint8_t *in, size_t len, const void *ad, size_t ad_len,
		const uint8_t nonce[static SUITE_NONCE_BYTES],
		const uint8_t key[static SUITE_KEY_BYTES]);

/*
 * HChaCha20: the key under which ChaCha20-Poly1305 with the nonce 4 zero bytes ‖ nonce[16 … 23] does what XChaCha20-Poly1305
 * does under key and nonce (sealer.h).
 */
void suite_subkey(uint8_t out[static SUITE_KEY_BYTES], const uint8_t nonce[static SUITE_NONCE_BYTES],
		  const uint8_t key[static SUITE_KEY_BYTES]);

/* SipHash-2-4-128. */
void suite_tag(uint8_t tag[static SUITE_TAG_BYTES], const void *data, size_t len,
		const uint8_t key[static SUITE_TAG_BYTES]);

/* Argon2id, memory in KiB.  0, or -ENOMEM. */
int suite_stretch(uint8_t key[static SUITE_KEY_BYTES], const char *passphrase, size_t len,
		   const uint8_t salt[static SUITE_SALT_BYTES], uint32_t operations,
		   uint32_t memory_kib);

#endif
