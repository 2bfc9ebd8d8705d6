/*
 * repair: restores the missing source symbols of one decodable block from its repair rows, file to
 * file.  LINK.md 3.
 *
 * It works in strips of columns, at most REPAIR_STRIP_BYTES of each row, and solves neighbouring
 * columns that lack the same rows together.
 */
#ifndef WEIR_REPAIR_H
#define WEIR_REPAIR_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/geometry.h"

/* With 255 rows about 17 MiB of memory. */
enum { REPAIR_STRIP_BYTES = 65536 };

struct repair {
	struct geometry geometry;
	uint32_t block;
	const uint8_t *map;        /* as arrivals_block_map gives it; does not change meanwhile */
	int object_fd;             /* open for reading and writing */
	int repair_fd;             /* open for reading */
	const atomic_bool *stop;   /* when it becomes true, -ECANCELED; NULL: never */
};

/*
 * Writes what is missing into the object; *restored is the number of symbols.  -ENODATA when a column
 * has fewer than k symbols; then nothing of its strip is written.  VERDICT_TRUNCATED when a file is
 * shorter than its geometry; -errno.
 */
int repair_block(const struct repair *repair, uint64_t *restored);

#endif
