#include "sender/announce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/tap.h"

static const uint8_t box_seed[SUITE_KEY_BYTES] = {1};
static const uint64_t ms = 1000000;

static struct orders_page *orders_of(uint32_t pages, uint64_t generation)
{
	struct orders_page *orders = calloc(1, sizeof(*orders));
	orders->epoch = 5;
	orders->generation = generation;
	orders->page_count = pages;
	for (uint32_t i = 0; i < pages; i++) {
		orders->made[i] = generation;
		struct page page = {.count = 2, .epoch = 5, .generation = generation, .page = i,
				    .pages = pages};
		for (uint32_t j = 0; j < 2; j++)
			page.entries[j] = (struct entry){.route_id = 1, .epoch = 5, .number = 1 + 2 * i + j,
							 .geometry = {49152, 4096, 12, 4}};
		size_t len = 0;
		page_encode(orders->pages[i].bytes, &len, &page, box_seed);
		orders->pages[i].len = (uint16_t)len;
	}
	return orders;
}

static unsigned int misjudged; /* how often what was due did not go, or went and was not due */

/* The index of the page that goes at this time, -1 when none does. */
static int next(struct announcer *a, const struct orders_page *orders, uint64_t now_ms, bool flows)
{
	bool is_due = announce_is_due(a, orders, now_ms * ms);
	const struct control_message *message = announce_next(a, orders, now_ms * ms, flows);
	misjudged += is_due != (message != NULL);
	if (message == NULL)
		return -1;
	if (message >= orders->heads && message < orders->heads + ORDERS_HEADS_MAX)
		return -10 - (int)(message - orders->heads);
	return message == &orders->heartbeat ? -2 : (int)(message - orders->pages);
}

static void heartbeats(void)
{
	struct orders_page *orders = orders_of(0, 1);
	struct announcer a = {0};
	announce_update(&a, orders);
	is_number(next(&a, orders, 0, false), -1, "nothing goes before there is something");
	orders->beat = 1;
	orders->heartbeat.len = HEARTBEAT_BYTES;
	is_number(next(&a, orders, 0, false), -2, "a heartbeat goes as soon as it is there");
	is_number(next(&a, orders, 5000, false), -1, "and once");
	orders->beat = 2;
	is_number(next(&a, orders, 5000, true), -2, "the next goes too");
	orders->epoch = 6;
	announce_update(&a, orders);
	is_number(next(&a, orders, 5000, true), -2, "and the same beat in another epoch");
	free(orders);
}

static void heads(void)
{
	struct orders_page *orders = orders_of(0, 1);
	struct announcer a = {0};
	announce_update(&a, orders);
	is_number(next(&a, orders, 0, false), -1, "no heads, nothing goes");
	orders->heads_count = 2;
	orders->heads_made = 7;
	int went[2] = {0, 0}, other = 0;
	for (int i = 0; i < 8; i++) {
		int index = -10 - next(&a, orders, 100, false);
		if (index == 0 || index == 1)
			went[index]++;
		else
			other++;
	}
	ok(went[0] == 4 && went[1] == 4 && other == 0, "new heads go four times, all of them");
	is_number(next(&a, orders, 101, false), -1, "then they wait");
	is_number(next(&a, orders, 5099, false), -1, "for five seconds");
	int first = next(&a, orders, 5100, false), second = next(&a, orders, 5100, false);
	ok(first + second == -21 && next(&a, orders, 5101, false) == -1, "and go once each");
	orders->heads_made = 8;
	ok(next(&a, orders, 5102, false) <= -10, "when they change they go at once");
	free(orders);
}

static void change(struct announcer *a, struct orders_page *orders, uint32_t page)
{
	orders->made[page] = ++orders->generation;
	announce_update(a, orders);
}

static void pages_in_turn(void)
{
	struct orders_page *orders = orders_of(3, 7);
	struct announcer a = {0};
	announce_update(&a, orders);
	is_number(next(&a, orders, 1000, false), 0, "a catalogue begins with its first page");
	is_number(next(&a, orders, 1099, false), -1, "the next waits 100 ms");
	is_number(next(&a, orders, 1100, false), 1, "and then goes");
	is_number((int64_t)a.generation_sent, 0, "the generation is not through before its last page");
	is_number(next(&a, orders, 1200, true), 2, "so does the last");
	is_number((int64_t)a.generation_sent, 7, "then it is");
	is_number(next(&a, orders, 1200, true), 0, "while data flow the page with the newest bundle goes along");
	is_number(next(&a, orders, 1200, true), -1, "once each time");
	is_number(next(&a, orders, 1300, true), 0, "in its own turn it does not go twice");
	is_number(next(&a, orders, 1300, true), -1, "but waits like the others");
	announce_update(&a, orders);
	is_number(next(&a, orders, 1350, true), -1, "the same generation read again changes nothing");
	orders->newest_page = 2;
	change(&a, orders, 2);
	is_number(next(&a, orders, 1351, true), -1, "nor does a newer one change whose turn it is");
	is_number((int64_t)a.generation_sent, 7, "it is not through yet");
	is_number(next(&a, orders, 1400, true), 2, "but what has changed goes before that");
	is_number((int64_t)a.generation_sent, 8, "and with it alone it is through");
	is_number(next(&a, orders, 1500, true), 1, "then it is the turn of who waited");
	is_number(next(&a, orders, 1500, true), 2, "and now the other page goes along");
	orders->newest_page = 3;
	is_number(next(&a, orders, 1600, true), 2, "its turn comes");
	is_number(next(&a, orders, 1600, true), 0, "and a page that is not there is not the newest");
	free(orders);
}

