/*
 * vigil: watches over what was named and is not here, and tells of each loss once: E2090 the end of a bundle was
 * lost, E2091 all of it, E2092 part of it; E2093 when it is whole again.
 *
 * A bundle that is healed piece by piece is told of twice, at the loss and when it is whole.  At most
 * VIGIL_TOLD_MAX of a kind are told of in a minute one by one; the others are counted.  One thread calls.
 */
#ifndef WEIR_VIGIL_H
#define WEIR_VIGIL_H

#include <stdint.h>

#include "known.h"
#include "reception.h"
#include "status.h"

enum { VIGIL_TOLD_MAX = 20, VIGIL_KINDS = 4 };

/* tell and delivered are the caller's; otherwise zeros. */
struct vigil {
	const struct teller *tell;
	/* A bundle was delivered since the last look; not one that was there when it was named. */
	void (*delivered)(void *context, const struct known_bundle *bundle);
	void *context;
	uint64_t minute;
	uint32_t told[VIGIL_KINDS], left_out[VIGIL_KINDS];
};

/* Once a second. */
void vigil_follow(struct vigil *vigil, const struct known *known, const struct reception *reception,
		  const struct missing_link *link, uint64_t now_s);

#endif
