/*
 * weir-outbox order load, list and revoke: the words of `order` that speak to weir-hold.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "asking.h"
#include "common/command.h"
#include "common/json.h"
#include "common/orderreport.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"
#include "outbox_order.h"
#include "standing.h"

enum { SHOWN_BYTES = 1024, ID_TEXT_BYTES = 2 * ORDER_ID_BYTES + 1, STATE_BYTES = 64 };

/* A question that weir-hold did not answer with DONE: refused by it, or nobody there. */
static bool is_refusal(int result, const struct local_refused *refused)
{
	return result > 0 || (result != 0 && result == refused->result);
}

static int cannot_reach(int result, const struct config *config)
{
	return outbox_cannot_reach(result, "weir-hold", config->runtime, CONTROL_SOCKET);
}

/* What the order has to do with the refusal; command_fail says the rest. */
static int fail_load(int result, const struct order *order, const char *file)
{
	char shown[SHOWN_BYTES], until[32];
	text_escape_name(shown, sizeof(shown), file);
	switch (result) {
	case VERDICT_WRONG_KEY:
		return command_fail(result, "order '%s' is for the sender box '%s' and not for this one",
				    shown, order->machine.name);
	case VERDICT_NOT_ALLOWED:
		return command_fail(result, "order '%s' was signed by somebody who is no officer of route '%s'",
				    shown, order->route);
	case VERDICT_TOO_FEW_APPROVALS:
		return command_fail(result, "order '%s' has %u signature%s, and route '%s' demands more",
				    shown, (unsigned int)order->signer_count,
				    order->signer_count == 1 ? "" : "s", order->route);
	case VERDICT_EXPIRED:
		if ((uint64_t)time(NULL) > order->not_after)
			return command_fail(result, "order '%s' ended at %s", shown,
					    text_time(until, sizeof(until), order->not_after));
		return command_fail(result, "order '%s': somebody or something that it names, see 'order show'",
				    shown);
	case VERDICT_BAD_LIMIT:
		command_say("order '%s': this box has %d standing orders, and room for no more until one ends [%s]",
			    shown, STANDING_ORDERS_MAX, verdict_name(result));
		return EXIT_REFUSED;
	case -EEXIST:
		return command_fail(result, "order '%s': another one of its id is loaded for route '%s'", shown,
				    order->route);
	default:
		return command_fail(result, "order '%s'", shown);
	}
}

static int check_kind(const struct order *order, const char *file)
{
	char shown[SHOWN_BYTES];
	if (order->kind == ORDER_RELEASE)
		return EXIT_DONE;
	command_say("order '%s' lets a machine push: give it with every push, as 'push --order'; nothing is to be loaded [%s]",
		    text_escape_name(shown, sizeof(shown), file), verdict_name(VERDICT_NOT_ALLOWED));
	return EXIT_REFUSED;
}

static int print_loaded(const struct order *order, uint32_t released)
{
	char id[ID_TEXT_BYTES], from[32], until[32];
	bool has_begun = order->not_before <= (uint64_t)time(NULL);
	printf("order %s for route '%s' is loaded: %s%s until %s", text_hex(id, sizeof(id), order->id, ORDER_ID_BYTES),
	       order->route, has_begun ? "in force" : "from ",
	       has_begun ? "" : text_time(from, sizeof(from), order->not_before),
	       text_time(until, sizeof(until), order->not_after));
	if (released > 0)
		printf("; %" PRIu32 " bundle%s that waited %s released", released, released == 1 ? "" : "s",
		       released == 1 ? "is" : "are");
	putchar('\n');
	return EXIT_DONE;
}

int outbox_order_load(const struct order_options *options)
{
	struct config config;
	struct order order;
	uint8_t bytes[ORDER_BYTES_MAX];
	struct local_refused refused = {0};
	uint32_t released = 0;
	int code = order_load_file(&order, options->operand);
	if (code == EXIT_DONE)
		code = check_kind(&order, options->operand);
	if (code == EXIT_DONE)
		code = outbox_config(&config, options->value[ORDER_OPTION_CONFIG]);
	if (code != EXIT_DONE)
		return code;
	int result = asking_do(config.runtime, LOCAL_ORDER_LOAD, bytes, order_encode(bytes, &order), &released,
			       &refused);
	if (result == 0)
		return print_loaded(&order, released);
	return is_refusal(result, &refused) ? fail_load(result, &order, options->operand)
					    : cannot_reach(result, &config);
}

struct view {
	const struct registry *registry;
	uint64_t now;
	size_t count;
	struct json *orders; /* NULL: text */
	struct json *revocations;
};

