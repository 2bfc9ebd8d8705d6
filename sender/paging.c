#include "paging.h"

#include <assert.h>
#include <string.h>

_Static_assert(SPOOL_BUNDLES_MAX == ORDERS_CONTROL_MAX * PAGE_ENTRIES_MAX,
	       "every bundle in the spool has its place in the catalogue");

uint16_t paging_passes(const struct spool_item *item)
{
	return item->plan.passes < UINT16_MAX ? (uint16_t)item->plan.passes : UINT16_MAX;
}

static uint32_t page_of(const struct spool_item *item)
{
	return (item->place - 1U) / PAGE_ENTRIES_MAX;
}

static void forget_places(struct paging *p, struct spool_item *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		items[i]->place = 0;
	memset(p->made, 0, sizeof(p->made));
	memset(p->count, 0, sizeof(p->count));
	p->page_count = p->newest = 0;
}

/* Those that have a place; a page that one has gone from, or on which one has had a pass, is to be made. */
static void note_placed(struct paging *p, struct spool_item *const *items, size_t count)
{
	uint16_t before[ORDERS_CONTROL_MAX];
	memcpy(before, p->count, sizeof(before));
	memset(p->count, 0, sizeof(p->count));
	memset(p->at, 0, sizeof(p->at));
	for (size_t i = 0; i < count; i++) {
		struct spool_item *item = items[i];
		if (item->place == 0)
			continue;
		p->at[item->place - 1] = item;
		p->count[page_of(item)]++;
		if (item->named_passes != paging_passes(item))
			p->made[page_of(item)] = 0;
	}
	for (uint32_t i = 0; i < p->page_count; i++)
		if (p->count[i] != before[i])
			p->made[i] = 0;
}

/* Those that come together stand together, as far as there is room: the emptiest page takes them. */
static uint32_t page_with_room(const struct paging *p)
{
	uint32_t best = p->page_count;
	if (p->newest < p->page_count && p->count[p->newest] < PAGE_ENTRIES_MAX)
		return p->newest;
	for (uint32_t i = 0; i < p->page_count; i++)
		if (p->count[i] < PAGE_ENTRIES_MAX && (best == p->page_count || p->count[i] < p->count[best]))
			best = i;
	return best;
}

static void place(struct paging *p, struct spool_item *item)
{
	uint32_t page = page_with_room(p);
	assert(page < ORDERS_CONTROL_MAX);
	if (page == p->page_count)
		p->page_count++;
	size_t at = (size_t)page * PAGE_ENTRIES_MAX;
	while (p->at[at] != NULL)
		at++;
	p->at[at] = item;
	item->place = (uint16_t)(at + 1);
	p->count[page]++;
	p->made[page] = 0;
	p->newest = page;
}

/* Empty pages at the end go.  How many pages there are stands on the newest, so that one is made then. */
static void spare_pages(struct paging *p)
{
	uint32_t before = p->page_count;
	while (p->page_count > 1 && p->count[p->page_count - 1] == 0)
		p->made[--p->page_count] = 0;
	if (p->page_count == 0)
		p->page_count = 1;
	if (p->newest >= p->page_count)
		p->newest = 0;
	if (p->page_count < before)
		p->made[0] = 0;
}

uint32_t paging_follow(struct paging *p, struct spool_item *const *items, size_t count, uint64_t now_s)
{
	assert(count <= SPOOL_BUNDLES_MAX);
	uint32_t needed = (uint32_t)((count + PAGE_ENTRIES_MAX - 1) / PAGE_ENTRIES_MAX), owed = 0;
	if (now_s < p->time_s)
		memset(p->made, 0, sizeof(p->made));
	if (p->page_count > 2 * needed + 1)
		forget_places(p, items, count);
	note_placed(p, items, count);
	for (size_t i = count; i-- > 0;) {
		if (items[i]->place == 0)
			place(p, items[i]);
		items[i]->named_passes = paging_passes(items[i]);
	}
	spare_pages(p);
	for (uint32_t i = 0; i < p->page_count; i++)
		owed += p->made[i] == 0;
	return owed;
}

uint64_t paging_age(const struct paging *p, uint64_t generation)
{
	uint64_t age = 0;
	for (uint32_t i = 0; i < p->page_count; i++)
		age += p->made[i] == 0 ? 0 : generation - p->made[i];
	return age;
}

void paging_made(struct paging *p, uint64_t generation, uint64_t now_s)
{
	for (uint32_t i = 0; i < p->page_count; i++)
		if (p->made[i] == 0)
			p->made[i] = generation;
	p->time_s = now_s;
}
