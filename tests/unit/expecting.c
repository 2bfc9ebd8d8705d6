/* Which routes are expected, how that is kept, and what becomes of it when a registry is replaced. */
#include "common/expecting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/key.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

/* 2026-11-24T00:00:00Z, and hours after it. */
#define DAY UINT64_C(1795478400)
#define HOUR UINT64_C(3600)

static struct key *root, *person, *recipient;

static void must(bool good, const char *what)
{
	if (good)
		return;
	note("the test cannot go on: %s", what);
	exit(2);
}

static size_t add_card(char *text, size_t at, const struct key *key)
{
	char hex[2 * SUITE_KEY_BYTES + 1];
	text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES);
	return at + (size_t)sprintf(text + at, "[%s %s]\npublic = %s\n", key_kind_name(key->card.kind), key->card.name, hex);
}

/* Routes tax, 1, and files, 2; when is what is expected of them, NULL: the route is not there. */
static struct registry *registry_of(const char *tax, const char *files)
{
	const char *const names[] = {"tax", "files"}, *const when[] = {tax, files};
	char text[4096], problem[PROBLEM_BYTES] = "";
	uint8_t *whole = NULL;
	size_t len = 0;
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	size_t at = add_card(text, 0, root);
	at += (size_t)sprintf(text + at, "[roots]\nquorum = 1\n");
	must(roots_parse(&roots, (const uint8_t *)text, at, problem) == 0, problem);
	at = (size_t)sprintf(text, "[registry]\nformat = 1\nname = test\nversion = 1\nissued = 2026-01-01\nexpires = 2030-01-01\n");
	at = add_card(text, at, person);
	at += (size_t)sprintf(text + at, "roles = operator\n");
	at = add_card(text, at, recipient);
	at += (size_t)sprintf(text + at, "psk = %064d\n", 1);
	for (int i = 0; i < 2; i++)
		if (when[i] != NULL)
			at += (size_t)sprintf(text + at, "[route %s]\nid = %d\nrecipients = agency\noperators = wang-mei\nformat = opaque\n"
					      "records = waived\ndestroy_after_days = 30\npriority = 4\nexpect = %s\n", names[i], i + 1, when[i]);
	must(registry_sign(&whole, &len, (const uint8_t *)text, at, root) == 0, "sign");
	must(registry_parse(&registry, whole, len, roots, problem) == 0, problem);
	free(whole);
	roots_free(roots);
	return registry;
}

/* What was told, in short. */
static char told[512];

static void note_overdue(void *context, const struct expecting_route *r)
{
	(void)context;
	sprintf(told + strlen(told), "%s overdue %u; ", r->name, (unsigned int)((r->expect.overdue_s - DAY) / HOUR));
}

static void note_late(void *context, const struct expecting_route *r, uint64_t was_due_s, uint64_t now_s)
{
	(void)context;
	sprintf(told + strlen(told), "%s of %u late %u; ", r->name, (unsigned int)((was_due_s - DAY) / HOUR),
		(unsigned int)((now_s - was_due_s) / HOUR));
}

static const struct expecting_teller teller = {NULL, note_overdue, note_late};

static void told_is(const char *wanted, const char *sentence)
{
	is_text(told, wanted, "%s", sentence);
	told[0] = 0;
}

/* One bundle of the route tax is here. */
struct here {
	uint64_t mark, at_s;
};

static void look(void *context, const struct route *route, uint64_t since_s, struct expecting_sight *out)
{
	const struct here *here = context;
	if (strcmp(route->name, "tax") == 0)
		*out = (struct expecting_sight){here->mark, here->at_s >= since_s};
}

static void turn(struct expecting *e, uint64_t hour)
{
	expecting_turn(e, DAY + hour * HOUR, &teller);
}

static void see(struct expecting *e, uint16_t id, uint64_t mark, uint64_t hour)
{
	struct expecting_route *r = expecting_find(e, id);
	must(r != NULL, "a route");
	expecting_see(e, r, mark, DAY + hour * HOUR, &teller);
}

static void follow(struct expecting *e, struct registry *registry, uint64_t hour, const struct here *here)
{
	struct here copy = here == NULL ? (struct here){0, 0} : *here;
	must(expecting_follow(e, registry, DAY + hour * HOUR, here == NULL ? NULL : look, &copy, &teller) == 0, "follow");
	registry_free(registry);
}

