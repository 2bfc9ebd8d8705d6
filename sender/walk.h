/*
 * walk: the way through the rows of a step, symbol by symbol, in the order of sending.  LINK.md 3.
 */
#ifndef WEIR_WALK_H
#define WEIR_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

/* What goes next.  It stands on a row that has something to send, or has ended. */
struct walk {
	uint32_t block;
	uint32_t row;
	uint32_t symbol;
};

/* At the first row that has something to send; false when none has. */
bool walk_begin(struct walk *walk, const struct plan_step *step, const struct geometry *g);
/* Symbols of its row that have not gone yet. */
uint32_t walk_left(const struct walk *walk, const struct geometry *g);
/* From the end of a row to the next that has something to send; false when there is none. */
bool walk_next_row(struct walk *walk, const struct plan_step *step, const struct geometry *g);

#endif
