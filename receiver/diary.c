#include "diary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/config.h"
#include "common/io.h"
#include "common/layers.h"
#include "common/service.h"
#include "common/text.h"
#include "common/verdict.h"
#include "lost.h"
#include "mandate.h"

enum { MINUTE_S = 60, TEXT_BYTES = 256 };

/* How many entries of a kind this minute has had, and how many more there would have been. */
struct quota {
	uint32_t taken;
	uint32_t left_out;
};

struct diary {
	struct ledger *ledger; /* NULL while it cannot be opened */
	struct ledger_options options;
	char path[CONFIG_PATH_BYTES + 8];
	int failure;           /* as told; 0: all is well */
	int stuck;             /* why entries that waited are gone; the result of the next commit */
	bool was_low;
	uint64_t now_s;
	uint64_t retry_s;      /* a ledger that failed is opened anew then */
	uint64_t failed_s;     /* when the failure began */
	const char *program;
	char absent[LAYER_NAMES_BYTES];
	bool owes_start;       /* "start" is not durable yet, */
	bool start_is_lost;    /* nor waiting to be */
	uint64_t minute;
	struct quota alarms, commands, openings;
	struct witness witness;
};

static bool is_lack_of_room(int result)
{
	return result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
}

static int note_failure(struct diary *d, int result)
{
	if (d->failure == 0) {
		service_event(LOG_CRIT, "E2051",
			      "ledger: cannot be written: %s; nothing is delivered until it can",
			      verdict_explain(result));
		d->retry_s = d->now_s + DIARY_RETRY_S;
		d->failed_s = d->now_s;
	}
	d->failure = result;
	return result;
}

/* The quotes of an event would be escaped in an entry, and names hold no blanks. */
static void add_alarm(struct diary *d, const char *id, const char *text)
{
	char plain[LEDGER_TEXT_MAX + 4];
	size_t len = 0;
	for (const char *p = text; *p != 0 && len + 1 < sizeof(plain); p++)
		if (*p != '\'')
			plain[len++] = *p;
	plain[len] = 0;
	struct ledger_entry *e = ledger_entry_new("alarm", 0);
	ledger_set_text(e, "id", id);
	ledger_set_text(e, "text", plain);
	ledger_set_urgent(e);
	diary_add(d, e);
}

/* What was told meanwhile stands nowhere but on stderr; the entry says from when on. */
static void note_success(struct diary *d)
{
	char text[TEXT_BYTES], since[32];
	if (d->failure == 0)
		return;
	service_event(LOG_NOTICE, "E2051", "ledger: is written again");
	d->failure = 0;
	snprintf(text, sizeof(text), "ledger: could not be written since %s",
		 text_time(since, sizeof(since), d->failed_s));
	add_alarm(d, "E2051", text);
}

static void note_room(struct diary *d)
{
	bool is_low = d->ledger != NULL && ledger_is_low(d->ledger);
	if (is_low && !d->was_low)
		service_event(LOG_CRIT, "E2052", "ledger: the disk has no more room for it; nothing is "
			      "delivered until there is");
	if (!is_low && d->was_low)
		service_event(LOG_NOTICE, "E2052", "ledger: there is room for it again");
	d->was_low = is_low;
}

/* What was heard before the last stop stands there.  Not to find it loses one comparison and no entry. */
static void recall(struct diary *d)
{
	struct witness found = {.written_s = 0};
	int dir = io_open_dir(AT_FDCWD, d->path);
	int result = dir < 0 ? dir : witness_recall(&found, dir);
	io_close(dir);
	if (result == 0)
		d->witness = found;
	else
		service_event(LOG_WARNING, "E2053", "ledger: what was heard of the sender's cannot be read "
			      "again: %s", verdict_explain(result));
}

