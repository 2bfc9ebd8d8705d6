/* What caps and standing orders allow, counted over days, restarts, removals and clocks that are set back. */
#include "sender/allowance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/judgement.h"
#include "common/verdict.h"
#include "tests/lib/nightspool.h"

enum { HOUR = 3600, DAY = 86400 };

static struct night night;
static const uint64_t noon = 1796083200 + 12 * HOUR;

/* A site of its own; allowance over it. */
struct site {
	const char *path;
	struct allowance a;
};

static void open_site(struct site *site)
{
	size_t bad;
	site->a.spool = night_spool(site->path);
	if (standing_open(&site->a.standing, spool_dir(site->a.spool), &bad) != 0 || bad != 0 ||
	    spent_open(&site->a.spent, spool_dir(site->a.spool), &bad) != 0 || bad != 0)
		abort();
}

static struct site new_site(void)
{
	static unsigned int count;
	char name[32];
	snprintf(name, sizeof(name), "allowance-%u", count++);
	struct site site = {.path = test_path(name)};
	open_site(&site);
	return site;
}

static void close_site(struct site *site)
{
	spent_close(site->a.spent);
	standing_close(site->a.standing);
	spool_close(site->a.spool);
}

static void restart(struct site *site)
{
	close_site(site);
	open_site(site);
}

static struct night_push by_wang(const struct order *order, uint64_t created, uint64_t bytes, uint64_t records)
{
	return (struct night_push){"tax", night.people[WANG], order, created, bytes, records, 0, false};
}

/* As the releaser removes what was sent. */
static void remove_sent(struct site *site, struct spool_item *item, uint64_t at)
{
	if (spent_add(site->a.spent, item, at) != 0 || spool_remove(site->a.spool, item) != 0)
		abort();
}

/* ---- caps ---- */

static void cap_is(const struct site *site, const struct route *route, const struct night_push *push, uint64_t now,
		   int verdict, const char *sentence)
{
	struct statement s = night_statement(push);
	const struct tally tally = {push->bytes, 1, push->records, 0};
	is_text(verdict_name(allowance_caps(&site->a, route, &s, &tally, now)), verdict_name(verdict), "%s", sentence);
}

static struct route capped(uint64_t bytes, uint64_t records, uint64_t bytes_a_day, uint64_t records_a_day)
{
	struct route route = *registry_route(night.registry, "tax");
	route.max_bytes = bytes;
	route.max_records = records;
	route.max_bytes_a_day = bytes_a_day;
	route.max_records_a_day = records_a_day;
	return route;
}

static void test_cap_of_a_push(void)
{
	struct site site = new_site();
	struct route none = capped(0, 0, 0, 0), bytes = capped(100, 0, 0, 0), records = capped(0, 10, 0, 0);
	struct night_push push = by_wang(NULL, noon, UINT64_MAX, UINT64_MAX);
	cap_is(&site, &none, &push, noon, 0, "without caps anything may leave");
	push = by_wang(NULL, noon, 100, 10);
	cap_is(&site, &bytes, &push, noon, 0, "as many bytes as the cap");
	cap_is(&site, &records, &push, noon, 0, "as many records");
	push = by_wang(NULL, noon, 101, 10);
	cap_is(&site, &bytes, &push, noon, VERDICT_CAP_REACHED, "not one byte more");
	cap_is(&site, &records, &push, noon, 0, "which is nothing to a cap on records");
	push = by_wang(NULL, noon, 100, 11);
	cap_is(&site, &records, &push, noon, VERDICT_CAP_REACHED, "and not one record");
	close_site(&site);
}

