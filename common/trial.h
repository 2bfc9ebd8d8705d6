/*
 * trial: what a link test sends, so that who receives it knows by itself where in the test it is.  LINK.md 8.
 */
#ifndef WEIR_TRIAL_H
#define WEIR_TRIAL_H

#include <stddef.h>
#include <stdint.h>

#include "suite.h"

enum {
	TRIAL_HEADER_BYTES = 80,      /* and all of a datagram that begins or ends a step */
	TRIAL_STEPS_MAX = 64,
	TRIAL_SIZE_MIN = 1500,        /* bytes of an IP packet */
	TRIAL_SIZE_MAX = 9000,
	TRIAL_DURATION_MIN_MS = 10,
	TRIAL_DURATION_MAX_MS = 3600000,
};
#define TRIAL_RATE_MIN UINT64_C(1000000)       /* bits a second, of IP packets */
#define TRIAL_RATE_MAX UINT64_C(1000000000000)
#define TRIAL_NUMBER_END (UINT64_C(1) << 48)
#define TRIAL_TIME_END (UINT64_C(1) << 48)     /* ns: more than 64 steps of an hour */

/* Where in a step a datagram belongs: only load is measured. */
enum trial_part { TRIAL_BEGIN, TRIAL_WARM_UP, TRIAL_LOAD, TRIAL_END, TRIAL_PARTS };
/* What a step is to find out: the rate that the link carries, or whether packets of this size pass. */
enum trial_purpose { TRIAL_RATE = 1, TRIAL_SIZE, TRIAL_PURPOSE_END };

/* What stays the same for a whole step. */
struct trial_step {
	enum trial_purpose purpose;
	uint64_t rate_bits_per_s;
	uint32_t duration_ms;
	uint16_t size;               /* of load and warm-up, as IP packets */
};

struct trial {
	uint64_t test_id;            /* not 0 */
	uint16_t step, steps;        /* this one, from 0, of so many */
	struct trial_step plan;      /* of this step */
	enum trial_part part;
	uint64_t sequence;           /* of the link */
	uint64_t number;             /* load: in its step, from 0; end: how many load datagrams there were; else 0 */
	uint64_t time_ns;            /* since the test began */
	uint64_t held_ns;            /* of this step, in which the sender was kept from sending */
};

/* The UDP payload of a datagram of this part. */
size_t trial_len(const struct trial_step *plan, enum trial_part part);
/* The known pattern: PRBS15, from its beginning. */
void trial_pattern(uint8_t *out, size_t len);
/*
 * Writes the header but for the tag; behind it, for load and warm-up, the caller has put the pattern.  datagram_set_tag
 * completes it.
 */
void trial_encode(uint8_t out[static TRIAL_HEADER_BYTES], const struct trial *trial);
/* All but the tag, which was right: a verdict.  Total.  pattern: TRIAL_SIZE_MAX bytes of trial_pattern. */
int trial_decode(struct trial *out, const uint8_t *datagram, size_t len, const uint8_t *pattern);

#endif
