/*
 * The simulator of tests/sim: what the scheduler, the link and the assembly do together.  Each scenario follows from
 * its seed; SEED=n runs the one of that seed first.  BUDGET=seconds: as many as fit.
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

/* IL3: one outage of survive_outage_ms, wherever it begins */

struct outage_case {
	uint64_t bytes, rate_bits_per_s;
	uint32_t mtu, outage_ms;
	unsigned int starts;
};

static struct sim_report run_outage(const struct outage_case *c, uint64_t start_us, enum sim_broken broken,
				    uint64_t *span_us)
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
	sim_at(sim, 2000, SIM_PUSH, (int64_t)c->bytes);
	if (start_us > 0)
		sim_outage(sim, start_us, (uint64_t)c->outage_ms * 1000);
	sim_run(sim, span_us == NULL ? 1000000 : 2000000);
	struct sim_report report = sim_report(sim);
	if (span_us != NULL)
		*span_us = report.delivered_ms * 1000;
	sim_free(sim);
	return report;
}

static void test_outage(const struct outage_case *c)
{
	uint64_t end_us;
	unsigned int lost = 0, faults = 0;
	uint64_t first_lost = 0;
	run_outage(c, 0, SIM_SOUND, &end_us);
	uint64_t from = 2000000 - (uint64_t)c->outage_ms * 1000 - 20000;
	for (unsigned int i = 0; i < c->starts; i++) {
		uint64_t start = from + (end_us - from) * i / c->starts;
		struct sim_report report = run_outage(c, start, SIM_SOUND, NULL);
		if (report.delivered != 1 && lost++ == 0)
			first_lost = start;
		faults += sim_faults(&report);
		if (report.first[0] != 0)
			note("%" PRIu64 ": %s", start, report.first);
	}
	ok(lost == 0 && faults == 0, "%" PRIu64 " KiB at %" PRIu64 " Mbit/s, MTU %u: an outage of %u ms at any of %u moments "
	   "costs nothing (lost %u, first at %" PRIu64 " us of %" PRIu64 ")", c->bytes / kib, c->rate_bits_per_s / 1000000, c->mtu,
	   c->outage_ms, c->starts, lost, first_lost, end_us);
}

static void test_outages(void)
{
	static const struct outage_case cases[] = {
		{48 << 10, 1000000000, 1500, 50, 100},
		{1 << 20, 1000000000, 1500, 50, 200},
		{1 << 20, 100000000, 1500, 5, 200},
		{8 << 20, 1000000000, 1500, 1, 200},
		{8 << 20, 1000000000, 1500, 10, 200},
		{8 << 20, 1000000000, 9000, 10, 200},
		{64 << 20, 1000000000, 1500, 60, 60},
		{64 << 20, 1000000000, 1500, 1000, 30},
		{256 << 20, 10000000000, 9000, 50, 20},
		{64 << 20, 10000000000, 9000, 1000, 30},
		{4 << 20, 10000000, 1500, 1000, 100},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_outage(&cases[i]);
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

int main(void)
{
	uint64_t seed = test_seed();
	const char *part = getenv("PART");
	if (part == NULL || strchr(part, 'o'))
		test_outages();
	if (part == NULL || strchr(part, 's'))
		test_scenarios(seed, getenv("COUNT") ? (unsigned int)atoi(getenv("COUNT")) : 200);
	return done_testing();
}