static void test_cap_of_a_day(void)
{
	struct site site = new_site();
	struct route bytes = capped(0, 0, 100, 0), records = capped(0, 0, 0, 10);
	struct night_push push = by_wang(NULL, night_midnight, 60, 6);
	night_sent(site.a.spool, &night, &push, night_midnight + 5);
	push = by_wang(NULL, noon, 40, 4);
	cap_is(&site, &bytes, &push, noon, 0, "up to the cap of the day");
	cap_is(&site, &records, &push, noon, 0, "of records, too");
	push = by_wang(NULL, noon, 41, 5);
	cap_is(&site, &bytes, &push, noon, VERDICT_CAP_REACHED, "but not one byte beyond");
	cap_is(&site, &records, &push, noon, VERDICT_CAP_REACHED, "nor one record");
	push = by_wang(NULL, noon, UINT64_MAX, UINT64_MAX);
	cap_is(&site, &bytes, &push, noon, VERDICT_CAP_REACHED, "nor as many as there can be");
	push = by_wang(NULL, night_midnight + DAY - 1, 41, 5);
	cap_is(&site, &bytes, &push, night_midnight + DAY - 1, VERDICT_CAP_REACHED, "to the last second of the day");
	cap_is(&site, &bytes, &push, night_midnight + DAY + HOUR, VERDICT_CAP_REACHED,
	       "also what began then and comes in on the next");
	push = by_wang(NULL, night_midnight + DAY, 100, 10);
	cap_is(&site, &bytes, &push, night_midnight + DAY, 0, "which is a day of its own");
	push = by_wang(NULL, night_midnight - 1, 100, 10);
	cap_is(&site, &bytes, &push, night_midnight + 6, 0, "as was the one before");
	push = (struct night_push){"other", night.people[TSAI], NULL, noon, 1000, 100, 0, false};
	night_hold(site.a.spool, &night, &push);
	push = by_wang(NULL, noon, 40, 4);
	cap_is(&site, &bytes, &push, noon, 0, "another route counts for itself");
	struct spool_item *held = night_hold(site.a.spool, &night, &push);
	cap_is(&site, &bytes, &push, noon, VERDICT_CAP_REACHED, "what waits counts as what is sent");
	if (spool_remove(site.a.spool, held) != 0)
		abort();
	cap_is(&site, &bytes, &push, noon, 0, "and what was refused for nothing");
	close_site(&site);
}

static void test_cap_and_removal(void)
{
	struct site site = new_site();
	struct route bytes = capped(0, 0, 100, 0);
	struct night_push push = by_wang(NULL, night_midnight, 60, 6);
	struct spool_item *item = night_sent(site.a.spool, &night, &push, night_midnight + 5);
	/* its retention is over on the next day; a push that began before midnight is still coming in */
	remove_sent(&site, item, night_midnight + DAY + 10);
	push = by_wang(NULL, night_midnight + DAY - 1, 41, 4);
	cap_is(&site, &bytes, &push, night_midnight + DAY + HOUR, VERDICT_CAP_REACHED,
	       "what was removed still counts for its day");
	restart(&site);
	cap_is(&site, &bytes, &push, night_midnight + DAY + HOUR, VERDICT_CAP_REACHED, "also after a restart");
	push = by_wang(NULL, night_midnight + DAY, 100, 10);
	cap_is(&site, &bytes, &push, night_midnight + DAY + HOUR, 0, "and not for the next");
	close_site(&site);
}

static void test_cap_and_clock(void)
{
	struct site site = new_site();
	struct route bytes = capped(0, 0, 100, 0);
	struct night_push push = by_wang(NULL, night_midnight + DAY + 60, 60, 6);
	night_sent(site.a.spool, &night, &push, night_midnight + DAY + 60);
	push = by_wang(NULL, night_midnight + DAY - HOUR, 41, 4);
	cap_is(&site, &bytes, &push, night_midnight + DAY - HOUR, VERDICT_CAP_REACHED,
	       "a clock that is set back over midnight does not make a new day");
	cap_is(&site, &bytes, &push, night_midnight + DAY + 120, 0, "while what began before midnight has its own");
	close_site(&site);
}

/* ---- orders to push ---- */

static struct order push_order(uint8_t id, uint32_t pushes)
{
	struct order o = night_order(ORDER_PUSH, "tax", night.machine, id);
	o.max_pushes = pushes;
	night_sign(&o, night.people[WANG]);
	return o;
}

