/*
 * push: what the guard says of a member, however it is cut into pieces.
 */
#ifndef WEIR_TESTS_PUSH_H
#define WEIR_TESTS_PUSH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/records.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "sender/guard.h"
#include "tests/lib/tap.h"

enum { EVERY_CUT_MAX = 400 };

struct outcome {
	int result;
	char text[GUARD_DESCRIPTION_BYTES]; /* of the finding; "" when it passed */
	uint64_t records;
	uint32_t columns;
};

/* Pieces of `piece` bytes, the first one of `first` when that is not 0; or random ones. */
static inline void push_pieces(struct outcome *out, const struct guard_options *options, const char *name,
			       const void *data, size_t len, size_t first, size_t piece, uint64_t *state)
{
	char problem[GUARD_PROBLEM_BYTES];
	struct guard *guard = NULL;
	memset(out, 0, sizeof(*out));
	out->result = guard_new(&guard, options, problem);
	if (out->result != 0) {
		snprintf(out->text, sizeof(out->text), "%s", problem);
		return;
	}
	out->result = guard_member_begin(guard, name);
	for (size_t at = 0; out->result == 0 && at < len;) {
		size_t now = at == 0 && first > 0 ? first : piece;
		if (state != NULL)
			now = test_random(state) % (test_random(state) % 4 == 0 ? 64 : 8192);
		if (now > len - at)
			now = len - at;
		/* of exactly this size, so that a sanitizer sees one byte too far */
		uint8_t *copy = malloc(now + 1);
		if (copy == NULL)
			abort();
		memcpy(copy + 1, (const uint8_t *)data + at, now);
		out->result = guard_add(guard, copy + 1, now);
		free(copy);
		at += now;
	}
	if (out->result == 0)
		out->result = guard_member_end(guard);
	if (out->result == 0)
		out->result = guard_finish(guard);
	if (out->result == VERDICT_AGAINST_POLICY)
		guard_describe(out->text, guard_finding(guard));
	out->records = guard_records(guard);
	out->columns = guard_columns(guard);
	guard_free(guard);
}

static inline bool outcomes_equal(const struct outcome *a, const struct outcome *b)
{
	return a->result == b->result && strcmp(a->text, b->text) == 0 &&
	       (a->result != 0 || (a->records == b->records && a->columns == b->columns));
}

/* The outcome, and how many ways of cutting came to another one. */
static inline size_t push_every_way(struct outcome *out, const struct guard_options *options,
				    const char *name, const void *data, size_t len)
{
	size_t differ = 0;
	struct outcome other;
	uint64_t state = len;
	push_pieces(out, options, name, data, len, 0, len + 1, NULL);
	for (size_t first = 1; first < len && len <= EVERY_CUT_MAX; first++) {
		push_pieces(&other, options, name, data, len, first, len, NULL);
		differ += !outcomes_equal(out, &other);
	}
	for (size_t piece = 1; piece <= 7 && len <= EVERY_CUT_MAX; piece++) {
		push_pieces(&other, options, name, data, len, 0, piece, NULL);
		differ += !outcomes_equal(out, &other);
	}
	for (int round = 0; round < 3; round++) {
		push_pieces(&other, options, name, data, len, 0, 0, &state);
		differ += !outcomes_equal(out, &other);
	}
	return differ;
}

/* wanted: "" when it passes, else the finding without the member's name, "2: column note: rule deny 1". */
static inline void expect_bytes(const struct guard_options *options, const void *data, size_t len,
				const char *wanted, const char *sentence)
{
	struct outcome got;
	char full[GUARD_DESCRIPTION_BYTES] = "";
	size_t differ = push_every_way(&got, options, "people", data, len);
	if (*wanted != 0)
		snprintf(full, sizeof(full), "people:%s", wanted);
	is_text(got.text, full, "%s", sentence);
	is_number(got.result, *wanted == 0 ? 0 : VERDICT_AGAINST_POLICY, "  with this result");
	is_number((int64_t)differ, 0, "  however it is cut");
	if (got.result != 0)
		return;
	struct record_counter counter;
	records_start(&counter, options->format == FORMAT_CSV ? RECORDS_CSV : RECORDS_LINES);
	records_add(&counter, data, len);
	is_number((int64_t)got.records, (int64_t)records_count(&counter), "  and as many records as are counted");
}

static inline void expect(const struct guard_options *options, const char *text, const char *wanted,
			  const char *sentence)
{
	expect_bytes(options, text, strlen(text), wanted, sentence);
}

/* *at moves behind what was written. */
static inline void fill(char **at, char byte, size_t len)
{
	memset(*at, byte, len);
	*at += len;
}

#endif
