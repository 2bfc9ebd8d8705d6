#include "common/erasure.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/tap.h"

enum { LEN = 192, ROWS = 255 };

/* Multiplication as LINK.md 3 says: polynomial 0x11d, bit by bit. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
	unsigned int sum = 0, factor = a;
	for (int bit = 0; bit < 8; bit++) {
		if ((b >> bit) & 1)
			sum ^= factor << bit;
	}
	for (int bit = 15; bit >= 8; bit--)
		if ((sum >> bit) & 1)
			sum ^= 0x11dU << (bit - 8);
	return (uint8_t)sum;
}

static uint8_t inverse(uint8_t a)
{
	for (unsigned int b = 1; b < 256; b++)
		if (multiply(a, (uint8_t)b) == 1)
			return (uint8_t)b;
	return 0;
}

struct block {
	unsigned int k, r;
	size_t len;
	struct erasure *code;
	struct erasure_plan *plan;
	uint8_t *data;           /* rows, with room between them that must stay untouched */
	uint8_t *rows[ROWS];
	uint8_t *original;
};

enum { GAP = 64, CANARY = 0xa5 };

static size_t stride(const struct block *b)
{
	return b->len + GAP;
}

static void open_block(struct block *b, unsigned int k, unsigned int r, size_t len, uint64_t *random)
{
	*b = (struct block){.k = k, .r = r, .len = len};
	size_t size = (k + r) * stride(b);
	b->code = erasure_new(k, r);
	b->plan = erasure_plan_new(b->code);
	b->data = malloc(size + 1);
	b->original = malloc(size);
	memset(b->data, CANARY, size + 1);
	for (unsigned int i = 0; i < k + r; i++)
		b->rows[i] = b->data + 1 + i * stride(b); /* any alignment */
	for (unsigned int i = 0; i < k; i++)
		test_random_bytes(random, b->rows[i], len);
	erasure_encode(b->code, (const uint8_t *const *)b->rows, 0, r, b->rows + k, len);
	memcpy(b->original, b->data + 1, size);
}

static void close_block(struct block *b)
{
	erasure_plan_free(b->plan);
	erasure_free(b->code);
	free(b->data);
	free(b->original);
}

/* Loses the rows, restores, and puts all back; true when every byte of source and gap is as before. */
static bool survives(struct block *b, const uint8_t *present)
{
	unsigned int missing = 0;
	uint8_t *rows[ROWS];
	for (unsigned int i = 0; i < b->k + b->r; i++) {
		rows[i] = b->rows[i];
		if (present[i])
			continue;
		memset(b->rows[i], 0x5a, b->len);
		missing += i < b->k;
		if (i >= b->k)
			rows[i] = NULL;
	}
	bool good = erasure_plan_set(b->plan, present) == (int)missing;
	if (good)
		erasure_recover(b->plan, rows, b->len);
	good &= memcmp(b->data + 1, b->original, b->k * stride(b)) == 0;
	memcpy(b->data + 1, b->original, (b->k + b->r) * stride(b));
	return good;
}

static void matrix_is_the_documented_one(uint64_t *random)
{
	static const unsigned int sizes[][2] = {{1, 3}, {12, 4}, {128, 16}, {128, 127}, {1, 254}, {254, 1}};
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct block b;
		open_block(&b, sizes[s][0], sizes[s][1], 64, random);
		bool equal = true;
		for (unsigned int i = b.k; i < b.k + b.r; i++) {
			uint8_t sum[64] = {0};
			for (unsigned int j = 0; j < b.k; j++) {
				uint8_t coefficient = inverse((uint8_t)(i ^ j));
				for (int at = 0; at < 64; at++)
					sum[at] ^= multiply(coefficient, b.rows[j][at]);
			}
			equal &= memcmp(sum, b.rows[i], 64) == 0;
		}
		ok(equal, "(%u,%u): repair row i is the sum of source rows j over i xor j", b.k, b.r);
		close_block(&b);
	}
}

static void every_pattern(unsigned int k, unsigned int r, uint64_t *random)
{
	struct block b;
	open_block(&b, k, r, LEN, random);
	bool restored = true, refused = true;
	for (unsigned int pattern = 0; pattern < 1U << (k + r); pattern++) {
		uint8_t present[ROWS];
		unsigned int count = 0;
		for (unsigned int i = 0; i < k + r; i++) {
			present[i] = (pattern >> i) & 1;
			count += present[i];
		}
		if (count >= k)
			restored &= survives(&b, present);
		else
			refused &= erasure_plan_set(b.plan, present) == -ENODATA;
	}
	ok(restored, "(%u,%u): every pattern with k rows left is restored", k, r);
	ok(refused, "(%u,%u): every pattern with fewer is refused", k, r);
	close_block(&b);
}

