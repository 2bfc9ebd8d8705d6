/*
 * linkalarm: what keep does with its looks at the layers of the link (linkwatch.h): it tells, writes down, and has
 * catch end.
 */
#ifndef WEIR_LINKALARM_H
#define WEIR_LINKALARM_H

#include "common/linkwatch.h"
#include "ring.h"
#include "status.h"

/* As linkwatch_open, and says which layers the configuration names as absent. */
int linkalarm_open(struct linkwatch *watch, const struct config *config);
/* Every second.  When a layer is gone, or nobody looks, the ring is retired. */
void linkalarm_follow(struct linkwatch *watch, const struct teller *teller, struct ring *ring);
/* Frames that went the wrong way, as far as they were told. */
uint64_t linkalarm_frames(const struct linkwatch *watch);

#endif
