/*
 * micro: what one core does of each piece, as a table.  BUNDLE.md and LINK.md cite it.
 *
 *   micro [SECONDS]   about so long for each line, 0.3 by default
 *
 * MB/s are millions of bytes of the bundle that a step lets through, so that lines can be compared:
 * an erasure code is measured by its source bytes, not by the repair rows that it makes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bundle.h"
#include "common/datagram.h"
#include "common/erasure.h"
#include "common/tree.h"

enum { WORK_BYTES = 32 << 20, COLUMNS = 32768 };

struct bench {
	double seconds;
	uint8_t *work;  /* WORK_BYTES, larger than the caches */
	uint8_t *out;
	uint8_t key[SUITE_KEY_BYTES];
	/* of the erasure code measured now */
	struct erasure *code;
	struct erasure_plan *plan;
	unsigned int k, r, lost;
	size_t datagram_len;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs `step`, which gives the bytes that it has done, until the time is over. */
static double measure(struct bench *b, size_t (*step)(struct bench *))
{
	double bytes = 0, start = now(), end;
	step(b);
	start = now();
	do {
		bytes += (double)step(b);
		end = now();
	} while (end - start < b->seconds);
	return bytes / (end - start) / 1e6;
}

static size_t step_leaf(struct bench *b)
{
	uint8_t leaf[SUITE_DIGEST_BYTES];
	struct tree tree;
	tree_start(&tree);
	for (size_t i = 0; i < WORK_BYTES / SEGMENT_BYTES; i++) {
		tree_leaf(leaf, i, b->work + i * SEGMENT_BYTES);
		tree_add(&tree, leaf);
	}
	tree_root(&tree, leaf);
	return WORK_BYTES;
}

static size_t step_seal(struct bench *b)
{
	size_t count = WORK_BYTES / SEGMENT_BYTES;
	for (size_t i = 0; i < count; i++)
		segment_seal(b->out + i * SEGMENT_BYTES, b->work + i * SEGMENT_PLAIN_BYTES, i, false,
			     b->key);
	return count * SEGMENT_PLAIN_BYTES;
}

static size_t step_open(struct bench *b)
{
	size_t count = WORK_BYTES / SEGMENT_BYTES;
	int refused = 0;
	for (size_t i = 0; i < count; i++)
		refused |= segment_open(b->work + i * SEGMENT_PLAIN_BYTES, b->out + i * SEGMENT_BYTES,
					i, false, b->key);
	return refused == 0 ? count * SEGMENT_PLAIN_BYTES : 0;
}

static size_t step_tag(struct bench *b)
{
	size_t done = 0;
	for (; done + b->datagram_len <= WORK_BYTES; done += b->datagram_len)
		datagram_set_tag(b->work + done, b->datagram_len, b->key);
	return done;
}

static void point_rows(const struct bench *b, uint8_t **rows, size_t at)
{
	size_t stride = WORK_BYTES / b->k / 64 * 64;
	for (unsigned int i = 0; i < b->k; i++)
		rows[i] = b->work + i * stride + at;
	for (unsigned int i = 0; i < b->r; i++)
		rows[b->k + i] = b->out + i * stride + at;
}

static size_t columns_of(const struct bench *b)
{
	return WORK_BYTES / b->k / COLUMNS * COLUMNS;
}

static size_t step_encode(struct bench *b)
{
	uint8_t *rows[ROWS_MAX];
	for (size_t at = 0; at < columns_of(b); at += COLUMNS) {
		point_rows(b, rows, at);
		erasure_encode(b->code, (const uint8_t *const *)rows, 0, b->r, rows + b->k, COLUMNS);
	}
	return columns_of(b) * b->k;
}

static size_t step_recover(struct bench *b)
{
	uint8_t *rows[ROWS_MAX];
	for (size_t at = 0; at < columns_of(b); at += COLUMNS) {
		point_rows(b, rows, at);
		erasure_recover(b->plan, rows, COLUMNS);
	}
	return columns_of(b) * b->k;
}

/* The plan alone, for a pattern that differs each time: plans a second. */
static size_t step_plan(struct bench *b)
{
	uint8_t present[ROWS_MAX];
	for (unsigned int round = 0; round < 16; round++) {
		memset(present, 1, sizeof(present));
		for (unsigned int i = 0; i < b->lost; i++)
			present[(round + i) % b->k] = 0;
		if (erasure_plan_set(b->plan, present) != (int)b->lost)
			return 0;
	}
	return 16;
}

static void die(const char *what)
{
	fprintf(stderr, "micro: %s\n", what);
	exit(1);
}

static void set_code(struct bench *b, unsigned int k, unsigned int r)
{
	erasure_plan_free(b->plan);
	erasure_free(b->code);
	b->k = k;
	b->r = r;
	b->code = erasure_new(k, r);
	b->plan = b->code != NULL ? erasure_plan_new(b->code) : NULL;
	if (b->plan == NULL)
		die("no memory");
}

static void set_lost(struct bench *b, unsigned int lost)
{
	uint8_t present[ROWS_MAX];
	memset(present, 1, sizeof(present));
	for (unsigned int i = 0; i < lost; i++)
		present[i * b->k / lost] = 0;
	b->lost = lost;
	if (erasure_plan_set(b->plan, present) != (int)lost)
		die("no plan");
}

static void print(const char *what, double rate)
{
	printf("  %-54s %8.0f MB/s\n", what, rate);
	fflush(stdout);
}

static void measure_code(struct bench *b, unsigned int k, unsigned int r)
{
	static const unsigned int losses[] = {1, 4, 8, 16};
	char what[80];
	set_code(b, k, r);
	snprintf(what, sizeof(what), "erasure code (%u, %u): encode", k, r);
	print(what, measure(b, step_encode));
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]) && losses[i] <= r; i++) {
		set_lost(b, losses[i]);
		snprintf(what, sizeof(what), "erasure code (%u, %u): restore %u rows", k, r, losses[i]);
		print(what, measure(b, step_recover));
	}
	double plans = measure(b, step_plan) * 1e6;
	snprintf(what, sizeof(what), "erasure code (%u, %u): a plan for %u lost rows", k, r, b->lost);
	printf("  %-54s %8.1f µs\n", what, 1e6 / plans);
}

int main(int argc, char **argv)
{
	struct bench b = {.seconds = argc > 1 ? strtod(argv[1], NULL) : 0.3, .key = {1}};
	b.work = malloc(WORK_BYTES);
	b.out = malloc(WORK_BYTES);
	if (suite_start() != 0 || b.work == NULL || b.out == NULL)
		die("cannot start");
	suite_random(b.work, WORK_BYTES);
	suite_random(b.out, WORK_BYTES);
	puts("On one core:");
	print("seal (XChaCha20-Poly1305, segments of 16 KiB)", measure(&b, step_seal));
	print("open", measure(&b, step_open));
	print("hash tree (BLAKE2b, leaves of 16 KiB)", measure(&b, step_leaf));
	b.datagram_len = datagram_len(datagram_symbols(1500));
	print("tag (SipHash-2-4-128), datagrams at MTU 1500", measure(&b, step_tag));
	b.datagram_len = datagram_len(datagram_symbols(9000));
	print("tag, datagrams at MTU 9000", measure(&b, step_tag));
	measure_code(&b, 32, 4);
	measure_code(&b, 64, 8);
	measure_code(&b, 128, 16);
	erasure_plan_free(b.plan);
	erasure_free(b.code);
	free(b.work);
	free(b.out);
	return 0;
}
