#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/command.h"
#include "common/ini.h"
#include "common/io.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"
#include "outbox_order.h"

enum { SHOWN_BYTES = 1024, CARD_BYTES_MAX = 4096, DAY_NAME_LEN = 3 };

/* "22:00" */
static bool take_minute(unsigned int *out, const char *text, unsigned int max)
{
	static const char digits[] = "0123456789";
	if (strspn(text, digits) != 2 || text[2] != ':' || strspn(text + 3, digits) != 2)
		return false;
	unsigned int hour = (unsigned int)(text[0] - '0') * 10 + (unsigned int)(text[1] - '0');
	unsigned int minute = (unsigned int)(text[3] - '0') * 10 + (unsigned int)(text[4] - '0');
	*out = hour * 60 + minute;
	return minute < 60 && *out <= max;
}

/* "22:00-04:00"; an end before the start is on the next day. */
static int take_window(struct order *order, const char *text)
{
	unsigned int start, end;
	if (strlen(text) != 11 || text[5] != '-' ||
	    !take_minute(&start, text, ORDER_DAY_MINUTES - 1) ||
	    !take_minute(&end, text + 6, ORDER_DAY_MINUTES))
		return command_usage("--window reads 22:00-04:00, from 00:00 to 24:00");
	if (start == end)
		return command_usage("--window has no length; a whole day is 00:00-24:00");
	order->window_start = (uint16_t)start;
	order->window_len = (uint16_t)(end > start ? end - start : end + ORDER_DAY_MINUTES - start);
	return EXIT_DONE;
}

/* The day that the text begins with; 7 when there is none. */
static unsigned int take_day(const char *text)
{
	unsigned int day = 0;
	while (order_day_name(day) != NULL &&
	       strncasecmp(order_day_name(day), text, DAY_NAME_LEN) != 0)
		day++;
	return day;
}

/* "mon,wed", "daily" */
static int take_days(struct order *order, const char *text)
{
	if (text == NULL || strcmp(text, "daily") == 0) {
		order->weekdays = ORDER_EVERY_DAY;
		return EXIT_DONE;
	}
	for (const char *at = text;; at += DAY_NAME_LEN + 1) {
		unsigned int day = take_day(at);
		if (order_day_name(day) == NULL || (order->weekdays >> day & 1) != 0 ||
		    (at[DAY_NAME_LEN] != 0 && at[DAY_NAME_LEN] != ','))
			return command_usage("--days reads mon,tue,wed,thu,fri,sat,sun, each once, or daily");
		order->weekdays = (uint8_t)(order->weekdays | 1U << day);
		if (at[DAY_NAME_LEN] == 0)
			return EXIT_DONE;
	}
}

static int take_times(struct order *order, const struct order_options *options)
{
	if (text_parse_time(&order->not_before, options->value[ORDER_OPTION_FROM]) != 0 ||
	    text_parse_time(&order->not_after, options->value[ORDER_OPTION_UNTIL]) != 0)
		return command_usage("--from and --until read 2026-11-23 or 2026-11-23T08:00:00Z");
	if (order->not_after <= order->not_before)
		return command_usage("--until comes after --from");
	if (order->not_after - order->not_before > ORDER_LIFE_MAX_S)
		return command_fail(VERDICT_BAD_LIMIT, "an order lives 30 days at most");
	return EXIT_DONE;
}

static int take_caps(struct order *order, const struct order_options *options)
{
	uint64_t pushes;
	if (text_parse_size(&order->max_bytes, options->value[ORDER_OPTION_MAX_BYTES],
			    ORDER_CAP_MAX) != 0 || order->max_bytes == 0)
		return command_usage("--max-bytes needs a number from 1 to 64 TiB, as 1048576 or '20 GiB'");
	if (text_parse_u64(&order->max_records, options->value[ORDER_OPTION_MAX_RECORDS],
			   ORDER_CAP_MAX) != 0 || order->max_records == 0)
		return command_usage("--max-records needs a number from 1 to %llu",
				     (unsigned long long)ORDER_CAP_MAX);
	if (text_parse_u64(&pushes, options->value[ORDER_OPTION_PUSHES], ORDER_PUSHES_MAX) != 0 ||
	    pushes == 0)
		return command_usage("--pushes needs a number from 1 to %d", ORDER_PUSHES_MAX);
	order->max_pushes = (uint32_t)pushes;
	return EXIT_DONE;
}

static int take_words(struct order *order, const struct order_options *options)
{
	const char *route = options->value[ORDER_OPTION_ROUTE];
	order->kind = order_kind_from_name(options->value[ORDER_OPTION_KIND]);
	if (order->kind == 0)
		return command_usage("--kind is push or release");
	if (!name_is_valid(route))
		return command_usage("--route needs a name: a letter, then letters, digits and '-'");
	memcpy(order->route, route, strlen(route));
	int code = take_times(order, options);
	if (code == EXIT_DONE)
		code = take_window(order, options->value[ORDER_OPTION_WINDOW]);
	if (code == EXIT_DONE)
		code = take_days(order, options->value[ORDER_OPTION_DAYS]);
	return code != EXIT_DONE ? code : take_caps(order, options);
}

