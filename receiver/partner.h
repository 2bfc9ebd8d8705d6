/*
 * partner: what keep sees of catch: whether it goes round, by the turns it counts in the ring (pulse.h).
 */
#ifndef WEIR_PARTNER_H
#define WEIR_PARTNER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/pulse.h"
#include "ring.h"
#include "status.h"

struct partner {
	struct ring *ring;
	const struct teller *tell;
	struct pulse pulse;
	bool lives; /* as last told */
};

/* All of it stays the caller's.  Times by one clock that does not leap. */
void partner_start(struct partner *partner, struct ring *ring, const struct teller *tell, uint64_t now_ms);
/* Once a second: whether catch lives; told of when that changes (E2009). */
bool partner_follow(struct partner *partner, uint64_t now_ms);

#endif
