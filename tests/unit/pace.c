#include "sender/pace.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

static const uint64_t ms = 1000000;

struct sent {
	uint64_t ns, bits;
};

/* Sends for so long on a clock that wakes late by what `late` says; gives all that was sent. */
static size_t simulate(struct sent *out, size_t size, uint64_t rate, size_t datagram_len,
		       uint64_t duration_ns, uint64_t (*late)(uint64_t *), uint64_t *random)
{
	struct pace p;
	uint64_t now = 12345;
	pace_start(&p, rate, datagram_len, now);
	p.warm_until_ns = 0;
	size_t count = 0;
	while (now < duration_ns && count < size) {
		if (now < p.due_ns)
			now = p.due_ns + late(random);
		unsigned int datagrams = p.batch;
		pace_spend(&p, datagrams, datagrams * datagram_len, now);
		out[count++] = (struct sent){now, datagrams * (datagram_len + 28) * 8};
	}
	return count;
}

static uint64_t never(uint64_t *random)
{
	(void)random;
	return 0;
}

/* Up to 60 us, as timers are; now and then 3 ms, as when another process has the core. */
static uint64_t like_a_host(uint64_t *random)
{
	uint64_t dice = test_random(random);
	return dice % 500 == 0 ? 3 * ms : (dice >> 32) % 60000;
}

/* The most bits in any window that begins with a batch. */
static uint64_t densest(const struct sent *sent, size_t count, uint64_t window_ns)
{
	uint64_t most = 0, sum = 0;
	for (size_t first = 0, end = 0; first < count; first++) {
		while (end < count && sent[end].ns < sent[first].ns + window_ns)
			sum += sent[end++].bits;
		if (sum > most)
			most = sum;
		sum -= sent[first].bits;
	}
	return most;
}

/* The fewest, in any that ends before the last batch. */
static uint64_t emptiest(const struct sent *sent, size_t count, uint64_t window_ns)
{
	uint64_t least = UINT64_MAX, sum = 0;
	for (size_t first = 0, end = 0; first < count; first++) {
		while (end < count && sent[end].ns < sent[first].ns + window_ns)
			sum += sent[end++].bits;
		if (end == count)
			break;
		if (sum < least)
			least = sum;
		sum -= sent[first].bits;
	}
	return least;
}

/* The most bits by which what was sent is ever ahead of the rate, the batch itself included. */
static uint64_t largest_burst(const struct sent *sent, size_t count, uint64_t rate)
{
	uint64_t most = 0, ahead = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t passed = i == 0 ? 0 : (sent[i].ns - sent[i - 1].ns) * (rate / 1000000) / 1000;
		ahead = (ahead > passed ? ahead - passed : 0) + sent[i].bits;
		most = ahead > most ? ahead : most;
	}
	return most;
}

/* Up to 60 us, and nothing else: no time is lost beyond the credit. */
static uint64_t like_a_quiet_host(uint64_t *random)
{
	return test_random(random) % 60000;
}

/* On a clock that always wakes within the credit a window has its share, from below as from above. */
static void windows_are_full(uint64_t *random)
{
	static const struct {
		uint64_t rate;
		size_t len;
	} cases[] = {{100000000, 1472}, {400000000, 1472}, {1000000000, 1472}, {1000000000, 8896}, {2500000000, 1472}, {2500000000, 8896}};
	const size_t size = 1000000;
	struct sent *sent = calloc(size, sizeof(*sent));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t share = cases[i].rate / 100, packet = (cases[i].len + 28) * 8;
		size_t count = simulate(sent, size, cases[i].rate, cases[i].len, 2000 * ms, like_a_quiet_host, random);
		uint64_t least = emptiest(sent, count, 10 * ms), most = densest(sent, count, 10 * ms);
		ok(least >= share - share / 20 && most <= share + share / 20,
		   "%llu Mbit/s by %zu bytes: each of 10 ms is within 5 %% of its share",
		   (unsigned long long)(cases[i].rate / 1000000), cases[i].len);
		if (least < share - share / 20 || most > share + share / 20)
			note("%.4f to %.4f", (double)least / (double)share, (double)most / (double)share);
		uint64_t burst = largest_burst(sent, count, cases[i].rate) / packet;
		count = simulate(sent, size, cases[i].rate, cases[i].len, 2000 * ms, like_a_host, random);
		uint64_t worst = largest_burst(sent, count, cases[i].rate) / packet;
		ok(burst <= 64 && worst <= 64, "and no burst is over 64 datagrams: %llu, and %llu when it was held up",
		   (unsigned long long)burst, (unsigned long long)worst);
	}
	free(sent);
}

