/* The receiver: intake and reception without their files, by known.h and arrivals.h. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/datagram.h"
#include "common/verdict.h"
#include "inside.h"

enum {
	TURN_MS = 100,
	STORE_MS = 1000,          /* RECEPTION_STORE_MS, COMMIT_MS */
	HEARD_MS = 10000,         /* STORE_MS of intake_life.c */
	RETRY_MS = 1000,
	PENDING_MEMORY = 67108864, /* PENDING_BYTES */
};

static bool is_same(const struct bundle_id *a, const struct bundle_id *b)
{
	return a->number == b->number && a->route_id == b->route_id && a->epoch == b->epoch;
}

static struct truth *truth_of(struct sim *sim, const struct bundle_id *id)
{
	for (uint32_t i = 0; i < sim->truth_count; i++)
		if (is_same(&sim->truths[i].id, id))
			return &sim->truths[i];
	return NULL;
}

/* The vault */

static struct vault_entry *find_entry(const struct receiver *r, const struct bundle_id *id)
{
	for (size_t i = 0; i < r->entry_count; i++)
		if (is_same(&r->entries[i].id, id))
			return (struct vault_entry *)(uintptr_t)&r->entries[i];
	return NULL;
}

static struct vault_entry *make_entry(struct receiver *r, const struct bundle_id *id)
{
	struct vault_entry *entry = find_entry(r, id);
	if (entry == NULL) {
		assert(r->entry_count < BUNDLES_MAX);
		entry = &r->entries[r->entry_count++];
		*entry = (struct vault_entry){.id = *id};
	}
	return entry;
}

bool receiver_names(const struct sim *sim, const struct bundle_id *id)
{
	return find_entry(&sim->receiver, id) != NULL ||
	       (sim->receiver.known != NULL && known_find(sim->receiver.known, id) != NULL);
}

/* What "weir-inbox heads" says: the life that was heard last, and of each route the highest number.  0: nothing. */
uint64_t receiver_heads(const struct sim *sim, uint64_t highest[static SIM_ROUTES])
{
	const struct receiver *r = &sim->receiver;
	struct account *stored = NULL;
	struct heard heard = {.epoch = 0};
	memset(highest, 0, SIM_ROUTES * sizeof(*highest));
	if (r->known != NULL)
		heard.epoch = known_summary(r->known).epoch;
	else if (r->stored_heard == NULL || heard_decode(&heard, &stored, r->stored_heard, r->stored_heard_len) != 0)
		return 0;
	const struct account *account = stored == NULL ? known_account(r->known) : stored;
	for (size_t i = 0; i < SIM_ROUTES; i++)
		highest[i] = account_highest_of_others(account, 0, 0, registry_route_at(sim->registry, i)->id);
	account_free(stored);
	return heard.epoch;
}

bool receiver_has_lost(const struct sim *sim, const struct bundle_id *id)
{
	const struct vault_entry *entry = find_entry(&sim->receiver, id);
	return entry != NULL && entry->is_lost;
}

static void enter_lost(struct sim *sim, const struct bundle_id *id)
{
	struct truth *truth = truth_of(sim, id);
	struct vault_entry *entry = make_entry(&sim->receiver, id);
	if (entry->is_lost || entry->is_delivered)
		return;
	entry->is_lost = true;
	if (truth == NULL) {
		sim_complain(sim, &sim->report.strange, NULL, "what was never sent is called lost");
		return;
	}
	truth->was_lost = true;
	if (truth->is_offered)
		sim_complain(sim, &sim->report.wrong, truth, "is called lost and is still offered");
	/* what was whole when keep died, or has been for a moment, is lost when the sender retires it then: VAULT.md 3 */
	else if (truth->whole_ns != 0 && truth->whole_ns >= sim->receiver.opened_ns &&
		 truth->whole_ns + NS_PER_S < sim->now_ns)
		sim_complain(sim, &sim->report.undelivered, truth, "is called lost and has come whole");
}

