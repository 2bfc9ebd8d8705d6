#include "intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/cursor.h"
#include "common/verdict.h"
#include "clerk.h"
#include "pending.h"
#include "sequence.h"
#include "vault.h"

enum { STATUS_MS = 1000, COMPLAIN_MS = 10000, TYPE_OFFSET = 17, DROPPED_TOLD_MAX = 20 };

/* Registries stay: judgements that run in another thread may use an older one. */
struct kept_registry {
	struct kept_registry *next;
	struct registry *registry;
};

struct intake {
	struct intake_options o;
	struct known *known;
	struct reception *reception;
	struct pending *pending;
	struct workshop *workshop;
	struct kept_registry *registries;
	struct status_counters counters, told;
	struct sequence sequence;
	const struct known_bundle *last; /* the one the datagram before was of */
	bool has_named;                  /* since pending was last replayed */
	int last_refusal;                /* of a control message; told once until it changes */
	uint64_t refusal_told_ms;
	unsigned int dropped;            /* in this sweep, though not delivered */
	uint64_t epoch_told;
	uint64_t now_ms, now_s, status_ms, told_ms;
	struct clerk clerk;
	bool is_loading;                 /* the stored catalogue */
	uint64_t stored_epoch, stored_generation;
};

static const struct registry *registry_now(const struct intake *in)
{
	return in->registries->registry;
}

/* Control messages */

static void on_named(void *context, struct known_bundle *bundle)
{
	struct intake *in = context;
	in->has_named = true;
	reception_name(in->reception, bundle);
}

static void on_dropped(void *context, struct known_bundle *bundle)
{
	struct intake *in = context;
	bool is_lost = bundle->state == KNOWN_WANTED;
	in->dropped += is_lost;
	reception_drop(in->reception, bundle, in->dropped <= DROPPED_TOLD_MAX);
}

static void store_catalogue(struct intake *in)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	if (known_catalogue(in->known, &bytes, &len) == 0)
		clerk_store_catalogue(&in->clerk, bytes, len);
}

/*
 * Pages that are here may have made a generation complete: then what it does not name goes.  The stored
 * generation may be older than one of which pages had come before the restart, and what only that one
 * names is on the disk: so nothing goes before a heartbeat has said which generation it is.
 */
static void follow_catalogue(struct intake *in)
{
	in->last = NULL;
	struct known_summary known = known_summary(in->known);
	if (!known.is_complete)
		return;
	if ((in->stored_generation != known.generation || in->stored_epoch != known.epoch) &&
	    !in->is_loading) {
		in->stored_epoch = known.epoch;
		in->stored_generation = known.generation;
		store_catalogue(in);
	}
	in->dropped = 0;
	if (known.last_heartbeat_s != 0 && known_sweep(in->known, on_dropped, in))
		reception_clear(in->reception, in->known);
	if (in->dropped > DROPPED_TOLD_MAX)
		event_tell(in->o.tell, LOG_WARNING, "E2014", "keep: and %u more that are not in the vault are no "
			   "longer offered", in->dropped - DROPPED_TOLD_MAX);
}

static void follow_epoch(struct intake *in)
{
	uint64_t epoch = known_summary(in->known).epoch;
	if (epoch == in->epoch_told)
		return;
	if (in->epoch_told != 0)
		event_tell(in->o.tell, LOG_WARNING, "E2040", "keep: the sender has begun a new epoch, %016" PRIx64
		     "; the one before was %016" PRIx64, epoch, in->epoch_told);
	in->epoch_told = epoch;
}

/* The box must be in the registry, in good standing when it signed, and have signed these bytes. */
static int check_signer(const struct intake *in, const uint8_t *message, size_t len,
			const uint8_t box_key[static KEY_ID_BYTES], uint64_t time)
{
	const struct party *box = registry_party_by_key(registry_now(in), KEY_SENDER, box_key);
	if (box == NULL)
		return VERDICT_UNKNOWN_KEY;
	int verdict = party_check(box, time);
	return verdict != 0 ? verdict : message_verify(message, len, box->card.public_key);
}

