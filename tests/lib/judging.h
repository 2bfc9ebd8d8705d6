/*
 * judging: what the judges of spool and vault after a power cut (judge_spool.h, judge_vault.h) share: what had
 * been told outside before the cut, what the ledger says, and where a complaint goes.
 */
#ifndef WEIR_TEST_JUDGING_H
#define WEIR_TEST_JUDGING_H

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/ledgerverify.h"
#include "common/text.h"
#include "common/verdict.h"

enum { WORD_BYTES = 80, MARK_WORDS = 5, FACTS_MAX = 4096 };

/* A line of text that somebody outside wrote when a thing had been said: "accepted PUSHID tax-000123". */
struct mark {
	char words[MARK_WORDS][WORD_BYTES];
};

/* An entry of the ledger; "" where it has no such field. */
struct fact {
	char event[WORD_BYTES], result[WORD_BYTES], push_id[WORD_BYTES], bundle[WORD_BYTES], number[WORD_BYTES],
		version[WORD_BYTES], found[WORD_BYTES];
	uint64_t n;
	char hash[2 * SUITE_DIGEST_BYTES + 1]; /* of its line */
};

struct judging {
	FILE *complaints; /* one line each; none: all is well */
	uint64_t claims;    /* of arrival maps, that were looked at */
	uint64_t witnesses; /* that were there */
	uint64_t put_back;  /* older spools that were held against one which knew more */
	const struct mark *marks;
	size_t mark_count;
	struct fact facts[FACTS_MAX];
	size_t fact_count;
};

__attribute__((format(printf, 2, 3)))
static inline void complain(struct judging *j, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vfprintf(j->complaints, format, arguments);
	va_end(arguments);
	fputc('\n', j->complaints);
}

static inline bool judge_ok(struct judging *j, int result, const char *what)
{
	if (result != 0)
		complain(j, "%s: %s [%s]", what, verdict_explain(result), result > 0 ? verdict_name(result) : "error");
	return result == 0;
}

/* "decided PUSHID NAME": one write, so one mark. */
__attribute__((format(printf, 2, 3)))
static inline void say_mark(int marks, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (vdprintf(marks, format, arguments) < 0)
		abort();
	va_end(arguments);
}

static inline bool has_mark(const struct judging *j, const char *what, const char *about)
{
	for (size_t i = 0; i < j->mark_count; i++)
		if (strcmp(j->marks[i].words[0], what) == 0 &&
		    (about == NULL || strcmp(j->marks[i].words[1], about) == 0))
			return true;
	return false;
}

/* "key":"text" or "key":123 of a line; lines have no blanks (LEDGER.md 1). */
static inline void fact_field(char out[static WORD_BYTES], const char *text, size_t len, const char *key)
{
	char wanted[WORD_BYTES];
	int n = snprintf(wanted, sizeof(wanted), "\"%s\":", key);
	const char *at = memmem(text, len, wanted, (size_t)n);
	out[0] = 0;
	if (at == NULL)
		return;
	at += n + (at[n] == '"');
	size_t end = 0;
	while (at + end < text + len && strchr("\",}", at[end]) == NULL && end + 1 < WORD_BYTES)
		end++;
	memcpy(out, at, end);
	out[end] = 0;
}

static inline int take_fact(void *context, const struct ledger_line *line, const char *text, size_t len)
{
	struct judging *j = context;
	uint8_t hash[SUITE_DIGEST_BYTES];
	if (j->fact_count == FACTS_MAX)
		return -EOVERFLOW;
	struct fact *fact = &j->facts[j->fact_count++];
	fact->n = line->n;
	ledger_line_hash(hash, text, len);
	text_hex(fact->hash, sizeof(fact->hash), hash, sizeof(hash));
	fact_field(fact->event, text, len, "event");
	fact_field(fact->result, text, len, "result");
	fact_field(fact->push_id, text, len, "push_id");
	fact_field(fact->bundle, text, len, "bundle");
	fact_field(fact->number, text, len, "number");
	fact_field(fact->version, text, len, "version");
	fact_field(fact->found, text, len, "found");
	return 0;
}

static inline void take_finding(void *context, const struct ledger_finding *finding)
{
	if (!finding->is_note)
		complain(context, "ledger: entry %" PRIu64 ": %s [%s]", finding->n, finding->what,
			 verdict_name(finding->verdict));
}

/* Reads and verifies the ledger in this folder. */
static inline void judge_ledger(struct judging *j, int dir_fd, const struct card *box)
{
	struct ledger_summary summary;
	int ledger = io_open_dir(dir_fd, "ledger");
	const struct ledger_verifying verifying = {
		.boxes = &box, .box_count = 1, .report = take_finding, .take = take_fact, .context = j};
	j->fact_count = 0;
	(void)judge_ok(j, ledger < 0 ? ledger : ledger_verify(ledger, &verifying, &summary), "the ledger verifies");
	io_close(ledger);
}

/* The first entry of this kind about this push or this bundle (whichever is not NULL); NULL. */
static inline const struct fact *fact_of(const struct judging *j, const char *event, const char *push_id,
					 const char *bundle)
{
	for (size_t i = 0; i < j->fact_count; i++) {
		const struct fact *fact = &j->facts[i];
		if (strcmp(fact->event, event) == 0 && strcmp(fact->result, "ok") == 0 &&
		    (push_id == NULL || strcmp(fact->push_id, push_id) == 0) &&
		    (bundle == NULL || strcmp(fact->bundle, bundle) == 0))
			return fact;
	}
	return NULL;
}

/* An entry that somebody has seen, by its number and hash. */
static inline bool has_entry(const struct judging *j, const char *n, const char *hash)
{
	for (size_t i = 0; i < j->fact_count; i++)
		if (j->facts[i].n == strtoull(n, NULL, 10) && strcmp(j->facts[i].hash, hash) == 0)
			return true;
	return false;
}

#endif
