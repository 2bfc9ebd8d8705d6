#include "common/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/sha256.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { SEGMENTS = 70 };

static uint8_t body[SEGMENTS][SEGMENT_BYTES];
static uint8_t leaves[SEGMENTS][SUITE_DIGEST_BYTES];

static void hash(uint8_t out[static SUITE_DIGEST_BYTES], const void *data, size_t len)
{
	struct sha256 hasher;
	sha256_start(&hasher);
	sha256_add(&hasher, data, len);
	sha256_end(&hasher, out);
}

/* RFC 9162 2.1.1 as it stands there: split at the largest power of two below n. */
static void top_of(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t (*list)[SUITE_DIGEST_BYTES],
		   size_t n)
{
	if (n == 1) {
		memcpy(out, list[0], SUITE_DIGEST_BYTES);
		return;
	}
	size_t k = 1;
	while (k * 2 < n)
		k *= 2;
	uint8_t both[1 + 2 * SUITE_DIGEST_BYTES] = {1};
	top_of(both + 1, list, k);
	top_of(both + 1 + SUITE_DIGEST_BYTES, list + k, n - k);
	hash(out, both, sizeof(both));
}

static void root_by_definition(uint8_t root[static SUITE_DIGEST_BYTES], size_t n)
{
	uint8_t input[9 + SUITE_DIGEST_BYTES] = {2, (uint8_t)n};
	top_of(input + 9, leaves, n);
	hash(root, input, sizeof(input));
}

static void test_shape(void)
{
	for (size_t i = 0; i < SEGMENTS; i++) {
		uint8_t leaf[SUITE_DIGEST_BYTES];
		hash(leaf, body[i], SEGMENT_BYTES);
		is_bytes(leaves[i], leaf, sizeof(leaf), "leaf %zu is the digest of its segment", i);
	}

	struct tree tree;
	tree_start(&tree);
	for (size_t n = 1; n <= SEGMENTS; n++) {
		uint8_t wanted[SUITE_DIGEST_BYTES], got[SUITE_DIGEST_BYTES];
		tree_add(&tree, leaves[n - 1]);
		tree_root(&tree, got);
		root_by_definition(wanted, n);
		is_bytes(got, wanted, sizeof(got), "the root over %zu segments is that of the definition", n);
	}
}

static void test_what_a_root_binds(void)
{
	struct tree tree;
	uint8_t root[SUITE_DIGEST_BYTES], other[SUITE_DIGEST_BYTES];
	tree_start(&tree);
	for (size_t i = 0; i < 5; i++)
		tree_add(&tree, leaves[i]);
	tree_root(&tree, root);
	tree_root(&tree, other);
	is_bytes(other, root, sizeof(root), "asking for the root changes nothing");
	for (size_t wrong = 0; wrong < 5; wrong++) {
		tree_start(&tree);
		for (size_t i = 0; i < 5; i++)
			tree_add(&tree, leaves[i == wrong ? 6 : i]);
		tree_root(&tree, other);
		ok(memcmp(root, other, sizeof(root)) != 0, "another segment %zu makes another root", wrong);
	}
	tree_start(&tree);
	for (size_t i = 0; i < 5; i++)
		tree_add(&tree, leaves[i == 0 ? 1 : i == 1 ? 0 : i]);
	tree_root(&tree, other);
	ok(memcmp(root, other, sizeof(root)) != 0, "another order makes another root");
}

static uint64_t last_done;
static bool is_monotonic = true;

static void advance(void *context, uint64_t done)
{
	ok(context == &last_done, "advance gets its context");
	is_monotonic = is_monotonic && done > last_done;
	last_done = done;
}

static void test_files(void)
{
	uint8_t root[SUITE_DIGEST_BYTES], wanted[SUITE_DIGEST_BYTES];
	int fd = open(test_path("body"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok(fd >= 0 && io_pwrite(fd, body, sizeof(body), 100) == 0, "a file is written");
	static const size_t counts[] = {1, 2, 31, 32, 33, 64, SEGMENTS};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		root_by_definition(wanted, counts[i]);
		is_number(tree_of_file(fd, 100, counts[i], root, NULL, NULL), 0, "%zu segments are hashed",
			  counts[i]);
		is_bytes(root, wanted, sizeof(root), "to the root of the definition");
	}
	is_number(tree_of_file(fd, 100, SEGMENTS, root, advance, &last_done), 0, "with progress too");
	ok(is_monotonic && last_done == SEGMENTS, "progress grows up to the number of segments");

	memset(wanted, 9, sizeof(wanted));
	memset(root, 9, sizeof(root));
	is_number(tree_of_file(fd, 100, SEGMENTS + 1, root, NULL, NULL), VERDICT_TRUNCATED,
		  "a file of a segment less is truncated");
	is_number(tree_of_file(fd, 101, SEGMENTS, root, NULL, NULL), VERDICT_TRUNCATED, "so is one of a byte less");
	is_number(tree_of_file(fd, 100, BUNDLE_SEGMENTS_MAX, root, NULL, NULL), VERDICT_TRUNCATED,
		  "what a file claims takes no memory");
	io_close(fd);
	is_number(tree_of_file(fd, 100, 1, root, NULL, NULL), -EBADF, "what cannot be read is an error");
	is_bytes(root, wanted, sizeof(root), "the root is untouched by failures");
}

int main(void)
{
	uint64_t state = test_seed();
	if (suite_start() != 0)
		return 1;
	test_random_bytes(&state, body, sizeof(body));
	tree_leaves(leaves, body[0], SEGMENTS);
	test_shape();
	test_what_a_root_binds();
	test_files();
	return done_testing();
}
