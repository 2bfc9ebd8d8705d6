#include "expecting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/text.h"
#include "common/verdict.h"

/* When bundles of this route were delivered; times has room for all items. */
static size_t deliveries_of(const struct route *route, const struct vault_item *items, size_t count, uint64_t *times)
{
	char name[NAME_BYTES];
	uint64_t number;
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		if (bundle_name_parse(items[i].name, name, &number) == VERDICT_OK && strcmp(name, route->name) == 0 &&
		    items[i].arrived_s > 0)
			times[found++] = (uint64_t)items[i].arrived_s;
	return found;
}

int expecting_load(struct expecting *out, const struct registry *registry, const struct vault_item *items,
		   size_t count, uint64_t now_s)
{
	size_t route_count = registry_route_count(registry);
	struct expecting loaded = {.routes = calloc(route_count + 1, sizeof(*loaded.routes))};
	uint64_t *times = calloc(count + 1, sizeof(*times));
	if (loaded.routes == NULL || times == NULL) {
		free(loaded.routes);
		free(times);
		return -ENOMEM;
	}
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = registry_route_at(registry, i);
		struct expecting_route *r = &loaded.routes[loaded.count];
		if (route->expect[0] == 0)
			continue;
		size_t found = deliveries_of(route, items, count, times);
		if (!expect_replay(&r->expect, route->expect, registry_issued(registry), times, found, now_s))
			continue;
		r->id = route->id;
		snprintf(r->name, sizeof(r->name), "%s", route->name);
		loaded.count++;
	}
	free(times);
	*out = loaded;
	return 0;
}

void expecting_clear(struct expecting *e)
{
	free(e->routes);
	*e = (struct expecting){.count = 0};
}

static void tell_overdue(const struct expecting_route *r, const struct teller *tell)
{
	char due[32];
	event_tell(tell, LOG_WARNING, "E2094", "keep: route '%s': nothing has come that was expected by %s", r->name,
		   text_time(due, sizeof(due), r->expect.overdue_s));
}

static bool was_overdue(const struct expecting *e, const struct expecting_route *route)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->routes[i].id == route->id)
			return e->routes[i].expect.overdue_s != 0;
	return false;
}

int expecting_renew(struct expecting *e, const struct registry *registry, int vault_fd, uint64_t now_s,
		    const struct teller *tell)
{
	struct vault_item *items = NULL;
	size_t count = 0;
	struct expecting fresh;
	int result = vault_list(vault_fd, &items, &count);
	if (result == 0)
		result = expecting_load(&fresh, registry, items, count, now_s);
	free(items);
	if (result != 0)
		return result;
	for (size_t i = 0; i < fresh.count; i++)
		if (fresh.routes[i].expect.overdue_s != 0 && !was_overdue(e, &fresh.routes[i]))
			tell_overdue(&fresh.routes[i], tell);
	expecting_clear(e);
	*e = fresh;
	return 0;
}

void expecting_deliver(struct expecting *e, uint16_t route_id, uint64_t now_s, const struct teller *tell)
{
	char due[32], late[32];
	for (size_t i = 0; i < e->count; i++) {
		uint64_t was_due = 0;
		if (e->routes[i].id != route_id || expect_deliver(&e->routes[i].expect, &was_due) != EXPECT_MET_LATE)
			continue;
		event_tell(tell, LOG_NOTICE, "E2095", "keep: route '%s': what was expected by %s has come, %s late",
			   e->routes[i].name, text_time(due, sizeof(due), was_due),
			   text_duration(late, sizeof(late), now_s > was_due ? now_s - was_due : 0));
	}
}

void expecting_turn(struct expecting *e, uint64_t now_s, const struct teller *tell)
{
	for (size_t i = 0; i < e->count; i++)
		if (expect_turn(&e->routes[i].expect, now_s) == EXPECT_OVERDUE)
			tell_overdue(&e->routes[i], tell);
}
