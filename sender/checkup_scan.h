/*
 * checkup_scan: what `weir-sender check` says about virus scanning.
 */
#ifndef WEIR_CHECKUP_SCAN_H
#define WEIR_CHECKUP_SCAN_H

#include <stdbool.h>

#include "common/check.h"

/* Whether there is something to check: [scan] is configured, or a route's policy demands it; registry may be NULL. */
bool checkup_scan_applies(const struct config *config, const struct registry *registry);

/* clamd, its limits, its temporary files. */
void checkup_scan(const struct check *check);

#endif
