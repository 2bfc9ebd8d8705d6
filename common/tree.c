#include "tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "io.h"
#include "sha256.h"
#include "verdict.h"

enum { READ_SEGMENTS = 32 };

/*
 * In front of what is hashed, so that a node is no root.  A leaf has nothing in front: no node and no root is as long as a
 * segment.  BUNDLE.md 6.
 */
enum { NODE = 1, ROOT = 2, COUNT_BYTES = 1 + 8 };
enum { NODE_TEXT_BYTES = 1 + 2 * SUITE_DIGEST_BYTES, ROOT_TEXT_BYTES = COUNT_BYTES + SUITE_DIGEST_BYTES };
static_assert((int)SEGMENT_BYTES <= (int)SHA256_MANY_LEN_MAX && (int)SEGMENT_BYTES > (int)NODE_TEXT_BYTES &&
		      (int)SEGMENT_BYTES > (int)ROOT_TEXT_BYTES,
	      "leaves are told apart by their length");

void tree_leaves(uint8_t (*out)[SUITE_DIGEST_BYTES], const uint8_t *segments, size_t count)
{
	sha256_many(out, segments, SEGMENT_BYTES, count);
}

static void node(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t left[static SUITE_DIGEST_BYTES],
		 const uint8_t right[static SUITE_DIGEST_BYTES])
{
	const uint8_t kind = NODE;
	struct sha256 hasher;
	sha256_start(&hasher);
	sha256_add(&hasher, &kind, sizeof(kind));
	sha256_add(&hasher, left, SUITE_DIGEST_BYTES);
	sha256_add(&hasher, right, SUITE_DIGEST_BYTES);
	sha256_end(&hasher, out);
}

void tree_start(struct tree *tree)
{
	tree->count = 0;
}

/* As in a binary counter: a carry joins two complete subtrees of one size. */
void tree_add_subtree(struct tree *tree, const uint8_t hash[static SUITE_DIGEST_BYTES], unsigned int level)
{
	assert((tree->count & ((UINT64_C(1) << level) - 1)) == 0);
	uint8_t carry[SUITE_DIGEST_BYTES];
	memcpy(carry, hash, sizeof(carry));
	unsigned int at = level;
	for (; tree->count >> at & 1; at++)
		node(carry, tree->pending[at], carry);
	assert(at < sizeof(tree->pending) / sizeof(tree->pending[0]));
	memcpy(tree->pending[at], carry, sizeof(carry));
	tree->count += UINT64_C(1) << level;
}

void tree_add(struct tree *tree, const uint8_t leaf[static SUITE_DIGEST_BYTES])
{
	tree_add_subtree(tree, leaf, 0);
}

void tree_add_all(struct tree *tree, uint8_t (*leaf)[SUITE_DIGEST_BYTES], size_t count)
{
	for (size_t i = 0; i < count; i++)
		tree_add(tree, leaf[i]);
}

void tree_subtree(uint8_t out[static SUITE_DIGEST_BYTES], uint8_t (*leaf)[SUITE_DIGEST_BYTES], unsigned int level)
{
	for (size_t count = (size_t)1 << level; count > 1; count /= 2)
		for (size_t i = 0; i < count / 2; i++)
			node(leaf[i], leaf[2 * i], leaf[2 * i + 1]);
	memcpy(out, leaf[0], SUITE_DIGEST_BYTES);
}

/* The subtrees that are left are joined from the smallest up, which is the split of RFC 9162. */
void tree_root(const struct tree *tree, uint8_t root[static SUITE_DIGEST_BYTES])
{
	assert(tree->count > 0);
	uint8_t counted[ROOT_TEXT_BYTES];
	uint8_t *top = counted + COUNT_BYTES;
	struct sha256 hasher;
	bool is_first = true;
	for (unsigned int level = 0; level < sizeof(tree->pending) / sizeof(tree->pending[0]); level++) {
		if (!(tree->count >> level & 1))
			continue;
		if (is_first)
			memcpy(top, tree->pending[level], SUITE_DIGEST_BYTES);
		else
			node(top, tree->pending[level], top);
		is_first = false;
	}
	struct writer w = writer_of(counted, COUNT_BYTES);
	write_u8(&w, ROOT);
	write_u64(&w, tree->count);
	sha256_start(&hasher);
	sha256_add(&hasher, counted, sizeof(counted));
	sha256_end(&hasher, root);
}

int tree_of_file(int fd, uint64_t offset, uint64_t segments, uint8_t root[static SUITE_DIGEST_BYTES],
		 void (*advance)(void *context, uint64_t done), void *context)
{
	assert(segments > 0);
	uint8_t *buf = malloc((size_t)READ_SEGMENTS * SEGMENT_BYTES);
	if (buf == NULL)
		return -ENOMEM;
	struct tree tree;
	tree_start(&tree);
	int result = 0;
	while (result == 0 && tree.count < segments) {
		uint64_t left = segments - tree.count;
		size_t now = left < READ_SEGMENTS ? (size_t)left : READ_SEGMENTS;
		result = io_pread_exact(fd, buf, now * SEGMENT_BYTES,
					offset + tree.count * SEGMENT_BYTES);
		if (result == 0) {
			uint8_t leaf[READ_SEGMENTS][SUITE_DIGEST_BYTES];
			tree_leaves(leaf, buf, now);
			tree_add_all(&tree, leaf, now);
		}
		if (result == 0 && advance != NULL)
			advance(context, tree.count);
	}
	if (result == 0)
		tree_root(&tree, root);
	free(buf);
	return result;
}
