#include "ledgerverify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "ledgerread.h"
#include "text.h"
#include "verdict.h"

static const char changed_next[] =
	"keep this copy, compare it with the other box's, and find out who could write here";
static const char missing_next[] =
	"look for them in the other box's copy and in backups, and find out who could write here";
static const char key_next[] = "give the registry that was in force then, too: --registry FILE";
static const char torn_next[] = "nothing: the box mends it when it starts, and says so in an entry";
static const char clock_next[] = "see whether somebody set the clock";

struct verify {
	const struct ledger_verifying *how;
	struct ledger_summary sum;
	int verdict; /* of the first thing that is wrong */
	const struct ledger_record *record; /* being looked at; NULL behind the end */
	struct ledger_head last;  /* the entry before; n is what it has to be, whatever stood there */
	bool knows_last;          /* its hash can be compared */
	struct ledger_head start; /* what the first entry stands behind */
	uint64_t unsigned_count;
	struct ledger_head trimmed, says_trimmed; /* signed, and not yet */
	uint64_t rotated;         /* the n of a rotate entry; its checkpoint comes next */
	bool is_rotated;          /* the file ends here, and another one must be there */
	size_t witness_at;
	bool has_rest;            /* the record before this one was LEDGER_TORN or LEDGER_NOTHING */
	struct ledger_record rest;
	struct ledger_file rest_file;
};

/* ---- what is found ---- */

enum weight { WRONG, NOTE };

__attribute__((format(printf, 5, 6))) static void find(struct verify *v, enum weight weight, int verdict,
						       const char *next, const char *format, ...)
{
	char what[LEDGER_FINDING_BYTES], file[LEDGER_FILE_NAME_BYTES] = "";
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	struct ledger_finding finding = {
		
		.is_note = weight == NOTE, .verdict = verdict, .n = v->last.n, .what = what, .next = next};
	if (v->record != NULL) {
		ledger_file_name(file, v->record->file);
		finding.line = v->record->line;
		finding.n = v->last.n + 1;
	}
	finding.file = file;
	if (weight == NOTE)
		v->sum.notes++;
	else if (v->sum.wrong++ == 0)
		v->verdict = verdict;
	v->how->report(v->how->context, &finding);
}

/* ---- one entry ---- */

/* Its number, and what it stands behind. */
static void check_place(struct verify *v, const struct ledger_line *line)
{
	uint64_t wanted = v->last.n + 1;
	if (v->sum.entries == 0) {
		v->start.n = line->n - 1;
		memcpy(v->start.hash, line->before, sizeof(line->before));
		v->last = v->start;
		if (line->n == 1 && !suite_equal(line->before, (uint8_t[SUITE_DIGEST_BYTES]){0},
						 SUITE_DIGEST_BYTES))
			find(v, WRONG, VERDICT_BAD_CHAIN, changed_next,
				   "the first entry says that there was one before it");
	} else if (line->n > wanted) {
		find(v, WRONG, VERDICT_MISSING_ENTRIES, missing_next,
			   "entries %" PRIu64 " to %" PRIu64 " are missing", wanted, line->n - 1);
	} else if (line->n < wanted) {
		find(v, WRONG, VERDICT_BAD_CHAIN, changed_next,
			   "entry %" PRIu64 " stands where entry %" PRIu64 " belongs", line->n, wanted);
	} else if (v->knows_last && memcmp(line->before, v->last.hash, SUITE_DIGEST_BYTES) != 0) {
		find(v, WRONG, VERDICT_BAD_CHAIN, changed_next,
			   "entry %" PRIu64 " or %" PRIu64 " was changed after it was written",
			   line->n - 1, line->n);
	}
	v->last.n = line->n - 1; /* whatever is found from here on is about this entry */
	if (v->record->opens_file && v->record->file->first != line->n)
		find(v, WRONG, VERDICT_BAD_CHAIN, changed_next,
			   "the file's name says that it begins with entry %" PRIu64
			   ", and it begins with %" PRIu64,
			   v->record->file->first, line->n);
	if (line->at + LEDGER_BACKWARDS_S < v->sum.to)
		find(v, NOTE, VERDICT_BAD_TIME, clock_next, "it is %" PRIu64 " s older than the one before",
			  v->sum.to - line->at);
}

static int check_signature(const struct verify *v, const struct ledger_checkpoint *checkpoint,
			   const struct ledger_line *line)
{
	int result = VERDICT_UNKNOWN_KEY;
	for (size_t i = 0; i < v->how->box_count && result == VERDICT_UNKNOWN_KEY; i++)
		result = ledger_checkpoint_check(checkpoint, line, v->how->boxes[i]);
	return result;
}

/* What a good checkpoint confirms. */
static void take_signature(struct verify *v, const struct ledger_checkpoint *checkpoint,
			   const struct ledger_line *line)
{
	if (v->sum.box[0] == 0)
		memcpy(v->sum.box, checkpoint->box, sizeof(v->sum.box));
	else if (strcmp(v->sum.box, checkpoint->box) != 0)
		find(v, WRONG, VERDICT_BAD_SIGNATURE, changed_next,
			   "it is signed by '%s', and those before by '%s'", checkpoint->box, v->sum.box);
	v->sum.checkpoints++;
	v->sum.signed_n = line->n - 1;
	v->unsigned_count = 0;
	v->is_rotated = v->rotated != 0 && v->rotated == line->n - 1;
	if (v->says_trimmed.n > v->trimmed.n)
		v->trimmed = v->says_trimmed;
}

