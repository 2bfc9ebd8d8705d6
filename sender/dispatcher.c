#include "dispatcher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>

#include "common/catalogue.h"
#include "common/openbundle.h"
#include "common/service.h"
#include "common/verdict.h"
#include "orders.h"

enum {
	SNAPSHOT_TRIES = 16,
	EMIT_SILENT_MS = 5000,
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 60000,
	REPEAT_MS = 30000,    /* for a receiver that was down: it needs the registry before anything else */
	PRIORITY_FIRST = 1,   /* of a registry, which nothing waits for in vain */
	PRIORITY_DEFAULT = 5, /* of a route that the registry no longer has */
};

_Static_assert(SPOOL_BUNDLES_MAX == ORDERS_CONTROL_MAX * PAGE_ENTRIES_MAX,
	       "every bundle in the spool has its place in the catalogue");

struct active {
	uint64_t serial;
	struct spool_item *item;
};

struct dispatcher {
	struct releaser *releaser;
	struct orders_page *orders;
	struct progress_page *progress; /* NULL until emit has made it */
	struct progress_page seen;      /* the newest whole copy */
	uint64_t generation;
	uint32_t page_count;
	uint32_t bundle_count;
	size_t active_count;
	struct active active[ORDERS_MAX];
};

static uint64_t real_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_active(const struct dispatcher *dispatcher, const struct spool_item *item)
{
	for (size_t i = 0; i < dispatcher->active_count; i++)
		if (dispatcher->active[i].item == item)
			return true;
	return false;
}

/*
 * What the hold before this one had ordered goes on under its serial, so that emit does not begin
 * again.  The page is only believed where the spool says the same.
 */
static void adopt_orders(struct dispatcher *dispatcher)
{
	const struct orders_page *page = dispatcher->orders;
	struct spool *spool = dispatcher->releaser->allowance.spool;
	size_t count = page->order_count < ORDERS_MAX ? page->order_count : ORDERS_MAX;
	for (size_t i = 0; i < count && page->epoch == spool_epoch(spool); i++) {
		const struct task *order = &page->orders[i];
		char name[BUNDLE_NAME_BYTES];
		snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, order->file);
		struct spool_item *item = spool_find(spool, name);
		if (item != NULL && item->state == SPOOL_READY && order->serial != 0 &&
		    order->id.number == item->release.number &&
		    order->id.route_id == item->release.route_id && !is_active(dispatcher, item))
			dispatcher->active[dispatcher->active_count++] =
				(struct active){.serial = order->serial, .item = item};
	}
}

/* An old heartbeat would be sent a second time. */
static void begin_page(struct dispatcher *dispatcher)
{
	struct orders_page *page = dispatcher->orders;
	page_write_begin(&page->version);
	page->heartbeat.len = 0;
	page_write_end(&page->version);
}

int dispatcher_new(struct dispatcher **out, struct releaser *releaser)
{
	struct dispatcher *dispatcher = calloc(1, sizeof(*dispatcher));
	if (dispatcher == NULL)
		return -ENOMEM;
	dispatcher->releaser = releaser;
	int result = orders_map(&dispatcher->orders, releaser->setup->config.runtime, true);
	if (result != 0) {
		free(dispatcher);
		return result;
	}
	adopt_orders(dispatcher);
	begin_page(dispatcher);
	releaser->has_changed = true; /* every life begins with a new generation */
	*out = dispatcher;
	return 0;
}

void dispatcher_free(struct dispatcher *dispatcher)
{
	if (dispatcher == NULL)
		return;
	munmap(dispatcher->orders, sizeof(*dispatcher->orders));
	if (dispatcher->progress != NULL)
		munmap(dispatcher->progress, sizeof(*dispatcher->progress));
	free(dispatcher);
}

/* Takes a whole copy of emit's page; the one before stays when emit is in the midst of writing. */
static void look(struct dispatcher *dispatcher)
{
	if (dispatcher->progress == NULL &&
	    progress_map(&dispatcher->progress, dispatcher->releaser->setup->config.runtime, false) != 0)
		return;
	struct progress_page copy;
	for (int i = 0; i < SNAPSHOT_TRIES; i++) {
		uint64_t begun = page_read_begin(&dispatcher->progress->version);
		if (begun == 0)
			return;
		memcpy(&copy, dispatcher->progress, sizeof(copy));
		if (!page_read_is_good(&dispatcher->progress->version, begun))
			continue;
		if (copy.count > ORDERS_MAX)
			copy.count = ORDERS_MAX;
		memcpy(&dispatcher->seen, &copy, sizeof(copy));
		return;
	}
}

