/*
 * plan: what of a released bundle goes next, and when.  A pure function of what has gone and of the time: it
 * asks no clock, opens no file, and the simulator runs it as it is.
 *
 * A bundle first has its passes; each sends the k source and the r repair rows of every block.  Then, when an
 * outage is to be survived that takes more of a block than its r rows restore, come late rows, no sooner than
 * the outage lasts after the last pass: an outage that takes any of the late rows has taken none before them,
 * and one that has taken rows of a pass is over before they begin.  That is the work.
 *
 * Then it heals until it is not offered any more: by turns one more portion of further repair rows (LINK.md 3),
 * which mends what came in part for an eighth of the cost, and a whole pass.  The first soon, each later one
 * after twice the time, up to PLAN_HEAL_LAST_MS: so whoever was away, or has lost everything, gets a whole pass
 * within two of these, if the share of the rate allows it, and a link with little to heal is mostly quiet.
 */
#ifndef WEIR_PLAN_H
#define WEIR_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/geometry.h"

enum { PLAN_HEAL_FIRST_MS = 1000, PLAN_HEAL_LAST_MS = 300000 };

struct plan_terms {
	uint64_t rate_bits_per_s;    /* of IP packets */
	uint32_t mtu;
	uint32_t passes;             /* at least 1 */
	uint32_t survive_outage_ms;  /* 0: no late rows */
};

/* Rows of blocks that are sent in one go. */
struct plan_step {
	uint64_t not_before_ms;      /* 0: at once */
	uint32_t first_block, block_end;
	uint8_t first_row, row_end;
};

/* How far one bundle is.  Zeros: nothing of it has gone. */
struct plan {
	uint32_t passes;             /* whole ones that have ended, of work and of healing */
	bool has_late;               /* the late rows have gone, too */
	uint64_t ended_ms;           /* when the last step did */
	uint32_t heals;              /* portions and passes of healing that have ended */
	uint32_t block;              /* of the one that is under way: the next */
	uint32_t resent;             /* further rows that went because somebody asked, from the last one down */
};

/* The late rows of each block: how many, from *first_row on.  0: the rows of a pass suffice. */
uint32_t plan_late_rows(const struct geometry *g, const struct plan_terms *terms, uint32_t *first_row);

/* What is to go as work; false when that is done. */
bool plan_work(struct plan_step *out, const struct plan *plan, const struct geometry *g,
	       const struct plan_terms *terms);
/* That has gone, at this time. */
void plan_work_ended(struct plan *plan, const struct plan_terms *terms, uint64_t now_ms);

/* What is to go when the link is idle: one block of it at a time. */
void plan_heal(struct plan_step *out, const struct plan *plan, const struct geometry *g);
void plan_heal_ended(struct plan *plan, const struct geometry *g, uint64_t now_ms);

/*
 * What a person asks to be sent once more (RESEND.md): a block or RESEND_ALL, and so many further rows of each, or
 * 0: a whole pass.  VERDICT_BAD_LIMIT when there is no such block, or not as many further rows.  Further rows are
 * taken from the last one down, since healing begins at the first: so both send what has not gone yet.
 */
int plan_resend(struct plan_step *out, const struct plan *plan, const struct geometry *g, uint32_t block, uint8_t rows);
/* It has gone; what one asks for next goes on below these rows. */
void plan_resend_ended(struct plan *plan, const struct plan_step *step, const struct geometry *g);

/* Whether a is more exposed than b: healed less often, or as often and longer ago. */
bool plan_is_before(const struct plan *a, const struct plan *b);

/* Bytes of payload of a step. */
uint64_t plan_step_bytes(const struct plan_step *step, const struct geometry *g);

#endif
