/* What of a bundle goes next, and when: every branch of plan.h. */
#include "sender/plan.h"

#include <string.h>

#include "common/bundle.h"
#include "common/datagram.h"
#include "tests/lib/tap.h"

static const struct plan_terms usual = {
	.rate_bits_per_s = 1000000000, .mtu = 1500, .passes = 1, .survive_outage_ms = 0,
};

static struct geometry geometry_of(uint8_t k, uint8_t r)
{
	return (struct geometry){.object_len = (uint64_t)k * 45056 / SEGMENT_BYTES * SEGMENT_BYTES, .row_len = 45056, .source_rows = k, .repair_rows = r};
}

static uint32_t late(const struct geometry *g, uint64_t rate, uint32_t mtu, uint32_t outage_ms, uint32_t *first)
{
	struct plan_terms terms = usual;
	terms.rate_bits_per_s = rate;
	terms.mtu = mtu;
	terms.survive_outage_ms = outage_ms;
	return plan_late_rows(g, &terms, first);
}

/* How many rows' columns an outage of this length meets at most, counted and not reckoned. */
static uint32_t count_met(const struct geometry *g, uint64_t rate, uint32_t mtu, uint64_t outage_ms)
{
	uint32_t symbols = geometry_row_symbols(g), full = datagram_symbols(mtu);
	double datagrams = (double)((symbols + full - 1) / full);
	double row_s = (g->row_len + datagrams * (DATAGRAM_DATA_BYTES + IP_UDP_BYTES)) * 8 / (double)rate;
	uint32_t met = 0;
	while (met * row_s <= (double)outage_ms / 1000)
		met++;
	return met;
}

static void test_late_rows(void)
{
	struct geometry small = geometry_choose(49152, 125), large = geometry_choose(UINT64_C(1) << 30, 125);
	uint32_t first = 99;
	is_number(late(&small, 1000000000, 1500, 0, &first), 0, "no outage, no late rows");
	is_number(late(&small, 1000000000, 1500, 50, &first), 16, "all of a small bundle can be lost: as many as a pass");
	is_number(first, 16, "and they are the further ones");
	is_number(late(&large, 1000000000, 1500, 50, &first), 0, "the rows of 1 GiB last longer than a short outage");
	is_number(late(&small, 1000, 1500, 1, &first), 0, "on the slowest link not even a row is met twice");
	is_number(late(&large, UINT64_C(1000000000000), 9000, 600000, &first),
		  large.source_rows + large.repair_rows, "the fastest link and the longest outage: a whole pass");
	is_number(first, 0, "of its own rows, where the code has no more than 255");
	struct geometry tall = geometry_of(250, 5);
	is_number(late(&tall, 1000000000, 1500, 1000, &first), 255, "a code without further rows sends its pass again");
	is_number(first, 0, "from the first row on");
	struct geometry half = geometry_of(120, 7);
	is_number(late(&half, 1000000000, 1500, 1000, &first), 127, "k + r = 127 has 127 further rows");
	is_number(first, 127, "behind those of the pass");
	struct geometry over = geometry_of(120, 8);
	is_number(late(&over, 1000000000, 1500, 1000, &first), 128, "k + r = 128 has 127: its pass goes again");
	is_number(first, 0, "from the first row on");
}

/* Never fewer than an outage meets; and what is not sent late the pass restores. */
static void test_late_enough(uint64_t seed)
{
	unsigned int few = 0, many = 0, none = 0, count = 200000;
	uint64_t state = seed;
	for (unsigned int i = 0; i < count; i++) {
		struct geometry g = geometry_choose((3 + test_random(&state) % (UINT64_C(1) << test_random(&state) % 24)) * SEGMENT_BYTES,
						    (uint32_t)(test_random(&state) % 1000));
		uint64_t rate = 1000 + test_random(&state) % (UINT64_C(1) << (10 + test_random(&state) % 30));
		uint32_t mtu = test_random(&state) % 2 == 0 ? 1500 : 9000, first;
		uint32_t outage_ms = 1 + (uint32_t)(test_random(&state) % (UINT64_C(1) << test_random(&state) % 20));
		uint32_t pass = (uint32_t)g.source_rows + g.repair_rows;
		uint32_t rows = late(&g, rate, mtu, outage_ms, &first), met = 0;
		if (rows < pass)
			met = count_met(&g, rate, mtu, outage_ms);
		few += rows == 0 ? met > g.repair_rows : rows < met && rows < pass;
		many += rows > pass || first + rows > geometry_row_total(&g) || (first != 0 && first != pass);
		none += rows == 0;
	}
	is_number(few, 0, "of %u bundles, rates and outages none has fewer rows than an outage takes", count);
	is_number(many, 0, "nor more than a pass, nor rows that the code has not");
	ok(none > count / 10 && none < count * 9 / 10, "some need late rows and some do not");
}

