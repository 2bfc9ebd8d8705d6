/* Giving up for good: what is no longer named, what is too old; each is owed to the ledger. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/openbundle.h"
#include "errand.h"

enum { DAY_S = 86400 };

void reception_lose(struct reception *r, const struct bundle_id *id, const struct known_bundle *bundle,
		    enum lost_why why)
{
	struct lost_item item = {.id = *id, .count = 1, .why = why, .at_s = r->now_s};
	if (bundle != NULL) {
		item.object_bytes = bundle->entry.geometry.object_len;
		item.held_bytes = item.object_bytes - reception_missing_bytes(bundle);
	}
	/* a registry that comes no more has a newer one behind it, which does */
	if (id->route_id == OPEN_ROUTE_ID)
		return;
	if (lost_add(r->o.lost, &item) != 0) {
		char name[VAULT_NAME_BYTES];
		reception_name_of(r, id, name);
		reception_tell(r, LOG_ERR, "E2097", "keep: '%s' is lost, and not in the list of what is: %s", name,
			       strerror(ENOMEM));
	}
}

void reception_drop(struct reception *r, struct known_bundle *bundle, bool is_told)
{
	struct arrival *a = bundle->arrival;
	char name[VAULT_NAME_BYTES];
	reception_name_of(r, &bundle->id, name);
	if (bundle->state == KNOWN_WANTED && is_told)
		reception_tell(r, LOG_WARNING, "E2014", "keep: '%s' is no longer offered by the sender, and is "
			       "not in the vault; %s, and 'weir-inbox gaps' lists it as lost", name,
			       a == NULL ? "nothing of it had come"
					 : "what had arrived of it is removed");
	if (bundle->state == KNOWN_WANTED)
		reception_lose(r, &bundle->id, bundle, LOST_NOT_OFFERED);
	else if (bundle->state == KNOWN_REFUSED && !reception_is_repeated(bundle))
		reception_lose(r, &bundle->id, bundle, LOST_REFUSED);
	if (a != NULL)
		reception_give_up(a);
}

/* Nobody names it: unless it is what a crash has left of a bundle that is done, it was dropped while we were away. */
static int clear(struct reception *r, const struct bundle_id *id)
{
	char name[VAULT_NAME_BYTES];
	reception_name_of(r, id, name);
	if (vault_refusal(r->o.vault_fd, id) == 0 && vault_is_delivered(r->o.vault_fd, id->epoch, name) == 0)
		reception_lose(r, id, NULL, LOST_NOT_OFFERED);
	return partial_remove(&r->site, id);
}

void reception_clear(struct reception *r, const struct known *known)
{
	struct bundle_id *ids = NULL;
	size_t count = 0;
	int result = vault_partial_ids(r->o.vault_fd, &ids, &count);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (known_find(known, &ids[i]) == NULL && !reception_is_being_given_up(r, &ids[i]))
			result = clear(r, &ids[i]);
	if (result != 0)
		reception_tell(r, LOG_ERR, "E2016", "keep: cannot clear partial/: %s",
			       strerror(-result));
	free(ids);
}

/* While the sender offers it, and is heard, more may come at any time. */
static bool may_come(const struct arrival *a, const struct missing_link *link, uint64_t now_s)
{
	return a->bundle->entry.offered_until > now_s && !missing_is_silent(link, now_s);
}

void reception_give_up_old(struct reception *r, const struct missing_link *link)
{
	char name[VAULT_NAME_BYTES];
	for (struct arrival *a = r->arrivals; a != NULL; a = a->next) {
		if (a->bundle == NULL || a->phase != PHASE_RECEIVING || r->now_s < a->last_arrival_s ||
		    r->now_s - a->last_arrival_s < r->o.unfinished_s || may_come(a, link, r->now_s))
			continue;
		reception_name_of(r, &a->id, name);
		reception_tell(r, LOG_WARNING, "E2096", "keep: '%s' is given up: nothing of it has come for %" PRIu64
			       " days, and the sender %s", name, (r->now_s - a->last_arrival_s) / DAY_S,
			       missing_is_silent(link, r->now_s) ? "is silent" : "does not offer it any more");
		reception_lose(r, &a->id, a->bundle, LOST_TOO_OLD);
		reception_give_up(a);
	}
}