static struct arrival *find_arrival(struct receiver *r, const struct bundle_id *id)
{
	for (size_t i = 0; i < BUNDLES_MAX; i++)
		if (r->arrivals[i].is_used && is_same(&r->arrivals[i].id, id))
			return &r->arrivals[i];
	return NULL;
}

static void free_arrival(struct arrival *a)
{
	arrivals_free(a->arrivals);
	free(a->map);
	free(a->stored);
	*a = (struct arrival){0};
}

static void deliver(struct sim *sim, struct known_bundle *bundle, struct arrival *a)
{
	struct truth *truth = &sim->truths[a->truth];
	struct vault_entry *entry = make_entry(&sim->receiver, &bundle->id);
	sim->report.delivered += truth->delivered == 0;
	if (truth->delivered++ > 0)
		sim_complain(sim, &sim->report.twice, truth, "is delivered again");
	if (truth->lacking > 0)
		sim_complain(sim, &sim->report.strange, truth, "is delivered and not whole");
	if (truth->was_lost)
		sim_complain(sim, &sim->report.wrong, truth, "was called lost and is delivered");
	entry->is_delivered = true;
	bundle->state = KNOWN_DELIVERED;
	bundle->arrival = NULL;
	free_arrival(a);
	sim->report.delivered_ms = sim->now_ns / NS_PER_MS;
}

static void repair(struct arrival *a)
{
	for (uint32_t i = 0; i < geometry_block_count(&a->g); i++)
		if (arrivals_block_state(a->arrivals, i) == BLOCK_DECODABLE)
			arrivals_complete_block(a->arrivals, i);
	a->is_whole = arrivals_are_complete(a->arrivals);
}

static void take_up(struct known_bundle *bundle, struct arrival *a)
{
	if (a->arrivals == NULL) {
		const struct arrivals_map map = plain_map(&a->g, a->map);
		a->arrivals = arrivals_new(&a->g, &map);
		assert(a->arrivals != NULL);
		repair(a);
	}
	bundle->arrival = a;
}

static struct arrival *begin(struct sim *sim, struct known_bundle *bundle, uint32_t truth)
{
	struct receiver *r = &sim->receiver;
	size_t at = 0;
	if (sim->now_ns < r->full_until_ns) {
		bundle->retry_ms = sim->now_ns / NS_PER_MS + RETRY_MS;
		/* what does not find room has not come */
		return NULL;
	}
	while (r->arrivals[at].is_used)
		at++;
	struct arrival *a = &r->arrivals[at];
	*a = (struct arrival){
		.is_used = true,
		.truth = truth,
		.id = bundle->id,
		.g = bundle->entry.geometry,
		.len = plain_map_len(&bundle->entry.geometry),
	};
	a->map = calloc(1, a->len);
	assert(a->map != NULL);
	take_up(bundle, a);
	return a;
}

static void reset_truth(struct sim *sim, uint32_t truth, const uint8_t *map)
{
	if (sim->truths[truth].delivered == 0)
		truth_reset(sim, &sim->truths[truth], map);
}

static void forget_packet(struct sim *sim, const struct packet *packet)
{
	const struct arrival *a = find_arrival(&sim->receiver, &packet->id);
	truth_uncross(sim, packet, a == NULL ? NULL : a->map);
}

static void place(struct sim *sim, struct known_bundle *bundle, const struct packet *packet)
{
	struct receiver *r = &sim->receiver;
	if (bundle->state != KNOWN_WANTED)
		return;
	struct arrival *a = bundle->arrival;
	if (a == NULL && bundle->retry_ms <= sim->now_ns / NS_PER_MS)
		a = begin(sim, bundle, packet->truth);
	bool is_further = packet->span.row >= (uint32_t)packet->geometry.source_rows + packet->geometry.repair_rows;
	if (a == NULL || (is_further && sim->now_ns < r->full_until_ns)) {
		forget_packet(sim, packet);
		return;
	}
	a->last_ns = sim->now_ns;
	if (arrivals_use(a->arrivals, &packet->span) != SPAN_NEW)
		return;
	a->has_changed = true;
	if (!arrivals_note(a->arrivals, &packet->span))
		return;
	arrivals_complete_block(a->arrivals, packet->span.block);
	a->is_whole = arrivals_are_complete(a->arrivals);
}

