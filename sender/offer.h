/*
 * offer: the signed messages that say what the sender has: the pages of the catalogue, the heads, the heartbeat.
 * LINK.md 2.  Made from the spool by hold, handed to emit in the orders page.
 */
#ifndef WEIR_OFFER_H
#define WEIR_OFFER_H

#include "orders.h"
#include "paging.h"
#include "releaser.h"

/* What the newest catalogue was made of. */
struct offer {
	uint64_t generation;
	uint32_t bundle_count;
	struct paging paging;
	struct control_message pages[ORDERS_CONTROL_MAX]; /* as they were made last */
	/* the newest heads, and what they say */
	uint64_t heads_made; /* the generation they were made with */
	uint32_t heads_count;
	struct control_message heads[ORDERS_HEADS_MAX];
	uint64_t heads_epoch;
	size_t route_count;
	struct route_head routes[ORDERS_HEADS_MAX * HEADS_MAX];
};

struct geometry offer_geometry(const struct spool_item *item);
/* What the catalogue says of a released bundle, which is offered until then, or its destroy-by date. */
void offer_entry(struct entry *entry, const struct spool_item *item, uint64_t until);

/*
 * Makes anew, and signs, the pages on which something has changed; they are a new generation then.  0, or an error of
 * spool_count_up, or -ENOMEM: then the same pages are made the next time, and none of pages is to be used before.
 */
int offer_catalogue(struct offer *offer, const struct releaser *releaser);

/*
 * After a new catalogue: makes the heads of all routes of the registry anew when one of them has changed; then
 * heads_made is another.  0 or -ENOMEM.
 */
int offer_heads(struct offer *offer, const struct releaser *releaser);

/* What the heartbeat says beside that. */
struct offer_news {
	uint64_t datagrams; /* that emit has sent */
	uint64_t waiting;   /* as in struct heartbeat */
};
/* The next heartbeat, signed; *beat is its number.  0 or an error of spool_count_up. */
int offer_heartbeat(const struct offer *offer, const struct releaser *releaser, const struct offer_news *news,
		    struct control_message *out, uint64_t *beat);

#endif
