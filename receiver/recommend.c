#include "recommend.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/datagram.h"
#include "common/geometry.h"

enum {
	DEVIATIONS = 4,
	PERMILLE_LEAST = 125,
	PERMILLE_STEP = 5,
	PERMILLE_MOST = 1000,
	BURST_NS_LEAST = 1000000,
	OUTAGE_STEP_MS = 10,
	OUTAGE_MOST_MS = 600000,
};

static bool is_of(const struct course_step *s, enum trial_purpose purpose)
{
	return s->is_heard && s->plan.purpose == purpose;
}

static double loss_of(const struct course_step *s)
{
	return tally_scattered_loss(&s->tally, s->plan.duration_ms);
}

/* What of the plan was offered: the sender may have been slower, and batches make it look a little faster. */
static uint64_t offered(const struct course_step *s)
{
	uint64_t rate = tally_offered(&s->tally, s->plan.size);
	return rate < s->plan.rate_bits_per_s ? rate : s->plan.rate_bits_per_s;
}

static double least_loss(const struct course *c, enum trial_purpose purpose)
{
	double least = 1;
	for (size_t i = 0; i < c->steps; i++)
		if (is_of(&c->step[i], purpose) && loss_of(&c->step[i]) < least)
			least = loss_of(&c->step[i]);
	return least;
}

/* At most so much above the least, and what chance adds to it: four times the deviation of a count of so many. */
static bool is_held(const struct course_step *s, double least)
{
	double above = loss_of(s) - least - RECOMMEND_HELD;
	double variance = s->tally.sent == 0 ? 0 : least * (1 - least) / (double)s->tally.sent;
	return above <= 0 || above * above <= DEVIATIONS * DEVIATIONS * variance;
}

/* Rates ascend in the order of the steps. */
static void find_clean(struct recommendation *r, const struct course *c)
{
	r->least_loss = least_loss(c, TRIAL_RATE);
	for (size_t i = 0; i < c->steps; i++) {
		const struct course_step *s = &c->step[i];
		if (!is_of(s, TRIAL_RATE))
			continue;
		r->size = s->plan.size;
		if (!is_held(s, r->least_loss))
			break;
		r->clean_step = i + 1;
		if (offered(s) > r->clean_bits_per_s)
			r->clean_bits_per_s = offered(s);
		if (loss_of(s) > r->held_loss)
			r->held_loss = loss_of(s);
		if (s->tally.bursts.long_ns > r->burst_ns)
			r->burst_ns = s->tally.bursts.long_ns;
	}
}