static int judge(const struct site *site, const struct night_push *push, uint64_t now)
{
	struct statement s = night_statement(push);
	struct dossier *d = calloc(1, sizeof(*d));
	if (d == NULL)
		abort();
	night_dossier(d, &night, push, &s);
	int result = allowance_push(&site->a, &s, d, now);
	free(d);
	return result;
}

static void push_is(const struct site *site, const struct night_push *push, uint64_t now, int verdict,
		    const char *sentence)
{
	is_text(verdict_name(judge(site, push, now)), verdict_name(verdict), "%s", sentence);
}

static void test_push_within(void)
{
	struct site site = new_site();
	struct order o = push_order(1, 2);
	struct night_push push = by_wang(&o, noon, 1000, 100);
	push_is(&site, &push, noon, 0, "a push within its order is covered");
	push = by_wang(&o, noon, 1001, 100);
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "one byte more is beyond");
	push = by_wang(&o, noon, 1000, 101);
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "one record more is");
	push = by_wang(NULL, noon, UINT64_MAX, UINT64_MAX);
	push_is(&site, &push, noon, 0, "a person is under no order");
	o.window_start = 13 * 60;
	o.window_len = 60;
	o.signer_count = 0;
	night_sign(&o, night.people[WANG]);
	push = by_wang(&o, noon + HOUR, 1, 1);
	push_is(&site, &push, noon + 9 * HOUR, 0, "the window is asked of when it began");
	push = by_wang(&o, noon + HOUR - 1, 1, 1);
	push_is(&site, &push, noon + HOUR, VERDICT_BEYOND_ORDER, "not of when it came in");
	close_site(&site);
}

static void test_pushes_of_a_day(void)
{
	struct site site = new_site();
	struct order o = push_order(1, 2);
	struct night_push push = by_wang(&o, night_midnight, 1, 1);
	night_sent(site.a.spool, &night, &push, night_midnight + 1);
	push_is(&site, &push, noon, 0, "the second of two a day is covered");
	push = by_wang(&o, noon, 1, 1);
	struct spool_item *held = night_hold(site.a.spool, &night, &push);
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "the third is not, though the second waits");
	push = by_wang(&o, night_midnight + DAY - 1, 1, 1);
	push_is(&site, &push, night_midnight + DAY + HOUR, VERDICT_BEYOND_ORDER, "to the last second of the day");
	push = by_wang(&o, night_midnight + DAY, 1, 1);
	push_is(&site, &push, night_midnight + DAY, 0, "the next day is a new one");
	restart(&site);
	push = by_wang(&o, noon, 1, 1);
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "a restart forgets nothing");
	held = spool_at(site.a.spool, 0);
	is_number(held->state, SPOOL_HELD, "what waits is first");
	if (spool_remove(site.a.spool, held) != 0)
		abort();
	push_is(&site, &push, noon, 0, "what was refused does not count");
	struct order other = push_order(2, 1);
	push = by_wang(&other, noon, 1, 1);
	push_is(&site, &push, noon, 0, "another order counts for itself");
	close_site(&site);
}

/* The order in which they began, and their ids, are the pusher's to choose. */
static void test_ties(void)
{
	struct site site = new_site();
	struct order o = push_order(1, 1);
	struct night_push push = by_wang(&o, noon, 1, 1);
	push.push_id = 50;
	night_hold(site.a.spool, &night, &push);
	push.push_id = 51;
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "of two in one second the second is beyond");
	push.push_id = 49;
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "also with the smaller id");
	push.created = noon - HOUR;
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "and one that began before and ends after");
	push.created = night_midnight - 1;
	push_is(&site, &push, noon, 0, "but not one that began on the day before");
	close_site(&site);
}

