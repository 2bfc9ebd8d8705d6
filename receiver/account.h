/*
 * account: which numbers of each route the sender has given, as far as this box was told.  VAULT.md, `heard`.
 *
 * A route's numbers begin at `first` in each epoch of the sender and go up by one with each release.  The signed
 * heads (LINK.md 2) say how far they have come; a page of the catalogue names a bundle.  A number that a head
 * covers, which no page has ever named here, and which the complete generation at hand does not name although it
 * is not older than the head, can no longer be named: it was lost unseen.
 *
 * Pure: no clock, no file.  For each epoch and route it keeps runs of numbers that are settled: named once, or
 * reported as lost.  In order, that is one run.  Not for several threads.
 */
#ifndef WEIR_ACCOUNT_H
#define WEIR_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/datagram.h"

enum {
	ACCOUNT_ROUTES_MAX = 4096, /* routes of all epochs together; beyond it those of the oldest epoch go */
	ACCOUNT_RUNS_MAX = 131072, /* of numbers, together; beyond it nothing more is noted */
};

/* Numbers first to last of one route, both included. */
struct account_run {
	uint64_t epoch;
	uint16_t route_id;
	uint64_t first, last;
};

struct account;
struct account *account_new(void); /* NULL: out of memory */
void account_free(struct account *account);

/* A page has named it.  0, also when it was before; -ENOMEM; -ENOSPC: ACCOUNT_RUNS_MAX. */
int account_name(struct account *account, const struct bundle_id *id);

/*
 * A head: numbers first to newest (first - 1: none yet) were given on this route before generation `generation`
 * of the catalogue of epoch `by` was made.  epoch is `by`, or an earlier one that it continues.  What says less
 * than is known changes nothing.  0, -ENOMEM, -ENOSPC.
 */
struct account_head {
	uint64_t epoch;
	uint16_t route_id;
	uint64_t first, newest;
	uint64_t by, generation;
};
int account_head(struct account *account, const struct account_head *head);

/* The highest number of the route that was named or covered by a head; 0: none. */
uint64_t account_highest(const struct account *account, uint64_t epoch, uint16_t route_id);
uint64_t account_highest_named(const struct account *account, uint64_t epoch, uint16_t route_id);

/*
 * Generation `generation` of epoch `by` is complete, and account_name has been called for all that it names.
 * lost is called for each run of numbers that are lost unseen; those for which it gives 0 are settled, the others
 * come again with the next call.  0, or -ENOSPC when some could not be noted as settled (they come again, too).
 */
typedef int account_visit(void *context, const struct account_run *run);
int account_settle(struct account *account, uint64_t by, uint64_t generation, account_visit *lost, void *context);

/* Each route of each epoch with its highest number (first is 1 or where it begins), oldest epoch first. */
void account_each(const struct account *account, account_visit *visit, void *context);

/* As bytes for a file, the caller's to free; and from them.  -ENOMEM; a positive verdict for bytes that are none. */
int account_encode(const struct account *account, uint8_t **out, size_t *len);
int account_decode(struct account **out, const uint8_t *bytes, size_t len);
/* Whether anything has changed since account_encode. */
bool account_has_changed(const struct account *account);

#endif