static int take_heartbeat(struct intake *in, const uint8_t *message, size_t len)
{
	struct heartbeat heartbeat;
	int result = heartbeat_decode(&heartbeat, message, len);
	if (result == 0)
		result = known_judge_heartbeat(in->known, &heartbeat);
	if (result == 0)
		result = check_signer(in, message, len, heartbeat.box_key, heartbeat.time);
	if (result == 0)
		result = known_heartbeat(in->known, &heartbeat, in->now_s);
	if (result == 0)
		follow_catalogue(in);
	return result;
}

static int take_page(struct intake *in, const uint8_t *message, size_t len)
{
	struct page page;
	int result = page_decode(&page, message, len);
	if (result == 0)
		result = known_judge_page(in->known, &page);
	if (result == 0)
		result = check_signer(in, message, len, page.box_key, page.time);
	if (result == 0)
		result = known_page(in->known, &page, message, len, in->now_s, on_named, in);
	if (result == 0)
		follow_catalogue(in);
	return result;
}

static int take_message(struct intake *in, const uint8_t *message, size_t len)
{
	/* a copy: the ring belongs to another process, which must not change what was checked */
	uint8_t copy[PAGE_BYTES_MAX];
	if (len > sizeof(copy))
		return VERDICT_BAD_LENGTH;
	memcpy(copy, message, len);
	switch (message_kind(copy, len)) {
	case MESSAGE_HEARTBEAT:
		return take_heartbeat(in, copy, len);
	case MESSAGE_PAGE:
		return take_page(in, copy, len);
	default:
		return VERDICT_BAD_MAGIC;
	}
}

static void take_control(struct intake *in, const struct datagram *d)
{
	int result = take_message(in, d->payload, d->payload_len);
	follow_epoch(in);
	/* what is repeated is neither news nor an offence, and ends no row of refusals */
	if (result == -EALREADY)
		return;
	if (result == 0) {
		in->last_refusal = 0;
		return;
	}
	in->counters.refused_messages++;
	bool is_due = in->refusal_told_ms == 0 || in->now_ms - in->refusal_told_ms >= COMPLAIN_MS;
	if (result != in->last_refusal && is_due) {
		event_tell(in->o.tell, LOG_WARNING, "E2041", "keep: a signed message of the sender is refused: %s [%s]",
		     verdict_explain(result), result > 0 ? verdict_name(result) : "error");
		in->refusal_told_ms = in->now_ms;
		in->last_refusal = result;
	}
}

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
	if (datagram_decode(&d, bytes, len) != VERDICT_OK) {
		in->counters.malformed++;
		return;
	}
	sequence_follow(&in->sequence, d.sequence);
	if (d.type == DATAGRAM_TYPE_CONTROL) {
		take_control(in, &d);
		if (in->has_named)
			replay_pending(in);
		return;
	}
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
	status_complain(&in->counters, &in->told, in->o.tell);
	in->told = in->counters;
	in->told_ms = in->now_ms;
}

struct report {
	const struct intake *in;
	struct status_text *text;
	bool begun;
};

static void add_report(void *context, struct known_bundle *bundle)
{
	const struct report *report = context;
	if ((bundle->arrival != NULL) == report->begun)
		reception_report(report->in->reception, bundle, report->text);
}

static void write_status(struct intake *in)
{
	struct status_text text;
	struct status_head head = {
		.time_s = in->now_s,
		.registry_version = registry_version(registry_now(in)),
		.disk_is_full = reception_disk_is_full(in->reception),
		.known = known_summary(in->known),
		.counters = in->counters,
	};
	char *bytes;
	size_t len;
	if (status_begin(&text, &head) != 0)
		return; /* told again in a second */
	/* what has begun comes first, should not all of them fit */
	known_each(in->known, add_report, &(struct report){in, &text, true});
	known_each(in->known, add_report, &(struct report){in, &text, false});
	if (status_end(&text, &bytes, &len) == 0)
		clerk_store_status(&in->clerk, (uint8_t *)bytes, len);
}

