#include "receiver/room.h"

#include <stdio.h>
#include <string.h>

#include "common/openbundle.h"
#include "receiver/errand.h"
#include "tests/lib/tap.h"

static char told[256];

static void tell(void *context, int priority, const char *id, const char *text)
{
	(void)context;
	(void)priority;
	snprintf(told, sizeof(told), "%s %s", id, text);
}

static void notify(void *context)
{
	(void)context;
}

/* By memory alone: nothing else arrives. */
static bool has_room_beside(struct reception *r, const struct known_bundle *bundle, uint64_t taken)
{
	r->memory = taken;
	return room_has(r, bundle);
}

int main(void)
{
	static const struct teller teller = {tell, NULL};
	static const struct gather_listener listener = {.notify = notify};
	const struct known_bundle bundle = {
		.id = {1, 1, OPEN_ROUTE_ID},
		.entry = {.destroy_by = 1, .geometry = geometry_choose(UINT64_C(64) << 30, 125)},
	};
	const struct geometry *g = &bundle.entry.geometry;
	struct reception r = {.o = {.tell = &teller}};
	uint64_t maps = partial_memory(g), hashes = bodytree_known_memory(g->object_len / SEGMENT_BYTES - 1);
	is_number((int64_t)reception_memory(&r, g), (int64_t)maps, "what is not gathered has no hashes");
	if (gather_new(&r.gather, &listener, GATHER_BUDGET_MIN) != 0)
		return 2;
	is_number((int64_t)reception_memory(&r, g), (int64_t)(maps + hashes), "what is gathered has them beside its maps and counts");
	ok(hashes > 1 << 20, "of 64 GiB they are more than a MiB");
	ok(has_room_beside(&r, &bundle, RECEPTION_MEMORY_MAX - maps - hashes), "what fits has room");
	ok(!has_room_beside(&r, &bundle, RECEPTION_MEMORY_MAX - maps - hashes + 1) && strncmp(told, "E2015", 5) == 0,
	   "what is a byte too large with its hashes has none, and that is said");
	ok(!has_room_beside(&r, &bundle, RECEPTION_MEMORY_MAX + UINT64_C(1)), "nor has anything beside too much");
	gather_free(r.gather);
	return done_testing();
}
