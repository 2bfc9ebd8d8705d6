#include <inttypes.h>
#include <sys/timex.h>
#include <time.h>

#include "check.h"
#include "text.h"

enum { CLOCK_APART_S = 60, CLOCK_FAR_S = 86400 };

struct clock_facts clock_read(void)
{
	struct timex state = {.modes = 0};
	struct clock_facts facts = {.now_s = (uint64_t)time(NULL)};
	facts.is_told = adjtimex(&state) >= 0;
	facts.is_set = facts.is_told && (state.status & STA_UNSYNC) == 0;
	return facts;
}

static void add_time(const struct check *check, const struct clock_facts *facts, const struct registry *registry)
{
	char now[32], issued[32];
	uint64_t earliest = registry == NULL ? 0 : registry_issued(registry);
	bool is_early = facts->now_s < CLOCK_EARLIEST_S || facts->now_s < earliest;
	struct finding *f = report_add(check->report, FINDING_CLOCK, is_early ? FINDING_RED : FINDING_GREEN, "%s%s",
				       text_time(now, sizeof(now), facts->now_s), is_early ? ", which is before this program or the registry was made" : "");
	finding_type(f, "timedatectl set-time 'YYYY-MM-DD HH:MM:SS' (UTC), after %s; then hwclock --systohc",
		     text_time(issued, sizeof(issued), earliest > CLOCK_EARLIEST_S ? earliest : CLOCK_EARLIEST_S));
}

/* By the heartbeat that was heard last, which says what time it was sent. */
static void add_other(const struct check *check, const struct clock_facts *facts)
{
	char apart[32];
	if (facts->sent_s == 0 || facts->heard_s == 0) {
		report_add(check->report, FINDING_CLOCKS_APART, FINDING_GREEN, "no heartbeat of the sender has told its time yet");
		return;
	}
	bool is_behind = facts->heard_s < facts->sent_s;
	uint64_t s = is_behind ? facts->sent_s - facts->heard_s : facts->heard_s - facts->sent_s;
	finding_type(report_add(check->report, FINDING_CLOCKS_APART, s > CLOCK_FAR_S ? FINDING_RED : s > CLOCK_APART_S ? FINDING_AMBER
				: FINDING_GREEN, "%s %s the sender's", text_duration(apart, sizeof(apart), s), is_behind ? "behind" : "ahead of"),
		     "date -u on both boxes; then timedatectl set-time where it is wrong");
}

void check_clock(const struct check *check, const struct clock_facts *facts, const struct registry *registry)
{
	add_time(check, facts, registry);
	if (!facts->is_told)
		report_add(check->report, FINDING_CLOCK_SET, FINDING_GREEN, "this machine does not tell");
	else
		finding_type(report_add(check->report, FINDING_CLOCK_SET, facts->is_set ? FINDING_GREEN : FINDING_AMBER,
					facts->is_set ? "a source of time keeps it" : "no source of time keeps it"),
			     "timedatectl timesync-status; a box without a network needs a clock of its own, as a GPS receiver with "
			     "chrony, or somebody who sets it once a month");
	if (check->config->side == CONFIG_RECEIVER)
		add_other(check, facts);
}
