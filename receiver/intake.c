#include "intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/io.h"
#include "common/verdict.h"
#include "entering.h"
#include "intake_parts.h"
#include "linkalarm.h"

enum {
	STATUS_MS = 1000,
	DAY_S = 86400,
	COMMIT_MS = 1000,
	COMPLAIN_MS = 30000, /* of wrong tags and the like; with refusals, at most ten lines a minute */
	SILENT_MS = 30000, /* of the sender, before an alarm */
	TYPE_OFFSET = 17,
	CACHE_LINE_BYTES = 64,
};

/* Data */

/* Datagrams of one bundle come in rows; the table is asked when it changes. */
static struct known_bundle *find_bundle(struct intake *in, const struct bundle_id *id)
{
	const struct known_bundle *last = in->last;
	if (last == NULL || last->id.number != id->number || last->id.route_id != id->route_id ||
	    last->id.epoch != id->epoch)
		in->last = known_find(in->known, id);
	return (struct known_bundle *)(uintptr_t)in->last;
}

static bool same_geometry(const struct geometry *a, const struct geometry *b)
{
	return a->object_len == b->object_len && a->row_len == b->row_len &&
	       a->source_rows == b->source_rows && a->repair_rows == b->repair_rows;
}

/* False when no page has named its bundle. */
static bool take_data(struct intake *in, const struct datagram *d)
{
	struct known_bundle *bundle = find_bundle(in, &d->id);
	if (bundle == NULL)
		return false;
	if (!same_geometry(&d->geometry, &bundle->entry.geometry)) {
		in->counters.malformed++;
		return true;
	}
	struct span span = {d->block, d->row, d->first_symbol, d->symbol_count};
	reception_place(in->reception, bundle, &span, d->payload);
	return true;
}

static bool take_pending(void *context, const uint8_t *bytes, size_t len)
{
	struct datagram d;
	return datagram_decode(&d, bytes, len) == VERDICT_OK && take_data(context, &d);
}

static void replay_pending(struct intake *in)
{
	in->has_named = false;
	pending_replay(in->pending, take_pending, in);
	/* the buffer may change from here on */
	reception_flush(in->reception);
}

static void take_datagram(struct intake *in, const uint8_t *bytes, size_t len)
{
	struct datagram d;
	/* a wrong tag: catch has counted it */
	if (len > TYPE_OFFSET && bytes[TYPE_OFFSET] == 0)
		return;
	int result = datagram_decode(&d, bytes, len);
	if (result != VERDICT_OK) {
		in->counters.malformed++;
		/* no fault of the link: the sender was upgraded, and this box was not */
		if (result == VERDICT_UNKNOWN_VERSION)
			intake_refuse(in, result);
		return;
	}
	sequence_follow(&in->sequence, d.sequence);
	if (d.type == DATAGRAM_TYPE_CONTROL) {
		intake_take_control(in, &d);
		if (in->has_named)
			replay_pending(in);
		return;
	}
	in->data_s = in->now_s;
	if (take_data(in, &d))
		return;
	in->counters.unknown++;
	in->counters.unknown_dropped += pending_add(in->pending, bytes, len);
}

/*
 * The ring is larger than the caches, and the processor by itself begins anew to fetch ahead with each page: what is next but
 * one comes while this one is placed.  Nothing is read by it, so that it may lie behind the end.
 */
static void fetch_ahead(const uint8_t *data, size_t datagram_len)
{
	const uint8_t *ahead = data + 2 * datagram_len;
	for (size_t at = 0; at < datagram_len; at += CACHE_LINE_BYTES)
		__builtin_prefetch(ahead + at);
}

void intake_train(struct intake *in, const uint8_t *data, size_t len, size_t datagram_len)
{
	while (len > 0) {
		size_t now = len < datagram_len ? len : datagram_len;
		fetch_ahead(data, now);
		take_datagram(in, data, now);
		data += now;
		len -= now;
	}
	reception_flush(in->reception);
}

/* Turns */

static void complain(struct intake *in)
{
	if (in->now_ms - in->told_ms < COMPLAIN_MS && in->told_ms != 0)
		return;
	if (!status_complain(&in->counters, &in->told, in->o.tell))
		return;
	in->told = in->counters;
	in->told_ms = in->now_ms;
}

struct report {
	const struct intake *in;
	struct status_text *text;
	const struct missing_link *link;
	bool begun;
};

static void add_report(void *context, struct known_bundle *bundle)
{
	const struct report *report = context;
	if ((bundle->arrival != NULL) == report->begun)
		reception_report(report->in->reception, bundle, report->link, report->text);
}

static void write_status(struct intake *in)
{
	struct status_text text;
	char absent[LAYER_NAMES_BYTES] = "";
	struct status_head head = {
		.time_s = in->now_s,
		.registry_version = registry_version(intake_registry(in)),
		.disk_is_full = reception_disk_is_full(in->reception),
		.box_key = in->o.box_key,
		.known = known_summary(in->known),
		.caught_up_s = in->caught_up_s,
		.counters = in->counters,
		.way = lookout_report(&in->lookout),
	};
	head.known.link.data_s = in->data_s;
	if (in->o.link != NULL) {
		head.absent = layers_absent(absent, in->o.link->config);
		head.frames = linkalarm_frames(in->o.link);
	}
	char *bytes;
	size_t len;
	if (status_begin(&text, &head) != 0)
		return; /* told again in a second */
	/* what has begun comes first, should not all of them fit */
	known_each(in->known, add_report, &(struct report){in, &text, &head.known.link, true});
	known_each(in->known, add_report, &(struct report){in, &text, &head.known.link, false});
	if (status_end(&text, &bytes, &len) == 0)
		clerk_store_status(&in->clerk, (uint8_t *)bytes, len);
}

