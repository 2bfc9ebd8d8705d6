/* What goes next, on a clock that waits for nothing: how long work waits is counted in datagrams. */
#include "sender/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/tap.h"

enum { LEN = 1472, HEAL_SLOT = 5, WORK_SLOT = 3, EPOCH = 5 };
static const uint64_t rate = 12000000, ms = 1000000; /* a datagram a millisecond */

struct bench {
	struct outgoing o;
	struct orders_page *orders;
	uint64_t now_ns;
};

/* Fifty pages, new heads and a heartbeat, none of which has gone yet. */
static void open_bench(struct bench *b, uint64_t heal_rate)
{
	*b = (struct bench){.now_ns = 1000 * ms};
	b->orders = calloc(1, sizeof(*b->orders));
	b->orders->epoch = EPOCH;
	b->orders->generation = 1;
	b->orders->page_count = 50;
	for (uint32_t page = 0; page < 50; page++)
		b->orders->made[page] = 1;
	outgoing_start(&b->o, rate, heal_rate, LEN, b->now_ns);
	b->o.pace.warm_until_ns = 0;
	b->o.heal.warm_until_ns = 0;
	announce_update(&b->o.announcer, b->orders);
	const struct task heal = {.kind = TASK_HEAL, .priority = 5}, work = {.kind = TASK_WORK, .priority = 5};
	outgoing_add(&b->o, HEAL_SLOT, &heal, 1000000);
	outgoing_add(&b->o, WORK_SLOT, &work, 1000000);
}

static void close_bench(struct bench *b)
{
	free(b->orders);
}

/* What goes next at the time at which it can: a slot, a message, or nothing. */
static int step(struct bench *b, const struct control_message **message, bool has_work, bool is_ready)
{
	if (b->now_ns < outgoing_due(&b->o))
		b->now_ns = outgoing_due(&b->o);
	outgoing_look(&b->o);
	outgoing_set(&b->o, HEAL_SLOT, TASK_HEAL, true);
	if (has_work)
		outgoing_set(&b->o, WORK_SLOT, TASK_WORK, is_ready);
	int next = outgoing_next(&b->o, message, b->orders, b->now_ns);
	if (next >= 0)
		outgoing_charge(&b->o, (unsigned int)next, next == WORK_SLOT ? TASK_WORK : TASK_HEAL, LEN);
	if (next != OUTGOING_NOTHING)
		outgoing_spend(&b->o, next == HEAL_SLOT, 1, LEN, b->now_ns);
	return next;
}

static void work_begins_at_once(void)
{
	const struct control_message *message;
	struct bench b;
	open_bench(&b, rate);
	while (step(&b, &message, false, false) != HEAL_SLOT)
		continue;
	/* now it is ordered, and everything that hold tells is new as well */
	b.orders->generation = 2;
	for (uint32_t page = 0; page < 50; page++)
		b.orders->made[page] = 2;
	b.orders->beat = 1;
	b.orders->heartbeat.len = HEARTBEAT_BYTES;
	b.orders->heads_count = ORDERS_HEADS_MAX;
	b.orders->heads_made = 1;
	announce_update(&b.o.announcer, b.orders);
	for (uint32_t page = 0; page < 49; page++)
		announce_page(&b.o.announcer, page, false);
	announce_page(&b.o.announcer, 49, true);
	ok(step(&b, &message, true, false) == OUTGOING_CONTROL && message == &b.orders->pages[49],
	   "when what went last is through, the page goes that names the work");
	is_number(step(&b, &message, true, announce_page(&b.o.announcer, 49, true) > 0), WORK_SLOT,
		  "then its data, whatever else there is to tell");
	int control = 0, in_row = 0, longest = 0, healed = 0;
	for (int i = 0; i < 600; i++) {
		int next = step(&b, &message, true, true);
		in_row = next == OUTGOING_CONTROL ? in_row + 1 : 0;
		longest = in_row > longest ? in_row : longest;
		control += next == OUTGOING_CONTROL;
		healed += next == HEAL_SLOT;
	}
	is_number(longest, 1, "of all that, one message at a time goes between two batches");
	ok(control >= 1 + 4 * ORDERS_HEADS_MAX + 50 * ANNOUNCE_REPEATS - 1 && healed == 0,
	   "all of it goes, and no healing: %d messages", control);
	close_bench(&b);
}

