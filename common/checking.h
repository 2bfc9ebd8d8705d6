/*
 * checking: the command line of `check` on either box, and how its report is shown.
 */
#ifndef WEIR_CHECKING_H
#define WEIR_CHECKING_H

#include <stdbool.h>

#include "finding.h"

#define CHECKING_SYNOPSIS "[--config FILE] [--fix] [--json] [--quiet]"
#define CHECKING_HELP \
	"  --config FILE  of this box\n" \
	"  --fix          as root: set what is safe to set, say so, and look again\n" \
	"  --json         as JSON\n" \
	"  -q, --quiet    only what is not green\n\n" \
	"Of each thing it says what it is; when it is amber or red, why it matters and what to type: see weir-check(7).\n" \
	"Ends with 3 when something is red.\n"

struct checking {
	const char *config; /* NULL: not given */
	bool json, is_quiet, fix;
};

/* 0, or the exit code of a wrong command line; speaks. */
int checking_options(struct checking *out, int argc, char **argv);

/* Adds all that there is to find; 0, or the exit code of what could not even be begun, and it has spoken. */
typedef int checking_look(struct report *report, void *context);

/* Looks, with --fix sets what is safe and looks again, and prints what was found; an exit code.  Speaks. */
int checking_run(const struct checking *checking, checking_look *look, void *context);

#endif