static const struct order_progress *progress_of(const struct dispatcher *dispatcher, uint64_t serial)
{
	for (uint32_t i = 0; i < dispatcher->seen.count; i++)
		if (dispatcher->seen.orders[i].serial == serial)
			return &dispatcher->seen.orders[i];
	return NULL;
}

static void note_failure(struct spool_item *item, int error, uint64_t now_ms)
{
	uint64_t delay_ms = (uint64_t)RETRY_FIRST_MS << (item->failures < 6 ? item->failures : 6);
	if (delay_ms > RETRY_LAST_MS)
		delay_ms = RETRY_LAST_MS;
	item->failures++;
	item->retry_at_ms = now_ms + delay_ms;
	service_event(LOG_ERR, "E1009", "link: '%s' could not be sent: %s; tried again in %" PRIu64 " s",
		      item->name, verdict_explain(error), delay_ms / 1000);
}

static bool has_had_passes(const struct dispatcher *dispatcher, const struct spool_item *item)
{
	return item->passes_done >= dispatcher->releaser->setup->config.pass_repeat;
}

/* Takes from the active orders what is sent or has failed. */
static void collect(struct dispatcher *dispatcher, uint64_t now_ms, bool *changed)
{
	size_t kept = 0;
	for (size_t i = 0; i < dispatcher->active_count; i++) {
		struct active active = dispatcher->active[i];
		const struct order_progress *p = progress_of(dispatcher, active.serial);
		uint32_t state = p == NULL ? ORDER_WAITING : p->state;
		if (state == ORDER_SENT) {
			active.item->passes_done++;
			active.item->failures = 0;
			if (active.item->is_repeated && has_had_passes(dispatcher, active.item))
				active.item->retry_at_ms = now_ms + REPEAT_MS;
		} else if (state == ORDER_FAILED) {
			note_failure(active.item, p->error, now_ms);
		} else {
			dispatcher->active[kept++] = active;
			continue;
		}
		*changed = true;
	}
	dispatcher->active_count = kept;
}

static bool has_passed(const struct dispatcher *dispatcher, const struct spool_item *item)
{
	return !item->is_repeated && has_had_passes(dispatcher, item);
}

/*
 * Moves to sent/ what has had all its passes.  emit opens files by their name in ready/, and has
 * closed that of an order which it calls sent.  One that cannot be moved holds up no other.
 */
static int settle(struct dispatcher *dispatcher)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	int failure = 0;
	for (size_t i = 0; i < spool_count(spool); i++) {
		struct spool_item *item = spool_at(spool, i);
		if (item->state != SPOOL_READY || !has_passed(dispatcher, item))
			continue;
		int result = spool_set_sent(spool, item);
		if (result != 0)
			failure = result;
		if (item->state != SPOOL_SENT)
			continue;
		service_event(LOG_NOTICE, "E1006", "link: '%s' sent", item->name);
		book_bundle(dispatcher->releaser->book, "sent", item, 0);
	}
	return failure;
}

static uint8_t priority_of(const struct dispatcher *dispatcher, const struct spool_item *item)
{
	if (open_is(&item->release.statement))
		return PRIORITY_FIRST;
	const struct route *route =
		registry_route(dispatcher->releaser->setup->registry, item->release.statement.route);
	return route == NULL ? PRIORITY_DEFAULT : route->priority;
}

/* Who comes first: a registry in all its passes; fewer passes so far, then the route's priority, then age. */
static bool is_before(const struct dispatcher *dispatcher, const struct spool_item *a,
		      const struct spool_item *b)
{
	if (open_is(&a->release.statement) != open_is(&b->release.statement))
		return open_is(&a->release.statement);
	if (a->passes_done != b->passes_done)
		return a->passes_done < b->passes_done;
	uint8_t first = priority_of(dispatcher, a), second = priority_of(dispatcher, b);
	if (first != second)
		return first < second;
	if (a->release.released_at != b->release.released_at)
		return a->release.released_at < b->release.released_at;
	return a->release.number < b->release.number;
}

