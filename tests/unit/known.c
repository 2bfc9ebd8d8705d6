#include "receiver/known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

struct tally {
	unsigned int count;
	uint64_t last;
};

static void visit(void *context, struct known_bundle *bundle)
{
	struct tally *tally = context;
	tally->count++;
	tally->last = bundle->id.number;
}

/* A page that names the bundles first … first + count - 1. */
static int give(struct known *known, uint64_t epoch, uint64_t generation, uint32_t page,
		uint32_t pages, uint64_t first, uint16_t count, uint64_t time, struct tally *tally)
{
	struct page p = {.count = count, .epoch = epoch, .generation = generation, .time = time,
			 .page = page, .pages = pages};
	for (unsigned int i = 0; i < count; i++)
		p.entries[i] = (struct entry){.route_id = 3, .epoch = epoch, .number = first + i};
	uint8_t message[4] = {(uint8_t)epoch, (uint8_t)generation, (uint8_t)page, 0};
	return known_page(known, &p, message, sizeof(message), 1000, visit, tally);
}

static int beat(struct known *known, uint64_t epoch, uint64_t number, uint64_t time,
		uint64_t generation)
{
	struct heartbeat h = {.epoch = epoch, .beat = number, .time = time, .generation = generation,
			      .pages = 3, .registry_version = 8, .sent = 77};
	return known_heartbeat(known, &h, 2000 + number);
}

/* Seconds of known_page are 1000, those of a heartbeat 2000 and its number. */
static void test_passes(void)
{
	struct known *known = known_new();
	struct page p = {.count = 1, .epoch = 1, .generation = 1, .time = 100, .page = 0, .pages = 1};
	const struct bundle_id id = {1, 7, 3};
	uint8_t message[4] = {1};
	p.entries[0] = (struct entry){.route_id = 3, .epoch = 1, .number = 7};
	known_page(known, &p, message, sizeof(message), 1000, NULL, NULL);
	is_number((int64_t)known_find(known, &id)->passed_s, 0, "a bundle has had no pass at first");
	for (uint16_t passes = 1; passes < 3; passes++) {
		p.generation++;
		p.entries[0].passes = passes;
		known_page(known, &p, message, sizeof(message), (uint64_t)1000 + passes * 10U, NULL, NULL);
	}
	is_number((int64_t)known_find(known, &id)->passed_s, 1010, "the first that has ended is noted, and when");
	p.generation++;
	p.entries[0].number = 8;
	known_page(known, &p, message, sizeof(message), 1050, NULL, NULL);
	is_number((int64_t)known_find(known, &(struct bundle_id){1, 8, 3})->passed_s, 1050,
		  "also for one that is named only then");
	known_free(known);
}

static void hear(struct known *known, uint64_t number, uint64_t waiting, uint64_t now_s)
{
	struct heartbeat h = {.epoch = 1, .beat = number, .time = number, .waiting = waiting, .heal_rate = 11,
			      .heal_round = 12};
	known_heartbeat(known, &h, now_s);
}

static void test_link(void)
{
	struct known *known = known_new();
	hear(known, 1, 500, 1000);
	hear(known, 2, 0, 1001);
	struct missing_link link = known_summary(known).link;
	ok(link.heartbeat_s == 1001 && link.heard_since_s == 1000, "a sender is heard since its first heartbeat");
	is_number((int64_t)link.sent_s, 2, "and what its clock said then");
	ok(link.waiting == 0 && link.busy_s == 1000, "and when it last had something waiting");
	ok(link.heal_rate == 11 && link.heal_round == 12, "and how fast it heals is taken over");
	hear(known, 3, 0, 1006);
	is_number((int64_t)known_summary(known).link.heard_since_s, 1000, "a few lost heartbeats are no silence");
	hear(known, 4, 0, 1012);
	is_number((int64_t)known_summary(known).link.heard_since_s, 1012, "more of them are");
	known_free(known);
}

static bool names(const struct known *known, uint64_t epoch, uint64_t number)
{
	return known_find(known, &(struct bundle_id){epoch, number, 3}) != NULL;
}

