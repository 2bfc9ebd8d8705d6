#include "loss.h"

#include <stddef.h>
#include <string.h>

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t growth(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

uint64_t loss_sum(const struct loss_counts *counts)
{
	uint64_t sum = 0;
	for (int i = 0; i < LOSS_PLACES; i++)
		sum += counts->at[i];
	return sum;
}

struct loss_counts loss_difference(const struct loss_counts *now, const struct loss_counts *then)
{
	struct loss_counts difference = {0};
	for (int i = 0; i < LOSS_PLACES; i++)
		difference.at[i] = growth(now->at[i], then->at[i]);
	return difference;
}

enum loss_place loss_place_of(const struct loss_counts *counts)
{
	uint64_t sum = loss_sum(counts);
	enum loss_place found = LOSS_NOWHERE;
	for (int i = 0; i < LOSS_PLACES; i++) {
		if (counts->at[i] <= sum / LOSS_SHARE)
			continue;
		if (found != LOSS_NOWHERE)
			return LOSS_SEVERAL;
		found = (enum loss_place)i;
	}
	return found;
}

const char *loss_place_name(enum loss_place place)
{
	static const char *const names[LOSS_PLACES] = {"none", "ring", "socket", "nic", "damaged",
						       "before", "several"};
	return names[place];
}

static uint64_t budget(const struct loss *loss, enum loss_sign sign)
{
	uint64_t sum = 0;
	for (int age = 0; age < LOSS_LEAD; age++)
		sum += loss->sign[age][sign];
	return sum;
}

/* The oldest first: it is the first to be forgotten. */
static uint64_t spend(struct loss *loss, enum loss_sign sign, uint64_t count)
{
	uint64_t spent = 0;
	for (int age = LOSS_LEAD - 1; age >= 0 && spent < count; age--) {
		uint64_t now = least(loss->sign[age][sign], count - spent);
		loss->sign[age][sign] -= now;
		loss->used[age][sign] |= now > 0;
		spent += now;
	}
	return spent;
}

static void add(struct loss *loss, enum loss_place place, uint64_t count)
{
	loss->total.at[place] += count;
	loss->minutes[loss->minute % LOSS_MINUTES].at[place] += count;
}

/* Puts up to count down to place, as far as the sign goes; what is left of count. */
static uint64_t put_down(struct loss *loss, enum loss_sign sign, enum loss_place place, uint64_t count)
{
	uint64_t spent = spend(loss, sign, count);
	add(loss, place, spent);
	return count - spent;
}

/* What counts exactly comes first, then what only shows. */
static void judge(struct loss *loss, uint64_t count)
{
	count = put_down(loss, SIGN_RING, LOSS_RING, count);
	count = put_down(loss, SIGN_NIC, LOSS_NIC, count);
	count = put_down(loss, SIGN_DAMAGED, LOSS_DAMAGED, count);
	if (budget(loss, SIGN_TAGS) <= 2 * count)
		count = put_down(loss, SIGN_TAGS, LOSS_DAMAGED, count);
	bool is_both = budget(loss, SIGN_SOCKET) > 0 && budget(loss, SIGN_KERNEL) > 0;
	count = put_down(loss, SIGN_SOCKET, is_both ? LOSS_SEVERAL : LOSS_SOCKET, count);
	count = put_down(loss, SIGN_KERNEL, is_both ? LOSS_SEVERAL : LOSS_NIC, count);
	add(loss, LOSS_BEFORE, count);
}

/* What came after all was on the link for long: so it is taken from what is said to have been lost there. */
static void take_back(struct loss *loss, uint64_t count)
{
	static const enum loss_place order[] = {LOSS_BEFORE, LOSS_SEVERAL, LOSS_DAMAGED, LOSS_NIC,
						LOSS_SOCKET, LOSS_RING};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		uint64_t now = least(count, loss->total.at[order[i]]);
		uint64_t *recent = &loss->minutes[loss->minute % LOSS_MINUTES].at[order[i]];
		loss->total.at[order[i]] -= now;
		*recent -= least(now, *recent);
		count -= now;
	}
}

