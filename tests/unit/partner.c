#include "receiver/partner.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "tests/lib/tap.h"

static char events[256];

static void take_event(void *context, int priority, const char *id, const char *text)
{
	(void)context;
	snprintf(events + strlen(events), sizeof(events) - strlen(events), "%s %d %s;", id, priority, text);
}

int main(void)
{
	const struct teller teller = {take_event, NULL};
	struct partner partner;
	struct ring *ring = NULL;
	is_number(ring_open(&ring, test_dir(), RING_BYTES_MIN), 0, "there is a ring");
	struct ring_counters *counters = ring_counters(ring);
	partner_start(&partner, ring, &teller, 0);
	uint64_t now = 0;
	for (; now < 60000 && partner_follow(&partner, now); now += 1000)
		atomic_fetch_add(&counters->turns, 4);
	is_number((int64_t)now, 60000, "catch that goes round lives, also when nothing comes");
	is_text(events, "", "and nothing is said");
	ok(partner_follow(&partner, now + 2000), "a pause is nothing");
	ok(!partner_follow(&partner, now + 10000) && !partner_follow(&partner, now + 20000), "one that hangs is noticed");
	is_text(events, "E2009 3 keep: weir-catch has not worked for five seconds;", "and told of once");
	events[0] = 0;
	atomic_fetch_add(&counters->turns, 1);
	ok(partner_follow(&partner, now + 30000), "one that works again lives");
	is_text(events, "E2009 5 keep: weir-catch works;", "and that is told");
	ring_close(ring);
	return done_testing();
}
