#include "common/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { TEXT_BYTES = 65536 };

static const uint64_t issued = 1795392000;  /* 2026-11-23 */
static const uint64_t expires = 1826928000; /* 2027-11-23 */

/* The keys of one installation, and its registry as text, not signed. */
struct world {
	struct key *root[3];
	struct key *wang, *lee, *inside, *outside, *tax, *census, *psk_tax, *psk_census;
	struct roots *roots; /* one of the three must sign; root[2] is no root */
	char text[TEXT_BYTES];
};

static const char *public_hex(const struct key *key)
{
	static char ring[8][2 * SUITE_KEY_BYTES + 1];
	static unsigned int at;
	return text_hex(ring[at++ % 8], sizeof(ring[0]), key->card.public_key, SUITE_KEY_BYTES);
}

static struct roots *make_roots(const struct world *w, unsigned int quorum)
{
	char text[1024], problem[PROBLEM_BYTES];
	struct roots *roots = NULL;
	snprintf(text, sizeof(text),
		 "[roots]\nquorum = %u\n[root root-1]\npublic = %s\n[root root-2]\npublic = %s\n",
		 quorum, public_hex(w->root[0]), public_hex(w->root[1]));
	int result = roots_parse(&roots, (const uint8_t *)text, strlen(text), problem);
	if (result != 0)
		note("roots: %s", problem);
	return roots;
}

static void make_text(struct world *w)
{
	snprintf(w->text, sizeof(w->text),
		 "; the registry of the tests\n"        /* 1 */
		 "[registry]\n"                         /* 2 */
		 "format = 1\n"
		 "name = moi\n"
		 "version = 7\n"
		 "issued = 2026-11-23\n"
		 "expires = 2027-11-23\n"               /* 7 */
		 "[route tax]\n"                        /* 8 */
		 "id = 1\n"
		 "recipients = tax-agency census\n"     /* 10 */
		 "operators = wang-mei\n"
		 "operators = lee-hao\n"                /* 12 */
		 "format = csv\n"
		 "records = required\n"
		 "destroy_after_days = 30\n"
		 "priority = 4\n"                       /* 16 */
		 "[route notices]\n"                    /* 17 */
		 "id = 65534\n"
		 "recipients = census\n"
		 "operators = lee-hao\n"
		 "format = opaque\n"
		 "records = waived\n"
		 "destroy_after_days = 1825\n"
		 "priority = 1\n"
		 "expires = 2027-01-01\n"
		 "suspended = 2026-12-24T12:00:00Z\n"   /* 26 */
		 "[person wang-mei]\n"                  /* 27 */
		 "public = %s\n"
		 "roles = operator\n"                   /* 29 */
		 "expires = 2027-06-01\n"
		 "suspended = 2027-05-01\n"             /* 31 */
		 "[person lee-hao]\n"                   /* 32 */
		 "public = %s\n"
		 "roles = operator\n"                   /* 34 */
		 "[sender inside-1]\n"                  /* 35 */
		 "public = %s\n"
		 "[receiver outside-1]\n"               /* 37 */
		 "public = %s\n"
		 "[recipient tax-agency]\n"             /* 39 */
		 "public = %s\n"
		 "psk = %s\n"
		 "[recipient census]\n"                 /* 42 */
		 "public = %s\n"
		 "psk = %s\n",                          /* 44 */
		 public_hex(w->wang), public_hex(w->lee), public_hex(w->inside),
		 public_hex(w->outside), public_hex(w->tax), public_hex(w->psk_tax),
		 public_hex(w->census), public_hex(w->psk_census));
}

