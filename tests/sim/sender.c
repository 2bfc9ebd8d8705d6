/* The sender: the spool as a table, hold's turns, and the pages between hold and emit. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/verdict.h"
#include "inside.h"
#include "sender/offer.h"

enum { TICK_MS = 100, PAUSE_MS = 2, BEAT_TICKS = 10, RETIRE_TICKS = 600, PASSES_MS = 5000 };

uint64_t sender_clock_s(const struct sim *sim)
{
	return (uint64_t)((int64_t)(SIM_EPOCH_TIME + sim->now_ns / NS_PER_S) + sim->sender.clock_s);
}

struct plan_terms sender_terms(const struct sim *sim)
{
	return (struct plan_terms){
		.rate_bits_per_s = sim->terms.rate_bits_per_s,
		.mtu = sim->terms.mtu,
		.passes = sim->terms.passes,
		.survive_outage_ms = sim->terms.broken == SIM_NO_LATE_ROWS ? 0 : sim->terms.survive_outage_ms,
	};
}

struct message *message_hold(struct message *message)
{
	message->holders++;
	return message;
}

void message_drop(struct message *message)
{
	if (message != NULL && --message->holders == 0)
		free(message);
}

static struct message *message_new(void)
{
	struct message *message = calloc(1, sizeof(*message));
	assert(message != NULL);
	message->holders = 1;
	return message;
}

/* The spool */

static void free_items(struct spool_table *spool)
{
	for (size_t i = 0; i < spool->count; i++)
		free(spool->items[i]);
	spool->count = 0;
}

static void copy_spool(struct spool_table *to, const struct spool_table *from)
{
	free_items(to);
	*to = *from;
	for (size_t i = 0; i < to->count; i++) {
		to->items[i] = malloc(sizeof(struct spool_item));
		assert(to->items[i] != NULL);
		*to->items[i] = *from->items[i];
	}
}

static void remove_item(struct sim *sim, size_t at)
{
	struct sender *s = &sim->sender;
	struct spool_item *item = s->spool.items[at];
	lineup_forget(&s->lineup, item);
	struct truth *truth = &sim->truths[s->spool.truth[at]];
	truth->is_offered = false;
	/* offered again by a restored sender, and retired before anybody heard of that: it still stands there as lost */
	truth->was_lost |= receiver_has_lost(sim, &truth->id);
	free(item);
	s->spool.count--;
	memmove(&s->spool.items[at], &s->spool.items[at + 1], (s->spool.count - at) * sizeof(item));
	memmove(&s->spool.truth[at], &s->spool.truth[at + 1], (s->spool.count - at) * sizeof(uint32_t));
	s->has_changed = true;
}

/* As spool_offered_since. */
static uint64_t offered_since(const struct spool_table *spool, const struct spool_item *item)
{
	bool is_older = item->release.epoch != spool->epoch && spool->begun > item->release.released_at;
	return is_older ? spool->begun : item->release.released_at;
}

/* As releaser_retire does. */
static void retire(struct sim *sim)
{
	struct spool_table *spool = &sim->sender.spool;
	uint64_t now = sender_clock_s(sim);
	for (size_t i = spool->count; i-- > 0;) {
		uint64_t since = offered_since(spool, spool->items[i]);
		if (spool->items[i]->state == SPOOL_SENT && now > since && now - since > sim->terms.retention_s)
			remove_item(sim, i);
	}
}

static void insert_item(struct spool_table *spool, struct spool_item *item, uint32_t truth)
{
	memmove(&spool->items[1], &spool->items[0], spool->count * sizeof(item));
	memmove(&spool->truth[1], &spool->truth[0], spool->count * sizeof(uint32_t));
	spool->items[0] = item;
	spool->truth[0] = truth;
	spool->count++;
}

static void make_truth(struct sim *sim, const struct spool_item *item)
{
	struct geometry g = offer_geometry(item);
	struct truth *truth = &sim->truths[sim->truth_count];
	size_t blocks = geometry_block_count(&g), columns = geometry_row_symbols(&g);
	*truth = (struct truth){
		.id = {item->release.epoch, item->release.number, item->release.route_id},
		.g = g,
		.accepted_ns = sim->now_ns,
		.owed_ns = NEVER,
		.is_offered = true,
		.crossed = malloc(blocks * arrivals_map_len(&g)),
		.column = calloc(blocks * columns, sizeof(uint16_t)),
	};
	assert(truth->crossed != NULL && truth->column != NULL);
	truth_reset(sim, truth, NULL);
}