/* As a box that ends and starts again. */
static void again(struct expecting *e)
{
	char *text = NULL;
	size_t len = 0;
	must(expecting_encode(&text, &len, e) == 0, "encode");
	expecting_clear(e);
	is_number(expecting_decode(e, text, len), 0, "the file is read again");
	free(text);
}

static void days(void)
{
	struct expecting e = {.count = 0};
	follow(&e, registry_of("daily 06:00", "none"), 0, NULL);
	is_number((int64_t)e.count, 1, "a route of which nothing is expected is not watched");
	ok(expecting_find(&e, 2) == NULL && expecting_find(&e, 1) != NULL, "the other is");
	ok(e.has_changed, "and is to be written");
	see(&e, 1, 5, 5);
	turn(&e, 6);
	told_is("", "what has come in time is not told of");
	see(&e, 1, 5, 7);
	see(&e, 1, 4, 7);
	turn(&e, 30);
	told_is("tax overdue 30; ", "the same mark, or an older one, is nothing that has come");
	turn(&e, 40);
	told_is("", "it is told once");
	e.has_changed = false;
	see(&e, 1, 6, 41);
	told_is("tax of 30 late 11; ", "what comes then is late");
	ok(e.has_changed, "which is to be written");
	e.has_changed = false;
	see(&e, 1, 7, 42);
	ok(e.has_changed, "so is the first that stands for the next day");
	e.has_changed = false;
	see(&e, 1, 8, 43);
	ok(!e.has_changed, "a further one is not");
	turn(&e, 44);
	ok(!e.has_changed, "nor that an hour has gone by");
	turn(&e, 54);
	ok(e.has_changed, "but that a day has");
	told_is("", "for which something had come");
	expecting_clear(&e);
}

static void restarts(void)
{
	struct expecting e = {.count = 0};
	follow(&e, registry_of("daily 06:00", "daily 12:00"), 0, NULL);
	see(&e, 2, 9, 11);
	turn(&e, 12);
	told_is("tax overdue 6; ", "one is overdue");
	again(&e);
	follow(&e, registry_of("daily 06:00", "daily 12:00"), 13, NULL);
	turn(&e, 13);
	told_is("", "after a restart it is so still, and not told again");
	is_number((int64_t)expecting_find(&e, 1)->expect.overdue_s, (int64_t)(DAY + 6 * HOUR), "since when it is");
	again(&e);
	follow(&e, registry_of("daily 06:00", "daily 12:00"), 60, &(struct here){3, DAY + 14 * HOUR});
	told_is("tax of 6 late 54; ", "what came and was not written any more is counted at the start");
	turn(&e, 60);
	told_is("files overdue 36; tax overdue 30; ", "and what had not come while the box was off is overdue");
	expecting_clear(&e);
}

static void registries(void)
{
	struct expecting e = {.count = 0};
	follow(&e, registry_of("none", NULL), 0, NULL);
	ok(!e.has_changed, "where nothing is expected nothing is written");
	follow(&e, registry_of("daily 06:00", NULL), 5, &(struct here){7, DAY + 4 * HOUR});
	turn(&e, 6);
	told_is("", "where something is expected anew, what came that day counts");
	expecting_clear(&e);
	follow(&e, registry_of("daily 06:00", NULL), 31, &(struct here){7, DAY + 5 * HOUR});
	turn(&e, 54);
	told_is("tax overdue 54; ", "what came a day before does not");
	follow(&e, registry_of("daily 08:00", "daily 06:00"), 55, &(struct here){7, DAY + 5 * HOUR});
	told_is("", "one that is expected at another time of day");
	is_number((int64_t)expecting_find(&e, 1)->expect.overdue_s, (int64_t)(DAY + 54 * HOUR), "is overdue still");
	is_number((int64_t)expecting_find(&e, 1)->expect.due_s, (int64_t)(DAY + 56 * HOUR), "and judged at that one next");
	see(&e, 1, 8, 55);
	told_is("tax of 54 late 1; ", "what comes is for the day before");
	turn(&e, 56);
	told_is("tax overdue 56; ", "and today's is overdue");
	follow(&e, registry_of(NULL, "daily 06:00"), 57, NULL);
	ok(e.count == 1 && expecting_find(&e, 1) == NULL, "a route that is there no more is not expected any more");
	e.has_changed = false;
	follow(&e, registry_of("none", NULL), 58, NULL);
	ok(e.count == 0 && e.has_changed, "nor is one of which nothing is expected now, which is to be written");
	expecting_clear(&e);
}

