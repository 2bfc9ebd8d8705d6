#include "sender/trialplan.h"

#include "sender/trialsend.h"
#include "tests/lib/tap.h"

static const struct trialplan_wish usual = {
	.from_bits_per_s = 100000000,
	.to_bits_per_s = UINT64_C(10000000000),
	.rates = 12,
	.duration_ms = 5000,
	.size = 1500,
	.sizes = {1500, 2000, 4000, 9000},
	.size_count = 4,
};

static void the_usual(void)
{
	struct trial_step steps[TRIAL_STEPS_MAX];
	size_t count = trialplan_make(steps, &usual);
	is_number((int64_t)count, 16, "four sizes and twelve rates are sixteen steps");
	bool sizes = true, rises = true, three = true, factor = true;
	for (size_t i = 0; i < 4; i++)
		sizes &= steps[i].purpose == TRIAL_SIZE && steps[i].size == usual.sizes[i] &&
			 steps[i].rate_bits_per_s == usual.from_bits_per_s && steps[i].duration_ms == 5000;
	ok(sizes, "sizes come first, at the lowest rate");
	for (size_t i = 4; i < count; i++) {
		uint64_t rate = steps[i].rate_bits_per_s, unit = 1;
		while (rate / unit >= 1000)
			unit *= 10;
		three &= rate % unit == 0;
		rises &= steps[i].purpose == TRIAL_RATE && steps[i].size == 1500;
		double by = i > 4 ? (double)rate / (double)steps[i - 1].rate_bits_per_s : 1.52;
		factor &= by > 1.5 && by < 1.54; /* the eleventh root of 100 is 1.5199 */
	}
	ok(rises && factor, "rates rise by the same factor");
	ok(three, "and are of three digits");
	ok(steps[4].rate_bits_per_s == usual.from_bits_per_s && steps[15].rate_bits_per_s == usual.to_bits_per_s,
	   "from the lowest to the highest, both exactly");
	struct trialplan_wish one = usual;
	one.rates = 1;
	one.size_count = 0;
	ok(trialplan_make(steps, &one) == 1 && steps[0].rate_bits_per_s == one.to_bits_per_s, "one rate is the highest");
	is_number((int64_t)trialsend_ms(steps, 1), 5350, "it takes 350 ms more than its load");
	one.from_bits_per_s = one.to_bits_per_s;
	one.rates = 3;
	ok(trialplan_make(steps, &one) == 3 && steps[1].rate_bits_per_s == one.to_bits_per_s, "the lowest may be the highest");
}

static void refused(void)
{
	struct trial_step steps[TRIAL_STEPS_MAX];
	struct trialplan_wish w[9];
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++)
		w[i] = usual;
	w[0].from_bits_per_s = w[0].to_bits_per_s + 1;
	w[1].from_bits_per_s = 999999;
	w[2].to_bits_per_s = TRIAL_RATE_MAX + 1;
	w[3].rates = 0;
	w[4].rates = 61;
	w[5].duration_ms = 9;
	w[6].duration_ms = 3600001;
	w[7].size = 1499;
	w[8].sizes[3] = 9001;
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++)
		is_number((int64_t)trialplan_make(steps, &w[i]), 0, "wish %zu is beyond what a test can be", i + 1);
	w[4].rates = 60;
	is_number((int64_t)trialplan_make(steps, &w[4]), 64, "64 steps are not");
}

static void offered(void)
{
	const struct trialsend_result result = {.datagrams = 1000, .elapsed_ns = 20000000, .held_ns = 8000000};
	is_number((int64_t)trialsend_offered(&result, 1500), 1000000000,
		  "1,000 packets of 1,500 bytes in 20 ms, of which 8 were kept, are 1 Gbit/s");
	is_number((int64_t)trialsend_offered(&(struct trialsend_result){.elapsed_ns = 0}, 1500), 0, "nothing is nothing");
}

int main(void)
{
	the_usual();
	refused();
	offered();
	return done_testing();
}