/* An order's id is whatever its maker wrote into it. */
static void test_borrowed_id(void)
{
	struct site site = new_site();
	struct order o = push_order(1, 1), lees = night_order(ORDER_PUSH, "tax", night.machine, 1);
	struct order others = night_order(ORDER_PUSH, "other", night.machine, 1);
	night_sign(&lees, night.people[LEE]);
	night_sign(&others, night.people[TSAI]);
	struct night_push push = {"tax", night.people[LEE], &lees, noon, 1, 1, 0, false};
	night_hold(site.a.spool, &night, &push);
	push = (struct night_push){"other", night.people[TSAI], &others, noon, 1, 1, 0, false};
	night_hold(site.a.spool, &night, &push);
	struct order elsewhere = night_order(ORDER_PUSH, "other", night.machine, 1);
	night_sign(&elsewhere, night.people[WANG]);
	push = (struct night_push){"other", night.people[WANG], &elsewhere, noon, 1, 1, 0, false};
	night_hold(site.a.spool, &night, &push);
	push = by_wang(&o, noon, 1, 1);
	push_is(&site, &push, noon, 0, "orders of the same id, of others or for another route, use up nothing");
	night_hold(site.a.spool, &night, &push);
	struct order larger = push_order(1, 1);
	larger.max_bytes = 5000;
	larger.signer_count = 0;
	night_sign(&larger, night.people[WANG]);
	push = by_wang(&larger, noon, 1, 1);
	push_is(&site, &push, noon, VERDICT_BEYOND_ORDER, "one of the same person counts with the first");
	close_site(&site);
}

static void test_push_and_removal(void)
{
	struct site site = new_site();
	struct order o = push_order(1, 1);
	struct night_push push = by_wang(&o, night_midnight, 1, 1);
	remove_sent(&site, night_sent(site.a.spool, &night, &push, night_midnight + 1), night_midnight + DAY + 2);
	push = by_wang(&o, night_midnight + DAY - 1, 1, 1);
	push_is(&site, &push, night_midnight + DAY + HOUR, VERDICT_BEYOND_ORDER,
		"a push that was removed is counted while one of its day can come in");
	restart(&site);
	push_is(&site, &push, night_midnight + DAY + HOUR, VERDICT_BEYOND_ORDER, "also after a restart");
	close_site(&site);
}

static void test_push_and_clock(void)
{
	struct site site = new_site();
	struct order o = push_order(1, 1);
	struct night_push push = by_wang(&o, noon, 1, 1);
	night_sent(site.a.spool, &night, &push, noon);
	push = by_wang(&o, noon - 2 * HOUR, 1, 1);
	push_is(&site, &push, noon - 2 * HOUR, VERDICT_BEYOND_ORDER, "a clock set back by hours gives no new push");
	push = by_wang(&o, night_midnight - HOUR, 1, 1);
	push_is(&site, &push, night_midnight - HOUR, VERDICT_BEYOND_ORDER, "nor one set back by days");
	close_site(&site);
}

static void revoke_order(struct site *site, enum night_who who, uint8_t id, uint64_t at)
{
	uint8_t input[REVOCATION_BYTES];
	struct revocation r = {.order_id = {id}, .route = "tax", .at = at};
	memcpy(r.person, night.people[who]->card.name, NAME_BYTES);
	memcpy(r.key_id, night.people[who]->card.id, KEY_ID_BYTES);
	revocation_input(input, &r);
	if (signature_make(&r.signature, revocation_domain, input, sizeof(input), night.people[who]->secret) != 0 ||
	    standing_revoke(site->a.standing, &r, night.registry, at) != 0)
		abort();
}

static int stands(const struct site *site, const struct spool_item *item)
{
	struct dossier *d = calloc(1, sizeof(*d));
	if (d == NULL || spool_dossier(site->a.spool, item, d) != 0)
		abort();
	int result = allowance_push_stands(&site->a, d);
	free(d);
	return result;
}

