#include "registryreport.h"

#include <stdio.h>
#include <string.h>

#include "text.h"
#include "verdict.h"

enum {
	STATE_BYTES = 64,
	SHOWN_BYTES = 1024,
	DAY_S = 86400,
	SOON_DAYS = 30,
};

/* "expired", "suspended", "expires in 3 d 04 h", or "" when there is nothing to say yet. */
static const char *describe(char out[static STATE_BYTES], int check, uint64_t expires, uint64_t now)
{
	char left[32];
	out[0] = 0;
	if (check != 0)
		snprintf(out, STATE_BYTES, "%s", verdict_name(check));
	else if (expires - now <= (uint64_t)SOON_DAYS * DAY_S)
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

static size_t count_kind(const struct registry *registry, enum key_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < registry_party_count(registry); i++)
		count += registry_party_at(registry, i)->card.kind == kind;
	return count;
}

/* Why a review does not count, in words; the verdicts' own speak of other things. */
static const char *describe_review(const struct review *review)
{
	switch (review->check) {
	case VERDICT_OK:
		return "good";
	case VERDICT_EXPIRED:
		return "void: the reviewer's entry had expired by then";
	case VERDICT_SUSPENDED:
		return "void: the reviewer was suspended by then";
	default:
		return "void: made of another text, or with another key";
	}
}

static void note_expiry(void *context, const char *kind, const char *name, uint64_t expires,
			unsigned int days_left)
{
	char left[32];
	uint64_t now = *(const uint64_t *)context;
	printf("note: %s %s: expires in %s, within %u day%s\n", kind, name,
	       text_duration(left, sizeof(left), expires - now), days_left, days_left == 1 ? "" : "s");
}

/* One line for each thing that is not in force or will soon not be. */
static void print_notes(const struct registry *registry, uint64_t now)
{
	int check = registry_check(registry, now);
	if (check != 0)
		printf("note: registry %s: %s\n", registry_name(registry), verdict_name(check));
	for (size_t i = 0; i < registry_party_count(registry); i++) {
		const struct party *p = registry_party_at(registry, i);
		check = party_check(p, now);
		if (check != 0)
			printf("note: %s %s: %s\n", key_kind_name(p->card.kind), p->card.name,
			       verdict_name(check));
	}
	for (size_t i = 0; i < registry_route_count(registry); i++) {
		const struct route *r = registry_route_at(registry, i);
		check = route_check(r, now);
		if (check != 0)
			printf("note: route %s: %s\n", r->name, verdict_name(check));
	}
	for (size_t i = 0; i < registry_review_count(registry); i++) {
		const struct review *review = registry_review_at(registry, i);
		if (review->check != 0)
			printf("note: review %s of route %s: %s\n", review->name, review->route->name,
			       describe_review(review));
	}
	registry_expiring(registry, now, note_expiry, &now);
}

void report_summary(const struct registry *registry, const char *shown, uint64_t now)
{
	char date[STATE_BYTES];
	printf("'%s': registry '%s', version %llu, is good and in force until %s\n", shown,
	       registry_name(registry), (unsigned long long)registry_version(registry),
	       day(date, registry_expires(registry)));
	printf("people %zu, machines %zu, senders %zu, receivers %zu, recipients %zu, routes %zu\n",
	       count_kind(registry, KEY_PERSON), count_kind(registry, KEY_MACHINE),
	       count_kind(registry, KEY_SENDER), count_kind(registry, KEY_RECEIVER),
	       count_kind(registry, KEY_RECIPIENT), registry_route_count(registry));
	print_notes(registry, now);
}

/* "  label        text", escaped; nothing when the text is "". */
static void print_text(const char *label, const char *text)
{
	char shown[SHOWN_BYTES];
	if (text[0] != 0)
		printf("  %-14s%s\n", label, text_escape_name(shown, sizeof(shown), text));
}

static void print_label(const char *label)
{
	printf("  %-14s", label);
}

static void print_party(const struct party *p, uint64_t now)
{
	char state[STATE_BYTES], date[STATE_BYTES], fingerprint[FINGERPRINT_BYTES];
	char office[SHOWN_BYTES];
	card_fingerprint(fingerprint, &p->card);
	describe(state, party_check(p, now), p->expires, now);
	printf("  %-9s  %-31s  %-20s  %s%s%s\n", key_kind_name(p->card.kind), p->card.name,
	       day(date, p->expires), fingerprint, state[0] != 0 ? "  " : "", state);
	if (p->card.kind != KEY_PERSON)
		return;
	printf("             may be:");
	for (unsigned int role = ROLE_OPERATOR; role <= ROLE_REVIEWER; role <<= 1)
		if ((p->roles & role) != 0)
			printf(" %s", role_name((enum role)role));
	if (p->office[0] != 0)
		printf("; office: %s", text_escape_name(office, sizeof(office), p->office));
	printf("%s\n", p->rsa_modulus != NULL ? "; key: RSA-2048" : "");
}

static void print_list(const char *label, const struct party *const *list, size_t count)
{
	print_label(label);
	for (size_t i = 0; i < count; i++)
		printf("%s%s", i > 0 ? " " : "", list[i]->card.name);
	putchar('\n');
}

