#include "registryreport.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "registrycommand.h"
#include "text.h"
#include "verdict.h"

enum { STATE_BYTES = 64, DAY_S = 86400 };

/* "expired", "suspended", "expires in 3 d 04 h", or "" when there is nothing to say yet. */
static const char *describe(char out[static STATE_BYTES], int check, uint64_t expires, uint64_t now)
{
	char left[32];
	out[0] = 0;
	if (check != 0)
		snprintf(out, STATE_BYTES, "%s", verdict_name(check));
	else if (expires - now < (uint64_t)EXPIRES_SOON_DAYS * DAY_S)
		snprintf(out, STATE_BYTES, "expires in %s",
			 text_duration(left, sizeof(left), expires - now));
	return out;
}

/* "2027-11-23"; with its time when that is not midnight. */
static const char *day(char out[static STATE_BYTES], uint64_t time_s)
{
	text_time(out, STATE_BYTES, time_s);
	if (time_s % DAY_S == 0)
		out[strcspn(out, "T")] = 0;
	return out;
}

static const char *rule_name(enum record_rule rule)
{
	return rule == RECORDS_CSV ? "csv" : rule == RECORDS_LINES ? "lines" : "opaque";
}

static size_t count_kind(const struct registry *registry, enum key_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < registry_party_count(registry); i++)
		count += registry_party_at(registry, i)->card.kind == kind;
	return count;
}

void report_summary(const struct registry *registry, const char *shown, uint64_t now)
{
	char state[STATE_BYTES], date[STATE_BYTES];
	uint64_t expires = registry_expires(registry);
	printf("'%s': registry '%s', version %llu, is good and in force until %s\n", shown,
	       registry_name(registry), (unsigned long long)registry_version(registry),
	       day(date, expires));
	printf("people %zu, senders %zu, receivers %zu, recipients %zu, routes %zu\n",
	       count_kind(registry, KEY_PERSON), count_kind(registry, KEY_SENDER),
	       count_kind(registry, KEY_RECEIVER), count_kind(registry, KEY_RECIPIENT),
	       registry_route_count(registry));
	if (describe(state, 0, expires, now)[0] != 0)
		printf("note: the registry %s\n", state);
	for (size_t i = 0; i < registry_party_count(registry); i++) {
		const struct party *p = registry_party_at(registry, i);
		if (describe(state, party_check(p, now), p->expires, now)[0] != 0)
			printf("note: %s %s: %s\n", key_kind_name(p->card.kind), p->card.name,
			       state);
	}
	for (size_t i = 0; i < registry_route_count(registry); i++) {
		const struct route *r = registry_route_at(registry, i);
		if (describe(state, route_check(r, now), r->expires, now)[0] != 0)
			printf("note: route %s: %s\n", r->name, state);
	}
}

static void print_party(const struct party *p, uint64_t now)
{
	char state[STATE_BYTES], date[STATE_BYTES], fingerprint[FINGERPRINT_BYTES];
	card_fingerprint(fingerprint, &p->card);
	describe(state, party_check(p, now), p->expires, now);
	printf("  %-9s  %-31s  %-20s  %s%s%s\n", key_kind_name(p->card.kind), p->card.name,
	       day(date, p->expires), fingerprint, state[0] != 0 ? "  " : "", state);
}

static void print_list(const char *label, const struct party *const *list, size_t count)
{
	printf("      %s", label);
	for (size_t i = 0; i < count; i++)
		printf(" %s", list[i]->card.name);
	putchar('\n');
}

static void print_route(const struct route *r, uint64_t now)
{
	char state[STATE_BYTES], date[STATE_BYTES];
	describe(state, route_check(r, now), r->expires, now);
	printf("  %-31s  %5u  %-6s  %-8s  %7u d  %8u  %s%s%s\n", r->name, r->id,
	       rule_name(r->rule), r->records_required ? "required" : "waived",
	       r->destroy_after_days, r->priority, day(date, r->expires),
	       state[0] != 0 ? "  " : "", state);
	print_list("pushed by ", r->operators, r->operator_count);
	print_list("opened by ", r->recipients, r->recipient_count);
}

