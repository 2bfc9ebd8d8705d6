/*
 * poly1305: Poly1305 (RFC 8439 2.5), with the processor's vectors where it has them.  Implemented in libcrypto.c.
 *
 * Of one context only one thread makes use at a time.  After poly1305_new nothing allocates or makes a system call, so
 * the process may be confined.
 */
#ifndef WEIR_POLY1305_H
#define WEIR_POLY1305_H

#include <stddef.h>
#include <stdint.h>

enum { POLY1305_KEY_BYTES = 32, POLY1305_BYTES = 16 };

struct poly1305;

/* 0, or -ENOMEM. */
int poly1305_new(struct poly1305 **out);
/* Wipes what it holds of a key.  NULL is fine. */
void poly1305_free(struct poly1305 *poly);
void poly1305_of(struct poly1305 *poly, uint8_t out[static POLY1305_BYTES], const uint8_t key[static POLY1305_KEY_BYTES],
		 const void *data, size_t len);

#endif