static void add_lost_name(void *context, struct known_bundle *bundle)
{
	struct intake *in = context;
	if (bundle->batch >= in->lost_batch)
		intake_enter_name(in, bundle);
}

/* Everything that waits for the ledger: durable together, or tried again the next time. */
static void commit(struct intake *in)
{
	in->committed_ms = in->now_ms;
	if (in->lost_batch != 0)
		known_each(in->known, add_lost_name, in);
	entering_add(in->reception);
	intake_enter_lost(in);
	int result = diary_commit(in->o.diary);
	entering_commit(in->reception, result);
	intake_lost_entered(in, result);
	if (result == 0)
		in->lost_batch = 0;
	else if (in->lost_batch == 0)
		in->lost_batch = in->batch;
	in->batch++;
}

/* A delivery does not wait for the second, but while the ledger fails nothing is tried more often. */
static void follow_ledger(struct intake *in)
{
	bool is_second = in->now_ms - in->committed_ms >= COMMIT_MS || in->committed_ms == 0;
	if (is_second)
		diary_tick(in->o.diary, in->now_s);
	if (is_second || (diary_is_well(in->o.diary) && entering_owes(in->reception)))
		commit(in);
	if (in->clerk.is_catalogue_owed && is_second && intake_may_store_catalogue(in))
		intake_store_catalogue(in);
	else if (is_second)
		intake_follow_marker(in);
	if (is_second)
		intake_follow_heard(in);
}

static void follow_silence(struct intake *in)
{
	if (in->heard_ms == 0)
		in->heard_ms = in->now_ms;
	bool is_silent = in->now_ms - in->heard_ms >= SILENT_MS;
	if (is_silent && !in->is_silent)
		event_tell(in->o.tell, LOG_ERR, "E2043", "keep: nothing has been heard of the sender for %d s",
			   SILENT_MS / 1000);
	if (!is_silent && in->is_silent)
		event_tell(in->o.tell, LOG_NOTICE, "E2044", "keep: the sender is heard again");
	in->is_silent = is_silent;
}

void intake_turn(struct intake *in, uint64_t now_ms, uint64_t now_s)
{
	in->now_ms = now_ms;
	in->now_s = now_s;
	reception_turn(in->reception, now_ms, now_s,
		       known_summary(in->known).sender_registry_version);
	follow_ledger(in);
	retention_turn(in->retention, now_ms, now_s);
	reception_expire(in->reception, retention_past_s(in->retention));
	scrub_turn(in->scrub, now_s);
	follow_silence(in);
	intake_watch(in);
	intake_tell_refusal(in);
	if (in->o.ring != NULL)
		status_take_ring(&in->counters, ring_counters(in->o.ring));
	in->counters.link_lost = sequence_lost(&in->sequence);
	lookout_turn(&in->lookout, in->counters.link_lost, now_ms, now_s);
	complain(in);
	if (!in->clerk.is_status_under_way && (now_ms - in->status_ms >= STATUS_MS || in->status_ms == 0)) {
		in->status_ms = now_ms;
		write_status(in);
	}
}

void intake_note_away(struct intake *in, uint64_t ms, uint64_t meant_ms)
{
	lookout_note_away(&in->lookout, ms > meant_ms ? ms - meant_ms : 0);
}

void intake_store(struct intake *in)
{
	const struct timespec pause = {0, 1000000};
	reception_settle(in->reception);
	if (in->o.ring != NULL)
		ring_release(in->o.ring);
	commit(in);
	intake_store_expected(in);
	if (in->clerk.is_catalogue_owed && intake_may_store_catalogue(in))
		intake_store_catalogue(in);
	else
		intake_store_heard(in);
	/* one that is under way may be older than what has been noted since */
	for (int round = 0; round < 2; round++) {
		/* also how far the vault is: the last second counts when it is put back to what it was just before */
		if (round == 1)
			intake_follow_marker(in);
		reception_store_all(in->reception);
		if (round == 1)
			write_status(in);
		while (workshop_pending(in->workshop, WORKER_CLERK) > 0) {
			workshop_collect(in->workshop);
			nanosleep(&pause, NULL);
		}
	}
}

int intake_take_mandate(struct intake *in, const struct ledger_who *peer, const uint8_t *bytes, size_t len,
			uint64_t now_s)
{
	int result = custody_take(in->custody, &(struct custody_site){
		.diary = in->o.diary,
		.annals = in->annals,
		.lost = in->o.lost,
		.registry = intake_registry(in),
		.box_key = in->o.box_key,
		.peer = peer,
		.now_s = now_s,
	}, bytes, len);
	retention_hurry(in->retention);
	return result;
}

int intake_set_registry(struct intake *in, struct registry *registry)
{
	struct kept_registry *kept = malloc(sizeof(*kept));
	if (kept == NULL) {
		event_tell(in->o.tell, LOG_ERR, "E2003", "keep: the new registry is not used: %s", strerror(ENOMEM));
		registry_free(registry);
		return -ENOMEM;
	}
	*kept = (struct kept_registry){in->registries, registry};
	in->registries = kept;
	in->awaited.is_followed = false;
	reception_set_registry(in->reception, registry,
			       known_summary(in->known).sender_registry_version);
	return 0;
}

bool intake_take_registry(struct intake *in)
{
	return reception_take_registry(in->reception);
}

bool intake_is_busy(const struct intake *in)
{
	return workshop_pending(in->workshop, WORKER_SMALL) > 0 ||
	       workshop_pending(in->workshop, WORKER_LARGE) > 0;
}

const struct status_counters *intake_counters(const struct intake *in)
{
	return &in->counters;
}

struct known_summary intake_known(const struct intake *in)
{
	return known_summary(in->known);
}