/* What a batch and the credit let go at once may be a row more than the rate alone; what has no name waits. */
static void test_margins(void)
{
	struct geometry g = geometry_choose(UINT64_C(8) << 20, 125);
	uint32_t first;
	uint64_t row_bits = 8 * (g.row_len + (uint64_t)((geometry_row_symbols(&g) + 10) / 11) * (DATAGRAM_DATA_BYTES + IP_UDP_BYTES));
	/* 20 ms are as long as r rows but for a hair */
	uint64_t rate = row_bits * g.repair_rows * 50 - row_bits / 2;
	is_number(count_met(&g, rate, 1500, 20), g.repair_rows, "by the rate alone an outage takes r rows");
	is_number(late(&g, rate, 1500, 20, &first), g.repair_rows + 1, "but one more may go at once, and is reckoned with");
	is_number(late(&g, rate - 2 * row_bits * 50, 1500, 20, &first), 0, "two rows slower the pass suffices");
	struct geometry fast = geometry_choose(UINT64_C(256) << 20, 125);
	is_number(late(&fast, 5000000000, 9000, 20, &first), 0, "at 5 Gbit/s all that has no name yet waits for it");
	ok(late(&fast, 10000000000, 9000, 20, &first) > fast.repair_rows, "at 10 Gbit/s there is no room for all of it");
}

static void test_work(void)
{
	struct geometry g = geometry_choose(49152, 125);
	struct plan_terms terms = usual;
	struct plan plan = {0};
	struct plan_step step;
	terms.passes = 2;
	terms.survive_outage_ms = 50;
	ok(plan_work(&step, &plan, &g, &terms) && step.not_before_ms == 0 && step.first_row == 0 && step.row_end == 16 &&
		   step.first_block == 0 && step.block_end == 1,
	   "a new bundle has a pass of all its rows at once");
	plan_work_ended(&plan, &terms, 1000);
	ok(plan_work(&step, &plan, &g, &terms) && step.not_before_ms == 0 && step.row_end == 16, "and a second one");
	plan_work_ended(&plan, &terms, 2000);
	ok(plan_work(&step, &plan, &g, &terms) && step.first_row == 16 && step.row_end == 32, "then its late rows");
	ok(step.not_before_ms > 2000 + 50, "later by more than the outage lasts");
	plan_work_ended(&plan, &terms, 2051);
	ok(!plan_work(&step, &plan, &g, &terms), "then it has had all its work");
	is_number(plan.passes, 2, "late rows are no pass");
	plan = (struct plan){.passes = 2};
	terms.survive_outage_ms = 0;
	ok(!plan_work(&step, &plan, &g, &terms), "without an outage to survive there are no late rows");
	is_number((int64_t)plan_step_bytes(&step, &g), 49152 + 4 * 4096, "what a pass is in bytes");
	/* two blocks of which the last is shorter: rows behind the end are not sent */
	struct geometry two = {.object_len = 10 * SEGMENT_BYTES, .row_len = 4096, .source_rows = 24, .repair_rows = 3};
	step = (struct plan_step){.first_block = 0, .block_end = 2, .first_row = 0, .row_end = 27};
	is_number((int64_t)plan_step_bytes(&step, &two), 10 * SEGMENT_BYTES + 6 * 4096, "over blocks of which the last is shorter");
}