static void test_generations(void)
{
	struct known *known = known_new();
	struct tally named = {0}, dropped = {0};
	ok(!names(known, 1, 1), "at first nothing is known");
	is_number(give(known, 1, 5, 0, 2, 1, 16, 100, &named), 0, "a page is news");
	is_number(named.count, 16, "each bundle on it is named once");
	ok(names(known, 1, 1) && names(known, 1, 16) && !names(known, 1, 17) && !names(known, 2, 1),
	   "those and no others are known");
	is_number(give(known, 1, 5, 0, 2, 1, 16, 100, &named), -EALREADY, "again it is not");
	ok(!known_sweep(known, visit, &dropped), "while a page lacks nothing is given up");
	is_number(give(known, 1, 5, 1, 3, 17, 5, 100, &named), VERDICT_BAD_LIMIT,
		  "a page that counts other pages is refused");
	is_number(give(known, 1, 5, 1, 2, 17, 5, 100, &named), 0, "the last page comes");
	ok(known_sweep(known, visit, &dropped) && dropped.count == 0, "all of it is named: nothing to drop");
	ok(!known_sweep(known, visit, &dropped), "that is found out once");
	is_number(give(known, 1, 4, 0, 1, 90, 1, 100, &named), VERDICT_BAD_ORDER,
		  "an older generation is refused");

	named.count = 0;
	is_number(give(known, 1, 6, 0, 2, 2, 16, 101, &named), 0, "a newer generation begins");
	is_number(named.count, 0, "what was known is not named again");
	ok(names(known, 1, 1), "what only the one before names stays while pages lack");
	is_number(give(known, 1, 6, 1, 2, 18, 5, 101, &named), 0, "it becomes complete");
	ok(known_sweep(known, visit, &dropped) && dropped.count == 1 && dropped.last == 1,
	   "then that is dropped");
	ok(!names(known, 1, 1) && names(known, 1, 22), "and no longer known");
	is_number((int64_t)known_summary(known).bundles, 21, "the rest is");
	known_free(known);
}

static void test_abandoned_generation(void)
{
	struct known *known = known_new();
	struct tally named = {0}, dropped = {0};
	give(known, 1, 1, 0, 1, 1, 2, 100, &named);
	known_sweep(known, visit, &dropped);
	give(known, 1, 2, 0, 2, 50, 2, 100, &named);
	give(known, 1, 3, 0, 2, 60, 2, 100, &named);
	ok(names(known, 1, 1) && names(known, 1, 50) && names(known, 1, 60),
	   "a generation that never became complete drops nothing");
	give(known, 1, 3, 1, 2, 1, 1, 100, &named);
	known_sweep(known, visit, &dropped);
	ok(names(known, 1, 1) && !names(known, 1, 2) && !names(known, 1, 50) && names(known, 1, 60),
	   "the next complete one says what there is");
	known_free(known);
}

/* The n-th page of a row has the bundles from 100 · n on; age: as in struct page. */
static int change(struct known *known, uint64_t generation, uint32_t page, uint32_t pages, uint64_t age, uint16_t count,
		  uint64_t time, struct tally *tally)
{
	struct page p = {.count = count, .epoch = 1, .generation = generation, .time = time, .page = page, .pages = pages,
			 .age = age};
	for (unsigned int i = 0; i < count; i++)
		p.entries[i] = (struct entry){.route_id = 3, .epoch = 1, .number = 100 * (page + 1) + i};
	uint8_t message[4] = {1, (uint8_t)generation, (uint8_t)page, 0};
	return known_page(known, &p, message, sizeof(message), 1000, visit, tally);
}

static void test_pages_that_stay(void)
{
	struct known *known = known_new();
	struct tally named = {0}, dropped = {0};
	for (uint32_t page = 0; page < 3; page++)
		change(known, 5, page, 3, 0, 2, 100, &named);
	ok(known_sweep(known, visit, &dropped) && dropped.count == 0, "a generation of three pages is complete");
	is_number(change(known, 7, 1, 3, 4, 3, 102, &named), 0, "one of them is made anew, two generations later");
	ok(known_summary(known).is_complete && known_summary(known).generation == 7 && names(known, 1, 202),
	   "with the others, which are of the fifth, that is complete");
	is_number(change(known, 8, 2, 3, 4, 1, 103, &named), 0, "then a third, from which a bundle has gone");
	ok(known_would_drop(known) && known_sweep(known, visit, &dropped) && dropped.count == 1 && dropped.last == 301,
	   "which is dropped, and nothing else");
	is_number(change(known, 7, 1, 3, 4, 3, 102, &named), -EALREADY, "a page that stays comes round: no news");
	is_number(change(known, 5, 1, 3, 0, 2, 100, &named), VERDICT_BAD_ORDER, "as it was before it is refused");
	is_number(change(known, 8, 0, 3, 3, 2, 103, &named), VERDICT_BAD_LIMIT,
		  "one of the newest generation that says another age is a contradiction");
	known_free(known);
}

