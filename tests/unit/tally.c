#include "receiver/tally.h"

#include <stdlib.h>

#include "tests/lib/tap.h"

enum { SIZE = 1500 };
static const uint64_t interval = 12000; /* ns: 1,500 bytes at 1 Gbit/s */

/* Numbers 0 to count - 1 but those that `loses` says, then the end. */
static struct tally_result run(uint64_t count, bool (*loses)(uint64_t number, uint64_t *random), uint64_t *random)
{
	struct tally *t = malloc(sizeof(*t));
	tally_start(t);
	for (uint64_t i = 0; i < count; i++)
		if (!loses(i, random))
			tally_take(t, i, i * interval, 0);
	tally_end(t, count, count * interval);
	tally_close(t);
	struct tally_result result = t->result;
	free(t);
	return result;
}

static bool none(uint64_t number, uint64_t *random)
{
	(void)number, (void)random;
	return false;
}

static bool all(uint64_t number, uint64_t *random)
{
	(void)number, (void)random;
	return true;
}

static bool one_percent(uint64_t number, uint64_t *random)
{
	(void)number;
	return test_random(random) % 100 == 0;
}

/* 30 ms. */
static bool outage(uint64_t number, uint64_t *random)
{
	(void)random;
	return number >= 10000 && number < 12500;
}

/* What a limiter does that lets 20,000 pass and then two of three. */
static bool limited(uint64_t number, uint64_t *random)
{
	(void)random;
	return number >= 20000 && number % 3 == 0;
}

static bool middle_and_end(uint64_t number, uint64_t *random)
{
	(void)random;
	return number == 5 || number == 7 || number == 8 || number >= 96;
}

static void losses(uint64_t *random)
{
	struct tally_result r = run(100000, none, random);
	ok(tally_lost(&r) == 0 && r.full_sent == 0 && r.received == 100000 && r.bursts.longest == 0, "nothing lost is nothing lost");
	uint64_t offered = tally_offered(&r, SIZE);
	ok(offered > 999000000 && offered < 1001000000 && tally_goodput(&r, SIZE) == offered,
	   "the rate comes from numbers and times: %llu", (unsigned long long)offered);
	r = run(100000, all, random);
	ok(tally_loss(&r) == 1 && r.bursts.longest == 100000 && tally_offered(&r, SIZE) == 0,
	   "when nothing comes all is lost, in one burst, and its rate is not known");
	r = run(200000, one_percent, random);
	ok(tally_loss(&r) > 0.008 && tally_loss(&r) < 0.012, "a random loss of 1 %% is found: %f", tally_loss(&r));
	ok(r.bursts.of_length[0] > 1800 && r.bursts.of_length[1] < 60 && r.bursts.outages == 0,
	   "as bursts of one, most of them, and no outage");
	r = run(100, middle_and_end, random);
	ok(r.bursts.of_length[0] == 1 && r.bursts.of_length[1] == 1 && r.bursts.of_length[2] == 1 && tally_lost(&r) == 7,
	   "bursts of one, two and four datagrams are told apart, also at the end");
}

static void outages(uint64_t *random)
{
	struct tally_result r = run(100000, outage, random);
	ok(r.bursts.longest == 2500 && r.bursts.longest_ns > 29900000 && r.bursts.longest_ns < 30100000,
	   "an outage of 30 ms is a burst of 2,500 datagrams and 30 ms (%llu ns)", (unsigned long long)r.bursts.longest_ns);
	is_number((int64_t)r.bursts.of_time[3], 1, "it stands among those of 10 to 100 ms");
	ok(r.bursts.outages == 1 && tally_scattered_loss(&r, 1000) == 0 && tally_loss(&r) > 0.02,
	   "apart from it nothing was lost");
	r.bursts.outages = 3;
	ok(tally_scattered_loss(&r, 1000) == tally_loss(&r), "more than one a second are no outages, but a loss");
}

