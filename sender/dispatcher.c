#include "dispatcher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "choice.h"
#include "common/pulse.h"
#include "common/service.h"
#include "common/verdict.h"
#include "lineup.h"
#include "offer.h"
#include "orders.h"
#include "resend.h"

enum {
	EMIT_SILENT_MS = 5000,
	CATALOGUE_PAUSE_MS = 2, /* from one catalogue to the next: releases that come together share a signature */
	SETTLE_MS = 1000,       /* at most, until what needs no more work is seen */
	PASSES_MS = 5000,       /* at most, until the catalogue tells of a pass that has ended */
};

struct dispatcher {
	struct releaser *releaser;
	struct orders_shared *shared;
	struct orders_page *orders;       /* what is written there next */
	struct progress_shared *progress; /* NULL until emit has made it */
	struct progress_page seen;        /* the newest whole copy */
	struct pulse emit;              /* by when that was written */
	bool is_followed;
	struct offer offer;
	uint64_t offered_ms;            /* when the catalogue was made last */
	uint64_t settled_ms;
	int settled;                    /* what came of it */
	bool has_failed;                /* the last turn has */
	struct lineup lineup;           /* has_passed: since then */
};

static uint64_t real_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct plan_terms terms_of(const struct dispatcher *dispatcher)
{
	const struct config *config = &dispatcher->releaser->setup->config;
	return (struct plan_terms){
		.rate_bits_per_s = config->rate_bits_per_s,
		.mtu = config->mtu,
		.passes = config->pass_repeat,
		.survive_outage_ms = config->survive_outage_ms,
	};
}

/* The page of the hold before this one is only believed where the spool says the same. */
static void adopt_orders(struct dispatcher *dispatcher)
{
	const struct orders_page *page = dispatcher->orders;
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct plan_terms terms = terms_of(dispatcher);
	size_t count = page->order_count < ORDERS_MAX ? page->order_count : ORDERS_MAX;
	for (size_t i = 0; i < count && page->epoch == spool_epoch(spool); i++) {
		char name[BUNDLE_NAME_BYTES];
		snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, page->orders[i].file);
		struct spool_item *item = spool_find(spool, name);
		if (item != NULL)
			lineup_adopt(&dispatcher->lineup, item, &page->orders[i], &terms);
	}
}

/* What is no longer in the spool is not ordered either; emit learns of it with the next turn. */
static void forget(void *context, const struct spool_item *item)
{
	struct dispatcher *dispatcher = context;
	lineup_forget(&dispatcher->lineup, item);
}

/* An old heartbeat would be sent a second time; heads, and numbers of generations, may be those of another state. */
static void begin_page(struct dispatcher *dispatcher)
{
	struct orders_page *page = dispatcher->orders;
	page->heartbeat.len = 0;
	page->heads_count = 0;
	page->is_shut = 0;
	memset(page->made, 0, sizeof(page->made));
	if (page->page_count > ORDERS_CONTROL_MAX)
		page->page_count = 0;
	orders_write(dispatcher->shared, page);
}

/* Told and noted; what has failed waits again.  When there is no room for it any more, who has asked asks again. */
static void end_resend(void *context, const struct lineup_order *order, int error)
{
	struct dispatcher *dispatcher = context;
	struct geometry g = offer_geometry(order->item);
	bool was_there;
	if (error == 0)
		resend_ended(dispatcher->releaser, &order->request, plan_step_bytes(&order->step, &g));
	else
		(void)resendqueue_add(&dispatcher->releaser->resends, &order->request, &was_there);
}

int dispatcher_new(struct dispatcher **out, struct releaser *releaser)
{
	struct dispatcher *dispatcher = calloc(1, sizeof(*dispatcher));
	if (dispatcher == NULL)
		return -ENOMEM;
	dispatcher->releaser = releaser;
	dispatcher->lineup.resent = end_resend;
	dispatcher->lineup.resent_context = dispatcher;
	dispatcher->orders = calloc(1, sizeof(*dispatcher->orders));
	int result = dispatcher->orders == NULL ? -ENOMEM
						: orders_map(&dispatcher->shared, releaser->setup->config.runtime, true);
	if (result != 0) {
		free(dispatcher->orders);
		free(dispatcher);
		return result;
	}
	orders_inherit(dispatcher->orders, dispatcher->shared);
	struct plan_terms terms = terms_of(dispatcher);
	lineup_note_sent(spool_items(releaser->allowance.spool), spool_count(releaser->allowance.spool), &terms);
	adopt_orders(dispatcher);
	spool_watch(releaser->allowance.spool, forget, dispatcher);
	begin_page(dispatcher);
	releaser->has_changed = true; /* every life begins with a new generation */
	*out = dispatcher;
	return 0;
}

