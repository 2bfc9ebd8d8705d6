#include "receiver/arrivals.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/plainmap.h"
#include "tests/lib/tap.h"

enum { COLUMNS_MAX = 4096 };

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
	/* row by row, as they lie in memory: there are millions of symbols to count, thousands of times */
	uint8_t count[COLUMNS_MAX] = {0};
	uint64_t missing = 0;
	for (uint32_t row = 0; row < m->rows; row++) {
		const uint8_t *here = symbol(m, block, row, 0);
		for (uint32_t column = 0; column < m->columns; column++)
			count[column] = (uint8_t)(count[column] + here[column]);
		for (uint32_t column = m->columns; column-- > 0 && !is_sent(m, block, row, column);)
			count[column] = (uint8_t)(count[column] + !here[column]);
	}
	for (uint32_t column = 0; column < m->columns; column++)
		if (count[column] < m->g.source_rows)
			missing += (uint64_t)m->g.source_rows - count[column];
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
	if (m.here == NULL || geometry_check(&g) != 0 || m.columns > COLUMNS_MAX || m.rows > UINT8_MAX)
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
	uint8_t *map = calloc(1, plain_map_len(&g));
	const struct arrivals_map place = plain_map(&g, map);
	struct arrivals *a = arrivals_new(&g, &place);
	uint64_t random = test_seed();
	/* counted from scratch whenever something has come */
	uint64_t *missing = calloc(m.blocks, sizeof(*missing));
	for (uint32_t block = 0; block < m.blocks; block++)
		missing[block] = missing_in(&m, block);
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
		uint64_t before = missing[s.block];
		bool any_new = false;
		for (uint32_t c = s.first; c < (uint32_t)s.first + s.count; c++)
			any_new |= !*symbol(&m, s.block, s.row, c);
		enum span_use wanted = before == 0 ? SPAN_LATE : any_new ? SPAN_NEW : SPAN_DUPLICATE;
		wrong += arrivals_use(a, &s) != wanted;
		bool became = arrivals_note(a, &s);
		if (before > 0) {
			memset(symbol(&m, s.block, s.row, s.first), 1, s.count);
			missing[s.block] = missing_in(&m, s.block);
		}
		wrong += became != (before > 0 && missing[s.block] == 0);
		wrong += (arrivals_block_state(a, s.block) == BLOCK_RECEIVING) != (missing[s.block] > 0);
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
	struct arrivals *again = arrivals_new(&g, &place);
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
	again = arrivals_new(&g, &place);
	ok(arrivals_are_complete(again), "%s: the map remembers that", name);
	arrivals_free(again);
	arrivals_free(a);
	free(map);
	free(missing);
	free(m.here);
}

/* All of a block behind the furthest symbol that came comes; whether that was one of a repair row. */
static bool fill_behind(struct model *m, uint32_t block, bool *has_begun)
{
	const size_t all = (size_t)m->rows * m->columns;
	uint8_t *here = m->here + block * all;
	size_t furthest = all;
	for (size_t at = all; at-- > 0 && furthest == all;)
		if (here[at])
			furthest = at;
	*has_begun = furthest < all;
	if (*has_begun)
		memset(here + furthest, 1, all - furthest);
	return *has_begun && furthest / m->columns >= m->g.source_rows;
}

/*
 * What sending everything behind what has come of a pass would leave.  Source rows may go before the repair rows of the block
 * before theirs: as long as nothing but those has come of the last block, these may still come.
 */
static bool model_lacks_tail(const struct model *m)
{
	if (missing_in_all(m) == 0)
		return false;
	const size_t all = (size_t)m->blocks * m->rows * m->columns, block_len = all / m->blocks;
	struct model filled = *m;
	filled.here = malloc(all);
	memcpy(filled.here, m->here, all);
	uint32_t last = m->blocks;
	bool has_begun = false, is_repair = false;
	while (!has_begun && last > 0)
		is_repair = fill_behind(&filled, --last, &has_begun);
	if (has_begun && last + 1 < m->blocks)
		memset(filled.here + (last + 1) * block_len, 1, all - (last + 1) * block_len);
	bool before_has_begun;
	if (has_begun && last > 0 && !is_repair)
		fill_behind(&filled, last - 1, &before_has_begun);
	bool is_tail = has_begun && missing_in_all(&filled) == 0;
	free(filled.here);
	return is_tail;
}

