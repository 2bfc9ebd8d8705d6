#include "room.h"

#include <inttypes.h>
#include <syslog.h>

/* Of what nothing has come for long: the one that has waited longest, NULL when there is none. */
static struct arrival *longest_idle(const struct reception *r)
{
	struct arrival *oldest = NULL;
	for (struct arrival *a = r->arrivals; a != NULL; a = a->next)
		if (a->bundle != NULL && a->phase == PHASE_RECEIVING &&
		    a->last_arrival_s + RECEPTION_IDLE_S <= r->now_s &&
		    (oldest == NULL || a->last_arrival_s < oldest->last_arrival_s))
			oldest = a;
	return oldest;
}

/* What has begun and does not go on must not keep out for ever what comes now. */
static bool make_room(struct reception *r, const char *name)
{
	char given_up[VAULT_NAME_BYTES];
	struct arrival *a = longest_idle(r);
	if (a == NULL)
		return false;
	reception_name_of(r, &a->id, given_up);
	reception_tell(r, LOG_WARNING, "E2019", "keep: '%s' is given up, nothing of it has come for %" PRIu64
		       " s and '%s' needs the room; it begins again when it is sent again", given_up,
		       r->now_s - a->last_arrival_s, name);
	reception_lose(r, &a->id, a->bundle, LOST_NO_ROOM);
	reception_give_up(a);
	return true;
}

void reception_expire(struct reception *r, uint64_t past_s)
{
	char name[VAULT_NAME_BYTES];
	bool is_later = past_s > r->past_s;
	r->past_s = past_s;
	for (struct arrival *a = is_later ? r->arrivals : NULL; a != NULL; a = a->next) {
		if (a->bundle == NULL || a->bundle->entry.destroy_by > past_s)
			continue;
		reception_name_of(r, &a->id, name);
		reception_tell(r, LOG_WARNING, "E2077", "keep: '%s' was to be destroyed by now and had not come whole; "
			       "what had come of it is removed", name);
		reception_give_up(a);
	}
}

bool room_has(struct reception *r, const struct known_bundle *bundle)
{
	if (bundle->entry.destroy_by <= r->past_s)
		return false;
	uint64_t memory = reception_memory(r, &bundle->entry.geometry);
	bool fits = r->count < RECEPTION_BUNDLES_MAX && r->memory + memory <= RECEPTION_MEMORY_MAX;
	char name[VAULT_NAME_BYTES];
	if (fits) {
		r->limit_was_told = false;
		return true;
	}
	reception_name_of(r, &bundle->id, name);
	if (memory > RECEPTION_MEMORY_MAX) {
		if (!r->limit_was_told)
			reception_tell(r, LOG_ERR, "E2015", "keep: '%s' is not begun: it is larger than this "
				       "receiver takes, %" PRIu64 " bytes; push it in parts", name,
				       bundle->entry.geometry.object_len);
	} else if (make_room(r, name)) {
		return false; /* what was given up makes room in the next turn */
	} else if (!r->limit_was_told) {
		reception_tell(r, LOG_WARNING, "E2015", "keep: '%s' is not begun: %u bundles arrive already, "
			       "with %" PRIu64 " bytes of memory", name, r->count, r->memory);
	}
	r->limit_was_told = true;
	return false;
}
