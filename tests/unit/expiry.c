#include "common/expiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/key.h"
#include "common/text.h"
#include "tests/lib/tap.h"

enum { DAY = 86400, SAID_BYTES = 8192 };

static const uint64_t end = 1827014399; /* 2027-11-23T23:59:59Z, or what the registry makes of the day */

struct said {
	int count;
	char text[SAID_BYTES];
};

static void hear(void *context, const char *text)
{
	struct said *said = context;
	size_t len = strlen(said->text);
	said->count++;
	snprintf(said->text + len, sizeof(said->text) - len, "%s\n", text);
}

/* So many people, of whom the last ends a month before the others. */
static struct registry *make(unsigned int version, unsigned int people)
{
	static char text[65536];
	char hex[2 * SUITE_KEY_BYTES + 1], problem[PROBLEM_BYTES] = "";
	struct registry *registry = NULL;
	size_t at = (size_t)snprintf(text, sizeof(text), "[registry]\nformat = 1\nname = moi\nversion = %u\n"
				     "issued = 2026-11-23\nexpires = 2027-11-23\n", version);
	for (unsigned int i = 0; i < people; i++) {
		char name[NAME_BYTES];
		snprintf(name, sizeof(name), "person-%u", i);
		struct key *key = key_new(KEY_PERSON, name);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "[person %s]\npublic = %s\nroles = auditor\n%s", name,
				       text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES),
				       i + 1 == people ? "expires = 2027-11-10\n" : "");
		key_free(key);
	}
	if (registry_parse(&registry, (const uint8_t *)text, at, NULL, problem) != 0)
		printf("Bail out! %s\n", problem);
	return registry;
}

static int follow(struct said *said, struct expiry_watch *watch, const struct registry *r, uint64_t now)
{
	*said = (struct said){.count = 0};
	expiry_follow(watch, r, now, hear, said);
	return said->count;
}

int main(void)
{
	if (suite_start() != 0)
		return EXIT_FAILURE;
	struct registry *r = make(1, 3), *next = make(2, 3), *many = make(3, 40);
	struct expiry_watch watch = {0};
	static struct said said;
	uint64_t ends = registry_expires(r);
	ok(ends <= end, "the registry ends on its last day");
	is_number(follow(&said, &watch, r, ends - 100 * DAY), 0, "what ends in a hundred days is not told of");
	is_number(follow(&said, &watch, r, ends - 16 * DAY), 4, "what ends within 30 is: registry and people");
	ok(strncmp(said.text, "person 'person-2' expires at 2027-11-10T", 40) == 0, "the soonest comes first");
	ok(strstr(said.text, "person 'person-2' expires at 2027-11-10T00:00:00Z, within 7 days\n") != NULL,
	   "with its end and its stage");
	ok(strstr(said.text, "registry 'moi' expires at ") != NULL && strstr(said.text, "within 30 days\n") != NULL,
	   "so has the registry");
	is_number(follow(&said, &watch, r, ends - 16 * DAY), 0, "once a day");
	is_number(follow(&said, &watch, r, ends - 15 * DAY), 4, "and again on the next");
	is_number(follow(&said, &watch, next, ends - 15 * DAY), 4, "another registry is looked through at once");
	is_number(follow(&said, &watch, next, ends - DAY), 3, "what has ended is told of no more");
	ok(strstr(said.text, "within 1 day\n") != NULL && strstr(said.text, "within 30") == NULL,
	   "the last day is a stage of its own");
	is_number(follow(&said, &watch, many, ends - DAY), EXPIRY_TOLD_MAX + 1, "of many, some are told one by one");
	ok(strstr(said.text, "and 24 more expire within 30 days; 'registry show' lists them\n") != NULL,
	   "and the others are counted");
	said = (struct said){.count = 0};
	is_number(expiry_list(many, ends - DAY, hear, &said), 40, "a list has all of them");
	is_number(said.count, 40, "one by one");
	registry_free(r);
	registry_free(next);
	registry_free(many);
	return done_testing();
}