static void healing_waits(void)
{
	const struct control_message *message;
	struct bench b;
	open_bench(&b, rate / 4);
	unsigned int healed = 0, messages = 0;
	uint64_t begun = b.now_ns;
	while (b.now_ns < begun + 1000 * ms) {
		int next = step(&b, &message, false, false);
		healed += next == HEAL_SLOT;
		messages += next == OUTGOING_CONTROL;
		if (next == OUTGOING_NOTHING)
			b.now_ns = outgoing_wake(&b.o, b.now_ns);
	}
	ok(healed >= 245 && healed <= 255, "healing has its share of the rate: %u datagrams of 1,000", healed);
	ok(messages >= 20, "and messages go as well: %u", messages);
	is_number(step(&b, &message, true, true), WORK_SLOT, "work goes before it");
	announce_page(&b.o.announcer, 7, true);
	b.now_ns += 1000 * ms;
	b.o.was_message = true;
	is_number(step(&b, &message, true, false), OUTGOING_CONTROL, "and so does the page of work that is not named yet");
	close_bench(&b);
}

/* A batch of work is made while the one before it goes. */
static void work_is_made_ahead(void)
{
	const struct control_message *message;
	struct bench b;
	open_bench(&b, rate);
	while (step(&b, &message, false, false) != HEAL_SLOT)
		continue;
	outgoing_look(&b.o);
	outgoing_set(&b.o, HEAL_SLOT, TASK_HEAL, true);
	is_number(outgoing_next(&b.o, &message, b.orders, b.now_ns), OUTGOING_NOTHING, "healing is not made ahead of its time");
	outgoing_set(&b.o, WORK_SLOT, TASK_WORK, true);
	is_number(outgoing_next(&b.o, &message, b.orders, b.now_ns), WORK_SLOT, "work is");
	b.orders->beat = 1;
	b.orders->heartbeat.len = HEARTBEAT_BYTES;
	is_number(outgoing_next(&b.o, &message, b.orders, b.now_ns), OUTGOING_NOTHING, "unless it is a message's turn");
	is_number(step(&b, &message, true, true), OUTGOING_CONTROL, "which goes at its time");
	outgoing_look(&b.o);
	outgoing_set(&b.o, WORK_SLOT, TASK_WORK, true);
	announce_page(&b.o.announcer, 7, true);
	is_number(outgoing_next(&b.o, &message, b.orders, b.now_ns), WORK_SLOT, "behind a message it is work's turn");
	close_bench(&b);
}

static void looks_often(void)
{
	const struct control_message *message;
	struct bench b;
	open_bench(&b, 1000);
	outgoing_look(&b.o);
	is_number((int64_t)(outgoing_wake(&b.o, b.now_ns) - b.now_ns), OUTGOING_LOOK_NS, "an idle link looks for orders");
	while (step(&b, &message, false, false) != HEAL_SLOT)
		continue;
	outgoing_look(&b.o);
	outgoing_set(&b.o, HEAL_SLOT, TASK_HEAL, true);
	is_number((int64_t)(outgoing_wake(&b.o, b.now_ns) - b.now_ns), OUTGOING_LOOK_NS,
		  "as often when healing waits for its share");
	outgoing_set(&b.o, WORK_SLOT, TASK_WORK, false);
	ok(outgoing_wake(&b.o, b.now_ns) - b.now_ns < OUTGOING_LOOK_NS, "and more often when work waits for its repair rows");
	close_bench(&b);
}

int main(void)
{
	work_begins_at_once();
	healing_waits();
	work_is_made_ahead();
	looks_often();
	return done_testing();
}
