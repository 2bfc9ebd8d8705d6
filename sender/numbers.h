/*
 * numbers: those that bundles have on their route, durable and never given twice; and the spool's other counters.
 *
 * Files in the spool (SPOOL.md):
 *   sequence/ROUTE   "NUMBER PUSHID\n": the newest number and the push that has it; replaced whole
 *   counters         what may have been used so far, twice; written in its place
 */
#ifndef WEIR_NUMBERS_H
#define WEIR_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bundle.h"

/*
 * The number of this push on its route: the one it already has when it is the newest there, else one
 * more than both the newest and `known` (the highest number of a bundle in the spool).  Durable when
 * the result is 0.  VERDICT_DAMAGED for a sequence file that is none; VERDICT_BAD_LIMIT when all
 * numbers are used; -errno.
 */
int numbers_take(int sequence_dir, const char *route, const uint8_t push_id[static PUSH_ID_BYTES],
		  uint64_t known, uint64_t *number);
/* Whether this push is the newest on its route: it was about to be released. */
int numbers_is_newest(int sequence_dir, const char *route,
		       const uint8_t push_id[static PUSH_ID_BYTES], bool *newest);

/* The push that has the newest number on a route; *number is 0 when there is none yet. */
int numbers_newest(int sequence_dir, const char *route, uint64_t *number, uint8_t push_id[static PUSH_ID_BYTES]);

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