void sender_push(struct sim *sim, uint64_t object_len)
{
	struct sender *s = &sim->sender;
	if (sim->now_ns < s->full_until_ns || s->hold_back_ns > sim->now_ns || s->spool.count == BUNDLES_MAX ||
	    sim->truth_count == BUNDLES_MAX)
		return; /* refused, and whoever pushes knows it */
	size_t which = (size_t)sim_below(sim, SIM_ROUTES);
	const struct route *route = registry_route_at(sim->registry, which);
	struct geometry g = geometry_choose(object_len, sim->terms.repair_permille);
	struct spool_item *item = calloc(1, sizeof(*item));
	assert(item != NULL && geometry_check(&g) == 0);
	item->state = SPOOL_READY;
	item->object_len = object_len;
	item->release = (struct release){
		.route_id = route->id,
		.epoch = s->spool.epoch,
		.number = ++s->spool.highest[which],
		.released_at = sender_clock_s(sim),
		.row_len = g.row_len,
		.source_rows = g.source_rows,
		.repair_rows = g.repair_rows,
	};
	item->release.statement.destroy_by = item->release.released_at + 1000 * sim->terms.retention_s;
	snprintf(item->release.statement.route, NAME_BYTES, "%s", route->name);
	snprintf(item->name, sizeof(item->name), "b-%06u", (unsigned int)sim->truth_count);
	make_truth(sim, item);
	insert_item(&s->spool, item, sim->truth_count++);
	sim->report.accepted++;
	s->has_changed = true;
	/* dispatcher_wait_ms: as soon as its last catalogue is long enough ago */
	uint64_t next_ns = (s->offered_ms + PAUSE_MS) * NS_PER_MS;
	if (next_ns < sim->now_ns)
		next_ns = sim->now_ns;
	if (s->hold_ns > next_ns)
		s->hold_ns = next_ns;
}

void sender_backup(struct sim *sim)
{
	copy_spool(&sim->sender.backup, &sim->sender.spool);
	sim->sender.has_backup = true;
}

/* The pages between the two */

static void set_heartbeat(struct sender *s, struct message *message)
{
	message_drop(s->heartbeat);
	s->heartbeat = message;
	s->orders->heartbeat.len = message == NULL ? 0 : message->bytes.len;
}

static void set_pages(struct sender *s, uint32_t count)
{
	for (uint32_t i = count; i < s->orders->page_count; i++) {
		message_drop(s->pages[i]);
		s->pages[i] = NULL;
	}
	s->orders->page_count = count;
}

void sender_empty_page(struct sender *s)
{
	set_heartbeat(s, NULL);
	set_pages(s, 0);
	s->orders->epoch = 0;
	s->orders->generation = 0;
	s->orders->beat = 0;
	s->orders->order_count = 0;
	s->version++;
}

static void make_page(struct sim *sim, uint32_t number, uint64_t now_s)
{
	struct sender *s = &sim->sender;
	struct message *message = message_new();
	message->is_page = true;
	message->page = (struct page){
		.epoch = s->spool.epoch,
		.generation = s->spool.generation,
		.time = now_s,
		.page = number,
		.pages = s->paging.page_count,
		.age = paging_age(&s->paging, s->spool.generation),
	};
	struct page *page = &message->page;
	for (size_t i = 0; i < PAGE_ENTRIES_MAX; i++) {
		const struct spool_item *item = s->paging.at[(size_t)number * PAGE_ENTRIES_MAX + i];
		if (item != NULL)
			offer_entry(&page->entries[page->count++], item, offered_since(&s->spool, item) + sim->terms.retention_s);
	}
	size_t len;
	int result = page_encode(message->bytes.bytes, &len, page, sim->box_seed);
	assert(result == 0 && page_decode(page, message->bytes.bytes, len) == VERDICT_OK);
	message->bytes.len = (uint16_t)len;
	message_drop(s->pages[number]);
	s->pages[number] = message;
	s->orders->pages[number] = message->bytes;
}

