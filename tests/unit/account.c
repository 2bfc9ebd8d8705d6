/*
 * The account of numbers: cases by hand, then random histories of a sender, its link and restarts of the receiver,
 * each compared with a model that simply remembers everything.
 */
#include "receiver/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { HISTORIES = 3000, STEPS = 60, NUMBERS = 400, ROUTES = 3 };

struct calls {
	size_t count;
	struct account_run run[64];
	int result;
};

static int note_run(void *context, const struct account_run *run)
{
	struct calls *calls = context;
	if (calls->count < 64)
		calls->run[calls->count] = *run;
	calls->count++;
	return calls->result;
}

static struct calls settle(struct account *a, uint64_t by, uint64_t generation)
{
	struct calls calls = {.count = 0};
	if (account_settle(a, by, generation, note_run, &calls) != 0)
		abort();
	return calls;
}

static void name(struct account *a, uint64_t epoch, uint16_t route_id, uint64_t number)
{
	if (account_name(a, &(struct bundle_id){epoch, number, route_id}, 100) != 0)
		abort();
}

static void head(struct account *a, uint64_t first, uint64_t newest, uint64_t generation)
{
	const struct account_head h = {.epoch = 1, .route_id = 1, .first = first, .newest = newest,
				       .by = 1, .generation = generation, .time_s = 100 + generation};
	if (account_take_head(a, &h) != 0)
		abort();
}

static void numbers_never_named(void)
{
	struct account *a = account_new();
	name(a, 1, 1, 101);
	name(a, 1, 1, 102);
	head(a, 100, 107, 5);
	is_number((int64_t)settle(a, 1, 4).count, 0, "nothing is lost before a generation that is not older than the head");
	is_number((int64_t)settle(a, 2, 9).count, 0, "nor by a generation of another epoch");
	struct calls refused = {.result = -EIO};
	is_number(account_settle(a, 1, 5, note_run, &refused), 0, "with it");
	is_number((int64_t)refused.count, 2, "what was never named is lost");
	struct calls calls = settle(a, 1, 5);
	ok(calls.count == 2 && calls.run[0].first == 100 && calls.run[0].last == 100 &&
		   calls.run[1].first == 103 && calls.run[1].last == 107 && calls.run[1].route_id == 1 &&
		   calls.run[1].epoch == 1,
	   "and comes again until it is taken: 100, and 103 to 107");
	is_number((int64_t)settle(a, 1, 6).count, 0, "then it is told of no more");
	head(a, 100, 106, 4);
	is_number((int64_t)account_highest(a, 1, 1), 107, "an older head changes nothing");
	name(a, 1, 1, 110);
	head(a, 100, 108, 7);
	calls = settle(a, 1, 7);
	ok(calls.count == 1 && calls.run[0].first == 108 && calls.run[0].last == 108,
	   "what was named ahead of the head leaves what lies between alone");
	account_free(a);
}

static void an_epoch_is_continued(void)
{
	struct account *a = account_new();
	for (uint64_t n = 1; n <= 5; n++)
		name(a, 1, 1, n);
	head(a, 1, 7, 3);
	const struct bundle_id other = {.epoch = 4, .number = 3, .route_id = 1};
	ok(account_note(a, &other, 8) == 0 && account_highest_of_others(a, 2, 3, 1) == 7 &&
		   account_highest_of_others(a, 1, 3, 1) == 3 && account_highest_of_others(a, 1, 4, 1) == 0 &&
		   account_highest_of_others(a, 2, 3, 2) == 0,
	   "it knows how far the numbers of a route had come in any other epoch");
	const struct account_head end = {.epoch = 1, .route_id = 1, .first = account_first(a, 1, 1), .newest = 9,
					 .by = 2, .generation = 20, .time_s = 500};
	is_number(account_take_head(a, &end), 0, "the next epoch begins behind 9");
	is_number((int64_t)settle(a, 1, 30).count, 0, "what the old one had given is not lost by a generation of its own");
	name(a, 1, 1, 6); /* the spool that was put back has it */
	struct calls calls = settle(a, 2, 21);
	ok(calls.count == 1 && calls.run[0].epoch == 1 && calls.run[0].first == 7 && calls.run[0].last == 9,
	   "but by one of the new epoch: what that does not name");
	is_number((int64_t)account_highest(a, 1, 1), 7, "the highest is what the old epoch itself said");
	account_free(a);
}

