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

/* In front of what is hashed, so that none of the three stands for another.  BUNDLE.md 6. */
enum { LEAF = 0, NODE = 1, ROOT = 2, PREFIX_BYTES = 1 + 8 };

static void encode_prefix(uint8_t out[static PREFIX_BYTES], uint8_t kind, uint64_t value)
{
	struct writer w = writer_of(out, PREFIX_BYTES);
	write_u8(&w, kind);
	write_u64(&w, value);
}

void tree_leaf(uint8_t out[static SUITE_DIGEST_BYTES], uint64_t index,
	       const uint8_t segment[static SEGMENT_BYTES])
{
	uint8_t prefix[PREFIX_BYTES];
	struct sha256 hasher;
	encode_prefix(prefix, LEAF, index);
	sha256_start(&hasher);
	sha256_add(&hasher, prefix, sizeof(prefix));
	sha256_add(&hasher, segment, SEGMENT_BYTES);
	sha256_end(&hasher, out);
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
	uint8_t counted[PREFIX_BYTES + SUITE_DIGEST_BYTES];
	uint8_t *top = counted + PREFIX_BYTES;
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
	encode_prefix(counted, ROOT, tree->count);
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
		for (size_t i = 0; result == 0 && i < now; i++) {
			uint8_t leaf[SUITE_DIGEST_BYTES];
			tree_leaf(leaf, tree.count, buf + i * SEGMENT_BYTES);
			tree_add(&tree, leaf);
		}
		if (result == 0 && advance != NULL)
			advance(context, tree.count);
	}
	if (result == 0)
		tree_root(&tree, root);
	free(buf);
	return result;
}
