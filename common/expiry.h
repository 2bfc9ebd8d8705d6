/*
 * expiry: tells once a day of what the registry lets end soon: 30, 7 and 1 day before.
 *
 * A watch that is all zero has told of nothing yet, so a box that starts tells at once.
 */
#ifndef WEIR_EXPIRY_H
#define WEIR_EXPIRY_H

#include <stdint.h>

#include "registry.h"

enum {
	EXPIRY_TOLD_MAX = 16, /* a day, one by one; the rest is counted */
	EXPIRY_TEXT_BYTES = 160,
};

struct expiry_watch {
	uint64_t day;     /* on which it was told last, counted from 1 */
	uint64_t version; /* of which registry */
};

/* One sentence without its end: "route 'tax' expires at 2026-12-01T00:00:00Z, within 1 day". */
typedef void expiry_tell(void *context, const char *text);

/* Call it as often as you like: on the first call of a day (UTC), and for another version, tells; soonest first. */
void expiry_follow(struct expiry_watch *watch, const struct registry *registry, uint64_t now_s,
		   expiry_tell *tell, void *context);
/* The same, at once and of all; gives their number. */
int expiry_list(const struct registry *registry, uint64_t now_s, expiry_tell *tell, void *context);

#endif
