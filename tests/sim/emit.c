/* Emit: transmit.c without its files, encoder and socket.  What is ordered is ready at once. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/datagram.h"
#include "inside.h"

enum { HEAL_WINDOW_S = 10 };

static uint64_t heal_rate(const struct sim *sim)
{
	uint64_t rate = sim->terms.rate_bits_per_s / 100 * sim->terms.heal_percent;
	return rate < 1000 ? 1000 : rate;
}

void emit_begin(struct sim *sim)
{
	struct sender *s = &sim->sender;
	memset(s->lanes, 0, sizeof(s->lanes));
	memset(&s->outgoing, 0, sizeof(s->outgoing));
	outgoing_start(&s->outgoing, sim->terms.rate_bits_per_s, heal_rate(sim),
		       datagram_len(datagram_symbols(sim->terms.mtu)), sim->now_ns);
	s->progress.count = 0;
	s->seen_version = 0;
}

static bool is_same(const struct task *a, const struct task *b)
{
	return a->serial == b->serial && a->id.epoch == b->id.epoch && a->id.route_id == b->id.route_id &&
	       a->id.number == b->id.number;
}

static bool is_ordered(const struct sender *s, const struct task *order)
{
	for (uint32_t i = 0; i < s->orders->order_count; i++)
		if (is_same(&s->orders->orders[i], order))
			return true;
	return false;
}

static void open_lane(struct sim *sim, uint32_t order)
{
	struct sender *s = &sim->sender;
	const struct task *task = &s->orders->orders[order];
	unsigned int slot = 0;
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (s->lanes[i].is_used && is_same(&s->lanes[i].order, task))
			return;
	while (s->lanes[slot].is_used)
		slot++;
	struct sim_lane *lane = &s->lanes[slot];
	*lane = (struct sim_lane){
		.is_used = true,
		.page = -1,
		.order = *task,
		.truth = s->order_truth[order],
		.state = ORDER_WAITING,
		.ordered_ns = s->order_ns[order],
	};
	if (walk_begin(&lane->at, &task->step, &task->geometry))
		outgoing_add(&s->outgoing, slot, task, plan_step_bytes(&task->step, &task->geometry));
	else
		lane->state = ORDER_SENT;
}

static void announce_lane(struct sender *s, struct sim_lane *lane)
{
	if (lane->page < 0 || lane->announced == ANNOUNCE_REPEATS)
		return;
	bool is_awaited = lane->announced == 0 && lane->order.kind == TASK_WORK;
	unsigned int times = announce_page(&s->outgoing.announcer, (uint32_t)lane->page, is_awaited);
	if (times > lane->announced)
		lane->announced = times;
}

static void take_orders(struct sim *sim)
{
	struct sender *s = &sim->sender;
	if (s->seen_version == s->version)
		return;
	s->seen_version = s->version;
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (s->lanes[i].is_used)
			announce_lane(s, &s->lanes[i]);
	announce_update(&s->outgoing.announcer, s->orders);
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (s->lanes[i].is_used && !is_ordered(s, &s->lanes[i].order)) {
			outgoing_remove(&s->outgoing, i);
			s->lanes[i].is_used = false;
		}
	for (uint32_t i = 0; i < s->orders->order_count; i++)
		open_lane(sim, i);
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		struct sim_lane *lane = &s->lanes[i];
		if (lane->is_used && lane->announced < ANNOUNCE_REPEATS && lane->state != ORDER_SENT)
			lane->page = announce_find(s->orders, &lane->order);
		assert(!lane->is_used || lane->page != -EINVAL);
	}
}

static void prepare_lanes(struct sim *sim)
{
	struct sender *s = &sim->sender;
	unsigned int named = sim->terms.broken == SIM_REPEATS_FIRST ? ANNOUNCE_REPEATS : 1;
	outgoing_look(&s->outgoing);
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		struct sim_lane *lane = &s->lanes[i];
		if (!lane->is_used)
			continue;
		announce_lane(s, lane);
		if (lane->state != ORDER_SENT && sim->now_ns / NS_PER_MS >= lane->order.step.not_before_ms)
			outgoing_set(&s->outgoing, i, lane->order.kind, lane->announced >= named);
	}
}

static void write_progress(struct sim *sim)
{
	struct sender *s = &sim->sender;
	s->progress.count = 0;
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (s->lanes[i].is_used)
			s->progress.orders[s->progress.count++] = (struct order_progress){
				.serial = s->lanes[i].order.serial,
				.state = s->lanes[i].state,
			};
}

static void send_message(struct sim *sim, const struct control_message *bytes)
{
	struct sender *s = &sim->sender;
	struct message *message = bytes == &s->orders->heartbeat ? s->heartbeat
								 : s->pages[bytes - s->orders->pages];
	outgoing_spend(&s->outgoing, false, 1, datagram_len(datagram_symbols(sim->terms.mtu)), sim->now_ns);
	link_send(sim, &(struct packet){.message = message_hold(message)});
}

/* The share of a window, and what one window's credit and batch may be above it. */
static void check_share(struct sim *sim, uint64_t bytes)
{
	struct sender *s = &sim->sender;
	uint64_t window = HEAL_WINDOW_S * NS_PER_S;
	if (sim->now_ns - s->heal_from_ns > window) {
		s->heal_from_ns = sim->now_ns;
		s->heal_bytes = 0;
	}
	s->heal_bytes += bytes;
	uint64_t share = heal_rate(sim) / 8 * HEAL_WINDOW_S;
	if (s->heal_bytes > share + share / 100 + 131072)
		sim_complain(sim, &sim->report.crowded, NULL, "healing took more than its share");
}

