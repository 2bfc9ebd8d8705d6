/*
 * outgoing: what goes on the link next, and when: work before healing, each at its pace, and control before both,
 * but not two such messages one after the other while data can go.  The decisions of transmit.h without its socket;
 * time comes in as an argument.
 *
 * Only work is decided before it can go.  So in the way of work that is ordered while the link heals there is what
 * has just gone, a batch or a message, and then the page that names it, a datagram: its first data go when these are
 * through, and when nothing was on its way, OUTGOING_LOOK_NS later at most.
 */
#ifndef WEIR_OUTGOING_H
#define WEIR_OUTGOING_H

#include "announce.h"
#include "pace.h"
#include "schedule.h"

enum { OUTGOING_LOOK_NS = 2000000 }; /* how soon a new order is seen when nothing goes */

struct outgoing {
	struct announcer announcer;
	struct schedule schedule[TASK_HEAL + 1];
	struct pace pace;
	struct pace heal;     /* when the next batch for healing may be made */
	bool is_flowing;      /* something has more to send now */
	bool is_working;      /* and some of it is work */
	bool was_message;     /* what went last */
};

/* On one filled with zeros.  datagram_len: of a full one, and of each message. */
void outgoing_start(struct outgoing *o, uint64_t rate_bits_per_s, uint64_t heal_bits_per_s, size_t datagram_len,
		    uint64_t now_ns);

void outgoing_add(struct outgoing *o, unsigned int slot, const struct task *task, uint64_t bytes);
void outgoing_remove(struct outgoing *o, unsigned int slot);

/* Before what the slots have is told anew. */
void outgoing_look(struct outgoing *o);
/* A slot that has more to send, and whether it can be sent at once. */
void outgoing_set(struct outgoing *o, unsigned int slot, enum task_kind kind, bool is_ready);

/* From when on anything can go. */
uint64_t outgoing_due(const struct outgoing *o);

enum { OUTGOING_NOTHING = -1, OUTGOING_CONTROL = -2 };
/*
 * The slot whose data are next; or *message, which counts as sent; or nothing.  Before its time, as outgoing_due says,
 * work whose turn it will be then.
 */
int outgoing_next(struct outgoing *o, const struct control_message **message, const struct orders_page *orders,
		  uint64_t now_ns);
/* Datagrams of one batch. */
unsigned int outgoing_batch(const struct outgoing *o, enum task_kind kind);
/* A batch has been made of a slot's data. */
void outgoing_charge(struct outgoing *o, unsigned int slot, enum task_kind kind, uint64_t bytes);
/* It, or a control message, has gone. */
void outgoing_spend(struct outgoing *o, bool heals, unsigned int count, size_t payload_len, uint64_t now_ns);

/* When to look again while nothing can go. */
uint64_t outgoing_wake(const struct outgoing *o, uint64_t now_ns);

#endif