/* As offer_catalogue and publish_catalogue. */
static void make_catalogue(struct sim *sim)
{
	struct sender *s = &sim->sender;
	uint64_t now_s = sender_clock_s(sim);
	if (paging_follow(&s->paging, s->spool.items, s->spool.count, now_s) > 0) {
		s->spool.generation++;
		set_pages(s, s->paging.page_count);
		for (uint32_t i = 0; i < s->paging.page_count; i++)
			if (s->paging.made[i] == 0)
				make_page(sim, i, now_s);
		paging_made(&s->paging, s->spool.generation, now_s);
		memcpy(s->orders->made, s->paging.made, sizeof(s->orders->made));
		s->orders->newest_page = s->paging.newest;
		s->orders->generation = s->spool.generation;
	}
	memcpy(s->spool.named, s->spool.highest, sizeof(s->spool.named));
	s->has_changed = false;
	s->lineup.has_passed = false;
	s->offered_ms = sim->now_ns / NS_PER_MS;
}

/* As dispatcher and offer do. */
static uint64_t waiting_bytes(const struct sim *sim)
{
	const struct spool_table *spool = &sim->sender.spool;
	struct plan_terms terms = sender_terms(sim);
	struct plan_step step;
	uint64_t sum = 0;
	for (size_t i = 0; i < spool->count; i++) {
		struct geometry g = offer_geometry(spool->items[i]);
		if (spool->items[i]->state == SPOOL_READY && plan_work(&step, &spool->items[i]->plan, &g, &terms))
			sum += plan_step_bytes(&step, &g);
	}
	return sum;
}

uint64_t sender_round_bytes(const struct sim *sim)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < sim->sender.spool.count; i++) {
		struct geometry g = offer_geometry(sim->sender.spool.items[i]);
		sum += g.object_len + (uint64_t)geometry_block_count(&g) * g.repair_rows * g.row_len;
	}
	return sum;
}

static void beat(struct sim *sim)
{
	struct sender *s = &sim->sender;
	struct message *message = message_new();
	message->made_ns = sim->now_ns;
	message->heartbeat = (struct heartbeat){
		.bundles = (uint32_t)s->spool.count,
		.epoch = s->spool.epoch,
		.epoch_before = s->spool.before[0],
		.beat = ++s->spool.beat,
		.time = sender_clock_s(sim),
		.generation = s->spool.generation,
		.pages = s->paging.page_count,
		.waiting = waiting_bytes(sim),
		.heal_rate = sim->terms.rate_bits_per_s / 800 * sim->terms.heal_percent,
		.heal_round = sender_round_bytes(sim),
	};
	memcpy(message->highest, s->spool.named, sizeof(message->highest));
	memcpy(message->lowest, s->spool.lowest, sizeof(message->lowest));
	message->bytes.len = HEARTBEAT_BYTES;
	set_heartbeat(s, message);
	s->orders->beat = s->spool.beat;
	s->version++;
}

static uint32_t truth_of(const struct sender *s, const struct spool_item *item)
{
	for (size_t i = 0; i < s->spool.count; i++)
		if (s->spool.items[i] == item)
			return s->spool.truth[i];
	assert(false && "an order of nothing");
	return 0;
}

static void publish(struct sim *sim)
{
	struct sender *s = &sim->sender;
	s->orders->epoch = s->spool.epoch;
	uint64_t new_serial = s->new_serial;
	s->orders->order_count = (uint32_t)s->lineup.count;
	for (size_t i = 0; i < s->lineup.count; i++) {
		const struct lineup_order *order = &s->lineup.orders[i];
		struct truth *truth = &sim->truths[s->order_truth[i] = truth_of(s, order->item)];
		s->order_ns[i] = order->serial >= s->new_serial ? sim->now_ns : 0;
		if (order->serial >= new_serial)
			new_serial = order->serial + 1;
		s->orders->orders[i] = (struct task){
			.serial = order->serial,
			.id = truth->id,
			.geometry = offer_geometry(order->item),
			.step = order->step,
			.priority = choice_priority(sim->registry, order->item),
			.kind = sim->terms.broken == SIM_HEALS_FIRST ? TASK_WORK : (uint8_t)order->kind,
			.is_in_sent = order->item->state == SPOOL_SENT,
			.page = (order->item->place - 1U) / PAGE_ENTRIES_MAX,
		};
	}
	s->new_serial = new_serial;
	s->version++;
}

/* Turns of hold: dispatcher_turn without its page locks and its ledger. */

static void on_failed(void *context, struct spool_item *item, int error, uint64_t delay_ms)
{
	(void)context;
	(void)item;
	(void)delay_ms;
	assert(error == VERDICT_BAD_GEOMETRY); /* nothing else fails here, nor should that */
	assert(false && "emit found another geometry in the catalogue");
}