/* The sender's messages */

static void on_named(void *context, struct known_bundle *bundle)
{
	struct sim *sim = context;
	struct receiver *r = &sim->receiver;
	struct vault_entry *entry = find_entry(r, &bundle->id);
	struct arrival *a = find_arrival(r, &bundle->id);
	r->has_named = true;
	if (entry != NULL && entry->is_delivered)
		bundle->state = KNOWN_DELIVERED;
	else if (a != NULL)
		take_up(bundle, a);
}

/* What had come of it is removed, and must come again when a restored sender offers it again. */
static void give_up(struct sim *sim, struct arrival *a)
{
	reset_truth(sim, a->truth, NULL);
	free_arrival(a);
}

static void on_dropped(void *context, struct known_bundle *bundle)
{
	struct sim *sim = context;
	if (bundle->state == KNOWN_WANTED)
		enter_lost(sim, &bundle->id);
	if (bundle->arrival != NULL)
		give_up(sim, bundle->arrival);
}

/* As reception_clear. */
static void clear(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	for (size_t i = 0; i < BUNDLES_MAX; i++)
		if (r->arrivals[i].is_used && known_find(r->known, &r->arrivals[i].id) == NULL) {
			enter_lost(sim, &r->arrivals[i].id);
			give_up(sim, &r->arrivals[i]);
		}
}

static void drop_owed(struct receiver *r)
{
	for (uint32_t i = 0; i < r->owed_count; i++)
		message_drop(r->owed[i]);
	r->owed_count = 0;
}

/* To be stored, also when the next generation has begun by then. */
static void keep_catalogue(struct receiver *r, uint32_t pages)
{
	drop_owed(r);
	r->owed_count = pages;
	for (uint32_t i = 0; i < pages; i++)
		r->owed[i] = message_hold(r->newest[i]);
}

static void follow_catalogue(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	struct known_summary known = known_summary(r->known);
	r->last = NULL;
	if (!known.is_complete)
		return;
	if (!r->is_loading && (known.last_heartbeat_s != 0 || !known_would_drop(r->known)) &&
	    (r->owed_epoch != known.epoch || r->owed_generation != known.generation)) {
		r->owed_epoch = known.epoch;
		r->owed_generation = known.generation;
		keep_catalogue(r, known.pages);
	}
	if (known.last_heartbeat_s != 0 && known_sweep(r->known, on_dropped, sim))
		clear(sim);
}

static void keep_page(struct receiver *r, struct message *message)
{
	uint32_t at = message->page.page;
	message_drop(r->newest[at]);
	r->newest[at] = message_hold(message);
}

/* What was given before it heard of the sender for the first time it says so of: nobody knows what became of it. */
static void enter_before(struct sim *sim, const struct bundle_id *id)
{
	struct truth *truth = truth_of(sim, id);
	if (truth == NULL || truth->delivered > 0)
		return;
	make_entry(&sim->receiver, id)->is_lost = true;
	truth->was_lost = true;
	if (truth->is_offered)
		sim_complain(sim, &sim->report.wrong, truth, "is said to be of before and is still offered");
}

static int on_lost_run(void *context, const struct account_run *run)
{
	struct sim *sim = context;
	for (uint64_t number = run->first; number <= run->last; number++) {
		const struct bundle_id id = {run->epoch, number, run->route_id};
		if (run->is_before)
			enter_before(sim, &id);
		else
			enter_lost(sim, &id);
	}
	return 0;
}

