/* Steps that are made up: what course makes of their datagrams, recommend of the steps, chart of both. */
#include "receiver/course.h"

#include <stdlib.h>
#include <string.h>

#include "common/datagram.h"
#include "receiver/chart.h"
#include "receiver/recommend.h"
#include "tests/lib/tap.h"

#define ID UINT64_C(0xc0ffee)
static const uint64_t gbit = 1000000000;
static const struct course_drops no_drops;
static struct course course; /* too large for a stack */
static uint64_t random_state;

static struct trial trial_of(uint16_t step, uint16_t steps, uint64_t rate, enum trial_part part)
{
	return (struct trial){.test_id = ID, .step = step, .steps = steps, .plan = {TRIAL_RATE, rate, 1000, 1500}, .part = part};
}

static bool take(const struct trial *t, uint64_t now_ms)
{
	return course_take(&course, t, now_ms, &no_drops);
}

/* A step of which so much is lost: all beyond the limit, and of the rest a share at random. */
struct way {
	double limit_bits_per_s, loss;
	uint64_t outage_from, outage_count;
	uint16_t size_limit;
};

static bool is_lost(const struct way *way, const struct trial_step *plan, uint64_t number, double *room)
{
	if (plan->size > way->size_limit || (number >= way->outage_from && number < way->outage_from + way->outage_count))
		return true;
	/* a bucket of twenty packets */
	*room += way->limit_bits_per_s / (double)plan->rate_bits_per_s;
	if (*room > 20)
		*room = 20;
	if (*room < 1)
		return true;
	*room -= 1;
	return (double)(test_random(&random_state) % 1000000) < way->loss * 1e6;
}

static void run_step(struct trial t, const struct way *way, uint32_t duration_ms)
{
	t.plan.duration_ms = duration_ms;
	uint64_t count = t.plan.rate_bits_per_s / 8000 * duration_ms / t.plan.size;
	double room = 20;
	t.part = TRIAL_BEGIN;
	take(&t, 0);
	t.part = TRIAL_LOAD;
	for (t.number = 0; t.number < count; t.number++) {
		t.time_ns = (uint64_t)((double)t.number * t.plan.size * 8e9 / (double)t.plan.rate_bits_per_s);
		if (!is_lost(way, &t.plan, t.number, &room))
			take(&t, 0);
	}
	t.part = TRIAL_END;
	t.time_ns = duration_ms * UINT64_C(1000000);
	take(&t, 0);
}

/* Sizes 1,500 and 9,000, then rates that double from 250 Mbit/s on. */
static struct recommendation run(const struct way *way, uint16_t rates)
{
	course_start(&course);
	uint16_t steps = (uint16_t)(rates + 2), step = 0;
	for (; step < 2; step++) {
		struct trial t = trial_of(step, steps, gbit / 4, TRIAL_BEGIN);
		t.plan.purpose = TRIAL_SIZE;
		t.plan.size = step == 0 ? 1500 : 9000;
		run_step(t, way, 200);
	}
	for (; step < steps; step++)
		run_step(trial_of(step, steps, gbit / 4 << (step - 2), TRIAL_BEGIN), way, 500);
	course_close(&course, &no_drops);
	return recommend(&course);
}

static void a_clean_link(void)
{
	const struct way way = {.limit_bits_per_s = 1e12, .size_limit = 9000};
	struct recommendation r = run(&way, 4);
	ok(r.is_accepted && r.reason[0] == 0, "a link that loses nothing is accepted");
	is_number((int64_t)r.rate_bits_per_s, 1600000000, "at 80 %% of the highest rate");
	ok(r.capacity_bits_per_s == 0 && r.clean_step == 6, "how much it carries is not known");
	ok(r.mtu == 9000 && r.size == 1500, "with the largest packets that passed");
	ok(r.repair_permille == 125 && r.survive_outage_ms == 0, "with the usual repair, and no outage to survive");
}

