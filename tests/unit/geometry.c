#include "common/geometry.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "common/bundle.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static const uint64_t object_min = 3 * SEGMENT_BYTES;
static const uint64_t object_max = UINT64_C(4294967295) * SEGMENT_BYTES;

static void good_is_good(void)
{
	const struct geometry smallest = {object_min, 4096, 12, 1};
	const struct geometry widest = {object_max, ROW_BYTES_MAX, 254, 1};
	const struct geometry blocks = {65535 * UINT64_C(16384), 4096, 4, 251};
	is_number(geometry_check(&smallest), VERDICT_OK, "the smallest object in rows of 4,096 is good");
	is_number(geometry_check(&widest), VERDICT_OK, "the largest object in the longest rows is good");
	is_number(geometry_check(&blocks), VERDICT_OK, "65,535 blocks and 255 rows are good");
	is_number(geometry_block_count(&blocks), 65535, "and there are 65,535 of them");
}

static void refuses(const char *what, struct geometry g)
{
	is_number(geometry_check(&g), VERDICT_BAD_GEOMETRY, "%s is refused", what);
}

static void bad_is_refused(void)
{
	refuses("no source row", (struct geometry){object_min, 4096, 0, 3});
	refuses("no repair row", (struct geometry){object_min, 4096, 12, 0});
	refuses("256 rows", (struct geometry){object_max, ROW_BYTES_MAX, 128, 128});
	refuses("no row length", (struct geometry){object_min, 0, 12, 3});
	refuses("half a unit", (struct geometry){object_min, 2048, 24, 3});
	refuses("a row length between units", (struct geometry){object_min, 4097, 12, 3});
	refuses("too long a row", (struct geometry){object_max, ROW_BYTES_MAX + 4096, 128, 3});
	refuses("no object", (struct geometry){0, 4096, 1, 3});
	refuses("an object of two segments", (struct geometry){object_min - 16384, 4096, 8, 3});
	refuses("an object between segments", (struct geometry){object_min + 1, 4096, 13, 3});
	refuses("too large an object",
		(struct geometry){object_max + SEGMENT_BYTES, ROW_BYTES_MAX, 254, 1});
	refuses("the largest number", (struct geometry){UINT64_MAX, ROW_BYTES_MAX, 254, 1});
	refuses("65,536 blocks", (struct geometry){65536 * UINT64_C(16384), 4096, 4, 3});
	refuses("a single block whose last row is empty", (struct geometry){object_min, 4096, 13, 3});
	refuses("an object in far too few rows", (struct geometry){object_min, 45056, 12, 3});
}

/* Every choice is allowed, strong enough and not wasteful. */
static bool choice_is_good(uint64_t object_len, uint32_t permille)
{
	struct geometry g = geometry_choose(object_len, permille);
	bool good = geometry_check(&g) == 0 && g.object_len == object_len && g.repair_rows >= 3 &&
		    g.repair_rows * UINT64_C(1000) >= (uint64_t)g.source_rows * permille &&
		    geometry_failure(&g, 0.02, 11) < 5e-5 && geometry_failure(&g, 0.02, 69) < 5e-5 &&
		    (g.row_len < ROW_STEP_BYTES || g.row_len % ROW_STEP_BYTES == 0);
	if (!good)
		note("object %llu: k %u r %u row %u", (unsigned long long)object_len, g.source_rows,
		     g.repair_rows, g.row_len);
	return good;
}

static void choices_are_good(uint64_t *random)
{
	bool small = true, steps = true, any = true;
	for (uint64_t segments = 3; segments <= 3000; segments++)
		small &= choice_is_good(segments * SEGMENT_BYTES, 125);
	for (uint64_t len = 4 * UINT64_C(16384); len <= object_max; len *= 2)
		for (int64_t by = -1; by <= 1; by++)
			if (len + (uint64_t)(by * SEGMENT_BYTES) <= object_max)
				steps &= choice_is_good(len + (uint64_t)(by * SEGMENT_BYTES), 125);
	steps &= choice_is_good(object_max, 125);
	/* evenly over the orders of magnitude */
	for (int i = 0; i < 2000; i++) {
		uint64_t segments = (test_random(random) & 0xffffffff) >> (test_random(random) % 30);
		if (segments >= 3)
			any &= choice_is_good(segments * SEGMENT_BYTES, 125);
	}
	ok(small, "every object of 3 to 3,000 segments gets a good geometry");
	ok(steps, "so does every power of two up to 64 TiB, and its neighbours");
	ok(any, "so do 2,000 random sizes");
	bool percents = true;
	for (uint32_t permille = 0; permille <= 900; permille += 50)
		percents &= choice_is_good(object_min, permille) &&
			    choice_is_good(UINT64_C(1) << 26, permille);
	ok(percents, "at any repair percentage");
	struct geometry g = geometry_choose(UINT64_C(1) << 30, 5000);
	ok(geometry_check(&g) == 0 && g.source_rows + g.repair_rows == ROWS_MAX,
	   "more repair than rows allow takes all the rows there are");
}

