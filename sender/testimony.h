/*
 * testimony: a small file outside the spool that says how far its life has come, so that a spool that was put back to
 * an older state is seen as such before it gives a number again.  SPOOL.md 7.
 *
 *   WITNESS   "epoch HEX\nledger N HASH\nbeat N\ngeneration N\n": replaced whole
 *
 * The page that hold shares with emit (orders.h) says the same while the machine runs, to the second.
 */
#ifndef WEIR_TESTIMONY_H
#define WEIR_TESTIMONY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ledgerline.h"
#include "orders.h"

enum {
	TESTIMONY_SOON_MS = 10000,  /* between two writes when the ledger has grown */
	TESTIMONY_LATE_MS = 600000, /* and when only beats were counted */
	TESTIMONY_NAME_BYTES = 256,
};

/* How far a spool has come. */
struct life {
	uint64_t epoch;
	struct ledger_head ledger;
	uint64_t beat, generation;
};

enum lapse {
	LAPSE_NONE,
	LAPSE_BACK,  /* it is as it was before */
	LAPSE_OTHER, /* it knows nothing of the epoch that was in use */
};
/*
 * Whether a spool that is as `now` can have been as `before`.  is_known: before's epoch is now's, or one that now's
 * continues.
 */
enum lapse testimony_compare(const struct life *before, const struct life *now, bool is_known);

/* What the page tells of; false when it tells nothing yet. */
bool testimony_of_page(struct life *out, const struct orders_page *page);

struct testimony {
	int dir_fd;
	char name[TESTIMONY_NAME_BYTES];
	struct life written;
	uint64_t written_ms;
};

/* The folder of the file, which must be there.  0, -ENAMETOOLONG, -errno.  Filled with -1 in dir_fd it is closed. */
int testimony_open(struct testimony *witness, const char *path);
void testimony_close(struct testimony *witness);
/* What it says.  0, -ENOENT, VERDICT_DAMAGED, -errno. */
int testimony_load(const struct testimony *witness, struct life *out);
int testimony_store(struct testimony *witness, const struct life *now, uint64_t now_ms);
/* Whether what is written is too old now. */
bool testimony_is_due(const struct testimony *witness, const struct life *now, uint64_t now_ms);

#endif
