/*
 * bodytree: the root of the hash tree over a file, on every core.  What tree_of_file does, sooner: the
 * last byte of a bundle has come, and somebody waits for it.
 */
#ifndef WEIR_BODYTREE_H
#define WEIR_BODYTREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/suite.h"

enum {
	BODYTREE_THREADS_MAX = 8,
	BODYTREE_PIECE_LEVEL = 6, /* of the tree: a piece is a complete subtree of 2^6 leaves */
	BODYTREE_PIECE_SEGMENTS = 1 << BODYTREE_PIECE_LEVEL,
};

/* Hashes of pieces that are known already: gathered while they came (gather.h). */
struct bodytree_known {
	uint64_t pieces; /* complete ones of the body */
	bool *is_known;
	uint8_t (*hash)[SUITE_DIGEST_BYTES];
};

/* For a body of so many segments; -ENOMEM. */
int bodytree_known_start(struct bodytree_known *known, uint64_t segments);
void bodytree_known_clear(struct bodytree_known *known);
/* Bytes that it takes. */
uint64_t bodytree_known_memory(uint64_t segments);
/* Of all segments of one piece. */
void bodytree_hash_piece(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *segments);

/*
 * As tree_of_file; of pieces that are known (NULL: of none) nothing is read.  direct_fd is the same file with O_DIRECT, for
 * what was written so and is in no cache, or -1; then offset is a multiple of 4,096.  -ECANCELED when *stop (which may be NULL)
 * becomes true.  Memory: 1 MiB for each of twice as many pieces as there are threads.
 */
int bodytree_root(int fd, int direct_fd, uint64_t offset, uint64_t segments, const struct bodytree_known *known,
		  uint8_t root[static SUITE_DIGEST_BYTES], const atomic_bool *stop);

#endif
