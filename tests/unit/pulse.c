#include "common/pulse.h"

#include "tests/lib/tap.h"

enum { SECOND = 1000 };

static void test_start(void)
{
	struct pulse pulse;
	pulse_start(&pulse, 7, 100);
	ok(pulse_beats(&pulse, 7, 100 + PULSE_START_MS), "who is started as well has time for it");
	ok(!pulse_beats(&pulse, 7, 101 + PULSE_START_MS), "and no longer");
	ok(pulse_beats(&pulse, 8, 200 + PULSE_START_MS), "who comes late is welcome");
	pulse_start(&pulse, 7, 0);
	ok(pulse_beats(&pulse, 8, SECOND), "it begins");
	ok(pulse_beats(&pulse, 8, PULSE_START_MS), "what ended and is started again has the same time");
}

static void test_beats(void)
{
	struct pulse pulse;
	uint64_t now = PULSE_START_MS;
	pulse_start(&pulse, 0, 0);
	for (uint64_t mark = 1; mark <= 100; mark++, now += SECOND)
		if (!pulse_beats(&pulse, mark, now))
			break;
	is_number((int64_t)now, PULSE_START_MS + 100 * SECOND, "while the number changes it beats");
	now -= SECOND;
	ok(pulse_beats(&pulse, 100, now + PULSE_STILL_MS), "a short pause is none");
	ok(!pulse_beats(&pulse, 100, now + PULSE_STILL_MS + 1), "a number that stands still is noticed");
	ok(!pulse_beats(&pulse, 100, now + 3600 * SECOND), "and stays noticed");
	now += 3600 * SECOND;
	ok(pulse_beats(&pulse, 99, now), "it beats again when the number goes on, in whichever direction");
	ok(pulse_beats(&pulse, 99, now + PULSE_STILL_MS), "for as long as before");
	ok(!pulse_beats(&pulse, 99, now + PULSE_STILL_MS + 1), "and no longer");
}

/* This process itself may have stood still: what the other one did meanwhile counts. */
static void test_away(void)
{
	struct pulse pulse;
	pulse_start(&pulse, 1, 0);
	ok(pulse_beats(&pulse, 2, 100 * PULSE_START_MS), "who was away itself looks first");
	pulse_start(&pulse, 1, 5);
	ok(pulse_beats(&pulse, UINT64_MAX, 3 * PULSE_START_MS) && !pulse_beats(&pulse, UINT64_MAX, 4 * PULSE_START_MS) &&
		   pulse_beats(&pulse, 0, 4 * PULSE_START_MS),
	   "any number is a number");
}

int main(void)
{
	test_start();
	test_beats();
	test_away();
	return done_testing();
}
