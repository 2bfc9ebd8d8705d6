/*
 * schedule: whose turn it is.  Deficit round robin over the bundles on the link.
 *
 * In each round every bundle that is ready gets credit for SCHEDULE_QUANTUM bytes, times its weight
 * (priority 1 has weight 9, priority 9 weight 1).  Within a round the better priority goes first,
 * then what has less left.  A bundle that comes anew has its credit at once, so it goes in the
 * running round; and since no turn is longer than one batch, a small one never waits for a big one,
 * nor does a big one starve.
 */
#ifndef WEIR_SCHEDULE_H
#define WEIR_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "orders.h"

enum { SCHEDULE_QUANTUM = 65536, PRIORITY_WORST = 9 };

struct turn {
	bool is_used;
	bool is_ready;
	uint8_t priority;   /* 1 first … 9; others count as 9 */
	uint64_t left;      /* bytes still to send */
	int64_t credit;     /* bytes */
};

struct schedule {
	struct turn turns[ORDERS_MAX];
};

/* A schedule filled with zeros is empty.  A slot's number is the caller's. */
void schedule_add(struct schedule *s, unsigned int slot, uint8_t priority, uint64_t left);
void schedule_remove(struct schedule *s, unsigned int slot);
/* A bundle that is not ready is passed over, and gathers no credit meanwhile. */
void schedule_set_ready(struct schedule *s, unsigned int slot, bool is_ready);

/* The slot whose turn it is, or -1 when none is ready. */
int schedule_next(struct schedule *s);
/* After a turn: so many bytes went. */
void schedule_charge(struct schedule *s, unsigned int slot, uint64_t bytes);

#endif
