#include "sender/schedule.h"

#include <string.h>

#include "tests/lib/tap.h"

enum { BATCH = 60000 };

/* Lets turns be taken until a slot has nothing left or so many turns are over; counts each one's. */
static void run(struct schedule *s, unsigned int turns, unsigned int counts[ORDERS_MAX])
{
	memset(counts, 0, ORDERS_MAX * sizeof(counts[0]));
	for (unsigned int i = 0; i < turns; i++) {
		int slot = schedule_next(s);
		if (slot < 0)
			return;
		counts[slot]++;
		uint64_t left = s->turns[slot].left;
		schedule_charge(s, (unsigned int)slot, left < BATCH ? left : BATCH);
		if (s->turns[slot].left == 0)
			schedule_remove(s, (unsigned int)slot);
	}
}

static void add_ready(struct schedule *s, unsigned int slot, uint8_t priority, uint64_t left)
{
	schedule_add(s, slot, priority, left);
	schedule_set_ready(s, slot, true);
}

static void nobody_and_one(void)
{
	struct schedule s = {0};
	is_number(schedule_next(&s), -1, "nobody's turn is when there is nobody");
	schedule_add(&s, 5, 4, 1000000);
	is_number(schedule_next(&s), -1, "nor when nobody is ready");
	schedule_set_ready(&s, 5, true);
	bool always = true;
	for (int i = 0; i < 1000; i++) {
		always &= schedule_next(&s) == 5;
		schedule_charge(&s, 5, BATCH);
	}
	ok(always, "one alone always has its turn");
	schedule_set_ready(&s, 5, false);
	is_number(schedule_next(&s), -1, "until it is not ready any more");
	schedule_set_ready(&s, 5, true);
	schedule_remove(&s, 5);
	is_number(schedule_next(&s), -1, "or gone");
}

static void equal_shares(void)
{
	struct schedule s = {0};
	unsigned int counts[ORDERS_MAX];
	for (unsigned int i = 0; i < 10; i++)
		add_ready(&s, i * 6, 4, UINT64_C(1) << (30 + i));
	run(&s, 100000, counts);
	bool equal = true;
	for (unsigned int i = 0; i < 10; i++)
		equal &= counts[i * 6] > 9900 && counts[i * 6] < 10100;
	ok(equal, "ten large bundles of one priority have equal shares, however large");
}

static void priorities_weigh(void)
{
	struct schedule s = {0};
	unsigned int counts[ORDERS_MAX];
	add_ready(&s, 0, 9, UINT64_C(1) << 40);
	add_ready(&s, 1, 1, UINT64_C(1) << 40);
	run(&s, 100000, counts);
	ok(counts[1] > 89000 && counts[1] < 91000 && counts[0] > 9000,
	   "priority 1 has nine times as much as priority 9, which does not starve");
	memset(&s, 0, sizeof(s));
	add_ready(&s, 0, 0, 1 << 30);
	add_ready(&s, 1, 200, 1 << 30);
	add_ready(&s, 2, 9, 1 << 30);
	run(&s, 3000, counts);
	ok(counts[0] > 900 && counts[1] > 900 && counts[2] > 900, "an impossible priority counts as 9");
}

static void newcomers_go_at_once(void)
{
	struct schedule s = {0};
	unsigned int counts[ORDERS_MAX];
	for (unsigned int i = 0; i < ORDERS_MAX - 1; i++)
		add_ready(&s, i, 4, UINT64_C(1) << 40);
	bool at_once = true;
	for (unsigned int before = 1; before < 500; before += 7) {
		run(&s, before, counts);
		add_ready(&s, ORDERS_MAX - 1, 4, 3 * BATCH);
		for (int i = 0; i < 3; i++) {
			at_once &= schedule_next(&s) == ORDERS_MAX - 1;
			schedule_charge(&s, ORDERS_MAX - 1, BATCH);
		}
		schedule_remove(&s, ORDERS_MAX - 1);
	}
	ok(at_once, "a small bundle has its turns as soon as it comes, beside 63 large ones");
	add_ready(&s, ORDERS_MAX - 1, 9, UINT64_C(1) << 50);
	run(&s, 64 * 7, counts);
	ok(counts[ORDERS_MAX - 1] > 0, "even the largest and least has one in the first round");
}

static void small_before_large(void)
{
	struct schedule s = {0};
	add_ready(&s, 3, 4, 1000000);
	add_ready(&s, 7, 4, 1000);
	add_ready(&s, 9, 4, 2000);
	add_ready(&s, 1, 2, UINT64_C(1) << 40);
	is_number(schedule_next(&s), 1, "the better priority goes first in a round");
	schedule_remove(&s, 1);
	is_number(schedule_next(&s), 7, "then what has the least left");
	schedule_remove(&s, 7);
	is_number(schedule_next(&s), 9, "then the next");
}

static void waiting_gathers_nothing(void)
{
	struct schedule s = {0};
	unsigned int counts[ORDERS_MAX];
	add_ready(&s, 0, 4, UINT64_C(1) << 40);
	add_ready(&s, 1, 4, UINT64_C(1) << 40);
	schedule_set_ready(&s, 1, false);
	run(&s, 10000, counts);
	schedule_set_ready(&s, 1, true);
	run(&s, 1000, counts);
	ok(counts[0] > 480 && counts[1] < 520,
	   "who was not ready for long has no more than its share afterwards");
	schedule_charge(&s, 0, UINT64_MAX / 4);
	ok(schedule_next(&s) == 1 && s.turns[0].left == 0, "nothing is left below nothing");
}

int main(void)
{
	nobody_and_one();
	equal_shares();
	priorities_weigh();
	newcomers_go_at_once();
	small_before_large();
	waiting_gathers_nothing();
	return done_testing();
}
