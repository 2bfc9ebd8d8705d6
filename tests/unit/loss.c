#include "receiver/loss.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/tap.h"

/* What really happens, and what of it each counter shows. */
struct world {
	struct loss loss;
	struct loss_sample sample;
	uint64_t now_s;
	uint64_t mean; /* datagrams in a train */
};

static struct world new_world(uint64_t mean)
{
	struct world w = {.now_s = 1000000, .mean = mean};
	w.sample.caught_up = true;
	loss_follow(&w.loss, &w.sample, w.now_s);
	return w;
}

static void second(struct world *w)
{
	w->now_s++;
	w->sample.trains += 1000;
	w->sample.datagrams += 1000 * w->mean;
	loss_follow(&w->loss, &w->sample, w->now_s);
}

static void seconds(struct world *w, int count)
{
	while (count-- > 0)
		second(w);
}

static const char *place(const struct world *w)
{
	return loss_place_name(loss_place_of(&w->loss.total));
}

static int64_t at(const struct world *w, enum loss_place where)
{
	return (int64_t)w->loss.total.at[where];
}

static void test_single(void)
{
	struct world w = new_world(20);
	w.sample.link_lost = 5;
	second(&w);
	is_text(place(&w), "none", "what has just begun to lack is not judged: it may be late");
	second(&w);
	is_text(place(&w), "before", "an interval later, without a sign of this box, it never came");
	is_number(at(&w, LOSS_BEFORE), 5, "all of it");

	w = new_world(20);
	w.sample.link_lost = 100;
	w.sample.ring_drops = 100;
	seconds(&w, 2);
	is_number(at(&w, LOSS_RING), 100, "what the ring dropped was lost there, exactly");
	w.sample.link_lost = 110;
	w.sample.ring_drops = 108;
	seconds(&w, 2);
	ok(at(&w, LOSS_RING) == 108 && at(&w, LOSS_BEFORE) == 2, "and what is beyond that, was not");

	w = new_world(20);
	w.sample.socket_drops = 10;
	w.sample.link_lost = 200;
	seconds(&w, 2);
	is_text(place(&w), "socket", "10 trains dropped by the socket explain 200 datagrams of trains of 20");
	w = new_world(20);
	w.sample.socket_drops = 10;
	w.sample.link_lost = 2000;
	seconds(&w, 2);
	is_text(place(&w), "several", "but not 2,000");
	is_number(at(&w, LOSS_SOCKET), 10 * 2 * 20 + LOSS_TRAIN_MAX, "of which the socket gets what it may have lost");
	w = new_world(60);
	w.sample.socket_drops = 1;
	w.sample.link_lost = 1000;
	seconds(&w, 2);
	is_number(at(&w, LOSS_SOCKET), LOSS_TRAIN_MAX, "one train is never more than 64");

	w = new_world(20);
	w.sample.nic_drops = 30;
	w.sample.link_lost = 30;
	seconds(&w, 2);
	is_text(place(&w), "nic", "frames that the NIC missed were lost there");
	w = new_world(1);
	w.sample.kernel_drops = 500;
	w.sample.link_lost = 500;
	seconds(&w, 2);
	is_text(place(&w), "nic", "and so were those that the kernel dropped behind it");
	w = new_world(20);
	w.sample.damaged = 7;
	w.sample.link_lost = 9;
	w.sample.bad_tags = 2;
	seconds(&w, 2);
	ok(at(&w, LOSS_DAMAGED) == 9, "wrong checksums and wrong tags are damage");
	w = new_world(20);
	w.sample.bad_tags = 1000000;
	w.sample.link_lost = 9;
	seconds(&w, 2);
	is_text(place(&w), "before", "more wrong tags than losses are somebody else's");
	w = new_world(20);
	w.sample.kernel_drops = 100;
	w.sample.socket_drops = 100;
	w.sample.link_lost = 2000;
	seconds(&w, 2);
	is_text(place(&w), "several", "when socket and kernel have dropped, nobody can say how much each");
	is_number(at(&w, LOSS_SEVERAL), 2000, "so it is not said");
}