static struct world *make_world(void)
{
	struct world *w = calloc(1, sizeof(*w));
	if (w == NULL)
		abort();
	w->root[0] = key_new(KEY_ROOT, "root-1");
	w->root[1] = key_new(KEY_ROOT, "root-2");
	w->root[2] = key_new(KEY_ROOT, "stranger");
	w->wang = key_new(KEY_PERSON, "wang-mei");
	w->lee = key_new(KEY_PERSON, "lee-hao");
	w->inside = key_new(KEY_SENDER, "inside-1");
	w->outside = key_new(KEY_RECEIVER, "outside-1");
	w->tax = key_new(KEY_RECIPIENT, "tax-agency");
	w->census = key_new(KEY_RECIPIENT, "census");
	w->psk_tax = key_new(KEY_PSK, "tax-agency");
	w->psk_census = key_new(KEY_PSK, "census");
	w->roots = make_roots(w, 1);
	make_text(w);
	return w;
}

static void free_world(struct world *w)
{
	struct key *keys[] = {w->root[0], w->root[1], w->root[2], w->wang, w->lee, w->inside,
			      w->outside, w->tax, w->census, w->psk_tax, w->psk_census};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		key_free(keys[i]);
	roots_free(w->roots);
	free(w);
}

/* The text with this root's signature; ends with a zero. */
static char *sign(const char *text, const struct key *root, size_t *len)
{
	uint8_t *out = NULL;
	*len = 0;
	if (registry_sign(&out, len, (const uint8_t *)text, strlen(text), root) != 0)
		return NULL;
	char *copy = malloc(*len + 1);
	memcpy(copy, out, *len);
	copy[*len] = 0;
	free(out);
	return copy;
}

static int parse(const char *text, size_t len, const struct roots *roots,
		 char problem[static PROBLEM_BYTES])
{
	struct registry *registry = NULL;
	/* a copy of just this size, so that reading past its end is seen by the sanitizer */
	uint8_t *copy = malloc(len + (len == 0));
	memcpy(copy, text, len);
	int result = registry_parse(&registry, copy, len, roots, problem);
	registry_free(registry);
	free(copy);
	return result;
}

static struct registry *must_parse(const char *text, const struct roots *roots)
{
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES];
	if (registry_parse(&registry, (const uint8_t *)text, strlen(text), roots, problem) != 0)
		note("%s", problem);
	return registry;
}

static void test_content(const struct world *w)
{
	size_t len, text_len;
	char *text = sign(w->text, w->root[0], &len);
	struct registry *r = must_parse(text, w->roots);
	ok(r != NULL, "a signed registry is read");
	is_text(registry_name(r), "moi", "with its name");
	is_number((int64_t)registry_version(r), 7, "its version");
	is_number((int64_t)registry_issued(r), (int64_t)issued, "its issue");
	is_number((int64_t)registry_expires(r), (int64_t)expires, "and its end");
	const uint8_t *bytes = registry_text(r, &text_len);
	ok(text_len == len && memcmp(bytes, text, len) == 0, "and with the bytes of the file");
	is_number((int64_t)registry_party_count(r), 6, "there are six parties");
	is_number((int64_t)registry_route_count(r), 2, "and two routes");
	ok(registry_party_at(r, 6) == NULL && registry_route_at(r, 2) == NULL, "and no more");
	const struct party *wang = registry_party(r, KEY_PERSON, "wang-mei");
	const struct party *tax = registry_party(r, KEY_RECIPIENT, "tax-agency");
	const struct party *census = registry_party(r, KEY_RECIPIENT, "census");
	ok(wang != NULL && memcmp(wang->card.id, w->wang->card.id, KEY_ID_BYTES) == 0,
	   "a person is found by name, with the card of her key");
	ok(registry_party(r, KEY_SENDER, "wang-mei") == NULL, "not as another kind");
	ok(registry_party(r, KEY_PERSON, "nobody") == NULL, "nor one who is not there");
	ok(registry_party(r, KEY_PERSON, "") == NULL, "nor what is no name");
	ok(registry_party_by_key(r, KEY_PERSON, w->wang->card.id) == wang, "she is found by key");
	ok(registry_party_by_key(r, KEY_SENDER, w->wang->card.id) == NULL, "not as another kind");
	ok(registry_party_by_key(r, KEY_ROOT, w->root[0]->card.id) == NULL, "no root is a party");
	is_number((int64_t)wang->expires, 1811808000, "a party has its own end");
	is_number((int64_t)wang->suspended, 1809129600, "and its suspension");
	is_number((int64_t)tax->expires, (int64_t)expires, "or the registry's end");
	ok(tax->suspended == 0, "and none");
	is_bytes(tax->psk_public, w->psk_tax->card.public_key, SUITE_KEY_BYTES,
		 "a recipient has the id of its pre-shared key");
	const struct route *route = registry_route(r, "tax");
	ok(route != NULL && registry_route_by_id(r, 1) == route, "a route is found by name and id");
	ok(registry_route(r, "none") == NULL && registry_route_by_id(r, 2) == NULL,
	   "a route that is not there is not found");
	ok(route->rule == RECORDS_CSV && route->records_required && route->priority == 4 &&
		   route->destroy_after_days == 30 && route->suspended == 0,
	   "a route has its policy");
	ok(route->recipient_count == 2 &&
		   (route->recipients[0] == tax || route->recipients[1] == tax) &&
		   (route->recipients[0] == census || route->recipients[1] == census) &&
		   memcmp(route->recipients[0]->card.id, route->recipients[1]->card.id,
			  KEY_ID_BYTES) < 0,
	   "its recipients ascend by key id");
	ok(route->operator_count == 2 && route->operators[0] == wang,
	   "a list given again is gone on with");
	registry_free(r);
	free(text);
}

