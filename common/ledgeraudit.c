#include "ledgeraudit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "io.h"
#include "json.h"
#include "ledgerread.h"
#include "progress.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

enum { SHOWN_BYTES = 1024, WITNESS_FILE_MAX = 16777216, HASH_TEXT = 2 * SUITE_DIGEST_BYTES + 1 };

/* ---- keys ---- */

static int load_registry(struct ledger_audit *audit, size_t i, const struct roots *roots)
{
	char problem[PROBLEM_BYTES] = "";
	int result = registry_load(&audit->loaded[i], audit->registries[i], roots, problem);
	if (result != 0)
		return command_fail_file(result, audit->registries[i], problem);
	const struct registry *registry = audit->loaded[i];
	size_t count = registry_party_count(registry);
	const struct card **grown =
		reallocarray(audit->boxes, audit->box_count + count + 1, sizeof(*grown));
	if (grown == NULL)
		return command_fail(-ENOMEM, "cannot start");
	audit->boxes = grown;
	for (size_t k = 0; k < count; k++) {
		const struct party *party = registry_party_at(registry, k);
		if (party->card.kind == KEY_SENDER || party->card.kind == KEY_RECEIVER)
			audit->boxes[audit->box_count++] = &party->card;
	}
	return EXIT_DONE;
}

int ledger_audit_load(struct ledger_audit *audit)
{
	struct roots *roots = NULL;
	char problem[PROBLEM_BYTES] = "";
	int result = roots_load(&roots, audit->roots, problem);
	if (result != 0)
		return command_fail_file(result, audit->roots, problem);
	int code = EXIT_DONE;
	for (size_t i = 0; i < audit->registry_count && code == EXIT_DONE; i++)
		code = load_registry(audit, i, roots);
	roots_free(roots);
	return code;
}

void ledger_audit_free(struct ledger_audit *audit)
{
	free(audit->boxes);
	audit->boxes = NULL;
	for (size_t i = 0; i < LEDGER_REGISTRIES_MAX; i++) {
		registry_free(audit->loaded[i]);
		audit->loaded[i] = NULL;
	}
}

/* ---- the witness ---- */

struct hearing {
	const struct ledger_audit *audit;
	char box[NAME_BYTES]; /* whose ledger is verified */
	struct ledger_witness witness;
	uint64_t wrong; /* findings in the witness's own ledger */
};

/* Stops, with 1, at the first checkpoint: whose ledger it is. */
static int find_box(void *context, const struct ledger_record *record)
{
	struct hearing *hearing = context;
	struct ledger_line line;
	struct ledger_checkpoint checkpoint;
	if (record->piece != LEDGER_LINE || ledger_line_parse(&line, record->text, record->len) != 0 ||
	    !ledger_line_is(&line, "checkpoint") ||
	    ledger_checkpoint_parse(&checkpoint, &line, record->text, record->len) != 0)
		return 0;
	memcpy(hearing->box, checkpoint.box, sizeof(hearing->box));
	return 1;
}

static int take_heard(void *context, const struct ledger_line *line, const char *text, size_t len)
{
	struct hearing *hearing = context;
	struct json *json = NULL;
	struct ledger_head head;
	uint64_t until = hearing->audit->witness_until;
	if (!ledger_line_is(line, "witness") || (until != 0 && line->at > until))
		return 0;
	int result = json_parse(&json, text, len);
	if (result != 0)
		return result < 0 ? result : 0; /* the hash answers for it, not for its sense */
	struct json_view view = json_view_of(json);
	if (strcmp(json_get_text(view, "box", ""), hearing->box) == 0 &&
	    json_number(json_get(view, "head"), &head.n) &&
	    text_unhex(head.hash, sizeof(head.hash), json_get_text(view, "hash", "")) == 0)
		result = ledger_witness_add(&hearing->witness, &head);
	json_free(json);
	return result;
}

static void count_wrong(void *context, const struct ledger_finding *finding)
{
	struct hearing *hearing = context;
	hearing->wrong += !finding->is_note;
}

/* The other box's ledger is worth as much as it is whole. */
static int hear_ledger(struct hearing *hearing, int dir_fd, const char *shown)
{
	const struct ledger_verifying verifying = {.boxes = hearing->audit->boxes,
						   .box_count = hearing->audit->box_count,
						   .report = count_wrong,
						   .take = take_heard,
						   .context = hearing};
	struct ledger_summary summary;
	int result = ledger_verify(dir_fd, &verifying, &summary);
	if (result < 0)
		return command_fail(result, "cannot read the witness '%s'", shown);
	if (result == 0)
		return EXIT_DONE;
	command_say("the witness '%s' is not whole itself; verify it first [%s]", shown,
		    verdict_name(result));
	return EXIT_MISSING;
}

