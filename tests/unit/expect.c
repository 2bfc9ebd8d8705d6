#include "common/expect.h"

#include "tests/lib/tap.h"

/* 2026-11-24T00:00:00Z, and hours after it. */
#define DAY UINT64_C(1795478400)
#define HOUR UINT64_C(3600)

static void days(void)
{
	struct expect e;
	uint64_t due = 0;
	ok(!expect_begin(&e, "", DAY), "where nothing is stated nothing is expected");
	ok(expect_begin(&e, "daily 06:30", DAY + 5 * HOUR), "daily is understood");
	is_number((int64_t)e.due_s, (int64_t)(DAY + 6 * HOUR + 1800), "today's time comes first");
	ok(expect_begin(&e, "daily 06:30", DAY + 6 * HOUR + 1800), "at that time");
	is_number((int64_t)e.due_s, (int64_t)(DAY + 30 * HOUR + 1800), "it is tomorrow's");

	expect_begin(&e, "daily 06:00", DAY);
	is_number(expect_turn(&e, DAY + 6 * HOUR - 1), EXPECT_NOTHING, "before its time nothing is due");
	is_number(expect_turn(&e, DAY + 6 * HOUR), EXPECT_OVERDUE, "at its time what has not come is overdue");
	is_number(expect_turn(&e, DAY + 6 * HOUR + 1), EXPECT_NOTHING, "which is told once");
	is_number(expect_turn(&e, DAY + 31 * HOUR), EXPECT_NOTHING, "also on the next day");
	is_number((int64_t)e.overdue_s, (int64_t)(DAY + 6 * HOUR), "it is so since the first");
	is_number(expect_deliver(&e, &due), EXPECT_MET_LATE, "what comes then is late");
	is_number((int64_t)due, (int64_t)(DAY + 6 * HOUR), "by so much");
	is_number(expect_turn(&e, DAY + 54 * HOUR), EXPECT_OVERDUE, "and does not stand for the day that follows");
	expect_deliver(&e, &due);
	is_number(expect_deliver(&e, &due), EXPECT_NOTHING, "a second one");
	is_number(expect_turn(&e, DAY + 78 * HOUR), EXPECT_NOTHING, "does");
	is_number(expect_turn(&e, DAY + 102 * HOUR), EXPECT_OVERDUE, "for one day");
	expect_begin(&e, "daily 06:00", DAY);
	expect_deliver(&e, &due);
	expect_deliver(&e, &due);
	expect_turn(&e, DAY + 6 * HOUR);
	is_number(expect_turn(&e, DAY + 30 * HOUR), EXPECT_OVERDUE, "two on one day are no stock for two");
}

static void clocks(void)
{
	struct expect e, other;
	uint64_t due = 0;
	expect_begin(&e, "daily 06:00", DAY);
	expect_deliver(&e, &due);
	is_number(expect_turn(&e, DAY + 31 * 24 * HOUR), EXPECT_OVERDUE, "a clock that leaps ahead makes days that lack something");
	is_number((int64_t)e.overdue_s, (int64_t)(DAY + 30 * HOUR), "from the second on");
	is_number(expect_turn(&e, DAY + 7 * HOUR), EXPECT_NOTHING, "when it is set back they have not been");
	ok(e.overdue_s == 0 && e.due_s == DAY + 30 * HOUR, "and tomorrow's time comes next");
	is_number(expect_turn(&e, DAY + 30 * HOUR), EXPECT_OVERDUE, "at which what has not come is overdue");
	is_number(expect_turn(&e, DAY + 30 * HOUR - 1), EXPECT_NOTHING, "a clock that is set back by a second");
	ok(e.overdue_s == DAY + 30 * HOUR && e.due_s == DAY + 54 * HOUR, "has no time judged twice");
	expect_begin(&other, "daily 06:00", DAY + 100 * HOUR);
	ok(expect_is_same(&e, &other), "two of the same time of day are the same");
	expect_begin(&other, "daily 06:01", DAY + 100 * HOUR);
	ok(!expect_is_same(&e, &other), "a minute later is another");
}

int main(void)
{
	days();
	clocks();
	return done_testing();
}
