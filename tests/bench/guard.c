/*
 * guard: what the guard lets through on one core, beside the counting of records and zstd, in one run.
 *
 *   guard EXPORT.csv [SECONDS]   an export of tests/lib/export; about so long for each line, 1 by default
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/bundle.h"
#include "common/compress.h"
#include "common/records.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "sender/guard.h"
#include "sender/guard_unique.h"

enum { PIECE_BYTES = 1 << 20, AHEAD = 64 /* as the guard does */ };

static const char *const names[] = {"person_id", "name", "sex", "birth_date", "household_no",
				    "relation", "address", "registered_on", "status", "note"};
enum { COLUMNS = sizeof(names) / sizeof(names[0]) };

struct bench {
	double seconds;
	uint8_t *data;
	size_t len;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "guard: %s\n", what);
	exit(1);
}

static void print(const char *what, double rate)
{
	printf("  %-62s %8.0f MB/s\n", what, rate);
	fflush(stdout);
}

static void push_once(const struct bench *b, const struct guard_options *options)
{
	char problem[GUARD_PROBLEM_BYTES], text[GUARD_DESCRIPTION_BYTES];
	struct guard *guard = NULL;
	if (guard_new(&guard, options, problem) != 0)
		die(problem);
	int result = guard_member_begin(guard, "export.csv");
	for (size_t at = 0; result == 0 && at < b->len; at += PIECE_BYTES) {
		size_t piece = b->len - at < PIECE_BYTES ? b->len - at : PIECE_BYTES;
		result = guard_add(guard, b->data + at, piece);
	}
	if (result == 0)
		result = guard_member_end(guard);
	if (result != 0)
		die(guard_describe(text, guard_finding(guard)));
	guard_free(guard);
}

static void measure_guard(const struct bench *b, const char *what, const struct guard_options *options)
{
	double start = now(), end;
	size_t rounds = 0;
	do {
		push_once(b, options);
		rounds++;
		end = now();
	} while (end - start < b->seconds);
	print(what, (double)b->len * (double)rounds / (end - start) / 1e6);
}

static void measure_peers(const struct bench *b)
{
	double start = now(), end, bytes = 0;
	struct record_counter counter;
	do {
		records_start(&counter, RECORDS_CSV);
		records_add(&counter, b->data, b->len);
		bytes += (double)b->len;
		end = now();
	} while (end - start < b->seconds);
	print("counting its records", bytes / (end - start) / 1e6);
	struct compressor *compressor = compressor_new();
	size_t size = compress_bound(FRAME_BYTES), len;
	uint8_t *out = malloc(size);
	if (compressor == NULL || out == NULL)
		die("no memory");
	bytes = 0;
	start = now();
	do {
		for (size_t at = 0; at < b->len; at += FRAME_BYTES) {
			size_t piece = b->len - at < FRAME_BYTES ? b->len - at : FRAME_BYTES;
			if (compress_frame(compressor, out, size, &len, b->data + at, piece) != 0)
				die("cannot compress");
			bytes += (double)piece;
		}
		end = now();
	} while (end - start < b->seconds);
	print("compressing it (zstd level 1)", bytes / (end - start) / 1e6);
	compressor_free(compressor);
	free(out);
}

static void measure_rules(const struct bench *b)
{
	static const struct policy_pattern patterns[] = {
		{"address", "[0-9]{2,4}-[0-9]{6,8}"}, {"note", "(?i)password|密碼"}, {"status", "^(死亡|失蹤)$"},
	};
	static const struct policy_pattern everywhere[] = {
		{"*", "(?i)password|密碼"}, {"*", "09\\d{2}-?\\d{6}"}, {"*", "[\\w.]+@[\\w.]+"},
	};
	struct policy_column columns[COLUMNS] = {{.name = NULL}};
	for (size_t i = 0; i < COLUMNS; i++)
		columns[i].name = names[i];
	struct policy policy = {.name = "tax", .version = 1, .columns = columns};
	struct guard_options options = {.format = FORMAT_CSV, .max_bytes = UINT64_MAX, .max_records = UINT64_MAX};
	measure_guard(b, "guard: no rules but caps", &options);
	options.policy = &policy;
	measure_guard(b, "guard: CSV alone", &options);
	policy.column_count = COLUMNS;
	measure_guard(b, "guard: columns", &options);
	policy.encoding = ENCODING_UTF8;
	measure_guard(b, "guard: columns, UTF-8", &options);
	policy.refuses_identity = true;
	columns[0].may_hold_identity = true;
	measure_guard(b, "guard: columns, UTF-8, identity", &options);
	policy.patterns = patterns;
	policy.pattern_count = 3;
	measure_guard(b, "guard: columns, UTF-8, identity, 3 patterns", &options);
	policy.patterns = everywhere;
	measure_guard(b, "guard: columns, UTF-8, identity, 3 patterns for all columns", &options);
	policy.patterns = patterns;
	columns[0].is_unique = true;
	measure_guard(b, "guard: columns, UTF-8, identity, 3 patterns, unique", &options);
}

static void measure_unique(uint64_t count)
{
	struct rusage usage;
	struct unique *unique = unique_new();
	double start = now();
	for (uint64_t i = 0; unique != NULL && i < count; i += AHEAD) {
		uint64_t hashes[AHEAD], some = count - i < AHEAD ? count - i : AHEAD;
		bool is_new;
		for (uint64_t k = 0; k < some; k++) {
			uint8_t value[10] = "A";
			uint64_t number = i + k;
			memcpy(value + 1, &number, sizeof(number));
			hashes[k] = unique_hash(unique, value, sizeof(value));
		}
		for (uint64_t k = 0; k < some; k++)
			if (unique_add(unique, hashes[k], &is_new) != 0 || !is_new)
				die("a value twice");
	}
	double took = now() - start;
	getrusage(RUSAGE_SELF, &usage);
	printf("  unique: %llu values: %.0f MiB, process %ld MiB, %.0f ns each\n", (unsigned long long)count,
	       (double)unique_memory(unique) / 1048576, usage.ru_maxrss / 1024,
	       took * 1e9 / (double)count);
	unique_free(unique);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		die("usage: guard EXPORT.csv [SECONDS]");
	struct bench b = {.seconds = argc > 2 ? strtod(argv[2], NULL) : 1};
	FILE *in = fopen(argv[1], "re");
	if (suite_start() != 0 || in == NULL || fseek(in, 0, SEEK_END) != 0 || ftell(in) <= 0)
		die("cannot read the export");
	b.len = (size_t)ftell(in);
	b.data = malloc(b.len);
	rewind(in);
	if (b.data == NULL || fread(b.data, 1, b.len, in) != b.len)
		die("cannot read the export");
	fclose(in);
	puts("On one core, an export:");
	measure_peers(&b);
	measure_rules(&b);
	free(b.data);
	measure_unique(23000000);
	return 0;
}