/* As the message "heads" of LINK.md 2; here it goes with the heartbeat. */
static int take_heads(struct sim *sim, const struct message *message)
{
	const struct heartbeat *beat = &message->heartbeat;
	struct heads heads = {
		.count = SIM_ROUTES,
		.epoch = beat->epoch,
		.epoch_before = beat->epoch_before,
		.generation = beat->generation,
		.time = beat->time,
		.pages = 1,
	};
	for (size_t i = 0; i < SIM_ROUTES; i++)
		heads.head[i] = (struct route_head){
			.route_id = registry_route_at(sim->registry, i)->id,
			.first = message->lowest[i],
			.newest = message->highest[i],
		};
	int result = known_heads(sim->receiver.known, &heads, NULL, NULL);
	assert(result != -ENOMEM);
	return result;
}

static void settle_numbers(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	if (r->is_loading || known_summary(r->known).last_heartbeat_s == 0)
		return;
	int result = known_settle(r->known, on_lost_run, sim);
	assert(result == 0);
}

/* As status.h will be asked: when was it heard, what does it say of healing. */
static void hear(struct sim *sim, const struct heartbeat *heartbeat)
{
	struct receiver *r = &sim->receiver;
	uint64_t now_s = sim->now_ns / NS_PER_S;
	if (missing_is_silent(&r->heard, now_s))
		r->heard.heard_since_s = now_s;
	r->heard.heartbeat_s = now_s;
	r->heard.waiting = heartbeat->waiting;
	r->heard.heal_rate = heartbeat->heal_rate;
	r->heard.heal_round = heartbeat->heal_round;
	if (heartbeat->waiting > 0)
		r->heard.busy_s = now_s;
}

static bool take_data(struct sim *sim, const struct packet *packet)
{
	struct receiver *r = &sim->receiver;
	if (r->last == NULL || !is_same(&r->last->id, &packet->id))
		r->last = known_find(r->known, &packet->id);
	if (r->last != NULL)
		place(sim, r->last, packet);
	return r->last != NULL;
}

static void replay_pending(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	size_t kept = 0, count = r->pending_count;
	r->has_named = false;
	for (size_t i = 0; i < count; i++) {
		struct packet packet = r->pending[(r->pending_first + i) % r->pending_max];
		if (!take_data(sim, &packet))
			r->pending[(r->pending_first + kept++) % r->pending_max] = packet;
	}
	r->pending_count = kept;
}

static void take_message(struct sim *sim, struct message *message)
{
	struct receiver *r = &sim->receiver;
	uint64_t now_s = sim->now_ns / NS_PER_S;
	int result;
	if (sim->terms.broken == SIM_DEAF_TO_PAGES && message->is_page)
		return;
	if (!message->is_page) {
		result = known_judge_heartbeat(r->known, &message->heartbeat);
		if (result == 0)
			result = known_heartbeat(r->known, &message->heartbeat, now_s);
	} else {
		result = known_judge_page(r->known, &message->page);
		if (result == 0)
			result = known_page(r->known, &message->page, message->bytes.bytes, message->bytes.len, now_s,
					    on_named, sim);
		if (result == 0)
			keep_page(r, message);
	}
	if (result != 0)
		return;
	follow_catalogue(sim);
	if (!message->is_page && !r->is_loading) {
		if (take_heads(sim, message) != 0)
			return;
		hear(sim, &message->heartbeat);
		truth_heartbeat(sim, message->made_ns);
		if (r->heard_ns == 0)
			r->heard_ns = sim->now_ns;
	}
	settle_numbers(sim);
}

void receiver_take(struct sim *sim, const struct packet *packet)
{
	struct receiver *r = &sim->receiver;
	if (packet->message != NULL) {
		take_message(sim, packet->message);
		if (r->has_named)
			replay_pending(sim);
		return;
	}
	if (take_data(sim, packet))
		return;
	if (r->pending_count == r->pending_max) { /* the oldest goes */
		forget_packet(sim, &r->pending[r->pending_first]);
		r->pending_first = (r->pending_first + 1) % r->pending_max;
		r->pending_count--;
	}
	r->pending[(r->pending_first + r->pending_count++) % r->pending_max] = *packet;
}

/* Turns */

