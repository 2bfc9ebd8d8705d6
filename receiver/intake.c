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

void intake_train(struct intake *in, const uint8_t *data, size_t len, size_t datagram_len)
{
	while (len > 0) {
		size_t now = len < datagram_len ? len : datagram_len;
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

/* Beginning, ending */

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

static void notify(void *context)
{
	struct ring *ring = context;
	if (ring != NULL)
		ring_wake(ring);
}

static int open_annals(struct intake *in)
{
	struct annals_found found;
	int result = annals_open(&in->annals, in->o.vault_fd, true, &found);
	if (result != 0)
		return result;
	in->annals_are_doubtful = found.damaged > 0 || found.is_new;
	if (found.cut > 0)
		event_tell(in->o.tell, LOG_NOTICE, "E2070", "keep: %" PRIu64 " bytes that a crash had left at the "
			   "end of vault/annals were cut off", found.cut);
	if (found.damaged > 0)
		event_tell(in->o.tell, LOG_CRIT, "E2070", "keep: vault/annals is damaged: %" PRIu64 " records of "
			   "it are none, and what they told of is not known any more", found.damaged);
	return 0;
}

/* It came whole once, and must come whole again. */
static void want_again(void *context, const struct bundle_id *id)
{
	struct intake *in = context;
	struct known_bundle *bundle = known_find(in->known, id);
	if (bundle == NULL || bundle->state != KNOWN_DELIVERED)
		return;
	bundle->state = KNOWN_WANTED;
	bundle->retry_ms = 0;
}

static int open_scrub(struct intake *in)
{
	int result = scrub_new(&in->scrub, &(struct scrub_options){
		.vault_fd = in->o.vault_fd,
		.days = in->o.scrub_days == 0 ? SCRUB_DAYS_DEFAULT : in->o.scrub_days,
		.workshop = in->workshop,
		.worker = WORKER_SCRUB,
		.tell = in->o.tell,
		.diary = in->o.diary,
		.annals = in->annals,
		.lost = want_again,
		.context = in,
	});
	return result == 0 ? scrub_mend(in->scrub) : result;
}

static int open_retention(struct intake *in)
{
	struct custody_found found;
	int result = custody_open(&in->custody, in->o.vault_fd, true, &found);
	if (result != 0)
		return result;
	if (found.damaged > 0)
		event_tell(in->o.tell, LOG_CRIT, "E2076", "keep: %zu orders in vault/holds or vault/purges cannot be "
			   "read, the first is '%s': nothing is destroyed; put them back, or move them away and "
			   "start again", found.damaged, found.name);
	return retention_new(&in->retention, &(struct retention_options){
		.vault_fd = in->o.vault_fd,
		.workshop = in->workshop,
		.worker = WORKER_WARDEN,
		.tell = in->o.tell,
		.diary = in->o.diary,
		.annals = in->annals,
		.custody = in->custody,
		.is_blind = found.damaged > 0,
	});
}

static int open_parts(struct intake *in)
{
	in->known = known_new();
	in->pending = pending_new(PENDING_BYTES);
	in->registries = calloc(1, sizeof(*in->registries));
	if (in->known == NULL || in->pending == NULL || in->registries == NULL)
		return -ENOMEM;
	in->registries->registry = in->o.registry;
	in->o.registry = NULL;
	int result = open_annals(in);
	if (result == 0)
		result = workshop_start(&in->workshop, WORKER_COUNT, notify, in->o.ring);
	in->clerk = (struct clerk){.workshop = in->workshop, .vault_fd = in->o.vault_fd, .tell = in->o.tell};
	if (result == 0)
		result = open_retention(in);
	if (result == 0)
		result = open_scrub(in);
	if (result != 0)
		return result;
	struct reception_options options = {
		.vault_fd = in->o.vault_fd,
		.runtime = in->o.runtime,
		.disk_full_percent = in->o.disk_full_percent,
		.now_s = in->now_s,
		.registry = intake_registry(in),
		.roots = in->o.roots,
		.workshop = in->workshop,
		.counters = &in->counters,
		.tell = in->o.tell,
		.diary = in->o.diary,
		.annals = in->annals,
		.lost = in->o.lost,
		.unfinished_s = (uint64_t)in->o.unfinished_days * DAY_S,
	};
	return reception_open(&in->reception, &options);
}

static void find_unentered(struct intake *in)
{
	int result = entering_find(in->reception);
	if (result != 0)
		event_tell(in->o.tell, LOG_ERR, "E2054", "keep: what was delivered before it was entered in the "
			   "ledger is not entered now: %s; the next start tries again", verdict_explain(result));
}

int intake_open(struct intake **out, const struct intake_options *options)
{
	struct intake *in = calloc(1, sizeof(*in));
	if (in == NULL) {
		registry_free(options->registry);
		return -ENOMEM;
	}
	in->o = *options;
	in->runtime_fd = -1;
	in->now_s = (uint64_t)time(NULL);
	in->batch = 1;
	lookout_start(&in->lookout, in->o.ring, in->o.interface != NULL ? in->o.interface : "", in->o.tell);
	intake_watch_start(in);
	int result = open_parts(in);
	if (result == 0)
		result = entering_record(in->reception, in->annals_are_doubtful);
	if (result == 0)
		find_unentered(in);
	if (result == 0)
		intake_check_marker(in, in->annals_are_doubtful);
	if (result == 0)
		result = intake_load_catalogue(in);
	if (result != 0) {
		intake_close(in);
		return result;
	}
	*out = in;
	return 0;
}

void intake_close(struct intake *in)
{
	if (in == NULL)
		return;
	workshop_stop(in->workshop);
	reception_close(in->reception);
	io_close(in->runtime_fd);
	scrub_free(in->scrub);
	retention_free(in->retention);
	custody_close(in->custody);
	annals_close(in->annals);
	clerk_close(&in->clerk);
	awaited_clear(&in->awaited);
	known_free(in->known);
	pending_free(in->pending);
	while (in->registries != NULL) {
		struct kept_registry *kept = in->registries;
		in->registries = kept->next;
		registry_free(kept->registry);
		free(kept);
	}
	registry_free(in->o.registry);
	free(in);
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
