/*
 * trialplan: the steps of a link test.  Arithmetic alone.
 */
#ifndef WEIR_TRIALPLAN_H
#define WEIR_TRIALPLAN_H

#include <stddef.h>
#include <stdint.h>

#include "common/trial.h"

enum { TRIALPLAN_SIZES_MAX = 8 };

struct trialplan_wish {
	uint64_t from_bits_per_s, to_bits_per_s; /* TRIAL_RATE_MIN to TRIAL_RATE_MAX */
	uint32_t rates;                          /* steps that find the rate; 1: `to` alone */
	uint32_t duration_ms;                    /* of each step */
	uint16_t size;                           /* of their packets */
	uint16_t sizes[TRIALPLAN_SIZES_MAX];     /* those that are tried, each a step at the lowest rate */
	size_t size_count;
};

/*
 * Sizes first, then rates that rise by the same factor, to three digits, from the lowest to the highest.  The number of
 * steps; 0 when a wish is beyond what LINK.md 8 allows, or from is above to.
 */
size_t trialplan_make(struct trial_step out[static TRIAL_STEPS_MAX], const struct trialplan_wish *wish);

#endif
