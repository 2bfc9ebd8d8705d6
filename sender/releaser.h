/*
 * releaser: hold's judgement.  Who may push is decided here a second time, by the process that seal
 * cannot reach into; what is good gets its number and the box's signature.
 */
#ifndef WEIR_RELEASER_H
#define WEIR_RELEASER_H

#include <stdbool.h>

#include "setup.h"
#include "spool.h"

struct releaser {
	struct setup *setup;
	struct key *box;
	struct spool *spool;
	int box_verdict;  /* of this box's own key, as last told */
	bool has_changed; /* the catalogue has to be made anew; reset by whoever does */
};

/*
 * Loads setup->registry again and remembers its version in the spool (`registry-version`).
 * VERDICT_OLDER_REGISTRY for one that is older than any before; the one in use then stays.
 */
int releaser_reload(struct releaser *releaser, struct setup_problem *problem);
/* The same for the registry that is loaded already, at the start. */
int releaser_remember(struct releaser *releaser);

/* Tells, once, that the key of this box has ceased to count, or counts again.  Ask every minute. */
void releaser_watch_box(struct releaser *releaser);

/*
 * Whether the statement may be accepted now.  A registry version that this process does not know is
 * looked for on disk first.  *where is what a refusal is about.
 */
int releaser_judge(struct releaser *releaser, const struct statement *statement,
		   const uint8_t signature[static SUITE_SIGNATURE_BYTES], const char **where);

/* Releases a held item; tells of it as an event, also when it cannot. */
int releaser_release(struct releaser *releaser, struct spool_item *item);
/* Tries all held items, those first that had their number before a crash. */
void releaser_release_held(struct releaser *releaser);

/* Removes what is beyond the retention time. */
void releaser_retire(struct releaser *releaser);

#endif
