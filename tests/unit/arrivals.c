#include "receiver/arrivals.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/tap.h"

/* A plain model: a byte a symbol, everything counted from scratch. */
struct model {
	struct geometry g;
	uint32_t blocks, rows, columns;
	uint8_t *here;
};

static uint8_t *symbol(const struct model *m, uint32_t block, uint32_t row, uint32_t column)
{
	return m->here + ((size_t)block * m->rows + row) * m->columns + column;
}

static bool is_sent(const struct model *m, uint32_t block, uint32_t row, uint32_t column)
{
	return row >= m->g.source_rows ||
	       geometry_row_offset(&m->g, block, row) + (uint64_t)column * SYMBOL_BYTES < m->g.object_len;
}

static uint64_t missing_in(const struct model *m, uint32_t block)
{
	uint64_t missing = 0;
	for (uint32_t column = 0; column < m->columns; column++) {
		uint32_t count = 0;
		for (uint32_t row = 0; row < m->rows; row++)
			count += *symbol(m, block, row, column) || !is_sent(m, block, row, column);
		missing += count < m->g.source_rows ? m->g.source_rows - count : 0;
	}
	return missing;
}

static uint64_t missing_in_all(const struct model *m)
{
	uint64_t missing = 0;
	for (uint32_t block = 0; block < m->blocks; block++)
		missing += missing_in(m, block);
	return missing;
}

static uint64_t skipped_in(const struct model *m, uint32_t block)
{
	uint64_t skipped = 0, pending = 0;
	for (uint32_t row = 0; row < m->rows; row++)
		for (uint32_t column = 0; column < m->columns; column++) {
			if (!is_sent(m, block, row, column))
				continue;
			if (*symbol(m, block, row, column)) {
				skipped += pending;
				pending = 0;
			} else {
				pending++;
			}
		}
	return skipped;
}

static struct model make_model(struct geometry g)
{
	struct model m = {.g = g, .blocks = geometry_block_count(&g), .columns = geometry_row_symbols(&g),
			  .rows = (uint32_t)g.source_rows + g.repair_rows};
	m.here = calloc((size_t)m.blocks * m.rows, m.columns);
	if (m.here == NULL || geometry_check(&g) != 0)
		abort();
	return m;
}

/* Slowly, from the model: as arrivals_lack. */
static struct lack lack_in(struct model *m)
{
	struct lack lack = {0};
	for (uint32_t block = 0; block < m->blocks; block++) {
		if (missing_in(m, block) == 0)
			continue;
		if (lack.blocks_missing++ == 0)
			lack.first_missing_block = block;
		for (uint32_t c = 0; c < m->columns; c++) {
			uint32_t lacking = m->g.source_rows;
			for (uint32_t row = 0; row < m->rows; row++) {
				bool is_behind = row < m->g.source_rows && c >= geometry_row_sent(&m->g, block, row);
				if (lacking > 0 && (is_behind || *symbol(m, block, row, c)))
					lacking--;
			}
			if (lacking > lack.worst_rows)
				lack.worst_rows = lacking;
		}
	}
	return lack;
}

static bool lack_is(struct arrivals *a, struct model *m)
{
	struct lack got = arrivals_lack(a), wanted = lack_in(m);
	return got.worst_rows == wanted.worst_rows && got.blocks_missing == wanted.blocks_missing &&
	       got.first_missing_block == wanted.first_missing_block;
}

static void test_against_model(struct geometry g, const char *name)
{
	struct model m = make_model(g);
	uint8_t *map = calloc(1, arrivals_map_len(&g));
	struct arrivals *a = arrivals_new(&g, map);
	uint64_t random = test_seed();
	unsigned int wrong = 0, decodable = 0;
	is_number((int64_t)arrivals_missing_symbols(a), (int64_t)(g.object_len / SYMBOL_BYTES),
		  "%s: at first every symbol of the object is missing", name);
	/* a rare seed needs more to complete its first block */
	for (int i = 0; i < 6000 || (decodable == 0 && i < 200000); i++) {
		struct span s = {.block = (uint16_t)(test_random(&random) % m.blocks),
				 .row = (uint8_t)(test_random(&random) % m.rows)};
		uint32_t sent = s.row < g.source_rows ? geometry_row_sent(&g, s.block, s.row) : m.columns;
		if (sent == 0)
			continue;
		s.first = (uint16_t)(test_random(&random) % sent);
		s.count = (uint16_t)(1 + test_random(&random) % (sent - s.first));
		uint64_t before = missing_in(&m, s.block);
		bool any_new = false;
		for (uint32_t c = s.first; c < (uint32_t)s.first + s.count; c++)
			any_new |= !*symbol(&m, s.block, s.row, c);
		enum span_use wanted = before == 0 ? SPAN_LATE : any_new ? SPAN_NEW : SPAN_DUPLICATE;
		wrong += arrivals_use(a, &s) != wanted;
		bool became = arrivals_note(a, &s);
		if (before > 0)
			memset(symbol(&m, s.block, s.row, s.first), 1, s.count);
		wrong += became != (before > 0 && missing_in(&m, s.block) == 0);
		wrong += (arrivals_block_state(a, s.block) == BLOCK_RECEIVING) !=
			 (missing_in(&m, s.block) > 0);
		decodable += became;
		if (i % 500 == 0)
			wrong += arrivals_missing_symbols(a) != missing_in_all(&m);
		if (i == 1000)
			wrong += !lack_is(a, &m);
	}
	is_number(wrong, 0, "%s: uses, states and counts are those of a plain model", name);
	ok(decodable > 0, "%s: blocks became decodable", name);

	uint64_t skipped = 0;
	for (uint32_t block = 0; block < m.blocks; block++)
		skipped += skipped_in(&m, block);
	is_number((int64_t)arrivals_skipped_symbols(a), (int64_t)skipped,
		  "%s: what was passed over is counted", name);
	struct arrivals *again = arrivals_new(&g, map);
	ok(arrivals_missing_symbols(again) == arrivals_missing_symbols(a) &&
	   arrivals_skipped_symbols(again) == skipped, "%s: the map alone says it all", name);
	arrivals_free(again);

	for (uint32_t block = 0; block < m.blocks; block++) {
		struct span rest = {(uint16_t)block, 0, 0, 0};
		for (uint32_t row = 0; row < m.rows; row++) {
			rest.row = (uint8_t)row;
			rest.count = (uint16_t)(row < g.source_rows ? geometry_row_sent(&g, block, row)
								    : m.columns);
			arrivals_note(a, &rest);
		}
		ok(!arrivals_are_complete(a), "%s: not complete before block %u is", name, block);
		arrivals_complete_block(a, block);
	}
	ok(arrivals_are_complete(a), "%s: complete blocks make it complete", name);
	struct lack none = arrivals_lack(a);
	ok(none.worst_rows == 0 && none.blocks_missing == 0, "%s: and then it lacks nothing", name);
	again = arrivals_new(&g, map);
	ok(arrivals_are_complete(again), "%s: the map remembers that", name);
	arrivals_free(again);
	arrivals_free(a);
	free(map);
	free(m.here);
}

int main(void)
{
	test_against_model((struct geometry){3 * 16384, 4096, 12, 3}, "the smallest bundle");
	test_against_model((struct geometry){7 * 16384, 12288, 10, 4}, "a last row cut short");
	test_against_model((struct geometry){13 * 16384, 4096, 20, 5}, "three blocks, the last short");
	test_against_model((struct geometry){16 * 16384, 262144, 1, 254}, "one row, many repairs");
	arrivals_free(NULL);
	return done_testing();
}
