/* What a bundle counts for when it has been removed before its day was over: SPOOL.md 6. */
#include "sender/spent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/nightspool.h"

enum { HOUR = 3600, DAY = 86400, AT_ROUTE = 32 };

static struct night night;

static const char *fresh_path(void)
{
	static unsigned int count;
	char name[32];
	snprintf(name, sizeof(name), "spent-%u", count++);
	return test_path(name);
}

static struct spent *open_at(const struct spool *spool, size_t bad_wanted)
{
	struct spent *s = NULL;
	size_t bad = 99;
	if (spent_open(&s, spool_dir(spool), &bad) != 0)
		abort();
	is_number((int64_t)bad, (int64_t)bad_wanted, "%zu files are told of as unreadable", bad_wanted);
	return s;
}

static struct order nightly(void)
{
	struct order o = night_order(ORDER_PUSH, "tax", night.machine, 0xab);
	night_sign(&o, night.people[WANG]);
	return o;
}

static void test_item(void)
{
	struct spool *spool = night_spool(fresh_path());
	struct order o = nightly();
	struct night_push push = {"tax", night.people[WANG], &o, night_midnight + 5, 77, 8, 42, false};
	struct spending s;
	struct spool_item *item = night_hold(spool, &night, &push);
	spending_of(&s, item);
	ok(s.created == night_midnight + 5 && s.bytes == 77 && s.records == 8, "what was counted, and when it began");
	is_number((int64_t)s.released_at, 0, "a held one is not released");
	ok(s.push_id[0] == 42 && strcmp(s.route, "tax") == 0, "which it is, on which route");
	ok(memcmp(s.person_key, night.people[WANG]->card.id, KEY_ID_BYTES) == 0, "who answers for it");
	ok(memcmp(s.push_order, o.id, ORDER_ID_BYTES) == 0, "under which order");
	push.push_id = 43;
	item = night_sent(spool, &night, &push, night_midnight + 9);
	spending_of(&s, item);
	is_number((int64_t)s.released_at, (int64_t)night_midnight + 9, "a sent one is");
	push.order = NULL;
	push.push_id = 44;
	spending_of(&s, night_hold(spool, &night, &push));
	ok(s.push_order[0] == 0 && s.release_order[0] == 0, "the push of a person is under none");
	spool_close(spool);
}

static void test_keeping(void)
{
	const char *path = fresh_path();
	struct spool *spool = night_spool(path);
	struct spent *spent = open_at(spool, 0);
	struct order o = nightly();
	/* pushed at noon, released the day after */
	struct night_push push = {"tax", night.people[WANG], &o, night_midnight + 12 * HOUR, 77, 8, 42, false};
	const uint64_t released = night_midnight + DAY + HOUR;
	struct spool_item *item = night_sent(spool, &night, &push, released);
	struct spending wanted;
	spending_of(&wanted, item);
	is_number(spent_add(spent, item, released + HOUR), 0, "one that is removed on the day after is kept count of");
	is_number((int64_t)spent_count(spent), 1, "and counts");
	is_number(spent_add(spent, item, released + HOUR), 0, "a second time is fine");
	is_number((int64_t)spent_count(spent), 1, "and counts once");
	if (spool_remove(spool, item) != 0)
		abort();
	spent_close(spent);
	spool_close(spool);
	spool = night_spool(path);
	is_number((int64_t)spool_count(spool), 0, "the bundle is gone");
	spent = open_at(spool, 0);
	ok(spent_count(spent) == 1 && memcmp(spent_at(spent, 0), &wanted, sizeof(wanted)) == 0,
	   "after a restart it counts for the same");
	spent_retire(spent, night_midnight + 2 * DAY - 1);
	is_number((int64_t)spent_count(spent), 1, "while a push of its day can still come in");
	spent_retire(spent, night_midnight + 2 * DAY);
	is_number((int64_t)spent_count(spent), 0, "and no longer");
	spent_close(spent);
	spent = open_at(spool, 0);
	is_number((int64_t)spent_count(spent), 0, "nor on the disk");
	push.push_id = 43;
	item = night_sent(spool, &night, &push, released);
	is_number(spent_add(spent, item, night_midnight + 2 * DAY), 0, "nothing is kept that counts for nothing");
	is_number((int64_t)spent_count(spent), 0, "or hardly so");
	/* one that waited for days counts for the day of its release */
	push.push_id = 44;
	item = night_sent(spool, &night, &push, night_midnight + 4 * DAY + HOUR);
	is_number(spent_add(spent, item, night_midnight + 4 * DAY + 2 * HOUR), 0, "one that waited for days");
	is_number((int64_t)spent_count(spent), 1, "counts on the day of its release");
	spent_retire(spent, night_midnight + 5 * DAY);
	is_number((int64_t)spent_count(spent), 0, "and no longer");
	spent_close(spent);
	spool_close(spool);
}