static void settle(struct sim *sim)
{
	struct sender *s = &sim->sender;
	struct plan_terms terms = sender_terms(sim);
	for (size_t i = 0; i < s->spool.count; i++)
		if (lineup_is_sent(s->spool.items[i], &terms)) {
			s->spool.items[i]->state = SPOOL_SENT;
			sim->truths[s->spool.truth[i]].worked_ns = sim->now_ns;
		}
}

/* Whether one that is due was healed less often than the one chosen: plan_is_before, by other means. */
static void check_exposure(struct sim *sim, const struct spool_item *chosen)
{
	const struct sender *s = &sim->sender;
	for (size_t i = 0; i < s->spool.count; i++) {
		const struct spool_item *item = s->spool.items[i];
		struct geometry g = offer_geometry(item);
		struct plan_step step;
		if (item->state != SPOOL_SENT || item->is_ordered || item->plan.heals >= chosen->plan.heals)
			continue;
		plan_heal(&step, &item->plan, &g);
		if (step.not_before_ms <= sim->now_ns / NS_PER_MS && !choice_is_large(&step, &g))
			sim_complain(sim, &sim->report.crowded, &sim->truths[s->spool.truth[i]],
				     "was more exposed than what was healed");
	}
}

static bool add_orders(struct sim *sim)
{
	struct sender *s = &sim->sender;
	const struct choice choice = {
		.items = s->spool.items,
		.count = s->spool.count,
		.registry = sim->registry,
		.terms = sender_terms(sim),
		.now_ms = sim->now_ns / NS_PER_MS,
	};
	struct lineup_order order;
	size_t before = s->lineup.count;
	while (lineup_next_work(&order, &s->lineup, &choice)) {
		order.serial = ++s->spool.serial;
		lineup_add(&s->lineup, &order);
	}
	bool heals = sim->terms.heal_percent > 0 && sim->terms.broken != SIM_NO_HEALING;
	while (heals && lineup_next_heal(&order, &s->lineup, &choice)) {
		check_exposure(sim, order.item);
		order.serial = ++s->spool.serial;
		lineup_add(&s->lineup, &order);
	}
	return s->lineup.count != before;
}

static void order(struct sim *sim, bool changed)
{
	struct sender *s = &sim->sender;
	changed |= add_orders(sim);
	bool owes = s->has_changed ||
		    (s->lineup.has_passed && sim->now_ns / NS_PER_MS - s->offered_ms >= PASSES_MS);
	if (owes)
		make_catalogue(sim);
	if (changed || owes)
		publish(sim);
}

static void turn(struct sim *sim)
{
	struct sender *s = &sim->sender;
	struct plan_terms terms = sender_terms(sim);
	if (s->has_changed)
		order(sim, false);
	bool changed = lineup_collect(&s->lineup, &s->progress, &terms, sim->now_ns / NS_PER_MS, on_failed, NULL);
	settle(sim);
	order(sim, changed);
}

void sender_hold_run(struct sim *sim)
{
	struct sender *s = &sim->sender;
	if (sim->now_ns < s->hold_back_ns) {
		s->hold_ns = s->hold_back_ns;
		return;
	}
	if (s->emit_ns > sim->now_ns + OUTGOING_LOOK_NS && s->emit_back_ns <= sim->now_ns)
		s->emit_ns = sim->now_ns + OUTGOING_LOOK_NS;
	if (sim->now_ns % (TICK_MS * NS_PER_MS) != 0) { /* what is released between ticks */
		turn(sim);
	} else {
		if (s->ticks % RETIRE_TICKS == 0)
			retire(sim);
		turn(sim);
		if (s->ticks % BEAT_TICKS == 0)
			beat(sim);
		s->ticks++;
	}
	s->hold_ns = (sim->now_ns / (TICK_MS * NS_PER_MS) + 1) * TICK_MS * NS_PER_MS;
}

/* Lives */

/* As dispatcher_new: what was on disk, and what the page still says. */
static void begin_hold(struct sim *sim)
{
	struct sender *s = &sim->sender;
	struct plan_terms terms = sender_terms(sim);
	memset(&s->lineup, 0, sizeof(s->lineup));
	memset(&s->paging, 0, sizeof(s->paging));
	for (size_t i = 0; i < s->spool.count; i++) {
		struct spool_item *item = s->spool.items[i];
		item->plan = (struct plan){0};
		item->is_ordered = false;
		item->retry_at_ms = 0;
		item->failures = 0;
		item->place = 0;
	}
	lineup_note_sent(s->spool.items, s->spool.count, &terms);
	for (size_t i = 0; i < s->orders->order_count && s->orders->epoch == s->spool.epoch; i++)
		for (size_t j = 0; j < s->spool.count; j++)
			if (s->spool.truth[j] == s->order_truth[i])
				lineup_adopt(&s->lineup, s->spool.items[j], &s->orders->orders[i], &terms);
	set_heartbeat(s, NULL);
	s->version++;
	s->has_changed = true;
	s->ticks = 0;
}