static void test_push_stands(void)
{
	struct site site = new_site();
	struct order o = push_order(1, 1);
	struct night_push push = by_wang(&o, noon, 1, 1);
	struct spool_item *good = night_hold(site.a.spool, &night, &push);
	push.is_beyond = true;
	struct spool_item *beyond = night_hold(site.a.spool, &night, &push);
	push = by_wang(NULL, noon, 1, 1);
	struct spool_item *own = night_hold(site.a.spool, &night, &push);
	is_number(stands(&site, good), 0, "what was within its order stands");
	is_number(stands(&site, beyond), VERDICT_BEYOND_ORDER, "what was found beyond it stays so");
	if (spool_remove(site.a.spool, good) != 0)
		abort();
	is_number(stands(&site, beyond), VERDICT_BEYOND_ORDER, "also when there is room again");
	is_number(stands(&site, own), 0, "what a person pushed stands");
	revoke_order(&site, KUO, 1, noon);
	push = by_wang(&o, noon, 1, 1);
	push_is(&site, &push, noon, VERDICT_REVOKED, "under a revoked order nothing is pushed");
	is_number(stands(&site, beyond), VERDICT_REVOKED, "and what waits does not stand by it");
	is_number(stands(&site, own), 0, "which is nothing to what a person pushed");
	close_site(&site);
}

/* ---- orders to release ---- */

static void load(struct site *site, const struct order *o, uint64_t now)
{
	const struct standing_site where = {night.registry, now, night.inside->card.id};
	if (standing_load(site->a.standing, o, &where) != 0)
		abort();
}

/* As the releaser asks for it; released when it may be. */
static int release(struct site *site, struct spool_item *item, uint64_t now)
{
	struct dossier *d = calloc(1, sizeof(*d));
	struct endorsements *out = calloc(1, sizeof(*out));
	if (d == NULL || out == NULL || spool_dossier(site->a.spool, item, d) != 0)
		abort();
	approvals_select(out, night.registry, &item->release.statement, &d->endorsements, now);
	int result = allowance_release(&site->a, night.registry, item, now, d, out);
	if (result == 0 && approvals_check(night.registry, &item->release.statement, out, now,
					   night.inside->card.id) != 0)
		ok(false, "what allowance_release gives, the receiver takes");
	if (result == 0)
		night_let_go(site->a.spool, &night, item, out, now);
	free(d);
	free(out);
	return result;
}

static void release_is(struct site *site, struct spool_item *item, uint64_t now, int verdict, const char *sentence)
{
	is_text(verdict_name(release(site, item, now)), verdict_name(verdict), "%s", sentence);
}

static struct spool_item *hold(struct site *site, uint64_t created, uint64_t bytes, uint64_t records)
{
	struct night_push push = by_wang(NULL, created, bytes, records);
	return night_hold(site->a.spool, &night, &push);
}

static void test_release_within(void)
{
	struct site site = new_site();
	struct order o = night_release(&night, 1);
	struct spool_item *item = hold(&site, noon, 1000, 100);
	const int none = VERDICT_TOO_FEW_APPROVALS;
	release_is(&site, item, noon, none, "without an order officers have to approve");
	load(&site, &o, noon);
	release_is(&site, hold(&site, noon, 1001, 100), noon, none, "one byte more than it covers is not released");
	release_is(&site, hold(&site, noon, 1000, 101), noon, none, "nor is one record");
	release_is(&site, item, night_midnight - 1, none, "nor anything before it begins");
	release_is(&site, item, o.not_after + 1, none, "or after it has ended");
	release_is(&site, item, noon, 0, "what it covers is");
	ok(item->state == SPOOL_READY && memcmp(item->release_order, o.id, ORDER_ID_BYTES) == 0, "and says by which");
	struct night_push push = {"other", night.people[TSAI], NULL, noon, 1, 1, 0, false};
	release_is(&site, night_hold(site.a.spool, &night, &push), noon, none, "it is for its route");
	push = (struct night_push){"tax", night.people[TSENG], NULL, noon, 1, 1, 0, false};
	release_is(&site, night_hold(site.a.spool, &night, &push), noon, none,
		   "and not for what one of its signers has pushed");
	restart(&site);
	item = spool_find(site.a.spool, "tax-000001");
	ok(item != NULL && memcmp(item->release_order, o.id, ORDER_ID_BYTES) == 0, "after a restart it still says by which");
	close_site(&site);
}

