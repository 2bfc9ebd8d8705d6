/*
 * signature: a statement signed by a named person, whatever their key is kept in.
 *
 *   ed25519   64 bytes, RFC 8032, over the 16-byte domain and the data
 *   rsa-2048  256 bytes, RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017), over the same bytes; exponent 65537
 *
 * In formats (BUNDLE.md 3) a signature stands as u8 algorithm, u8 reserved, u16 length, and its bytes.
 */
#ifndef WEIR_SIGNATURE_H
#define WEIR_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "registry.h"

enum signature_algorithm {
	SIGNATURE_ED25519 = 1,
	SIGNATURE_RSA_2048 = 2,
};

enum {
	SIGNATURE_BYTES_MAX = 256,
	SIGNATURE_ENCODED_MAX = 4 + SIGNATURE_BYTES_MAX,
};

struct signature {
	uint8_t algorithm;
	uint16_t len; /* 64 or 256, as the algorithm demands */
	uint8_t bytes[SIGNATURE_BYTES_MAX];
};

/* By a key file's seed.  0 or -ENOMEM. */
int signature_make(struct signature *out, const char *domain, const void *data, size_t len,
		   const uint8_t seed[static SUITE_KEY_BYTES]);
/*
 * Whether this party signed it.  VERDICT_BAD_SIGNATURE, also for another algorithm than that of the
 * party's key; -ENOMEM.  Whether the party may is for the caller.
 */
int signature_verify(const struct signature *signature, const char *domain, const void *data, size_t len,
		     const struct party *party);

size_t signature_encoded_len(const struct signature *signature);
void signature_write(struct writer *w, const struct signature *signature);
/* VERDICT_TRUNCATED, VERDICT_BAD_TYPE (algorithm), VERDICT_BAD_LENGTH, VERDICT_BAD_RESERVED. */
int signature_read(struct signature *out, struct reader *r);

#endif
