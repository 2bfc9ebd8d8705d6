/*
 * arrivals: which symbols of one bundle are here, and what that is enough for.  LINK.md 3 and 4.
 *
 * The map has one bit a symbol: for each source block all rows of its code (geometry_row_total), lowest bit of
 * a byte first.  Its memory is the caller's; the counts that follow from it live here.  Symbols
 * behind the object's end count as here.  No files, no locks; one thread works with it.
 */
#ifndef WEIR_ARRIVALS_H
#define WEIR_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/geometry.h"

struct arrivals;

/* Bytes of the map for this geometry. */
size_t arrivals_map_len(const struct geometry *g);
/* Bytes of memory beside the map. */
size_t arrivals_memory(const struct geometry *g);

/* Counts what the map says; the map must live longer.  NULL: out of memory. */
struct arrivals *arrivals_new(const struct geometry *g, uint8_t *map);
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
/* Whether all of these symbols are here, restored ones of a complete block among them. */
bool arrivals_have(const struct arrivals *arrivals, const struct span *span);
/* Notes written symbols.  True when this made the block decodable; from then on it takes no more. */
bool arrivals_note(struct arrivals *arrivals, const struct span *span);

enum block_state {
	BLOCK_RECEIVING,
	BLOCK_DECODABLE, /* each column has k symbols */
	BLOCK_COMPLETE,  /* all source symbols are here */
};
enum block_state arrivals_block_state(const struct arrivals *arrivals, uint32_t block);
/* The map of one block. */
const uint8_t *arrivals_block_map(const struct arrivals *arrivals, uint32_t block);
/* A decodable block has got all its source symbols. */
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
/* Symbols that were passed over in the order of sending: lost, or late. */
uint64_t arrivals_skipped_symbols(const struct arrivals *arrivals);
/* Whether something has come. */
bool arrivals_have_begun(const struct arrivals *arrivals);
/*
 * Whether what lacks is the end of a pass: had all of it behind the furthest symbol come, nothing would be missing.
 * False when nothing is missing, and when nothing of a pass has come.
 */
bool arrivals_lack_tail(const struct arrivals *arrivals);

#endif
