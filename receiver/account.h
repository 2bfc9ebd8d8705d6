/*
 * account: which numbers of each route the sender has given, as far as this box was told.  VAULT.md 11.
 *
 * A route's numbers go up by one with each release of an epoch.  The signed heads (LINK.md 2) say how far they have
 * come; the catalogue names bundles.  A number that a head covers, which no complete generation has ever named here, and
 * which one not older than the head does not name either, can no longer be named: it was lost unseen.
 *
 * Pure: no clock, no file.  For each epoch and route it keeps runs of numbers that are settled: named once, or
 * told of as lost.  When all is in order that is one run.
 */
#ifndef WEIR_ACCOUNT_H
#define WEIR_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cursor.h"
#include "common/datagram.h"

enum {
	ACCOUNT_ROUTES_MAX = 4096, /* of all epochs together; beyond it those of the oldest epoch are forgotten */
	ACCOUNT_RUNS_MAX = 131072, /* together; beyond it nothing more is noted */
};

/* Numbers first to last of one route, both included. */
struct account_run {
	uint64_t epoch;
	uint16_t route_id;
	uint64_t first, last;
	bool is_before; /* given before this box first heard of the sender: nobody knows what became of them */
};

struct account;
struct account *account_new(void); /* NULL: out of memory */
void account_free(struct account *account); /* NULL is fine */

/* A page signed at time_s names it, of a generation that may not be complete: only its number counts.  -ENOMEM. */
int account_note(struct account *account, const struct bundle_id *id, uint64_t time_s);
/* A complete generation names it: settled.  0, also when it was before; -ENOMEM; -ENOSPC: ACCOUNT_RUNS_MAX. */
int account_name(struct account *account, const struct bundle_id *id, uint64_t time_s);

/*
 * What heads say that were signed at time_s: numbers first to newest (first - 1: none yet) of this route were given
 * before generation `generation` of epoch `by` was made.  epoch is `by`, or the one that it continues.  A head of
 * an older generation than is known changes nothing.  0, -ENOMEM.
 */
struct account_head {
	uint64_t epoch;
	uint16_t route_id;
	uint64_t first, newest;
	uint64_t by, generation;
	uint64_t time_s;
	bool is_first; /* this box hears of the sender for the first time: what is not named now was before that */
};
int account_take_head(struct account *account, const struct account_head *head);

/*
 * Whether it says of its own epoch that fewer numbers were given than an older message said: the sender's state
 * went back.
 */
bool account_went_back(const struct account *account, const struct account_head *head);

/* The highest number of the route that was named or covered by a head of its own epoch; 0: none. */
uint64_t account_highest(const struct account *account, uint64_t epoch, uint16_t route_id);
/* Where the row begins that the newest head covers; 0: no head was heard. */
uint64_t account_first(const struct account *account, uint64_t epoch, uint16_t route_id);
/* The highest number of the route that was named or covered, over all epochs but these two; 0: none. */
uint64_t account_highest_of_others(const struct account *account, uint64_t epoch, uint64_t before, uint16_t route_id);

/*
 * Generation `generation` of epoch `by` is complete, and account_name was called for all that it names.  lost is
 * called for each run of numbers that are lost unseen; where it gives 0 they are settled, otherwise they come again
 * the next time.  0, -ENOMEM, -ENOSPC.
 */
typedef int account_visit(void *context, const struct account_run *run);
int account_settle(struct account *account, uint64_t by, uint64_t generation, account_visit *lost, void *context);

/* Nothing more can be noted. */
bool account_is_full(const struct account *account);

/* Each route of each epoch, 1 to its highest number.  A result of the visit that is not 0 ends it. */
int account_each_route(const struct account *account, account_visit *visit, void *context);

/* How many bytes account_write writes, and account_read reads: 0, -ENOMEM, VERDICT_TRUNCATED, VERDICT_BAD_LIMIT,
   VERDICT_BAD_ORDER.  The account is written only when the result is 0. */
size_t account_bytes(const struct account *account);
void account_write(const struct account *account, struct writer *w);
int account_read(struct account **out, struct reader *r);
/* One more for each change. */
uint64_t account_changes(const struct account *account);

#endif
