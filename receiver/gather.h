/*
 * gather: symbols of large objects, gathered in memory until a window of the file is full.  VAULT.md 2.
 *
 * A window is written in one go past the kernel's cache (O_DIRECT) by threads of its own, and when it is a piece of the
 * hash tree it is hashed there as well, while it is in the processor's cache: nothing of it has to be read again when the
 * last byte has come.  Both cost less than copying it into new pages of the cache and reading them.
 *
 * Nothing is noted as here before it is written.  Until then whoever gives symbols keeps what they came in: gather_oldest
 * says from where on.
 *
 * What is not full after a while is written as far as it is there.  When the disk stalls, or its file system does not know
 * O_DIRECT, windows are written into the cache by the caller's thread instead.  It waits for the disk where nothing may be under
 * way any more (before a block is repaired, at its first repair row, for a second copy of what is being written, for files that
 * are closed) and when the budget is used up; what comes meanwhile is with whoever keeps it.
 */
#ifndef WEIR_GATHER_H
#define WEIR_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "bodytree.h"
#include "placement.h"

enum {
	GATHER_WINDOW_BYTES = BODYTREE_PIECE_SEGMENTS * SEGMENT_BYTES,
	GATHER_OBJECT_MIN = 4 * GATHER_WINDOW_BYTES, /* smaller ones are here at once anyway */
	GATHER_TARGETS_MAX = 8,                      /* bundles at a time */
	GATHER_FLIGHT_MAX = 6,                       /* windows that are being written at a time */
	GATHER_HOLD_MS = 100,
};
#define GATHER_NOTHING UINT64_MAX

struct gather_listener {
	struct placement_listener placement; /* but for dropped: what has no promised space is not gathered */
	/* All of a piece of the body was written and noted. */
	void (*hashed)(void *context, void *owner, uint64_t piece, const uint8_t hash[static SUITE_DIGEST_BYTES]);
	/* From one of gather's threads: something is done, gather_collect has work. */
	void (*notify)(void *context);
	void *notify_context;
};

struct gather;

/*
 * Its threads begin here.  budget_bytes: what its windows may hold of what the caller has to keep; at least
 * GATHER_BUDGET_MIN.  0 or -ENOMEM.
 */
enum { GATHER_BUDGET_MIN = 3 * GATHER_WINDOW_BYTES };
int gather_new(struct gather **out, const struct gather_listener *listener, uint64_t budget_bytes);
/* What waits is not written.  NULL is fine. */
void gather_free(struct gather *gather);

/* Whether objects of this geometry are gathered, and of them this row: those of a pass. */
bool gather_takes(const struct geometry *g, uint32_t row);

/* What follows came in what the caller knows by this number, which never falls. */
void gather_mark(struct gather *gather, uint64_t mark);
/* The lowest mark of what is not written yet; GATHER_NOTHING. */
uint64_t gather_oldest(struct gather *gather);

/* While the caller falls behind nothing is hashed: that can be done when the last byte has come. */
void gather_hurry(struct gather *gather, bool is_behind);

/* Takes a copy of one span.  As placement_add; when its files cannot be opened the listener's `failed` is told. */
enum span_use gather_add(struct gather *gather, void *owner, struct partial *partial, const struct span *span,
			 const uint8_t *payload);

/* Notes what has been written meanwhile. */
void gather_collect(struct gather *gather);
/*
 * The same, at this time of a clock in ms; writes what nothing was added to for GATHER_HOLD_MS, and at once all of a bundle that is
 * whole with it.
 */
void gather_turn(struct gather *gather, uint64_t now_ms);
/* Writes and notes everything. */
void gather_settle(struct gather *gather);
/* Forgets what is not written of this one, and lets go of its files.  Before it is closed. */
void gather_forget(struct gather *gather, const struct partial *partial);

#endif
