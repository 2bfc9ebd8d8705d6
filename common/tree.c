#include "tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "io.h"
#include "verdict.h"

enum { READ_SEGMENTS = 32 };

static void encode_u64(uint8_t out[static 8], uint64_t value)
{
	struct writer w = writer_of(out, 8);
	write_u64(&w, value);
}

void tree_leaf(uint8_t out[static SUITE_DIGEST_BYTES], uint64_t index,
	       const uint8_t segment[static SEGMENT_BYTES])
{
	uint8_t number[8];
	struct suite_hasher hasher;
	encode_u64(number, index);
	suite_hash_start(&hasher, SUITE_DIGEST_BYTES, "weir1 leaf", NULL, 0);
	suite_hash_add(&hasher, number, sizeof(number));
	suite_hash_add(&hasher, segment, SEGMENT_BYTES);
	suite_hash_end(&hasher, out, SUITE_DIGEST_BYTES);
}

static void node(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t left[static SUITE_DIGEST_BYTES],
		 const uint8_t right[static SUITE_DIGEST_BYTES])
{
	uint8_t both[2 * SUITE_DIGEST_BYTES];
	memcpy(both, left, SUITE_DIGEST_BYTES);
	memcpy(both + SUITE_DIGEST_BYTES, right, SUITE_DIGEST_BYTES);
	suite_hash(out, SUITE_DIGEST_BYTES, "weir1 node", NULL, 0, both, sizeof(both));
}

void tree_start(struct tree *tree)
{
	tree->count = 0;
}

/* As in a binary counter: a carry joins two complete subtrees of one size. */
void tree_add(struct tree *tree, const uint8_t leaf[static SUITE_DIGEST_BYTES])
{
	uint8_t carry[SUITE_DIGEST_BYTES];
	memcpy(carry, leaf, sizeof(carry));
	unsigned int level = 0;
	for (; tree->count >> level & 1; level++)
		node(carry, tree->pending[level], carry);
	assert(level < sizeof(tree->pending) / sizeof(tree->pending[0]));
	memcpy(tree->pending[level], carry, sizeof(carry));
	tree->count++;
}

/* The subtrees that are left are joined from the smallest up, which is the split of RFC 9162. */
void tree_root(const struct tree *tree, uint8_t root[static SUITE_DIGEST_BYTES])
{
	assert(tree->count > 0);
	uint8_t counted[8 + SUITE_DIGEST_BYTES];
	uint8_t *top = counted + 8;
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
	encode_u64(counted, tree->count);
	suite_hash(root, SUITE_DIGEST_BYTES, "weir1 root", NULL, 0, counted, sizeof(counted));
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
