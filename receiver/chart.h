/*
 * chart: the curves of a link test, for a terminal and as a picture to print.  Writing alone.
 */
#ifndef WEIR_CHART_H
#define WEIR_CHART_H

#include <stdio.h>

#include "course.h"
#include "recommend.h"

enum { CHART_CELLS_MIN = 80, CHART_CELLS_MAX = 160, CHART_CELLS_PAPER = 80 };

/* Bursts of all rate steps that held, and of those above: what the two differ in is the way a full link loses. */
struct chart_bursts {
	uint64_t held[TALLY_LENGTHS], above[TALLY_LENGTHS];
	unsigned int classes;       /* up to the last that is not empty */
	uint64_t most;
};
void chart_add_bursts(struct chart_bursts *out, const struct course *course, const struct recommendation *r);
/* "4-7", "32768+" */
enum { CHART_CLASS_BYTES = 48 };
char *chart_class(char out[static CHART_CLASS_BYTES], unsigned int class);

/* Loss over rate, then burst lengths, a bar a line, in at most so many cells; and how long bursts lasted. */
void chart_print(FILE *out, unsigned int cells, const struct course *course, const struct recommendation *r);
/* The same as an SVG: one file without script, font or picture from elsewhere. */
void chart_print_svg(FILE *out, const struct course *course, const struct recommendation *r);

#endif
