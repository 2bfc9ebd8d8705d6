/*
 * entering: a part of reception, in a file of its own: what must be in the ledger before an arrival goes on.
 * VAULT.md 3 and 4.
 *
 *   judged right -> "verified" is durable -> rename into the vault -> noted in the annals
 *                -> "delivered" is durable                                              -> partial/ID goes
 *   refused      -> "delivery.refused" is durable                                           -> partial/ID goes
 *
 * So nothing is in the vault that the ledger does not know of, whenever keep or the machine dies, and what
 * was done without an entry is known by the rest that lies in partial/.
 */
#ifndef WEIR_ENTERING_H
#define WEIR_ENTERING_H

#include <stdbool.h>

#include "reception.h"

/* Whether there is anything to add. */
bool entering_owes(const struct reception *reception);
/* Adds all entries that are owed; a bundle is not verified while the ledger has no room but its last. */
void entering_add(struct reception *reception);
/* After diary_commit, with its result: what was added goes on, or is added again the next time. */
void entering_commit(struct reception *reception, int result);

/* Whether a bundle that is named was delivered or destroyed, by the annals and by what lies in bundles/. */
bool entering_is_done(const struct reception *reception, const struct bundle_id *id, const char *name);

/*
 * At the start, before the other: what lies in bundles/ and is not in the annals gets a record and, unless the
 * annals are new or were damaged, so that the ledger may have it, an entry.  0, -errno, or a verdict of annals_write.
 * What the ledger does not take now is told of, and found by the next start.
 */
int entering_record(struct reception *reception, bool annals_are_doubtful);

/*
 * At the start: deliveries and refusals that were done, and have no entry.  Writes them, and removes what
 * is left in partial/.  0, or why one of them still lies there; then it is found by the next start.
 */
int entering_find(struct reception *reception);

#endif
