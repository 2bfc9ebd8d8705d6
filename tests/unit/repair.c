#include "receiver/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/erasure.h"
#include "common/io.h"
#include "common/verdict.h"
#include "receiver/arrivals.h"
#include "tests/lib/tap.h"

struct site {
	struct geometry g;
	uint32_t blocks, rows, columns;
	uint8_t *object, *repair;
	size_t repair_len;
	int object_fd, repair_fd;
	uint8_t *map;
	uint64_t random;
};

static int file_with(const char *name, const uint8_t *bytes, size_t len)
{
	int fd = open(test_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || io_pwrite(fd, bytes, len, 0) != 0)
		abort();
	return fd;
}

static void encode_block(struct site *s, const struct erasure *code, uint32_t block)
{
	const struct geometry *g = &s->g;
	const uint8_t *source[ROWS_MAX];
	uint8_t *repair[ROWS_MAX];
	uint8_t *rows = calloc(g->source_rows, g->row_len);
	for (uint32_t i = 0; i < g->source_rows; i++) {
		uint64_t at = geometry_row_offset(g, block, i);
		uint64_t left = at < g->object_len ? g->object_len - at : 0;
		source[i] = rows + (size_t)i * g->row_len;
		memcpy(rows + (size_t)i * g->row_len, s->object + at, left < g->row_len ? left : g->row_len);
	}
	uint32_t count = s->rows - g->source_rows;
	for (uint32_t i = 0; i < count; i++)
		repair[i] = s->repair + ((size_t)block * count + i) * g->row_len;
	erasure_encode(code, source, 0, count, repair, g->row_len);
	free(rows);
}

static struct site make_site(struct geometry g)
{
	struct site s = {.g = g, .blocks = geometry_block_count(&g), .columns = geometry_row_symbols(&g),
			 .rows = geometry_row_total(&g), .random = test_seed()};
	s.repair_len = (size_t)s.blocks * (s.rows - g.source_rows) * g.row_len;
	/* a row more, so that the last row may be read past the end */
	s.object = calloc(1, g.object_len + (size_t)g.row_len * g.source_rows);
	s.repair = calloc(1, s.repair_len);
	s.map = calloc(geometry_block_count(&g), arrivals_map_len(&g));
	test_random_bytes(&s.random, s.object, g.object_len);
	struct erasure *code = erasure_new(g.source_rows, s.rows - g.source_rows);
	if (code == NULL || geometry_check(&g) != 0)
		abort();
	for (uint32_t block = 0; block < s.blocks; block++)
		encode_block(&s, code, block);
	erasure_free(code);
	s.object_fd = file_with("object", s.object, g.object_len);
	s.repair_fd = file_with("repair", s.repair, s.repair_len);
	return s;
}

static void free_site(struct site *s)
{
	io_close(s->object_fd);
	io_close(s->repair_fd);
	free(s->object);
	free(s->repair);
	free(s->map);
}

/* Takes a symbol away: from the map, and its bytes are overwritten with others. */
static void take_away(struct site *s, uint32_t block, uint32_t row, uint32_t column)
{
	uint8_t noise[SYMBOL_BYTES];
	memset(noise, 0xee, sizeof(noise));
	uint8_t *bits = s->map + ((size_t)block * s->rows + row) * (s->columns / 8);
	bits[column / 8] &= (uint8_t)~(1U << column % 8);
	if (row >= s->g.source_rows) {
		io_pwrite(s->repair_fd, noise, sizeof(noise),
			  ((uint64_t)block * (s->rows - s->g.source_rows) + row - s->g.source_rows) * s->g.row_len +
				  (uint64_t)column * SYMBOL_BYTES);
		return;
	}
	uint64_t at = geometry_row_offset(&s->g, block, row) + (uint64_t)column * SYMBOL_BYTES;
	if (at < s->g.object_len)
		io_pwrite(s->object_fd, noise, sizeof(noise), at);
}

static bool object_is_right(const struct site *s)
{
	uint8_t *bytes = malloc(s->g.object_len);
	bool good = io_pread_exact(s->object_fd, bytes, s->g.object_len, 0) == 0 &&
		    memcmp(bytes, s->object, s->g.object_len) == 0;
	free(bytes);
	return good;
}

static int repair_all(struct site *s, uint64_t *restored)
{
	int result = 0;
	*restored = 0;
	for (uint32_t block = 0; result == 0 && block < s->blocks; block++) {
		uint64_t now = 0;
		result = repair_block(&(struct repair){
			.geometry = s->g, .block = block,
			.map = s->map + (size_t)block * s->rows * (s->columns / 8),
			.object_fd = s->object_fd, .repair_fd = s->repair_fd}, &now);
		*restored += now;
	}
	return result;
}

/* All that a pass sends is here, and no further row. */
static void give_a_pass(struct site *s)
{
	uint32_t rows = (uint32_t)s->g.source_rows + s->g.repair_rows;
	memset(s->map, 0xff, geometry_block_count(&s->g) * arrivals_map_len(&s->g));
	for (uint32_t block = 0; block < s->blocks; block++)
		for (uint32_t row = rows; row < s->rows; row++)
			for (uint32_t c = 0; c < s->columns; c++)
				take_away(s, block, row, c);
}

