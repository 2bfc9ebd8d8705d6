/*
 * arrivals: which symbols of one bundle are here, and what that is enough for.  LINK.md 3 and 4.
 *
 * For each source block there is a map with one bit a symbol, all rows of its code (geometry_row_total), lowest bit of
 * a byte first.  It is needed, and touched, only from the block's first symbol until the block is complete, so that memory
 * follows from how many blocks are under way, and not from the size of the bundle.  Where maps lie is the caller's affair;
 * the counts that follow from them live here.  Symbols behind the object's end count as here.  No files, no locks; one
 * thread works with it.
 */
#ifndef WEIR_ARRIVALS_H
#define WEIR_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/geometry.h"

struct arrivals;

/* What is known of a block without its map. */
enum map_state {
	MAP_NONE,  /* nothing has come */
	MAP_HELD,  /* what its map says */
	MAP_WHOLE, /* all its source symbols are here, and it has no map any more */
};

/* Where the maps lie.  Zeros at first: all of it MAP_NONE. */
struct arrivals_map {
	uint8_t *state;  /* of each block, an enum map_state */
	uint8_t *blocks; /* the map of block i at i * arrivals_map_stride; touched only while it is MAP_HELD */
	/* Before a block's map is touched for the first time, all zeros: whether there is memory.  NULL: there is. */
	bool (*take)(void *context, uint32_t block);
	/* It is not touched any more.  NULL: nobody wants to know. */
	void (*give)(void *context, uint32_t block);
	void *context;
};

enum { ARRIVALS_PAGE_BYTES = 4096 };
/* Bytes of one block's map, and the same in whole pages. */
size_t arrivals_map_len(const struct geometry *g);
size_t arrivals_map_stride(const struct geometry *g);
/* Bytes of memory beside the maps, when all blocks are under way. */
size_t arrivals_memory(const struct geometry *g);

/* Counts what the maps say; what they lie in must live longer.  NULL: out of memory. */
struct arrivals *arrivals_new(const struct geometry *g, const struct arrivals_map *map);
void arrivals_free(struct arrivals *arrivals); /* NULL is fine */

/* Consecutive symbols of one row, as a datagram carries them; within the row. */
struct span {
	uint16_t block;
	uint8_t row;
	uint16_t first;
	uint16_t count;
};

enum span_use {
	SPAN_NEW,       /* some of it is not here yet */
	SPAN_DUPLICATE, /* all of it is here */
	SPAN_LATE,      /* its block needs nothing any more */
};
enum span_use arrivals_use(const struct arrivals *arrivals, const struct span *span);
/* Whether all of these symbols are here: of a complete block all source symbols, and no others. */
bool arrivals_have(const struct arrivals *arrivals, const struct span *span);
/* Takes the memory for the map of this block, if it needs one.  False: there is none, and so it takes no symbols now. */
bool arrivals_begin_block(struct arrivals *arrivals, uint32_t block);
/*
 * Notes written symbols.  True when this made the block decodable; from then on it takes no more.  Without memory for
 * the block's map they have not come.
 */
bool arrivals_note(struct arrivals *arrivals, const struct span *span);

enum block_state {
	BLOCK_RECEIVING,
	BLOCK_DECODABLE, /* each column has k symbols */
	BLOCK_COMPLETE,  /* all source symbols are here */
};
enum block_state arrivals_block_state(const struct arrivals *arrivals, uint32_t block);
/* The map of one block; NULL when it has none, since nothing of it has come or it is complete. */
const uint8_t *arrivals_block_map(const struct arrivals *arrivals, uint32_t block);
/* In any thread, while symbols are noted: of each symbol that the copy has, what was done before it was noted is done. */
void arrivals_copy_map(uint8_t *out, const uint8_t *map, size_t len);
/* A decodable block has got all its source symbols: from now on it has no map. */
void arrivals_complete_block(struct arrivals *arrivals, uint32_t block);
bool arrivals_are_complete(const struct arrivals *arrivals);

/* Symbols that must still come, so that every column of every block has k. */
uint64_t arrivals_missing_symbols(const struct arrivals *arrivals);
/* What must still come, in rows and blocks. */
struct lack {
	uint32_t worst_rows;          /* that the worst column of any block lacks of k */
	uint32_t blocks_missing;      /* that are not decodable */
	uint32_t first_missing_block; /* 0 when none is */
};
/* Looks through the columns of blocks of which something has come since it was asked last. */
struct lack arrivals_lack(struct arrivals *arrivals);
/* Symbols that were passed over in the order of sending: lost, or late.  Of blocks that were complete at the start none. */
uint64_t arrivals_skipped_symbols(const struct arrivals *arrivals);
/* Whether something has come. */
bool arrivals_have_begun(const struct arrivals *arrivals);
/*
 * Whether what lacks is the end of a pass: had all of it behind the furthest symbol come, nothing would be missing.  Repair
 * rows of the block before the last one lie behind it, as long as nothing but source rows of the last one has come.
 * False when nothing is missing, and when nothing of a pass has come.
 */
bool arrivals_lack_tail(const struct arrivals *arrivals);

#endif