/* "N HASH", a line each. */
static bool take_note(struct hearing *hearing, char *line, int *result)
{
	struct ledger_head head;
	char *hash = strchr(line, ' ');
	if (hash == NULL)
		return false;
	*hash++ = 0;
	if (text_parse_u64(&head.n, line, LEDGER_N_MAX) != 0 ||
	    text_unhex(head.hash, sizeof(head.hash), hash) != 0)
		return false;
	*result = ledger_witness_add(&hearing->witness, &head);
	return true;
}

static int hear_file(struct hearing *hearing, const char *path, const char *shown)
{
	uint8_t *data = NULL;
	size_t len = 0, number = 0;
	int result = trusted_read(path, 022, WITNESS_FILE_MAX, &data, &len);
	char *rest = (char *)data, *line;
	int code = EXIT_DONE;
	if (result == 0 && memchr(data, 0, len) != NULL)
		result = VERDICT_BAD_ENTRY;
	while (result == 0 && code == EXIT_DONE && (line = strsep(&rest, "\n")) != NULL) {
		number++;
		if (*line != 0 && !take_note(hearing, line, &result)) {
			command_say("%s:%zu: this line is not 'N HASH' [%s]", shown, number,
				    verdict_name(VERDICT_BAD_ENTRY));
			code = EXIT_REFUSED;
		}
	}
	trusted_free(data, len);
	return result == 0 ? code : command_fail(result, "cannot read the witness '%s'", shown);
}

static int hear(struct hearing *hearing, int dir_fd)
{
	const char *path = hearing->audit->witness;
	const struct ledger_reading reading = {.take = find_box, .context = hearing};
	char shown[SHOWN_BYTES];
	int result = ledger_read(dir_fd, &reading);
	if (result < 0)
		return command_fail(result, "cannot read the ledger");
	text_escape_name(shown, sizeof(shown), path);
	int witness_fd = io_open_dir(AT_FDCWD, path);
	if (witness_fd < 0 && witness_fd != -ENOTDIR)
		return command_fail(witness_fd, "cannot read the witness '%s'", shown);
	int code = witness_fd >= 0 ? hear_ledger(hearing, witness_fd, shown)
				   : hear_file(hearing, path, shown);
	io_close(witness_fd < 0 ? -1 : witness_fd);
	ledger_witness_sort(&hearing->witness);
	if (code == EXIT_DONE && hearing->witness.count == 0) {
		command_say("the witness '%s' has seen nothing of the ledger of '%s'", shown, hearing->box);
		code = EXIT_MISSING;
	}
	return code;
}

/* ---- the report ---- */

struct report {
	struct json *findings; /* NULL: for a person's eye */
	uint64_t shown;
	struct progress progress;
};

static void report_line(const struct ledger_finding *f)
{
	if (f->line != 0)
		printf("%s:%" PRIu64 ": entry %" PRIu64 ": ", f->file, f->line, f->n);
	printf("%s%s [%s]; next: %s\n", f->is_note ? "note: " : "", f->what, verdict_name(f->verdict),
	       f->next);
}

static struct json *finding_json(const struct ledger_finding *f)
{
	struct json *object = json_object_new();
	json_set_bool(object, "wrong", !f->is_note);
	json_set_text(object, "verdict", verdict_name(f->verdict));
	json_set_text(object, "file", f->file[0] != 0 ? f->file : NULL);
	json_set_number(object, "line", f->line);
	json_set_number(object, "entry", f->n);
	json_set_text(object, "what", f->what);
	json_set_text(object, "next", f->next);
	return object;
}

static void report(void *context, const struct ledger_finding *finding)
{
	struct report *r = context;
	if (r->shown++ >= LEDGER_FINDINGS_SHOWN)
		return;
	if (r->findings != NULL) {
		json_append(r->findings, finding_json(finding));
		return;
	}
	progress_end(&r->progress);
	report_line(finding);
	fflush(stdout);
}

static void advance(void *context, uint64_t bytes_done)
{
	struct report *r = context;
	progress_set(&r->progress, bytes_done);
}