int diary_open(struct diary **out, const char *vault, const struct key *box, uint64_t now_s)
{
	struct diary *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	*d = (struct diary){.now_s = now_s, .minute = now_s / MINUTE_S};
	int n = snprintf(d->path, sizeof(d->path), "%s/ledger", vault);
	d->options = (struct ledger_options){.path = d->path, .box = box};
	int result = n < 0 || (size_t)n >= sizeof(d->path) ? -ENAMETOOLONG
							   : ledger_open(&d->ledger, &d->options, now_s);
	if (result != 0 && !is_lack_of_room(result)) {
		free(d);
		return result;
	}
	if (result != 0)
		(void)note_failure(d, result);
	recall(d);
	*out = d;
	return 0;
}

void diary_add(struct diary *d, struct ledger_entry *entry)
{
	if (d->ledger != NULL) {
		/* a failure is the result of the next commit */
		(void)ledger_add(d->ledger, entry, d->now_s);
		return;
	}
	ledger_entry_free(entry);
	d->stuck = d->failure;
}

/* Some of what waited stands nowhere: what must not be lost is added again. */
static void note_lost(struct diary *d)
{
	d->start_is_lost = d->owes_start;
	d->witness.written = (struct ledger_head){.n = 0};
}

static int commit(struct diary *d)
{
	struct ledger_head before, after;
	int result = d->stuck;
	d->stuck = 0;
	if (d->ledger == NULL || result != 0)
		return result;
	ledger_head(d->ledger, &before);
	result = ledger_commit(d->ledger, d->now_s);
	ledger_head(d->ledger, &after);
	note_room(d);
	if (result != 0)
		return note_failure(d, result);
	if (after.n > before.n) {
		d->owes_start = false;
		note_success(d);
	}
	return 0;
}

int diary_commit(struct diary *d)
{
	int result = commit(d);
	if (result != 0)
		note_lost(d);
	return result;
}

int diary_write(struct diary *d, struct ledger_entry *entry)
{
	diary_add(d, entry);
	int result = diary_commit(d);
	d->stuck = result;
	return result;
}

bool diary_is_low(const struct diary *d)
{
	return d->ledger != NULL && ledger_is_low(d->ledger);
}

void diary_head(const struct diary *d, struct ledger_head *out)
{
	*out = (struct ledger_head){.n = 0};
	if (d->ledger != NULL)
		ledger_head(d->ledger, out);
}

bool diary_is_well(const struct diary *d)
{
	return d->failure == 0 && !diary_is_low(d);
}

static bool take_from(struct quota *quota, uint32_t most)
{
	if (quota->taken >= most) {
		quota->left_out++;
		return false;
	}
	quota->taken++;
	return true;
}

bool diary_take_command(struct diary *d)
{
	return take_from(&d->commands, DIARY_COMMANDS_MAX);
}

bool diary_take_opening(struct diary *d)
{
	return take_from(&d->openings, DIARY_OPENINGS_MAX);
}

void diary_event(void *diary, int priority, const char *id, const char *text)
{
	struct diary *d = diary;
	service_event(priority, id, "%s", text);
	/* a refusal is an entry of its own */
	if (priority <= LOG_WARNING && strcmp(id, "E2011") != 0 && take_from(&d->alarms, DIARY_ALARMS_MAX))
		add_alarm(d, id, text);
}

/* What was left out of the last minute is told in one entry each. */
static void end_minute(struct diary *d)
{
	if (d->alarms.left_out > 0) {
		char text[TEXT_BYTES];
		snprintf(text, sizeof(text), "and %" PRIu32 " more alarms in one minute", d->alarms.left_out);
		add_alarm(d, "more", text);
	}
	if (d->commands.left_out > 0) {
		struct ledger_entry *e = ledger_entry_new("command", 0);
		ledger_set_text(e, "verb", "more");
		ledger_set_number(e, "left_out", d->commands.left_out);
		diary_add(d, e);
	}
	d->minute = d->now_s / MINUTE_S;
	d->alarms = d->commands = d->openings = (struct quota){.taken = 0};
}

