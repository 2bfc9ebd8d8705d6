/*
 * outgoing: what goes on the link next, and when: control before data, work before healing, each at its pace.
 * The decisions of transmit.h without its socket; time comes in as an argument.
 */
#ifndef WEIR_OUTGOING_H
#define WEIR_OUTGOING_H

#include "announce.h"
#include "pace.h"
#include "schedule.h"

struct outgoing {
	struct announcer announcer;
	struct schedule schedule[TASK_HEAL + 1];
	struct pace pace;
	struct pace heal;     /* when the next batch for healing may be made */
	bool is_flowing;      /* something has more to send now */
	bool is_working;      /* and some of it is work */
};

/* On one filled with zeros. */
void outgoing_start(struct outgoing *o, uint64_t rate_bits_per_s, uint64_t heal_bits_per_s, uint64_t now_ns);

void outgoing_add(struct outgoing *o, unsigned int slot, const struct task *task, uint64_t bytes);
void outgoing_remove(struct outgoing *o, unsigned int slot);

/* Before what the slots have is told anew. */
void outgoing_look(struct outgoing *o);
/* A slot that has more to send, and whether it can be sent at once. */
void outgoing_set(struct outgoing *o, unsigned int slot, enum task_kind kind, bool is_ready);

enum { OUTGOING_NOTHING = -1, OUTGOING_CONTROL = -2 };
/* The slot whose data are next; or *message, which counts as sent; or nothing. */
int outgoing_next(struct outgoing *o, const struct control_message **message, const struct orders_page *orders,
		  uint64_t now_ns);
/* Datagrams of one batch. */
unsigned int outgoing_batch(const struct outgoing *o, enum task_kind kind, size_t datagram_len);
/* A batch has been made of a slot's data. */
void outgoing_charge(struct outgoing *o, unsigned int slot, enum task_kind kind, uint64_t bytes);
/* It, or a control message, has gone. */
void outgoing_spend(struct outgoing *o, bool heals, unsigned int count, size_t payload_len, uint64_t now_ns);

/* When to look again while nothing can go. */
uint64_t outgoing_wake(const struct outgoing *o, uint64_t now_ns);

#endif
