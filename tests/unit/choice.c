/* Which bundle goes next (choice.h), and what becomes of what is ordered (lineup.h). */
#include "sender/choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/openbundle.h"
#include "sender/lineup.h"
#include "sender/offer.h"
#include "tests/lib/tap.h"
#include "tests/unit/world.h"

enum { ITEMS = 100 };

struct shelf {
	struct spool_item items[ITEMS];
	struct spool_item *pointers[ITEMS];
	struct choice choice;
	struct lineup lineup;
};

static struct registry *registry;

/* All released, one second after the other, on a route of the usual urgency. */
static void fill(struct shelf *shelf, size_t count, uint64_t object_len)
{
	memset(shelf, 0, sizeof(*shelf));
	shelf->choice = (struct choice){
		.items = shelf->pointers,
		.count = count,
		.registry = registry,
		.terms = {.rate_bits_per_s = 1000000000, .mtu = 1500, .passes = 1},
		.now_ms = 1000000,
	};
	for (size_t i = 0; i < count; i++) {
		struct geometry g = geometry_choose(object_len, 125);
		struct spool_item *item = shelf->pointers[i] = &shelf->items[i];
		item->state = SPOOL_READY;
		item->object_len = object_len;
		item->release = (struct release){
			.route_id = 2, .epoch = 7, .number = i + 1, .released_at = 1000 + i,
			.row_len = g.row_len, .source_rows = g.source_rows, .repair_rows = g.repair_rows,
		};
		snprintf(item->release.statement.route, NAME_BYTES, "tax");
	}
}

static void set_route(struct spool_item *item, const char *name)
{
	snprintf(item->release.statement.route, NAME_BYTES, "%s", name);
}

static void test_priority(struct shelf *s)
{
	fill(s, 1, 49152);
	is_number(choice_priority(registry, &s->items[0]), 4, "the urgency is that of the route");
	set_route(&s->items[0], "gone");
	is_number(choice_priority(registry, &s->items[0]), 5, "5 for a route that the registry has not");
	set_route(&s->items[0], OPEN_ROUTE);
	is_number(choice_priority(registry, &s->items[0]), 1, "and 1 for a registry");
}

static void test_work(struct shelf *s)
{
	fill(s, 4, 49152);
	ok(choice_work(&s->choice, false) == &s->items[0], "the oldest goes first");
	s->items[0].release.released_at = s->items[1].release.released_at;
	ok(choice_work(&s->choice, false) == &s->items[0], "of two in the same second the smaller number");
	set_route(&s->items[0], "gone");
	ok(choice_work(&s->choice, false) == &s->items[1], "but a more urgent one before it");
	s->choice.terms.passes = 2;
	s->items[1].plan.passes = 1;
	ok(choice_work(&s->choice, false) == &s->items[2], "and one with fewer passes before that");
	ok(choice_work(&s->choice, true) == NULL, "a place for registries is for no other");
	set_route(&s->items[3], OPEN_ROUTE);
	s->items[3].plan.passes = 1;
	ok(choice_work(&s->choice, false) == &s->items[3], "a registry goes before all, in every pass");
	ok(choice_work(&s->choice, true) == &s->items[3], "also in its own place");
	s->items[3].is_ordered = true;
	ok(choice_work(&s->choice, true) == NULL, "not when it is ordered already");
	s->items[3].is_ordered = false;
	s->items[3].plan.passes = 2;
	ok(choice_work(&s->choice, true) == NULL, "nor when it has had its work");
	s->items[3].is_repeated = true;
	ok(choice_work(&s->choice, true) == &s->items[3], "unless it passes again and again");
	s->items[3].retry_at_ms = 1000001;
	ok(choice_work(&s->choice, true) == NULL, "and not before its time");
	for (size_t i = 0; i < 3; i++)
		s->items[i].state = i == 1 ? SPOOL_HELD : SPOOL_SENT;
	ok(choice_work(&s->choice, false) == NULL, "what is held or sent is no work");
}

static void test_late(struct shelf *s)
{
	fill(s, 2, 49152);
	s->choice.terms.survive_outage_ms = 500;
	s->items[0].plan = (struct plan){.passes = 1, .ended_ms = 999600};
	ok(choice_work(&s->choice, false) == &s->items[1], "late rows take no place before their time");
	s->items[1].is_ordered = true;
	ok(choice_work(&s->choice, false) == NULL && choice_has_work(&s->items[0], &s->choice.terms),
	   "though they are work that remains");
	s->choice.now_ms = 1000101;
	ok(choice_work(&s->choice, false) == &s->items[0], "and are due in their time");
	ok(!lineup_is_sent(&s->items[0], &s->choice.terms), "the bundle stays in ready/ until then");
	s->items[0].plan.has_late = true;
	ok(lineup_is_sent(&s->items[0], &s->choice.terms), "and belongs into sent/ then");
	s->items[0].is_repeated = true;
	ok(!lineup_is_sent(&s->items[0], &s->choice.terms), "but not what is repeated");
}