static void plateau(uint64_t *random)
{
	struct tally_result r = run(100000, limited, random);
	double share = (double)tally_goodput(&r, SIZE) / (double)tally_offered(&r, SIZE);
	ok(share > 0.66 && share < 0.67, "goodput is that from the first loss on: %f", share);
	ok(1 - tally_loss(&r) > 0.72, "which is less than that of the whole step");
}

/*
 * A sender that sends 4,000 and is kept from it, again and again, to a limiter that lets 1,500 pass of each 4,000 and then three
 * of four.
 */
static void stalls(void)
{
	struct tally *t = malloc(sizeof(*t));
	tally_start(t);
	for (uint64_t i = 0; i < 100000; i++)
		if (i % 4000 < 1500 || i % 4 != 0)
			tally_take(t, i, i * interval, i / 4000 * 5000000);
	tally_end(t, 100000, 100000 * interval);
	tally_close(t);
	double share = (double)tally_goodput(&t->result, SIZE) / (double)tally_offered(&t->result, SIZE);
	ok(share > 0.745 && share < 0.755, "each time it goes on, goodput is that from the next loss on: %f", share);
	ok(1 - tally_loss(&t->result) > 0.83, "which is less than that of all of it");
	free(t);
}

static void disorder(uint64_t *random)
{
	struct tally *t = malloc(sizeof(*t));
	tally_start(t);
	for (uint64_t i = 0; i < 100000; i += 8)
		for (uint64_t j = 0; j < 8; j++)
			tally_take(t, i + (j * 5) % 8, i * interval, 0);
	tally_end(t, 100000, 100000 * interval);
	tally_end(t, 7, 0);
	tally_close(t);
	ok(t->result.received == 100000 && tally_lost(&t->result) == 0 && t->result.reordered > 0 && t->result.sent == 100000,
	   "what comes in disorder is not lost, but counted (%llu)", (unsigned long long)t->result.reordered);
	tally_start(t);
	for (uint64_t i = 0; i < 1000; i++) {
		tally_take(t, i, i, 0);
		tally_take(t, test_random(random) % (i + 1), i, 0);
	}
	tally_close(t);
	ok(t->result.received == 1000 && t->result.duplicates == 1000 && tally_lost(&t->result) == 0,
	   "what comes twice counts once");
	ok(!t->result.is_end_heard && t->result.sent == 1000, "without the end the highest number says how many there were");
	tally_start(t);
	tally_take(t, 0, 0, 0);
	tally_take(t, UINT64_C(1) << 47, 5, 0);
	tally_take(t, 1, 6, 0);
	tally_close(t);
	ok(t->result.late == 1 && tally_lost(&t->result) == (UINT64_C(1) << 47) - 1,
	   "a jump is one loss, at once, and what comes from before it is late");
	free(t);
}

/* Against the plain way: a list of all that came. */
static void like_a_list(uint64_t *random)
{
	bool same = true;
	struct tally *t = malloc(sizeof(*t));
	for (int round = 0; round < 200; round++) {
		bool here[500] = {false};
		uint64_t longest = 0, received = 0, current = 0, count = 1 + test_random(random) % 500;
		tally_start(t);
		for (uint64_t i = 0; i < count; i++) {
			uint64_t number = test_random(random) % count;
			received += !here[number];
			here[number] = true;
			tally_take(t, number, number, 0);
		}
		tally_end(t, count, count);
		tally_close(t);
		for (uint64_t i = 0; i < count; i++) {
			current = here[i] ? 0 : current + 1;
			longest = current > longest ? current : longest;
		}
		same &= t->result.received == received && t->result.bursts.longest == longest &&
			tally_lost(&t->result) == count - received;
	}
	ok(same, "of 200 random steps it says what a list of all of them says");
	free(t);
}

int main(void)
{
	uint64_t random = test_seed();
	losses(&random);
	outages(&random);
	plateau(&random);
	stalls();
	disorder(&random);
	like_a_list(&random);
	return done_testing();
}