static void test_time(void)
{
	struct world w = new_world(20);
	w.sample.link_lost = 300;
	second(&w);
	w.sample.link_lost = 0;
	seconds(&w, 3);
	is_text(place(&w), "none", "what comes late within an interval is no loss");
	w.sample.link_lost = 300;
	seconds(&w, 3);
	w.sample.link_lost = 100;
	seconds(&w, 2);
	is_number(at(&w, LOSS_BEFORE), 100, "what comes later still is taken back");

	w = new_world(20);
	w.sample.socket_drops = 10;
	seconds(&w, LOSS_LEAD - 1);
	w.sample.link_lost = 200;
	second(&w);
	w.sample.caught_up = false;
	seconds(&w, 5);
	is_text(place(&w), "before", "a sign is forgotten after three intervals");
	w = new_world(20);
	w.sample.socket_drops = 10;
	w.sample.caught_up = false;
	seconds(&w, 60);
	w.sample.link_lost = 200;
	seconds(&w, 2);
	is_text(place(&w), "socket", "but not while what waits in the ring has not been seen");
	w.sample.link_lost = 1000;
	seconds(&w, 2);
	is_number(at(&w, LOSS_BEFORE), 800 - (400 + LOSS_TRAIN_MAX - 200), "it is spent only once");
	w = new_world(20);
	w.sample.socket_drops = 10;
	w.sample.link_lost = 200;
	seconds(&w, 2);
	second(&w);
	w.sample.link_lost += 100;
	seconds(&w, 2);
	ok(at(&w, LOSS_BEFORE) == 100 && at(&w, LOSS_SOCKET) == 200,
	   "and not for what is lost after an interval without a loss");

	w = new_world(20);
	w.sample.link_lost = 50;
	seconds(&w, 2);
	struct loss_counts hour = loss_last_hour(&w.loss);
	is_number((int64_t)hour.at[LOSS_BEFORE], 50, "the last hour has it");
	w.now_s += 3500;
	second(&w);
	hour = loss_last_hour(&w.loss);
	is_number((int64_t)hour.at[LOSS_BEFORE], 50, "also 58 minutes later");
	w.now_s += 120;
	second(&w);
	hour = loss_last_hour(&w.loss);
	is_number((int64_t)loss_sum(&hour), 0, "and then no more");
	is_number(at(&w, LOSS_BEFORE), 50, "but the sum since the start");
	w.now_s -= 1000000;
	w.sample.link_lost = 60;
	seconds(&w, 2);
	hour = loss_last_hour(&w.loss);
	is_number((int64_t)loss_sum(&hour), 10, "a clock that is put back begins a new hour");
}

static void test_strays(void)
{
	struct world w = new_world(20);
	for (int i = 0; i < 20; i++) {
		w.sample.kernel_drops += 1;
		second(&w);
	}
	w.sample.link_lost = 30;
	w.sample.kernel_drops += 1;
	second(&w);
	w.sample.kernel_drops += 1;
	second(&w);
	is_text(place(&w), "before", "a frame a second that nobody listens for does not become the NIC's fault");
	w.sample.link_lost += 3000;
	w.sample.kernel_drops += 300;
	seconds(&w, 2);
	is_text(place(&w), "nic", "but hundreds do");
	w = new_world(20);
	w.sample.nic_drops = 100;
	second(&w);
	w.sample = (struct loss_sample){.caught_up = true, .link_lost = 20};
	seconds(&w, 2);
	is_number(at(&w, LOSS_NIC), 20, "a counter that begins again takes nothing back");
}

static void test_start(void)
{
	struct loss loss = {0};
	struct loss_sample sample = {.link_lost = 70, .ring_drops = 9, .caught_up = true};
	loss_follow(&loss, &sample, 1000);
	loss_follow(&loss, &sample, 1001);
	loss_follow(&loss, &sample, 1002);
	is_number((int64_t)loss_sum(&loss.total), 0, "counting begins at the first sample");
	struct loss_counts counts = {.at = {[LOSS_SOCKET] = 96, [LOSS_BEFORE] = 4}};
	is_text(loss_place_name(loss_place_of(&counts)), "socket", "a twentieth is no part");
	counts.at[LOSS_BEFORE] = 6;
	is_text(loss_place_name(loss_place_of(&counts)), "several", "more is one");
}

/* One stretch of losses, all at one place, with signs up to two seconds ahead. */
struct stretch {
	enum loss_place place;
	uint64_t count;
};

static uint64_t below(uint64_t *random, uint64_t limit)
{
	return test_random(random) % limit;
}

/* What a counter of trains shows for so many datagrams: trains of 1 to 2 mean - 1. */
static uint64_t trains_of(uint64_t *random, uint64_t datagrams, uint64_t mean)
{
	uint64_t trains = 0;
	while (datagrams > 0) {
		uint64_t len = 1 + below(random, 2 * mean - 1);
		datagrams -= len < datagrams ? len : datagrams;
		trains++;
	}
	return trains;
}