static void test_a_page_is_lost(void)
{
	struct known *known = known_new();
	struct tally named = {0}, dropped = {0};
	for (uint32_t page = 0; page < 3; page++)
		change(known, 5, page, 3, 0, 2, 100, &named);
	known_sweep(known, visit, &dropped);
	/* of the sixth, the page from which 201 has gone and 202 has come is lost */
	is_number(change(known, 7, 2, 3, 3, 1, 102, &named), 0, "a page comes, another that is older has been lost");
	struct known_summary s = known_summary(known);
	ok(!s.is_complete && s.pages_held == 2 && !known_sweep(known, visit, &dropped) && names(known, 1, 301),
	   "though there is an older one of each, that is not complete, and nothing is given up");
	uint8_t *bytes = NULL;
	size_t len = 0;
	is_number(known_catalogue(known, &bytes, &len), -ENODATA, "nor stored");
	is_number(change(known, 6, 1, 3, 2, 1, 101, &named), 0, "it comes when it is its turn again");
	ok(known_summary(known).is_complete && known_sweep(known, visit, &dropped) && dropped.count == 2 &&
	   !names(known, 1, 301) && !names(known, 1, 201), "now it is, and what has gone is dropped");
	is_number(change(known, 9, 0, 2, 3, 2, 104, &named), 0, "the last page is spared");
	ok(known_summary(known).is_complete && known_sweep(known, visit, &dropped) && !names(known, 1, 300),
	   "and what stood on it is dropped");
	is_number(change(known, 7, 2, 3, 3, 1, 102, &named), VERDICT_BAD_ORDER, "that page is refused");
	known_free(known);

	known = known_new();
	is_number(change(known, 7, 1, 2, 2, 2, 102, &named), 0, "of a catalogue that is new to a box");
	is_number(change(known, 6, 0, 2, 1, 2, 103, &named), VERDICT_BAD_ORDER, "an older page of a later time is refused");
	ok(!known_summary(known).went_back, "and left to the heartbeat to judge");
	is_number(change(known, 5, 0, 2, 0, 2, 102, &named), 0, "one that is as old as it says is taken");
	ok(known_summary(known).is_complete, "and with it all is there");
	known_free(known);
}

/* Bundle 7 changes from page 0 to page 1. */
static int both(struct known *known, uint64_t generation, uint32_t page, uint64_t age, bool has_it)
{
	struct page p = {.count = has_it, .epoch = 1, .generation = generation, .time = 100 + generation, .page = page,
			 .pages = 2, .age = age, .entries = {{.route_id = 3, .epoch = 1, .number = 7, .passes = (uint16_t)generation}}};
	uint8_t message[4] = {1};
	return known_page(known, &p, message, sizeof(message), 1000, NULL, NULL);
}

static void test_a_bundle_changes_pages(void)
{
	for (int order = 0; order < 2; order++) {
		struct known *known = known_new();
		struct tally dropped = {0};
		both(known, 1, 0, 0, true);
		both(known, 1, 1, 0, false);
		known_sweep(known, visit, &dropped);
		both(known, 2, order == 0 ? 0 : 1, 0, order != 0);
		ok(names(known, 1, 7) && !known_sweep(known, visit, &dropped), "a bundle that changes pages has its name between");
		both(known, 2, order == 0 ? 1 : 0, 0, order == 0);
		ok(known_sweep(known, visit, &dropped) && dropped.count == 0 && names(known, 1, 7) && !known_would_drop(known),
		   "and behind it, whichever came first");
		both(known, 3, 1, 1, false);
		ok(known_sweep(known, visit, &dropped) && dropped.count == 1 && !names(known, 1, 7), "and none when it goes");
		known_free(known);
	}
	struct known *known = known_new();
	both(known, 9, 1, 7, true);
	is_number(both(known, 1, 0, 0, true), 0, "an old page comes late that named it, too");
	is_number(known_find(known, &(struct bundle_id){1, 7, 3})->entry.passes, 9, "what the newer one says of it counts");
	both(known, 2, 0, 0, false);
	ok(known_sweep(known, NULL, NULL) && names(known, 1, 7), "and it stands on that, whatever comes instead of the old one");
	known_free(known);
}

