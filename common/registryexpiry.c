#include "registry.h"

enum { DAY_S = 86400 };

/* Whom to tell, and what has been told. */
struct teller {
	uint64_t now;
	registry_warning *tell;
	void *context;
	int count;
};

/* The least of the stated days within which it ends; 0 when none is. */
static unsigned int days_left(uint64_t expires, uint64_t now)
{
	static const unsigned int stages[] = {1, 7, 30};
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (expires - now <= (uint64_t)stages[i] * DAY_S)
			return stages[i];
	return 0;
}

static void consider(struct teller *t, const char *kind, const char *name, uint64_t expires)
{
	unsigned int days = days_left(expires, t->now);
	if (days == 0)
		return;
	t->count++;
	if (t->tell != NULL)
		t->tell(t->context, kind, name, expires, days);
}

int registry_expiring(const struct registry *registry, uint64_t now, registry_warning *tell, void *context)
{
	struct teller t = {.now = now, .tell = tell, .context = context};
	if (registry_check(registry, now) == 0)
		consider(&t, "registry", registry_name(registry), registry_expires(registry));
	for (size_t i = 0; i < registry_party_count(registry); i++) {
		const struct party *party = registry_party_at(registry, i);
		if (party_check(party, now) == 0)
			consider(&t, key_kind_name(party->card.kind), party->card.name, party->expires);
	}
	for (size_t i = 0; i < registry_route_count(registry); i++) {
		const struct route *route = registry_route_at(registry, i);
		bool is_suspended = route->suspended != 0 && now >= route->suspended;
		/* one without its reviews may get them before its end */
		if (!is_suspended && now <= route->expires)
			consider(&t, "route", route->name, route->expires);
	}
	return t.count;
}