void dispatcher_free(struct dispatcher *dispatcher)
{
	if (dispatcher == NULL)
		return;
	spool_watch(dispatcher->releaser->allowance.spool, NULL, NULL);
	orders_unmap(dispatcher->shared);
	progress_unmap(dispatcher->progress);
	free(dispatcher->orders);
	free(dispatcher);
}

/* Takes a whole copy of emit's page; the one before stays when emit is in the midst of writing. */
static void look(struct dispatcher *dispatcher)
{
	if (dispatcher->progress == NULL &&
	    progress_map(&dispatcher->progress, dispatcher->releaser->setup->config.runtime, false) != 0)
		return;
	struct progress_page copy;
	if (progress_read(&copy, dispatcher->progress) != 0)
		return;
	if (copy.count > ORDERS_MAX)
		copy.count = ORDERS_MAX;
	dispatcher->seen = copy;
}

static void tell_failure(void *context, struct spool_item *item, int error, uint64_t delay_ms)
{
	(void)context;
	service_event(LOG_ERR, "E1009", "link: '%s' could not be sent: %s; tried again in %" PRIu64 " s",
		      item->name, verdict_explain(error), delay_ms / 1000);
}

/* `sent`, durable before anything shows that it is done: a crash between has it sent, and entered, once more. */
static void enter_sent(struct dispatcher *dispatcher, const struct plan_terms *terms)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct book *book = dispatcher->releaser->book;
	bool is_new = false;
	for (size_t i = 0; i < spool_count(spool); i++) {
		struct spool_item *item = spool_at(spool, i);
		if (item->is_entered_sent || !lineup_is_sent(item, terms))
			continue;
		book_bundle(book, "sent", item, 0);
		item->is_entered_sent = is_new = true;
	}
	if (is_new)
		book_commit(book);
}

/*
 * Moves to sent/ what has had all its passes.  emit opens files by their name in ready/, and has
 * closed that of an order which it calls sent.  One that cannot be moved holds up no other.
 */
static int settle(struct dispatcher *dispatcher)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct plan_terms terms = terms_of(dispatcher);
	int failure = 0;
	enter_sent(dispatcher, &terms);
	for (size_t i = 0; i < spool_count(spool); i++) {
		struct spool_item *item = spool_at(spool, i);
		if (!lineup_is_sent(item, &terms))
			continue;
		int result = spool_set_sent(spool, item);
		if (result != 0)
			failure = result;
		if (item->state == SPOOL_SENT)
			service_event(LOG_NOTICE, "E1006", "link: '%s' sent", item->name);
	}
	return failure;
}

static int add_order(struct dispatcher *dispatcher, struct lineup_order *order, bool *changed)
{
	int result = spool_count_up(dispatcher->releaser->allowance.spool, COUNTER_SERIAL, &order->serial);
	if (result != 0)
		return result;
	lineup_add(&dispatcher->lineup, order);
	*changed = true;
	return 0;
}

/*
 * What a person waits for goes as work, whatever of the bundle an idle link was about to send: that begins again
 * later.
 */
static int add_resends(struct dispatcher *dispatcher, uint64_t now_ms, bool *changed)
{
	struct resendqueue *queue = &dispatcher->releaser->resends;
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct resend_request request;
	size_t index;
	int result = 0;
	while (result == 0 && lineup_takes_resend(&dispatcher->lineup) &&
	       choice_resend(queue, spool, now_ms, &request, &index)) {
		struct lineup_order order;
		lineup_set_resend(&order, &request);
		lineup_forget(&dispatcher->lineup, request.item);
		request.item->is_ordered = false;
		result = add_order(dispatcher, &order, changed);
		if (result == 0)
			resendqueue_remove(queue, index);
	}
	return result;
}

