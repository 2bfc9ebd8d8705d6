/*
 * sha256: SHA-256 (FIPS 180-4), with the processor's instructions where it has them: the hash tree's and the members'.
 * Implemented in libcrypto.c.
 *
 * It allocates nothing and makes no system call, so it may run in a confined process and on any number of threads, each
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

#endif
