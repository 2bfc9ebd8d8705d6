#include "inbox_past.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "common/verdict.h"
#include "marker.h"

enum inbox_fate inbox_fate_of(const struct annals *annals, int vault_fd, const struct bundle_id *id)
{
	struct annal annal;
	if (vault_refusal(vault_fd, id) == VERDICT_ALREADY_DELIVERED)
		return FATE_DELIVERED;
	if (!annals_find(annals, id, &annal))
		return FATE_NONE;
	if (annal.what == ANNAL_DELIVERED)
		return annal_has_file(vault_fd, &annal) ? FATE_DELIVERED : FATE_NONE;
	return annal.what == ANNAL_DAMAGED ? FATE_NONE : FATE_DESTROYED;
}

uint64_t inbox_damaged_s(const struct annals *annals, const struct bundle_id *id)
{
	struct annal annal;
	return annals_find(annals, id, &annal) && annal.what == ANNAL_DAMAGED ? annal.at : 0;
}

size_t inbox_tell_damaged(const struct annals *annals, struct json *array, inbox_is_told *is_told, const void *context)
{
	size_t found = 0, count = annals_count(annals);
	for (size_t i = 0; i < count; i++) {
		struct annal annal;
		char name[ANNAL_PATH_BYTES], when[32];
		annals_at(annals, i, &annal);
		if (!annal_is_open_damage(&annal))
			continue;
		found++;
		if (is_told(context, &annal.id))
			continue;
		annal_damaged_name(name, &annal);
		name[strlen(name) - strlen(".weir")] = 0;
		if (array == NULL) {
			printf("%-24s  damaged, found %s: the sender names it no more; have it pushed again if it is wanted, then: "
			       "weir-inbox gaps --acknowledge %s --key FILE\n",
			       name, text_time(when, sizeof(when), annal.at), name);
			continue;
		}
		struct json *object = json_object_new();
		json_set_text(object, "name", name);
		json_set_time(object, "found", annal.at);
		json_set_time(object, "destroy_by", annal.destroy_by);
		json_append(array, object);
	}
	return found;
}

bool inbox_tell_put_back(int vault_fd, bool is_silent)
{
	char problem[MARKER_PROBLEM_BYTES];
	bool is_put_back = marker_was_put_back(vault_fd, problem);
	if (is_put_back && !is_silent)
		printf("this vault was put back to an older state: %s; see the alarm E2080 in its ledger, and when it is "
		       "known why, remove vault/put-back\n", problem);
	return is_put_back;
}
