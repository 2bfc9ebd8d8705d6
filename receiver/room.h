/*
 * room: how many bundles may arrive at a time, and which of them gives way.  A part of reception, in a
 * file of its own.
 */
#ifndef WEIR_ROOM_H
#define WEIR_ROOM_H

#include "errand.h"

/*
 * Whether one more may begin: its date, RECEPTION_BUNDLES_MAX and RECEPTION_MEMORY_MAX.  When not, the one of which
 * nothing has come for longest, and for RECEPTION_IDLE_S at least, is given up, which makes room from the
 * next turn on; or it is said that there is no room, once until there is again.
 */
bool room_has(struct reception *r, const struct known_bundle *bundle);

#endif