/* What an officer has refused. */
static void test_refused(void)
{
	const char *path = fresh_path();
	struct spool *spool = night_spool(path);
	struct spent *spent = open_at(spool, 0);
	struct order o = nightly();
	struct night_push push = {"tax", night.people[WANG], &o, night_midnight + 12 * HOUR, 77, 8, 42, false};
	struct spool_item *item = night_hold(spool, &night, &push);
	const uint8_t push_id[PUSH_ID_BYTES] = {42}, other[PUSH_ID_BYTES] = {43};
	ok(!spent_has(spent, push_id), "a push that was never seen is not known");
	is_number(spent_add_refused(spent, item, night_midnight + 13 * HOUR), 0, "one that was refused is remembered");
	ok(spent_has(spent, push_id) && !spent_has(spent, other), "it and no other is known then");
	const struct spending *s = spent_at(spent, 0);
	ok(s->bytes == 0 && s->records == 0 && s->push_order[0] == 0 && s->release_order[0] == 0,
	   "it counts for nothing, and under no order");
	if (spool_remove(spool, item) != 0)
		abort();
	spent_close(spent);
	spent = open_at(spool, 0);
	ok(spent_has(spent, push_id), "after a restart it is known");
	spent_retire(spent, night_midnight + 2 * DAY - 1);
	ok(spent_has(spent, push_id), "as long as the same push could come in again");
	spent_retire(spent, night_midnight + 2 * DAY);
	ok(!spent_has(spent, push_id), "and no longer");
	spent_close(spent);
	spool_close(spool);
}

static int decode(const uint8_t *in, size_t len)
{
	struct spending out;
	uint8_t *copy = malloc(len + (len == 0)); /* so that a sanitizer sees a read behind it */
	memcpy(copy, in, len);
	int result = spending_decode(&out, copy, len);
	free(copy);
	return result;
}

static void test_format(void)
{
	struct spending s = {.push_id = {1}, .route = "tax", .created = 2, .released_at = 3, .bytes = 4, .records = 5,
			     .push_order = {6}, .release_order = {7}, .person_key = {8}};
	struct spending back = {.created = 0};
	uint8_t bytes[SPENDING_BYTES + 1] = {0};
	size_t passed = 0;
	spending_encode(bytes, &s);
	is_number(spending_decode(&back, bytes, SPENDING_BYTES), 0, "it is read back");
	is_bytes(&back, &s, sizeof(s), "as it was");
	for (size_t cut = 0; cut < SPENDING_BYTES; cut++)
		passed += decode(bytes, cut) != VERDICT_TRUNCATED;
	is_number((int64_t)passed, 0, "every truncation is refused");
	is_number(decode(bytes, SPENDING_BYTES + 1), VERDICT_TRAILING_BYTES, "so are bytes behind it");
	for (size_t bit = 0; bit < 8 * SPENDING_BYTES; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		passed += decode(bytes, SPENDING_BYTES) == 0;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)passed, 0, "and every flipped bit");
	static const struct {
		size_t at;
		int verdict;
		const char *what;
	} cases[] = {{0, VERDICT_BAD_MAGIC, "magic"}, {8, VERDICT_UNKNOWN_VERSION, "version"},
		     {10, VERDICT_UNKNOWN_SUITE, "suite"}, {15, VERDICT_BAD_RESERVED, "reserved byte"},
		     {AT_ROUTE, VERDICT_BAD_DIGEST, "route"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bytes[cases[i].at] ^= 0x80;
		is_text(verdict_name(decode(bytes, SPENDING_BYTES)), verdict_name(cases[i].verdict), "another %s",
			cases[i].what);
		bytes[cases[i].at] ^= 0x80;
	}
	s.route[0] = 'T';
	spending_encode(bytes, &s);
	is_number(decode(bytes, SPENDING_BYTES), VERDICT_BAD_NAME, "a route that is none");
}

static void test_damage(void)
{
	struct spool *spool = night_spool(fresh_path());
	struct spent *spent = open_at(spool, 0);
	struct night_push push = {"tax", night.people[WANG], NULL, night_midnight, 1, 1, 42, false};
	uint8_t bytes[SPENDING_BYTES];
	if (spent_add(spent, night_sent(spool, &night, &push, night_midnight), night_midnight) != 0)
		abort();
	spending_encode(bytes, spent_at(spent, 0));
	spent_close(spent);
	int dir = io_open_dir(spool_dir(spool), "spent");
	if (dir < 0 || io_write_file(dir, "2b000000000000000000000000000000", bytes, sizeof(bytes), 0600) != 0 ||
	    io_write_file(dir, "2c000000000000000000000000000000", bytes, 9, 0600) != 0)
		abort();
	close(dir);
	spent = open_at(spool, 2);
	is_number((int64_t)spent_count(spent), 1, "a file of another name, and one cut off, count for nothing");
	spent_close(spent);
	spool_close(spool);
}

int main(void)
{
	suite_start();
	night_make(&night, "");
	test_item();
	test_keeping();
	test_refused();
	test_format();
	test_damage();
	night_end(&night);
	return done_testing();
}
