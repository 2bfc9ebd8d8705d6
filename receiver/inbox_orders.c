/*
 * The standing orders that a release names: under which a machine pushed it, and under which the sender box
 * released it, for show, list and verify.
 */
#include <stdio.h>
#include <string.h>

#include "common/endorsement.h"
#include "common/json.h"
#include "common/order.h"
#include "common/text.h"
#include "inbox.h"

static const struct {
	enum endorsement_type type;
	const char *key;
} kinds[] = {
	{ENDORSEMENT_PUSH_ORDER, "push_order"},
	{ENDORSEMENT_RELEASE_ORDER, "release_order"},
};

/* False when it names none of this type, or one that is none: then the release does not verify either. */
static bool find_order(struct order *out, const struct endorsements *endorsements,
		       enum endorsement_type type)
{
	struct endorsement e;
	size_t at = 0;
	while (endorsements_next(endorsements, &at, &e))
		if (e.type == type)
			return order_decode(out, e.order, e.order_len) == 0;
	return false;
}

static struct json *order_json(const struct order *order)
{
	struct json *object = json_object_new(), *signers = json_array_new();
	json_set_hex(object, "id", order->id, ORDER_ID_BYTES);
	json_set_text(object, "machine", order->machine.name);
	json_set_hex(object, "machine_key_id", order->machine.id, KEY_ID_BYTES);
	json_set_time(object, "not_before", order->not_before);
	json_set_time(object, "not_after", order->not_after);
	for (size_t i = 0; i < order->signer_count; i++) {
		struct json *signer = json_object_new();
		json_set_text(signer, "name", order->signers[i].name);
		json_set_hex(signer, "key_id", order->signers[i].key_id, KEY_ID_BYTES);
		json_set_time(signer, "signed_at", order->signers[i].signed_at);
		json_append(signers, signer);
	}
	json_set_child(object, "signers", signers);
	return object;
}

void inbox_orders_json(struct json *object, const struct endorsements *endorsements)
{
	struct order order;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (find_order(&order, endorsements, kinds[i].type))
			json_set_child(object, kinds[i].key, order_json(&order));
		else
			json_set_text(object, kinds[i].key, NULL);
	}
}

bool inbox_order_text(char out[static INBOX_ORDER_BYTES], const struct endorsements *endorsements,
		      enum endorsement_type type)
{
	struct order order;
	char id[2 * ORDER_ID_BYTES + 1];
	if (!find_order(&order, endorsements, type))
		return false;
	text_hex(id, sizeof(id), order.id, ORDER_ID_BYTES);
	int n = type == ENDORSEMENT_PUSH_ORDER
			? snprintf(out, INBOX_ORDER_BYTES, "order %s, by the machine '%s', signed by", id,
				   order.machine.name)
			: snprintf(out, INBOX_ORDER_BYTES, "order %s, signed by", id);
	size_t at = (size_t)n;
	for (size_t i = 0; i < order.signer_count; i++)
		at += (size_t)snprintf(out + at, INBOX_ORDER_BYTES - at, "%s %s", i == 0 ? "" : ",",
				       order.signers[i].name);
	return true;
}
