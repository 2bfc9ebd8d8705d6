#include "edges.h"

#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"

enum { PIECE_BYTES = 16384 };
static const char domain[] = "weir1 edges";

void edges_of(uint8_t out[static EDGES_BYTES], const uint8_t segment[static SEGMENT_BYTES], const uint8_t *text,
	     size_t len)
{
	struct suite_hasher hasher;
	suite_hash_start(&hasher, EDGES_BYTES, domain, NULL, 0);
	suite_hash_add(&hasher, segment, SEGMENT_BYTES);
	suite_hash_add(&hasher, text, len);
	suite_hash_end(&hasher, out, EDGES_BYTES);
}

int edges_of_file(uint8_t out[static EDGES_BYTES], int fd, uint64_t object_len)
{
	struct suite_hasher hasher;
	uint8_t piece[PIECE_BYTES];
	_Static_assert((int)PIECE_BYTES == (int)SEGMENT_BYTES, "the first piece is the first segment");
	int result = io_pread_exact(fd, piece, SEGMENT_BYTES, 0);
	if (result != 0)
		return result;
	suite_hash_start(&hasher, EDGES_BYTES, domain, NULL, 0);
	suite_hash_add(&hasher, piece, SEGMENT_BYTES);
	for (uint64_t at = object_len;; at += PIECE_BYTES) {
		ssize_t n = io_pread(fd, piece, sizeof(piece), at);
		if (n < 0)
			return (int)n;
		suite_hash_add(&hasher, piece, (size_t)n);
		if ((size_t)n < sizeof(piece))
			break;
	}
	suite_hash_end(&hasher, out, EDGES_BYTES);
	return 0;
}
