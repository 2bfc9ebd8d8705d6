#include "arrivals.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* gcc 12's analyzer takes a pointer in an array for lost when another element is written; clang's and ASan do not. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

struct block {
	enum block_state state;
	uint64_t missing; /* symbols until every column has k */
	uint64_t through; /* symbols of a pass over this block up to the furthest that has come */
	uint64_t arrived; /* of those, the ones that are here */
	uint8_t *counts;  /* while it is receiving and has a map: for each column, symbols that are here, at most 255 */
	bool is_searched; /* worst_rows is what the columns say */
	uint8_t worst_rows;
};

struct arrivals {
	struct geometry g;
	uint32_t blocks, row_symbols, rows, pass_rows;
	size_t row_map_len, stride;
	uint32_t complete_blocks;
	struct arrivals_map map;
	struct block *block;
};

size_t arrivals_map_len(const struct geometry *g)
{
	return (size_t)geometry_row_total(g) * (geometry_row_symbols(g) / 8);
}

size_t arrivals_map_stride(const struct geometry *g)
{
	return (arrivals_map_len(g) + ARRIVALS_PAGE_BYTES - 1) / ARRIVALS_PAGE_BYTES * ARRIVALS_PAGE_BYTES;
}

size_t arrivals_memory(const struct geometry *g)
{
	return sizeof(struct arrivals) +
	       geometry_block_count(g) * (geometry_row_symbols(g) + sizeof(struct block));
}

static uint8_t *block_map(const struct arrivals *a, uint32_t block)
{
	return a->map.blocks + block * a->stride;
}

static uint8_t *row_map(const struct arrivals *a, uint32_t block, uint32_t row)
{
	return block_map(a, block) + row * a->row_map_len;
}

static bool bit_is_set(const uint8_t *map, uint32_t at)
{
	return (map[at / 8] >> (at % 8) & 1) != 0;
}

/* Who copies the map meanwhile must not see the bit before what it says (arrivals_copy_map). */
static void set_bit(uint8_t *map, uint32_t at)
{
	_Atomic uint8_t *byte = (_Atomic uint8_t *)&map[at / 8];
	uint8_t before = atomic_load_explicit(byte, memory_order_relaxed);
	atomic_store_explicit(byte, (uint8_t)(before | 1U << (at % 8)), memory_order_release);
}

void arrivals_copy_map(uint8_t *out, const uint8_t *map, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = atomic_load_explicit((const _Atomic uint8_t *)&map[i], memory_order_acquire);
}

/* Symbols of a block before this row, in the order of sending. */
static uint64_t sent_before(const struct arrivals *a, uint32_t block, uint32_t row)
{
	uint64_t block_len = (uint64_t)a->g.source_rows * a->g.row_len;
	uint64_t left = a->g.object_len - block * block_len;
	uint64_t source = (left < block_len ? left : block_len) / SYMBOL_BYTES;
	uint64_t before = (uint64_t)row * a->row_symbols;
	if (row < a->g.source_rows)
		return before < source ? before : source;
	return source + (uint64_t)(row - a->g.source_rows) * a->row_symbols;
}

/* Source symbols of this block: all that it lacks before anything has come. */
static uint64_t source_symbols(const struct arrivals *a, uint32_t block)
{
	return sent_before(a, block, a->g.source_rows);
}

/* Symbols behind the object's end are zeros that everybody has (LINK.md 3); the counts are of a map without them. */
static void set_behind_end(struct arrivals *a, uint32_t number)
{
	uint8_t *counts = a->block[number].counts;
	for (uint32_t row = 0; row < a->g.source_rows; row++)
		for (uint32_t at = geometry_row_sent(&a->g, number, row); at < a->row_symbols; at++) {
			set_bit(row_map(a, number, row), at);
			counts[at]++;
		}
}

static bool is_held(const struct arrivals *a, uint32_t block)
{
	return a->map.state[block] == MAP_HELD;
}

bool arrivals_begin_block(struct arrivals *a, uint32_t number)
{
	struct block *block = &a->block[number];
	assert(number < a->blocks);
	if (a->map.state[number] != MAP_NONE)
		return true;
	uint8_t *counts = calloc(a->row_symbols, 1);
	if (counts == NULL || (a->map.take != NULL && !a->map.take(a->map.context, number))) {
		free(counts);
		return false;
	}
	block->counts = counts;
	set_behind_end(a, number);
	a->map.state[number] = MAP_HELD;
	return true;
}

static void set_decodable(struct block *block)
{
	block->state = BLOCK_DECODABLE;
	free(block->counts);
	block->counts = NULL;
}

static void set_complete(struct arrivals *a, uint32_t number)
{
	bool was_held = is_held(a, number);
	a->block[number].state = BLOCK_COMPLETE;
	a->map.state[number] = MAP_WHOLE;
	a->complete_blocks++;
	if (was_held && a->map.give != NULL)
		a->map.give(a->map.context, number);
}