static void set_sent(struct shelf *s)
{
	for (size_t i = 0; i < s->choice.count; i++)
		s->items[i].state = SPOOL_SENT;
	lineup_note_sent(s->pointers, s->choice.count, &s->choice.terms);
}

static void test_heal(struct shelf *s)
{
	fill(s, 3, 49152);
	set_sent(s);
	ok(s->items[0].plan.passes == 1 && s->items[0].plan.has_late, "what is sent has had its work");
	s->items[0].plan.heals = 2;
	s->items[1].plan.ended_ms = 9;
	ok(choice_heal(&s->choice, false, UINT32_MAX) == &s->items[2], "healed less often, then longer ago: that goes first");
	s->items[2].is_ordered = true;
	ok(choice_heal(&s->choice, false, UINT32_MAX) == &s->items[1], "then the next");
	s->items[1].plan.ended_ms = 999500;
	ok(choice_heal(&s->choice, false, UINT32_MAX) == &s->items[0], "one whose time has not come holds up no other");
	ok(choice_heal(&s->choice, false, 1) == NULL, "none that was healed more often than the round that is under way");
	s->items[0].retry_at_ms = 1000001;
	ok(choice_heal(&s->choice, false, UINT32_MAX) == NULL, "nor one that failed, before its time");
	s->items[0].retry_at_ms = 0;
	s->items[0].state = SPOOL_READY;
	ok(choice_heal(&s->choice, false, UINT32_MAX) == NULL, "nor one that has work");
	fill(s, 2, UINT64_C(1) << 33);
	set_sent(s);
	struct geometry g = offer_geometry(&s->items[0]);
	struct plan_step step;
	plan_heal(&step, &s->items[0].plan, &g);
	ok(choice_is_large(&step, &g) && choice_heal(&s->choice, true, UINT32_MAX) == NULL &&
		   choice_heal(&s->choice, false, UINT32_MAX) == &s->items[0],
	   "of large ones one is healed at a time");
}

static void on_failed(void *context, struct spool_item *item, int error, uint64_t delay_ms)
{
	uint64_t *delay = context;
	ok(item != NULL && error == -EIO, "a failure is told of");
	*delay = delay_ms;
}

/* One pass; and what was ordered fails, again and again. */
static void test_collect(struct shelf *s)
{
	struct progress_page seen = {0};
	struct lineup_order order;
	uint64_t delay = 0;
	fill(s, 1, 49152);
	ok(lineup_next_work(&order, &s->lineup, &s->choice) && order.item == &s->items[0] && order.step.row_end == 16,
	   "the next work is a pass");
	order.serial = 5;
	lineup_add(&s->lineup, &order);
	ok(s->items[0].is_ordered && !lineup_next_work(&order, &s->lineup, &s->choice), "what is ordered is not ordered again");
	ok(!lineup_collect(&s->lineup, &seen, &s->choice.terms, 1, on_failed, &delay), "emit has not seen it yet");
	seen.count = 1;
	seen.orders[0] = (struct order_progress){.serial = 5, .state = ORDER_SENDING};
	ok(!lineup_collect(&s->lineup, &seen, &s->choice.terms, 1, on_failed, &delay), "nor sent all of it");
	static const uint64_t delays[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		seen.orders[0].state = ORDER_FAILED;
		seen.orders[0].error = -EIO;
		ok(lineup_collect(&s->lineup, &seen, &s->choice.terms, 10, on_failed, &delay) && s->lineup.count == 0,
		   "what failed is not ordered any more");
		is_number((int64_t)delay, (int64_t)delays[i], "and is tried again after this time");
		is_number((int64_t)s->items[0].retry_at_ms, (int64_t)(10 + delays[i]), "not sooner");
		s->choice.now_ms = s->items[0].retry_at_ms;
		if (!lineup_next_work(&order, &s->lineup, &s->choice))
			return;
		order.serial = 5;
		lineup_add(&s->lineup, &order);
	}
	seen.orders[0].state = ORDER_SENT;
	ok(lineup_collect(&s->lineup, &seen, &s->choice.terms, 77, on_failed, &delay) && s->items[0].plan.passes == 1 &&
		   s->items[0].plan.ended_ms == 77 && s->items[0].failures == 0 && s->lineup.has_passed,
	   "what was sent has had a pass, and its failures are forgotten");
	ok(lineup_is_sent(&s->items[0], &s->choice.terms), "that was its work");
	s->items[0].is_repeated = true;
	s->items[0].retry_at_ms = 0;
	ok(lineup_next_work(&order, &s->lineup, &s->choice) && order.step.row_end == 16, "one that is repeated passes again");
	order.serial = 6;
	lineup_add(&s->lineup, &order);
	seen.orders[0].serial = 6;
	lineup_collect(&s->lineup, &seen, &s->choice.terms, 100, on_failed, &delay);
	is_number((int64_t)s->items[0].retry_at_ms, 30100, "after half a minute");
}