static int check_checkpoint(struct verify *v, const struct ledger_line *line, const char *text, size_t len)
{
	struct ledger_checkpoint checkpoint;
	int result = ledger_checkpoint_parse(&checkpoint, line, text, len);
	if (result == 0)
		result = check_signature(v, &checkpoint, line);
	if (result < 0)
		return result;
	if (result == 0)
		take_signature(v, &checkpoint, line);
	else if (result == VERDICT_UNKNOWN_KEY)
		find(v, WRONG, result, key_next, "the checkpoint is signed by '%s' with a key that is not known",
			   checkpoint.box);
	else
		find(v, WRONG, result, changed_next,
			   result == VERDICT_BAD_ENTRY
				   ? "the checkpoint is not what a box writes"
				   : "the checkpoint's signature is wrong: entries before it were changed, or "
				     "it is forged");
	return 0;
}

/* "trimmed": which entries the box has removed itself. */
static int read_trimmed(struct verify *v, const char *text, size_t len)
{
	struct json *json = NULL;
	struct ledger_head head = {.n = 0};
	int result = json_parse(&json, text, len);
	if (result < 0)
		return result;
	struct json_view view = json_view_of(json);
	const char *hash = json_get_text(view, "hash", "");
	if (json_number(json_get(view, "through"), &head.n) &&
	    text_unhex(head.hash, sizeof(head.hash), hash) == 0)
		v->says_trimmed = head;
	json_free(json);
	return 0;
}

static int check_event(struct verify *v, const struct ledger_line *line, const char *text, size_t len)
{
	v->is_rotated = false;
	if (ledger_line_is(line, "checkpoint"))
		return check_checkpoint(v, line, text, len);
	v->rotated = ledger_line_is(line, "rotate") ? line->n : 0;
	if (ledger_line_is_signed(text, len))
		find(v, WRONG, VERDICT_BAD_ENTRY, changed_next,
		     "it is signed like a checkpoint, and is called something else");
	if (v->unsigned_count++ == LEDGER_CHECKPOINT_ENTRIES)
		find(v, WRONG, VERDICT_BAD_SIGNATURE, changed_next,
			   "no checkpoint in more than %d entries: a box signs more often",
			   LEDGER_CHECKPOINT_ENTRIES);
	return ledger_line_is(line, "trimmed") ? read_trimmed(v, text, len) : 0;
}

static void check_witness(struct verify *v)
{
	const struct ledger_witness *w = v->how->witness;
	while (w != NULL && v->witness_at < w->count && w->heads[v->witness_at].n <= v->last.n) {
		const struct ledger_head *seen = &w->heads[v->witness_at++];
		if (seen->n < v->last.n)
			continue;
		if (memcmp(seen->hash, v->last.hash, sizeof(seen->hash)) == 0)
			v->sum.witnessed_n = seen->n;
		else
			find(v, WRONG, VERDICT_BAD_CHAIN, changed_next,
				   "the witness has seen another entry %" PRIu64, seen->n);
	}
}

static int take_line(struct verify *v, const struct ledger_record *record)
{
	struct ledger_line line;
	int result = ledger_line_parse(&line, record->text, record->len);
	if (result != 0) {
		find(v, WRONG, result, changed_next, "the line is not an entry");
		v->last.n++;
		v->knows_last = false;
		return 0;
	}
	check_place(v, &line);
	result = check_event(v, &line, record->text, record->len);
	if (result != 0)
		return result;
	if (v->sum.entries++ == 0) {
		v->sum.first = line.n;
		v->sum.from = line.at;
	}
	v->sum.to = line.at;
	v->record = NULL;
	v->last.n = line.n;
	v->knows_last = true;
	ledger_line_hash(v->last.hash, record->text, record->len);
	v->record = record;
	check_witness(v);
	return v->how->take == NULL ? 0
				    : v->how->take(v->how->context, &line, record->text, record->len);
}

/* ---- the end of a file, and of all ---- */

/*
 * A file without a finished line, or the rest of one.  Only a crash, or a box at work, leaves that, and
 * in the last file alone.
 */
static void settle_rest(struct verify *v, bool is_last)
{
	const struct ledger_record *rest = &v->rest;
	const struct ledger_record *record = v->record;
	if (!v->has_rest)
		return;
	v->has_rest = false;
	v->record = rest;
	/* a new file is made before the two entries that tell of it */
	bool fits = !rest->opens_file ||
		    (rest->file->first > v->last.n && rest->file->first <= v->last.n + 3);
	if (!is_last)
		find(v, WRONG, VERDICT_TRUNCATED, missing_next, "the file ends here, and others follow");
	else if (!fits)
		find(v, WRONG, VERDICT_MISSING_ENTRIES, missing_next,
		     "the file's name says that it begins with entry %" PRIu64 ", and nothing leads there",
		     rest->file->first);
	else if (rest->piece == LEDGER_NOTHING)
		find(v, NOTE, VERDICT_TRUNCATED, torn_next, "the new file has no entry yet");
	else
		find(v, NOTE, VERDICT_TRUNCATED, torn_next,
		     "torn: the last line is not finished (%zu bytes)", rest->len);
	if (fits && rest->opens_file)
		v->is_rotated = false;
	v->record = record;
}