static bool is_alone(const struct sender *s, const struct sim_lane *lane)
{
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (s->lanes[i].is_used && &s->lanes[i] != lane && !s->lanes[i].order.is_in_sent)
			return false;
	return true;
}

/* LINK.md 5: 10 ms; or two datagrams, where they take longer; and at half the rate while it is warming up. */
static uint64_t work_bound_us(const struct sim *sim)
{
	size_t full = datagram_len(datagram_symbols(sim->terms.mtu)) + IP_UDP_BYTES;
	uint64_t two_us = 2 * full * 8 * 1000000 / sim->terms.rate_bits_per_s + 1;
	if (sim->now_ns < sim->sender.outgoing.pace.warm_until_ns + 2 * two_us * 1000)
		two_us *= 2;
	return two_us > 10000 ? two_us : 10000;
}

/* The first data of work that found the link healing and nothing else: how long it has waited since it was ordered. */
static void note_begin(struct sim *sim, struct sim_lane *lane)
{
	struct sender *s = &sim->sender;
	if (sim->first_data_ns == 0)
		sim->first_data_ns = sim->now_ns;
	bool is_first = !lane->has_begun && !lane->order.is_in_sent && lane->order.step.not_before_ms == 0;
	lane->has_begun = true;
	if (!is_first || lane->ordered_ns <= s->emit_back_ns || s->healed_ns < lane->ordered_ns - NS_PER_S ||
	    s->healed_ns == 0 || !is_alone(s, lane))
		return;
	uint64_t wait_us = (sim->now_ns - lane->ordered_ns) / 1000;
	sim->report.preempted++;
	if (wait_us > work_bound_us(sim))
		sim_complain(sim, &sim->report.crowded, &sim->truths[lane->truth], "had to wait behind healing");
	if (wait_us > sim->report.work_wait_us)
		sim->report.work_wait_us = wait_us;
}

static void send_data(struct sim *sim, unsigned int slot)
{
	struct sender *s = &sim->sender;
	struct sim_lane *lane = &s->lanes[slot];
	const struct geometry *g = &lane->order.geometry;
	uint32_t full = datagram_symbols(sim->terms.mtu);
	unsigned int most = outgoing_batch(&s->outgoing, lane->order.kind), count = 0;
	uint32_t left = walk_left(&lane->at, g), symbols = left;
	bool heals = lane->order.is_in_sent; /* TASK_HEAL, when all is well */
	if (symbols > most * full)
		symbols = most * full;
	note_begin(sim, lane);
	lane->state = ORDER_SENDING;
	size_t bytes = 0;
	for (uint32_t done = 0; done < symbols; count++) {
		uint32_t now = symbols - done < full ? symbols - done : full;
		link_send(sim, &(struct packet){
			.truth = lane->truth,
			.id = lane->order.id,
			.geometry = *g,
			.span = {(uint16_t)lane->at.block, (uint8_t)lane->at.row,
				 (uint16_t)(lane->at.symbol + done), (uint16_t)now},
			.is_first = !sim->truths[lane->truth].has_passed,
		});
		done += now;
		bytes += datagram_len(now);
	}
	outgoing_charge(&s->outgoing, slot, lane->order.kind, bytes);
	outgoing_spend(&s->outgoing, lane->order.kind == TASK_HEAL, count, bytes, sim->now_ns);
	if (heals)
		check_share(sim, bytes + (uint64_t)count * IP_UDP_BYTES);
	if (heals && s->outgoing.is_working && lane->order.kind == TASK_HEAL)
		sim_complain(sim, &sim->report.crowded, NULL, "healing went although work was there");
	s->healed_ns = heals ? sim->now_ns : 0;
	lane->at.symbol += symbols;
	if (symbols == left && !walk_next_row(&lane->at, &lane->order.step, g)) {
		lane->state = ORDER_SENT;
		sim->truths[lane->truth].has_passed |= lane->order.step.first_row == 0;
		outgoing_remove(&s->outgoing, slot);
	}
}

/* While nothing flows nothing happens but what hold does, and pages: the steps of its sleep between are left out. */
static uint64_t wake(const struct sim *sim)
{
	const struct sender *s = &sim->sender;
	uint64_t next = outgoing_wake(&s->outgoing, sim->now_ns), step = next - sim->now_ns;
	if (s->outgoing.is_flowing)
		return next;
	uint64_t goal = s->hold_ns;
	if (s->orders->page_count > 0 && s->outgoing.announcer.next_ns < goal)
		goal = s->outgoing.announcer.next_ns;
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (s->lanes[i].is_used && s->lanes[i].state != ORDER_SENT &&
		    s->lanes[i].order.step.not_before_ms * NS_PER_MS < goal)
			goal = s->lanes[i].order.step.not_before_ms * NS_PER_MS;
	if (goal <= next)
		return next;
	return sim->now_ns + (goal - sim->now_ns + step - 1) / step * step;
}

void emit_run(struct sim *sim)
{
	struct sender *s = &sim->sender;
	if (sim->now_ns < s->emit_back_ns) {
		s->emit_ns = s->emit_back_ns;
		return;
	}
	take_orders(sim);
	prepare_lanes(sim);
	if (sim->now_ns < outgoing_due(&s->outgoing)) {
		s->emit_ns = outgoing_due(&s->outgoing);
		return;
	}
	const struct control_message *message;
	int next = outgoing_next(&s->outgoing, &message, s->orders, sim->now_ns);
	if (next == OUTGOING_CONTROL)
		send_message(sim, message);
	else if (next >= 0)
		send_data(sim, (unsigned int)next);
	write_progress(sim);
	s->emit_ns = next == OUTGOING_NOTHING ? wake(sim) : s->outgoing.pace.due_ns;
	if (s->emit_ns <= sim->now_ns)
		s->emit_ns = sim->now_ns + 1;
}