static void store_catalogue(struct receiver *r)
{
	if (r->owed_count == 0)
		return;
	for (uint32_t i = 0; i < r->stored_count; i++)
		message_drop(r->stored[i]);
	memcpy(r->stored, r->owed, r->owed_count * sizeof(r->owed[0]));
	r->stored_count = r->owed_count;
	r->owed_count = 0;
}

static void store_heard(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = known_heard(r->known, &bytes, &len);
	assert(result == 0 || result == -ENODATA);
	if (result != 0)
		return;
	free(r->stored_heard);
	r->stored_heard = bytes;
	r->stored_heard_len = len;
	r->heard_stored_ns = sim->now_ns;
}

static void store(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	for (size_t i = 0; i < BUNDLES_MAX; i++) {
		struct arrival *a = &r->arrivals[i];
		if (!a->is_used || !a->has_changed)
			continue;
		if (a->stored == NULL)
			a->stored = malloc(a->len);
		assert(a->stored != NULL);
		memcpy(a->stored, a->map, a->len);
		a->has_changed = false;
	}
	bool is_due = r->owed_count > 0 || sim->now_ns - r->heard_stored_ns >= HEARD_MS * NS_PER_MS;
	store_catalogue(r);
	if (is_due)
		store_heard(sim);
	r->stored_ns = sim->now_ns;
}

/* What people are shown as lost on the way; from then on it always is. */
static void name_missing(void *context, struct known_bundle *bundle)
{
	struct sim *sim = context;
	struct truth *truth = truth_of(sim, &bundle->id);
	uint64_t now_s = sim->now_ns / NS_PER_S;
	struct missing_judgement judgement;
	if (bundle->batch == 0 && bundle->entry.passes > 0)
		bundle->batch = sim->terms.broken == SIM_NO_GRACE ? 1 : now_s; /* passed_s: the field is the user's */
	const struct missing_facts facts = {
		.is_whole = bundle->arrival != NULL && bundle->arrival->is_whole,
		.has_come = bundle->arrival != NULL && arrivals_have_begun(bundle->arrival->arrivals),
		.is_tail = bundle->arrival != NULL && arrivals_lack_tail(bundle->arrival->arrivals),
		.since_s = bundle->since_s,
		.passed_s = bundle->batch,
		.offered_until = bundle->entry.offered_until - SIM_EPOCH_TIME,
	};
	missing_judge(&judgement, &facts, &sim->receiver.heard, now_s);
	if (truth == NULL || !missing_is_lost(judgement.kind))
		return;
	if (judgement.is_late && !truth->is_late) {
		truth->is_late = true;
		sim->report.late++;
	}
	if (truth->was_missing)
		return;
	truth->was_missing = true;
	sim->report.missing++;
	if (truth->whole_ns != 0 || truth->in_flight > 0)
		sim_complain(sim, &sim->report.wrong, truth, "is called missing and is on its way");
}

/* Those that keep would find by known_each: asked for one by one, which is less than all buckets. */
static void each_wanted(struct sim *sim, known_visit *visit)
{
	for (uint32_t i = 0; i < sim->truth_count; i++) {
		struct known_bundle *bundle = known_find(sim->receiver.known, &sim->truths[i].id);
		if (bundle != NULL && bundle->state == KNOWN_WANTED)
			visit(sim, bundle);
	}
}

static void deliver_whole(void *context, struct known_bundle *bundle)
{
	if (bundle->arrival != NULL && bundle->arrival->is_whole)
		deliver(context, bundle, bundle->arrival);
}

void receiver_run(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	if (sim->now_ns < r->back_ns) {
		r->turn_ns = r->back_ns;
		return;
	}
	if (!r->is_up) {
		receiver_open(sim);
		r->is_up = true;
	}
	r->turn_ns = sim->now_ns + TURN_MS * NS_PER_MS;
	each_wanted(sim, deliver_whole);
	if (sim->now_ns - r->stored_ns < STORE_MS * NS_PER_MS)
		return;
	each_wanted(sim, name_missing);
	store(sim);
	truth_judge(sim);
}

/* Lives */