static int take(void *context, const struct ledger_record *record)
{
	struct verify *v = context;
	v->record = record;
	/* The entries that tell of a new file were torn, and it is there already: still the end. */
	settle_rest(v, record->piece == LEDGER_NOTHING && v->rest.piece == LEDGER_TORN &&
			       !v->rest.opens_file);
	if (record->opens_file)
		v->sum.files++;
	switch (record->piece) {
	case LEDGER_LINE:
		return take_line(v, record);
	case LEDGER_LONG_LINE:
		find(v, WRONG, VERDICT_BAD_ENTRY, changed_next, "the line is longer than an entry may be");
		v->last.n++;
		v->knows_last = false;
		return 0;
	case LEDGER_TORN:
	case LEDGER_NOTHING:
		/* whether that is right shows when it is known whether another file follows */
		v->rest = *record;
		v->rest_file = *record->file;
		v->rest.file = &v->rest_file;
		v->has_rest = true;
		return 0;
	}
	return 0;
}

static void advance(void *context, uint64_t bytes_done)
{
	const struct verify *v = context;
	if (v->how->advance != NULL)
		v->how->advance(v->how->context, bytes_done);
}

static void check_start(struct verify *v)
{
	if (v->sum.entries == 0 || v->start.n == 0)
		return;
	if (v->trimmed.n < v->start.n)
		find(v, WRONG, VERDICT_MISSING_ENTRIES, missing_next,
		     "it begins with entry %" PRIu64 ", and no signed entry says that those before were "
		     "removed when they were old enough",
		     v->start.n + 1);
	else if (v->trimmed.n == v->start.n &&
		 memcmp(v->trimmed.hash, v->start.hash, sizeof(v->start.hash)) != 0)
		find(v, WRONG, VERDICT_BAD_CHAIN, changed_next,
		     "entry %" PRIu64 " does not stand behind the last one that was removed", v->start.n + 1);
}

static void check_end(struct verify *v)
{
	const struct ledger_witness *w = v->how->witness;
	v->record = NULL;
	settle_rest(v, true);
	check_start(v);
	if (v->sum.entries > 0 && v->sum.checkpoints == 0)
		find(v, WRONG, VERDICT_BAD_SIGNATURE, changed_next, "nothing in it is signed");
	if (v->is_rotated)
		find(v, WRONG, VERDICT_MISSING_ENTRIES, missing_next,
		     "the ledger says that it goes on in a file that begins with entry %" PRIu64
		     ", which is missing",
		     v->last.n + 1);
	if (w != NULL && w->count > 0 && w->heads[w->count - 1].n > v->last.n)
		find(v, WRONG, VERDICT_MISSING_ENTRIES, missing_next,
		     "the witness has seen entry %" PRIu64 ", and the ledger ends with %" PRIu64,
		     w->heads[w->count - 1].n, v->last.n);
	v->sum.head = v->last;
}

int ledger_verify(int dir_fd, const struct ledger_verifying *verifying, struct ledger_summary *summary)
{
	struct verify v = {.how = verifying};
	const struct ledger_reading reading = {.take = take, .advance = advance, .context = &v};
	int result = ledger_read(dir_fd, &reading);
	if (result == 0 && v.sum.files == 0)
		result = -ENOENT;
	if (result != 0)
		return result;
	check_end(&v);
	*summary = v.sum;
	return v.verdict;
}

/* ---- the witness ---- */

int ledger_witness_add(struct ledger_witness *witness, const struct ledger_head *head)
{
	if (witness->count == LEDGER_WITNESS_MAX) {
		ledger_witness_sort(witness);
		/* from the newest down, so that it stays */
		for (size_t i = 1; i < LEDGER_WITNESS_MAX; i += 2)
			witness->heads[i / 2] = witness->heads[i];
		witness->count /= 2;
	}
	if (witness->count == witness->size) {
		size_t size = witness->size == 0 ? 64 : 2 * witness->size;
		struct ledger_head *grown = reallocarray(witness->heads, size, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		witness->heads = grown;
		witness->size = size;
	}
	witness->heads[witness->count++] = *head;
	return 0;
}

static int compare_heads(const void *a, const void *b)
{
	const struct ledger_head *left = a, *right = b;
	return left->n < right->n ? -1 : left->n > right->n;
}

void ledger_witness_sort(struct ledger_witness *witness)
{
	if (witness->count > 1)
		qsort(witness->heads, witness->count, sizeof(*witness->heads), compare_heads);
}

void ledger_witness_free(struct ledger_witness *witness)
{
	free(witness->heads);
	*witness = (struct ledger_witness){.heads = NULL};
}
