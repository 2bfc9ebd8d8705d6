/*
 * releaser: hold's judgement.  Who may push is decided here a second time, by the process that seal
 * cannot reach into; what is good gets its number and the box's signature.
 */
#ifndef WEIR_RELEASER_H
#define WEIR_RELEASER_H

#include <stdbool.h>

#include "allowance.h"
#include "book.h"
#include "common/expiry.h"
#include "common/watch.h"
#include "local.h"
#include "resendqueue.h"
#include "setup.h"

struct releaser {
	struct setup *setup;
	struct key *box;
	struct book *book;
	struct allowance allowance; /* the spool and the standing orders */
	struct watch watch; /* of the registry's file */
	int box_verdict;    /* of this box's own key, as last told */
	bool has_changed;   /* the catalogue has to be made anew; reset by whoever does */
	bool has_new_rules; /* what is held has to be judged again */
	struct expiry_watch expiry;
	struct resendqueue resends; /* that people have asked for; resend.h */
	int crossing;       /* what keeps the registry from being sent, as last told; registrar.h */
};

/*
 * Loads setup->registry again, remembers its version in the spool (`registry-version`), tells of it and writes
 * it down.  What cannot be used is told of, too; the one in use then stays.
 */
void releaser_reload(struct releaser *releaser);
/*
 * Ask every second: does the same when another file has been put in place, and tells of each only once.  What
 * is held is judged again under a registry that is new; then true.
 */
bool releaser_follow(struct releaser *releaser);
/* Remembers the version of the registry that is loaded already, at the start. */
int releaser_remember(struct releaser *releaser);

/* Tells once a day what the registry lets end soon.  Ask now and then. */
void releaser_watch_expiry(struct releaser *releaser);
/* Tells, once, that the key of this box has ceased to count, or counts again.  Ask every minute. */
void releaser_watch_box(struct releaser *releaser);

/*
 * Whether what seal hands over may be accepted now: who pushes it, under which rules, and whether the caps of
 * the route allow it today (UTC).  A registry version that this process does not know is looked for on disk
 * first.  Notes in the dossier whether a machine exceeds its standing order: such a push is accepted and waits for
 * people.  *where is what a refusal is about, and lives as long as commit and the registry.
 */
int releaser_judge(struct releaser *releaser, struct local_commit *commit, const char **where);

/* Whether the body that begins with this segment is sealed to the recipients of its route, and to nobody else. */
int releaser_judge_head(const struct releaser *releaser, const struct statement *statement,
			const uint8_t segment[static SEGMENT_BYTES], const char **where);

/*
 * Releases a held item that has the approvals its route demands, or that a standing order covers; tells of it
 * as an event, also when it cannot.  VERDICT_TOO_FEW_APPROVALS, VERDICT_BEYOND_ORDER and, of a push whose
 * order was revoked after it, VERDICT_REVOKED: it waits for people.
 */
int releaser_release(struct releaser *releaser, struct spool_item *item);
/* How many officers of its route it needs; 0 when the route is gone. */
uint32_t releaser_quorum(const struct releaser *releaser, const struct spool_item *item);

/* Tries all held items, those first that had their number before a crash; gives how many were released. */
size_t releaser_release_held(struct releaser *releaser);

/* Removes what is beyond the retention time, and what is left of orders that have ended. */
void releaser_retire(struct releaser *releaser);
/*
 * Takes a held item back that was refused: it is never released, also when it cannot be removed now; then that is
 * tried again with releaser_retire.  The item is not used any more, whatever the result.
 */
int releaser_take_back(struct releaser *releaser, struct spool_item *item);

#endif
