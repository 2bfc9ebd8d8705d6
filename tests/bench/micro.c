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
#include "common/compress.h"
#include "common/datagram.h"
#include "common/erasure.h"
#include "common/sha256.h"
#include "common/tree.h"

enum { WORK_BYTES = 64 << 20, COLUMNS = 65536 };

struct bench {
	struct sealer *sealer;
	double seconds;
	uint8_t *work;  /* WORK_BYTES, larger than the caches */
	uint8_t *out;
	uint8_t key[SUITE_KEY_BYTES];
	struct tagger *tagger;
	/* of the erasure code measured now */
	struct erasure *code;
	struct erasure_plan *plan;
	unsigned int k, r, lost;
	size_t stride;  /* from row to row */
	size_t datagram_len;
	struct compressor *compressor;
	size_t compressed; /* the last frame */
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
	uint8_t leaf[WORK_BYTES / SEGMENT_BYTES][SUITE_DIGEST_BYTES], root[SUITE_DIGEST_BYTES];
	struct tree tree;
	tree_start(&tree);
	tree_leaves(leaf, b->work, WORK_BYTES / SEGMENT_BYTES);
	tree_add_all(&tree, leaf, WORK_BYTES / SEGMENT_BYTES);
	tree_root(&tree, root);
	return WORK_BYTES;
}

/* What BUNDLE.md 6 compares the tree's hash with. */
static size_t step_stream(struct bench *b)
{
	uint8_t digest[SUITE_DIGEST_BYTES];
	for (size_t i = 0; i < WORK_BYTES / SEGMENT_BYTES; i++)
		sha256_many(&digest, b->work + i * SEGMENT_BYTES, SEGMENT_BYTES, 1);
	return WORK_BYTES;
}

static size_t step_blake(struct bench *b)
{
	uint8_t digest[SUITE_DIGEST_BYTES];
	for (size_t i = 0; i < WORK_BYTES / SEGMENT_BYTES; i++)
		suite_hash(digest, sizeof(digest), "weir1 leaf", NULL, 0, b->work + i * SEGMENT_BYTES, SEGMENT_BYTES);
	return WORK_BYTES;
}

static size_t step_seal(struct bench *b)
{
	size_t count = WORK_BYTES / SEGMENT_BYTES;
	for (size_t i = 0; i < count; i++)
		segment_seal(b->sealer, b->out + i * SEGMENT_BYTES, b->work + i * SEGMENT_PLAIN_BYTES, i, false,
			     b->key);
	return count * SEGMENT_PLAIN_BYTES;
}

static size_t step_open(struct bench *b)
{
	size_t count = WORK_BYTES / SEGMENT_BYTES;
	int refused = 0;
	for (size_t i = 0; i < count; i++)
		refused |= segment_open(b->sealer, b->work + i * SEGMENT_PLAIN_BYTES, b->out + i * SEGMENT_BYTES,
					i, false, b->key);
	return refused == 0 ? count * SEGMENT_PLAIN_BYTES : 0;
}

static size_t step_tag(struct bench *b)
{
	size_t done = 0;
	for (; done + b->datagram_len <= WORK_BYTES; done += b->datagram_len)
		datagram_set_tag(b->work + done, b->datagram_len, b->tagger);
	return done;
}

static void point_rows(const struct bench *b, uint8_t **rows, size_t at)
{
	for (unsigned int i = 0; i < b->k; i++)
		rows[i] = b->work + i * b->stride + at;
	for (unsigned int i = 0; i < b->r; i++)
		rows[b->k + i] = b->out + i * b->stride + at;
}

static size_t columns_of(const struct bench *b)
{
	return b->stride / COLUMNS * COLUMNS;
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

static void measure_encode(struct bench *b, const char *layout, size_t stride)
{
	char what[80];
	b->stride = stride;
	snprintf(what, sizeof(what), "erasure code (%u, %u): encode, %s", b->k, b->r, layout);
	print(what, measure(b, step_encode));
}

static void measure_code(struct bench *b, unsigned int k, unsigned int r)
{
	static const unsigned int losses[] = {1, 4, 8, 16};
	char what[80];
	set_code(b, k, r);
	measure_encode(b, "rows of a power of two", WORK_BYTES / 2 / k);
	measure_encode(b, "rows as in LINK.md 3", WORK_BYTES / 2 / k / ROW_STEP_BYTES * ROW_STEP_BYTES);
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]) && losses[i] <= r; i++) {
		set_lost(b, losses[i]);
		snprintf(what, sizeof(what), "erasure code (%u, %u): restore %u row%s", k, r, losses[i],
			 losses[i] == 1 ? "" : "s");
		print(what, measure(b, step_recover));
	}
	double plans = measure(b, step_plan) * 1e6;
	snprintf(what, sizeof(what), "erasure code (%u, %u): a plan for %u lost rows", k, r, b->lost);
	printf("  %-54s %8.1f µs\n", what, 1e6 / plans);
}