static void a_limit(void)
{
	const struct way way = {.limit_bits_per_s = 3e9, .size_limit = 9000};
	struct recommendation r = run(&way, 6);
	ok(r.is_accepted && r.clean_bits_per_s > 1990000000 && r.clean_bits_per_s <= 2 * gbit, "2 Gbit/s of a limit of 3 are clean");
	ok(r.capacity_bits_per_s > 2950000000 && r.capacity_bits_per_s < 3050000000, "the limit itself is found: %llu",
	   (unsigned long long)r.capacity_bits_per_s);
	ok(r.rate_bits_per_s <= r.clean_bits_per_s && r.rate_bits_per_s >= 1980000000,
	   "what is recommended was carried cleanly: %llu", (unsigned long long)r.rate_bits_per_s);
	/* a knee of which 80 % is less than what was carried */
	const struct way lower = {.limit_bits_per_s = 2.1e9, .size_limit = 9000};
	r = run(&lower, 5);
	ok(r.rate_bits_per_s > 1600000000 && r.rate_bits_per_s < 1720000000, "of 2.1 Gbit/s 80 %% are recommended: %llu",
	   (unsigned long long)r.rate_bits_per_s);
}

/* A box that breaks down above 1 Gbit/s: little comes through of more. */
static void a_collapse(void)
{
	const struct way well = {.limit_bits_per_s = 1e12, .size_limit = 9000}, broken = {.limit_bits_per_s = 2e8, .size_limit = 9000};
	course_start(&course);
	for (uint16_t i = 0; i < 3; i++)
		run_step(trial_of(i, 3, gbit << i, TRIAL_BEGIN), i == 0 ? &well : &broken, 500);
	course_close(&course, &no_drops);
	struct recommendation r = recommend(&course);
	ok(r.is_accepted && r.capacity_bits_per_s == 0 && r.knee_bits_per_s == r.clean_bits_per_s && r.rate_bits_per_s < gbit,
	   "what comes through of too much is no capacity when it is less than was carried");
	is_number((int64_t)r.mtu, 1500, "without a step for sizes the size is that of the rates");
}

static void random_loss(void)
{
	const struct way way = {.limit_bits_per_s = 1e12, .loss = 0.01, .size_limit = 9000};
	struct recommendation r = run(&way, 4);
	ok(r.is_accepted && r.held_loss > 0.008 && r.held_loss < 0.014 && r.clean_step == 6,
	   "1 %% at every rate is what the link is like, and no limit: %f", r.held_loss);
	struct geometry g = geometry_choose(RECOMMEND_OBJECT_BYTES, r.repair_permille);
	ok(geometry_failure(&g, 2 * r.held_loss, datagram_symbols(r.mtu)) < RECOMMEND_FAILURE && r.failure < RECOMMEND_FAILURE,
	   "repair is enough for twice of it");
	const struct way worse = {.limit_bits_per_s = 1e12, .loss = 0.03, .size_limit = 1500};
	struct recommendation more = run(&worse, 3);
	ok(more.is_accepted && more.repair_permille > r.repair_permille, "of 3 %% more repair is recommended: %u permille",
	   more.repair_permille);
	g = geometry_choose(RECOMMEND_OBJECT_BYTES, more.repair_permille - 5);
	ok(geometry_failure(&g, 2 * more.held_loss, datagram_symbols(1500)) >= RECOMMEND_FAILURE, "and no more than is needed");
	is_number(more.mtu, 1500, "packets that did not pass are not recommended");
	const struct way worst = {.limit_bits_per_s = 1e12, .loss = 0.08, .size_limit = 9000};
	r = run(&worst, 3);
	ok(!r.is_accepted && strstr(r.reason, "lost even where least is") != NULL, "of 8 %% none is: %s", r.reason);
}

static void an_outage(void)
{
	/* 30 ms at 500 Mbit/s, and at 250 */
	const struct way way = {.limit_bits_per_s = 1e12, .outage_from = 4000, .outage_count = 1250, .size_limit = 9000};
	struct recommendation r = run(&way, 2);
	ok(r.is_accepted && r.clean_step == 4, "an outage is no loss that counts against the rate");
	ok(r.burst_ns > 59000000 && r.burst_ns < 61000000, "the longest burst is 60 ms");
	ok(r.survive_outage_ms >= 120 && r.survive_outage_ms <= 130, "twice of it is to be survived: %u ms", r.survive_outage_ms);
}