void report_table(const struct registry *registry, uint64_t now)
{
	char issued[STATE_BYTES], expires[STATE_BYTES], state[STATE_BYTES];
	describe(state, registry_check(registry, now), registry_expires(registry), now);
	printf("registry %s, version %llu, issued %s, expires %s%s%s\n", registry_name(registry),
	       (unsigned long long)registry_version(registry),
	       day(issued, registry_issued(registry)), day(expires, registry_expires(registry)),
	       state[0] != 0 ? ": " : "", state);
	printf("\n  %-9s  %-31s  %-20s  %s\n", "kind", "name", "expires", "fingerprint");
	for (size_t i = 0; i < registry_party_count(registry); i++)
		print_party(registry_party_at(registry, i), now);
	printf("\n  %-31s  %5s  %-6s  %-8s  %9s  %8s  %s\n", "route", "id", "format", "records",
	       "destroyed", "priority", "expires");
	for (size_t i = 0; i < registry_route_count(registry); i++)
		print_route(registry_route_at(registry, i), now);
}

static struct json *party_json(const struct party *p, uint64_t now)
{
	char fingerprint[FINGERPRINT_BYTES];
	struct json *object = json_object_new();
	card_fingerprint(fingerprint, &p->card);
	json_set_text(object, "kind", key_kind_name(p->card.kind));
	json_set_text(object, "name", p->card.name);
	json_set_hex(object, "public", p->card.public_key, SUITE_KEY_BYTES);
	json_set_hex(object, "key_id", p->card.id, KEY_ID_BYTES);
	json_set_text(object, "fingerprint", fingerprint);
	if (p->card.kind == KEY_RECIPIENT)
		json_set_hex(object, "psk", p->psk_public, SUITE_KEY_BYTES);
	json_set_time(object, "expires", p->expires);
	json_set_time(object, "suspended", p->suspended);
	json_set_text(object, "state", verdict_name(party_check(p, now)));
	return object;
}

static struct json *names_json(const struct party *const *list, size_t count)
{
	struct json *array = json_array_new();
	for (size_t i = 0; i < count; i++)
		json_append_text(array, list[i]->card.name);
	return array;
}

static struct json *route_json(const struct route *r, uint64_t now)
{
	struct json *object = json_object_new();
	json_set_text(object, "name", r->name);
	json_set_number(object, "id", r->id);
	json_set_text(object, "format", rule_name(r->rule));
	json_set_text(object, "records", r->records_required ? "required" : "waived");
	json_set_number(object, "destroy_after_days", r->destroy_after_days);
	json_set_number(object, "priority", r->priority);
	json_set_time(object, "expires", r->expires);
	json_set_time(object, "suspended", r->suspended);
	json_set_text(object, "state", verdict_name(route_check(r, now)));
	json_set_child(object, "operators", names_json(r->operators, r->operator_count));
	json_set_child(object, "recipients", names_json(r->recipients, r->recipient_count));
	return object;
}

int report_json(const struct registry *registry, uint64_t now)
{
	struct json *object = json_object_new();
	struct json *parties = json_array_new(), *routes = json_array_new();
	json_set_text(object, "name", registry_name(registry));
	json_set_number(object, "version", registry_version(registry));
	json_set_time(object, "issued", registry_issued(registry));
	json_set_time(object, "expires", registry_expires(registry));
	json_set_text(object, "state", verdict_name(registry_check(registry, now)));
	for (size_t i = 0; i < registry_party_count(registry); i++)
		json_append(parties, party_json(registry_party_at(registry, i), now));
	for (size_t i = 0; i < registry_route_count(registry); i++)
		json_append(routes, route_json(registry_route_at(registry, i), now));
	json_set_child(object, "parties", parties);
	json_set_child(object, "routes", routes);
	int result = json_print(object, stdout);
	json_free(object);
	return result;
}
