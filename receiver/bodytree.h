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
	BODYTREE_GROUP_LEVEL = 6, /* of pieces: a group is a complete subtree of 2^6 pieces, 64 MiB */
	BODYTREE_GROUP_PIECES = 1 << BODYTREE_GROUP_LEVEL,
};

/*
 * Hashes of pieces that are known already: gathered while they came (gather.h).  Of a group of which all are known only
 * the hash over them is kept, so that memory is for what is under way and not for the size of the body.
 */
struct bodytree_known {
	uint64_t pieces; /* complete ones of the body */
	struct bodytree_group *group; /* of BODYTREE_GROUP_PIECES each */
};

/* For a body of so many segments; -ENOMEM. */
int bodytree_known_start(struct bodytree_known *known, uint64_t segments);
void bodytree_known_clear(struct bodytree_known *known);
/* The hash of one piece; a number beyond the complete ones is fine, as is one that is known.  Without memory it stays unknown. */
void bodytree_known_set(struct bodytree_known *known, uint64_t piece, const uint8_t hash[static SUITE_DIGEST_BYTES]);
/* Bytes that it takes at most: when of each group a piece is known, and of none all. */
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