static void test_epochs(void)
{
	struct known *known = known_new();
	struct tally named = {0}, dropped = {0};
	give(known, 9, 50, 0, 1, 1, 3, 100, &named);
	is_number(give(known, 8, 60, 0, 1, 1, 3, 100, &named), VERDICT_BAD_ORDER,
		  "another epoch that is not newer is a replay");
	is_number(beat(known, 8, 1, 99, 1), VERDICT_BAD_ORDER, "its heartbeat as well");
	is_number(beat(known, 9, 4, 150, 50), 0, "a heartbeat of this epoch counts");
	is_number(give(known, 8, 1, 0, 1, 7, 1, 149, &named), VERDICT_BAD_ORDER,
		  "heartbeats make time go on, too");
	is_number(give(known, 8, 1, 0, 2, 7, 1, 151, &named), 0, "a newer epoch begins anew");
	ok(names(known, 9, 1) && names(known, 8, 7), "both are known while pages lack");
	is_number(give(known, 9, 51, 0, 1, 1, 3, 152, &named), VERDICT_BAD_ORDER,
		  "one that has ended is not heard again, however new");
	ok(known_summary(known).epoch_returned == 9 && known_summary(known).epoch == 8,
	   "but that is noted: the sender was put back");
	is_number(give(known, 8, 1, 1, 2, 8, 1, 151, &named), 0, "the newer epoch goes on");
	known_sweep(known, visit, &dropped);
	ok(!names(known, 9, 1) && names(known, 8, 7), "and of the other nothing stays");
	known_free(known);
}

/* A clock that had run ahead, and a restore after it was put right: nobody waits until time has caught up. */
static void test_successor(void)
{
	struct known *known = known_new();
	struct tally named = {0};
	struct heartbeat h = {.epoch = 9, .beat = 1, .time = 900000, .generation = 50, .pages = 1};
	is_number(known_heartbeat(known, &h, 1), 0, "a heartbeat from days ahead");
	give(known, 9, 50, 0, 1, 1, 3, 900000, &named);
	h = (struct heartbeat){.epoch = 8, .beat = 1, .time = 100, .generation = 40, .pages = 1};
	is_number(known_heartbeat(known, &h, 2), VERDICT_BAD_ORDER, "an older one of another epoch is a replay");
	h.epoch_before = 7;
	is_number(known_heartbeat(known, &h, 2), VERDICT_BAD_ORDER, "also when it follows one that is not the known one");
	h.epoch_before = 9;
	is_number(known_heartbeat(known, &h, 2), 0, "one that says it follows the known epoch is heard");
	is_number(give(known, 8, 40, 0, 1, 1, 3, 100, &named), 0, "and its pages");
	is_number(give(known, 9, 51, 0, 1, 1, 3, 900001, &named), VERDICT_BAD_ORDER,
		  "what is recorded of the epoch before is not heard again, whatever its time");
	h = (struct heartbeat){.epoch = 9, .beat = 2, .time = 900001, .generation = 51, .pages = 1, .epoch_before = 8};
	is_number(known_heartbeat(known, &h, 3), VERDICT_BAD_ORDER, "its heartbeats neither");
	ok(known_summary(known).epoch == 8, "the new epoch stays");
	known_free(known);
}

static void test_heartbeats(void)
{
	struct known *known = known_new();
	struct tally named = {0};
	is_number(beat(known, 1, 10, 100, 5), 0, "a first heartbeat counts");
	struct known_summary s = known_summary(known);
	ok(s.epoch == 1 && s.generation == 5 && s.pages == 3 && s.pages_held == 0 && !s.is_complete &&
	   s.last_heartbeat_s == 2010 && s.sender_registry_version == 8 && s.sender_datagrams == 77,
	   "it tells what there should be");
	is_number(beat(known, 1, 10, 101, 5), -EALREADY, "the same beat is no news");
	is_number(beat(known, 1, 9, 99, 5), VERDICT_BAD_ORDER, "an older beat is refused");
	is_number(beat(known, 1, 9, 100, 5), VERDICT_BAD_ORDER, "also one of the same second");
	is_number(beat(known, 1, 11, 100, 4), VERDICT_BAD_ORDER, "an older generation is refused");
	ok(known_summary(known).last_heartbeat_s == 2010, "none of these is a sign of life");
	ok(!known_summary(known).went_back, "nor does one that is not newer show that the sender went back");
	give(known, 1, 5, 0, 1, 1, 1, 100, &named);
	s = known_summary(known);
	ok(s.is_complete && s.pages == 1 && s.pages_held == 1, "with its pages the catalogue is complete");
	beat(known, 1, 12, 102, 6);
	s = known_summary(known);
	ok(!s.is_complete && s.generation == 6 && s.pages_held == 0,
	   "a heartbeat that names a newer generation makes it incomplete");
	known_free(known);
}

