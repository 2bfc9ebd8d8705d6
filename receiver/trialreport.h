/*
 * trialreport: what a link test found, as a sheet to sign and as JSON.  Writing alone.
 */
#ifndef WEIR_TRIALREPORT_H
#define WEIR_TRIALREPORT_H

#include <stdio.h>

#include "common/acceptance.h"
#include "course.h"
#include "recommend.h"

/* Datagrams that counted for nothing before the test could look at them. */
struct trialreport_strays {
	uint64_t bad_tag;      /* forged, damaged, or of another link */
	uint64_t malformed;    /* of this link, and no link test's */
};

struct trialreport {
	struct acceptance acceptance;
	const struct course *course;
	const struct recommendation *recommendation;
	struct trialreport_strays strays;
	uint64_t socket_buffer;    /* bytes that the kernel gave */
};

/* Its curves take so many cells of width, as far as chart.h has them. */
void trialreport_print(const struct trialreport *report, unsigned int cells, FILE *out);
/* 0, or as json_print. */
int trialreport_print_json(const struct trialreport *report, FILE *out);

#endif