/* Frames of 1 MiB, as a bundle has them. */
static size_t step_compress(struct bench *b)
{
	size_t done = 0, len;
	for (; done + FRAME_BYTES <= WORK_BYTES / 2; done += FRAME_BYTES)
		if (compress_frame(b->compressor, b->out, WORK_BYTES, &len, b->work + done, FRAME_BYTES) != 0)
			return 0;
	b->compressed = len;
	return done;
}

/* Lines like those of an export: words in which much repeats, numbers in which nothing does. */
static void fill_with_records(uint8_t *out, size_t len)
{
	static const char *const words[] = {"臺北市大安區", "高雄市三民區", "戶長", "配偶", "長子", "現住", "遷出", "中正路"};
	size_t at = 0;
	while (at + 256 < len) {
		uint64_t bits;
		suite_random(&bits, sizeof(bits));
		at += (size_t)snprintf((char *)out + at, 256, "A%09u,%s,%s,%04u-%02u-%02u,%s%u號,%s\n",
				       (unsigned int)(bits >> 34) % 1000000000, words[bits & 7], words[bits >> 3 & 7],
				       1930 + (unsigned int)(bits >> 6 & 63), 1 + (unsigned int)(bits >> 12 & 7),
				       1 + (unsigned int)(bits >> 15 & 15), words[bits >> 19 & 7],
				       (unsigned int)(bits >> 22 & 255), words[bits >> 30 & 7]);
	}
	memset(out + at, '\n', len - at);
}

static void measure_compression(struct bench *b)
{
	char what[80];
	b->compressor = compressor_new();
	if (b->compressor == NULL)
		die("no memory");
	print("compress (zstd level 1), random bytes", measure(b, step_compress));
	fill_with_records(b->work, WORK_BYTES / 2);
	double rate = measure(b, step_compress);
	snprintf(what, sizeof(what), "compress (zstd level 1), records, %.1f : 1",
		 (double)FRAME_BYTES / (double)b->compressed);
	print(what, rate);
	compressor_free(b->compressor);
}

int main(int argc, char **argv)
{
	struct bench b = {.seconds = argc > 1 ? strtod(argv[1], NULL) : 0.3, .key = {1}};
	b.work = malloc(WORK_BYTES);
	b.out = malloc(WORK_BYTES);
	static const uint8_t secret[TAGGER_SECRET_BYTES] = {1};
	if (suite_start() != 0 || tagger_new(&b.tagger, secret) != 0 || sealer_new(&b.sealer) != 0 || b.work == NULL || b.out == NULL)
		die("cannot start");
	suite_random(b.work, WORK_BYTES);
	suite_random(b.out, WORK_BYTES);
	puts("On one core:");
	print("seal (XChaCha20-Poly1305, segments of 16 KiB)", measure(&b, step_seal));
	print("open", measure(&b, step_open));
	print("hash tree (SHA-256, leaves of 16 KiB)", measure(&b, step_leaf));
	print("SHA-256 of these leaves one after another", measure(&b, step_stream));
	print("BLAKE2b of as many bytes", measure(&b, step_blake));
	b.datagram_len = datagram_len(datagram_symbols(1500));
	print("tag (Poly1305, SipHash), datagrams at MTU 1500", measure(&b, step_tag));
	b.datagram_len = datagram_len(datagram_symbols(9000));
	print("tag, datagrams at MTU 9000", measure(&b, step_tag));
	measure_code(&b, 32, 4);
	measure_code(&b, 64, 8);
	measure_code(&b, 128, 16);
	measure_compression(&b);
	sealer_free(b.sealer);
	erasure_plan_free(b.plan);
	erasure_free(b.code);
	free(b.work);
	free(b.out);
	return 0;
}