static void decode_is(const char *text, size_t len, int wanted, const char *what)
{
	struct expecting e = {.count = 0};
	is_text(verdict_name(expecting_decode(&e, text, len)), verdict_name(wanted), "%s", what);
	expecting_clear(&e);
}
#define TEXT_IS(text, wanted, what) decode_is(text, strlen(text), wanted, what)

static void file(void)
{
	static const char good[] = "weir-expected 1\ntax 1795500000 0 1 7\nfiles 1795521600 1795435200 0 0\n";
	TEXT_IS("weir-expected 1\n", VERDICT_OK, "nothing may be expected");
	TEXT_IS(good, VERDICT_OK, "two routes");
	TEXT_IS("weir-expected 2\n", VERDICT_DAMAGED, "another version is refused");
	TEXT_IS("weir-expected 1\ntax 1795500000 0 1 7", VERDICT_DAMAGED, "a line without an end");
	TEXT_IS("weir-expected 1\n\n", VERDICT_DAMAGED, "an empty one");
	TEXT_IS("weir-expected 1\ntax 1795500000 0 1\n", VERDICT_DAMAGED, "one that lacks a field");
	TEXT_IS("weir-expected 1\ntax 1795500000 0 1 7 8\n", VERDICT_DAMAGED, "one with a field too many");
	TEXT_IS("weir-expected 1\ntax 1795500000 0 2 7\n", VERDICT_DAMAGED, "what came twice");
	TEXT_IS("weir-expected 1\ntax 01795500000 0 1 7\n", VERDICT_DAMAGED, "a zero in front");
	TEXT_IS("weir-expected 1\ntax -1 0 1 7\n", VERDICT_DAMAGED, "a sign");
	TEXT_IS("weir-expected 1\nTax 1795500000 0 1 7\n", VERDICT_DAMAGED, "a name that is none");
	TEXT_IS("weir-expected 1\ntax 1 0 1 7\ntax 1 0 1 7\n", VERDICT_DAMAGED, "a route twice");
	decode_is("weir-expected 1\n\0", 17, VERDICT_DAMAGED, "a zero");
	size_t len = strlen(good), taken = 0;
	for (size_t cut = 0; cut < len; cut++) {
		struct expecting e = {.count = 0};
		taken += expecting_decode(&e, good, cut) == 0;
		expecting_clear(&e);
	}
	is_number((int64_t)taken, 2, "cut anywhere but behind a line it is refused");
	char *many = malloc(EXPECTING_ROUTES_MAX * 20 + 64);
	must(many != NULL, "memory");
	size_t at = (size_t)sprintf(many, "weir-expected 1\n");
	for (int i = 0; i <= EXPECTING_ROUTES_MAX; i++)
		at += (size_t)sprintf(many + at, "r%d 1 0 0 0\n", i);
	decode_is(many, at, VERDICT_DAMAGED, "more routes than there may be");
	free(many);
}

static void reading(void)
{
	struct expecting e = {.count = 0};
	const char *path = test_path("box");
	must(mkdir(path, 0700) == 0, "mkdir");
	int dir = io_open_dir(AT_FDCWD, path);
	is_number(expecting_read(&e, dir), 0, "without a file");
	is_number((int64_t)e.count, 0, "nothing is expected");
	must(io_write_file(dir, EXPECTING_FILE, "weir-expected 1\ntax 7 0 1 7\n", 28, 0600) == 0, "write");
	is_number(expecting_read(&e, dir), 0, "with one");
	ok(e.count == 1 && strcmp(e.routes[0].name, "tax") == 0 && e.routes[0].id == 0, "a route is known by its name");
	expecting_clear(&e);
	must(io_write_file(dir, EXPECTING_FILE, "x", 1, 0600) == 0, "write");
	is_number(expecting_read(&e, dir), VERDICT_DAMAGED, "a damaged one is told of");
	must(truncate(test_path("box/expected"), EXPECTING_BYTES_MAX + 1) == 0, "truncate");
	is_number(expecting_read(&e, dir), VERDICT_DAMAGED, "so is one that is too large");
	close(dir);
}

int main(void)
{
	must(suite_start() == 0, "suite");
	root = key_new(KEY_ROOT, "root-1");
	person = key_new(KEY_PERSON, "wang-mei");
	recipient = key_new(KEY_RECIPIENT, "agency");
	days();
	restarts();
	registries();
	file();
	reading();
	key_free(root);
	key_free(person);
	key_free(recipient);
	return done_testing();
}
