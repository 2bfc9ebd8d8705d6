/*
 * custody: what people have ordered: holds of bundles of the vault, and purges that are not done yet; and their word
 * that losses are known.  VAULT.md 6.
 *
 *   vault/holds/CASE.ID   a hold, as it was signed; a case may have several
 *   vault/purges/ID       a purge, as it was signed, until all that it names is destroyed
 *
 * An order counts when its file is durable, and its entry is durable before anybody is told that it was taken.  One
 * thread calls.
 */
#ifndef WEIR_CUSTODY_H
#define WEIR_CUSTODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "annals.h"
#include "diary.h"
#include "lost.h"
#include "mandate.h"

enum {
	CUSTODY_MANDATES_MAX = 4096,
	CUSTODY_BUNDLES_MAX = 1048576, /* of all mandates: 24 MiB of memory */
};

struct custody;

struct custody_found {
	size_t damaged; /* files that are none; the first of them: */
	char name[64];
};

/*
 * Reads what is there; makes the folders with may_write.  Signatures were judged when it was taken.
 */
int custody_open(struct custody **out, int vault_fd, bool may_write, struct custody_found *found);
void custody_close(struct custody *custody); /* NULL is fine */

/* Whether a hold names it; out, when not NULL, is the first that does, whose pointers live until the next take. */
bool custody_holds(const struct custody *custody, const struct bundle_id *id, struct mandate *out);
/* The same of a purge. */
bool custody_purges(const struct custody *custody, const struct bundle_id *id, struct mandate *out);
size_t custody_count(const struct custody *custody);
const struct mandate *custody_at(const struct custody *custody, size_t index);

struct custody_site {
	struct diary *diary;
	struct annals *annals;
	struct lost *lost;
	const struct registry *registry;
	const uint8_t *box_key; /* KEY_ID_BYTES */
	const struct ledger_who *peer;
	uint64_t now_s;
};

/*
 * Takes an order that somebody brings.  0: it counts, and its entry is durable.  The verdicts of mandate_decode and
 * mandate_judge; VERDICT_NO_SUCH_BUNDLE, when one is not here (of a hold: or is being destroyed) or not listed as lost,
 * VERDICT_ON_HOLD, when one that is to be purged is held; VERDICT_BAD_ORDER, for a release that is not newer than the
 * hold, an acknowledgement that is older than the loss, a mandate that was taken before, or a case that is not held;
 * VERDICT_BAD_LIMIT; -errno, and then a part of the losses may be acknowledged.  What is refused is entered, too.
 */
int custody_take(struct custody *custody, const struct custody_site *site, const uint8_t *bytes, size_t len);

/* Removes the files of purges whose bundles are all destroyed.  0 or -errno. */
int custody_tidy(struct custody *custody, const struct annals *annals);

#endif