void sender_hold_dies(struct sim *sim, uint64_t back_ns)
{
	begin_hold(sim);
	sim->sender.hold_ns = sim->sender.hold_back_ns = back_ns;
}

void sender_emit_dies(struct sim *sim, uint64_t back_ns)
{
	sim->sender.emit_ns = sim->sender.emit_back_ns = back_ns;
	emit_begin(sim);
}

/* The folder sent/ may be a step behind: what lately went there is found in ready/ again. */
void sender_power(struct sim *sim, uint64_t back_ns)
{
	struct sender *s = &sim->sender;
	for (size_t i = 0; i < s->spool.count; i++)
		if (s->spool.items[i]->state == SPOOL_SENT && sim_below(sim, 8) == 0)
			s->spool.items[i]->state = SPOOL_READY;
	sender_empty_page(s);
	s->progress.count = 0;
	sender_hold_dies(sim, back_ns);
	sender_emit_dies(sim, back_ns);
}

/* As "weir-sender epoch --heads", with what the receiver's people have read out. */
static void begin_epoch(struct sim *sim, uint64_t epoch)
{
	struct spool_table *spool = &sim->sender.spool;
	uint64_t highest[SIM_ROUTES], heard = receiver_heads(sim, highest);
	bool is_ours = heard == 0 || heard == spool->epoch;
	for (size_t i = 0; i < EPOCHS_MAX; i++)
		is_ours |= spool->before[i] == heard;
	const size_t added = is_ours ? 1 : 2;
	memmove(spool->before + added, spool->before, (EPOCHS_MAX - added) * sizeof(spool->before[0]));
	spool->before[0] = heard;
	spool->before[added - 1] = spool->epoch;
	for (size_t i = 0; i < SIM_ROUTES; i++) {
		if (highest[i] > spool->highest[i])
			spool->highest[i] = highest[i];
		spool->named[i] = spool->highest[i];
		spool->lowest[i] = spool->highest[i] + 1;
	}
	spool->epoch = epoch;
	spool->begun = sender_clock_s(sim);
}

void sender_restore(struct sim *sim)
{
	struct sender *s = &sim->sender;
	if (!s->has_backup)
		return;
	uint64_t epoch = s->spool.epoch;
	/* rightly called lost, since nobody offered it any more, and offered again by the older spool */
	for (size_t i = 0; i < s->backup.count; i++)
		sim->truths[s->backup.truth[i]].was_lost &= sim->truths[s->backup.truth[i]].is_offered;
	for (uint32_t i = 0; i < sim->truth_count; i++) {
		struct truth *truth = &sim->truths[i];
		/* also what a wrong clock had retired before anybody heard of it: the heads that told of it are gone with the rest */
		truth->is_forgotten |= !receiver_names(sim, &truth->id);
		truth->is_offered = false;
	}
	memset(&s->lineup, 0, sizeof(s->lineup));
	copy_spool(&s->spool, &s->backup);
	for (size_t i = 0; i < s->spool.count; i++)
		sim->truths[s->spool.truth[i]].is_offered = true;
	for (size_t i = 0; i < s->spool.count; i++)
		sim->truths[s->spool.truth[i]].is_forgotten = false;
	begin_epoch(sim, epoch + 1 + sim_below(sim, 1000));
	sender_power(sim, sim->now_ns + NS_PER_S);
}

void sender_open(struct sim *sim)
{
	struct sender *s = &sim->sender;
	s->orders = calloc(1, sizeof(*s->orders));
	assert(s->orders != NULL);
	s->spool.epoch = 1000 + sim_below(sim, 1000);
	for (size_t i = 0; i < SIM_ROUTES; i++)
		s->spool.lowest[i] = 1;
	begin_hold(sim);
	emit_begin(sim);
}

void sender_close(struct sim *sim)
{
	sender_empty_page(&sim->sender);
	free_items(&sim->sender.spool);
	free_items(&sim->sender.backup);
	free(sim->sender.orders);
}
