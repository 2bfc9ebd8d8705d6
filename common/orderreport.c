#include "orderreport.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"
#include "verdict.h"

static uint64_t judged_at(const struct order *order, uint64_t now)
{
	return now < order->not_before ? order->not_before : now;
}

int order_report_verdict(const struct order *order, const struct registry *registry, uint64_t now)
{
	return order_check(order, registry, judged_at(order, now));
}

static void print_what(const struct order *order)
{
	char id[2 * ORDER_ID_BYTES + 1];
	printf("order         %s\n", text_hex(id, sizeof(id), order->id, ORDER_ID_BYTES));
	if (order->kind == ORDER_PUSH)
		printf("what          the machine '%s' pushes on route '%s' without a person\n",
		       order->machine.name, order->route);
	else
		printf("what          the sender box '%s' releases on route '%s' without the officers\n",
		       order->machine.name, order->route);
}

static void print_bounds(const struct order *order)
{
	char first[48], second[48], window[ORDER_WINDOW_TEXT_BYTES];
	printf("from          %s\n", text_time(first, sizeof(first), order->not_before));
	printf("until         %s (%s)\n", text_time(first, sizeof(first), order->not_after),
	       text_duration(second, sizeof(second), order->not_after - order->not_before));
	printf("window        %s\n", order_window_text(window, order));
	printf("a push        at most %s (%s bytes)\n",
	       text_size(first, sizeof(first), order->max_bytes),
	       text_count(second, sizeof(second), order->max_bytes));
	printf("              and %s records\n", text_count(first, sizeof(first), order->max_records));
	printf("a day         at most %" PRIu32 " %s (UTC)\n", order->max_pushes,
	       order->max_pushes == 1 ? "push" : "pushes");
	if (order->policy_version == 0)
		printf("rules         none; the route has no policy\n");
	else
		printf("rules         version %" PRIu64 " of the route's policy\n", order->policy_version);
}

/* ": good", ": a signature is wrong [bad-signature]" */
static void print_verdict(int verdict)
{
	if (verdict == 0)
		puts(": good");
	else if (verdict < 0)
		printf(": %s\n", verdict_explain(verdict));
	else
		printf(": %s [%s]\n", verdict_explain(verdict), verdict_name(verdict));
}

static void print_people(const struct order *order, const struct registry *registry, uint64_t at)
{
	char text[FINGERPRINT_BYTES], signed_at[32];
	card_fingerprint(text, &order->machine);
	printf("%-13s %s, fingerprint %s\n", order->kind == ORDER_PUSH ? "machine" : "sender box",
	       order->machine.name, text);
	for (size_t i = 0; i < order->signer_count; i++) {
		const struct order_signer *signer = &order->signers[i];
		printf("%-13s %s, %s", order->kind == ORDER_PUSH ? "answers" : "approved by", signer->name,
		       text_time(signed_at, sizeof(signed_at), signer->signed_at));
		if (registry == NULL)
			puts(": not checked");
		else
			print_verdict(order_check_signer(order, i, registry, at));
	}
	if (order->signer_count == 0)
		puts("signatures    none yet");
}

void order_report_text(const struct order *order, const struct registry *registry, uint64_t now)
{
	uint64_t at = judged_at(order, now);
	print_what(order);
	print_bounds(order);
	print_people(order, registry, at);
	printf("state         ");
	if (registry == NULL) {
		puts("not judged, for want of a registry");
		return;
	}
	int verdict = order_check(order, registry, at);
	printf("under version %" PRIu64 " of the registry", registry_version(registry));
	if (verdict == 0)
		puts(now < order->not_before ? ": good, not begun yet" : ": in force");
	else
		print_verdict(verdict);
}

static struct json *machine_json(const struct card *card)
{
	char fingerprint[FINGERPRINT_BYTES];
	struct json *json = json_object_new();
	card_fingerprint(fingerprint, card);
	json_set_text(json, "kind", key_kind_name(card->kind));
	json_set_text(json, "name", card->name);
	json_set_hex(json, "key_id", card->id, KEY_ID_BYTES);
	json_set_hex(json, "public", card->public_key, SUITE_KEY_BYTES);
	json_set_text(json, "fingerprint", fingerprint);
	return json;
}

static struct json *signers_json(const struct order *order, const struct registry *registry,
				 uint64_t at)
{
	struct json *list = json_array_new();
	for (size_t i = 0; i < order->signer_count; i++) {
		const struct order_signer *signer = &order->signers[i];
		struct json *json = json_object_new();
		json_set_text(json, "name", signer->name);
		json_set_hex(json, "key_id", signer->key_id, KEY_ID_BYTES);
		json_set_time(json, "signed_at", signer->signed_at);
		int verdict = registry == NULL ? 0 : order_check_signer(order, i, registry, at);
		json_set_text(json, "verdict", registry == NULL ? NULL : verdict_name(verdict));
		json_append(list, json);
	}
	return list;
}

static struct json *days_json(const struct order *order)
{
	struct json *list = json_array_new();
	for (unsigned int day = 0; order_day_name(day) != NULL; day++)
		if ((order->weekdays >> day & 1) != 0)
			json_append_text(list, order_day_name(day));
	return list;
}

struct json *order_report_object(const struct order *order, const struct registry *registry, uint64_t now)
{
	struct json *json = json_object_new();
	json_set_hex(json, "id", order->id, ORDER_ID_BYTES);
	json_set_text(json, "kind", order_kind_name(order->kind));
	json_set_text(json, "route", order->route);
	json_set_number(json, "policy_version", order->policy_version);
	json_set_time(json, "not_before", order->not_before);
	json_set_time(json, "not_after", order->not_after);
	json_set_number(json, "window_start_minute", order->window_start);
	json_set_number(json, "window_minutes", order->window_len);
	json_set_child(json, "weekdays", days_json(order));
	json_set_number(json, "max_bytes", order->max_bytes);
	json_set_number(json, "max_records", order->max_records);
	json_set_number(json, "max_pushes_a_day", order->max_pushes);
	json_set_child(json, "machine", machine_json(&order->machine));
	json_set_child(json, "signers", signers_json(order, registry, judged_at(order, now)));
	json_set_bool(json, "begun", now >= order->not_before);
	json_set_text(json, "verdict",
		      registry == NULL ? NULL
				       : verdict_name(order_report_verdict(order, registry, now)));
	return json;
}

int order_report_json(const struct order *order, const struct registry *registry, uint64_t now)
{
	struct json *json = order_report_object(order, registry, now);
	int result = json_print(json, stdout);
	json_free(json);
	return result;
}