static void test_release_window(void)
{
	struct site site = new_site();
	struct order o = night_order(ORDER_RELEASE, "tax", night.inside, 1);
	o.window_start = 2 * 60;
	o.window_len = 60;
	night_sign(&o, night.people[TSENG]);
	night_sign(&o, night.people[KUO]);
	load(&site, &o, noon);
	struct spool_item *item = hold(&site, night_midnight + HOUR, 1, 1);
	release_is(&site, item, night_midnight + 2 * HOUR - 1, VERDICT_TOO_FEW_APPROVALS, "it waits until the window opens");
	release_is(&site, item, night_midnight + 3 * HOUR, VERDICT_TOO_FEW_APPROVALS, "and again when it has closed");
	release_is(&site, item, night_midnight + DAY + 2 * HOUR, 0, "and is released in the next night");
	close_site(&site);
}

static void test_releases_of_a_day(void)
{
	struct site site = new_site();
	struct order o = night_release(&night, 1);
	const int none = VERDICT_TOO_FEW_APPROVALS;
	load(&site, &o, noon);
	hold(&site, noon, 1, 1);
	release_is(&site, hold(&site, noon, 1, 1), noon, 0, "the first of two a day");
	release_is(&site, hold(&site, noon, 1, 1), noon, 0, "the second, though others wait");
	release_is(&site, hold(&site, noon, 1, 1), noon, none, "not the third");
	is_number(allowance_released_today(&site.a, &o, noon), 2, "two were released today");
	restart(&site);
	struct spool_item *item = spool_at(site.a.spool, 0);
	release_is(&site, item, night_midnight + DAY - 1, none, "nor after a restart, to the day's last second");
	is_number(allowance_released_today(&site.a, &o, night_midnight + DAY), 0, "the next day is a new one");
	release_is(&site, item, night_midnight + DAY + 60, 0, "and begins anew");
	release_is(&site, spool_at(site.a.spool, 0), night_midnight + DAY - HOUR, none,
		   "a clock set back over midnight brings back nothing");
	close_site(&site);
}

static void test_borrowed_release_id(void)
{
	struct site site = new_site();
	struct order o = night_release(&night, 1), others = night_order(ORDER_RELEASE, "other", night.inside, 1);
	night_sign(&others, night.people[LIU]);
	night_sign(&others, night.people[HSU]);
	load(&site, &o, noon);
	load(&site, &others, noon);
	for (int i = 0; i < 2; i++) {
		struct night_push push = {"other", night.people[TSAI], NULL, noon, 1, 1, 0, false};
		release_is(&site, night_hold(site.a.spool, &night, &push), noon, 0, "one is released on the other route");
	}
	is_number(allowance_released_today(&site.a, &others, noon), 2, "which counts there");
	is_number(allowance_released_today(&site.a, &o, noon), 0, "and not for the order of the same id here");
	close_site(&site);
}

/* Released on the last day of its life, and destroyed in time. */
static void test_release_and_removal(void)
{
	struct site site = new_site();
	struct order o = night_order(ORDER_RELEASE, "tax", night.inside, 1);
	o.max_pushes = 1;
	night_sign(&o, night.people[TSENG]);
	night_sign(&o, night.people[KUO]);
	load(&site, &o, noon);
	struct spool_item *item = hold(&site, noon, 1, 1);
	release_is(&site, item, noon + DAY - HOUR, 0, "one is released at the end of its life");
	if (spool_set_sent(site.a.spool, item) != 0)
		abort();
	remove_sent(&site, item, noon + DAY + 1);
	struct spool_item *next = hold(&site, noon + DAY, 1, 1);
	release_is(&site, next, noon + DAY + HOUR, VERDICT_TOO_FEW_APPROVALS, "and counts, when it is destroyed, for that day");
	restart(&site);
	release_is(&site, spool_at(site.a.spool, 0), noon + DAY + HOUR, VERDICT_TOO_FEW_APPROVALS, "also after a restart");
	close_site(&site);
}