static void test_catalogue(void)
{
	struct known *known = known_new();
	struct tally named = {0};
	uint8_t *bytes = NULL;
	size_t len = 0;
	is_number(known_catalogue(known, &bytes, &len), -ENODATA, "no pages, no catalogue");
	give(known, 1, 2, 1, 2, 1, 1, 1, &named);
	is_number(known_catalogue(known, &bytes, &len), -ENODATA, "some pages, no catalogue");
	give(known, 1, 2, 0, 2, 2, 1, 1, &named);
	is_number(known_catalogue(known, &bytes, &len), 0, "all pages make it");
	static const uint8_t wanted[] = {4, 0, 1, 2, 0, 0, 4, 0, 1, 2, 1, 0};
	ok(len == sizeof(wanted) && memcmp(bytes, wanted, len) == 0,
	   "it is the messages in order, each after its length");
	free(bytes);
	known_free(known);
}

static void test_many(void)
{
	struct known *known = known_new();
	struct tally named = {0}, dropped = {0}, all = {0};
	for (uint32_t page = 0; page < PAGES_MAX; page++)
		give(known, 1, 1, page, PAGES_MAX, 1 + page * 16, 16, 1, &named);
	is_number(named.count, 80000, "a full catalogue of 80,000 bundles is taken");
	known_sweep(known, visit, &dropped);
	known_each(known, visit, &all);
	is_number(all.count, 80000, "all of them are visited");
	give(known, 1, 2, 0, 1, 55, 1, 1, &named);
	known_sweep(known, visit, &dropped);
	is_number(dropped.count, 79999, "and dropped when a generation names one alone");
	ok(names(known, 1, 55), "which stays");
	known_free(known);
	known_free(NULL);
}

static void is_next(void *context, struct known_bundle *bundle)
{
	struct tally *tally = context;
	tally->count += bundle->id.number > tally->last;
	tally->last = bundle->id.number;
}

static void test_order(void)
{
	struct known *known = known_new();
	struct tally named = {0}, all = {0};
	give(known, 1, 1, 0, 1, 1, 3, 1, &named);
	known_sweep(known, NULL, NULL);
	give(known, 1, 2, 0, 1, 2, 1, 1, &named);
	known_sweep(known, NULL, NULL);
	give(known, 1, 3, 0, 2, 2, 1, 1, &named);
	give(known, 1, 3, 1, 2, 4, 2, 1, &named);
	known_sweep(known, NULL, NULL);
	known_each(known, is_next, &all);
	ok(all.count == 3 && all.last == 5, "what has stayed, when first and last were dropped, and what came then is visited as named");
	give(known, 1, 4, 0, 1, 90, 0, 1, &named);
	known_sweep(known, NULL, NULL);
	give(known, 1, 5, 0, 1, 91, 1, 1, &named);
	all = (struct tally){0};
	known_each(known, is_next, &all);
	ok(all.count == 1 && all.last == 91, "also when all was dropped before");
	known_free(known);
}

static int heads(struct known *known, uint64_t epoch, uint64_t before, uint64_t generation, uint64_t time, uint64_t first,
		 uint64_t newest, known_overlap *overlap, void *context)
{
	struct heads h = {.count = 1, .epoch = epoch, .epoch_before = before, .generation = generation, .time = time,
			  .pages = 1, .head = {{3, first, newest}}};
	return known_heads(known, &h, overlap, context);
}

static struct known *again(struct known *known, bool with_pages)
{
	struct known *next = known_new();
	struct tally named = {0};
	uint8_t *bytes = NULL;
	size_t len = 0;
	if (known_heard(known, &bytes, &len) != 0)
		abort();
	if (with_pages)
		give(next, 1, 5, 0, 1, 1, 3, 100, &named);
	if (known_resume(next, bytes, len) != 0)
		abort();
	free(bytes);
	known_free(known);
	return next;
}

