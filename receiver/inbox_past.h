/*
 * inbox_past: what `gaps` knows of bundles that are not in bundles/: destroyed, brought by another number, damaged.
 * It speaks.
 */
#ifndef WEIR_INBOX_PAST_H
#define WEIR_INBOX_PAST_H

#include "annals.h"
#include "inbox.h"

enum inbox_fate {
	FATE_NONE,      /* it is missing */
	FATE_DELIVERED, /* under the name that its route had then, or its push under another number */
	FATE_DESTROYED,
};

enum inbox_fate inbox_fate_of(const struct annals *annals, int vault_fd, const struct bundle_id *id);

/* When it was found damaged; 0: it was not, or has come again. */
uint64_t inbox_damaged_s(const struct annals *annals, const struct bundle_id *id);
/*
 * Tells of each bundle that was found damaged, has not come again, and of which no person has taken note, as lines or into the array, but for those that
 * are told of elsewhere; gives the number of all.
 */
typedef bool inbox_is_told(const void *context, const struct bundle_id *id);
size_t inbox_tell_damaged(const struct annals *annals, struct json *array, inbox_is_told *is_told, const void *context);
/* Whether the vault was put back to an older state, and nobody has said that this is known; tells of it as a line. */
bool inbox_tell_put_back(int vault_fd, bool is_silent);

#endif
