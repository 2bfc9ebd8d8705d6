/*
 * What a registry says of authority: roles, officers, caps, policies, reviews, and what ends soon.
 * tests/unit/registry.c has the rest of registry.h.
 */
#include "common/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/signature.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { TEXT_BYTES = 16384 };

static const uint64_t issued = 1795392000;  /* 2026-11-23 */
static const uint64_t expires = 1826928000; /* 2027-11-23 */

struct world {
	struct key *wang, *lin, *chen, *machine, *inside, *tax, *psk;
	char modulus[2 * RSA_MODULUS_BYTES + 1];
	char text[TEXT_BYTES];
};

static const char *hex_of(const uint8_t key[static SUITE_KEY_BYTES])
{
	static char ring[8][2 * SUITE_KEY_BYTES + 1];
	static unsigned int at;
	return text_hex(ring[at++ % 8], sizeof(ring[0]), key, SUITE_KEY_BYTES);
}

static size_t add_party(char *text, size_t at, const struct key *key, const char *lines)
{
	return at + (size_t)sprintf(text + at, "[%s %s]\npublic = %s\n%s", key_kind_name(key->card.kind),
				    key->card.name, hex_of(key->card.public_key), lines);
}

static void make_text(struct world *w)
{
	char lines[256];
	size_t at = (size_t)sprintf(w->text,
		"[registry]\nformat = 1\nname = moi\nversion = 7\nissued = 2026-11-23\nexpires = 2027-11-23\n"
		"[route tax]\n"                                    /* 7 */
		"id = 1\n"
		"recipients = tax-agency\n"                        /* 9 */
		"operators = wang-mei\n"                           /* 10 */
		"officers = lin-jun\n"                             /* 11 */
		"officers = chen-yi\n"                             /* 12 */
		"quorum = 2\n"                                     /* 13 */
		"pusher_may_approve = no\n"                        /* 14 */
		"format = csv\n"                                   /* 15 */
		"policy = household\n"                             /* 16 */
		"records = required\n"                             /* 17 */
		"max_records = 23000000\n"                         /* 18 */
		"max_bytes = 20 GiB\n"                             /* 19 */
		"max_records_a_day = 30000000\n"                   /* 20 */
		"max_bytes_a_day = 32212254720\n"                  /* 21 */
		"destroy_after_days = 30\n"                        /* 22 */
		"priority = 4\n"                                   /* 23 */
		"authority = 內政部戶政司\n"                       /* 24 */
		"approval = No. 12\n"                              /* 25 */
		"data_class = highest\n"                           /* 26 */
		"expect = daily 06:00\n"                           /* 27 */
		"needs = security\n"                               /* 28 */
		"needs = legal\n"                                  /* 29 */
		"suspended = 2027-06-01\n"                         /* 30 */
		"[policy household]\n"                             /* 31 */
		"version = 3\n"                                    /* 32 */
		"encoding = utf-8\n"                               /* 33 */
		"deny = note [0-9]{4,} [;] x  y\n"                 /* 34 */
		"deny = *   \\x00 ; a comment\n"                   /* 35 */
		"columns = id 姓名\n"                              /* 36 */
		"columns = note\n"                                 /* 37 */
		"unique = id\n"                                    /* 38 */
		"identity = id 姓名\n"                             /* 39 */
		"refuse_identity = yes\n"                          /* 40 */
		"control = required\n"                             /* 41 */
		"scan = required\n");                              /* 42 */
	at = add_party(w->text, at, w->wang, "roles = operator\noffice = 戶政司\n");      /* 43 to 46 */
	sprintf(lines, "reading = %s\nroles = officer reviewer\nexpires = 2027-06-30\n",
		hex_of(w->lin->card.second));
	at = add_party(w->text, at, w->lin, lines);                                        /* 47 to 51 */
	at += (size_t)sprintf(w->text + at,
		"[person chen-yi]\nrsa = %.150s\nrsa = %.192s\nreading = %s\nrsa = %s\n"
		"roles = officer\nroles = reviewer\n",                                     /* 52 to 58 */
		w->modulus, w->modulus + 150, hex_of(w->chen->card.second), w->modulus + 342);
	at = add_party(w->text, at, w->machine, "suspended = 2027-05-01\n");               /* 59 to 61 */
	at = add_party(w->text, at, w->inside, "");                                        /* 62 to 63 */
	sprintf(lines, "receipts = %s\npsk = %s\n", hex_of(w->tax->card.second),
		hex_of(w->psk->card.public_key));
	add_party(w->text, at, w->tax, lines);                                             /* 64 to 67 */
}

static struct world *make_world(void)
{
	struct world *w = calloc(1, sizeof(*w));
	uint8_t modulus[RSA_MODULUS_BYTES];
	suite_random(modulus, sizeof(modulus));
	modulus[0] |= 0x80;
	modulus[RSA_MODULUS_BYTES - 1] |= 1;
	text_hex(w->modulus, sizeof(w->modulus), modulus, sizeof(modulus));
	w->wang = key_new(KEY_PERSON, "wang-mei");
	w->lin = key_new(KEY_PERSON, "lin-jun");
	w->chen = key_new(KEY_PERSON, "chen-yi");
	w->machine = key_new(KEY_MACHINE, "nightly");
	w->inside = key_new(KEY_SENDER, "inside-1");
	w->tax = key_new(KEY_RECIPIENT, "tax-agency");
	w->psk = key_new(KEY_PSK, "tax-agency");
	make_text(w);
	return w;
}

static void free_world(struct world *w)
{
	struct key *keys[] = {w->wang, w->lin, w->chen, w->machine, w->inside, w->tax, w->psk};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		key_free(keys[i]);
	free(w);
}

