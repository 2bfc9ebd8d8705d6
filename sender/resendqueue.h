/*
 * resendqueue: what people have asked to be sent once more and the dispatcher has not ordered yet.
 *
 * In memory alone: what was asked before hold was started again is to be asked anew, which the receiver's gaps
 * show.  There is one entry for each bundle and block (all blocks are one more): asking twice changes
 * nothing, and of two different rows the more are sent.  A queue filled with zeros is empty.
 */
#ifndef WEIR_RESENDQUEUE_H
#define WEIR_RESENDQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/resendcode.h"
#include "spool.h"

enum { RESENDQUEUE_MAX = 256 };

struct resendqueue {
	size_t count;
	struct resend_entry {
		uint8_t push_id[PUSH_ID_BYTES]; /* a pointer to an item would not outlive its removal */
		uint32_t block;
		uint8_t rows;
	} entries[RESENDQUEUE_MAX];
};

/* What is to be sent: a block or RESEND_ALL; so many further repair rows of each, or 0: a whole pass. */
struct resend_request {
	struct spool_item *item;
	uint32_t block;
	uint8_t rows;
};

/* Whether resendqueue_add would take it. */
bool resendqueue_has_room(const struct resendqueue *queue, const struct resend_request *request);
/* At the end.  *was_there: nothing, or nothing but rows, has changed.  VERDICT_BAD_LIMIT: it is full. */
int resendqueue_add(struct resendqueue *queue, const struct resend_request *request, bool *was_there);

/*
 * The request at this place, oldest first; false behind the last.  Requests of bundles that are gone are
 * dropped on the way.
 */
bool resendqueue_at(struct resendqueue *queue, struct spool *spool, size_t index, struct resend_request *out);
/* The request that resendqueue_at has just given for this place is ordered now. */
void resendqueue_remove(struct resendqueue *queue, size_t index);

/* How many requests there are of a bundle. */
uint32_t resendqueue_count_of(const struct resendqueue *queue, const struct spool_item *item);

#endif