static void the_sender_goes_back(void)
{
	static const char *const words[] = {"a beat", "a generation", "a head"};
	for (int way = 0; way < 3; way++) {
		struct known *known = known_new();
		struct tally named = {0}, dropped = {0};
		give(known, 1, 5, 0, 1, 1, 3, 100, &named);
		beat(known, 1, 10, 101, 5);
		heads(known, 1, 0, 5, 101, 1, 3, NULL, NULL);
		known = again(known, true);
		int result = way == 0   ? beat(known, 1, 9, 102, 5)
			     : way == 1 ? beat(known, 1, 11, 102, 4)
					: heads(known, 1, 0, 6, 102, 1, 2, NULL, NULL);
		is_number(result, VERDICT_BAD_ORDER, "%s that is lower and newer is refused", words[way]);
		ok(known_summary(known).went_back, "and shows that the sender was put back, also after a restart");
		is_number(give(known, 1, 7, 0, 1, 50, 3, 110, &named), VERDICT_BAD_ORDER, "its catalogue is not believed");
		is_number(heads(known, 1, 0, 9, 111, 1, 9, NULL, NULL), VERDICT_BAD_ORDER, "nor its heads");
		is_number(beat(known, 1, 20, 112, 9), VERDICT_BAD_ORDER, "nor its heartbeat");
		ok(known_summary(known).last_heartbeat_s == 2020, "which is a sign of life");
		known = again(known, true);
		ok(known_summary(known).went_back && !known_sweep(known, visit, &dropped) && names(known, 1, 3),
		   "so it is after a restart, and nothing is given up");
		is_number(give(known, 2, 1, 0, 1, 8, 1, 120, &named), 0, "a new epoch is believed");
		ok(!known_summary(known).went_back && known_summary(known).epoch_ended == 1, "and ends the other");
		known_free(known);
	}
	struct known *known = known_new();
	struct page p = {.count = 1, .epoch = 1, .generation = 5, .time = 100, .pages = 1,
			 .entries = {{.route_id = 3, .epoch = 1, .number = 7}}};
	known_page(known, &p, p.box_key, 1, 1000, NULL, NULL);
	p.generation++;
	p.entries[0].root[0] = 1;
	is_number(known_page(known, &p, p.box_key, 1, 1000, NULL, NULL), VERDICT_BAD_ORDER,
		  "a number that stands for something else is refused");
	ok(known_summary(known).went_back, "and shows it, too");
	p.epoch = 2;
	p.time = 101;
	struct bundle_id clash;
	is_number(known_page(known, &p, p.box_key, 1, 1000, NULL, NULL), 0, "the next epoch names it again");
	ok(known_take_clash(known, &clash) && clash.number == 7 && clash.epoch == 1 && !known_take_clash(known, &clash),
	   "which is told of once");
	ok(known_find(known, &clash)->entry.root[0] == 0, "the name stands for what it stood for first");
	known_free(known);
}

static void note_overlap(void *context, const struct bundle_id *highest, uint64_t first)
{
	uint64_t *out = context;
	out[0]++;
	out[1] = highest->number;
	out[2] = first;
}

static int note_lost(void *context, const struct account_run *run)
{
	struct account_run *out = context;
	*out = *run;
	return 0;
}

static void an_epoch_is_continued(void)
{
	struct known *known = known_new();
	struct tally named = {0}, dropped = {0};
	struct account_run lost = {0};
	uint64_t overlap[3] = {0};
	give(known, 1, 5, 0, 1, 1, 3, 100, &named);
	beat(known, 1, 10, 101, 5);
	heads(known, 1, 0, 5, 101, 1, 3, NULL, NULL);
	known_settle(known, note_lost, &lost);
	is_number((int64_t)lost.last, 0, "all numbers are named");
	/* numbers 4 to 6 were given, and nothing of them came; the copy that was put back has 1 and 2 */
	is_number(heads(known, 2, 1, 20, 200, 7, 6, note_overlap, overlap), 0, "the next epoch says where it begins");
	struct known_summary s = known_summary(known);
	ok(s.has_before && s.epoch_before == 1 && s.epoch_ended == 1, "and which one it continues");
	known_settle(known, note_lost, &lost);
	is_number((int64_t)lost.last, 0, "nothing is lost before its catalogue is there");
	struct page p = {.count = 2, .epoch = 2, .generation = 20, .time = 200, .pages = 1,
			 .entries = {{.route_id = 3, .epoch = 1, .number = 1}, {.route_id = 3, .epoch = 1, .number = 2}}};
	is_number(known_page(known, &p, p.box_key, 1, 1000, visit, &named), 0, "which names the old ones under their old ids");
	known_settle(known, note_lost, &lost);
	ok(lost.epoch == 1 && lost.first == 4 && lost.last == 6, "then the numbers between are lost unseen");
	known_sweep(known, visit, &dropped);
	ok(dropped.count == 1 && dropped.last == 3, "and what was promised and is offered no more is given up");
	is_number((int64_t)overlap[0], 0, "its numbers begin above all that was heard of");
	known_free(known);

	known = known_new();
	give(known, 1, 5, 0, 1, 1, 3, 100, &named);
	heads(known, 1, 0, 5, 101, 1, 3, NULL, NULL);
	heads(known, 2, 1, 20, 200, 3, 2, note_overlap, overlap);
	heads(known, 2, 1, 21, 201, 3, 3, note_overlap, overlap);
	ok(overlap[0] == 1 && overlap[1] == 3 && overlap[2] == 3, "numbers that begin too low are told of once");
	known_free(known);
}