static int parse(struct registry **out, const char *text, char problem[static PROBLEM_BYTES])
{
	/* a copy of just this size, so that reading past its end is seen by the sanitizer */
	size_t len = strlen(text);
	uint8_t *copy = malloc(len);
	memcpy(copy, text, len);
	int result = registry_parse(out, copy, len, NULL, problem);
	free(copy);
	return result;
}

static struct registry *must_parse(const char *text)
{
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES];
	if (parse(&registry, text, problem) != 0) {
		printf("Bail out! %s\n", problem);
		exit(1);
	}
	return registry;
}

/* The text with its first `from` replaced. */
static char *replace(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	size_t size = strlen(text) + strlen(to) + 1;
	char *out = malloc(size);
	if (at == NULL || out == NULL) {
		printf("Bail out! no '%s'\n", from);
		exit(1);
	}
	snprintf(out, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

static void test_people(const struct world *w)
{
	struct registry *r = must_parse(w->text);
	const struct party *wang = registry_party(r, KEY_PERSON, "wang-mei");
	const struct party *lin = registry_party(r, KEY_PERSON, "lin-jun");
	const struct party *chen = registry_party(r, KEY_PERSON, "chen-yi");
	const struct party *machine = registry_party(r, KEY_MACHINE, "nightly");
	const struct party *tax = registry_party(r, KEY_RECIPIENT, "tax-agency");
	uint8_t modulus[RSA_MODULUS_BYTES], digest[SUITE_DIGEST_BYTES];
	struct card card = {.kind = KEY_PERSON, .name = "chen-yi"};
	ok(wang->roles == ROLE_OPERATOR && lin->roles == (ROLE_OFFICER | ROLE_REVIEWER) &&
		   chen->roles == (ROLE_OFFICER | ROLE_REVIEWER),
	   "a person has the roles that the registry lists, in one line or in several");
	is_text(wang->office, "戶政司", "and an office");
	is_text(lin->office, "", "or none");
	is_bytes(lin->card.second, w->lin->card.second, SUITE_KEY_BYTES, "an officer has a reading key");
	is_bytes(tax->card.second, w->tax->card.second, SUITE_KEY_BYTES, "a recipient has a receipt key");
	is_bytes(lin->card.id, w->lin->card.id, KEY_ID_BYTES, "which change no key id");
	ok(wang->rsa_modulus == NULL, "an Ed25519 key has no modulus");
	text_unhex(modulus, sizeof(modulus), w->modulus);
	is_bytes(chen->rsa_modulus, modulus, sizeof(modulus), "an RSA key has the modulus of its pieces");
	suite_hash(digest, sizeof(digest), "weir1 rsa", NULL, 0, modulus, sizeof(modulus));
	is_bytes(chen->card.public_key, digest, sizeof(digest), "its card has the digest of the modulus");
	memcpy(card.public_key, digest, sizeof(digest));
	card_identify(&card);
	is_bytes(chen->card.id, card.id, KEY_ID_BYTES, "and the key id that follows from it");
	ok(machine != NULL && machine->suspended != 0 && machine->roles == 0, "a machine is a party");
	ok(registry_party_by_key(r, KEY_MACHINE, w->machine->card.id) == machine, "found by its key, too");
	is_number(party_check(machine, machine->suspended), VERDICT_SUSPENDED, "that can be suspended");
	bool all_same = true;
	for (unsigned int role = ROLE_OPERATOR; role <= ROLE_REVIEWER; role <<= 1)
		all_same = all_same && role_from_name(role_name((enum role)role)) == role;
	ok(all_same, "each role has a name that leads back to it");
	ok(role_name((enum role)(ROLE_REVIEWER << 1)) == NULL && role_from_name("king") == 0,
	   "what is no role has none");
	registry_free(r);
}

static void test_route(const struct world *w)
{
	struct registry *r = must_parse(w->text);
	const struct route *route = registry_route(r, "tax");
	const struct party *wang = registry_party(r, KEY_PERSON, "wang-mei");
	const struct party *lin = registry_party(r, KEY_PERSON, "lin-jun");
	ok(route->officer_count == 2 && route->officers[0] == lin && route->quorum == 2 &&
		   !route->pusher_may_approve,
	   "a route has officers and a quorum of them");
	is_number(route_allows_officer(route, lin), 0, "an officer may approve");
	is_number(route_allows_officer(route, wang), VERDICT_NOT_ALLOWED, "another may not");
	is_number(route_allows_operator(route, lin), VERDICT_NOT_ALLOWED, "and is no operator by that");
	ok(route->max_records == 23000000 && route->max_bytes == UINT64_C(20) << 30 &&
		   route->max_records_a_day == 30000000 && route->max_bytes_a_day == UINT64_C(30) << 30,
	   "caps a push and a day, in bytes or with a unit");
	is_text(route->authority, "內政部戶政司", "an authority");
	is_text(route->approval, "No. 12", "its approval");
	is_text(route->data_class, "highest", "a data class");
	is_text(route->expect, "daily 06:00", "a time when it is expected");
	ok(route->need_count == 2 && strcmp(route->needs[0], "security") == 0 &&
		   strcmp(route->needs[1], "legal") == 0,
	   "and the offices that must have reviewed it");
	ok(route->policy != NULL && route->policy == registry_policy(r, "household"), "and a policy");
	registry_free(r);
	static const struct {
		const char *word;
		enum record_format format;
		enum record_rule rule;
	} formats[] = {
		{"csv", FORMAT_CSV, RECORDS_CSV},     {"lines", FORMAT_LINES, RECORDS_LINES},
		{"json", FORMAT_JSON, RECORDS_LINES}, {"opaque", FORMAT_OPAQUE, RECORDS_NOT_COUNTED},
	};
	char *bare = replace(w->text, "policy = household\n", "");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		char line[64];
		snprintf(line, sizeof(line), "format = %s\nexpect = none", formats[i].word);
		char *once = replace(bare, "expect = daily 06:00\n", "");
		char *text = replace(once, "format = csv", line);
		r = must_parse(text);
		route = registry_route(r, "tax");
		ok(route->format == formats[i].format && route->rule == formats[i].rule,
		   "format %s needs no policy, and is counted by its rule", formats[i].word);
		ok(route->policy == NULL && route->expect[0] == 0, "none is expected at no time");
		registry_free(r);
		free(text);
		free(once);
	}
	free(bare);
}

static void test_policy(const struct world *w)
{
	struct registry *r = must_parse(w->text);
	const struct policy *p = registry_policy(r, "household");
	ok(registry_policy_count(r) == 1 && registry_policy_at(r, 0) == p && registry_policy_at(r, 1) == NULL,
	   "a policy is found by name and by index");
	ok(registry_policy(r, "none") == NULL && registry_policy(r, "") == NULL, "and no other");
	ok(p->version == 3 && p->encoding == ENCODING_UTF8 && p->column_count == 3 && p->pattern_count == 2 &&
		   p->refuses_identity && p->needs_control && p->needs_scan,
	   "it has what its section says");
	is_text(p->columns[0].name, "id", "its columns stand in order");
	is_text(p->columns[1].name, "姓名", "in any script");
	is_text(p->columns[2].name, "note", "over several lines");
	ok(p->columns[0].is_unique && !p->columns[1].is_unique && !p->columns[2].is_unique,
	   "some of them unique");
	ok(p->columns[0].may_hold_identity && p->columns[1].may_hold_identity &&
		   !p->columns[2].may_hold_identity,
	   "some of them for identity numbers");
	is_text(p->patterns[0].column, "note", "a pattern has its column");
	is_text(p->patterns[0].pattern, "[0-9]{4,} [;] x  y",
		"and is the rest of its line, with a semicolon behind no blank");
	is_text(p->patterns[1].column, "*", "or is for all columns");
	is_text(p->patterns[1].pattern, "\\x00", "and ends where a comment begins");
	registry_free(r);
	char *format = replace(w->text, "format = csv", "format = fixed");
	char *text = replace(format, "unique = id", "widths = 10 20\nwidths = 65535\nunique = id");
	r = must_parse(text);
	p = registry_policy(r, "household");
	ok(p->columns[0].width == 10 && p->columns[1].width == 20 && p->columns[2].width == 65535,
	   "columns of format fixed have widths");
	registry_free(r);
	free(text);
	free(format);
	bool all_same = true;
	for (int f = FORMAT_OPAQUE; f <= FORMAT_FIXED; f++)
		all_same = all_same && record_format_from_name(record_format_name((enum record_format)f)) == f;
	for (int e = ENCODING_ANY; e <= ENCODING_CNS11643; e++)
		all_same = all_same &&
			   policy_encoding_from_name(policy_encoding_name((enum policy_encoding)e)) == e;
	ok(all_same && record_format_from_name("xml") < 0 && policy_encoding_from_name("latin-1") < 0,
	   "each format and encoding has a name that leads back to it");
}

struct refusal {
	const char *from, *to, *problem;
};

static void test_refusals(const struct world *w, const struct refusal *cases, size_t count)
{
	char problem[PROBLEM_BYTES];
	for (size_t i = 0; i < count; i++) {
		struct registry *r = NULL;
		char *text = replace(w->text, cases[i].from, cases[i].to);
		is_number(parse(&r, text, problem), VERDICT_BAD_REGISTRY, "a registry is refused when %s",
			  cases[i].problem);
		is_text(problem, cases[i].problem, "and this is said");
		ok(r == NULL, "and the output left alone");
		free(text);
	}
}

#define NAME_RULE "it is not a name: a-z, then up to 30 of a-z 0-9 -"
#define HEX64 "0000000000000000000000000000000000000000000000000000000000000001"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X128 X50 X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void test_party_refusals(const struct world *w)
{
	static const struct refusal cases[] = {
		{"roles = operator\n", "", "43: [person wang-mei] has no 'roles'"},
		{"roles = operator\n", "roles = operator king\n",
		 "45: a role is operator, officer, receiving-admin, recipient, auditor, installer or reviewer"},
		{"roles = operator\n", "roles = operator\nroles = operator\n",
		 "46: 'operator' stands twice in the list"},
		{"office = 戶政司", "office = " X128, "46: it is longer than 127 bytes"},
		{"roles = operator\n", "roles = officer\n", "10: 'wang-mei' does not have the role operator"},
		{"roles = officer\nroles = reviewer\n", "roles = reviewer\n",
		 "12: 'chen-yi' does not have the role officer"},
		{"reading = ", "; ", "11: 'lin-jun' approves here, and needs a key 'reading'"},
		{"reading = ", "reading = 0", "49: a public key is 64 lower-case hex digits, as 'key show' prints them"},
		{"roles = officer reviewer", "reading = " HEX64 "\nroles = officer reviewer",
		 "50: 'reading' stands twice in [person lin-jun]"},
		{"roles = operator\n", "roles = operator\nreading = "
		 "0000000000000000000000000000000000000000000000000000000000000000\n",
		 "46: it is zero; leave the line out"},
		{"[person wang-mei]\npublic", "[person wang-mei]\nreading",
		 "43: [person wang-mei] has neither 'public' nor 'rsa'"},
		{"[person chen-yi]\n", "[person chen-yi]\npublic = " HEX64 "\n",
		 "52: [person chen-yi] has both 'public' and 'rsa'"},
		{"\nrsa = ", "\n; ", "52: [person chen-yi] has 362 of the 512 hex digits of an RSA-2048 modulus"},
		{"\nrsa = ", "\nrsa = 00\nrsa = ", "57: it is longer than 512 hex digits"},
		{"\nrsa = ", "\nrsa = g", "53: it is not lower-case hex digits"},
		{"rsa = ", "rsa = 0\nrsa = 0\nrsa = ", "58: it comes in more than 4 pieces"},
		{"[machine nightly]\n", "[machine nightly]\nroles = operator\n",
		 "60: key 'roles' is not known in [machine nightly]"},
		{"[machine nightly]\npublic = ", "[machine nightly]\n; ", "59: [machine nightly] has no 'public'"},
		{"[sender inside-1]\n", "[sender inside-1]\nreading = " HEX64 "\n",
		 "63: key 'reading' is not known in [sender inside-1]"},
		{"[recipient tax-agency]\n", "[recipient tax-agency]\nreading = " HEX64 "\n",
		 "65: key 'reading' is not known in [recipient tax-agency]"},
		{"receipts = ", "receipts = x",
		 "66: a public key is 64 lower-case hex digits, as 'key show' prints them"},
	};
	test_refusals(w, cases, sizeof(cases) / sizeof(cases[0]));
	struct registry *r = NULL;
	char problem[PROBLEM_BYTES];
	char *text = replace(w->text, hex_of(w->lin->card.second), hex_of(w->tax->card.public_key));
	is_number(parse(&r, text, problem), VERDICT_BAD_REGISTRY,
		  "a reading key that is somebody's public key is refused");
	ok(strncmp(problem, "64: ", 4) == 0 && strstr(problem, "have the same public key") != NULL,
	   "and this is said");
	free(text);
	char even[sizeof(w->modulus)];
	memcpy(even, w->modulus, sizeof(even));
	even[sizeof(even) - 2] = '0';
	text = replace(w->text, w->modulus + 342, even + 342);
	is_number(parse(&r, text, problem), VERDICT_BAD_REGISTRY, "an even modulus is refused");
	is_text(problem, "52: [person chen-yi] has an 'rsa' that is no modulus of 2,048 bits",
		"and this is said");
	free(text);
	char digits[16], wanted[32];
	snprintf(digits, sizeof(digits), "rsa = %c", w->modulus[0]);
	text = replace(w->text, digits, "rsa = 7");
	is_number(parse(&r, text, problem), VERDICT_BAD_REGISTRY, "so is a short one");
	snprintf(wanted, sizeof(wanted), "52: [person chen-yi]");
	ok(strncmp(problem, wanted, strlen(wanted)) == 0, "and this is said");
	free(text);
}

static void test_route_refusals(const struct world *w)
{
	static const struct refusal cases[] = {
		{"officers = chen-yi", "officers = nobody", "12: there is no [person nobody]"},
		{"officers = chen-yi", "officers = lin-jun", "12: 'lin-jun' stands twice in the list"},
		{"officers = chen-yi", "officers = Chen", "12: " NAME_RULE},
		{"quorum = 2\n", "", "7: [route tax] names officers, but no 'quorum' of them"},
		{"quorum = 2", "quorum = 3", "13: [route tax] has a quorum of 3, but 2 officers"},
		{"quorum = 2", "quorum = 17", "13: it is not a number from 0 to 16"},
		{"quorum = 2", "quorum = 2\nquorum = 2", "14: 'quorum' stands twice in [route tax]"},
		{"officers = lin-jun\nofficers = chen-yi\n", "",
		 "11: [route tax] has a quorum of 2, but 0 officers"},
		{"pusher_may_approve = no", "pusher_may_approve = never", "14: it is yes or no"},
		{"format = csv", "format = xml", "15: the format is csv, lines, json, fixed or opaque"},
		{"max_records = 23000000", "max_records = 0",
		 "18: it is not a number from 1 to 9223372036854775807"},
		{"max_bytes = 20 GiB", "max_bytes = 0",
		 "19: it is not a number of bytes, as 1048576 or 20 GiB"},
		{"max_bytes = 20 GiB", "max_bytes = 20 GB",
		 "19: it is not a number of bytes, as 1048576 or 20 GiB"},
		{"max_bytes = 20 GiB", "max_bytes = GiB",
		 "19: it is not a number of bytes, as 1048576 or 20 GiB"},
		{"max_bytes = 20 GiB", "max_bytes = 8388608 TiB",
		 "19: it is not a number of bytes, as 1048576 or 20 GiB"},
		{"max_bytes = 20 GiB", "max_bytes = 99999999999999999999999999",
		 "19: it is not a number of bytes, as 1048576 or 20 GiB"},
		{"max_records_a_day = 30000000", "max_records_a_day = many",
		 "20: it is not a number from 1 to 9223372036854775807"},
		{"max_bytes_a_day = 32212254720", "max_bytes_a_day = -1",
		 "21: it is not a number of bytes, as 1048576 or 20 GiB"},
		{"authority = 內政部戶政司", "authority = " X128, "24: it is longer than 127 bytes"},
		{"approval = No. 12", "approval = " X128, "25: it is longer than 127 bytes"},
		{"data_class = highest", "data_class = " X128, "26: it is longer than 127 bytes"},
		{"daily 06:00", "daily 6:00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 24:00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 06:60", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily x6:00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 0x:00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 06-00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 06:x0", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 06:0x", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily /6:00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 06:0:", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily 30:00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "weekly 06:00", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"daily 06:00", "daily", "27: what is expected reads 'daily HH:MM', in UTC, or 'none'"},
		{"needs = legal", "needs = security", "29: 'security' stands twice in the list"},
		{"needs = legal", "needs = Legal", "29: " NAME_RULE},
		{"needs = legal", "needs = a b c d e f g h", "29: the list is longer than 8"},
		{"policy = household", "policy = none", "16: there is no [policy none]"},
		{"policy = household", "policy = None", "16: " NAME_RULE},
		{"format = csv\npolicy = household\n", "format = fixed\n",
		 "7: [route tax] has format fixed, and needs a policy with 'widths'"},
		{"format = csv", "format = fixed",
		 "16: [route tax] has format fixed, and needs a policy with 'widths'"},
		{"unique = id\n", "widths = 1 2 3\nunique = id\n",
		 "16: [policy household] has 'widths', which are for format fixed alone"},
		{"format = csv", "format = lines", "16: [policy household] has columns, which format lines has not"},
		{"format = csv", "format = opaque",
		 "16: [policy household] is for format opaque, of which nothing but 'scan = required' can be asked"},
	};
	test_refusals(w, cases, sizeof(cases) / sizeof(cases[0]));
	/* what else may be asked of format opaque: nothing */
	static const char *const asked[] = {"encoding = utf-8", "refuse_identity = yes", "control = required",
					    "columns = id", "deny = * x", "scan = none"};
	char *opaque = replace(w->text, "format = csv", "format = opaque");
	char *start = strstr(opaque, "encoding = utf-8\n"), *end = strstr(opaque, "[person wang-mei]");
	for (size_t i = 0; i <= 6; i++) {
		char problem[PROBLEM_BYTES], text[TEXT_BYTES];
		struct registry *r = NULL;
		snprintf(text, sizeof(text), "%.*s%s\n%s%s", (int)(start - opaque), opaque,
			 i < 6 ? asked[i] : "", i < 5 || i == 6 ? "scan = required\n" : "", end);
		is_number(parse(&r, text, problem), i < 6 ? VERDICT_BAD_REGISTRY : 0,
			  "of format opaque %s asked", i < 6 ? asked[i] : "a scan alone may be");
		registry_free(r);
	}
	free(opaque);
}

static void test_policy_refusals(const struct world *w)
{
	static const struct refusal cases[] = {
		{"version = 3\n", "", "31: [policy household] has no 'version'"},
		{"version = 3", "version = 0", "32: it is not a number from 1 to 9223372036854775807"},
		{"encoding = utf-8", "encoding = latin-1", "33: the encoding is any, utf-8, big5 or cns11643"},
		{"deny = note [0-9]{4,} [;] x  y", "deny = note",
		 "34: what is denied reads 'COLUMN PATTERN', with '*' for all columns"},
		{"deny = note [0-9]{4,} [;] x  y", "deny = notes x",
		 "34: [policy household] has no column of this name"},
		{"columns = note", "columns = id", "37: a column stands twice"},
		{"columns = note", "columns = *", "37: no column is named '*', which stands for all of them"},
		{"unique = id\n", "unique = ids\n", "38: [policy household] has no column of this name"},
		{"unique = id\n", "unique = *\n", "38: [policy household] has no column of this name"},
		{"unique = id\n", "unique = id id\n", "38: a column stands twice in the list"},
		{"identity = id", "identity = ids", "39: [policy household] has no column of this name"},
		{"identity = id 姓名", "identity = id 姓名\nidentity = id",
		 "40: a column stands twice in the list"},
		{"refuse_identity = yes", "refuse_identity = 1", "40: it is yes or no"},
		{"control = required", "control = maybe", "41: it is required or none"},
		{"scan = required", "scan = maybe", "42: it is required or none"},
		{"unique = id\n", "widths = 1 2\nunique = id\n",
		 "38: [policy household] has 2 widths for 3 columns"},
		{"unique = id\n", "widths = 1 2 0\nunique = id\n", "38: it is not a number from 1 to 65535"},
		{"unique = id\n", "widths = 1 2 65536\nunique = id\n", "38: it is not a number from 1 to 65535"},
		{"scan = required\n", "scan = required\n[policy household]\nversion = 1\n",
		 "43: [policy household] stands twice"},
		{"scan = required\n", "scan = required\n[policy Household]\n",
		 "43: a section reads '[name]' or '[kind name]'"},
		{"scan = required\n", "scan = required\n[policy 1]\n", "43: " NAME_RULE},
		{"scan = required\n", "scan = required\nrecords = required\n",
		 "43: key 'records' is not known in [policy household]"},
	};
	test_refusals(w, cases, sizeof(cases) / sizeof(cases[0]));
}

/* A form with each '#' replaced by a number. */
static size_t fill(char *out, const char *form, unsigned int number)
{
	size_t at = 0;
	for (const char *p = form; *p != 0; p++)
		if (*p == '#')
			at += (size_t)sprintf(out + at, "%u", number);
		else
			out[at++] = *p;
	out[at] = 0;
	return at;
}

/* So many of these lines behind `from`, and one more. */
static void test_limit(const char *good, const char *from, const char *form, unsigned int count,
		       const char *problem_wanted)
{
	char problem[PROBLEM_BYTES], *lines = malloc((count + 2) * (size_t)256);
	for (unsigned int more = 0; more < 2; more++) {
		struct registry *r = NULL;
		size_t at = (size_t)sprintf(lines, "%s", from);
		for (unsigned int i = 0; i < count + more; i++)
			at += fill(lines + at, form, 10000 + i);
		char *text = replace(good, from, lines);
		int result = parse(&r, text, problem);
		is_number(result, more == 0 ? 0 : VERDICT_BAD_REGISTRY, "%u of these are %s: %.*s",
			  count + more, more == 0 ? "enough" : "too many", (int)strcspn(form, "\n"), form);
		if (more == 0 ? result != 0 : strstr(problem, problem_wanted) == NULL)
			ok(false, "and this is said: %s, not %s", problem_wanted, problem);
		registry_free(r);
		free(text);
	}
	free(lines);
}

#define PUBLIC(digit) \
	"public = " digit "0000000000000000000000000000000000000000000000000000000000#\n"
#define READING(digit) \
	"reading = " digit "0000000000000000000000000000000000000000000000000000000000#\n"

static void test_limits(const struct world *w)
{
	test_limit(w->text, "columns = note\n", "columns = c#\n", POLICY_COLUMNS_MAX - 3,
		   "there are more than 256 columns");
	test_limit(w->text, "columns = note\n", "deny = note x#\n", POLICY_PATTERNS_MAX - 2,
		   "there are more than 256 patterns");
	test_limit(w->text, "scan = required\n", "[policy p#]\nversion = 1\n", 1023,
		   "there are more than 1024 policies");
	test_limit(w->text, "scan = required\n", "[machine m#]\n" PUBLIC("1"), 1023,
		   "there are more than 1024 sections [machine …]");
	/* sixty-five officers are there, and fewer are named */
	char *people = malloc(65536);
	size_t at = (size_t)sprintf(people, "scan = required\n");
	for (unsigned int i = 0; i < 65; i++)
		at += fill(people + at, "[person o#]\n" PUBLIC("2") READING("3") "roles = officer\n",
			   10000 + i);
	char *text = replace(w->text, "scan = required\n", people);
	test_limit(text, "officers = chen-yi\n", "officers = o#\n", OFFICERS_MAX - 2,
		   "the list is longer than 64");
	free(text);
	free(people);
}

/* ---- reviews ---- */

/* "[review …]" of a route in this text, appended to it; by whom, whose key signs it, and when. */
struct reviewing {
	const char *name, *office, *person;
	const struct key *key;
	uint64_t date;
};

static char *with_review(const char *text, const struct reviewing *v)
{
	struct registry *r = must_parse(text);
	struct party person = {.card.kind = KEY_PERSON};
	struct signature signature;
	uint8_t data[REVIEW_BYTES];
	char hex[2 * SUITE_SIGNATURE_BYTES + 1], when[32];
	size_t size = strlen(text) + 1024;
	char *out = malloc(size);
	strcpy(person.card.name, v->person);
	review_encode(data, registry_route(r, "tax"), v->office, &person, v->date);
	signature_make(&signature, REVIEW_DOMAIN, data, sizeof(data), v->key->secret);
	text_hex(hex, sizeof(hex), signature.bytes, SUITE_SIGNATURE_BYTES);
	snprintf(out, size, "%s[review %s]\nroute = tax\noffice = %s\nperson = %s\ndate = %s\nsignature = "
		 "%.100s\nsignature = %s\n", text, v->name, v->office, v->person,
		 text_time(when, sizeof(when), v->date), hex, hex + 100);
	registry_free(r);
	return out;
}

/* The text with good reviews by both offices. */
static char *reviewed_text(const struct world *w)
{
	const struct reviewing first = {"a", "security", "lin-jun", w->lin, issued},
			       second = {"b", "legal", "wang-mei", w->wang, issued + 60};
	char *text = replace(w->text, "roles = operator\n", "roles = operator reviewer\n");
	char *one = with_review(text, &first);
	char *two = with_review(one, &second);
	free(text);
	free(one);
	return two;
}

static int check_route_of(const char *text)
{
	struct registry *r = must_parse(text);
	int result = route_check(registry_route(r, "tax"), issued + 3600);
	registry_free(r);
	return result;
}

static void test_reviews(const struct world *w)
{
	char *text = reviewed_text(w), *bare;
	struct registry *r = must_parse(w->text);
	const struct route *route = registry_route(r, "tax");
	is_number(route_check(route, issued), VERDICT_NOT_REVIEWED, "a route is not in force without its reviews");
	is_number(route_check(route, route->suspended), VERDICT_SUSPENDED, "one that is suspended is that first");
	ok(registry_review_count(r) == 0 && registry_review_at(r, 0) == NULL, "there is no review");
	registry_free(r);
	bare = replace(w->text, "needs = security\nneeds = legal\n", "");
	is_number(check_route_of(bare), 0, "a route that needs none is in force");
	free(bare);
	r = must_parse(text);
	route = registry_route(r, "tax");
	is_number(route_check(route, issued), 0, "a route with good reviews by all offices is in force");
	is_number((int64_t)registry_review_count(r), 2, "the reviews are there");
	const struct review *review = registry_review_at(r, 1);
	ok(review->route == route && strcmp(review->name, "b") == 0 && strcmp(review->office, "legal") == 0 &&
		   review->person == registry_party(r, KEY_PERSON, "wang-mei") &&
		   review->date == issued + 60 && review->check == 0,
	   "with what they say");
	registry_free(r);
	size_t passed = 0;
	char *digit = strstr(text, "signature = ") + strlen("signature = ");
	for (size_t i = 0; i < 100; i++) {
		char old = digit[i];
		digit[i] = old == '0' ? '1' : '0';
		passed += check_route_of(text) != VERDICT_NOT_REVIEWED;
		digit[i] = old;
	}
	is_number((int64_t)passed, 0, "with any other digit in a signature it is not");
	free(text);
}

/* REGISTRY.md 5: what voids a review, and what does not. */
static void test_voiding(const struct world *w)
{
	static const char *const changes[][2] = {
		{"id = 1\n", "id = 2\n"},
		{"operators = wang-mei\n", "operators = wang-mei\nexpires = 2027-01-01\n"},
		{"officers = lin-jun\nofficers = chen-yi\n", "officers = lin-jun chen-yi\n"},
		{"quorum = 2", "quorum = 1"},
		{"pusher_may_approve = no", "pusher_may_approve = yes"},
		{"format = csv\n", "format = json\n"},
		{"policy = household\n", ""},
		{"records = required", "records = waived"},
		{"max_records = 23000000", "max_records = 23000001"},
		{"max_bytes = 20 GiB", "max_bytes = 21474836480"},
		{"max_records_a_day = 30000000", "max_records_a_day = 30000001"},
		{"max_bytes_a_day = 32212254720\n", ""},
		{"destroy_after_days = 30", "destroy_after_days = 31"},
		{"priority = 4", "priority = 1"},
		{"authority = 內政部戶政司", "authority = 內政部"},
		{"approval = No. 12", "approval = No. 13"},
		{"data_class = highest", "data_class = high"},
		{"daily 06:00", "daily 06:01"},
		{"needs = security\n", ""},
		{"version = 3", "version = 4"},
		{"deny = note [0-9]{4,} [;] x  y\n", ""},
		{"deny = *   \\x00 ; a comment\n", "deny = * \\x00 ; a comment\n"},
		{"columns = id 姓名\n", "columns = 姓名 id\n"},
		{"scan = required\n", "scan = none\n"},
	};
	static const char *const harmless[][2] = {
		{"suspended = 2027-06-01\n", ""},
		{"suspended = 2027-06-01\n", "suspended = 2027-06-02\n"},
		{"priority = 4\n", "; a comment\npriority   =  4   ; and another\n"},
		{"[policy household]\n", "[policy other]\nversion = 1\n[policy household]\n"},
		{"version = 7\n", "version = 8\n"},
		{"[machine nightly]\n", "[machine nightly]\nexpires = 2027-06-01\n"},
	};
	char *text = reviewed_text(w);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char *changed = replace(text, changes[i][0], changes[i][1]);
		is_number(check_route_of(changed), VERDICT_NOT_REVIEWED,
			  "a review is void when this changes: %.*s", (int)strcspn(changes[i][0], "\n"),
			  changes[i][0]);
		free(changed);
	}
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		char *changed = replace(text, harmless[i][0], harmless[i][1]);
		is_number(check_route_of(changed), 0, "but not when this does: %.*s",
			  (int)strcspn(harmless[i][0], "\n"), harmless[i][0]);
		free(changed);
	}
	free(text);
}

