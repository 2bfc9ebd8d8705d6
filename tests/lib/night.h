/*
 * night: people, a machine and a box that work under standing orders, for the tests of what weir-hold keeps of
 * these.  Two routes, tax and other, that have no person in common; two officers release on each.
 */
#ifndef WEIR_TEST_NIGHT_H
#define WEIR_TEST_NIGHT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/order.h"
#include "common/registry.h"
#include "common/text.h"
#include "tests/lib/tap.h"

enum { NIGHT_DAY = 86400, NIGHT_TEXT_BYTES = 8192 };

/* 2026-12-01, a Tuesday; the registry is in force for a year from a week before. */
static const uint64_t night_midnight = 1796083200;

enum night_who { WANG, LEE, TSENG, KUO, OU, TSAI, LIU, HSU, NIGHT_PEOPLE };

struct night {
	struct key *people[NIGHT_PEOPLE];
	struct key *machine, *inside, *other_box;
	struct registry *registry;
};

static inline const char *night_hex(const uint8_t *bytes)
{
	static char ring[4][2 * SUITE_KEY_BYTES + 1];
	static unsigned int at;
	return text_hex(ring[at++ % 4], sizeof(ring[0]), bytes, SUITE_KEY_BYTES);
}

#define NIGHT_ADD(...) at += (size_t)snprintf(text + at, NIGHT_TEXT_BYTES - at, __VA_ARGS__)

/* lee-hao is suspended, and the key of ou-old ends, nine days after midnight. */
static inline struct registry *night_registry(const struct night *n, unsigned int version, const char *caps)
{
	static const struct {
		const char *name, *lines;
	} people[NIGHT_PEOPLE] = {
		[WANG] = {"wang-mei", "roles = operator\n"},
		[LEE] = {"lee-hao", "roles = operator\nsuspended = 2026-12-10\n"},
		[TSENG] = {"tseng-yu", "roles = operator officer\n"},
		[KUO] = {"kuo-an", "roles = officer\n"},
		[OU] = {"ou-old", "roles = officer\nexpires = 2026-12-10\n"},
		[TSAI] = {"tsai-kai", "roles = operator\n"},
		[LIU] = {"liu-an", "roles = officer\n"},
		[HSU] = {"hsu-wen", "roles = officer\n"},
	};
	static const char route[] = "[route %s]\nid = %d\nrecipients = tax-agency\noperators = %s\nofficers = %s\n"
				    "quorum = 2\nformat = csv\nrecords = waived\ndestroy_after_days = 1\n"
				    "priority = 4\n%s";
	char text[NIGHT_TEXT_BYTES], problem[PROBLEM_BYTES] = "";
	struct registry *out = NULL;
	size_t at = 0;
	NIGHT_ADD("[registry]\nformat = 1\nname = moi\nversion = %u\nissued = 2026-11-24\nexpires = 2027-11-24\n",
		  version);
	for (size_t i = 0; i < NIGHT_PEOPLE; i++)
		NIGHT_ADD("[person %s]\npublic = %s\nreading = %s\n%s", people[i].name,
			  night_hex(n->people[i]->card.public_key), night_hex(n->people[i]->card.second),
			  people[i].lines);
	NIGHT_ADD("[machine nightly]\npublic = %s\n", night_hex(n->machine->card.public_key));
	NIGHT_ADD("[sender inside-1]\npublic = %s\n", night_hex(n->inside->card.public_key));
	NIGHT_ADD("[sender inside-2]\npublic = %s\n", night_hex(n->other_box->card.public_key));
	NIGHT_ADD("[recipient tax-agency]\npublic = %064x\npsk = %064x\n", 9, 1);
	NIGHT_ADD(route, "tax", 1, "wang-mei lee-hao tseng-yu", "tseng-yu kuo-an ou-old", caps);
	NIGHT_ADD(route, "other", 2, "tsai-kai", "liu-an hsu-wen", "");
	if (registry_parse(&out, (const uint8_t *)text, strlen(text), NULL, problem) != 0) {
		printf("Bail out! the registry of the tests: %s\n", problem);
		exit(1);
	}
	return out;
}

static inline void night_make(struct night *n, const char *caps)
{
	static const char *const names[NIGHT_PEOPLE] = {"wang-mei", "lee-hao", "tseng-yu", "kuo-an",
							"ou-old", "tsai-kai", "liu-an", "hsu-wen"};
	for (size_t i = 0; i < NIGHT_PEOPLE; i++)
		n->people[i] = key_new(KEY_PERSON, names[i]);
	n->machine = key_new(KEY_MACHINE, "nightly");
	n->inside = key_new(KEY_SENDER, "inside-1");
	n->other_box = key_new(KEY_SENDER, "inside-2");
	n->registry = night_registry(n, 1, caps);
}

static inline void night_end(struct night *n)
{
	for (size_t i = 0; i < NIGHT_PEOPLE; i++)
		key_free(n->people[i]);
	key_free(n->machine);
	key_free(n->inside);
	key_free(n->other_box);
	registry_free(n->registry);
}

/* Of 30 days from midnight, at all hours, for 1,000 bytes, 100 records, two a day. */
static inline struct order night_order(enum order_kind kind, const char *route, const struct key *machine, uint8_t id)
{
	struct order o = {
		.kind = kind,
		.id = {id},
		.not_before = night_midnight,
		.not_after = night_midnight + 30 * NIGHT_DAY,
		.window_len = 1440,
		.weekdays = ORDER_EVERY_DAY,
		.max_bytes = 1000,
		.max_records = 100,
		.max_pushes = 2,
		.machine = machine->card,
	};
	memcpy(o.route, route, strlen(route));
	return o;
}

static inline void night_sign(struct order *o, const struct key *key)
{
	uint8_t input[ORDER_INPUT_BYTES];
	struct order_signer signer = {.signed_at = night_midnight - NIGHT_DAY};
	memcpy(signer.name, key->card.name, NAME_BYTES);
	memcpy(signer.key_id, key->card.id, KEY_ID_BYTES);
	order_sign_input(input, o, &signer);
	if (signature_make(&signer.signature, ORDER_DOMAIN, input, sizeof(input), key->secret) != 0 ||
	    order_add_signature(o, &signer) != 0)
		abort();
}

/* Signed by two officers of the route tax, for the box inside-1. */
static inline struct order night_release(const struct night *n, uint8_t id)
{
	struct order o = night_order(ORDER_RELEASE, "tax", n->inside, id);
	night_sign(&o, n->people[TSENG]);
	night_sign(&o, n->people[KUO]);
	return o;
}

#endif
