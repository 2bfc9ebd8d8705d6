#include "awaited.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/text.h"
#include "common/verdict.h"
#include "vault.h"

void awaited_clear(struct awaited *a)
{
	expecting_clear(&a->expecting);
}

static void tell_overdue(void *context, const struct expecting_route *r)
{
	const struct awaited *a = context;
	char due[32];
	event_tell(a->tell, LOG_WARNING, "E2094", "keep: route '%s': nothing has come that was expected by %s", r->name,
		   text_time(due, sizeof(due), r->expect.overdue_s));
}

static void tell_late(void *context, const struct expecting_route *r, uint64_t was_due_s, uint64_t now_s)
{
	const struct awaited *a = context;
	char due[32], late[32];
	event_tell(a->tell, LOG_NOTICE, "E2095", "keep: route '%s': what was expected by %s has come, %s late", r->name,
		   text_time(due, sizeof(due), was_due_s),
		   text_duration(late, sizeof(late), now_s > was_due_s ? now_s - was_due_s : 0));
}

static struct expecting_teller teller_of(struct awaited *a)
{
	return (struct expecting_teller){a, tell_overdue, tell_late};
}

/* What lies in the vault. */
struct sighting {
	struct vault_item *items;
	size_t count;
	uint64_t now_s;
};

static void look(void *context, const struct route *route, uint64_t since_s, struct expecting_sight *out)
{
	const struct sighting *s = context;
	char name[NAME_BYTES];
	uint64_t number;
	for (size_t i = 0; i < s->count; i++) {
		uint64_t at = s->items[i].arrived_s > 0 ? (uint64_t)s->items[i].arrived_s : 0;
		/* one from a time to come tells that a clock was wrong, and nothing else */
		if (at > s->now_s || bundle_name_parse(s->items[i].name, name, &number) != VERDICT_OK ||
		    strcmp(name, route->name) != 0)
			continue;
		out->mark = at > out->mark ? at : out->mark;
		out->has_come |= at >= since_s;
	}
}

static int follow(struct awaited *a, const struct registry *registry, uint64_t now_s)
{
	struct sighting sighting = {.now_s = now_s};
	const struct expecting_teller tell = teller_of(a);
	int result = vault_list(a->vault_fd, &sighting.items, &sighting.count);
	if (result == 0)
		result = expecting_follow(&a->expecting, registry, now_s, look, &sighting, &tell);
	free(sighting.items);
	return result;
}

static void load(struct awaited *a)
{
	int result = expecting_read(&a->expecting, a->vault_fd);
	a->is_loaded = true;
	a->expecting.has_changed = result != 0;
	if (result != 0)
		event_tell(a->tell, LOG_ERR, "E2098", "keep: vault/" EXPECTING_FILE " cannot be read, and is begun anew: %s",
			   result > 0 ? "it is damaged" : verdict_explain(result));
}

void awaited_turn(struct awaited *a, const struct registry *registry, uint64_t now_s)
{
	const struct expecting_teller tell = teller_of(a);
	if (!a->is_loaded)
		load(a);
	/* what cannot be done now is tried again in a second */
	if (!a->is_followed)
		a->is_followed = follow(a, registry, now_s) == 0;
	if (a->is_followed)
		expecting_turn(&a->expecting, now_s, &tell);
}

void awaited_deliver(struct awaited *a, uint16_t route_id, uint64_t now_s)
{
	const struct expecting_teller tell = teller_of(a);
	struct expecting_route *r = expecting_find(&a->expecting, route_id);
	if (r != NULL && a->is_followed)
		expecting_see(&a->expecting, r, now_s, now_s, &tell);
}

bool awaited_take_file(struct awaited *a, uint8_t **out, size_t *len)
{
	char *text = NULL;
	if (!a->is_followed || !a->expecting.has_changed || expecting_encode(&text, len, &a->expecting) != 0)
		return false;
	a->expecting.has_changed = false;
	*out = (uint8_t *)text;
	return true;
}