void intake_turn(struct intake *in, uint64_t now_ms, uint64_t now_s)
{
	in->now_ms = now_ms;
	in->now_s = now_s;
	reception_turn(in->reception, now_ms, now_s,
		       known_summary(in->known).sender_registry_version);
	if (in->o.ring != NULL)
		status_take_ring(&in->counters, ring_counters(in->o.ring));
	in->counters.link_lost = sequence_lost(&in->sequence);
	complain(in);
	if (!in->clerk.is_status_under_way && (now_ms - in->status_ms >= STATUS_MS || in->status_ms == 0)) {
		in->status_ms = now_ms;
		write_status(in);
		if (in->clerk.is_catalogue_owed)
			store_catalogue(in);
	}
}

void intake_store(struct intake *in)
{
	const struct timespec pause = {0, 1000000};
	/* one that is under way may be older than what has been noted since */
	for (int round = 0; round < 2; round++) {
		reception_store_all(in->reception);
		if (round == 1)
			write_status(in);
		while (workshop_pending(in->workshop, WORKER_CLERK) > 0) {
			workshop_collect(in->workshop);
			nanosleep(&pause, NULL);
		}
	}
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
	reception_set_registry(in->reception, registry,
			       known_summary(in->known).sender_registry_version);
	return 0;
}

static void notify(void *context)
{
	struct ring *ring = context;
	if (ring != NULL)
		ring_wake(ring);
}

/* The pages are checked as they were when they came; a box that is no longer known names nothing. */
static int load_catalogue(struct intake *in)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = vault_catalogue_read(in->o.vault_fd, &bytes, &len);
	if (result == -ENOENT)
		return 0;
	if (result < 0)
		return result;
	struct reader r = reader_of(bytes, len);
	in->is_loading = true;
	while (result == 0 && reader_left(&r) > 0) {
		uint16_t message_len = read_u16(&r);
		const uint8_t *message = read_view(&r, message_len);
		result = message == NULL ? VERDICT_TRUNCATED
					 : take_message(in, message, message_len);
		if (result == -EALREADY)
			result = 0;
	}
	in->is_loading = false;
	in->stored_epoch = known_summary(in->known).epoch;
	in->stored_generation = known_summary(in->known).generation;
	free(bytes);
	if (result < 0)
		return result;
	if (result > 0)
		event_tell(in->o.tell, LOG_WARNING, "E2042", "keep: the stored catalogue is not used: %s [%s]; the next "
		     "one comes over the link", verdict_explain(result), verdict_name(result));
	in->epoch_told = known_summary(in->known).epoch;
	return 0;
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
	int result = workshop_start(&in->workshop, WORKER_COUNT, notify, in->o.ring);
	in->clerk = (struct clerk){.workshop = in->workshop, .vault_fd = in->o.vault_fd, .tell = in->o.tell};
	if (result != 0)
		return result;
	struct reception_options options = {
		.vault_fd = in->o.vault_fd,
		.runtime = in->o.runtime,
		.disk_full_percent = in->o.disk_full_percent,
		.registry = registry_now(in),
		.workshop = in->workshop,
		.counters = &in->counters,
		.tell = in->o.tell,
	};
	return reception_open(&in->reception, &options);
}

int intake_open(struct intake **out, const struct intake_options *options)
{
	struct intake *in = calloc(1, sizeof(*in));
	if (in == NULL) {
		registry_free(options->registry);
		return -ENOMEM;
	}
	in->o = *options;
	in->now_s = (uint64_t)time(NULL);
	int result = open_parts(in);
	if (result == 0)
		result = load_catalogue(in);
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
