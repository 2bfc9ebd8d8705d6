/*
 * sealer: XChaCha20-Poly1305 (IETF, 24-byte nonce) for what is sealed in bulk: the segments of a body.  The same bytes as
 * suite_seal makes, at twice its speed where the processor has AVX2 or AVX-512.  Implemented in libcrypto.c.
 *
 * One thread at a time uses a sealer.  Sealing and opening allocate nothing and make no system call.
 */
#ifndef WEIR_SEALER_H
#define WEIR_SEALER_H

#include <stddef.h>
#include <stdint.h>

#include "suite.h"

struct sealer;

int sealer_new(struct sealer **out); /* 0, -ENOMEM, -EIO: the library does not start */
void sealer_free(struct sealer *sealer); /* wipes what it has of keys; NULL is fine */

/* out holds len + SUITE_SEAL_BYTES; in place is fine (out == in). */
void sealer_seal(struct sealer *sealer, uint8_t *out, const uint8_t *in, size_t len,
		 const uint8_t nonce[static SUITE_NONCE_BYTES], const uint8_t key[static SUITE_KEY_BYTES]);
/* len of the plaintext, which out holds; VERDICT_DAMAGED leaves zeros there. */
int sealer_open(struct sealer *sealer, uint8_t *out, const uint8_t *in, size_t len,
		const uint8_t nonce[static SUITE_NONCE_BYTES], const uint8_t key[static SUITE_KEY_BYTES]);

#endif
