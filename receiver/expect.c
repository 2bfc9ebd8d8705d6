#include "expect.h"

#include <stdlib.h>
#include <string.h>

static uint32_t two_digits(const char *p)
{
	return (uint32_t)(p[0] - '0') * 10 + (uint32_t)(p[1] - '0');
}

/* The registry has checked it (registryroute.c): "daily HH:MM", or nothing. */
bool expect_begin(struct expect *out, const char *text, uint64_t start_s)
{
	static const char daily[] = "daily ";
	const char *p = text + sizeof(daily) - 1;
	if (strncmp(text, daily, sizeof(daily) - 1) != 0)
		return false;
	*out = (struct expect){.second_of_day = two_digits(p) * 3600 + two_digits(p + 3) * 60};
	out->due_s = start_s / EXPECT_DAY_S * EXPECT_DAY_S + out->second_of_day;
	if (out->due_s <= start_s)
		out->due_s += EXPECT_DAY_S;
	return true;
}

enum expect_news expect_deliver(struct expect *e, uint64_t *was_due_s)
{
	if (e->overdue_s == 0) {
		e->has_come = true;
		return EXPECT_NOTHING;
	}
	*was_due_s = e->overdue_s;
	e->overdue_s = 0;
	return EXPECT_MET_LATE;
}

enum expect_news expect_turn(struct expect *e, uint64_t now_s)
{
	enum expect_news news = EXPECT_NOTHING;
	for (; e->due_s <= now_s; e->due_s += EXPECT_DAY_S) {
		if (!e->has_come && e->overdue_s == 0) {
			e->overdue_s = e->due_s;
			news = EXPECT_OVERDUE;
		}
		e->has_come = false;
	}
	return news;
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

bool expect_replay(struct expect *out, const char *text, uint64_t since_s, uint64_t *deliveries, size_t count,
		   uint64_t now_s)
{
	const uint64_t back = (uint64_t)EXPECT_BACK_DAYS * EXPECT_DAY_S;
	/* from the beginning of a day on, so that the days do not depend on the hour of asking */
	uint64_t first = now_s > back ? (now_s - back) / EXPECT_DAY_S * EXPECT_DAY_S : 0, unused;
	uint64_t start = first > since_s ? first : since_s;
	if (!expect_begin(out, text, start))
		return false;
	if (count > 0)
		qsort(deliveries, count, sizeof(*deliveries), compare_times);
	for (size_t i = 0; i < count; i++) {
		if (deliveries[i] < start || deliveries[i] > now_s)
			continue;
		(void)expect_turn(out, deliveries[i]);
		(void)expect_deliver(out, &unused);
	}
	(void)expect_turn(out, now_s);
	return true;
}
