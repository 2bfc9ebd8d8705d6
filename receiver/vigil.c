#include "vigil.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

#include "common/text.h"

enum { MINUTE_S = 60, HEALED = 3 };

/* By place: E2090 and on; the words around the number of those that are counted. */
static const struct {
	const char *id;
	int priority;
	const char *before, *behind;
} events[VIGIL_KINDS] = {
	{"E2090", LOG_WARNING, "the ends of ", " more bundles were lost"},
	{"E2091", LOG_WARNING, "", " more bundles were lost as a whole"},
	{"E2092", LOG_WARNING, "parts of ", " more bundles were lost"},
	{"E2093", LOG_NOTICE, "", " more are whole again"},
};

struct look {
	struct vigil *vigil;
	const struct reception *reception;
	const struct missing_link *link;
	uint64_t now_s;
};

static bool may_tell(struct vigil *v, size_t place)
{
	if (v->told[place] >= VIGIL_TOLD_MAX) {
		v->left_out[place]++;
		return false;
	}
	v->told[place]++;
	return true;
}

static void end_minute(struct vigil *v, uint64_t now_s)
{
	if (now_s / MINUTE_S == v->minute)
		return;
	v->minute = now_s / MINUTE_S;
	for (size_t i = 0; i < VIGIL_KINDS; i++) {
		if (v->left_out[i] > 0)
			event_tell(v->tell, events[i].priority, events[i].id, "keep: and %s%" PRIu32 "%s",
				   events[i].before, v->left_out[i], events[i].behind);
		v->told[i] = v->left_out[i] = 0;
	}
}

/* ", what comes of it", behind the loss. */
static void say_more(char out[static 160], const struct missing_judgement *j)
{
	char by[32];
	switch (j->more) {
	case MORE_COMES:
		snprintf(out, 160, "repair is coming, by %s at the latest", text_time(by, sizeof(by), j->by));
		break;
	case MORE_MAY_COME:
		snprintf(out, 160, "another pass of it may be coming");
		break;
	case MORE_UNKNOWN:
		snprintf(out, 160, "whether more comes is not known while the sender is silent");
		break;
	case MORE_NOT:
		snprintf(out, 160, "no more of it is coming: ask the sending side, 'weir-inbox gaps' says how");
		break;
	}
}

static void tell_loss(struct look *look, const struct known_bundle *bundle, const struct missing_judgement *j)
{
	char name[VAULT_NAME_BYTES], lacks[32], all[32], more[160];
	size_t place = j->kind == MISSING_TAIL ? 0 : j->kind == MISSING_WHOLE ? 1 : 2;
	if (!may_tell(look->vigil, place))
		return;
	reception_name_of(look->reception, &bundle->id, name);
	text_size(lacks, sizeof(lacks), reception_missing_bytes(bundle));
	text_size(all, sizeof(all), bundle->entry.geometry.object_len);
	say_more(more, j);
	if (place == 1)
		event_tell(look->vigil->tell, LOG_WARNING, "E2091", "keep: '%s' was lost as a whole, %s: nothing of it "
			   "came; %s", name, all, more);
	else if (place == 0)
		event_tell(look->vigil->tell, LOG_WARNING, "E2090", "keep: the end of '%s' was lost, %s of %s are "
			   "missing; %s", name, lacks, all, more);
	else
		event_tell(look->vigil->tell, LOG_WARNING, "E2092", "keep: a part of '%s' was lost, %s of %s are "
			   "missing; %s", name, lacks, all, more);
}

static void note_delivery(struct look *look, struct known_bundle *bundle)
{
	char name[VAULT_NAME_BYTES], after[32];
	bundle->is_noted = true;
	look->vigil->delivered(look->vigil->context, bundle);
	if (bundle->lost_s == 0 || !may_tell(look->vigil, HEALED))
		return;
	reception_name_of(look->reception, &bundle->id, name);
	text_duration(after, sizeof(after), look->now_s > bundle->lost_s ? look->now_s - bundle->lost_s : 0);
	event_tell(look->vigil->tell, LOG_NOTICE, "E2093", "keep: '%s' is whole again, %s after its loss was known",
		   name, after);
}

static void look_at(void *context, struct known_bundle *bundle)
{
	struct look *look = context;
	struct missing_facts facts;
	struct missing_judgement judgement;
	if (bundle->state == KNOWN_DELIVERED && !bundle->is_noted)
		note_delivery(look, bundle);
	if (bundle->state != KNOWN_WANTED) {
		bundle->lost_s = 0;
		return;
	}
	bundle->is_noted = false;
	/* dear, so only for what can be news */
	if (bundle->lost_s != 0 || bundle->passed_s == 0)
		return;
	reception_facts(&facts, bundle);
	missing_judge(&judgement, &facts, look->link, look->now_s);
	if (!missing_is_lost(judgement.kind))
		return;
	bundle->lost_s = look->now_s;
	tell_loss(look, bundle, &judgement);
}

void vigil_follow(struct vigil *v, const struct known *known, const struct reception *reception,
		  const struct missing_link *link, uint64_t now_s)
{
	struct look look = {v, reception, link, now_s};
	end_minute(v, now_s);
	known_each(known, look_at, &look);
}