static void print_release(const struct route *r)
{
	print_label("approved by");
	if (r->quorum == 0)
		printf("nobody: released without approval");
	else
		printf("%u of", r->quorum);
	for (size_t i = 0; i < r->officer_count; i++)
		printf("%s%s", i == 0 && r->quorum == 0 ? "; officers: " : " ",
		       r->officers[i]->card.name);
	if (r->quorum > 0)
		printf("; who pushed %s approve", r->pusher_may_approve ? "may" : "may not");
	putchar('\n');
}

static void print_caps(const char *label, uint64_t records, uint64_t bytes)
{
	char count[32], size[32];
	print_label(label);
	if (records == 0 && bytes == 0)
		printf("no cap");
	if (records != 0)
		printf("%s records", text_count(count, sizeof(count), records));
	if (bytes != 0)
		printf("%s%s", records != 0 ? ", " : "", text_size(size, sizeof(size), bytes));
	putchar('\n');
}

static const struct review *find_review(const struct registry *registry, const struct route *route,
					const char *office)
{
	for (size_t i = 0; i < registry_review_count(registry); i++) {
		const struct review *review = registry_review_at(registry, i);
		if (review->route == route && strcmp(review->office, office) == 0)
			return review;
	}
	return NULL;
}

static void print_reviews(const struct registry *registry, const struct route *r)
{
	char date[STATE_BYTES];
	for (size_t i = 0; i < r->need_count; i++) {
		const struct review *review = find_review(registry, r, r->needs[i]);
		print_label("review");
		if (review == NULL)
			printf("%s: missing\n", r->needs[i]);
		else
			printf("%s: %s, %s: %s\n", r->needs[i], review->person->card.name,
			       day(date, review->date), describe_review(review));
	}
	if (r->need_count == 0)
		print_text("review", "none demanded");
}

static void print_route(const struct registry *registry, const struct route *r, uint64_t now)
{
	char state[STATE_BYTES], date[STATE_BYTES];
	describe(state, route_check(r, now), r->expires, now);
	printf("\nroute %s, id %u, expires %s%s%s\n", r->name, r->id, day(date, r->expires),
	       state[0] != 0 ? ": " : "", state);
	print_text("authority", r->authority[0] != 0 ? r->authority : "not stated");
	print_text("approval", r->approval[0] != 0 ? r->approval : "not stated");
	print_text("data class", r->data_class[0] != 0 ? r->data_class : "not stated");
	print_reviews(registry, r);
	print_list("pushed by", r->operators, r->operator_count);
	print_release(r);
	print_list("opened by", r->recipients, r->recipient_count);
	print_label("content");
	printf("%s, record counts %s; ", record_format_name(r->format),
	       r->records_required ? "required" : "waived");
	if (r->policy == NULL)
		printf("no rules\n");
	else
		printf("policy %s, version %llu\n", r->policy->name,
		       (unsigned long long)r->policy->version);
	print_caps("most a push", r->max_records, r->max_bytes);
	print_caps("most a day", r->max_records_a_day, r->max_bytes_a_day);
	print_text("expected", r->expect[0] != 0 ? r->expect : "at no stated time");
	printf("  %-14safter %u days\n  %-14s%u\n", "destroyed", r->destroy_after_days, "priority",
	       r->priority);
}

static void print_columns(const char *label, const struct policy *p,
			  bool (*has)(const struct policy_column *column))
{
	char shown[SHOWN_BYTES];
	size_t count = 0;
	for (size_t i = 0; i < p->column_count; i++) {
		const struct policy_column *column = &p->columns[i];
		if (!has(column))
			continue;
		if (count++ == 0)
			print_label(label);
		printf("%s%s", count > 1 ? " " : "", text_escape_name(shown, sizeof(shown), column->name));
		if (column->width > 0)
			printf("(%u)", column->width);
	}
	if (count > 0)
		putchar('\n');
}

static bool is_any(const struct policy_column *column)
{
	return column->name != NULL;
}

static bool is_unique(const struct policy_column *column)
{
	return column->is_unique;
}

static bool is_identity(const struct policy_column *column)
{
	return column->may_hold_identity;
}

static void print_policy(const struct policy *p)
{
	char column[SHOWN_BYTES], pattern[SHOWN_BYTES];
	printf("\npolicy %s, version %llu\n", p->name, (unsigned long long)p->version);
	print_text("encoding", policy_encoding_name(p->encoding));
	if (p->column_count == 0)
		print_text("columns", "any");
	print_columns("columns", p, is_any);
	print_columns("unique", p, is_unique);
	print_text("identity", p->refuses_identity ? "refused outside its columns" : "not looked for");
	print_columns("identity in", p, is_identity);
	for (size_t i = 0; i < p->pattern_count; i++) {
		print_label("denied");
		printf("%s: %s\n", text_escape_name(column, sizeof(column), p->patterns[i].column),
		       text_escape_name(pattern, sizeof(pattern), p->patterns[i].pattern));
	}
	print_text("control file", p->needs_control ? "required" : "none");
	print_text("virus scan", p->needs_scan ? "required" : "none");
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
	for (size_t i = 0; i < registry_route_count(registry); i++)
		print_route(registry, registry_route_at(registry, i), now);
	for (size_t i = 0; i < registry_policy_count(registry); i++)
		print_policy(registry_policy_at(registry, i));
	putchar('\n');
	print_notes(registry, now);
}
