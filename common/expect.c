#include "expect.h"

#include <string.h>

static uint32_t two_digits(const char *p)
{
	return (uint32_t)(p[0] - '0') * 10 + (uint32_t)(p[1] - '0');
}

/* The next time behind now_s at this second of the day. */
static uint64_t next_due(uint64_t second_of_day, uint64_t now_s)
{
	uint64_t due_s = now_s / EXPECT_DAY_S * EXPECT_DAY_S + second_of_day;
	return due_s > now_s ? due_s : due_s + EXPECT_DAY_S;
}

/* The registry has checked it (registryroute.c): "daily HH:MM", or nothing. */
bool expect_begin(struct expect *out, const char *text, uint64_t now_s)
{
	static const char daily[] = "daily ";
	const char *p = text + sizeof(daily) - 1;
	if (strncmp(text, daily, sizeof(daily) - 1) != 0)
		return false;
	uint64_t second_of_day = two_digits(p) * 3600 + two_digits(p + 3) * 60;
	*out = (struct expect){.due_s = next_due(second_of_day, now_s)};
	return true;
}

bool expect_is_same(const struct expect *a, const struct expect *b)
{
	return a->due_s % EXPECT_DAY_S == b->due_s % EXPECT_DAY_S;
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
	if (e->due_s > now_s + (uint64_t)2 * EXPECT_DAY_S) {
		e->due_s = next_due(e->due_s % EXPECT_DAY_S, now_s);
		e->overdue_s = e->overdue_s > now_s ? 0 : e->overdue_s;
	}
	for (; e->due_s <= now_s; e->due_s += EXPECT_DAY_S) {
		if (!e->has_come && e->overdue_s == 0) {
			e->overdue_s = e->due_s;
			news = EXPECT_OVERDUE;
		}
		e->has_come = false;
	}
	return news;
}