/* One that failed for good gives the same again, whatever is written. */
static void open_anew(struct diary *d)
{
	struct ledger *fresh = NULL;
	if (d->failure == 0 || d->now_s < d->retry_s || 
	    (d->ledger != NULL && is_lack_of_room(d->failure) && !ledger_has_failed(d->ledger)))
		return;
	d->retry_s = d->now_s + DIARY_RETRY_S;
	d->stuck = d->failure;
	(void)ledger_close(d->ledger, d->now_s);
	d->ledger = NULL;
	int result = ledger_open(&fresh, &d->options, d->now_s);
	if (result != 0) {
		d->failure = result;
		return;
	}
	d->ledger = fresh;
	note_success(d);
}

static void write_witness(struct diary *d)
{
	struct ledger_entry *e = ledger_entry_new("witness", 0);
	ledger_set_head(e, d->witness.box, &d->witness.heard);
	diary_add(d, e);
	witness_note_written(&d->witness, d->now_s);
}

static void add_start(struct diary *d)
{
	const struct card *box = &d->options.box->card;
	struct ledger_entry *e = ledger_entry_new("start", 0);
	ledger_set_text(e, "program", d->program);
	ledger_set_text(e, "absent", d->absent[0] != 0 ? d->absent : NULL);
	diary_add(d, e);
	e = ledger_entry_new("key.loaded", 0);
	ledger_set_text(e, "box", box->name);
	ledger_set_hex(e, "key", box->id, KEY_ID_BYTES);
	diary_add(d, e);
}

void diary_tick(struct diary *d, uint64_t now_s)
{
	d->now_s = now_s;
	open_anew(d);
	if (d->start_is_lost && d->stuck == 0) {
		d->start_is_lost = false;
		add_start(d);
	}
	if (now_s / MINUTE_S != d->minute)
		end_minute(d);
	if (witness_is_due(&d->witness, now_s))
		write_witness(d);
	if (d->ledger == NULL)
		return;
	int result = ledger_tick(d->ledger, now_s);
	note_room(d);
	if (result != 0)
		d->stuck = note_failure(d, result);
}

void diary_close(struct diary *d)
{
	if (d == NULL)
		return;
	if (witness_is_owed(&d->witness))
		write_witness(d);
	struct ledger_entry *e = ledger_entry_new("stop", 0);
	ledger_set_urgent(e);
	diary_add(d, e);
	int result = diary_commit(d);
	int closed = ledger_close(d->ledger, d->now_s);
	if (result == 0 && closed != 0)
		(void)note_failure(d, closed);
	free(d);
}

void diary_start(struct diary *d, const char *program, const char *absent)
{
	d->program = program;
	snprintf(d->absent, sizeof(d->absent), "%s", absent);
	d->owes_start = true;
	add_start(d);
}

void diary_registry(struct diary *d, int result, uint64_t version, const char *file)
{
	struct ledger_entry *e = ledger_entry_new("registry.loaded", result);
	ledger_set_number(e, "version", version);
	ledger_set_text(e, "file", file);
	diary_add(d, e);
}

static void set_bundle(struct ledger_entry *e, const char *name, const struct bundle_id *id)
{
	char epoch[17];
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, id->epoch);
	ledger_set_text(e, "bundle", name);
	ledger_set_text(e, "epoch", epoch);
	ledger_set_number(e, "route_id", id->route_id);
	ledger_set_number(e, "number", id->number);
}

void diary_named(struct diary *d, const char *name, const struct bundle_id *id, const struct entry *entry)
{
	struct ledger_entry *e = ledger_entry_new("named", 0);
	set_bundle(e, name, id);
	ledger_set_hex(e, "root", entry->root, SUITE_DIGEST_BYTES);
	ledger_set_number(e, "bytes", entry->geometry.object_len);
	ledger_set_time(e, "destroy_by", entry->destroy_by);
	diary_add(d, e);
}

