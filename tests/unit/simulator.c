/*
 * The simulator of tests/sim: what the scheduler, the link and the assembly do together.  Each scenario follows from
 * its seed.  SEED=n VERBOSE=1 runs the scenario and the pattern of that seed alone, and tells what happens in it.
 * BUDGET=seconds: 10^5 patterns, twenty times the outages, and as many scenarios as fit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/geometry.h"
#include "common/bundle.h"
#include "tests/lib/tap.h"
#include "tests/sim/sim.h"

static const uint64_t kib = 1024, mib = UINT64_C(1) << 20;

/* Seconds since the test began, and how many it may take; 0: as short as in make test. */
static double elapsed(void)
{
	static struct timespec begun;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (begun.tv_sec == 0)
		begun = now;
	return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
}

static unsigned int budget(void)
{
	const char *text = getenv("BUDGET");
	return text == NULL ? 0 : (unsigned int)strtoul(text, NULL, 10);
}

static bool is_told(void)
{
	return getenv("VERBOSE") != NULL;
}

/* As many as make test has time for; under the sanitizers fewer, with a budget more. */
static unsigned int scaled(unsigned int count, unsigned int by)
{
#ifdef WEIR_SANITIZE
	return budget() > 0 ? count * by : (count + 7) / 8;
#else
	return budget() > 0 ? count * by : count;
#endif
}

/* IL3: one outage of survive_outage_ms, wherever it begins */

struct outage_case {
	uint64_t bytes, rate_bits_per_s;
	uint32_t mtu, outage_ms;
	unsigned int starts;  /* moments that are tried */
	unsigned int others;  /* that are pushed before it */
};

enum { PUSH_MS = 2000 };

/* start_us 0: no outage, and what is found is from when to when the bundle goes. */
static struct sim_report run_outage(const struct outage_case *c, uint64_t start_us, enum sim_broken broken,
				    uint64_t *from_us, uint64_t *to_us)
{
	const struct sim_terms terms = {
		.rate_bits_per_s = c->rate_bits_per_s,
		.mtu = c->mtu,
		.passes = 1,
		.survive_outage_ms = c->outage_ms,
		.repair_permille = 125,
		.retention_s = 3600,
		.broken = broken,
	};
	struct sim *sim = sim_new(&terms, &(struct sim_link){0}, 1);
	for (unsigned int i = 0; i < c->others; i++)
		sim_at(sim, PUSH_MS, SIM_PUSH, 48 << 10);
	sim_at(sim, PUSH_MS, SIM_PUSH, (int64_t)c->bytes);
	if (start_us > 0)
		sim_outage(sim, start_us, (uint64_t)c->outage_ms * 1000);
	else
		sim_at(sim, 1000000, SIM_LINK_CALM, 0); /* all the work goes */
	sim_run(sim, 1000000);
	struct sim_report report = sim_report(sim);
	if (start_us == 0) {
		*from_us = sim_first_data_ns(sim) / 1000;
		*to_us = sim_work_ended_ns(sim) / 1000;
	}
	sim_free(sim);
	return report;
}

static void test_outage(const struct outage_case *c)
{
	uint64_t from, to, first_lost = 0;
	unsigned int lost = 0, faults = 0, starts = scaled(c->starts, 20);
	run_outage(c, 0, SIM_SOUND, &from, &to);
	/* one begins with the pages that name it */
	const uint64_t named = from - 2000;
	from -= (uint64_t)c->outage_ms * 1000 + 5000;
	for (unsigned int i = 0; i <= starts; i++) {
		uint64_t start = i == starts ? named : from + (to - from) * i / starts;
		struct sim_report report = run_outage(c, start, SIM_SOUND, NULL, NULL);
		if (report.delivered != report.accepted && lost++ == 0)
			first_lost = start;
		faults += sim_faults(&report);
		if (report.first[0] != 0)
			note("outage at %" PRIu64 " us: %s", start, report.first);
	}
	if (lost > 0)
		note("lost at %u moments, first at %" PRIu64 " us; it goes from %" PRIu64 " to %" PRIu64, lost, first_lost,
		     from, to);
	ok(lost == 0 && faults == 0, "%" PRIu64 " KiB and %u of 48 KiB at %" PRIu64 " kbit/s, MTU %u: an outage of %u ms at any of %u "
	   "moments costs nothing", c->bytes / kib, c->others, c->rate_bits_per_s / 1000, c->mtu, c->outage_ms, starts + 1);
}