/* The text that is hashed, written out. */
static void test_review_text(const struct world *w)
{
	static const char canonical[] =
		"[route small]\nid = 2\nrecipients = tax-agency\noperators = wang-mei\nformat = csv\n"
		"records = waived\ndestroy_after_days = 30\npriority = 4\npolicy = p\nneeds = legal\n"
		"[policy p]\nversion = 1\ndeny = * a  b\n";
	uint8_t digest[SUITE_DIGEST_BYTES], data[REVIEW_BYTES], wanted[REVIEW_BYTES] = "legal";
	size_t size = strlen(w->text) + 1024;
	char *text = malloc(size);
	snprintf(text, size,
		 "[policy p] ; first\nversion=1\ndeny = *\ta  b ;c\n%s[route small]\n\n; a comment\nid\t=2\n"
		 "recipients = tax-agency\noperators = wang-mei\nsuspended = 2027-01-01\nformat = csv\n"
		 "records = waived\ndestroy_after_days = 30  ; days\npriority = 4\npolicy = p\n"
		 "needs =  legal\n",
		 w->text);
	char *tab = strstr(text, "*\ta");
	tab[1] = ' ';
	struct registry *r = must_parse(text);
	const struct route *route = registry_route(r, "small");
	suite_hash(digest, sizeof(digest), "weir1 route", NULL, 0, canonical, sizeof(canonical) - 1);
	is_bytes(route->digest, digest, sizeof(digest),
		 "what a review signs is the text of route and policy, without comments, blanks and suspension");
	review_encode(data, route, "legal", registry_party(r, KEY_PERSON, "lin-jun"), 0x0102);
	strcpy((char *)wanted + 32, "lin-jun");
	wanted[64] = 2;
	wanted[65] = 1;
	memcpy(wanted + 72, digest, sizeof(digest));
	is_bytes(data, wanted, sizeof(wanted), "with office, person and date");
	registry_free(r);
	free(text);
}

