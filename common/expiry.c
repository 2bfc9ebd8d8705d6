#include "expiry.h"

#include <limits.h>
#include <stdio.h>

#include "text.h"

enum { DAY_S = 86400 };

/* One stage at a time, so that the soonest come first. */
struct round {
	expiry_tell *tell;
	void *context;
	unsigned int stage;
	int told;
	int told_max;
};

static void take(void *context, const char *kind, const char *name, uint64_t expires, unsigned int days_left)
{
	struct round *round = context;
	char text[EXPIRY_TEXT_BYTES], when[32];
	if (days_left != round->stage || round->told == round->told_max)
		return;
	round->told++;
	snprintf(text, sizeof(text), "%s '%s' expires at %s, within %u day%s", kind, name,
		 text_time(when, sizeof(when), expires), days_left, days_left == 1 ? "" : "s");
	round->tell(round->context, text);
}

static int tell_stages(const struct registry *registry, uint64_t now_s, struct round *round)
{
	static const unsigned int stages[] = {1, 7, 30};
	int count = 0;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		round->stage = stages[i];
		count = registry_expiring(registry, now_s, take, round);
	}
	return count;
}

int expiry_list(const struct registry *registry, uint64_t now_s, expiry_tell *tell, void *context)
{
	struct round round = {.tell = tell, .context = context, .told_max = INT_MAX};
	return tell_stages(registry, now_s, &round);
}

void expiry_follow(struct expiry_watch *watch, const struct registry *registry, uint64_t now_s,
		   expiry_tell *tell, void *context)
{
	struct round round = {.tell = tell, .context = context, .told_max = EXPIRY_TOLD_MAX};
	uint64_t day = now_s / DAY_S + 1;
	if (watch->day == day && watch->version == registry_version(registry))
		return;
	*watch = (struct expiry_watch){day, registry_version(registry)};
	int count = tell_stages(registry, now_s, &round);
	if (count <= round.told)
		return;
	char text[EXPIRY_TEXT_BYTES];
	snprintf(text, sizeof(text), "and %d more expire within 30 days; 'registry show' lists them",
		 count - round.told);
	tell(context, text);
}
