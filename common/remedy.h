/*
 * remedy: what `check --fix` sets, of what a report found.
 */
#ifndef WEIR_REMEDY_H
#define WEIR_REMEDY_H

#include "finding.h"

#define REMEDY_FILE "/etc/sysctl.d/61-weir-check.conf"

/* Sets one thing, now; root stands before paths of the system, "" but in tests.  0 or -errno. */
int remedy_apply(const struct remedy *remedy, const char *root);

/* What was set until now, and from now on at each start: one clause. */
const char *remedy_lasts(enum remedy_kind kind);

/*
 * Writes the settings of a report into REMEDY_FILE, for each start to come; those that it has already and the report has
 * not stay.  0, also when there is nothing to write, or -errno.
 */
int remedy_keep(const struct report *report, const char *root);

#endif
