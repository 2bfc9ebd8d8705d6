/*
 * course: follows a link test by its datagrams: which test, which step, what came of each.  LINK.md 8.  It reads no
 * socket and asks no clock.
 */
#ifndef WEIR_COURSE_H
#define WEIR_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/trial.h"
#include "nic.h"
#include "tally.h"

enum {
	COURSE_QUIET_MS = 500,      /* behind the end of the last step */
	COURSE_SILENCE_MS = 3000,   /* and twice a step, before its end: the sender is gone */
	COURSE_AHEAD = 2,           /* a step has at most so many times the datagrams of its plan */
};

/* Of this box, since whenever. */
struct course_drops {
	uint64_t socket;            /* trains that the socket had no room for */
	struct nic_counters nic;
};

struct course_step {
	bool is_heard, is_load_heard;
	struct trial_step plan;     /* when heard */
	struct tally_result tally;  /* when it is over */
	struct course_drops before, drops; /* at its beginning, and in it */
};

struct course {
	uint64_t test_id;           /* 0: none was heard of */
	uint16_t steps;
	int current;                /* -1: none */
	bool has_ended;             /* the end of the last step was heard */
	uint64_t heard_ms;          /* the last datagram of this test */
	uint32_t longest_ms;        /* of the steps that were heard */
	uint64_t bytes;             /* of IP packets that came, of any part */
	struct course_step step[TRIAL_STEPS_MAX];
	/* datagrams that count for nothing: of another test, that contradict what was heard, of a step that is over */
	uint64_t other_test, contradicting, past;
	struct tally tally;         /* of the current step */
};

void course_start(struct course *course);
/*
 * A datagram that was decoded, and the drops of this box as they are now.  True when a step has begun with it, which is
 * course->current.
 */
bool course_take(struct course *course, const struct trial *trial, uint64_t now_ms, const struct course_drops *drops);
/* The same, so that drops are looked up only when needed: whether course_take would use them. */
bool course_wants_drops(const struct course *course, const struct trial *trial);
/* Nothing more will come of it, by this time: it has ended, or the sender is gone.  False before anything was heard. */
bool course_is_over(const struct course *course, uint64_t now_ms);
/* Ends the current step. */
void course_close(struct course *course, const struct course_drops *drops);

/* Steps of the plan that nothing was heard of. */
size_t course_missed(const struct course *course);
/* Where datagrams of a step were dropped: "none", "socket", "nic", "before", or "several", as loss.h has them. */
const char *course_place(const struct course_step *step);

#endif
