/*
 * recall: what the ledger of the vault knows of destroyed bundles, for annals that were lost or put back.
 */
#ifndef WEIR_RECALL_H
#define WEIR_RECALL_H

#include <stddef.h>

#include "annals.h"

/*
 * Notes as destroyed what an entry says was, and the annals do not know, unless its file lies in bundles/.  *count:
 * how many.  0; -errno; the verdicts of annals_write.
 */
int recall_destroyed(size_t *count, struct annals *annals, int vault_fd);

#endif
