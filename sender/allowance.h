/*
 * allowance: what the caps of a route and the standing orders allow, counted from what is in the spool and
 * from what was removed before its day was over (spent.h).  Days are those of UTC.  A day counts what was
 * pushed, or released, on it; and whatever a clock that was set back makes a thing of the future.
 */
#ifndef WEIR_ALLOWANCE_H
#define WEIR_ALLOWANCE_H

#include "spent.h"
#include "standing.h"

struct allowance {
	struct spool *spool;
	struct standing *standing;
	struct spent *spent;
};

/*
 * What was pushed on the route on the day of the statement and not refused, with this one, against the route's
 * caps; and this one alone.  VERDICT_CAP_REACHED.
 */
int allowance_caps(const struct allowance *allowance, const struct route *route,
		   const struct statement *statement, const struct tally *tally, uint64_t now);

/*
 * As it comes in: whether a push under a standing order keeps within it, with all that were pushed under it on
 * that day, whichever began first: its counts are known here, unlike in judgement.h.  0 for the push of a
 * person; VERDICT_BEYOND_ORDER, VERDICT_REVOKED.
 */
int allowance_push(const struct allowance *allowance, const struct statement *statement,
		   const struct dossier *dossier, uint64_t now);
/* At its release: what was found then, and whether its order was revoked since.  The same verdicts. */
int allowance_push_stands(const struct allowance *allowance, const struct dossier *dossier);

/*
 * Puts a standing order that covers it now into the dossier, durably, and among those who stand for it.
 * VERDICT_TOO_FEW_APPROVALS when there is none.
 */
int allowance_release(const struct allowance *allowance, const struct registry *registry,
		      struct spool_item *item, uint64_t now, struct dossier *dossier,
		      struct endorsements *out);
/* How many were released under this order today. */
uint32_t allowance_released_today(const struct allowance *allowance, const struct order *order,
				  uint64_t now);

#endif
