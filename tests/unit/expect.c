#include "receiver/expect.h"

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

static uint64_t overdue(uint64_t *deliveries, size_t count, uint64_t since, uint64_t now)
{
	struct expect e;
	return expect_replay(&e, "daily 06:00", since, deliveries, count, now) ? e.overdue_s : 1;
}

static void restarts(void)
{
	uint64_t times[] = {DAY + 53 * HOUR, DAY + 5 * HOUR, DAY + 29 * HOUR};
	is_number((int64_t)overdue(times, 3, DAY, DAY + 55 * HOUR), 0, "after a restart the vault's deliveries say it all, in any order");
	is_number((int64_t)overdue(times, 3, DAY, DAY + 78 * HOUR), (int64_t)(DAY + 78 * HOUR), "and what has not come since is overdue");
	uint64_t late[] = {DAY + 8 * HOUR};
	is_number((int64_t)overdue(late, 1, DAY, DAY + 29 * HOUR), 0, "one that was late is no more than that");
	is_number((int64_t)overdue(late, 1, DAY, DAY + 31 * HOUR), (int64_t)(DAY + 30 * HOUR), "and is not the next day's");
	is_number((int64_t)overdue(NULL, 0, DAY + 12 * HOUR, DAY + 30 * HOUR - 1), 0,
		  "a registry expects nothing before it was issued");
	is_number((int64_t)overdue(NULL, 0, DAY + 12 * HOUR, DAY + 30 * HOUR), (int64_t)(DAY + 30 * HOUR), "but from then on");
	is_number((int64_t)overdue(NULL, 0, DAY, DAY + 5 * HOUR), 0, "and nothing is due before that");
	is_number((int64_t)overdue(NULL, 0, DAY, DAY + 100 * 24 * HOUR), (int64_t)(DAY + 92 * 24 * HOUR + 6 * HOUR),
		  "no more than eight days are looked at");
	uint64_t future[] = {DAY + 500 * HOUR};
	is_number((int64_t)overdue(future, 1, DAY, DAY + 7 * HOUR), (int64_t)(DAY + 6 * HOUR), "what is not yet has not come");
	struct expect e;
	ok(!expect_replay(&e, "", DAY, NULL, 0, DAY), "nothing is replayed where nothing is expected");
}

int main(void)
{
	days();
	restarts();
	return done_testing();
}
