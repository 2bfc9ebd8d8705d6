/*
 * geometry: how an object is cut into source blocks, rows and symbols.  LINK.md 3.
 */
#ifndef WEIR_GEOMETRY_H
#define WEIR_GEOMETRY_H

#include <stdint.h>

enum {
	SYMBOL_BYTES = 128,
	ROW_UNIT_BYTES = 4096,       /* every row length is a multiple of it */
	ROW_STEP_BYTES = 45056,      /* and from here on of this: 32 datagrams of 11 symbols */
	ROW_BYTES_MAX = 8380416,
	ROWS_MAX = 255,              /* source and repair rows of a block together */
	SOURCE_ROWS_MAX = 128,       /* what this sender chooses */
	BLOCKS_MAX = 65535,
};

struct geometry {
	uint64_t object_len;   /* bytes */
	uint32_t row_len;      /* bytes */
	uint8_t source_rows;   /* k */
	uint8_t repair_rows;   /* r: of one pass */
};

/* VERDICT_OK or VERDICT_BAD_GEOMETRY: all constraints of LINK.md 3. */
int geometry_check(const struct geometry *g);
/* The sender's choice.  repair_permille: repair rows per thousand source rows (125 by default). */
struct geometry geometry_choose(uint64_t object_len, uint32_t repair_permille);

uint32_t geometry_block_count(const struct geometry *g);
uint32_t geometry_row_symbols(const struct geometry *g); /* symbols in one row */
/*
 * Rows that the code has in all, source and repair: k + r go in a pass, the further ones are sent later.
 * Enough of these to restore a block of which nothing came, unless k + r is above 127.
 */
uint32_t geometry_row_total(const struct geometry *g);
/* Offset in the object of the first byte of a source row. */
uint64_t geometry_row_offset(const struct geometry *g, uint32_t block, uint32_t row);
/*
 * Symbols of this source row that are sent: those not wholly behind the object's end.  0 to
 * geometry_row_symbols.  For repair rows always all.
 */
uint32_t geometry_row_sent(const struct geometry *g, uint32_t block, uint32_t row);

/*
 * The probability that one pass loses the bundle when each datagram is lost independently with
 * probability loss and carries symbols_per_datagram symbols: the union bound over columns of
 * P[Binomial(k + r, loss) > r].  Used to choose r and printed by every loss test.
 */
double geometry_failure(const struct geometry *g, double loss, uint32_t symbols_per_datagram);

#endif