struct card_reading {
	struct card card; /* kind 0 before the heading */
	bool has_public;
};

/* REGISTRY.md 2 */
static const char *take_card_line(void *context, const char *section, const char *key,
				  const char *value, int line)
{
	struct card_reading *reading = context;
	(void)line;
	if (key == NULL) {
		const char *blank = strchr(section, ' ');
		char kind[16];
		if (reading->card.kind != 0)
			return "there is more than one card";
		snprintf(kind, sizeof(kind), "%.*s", blank == NULL ? 0 : (int)(blank - section), section);
		if (blank == NULL || key_kind_from_name(kind) == 0 || !name_is_valid(blank + 1))
			return "a card begins with '[kind name]'";
		reading->card.kind = key_kind_from_name(kind);
		memcpy(reading->card.name, blank + 1, strlen(blank + 1));
		return NULL;
	}
	if (strcmp(key, "public") != 0)
		return NULL; /* whatever else its kind of card has */
	if (reading->card.kind == 0 || reading->has_public)
		return "'public' stands once, in the card";
	reading->has_public = true;
	return text_unhex(reading->card.public_key, SUITE_KEY_BYTES, value) == 0
		       ? NULL
		       : "'public' is 64 hex digits, lower case";
}

static int load_card(struct card *out, const char *path)
{
	struct card_reading reading = {0};
	uint8_t *text = NULL;
	size_t len = 0;
	char problem[PROBLEM_BYTES] = "";
	int result = trusted_read(path, 022, CARD_BYTES_MAX, &text, &len);
	if (result == 0)
		result = ini_read(text, len, VERDICT_BAD_KEY, take_card_line, &reading, problem);
	trusted_free(text, len);
	if (result == 0 && !reading.has_public)
		result = VERDICT_BAD_KEY;
	if (result != 0)
		return command_fail_file(result, path, problem);
	card_identify(&reading.card);
	*out = reading.card;
	return EXIT_DONE;
}

static int take_machine(struct order *order, const struct registry *registry, const char *given)
{
	enum key_kind kind = order_machine_kind(order->kind);
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), given);
	struct card card = {0};
	if (strpbrk(given, "/.") != NULL) {
		int code = load_card(&card, given);
		if (code != EXIT_DONE)
			return code;
		if (card.kind != kind)
			return command_fail(VERDICT_WRONG_KEY, "'%s' is the card of a %s; a %s order needs a %s",
					    shown, key_kind_name(card.kind), order_kind_name(order->kind),
					    key_kind_name(kind));
	} else {
		const struct party *party = registry_party(registry, kind, given);
		if (party == NULL)
			return command_fail(VERDICT_UNKNOWN_KEY, "%s '%s'", key_kind_name(kind), shown);
		card = party->card;
	}
	order->machine.kind = kind;
	memcpy(order->machine.name, card.name, NAME_BYTES);
	memcpy(order->machine.public_key, card.public_key, SUITE_KEY_BYTES);
	card_identify(&order->machine);
	return EXIT_DONE;
}

static int write_order(const struct order *order, const char *path)
{
	uint8_t bytes[ORDER_BYTES_MAX];
	struct order again;
	char shown[SHOWN_BYTES];
	size_t len = order_encode(bytes, order);
	/* nobody is given to sign what the boxes would refuse to read */
	int result = order_decode(&again, bytes, len);
	if (result == 0)
		result = io_create_path(path, bytes, len, 0644);
	text_escape_name(shown, sizeof(shown), path);
	if (result == -EEXIST) {
		command_say("'%s' exists, and an order is never replaced by a new one; take another name", shown);
		return EXIT_ENVIRONMENT;
	}
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot write order '%s'", shown);
}

static int make(struct order *order, const struct registry *registry,
		const struct order_options *options)
{
	const struct route *route = registry_route(registry, order->route);
	if (route == NULL)
		return command_fail(VERDICT_UNKNOWN_ROUTE, "'%s'", order->route);
	order->policy_version = route->policy == NULL ? 0 : route->policy->version;
	int code = take_machine(order, registry, options->value[ORDER_OPTION_MACHINE]);
	if (code != EXIT_DONE)
		return code;
	suite_random(order->id, ORDER_ID_BYTES);
	code = write_order(order, options->value[ORDER_OPTION_OUT]);
	return code != EXIT_DONE ? code : order_print(order, NULL, options);
}

int outbox_order_new(const struct order_options *options)
{
	struct order order = {0};
	struct registry *registry = NULL;
	int code = take_words(&order, options);
	if (code == EXIT_DONE)
		code = order_load_registry(&registry, options);
	if (code == EXIT_DONE)
		code = make(&order, registry, options);
	registry_free(registry);
	return code;
}