static int add_orders(struct dispatcher *dispatcher, uint64_t now_ms, bool *changed)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	const struct choice choice = {
		.items = spool_items(spool),
		.count = spool_count(spool),
		.registry = dispatcher->releaser->setup->registry,
		.terms = terms_of(dispatcher),
		.now_ms = now_ms,
	};
	struct lineup_order order;
	int result = 0;
	while (result == 0 && lineup_next_work(&order, &dispatcher->lineup, &choice))
		result = add_order(dispatcher, &order, changed);
	if (result == 0)
		result = add_resends(dispatcher, now_ms, changed);
	while (result == 0 && dispatcher->releaser->setup->config.heal_percent > 0 &&
	       lineup_next_heal(&order, &dispatcher->lineup, &choice))
		result = add_order(dispatcher, &order, changed);
	return result;
}

static void write_order(const struct dispatcher *dispatcher, const struct lineup_order *active,
			struct task *out)
{
	const struct spool_item *item = active->item;
	*out = (struct task){
		.serial = active->serial,
		.id = {
			.epoch = item->release.epoch,
			.number = item->release.number,
			.route_id = item->release.route_id,
		},
		.geometry = offer_geometry(item),
		.step = active->step,
		.priority = choice_priority(dispatcher->releaser->setup->registry, item),
		.kind = (uint8_t)active->kind,
		.is_in_sent = item->state == SPOOL_SENT,
		.page = (item->place - 1U) / PAGE_ENTRIES_MAX,
	};
	_Static_assert((int)ORDER_FILE_BYTES >= (int)BUNDLE_NAME_BYTES, "a bundle's name fits");
	memcpy(out->file, item->name, BUNDLE_NAME_BYTES);
}

void dispatcher_shut(struct dispatcher *dispatcher)
{
	dispatcher->orders->is_shut = 1;
	orders_write(dispatcher->shared, dispatcher->orders);
}

static void publish_catalogue(struct orders_page *page, const struct offer *offer)
{
	page->generation = offer->generation;
	page->page_count = offer->paging.page_count;
	page->newest_page = offer->paging.newest;
	for (uint32_t i = 0; i < page->page_count; i++) {
		if (page->made[i] == offer->paging.made[i])
			continue;
		page->made[i] = offer->paging.made[i];
		page->pages[i] = offer->pages[i];
	}
	page->heads_made = offer->heads_made;
	page->heads_count = offer->heads_count;
	memcpy(page->heads, offer->heads, sizeof(page->heads));
}

/* A new bundle is named in the same moment in which it is ordered. */
static void publish(struct dispatcher *dispatcher, bool with_catalogue)
{
	struct orders_page *page = dispatcher->orders;
	page->epoch = spool_epoch(dispatcher->releaser->allowance.spool);
	if (with_catalogue)
		publish_catalogue(page, &dispatcher->offer);
	page->order_count = (uint32_t)dispatcher->lineup.count;
	for (size_t i = 0; i < dispatcher->lineup.count; i++)
		write_order(dispatcher, &dispatcher->lineup.orders[i], &page->orders[i]);
	orders_write(dispatcher->shared, page);
}

/* That a pass has ended is told soon, but a generation is not made for each. */
static bool owes_catalogue(const struct dispatcher *dispatcher, uint64_t now_ms)
{
	return dispatcher->releaser->has_changed ||
	       (dispatcher->lineup.has_passed && now_ms - dispatcher->offered_ms >= PASSES_MS);
}

/* changed: since the orders were published. */
static int order(struct dispatcher *dispatcher, uint64_t now_ms, bool changed)
{
	int result = add_orders(dispatcher, now_ms, &changed);
	bool owes = owes_catalogue(dispatcher, now_ms);
	if (result == 0 && owes) {
		result = offer_catalogue(&dispatcher->offer, dispatcher->releaser);
		if (result == 0)
			result = offer_heads(&dispatcher->offer, dispatcher->releaser);
		if (result == 0) {
			dispatcher->releaser->has_changed = false;
			dispatcher->lineup.has_passed = false;
			dispatcher->offered_ms = now_ms;
		}
	}
	if (result == 0 && (changed || owes))
		publish(dispatcher, owes);
	return result;
}

