#include "offer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "book.h"
#include "common/catalogue.h"
#include "common/openbundle.h"

enum { DAY_S = 86400 };

struct geometry offer_geometry(const struct spool_item *item)
{
	return (struct geometry){
		.object_len = item->object_len,
		.row_len = item->release.row_len,
		.source_rows = item->release.source_rows,
		.repair_rows = item->release.repair_rows,
	};
}

void offer_entry(struct entry *entry, const struct spool_item *item, uint64_t until)
{
	const struct statement *statement = &item->release.statement;
	*entry = (struct entry){
		.route_id = item->release.route_id,
		.passes = paging_passes(item),
		.geometry = offer_geometry(item),
		.epoch = item->release.epoch,
		.number = item->release.number,
		.destroy_by = statement->destroy_by,
		.offered_until = until < statement->destroy_by ? until : statement->destroy_by,
	};
	memcpy(entry->root, statement->root, SUITE_DIGEST_BYTES);
}

static size_t count_held(struct spool *spool)
{
	size_t held = 0;
	while (held < spool_count(spool) && spool_at(spool, held)->state == SPOOL_HELD)
		held++;
	return held;
}

/* page has what all pages of the generation say alike. */
static int make_page(struct offer *offer, const struct releaser *releaser, uint32_t number, struct page *page)
{
	struct spool *spool = releaser->allowance.spool;
	size_t len;
	page->page = number;
	page->count = 0;
	for (size_t i = 0; i < PAGE_ENTRIES_MAX; i++) {
		const struct spool_item *item = offer->paging.at[(size_t)number * PAGE_ENTRIES_MAX + i];
		if (item != NULL)
			offer_entry(&page->entries[page->count++], item,
				    spool_offered_since(spool, item) +
					    (uint64_t)releaser->setup->config.retention_days * DAY_S);
	}
	int result = page_encode(offer->pages[number].bytes, &len, page, releaser->box->secret);
	if (result == 0)
		offer->pages[number].len = (uint16_t)len;
	return result;
}

int offer_catalogue(struct offer *offer, const struct releaser *releaser)
{
	struct spool *spool = releaser->allowance.spool;
	struct paging *paging = &offer->paging;
	size_t held = count_held(spool), bundles = spool_count(spool) - held;
	struct page page = {.epoch = spool_epoch(spool), .time = (uint64_t)time(NULL)};
	if (paging_follow(paging, spool_items(spool) + held, bundles, page.time) == 0)
		return 0;
	int result = spool_count_up(spool, COUNTER_GENERATION, &page.generation);
	page.pages = paging->page_count;
	page.age = paging_age(paging, page.generation);
	memcpy(page.box_key, releaser->box->card.id, KEY_ID_BYTES);
	for (uint32_t i = 0; result == 0 && i < paging->page_count; i++)
		if (paging->made[i] == 0)
			result = make_page(offer, releaser, i, &page);
	if (result != 0)
		return result;
	paging_made(paging, page.generation, page.time);
	offer->generation = page.generation;
	offer->bundle_count = (uint32_t)bundles;
	return 0;
}

static int compare_heads(const void *a, const void *b)
{
	const struct route_head *x = a, *y = b;
	return (int)x->route_id - (int)y->route_id;
}

static void add_head(struct route_head *heads, size_t *count, const struct spool *spool, const char *route,
		     uint16_t route_id)
{
	if (*count == (size_t)ORDERS_HEADS_MAX * HEADS_MAX)
		return;
	/* what lies between two fields is compared, too */
	memset(&heads[*count], 0, sizeof(heads[*count]));
	heads[*count].route_id = route_id;
	spool_head(spool, route, route_id, &heads[*count].first, &heads[*count].newest);
	(*count)++;
}