static void count_map(struct arrivals *a, uint32_t number)
{
	struct block *block = &a->block[number];
	uint64_t all_source = 0;
	for (uint32_t row = 0; row < a->rows; row++) {
		const uint8_t *map = row_map(a, number, row);
		uint32_t here = 0, furthest = 0;
		for (uint32_t at = 0; at < a->row_symbols; at++)
			if (bit_is_set(map, at)) {
				block->counts[at]++;
				here++;
				furthest = at + 1;
			}
		if (row < a->g.source_rows) {
			uint32_t sent = geometry_row_sent(&a->g, number, row);
			all_source += here;
			here -= a->row_symbols - sent;
			furthest = furthest < sent ? furthest : sent;
		}
		if (row >= a->pass_rows)
			continue;
		block->arrived += here;
		if (here > 0)
			block->through = sent_before(a, number, row) + furthest;
	}
	for (uint32_t at = 0; at < a->row_symbols; at++)
		if (block->counts[at] < a->g.source_rows)
			block->missing += (uint64_t)a->g.source_rows - block->counts[at];
	if (block->missing == 0)
		set_decodable(block);
	if (all_source == (uint64_t)a->g.source_rows * a->row_symbols)
		set_complete(a, number);
}

static bool count_block(struct arrivals *a, uint32_t number)
{
	struct block *block = &a->block[number];
	switch ((enum map_state)a->map.state[number]) {
	case MAP_WHOLE:
		set_complete(a, number);
		return true;
	case MAP_HELD:
		block->counts = calloc(a->row_symbols, 1);
		if (block->counts == NULL)
			return false;
		/* those behind the end are counted with the others */
		set_behind_end(a, number);
		memset(block->counts, 0, a->row_symbols);
		count_map(a, number);
		return true;
	case MAP_NONE:
		break;
	}
	block->missing = source_symbols(a, number);
	return true;
}

struct arrivals *arrivals_new(const struct geometry *g, const struct arrivals_map *map)
{
	struct arrivals *a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	a->g = *g;
	a->blocks = geometry_block_count(g);
	a->row_symbols = geometry_row_symbols(g);
	a->rows = geometry_row_total(g);
	a->pass_rows = (uint32_t)g->source_rows + g->repair_rows;
	a->row_map_len = a->row_symbols / 8;
	a->stride = arrivals_map_stride(g);
	a->map = *map;
	a->block = calloc(a->blocks, sizeof(*a->block));
	bool all = a->block != NULL;
	for (uint32_t i = 0; all && i < a->blocks; i++)
		all = count_block(a, i);
	if (all)
		return a;
	arrivals_free(a);
	return NULL;
}

void arrivals_free(struct arrivals *a)
{
	if (a == NULL)
		return;
	for (uint32_t i = 0; a->block != NULL && i < a->blocks; i++)
		free(a->block[i].counts);
	free(a->block);
	free(a);
}

static void check_span(const struct arrivals *a, const struct span *span)
{
	assert(span->block < a->blocks && span->row < a->rows &&
	       (uint32_t)span->first + span->count <= a->row_symbols);
}

bool arrivals_have(const struct arrivals *a, const struct span *span)
{
	check_span(a, span);
	bool is_source = span->row < a->g.source_rows;
	if (a->map.state[span->block] == MAP_WHOLE)
		return is_source;
	if (!is_held(a, span->block))
		return is_source && span->first >= geometry_row_sent(&a->g, span->block, span->row);
	const uint8_t *map = row_map(a, span->block, span->row);
	for (uint32_t at = span->first; at < (uint32_t)span->first + span->count; at++)
		if (!bit_is_set(map, at))
			return false;
	return true;
}

enum span_use arrivals_use(const struct arrivals *a, const struct span *span)
{
	check_span(a, span);
	if (a->block[span->block].state != BLOCK_RECEIVING)
		return SPAN_LATE;
	return arrivals_have(a, span) ? SPAN_DUPLICATE : SPAN_NEW;
}

bool arrivals_note(struct arrivals *a, const struct span *span)
{
	check_span(a, span);
	struct block *block = &a->block[span->block];
	if (block->state != BLOCK_RECEIVING || !arrivals_begin_block(a, span->block))
		return false;
	block->is_searched = false;
	uint8_t *map = row_map(a, span->block, span->row);
	uint32_t end = (uint32_t)span->first + span->count;
	bool is_of_pass = span->row < a->pass_rows;
	for (uint32_t at = span->first; at < end; at++) {
		if (bit_is_set(map, at))
			continue;
		set_bit(map, at);
		block->arrived += is_of_pass;
		if (block->counts[at]++ < a->g.source_rows)
			block->missing--;
	}
	uint64_t through = sent_before(a, span->block, span->row) + end;
	if (is_of_pass && through > block->through)
		block->through = through;
	if (block->missing > 0)
		return false;
	set_decodable(block);
	return true;
}