int dispatcher_turn(struct dispatcher *dispatcher, uint64_t now_ms)
{
	struct plan_terms terms = terms_of(dispatcher);
	/* what is new does not wait until what has gone is durable in sent/, nor do pages tell of that before */
	int result = dispatcher->releaser->has_changed ? order(dispatcher, now_ms, false) : 0;
	look(dispatcher);
	bool changed = lineup_collect(&dispatcher->lineup, &dispatcher->seen, &terms, now_ms, tell_failure, NULL);
	/* looking through a full spool is most of what an idle hold does */
	if (changed || now_ms - dispatcher->settled_ms >= SETTLE_MS) {
		dispatcher->settled = settle(dispatcher);
		dispatcher->settled_ms = now_ms;
	}
	if (result == 0)
		result = order(dispatcher, now_ms, changed);
	dispatcher->has_failed = result != 0;
	return result != 0 ? result : dispatcher->settled;
}

int dispatcher_wait_ms(const struct dispatcher *dispatcher, uint64_t now_ms)
{
	uint64_t next_ms = dispatcher->offered_ms + CATALOGUE_PAUSE_MS;
	if (!dispatcher->releaser->has_changed || dispatcher->has_failed)
		return -1;
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

/* Of bundles that have not had all their work yet, whatever has gone of the step under way. */
static uint64_t waiting_bytes(const struct dispatcher *dispatcher)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct plan_terms terms = terms_of(dispatcher);
	uint64_t sum = 0;
	for (size_t i = 0; i < spool_count(spool); i++) {
		const struct spool_item *item = spool_at(spool, i);
		struct geometry g = offer_geometry(item);
		struct plan_step step;
		if (item->state == SPOOL_READY && plan_work(&step, &item->plan, &g, &terms))
			sum += plan_step_bytes(&step, &g);
	}
	return sum;
}

int dispatcher_beat(struct dispatcher *dispatcher)
{
	struct control_message message;
	uint64_t beat = 0;
	const struct offer_news news = {dispatcher->seen.datagrams, waiting_bytes(dispatcher)};
	int result = offer_heartbeat(&dispatcher->offer, dispatcher->releaser, &news, &message, &beat);
	if (result != 0)
		return result;
	struct orders_page *page = dispatcher->orders;
	page->heartbeat = message;
	page->beat = beat;
	book_head(dispatcher->releaser->book, &page->ledger);
	orders_write(dispatcher->shared, page);
	return 0;
}

bool dispatcher_emit_lives(const struct dispatcher *dispatcher)
{
	uint64_t now = real_ms();
	uint64_t then = dispatcher->seen.updated_ms;
	return then != 0 && (now < then || now - then < EMIT_SILENT_MS);
}

bool dispatcher_emit_beats(struct dispatcher *dispatcher, uint64_t now_ms)
{
	uint64_t mark = dispatcher->seen.updated_ms;
	if (!dispatcher->is_followed)
		pulse_start(&dispatcher->emit, mark, now_ms);
	dispatcher->is_followed = true;
	return pulse_beats(&dispatcher->emit, mark, now_ms);
}

void dispatcher_fill(void *context, const struct spool_item *item, struct local_item *out)
{
	const struct dispatcher *dispatcher = context;
	out->passes = dispatcher->releaser->setup->config.pass_repeat;
	out->passes_done = item->state == SPOOL_SENT || item->plan.passes > out->passes
				   ? out->passes
				   : item->plan.passes;
	for (size_t i = 0; i < dispatcher->lineup.count; i++) {
		if (dispatcher->lineup.orders[i].item != item)
			continue;
		out->resends += dispatcher->lineup.orders[i].is_resend;
		const struct order_progress *p =
			lineup_progress(&dispatcher->seen, dispatcher->lineup.orders[i].serial);
		/* what was sent stays that, whatever an idle link or a person sends of it once more */
		if (p == NULL || p->state != ORDER_SENDING || item->state == SPOOL_SENT)
			return;
		out->state = LOCAL_SENDING;
		out->sent_bytes = p->sent_bytes;
		out->total_bytes = p->total_bytes;
	}
}
