/*
 * awaited: whether what the registry expects was released (common/expecting.h): E1055 when a route is overdue, E1056 when
 * it was released late.  How it stands is the spool's file `expected` (SPOOL.md 8).
 */
#ifndef WEIR_AWAITED_H
#define WEIR_AWAITED_H

#include <stdbool.h>

#include "common/expecting.h"
#include "releaser.h"

/* Zeros: nothing has been looked at. */
struct awaited {
	struct expecting expecting;
	bool is_loaded;   /* from the file */
	bool is_followed; /* the registry in use */
	int failure;      /* of writing the file, as last told */
};

/*
 * Once a second; is_new: another registry is in use since the last time.  A file that cannot be read is told of (E1057)
 * and begun anew, one that cannot be written is told of and tried again.
 */
void awaited_follow(struct awaited *awaited, struct releaser *releaser, bool is_new);
/* Writes what is still to be written.  The spool is open. */
void awaited_close(struct awaited *awaited, struct releaser *releaser);

#endif