static char *describe(char out[static STATE_BYTES], const struct view *view, const struct local_order *o)
{
	char time_text[32];
	const struct order *order = &o->order;
	int verdict = order_report_verdict(order, view->registry, view->now);
	if (o->is_revoked)
		snprintf(out, STATE_BYTES, "revoked");
	else if (view->now > order->not_after)
		snprintf(out, STATE_BYTES, "ended");
	else if (verdict != 0)
		snprintf(out, STATE_BYTES, "does not count: %s",
			 verdict > 0 ? verdict_name(verdict) : verdict_explain(verdict));
	else if (view->now < order->not_before)
		snprintf(out, STATE_BYTES, "from %s", text_time(time_text, sizeof(time_text), order->not_before));
	else
		snprintf(out, STATE_BYTES, "in force");
	return out;
}

static void list_order(void *context, const struct local_order *o)
{
	struct view *view = context;
	const struct order *order = &o->order;
	char id[ID_TEXT_BYTES], until[32], window[ORDER_WINDOW_TEXT_BYTES], state[STATE_BYTES];
	if (view->orders != NULL) {
		struct json *json = order_report_object(order, view->registry, view->now);
		json_set_bool(json, "revoked", o->is_revoked);
		json_set_number(json, "released_today", o->released_today);
		json_append(view->orders, json);
		return;
	}
	view->count++;
	printf("%s  route %s, %s\n", text_hex(id, sizeof(id), order->id, ORDER_ID_BYTES), order->route,
	       describe(state, view, o));
	printf("  %s, until %s; today %" PRIu32 " of %" PRIu32 "; signed by", order_window_text(window, order),
	       text_time(until, sizeof(until), order->not_after), o->released_today, order->max_pushes);
	for (size_t i = 0; i < order->signer_count; i++)
		printf(" %s", order->signers[i].name);
	putchar('\n');
}

static void list_revoked(void *context, const struct local_revoked *revoked)
{
	struct view *view = context;
	char id[ID_TEXT_BYTES], at[32];
	bool is_known = revoked->person[0] != 0;
	if (view->revocations != NULL) {
		struct json *json = json_object_new();
		json_set_hex(json, "id", revoked->order_id, ORDER_ID_BYTES);
		json_set_text(json, "route", revoked->route);
		json_set_text(json, "person", is_known ? revoked->person : NULL);
		json_set_time(json, "at", is_known ? revoked->at : 0);
		json_append(view->revocations, json);
		return;
	}
	view->count++;
	printf("%s  route %s, revoked by %s%s%s\n", text_hex(id, sizeof(id), revoked->order_id, ORDER_ID_BYTES),
	       revoked->route, is_known ? revoked->person : "somebody: its file is damaged",
	       is_known ? " at " : "", is_known ? text_time(at, sizeof(at), revoked->at) : "");
}

static int print_list(struct view *view)
{
	if (view->orders == NULL) {
		if (view->count == 0)
			puts("no standing order is loaded, and none is revoked");
		return EXIT_DONE;
	}
	struct json *json = json_object_new();
	json_set_child(json, "orders", view->orders);
	json_set_child(json, "revocations", view->revocations);
	view->orders = view->revocations = NULL;
	int result = json_print(json, stdout);
	json_free(json);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print the answer");
}

int outbox_order_list(const struct order_options *options)
{
	struct config config;
	struct registry *registry = NULL;
	struct local_refused refused = {0};
	bool as_json = options->value[ORDER_OPTION_JSON] != NULL;
	int code = outbox_config(&config, options->value[ORDER_OPTION_CONFIG]);
	if (code == EXIT_DONE)
		code = order_load_registry(&registry, options);
	if (code != EXIT_DONE)
		return code;
	struct view view = {
		.registry = registry,
		.now = (uint64_t)time(NULL),
		.orders = as_json ? json_array_new() : NULL,
		.revocations = as_json ? json_array_new() : NULL,
	};
	const struct asking_orders take = {list_order, list_revoked, &view};
	int result = asking_orders(config.runtime, &take, &refused);
	if (result == 0)
		code = print_list(&view);
	else
		code = is_refusal(result, &refused) ? command_fail(result, "standing orders")
						    : cannot_reach(result, &config);
	json_free(view.orders);
	json_free(view.revocations);
	registry_free(registry);
	return code;
}

