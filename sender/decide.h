/*
 * decide: what people decide about bundles that wait, and about standing orders.  Each decision is judged
 * by the registry, written down whether it counts or not, and only then done.
 */
#ifndef WEIR_DECIDE_H
#define WEIR_DECIDE_H

#include "releaser.h"

/*
 * An officer's approval or, of what a machine has pushed beyond its order, the signature of the person who
 * answers for it.  Durable when the result is 0; one that was the last needed releases the bundle at once.
 * VERDICT_NO_SUCH_BUNDLE, VERDICT_NOT_WAITING, VERDICT_ALREADY_APPROVED, those of approval_check and push_check.
 */
int decide_approve(struct releaser *releaser, const struct ledger_who *peer,
		   const struct local_approve *approve, struct spool_item **item);
/* The refusal of an officer, or of the person whom it waits for, removes the bundle. */
int decide_deny(struct releaser *releaser, const struct ledger_who *peer, const struct local_deny *deny);

/*
 * A standing order of officers, and the end of one; standing.h.  Whatever waits and is covered by the order is
 * released at once; *released says how many that were.
 */
int decide_order(struct releaser *releaser, const struct ledger_who *peer, const struct order *order,
		 size_t *released);
int decide_revoke(struct releaser *releaser, const struct ledger_who *peer,
		  const struct revocation *revocation);

#endif
