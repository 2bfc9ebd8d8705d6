/*
 * The inside of scrub.h, for scrub.c and scrub_judge.c alone.
 */
#ifndef WEIR_SCRUBPARTS_H
#define WEIR_SCRUBPARTS_H

#include "mandate.h"
#include "scrub.h"

#define SCRUB_FOLDER "damaged"

/* Moves a bundle from bundles/ there, durably, in the place of an older one; content when it is gone. */
int scrub_set_aside(int vault_fd, const struct annal *annal);

#endif
