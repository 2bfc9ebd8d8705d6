/*
 * allowance: what the caps of a route and the standing orders allow, counted from what is in the spool, which
 * keeps everything that it sends for at least a day.  Days are those of UTC.
 */
#ifndef WEIR_ALLOWANCE_H
#define WEIR_ALLOWANCE_H

#include "spool.h"
#include "standing.h"

struct allowance {
	struct spool *spool;
	struct standing *standing;
};

/*
 * What was pushed on the route on the day of the statement and not refused, with this one, against the route's
 * caps; and this one alone.  VERDICT_CAP_REACHED.
 */
int allowance_caps(const struct allowance *allowance, const struct route *route,
		   const struct statement *statement, const struct tally *tally);

/*
 * Whether a push under a standing order keeps within it: its counts are known here, unlike in judgement.h.
 * 0 for the push of a person; VERDICT_BEYOND_ORDER, VERDICT_REVOKED.
 */
int allowance_push(const struct allowance *allowance, const struct statement *statement,
		   const struct dossier *dossier);

/*
 * Puts a standing order that covers it now into the dossier, durably, and among those who stand for it.
 * VERDICT_TOO_FEW_APPROVALS when there is none.
 */
int allowance_release(const struct allowance *allowance, const struct registry *registry,
		      struct spool_item *item, uint64_t now, struct dossier *dossier,
		      struct endorsements *out);

#endif
