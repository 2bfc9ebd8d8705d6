#include "outgoing.h"

enum {
	IDLE_NS = 5000000,   /* how soon a new order is seen when nothing flows */
	WORKING_NS = 500000, /* how soon repair rows are seen when nothing else flows */
};

void outgoing_start(struct outgoing *o, uint64_t rate_bits_per_s, uint64_t heal_bits_per_s, uint64_t now_ns)
{
	pace_start(&o->pace, rate_bits_per_s, now_ns);
	pace_start(&o->heal, heal_bits_per_s, now_ns);
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

int outgoing_next(struct outgoing *o, const struct control_message **message, const struct orders_page *orders,
		  uint64_t now_ns)
{
	*message = announce_next(&o->announcer, orders, now_ns, o->is_flowing);
	if (*message != NULL)
		return OUTGOING_CONTROL;
	int slot = schedule_next(&o->schedule[TASK_WORK]);
	if (slot < 0 && now_ns >= o->heal.due_ns)
		slot = schedule_next(&o->schedule[TASK_HEAL]);
	return slot < 0 ? OUTGOING_NOTHING : slot;
}

unsigned int outgoing_batch(const struct outgoing *o, enum task_kind kind, size_t datagram_len)
{
	return pace_batch(kind == TASK_HEAL ? &o->heal : &o->pace, datagram_len);
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
	if (!o->is_flowing)
		return now_ns + IDLE_NS;
	if (!o->is_working && o->heal.due_ns > now_ns + WORKING_NS)
		return o->heal.due_ns < now_ns + IDLE_NS ? o->heal.due_ns : now_ns + IDLE_NS;
	return now_ns + WORKING_NS;
}