static void documented_choices(void)
{
	struct geometry g = geometry_choose(object_min, 125);
	ok(g.row_len == 4096 && g.source_rows == 12 && g.repair_rows == 4,
	   "the smallest bundle has 12 rows of 4,096 bytes and 4 repair rows");
	g = geometry_choose(UINT64_C(1) << 30, 125);
	ok(g.source_rows == 128 && g.repair_rows == 16, "1 GiB has 128 rows and 16 repair rows");
	is_number(geometry_choose(UINT64_C(1) << 33, 125).repair_rows, 17, "8 GiB has 17");
	is_number(geometry_choose(UINT64_C(1) << 40, 125).repair_rows, 20, "1 TiB has 20");
	is_number(geometry_choose(object_max, 125).repair_rows, 22, "64 TiB has 22");
	g = geometry_choose(2 * SEGMENT_BYTES, 125);
	is_number(geometry_check(&g), VERDICT_BAD_GEOMETRY, "there is no geometry for no object");
}

static void several_blocks_share(void)
{
	bool even = true;
	for (uint64_t len = UINT64_C(1) << 30; len < UINT64_C(1) << 34; len += 98765 * UINT64_C(16384)) {
		struct geometry g = geometry_choose(len, 125);
		uint32_t blocks = geometry_block_count(&g);
		uint64_t last = len - geometry_row_offset(&g, blocks - 1, 0);
		even &= last * 2 > (uint64_t)g.source_rows * g.row_len;
	}
	ok(even, "the last of several blocks is more than half full");
}

static void rows_cover_the_object(struct geometry g, const char *which)
{
	uint64_t at = 0, symbols = 0;
	bool in_order = true;
	for (uint32_t block = 0; block < geometry_block_count(&g); block++) {
		for (uint32_t row = 0; row < g.source_rows; row++) {
			in_order &= geometry_row_offset(&g, block, row) == at;
			at += g.row_len;
			symbols += geometry_row_sent(&g, block, row);
		}
		for (uint32_t row = g.source_rows; row < g.source_rows + g.repair_rows; row++)
			in_order &= geometry_row_sent(&g, block, row) == geometry_row_symbols(&g);
	}
	ok(in_order, "%s: rows follow each other, and all of a repair row is sent", which);
	is_number((int64_t)(symbols * SYMBOL_BYTES), (int64_t)g.object_len,
		  "%s: what is sent of the source rows is the object", which);
}

static double slow_tail(unsigned int n, unsigned int r, double loss)
{
	double sum = 0;
	for (unsigned int i = r + 1; i <= n; i++)
		sum += exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) + i * log(loss) +
			   (n - i) * log1p(-loss));
	return sum;
}

static void failure_is_the_union_bound(void)
{
	bool equal = true;
	for (unsigned int k = 1; k <= 200; k += 13)
		for (unsigned int r = 1; k + r <= 255; r += 5)
			for (int percent = 1; percent < 100; percent += 7) {
				struct geometry g = {(uint64_t)k * 16384, 16384, (uint8_t)k, (uint8_t)r};
				if (k < 3)
					continue;
				double wanted = slow_tail(k + r, r, percent / 100.0) * 12;
				double got = geometry_failure(&g, percent / 100.0, 11);
				equal &= wanted >= 1 ? got > 0.999 :
						       fabs(got - wanted) <= wanted * 1e-6 + 1e-280;
			}
	ok(equal, "the failure probability is that of the binomial distribution, times the columns");
	const struct geometry g = {1 << 20, 8192, 128, 16};
	ok(geometry_failure(&g, 0, 11) == 0, "without loss it is 0");
	ok(geometry_failure(&g, 1, 11) == 1, "with total loss it is 1");
	ok(geometry_failure(&g, 0.9, 1) == 1, "it is never above 1");
	double six = geometry_failure(&g, 0.02, 11), one = geometry_failure(&g, 0.02, 69);
	ok(fabs(six / one - 6) < 1e-9, "a row of 64 symbols is six columns of 11 and one of 69");
}

int main(void)
{
	uint64_t random = test_seed();
	good_is_good();
	bad_is_refused();
	choices_are_good(&random);
	documented_choices();
	several_blocks_share();
	rows_cover_the_object((struct geometry){object_min, 4096, 12, 4}, "the smallest bundle");
	rows_cover_the_object((struct geometry){17 * 16384, 12288, 5, 3}, "five blocks");
	rows_cover_the_object(geometry_choose(5 * UINT64_C(1000000007) / 16384 * 16384, 125), "5 GB");
	failure_is_the_union_bound();
	return done_testing();
}