static void set_evidence(struct ledger_entry *e, const struct evidence *evidence)
{
	ledger_set_hex(e, "root", evidence->root, SUITE_DIGEST_BYTES);
	ledger_set_hex(e, "push_id", evidence->push_id, PUSH_ID_BYTES);
	ledger_set_text(e, "person", evidence->person);
	ledger_set_text(e, "officers", evidence->officers[0] != 0 ? evidence->officers : NULL);
	ledger_set_number(e, "registry", evidence->registry_version);
}

void diary_verified(struct diary *d, const struct acceptance *a)
{
	struct ledger_entry *e = ledger_entry_new("verified", 0);
	set_bundle(e, a->name, &a->id);
	set_evidence(e, &a->evidence);
	diary_add(d, e);
}

void diary_delivered(struct diary *d, const struct acceptance *a, int result, bool is_found)
{
	struct ledger_entry *e = ledger_entry_new("delivered", result);
	set_bundle(e, a->name, &a->id);
	set_evidence(e, &a->evidence);
	if (is_found)
		ledger_set_bool(e, "found", true);
	diary_add(d, e);
}

void diary_refused(struct diary *d, const char *name, const struct bundle_id *id, int verdict,
		   const char *same_as)
{
	struct ledger_entry *e = ledger_entry_new("delivery.refused", verdict);
	set_bundle(e, name, id);
	if (same_as != NULL)
		ledger_set_text(e, "same_as", same_as);
	diary_add(d, e);
}

static void set_lost(struct ledger_entry *e, const char *name, const struct lost_item *item)
{
	set_bundle(e, name, &item->id);
	if (item->count > 1)
		ledger_set_number(e, "count", item->count);
	ledger_set_text(e, "why", lost_why_name(item->why));
}

void diary_lost(struct diary *d, const char *name, const struct lost_item *item)
{
	struct ledger_entry *e = ledger_entry_new("lost", 0);
	set_lost(e, name, item);
	ledger_set_number(e, "held", item->held_bytes);
	ledger_set_number(e, "bytes", item->object_bytes);
	diary_add(d, e);
}

static struct ledger_entry *acknowledgement(const struct lost_note *note)
{
	struct ledger_entry *e = ledger_entry_new("lost.acknowledged", 0);
	ledger_set_who(e, &note->who);
	ledger_set_hex(e, "mandate", note->mandate, MANDATE_ID_BYTES);
	return e;
}

int diary_acknowledged(struct diary *d, const struct lost_note *note, const char *name,
		       const struct lost_item *item)
{
	struct ledger_entry *e = acknowledgement(note);
	set_lost(e, name, item);
	return diary_write(d, e);
}

int diary_acknowledged_damage(struct diary *d, const struct lost_note *note, const char *name,
			      const struct bundle_id *id)
{
	struct ledger_entry *e = acknowledgement(note);
	set_bundle(e, name, id);
	ledger_set_text(e, "why", "damaged");
	return diary_write(d, e);
}

void diary_hear(struct diary *d, const char *box, const struct ledger_head *head)
{
	char text[TEXT_BYTES];
	uint64_t before = d->witness.heard.n;
	enum witness_news news = witness_hear(&d->witness, box, head);
	if (news != WITNESS_WENT_BACK && news != WITNESS_CHANGED)
		return;
	if (news == WITNESS_WENT_BACK)
		snprintf(text, sizeof(text), "keep: the sender's ledger was changed: '%s' had %" PRIu64
			 " entries, and now has %" PRIu64, box, before, head->n);
	else
		snprintf(text, sizeof(text), "keep: the sender's ledger was changed: entry %" PRIu64 " of '%s' "
			 "is not the one that was heard of before", head->n, box);
	diary_event(d, LOG_CRIT, "E2045", text);
	/* beyond so many a minute it is owed, as any other */
	if (d->alarms.left_out == 0)
		write_witness(d);
}