static struct spool_item *choose_next(struct dispatcher *dispatcher, uint64_t now_ms)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct spool_item *best = NULL;
	/* the last place is a registry's: bundles that fill the others may be long under way */
	bool is_last = dispatcher->active_count == ORDERS_MAX - 1;
	for (size_t i = 0; i < spool_count(spool); i++) {
		struct spool_item *item = spool_at(spool, i);
		if (is_last && !open_is(&item->release.statement))
			continue;
		if (item->state == SPOOL_READY && !has_passed(dispatcher, item) &&
		    item->retry_at_ms <= now_ms && !is_active(dispatcher, item) &&
		    (best == NULL || is_before(dispatcher, item, best)))
			best = item;
	}
	return best;
}

static int fill_orders(struct dispatcher *dispatcher, uint64_t now_ms, bool *changed)
{
	while (dispatcher->active_count < ORDERS_MAX) {
		struct spool_item *item = choose_next(dispatcher, now_ms);
		if (item == NULL)
			return 0;
		struct active active = {.item = item};
		int result = spool_count_up(dispatcher->releaser->allowance.spool, COUNTER_SERIAL,
					    &active.serial);
		if (result != 0)
			return result;
		dispatcher->active[dispatcher->active_count++] = active;
		*changed = true;
	}
	return 0;
}

static struct geometry geometry_of(const struct spool_item *item)
{
	return (struct geometry){
		.object_len = item->object_len,
		.row_len = item->release.row_len,
		.source_rows = item->release.source_rows,
		.repair_rows = item->release.repair_rows,
	};
}

static void write_order(const struct dispatcher *dispatcher, const struct active *active,
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
		.geometry = geometry_of(item),
		.priority = priority_of(dispatcher, item),
	};
	_Static_assert((int)ORDER_FILE_BYTES >= (int)BUNDLE_NAME_BYTES, "a bundle's name fits");
	memcpy(out->file, item->name, BUNDLE_NAME_BYTES);
}

/* Pages from `first` on, with all released bundles in the order of the spool: newest first. */
static int make_page(const struct dispatcher *dispatcher, uint32_t number, size_t first_item,
		     struct control_message *out)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct page page = {
		.epoch = spool_epoch(spool),
		.generation = dispatcher->generation,
		.time = real_ms() / 1000,
		.page = number,
		.pages = dispatcher->page_count,
	};
	memcpy(page.box_key, dispatcher->releaser->box->card.id, KEY_ID_BYTES);
	for (size_t i = first_item; i < spool_count(spool) && page.count < PAGE_ENTRIES_MAX; i++) {
		const struct spool_item *item = spool_at(spool, i);
		struct entry *entry = &page.entries[page.count++];
		*entry = (struct entry){
			.route_id = item->release.route_id,
			.geometry = geometry_of(item),
			.number = item->release.number,
			.destroy_by = item->release.statement.destroy_by,
		};
		memcpy(entry->root, item->release.statement.root, SUITE_DIGEST_BYTES);
	}
	size_t len;
	int result = page_encode(out->bytes, &len, &page, dispatcher->releaser->box->secret);
	if (result == 0)
		out->len = (uint16_t)len;
	return result;
}

static size_t count_held(struct spool *spool)
{
	size_t held = 0;
	while (held < spool_count(spool) && spool_at(spool, held)->state == SPOOL_HELD)
		held++;
	return held;
}

/* Signs all pages of a new generation outside the lock; *out is the caller's to free. */
static int make_catalogue(struct dispatcher *dispatcher, struct control_message **out)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	size_t held = count_held(spool);
	size_t bundles = spool_count(spool) - held;
	size_t pages = bundles == 0 ? 1 : (bundles + PAGE_ENTRIES_MAX - 1) / PAGE_ENTRIES_MAX;
	struct control_message *messages = calloc(pages, sizeof(*messages));
	if (messages == NULL)
		return -ENOMEM;
	int result = spool_count_up(spool, COUNTER_GENERATION, &dispatcher->generation);
	dispatcher->bundle_count = (uint32_t)bundles;
	dispatcher->page_count = (uint32_t)pages;
	for (size_t i = 0; result == 0 && i < pages; i++)
		result = make_page(dispatcher, (uint32_t)i, held + i * PAGE_ENTRIES_MAX, &messages[i]);
	if (result != 0) {
		free(messages);
		return result;
	}
	*out = messages;
	return 0;
}