/* A code of 255 rows: k + r = 128 and above has fewer further rows than a pass, 255 none. */
static void heal_turns(uint8_t k, uint8_t r, const char *what)
{
	struct geometry g = geometry_of(k, r);
	struct plan plan = {.passes = 1};
	struct plan_step step;
	uint32_t pass = (uint32_t)k + r, total = geometry_row_total(&g), further = total - pass;
	unsigned int wrong = 0, passes = 0;
	bool seen[ROWS_MAX + 1] = {false};
	for (unsigned int i = 0; i < 200; i++) {
		plan_heal(&step, &plan, &g);
		bool is_pass = step.first_row == 0 && step.row_end == pass;
		bool is_portion = step.first_row >= pass && step.row_end <= total && step.row_end > step.first_row &&
				  step.row_end - step.first_row <= r;
		bool wants_pass = i % 2 == 1 || further == 0;
		wrong += wants_pass ? !is_pass : !is_portion;
		passes += is_pass;
		memset(seen + step.first_row, 1, (size_t)(step.row_end - step.first_row));
		plan_heal_ended(&plan, &g, i);
	}
	unsigned int unseen = 0;
	for (uint32_t row = 0; row < (further < r ? total : pass + further / r * r); row++)
		unseen += !seen[row];
	is_number(wrong, 0, "%s: portions of further rows and passes by turns", what);
	is_number(unseen, 0, "%s: all rows are used, and begin again", what);
	is_number(plan.passes, 1 + passes, "%s: passes of healing count as passes", what);
}

static void test_heal_delays(void)
{
	struct geometry g = geometry_choose(UINT64_C(3) << 29, 125);
	struct plan plan = {.passes = 1, .ended_ms = 5000};
	struct plan_step step;
	uint32_t blocks = geometry_block_count(&g);
	plan_heal(&step, &plan, &g);
	ok(step.not_before_ms == 5000 + PLAN_HEAL_FIRST_MS && step.first_block == 0 && step.block_end == 1,
	   "the first healing begins a second after the work, with the first block");
	plan_heal_ended(&plan, &g, 7000);
	plan_heal(&step, &plan, &g);
	ok(blocks == 2 && step.not_before_ms == 0 && step.first_block == 1 && step.block_end == 2 && plan.heals == 0,
	   "its blocks follow one another");
	plan_heal_ended(&plan, &g, 8000);
	ok(plan.heals == 1 && plan.block == 0 && plan.passes == 1, "after the last it is done");
	plan_heal(&step, &plan, &g);
	is_number((int64_t)step.not_before_ms, 8000 + 2 * PLAN_HEAL_FIRST_MS, "the second waits twice as long");
	plan.heals = 8;
	plan_heal(&step, &plan, &g);
	is_number((int64_t)step.not_before_ms, 8000 + 256000, "and so on");
	plan.heals = 9;
	plan_heal(&step, &plan, &g);
	is_number((int64_t)step.not_before_ms, 8000 + PLAN_HEAL_LAST_MS, "up to five minutes");
	plan.heals = UINT32_MAX - 1;
	plan_heal(&step, &plan, &g);
	is_number((int64_t)step.not_before_ms, 8000 + PLAN_HEAL_LAST_MS, "however often it was healed");
	plan = (struct plan){.passes = UINT32_MAX, .heals = 1, .block = blocks - 1};
	plan_heal_ended(&plan, &g, 1);
	is_number(plan.passes, UINT32_MAX, "passes are counted up to what their number holds");
	struct plan a = {.heals = 1, .ended_ms = 9}, b = {.heals = 2, .ended_ms = 1}, c = {.heals = 1, .ended_ms = 8};
	ok(plan_is_before(&a, &b) && !plan_is_before(&b, &a), "more exposed is what was healed less often");
	ok(plan_is_before(&c, &a) && !plan_is_before(&a, &c) && !plan_is_before(&a, &a), "and then what has waited longer");
}

int main(void)
{
	test_late_rows();
	test_late_enough(test_seed());
	test_margins();
	test_work();
	heal_turns(12, 4, "16 of 32 rows");
	heal_turns(120, 7, "127 of 254");
	heal_turns(128, 16, "144 of 255");
	heal_turns(240, 10, "250 of 255");
	heal_turns(250, 5, "255 of 255");
	test_heal_delays();
	return done_testing();
}
