/*
 * sha256: SHA-256 (FIPS 180-4), with the processor's instructions where it has them: the hash tree's and the members'.
 * Implemented in libcrypto.c, and sha256_many in libipsec_mb.c.
 *
 * A hasher allocates nothing and makes no system call, so it may run in a confined process and on any number of threads, each
 * with a hasher of its own.
 */
#ifndef WEIR_SHA256_H
#define WEIR_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_STATE_BYTES = 112 };

struct sha256 {
	_Alignas(8) uint8_t state[SHA256_STATE_BYTES]; /* the library's */
};

void sha256_start(struct sha256 *hasher);
void sha256_add(struct sha256 *hasher, const void *data, size_t len);
void sha256_end(struct sha256 *hasher, uint8_t out[static SHA256_BYTES]);

enum { SHA256_MANY_LEN_MAX = 65534 };

/*
 * The digests of `count` pieces of `len` bytes each, SHA256_MANY_LEN_MAX at most, that follow one another in `data`: side by
 * side, which takes about half the time as one after another (figures: BUNDLE.md 6).  On any number of threads.  Allocates
 * 200 KiB when all that it has kept, of eight threads at most, is in use, and does without when there is no memory.
 */
void sha256_many(uint8_t (*out)[SHA256_BYTES], const void *data, size_t len, size_t count);

#endif
