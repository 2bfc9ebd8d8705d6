#include "course.h"

#include <string.h>

#include "common/datagram.h"
#include "loss.h"

void course_start(struct course *c)
{
	memset(c, 0, sizeof(*c));
	c->current = -1;
}

static bool is_same_plan(const struct trial_step *a, const struct trial_step *b)
{
	return a->purpose == b->purpose && a->rate_bits_per_s == b->rate_bits_per_s &&
	       a->duration_ms == b->duration_ms && a->size == b->size;
}

/* Twice what the plan has, and a batch: more are none of it. */
static bool is_too_many(const struct trial *t)
{
	double planned = (double)t->plan.rate_bits_per_s / 8000 * t->plan.duration_ms / t->plan.size;
	return (double)t->number > COURSE_AHEAD * planned + TALLY_WINDOW;
}

static bool is_of_it(const struct course *c, const struct trial *t)
{
	return c->test_id == 0 || c->test_id == t->test_id;
}

static bool contradicts(const struct course *c, const struct trial *t)
{
	const struct course_step *step = &c->step[t->step];
	return (c->test_id != 0 && c->steps != t->steps) || is_too_many(t) ||
	       (step->is_heard && !is_same_plan(&step->plan, &t->plan));
}

bool course_wants_drops(const struct course *c, const struct trial *t)
{
	return is_of_it(c, t) && !contradicts(c, t) && t->step > c->current;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static struct course_drops difference(const struct course_drops *now, const struct course_drops *then)
{
	return (struct course_drops){
		.socket = grown(now->socket, then->socket),
		.nic = {
			.full = grown(now->nic.full, then->nic.full),
			.refused = grown(now->nic.refused, then->nic.refused),
			.damaged = grown(now->nic.damaged, then->nic.damaged),
			.backlog = grown(now->nic.backlog, then->nic.backlog),
		},
	};
}

void course_close(struct course *c, const struct course_drops *drops)
{
	if (c->current < 0)
		return;
	struct course_step *step = &c->step[c->current];
	tally_close(&c->tally);
	step->tally = c->tally.result;
	step->drops = difference(drops, &step->before);
}

static void begin(struct course *c, const struct trial *t, const struct course_drops *drops)
{
	course_close(c, drops);
	c->test_id = t->test_id;
	c->steps = t->steps;
	c->current = t->step;
	c->step[t->step] = (struct course_step){.is_heard = true, .plan = t->plan, .before = *drops};
	if (t->plan.duration_ms > c->longest_ms)
		c->longest_ms = t->plan.duration_ms;
	tally_start(&c->tally);
}

bool course_take(struct course *c, const struct trial *t, uint64_t now_ms, const struct course_drops *drops)
{
	if (!is_of_it(c, t)) {
		c->other_test++;
		return false;
	}
	if (contradicts(c, t)) {
		c->contradicting++;
		return false;
	}
	if (t->step < c->current) {
		c->past++;
		return false;
	}
	bool is_new = t->step > c->current;
	if (is_new)
		begin(c, t, drops);
	c->heard_ms = now_ms;
	c->bytes += trial_len(&t->plan, t->part) + IP_UDP_BYTES;
	if (t->part == TRIAL_LOAD) {
		c->step[t->step].is_load_heard = true;
		tally_take(&c->tally, t->number, t->time_ns - t->held_ns, t->held_ns);
	} else if (t->part == TRIAL_END) {
		tally_end(&c->tally, t->number, t->time_ns - t->held_ns);
		c->has_ended = t->step + 1 == c->steps;
	}
	return is_new;
}

bool course_is_over(const struct course *c, uint64_t now_ms)
{
	uint64_t limit = c->has_ended ? COURSE_QUIET_MS : COURSE_SILENCE_MS + 2 * (uint64_t)c->longest_ms;
	return c->test_id != 0 && now_ms > c->heard_ms + limit;
}

size_t course_missed(const struct course *c)
{
	size_t missed = 0;
	for (size_t i = 0; i < c->steps; i++)
		missed += !c->step[i].is_heard;
	return missed;
}

const char *course_place(const struct course_step *step)
{
	const struct nic_counters *nic = &step->drops.nic;
	bool by_socket = step->drops.socket > 0;
	bool by_nic = nic->full + nic->refused + nic->damaged + nic->backlog > 0;
	if (tally_lost(&step->tally) == 0)
		return loss_place_name(LOSS_NOWHERE);
	if (by_socket && by_nic)
		return loss_place_name(LOSS_SEVERAL);
	return loss_place_name(by_socket ? LOSS_SOCKET : by_nic ? LOSS_NIC : LOSS_BEFORE);
}
