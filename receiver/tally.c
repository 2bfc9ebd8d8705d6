#include "tally.h"

#include <string.h>

enum { FULL_SHARE = 10, FULL_DATAGRAMS = 2000 }; /* of the step: enough to judge by, either of them */

void tally_start(struct tally *t)
{
	memset(t, 0, sizeof(*t));
}

static unsigned int length_class(uint64_t count)
{
	unsigned int class = 0;
	while (class < TALLY_LENGTHS - 1 && count >> (class + 1) != 0)
		class++;
	return class;
}

static unsigned int time_class(uint64_t ns)
{
	unsigned int class = 0;
	for (uint64_t limit = 100000; class < TALLY_TIMES - 1 && ns >= limit; limit *= 10)
		class++;
	return class;
}

/* From the datagram before the run to the one behind it lies one interval more than the run has datagrams. */
static void end_run(struct tally *t, uint64_t behind_ns)
{
	struct tally_bursts *b = &t->result.bursts;
	uint64_t between = t->has_before && behind_ns > t->before_ns ? behind_ns - t->before_ns : 0;
	uint64_t ns = (uint64_t)((double)between * (double)t->run / ((double)t->run + 1));
	b->of_length[length_class(t->run)]++;
	b->of_time[time_class(ns)]++;
	if (t->run > b->longest)
		b->longest = t->run;
	if (ns > b->longest_ns)
		b->longest_ns = ns;
	if (ns > b->long_ns && t->run >= TALLY_OUTAGE_DATAGRAMS)
		b->long_ns = ns;
	if (ns >= TALLY_OUTAGE_NS && t->run >= TALLY_OUTAGE_DATAGRAMS) {
		b->outages++;
		b->outage_datagrams += t->run;
	}
	t->run = 0;
}

static void note_lost(struct tally *t, uint64_t count)
{
	t->is_full = true;
	t->result.full_sent += count;
	t->run += count;
	t->base += count;
}

static void decide(struct tally *t)
{
	uint64_t slot = t->base % TALLY_WINDOW;
	if (!t->is_here[slot]) {
		note_lost(t, 1);
		return;
	}
	if (t->run > 0)
		end_run(t, t->sent_ns[slot]);
	if (t->held_ns != t->was_held_ns[slot])
		t->is_full = false;
	t->held_ns = t->was_held_ns[slot];
	t->result.full_sent += t->is_full;
	t->result.full_received += t->is_full;
	t->before_ns = t->sent_ns[slot];
	t->has_before = true;
	t->is_here[slot] = false;
	t->base++;
}

/* Makes room for numbers below this one; a jump beyond the window costs no more than the window. */
static void advance(struct tally *t, uint64_t head)
{
	while (t->base < t->head && t->base + TALLY_WINDOW < head)
		decide(t);
	if (t->base == t->head && t->base + TALLY_WINDOW < head)
		note_lost(t, head - TALLY_WINDOW - t->base);
	t->head = head;
}

void tally_take(struct tally *t, uint64_t number, uint64_t ran_ns, uint64_t held_ns)
{
	struct tally_result *r = &t->result;
	if (number < t->base) {
		r->late++;
		return;
	}
	bool is_newest = number >= t->head;
	if (is_newest)
		advance(t, number + 1);
	uint64_t slot = number % TALLY_WINDOW;
	if (t->is_here[slot]) {
		r->duplicates++;
		return;
	}
	r->reordered += !is_newest;
	t->is_here[slot] = true;
	t->sent_ns[slot] = ran_ns;
	t->was_held_ns[slot] = held_ns;
	if (r->received++ == 0 || number < r->first) {
		r->first = number;
		r->first_ns = ran_ns;
	}
	if (number >= r->last) {
		r->last = number;
		r->last_ns = ran_ns;
	}
}

void tally_end(struct tally *t, uint64_t sent, uint64_t ran_ns)
{
	if (t->result.is_end_heard)
		return;
	t->result.is_end_heard = true;
	t->result.sent = sent;
	t->end_ns = ran_ns;
}

void tally_close(struct tally *t)
{
	struct tally_result *r = &t->result;
	if (r->is_end_heard && r->sent > t->head)
		advance(t, r->sent);
	while (t->base < t->head)
		decide(t);
	if (t->run > 0)
		end_run(t, r->is_end_heard ? t->end_ns : r->last_ns);
	if (!r->is_end_heard || r->sent < t->head)
		r->sent = t->head;
}

uint64_t tally_lost(const struct tally_result *r)
{
	return r->sent > r->received ? r->sent - r->received : 0;
}

double tally_loss(const struct tally_result *r)
{
	return r->sent == 0 ? 1 : (double)tally_lost(r) / (double)r->sent;
}

double tally_scattered_loss(const struct tally_result *r, uint32_t duration_ms)
{
	uint64_t outage = r->bursts.outage_datagrams;
	if (r->bursts.outages > 1 + duration_ms / 1000 || outage >= r->sent)
		return tally_loss(r);
	uint64_t lost = tally_lost(r);
	return lost <= outage ? 0 : (double)(lost - outage) / (double)(r->sent - outage);
}

uint64_t tally_offered(const struct tally_result *r, uint16_t size)
{
	if (r->received < 2 || r->last_ns <= r->first_ns)
		return 0;
	return (uint64_t)((double)(r->last - r->first) * size * 8e9 / (double)(r->last_ns - r->first_ns));
}

uint64_t tally_goodput(const struct tally_result *r, uint16_t size)
{
	double share = 1 - tally_loss(r);
	if (r->full_sent > 0 && (r->full_sent >= r->sent / FULL_SHARE || r->full_sent >= FULL_DATAGRAMS))
		share = (double)r->full_received / (double)r->full_sent;
	return (uint64_t)((double)tally_offered(r, size) * share);
}
