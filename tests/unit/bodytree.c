#include "receiver/bodytree.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

/* Four groups of 64 pieces and some more, in a file that is mostly a hole; a word of each segment tells it from others. */
static void groups_are_folded(void)
{
	enum { PIECES = 4 * BODYTREE_GROUP_PIECES + 3, SEGMENTS = PIECES * BODYTREE_PIECE_SEGMENTS + 7 };
	const size_t piece_len = (size_t)BODYTREE_PIECE_SEGMENTS * SEGMENT_BYTES;
	uint8_t wanted[SUITE_DIGEST_BYTES], root[SUITE_DIGEST_BYTES];
	uint8_t (*hash)[SUITE_DIGEST_BYTES] = calloc(PIECES, sizeof(*hash)), *piece = malloc(piece_len);
	int fd = open(test_path("groups"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool written = ftruncate(fd, (off_t)SEGMENTS * SEGMENT_BYTES) == 0;
	for (uint64_t i = 0; i < SEGMENTS; i++)
		written &= io_pwrite(fd, &i, sizeof(i), i * SEGMENT_BYTES) == 0;
	for (uint64_t i = 0; i < PIECES; i++) {
		written &= io_pread_exact(fd, piece, piece_len, i * piece_len) == 0;
		bodytree_hash_piece(hash[i], piece);
	}
	ok(written && tree_of_file(fd, 0, SEGMENTS, wanted, NULL, NULL) == 0, "a large file is written");
	struct bodytree_known known;
	const size_t before = in_use();
	bodytree_known_start(&known, SEGMENTS);
	const size_t empty = in_use();
	/* the third group lacks one, the others have all, the second in another order */
	for (uint64_t i = 0; i < PIECES; i++) {
		uint64_t at = i / BODYTREE_GROUP_PIECES == 1 ? 191 - i : i;
		if (at != 150)
			bodytree_known_set(&known, at, hash[at]);
	}
	const size_t most = BODYTREE_GROUP_PIECES * SUITE_DIGEST_BYTES + 16;
	ok(in_use() - empty <= 2 * most, "of whole groups only one hash is kept: %zu bytes beside the groups", in_use() - empty);
	ok(in_use() - before <= bodytree_known_memory(SEGMENTS), "and never more than what is said");
	/* no piece is read but one, and what follows the last: without their file there is no tree */
	ok(bodytree_root(fd, -1, 0, SEGMENTS, &known, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
	   "the tree is the same");
	written = ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)SEGMENTS * SEGMENT_BYTES) == 0;
	for (uint64_t i = 0; i < SEGMENTS; i++)
		if (i / BODYTREE_PIECE_SEGMENTS == 150 || i / BODYTREE_PIECE_SEGMENTS >= PIECES)
			written &= io_pwrite(fd, &i, sizeof(i), i * SEGMENT_BYTES) == 0;
	ok(written && bodytree_root(fd, -1, 0, SEGMENTS, &known, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
	   "also when nothing is in the file but what is not known");
	bodytree_known_set(&known, 0, hash[1]);
	/* as many as would make the last group look whole */
	for (uint64_t i = PIECES; i < PIECES + BODYTREE_GROUP_PIECES; i++)
		bodytree_known_set(&known, i, hash[1]);
	ok(bodytree_root(fd, -1, 0, SEGMENTS, &known, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
	   "what is known stays as it is, and no piece lies beyond the last");
	const size_t lacking = in_use(); /* 0 under a sanitizer, which does not tell */
	bodytree_known_set(&known, 150, hash[150]);
	ok(lacking == 0 || in_use() < lacking, "when the last piece of a group comes it is folded, too");
	ok(bodytree_root(fd, -1, 0, SEGMENTS, &known, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
	   "and the tree is the same");
	bodytree_known_clear(&known);
	close(fd);
	free(piece);
	free(hash);
}

int main(void)
{
	static const uint64_t sizes[] = {2, 63, 64, 65, 128, 129, 500, 1025};
	uint64_t random = test_seed();
	uint8_t *bytes = malloc(1100 * SEGMENT_BYTES);
	uint8_t wanted[SUITE_DIGEST_BYTES], root[SUITE_DIGEST_BYTES];
	suite_start();
	groups_are_folded();
	test_random_bytes(&random, bytes, 1100 * SEGMENT_BYTES);
	int fd = open(test_path("body"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok(io_write(fd, bytes, 1100 * SEGMENT_BYTES) == 0, "a file is written");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		tree_of_file(fd, 5, sizes[i], wanted, NULL, NULL);
		is_number(bodytree_root(fd, -1, 5, sizes[i], NULL, root, NULL), 0, "a tree over %d segments",
			  (int)sizes[i]);
		is_bytes(root, wanted, sizeof(root), "is the one of one thread");
	}
	static const uint64_t bodies[] = {65, 128, 500, 1025};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct bodytree_known known;
		is_number(bodytree_known_start(&known, bodies[i]), 0, "what is known of %d segments", (int)bodies[i]);
		for (int round = 0; round < 8; round++) {
			for (uint64_t piece = 0; piece < known.pieces; piece++) {
				uint8_t hash[SUITE_DIGEST_BYTES];
				bodytree_hash_piece(hash, bytes + 5 + piece * BODYTREE_PIECE_SEGMENTS * SEGMENT_BYTES);
				if (round == 7 || test_random(&random) % 8 == 0)
					bodytree_known_set(&known, piece, hash);
			}
			tree_of_file(fd, 5, bodies[i], wanted, NULL, NULL);
			ok(bodytree_root(fd, -1, 5, bodies[i], &known, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
			   "gives the same tree, round %d", round);
		}
		memset(root, 0, sizeof(root));
		bodytree_known_set(&known, 0, root);
		ok(bodytree_root(fd, -1, 5, bodies[i], &known, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) != 0,
		   "and is what counts: a wrong one gives another");
		bodytree_known_clear(&known);
	}
	int direct_fd = open(test_path("body"), O_RDONLY | O_DIRECT | O_CLOEXEC);
	note(direct_fd < 0 ? "this file system has no O_DIRECT" : "with O_DIRECT");
	tree_of_file(fd, SEGMENT_BYTES, 1025, wanted, NULL, NULL);
	ok(bodytree_root(fd, direct_fd, SEGMENT_BYTES, 1025, NULL, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
	   "past the cache the tree is the same");
	tree_of_file(fd, 5, 500, wanted, NULL, NULL);
	ok(bodytree_root(fd, direct_fd, 5, 500, NULL, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
	   "also from where it cannot be read so");
	io_close(direct_fd);
	is_number(bodytree_root(fd, -1, SEGMENT_BYTES, 1100, NULL, root, NULL), VERDICT_TRUNCATED,
		  "a file that is too short is refused");
	atomic_bool stop = true;
	is_number(bodytree_root(fd, -1, 0, 1000, NULL, root, &stop), -ECANCELED, "it can be stopped");
	close(fd);
	is_number(bodytree_root(fd, -1, 0, 1000, NULL, root, NULL), -EBADF, "a file that cannot be read is an error");
	free(bytes);
	return done_testing();
}