/* The rows of a pass in an order in which they may go; repair rows are late by some rows of the next block. */
static void order_rows(const struct model *m, uint64_t *random, struct span *out)
{
	const uint32_t k = m->g.source_rows;
	uint32_t source = 0, repair = 0, count = 0;
	while (count < m->blocks * m->rows) {
		uint32_t late = (uint32_t)(test_random(random) % (k + 1)), until = (repair + 1) * k + late;
		for (; source < m->blocks * k && source < until; source++)
			out[count++] = (struct span){.block = (uint16_t)(source / k), .row = (uint8_t)(source % k)};
		for (uint32_t row = k; row < m->rows; row++)
			out[count++] = (struct span){.block = (uint16_t)repair, .row = (uint8_t)row};
		repair++;
	}
}

/* Passes that break off somewhere, with more or less lost before that. */
static void test_tails(struct geometry g, const char *name)
{
	uint64_t random = test_seed();
	unsigned int wrong = 0, tails = 0, others = 0;
	for (int round = 0; round < 400; round++) {
		struct model m = make_model(g);
		uint8_t *map = calloc(1, plain_map_len(&g));
		const struct arrivals_map place = plain_map(&g, map);
		struct arrivals *a = arrivals_new(&g, &place);
		uint64_t end = test_random(&random) % (m.blocks * m.rows + 1), share = test_random(&random) % 30;
		bool began = false;
		struct span *order = malloc(m.blocks * m.rows * sizeof(*order));
		order_rows(&m, &random, order);
		wrong += arrivals_have_begun(a);
		for (uint32_t at = 0; at < end; at++) {
			struct span s = order[at];
			uint32_t sent = s.row < g.source_rows ? geometry_row_sent(&g, s.block, s.row) : m.columns;
			if (at + 1 == end && sent > 0)
				sent = 1 + (uint32_t)(test_random(&random) % sent);
			for (uint32_t first = 0; first < sent; first += s.count) {
				s.first = (uint16_t)first;
				s.count = (uint16_t)(sent - first < 11 ? sent - first : 11);
				if (test_random(&random) % 100 < share ||
				    arrivals_block_state(a, s.block) != BLOCK_RECEIVING)
					continue;
				arrivals_note(a, &s);
				memset(symbol(&m, s.block, s.row, s.first), 1, s.count);
				began = true;
			}
		}
		bool is_tail = model_lacks_tail(&m);
		tails += is_tail;
		others += began && !is_tail && missing_in_all(&m) > 0;
		wrong += arrivals_lack_tail(a) != is_tail || arrivals_have_begun(a) != began;
		arrivals_free(a);
		free(order);
		free(map);
		free(m.here);
	}
	is_number(wrong, 0, "%s: a lost end is told from a loss in between, as by a plain model", name);
	ok(tails > 0 && others > 0, "%s: there were %u of the one and %u of the other", name, tails, others);
}

static void further_rows_begin(void)
{
	const struct geometry g = {3 * 16384, 4096, 12, 3};
	uint8_t *map = calloc(1, plain_map_len(&g));
	const struct arrivals_map place = plain_map(&g, map);
	struct arrivals *a = arrivals_new(&g, &place);
	arrivals_note(a, &(struct span){.block = 0, .row = 17, .first = 3, .count = 1});
	ok(arrivals_have_begun(a), "a symbol of a further repair row is a beginning");
	ok(!arrivals_lack_tail(a), "but of no pass");
	arrivals_free(a);
	free(map);
}

/* Whose maps have memory, and what happens when there is none. */
struct ledger {
	const struct geometry *g;
	uint8_t *blocks;
	unsigned int held, most, taken, given;
	bool is_full;
};

static bool on_take(void *context, uint32_t block)
{
	struct ledger *l = context;
	if (l->is_full)
		return false;
	memset(l->blocks + block * arrivals_map_stride(l->g), 0, arrivals_map_stride(l->g));
	l->taken++;
	l->held++;
	l->most = l->held > l->most ? l->held : l->most;
	return true;
}

/* Whoever reads what was given back reads nonsense. */
static void on_give(void *context, uint32_t block)
{
	struct ledger *l = context;
	memset(l->blocks + block * arrivals_map_stride(l->g), 0x5a, arrivals_map_stride(l->g));
	l->given++;
	l->held--;
}