static void random_patterns(unsigned int k, unsigned int r, int count, uint64_t *random)
{
	struct block b;
	open_block(&b, k, r, LEN, random);
	bool restored = true, refused = true;
	for (int n = 0; n < count; n++) {
		uint8_t present[ROWS];
		memset(present, 1, sizeof(present));
		for (unsigned int lost = 0; lost < r;) {
			unsigned int i = (unsigned int)(test_random(random) % (k + r));
			lost += present[i];
			present[i] = 0;
		}
		restored &= survives(&b, present);
		unsigned int one_more = 0;
		while (!present[one_more])
			one_more++;
		present[one_more] = 0;
		refused &= erasure_plan_set(b.plan, present) == -ENODATA;
	}
	ok(restored, "(%u,%u): %d random losses of %u rows are restored", k, r, count, r);
	ok(refused, "(%u,%u): one row more is refused", k, r);
	close_block(&b);
}

static void every_burst(unsigned int k, unsigned int r, uint64_t *random)
{
	struct block b;
	open_block(&b, k, r, 64, random);
	bool restored = true;
	for (unsigned int len = 1; len <= r; len++)
		for (unsigned int at = 0; at + len <= k + r; at++) {
			uint8_t present[ROWS];
			memset(present, 1, sizeof(present));
			memset(present + at, 0, len);
			restored &= survives(&b, present);
		}
	ok(restored, "(%u,%u): every burst up to %u rows is restored at every position", k, r, r);
	close_block(&b);
}

static void lengths_and_parts(uint64_t *random)
{
	struct block b;
	open_block(&b, 20, 7, 20480, random);
	bool equal = true;
	uint8_t *again = malloc(b.len);
	for (unsigned int first = 0; first < b.r; first++) {
		uint8_t *repair[ROWS] = {NULL};
		repair[first] = again;
		erasure_encode(b.code, (const uint8_t *const *)b.rows, first, 1, repair, b.len);
		equal &= memcmp(again, b.rows[b.k + first], b.len) == 0;
	}
	ok(equal, "repair rows made one at a time are the same");
	memset(again, CANARY, b.len);
	uint8_t *none[ROWS] = {NULL};
	erasure_encode(b.code, (const uint8_t *const *)b.rows, 3, 0, none, b.len);
	ok(again[0] == CANARY, "none are made when none are asked for");
	free(again);
	close_block(&b);
	bool restored = true;
	for (size_t len = 64; len <= 9000; len += 64) {
		open_block(&b, 11, 4, len, random);
		uint8_t present[ROWS];
		memset(present, 1, sizeof(present));
		present[2] = present[3] = present[10] = present[12] = 0;
		restored &= survives(&b, present);
		close_block(&b);
	}
	ok(restored, "any multiple of 64 bytes is encoded and restored, and nothing behind it is touched");
}

static void plans_are_reusable(uint64_t *random)
{
	struct block b;
	open_block(&b, 6, 3, LEN, random);
	uint8_t all[ROWS], one[ROWS], too_few[ROWS];
	memset(all, 1, sizeof(all));
	memset(one, 1, sizeof(one));
	memset(too_few, 1, sizeof(too_few));
	one[4] = 0;
	memset(too_few, 0, 4);
	is_number(erasure_plan_set(b.plan, all), 0, "nothing is missing when every row is there");
	ok(survives(&b, all), "and nothing is written then");
	is_number(erasure_plan_set(b.plan, one), 1, "one is missing");
	is_number(erasure_plan_set(b.plan, one), 1, "and still is when asked again");
	is_number(erasure_plan_set(b.plan, too_few), -ENODATA, "four of three repairable are too many");
	ok(survives(&b, one), "the plan before is made anew after a refusal");
	close_block(&b);
	erasure_free(NULL);
	erasure_plan_free(NULL);
	ok(true, "freeing nothing is fine");
}

int main(void)
{
	uint64_t random = test_seed();
	matrix_is_the_documented_one(&random);
	for (unsigned int k = 1; k <= 6; k++)
		for (unsigned int r = 1; r <= 5; r++)
			every_pattern(k, r, &random);
	every_pattern(12, 4, &random);
	random_patterns(128, 16, 300, &random);
	random_patterns(64, 8, 200, &random);
	random_patterns(128, 127, 5, &random);
	random_patterns(254, 1, 50, &random);
	every_burst(12, 4, &random);
	every_burst(94, 12, &random);
	lengths_and_parts(&random);
	plans_are_reusable(&random);
	return done_testing();
}
