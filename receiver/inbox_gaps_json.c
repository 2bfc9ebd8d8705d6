/* What is missing, for a program. */
#include <stdio.h>

#include "inbox_gaps.h"

static void add_gap(struct json *array, const struct gap *gap)
{
	struct json *object = json_object_new();
	json_set_text(object, "name", gap->name);
	json_set_text(object, "epoch", gap->epoch);
	json_set_number(object, "route_id", gap->entry->route_id);
	json_set_number(object, "number", gap->entry->number);
	json_set_text(object, "state", json_get_text(gap->status, "state", "promised"));
	json_set_text(object, "verdict", json_get_text(gap->status, "verdict", ""));
	json_set_text(object, "kind", missing_name(gap->judgement.kind));
	json_set_text(object, "resend", gap->resend);
	json_set_text(object, "more", missing_more_name(gap->judgement.more));
	json_set_time(object, "repaired_by", gap->judgement.by);
	json_set_bool(object, "late", gap->judgement.is_late);
	json_set_number(object, "object_bytes", gap->entry->geometry.object_len);
	json_set_number(object, "held_bytes", json_get_number(gap->status, "held_bytes", 0));
	json_set_number(object, "missing_bytes", gap->missing_bytes);
	json_set_number(object, "blocks", geometry_block_count(&gap->entry->geometry));
	json_set_time(object, "since", json_get_number(gap->status, "since", 0));
	json_set_time(object, "passed", json_get_number(gap->status, "passed", 0));
	json_set_time(object, "last_arrival", json_get_number(gap->status, "last_arrival", 0));
	json_set_time(object, "offered_until", gap->entry->offered_until);
	json_set_time(object, "destroy_by", gap->entry->destroy_by);
	json_set_time(object, "damaged", gap->damaged_s);
	json_append(array, object);
}

static void add_gaps(struct json *object, const char *key, const struct gap *gaps, size_t count)
{
	struct json *array = json_array_new();
	for (size_t i = 0; i < count; i++)
		add_gap(array, &gaps[i]);
	json_set_child(object, key, array);
}

static void add_lost(struct json *object, const struct gaps *g)
{
	struct json *array = json_array_new();
	for (size_t i = 0; i < g->lost_count; i++) {
		const struct lost_item *item = &g->lost[i];
		char name[BUNDLE_NAME_BYTES], epoch[20];
		struct json *lost = json_object_new();
		gaps_name(name, g, item->id.route_id, item->id.number);
		snprintf(epoch, sizeof(epoch), "%016llx", (unsigned long long)item->id.epoch);
		json_set_text(lost, "name", name);
		json_set_text(lost, "epoch", epoch);
		json_set_number(lost, "route_id", item->id.route_id);
		json_set_number(lost, "number", item->id.number);
		json_set_number(lost, "count", item->count);
		json_set_text(lost, "why", lost_why_name(item->why));
		json_set_number(lost, "held_bytes", item->held_bytes);
		json_set_number(lost, "object_bytes", item->object_bytes);
		json_set_time(lost, "since", item->at_s);
		json_set_time(lost, "damaged", inbox_damaged_s(g->annals, &item->id));
		json_append(array, lost);
	}
	json_set_child(object, "given_up", array);
}

static void add_overdue(struct json *object, const struct gaps *g)
{
	struct json *array = json_array_new();
	for (size_t i = 0; i < g->expecting.count; i++) {
		const struct expecting_route *route = &g->expecting.routes[i];
		if (route->expect.overdue_s == 0)
			continue;
		struct json *overdue = json_object_new();
		json_set_text(overdue, "route", route->name);
		json_set_time(overdue, "since", route->expect.overdue_s);
		json_append(array, overdue);
	}
	json_set_child(object, "overdue", array);
}

int gaps_print_json(struct gaps *g)
{
	const struct gaps_state *s = &g->state;
	struct json *object = json_object_new();
	json_set_time(object, "time", g->now);
	json_set_number(object, "promised", g->catalogue.count);
	json_set_number(object, "delivered", g->delivered);
	json_set_number(object, "repeated", g->repeated);
	json_set_number(object, "past", g->past);
	json_set_number(object, "destroyed", g->destroyed);
	json_set_bool(object, "put_back", g->is_put_back);
	json_set_time(object, "last_status", s->written);
	json_set_time(object, "last_heartbeat", s->heartbeat);
	json_set_bool(object, "keep_runs", !s->is_stale);
	json_set_bool(object, "sender_silent", s->is_silent);
	json_set_bool(object, "sender_went_back", inbox_life_went_back(&g->life));
	json_set_bool(object, "catalogue_complete", !s->is_incomplete);
	json_set_bool(object, "disk_full", s->disk_is_full);
	json_set_number(object, "pages", s->pages);
	json_set_number(object, "pages_held", s->pages_held);
	json_set_number(object, "registry_version", s->registry);
	json_set_number(object, "sender_registry_version", s->sender_registry);
	json_set_number(object, "waiting_bytes", g->link.waiting);
	json_set_number(object, "heal_rate", g->link.heal_rate);
	json_set_number(object, "heal_round_bytes", g->link.heal_round);
	json_set_child(object, "damaged", g->damaged_array);
	g->damaged_array = NULL;
	inbox_add_way(object, g->status.view);
	add_gaps(object, "missing", g->gaps, g->missing);
	add_gaps(object, "on_its_way", g->gaps + g->missing, g->on_its_way);
	add_lost(object, g);
	add_overdue(object, g);
	int result = json_print(object, stdout);
	json_free(object);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print");
}