static void windows_keep_the_rate(uint64_t *random)
{
	static const struct {
		uint64_t rate;
		size_t len;
	} cases[] = {
		{100000000, 1472}, {1000000000, 1472}, {1000000000, 8896},
		{5000000000, 8896}, {5000000000, 1472}, {10000000000, 1472}, {10000000000, 8896}, {100000000000, 8896},
	};
	const size_t size = 2000000;
	struct sent *sent = calloc(size, sizeof(*sent));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t rate = cases[i].rate;
		size_t len = cases[i].len;
		uint64_t limit = rate / 100 + rate / 2000; /* 10 ms and 5 % */
		size_t count = simulate(sent, size, rate, len, 1000 * ms, like_a_host, random);
		uint64_t most = densest(sent, count, 10 * ms);
		ok(most <= limit, "%llu Mbit/s by %zu bytes: no 10 ms hold 5 %% more than their share",
		   (unsigned long long)(rate / 1000000), len);
		if (most > limit)
			note("%.4f of the share", (double)most / (double)(rate / 100));
		uint64_t burst = largest_burst(sent, count, rate) / ((len + 28) * 8);
		ok(burst <= PACE_BURST_DATAGRAMS, "nor is it ever more than 64 datagrams ahead: %llu",
		   (unsigned long long)burst);
		count = simulate(sent, size, rate, len, 1000 * ms, never, random);
		uint64_t all = 0;
		for (size_t j = 0; j < count; j++)
			all += sent[j].bits;
		ok(all >= rate - rate / 1000 && all <= rate + rate / 1000,
		   "and on a punctual clock a second holds the rate to a thousandth");
	}
	free(sent);
}

static struct pace started(uint64_t rate, size_t datagram_len)
{
	struct pace p;
	pace_start(&p, rate, datagram_len, 0);
	return p;
}

static void batches(void)
{
	is_number(started(1000000000, 1472).batch, 20, "a batch is a quarter of a millisecond: 20 at 1 Gbit/s");
	is_number(started(1000000000, 8896).batch, 3, "3 large ones");
	is_number(started(1000000, 1472).batch, 1, "never less than one");
	is_number(started(100000000000, 8896).batch, 7, "never more than 65,000 bytes: of large ones 7");
	is_number(started(100000000000, 1472).batch, 32, "never more than 32 datagrams");
	is_number(started(1000000000000, 448).batch, 32, "at any rate");
	is_number((int64_t)started(1000000000, 1472).credit_ns, PACE_BURST_NS - 20 * 12000, "the credit is what is left of half of one");
	is_number((int64_t)started(10000000000, 1472).credit_ns, 32 * 1200, "at 10 Gbit/s what is left of 64 datagrams");
	is_number((int64_t)started(1000000, 8896).credit_ns, PACE_CREDIT_NS, "and no more on a slow link");
}

static void wakes(void)
{
	struct pace slow = started(1000000000, 1472), fast = started(8000000000, 8896), small = started(40000000000, 1472);
	is_number((int64_t)(pace_wake(&slow) - slow.due_ns), 0, "who sends a batch each quarter of a millisecond wakes for each");
	is_number((int64_t)(pace_wake(&fast) - fast.due_ns), PACE_SLACK_NS, "where they follow each other closely, for several at once");
	is_number((int64_t)(pace_wake(&small) - small.due_ns), (int64_t)small.credit_ns / 2, "and half of the credit stays for being late");
}

static void deadlines(void)
{
	struct pace p;
	pace_start(&p, 8000000000, 8896, 1000); /* a byte a ns */
	p.warm_until_ns = 0;
	is_number((int64_t)p.due_ns, 1000, "the first may go at once");
	pace_spend(&p, 2, 2944, 1000);
	is_number((int64_t)p.due_ns, 1000 + 3000, "the next when the packets with their headers are through");
	pace_spend(&p, 2, 2944, 4000 + p.credit_ns);
	is_number((int64_t)p.due_ns, 7000, "what is late by no more than the credit is caught up with");
	pace_spend(&p, 2, 2944, 7000 + p.credit_ns + 1);
	is_number((int64_t)p.due_ns, 10001, "what is later moves the schedule");
	pace_spend(&p, 1, 972, 5000000);
	is_number((int64_t)p.due_ns, 5000000 - (int64_t)p.credit_ns + 1000, "as far as it must");
	pace_hold(&p, 10000, 5000000);
	is_number((int64_t)p.due_ns, 5010000, "a pause lasts from now on");
	pace_hold(&p, 10, 5000000);
	is_number((int64_t)p.due_ns, 5010000, "and is not shortened by a shorter one");
	/* 3 bits a ns: 1,500 bytes are 4,000 ns; 1,499 are 3,997.33 */
	pace_start(&p, 3000000000, 1472, 0);
	p.warm_until_ns = 0;
	for (int i = 0; i < 3; i++)
		pace_spend(&p, 1, 1471, p.due_ns);
	is_number((int64_t)p.due_ns, 11992, "fractions of a ns are not lost");
}

static void warm_up(void)
{
	struct pace p;
	pace_start(&p, 8000000000, 8896, 0);
	pace_spend(&p, 1, 972, 0);
	is_number((int64_t)p.due_ns, 2000, "the first 50 ms go at half the rate");
	uint64_t now = PACE_WARM_UP_NS;
	p.due_ns = now;
	pace_spend(&p, 1, 972, now);
	is_number((int64_t)(p.due_ns - now), 1000, "then at all of it");
	now += PACE_REST_NS;
	p.due_ns = now;
	pace_spend(&p, 1, 972, now + PACE_REST_NS);
	is_number((int64_t)(p.due_ns - now - PACE_REST_NS + p.credit_ns), 1000,
		  "a second of rest is not too long yet");
	now = p.due_ns + PACE_REST_NS + 1;
	pace_spend(&p, 1, 972, now);
	is_number((int64_t)(p.due_ns - now + p.credit_ns), 2000, "a longer one is");
}

int main(void)
{
	uint64_t random = test_seed();
	batches();
	wakes();
	deadlines();
	warm_up();
	windows_keep_the_rate(&random);
	windows_are_full(&random);
	return done_testing();
}