/* What was sent before the sender's clock was set back may come behind what was sent after. */
static void a_clock_that_was_set_back(void)
{
	struct known *known = known_new();
	struct tally named = {0};
	give(known, 1, 5, 0, 1, 1, 3, 1000, &named);
	is_number(beat(known, 1, 10, 1001, 5), 0, "a heartbeat comes");
	heads(known, 1, 0, 5, 1001, 1, 3, NULL, NULL);
	is_number(beat(known, 1, 13, 500, 5), 0, "the sender's clock is set back");
	heads(known, 1, 0, 6, 501, 1, 5, NULL, NULL);
	is_number(beat(known, 1, 12, 1003, 5), VERDICT_BAD_ORDER, "a heartbeat of before is late");
	is_number(beat(known, 1, 14, 502, 5), 0, "and those behind it are heard");
	is_number(heads(known, 1, 0, 5, 1003, 1, 4, NULL, NULL), 0, "late heads say nothing new");
	ok(!known_summary(known).went_back, "both prove nothing");
	is_number(beat(known, 1, 11, 1003 + 301, 5), VERDICT_BAD_ORDER, "one that is more than five minutes newer than all is not late");
	ok(known_summary(known).went_back, "and shows that the sender was put back");
	known_free(known);

	known = known_new();
	give(known, 1, 5, 0, 1, 1, 3, 1000, &named);
	beat(known, 1, 10, 1001, 5);
	give(known, 1, 7, 0, 1, 1, 4, 500, &named);
	is_number(beat(known, 1, 11, 1002, 6), 0, "when a page comes first, a heartbeat of before is late and not old");
	is_number(heads(known, 1, 0, 6, 1003, 1, 3, NULL, NULL), 0, "and heads that know less");
	ok(!known_summary(known).went_back, "prove nothing either");
	known_free(known);
}

struct tell_lost {
	unsigned int count;
	bool is_before;
	char text[128];
};

/* "EPOCH:FIRST-LAST " for each run. */
static int tell_lost(void *context, const struct account_run *run)
{
	struct tell_lost *out = context;
	size_t at = strlen(out->text);
	out->count++;
	out->is_before |= run->is_before;
	snprintf(out->text + at, sizeof(out->text) - at, "%d:%d-%d ", (int)run->epoch, (int)run->first, (int)run->last);
	return 0;
}

/* Named by a page of a generation that never was complete, so not in the stored catalogue; then the power goes. */
static void a_name_before_a_power_cut(void)
{
	struct known *known = known_new();
	struct tally named = {0};
	struct tell_lost lost = {0};
	give(known, 1, 5, 0, 1, 1, 3, 100, &named);
	beat(known, 1, 10, 101, 5);
	heads(known, 1, 0, 5, 101, 1, 3, NULL, NULL);
	known_settle(known, tell_lost, &lost);
	give(known, 1, 6, 0, 2, 4, 2, 102, &named);
	heads(known, 1, 0, 6, 102, 1, 5, NULL, NULL);
	known_settle(known, tell_lost, &lost);
	is_number(lost.count, 0, "while it is incomplete nothing is lost");
	known = again(known, true);
	ok(names(known, 1, 3) && !names(known, 1, 4), "behind the cut what it alone had named has no name");
	beat(known, 1, 11, 103, 7);
	give(known, 1, 7, 0, 1, 1, 3, 103, &named);
	heads(known, 1, 0, 7, 103, 1, 5, NULL, NULL);
	known_settle(known, tell_lost, &lost);
	is_text(lost.text, "1:4-5 ", "and when it is not offered any more, it is lost");
	known_free(known);
}