static void show(struct world *w, const struct stretch *s, uint64_t *random)
{
	struct loss_sample *sample = &w->sample;
	switch (s->place) {
	case LOSS_RING:
		sample->ring_drops += s->count;
		break;
	case LOSS_SOCKET:
		sample->socket_drops += trains_of(random, s->count, w->mean);
		break;
	case LOSS_NIC:
		if (below(random, 2) == 0)
			sample->nic_drops += s->count;
		else
			sample->kernel_drops += trains_of(random, s->count, w->mean);
		break;
	case LOSS_DAMAGED:
		if (below(random, 2) == 0)
			sample->damaged += s->count;
		else
			sample->bad_tags += s->count;
		break;
	default:
		break;
	}
}

static void play(struct world *w, const struct stretch *s, uint64_t *random)
{
	show(w, s, random);
	int waits = (int)below(random, LOSS_LEAD - 1); /* in socket and ring */
	w->sample.caught_up = below(random, 4) != 0;
	seconds(w, waits);
	uint64_t late = below(random, 20); /* reordered: there one second, gone the next */
	w->sample.link_lost += s->count + late;
	second(w);
	w->sample.link_lost -= late;
	second(w);
	w->sample.caught_up = true;
	seconds(w, LOSS_LEAD + 1);
}

static void test_random_ones(uint64_t *random)
{
	unsigned int wrong_place = 0, wrong_sum = 0, wrong_mix = 0, wrong_count = 0;
	for (int round = 0; round < 20000; round++) {
		struct world w = new_world(1 + below(random, 30));
		struct stretch s = {LOSS_RING + (enum loss_place)below(random, 5), 1 + below(random, 5000)};
		play(&w, &s, random);
		wrong_place += loss_place_of(&w.loss.total) != s.place;
		wrong_count += w.loss.total.at[s.place] != s.count;

		/* a second place, with at least a tenth of it all */
		struct stretch other = {s.place, s.count / 5 + 1 + below(random, 3 * s.count)};
		while (other.place == s.place)
			other.place = LOSS_RING + (enum loss_place)below(random, 5);
		play(&w, &other, random);
		wrong_mix += loss_place_of(&w.loss.total) != LOSS_SEVERAL;
		wrong_sum += loss_sum(&w.loss.total) != w.sample.link_lost;
	}
	is_number(wrong_place, 0, "20,000 random losses at one place are put down to it");
	is_number(wrong_count, 0, "all of them");
	is_number(wrong_mix, 0, "with a second place, in another second, they are several");
	is_number(wrong_sum, 0, "and never more or less than what the link has lost");
}

/* Both in the same second: where counters are exact, or the loss is beyond what the sign can mean. */
static void test_random_mixes(uint64_t *random)
{
	unsigned int wrong = 0, wrong_sum = 0;
	for (int round = 0; round < 20000; round++) {
		struct world w = new_world(1 + below(random, 30));
		struct stretch a = {LOSS_RING + (enum loss_place)below(random, 4), 500 + below(random, 500)};
		struct stretch b = {LOSS_BEFORE, 0};
		if (a.place == LOSS_RING || a.place == LOSS_DAMAGED)
			b.count = a.count / 4 + below(random, a.count);
		else /* at most twice as many as its mean trains would be, and one more */
			b.count = 5 * a.count + below(random, a.count);
		show(&w, &a, random);
		w.sample.link_lost += a.count + b.count;
		seconds(&w, 2);
		wrong += loss_place_of(&w.loss.total) != LOSS_SEVERAL;
		wrong_sum += loss_sum(&w.loss.total) != w.sample.link_lost;
	}
	is_number(wrong, 0, "20,000 random mixes in one second are several");
	is_number(wrong_sum, 0, "and add up");
}

/* Noise on every counter: nothing is lost or made up, and nothing overflows. */
static void test_conservation(uint64_t *random)
{
	unsigned int wrong = 0;
	struct world w = new_world(10);
	for (int i = 0; i < 200000; i++) {
		struct loss_sample *s = &w.sample;
		uint64_t *counters[] = {&s->link_lost, &s->ring_drops, &s->socket_drops, &s->nic_drops,
					&s->kernel_drops, &s->damaged, &s->bad_tags};
		uint64_t *one = counters[below(random, 7)];
		*one = below(random, 10) == 0 ? *one - *one / (1 + below(random, 9)) : *one + below(random, 1000);
		s->caught_up = below(random, 3) != 0;
		second(&w);
		wrong += loss_sum(&w.loss.total) != w.loss.judged || w.loss.judged > s->link_lost ||
			 w.loss.total.at[LOSS_NOWHERE] != 0;
	}
	is_number(wrong, 0, "whatever the counters do, the places add up to what has settled as lost");
}

int main(void)
{
	uint64_t random = test_seed();
	test_single();
	test_time();
	test_strays();
	test_start();
	test_random_ones(&random);
	test_random_mixes(&random);
	test_conservation(&random);
	return done_testing();
}
