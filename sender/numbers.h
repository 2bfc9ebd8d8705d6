/*
 * numbers: the spool's counters beside the numbers of bundles (sequences.h).  SPOOL.md 3.
 *
 *   spool/counters   what may have been used so far, twice; written in its place
 */
#ifndef WEIR_NUMBERS_H
#define WEIR_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bundle.h"

enum counter { COUNTER_GENERATION, COUNTER_BEAT, COUNTER_SERIAL, COUNTER_END };

/*
 * Counters that never go back, also over restarts.  Values are set aside on disk some at a time, so a
 * restart skips those that were set aside and not used.  The directory stays the caller's.
 */
struct counters {
	int dir_fd;
	uint64_t used[COUNTER_END];
	uint64_t set_aside[COUNTER_END];
	uint64_t writes;
};
/* is_first: there is no file yet.  Otherwise its absence is -ENOENT; VERDICT_DAMAGED. */
int counters_open(struct counters *out, int dir_fd, bool is_first);
/* One more than ever before, from 1. */
int counters_next(struct counters *counters, enum counter which, uint64_t *out);

#endif
