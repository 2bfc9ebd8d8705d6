#include "ledgershow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "ledgerevent.h"
#include "ledgerread.h"
#include "text.h"
#include "verdict.h"

enum { SHOWN_BYTES = 4 * LEDGER_LINE_MAX + 1, BROKEN_SHOWN = 10 };

struct show {
	const struct ledger_filter *filter;
	bool as_json;
	uint64_t broken; /* lines that are no entries */
};

/* Escaped, but for the characters in `kept`. */
static void print_keeping(const char *text, size_t len, const char *kept)
{
	char shown[SHOWN_BYTES];
	const char *end = text + len;
	while (text < end) {
		const char *stop = text;
		while (stop < end && strchr(kept, *stop) == NULL)
			stop++;
		fputs(text_escape(shown, sizeof(shown), text, (size_t)(stop - text)), stdout);
		if (stop < end)
			putchar(*stop);
		text = stop + 1;
	}
}

/*
 * Texts in a ledger are escaped already, and what they are escaped with is shown as it stands; what was
 * not escaped by a box is, here.
 */
static void print_text(const char *text)
{
	print_keeping(text, strlen(text), "\\");
}

/* "push_id" is "push id" to a person. */
static void print_key(const char *key)
{
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), key);
	for (char *p = shown; *p != 0; p++)
		putchar(*p == '_' ? ' ' : *p);
}

static void print_value(struct json_view value)
{
	uint64_t number;
	bool truth;
	if (json_text(value) != NULL)
		print_text(json_text(value));
	else if (json_number(value, &number))
		printf("%" PRIu64, number);
	else if (json_bool(value, &truth))
		fputs(truth ? "yes" : "no", stdout);
	else
		putchar('-');
}

/* The caller's fields: what stands behind those that every entry has. */
static void print_fields(struct json_view entry)
{
	static const char *const others[] = {"n",   "at",  "before",    "event", "result",
					     "who", "hash", "signature"};
	const char *separator = ": ";
	bool is_checkpoint = json_text(json_get(entry, "signature")) != NULL;
	for (size_t i = 0; json_key(entry, i) != NULL; i++) {
		const char *key = json_key(entry, i);
		bool is_other = is_checkpoint && strcmp(key, "key") == 0;
		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			is_other = is_other || strcmp(key, others[k]) == 0;
		if (is_other)
			continue;
		fputs(separator, stdout);
		separator = ", ";
		print_key(key);
		putchar(' ');
		print_value(json_get(entry, key));
	}
}

static void print_person(struct json_view who)
{
	char shown[64];
	uint64_t uid;
	if (json_text(json_get(who, "person")) != NULL)
		text_escape_name(shown, sizeof(shown), json_text(json_get(who, "person")));
	else if (json_number(json_get(who, "uid"), &uid))
		snprintf(shown, sizeof(shown), "user %" PRIu64, uid);
	else
		snprintf(shown, sizeof(shown), "-");
	printf("%-16s", shown);
}

static void print_result(const char *name)
{
	int verdict = verdict_from_name(name);
	if (verdict == 0)
		return;
	fputs("; ", stdout);
	if (verdict > 0)
		printf("%s ", verdict_explain(verdict));
	putchar('[');
	print_text(name);
	putchar(']');
}

static void print_entry(const struct ledger_line *line, struct json_view entry)
{
	char time[64], n[32];
	bool is_done = line->result_len == 2 && memcmp(line->result, "ok", 2) == 0;
	const char *phrase = ledger_event_phrase(line->event, line->event_len, is_done);
	printf("%s  %10s  ", text_time(time, sizeof(time), line->at),
	       text_count(n, sizeof(n), line->n));
	print_person(json_get(entry, "who"));
	fputs("  ", stdout);
	if (phrase != NULL)
		fputs(phrase, stdout);
	else
		printf("%.*s", (int)line->event_len, line->event);
	print_fields(entry);
	print_result(json_get_text(entry, "result", ""));
	putchar('\n');
}

/* A line that a box has written comes out byte for byte. */
static void print_line(const struct ledger_record *record)
{
	print_keeping(record->text, record->len, "\\\"'");
	putchar('\n');
}

static bool begins_with(const struct ledger_line *line, const char *prefix)
{
	size_t len = strlen(prefix);
	return line->event_len >= len && memcmp(line->event, prefix, len) == 0;
}

static bool head_passes(const struct show *show, const struct ledger_line *line)
{
	const struct ledger_filter *f = show->filter;
	if (line->at < f->since || (f->until != 0 && line->at > f->until))
		return false;
	if (f->event != NULL)
		return begins_with(line, f->event);
	return show->as_json || !ledger_line_is(line, "checkpoint");
}

static bool fields_pass(const struct ledger_filter *f, struct json_view entry)
{
	if (f->person != NULL &&
	    strcmp(json_get_text(json_get(entry, "who"), "person", ""), f->person) != 0 &&
	    strcmp(json_get_text(entry, "person", ""), f->person) != 0)
		return false;
	return f->bundle == NULL || strcmp(json_get_text(entry, "bundle", ""), f->bundle) == 0;
}

static int say_broken(struct show *show, const struct ledger_record *record)
{
	char name[LEDGER_FILE_NAME_BYTES];
	ledger_file_name(name, record->file);
	if (show->broken++ < BROKEN_SHOWN)
		command_say("%s:%" PRIu64 ": this line is not an entry; 'ledger verify' says more [%s]",
			    name, record->line, verdict_name(VERDICT_BAD_ENTRY));
	return 0;
}

static int take(void *context, const struct ledger_record *record)
{
	struct show *show = context;
	struct ledger_line line;
	struct json *json = NULL;
	if (record->piece == LEDGER_TORN || record->piece == LEDGER_NOTHING)
		return 0; /* no entry yet */
	if (record->piece != LEDGER_LINE ||
	    ledger_line_parse(&line, record->text, record->len) != 0)
		return say_broken(show, record);
	if (!head_passes(show, &line))
		return 0;
	int result = json_parse(&json, record->text, record->len);
	if (result != 0)
		return result < 0 ? result : say_broken(show, record);
	struct json_view entry = json_view_of(json);
	if (fields_pass(show->filter, entry)) {
		if (show->as_json)
			print_line(record);
		else
			print_entry(&line, entry);
	}
	json_free(json);
	return 0;
}

int ledger_show(int dir_fd, const struct ledger_filter *filter, bool as_json)
{
	struct show show = {.filter = filter, .as_json = as_json};
	const struct ledger_reading reading = {.take = take, .context = &show};
	int result = ledger_read(dir_fd, &reading);
	if (result != 0)
		return command_fail(result, "cannot read the ledger");
	return show.broken == 0 ? EXIT_DONE : EXIT_MISSING;
}