/* Reviews that are there and do not count: the registry is good, the route is not in force. */
static void test_bad_reviews(const struct world *w)
{
	const struct {
		struct reviewing review;
		int check;
		const char *sentence;
	} cases[] = {
		{{"b", "legal", "wang-mei", w->lin, issued}, VERDICT_BAD_SIGNATURE, "with another's key"},
		{{"b", "legal", "wang-mei", w->wang, expires + 1}, VERDICT_EXPIRED,
		 "after the reviewer's end"},
		{{"b", "legal", "wang-mei", w->wang, issued + 100000}, VERDICT_SUSPENDED,
		 "while the reviewer is suspended"},
	};
	const struct reviewing good = {"a", "security", "lin-jun", w->lin, issued};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = replace(w->text, "roles = operator\n",
				     cases[i].check == VERDICT_SUSPENDED
					     ? "roles = operator reviewer\nsuspended = 2026-11-24\n"
					     : "roles = operator reviewer\n");
		char *one = with_review(text, &good), *two = with_review(one, &cases[i].review);
		struct registry *r = must_parse(two);
		is_number(registry_review_at(r, 1)->check, cases[i].check, "a review made %s does not count",
			  cases[i].sentence);
		is_number(registry_review_at(r, 0)->check, 0, "another one does");
		is_number(route_check(registry_route(r, "tax"), issued), VERDICT_NOT_REVIEWED,
			  "which is not enough");
		registry_free(r);
		free(two);
		free(one);
		free(text);
	}
	/* one office's review, taken for another's */
	char *text = reviewed_text(w), *other = replace(text, "office = security", "office = finance");
	is_number(check_route_of(other), VERDICT_NOT_REVIEWED, "a review is for its own office");
	free(other);
	other = replace(text, "date = 2026-11-23T00:00:00Z", "date = 2026-11-23T00:00:01Z");
	is_number(check_route_of(other), VERDICT_NOT_REVIEWED, "and of its own date");
	free(other);
	free(text);
}