static int ascending(const void *a, const void *b)
{
	uint64_t left, right;
	left = *(const uint64_t *)a;
	right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static void find_capacity(struct recommendation *r, const struct course *c)
{
	uint64_t through[TRIAL_STEPS_MAX], least_offered = UINT64_MAX;
	size_t count = 0;
	for (size_t i = r->clean_step; i < c->steps; i++) {
		const struct course_step *s = &c->step[i];
		if (!is_of(s, TRIAL_RATE) || loss_of(s) <= r->least_loss + RECOMMEND_FULL || offered(s) == 0)
			continue;
		through[count++] = tally_goodput(&s->tally, s->plan.size);
		if (offered(s) < least_offered)
			least_offered = offered(s);
	}
	if (count == 0)
		return;
	qsort(through, count, sizeof(through[0]), ascending);
	uint64_t median = (through[(count - 1) / 2] + through[count / 2]) / 2;
	/* a tenth, for what measuring is worth */
	if (median >= r->clean_bits_per_s / 10 * 9 && median <= least_offered / 10 * 11)
		r->capacity_bits_per_s = median;
}

static uint64_t round_down(uint64_t rate)
{
	uint64_t unit = 1;
	while (rate / unit >= 1000)
		unit *= 10;
	return rate / unit * unit;
}

static void find_rate(struct recommendation *r)
{
	r->knee_bits_per_s = r->capacity_bits_per_s != 0 ? r->capacity_bits_per_s : r->clean_bits_per_s;
	uint64_t rate = r->knee_bits_per_s / 100 * RECOMMEND_PERCENT;
	r->rate_bits_per_s = round_down(rate < r->clean_bits_per_s ? rate : r->clean_bits_per_s);
}

static void find_mtu(struct recommendation *r, const struct course *c)
{
	double least = least_loss(c, TRIAL_SIZE), best = 0;
	bool was_tried = false;
	for (size_t i = 0; i < c->steps; i++) {
		const struct course_step *s = &c->step[i];
		if (!is_of(s, TRIAL_SIZE))
			continue;
		was_tried = true;
		double payload = (double)datagram_symbols(s->plan.size) * SYMBOL_BYTES / s->plan.size * (1 - loss_of(s));
		if (s->tally.received == 0 || !is_held(s, least) || payload <= best)
			continue;
		best = payload;
		r->mtu = s->plan.size;
	}
	if (!was_tried)
		r->mtu = r->size;
}

static void find_repair(struct recommendation *r)
{
	uint32_t symbols = datagram_symbols(r->mtu != 0 ? r->mtu : r->size);
	for (uint32_t permille = PERMILLE_LEAST; permille <= PERMILLE_MOST; permille += PERMILLE_STEP) {
		struct geometry g = geometry_choose(RECOMMEND_OBJECT_BYTES, permille);
		r->failure = geometry_failure(&g, 2 * r->held_loss, symbols);
		if (r->failure < RECOMMEND_FAILURE) {
			r->repair_permille = permille;
			return;
		}
	}
}

static void find_outage(struct recommendation *r)
{
	if (r->burst_ns < BURST_NS_LEAST)
		return;
	uint64_t ms = 2 * r->burst_ns / 1000000;
	ms = (ms / OUTAGE_STEP_MS + 1) * OUTAGE_STEP_MS;
	r->survive_outage_ms = (uint32_t)(ms < OUTAGE_MOST_MS ? ms : OUTAGE_MOST_MS);
}

/* "step 3", "steps 3 to 5", and so that a test with holes says the first hole. */
static void say_missed(char out[static RECOMMEND_REASON_BYTES], const struct course *c)
{
	size_t first = 0, last;
	while (c->step[first].is_heard)
		first++;
	for (last = first; last + 1 < c->steps && !c->step[last + 1].is_heard; last++)
		;
	const char *why = first == 0 ? "the receiver was started late: start it first, and test again"
			: last + 1 == c->steps ? "the sender fell silent: look at its own sheet, and test again"
					       : "nothing of it was heard: test again";
	if (first == last)
		snprintf(out, RECOMMEND_REASON_BYTES, "step %zu of %u was missed; %s", first + 1, c->steps, why);
	else
		snprintf(out, RECOMMEND_REASON_BYTES, "steps %zu to %zu of %u were missed; %s", first + 1, last + 1, c->steps, why);
}

static void judge(struct recommendation *r, const struct course *c)
{
	char *why = r->reason;
	if (course_missed(c) > 0)
		say_missed(why, c);
	else if (!c->has_ended)
		snprintf(why, RECOMMEND_REASON_BYTES, "the end of the test was not heard; test again");
	else if (r->clean_step == 0)
		snprintf(why, RECOMMEND_REASON_BYTES, "more is lost at the lowest rate than at a higher one: the way is not steady; "
			 "look at cable, plugs and optics, and test again");
	else if (r->clean_bits_per_s < RECOMMEND_RATE_LEAST)
		snprintf(why, RECOMMEND_REASON_BYTES, "packets of %u bytes do not arrive; set 'mtu' to %" PRIu32 " on both boxes, or "
			 "mend the way, and test again", r->size, r->mtu != 0 ? r->mtu : TRIAL_SIZE_MIN);
	else if (r->held_loss > RECOMMEND_LOSS_MAX)
		snprintf(why, RECOMMEND_REASON_BYTES, "%.2f %% is lost even where least is; look at cable, plugs and optics, and "
			 "test again", r->held_loss * 100);
	else if (r->repair_permille == 0)
		snprintf(why, RECOMMEND_REASON_BYTES, "more is lost than repair rows can restore; mend the way, and test again");
	else
		r->is_accepted = true;
}

struct recommendation recommend(const struct course *c)
{
	struct recommendation r = {.reason = ""};
	find_clean(&r, c);
	find_capacity(&r, c);
	find_rate(&r);
	find_mtu(&r, c);
	if (r.size != 0 || r.mtu != 0)
		find_repair(&r);
	find_outage(&r);
	judge(&r, c);
	return r;
}