static void test_release_revoked(void)
{
	struct site site = new_site();
	struct order o = night_release(&night, 1), second = night_release(&night, 2);
	load(&site, &o, noon);
	struct spool_item *item = hold(&site, noon, 1, 1);
	struct dossier *d = calloc(1, sizeof(*d));
	struct endorsements *out = calloc(1, sizeof(*out));
	if (d == NULL || out == NULL || spool_dossier(site.a.spool, item, d) != 0)
		abort();
	approvals_select(out, night.registry, &item->release.statement, &d->endorsements, noon);
	is_number(allowance_release(&site.a, night.registry, item, noon, d, out), 0,
		  "an order was found, and the release not finished");
	restart(&site);
	item = spool_at(site.a.spool, 0);
	ok(item->release_order[0] == 1, "it stands in the dossier");
	revoke_order(&site, WANG, 1, noon);
	release_is(&site, item, noon, VERDICT_TOO_FEW_APPROVALS, "when it is revoked then, it does not count");
	load(&site, &second, noon);
	release_is(&site, item, noon, 0, "another takes its place");
	ok(item->release_order[0] == 2, "and is the one that is named");
	free(d);
	free(out);
	close_site(&site);
}

/* Somebody who writes to the disk makes more of an order than was signed. */
static void test_release_replaced(void)
{
	struct site site = new_site();
	struct order o = night_release(&night, 1);
	uint8_t bytes[ORDER_BYTES_MAX];
	load(&site, &o, noon);
	o.max_bytes = 5000;
	int dir = io_open_dir(spool_dir(site.a.spool), "orders");
	if (dir < 0 || io_write_file(dir, "01000000000000000000000000000000.tax", bytes, order_encode(bytes, &o), 0600) != 0)
		abort();
	close(dir);
	restart(&site);
	ok(standing_count(site.a.standing) == 1 && standing_at(site.a.standing, 0)->max_bytes == 5000,
	   "an order was replaced on the disk");
	release_is(&site, hold(&site, noon, 2000, 1), noon, VERDICT_TOO_FEW_APPROVALS, "it releases nothing more");
	release_is(&site, hold(&site, noon, 1, 1), noon, VERDICT_TOO_FEW_APPROVALS, "nor anything at all");
	close_site(&site);
}

/* A registry that has moved on, for orders that were good when they were loaded. */
static void test_release_and_registry(void)
{
	struct site site = new_site();
	struct order o = night_order(ORDER_RELEASE, "tax", night.inside, 1);
	night_sign(&o, night.people[OU]);
	night_sign(&o, night.people[KUO]);
	load(&site, &o, noon);
	const uint64_t gone = night_midnight + 9 * DAY;
	release_is(&site, hold(&site, gone, 1, 1), gone, 0, "an order counts to the last second of its officers' keys");
	release_is(&site, hold(&site, gone + 1, 1, 1), gone + 1, VERDICT_TOO_FEW_APPROVALS, "and no longer");
	close_site(&site);
}

int main(void)
{
	suite_start();
	night_make(&night, "");
	test_cap_of_a_push();
	test_cap_of_a_day();
	test_cap_and_removal();
	test_cap_and_clock();
	test_push_within();
	test_pushes_of_a_day();
	test_ties();
	test_borrowed_id();
	test_push_and_removal();
	test_push_and_clock();
	test_push_stands();
	test_release_within();
	test_release_window();
	test_releases_of_a_day();
	test_borrowed_release_id();
	test_release_and_removal();
	test_release_revoked();
	test_release_replaced();
	test_release_and_registry();
	night_end(&night);
	return done_testing();
}
