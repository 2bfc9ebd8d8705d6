/* The clock of a box, and that of the other one. */
#include <time.h>

#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_RECEIVER};
static struct clock_facts facts;

static void look(const struct check *check)
{
	check_clock(check, &facts, NULL);
}

int main(void)
{
	facts = (struct clock_facts){.now_s = CLOCK_EARLIEST_S + 1, .is_told = true, .is_set = true};
	finds(look, &config, "green clock: 2026-11-01T00:00:01Z", "a clock after this program was made is green");
	facts.now_s = 7;
	finds(look, &config, "red clock: 1970-01-01T00:00:07Z, which is before this program or the registry was made; type: timedatectl set-time",
	      "one before is red");
	facts.now_s = CLOCK_EARLIEST_S + 1000000;
	finds(look, &config, "green clock-set: a source of time keeps it", "a clock that is kept is green");
	facts.is_set = false;
	finds(look, &config, "amber clock-set: no source of time keeps it; type: timedatectl timesync-status", "one that runs by itself is amber");
	facts.is_told = false;
	finds(look, &config, "green clock-set: this machine does not tell", "where it is not told it is green");
	finds(look, &config, "green clocks-apart: no heartbeat of the sender has told its time yet", "before a heartbeat nothing is known of the other clock");
	facts.heard_s = facts.now_s;
	facts.sent_s = facts.now_s - 60;
	finds(look, &config, "green clocks-apart: 1 min 00 s ahead of the sender's", "a minute is green");
	facts.sent_s = facts.now_s + 61;
	finds(look, &config, "amber clocks-apart: 1 min 01 s behind the sender's; type: date -u on both boxes", "more is amber");
	facts.sent_s = facts.now_s - 86401;
	finds(look, &config, "red clocks-apart: 1 d 00 h ahead of the sender's", "and a day is red");
	config.side = CONFIG_SENDER;
	is_text(found(look, &config, "clocks-apart"), "", "a sender hears nobody");
	struct clock_facts now = clock_read();
	ok(now.now_s >= (uint64_t)time(NULL) - 5 && now.sent_s == 0, "the box's own clock is read");
	return done_testing();
}
