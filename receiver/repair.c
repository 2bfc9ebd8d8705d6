#include "repair.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/erasure.h"
#include "common/io.h"

/* Rows a little out of step, so that the same column of all of them does not fall into one cache set. */
enum { STRIDE_BYTES = REPAIR_STRIP_BYTES + 192, STRIP_SYMBOLS = REPAIR_STRIP_BYTES / SYMBOL_BYTES };

struct work {
	const struct repair *repair;
	uint32_t k, rows, row_symbols;
	struct erasure *code;
	struct erasure_plan *plan;
	uint8_t *memory;          /* rows of STRIDE_BYTES */
	uint32_t first, count;    /* the strip: columns */
	uint64_t restored;
};

static bool is_here(const struct work *w, uint32_t row, uint32_t column)
{
	const uint8_t *map = w->repair->map + (size_t)row * (w->row_symbols / 8);
	return (map[column / 8] >> (column % 8) & 1) != 0;
}

static uint8_t *row_memory(const struct work *w, uint32_t row)
{
	return w->memory + (size_t)row * STRIDE_BYTES;
}

static bool strip_is_whole(const struct work *w)
{
	for (uint32_t row = 0; row < w->k; row++)
		for (uint32_t i = 0; i < w->count; i++)
			if (!is_here(w, row, w->first + i))
				return false;
	return true;
}

static int read_source_row(const struct work *w, uint32_t row)
{
	const struct geometry *g = &w->repair->geometry;
	uint64_t offset = geometry_row_offset(g, w->repair->block, row) +
			  (uint64_t)w->first * SYMBOL_BYTES;
	size_t len = (size_t)w->count * SYMBOL_BYTES, there = len;
	if (offset >= g->object_len)
		there = 0;
	else if (g->object_len - offset < len)
		there = (size_t)(g->object_len - offset);
	/* behind the object's end the code sees zeros, whatever the file holds there */
	memset(row_memory(w, row) + there, 0, len - there);
	return there == 0 ? 0
			  : io_pread_exact(w->repair->object_fd, row_memory(w, row), there, offset);
}

static int read_repair_row(const struct work *w, uint32_t row)
{
	const struct geometry *g = &w->repair->geometry;
	uint64_t before = (uint64_t)w->repair->block * (w->rows - w->k) + row - w->k;
	return io_pread_exact(w->repair->repair_fd, row_memory(w, row),
			      (size_t)w->count * SYMBOL_BYTES,
			      before * g->row_len + (uint64_t)w->first * SYMBOL_BYTES);
}

/* Most further rows never come. */
static bool has_some(const struct work *w, uint32_t row)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (is_here(w, row, w->first + i))
			return true;
	return false;
}

static int read_strip(const struct work *w)
{
	int result = 0;
	for (uint32_t row = 0; result == 0 && row < w->rows; row++) {
		if (row < w->k)
			result = read_source_row(w, row);
		else if (has_some(w, row))
			result = read_repair_row(w, row);
	}
	return result;
}

static void pattern_of(const struct work *w, uint32_t column, uint8_t present[static ROWS_MAX])
{
	for (uint32_t row = 0; row < w->rows; row++)
		present[row] = is_here(w, row, column);
}

/* Columns from `at` on that lack the same rows; present is their pattern. */
static uint32_t same_columns(const struct work *w, uint32_t at, uint8_t present[static ROWS_MAX])
{
	uint8_t next[ROWS_MAX];
	uint32_t end = at + 1;
	pattern_of(w, w->first + at, present);
	while (end < w->count) {
		pattern_of(w, w->first + end, next);
		if (memcmp(next, present, w->rows) != 0)
			break;
		end++;
	}
	return end - at;
}

static int solve_columns(struct work *w, uint32_t at, uint32_t count, const uint8_t *present)
{
	uint8_t *rows[ROWS_MAX];
	int missing = erasure_plan_set(w->plan, present);
	if (missing <= 0)
		return missing;
	for (uint32_t row = 0; row < w->rows; row++)
		rows[row] = row_memory(w, row) + (size_t)at * SYMBOL_BYTES;
	erasure_recover(w->plan, rows, (size_t)count * SYMBOL_BYTES);
	w->restored += (uint64_t)(unsigned int)missing * count;
	return 0;
}

/* Writes the symbols of this row that were missing, neighbours in one go. */
static int write_row(const struct work *w, uint32_t row)
{
	int result = 0;
	uint64_t offset = geometry_row_offset(&w->repair->geometry, w->repair->block, row) +
			  (uint64_t)w->first * SYMBOL_BYTES;
	for (uint32_t at = 0; result == 0 && at < w->count;) {
		uint32_t end = at;
		while (end < w->count && !is_here(w, row, w->first + end))
			end++;
		if (end > at)
			result = io_pwrite(w->repair->object_fd,
					   row_memory(w, row) + (size_t)at * SYMBOL_BYTES,
					   (size_t)(end - at) * SYMBOL_BYTES,
					   offset + (uint64_t)at * SYMBOL_BYTES);
		at = end + 1;
	}
	return result;
}

static int do_strip(struct work *w)
{
	uint8_t present[ROWS_MAX];
	if (strip_is_whole(w))
		return 0;
	int result = read_strip(w);
	for (uint32_t at = 0; result == 0 && at < w->count;) {
		uint32_t count = same_columns(w, at, present);
		result = solve_columns(w, at, count, present);
		at += count;
	}
	for (uint32_t row = 0; result == 0 && row < w->k; row++)
		result = write_row(w, row);
	return result;
}

int repair_block(const struct repair *repair, uint64_t *restored)
{
	const struct geometry *g = &repair->geometry;
	struct work w = {
		.repair = repair,
		.k = g->source_rows,
		.rows = geometry_row_total(g),
		.row_symbols = geometry_row_symbols(g),
	};
	w.code = erasure_new(w.k, w.rows - w.k);
	w.plan = w.code == NULL ? NULL : erasure_plan_new(w.code);
	w.memory = aligned_alloc(64, (size_t)w.rows * STRIDE_BYTES);
	int result = w.plan == NULL || w.memory == NULL ? -ENOMEM : 0;
	for (; result == 0 && w.first < w.row_symbols; w.first += w.count) {
		uint32_t left = w.row_symbols - w.first;
		w.count = left < STRIP_SYMBOLS ? left : STRIP_SYMBOLS;
		if (repair->stop != NULL && atomic_load(repair->stop))
			result = -ECANCELED;
		else
			result = do_strip(&w);
	}
	erasure_plan_free(w.plan);
	erasure_free(w.code);
	free(w.memory);
	if (result == 0)
		*restored = w.restored;
	return result;
}
