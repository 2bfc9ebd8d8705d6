#include "geometry.h"

#include <assert.h>

#include "bundle.h"
#include "verdict.h"

enum {
	OBJECT_SEGMENTS_MIN = 3,
	REPAIR_ROWS_MIN = 3,
	DATAGRAM_SYMBOLS_USUAL = 11, /* at MTU 1500; with more symbols the risk is smaller */
};
static const double choice_loss = 0.02;
static const double choice_failure = 5e-5;

static uint64_t divide_up(uint64_t value, uint64_t by)
{
	return value / by + (value % by != 0);
}

static uint64_t round_up(uint64_t value, uint64_t step)
{
	return divide_up(value, step) * step;
}

static uint64_t block_len(const struct geometry *g)
{
	return (uint64_t)g->source_rows * g->row_len;
}

int geometry_check(const struct geometry *g)
{
	if (g->source_rows < 1 || g->repair_rows < 1 || g->source_rows + g->repair_rows > ROWS_MAX)
		return VERDICT_BAD_GEOMETRY;
	if (g->row_len < ROW_UNIT_BYTES || g->row_len > ROW_BYTES_MAX ||
	    g->row_len % ROW_UNIT_BYTES != 0)
		return VERDICT_BAD_GEOMETRY;
	uint64_t segments = g->object_len / SEGMENT_BYTES;
	if (g->object_len % SEGMENT_BYTES != 0 || segments < OBJECT_SEGMENTS_MIN ||
	    segments > UINT32_MAX)
		return VERDICT_BAD_GEOMETRY;
	uint64_t blocks = divide_up(g->object_len, block_len(g));
	if (blocks > BLOCKS_MAX)
		return VERDICT_BAD_GEOMETRY;
	if (blocks == 1 && block_len(g) - g->row_len >= g->object_len)
		return VERDICT_BAD_GEOMETRY;
	return VERDICT_OK;
}

/*
 * Several blocks share the object evenly, so that the last one is not a full set of repair rows for
 * hardly any source.  Only above 65,535 blocks of 128 rows (just short of 64 TiB) k is larger.
 */
static void choose_rows(struct geometry *g)
{
	uint64_t rows = SOURCE_ROWS_MAX;
	while (divide_up(g->object_len, rows * ROW_BYTES_MAX) > BLOCKS_MAX)
		rows++;
	uint64_t blocks = divide_up(g->object_len, rows * ROW_BYTES_MAX);
	uint64_t row_len = round_up(divide_up(g->object_len, blocks * rows), ROW_UNIT_BYTES);
	if (row_len >= ROW_STEP_BYTES)
		row_len = round_up(row_len, ROW_STEP_BYTES);
	uint64_t needed = divide_up(g->object_len, row_len);
	g->row_len = (uint32_t)row_len;
	g->source_rows = (uint8_t)(needed < rows ? needed : rows);
}

struct geometry geometry_choose(uint64_t object_len, uint32_t repair_permille)
{
	struct geometry g = {.object_len = object_len};
	if (object_len / SEGMENT_BYTES < OBJECT_SEGMENTS_MIN ||
	    object_len / SEGMENT_BYTES > UINT32_MAX)
		return g;
	choose_rows(&g);
	uint64_t room = (uint64_t)ROWS_MAX - g.source_rows;
	uint64_t repair = divide_up((uint64_t)g.source_rows * repair_permille, 1000);
	if (repair < REPAIR_ROWS_MIN)
		repair = REPAIR_ROWS_MIN;
	if (repair > room)
		repair = room;
	g.repair_rows = (uint8_t)repair;
	while (g.repair_rows < room &&
	       geometry_failure(&g, choice_loss, DATAGRAM_SYMBOLS_USUAL) >= choice_failure)
		g.repair_rows++;
	return g;
}

uint32_t geometry_block_count(const struct geometry *g)
{
	return (uint32_t)divide_up(g->object_len, block_len(g));
}

uint32_t geometry_row_symbols(const struct geometry *g)
{
	return g->row_len / SYMBOL_BYTES;
}

uint32_t geometry_row_total(const struct geometry *g)
{
	uint32_t total = 2 * ((uint32_t)g->source_rows + g->repair_rows);
	return total < ROWS_MAX ? total : ROWS_MAX;
}

uint64_t geometry_row_offset(const struct geometry *g, uint32_t block, uint32_t row)
{
	return block * block_len(g) + (uint64_t)row * g->row_len;
}

uint32_t geometry_row_sent(const struct geometry *g, uint32_t block, uint32_t row)
{
	uint32_t all = geometry_row_symbols(g);
	if (row >= g->source_rows)
		return all;
	uint64_t offset = geometry_row_offset(g, block, row);
	if (offset >= g->object_len)
		return 0;
	uint64_t left = divide_up(g->object_len - offset, SYMBOL_BYTES);
	return left < all ? (uint32_t)left : all;
}

/* P[Binomial(count, loss) = hits], in factors of which none overflows. */
static double binomial_term(unsigned int count, unsigned int hits, double loss)
{
	double term = 1;
	for (unsigned int i = 0; i < hits; i++)
		term *= loss * (count - i) / (i + 1);
	for (unsigned int i = hits; i < count; i++)
		term *= 1 - loss;
	return term;
}

/* P[Binomial(count, loss) > spare]: summed from the largest term of its side outward, by ratio. */
static double tail(unsigned int count, unsigned int spare, double loss)
{
	if (spare >= count || loss <= 0)
		return 0;
	if (loss >= 1)
		return 1;
	double odds = loss / (1 - loss), sum = 0;
	if (spare + 1 > loss * count) {
		double term = binomial_term(count, spare + 1, loss);
		for (unsigned int i = spare + 1; i <= count; i++) {
			sum += term;
			term *= odds * (count - i) / (i + 1);
		}
		return sum;
	}
	double term = binomial_term(count, spare, loss);
	for (unsigned int i = spare + 1; i > 0; i--) {
		sum += term;
		term *= (i - 1) / odds / (count - i + 2);
	}
	return 1 - sum;
}

double geometry_failure(const struct geometry *g, double loss, uint32_t symbols_per_datagram)
{
	assert(symbols_per_datagram > 0);
	uint64_t columns = divide_up(geometry_row_symbols(g), symbols_per_datagram);
	unsigned int rows = (unsigned int)g->source_rows + g->repair_rows;
	double failure = tail(rows, g->repair_rows, loss) * (double)columns *
			 geometry_block_count(g);
	return failure < 1 ? failure : 1;
}