/* The rate at which an outage is only just of so many rows of each block that the pass restores them. */
static uint64_t edge_rate(uint64_t bytes, uint32_t mtu, uint32_t outage_ms)
{
	struct geometry g = geometry_choose(bytes, 125);
	uint64_t full = mtu == 1500 ? 11 : 69, symbols = geometry_row_symbols(&g);
	uint64_t row_bits = 8 * (g.row_len + (symbols + full - 1) / full * (64 + 28));
	return row_bits * g.repair_rows * 1000 / outage_ms - row_bits * 10 / outage_ms;
}

static void test_outages(void)
{
	static const struct outage_case cases[] = {
		{48 << 10, 1000000000, 1500, 50, 100, 0},
		{1 << 20, 1000000000, 1500, 50, 100, 0},
		{1 << 20, 100000000, 1500, 5, 200, 0},
		{8 << 20, 1000000000, 1500, 1, 60, 0},
		{8 << 20, 1000000000, 1500, 10, 60, 0},
		{8 << 20, 1000000000, 9000, 10, 60, 0},
		{64 << 20, 1000000000, 1500, 60, 16, 0},
		{64 << 20, 1000000000, 1500, 1000, 8, 0},
		{256 << 20, 10000000000, 9000, 50, 10, 0},
		{64 << 20, 10000000000, 9000, 1000, 20, 0},
		{4 << 20, 10000000, 1500, 1000, 100, 0},
		{4 << 20, 100000000, 1500, 100, 50, 40},
		{256 << 20, 1000000000, 1500, 100, 10, 40},
		{1 << 30, 1000000000, 1500, 300, 2, 0},
		{256 << 20, 10000000000, 9000, 20, 6, 0},
		{512 << 20, 1000000000, 1500, 20, 3, 60},
	};
	static const struct outage_case edges[] = {
		{1 << 20, 0, 1500, 20, 200, 0}, {8 << 20, 0, 1500, 20, 100, 0}, {8 << 20, 0, 9000, 20, 200, 0},
		{48 << 10, 0, 1500, 5, 200, 0}, {64 << 20, 0, 9000, 50, 20, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_outage(&cases[i]);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct outage_case edge = edges[i];
		edge.rate_bits_per_s = edge_rate(edge.bytes, edge.mtu, edge.outage_ms);
		test_outage(&edge);
	}
}

/* Whole scenarios */

static uint64_t below(uint64_t *state, uint64_t end)
{
	return test_random(state) % end;
}

static bool one_in(uint64_t *state, uint64_t count)
{
	return below(state, count) == 0;
}

static double fraction(uint64_t *state)
{
	return (double)below(state, 1000001) / 1000000;
}

static struct sim_terms random_terms(uint64_t *state)
{
	static const uint64_t rates[] = {2000000, 10000000, 100000000, 1000000000};
	static const uint32_t mtus[] = {1500, 1500, 4000, 9000}, outages[] = {0, 0, 5, 50, 500, 2000};
	static const uint32_t heals[] = {0, 5, 25, 25, 25, 100}, repairs[] = {0, 50, 125, 125, 300};
	return (struct sim_terms){
		.rate_bits_per_s = rates[below(state, 4)],
		.mtu = mtus[below(state, 4)],
		.passes = 1 + (uint32_t)one_in(state, 4),
		.survive_outage_ms = outages[below(state, 6)],
		.heal_percent = heals[below(state, 6)],
		.repair_permille = repairs[below(state, 5)],
		.retention_s = 600 + 600 * below(state, 6),
	};
}

static struct sim_link random_link(uint64_t *state)
{
	struct sim_link link = {0};
	if (one_in(state, 2))
		link.loss = fraction(state) * (one_in(state, 4) ? 0.6 : 0.05);
	if (one_in(state, 3)) {
		link.to_bad = fraction(state) / 100;
		link.to_good = 0.01 + fraction(state) / 10;
		link.bad_loss = fraction(state);
	}
	if (one_in(state, 3))
		link.damage = fraction(state) / 20;
	if (one_in(state, 4))
		link.repeat = fraction(state) / 2;
	link.disorders = one_in(state, 4);
	return link;
}

/* Smallest to a few seconds of the rate, or 8 MiB. */
static int64_t random_size(uint64_t *state, const struct sim_terms *terms)
{
	uint64_t most = terms->rate_bits_per_s / 8 * 4;
	if (most > 8 * mib)
		most = 8 * mib;
	uint64_t size = most >> below(state, 9);
	return (int64_t)((3 + below(state, size / SEGMENT_BYTES + 1)) * SEGMENT_BYTES);
}

enum { FAULTS_END_MS = 300000 };

static void add_faults(struct sim *sim, uint64_t *state)
{
	static const uint64_t lengths[] = {100, 2000, 20000, 100000};
	static const enum sim_event kinds[] = {
		SIM_OUTAGE, SIM_OUTAGE, SIM_HOLD_DIES, SIM_EMIT_DIES, SIM_KEEP_DIES, SIM_SENDER_POWER, SIM_RECEIVER_POWER,
		SIM_VAULT_FULL, SIM_SPOOL_FULL,
	};
	for (uint64_t i = below(state, 8); i > 0; i--)
		sim_at(sim, 1000 + below(state, 180000), kinds[below(state, sizeof(kinds) / sizeof(kinds[0]))],
		       (int64_t)(1 + below(state, lengths[below(state, 4)])));
	if (one_in(state, 8)) {
		uint64_t at = 1000 + below(state, 180000);
		sim_at(sim, at, SIM_SENDER_POWER, 2000);
		sim_at(sim, at + below(state, 3000), SIM_RECEIVER_POWER, 2000);
	}
	if (one_in(state, 6)) {
		sim_at(sim, 1000 + below(state, 60000), SIM_BACKUP, 0);
		sim_at(sim, 61000 + below(state, 60000), SIM_RESTORE, 0);
	}
	if (one_in(state, 6)) {
		int64_t jump = (int64_t)below(state, 6 * 86400) - 3 * 86400;
		sim_at(sim, 1000 + below(state, 100000), SIM_SENDER_CLOCK, jump);
		if (one_in(state, 2))
			sim_at(sim, 101000 + below(state, 100000), SIM_SENDER_CLOCK, -jump);
	}
	if (one_in(state, 12))
		sim_at(sim, 1000 + below(state, 180000), SIM_VAULT_LOST, 0);
	sim_at(sim, FAULTS_END_MS, SIM_LINK_CALM, 0);
}

/* What is offered is healed in time, when anything is healed at all. */
static struct sim_report run_scenario(uint64_t seed, enum sim_broken broken, bool *is_healed)
{
	uint64_t state = seed;
	struct sim_terms terms = random_terms(&state);
	terms.broken = broken;
	struct sim_link link = random_link(&state);
	struct sim *sim = sim_new(&terms, &link, seed);
	for (uint64_t i = 1 + below(&state, one_in(&state, 4) ? 60 : 10); i > 0; i--)
		sim_at(sim, 1500 + below(&state, 150000), SIM_PUSH, random_size(&state, &terms));
	add_faults(sim, &state);
	sim_run(sim, FAULTS_END_MS);
	sim_run(sim, FAULTS_END_MS + sim_heal_bound_ms(sim));
	struct sim_report report = sim_report(sim);
	if (is_told())
		sim_tell(sim);
	*is_healed = terms.heal_percent == 0 || report.open == 0;
	if (report.open > 0)
		sim_run(sim, FAULTS_END_MS + 60000 + terms.retention_s * 1000);
	report = sim_report(sim);
	sim_free(sim);
	return report;
}

static void test_scenarios(uint64_t seed, unsigned int count)
{
	struct sim_report sum = {0};
	unsigned int faulty = 0, unhealed = 0;
	uint64_t wait_us = 0;
	for (unsigned int i = 0; i < count; i++) {
		bool is_healed;
		struct sim_report report = run_scenario(seed + i, SIM_SOUND, &is_healed);
		if (sim_faults(&report) > 0 || !is_healed) {
			note("SEED=%" PRIu64 ": %s; %u of %u delivered, %u lost, %u open%s", seed + i, report.first,
			     report.delivered, report.accepted, report.lost, report.open, is_healed ? "" : ", not healed in time");
			faulty += sim_faults(&report) > 0;
		}
		unhealed += !is_healed;
		sum.accepted += report.accepted;
		sum.delivered += report.delivered;
		sum.lost += report.lost;
		sum.missing += report.missing;
		sum.datagrams += report.datagrams;
		sum.dropped += report.dropped;
		sum.late += report.late;
		if (report.work_wait_us > wait_us)
			wait_us = report.work_wait_us;
	}
	note("%u scenarios: %u bundles, %u delivered, %u lost with a name, %u missing for a time, %u later than was said, "
	     "%" PRIu64 " datagrams, %" PRIu64 " dropped, work waited %" PRIu64 " us", count, sum.accepted, sum.delivered, sum.lost, sum.missing, sum.late,
	     sum.datagrams, sum.dropped, wait_us);
	ok(faulty == 0, "no scenario has anything lost unseen, named wrongly, delivered twice or left undelivered");
	ok(unhealed == 0, "what is offered is healed within the time of LINK.md 5 after the faults");
}

/* IL1: small bundles and every pattern of loss: all that lacks is named, and nothing else */

static struct sim_report run_pattern(uint64_t seed, enum sim_broken broken)
{
	static const uint32_t outages[] = {0, 0, 20};
	uint64_t state = seed;
	const struct sim_terms terms = {
		.rate_bits_per_s = one_in(&state, 2) ? 1000000000 : 20000000,
		.mtu = one_in(&state, 2) ? 1500 : 9000,
		.passes = 1 + (uint32_t)one_in(&state, 3),
		.survive_outage_ms = outages[below(&state, 3)],
		.repair_permille = 125,
		.retention_s = 3600,
		.broken = broken,
	};
	struct sim_link link = random_link(&state);
	/* of every amount, most of them where some bundles fail and some do not */
	if (link.loss == 0 && link.to_bad == 0)
		link.loss = fraction(&state) * fraction(&state) * 0.6;
	struct sim *sim = sim_new(&terms, &link, seed);
	for (uint64_t i = 1 + below(&state, 3); i > 0; i--)
		sim_at(sim, 1000 + below(&state, 2000), SIM_PUSH,
		       (int64_t)((3 + below(&state, 1 << below(&state, 6))) * SEGMENT_BYTES));
	if (one_in(&state, 3))
		sim_outage(sim, 900000 + below(&state, 2500000), below(&state, 1000000));
	sim_run(sim, 5000 + SIM_NAMED_S * 1000 + below(&state, 3000));
	struct sim_report report = sim_report(sim);
	sim_free(sim);
	return report;
}

static void test_patterns(uint64_t seed)
{
	unsigned int count = scaled(2000, 50), unseen = 0, wrong = 0, others = 0, lacking = 0, bundles = 0;
	double begun = elapsed();
	for (unsigned int i = 0; i < count; i++) {
		struct sim_report report = run_pattern(seed + i, SIM_SOUND);
		if (sim_faults(&report) > 0)
			note("SEED=%" PRIu64 ": %s", seed + i, report.first);
		unseen += report.unseen;
		wrong += report.wrong;
		others += sim_faults(&report) - report.unseen - report.wrong;
		lacking += report.open;
		bundles += report.accepted;
	}
	note("%u patterns in %.1f s: %u bundles, of which %u lack something and have a name", count, elapsed() - begun, bundles,
	     lacking);
	ok(lacking > count / 10 && lacking < bundles - count / 10, "in these patterns bundles arrive and bundles do not");
	is_number(unseen, 0, "of %u patterns of loss, nothing is lost unseen", count);
	is_number(wrong, 0, "and nothing is named that is not missing");
	is_number(others, 0, "and nothing else is wrong");
}

/* IL2: 2 % at random in one pass, 5 % in two, with the probability that was computed beforehand */

static double pass_failure(const struct geometry *g, double loss, uint32_t mtu, uint32_t passes)
{
	if (passes == 1)
		return geometry_failure(g, loss, mtu == 1500 ? 11 : 69);
	/* a symbol is lost when it is lost in both */
	return geometry_failure(g, loss * loss, mtu == 1500 ? 11 : 69);
}

/* As many bundles of all sizes as leave the probability that any of them fails below 10^-4. */
static void test_random_loss(uint64_t seed, double loss, uint32_t mtu, uint32_t passes)
{
	static const uint64_t sizes[] = {48 << 10, 1 << 20, 8 << 20, 208 << 10, 48 << 20};
	static const uint32_t permilles[] = {125, 125, 250, 250, 250};
	double sum = 0;
	unsigned int lost = 0, faults = 0, count = 0;
	for (unsigned int i = 0; i < 30; i++) {
		struct geometry g = geometry_choose(sizes[i % 5], permilles[i / 5 % 5]);
		const struct sim_terms terms = {
			.rate_bits_per_s = 1000000000, .mtu = mtu, .passes = passes, .repair_permille = permilles[i / 5 % 5],
			.retention_s = 3600,
		};
		if (sum + pass_failure(&g, loss, mtu, passes) > 1e-4)
			continue;
		sum += pass_failure(&g, loss, mtu, passes);
		struct sim *sim = sim_new(&terms, &(struct sim_link){.loss = loss}, seed + i);
		sim_at(sim, 2000, SIM_PUSH, (int64_t)sizes[i % 5]);
		sim_run(sim, 30000);
		struct sim_report report = sim_report(sim);
		lost += report.accepted - report.delivered;
		faults += sim_faults(&report);
		count++;
		sim_free(sim);
	}
	note("computed: one of these %u bundles fails with a probability of %.1e", count, sum);
	ok(count >= 5 && lost == 0 && faults == 0, "%.0f %% of the datagrams lost, MTU %u, passes %u: none of %u bundles is lost",
	   loss * 100, mtu, passes, count);
}

/* IL5: disorder by 10,000, every datagram three times, damage */
static void test_disorder(uint64_t seed)
{
	unsigned int lost = 0, faults = 0, count = scaled(8, 10);
	for (unsigned int i = 0; i < count; i++) {
		const struct sim_terms terms = {
			.rate_bits_per_s = 1000000000, .mtu = 1500, .passes = 1, .repair_permille = 125, .retention_s = 3600,
		};
		const struct sim_link link = {.damage = 0.02, .repeat = 0.6667, .disorders = true};
		struct sim *sim = sim_new(&terms, &link, seed + i);
		sim_at(sim, 2000, SIM_PUSH, (int64_t)(20 * mib));
		sim_at(sim, 2010, SIM_PUSH, 48 << 10);
		sim_run(sim, 30000);
		struct sim_report report = sim_report(sim);
		lost += report.accepted - report.delivered;
		faults += sim_faults(&report);
		if (report.first[0] != 0)
			note("SEED=%" PRIu64 ": %s", seed + i, report.first);
		sim_free(sim);
	}
	ok(lost == 0 && faults == 0, "datagrams out of order by 10,000, three times on average, 2 %% of them damaged: nothing is lost "
	   "or wrong in %u runs", count);
}

/* It takes so long that the end of its pass is told of at once, while its last datagrams are still under way. */
static struct sim_report run_slow(uint64_t seed, enum sim_broken broken)
{
	const struct sim_terms terms = {
		.rate_bits_per_s = 2000000, .mtu = 1500, .passes = 1, .repair_permille = 125, .retention_s = 3600,
		.broken = broken,
	};
	struct sim *sim = sim_new(&terms, &(struct sim_link){.disorders = true, .loss = 0.1}, seed);
	sim_at(sim, 2000, SIM_PUSH, (int64_t)((90 + seed % 10) * SEGMENT_BYTES));
	sim_run(sim, 30000);
	struct sim_report report = sim_report(sim);
	sim_free(sim);
	return report;
}

/* LINK.md 5: a vault that is lost at any moment of the healing is whole again in this time */

struct heal_case {
	uint64_t bytes, rate_bits_per_s;
	unsigned int bundles;
	unsigned int moments;
};

/* How many ms after the loss; UINT64_MAX: not at all. */
static uint64_t run_heal(const struct heal_case *c, uint64_t lost_ms, uint64_t *bound_ms, unsigned int *faults)
{
	const struct sim_terms terms = {
		.rate_bits_per_s = c->rate_bits_per_s, .mtu = 1500, .passes = 1, .heal_percent = 25, .repair_permille = 125,
		.retention_s = 432000,
	};
	struct sim *sim = sim_new(&terms, &(struct sim_link){0}, c->bytes);
	for (unsigned int i = 0; i < c->bundles; i++)
		sim_at(sim, 2000 + i, SIM_PUSH, (int64_t)(c->bytes >> i % 4));
	sim_at(sim, lost_ms, SIM_VAULT_LOST, 0);
	sim_run(sim, lost_ms + 100000000);
	struct sim_report report = sim_report(sim);
	*bound_ms = sim_heal_bound_ms(sim);
	*faults += sim_faults(&report);
	sim_free(sim);
	return report.open > 0 || report.delivered != c->bundles ? UINT64_MAX : report.delivered_ms - lost_ms;
}

static void test_heal(const struct heal_case *c)
{
	uint64_t longest = 0, bound = 0;
	unsigned int faults = 0, moments = scaled(c->moments, 10);
	for (unsigned int i = 0; i < moments; i++) {
		/* from when it waits longest between two healings, for more than one of its rounds */
		uint64_t took = run_heal(c, 3600000 + UINT64_C(2400000) * i / moments, &bound, &faults);
		if (took > longest)
			longest = took;
	}
	ok(longest <= bound && faults == 0, "%u bundles of up to %" PRIu64 " KiB at %" PRIu64 " kbit/s: a vault lost at any of %u moments is "
	   "whole again in %" PRIu64 " s, promised were %" PRIu64 " s", c->bundles, c->bytes / kib, c->rate_bits_per_s / 1000, moments,
	   longest / 1000, bound / 1000);
}

static void test_heals(void)
{
	static const struct heal_case cases[] = {
		{48 << 10, 100000000, 1, 10}, {8 << 20, 10000000, 20, 2}, {8 << 20, 2000000, 20, 2},
		{16 << 20, 1500000, 1, 4}, {1 << 20, 2000000, 100, 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_heal(&cases[i]);
}

/* What is made wrong on purpose is seen */

/* New work preempts healing: LINK.md 5 */

/* Small bundles, one after the other, while a large one heals, which takes about eight seconds a pass. */
static struct sim_report run_preempt(uint64_t rate_bits_per_s, uint32_t mtu, uint32_t heal_percent, enum sim_broken broken,
				     uint64_t seed)
{
	const uint64_t small = 48 * kib, slow = small * 8 * 1000 * 2 / rate_bits_per_s, gap_ms = 400 + 2 * slow;
	uint64_t state = seed, large = rate_bits_per_s / 8 * heal_percent / 100 * 8;
	const struct sim_terms terms = {
		.rate_bits_per_s = rate_bits_per_s, .mtu = mtu, .passes = 1, .heal_percent = heal_percent,
		.repair_permille = 125, .retention_s = 3600, .broken = broken,
	};
	large = large < small ? small : large > 64 * mib ? 64 * mib : large;
	struct sim *sim = sim_new(&terms, &(struct sim_link){0}, seed);
	uint64_t at_ms = 1500;
	sim_at(sim, at_ms, SIM_PUSH, (int64_t)(large / SEGMENT_BYTES * SEGMENT_BYTES));
	at_ms += large * 8 * 1000 / rate_bits_per_s * 5 / 4 + 2000;
	for (unsigned int i = 0; i < 40; i++) {
		sim_at(sim, at_ms + below(&state, gap_ms / 2), SIM_PUSH, (int64_t)small);
		at_ms += gap_ms;
	}
	sim_at(sim, at_ms, SIM_LINK_CALM, 0);
	sim_run(sim, at_ms);
	struct sim_report report = sim_report(sim);
	sim_free(sim);
	return report;
}

/*
 * Work is pushed when the next generation is some ms away, in which a bundle is retired: that which has named it once
 * is enough.
 */
static void test_preempt_across_generations(void)
{
	const struct sim_terms terms = {
		.rate_bits_per_s = 10000000, .mtu = 9000, .passes = 1, .heal_percent = 100, .repair_permille = 125, .retention_s = 30,
	};
	const uint64_t retires_ms = 61000;
	unsigned int preempted = 0, faults = 0;
	uint64_t wait_us = 0;
	for (unsigned int before_ms = 1; before_ms <= 40; before_ms++) {
		struct sim *sim = sim_new(&terms, &(struct sim_link){0}, before_ms);
		sim_at(sim, 1500, SIM_PUSH, (int64_t)(48 * kib));
		sim_at(sim, retires_ms / 2 + 5000, SIM_PUSH, (int64_t)(8 * mib));
		sim_at(sim, retires_ms - before_ms, SIM_PUSH, (int64_t)(48 * kib));
		sim_run(sim, retires_ms + 2000);
		struct sim_report report = sim_report(sim);
		sim_free(sim);
		preempted += report.preempted;
		faults += sim_faults(&report);
		wait_us = report.work_wait_us > wait_us ? report.work_wait_us : wait_us;
	}
	ok(preempted >= 35 && faults == 0 && wait_us <= 14400,
	   "10000 kbit/s, MTU 9000: work that the next generation catches up with begins within 14.4 ms as well (%u times, %.1f ms)",
	   preempted, (double)wait_us / 1e3);
}

static void test_preempts(uint64_t seed)
{
	static const uint64_t rates[] = {1000000, 2000000, 2500000, 3000000, 10000000, 15000000, 30000000, 100000000, 1000000000,
					 10000000000, 100000000000};
	static const uint32_t mtus[] = {1500, 9000}, heals[] = {1, 25, 100};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		for (size_t j = 0; j < 2; j++) {
			unsigned int preempted = 0, faults = 0;
			uint64_t wait_us = 0, datagram = mtus[j] == 1500 ? 1500 : 8924;
			uint64_t bound_us = 2 * datagram * 8 * 1000000 / rates[i];
			bound_us = bound_us < 10000 ? 10000 : bound_us;
			for (size_t k = 0; k < 3; k++) {
				struct sim_report report = run_preempt(rates[i], mtus[j], heals[k], SIM_SOUND, seed + k);
				preempted += report.preempted;
				faults += sim_faults(&report);
				wait_us = report.work_wait_us > wait_us ? report.work_wait_us : wait_us;
			}
			ok(preempted >= 15 && faults == 0 && wait_us <= bound_us,
			   "%" PRIu64 " kbit/s, MTU %u: work that finds the link healing begins within %.1f ms (%u times, %.1f ms)",
			   rates[i] / 1000, mtus[j], (double)bound_us / 1e3, preempted, (double)wait_us / 1e3);
		}
	}
	test_preempt_across_generations();
	struct sim_report report = run_preempt(3000000, 1500, 100, SIM_REPEATS_FIRST, seed);
	ok(report.crowded > 0, "when data wait for all repetitions of their page it is more, and it is seen (%.1f ms)",
	   (double)report.work_wait_us / 1e3);
}

static void test_controls(uint64_t seed)
{
	const struct outage_case late = {1 << 20, 1000000000, 1500, 50, 0, 0};
	struct sim_report sum = {0};
	struct sim_report report = run_outage(&late, 1995000, SIM_NO_LATE_ROWS, NULL, NULL);
	unsigned int unhealed = 0, count = 60;
	ok(report.delivered == 0 && report.open == 1, "without late rows an outage costs a bundle, and it is seen");
	for (unsigned int i = 0; i < count; i++) {
		bool is_healed;
		(void)run_scenario(seed + i, SIM_NO_HEALING, &is_healed);
		unhealed += !is_healed;
		sum.twice += run_scenario(seed + i, SIM_FORGETS_VAULT, &is_healed).twice;
		sum.crowded += run_scenario(seed + i, SIM_HEALS_FIRST, &is_healed).crowded;
	}
	for (unsigned int i = 0; i < count; i++) {
		sum.wrong += run_slow(seed + i, SIM_NO_GRACE).wrong;
		sum.strange += run_slow(seed + i, SIM_SOUND).wrong;
		sum.unseen += run_pattern(seed + i, SIM_DEAF_TO_PAGES).unseen;
	}
	ok(unhealed > 0, "without healing what was lost is not healed, and it is seen (%u of %u)", unhealed, count);
	ok(sum.twice > 0, "a vault that forgets what it has delivered delivers it again, and it is seen (%u)", sum.twice);
	ok(sum.crowded > 0, "healing that is ordered as work takes more than its share, and it is seen (%u)", sum.crowded);
	ok(sum.wrong > 0 && sum.strange == 0, "without grace bundles are named that are on their way, and it is seen "
	   "(%u of %u)", sum.wrong, count);
	ok(sum.unseen > 0, "a receiver that hears no page has no names, and it is seen (%u)", sum.unseen);
}

/*
 * Pushed while the link is down, put back with a copy of the spool when its retention time is over, and still nobody has
 * heard of it: it is offered for a whole retention time again, and so arrives.
 */
static void test_put_back_late(void)
{
	const struct sim_terms terms = {
		.rate_bits_per_s = 100000000, .mtu = 1500, .passes = 1, .heal_percent = 25, .repair_permille = 125,
		.retention_s = 3600,
	};
	struct sim *sim = sim_new(&terms, &(struct sim_link){0}, 1);
	sim_outage(sim, 1000000, 90000000);
	sim_at(sim, 5000, SIM_PUSH, 1 << 18);
	sim_at(sim, 10000, SIM_BACKUP, 0);
	sim_at(sim, 20000, SIM_SENDER_CLOCK, 7200);
	sim_at(sim, 30000, SIM_RESTORE, 0);
	sim_run(sim, 1000000);
	struct sim_report report = sim_report(sim);
	ok(report.accepted == 1 && report.delivered == 1 && sim_faults(&report) == 0,
	   "what nobody had heard of when the sender was put back, beyond its retention time, arrives: %s", report.first);
	sim_free(sim);
}

static void replay(uint64_t seed)
{
	bool is_healed;
	struct sim_report report = run_scenario(seed, SIM_SOUND, &is_healed);
	ok(sim_faults(&report) == 0 && is_healed, "the scenario: %s", report.first);
	report = run_pattern(seed, SIM_SOUND);
	ok(sim_faults(&report) == 0, "the pattern: %s", report.first);
}

int main(void)
{
	uint64_t seed = test_seed();
	const unsigned int scenarios = scaled(200, 1);
	(void)elapsed();
	if (is_told()) {
		replay(seed);
		return done_testing();
	}
	test_outages();
	test_random_loss(seed, 0.02, 1500, 1);
	test_random_loss(seed, 0.02, 9000, 1);
	test_random_loss(seed, 0.05, 1500, 2);
	test_disorder(seed);
	test_heals();
	test_put_back_late();
	test_preempts(seed);
	test_patterns(seed);
	test_controls(seed);
	test_scenarios(seed, scenarios);
	while (budget() > 0 && elapsed() < budget()) {
		seed += scenarios;
		test_scenarios(seed, scenarios);
	}
	return done_testing();
}