static unsigned int note_block(struct arrivals *a, const struct geometry *g, uint32_t block)
{
	unsigned int became = 0;
	for (uint32_t row = 0; row < g->source_rows; row++) {
		struct span span = {(uint16_t)block, (uint8_t)row, 0, (uint16_t)geometry_row_sent(g, block, row)};
		if (span.count > 0)
			became += arrivals_note(a, &span);
	}
	return became;
}

/* Nine blocks, one after the other, as a bundle comes; then the same again from what the map says. */
static void maps_only_while_under_way(void)
{
	const struct geometry g = {17 * 16384, 4096, 8, 3};
	const uint32_t blocks = geometry_block_count(&g);
	uint8_t *memory = malloc(plain_map_len(&g));
	struct ledger l = {.g = &g};
	struct arrivals_map place = plain_map(&g, memory);
	unsigned int decodable = 0, without = 0;
	memset(memory, 0x5a, plain_map_len(&g));
	memset(place.state, 0, blocks);
	place.take = on_take;
	place.give = on_give;
	place.context = &l;
	l.blocks = place.blocks;
	struct arrivals *a = arrivals_new(&g, &place);
	ok(blocks == 9 && l.taken == 0, "a bundle of which nothing has come has no map");
	is_number((int64_t)arrivals_missing_symbols(a), 17 * 128, "all of it is missing");
	ok(arrivals_lack(a).worst_rows == 8 && arrivals_lack(a).blocks_missing == blocks, "eight rows of each block");
	l.is_full = true;
	ok(!arrivals_begin_block(a, 0), "without memory for its map a block does not begin");
	ok(!arrivals_note(a, &(struct span){0, 0, 0, 11}) && !arrivals_have_begun(a), "and what is noted of it has not come");
	is_number(arrivals_use(a, &(struct span){0, 0, 0, 11}), SPAN_NEW, "but may come again");
	l.is_full = false;
	for (uint32_t block = 0; block < blocks; block++) {
		decodable += note_block(a, &g, block);
		without += arrivals_block_map(a, block) == NULL;
		arrivals_complete_block(a, block);
		without += arrivals_block_map(a, block) != NULL;
	}
	ok(arrivals_are_complete(a) && decodable == blocks && without == 0, "each block has a map until it is complete");
	is_number(l.most, 1, "blocks that come one after the other need one map at a time");
	ok(l.taken == blocks && l.given == blocks && l.held == 0, "and in the end none");
	ok(arrivals_have(a, &(struct span){3, 7, 0, 32}) && !arrivals_have(a, &(struct span){3, 8, 0, 1}),
	   "of a complete block the source symbols are here, without a map");
	is_number(arrivals_use(a, &(struct span){3, 9, 0, 32}), SPAN_LATE, "it needs nothing");
	is_number((int64_t)arrivals_skipped_symbols(a), 0, "nothing was passed over");
	arrivals_free(a);

	place.state[4] = MAP_NONE;
	a = arrivals_new(&g, &place);
	ok(!arrivals_are_complete(a) && arrivals_missing_symbols(a) == 256, "taken up again it lacks what is not complete");
	ok(l.taken == blocks && l.given == blocks, "which needs no map");
	struct lack lack = arrivals_lack(a);
	ok(lack.blocks_missing == 1 && lack.first_missing_block == 4 && lack.worst_rows == 8, "and is told of");
	ok(!arrivals_lack_tail(a), "others behind it have come");
	note_block(a, &g, 4);
	arrivals_complete_block(a, 4);
	ok(arrivals_are_complete(a) && l.held == 0, "it comes, and is complete");
	arrivals_free(a);
	free(memory);
}

int main(void)
{
	maps_only_while_under_way();
	further_rows_begin();
	test_tails((struct geometry){3 * 16384, 4096, 12, 3}, "the smallest bundle");
	test_tails((struct geometry){7 * 16384, 12288, 10, 4}, "a last row cut short");
	test_tails((struct geometry){13 * 16384, 4096, 20, 5}, "three blocks, the last short");
	test_against_model((struct geometry){3 * 16384, 4096, 12, 3}, "the smallest bundle");
	test_against_model((struct geometry){7 * 16384, 12288, 10, 4}, "a last row cut short");
	test_against_model((struct geometry){13 * 16384, 4096, 20, 5}, "three blocks, the last short");
	test_against_model((struct geometry){16 * 16384, 262144, 1, 254}, "one row, many repairs");
	arrivals_free(NULL);
	return done_testing();
}