static size_t collect_heads(struct route_head *heads, const struct releaser *releaser)
{
	const struct registry *registry = releaser->setup->registry;
	size_t count = 0;
	for (size_t i = 0; i < registry_route_count(registry); i++) {
		const struct route *route = registry_route_at(registry, i);
		add_head(heads, &count, releaser->allowance.spool, route->name, route->id);
	}
	add_head(heads, &count, releaser->allowance.spool, OPEN_ROUTE, OPEN_ROUTE_ID);
	qsort(heads, count, sizeof(*heads), compare_heads);
	return count;
}

static int make_heads(struct offer *offer, const struct releaser *releaser, uint32_t page)
{
	struct spool *spool = releaser->allowance.spool;
	size_t first = (size_t)page * HEADS_MAX, len;
	size_t left = offer->route_count - first;
	struct heads heads = {
		.count = (uint16_t)(left < HEADS_MAX ? left : HEADS_MAX),
		.epoch = spool_epoch(spool),
		.epoch_before = spool_epoch_before(spool),
		.generation = offer->generation,
		.time = (uint64_t)time(NULL),
		.page = page,
		.pages = offer->heads_count,
	};
	memcpy(heads.box_key, releaser->box->card.id, KEY_ID_BYTES);
	memcpy(heads.head, offer->routes + first, heads.count * sizeof(heads.head[0]));
	int result = heads_encode(offer->heads[page].bytes, &len, &heads, releaser->box->secret);
	if (result == 0)
		offer->heads[page].len = (uint16_t)len;
	return result;
}

int offer_heads(struct offer *offer, const struct releaser *releaser)
{
	struct route_head routes[ORDERS_HEADS_MAX * HEADS_MAX];
	size_t count = collect_heads(routes, releaser);
	uint64_t epoch = spool_epoch(releaser->allowance.spool);
	if (offer->heads_epoch == epoch && offer->route_count == count &&
	    memcmp(routes, offer->routes, count * sizeof(routes[0])) == 0)
		return 0;
	memcpy(offer->routes, routes, count * sizeof(routes[0]));
	offer->route_count = count;
	offer->heads_epoch = 0; /* until all of them are made */
	offer->heads_count = (uint32_t)((count + HEADS_MAX - 1) / HEADS_MAX);
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < offer->heads_count; i++)
		result = make_heads(offer, releaser, i);
	if (result != 0)
		return result;
	offer->heads_epoch = epoch;
	offer->heads_made = offer->generation;
	return 0;
}

static uint64_t pass_bytes(const struct spool_item *item)
{
	struct geometry g = offer_geometry(item);
	return g.object_len + (uint64_t)geometry_block_count(&g) * g.repair_rows * g.row_len;
}

static uint64_t round_bytes(struct spool *spool)
{
	uint64_t sum = 0;
	for (size_t i = count_held(spool); i < spool_count(spool); i++)
		sum += pass_bytes(spool_at(spool, i));
	return sum;
}

int offer_heartbeat(const struct offer *offer, const struct releaser *releaser, const struct offer_news *news,
		    struct control_message *out, uint64_t *beat)
{
	struct spool *spool = releaser->allowance.spool;
	const struct config *config = &releaser->setup->config;
	struct heartbeat heartbeat = {
		.bundles = offer->bundle_count,
		.epoch = spool_epoch(spool),
		.epoch_before = spool_epoch_before(spool),
		.time = (uint64_t)time(NULL),
		.generation = offer->generation,
		.pages = offer->paging.page_count,
		.registry_version = registry_version(releaser->setup->registry),
		.sent = news->datagrams,
		.waiting = news->waiting,
		.heal_rate = config->rate_bits_per_s / 800 * config->heal_percent,
		.heal_round = round_bytes(spool),
	};
	book_head(releaser->book, &heartbeat.ledger);
	memcpy(heartbeat.box_key, releaser->box->card.id, KEY_ID_BYTES);
	int result = spool_count_up(spool, COUNTER_BEAT, &heartbeat.beat);
	if (result == 0)
		result = heartbeat_encode(out->bytes, &heartbeat, releaser->box->secret);
	if (result != 0)
		return result;
	out->len = HEARTBEAT_BYTES;
	*beat = heartbeat.beat;
	return 0;
}
