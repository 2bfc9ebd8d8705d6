/*
 * bodytree: the root of the hash tree over a file, on every core.  What tree_of_file does, sooner: the
 * last byte of a bundle has come, and somebody waits for it.
 */
#ifndef WEIR_BODYTREE_H
#define WEIR_BODYTREE_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/suite.h"

enum { BODYTREE_THREADS_MAX = 8, BODYTREE_PIECE_SEGMENTS = 64 };

/*
 * As tree_of_file.  -ECANCELED when *stop (which may be NULL) becomes true.  Memory: 1 MiB for each of
 * twice as many pieces as there are threads.
 */
int bodytree_root(int fd, uint64_t offset, uint64_t segments,
		  uint8_t root[static SUITE_DIGEST_BYTES], const atomic_bool *stop);

#endif
