/* Pages of the catalogue, made as hold makes them, and a receiver that loses most of them and must never come to a wrong end. */
#include "sender/paging.h"

#include <stdlib.h>
#include <string.h>

#include "receiver/known.h"
#include "tests/lib/tap.h"

enum { MANY = SPOOL_BUNDLES_MAX, STEPS = 4000, FEW = 90, ROUTE = 3 };

/* Items newest first, as the spool has them. */
struct shelf {
	struct paging paging;
	struct spool_item *items[MANY];
	size_t count;
	uint64_t number, generation, epoch;
};

static void add(struct shelf *s)
{
	struct spool_item *item = calloc(1, sizeof(*item));
	item->release.number = ++s->number;
	memmove(s->items + 1, s->items, s->count * sizeof(s->items[0]));
	s->items[0] = item;
	s->count++;
}

static void take_away(struct shelf *s, size_t at)
{
	free(s->items[at]);
	s->count--;
	memmove(s->items + at, s->items + at + 1, (s->count - at) * sizeof(s->items[0]));
}

static struct shelf *shelf_of(size_t count)
{
	struct shelf *s = calloc(1, sizeof(*s));
	for (size_t i = 0; i < count; i++)
		add(s);
	return s;
}

static void free_shelf(struct shelf *s)
{
	while (s->count > 0)
		take_away(s, s->count - 1);
	free(s);
}

/* How many pages are made now; they are. */
static uint32_t make(struct shelf *s, uint64_t now_s)
{
	uint32_t owed = paging_follow(&s->paging, s->items, s->count, now_s);
	if (owed > 0)
		paging_made(&s->paging, ++s->generation, now_s);
	return owed;
}

static bool all_have_their_place(const struct shelf *s)
{
	size_t places = 0;
	bool good = true;
	for (size_t i = 0; i < (size_t)s->paging.page_count * PAGE_ENTRIES_MAX; i++)
		places += s->paging.at[i] != NULL;
	for (size_t i = 0; i < s->count; i++)
		good &= s->items[i]->place > 0 && s->paging.at[s->items[i]->place - 1] == s->items[i];
	return good && places == s->count;
}

static void nothing_changes_but_what_has_to(void)
{
	struct shelf *s = shelf_of(0);
	ok(make(s, 100) == 1 && s->paging.page_count == 1, "a catalogue without bundles has a page");
	is_number(make(s, 100), 0, "which is made once");
	for (size_t i = 0; i < 40; i++)
		add(s);
	ok(make(s, 100) == 3 && s->paging.page_count == 3 && all_have_their_place(s), "forty bundles take three");
	add(s);
	is_number(make(s, 101), 1, "another one changes one page");
	uint64_t made = s->paging.made[2];
	ok(made == s->generation && s->paging.made[0] == made - 1 && s->paging.newest == 2, "the last, and not the others");
	is_number((int64_t)paging_age(&s->paging, s->generation), 2, "which are a generation older each");
	s->items[20]->plan.passes = 1;
	is_number(make(s, 102), 1, "so does a pass that has ended");
	s->items[20]->plan.passes = 70000;
	make(s, 102);
	s->items[20]->plan.passes = 70001;
	is_number(make(s, 102), 0, "but none that is not told of any more");
	uint16_t place = s->items[30]->place;
	take_away(s, 30);
	is_number(make(s, 103), 1, "one that goes changes one page");
	for (int i = 0; i < 8; i++)
		add(s);
	ok(make(s, 103) == 2 && s->items[0]->place == place && s->paging.page_count == 3, "its place is taken when no other is left");
	is_number(make(s, 102), 3, "when the clock is set back all pages are made anew");
	is_number(make(s, 102), 0, "once");
	free_shelf(s);
}

static void empty_pages_go(void)
{
	struct shelf *s = shelf_of(48);
	make(s, 100);
	while (s->count > 32)
		take_away(s, 0);
	is_number(make(s, 100), 1, "when the last page is empty, one is made that says so");
	is_number(s->paging.page_count, 2, "that there is one less");
	while (s->count > 0)
		take_away(s, 0);
	ok(make(s, 100) > 0 && s->paging.page_count == 1, "the first stays");
	free_shelf(s);

	s = shelf_of(MANY);
	is_number(make(s, 100), ORDERS_CONTROL_MAX, "a full spool takes all the pages");
	ok(all_have_their_place(s), "and each bundle has its place");
	take_away(s, 5000);
	add(s);
	ok(make(s, 100) == 1 && all_have_their_place(s), "one that goes and one that comes are one page");
	for (size_t i = s->count; i-- > 0;)
		if (i % 100 != 0)
			take_away(s, i);
	is_number(make(s, 100), 7, "when hardly anything is left of it, that is placed anew");
	ok(s->paging.page_count == 7 && all_have_their_place(s), "on as many pages as it needs");
	free_shelf(s);
}

