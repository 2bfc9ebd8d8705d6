/*
 * pending: datagrams of bundles that no page of the catalogue has named yet, in a bounded buffer, the
 * oldest dropped first.  LINK.md 2.
 */
#ifndef WEIR_PENDING_H
#define WEIR_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PENDING_BYTES = 67108864 };

struct pending;

/* size: PENDING_BYTES, or less in a test; a multiple of 8.  NULL: out of memory. */
struct pending *pending_new(size_t size);
void pending_free(struct pending *pending); /* NULL is fine */

/* Copies a datagram of at most 65,535 bytes; the number of older ones that it drove out. */
unsigned int pending_add(struct pending *pending, const uint8_t *datagram, size_t len);

/* Gives every datagram to `take`, oldest first; those for which it returns true are forgotten. */
void pending_replay(struct pending *pending,
		    bool (*take)(void *context, const uint8_t *datagram, size_t len), void *context);

size_t pending_count(const struct pending *pending);

#endif