void receiver_open(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	r->known = known_new();
	r->opened_ns = sim->now_ns;
	r->heard = (struct missing_link){0};
	r->pending_max = PENDING_MEMORY / datagram_len(datagram_symbols(sim->terms.mtu));
	if (r->pending == NULL)
		r->pending = malloc(r->pending_max * sizeof(*r->pending));
	assert(r->known != NULL && r->pending != NULL);
	r->is_loading = true;
	for (uint32_t i = 0; i < r->stored_count; i++)
		take_message(sim, r->stored[i]);
	int result = r->stored_heard == NULL ? 0 : known_resume(r->known, r->stored_heard, r->stored_heard_len);
	assert(result == 0);
	r->is_loading = false;
	r->has_named = false;
	r->owed_epoch = known_summary(r->known).epoch;
	r->owed_generation = known_summary(r->known).generation;
}

static void close_keep(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	known_free(r->known);
	r->known = NULL;
	drop_owed(r);
	r->last = NULL;
	r->is_up = false;
	r->heard_ns = 0;
	for (size_t i = 0; i < BUNDLES_MAX; i++) {
		arrivals_free(r->arrivals[i].arrivals);
		r->arrivals[i].arrivals = NULL;
	}
	/* what had no name was in its memory only */
	for (size_t i = 0; i < r->pending_count; i++)
		forget_packet(sim, &r->pending[(r->pending_first + i) % r->pending_max]);
	r->pending_count = 0;
	truth_deaf(sim);
}

void receiver_keep_dies(struct sim *sim, uint64_t back_ns)
{
	if (sim->receiver.is_up)
		close_keep(sim);
	sim->receiver.turn_ns = sim->receiver.back_ns = back_ns;
}

void receiver_power(struct sim *sim, uint64_t back_ns)
{
	struct receiver *r = &sim->receiver;
	receiver_keep_dies(sim, back_ns);
	for (size_t i = 0; i < BUNDLES_MAX; i++) {
		struct arrival *a = &r->arrivals[i];
		if (!a->is_used)
			continue;
		uint32_t truth = a->truth;
		if (a->stored == NULL) {
			free_arrival(a);
			reset_truth(sim, truth, NULL);
			continue;
		}
		memcpy(a->map, a->stored, a->len);
		a->has_changed = false;
		reset_truth(sim, truth, a->map);
	}
	if (sim->terms.broken == SIM_FORGETS_VAULT)
		r->entry_count = 0;
}

void receiver_vault_lost(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	receiver_keep_dies(sim, sim->now_ns + NS_PER_S);
	for (size_t i = 0; i < BUNDLES_MAX; i++)
		if (r->arrivals[i].is_used) {
			uint32_t truth = r->arrivals[i].truth;
			free_arrival(&r->arrivals[i]);
			reset_truth(sim, truth, NULL);
		}
	for (uint32_t i = 0; i < r->stored_count; i++)
		message_drop(r->stored[i]);
	r->stored_count = 0;
	r->entry_count = 0;
	free(r->stored_heard);
	r->stored_heard = NULL;
	/* what is still offered comes once more, and that is right; the rest has gone */
	for (uint32_t i = 0; i < sim->truth_count; i++) {
		struct truth *truth = &sim->truths[i];
		truth->is_forgotten |= !truth->is_offered;
		if (truth->delivered == 0)
			continue;
		truth->delivered = 0;
		sim->report.delivered--;
		truth_reset(sim, truth, NULL);
	}
}

void receiver_close(struct sim *sim)
{
	struct receiver *r = &sim->receiver;
	known_free(r->known);
	drop_owed(r);
	free(r->stored_heard);
	for (size_t i = 0; i < BUNDLES_MAX; i++)
		if (r->arrivals[i].is_used)
			free_arrival(&r->arrivals[i]);
	for (uint32_t i = 0; i < r->stored_count; i++)
		message_drop(r->stored[i]);
	for (uint32_t i = 0; i < ORDERS_CONTROL_MAX; i++)
		message_drop(r->newest[i]);
	free(r->pending);
}