static void print_summary(const struct report *r, const struct ledger_summary *s)
{
	char entries[32], from[64], to[64], hash[HASH_TEXT], n[32], signed_n[32];
	if (r->shown > LEDGER_FINDINGS_SHOWN)
		printf("and %" PRIu64 " more\n", r->shown - LEDGER_FINDINGS_SHOWN);
	printf("ledger of %s: %s entries in %" PRIu64 " file%s", s->box[0] != 0 ? s->box : "nobody",
	       text_count(entries, sizeof(entries), s->entries), s->files, s->files == 1 ? "" : "s");
	if (s->entries > 0)
		printf(", from %s to %s", text_time(from, sizeof(from), s->from),
		       text_time(to, sizeof(to), s->to));
	/* the last checkpoint stands for itself */
	if (s->checkpoints > 0 && s->head.n == s->signed_n + 1)
		printf("\nsigned to its end");
	else
		printf("\nsigned up to entry %s; behind it, entries that are not signed yet: %s",
		       text_count(signed_n, sizeof(signed_n), s->signed_n),
		       text_count(n, sizeof(n), s->head.n - s->signed_n));
	if (s->witnessed_n != 0)
		printf("; the witness has seen it so up to entry %s",
		       text_count(n, sizeof(n), s->witnessed_n));
	printf("\nhead %" PRIu64 " %s\n", s->head.n,
	       text_hex(hash, sizeof(hash), s->head.hash, SUITE_DIGEST_BYTES));
	if (s->wrong == 0)
		puts("all good");
	else
		printf("wrong: %" PRIu64 "\n", s->wrong);
}

static int print_json(struct report *r, const struct ledger_summary *s)
{
	struct json *object = json_object_new(), *head = json_object_new();
	json_set_bool(object, "good", s->wrong == 0);
	json_set_text(object, "box", s->box[0] != 0 ? s->box : NULL);
	json_set_number(object, "first", s->first);
	json_set_number(object, "entries", s->entries);
	json_set_number(object, "files", s->files);
	json_set_number(object, "checkpoints", s->checkpoints);
	json_set_time(object, "from", s->from);
	json_set_time(object, "to", s->to);
	json_set_number(object, "signed", s->signed_n);
	json_set_number(object, "witnessed", s->witnessed_n);
	json_set_number(head, "n", s->head.n);
	json_set_hex(head, "hash", s->head.hash, SUITE_DIGEST_BYTES);
	json_set_child(object, "head", head);
	json_set_number(object, "wrong", s->wrong);
	json_set_number(object, "notes", s->notes);
	json_set_child(object, "findings", r->findings);
	r->findings = NULL;
	int result = json_print(object, stdout);
	json_free(object);
	return result;
}

/* Those who may have written it: where a box's own ledger lies, nobody else's counts. */
static size_t choose_boxes(const struct card **out, const struct ledger_audit *audit)
{
	size_t count = 0;
	for (size_t i = 0; i < audit->box_count; i++)
		if (audit->kind == 0 || audit->boxes[i]->kind == audit->kind)
			out[count++] = audit->boxes[i];
	return count;
}

static int verify_by(const struct ledger_audit *audit, const struct card **boxes,
		     const struct ledger_witness *witness, int dir_fd)
{
	struct report r = {.findings = audit->as_json ? json_array_new() : NULL};
	const struct ledger_verifying verifying = {.boxes = boxes,
						   .box_count = choose_boxes(boxes, audit),
						   .witness = witness,
						   .report = report,
						   .advance = advance,
						   .context = &r};
	struct ledger_summary summary = {.first = 0};
	uint64_t bytes = 0;
	int result = ledger_size(dir_fd, &bytes);
	progress_start(&r.progress, "verifying", bytes, !audit->as_json);
	if (result == 0)
		result = ledger_verify(dir_fd, &verifying, &summary);
	progress_end(&r.progress);
	if (result < 0) {
		json_free(r.findings);
		return command_fail(result, "cannot read the ledger");
	}
	if (!audit->as_json)
		print_summary(&r, &summary);
	int printed = audit->as_json ? print_json(&r, &summary) : 0;
	if (printed != 0)
		return command_fail(printed, "cannot print");
	return result == 0 ? EXIT_DONE : EXIT_MISSING;
}

static int verify(const struct ledger_audit *audit, const struct ledger_witness *witness, int dir_fd)
{
	const struct card **boxes = calloc(audit->box_count + 1, sizeof(*boxes));
	if (boxes == NULL)
		return command_fail(-ENOMEM, "cannot start");
	int code = verify_by(audit, boxes, witness, dir_fd);
	free(boxes);
	return code;
}

int ledger_audit_run(const struct ledger_audit *audit, int dir_fd)
{
	struct hearing hearing = {.audit = audit};
	int heard = audit->witness == NULL ? EXIT_DONE : hear(&hearing, dir_fd);
	int code = heard;
	/* what the witness lacks does not keep the ledger itself from being looked at */
	if (heard == EXIT_DONE || heard == EXIT_MISSING)
		code = verify(audit, &hearing.witness, dir_fd);
	ledger_witness_free(&hearing.witness);
	return code != EXIT_DONE ? code : heard;
}