/* At 10 Mbit/s one packet takes 1.2 ms. */
static void a_slow_link(void)
{
	const struct way way = {.limit_bits_per_s = 1e12, .loss = 0.01, .size_limit = 9000};
	course_start(&course);
	run_step(trial_of(0, 1, gbit / 100, TRIAL_BEGIN), &way, 2000);
	course_close(&course, &no_drops);
	struct recommendation r = recommend(&course);
	ok(r.is_accepted && course.step[0].tally.bursts.longest_ns > 1000000 && r.survive_outage_ms == 0,
	   "single packets that are lost on a slow link are no outage");
}

static void not_accepted(void)
{
	const struct way nothing = {.limit_bits_per_s = 1e12, .size_limit = 0};
	struct recommendation r = run(&nothing, 2);
	ok(!r.is_accepted && strstr(r.reason, "packets of 1500 bytes do not arrive") != NULL && r.rate_bits_per_s == 0,
	   "a step of which only the beginning came carried nothing: %s", r.reason);
	const struct way way = {.limit_bits_per_s = 1e12, .size_limit = 9000};
	const struct {
		uint16_t first, last, hole;
		const char *why;
	} cases[] = {
		{3, 9, 99, "steps 1 to 3 of 10 were missed; the receiver was started late"},
		{1, 9, 99, "step 1 of 10 was missed; the receiver was started late"},
		{0, 4, 99, "steps 6 to 10 of 10 were missed; the sender fell silent"},
		{0, 9, 5, "step 6 of 10 was missed; nothing of it was heard"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		course_start(&course);
		for (uint16_t step = cases[i].first; step <= cases[i].last; step++)
			if (step != cases[i].hole)
				run_step(trial_of(step, 10, gbit / 10, TRIAL_BEGIN), &way, 100);
		course_close(&course, &no_drops);
		r = recommend(&course);
		ok(!r.is_accepted && strstr(r.reason, cases[i].why) == r.reason, "%s", cases[i].why);
	}
	course_start(&course);
	struct trial t = trial_of(0, 1, gbit, TRIAL_LOAD);
	take(&t, 0);
	course_close(&course, &no_drops);
	r = recommend(&course);
	ok(!r.is_accepted && strstr(r.reason, "the end of the test was not heard") != NULL, "a test without its end is not accepted");
}

static void follows(void)
{
	course_start(&course);
	struct trial t = trial_of(2, 5, gbit, TRIAL_LOAD), other;
	ok(course_wants_drops(&course, &t) && take(&t, 100) && course.current == 2 && course.test_id == ID && course.steps == 5,
	   "a step is known by any of its datagrams");
	ok(!course_wants_drops(&course, &t) && !take(&t, 100), "and begins once");
	other = t;
	other.test_id++;
	ok(!take(&other, 100) && course.other_test == 1, "another test counts for nothing");
	other = t;
	other.steps = 6;
	ok(!take(&other, 100) && course.contradicting == 1, "nor does one that says other things of the test");
	other = t;
	other.plan.rate_bits_per_s++;
	ok(!take(&other, 100) && course.contradicting == 2, "or of the step");
	other = t;
	other.number = 1000000000;
	ok(!take(&other, 100) && course.contradicting == 3, "or has a number that the plan has not");
	other = t;
	other.step = 1;
	ok(!take(&other, 100) && course.past == 1, "a step that is over does not come again");
	is_number((int64_t)course_missed(&course), 4, "of what was not heard it knows");
	ok(!course_is_over(&course, 100 + 5000) && course_is_over(&course, 100 + 5001),
	   "a sender that is silent for three seconds and two steps is gone");
	t = trial_of(4, 5, gbit, TRIAL_END);
	ok(take(&t, 200) && course.has_ended && !course_is_over(&course, 700) && course_is_over(&course, 701),
	   "behind the end half a second is awaited");
	course_start(&course);
	ok(!course_is_over(&course, UINT64_MAX), "before anything came nothing is over");
}

static void places(void)
{
	struct course_step s = {.tally = {.sent = 10, .received = 10}, .drops = {.socket = 1}};
	is_text(course_place(&s), "none", "nothing lost is lost nowhere");
	s.tally.received = 9;
	is_text(course_place(&s), "socket", "what the socket dropped is the socket's");
	s.drops.nic.full = 1;
	is_text(course_place(&s), "several", "with what the NIC dropped it is both of theirs");
	s.drops.socket = 0;
	is_text(course_place(&s), "nic", "or the NIC's alone");
	s.drops.nic.full = 0;
	is_text(course_place(&s), "before", "without any sign here it was lost before");
	struct course_drops now = {.socket = 7, .nic = {.full = 3}};
	course_start(&course);
	struct trial t = trial_of(0, 1, gbit, TRIAL_LOAD);
	course_take(&course, &t, 0, &now);
	now.socket = 9;
	course_close(&course, &now);
	ok(course.step[0].drops.socket == 2 && course.step[0].drops.nic.full == 0, "drops are those of the step alone");
}

/* All it says, in memory. */
static char *drawn(bool is_svg, unsigned int cells, const struct recommendation *r)
{
	char *text = NULL;
	size_t len;
	FILE *memory = open_memstream(&text, &len);
	if (is_svg)
		chart_print_svg(memory, &course, r);
	else
		chart_print(memory, cells, &course, r);
	fclose(memory);
	return text;
}

static size_t widest(const char *text)
{
	size_t most = 0, cells = 0;
	for (; *text != 0; text++) {
		cells = *text == '\n' ? 0 : cells + ((*text & 0xc0) != 0x80);
		most = cells > most ? cells : most;
	}
	return most;
}

static void pictures(void)
{
	const struct way way = {.limit_bits_per_s = 5e8, .size_limit = 9000};
	struct recommendation r = run(&way, 3);
	static const unsigned int cells[] = {10, 80, 120, 1000}, fit[] = {80, 80, 120, 160};
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		char *text = drawn(false, cells[i], &r);
		ok(widest(text) <= fit[i] && widest(text) > fit[i] - 20, "the curves take %u cells of %u", (unsigned int)widest(text), cells[i]);
		free(text);
	}
	char *text = drawn(false, 80, &r);
	ok(strstr(text, "1 Gbit/s") != NULL && strstr(text, "█") != NULL && strstr(text, "bursts of so many") != NULL,
	   "they show each rate, and bursts");
	free(text);
	text = drawn(true, 0, &r);
	ok(strstr(text, "<svg") != NULL && strstr(text, "recommended: ") != NULL && strstr(text, "nothing was lost") == NULL &&
		   strcmp(text + strlen(text) - 7, "</svg>\n") == 0 && strstr(text, "nan") == NULL && strstr(text, "inf") == NULL,
	   "the picture is whole");
	free(text);
	course_start(&course);
	struct trial t = trial_of(0, 1, gbit, TRIAL_BEGIN);
	take(&t, 0);
	course_close(&course, &no_drops);
	r = recommend(&course);
	text = drawn(true, 0, &r);
	ok(strstr(text, "nothing was lost") != NULL && strstr(text, "nan") == NULL && strstr(text, "inf") == NULL,
	   "also when there is nothing to be drawn");
	size_t zeros = 0;
	for (const char *p = text; (p = strstr(p, ">0</text>")) != NULL; p++)
		zeros++;
	is_number((int64_t)zeros, 3, "the scales of rate, goodput and bursts begin at 0, each once: there is no half of a burst");
	free(text);
}

int main(void)
{
	random_state = test_seed();
	follows();
	places();
	a_clean_link();
	a_limit();
	a_collapse();
	random_loss();
	an_outage();
	a_slow_link();
	not_accepted();
	pictures();
	return done_testing();
}