enum block_state arrivals_block_state(const struct arrivals *a, uint32_t block)
{
	assert(block < a->blocks);
	return a->block[block].state;
}

const uint8_t *arrivals_block_map(const struct arrivals *a, uint32_t block)
{
	assert(block < a->blocks);
	return is_held(a, block) ? block_map(a, block) : NULL;
}

void arrivals_complete_block(struct arrivals *a, uint32_t block)
{
	assert(block < a->blocks && a->block[block].state != BLOCK_RECEIVING);
	if (a->block[block].state != BLOCK_COMPLETE)
		set_complete(a, block);
}

bool arrivals_are_complete(const struct arrivals *a)
{
	return a->complete_blocks == a->blocks;
}

uint64_t arrivals_missing_symbols(const struct arrivals *a)
{
	uint64_t missing = 0;
	for (uint32_t i = 0; i < a->blocks; i++)
		missing += a->block[i].missing;
	return missing;
}

static void search_block(struct arrivals *a, uint32_t number)
{
	struct block *block = &a->block[number];
	uint8_t least = a->g.source_rows;
	block->is_searched = true;
	if (block->counts == NULL) {
		/* the first column is as long as any */
		uint64_t source = source_symbols(a, number);
		block->worst_rows = (uint8_t)((source + a->row_symbols - 1) / a->row_symbols);
		return;
	}
	for (uint32_t at = 0; at < a->row_symbols; at++)
		least = block->counts[at] < least ? block->counts[at] : least;
	block->worst_rows = (uint8_t)(a->g.source_rows - least);
}

struct lack arrivals_lack(struct arrivals *a)
{
	struct lack lack = {0};
	for (uint32_t i = 0; i < a->blocks; i++) {
		if (a->block[i].state != BLOCK_RECEIVING)
			continue;
		if (!a->block[i].is_searched)
			search_block(a, i);
		if (a->block[i].worst_rows > lack.worst_rows)
			lack.worst_rows = a->block[i].worst_rows;
		if (lack.blocks_missing++ == 0)
			lack.first_missing_block = i;
	}
	return lack;
}

uint64_t arrivals_skipped_symbols(const struct arrivals *a)
{
	uint64_t skipped = 0;
	for (uint32_t i = 0; i < a->blocks; i++)
		if (a->block[i].through > a->block[i].arrived)
			skipped += a->block[i].through - a->block[i].arrived;
	return skipped;
}

bool arrivals_have_begun(const struct arrivals *a)
{
	for (uint32_t i = 0; i < a->blocks; i++)
		if (a->block[i].missing < source_symbols(a, i))
			return true;
	return false;
}

/* Symbols of this column of a pass that are sent behind the furthest that has come. */
static uint32_t behind(const struct arrivals *a, uint32_t block, uint32_t column)
{
	const uint64_t through = a->block[block].through;
	uint64_t source = source_symbols(a, block);
	uint32_t rows = (uint32_t)(source / a->row_symbols) + (column < source % a->row_symbols);
	uint32_t passed; /* rows of the pass whose symbol in this column lies before the furthest */
	if (through <= source) {
		passed = (uint32_t)(through / a->row_symbols) + (column < through % a->row_symbols);
		return rows - passed + a->g.repair_rows;
	}
	passed = (uint32_t)((through - source) / a->row_symbols) + (column < (through - source) % a->row_symbols);
	return a->g.repair_rows - passed;
}

/* Whether what has come of a block and what a pass sends behind it restore it. */
static bool can_be_whole(const struct arrivals *a, uint32_t block)
{
	if (a->block[block].missing == 0)
		return true;
	const uint8_t *counts = a->block[block].counts;
	for (uint32_t at = 0; at < a->row_symbols; at++)
		if (counts[at] + behind(a, block, at) < a->g.source_rows)
			return false;
	return true;
}

bool arrivals_lack_tail(const struct arrivals *a)
{
	uint32_t last = a->blocks;
	for (uint32_t i = a->blocks; i-- > 0 && last == a->blocks;)
		if (a->block[i].through > 0 || a->block[i].state != BLOCK_RECEIVING)
			last = i;
	if (last == a->blocks)
		return false;
	/* source rows may be a block ahead of repair rows: LINK.md 3 */
	bool is_ahead = last > 0 && a->block[last].through <= source_symbols(a, last) && a->block[last - 1].through > 0;
	for (uint32_t i = 0; i < last; i++)
		if (a->block[i].missing > 0 && !(is_ahead && i + 1 == last && can_be_whole(a, i)))
			return false;
	if (a->block[last].missing == 0)
		return last + 1 < a->blocks || (last > 0 && a->block[last - 1].missing > 0);
	return can_be_whole(a, last);
}