static void test_signatures(const struct world *w)
{
	char problem[PROBLEM_BYTES], *one, *two, *again, *strange;
	size_t len;
	struct roots *two_roots = make_roots(w, 2);
	is_number((int64_t)roots_quorum(two_roots), 2, "a roots file states its quorum");
	is_number(parse(w->text, strlen(w->text), w->roots, problem), VERDICT_TOO_FEW_SIGNATURES,
		  "a registry without a signature is refused");
	is_number(parse(w->text, strlen(w->text), NULL, problem), 0,
		  "but can be read in order to sign it");
	one = sign(w->text, w->root[0], &len);
	is_number(parse(one, len, w->roots, problem), 0,
		  "one signature is enough for a quorum of 1");
	is_number(parse(one, len, two_roots, problem), VERDICT_TOO_FEW_SIGNATURES,
		  "but not for one of 2");
	again = sign(one, w->root[0], &len);
	is_text(again, one, "who signs again changes nothing");
	free(again);
	two = sign(one, w->root[1], &len);
	is_number(parse(two, len, two_roots, problem), 0, "a second root fills the quorum");
	ok(strncmp(two, one, strlen(one)) == 0, "and leaves the line of the first as it is");
	again = sign(two, w->root[0], &len);
	is_number(parse(again, len, two_roots, problem), 0,
		  "a root's own line is replaced while the other's stays");
	free(again);
	strange = sign(w->text, w->root[2], &len);
	is_number(parse(strange, len, w->roots, problem), VERDICT_TOO_FEW_SIGNATURES,
		  "a stranger's signature counts nothing");
	again = sign(strange, w->root[0], &len);
	is_number(parse(again, len, w->roots, problem), 0, "and does no harm beside a root's");
	free(again);
	uint8_t *out = NULL;
	is_number(registry_sign(&out, &len, (const uint8_t *)w->text, strlen(w->text), w->wang),
		  VERDICT_WRONG_KEY, "a person cannot sign a registry");
	ok(out == NULL, "and gets nothing");
	/* a line of a root whose text changed afterwards */
	char *version = strstr(two, "version = 7");
	version[10] = '8';
	is_number(parse(two, strlen(two), w->roots, problem), VERDICT_BAD_SIGNATURE,
		  "a text that changed after it was signed is refused");
	again = sign(two, w->root[0], &len);
	is_number(parse(again, len, w->roots, problem), VERDICT_BAD_SIGNATURE,
		  "as long as one old line of a root is in it");
	free(again);
	free(one);
	free(two);
	free(strange);
	roots_free(two_roots);
}

