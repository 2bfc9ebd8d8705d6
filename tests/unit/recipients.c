/* To whom a bundle is sealed, and whether they may have it: recipients.h. */
#include "common/recipients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

/* 2026-12-01; [recipient land] is suspended, and [recipient old] ends, nine days later. */
static const uint64_t now = 1796083200, later = 1796083200 + 9 * 86400;

enum { TAX, LAND, OLD, THIEF, KEYS };
static const char *const names[KEYS] = {"tax", "land", "old", "thief"};
static struct key *keys[KEYS];
static struct registry *registry;

static size_t add_party(char *text, size_t at, size_t size, const struct key *key, const char *lines)
{
	char hex[2 * SUITE_KEY_BYTES + 1];
	text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES);
	return at + (size_t)snprintf(text + at, size - at, "[%s %s]\npublic = %s\n%s",
				     key_kind_name(key->card.kind), key->card.name, hex, lines);
}

static void make_registry(void)
{
	static const char head[] = "[registry]\nformat = 1\nname = moi\nversion = 1\nissued = 2026-11-24\n"
				   "expires = 2027-11-24\n";
	static const char routes[] = "[route both]\nid = 1\nrecipients = tax land old\noperators = wang-mei\n"
				     "format = opaque\nrecords = waived\ndestroy_after_days = 1\npriority = 4\n"
				     "[route one]\nid = 2\nrecipients = tax\noperators = wang-mei\n"
				     "format = opaque\nrecords = waived\ndestroy_after_days = 1\npriority = 4\n";
	char text[8192], problem[PROBLEM_BYTES] = "", lines[256], psk[2 * SUITE_KEY_BYTES + 1];
	struct key *person = key_new(KEY_PERSON, "wang-mei");
	size_t at = (size_t)snprintf(text, sizeof(text), "%s", head);
	at = add_party(text, at, sizeof(text), person, "roles = operator\n");
	for (size_t i = 0; i < KEYS; i++) {
		struct key *secret = key_new(KEY_PSK, names[i]);
		keys[i] = key_new(KEY_RECIPIENT, names[i]);
		text_hex(psk, sizeof(psk), secret->card.public_key, SUITE_KEY_BYTES);
		snprintf(lines, sizeof(lines), "psk = %s\n%s", psk,
			 i == LAND  ? "suspended = 2026-12-10\n"
			 : i == OLD ? "expires = 2026-12-10\n"
				    : "");
		key_free(secret);
		if (i != THIEF)
			at = add_party(text, at, sizeof(text), keys[i], lines);
	}
	at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", routes);
	key_free(person);
	if (registry_parse(&registry, (const uint8_t *)text, at, NULL, problem) != 0) {
		printf("Bail out! %s\n", problem);
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct stanza *)a)->key_id, ((const struct stanza *)b)->key_id, KEY_ID_BYTES);
}

/* The first segment of a body on this route that is sealed to these: a bit for each of the keys. */
static void seal_to(uint8_t out[static SEGMENT_BYTES], const char *route, unsigned int whom)
{
	struct head head = {.count = 0};
	memcpy(head.route, route, strlen(route));
	for (size_t i = 0; i < KEYS; i++)
		if ((whom & 1U << i) != 0)
			memcpy(head.stanzas[head.count++].key_id, keys[i]->card.id, KEY_ID_BYTES);
	qsort(head.stanzas, head.count, sizeof(struct stanza), compare);
	head_encode(out, &head);
}

static const char *who;

static int judge(const char *route, const char *sealed_for, unsigned int whom, uint64_t at, bool is_new)
{
	uint8_t segment[SEGMENT_BYTES];
	seal_to(segment, sealed_for, whom);
	who = "nobody";
	return recipients_check_head(registry_route(registry, route), segment, at, is_new, &who);
}

static void test_route(void)
{
	const struct route *both = registry_route(registry, "both"), *one = registry_route(registry, "one");
	who = "nobody";
	is_number(recipients_check(both, now, &who), 0, "a route whose recipients are in force is fine");
	is_text(who, "nobody", "and about nobody");
	const int verdict = recipients_check(both, later, &who);
	ok((verdict == VERDICT_SUSPENDED && strcmp(who, "land") == 0) ||
		   (verdict == VERDICT_EXPIRED && strcmp(who, "old") == 0),
	   "one whose recipient was suspended is not, and it is said who");
	is_number(recipients_check(one, later, &who), 0, "a route without that recipient is fine");
}

static void test_new(void)
{
	const unsigned int all = 1U << TAX | 1U << LAND | 1U << OLD;
	is_number(judge("both", "both", all, now, true), 0, "sealed to every recipient of the route");
	is_number(judge("both", "both", all | 1U << THIEF, now, true), VERDICT_WRONG_RECIPIENT, "and to one more");
	is_number(judge("both", "both", 1U << TAX | 1U << OLD | 1U << THIEF, now, true), VERDICT_WRONG_RECIPIENT,
		  "and to another one instead");
	is_text(who, "both", "which is about the route");
	is_number(judge("both", "both", 1U << TAX | 1U << OLD, now, true), VERDICT_WRONG_RECIPIENT, "and not to all");
	is_number(judge("one", "one", 1U << LAND, now, true), VERDICT_WRONG_RECIPIENT, "a recipient of another route");
	is_number(judge("one", "both", 1U << TAX, now, true), VERDICT_WRONG_ROUTE, "a head of another route");
	ok(judge("both", "both", all, later, true) != 0 && strcmp(who, "both") != 0,
	   "one who was suspended or has expired, and it is said who");
}

/* What has waited meanwhile. */
static void test_old(void)
{
	is_number(judge("both", "both", 1U << TAX, now, false), 0, "a recipient who was added later is not missed");
	is_number(judge("both", "both", 1U << THIEF, now, false), VERDICT_WRONG_RECIPIENT,
		  "one who has been taken from the route gets nothing any more");
	is_number(judge("both", "both", 1U << TAX | 1U << LAND, later, false), VERDICT_SUSPENDED,
		  "nor one who was suspended");
	is_text(who, "land", "and it is said who");
	is_number(judge("both", "both", 1U << TAX | 1U << OLD, later + 1, false), VERDICT_EXPIRED, "nor one who has expired");
	is_text(who, "old", "and it is said who");
}

static void test_form(void)
{
	uint8_t segment[SEGMENT_BYTES];
	const struct route *route = registry_route(registry, "both");
	seal_to(segment, "both", 1U << TAX);
	segment[0] ^= 1;
	is_number(recipients_check_head(route, segment, now, false, &who), VERDICT_BAD_MAGIC, "what is no head is none");
	seal_to(segment, "both", 1U << TAX | 1U << LAND);
	memcpy(segment + 112, segment + 112 + 96, 96);
	is_number(recipients_check_head(route, segment, now, false, &who), VERDICT_BAD_ORDER,
		  "nobody stands in it twice");
}

int main(void)
{
	suite_start();
	make_registry();
	test_route();
	test_new();
	test_old();
	test_form();
	registry_free(registry);
	for (size_t i = 0; i < KEYS; i++)
		key_free(keys[i]);
	return done_testing();
}