/* The most datagrams that so many trains can have been. */
static uint64_t most_in(uint64_t trains, const struct loss_sample *sample)
{
	uint64_t mean = sample->trains > 0 ? (sample->datagrams + sample->trains - 1) / sample->trains : 1;
	if (trains == 0)
		return 0;
	return least(trains * 2 * mean + LOSS_TRAIN_MAX, trains * LOSS_TRAIN_MAX);
}

static void take_signs(struct loss *loss, const struct loss_sample *now)
{
	const struct loss_sample *then = &loss->last;
	uint64_t *sign = loss->sign[0];
	sign[SIGN_RING] += growth(now->ring_drops, then->ring_drops);
	sign[SIGN_NIC] += growth(now->nic_drops, then->nic_drops);
	sign[SIGN_DAMAGED] += growth(now->damaged, then->damaged);
	sign[SIGN_TAGS] += growth(now->bad_tags, then->bad_tags);
	sign[SIGN_SOCKET] += most_in(growth(now->socket_drops, then->socket_drops), now);
	uint64_t kernel = growth(now->kernel_drops, then->kernel_drops);
	loss->kernel_growth[0] += kernel;
	if (kernel > loss->strays)
		sign[SIGN_KERNEL] += most_in(kernel, now);
}

/* A gap in the sequence is seen at once and whole, so what comes later has another cause. */
static void forget_used(struct loss *loss)
{
	for (int age = 0; age < LOSS_LEAD; age++)
		for (int sign = 0; sign < LOSS_SIGNS; sign++)
			if (loss->used[age][sign])
				loss->sign[age][sign] = 0;
}

/* All signs get older by one; the oldest is forgotten, and one of the kernel that cost nothing is remembered. */
static void grow_older(struct loss *loss)
{
	const size_t oldest = LOSS_LEAD - 1;
	uint64_t stray = loss->kernel_growth[oldest];
	if (!loss->used[oldest][SIGN_KERNEL] && stray > loss->strays && stray <= LOSS_STRAY_MAX)
		loss->strays = stray;
	memmove(&loss->sign[1], &loss->sign[0], oldest * sizeof(loss->sign[0]));
	memmove(&loss->kernel_growth[1], &loss->kernel_growth[0], oldest * sizeof(loss->kernel_growth[0]));
	memmove(&loss->used[1], &loss->used[0], oldest * sizeof(loss->used[0]));
	memset(&loss->sign[0], 0, sizeof(loss->sign[0]));
	loss->kernel_growth[0] = 0;
	memset(&loss->used[0], 0, sizeof(loss->used[0]));
}

static void turn_minute(struct loss *loss, uint64_t now_s)
{
	uint64_t minute = now_s / 60;
	if (minute > loss->minute + LOSS_MINUTES || minute < loss->minute)
		memset(loss->minutes, 0, sizeof(loss->minutes)); /* the clock was set, or nobody looked */
	else
		for (uint64_t i = loss->minute + 1; i <= minute; i++)
			loss->minutes[i % LOSS_MINUTES] = (struct loss_counts){.at = {0}};
	loss->minute = minute;
}

void loss_follow(struct loss *loss, const struct loss_sample *sample, uint64_t now_s)
{
	turn_minute(loss, now_s);
	if (!loss->has_last) {
		loss->has_last = true;
		loss->judged = sample->link_lost;
	} else {
		take_signs(loss, sample);
		uint64_t settled = least(loss->lost_before, sample->link_lost);
		if (settled > loss->judged) {
			judge(loss, settled - loss->judged);
			loss->judged = settled;
		} else if (sample->link_lost < loss->judged) {
			take_back(loss, loss->judged - sample->link_lost);
			loss->judged = sample->link_lost;
		} else if (sample->caught_up) {
			forget_used(loss);
		}
		if (sample->caught_up)
			grow_older(loss);
	}
	loss->lost_before = sample->link_lost;
	loss->last = *sample;
}

struct loss_counts loss_last_hour(const struct loss *loss)
{
	struct loss_counts sum = {0};
	for (int i = 0; i < LOSS_MINUTES; i++)
		for (int place = 0; place < LOSS_PLACES; place++)
			sum.at[place] += loss->minutes[i].at[place];
	return sum;
}
