/*
 * epochs: the lives of this spool.  SPOOL.md 3.
 *
 *   spool/epoch   the epoch in use, 16 hex digits; "past ROUTE NUMBER" for each route whose numbers begin behind
 *                 one in it; then the epochs before it, newest first.  Replaced whole.
 *
 * Bundles of an earlier epoch keep their ids.
 */
#ifndef WEIR_EPOCHS_H
#define WEIR_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"

enum {
	EPOCHS_MAX = 64,         /* beyond it the oldest is forgotten */
	EPOCH_PASTS_MAX = 2048,  /* routes */
};

struct past {
	char route[NAME_BYTES];
	uint64_t number; /* its numbers are above this one */
};

struct epochs {
	size_t count;
	uint64_t epoch[EPOCHS_MAX]; /* the first is in use */
	uint64_t begun;             /* when that began, in seconds: the file's time of modification */
	size_t past_count;
	struct past *past;
};

/* 0; -ENOENT: none has begun yet; VERDICT_DAMAGED; -errno.  epochs_free frees what it holds. */
int epochs_load(struct epochs *out, int dir_fd);
void epochs_free(struct epochs *epochs);
/*
 * A random one before all others; `before`, when it is not 0 and none of them, comes between.  past is taken over,
 * also after a failure.
 */
int epochs_begin(struct epochs *epochs, int dir_fd, uint64_t before, struct past *past, size_t past_count);

bool epochs_have(const struct epochs *epochs, uint64_t epoch);
/* 0: none. */
uint64_t epochs_before(const struct epochs *epochs);
uint64_t epochs_past(const struct epochs *epochs, const char *route);

#endif
