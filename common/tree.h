/*
 * tree: the hash tree over the segments of a body.  Format: BUNDLE.md 6 (the list split of RFC 9162
 * 2.1.1).  Leaves are added in order and need not be kept: state is one hash a level.
 */
#ifndef WEIR_TREE_H
#define WEIR_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "bundle.h"

struct tree {
	uint64_t count;
	uint8_t pending[33][SUITE_DIGEST_BYTES]; /* a complete subtree of 2^i leaves at each set bit of count */
};

/*
 * The leaves of `count` segments that follow one another; may be computed on any core and in any order.  Several at once take
 * half as long as one after another.
 */
void tree_leaves(uint8_t (*out)[SUITE_DIGEST_BYTES], const uint8_t *segments, size_t count);

void tree_start(struct tree *tree);
void tree_add(struct tree *tree, const uint8_t leaf[static SUITE_DIGEST_BYTES]);
void tree_add_all(struct tree *tree, uint8_t (*leaf)[SUITE_DIGEST_BYTES], size_t count);
/*
 * A complete subtree of 2^level leaves in one go; the leaves before it are a multiple of so many.  tree_subtree makes its
 * hash from the leaves, which it uses up.
 */
void tree_subtree(uint8_t out[static SUITE_DIGEST_BYTES], uint8_t (*leaf)[SUITE_DIGEST_BYTES], unsigned int level);
void tree_add_subtree(struct tree *tree, const uint8_t hash[static SUITE_DIGEST_BYTES], unsigned int level);
/* count must be at least 1. */
void tree_root(const struct tree *tree, uint8_t root[static SUITE_DIGEST_BYTES]);

/*
 * The root over `segments` segments of fd from byte `offset` on, with a bounded buffer.
 * VERDICT_TRUNCATED when the file is shorter; -errno.  advance, when not NULL, is called with the
 * number of bytes done so far.
 */
int tree_of_file(int fd, uint64_t offset, uint64_t segments, uint8_t root[static SUITE_DIGEST_BYTES],
		 void (*advance)(void *context, uint64_t done), void *context);

#endif