static void test_review_refusals(const struct world *w)
{
	static const struct refusal cases[] = {
		{"[review b]", "[review a]", "75: [review a] stands twice"},
		{"[review b]", "[review B]", "75: a section reads '[name]' or '[kind name]'"},
		{"[review b]\nroute = tax\n", "[review b]\n", "75: [review b] has no 'route'"},
		{"[review b]\nroute = tax", "[review b]\nroute = none", "76: there is no [route none]"},
		{"office = legal", "office = security",
		 "75: [review a] and [review b] are by the same office of the same route"},
		{"office = legal", "office = The Law", "77: " NAME_RULE},
		{"person = wang-mei", "person = lin-jun",
		 "75: [review a] and [review b] are by the same person of the same route"},
		{"person = wang-mei", "person = nobody", "78: there is no [person nobody]"},
		{"roles = operator reviewer", "roles = operator",
		 "78: 'wang-mei' does not have the role reviewer"},
		{"date = 2026-11-23T00:01:00Z", "date = today",
		 "79: a time reads 2026-11-23 or 2026-11-23T08:00:00Z"},
		{"date = 2026-11-23T00:01:00Z\nsignature = ", "date = 2026-11-23T00:01:00Z\nsignature = 00",
		 "75: [review b] has a signature of 130 hex digits, not 128 or 512"},
		{"date = 2026-11-23T00:01:00Z\nsignature = ", "date = 2026-11-23T00:01:00Z\nsignature = G",
		 "80: it is not lower-case hex digits"},
	};
	struct world *reviewed = malloc(sizeof(*reviewed));
	char *text = reviewed_text(w), problem[PROBLEM_BYTES];
	*reviewed = *w;
	snprintf(reviewed->text, sizeof(reviewed->text), "%s", text);
	test_refusals(reviewed, cases, sizeof(cases) / sizeof(cases[0]));
	/* 4,097 are too many, whatever is in them */
	size_t at = strlen(w->text);
	char *many = malloc(at + 4097 * (size_t)32);
	memcpy(many, w->text, at);
	for (unsigned int i = 0; i < 4097; i++)
		at += (size_t)sprintf(many + at, "[review r%u]\n", i);
	struct registry *r = NULL;
	is_number(parse(&r, many, problem), VERDICT_BAD_REGISTRY, "4097 reviews are too many");
	is_text(problem, "4164: there are more than 4096 reviews", "and this is said");
	free(many);
	free(text);
	free(reviewed);
}