static void test_damage(const struct world *w)
{
	size_t len, passed = 0;
	char problem[PROBLEM_BYTES];
	char *text = sign(w->text, w->root[0], &len);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		if (parse(text, len, w->roots, problem) <= 0) {
			note("bit %zu of byte %zu passed", bit % 8, bit / 8);
			passed++;
		}
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of a signed registry is refused");
	passed = 0;
	for (size_t cut = 0; cut < len; cut++)
		passed += parse(text, cut, w->roots, problem) <= 0;
	is_number((int64_t)passed, 0, "every truncation of a signed registry is refused");
	free(text);
}

/* The text with its first `from` replaced. */
static char *replace(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	size_t size = strlen(text) + strlen(to) + 1;
	char *out = malloc(size);
	if (at == NULL || out == NULL)
		abort();
	snprintf(out, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

static void test_reject_rules(const struct world *w)
{
	static const struct {
		const char *from, *to, *problem;
	} cases[] = {
		{"; the registry of the tests\n", "name = x\n",
		 "1: it stands before the first section"},
		{"format = 1", "format = 2",
		 "3: this program knows format 1 alone; upgrade Weir here"},
		{"format = 1\n", "", "2: [registry] has no 'format'"},
		{"name = moi\n", "", "2: [registry] has no 'name'"},
		{"name = moi", "name = Moi",
		 "4: it is not a name: a-z, then up to 30 of a-z 0-9 -"},
		{"version = 7\n", "", "2: [registry] has no 'version'"},
		{"version = 7", "version = 0",
		 "5: it is not a number from 1 to 9223372036854775807"},
		{"version = 7", "version = 7\nversion = 7",
		 "6: 'version' stands twice in [registry]"},
		{"issued = 2026-11-23\n", "", "2: [registry] has no 'issued'"},
		{"issued = 2026-11-23", "issued = 2026-11-31",
		 "6: a time reads 2026-11-23 or 2026-11-23T08:00:00Z"},
		{"expires = 2027-11-23\n", "", "2: [registry] has no 'expires'"},
		{"expires = 2027-11-23", "expires = 2026-11-23",
		 "2: the registry expires before it is issued"},
		{"expires = 2027-11-23", "expires = 2031-11-25",
		 "2: the registry lives longer than five years"},
		{"[route tax]", "[registry]\n[route tax]", "8: [registry] stands twice"},
		{"[route tax]", "[routes]\n[route tax]", "8: section 'routes' is not known here"},
		{"[route tax]", "[root r]\n[route tax]", "8: section 'root r' is not known here"},
		{"[route tax]", "[psk tax]\n[route tax]", "8: section 'psk tax' is not known here"},
		{"[route tax]", "[route 1]",
		 "8: it is not a name: a-z, then up to 30 of a-z 0-9 -"},
		{"id = 1\n", "", "8: [route tax] has no 'id'"},
		{"id = 1\n", "id = 0\n", "9: it is not a number from 1 to 65534"},
		{"id = 1\n", "id = 65535\n", "9: it is not a number from 1 to 65534"},
		{"id = 1\n", "id = 65534\n", "17: [route notices] has the id of [route tax]"},
		{"[route notices]", "[route tax]", "17: [route tax] stands twice"},
		{"recipients = tax-agency census\n", "", "8: [route tax] has no 'recipients'"},
		{"tax-agency census", "tax-agency nobody", "10: there is no [recipient nobody]"},
		{"tax-agency census", "tax-agency wang-mei",
		 "10: there is no [recipient wang-mei]"},
		{"tax-agency census", "census census", "10: 'census' stands twice in the list"},
		{"tax-agency census", "tax-agency, census",
		 "10: it is not a name: a-z, then up to 30 of a-z 0-9 -"},
		{"operators = wang-mei\noperators = lee-hao\n", "",
		 "8: [route tax] has no 'operators'"},
		{"operators = lee-hao", "operators = nobody", "12: there is no [person nobody]"},
		{"operators = lee-hao", "operators = wang-mei",
		 "12: 'wang-mei' stands twice in the list"},
		{"format = csv", "format = xml", "13: the format is csv, lines, json, fixed or opaque"},
		{"format = csv\n", "", "8: [route tax] has no 'format'"},
		{"records = required", "records = maybe", "14: it is required or waived"},
		{"records = required\n", "", "8: [route tax] has no 'records'"},
		{"after_days = 30", "after_days = 0", "15: it is not a number from 1 to 1825"},
		{"after_days = 30", "after_days = 1826", "15: it is not a number from 1 to 1825"},
		{"destroy_after_days = 30\n", "", "8: [route tax] has no 'destroy_after_days'"},
		{"priority = 4", "priority = 10", "16: it is not a number from 1 to 9"},
		{"priority = 4", "priority = 0", "16: it is not a number from 1 to 9"},
		{"priority = 4\n", "", "8: [route tax] has no 'priority'"},
		{"priority = 4", "urgency = 4", "16: key 'urgency' is not known in [route tax]"},
		{"priority = 4", "priority = 4\npublic = 5",
		 "17: key 'public' is not known in [route tax]"},
		{"expires = 2027-01-01", "expires = 2031-11-25",
		 "17: [route notices] expires more than five years after 'issued'"},
		{"suspended = 2026-12-24T12:00:00Z", "suspended = soon",
		 "26: a time reads 2026-11-23 or 2026-11-23T08:00:00Z"},
		{"expires = 2027-06-01", "expires = 2031-11-25",
		 "27: [person wang-mei] expires more than five years after 'issued'"},
		{"[person lee-hao]", "[person wang-mei]", "32: [person wang-mei] stands twice"},
		{"[sender inside-1]\npublic", "[sender inside-1]\npsk",
		 "36: key 'psk' is not known in [sender inside-1]"},
		{"[sender inside-1]\npublic = ", "[sender inside-1]\npublic = 0",
		 "36: a public key is 64 lower-case hex digits, as 'key show' prints them"},
		{"psk = ", "; psk = ", "39: [recipient tax-agency] has no 'psk'"},
	};
	char problem[PROBLEM_BYTES];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = replace(w->text, cases[i].from, cases[i].to);
		is_number(parse(text, strlen(text), NULL, problem), VERDICT_BAD_REGISTRY,
			  "a registry is refused when %s", cases[i].problem);
		is_text(problem, cases[i].problem, "and this is said");
		free(text);
	}
	char *text = replace(w->text, "expires = 2027-11-23", "expires = 2031-11-24");
	is_number(parse(text, strlen(text), NULL, problem), 0, "five years are allowed");
	free(text);
}

static void test_shared_keys(const struct world *w)
{
	char problem[PROBLEM_BYTES];
	char *text = replace(w->text, public_hex(w->inside), public_hex(w->lee));
	is_number(parse(text, strlen(text), NULL, problem), VERDICT_BAD_REGISTRY,
		  "one public key under two names is refused");
	ok(strstr(problem, "35: ") == problem &&
		   strstr(problem, "have the same public key") != NULL,
	   "with the line of the later one");
	free(text);
	text = replace(w->text, "[sender inside-1]\npublic",
		       "[sender inside-1]\nexpires = 2027-01-01\n;");
	is_number(parse(text, strlen(text), NULL, problem), VERDICT_BAD_REGISTRY,
		  "a box without a public key is refused");
	is_text(problem, "35: [sender inside-1] has no 'public'", "and this is said");
	free(text);
}

static void test_signature_lines(const struct world *w)
{
	char problem[PROBLEM_BYTES];
	size_t len;
	char *signed_text = sign(w->text, w->root[0], &len);
	static const char *const bad[] = {"[route x]\n", "root-9 = abc\n", "root-9\n", "x\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = malloc(len + 32);
		snprintf(text, len + 32, "%s%s", signed_text, bad[i]);
		is_number(parse(text, strlen(text), w->roots, problem), VERDICT_BAD_REGISTRY,
			  "nothing but signatures may stand behind [signatures] (%zu)", i);
		ok(strncmp(problem, "47: ", 4) == 0, "and its line is named");
		free(text);
	}
	char *text = malloc(len + 64);
	snprintf(text, len + 64, "%s\n; a comment\n", signed_text);
	is_number(parse(text, strlen(text), w->roots, problem), 0, "but comments may");
	snprintf(text, len + 64, "%s[signatures]\n", signed_text);
	is_number(parse(text, strlen(text), w->roots, problem), VERDICT_BAD_REGISTRY,
		  "[signatures] stands once");
	free(text);
	const char *line = strstr(signed_text, "root-1 = ");
	text = malloc(2 * len);
	snprintf(text, 2 * len, "%s%s", signed_text, line);
	is_number(parse(text, strlen(text), w->roots, problem), VERDICT_BAD_REGISTRY,
		  "a root stands once");
	free(text);
	text = replace(w->text, "[route tax]", " [signatures]\n[route tax]");
	is_number(parse(text, strlen(text), NULL, problem), VERDICT_BAD_REGISTRY,
		  "[signatures] stands at the start of its line");
	free(text);
	free(signed_text);
	char *many = malloc(len + 32 * 256);
	size_t at = (size_t)snprintf(many, len + 32 * 256, "%s[signatures]\n", w->text);
	for (int i = 0; i < 17; i++)
		at += (size_t)snprintf(many + at, 256, "r-%d = %032d %0128d\n", i, i, i);
	is_number(parse(many, at, NULL, problem), VERDICT_BAD_REGISTRY,
		  "seventeen signatures are too many");
	is_text(problem, "62: there are more than 16 signatures", "and this is said");
	free(many);
}

static void test_too_large(void)
{
	char problem[PROBLEM_BYTES];
	char *text = malloc(REGISTRY_BYTES_MAX + 1);
	memset(text, '\n', REGISTRY_BYTES_MAX + 1);
	is_number(parse(text, REGISTRY_BYTES_MAX + 1, NULL, problem), VERDICT_BAD_REGISTRY,
		  "a registry of more than 4 MiB is refused");
	free(text);
}

static void test_life(const struct world *w)
{
	struct registry *r = must_parse(w->text, NULL);
	const struct party *wang = registry_party(r, KEY_PERSON, "wang-mei");
	const struct party *lee = registry_party(r, KEY_PERSON, "lee-hao");
	const struct route *notices = registry_route(r, "notices");
	is_number(registry_check(r, expires), 0, "a registry lives to its last second");
	is_number(registry_check(r, expires + 1), VERDICT_EXPIRED, "and no longer");
	is_number(party_check(lee, expires), 0, "a party without an end lives as long");
	is_number(party_check(lee, expires + 1), VERDICT_EXPIRED, "and no longer");
	is_number(party_check(wang, wang->suspended - 1), 0, "a suspension has a first second");
	is_number(party_check(wang, wang->suspended), VERDICT_SUSPENDED, "from which it counts");
	is_number(route_check(notices, notices->suspended - 1), 0, "a route, too, is in force");
	is_number(route_check(notices, notices->suspended), VERDICT_SUSPENDED,
		  "until it is suspended");
	is_number(route_allows_operator(notices, lee), 0, "an operator may push");
	is_number(route_allows_operator(notices, wang), VERDICT_NOT_ALLOWED, "another may not");
	registry_free(r);
}

static void test_roots(const struct world *w)
{
	char good[512], text[1024], problem[PROBLEM_BYTES];
	struct roots *roots = NULL;
	snprintf(good, sizeof(good), "[root root-1]\npublic = %s\n", public_hex(w->root[0]));
	static const struct {
		const char *tail, *problem;
	} cases[] = {
		{"", "2: [roots] needs 'quorum', from 1 to the number of roots"},
		{"[roots]\nquorum = 2\n",
		 "4: [roots] needs 'quorum', from 1 to the number of roots"},
		{"[roots]\nquorum = 0\n", "4: a quorum is a number from 1 to the number of roots"},
		{"[roots]\nquorum = 1\nquorum = 1\n", "5: 'quorum' stands twice"},
		{"[roots]\n[roots]\n", "4: [roots] stands twice"},
		{"[roots]\nquorum = 1\n[root root-1]\n", "5: this root stands twice"},
		{"[roots]\nquorum = 1\n[root b]\n", "5: [root b] has no 'public'"},
		{"[roots]\nquorum = 1\n[root B]\n", "5: a section reads '[name]' or '[kind name]'"},
		{"[roots]\nquorum = 1\n[root 1]\n",
		 "5: it is not a name: a-z, then up to 30 of a-z 0-9 -"},
		{"public = 00\n", "3: 'public' stands twice"},
		{"expires = 2027-01-01\n", "3: this key is not known here"},
		{"[person p]\n",
		 "3: this section is not known here; a roots file holds [roots] and [root NAME]"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", good, cases[i].tail);
		is_number(roots_parse(&roots, (const uint8_t *)text, strlen(text), problem),
			  VERDICT_BAD_REGISTRY, "a roots file is refused when %s",
			  cases[i].problem);
		is_text(problem, cases[i].problem, "and this is said");
	}
	snprintf(text, sizeof(text), "%s[root b]\npublic = %s\n", good, public_hex(w->root[0]));
	is_number(roots_parse(&roots, (const uint8_t *)text, strlen(text), problem),
		  VERDICT_BAD_REGISTRY, "one key cannot be two roots");
	is_number(roots_parse(&roots, (const uint8_t *)"", 0, problem), VERDICT_BAD_REGISTRY,
		  "an empty roots file is refused");
	snprintf(text, sizeof(text), "%s[roots]\nquorum = 1\n", good);
	const char *path = test_path("roots");
	int dir = io_open_dir(AT_FDCWD, test_dir());
	io_write_file(dir, "roots", text, strlen(text), 0644);
	io_close(dir);
	is_number(roots_load(&roots, path, problem), 0, "a good one is loaded");
	roots_free(roots);
	roots = NULL;
	chmod(path, 0664);
	is_number(roots_load(&roots, path, problem), VERDICT_LOOSE_PERMISSIONS,
		  "but not when others could have written it");
	is_number(roots_load(&roots, test_path("none"), problem), -ENOENT,
		  "nor when it is not there");
	ok(roots == NULL, "a refusal leaves the output alone");
}

/* The root keys of one installation may be those of another. */
static void test_admission(const struct world *w)
{
	size_t len;
	char *text = sign(w->text, w->root[0], &len);
	char *elsewhere = strdup(w->text);
	char problem[PROBLEM_BYTES];
	struct registry *here = NULL, *there = NULL;
	uint8_t one[SUITE_DIGEST_BYTES], other[SUITE_DIGEST_BYTES];
	memcpy(strstr(elsewhere, "\nname = ") + 8, "x", 1);
	int fresh = io_make_dir(AT_FDCWD, test_path("fresh"), 0700);
	int dir = io_open_dir(AT_FDCWD, test_path("fresh"));
	if (fresh != 0 || dir < 0 || registry_parse(&here, (const uint8_t *)text, len, NULL, problem) != 0 ||
	    registry_parse(&there, (const uint8_t *)elsewhere, strlen(elsewhere), NULL, problem) != 0)
		abort();
	is_number(registry_admit(dir, here), 0, "a fresh box takes a registry of any name");
	is_number(registry_admit(dir, here), 0, "and the same again");
	is_number(registry_admit(dir, there), VERDICT_OTHER_REGISTRY, "but none of another installation");
	is_number(registry_admit(dir, here), 0, "which changes nothing");
	is_number(registry_remember(dir, registry_version(here) + 1), 0, "when a newer one has been there");
	is_number(registry_admit(dir, here), VERDICT_OLDER_REGISTRY, "an older one of the name is refused");
	io_write_file(dir, "registry-name", "te", 2, 0644);
	is_number(registry_admit(dir, here), -EBADMSG, "a damaged memory is no fresh one");
	registry_digest(one, here);
	registry_digest(other, there);
	ok(memcmp(one, other, sizeof(one)) != 0, "the digest of another file is another one");
	registry_digest(other, here);
	is_bytes(other, one, sizeof(one), "of the same it is the same");
	registry_free(here);
	registry_free(there);
	io_close(dir);
	free(elsewhere);
	free(text);
}

static void test_loading(const struct world *w)
{
	struct registry *r = NULL;
	char problem[PROBLEM_BYTES];
	size_t len;
	char *text = sign(w->text, w->root[0], &len);
	int dir = io_open_dir(AT_FDCWD, test_dir());
	io_write_file(dir, "registry", text, len, 0644);
	is_number(registry_load(&r, test_path("registry"), w->roots, problem), 0,
		  "a registry is loaded from its file");
	registry_free(r);
	r = NULL;
	is_number(registry_load(&r, test_path("none"), w->roots, problem), -ENOENT,
		  "a file that is not there is told");
	io_write_file(dir, "large", "", 0, 0644);
	is_number(truncate(test_path("large"), REGISTRY_BYTES_MAX + 1), 0,
		  "a file is made too large");
	is_number(registry_load(&r, test_path("large"), w->roots, problem), VERDICT_BAD_REGISTRY,
		  "and is refused");
	ok(r == NULL, "a refusal leaves the output alone");
	is_number(registry_remember(dir, 7), 0, "a fresh box takes any version");
	is_number(registry_remember(dir, 7), 0, "and the same again");
	is_number(registry_remember(dir, 9), 0, "and a newer one");
	is_number(registry_remember(dir, 8), VERDICT_OLDER_REGISTRY, "but no older one");
	is_number(registry_remember(dir, 9), 0, "which changes nothing");
	io_write_file(dir, "registry-version", "?\n", 2, 0644);
	is_number(registry_remember(dir, 9), -EBADMSG, "a damaged memory is no fresh one");
	test_admission(w);
	io_close(dir);
	free(text);
}

static void test_examples(void)
{
	struct registry *registry = NULL;
	struct roots *roots = NULL;
	char problem[PROBLEM_BYTES] = "", shown[80];
	is_number(registry_load(&registry, "systemd/registry.example", NULL, problem), 0,
		  "the example of a registry is good, but for signatures");
	is_text(problem, "", "without a problem");
	uint8_t *bytes = NULL;
	size_t len = 0;
	io_read_file(AT_FDCWD, "systemd/registry.example", REGISTRY_BYTES_MAX, &bytes, &len);
	bool all_fit = true;
	for (size_t i = 0; i < registry_party_count(registry); i++) {
		char fingerprint[FINGERPRINT_BYTES];
		card_fingerprint(fingerprint, &registry_party_at(registry, i)->card);
		snprintf(shown, sizeof(shown), "; fingerprint %s\n", fingerprint);
		all_fit = all_fit && strstr((const char *)bytes, shown) != NULL;
	}
	ok(all_fit, "and its fingerprints fit its keys");
	registry_free(registry);
	free(bytes);
	io_read_file(AT_FDCWD, "systemd/roots.example", 65536, &bytes, &len);
	is_number(roots_parse(&roots, bytes, len, problem), 0,
		  "the example of a roots file is good");
	is_number((int64_t)roots_quorum(roots), 2, "and wants two signatures");
	roots_free(roots);
	free(bytes);
}

int main(void)
{
	suite_start();
	struct world *w = make_world();
	test_content(w);
	test_signatures(w);
	test_damage(w);
	test_reject_rules(w);
	test_shared_keys(w);
	test_signature_lines(w);
	test_too_large();
	test_life(w);
	test_roots(w);
	test_loading(w);
	test_examples();
	free_world(w);
	return done_testing();
}
