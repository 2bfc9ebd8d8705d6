#include "sender/daily.h"

#include "tests/lib/tap.h"

enum { HOUR = 3600, DAY = 86400 };
static const uint64_t midnight = 1795996800; /* 2026-11-30T00:00:00Z */

int main(void)
{
	const uint64_t due = midnight + DAILY_AFTER_MIDNIGHT_S, noon = midnight + 12 * HOUR;
	ok(daily_is_due(noon, 0, 0), "what was never done is due");
	ok(!daily_is_due(noon, due, 0), "what was done after five past midnight is not");
	ok(!daily_is_due(noon, noon - 1, 0), "nor what was done just now");
	ok(daily_is_due(noon, due - 1, 0), "what was done before that is due again");
	ok(!daily_is_due(due - 1, midnight - HOUR, 0), "but not before five past midnight");
	ok(daily_is_due(due, midnight - HOUR, 0), "and from then on");
	ok(daily_is_due(due - 1, due - DAY - 1, 0), "what was missed is due at once");
	ok(!daily_is_due(noon, 0, noon), "what has just been tried is not due again");
	ok(!daily_is_due(noon, 0, noon - DAILY_RETRY_S + 1), "not within a quarter of an hour");
	ok(daily_is_due(noon, 0, noon - DAILY_RETRY_S), "and then it is");
	ok(daily_is_due(noon, 0, noon + HOUR), "a clock that was set back keeps it from nothing");
	ok(!daily_is_due(0, 0, 0), "a clock that was never set makes nothing due");
	return done_testing();
}
