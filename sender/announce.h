/*
 * announce: which control message goes next.  LINK.md 2.
 *
 * First a page without which work cannot begin.  Heartbeats once each, as soon as they are there.  Then heads: four
 * times when they are new, and every five seconds.  Then pages that are to be repeated.  Then, every 100 ms, the next
 * page in turn, and the one with the newest bundle too while data flow; more often when there are so many pages that a whole
 * round would take longer than two seconds.  Every other time one that has changed and not gone since goes before its turn.
 */
#ifndef WEIR_ANNOUNCE_H
#define WEIR_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "orders.h"

enum {
	ANNOUNCE_REPEATS = 4,
	ANNOUNCE_INTERVAL_NS = 100000000, /* at most, between two pages in turn */
	ANNOUNCE_ROUND_NS = 2000000000,   /* at most, for all of them */
};
#define ANNOUNCE_HEADS_NS UINT64_C(5000000000)

/* Filled with zeros it has announced nothing. */
struct announcer {
	uint64_t epoch;
	uint64_t beat;              /* the last one that went */
	uint64_t heads_made;        /* which heads these are */
	uint32_t heads_left;        /* messages of them that are still to go, round by round */
	uint64_t heads_ns;          /* when they go again */
	uint64_t generation;
	uint32_t page_count;
	uint32_t turn;
	bool has_preferred;         /* what went last went before its turn */
	bool owes_newest;
	uint64_t next_ns;
	uint64_t newest_ns;         /* when the newest page last went in turn, or along */
	uint64_t generation_sent;   /* the newest of which every page went once */
	uint32_t sent_count;
	uint64_t made[ORDERS_CONTROL_MAX];       /* in which generation: another number for another page */
	bool is_sent[ORDERS_CONTROL_MAX];
	uint8_t repeats[ORDERS_CONTROL_MAX];     /* still to go */
	bool is_repeated[ORDERS_CONTROL_MAX];    /* all of them went */
	bool is_awaited[ORDERS_CONTROL_MAX];     /* the first of them goes before anything else */
};

/* After each new copy of the page: of a new generation those pages go that have changed, and the others on in their turn. */
void announce_update(struct announcer *a, const struct orders_page *orders);

/* Whether announce_next has a message. */
bool announce_is_due(const struct announcer *a, const struct orders_page *orders, uint64_t now_ns);

/*
 * The page that names an order, as that says: its index; -ENOENT when it does not; -EINVAL when it is named
 * with another geometry, so that no receiver would take it.
 */
int announce_find(const struct orders_page *orders, const struct task *order);

/*
 * How often this page has gone since it was made, and was asked for here, at most ANNOUNCE_REPEATS: until it has
 * gone as often it is due.  is_awaited: work waits for it.
 */
unsigned int announce_page(struct announcer *a, uint32_t page, bool is_awaited);
/* Whether work waits for a page that has not gone yet. */
bool announce_is_awaited(const struct announcer *a);

/* The message that is due at now_ns, or NULL.  It counts as sent. */
const struct control_message *announce_next(struct announcer *a, const struct orders_page *orders,
					    uint64_t now_ns, bool data_flows);

#endif