/* An epoch that began and ended while nothing was heard. */
static void an_epoch_goes_by_unheard(void)
{
	struct known *known = known_new();
	struct tally named = {0};
	struct tell_lost lost = {0};
	struct page p = {.count = 1, .epoch = 9, .generation = 20, .time = 200, .pages = 1,
			 .entries = {{.route_id = 3, .epoch = 8, .number = 7}}};
	give(known, 1, 5, 0, 1, 1, 3, 100, &named);
	heads(known, 1, 0, 5, 101, 1, 3, NULL, NULL);
	known_settle(known, tell_lost, &lost);
	is_number(heads(known, 9, 8, 20, 200, 9, 8, NULL, NULL), 0, "heads of a new epoch continue one that nobody has heard of");
	known_page(known, &p, p.box_key, 1, 1000, visit, &named);
	known_settle(known, tell_lost, &lost);
	is_text(lost.text, "8:4-6 8:8-8 ", "its numbers go from what was heard to where the new one begins: what has no name is lost");
	known_settle(known, tell_lost, &lost);
	is_number(lost.count, 2, "once");
	known_free(known);

	known = known_new();
	lost = (struct tell_lost){0};
	heads(known, 9, 8, 20, 200, 9, 8, NULL, NULL);
	known_page(known, &p, p.box_key, 1, 1000, visit, &named);
	known_settle(known, tell_lost, &lost);
	ok(lost.is_before, "a box that hears of the sender for the first time says that this was before");
	is_text(lost.text, "8:1-6 8:8-8 ", "and what");
	known_free(known);
}

static void heard_is_a_file(void)
{
	struct known *known = known_new(), *other;
	struct tally named = {0};
	uint8_t *bytes = NULL;
	size_t len = 0;
	is_number(known_heard(known, &bytes, &len), -ENODATA, "before anything was heard there is none");
	give(known, 9, 5, 0, 1, 1, 3, 100, &named);
	give(known, 1, 5, 0, 1, 1, 3, 101, &named);
	beat(known, 1, 10, 102, 6);
	heads(known, 1, 0, 5, 101, 1, 3, NULL, NULL);
	is_number(known_heard(known, &bytes, &len), 0, "then it is made");
	bool refused = true;
	for (size_t bit = 0; bit < len * 8; bit++) {
		other = known_new();
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		refused &= known_resume(other, bytes, len) > 0;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		known_free(other);
	}
	ok(refused, "with any bit flipped it is refused");
	refused = true;
	for (size_t cut = 0; cut < len; cut++) {
		other = known_new();
		refused &= known_resume(other, bytes, cut) > 0;
		known_free(other);
	}
	ok(refused, "and cut at any length");
	other = known_new();
	is_number(known_resume(other, bytes, len), 0, "as it is it is taken");
	struct known_summary s = known_summary(other);
	ok(s.epoch == 1 && s.epoch_ended == 9 && s.beat == 10 && s.generation == 6 && !s.is_complete && s.pages == 3 &&
		   s.last_heartbeat_s == 0,
	   "and says what was heard, and which catalogue lacks");
	is_number(beat(other, 1, 10, 102, 6), -EALREADY, "a beat that was heard before is no news");
	is_number(give(other, 9, 60, 0, 1, 1, 3, 99, &named), VERDICT_BAD_ORDER, "nor is an old epoch");
	ok(known_summary(other).epoch_returned == 0, "which is played again, and was not put back");
	known_free(other);
	/* the stored catalogue is of the epoch that has ended since */
	other = known_new();
	give(other, 9, 5, 0, 1, 1, 3, 100, &named);
	is_number(known_resume(other, bytes, len), 0, "a catalogue of an epoch that has ended");
	s = known_summary(other);
	ok(s.epoch == 1 && s.epoch_returned == 0 && !s.is_complete && names(other, 9, 1), "names bundles, and is none any more");
	known_free(other);
	free(bytes);
	known_free(known);
}

int main(void)
{
	test_passes();
	test_link();
	test_generations();
	test_abandoned_generation();
	test_pages_that_stay();
	test_a_page_is_lost();
	test_a_bundle_changes_pages();
	test_epochs();
	test_successor();
	test_heartbeats();
	test_catalogue();
	test_many();
	test_order();
	the_sender_goes_back();
	an_epoch_is_continued();
	a_clock_that_was_set_back();
	a_name_before_a_power_cut();
	an_epoch_goes_by_unheard();
	heard_is_a_file();
	return done_testing();
}