static size_t order_all(struct shelf *s, bool heals)
{
	struct lineup_order order;
	size_t count = 0;
	while (heals ? lineup_next_heal(&order, &s->lineup, &s->choice) : lineup_next_work(&order, &s->lineup, &s->choice)) {
		order.serial = 100 + count++;
		lineup_add(&s->lineup, &order);
	}
	return count;
}

static void test_places(struct shelf *s)
{
	fill(s, ITEMS, 49152);
	is_number((int64_t)order_all(s, false), ORDERS_WORK_MAX - 1, "all places but one are for every bundle");
	set_route(&s->items[ITEMS - 1], OPEN_ROUTE);
	is_number((int64_t)order_all(s, false), 1, "the last is a registry's");
	set_route(&s->items[ITEMS - 2], OPEN_ROUTE);
	is_number((int64_t)order_all(s, false), 0, "then they are full");
	for (size_t i = ORDERS_WORK_MAX - 1; i < ITEMS - 2; i++)
		s->items[i].state = SPOOL_SENT;
	is_number((int64_t)order_all(s, true), ORDERS_HEAL_MAX, "healing has its own places beside them");
	lineup_forget(&s->lineup, &s->items[0]);
	is_number((int64_t)s->lineup.count, ORDERS_MAX - 1, "what goes from the spool goes from its place");
	is_number((int64_t)order_all(s, false), 1, "which another one takes");
}

/* A round of healing is ended by all before one of them begins the next. */
static void test_rounds(struct shelf *s)
{
	struct progress_page seen = {.count = 1};
	uint64_t delay;
	fill(s, 2, 49152);
	set_sent(s);
	is_number((int64_t)order_all(s, true), 2, "both are healed at a time");
	seen.orders[0] = (struct order_progress){.serial = 101, .state = ORDER_SENT};
	lineup_collect(&s->lineup, &seen, &s->choice.terms, s->choice.now_ms, on_failed, &delay);
	ok(s->items[1].plan.heals == 1 && !s->lineup.has_passed, "one is done, and that was no pass");
	s->choice.now_ms += 10000000;
	is_number((int64_t)order_all(s, true), 0, "it does not begin again while the other is under way");
	seen.orders[0].serial = 100;
	lineup_collect(&s->lineup, &seen, &s->choice.terms, s->choice.now_ms, on_failed, &delay);
	s->choice.now_ms += 10000000;
	is_number((int64_t)order_all(s, true), 2, "but then both do");
}

static struct task task_of(const struct spool_item *item, uint64_t serial)
{
	struct task task = {
		.serial = serial,
		.id = {item->release.epoch, item->release.number, item->release.route_id},
		.geometry = offer_geometry(item),
		.step = {.block_end = 1, .row_end = 16},
		.kind = TASK_WORK,
	};
	return task;
}

static void test_adopt(struct shelf *s)
{
	fill(s, 2, 49152);
	struct spool_item *item = &s->items[0];
	struct task good = task_of(item, 5), task;
	task = good;
	task.kind = TASK_HEAL;
	lineup_adopt(&s->lineup, item, &task, &s->choice.terms);
	task = good;
	task.serial = 0;
	lineup_adopt(&s->lineup, item, &task, &s->choice.terms);
	task = good;
	task.id.number++;
	lineup_adopt(&s->lineup, item, &task, &s->choice.terms);
	task = good;
	task.id.route_id++;
	lineup_adopt(&s->lineup, item, &task, &s->choice.terms);
	task = good;
	task.step.first_row = 16;
	task.step.row_end = 32;
	lineup_adopt(&s->lineup, item, &task, &s->choice.terms);
	task = good;
	task.step.row_end = 15;
	lineup_adopt(&s->lineup, item, &task, &s->choice.terms);
	item->plan.passes = 1;
	lineup_adopt(&s->lineup, item, &good, &s->choice.terms);
	item->plan.passes = 0;
	item->state = SPOOL_SENT;
	lineup_adopt(&s->lineup, item, &good, &s->choice.terms);
	item->state = SPOOL_READY;
	is_number((int64_t)s->lineup.count, 0, "what is not what is due now is not taken over from the hold before");
	lineup_adopt(&s->lineup, item, &good, &s->choice.terms);
	lineup_adopt(&s->lineup, item, &good, &s->choice.terms);
	ok(s->lineup.count == 1 && s->lineup.orders[0].serial == 5 && item->is_ordered, "what is, goes on once, under its serial");
	task = task_of(&s->items[1], 6);
	s->lineup.count = ORDERS_MAX;
	lineup_adopt(&s->lineup, &s->items[1], &task, &s->choice.terms);
	ok(!s->items[1].is_ordered, "and never more than there are places");
}

int main(void)
{
	static struct shelf shelf;
	registry = world_registry();
	test_priority(&shelf);
	test_work(&shelf);
	test_late(&shelf);
	test_heal(&shelf);
	test_collect(&shelf);
	test_places(&shelf);
	test_rounds(&shelf);
	test_adopt(&shelf);
	registry_free(registry);
	return done_testing();
}