static void before_the_first_time(void)
{
	struct account *a = account_new();
	name(a, 1, 1, 9);
	struct account_head h = {.epoch = 1, .route_id = 1, .first = 1, .newest = 10, .by = 1, .generation = 3, .is_first = true};
	account_take_head(a, &h);
	struct calls calls = settle(a, 1, 3);
	ok(calls.count == 2 && calls.run[0].is_before && calls.run[0].last == 8 && calls.run[1].is_before,
	   "what was given before this box first heard of it is told of as such");
	h = (struct account_head){.epoch = 1, .route_id = 1, .first = 1, .newest = 11, .by = 1, .generation = 4, .is_first = true};
	account_take_head(a, &h);
	calls = settle(a, 1, 4);
	ok(calls.count == 1 && !calls.run[0].is_before && calls.run[0].first == 11, "what is lost later is lost");
	account_free(a);
}

static void going_back(void)
{
	struct account *a = account_new();
	struct account_head h = {.epoch = 1, .route_id = 1, .first = 1, .newest = 8, .by = 1, .generation = 3, .time_s = 50};
	account_take_head(a, &h);
	h.newest = 7;
	ok(!account_went_back(a, &h), "an older head of the same second is none that went back");
	h.time_s = 49;
	ok(!account_went_back(a, &h), "nor one that was signed before: it is played again");
	h.time_s = 51;
	ok(account_went_back(a, &h), "fewer numbers later: it went back");
	h.newest = 8;
	ok(!account_went_back(a, &h), "as many: it did not");
	h.route_id = 2;
	ok(!account_went_back(a, &h), "another route has its own numbers");
	account_name(a, &(struct bundle_id){1, 12, 1}, 60);
	h = (struct account_head){.epoch = 1, .route_id = 1, .first = 1, .newest = 11, .by = 1, .generation = 9, .time_s = 61};
	ok(account_went_back(a, &h), "what a page has named counts, too");
	h.by = 2;
	ok(!account_went_back(a, &h), "what the next epoch says of the one before is no proof");
	account_free(a);
}

static void limits(void)
{
	struct account *a = account_new();
	int result = 0;
	uint64_t n = 0;
	while (result == 0 && n < 2 * ACCOUNT_RUNS_MAX)
		result = account_name(a, &(struct bundle_id){1, ++n * 2, 1}, 1);
	is_number(result, -ENOSPC, "beyond the most runs nothing is noted");
	is_number((int64_t)n, ACCOUNT_RUNS_MAX + 1, "which are as many as there may be");
	is_number(account_name(a, &(struct bundle_id){1, 3, 1}, 1), 0, "one that joins two is");
	account_free(a);
	a = account_new();
	for (uint16_t i = 1; i <= 4000; i++)
		name(a, 1, i, 1);
	for (uint16_t i = 1; i <= 97; i++)
		name(a, 2, i, 1);
	ok(account_highest(a, 1, 1) == 0 && account_highest(a, 2, 97) == 1, "the oldest epoch makes room for newer ones");
	account_free(a);
}

static struct account *again(struct account *a)
{
	size_t len = account_bytes(a);
	uint8_t *bytes = malloc(len);
	struct writer w = writer_of(bytes, len);
	struct account *back = NULL;
	account_write(a, &w);
	struct reader r = reader_of(bytes, len);
	if (w.overrun || w.at != len || account_read(&back, &r) != 0 || reader_left(&r) != 0)
		abort();
	free(bytes);
	account_free(a);
	return back;
}

static void bytes(void)
{
	struct account *a = account_new();
	name(a, 1, 1, 3);
	name(a, 1, 1, 9);
	name(a, 2, 7, 1);
	head(a, 1, 4, 2);
	settle(a, 1, 2);
	size_t len = account_bytes(a);
	uint8_t *good = malloc(len), *bad = malloc(len);
	struct writer w = writer_of(good, len);
	account_write(a, &w);
	bool refused = true;
	for (size_t cut = 0; cut < len; cut++) {
		struct account *back = NULL;
		struct reader r = reader_of(good, cut);
		refused &= account_read(&back, &r) > 0;
		account_free(back);
	}
	ok(refused, "cut at any length it is refused");
	size_t taken = 0;
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct account *back = NULL;
		memcpy(bad, good, len);
		bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct reader r = reader_of(bad, len);
		taken += account_read(&back, &r) == 0;
		account_free(back);
	}
	note("%zu of %zu flipped bits are seen here; the file has a digest", len * 8 - taken, len * 8);
	free(good);
	free(bad);
	a = again(a);
	ok(account_highest(a, 1, 1) == 9 && account_first(a, 1, 1) == 1 && account_highest(a, 2, 7) == 1,
	   "it comes back as it was");
	account_free(a);
}

