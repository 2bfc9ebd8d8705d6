#include "outgoing.h"

enum { WORKING_NS = 500000 }; /* how soon repair rows are seen when nothing else flows */

void outgoing_start(struct outgoing *o, uint64_t rate_bits_per_s, uint64_t heal_bits_per_s, size_t datagram_len,
		    uint64_t now_ns)
{
	pace_start(&o->pace, rate_bits_per_s, datagram_len, now_ns);
	pace_start(&o->heal, heal_bits_per_s, datagram_len, now_ns);
}

void outgoing_add(struct outgoing *o, unsigned int slot, const struct task *task, uint64_t bytes)
{
	schedule_add(&o->schedule[task->kind], slot, task->priority, bytes);
}

void outgoing_remove(struct outgoing *o, unsigned int slot)
{
	for (int kind = TASK_WORK; kind <= TASK_HEAL; kind++)
		schedule_remove(&o->schedule[kind], slot);
}

void outgoing_look(struct outgoing *o)
{
	o->is_flowing = false;
	o->is_working = false;
}

void outgoing_set(struct outgoing *o, unsigned int slot, enum task_kind kind, bool is_ready)
{
	o->is_flowing = true;
	o->is_working |= kind == TASK_WORK;
	schedule_set_ready(&o->schedule[kind], slot, is_ready);
}

uint64_t outgoing_due(const struct outgoing *o)
{
	return o->pace.due_ns;
}

/* Work whose page is still to go waits for nothing but that, so healing does not go in between. */
static int next_slot(struct outgoing *o, uint64_t now_ns)
{
	int slot = schedule_next(&o->schedule[TASK_WORK]);
	if (slot < 0 && now_ns >= o->heal.due_ns && !announce_is_awaited(&o->announcer))
		slot = schedule_next(&o->schedule[TASK_HEAL]);
	return slot;
}

/* A message waits for its time, since one that is more urgent may still come. */
static int next_ahead(struct outgoing *o, const struct orders_page *orders)
{
	int slot = schedule_next(&o->schedule[TASK_WORK]);
	if (slot < 0 || (!o->was_message && announce_is_due(&o->announcer, orders, o->pace.due_ns)))
		return OUTGOING_NOTHING;
	o->was_message = false;
	return slot;
}

int outgoing_next(struct outgoing *o, const struct control_message **message, const struct orders_page *orders,
		  uint64_t now_ns)
{
	*message = NULL;
	if (now_ns < o->pace.due_ns)
		return next_ahead(o, orders);
	int slot = next_slot(o, now_ns);
	if (slot < 0 || !o->was_message)
		*message = announce_next(&o->announcer, orders, now_ns, o->is_flowing);
	o->was_message = *message != NULL;
	if (*message != NULL)
		return OUTGOING_CONTROL;
	return slot < 0 ? OUTGOING_NOTHING : slot;
}

unsigned int outgoing_batch(const struct outgoing *o, enum task_kind kind)
{
	return kind == TASK_HEAL ? o->heal.batch : o->pace.batch;
}

void outgoing_charge(struct outgoing *o, unsigned int slot, enum task_kind kind, uint64_t bytes)
{
	schedule_charge(&o->schedule[kind], slot, bytes);
}

void outgoing_spend(struct outgoing *o, bool heals, unsigned int count, size_t payload_len, uint64_t now_ns)
{
	pace_spend(&o->pace, count, payload_len, now_ns);
	if (heals)
		pace_spend(&o->heal, count, payload_len, now_ns);
}

uint64_t outgoing_wake(const struct outgoing *o, uint64_t now_ns)
{
	uint64_t look_ns = now_ns + OUTGOING_LOOK_NS;
	if (!o->is_flowing)
		return look_ns;
	if (!o->is_working && o->heal.due_ns > now_ns + WORKING_NS)
		return o->heal.due_ns < look_ns ? o->heal.due_ns : look_ns;
	return now_ns + WORKING_NS;
}