/* As they were signed: what comes round is not made again. */
static struct page *signed_pages(const struct shelf *s, uint64_t now_s)
{
	static struct page pages[2 * ORDERS_CONTROL_MAX];
	for (uint32_t i = 0; i < s->paging.page_count; i++) {
		struct page *page = &pages[i];
		if (s->paging.made[i] != s->generation || (page->generation == s->generation && page->time == now_s))
			continue;
		pages[ORDERS_CONTROL_MAX + i] = *page;
		*page = (struct page){.epoch = s->epoch, .generation = s->generation, .time = now_s, .page = i,
				      .pages = s->paging.page_count, .age = paging_age(&s->paging, s->generation)};
		for (size_t j = 0; j < PAGE_ENTRIES_MAX; j++) {
			const struct spool_item *item = s->paging.at[(size_t)i * PAGE_ENTRIES_MAX + j];
			if (item != NULL)
				page->entries[page->count++] = (struct entry){
					.route_id = ROUTE, .epoch = s->epoch, .number = item->release.number,
					.passes = paging_passes(item)};
		}
	}
	return pages;
}

/* All pages, or only those that are new, each lost with a probability of 1/loses; and now and then one as it was before. */
static void send(struct known *known, const struct shelf *s, uint64_t *random, uint64_t loses, bool only_new, uint64_t now_s)
{
	const struct page *pages = signed_pages(s, now_s);
	for (uint32_t i = 0; i < s->paging.page_count; i++) {
		const struct page *page = test_random(random) % 16 == 0 ? &pages[ORDERS_CONTROL_MAX + i] : &pages[i];
		if ((only_new && s->paging.made[i] != s->generation) || test_random(random) % loses == 0 || page->epoch == 0)
			continue;
		(void)known_page(known, page, (const uint8_t *)"page", 4, now_s, NULL, NULL);
	}
}

struct same {
	const struct shelf *shelf;
	size_t found;
};

static void look(void *context, struct known_bundle *bundle)
{
	struct same *same = context;
	for (size_t i = 0; i < same->shelf->count; i++) {
		const struct spool_item *item = same->shelf->items[i];
		if (item->release.number == bundle->id.number && paging_passes(item) == bundle->entry.passes)
			same->found++;
	}
}

/*
 * Whenever the receiver says of a generation that it is complete, it has exactly the bundles that were in it, however many
 * pages were lost on the way and however old those are that it has.
 */
static void a_lossy_life(uint64_t *random, uint64_t loses)
{
	const uint64_t base = loses * 1000000; /* of time: pages of another life, which come again, too, are older */
	struct shelf *s = shelf_of(10);
	struct known *known = known_new();
	s->epoch = loses;
	unsigned int complete = 0, wrong = 0, incomplete = 0;
	for (uint64_t step = 0; step < STEPS; step++) {
		for (uint64_t n = test_random(random) % 4; n > 0; n--) {
			uint64_t what = test_random(random) % (step / 1000 % 2 == 0 ? 3 : 4);
			if (what == 0 && s->count < FEW)
				add(s);
			else if (what == 1 && s->count > 0)
				s->items[test_random(random) % s->count]->plan.passes++;
			else if (what >= 2 && s->count > 0 && (s->count > 40 || step / 1000 % 2 == 1))
				take_away(s, test_random(random) % s->count);
			else
				add(s);
		}
		make(s, base + step);
		send(known, s, random, loses, true, base + step);
		if (test_random(random) % 8 == 0)
			send(known, s, random, loses, false, base + step);
		struct known_summary summary = known_summary(known);
		if (!summary.is_complete || summary.generation != s->generation) {
			incomplete++;
			continue;
		}
		struct same same = {.shelf = s};
		known_sweep(known, NULL, NULL);
		known_each(known, look, &same);
		complete++;
		wrong += same.found != s->count || known_summary(known).bundles != s->count || known_would_drop(known);
	}
	ok(wrong == 0 && complete > STEPS / 100 && incomplete > STEPS / 100,
	   "one page of %d lost: %u generations were complete, %u not, and none was taken for what it is not (%u)", (int)loses,
	   complete, incomplete, wrong);
	known_free(known);
	free_shelf(s);
}

int main(void)
{
	uint64_t random = test_seed();
	nothing_changes_but_what_has_to();
	empty_pages_go();
	a_lossy_life(&random, 2);
	a_lossy_life(&random, 4);
	a_lossy_life(&random, 20);
	return done_testing();
}
