#include "schedule.h"

static int64_t quantum(const struct turn *t)
{
	uint8_t priority = t->priority < 1 || t->priority > PRIORITY_WORST ? PRIORITY_WORST
									    : t->priority;
	return (int64_t)SCHEDULE_QUANTUM * (PRIORITY_WORST + 1 - priority);
}

void schedule_add(struct schedule *s, unsigned int slot, uint8_t priority, uint64_t left)
{
	struct turn *t = &s->turns[slot];
	*t = (struct turn){.is_used = true, .priority = priority, .left = left};
	t->credit = quantum(t);
}

void schedule_remove(struct schedule *s, unsigned int slot)
{
	s->turns[slot] = (struct turn){0};
}

void schedule_set_ready(struct schedule *s, unsigned int slot, bool is_ready)
{
	s->turns[slot].is_ready = is_ready;
}

static bool goes_before(const struct turn *a, const struct turn *b)
{
	int64_t difference = quantum(a) - quantum(b);
	return difference != 0 ? difference > 0 : a->left < b->left;
}

/* The best with credit left in this round, or -1; *any tells whether one is ready at all. */
static int best(const struct schedule *s, bool *any)
{
	int found = -1;
	for (int i = 0; i < ORDERS_MAX; i++) {
		const struct turn *t = &s->turns[i];
		if (!t->is_used || !t->is_ready)
			continue;
		*any = true;
		if (t->credit > 0 && (found < 0 || goes_before(t, &s->turns[found])))
			found = i;
	}
	return found;
}

int schedule_next(struct schedule *s)
{
	bool any = false;
	int found = best(s, &any);
	while (found < 0 && any) {
		for (int i = 0; i < ORDERS_MAX; i++)
			if (s->turns[i].is_used && s->turns[i].is_ready)
				s->turns[i].credit += quantum(&s->turns[i]);
		found = best(s, &any);
	}
	return found;
}

void schedule_charge(struct schedule *s, unsigned int slot, uint64_t bytes)
{
	struct turn *t = &s->turns[slot];
	t->credit -= (int64_t)bytes;
	t->left -= bytes < t->left ? bytes : t->left;
}
