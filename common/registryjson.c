#include "registryreport.h"

#include <stdio.h>
#include <string.h>

#include "cursor.h"
#include "json.h"
#include "verdict.h"

/* null for what is not stated */
static void set_stated(struct json *object, const char *key, const char *text)
{
	json_set_text(object, key, text[0] != 0 ? text : NULL);
}

static void set_cap(struct json *object, const char *key, uint64_t cap)
{
	if (cap != 0)
		json_set_number(object, key, cap);
	else
		json_set_text(object, key, NULL);
}

static struct json *roles_json(const struct party *p)
{
	struct json *array = json_array_new();
	for (unsigned int role = ROLE_OPERATOR; role <= ROLE_REVIEWER; role <<= 1)
		if ((p->roles & role) != 0)
			json_append_text(array, role_name((enum role)role));
	return array;
}

static void set_person(struct json *object, const struct party *p)
{
	json_set_text(object, "algorithm", p->rsa_modulus != NULL ? "rsa-2048" : "ed25519");
	if (p->rsa_modulus != NULL)
		json_set_hex(object, "rsa", p->rsa_modulus, RSA_MODULUS_BYTES);
	json_set_child(object, "roles", roles_json(p));
	set_stated(object, "office", p->office);
}

static struct json *party_json(const struct party *p, uint64_t now)
{
	char fingerprint[FINGERPRINT_BYTES];
	struct json *object = json_object_new();
	card_fingerprint(fingerprint, &p->card);
	json_set_text(object, "kind", key_kind_name(p->card.kind));
	json_set_text(object, "name", p->card.name);
	json_set_hex(object, "public", p->card.public_key, SUITE_KEY_BYTES);
	if (!bytes_are_zero(p->card.second, SUITE_KEY_BYTES))
		json_set_hex(object, p->card.kind == KEY_PERSON ? "reading" : "receipts",
			     p->card.second, SUITE_KEY_BYTES);
	json_set_hex(object, "key_id", p->card.id, KEY_ID_BYTES);
	json_set_text(object, "fingerprint", fingerprint);
	if (p->card.kind == KEY_RECIPIENT)
		json_set_hex(object, "psk", p->psk_public, SUITE_KEY_BYTES);
	if (p->card.kind == KEY_PERSON)
		set_person(object, p);
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

static struct json *reviews_json(const struct registry *registry, const struct route *route)
{
	struct json *array = json_array_new();
	for (size_t i = 0; i < registry_review_count(registry); i++) {
		const struct review *review = registry_review_at(registry, i);
		if (review->route != route)
			continue;
		struct json *object = json_object_new();
		json_set_text(object, "name", review->name);
		json_set_text(object, "office", review->office);
		json_set_text(object, "person", review->person->card.name);
		json_set_time(object, "date", review->date);
		json_set_text(object, "state", verdict_name(review->check));
		json_append(array, object);
	}
	return array;
}

static void set_authority(struct json *object, const struct registry *registry, const struct route *r)
{
	struct json *needs = json_array_new();
	for (size_t i = 0; i < r->need_count; i++)
		json_append_text(needs, r->needs[i]);
	set_stated(object, "authority", r->authority);
	set_stated(object, "approval", r->approval);
	set_stated(object, "data_class", r->data_class);
	json_set_child(object, "needs", needs);
	json_set_child(object, "reviews", reviews_json(registry, r));
	json_set_bool(object, "reviewed", r->is_reviewed);
}

static struct json *route_json(const struct registry *registry, const struct route *r, uint64_t now)
{
	struct json *object = json_object_new();
	json_set_text(object, "name", r->name);
	json_set_number(object, "id", r->id);
	set_authority(object, registry, r);
	json_set_child(object, "operators", names_json(r->operators, r->operator_count));
	json_set_child(object, "officers", names_json(r->officers, r->officer_count));
	json_set_number(object, "quorum", r->quorum);
	json_set_bool(object, "pusher_may_approve", r->pusher_may_approve);
	json_set_child(object, "recipients", names_json(r->recipients, r->recipient_count));
	json_set_text(object, "format", record_format_name(r->format));
	json_set_text(object, "records", r->records_required ? "required" : "waived");
	json_set_text(object, "policy", r->policy != NULL ? r->policy->name : NULL);
	set_cap(object, "max_records", r->max_records);
	set_cap(object, "max_bytes", r->max_bytes);
	set_cap(object, "max_records_a_day", r->max_records_a_day);
	set_cap(object, "max_bytes_a_day", r->max_bytes_a_day);
	set_stated(object, "expect", r->expect);
	json_set_number(object, "destroy_after_days", r->destroy_after_days);
	json_set_number(object, "priority", r->priority);
	json_set_time(object, "expires", r->expires);
	json_set_time(object, "suspended", r->suspended);
	json_set_text(object, "state", verdict_name(route_check(r, now)));
	return object;
}

static struct json *columns_json(const struct policy *p)
{
	struct json *array = json_array_new();
	for (size_t i = 0; i < p->column_count; i++) {
		struct json *object = json_object_new();
		json_set_text(object, "name", p->columns[i].name);
		set_cap(object, "width", p->columns[i].width);
		json_set_bool(object, "unique", p->columns[i].is_unique);
		json_set_bool(object, "identity", p->columns[i].may_hold_identity);
		json_append(array, object);
	}
	return array;
}

static struct json *policy_json(const struct policy *p)
{
	struct json *object = json_object_new(), *deny = json_array_new();
	for (size_t i = 0; i < p->pattern_count; i++) {
		struct json *pattern = json_object_new();
		json_set_text(pattern, "column", p->patterns[i].column);
		json_set_text(pattern, "pattern", p->patterns[i].pattern);
		json_append(deny, pattern);
	}
	json_set_text(object, "name", p->name);
	json_set_number(object, "version", p->version);
	json_set_text(object, "encoding", policy_encoding_name(p->encoding));
	json_set_child(object, "columns", columns_json(p));
	json_set_bool(object, "refuse_identity", p->refuses_identity);
	json_set_child(object, "deny", deny);
	json_set_text(object, "control", p->needs_control ? "required" : "none");
	json_set_text(object, "scan", p->needs_scan ? "required" : "none");
	return object;
}

static void append_warning(void *context, const char *kind, const char *name, uint64_t expires,
			   unsigned int days_left)
{
	struct json *object = json_object_new();
	json_set_text(object, "kind", kind);
	json_set_text(object, "name", name);
	json_set_time(object, "expires", expires);
	json_set_number(object, "days_left", days_left);
	json_append(context, object);
}

int report_json(const struct registry *registry, uint64_t now)
{
	struct json *object = json_object_new(), *parties = json_array_new();
	struct json *routes = json_array_new(), *policies = json_array_new();
	struct json *warnings = json_array_new();
	json_set_text(object, "name", registry_name(registry));
	json_set_number(object, "version", registry_version(registry));
	json_set_time(object, "issued", registry_issued(registry));
	json_set_time(object, "expires", registry_expires(registry));
	json_set_text(object, "state", verdict_name(registry_check(registry, now)));
	for (size_t i = 0; i < registry_party_count(registry); i++)
		json_append(parties, party_json(registry_party_at(registry, i), now));
	for (size_t i = 0; i < registry_route_count(registry); i++)
		json_append(routes, route_json(registry, registry_route_at(registry, i), now));
	for (size_t i = 0; i < registry_policy_count(registry); i++)
		json_append(policies, policy_json(registry_policy_at(registry, i)));
	registry_expiring(registry, now, append_warning, warnings);
	json_set_child(object, "parties", parties);
	json_set_child(object, "routes", routes);
	json_set_child(object, "policies", policies);
	json_set_child(object, "warnings", warnings);
	int result = json_print(object, stdout);
	json_free(object);
	return result;
}
