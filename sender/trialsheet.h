/*
 * trialsheet: what was sent in a link test, as a sheet to sign and as JSON.  Writing alone.
 */
#ifndef WEIR_TRIALSHEET_H
#define WEIR_TRIALSHEET_H

#include <stddef.h>
#include <stdio.h>

#include "common/acceptance.h"
#include "trialsend.h"

enum { TRIALSHEET_REACHED_PERCENT = 95 }; /* of the rate of a step; below it was not reached */

struct trialsheet {
	struct acceptance acceptance;
	const struct trial_step *steps;
	const struct trialsend_result *results;
	size_t planned, done;       /* steps; done fewer: it was stopped */
};

void trialsheet_print(const struct trialsheet *sheet, FILE *out);
/* 0, or as json_print. */
int trialsheet_print_json(const struct trialsheet *sheet, FILE *out);

#endif
