/* What gaps says of the way in: where datagrams were lost, and how full the ring is. */
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "inbox.h"

static struct loss_counts counts_of(struct json_view view)
{
	struct loss_counts counts = {0};
	for (int i = LOSS_NOWHERE + 1; i < LOSS_PLACES; i++)
		counts.at[i] = json_get_number(view, loss_place_name((enum loss_place)i), 0);
	return counts;
}

struct way inbox_way(struct json_view status)
{
	struct json_view nic = json_get(status, "nic"), ring = json_get(status, "ring");
	struct way way = {
		.total = counts_of(json_get(status, "lost")),
		.hour = counts_of(json_get(status, "lost_in_hour")),
		.nic = {
			.full = json_get_number(nic, "full", 0),
			.refused = json_get_number(nic, "refused", 0),
			.backlog = json_get_number(nic, "backlog", 0),
			.damaged = json_get_number(nic, "damaged", 0),
		},
		.ring_bytes = json_get_number(ring, "bytes", 0),
		.ring_fill = json_get_number(ring, "fill", 0),
		.ring_fill_max = json_get_number(ring, "fill_max", 0),
		.away_max_ms = json_get_number(ring, "away_max_ms", 0),
		.is_filling = json_get_bool(ring, "is_filling", false),
	};
	const char *name = json_get_text(nic, "interface", "");
	/* it is to be shown, and is what keep made of a name of the kernel's */
	if (strlen(name) < sizeof(way.interface) && strpbrk(name, "'\"\\\x1b") == NULL)
		snprintf(way.interface, sizeof(way.interface), "%s", name);
	return way;
}

void inbox_print_way(struct json_view status)
{
	char text[ADVICE_BYTES];
	struct way way = inbox_way(status);
	if (loss_sum(&way.hour) > 0)
		printf("in the last hour %s\n", advice_on_loss(text, &way.hour, &way));
	else if (loss_sum(&way.total) > 0)
		printf("earlier %s\n", advice_on_loss(text, &way.total, &way));
	if (way.is_filling)
		printf("%s\n", advice_on_fill(text, way.ring_fill, way.ring_bytes));
}

static void add_counts(struct json *object, const char *key, const struct loss_counts *counts)
{
	struct json *child = json_object_new();
	json_set_text(child, "place", loss_place_name(loss_place_of(counts)));
	json_set_number(child, "datagrams", loss_sum(counts));
	for (int i = LOSS_NOWHERE + 1; i < LOSS_PLACES; i++)
		json_set_number(child, loss_place_name((enum loss_place)i), counts->at[i]);
	json_set_child(object, key, child);
}

void inbox_add_way(struct json *object, struct json_view status)
{
	struct way way = inbox_way(status);
	add_counts(object, "lost", &way.total);
	add_counts(object, "lost_in_hour", &way.hour);
	json_set_text(object, "interface", way.interface);
	struct json *ring = json_object_new();
	json_set_number(ring, "bytes", way.ring_bytes);
	json_set_number(ring, "fill", way.ring_fill);
	json_set_number(ring, "fill_max", way.ring_fill_max);
	json_set_bool(ring, "is_filling", way.is_filling);
	json_set_number(ring, "away_max_ms", way.away_max_ms);
	json_set_child(object, "ring", ring);
}