/*
 * A sender that releases, forgets, and makes catalogues; a receiver that gets some of them.  The model: a number is
 * lost exactly when it was given, is in no complete generation that came, nor in a page of another one, and the
 * newest complete one that came is not older than a head that covers it.
 */
struct history {
	uint64_t newest[ROUTES];
	bool is_offered[ROUTES][NUMBERS];
	bool is_named[ROUTES][NUMBERS];   /* at the receiver */
	bool is_told[ROUTES][NUMBERS];
	uint64_t covered[ROUTES], covered_by[ROUTES]; /* by the newest head that came, and its generation */
	uint64_t generation, complete;
	size_t wrong;
};

struct telling {
	struct history *h;
};

static int tell(void *context, const struct account_run *run)
{
	struct history *h = ((struct telling *)context)->h;
	for (uint64_t n = run->first; n <= run->last; n++) {
		bool *told = &h->is_told[run->route_id - 1][n];
		h->wrong += *told || h->is_named[run->route_id - 1][n];
		*told = true;
	}
	return 0;
}

/* A catalogue goes, of which everything or only a part comes. */
static void announce(struct history *h, struct account *a, uint64_t *random)
{
	bool is_whole = test_random(random) % 3 != 0;
	h->generation++;
	for (uint16_t route = 0; route < ROUTES; route++) {
		if (test_random(random) % 4 != 0) {
			const struct account_head head = {.epoch = 1, .route_id = (uint16_t)(route + 1), .first = 1,
							  .newest = h->newest[route], .by = 1,
							  .generation = h->generation, .time_s = h->generation};
			if (account_take_head(a, &head) != 0)
				abort();
			h->covered[route] = h->newest[route];
			h->covered_by[route] = h->generation;
		}
		for (uint64_t n = 1; n <= h->newest[route]; n++)
			if (h->is_offered[route][n] && (is_whole || test_random(random) % 2 == 0)) {
				name(a, 1, (uint16_t)(route + 1), n);
				h->is_named[route][n] = true;
			}
	}
	if (is_whole)
		h->complete = h->generation;
}

static void compare(struct history *h)
{
	for (uint16_t route = 0; route < ROUTES; route++)
		for (uint64_t n = 1; n < NUMBERS; n++) {
			bool is_lost = n <= h->covered[route] && h->covered_by[route] <= h->complete &&
				       !h->is_named[route][n];
			h->wrong += is_lost != h->is_told[route][n] && !(h->is_told[route][n] && !h->is_named[route][n]);
		}
}

static void step(struct history *h, struct account **a, uint64_t *random)
{
	uint16_t route = (uint16_t)(test_random(random) % ROUTES);
	switch (test_random(random) % 6) {
	case 0: /* the receiver starts again */
		*a = again(*a);
		break;
	case 1: /* what was offered is removed */
		for (uint64_t n = 1; n <= h->newest[route]; n++)
			if (test_random(random) % 2 == 0)
				h->is_offered[route][n] = false;
		break;
	case 2:
	case 3:
		announce(h, *a, random);
		if (account_settle(*a, 1, h->complete, tell, &(struct telling){h}) != 0)
			abort();
		compare(h);
		break;
	default:
		for (uint64_t more = 1 + test_random(random) % 6; more > 0 && h->newest[route] + 1 < NUMBERS; more--)
			h->is_offered[route][++h->newest[route]] = true;
	}
}

static void random_histories(uint64_t *random)
{
	size_t wrong = 0, told = 0, given = 0;
	for (int i = 0; i < HISTORIES; i++) {
		struct history h = {.generation = 0};
		struct account *a = account_new();
		for (int j = 0; j < STEPS; j++)
			step(&h, &a, random);
		wrong += h.wrong;
		for (uint16_t route = 0; route < ROUTES; route++) {
			given += h.newest[route];
			for (uint64_t n = 1; n < NUMBERS; n++)
				told += h.is_told[route][n];
		}
		account_free(a);
	}
	note("%d histories, %zu numbers, %zu of them lost unseen", HISTORIES, given, told);
	ok(told > 0, "in random histories numbers are lost unseen");
	is_number((int64_t)wrong, 0, "none is told of wrongly, none is missed, none is told of twice");
}

int main(void)
{
	uint64_t random = test_seed();
	numbers_never_named();
	an_epoch_is_continued();
	before_the_first_time();
	going_back();
	limits();
	bytes();
	random_histories(&random);
	return done_testing();
}