/* ---- what ends soon ---- */

struct told {
	char text[1024];
	size_t at;
};

static void tell(void *context, const char *kind, const char *name, uint64_t end, unsigned int days)
{
	struct told *told = context;
	told->at += (size_t)snprintf(told->text + told->at, sizeof(told->text) - told->at, "%s %s %u%s; ",
				     kind, name, days, end == expires ? "" : "!");
}

static void test_expiring(const struct world *w)
{
	const uint64_t day = 86400, lin_ends = UINT64_C(1814313600); /* 2027-06-30 */
	const struct {
		uint64_t now;
		const char *said, *sentence;
	} cases[] = {
		{expires - 30 * day - 1, "", "what ends in more than 30 days is not told"},
		{expires - 30 * day,
		 "registry moi 30; person chen-yi 30; person wang-mei 30; sender inside-1 30; "
		 "recipient tax-agency 30; ",
		 "what ends in 30 is, but for what is suspended or has expired"},
		{expires - 7 * day,
		 "registry moi 7; person chen-yi 7; person wang-mei 7; sender inside-1 7; "
		 "recipient tax-agency 7; ",
		 "then in 7"},
		{expires - 7 * day - 1,
		 "registry moi 30; person chen-yi 30; person wang-mei 30; sender inside-1 30; "
		 "recipient tax-agency 30; ",
		 "and not earlier"},
		{expires - day,
		 "registry moi 1; person chen-yi 1; person wang-mei 1; sender inside-1 1; "
		 "recipient tax-agency 1; ",
		 "and in 1"},
		{expires,
		 "registry moi 1; person chen-yi 1; person wang-mei 1; sender inside-1 1; "
		 "recipient tax-agency 1; ",
		 "up to the last second"},
		{expires + 1, "", "what has expired is not told"},
		{lin_ends - 5 * day, "person lin-jun 7!; ", "each is told at its own end"},
	};
	struct registry *r = must_parse(w->text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told = {.at = 0};
		int count = registry_expiring(r, cases[i].now, tell, &told);
		is_text(told.text, cases[i].said, "%s", cases[i].sentence);
		size_t told_count = 0;
		for (const char *p = told.text; (p = strchr(p, ';')) != NULL; p++)
			told_count++;
		is_number(count, (int64_t)told_count, "and counted");
		is_number(registry_expiring(r, cases[i].now, NULL, NULL), count, "also when nobody listens");
	}
	registry_free(r);
	/* a route that is not reviewed, and ends before its suspension */
	char *text = replace(w->text, "suspended = 2027-06-01\n", "expires = 2027-05-20\nsuspended = 2027-06-01\n");
	struct told told = {.at = 0};
	r = must_parse(text);
	registry_expiring(r, UINT64_C(1810771200) - 2 * day, tell, &told); /* 2027-05-20 */
	is_text(told.text, "route tax 7!; ", "a route is told, reviewed or not");
	registry_free(r);
	free(text);
}

int main(void)
{
	suite_start();
	struct world *w = make_world();
	test_people(w);
	test_route(w);
	test_policy(w);
	test_party_refusals(w);
	test_route_refusals(w);
	test_policy_refusals(w);
	test_limits(w);
	test_reviews(w);
	test_voiding(w);
	test_review_text(w);
	test_bad_reviews(w);
	test_review_refusals(w);
	test_expiring(w);
	free_world(w);
	return done_testing();
}
