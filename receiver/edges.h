/*
 * edges: a digest of what lies in a file of the vault around its body: the first segment, and the registry behind
 * the object.  Of the body the release holds the root.  So both together answer for every byte of the file, and
 * need no key: root keys may have changed since it was delivered.
 */
#ifndef WEIR_EDGES_H
#define WEIR_EDGES_H

#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"

enum { EDGES_BYTES = 16 };

/* BLAKE2b(16, "weir1 edges"; no key; segment and text). */
void edges_of(uint8_t out[static EDGES_BYTES], const uint8_t segment[static SEGMENT_BYTES], const uint8_t *text,
	     size_t len);
/* The same of a file whose object has this length.  0; VERDICT_TRUNCATED; -errno. */
int edges_of_file(uint8_t out[static EDGES_BYTES], int fd, uint64_t object_len);

#endif
