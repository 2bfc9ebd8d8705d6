#include "inbox_life.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/openbundle.h"
#include "vault.h"

int inbox_life_load(struct inbox_life *out, int vault_fd)
{
	struct inbox_life life = {.account = NULL};
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = vault_heard_read(vault_fd, &bytes, &len);
	if (result == 0)
		result = heard_decode(&life.heard, &life.account, bytes, len);
	free(bytes);
	if (result != 0 && result != -ENOENT)
		return result;
	*out = life;
	return 0;
}

void inbox_life_free(struct inbox_life *life)
{
	account_free(life->account);
	life->account = NULL;
}

bool inbox_life_went_back(const struct inbox_life *life)
{
	return life->heard.went_back || life->heard.returned != 0;
}

static void run_name(char out[static BUNDLE_NAME_BYTES], const struct registry *registry, uint16_t route_id,
		     uint64_t number)
{
	const char *route = registry == NULL ? NULL : open_route_name(registry, route_id);
	char by_id[NAME_BYTES];
	snprintf(by_id, sizeof(by_id), "route%u", route_id);
	bundle_name(out, route != NULL ? route : by_id, number);
}

void inbox_life_print(const struct inbox_life *life)
{
	if (inbox_life_went_back(life))
		puts("the sender was put back to an older state, and is not believed: say 'weir-sender epoch' there, with what "
		     "'weir-inbox heads' shows here");
}

struct listing {
	struct json *array;
	const struct registry *registry;
};

static int add_run(void *context, const struct account_run *run)
{
	const struct listing *listing = context;
	char first[BUNDLE_NAME_BYTES], last[BUNDLE_NAME_BYTES], epoch[20];
	struct json *object = json_object_new();
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, run->epoch);
	run_name(first, listing->registry, run->route_id, run->first);
	run_name(last, listing->registry, run->route_id, run->last);
	json_set_text(object, "first", first);
	json_set_text(object, "last", last);
	json_set_text(object, "epoch", epoch);
	json_append(listing->array, object);
	return 0;
}

void inbox_life_json(struct json *object, const struct inbox_life *life, const struct registry *registry)
{
	struct listing listing = {json_array_new(), registry};
	if (life->account != NULL)
		(void)account_each_lost(life->account, add_run, &listing);
	json_set_bool(object, "sender_went_back", inbox_life_went_back(life));
	json_set_child(object, "never_heard_of", listing.array);
}
