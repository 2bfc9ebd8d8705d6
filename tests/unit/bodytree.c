#include "receiver/bodytree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

int main(void)
{
	static const uint64_t sizes[] = {2, 63, 64, 65, 128, 129, 500, 1025};
	uint64_t random = test_seed();
	uint8_t *bytes = malloc(1100 * SEGMENT_BYTES);
	uint8_t wanted[SUITE_DIGEST_BYTES], root[SUITE_DIGEST_BYTES];
	suite_start();
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
				known.is_known[piece] = round == 7 || test_random(&random) % 2 == 0;
				bodytree_hash_piece(known.hash[piece], bytes + 5 + piece * BODYTREE_PIECE_SEGMENTS * SEGMENT_BYTES);
			}
			tree_of_file(fd, 5, bodies[i], wanted, NULL, NULL);
			ok(bodytree_root(fd, -1, 5, bodies[i], &known, root, NULL) == 0 && memcmp(root, wanted, sizeof(root)) == 0,
			   "gives the same tree, round %d", round);
		}
		known.is_known[0] = true;
		known.hash[0][7] ^= 1;
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
