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

int main(void)
{
	(void)test_seed();
	(void)mib;
	test_outages();
	return done_testing();
}