static int make_revocation(struct revocation *out, const struct order_options *options,
			   const struct signer *signer)
{
	uint8_t input[REVOCATION_BYTES];
	const struct card *card = signer_card(signer);
	const char *route = options->value[ORDER_OPTION_ROUTE];
	*out = (struct revocation){.at = (uint64_t)time(NULL)};
	memcpy(out->route, route, strlen(route));
	memcpy(out->person, card->name, NAME_BYTES);
	memcpy(out->key_id, card->id, KEY_ID_BYTES);
	(void)text_unhex(out->order_id, ORDER_ID_BYTES, options->operand); /* was checked */
	revocation_input(input, out);
	int result = signer_sign(signer, &out->signature, revocation_domain, input, sizeof(input));
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot sign");
}

static int fail_revoke(int result, const struct revocation *r, const char *id)
{
	switch (result) {
	case VERDICT_NOT_ALLOWED:
		return command_fail(result, "order %s: '%s' is neither operator nor officer of route '%s'", id,
				    r->person, r->route);
	case VERDICT_UNKNOWN_ROUTE:
		return command_fail(result, "order %s: '%s'", id, r->route);
	case VERDICT_BAD_TIME:
		return command_fail(result, "order %s: the clocks of person and sender box differ", id);
	case VERDICT_BAD_LIMIT:
		command_say("order %s: '%s' has revoked %d orders in the last two months; somebody else of the route can [%s]",
			    id, r->person, STANDING_REVOCATIONS_A_KEY, verdict_name(result));
		return EXIT_REFUSED;
	default:
		return command_fail(result, "order %s: '%s'", id, r->person);
	}
}

/* Who revokes on the wrong route should not believe that it helped. */
struct lookup {
	const struct revocation *revocation;
	bool is_here;
	char elsewhere[NAME_BYTES];
};

static void look_up(void *context, const struct local_order *o)
{
	struct lookup *lookup = context;
	if (memcmp(o->order.id, lookup->revocation->order_id, ORDER_ID_BYTES) != 0)
		return;
	if (strcmp(o->order.route, lookup->revocation->route) == 0)
		lookup->is_here = true;
	else
		memcpy(lookup->elsewhere, o->order.route, NAME_BYTES);
}

static void pass_over(void *context, const struct local_revoked *revoked)
{
	(void)context;
	(void)revoked;
}

static int print_revoked(const struct revocation *revocation, const char *id, const struct config *config)
{
	struct local_refused refused = {0};
	struct lookup lookup = {.revocation = revocation};
	const struct asking_orders take = {look_up, pass_over, &lookup};
	printf("order %s of route '%s' is revoked\n", id, revocation->route);
	/* it is revoked whether or not this can be asked */
	if (asking_orders(config->runtime, &take, &refused) == 0 && !lookup.is_here &&
	    lookup.elsewhere[0] != 0)
		printf("but the order of this id that is loaded here is for route '%s', and goes on\n",
		       lookup.elsewhere);
	return EXIT_DONE;
}

static int check_revoke(const struct order_options *options)
{
	uint8_t id[ORDER_ID_BYTES];
	if (text_unhex(id, sizeof(id), options->operand) != 0 || bytes_are_zero(id, sizeof(id)))
		return command_usage("an order's ID is %d hex digits; 'order show' and 'order list' print it",
				     2 * ORDER_ID_BYTES);
	if (!name_is_valid(options->value[ORDER_OPTION_ROUTE]))
		return command_usage("--route needs a name: a letter, then letters, digits and '-'");
	return EXIT_DONE;
}

int outbox_order_revoke(const struct order_options *options)
{
	struct config config;
	struct signer *signer = NULL;
	struct revocation revocation;
	struct local_refused refused = {0};
	uint8_t bytes[REVOCATION_ENCODED_MAX];
	int code = check_revoke(options);
	if (code == EXIT_DONE)
		code = outbox_config(&config, options->value[ORDER_OPTION_CONFIG]);
	if (code == EXIT_DONE)
		code = outbox_signer(&signer, options->value[ORDER_OPTION_KEY],
				     options->value[ORDER_OPTION_PERSON],
				     options->value[ORDER_OPTION_PASSPHRASE_FILE]);
	if (code == EXIT_DONE)
		code = make_revocation(&revocation, options, signer);
	signer_free(signer);
	if (code != EXIT_DONE)
		return code;
	int result = asking_do(config.runtime, LOCAL_ORDER_REVOKE, bytes, revocation_encode(bytes, &revocation),
			       NULL, &refused);
	if (result == 0)
		return print_revoked(&revocation, options->operand, &config);
	return is_refusal(result, &refused) ? fail_revoke(result, &revocation, options->operand)
					    : cannot_reach(result, &config);
}