static void changes_that_go_on(void)
{
	struct orders_page *orders = orders_of(3, 7);
	struct announcer a = {0};
	int went[3] = {0, 0, 0};
	announce_update(&a, orders);
	for (uint64_t at_ms = 1000; at_ms < 3000; at_ms += 100) {
		int page = next(&a, orders, at_ms, false);
		went[page < 0 ? 0 : page]++;
		change(&a, orders, 1);
	}
	ok(went[0] >= 3 && went[2] >= 3, "a page that changes all the time keeps the others from no turn: %d, %d, %d", went[0],
	   went[1], went[2]);
	orders->page_count = 1;
	announce_update(&a, orders);
	is_number(next(&a, orders, 4000, false), 0, "nor does one that is gone");
	orders->page_count = 3;
	announce_update(&a, orders);
	is_number((int64_t)a.sent_count, 1, "which has to go again when it is there again");
	free(orders);
}

static void many_pages(void)
{
	struct orders_page *orders = orders_of(100, 7);
	struct announcer a = {0};
	unsigned int firsts = 0;
	announce_update(&a, orders);
	uint64_t at_ms = 1000;
	while (a.generation_sent == 0 && at_ms < 10000) {
		firsts += next(&a, orders, at_ms, true) == 0;
		at_ms++;
	}
	ok(at_ms - 1000 <= 2100, "a hundred pages have gone after %llu ms", (unsigned long long)(at_ms - 1000));
	ok(firsts >= 15 && firsts <= 22, "and the first of them ten times a second: %u times", firsts);
	free(orders);
}

static void repeats(void)
{
	struct orders_page *orders = orders_of(3, 7);
	struct announcer a = {0};
	announce_update(&a, orders);
	bool at_once = true;
	for (unsigned int i = 0; i < ANNOUNCE_REPEATS; i++) {
		at_once &= announce_page(&a, 2, false) == i;
		at_once &= next(&a, orders, 1, true) == 2;
	}
	ok(at_once, "a page that is asked for goes four times, at once, before the pages in turn, and is counted");
	is_number(announce_page(&a, 2, false), ANNOUNCE_REPEATS, "then it has");
	is_number(next(&a, orders, 1, true), 0, "and does not go again for another bundle on it");
	is_number(announce_page(&a, 3, true), 0, "a page that is not there never goes");
	ok(!announce_is_awaited(&a), "nor is it awaited");
	change(&a, orders, 1);
	is_number(announce_page(&a, 2, false), ANNOUNCE_REPEATS, "nor when another page changes");
	change(&a, orders, 2);
	is_number(announce_page(&a, 2, false), 0, "when it changes it has to go again");
	free(orders);
}

/* What work waits for goes before what only tells of something. */
static void awaited(void)
{
	struct orders_page *orders = orders_of(3, 7);
	struct announcer a = {0};
	announce_update(&a, orders);
	orders->beat = 1;
	orders->heartbeat.len = HEARTBEAT_BYTES;
	orders->heads_count = 1;
	orders->heads_made = 1;
	announce_page(&a, 1, false);
	ok(!announce_is_awaited(&a), "healing awaits nothing");
	announce_page(&a, 2, true);
	ok(announce_is_awaited(&a), "work awaits the page that names it");
	is_number(next(&a, orders, 1, true), 2, "that goes before heartbeat, heads and other pages");
	ok(!announce_is_awaited(&a) && announce_page(&a, 2, true) == 1 && !announce_is_awaited(&a), "once");
	is_number(next(&a, orders, 1, true), -2, "then the heartbeat");
	bool heads = true;
	for (int i = 0; i < ANNOUNCE_REPEATS; i++)
		heads &= next(&a, orders, 1, true) == -10;
	ok(heads, "then heads");
	int went[3] = {0, 0, 0};
	for (int i = 0; i < 2 * ANNOUNCE_REPEATS - 1; i++) {
		int page = next(&a, orders, 1, true);
		if (page >= 0)
			went[page]++;
	}
	ok(went[1] == 4 && went[2] == 3, "then the rest of its four times, and the pages of healing");
	announce_page(&a, 0, true);
	change(&a, orders, 1);
	ok(announce_is_awaited(&a), "it still is when another page changes");
	change(&a, orders, 0);
	ok(!announce_is_awaited(&a), "one that changes has to be asked for anew");
	free(orders);
}

static void finding(void)
{
	struct orders_page *orders = orders_of(4, 1);
	struct task order = {.id = {5, 6, 1}, .geometry = {49152, 4096, 12, 4}, .page = 2};
	is_number(announce_find(orders, &order), 2, "the page that names an order is found");
	order.page = 1;
	is_number(announce_find(orders, &order), -ENOENT, "an order that its page does not name is not");
	order.page = 4;
	is_number(announce_find(orders, &order), -ENOENT, "nor one whose page is not there");
	order.page = 2;
	order.id.route_id = 2;
	is_number(announce_find(orders, &order), -ENOENT, "nor is one of another route");
	order.id = (struct bundle_id){6, 6, 1};
	is_number(announce_find(orders, &order), -ENOENT, "nor is one of another epoch");
	order.id.epoch = 5;
	order.geometry.repair_rows = 5;
	is_number(announce_find(orders, &order), -EINVAL, "one with another geometry is told apart");
	order.geometry.repair_rows = 4;
	orders->pages[2].len--;
	is_number(announce_find(orders, &order), -ENOENT, "a page that does not decode names nothing");
	orders->page_count = 0;
	is_number(announce_find(orders, &order), -ENOENT, "nor do no pages");
	free(orders);
}

int main(void)
{
	ok(suite_start() == 0, "the suite starts");
	heartbeats();
	heads();
	pages_in_turn();
	changes_that_go_on();
	many_pages();
	repeats();
	awaited();
	finding();
	is_number(misjudged, 0, "all the time it was known beforehand whether a message was due");
	return done_testing();
}