/* In each column any r of the k + r rows of a pass. */
static uint64_t take_away_at_random(struct site *s, uint32_t in_a_run)
{
	uint64_t taken = 0;
	uint32_t rows = (uint32_t)s->g.source_rows + s->g.repair_rows;
	give_a_pass(s);
	for (uint32_t block = 0; block < s->blocks; block++)
		for (uint32_t column = 0; column < s->columns; column += in_a_run)
			for (uint32_t i = 0; i < s->g.repair_rows; i++) {
				uint32_t row = (uint32_t)(test_random(&s->random) % rows);
				for (uint32_t c = column; c < column + in_a_run && c < s->columns; c++) {
					uint64_t at = geometry_row_offset(&s->g, block, row) + c * 128;
					if (row < s->g.source_rows && at >= s->g.object_len)
						continue;
					const uint8_t *bits = s->map +
						((size_t)block * s->rows + row) * (s->columns / 8);
					taken += row < s->g.source_rows && (bits[c / 8] >> c % 8 & 1);
					take_away(s, block, row, c);
				}
			}
	return taken;
}

static void test_random_loss(struct geometry g, uint32_t in_a_run, const char *name)
{
	struct site s = make_site(g);
	uint64_t taken = take_away_at_random(&s, in_a_run), restored = 0;
	ok(!object_is_right(&s), "%s: something is missing", name);
	is_number(repair_all(&s, &restored), 0, "%s: it is repaired", name);
	ok(object_is_right(&s), "%s: every byte is right again", name);
	is_number((int64_t)restored, (int64_t)taken, "%s: each restored symbol is counted", name);
	free_site(&s);
}

static void test_bursts(void)
{
	struct geometry g = {.object_len = 4 * 16384, .row_len = 4096, .source_rows = 16, .repair_rows = 4};
	unsigned int wrong = 0;
	uint64_t restored;
	for (uint32_t count = 1; count <= 4; count++)
		for (uint32_t first = 0; first + count <= 20; first++) {
			struct site s = make_site(g);
			give_a_pass(&s);
			for (uint32_t row = first; row < first + count; row++)
				for (uint32_t c = 0; c < s.columns; c++)
					take_away(&s, 0, row, c);
			wrong += repair_all(&s, &restored) != 0 || !object_is_right(&s);
			free_site(&s);
		}
	is_number(wrong, 0, "bursts of 1 to r whole rows at every place are repaired");
	struct site s = make_site(g);
	give_a_pass(&s);
	restored = 77;
	for (uint32_t row = 3; row < 8; row++)
		take_away(&s, 0, row, 9);
	is_number(repair_block(&(struct repair){g, 0, s.map, s.object_fd, s.repair_fd, NULL}, &restored),
		  -ENODATA, "one symbol too many in one column is not");
	ok(restored == 77, "and nothing is counted");
	free_site(&s);
}

/* Nothing but further rows, of which any k will do. */
static void test_further_rows(struct geometry g, const char *name)
{
	struct site s = make_site(g);
	uint64_t restored = 0;
	uint32_t first = (uint32_t)g.source_rows + g.repair_rows;
	memset(s.map, 0xff, geometry_block_count(&g) * arrivals_map_len(&g));
	for (uint32_t block = 0; block < s.blocks; block++)
		for (uint32_t row = 0; row < s.rows; row++)
			for (uint32_t c = 0; c < s.columns; c++)
				if (row < first || (row + c) % (s.rows - first) >= g.source_rows)
					take_away(&s, block, row, c);
	is_number(repair_all(&s, &restored), 0, "%s: further rows alone restore it", name);
	ok(object_is_right(&s), "%s: byte by byte", name);
	free_site(&s);
}

static void test_errors(void)
{
	struct geometry g = {.object_len = 4 * 16384, .row_len = 4096, .source_rows = 16, .repair_rows = 4};
	struct site s = make_site(g);
	uint64_t restored = 0;
	memset(s.map, 0xff, geometry_block_count(&g) * arrivals_map_len(&g));
	take_away(&s, 0, 2, 2);
	atomic_bool stop = true;
	struct repair repair = {g, 0, s.map, s.object_fd, s.repair_fd, &stop};
	is_number(repair_block(&repair, &restored), -ECANCELED, "it can be stopped");
	repair.stop = NULL;
	if (ftruncate(s.repair_fd, 100) != 0)
		abort();
	is_number(repair_block(&repair, &restored), VERDICT_TRUNCATED, "a file that is too short is noticed");
	repair.repair_fd = -1;
	is_number(repair_block(&repair, &restored), -EBADF, "so is one that cannot be read");
	memset(s.map, 0xff, geometry_block_count(&g) * arrivals_map_len(&g));
	is_number(repair_block(&repair, &restored), 0, "where nothing is missing nothing is read");
	free_site(&s);
}

int main(void)
{
	test_random_loss((struct geometry){3 * 16384, 4096, 12, 3}, 1, "the smallest bundle");
	test_random_loss((struct geometry){21 * 16384, 8192, 20, 5}, 3, "blocks, the last short");
	test_random_loss((struct geometry){200 * 16384, 135168, 25, 6}, 11, "rows of more than a strip");
	test_random_loss((struct geometry){16 * 16384, 262144, 1, 4}, 5, "one source row");
	test_further_rows((struct geometry){3 * 16384, 4096, 12, 4}, "the smallest bundle");
	test_further_rows((struct geometry){21 * 16384, 8192, 20, 5}, "blocks, the last short");
	test_further_rows((struct geometry){100 * 16384, 16384, 100, 27}, "all rows that a code can have");
	test_bursts();
	test_errors();
	return done_testing();
}
