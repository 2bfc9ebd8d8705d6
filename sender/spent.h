/*
 * spent: what a bundle counts for against caps and standing orders, and what those count for that were
 * removed before their day was over: a bundle is destroyed in time, and still counts.  SPOOL.md 6.
 *
 *   spool/spent/PUSHID   left behind by a bundle that was sent and removed, or refused and removed
 */
#ifndef WEIR_SPENT_H
#define WEIR_SPENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool.h"

struct spent;

enum {
	SPENT_MAX = 131072, /* in about two days */
	SPENDING_BYTES = 176,
};

struct spending {
	uint8_t push_id[PUSH_ID_BYTES];
	char route[NAME_BYTES];
	uint8_t person_key[KEY_ID_BYTES];
	uint64_t created;
	uint64_t released_at; /* 0: not yet */
	uint64_t bytes;       /* of plaintext */
	uint64_t records;
	uint8_t push_order[ORDER_ID_BYTES];    /* zero: none */
	uint8_t release_order[ORDER_ID_BYTES];
};

/* What an item of the spool counts for. */
void spending_of(struct spending *out, const struct spool_item *item);
void spending_encode(uint8_t out[static SPENDING_BYTES], const struct spending *spending);
/* Total.  VERDICT_TRUNCATED, VERDICT_TRAILING_BYTES, and the verdicts of SPOOL.md 6. */
int spending_decode(struct spending *out, const uint8_t *in, size_t len);

/* Loads what is there.  The spool's directory stays the caller's.  What cannot be read is left out: *bad says how many. */
int spent_open(struct spent **out, int spool_dir, size_t *bad);
void spent_close(struct spent *spent); /* NULL is fine */

/*
 * To be called before a sent item is removed at `now`: durable when the result is 0.  Keeps nothing when
 * nothing can be counted against it any more.  VERDICT_BAD_LIMIT when there are too many.
 */
int spent_add(struct spent *spent, const struct spool_item *item, uint64_t now);
/*
 * To be called when an officer has refused a held item: it counts for nothing, and its push id stays known as long as
 * the same push could be handed over again.  The same results.
 */
int spent_add_refused(struct spent *spent, const struct spool_item *item, uint64_t now);
bool spent_has(const struct spent *spent, const uint8_t push_id[static PUSH_ID_BYTES]);
size_t spent_count(const struct spent *spent);
const struct spending *spent_at(const struct spent *spent, size_t index);

/* Removes what nothing can be counted against any more. */
void spent_retire(struct spent *spent, uint64_t now);

#endif