/* A new bundle is named in the same moment in which it is ordered.  pages NULL: as before. */
static void publish(struct dispatcher *dispatcher, const struct control_message *pages)
{
	struct orders_page *page = dispatcher->orders;
	page_write_begin(&page->version);
	page->epoch = spool_epoch(dispatcher->releaser->allowance.spool);
	if (pages != NULL) {
		page->generation = dispatcher->generation;
		page->page_count = dispatcher->page_count;
		memcpy(page->pages, pages, dispatcher->page_count * sizeof(*pages));
	}
	page->order_count = (uint32_t)dispatcher->active_count;
	for (size_t i = 0; i < dispatcher->active_count; i++)
		write_order(dispatcher, &dispatcher->active[i], &page->orders[i]);
	page_write_end(&page->version);
}

int dispatcher_turn(struct dispatcher *dispatcher, uint64_t now_ms)
{
	bool changed = false;
	struct control_message *pages = NULL;
	look(dispatcher);
	collect(dispatcher, now_ms, &changed);
	int settled = settle(dispatcher);
	int result = fill_orders(dispatcher, now_ms, &changed);
	if (result == 0 && dispatcher->releaser->has_changed) {
		result = make_catalogue(dispatcher, &pages);
		if (result == 0)
			dispatcher->releaser->has_changed = false;
	}
	if (result == 0 && (changed || pages != NULL))
		publish(dispatcher, pages);
	free(pages);
	return result != 0 ? result : settled;
}

int dispatcher_beat(struct dispatcher *dispatcher)
{
	struct spool *spool = dispatcher->releaser->allowance.spool;
	struct heartbeat heartbeat = {
		.bundles = dispatcher->bundle_count,
		.epoch = spool_epoch(spool),
		.time = real_ms() / 1000,
		.generation = dispatcher->generation,
		.pages = dispatcher->page_count,
		.registry_version = registry_version(dispatcher->releaser->setup->registry),
		.sent = dispatcher->seen.datagrams,
	};
	book_head(dispatcher->releaser->book, &heartbeat.ledger);
	memcpy(heartbeat.box_key, dispatcher->releaser->box->card.id, KEY_ID_BYTES);
	uint8_t message[HEARTBEAT_BYTES];
	int result = spool_count_up(spool, COUNTER_BEAT, &heartbeat.beat);
	if (result == 0)
		result = heartbeat_encode(message, &heartbeat, dispatcher->releaser->box->secret);
	if (result != 0)
		return result;
	struct orders_page *page = dispatcher->orders;
	page_write_begin(&page->version);
	memcpy(page->heartbeat.bytes, message, sizeof(message));
	page->heartbeat.len = sizeof(message);
	page->beat = heartbeat.beat;
	page_write_end(&page->version);
	return 0;
}

bool dispatcher_emit_lives(const struct dispatcher *dispatcher)
{
	uint64_t now = real_ms();
	uint64_t then = dispatcher->seen.updated_ms;
	return then != 0 && (now < then || now - then < EMIT_SILENT_MS);
}

void dispatcher_fill(void *context, const struct spool_item *item, struct local_item *out)
{
	const struct dispatcher *dispatcher = context;
	out->passes = dispatcher->releaser->setup->config.pass_repeat;
	out->passes_done = item->state == SPOOL_SENT || item->passes_done > out->passes
				   ? out->passes
				   : item->passes_done;
	for (size_t i = 0; i < dispatcher->active_count; i++) {
		if (dispatcher->active[i].item != item)
			continue;
		const struct order_progress *p = progress_of(dispatcher, dispatcher->active[i].serial);
		if (p == NULL || p->state != ORDER_SENDING)
			return;
		out->state = LOCAL_SENDING;
		out->sent_bytes = p->sent_bytes;
		out->total_bytes = p->total_bytes;
	}
}
