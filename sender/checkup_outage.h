/*
 * checkup_outage: what `weir-sender check` says about surviving an outage: what it costs, for bundles of several
 * sizes, and about healing.
 */
#ifndef WEIR_CHECKUP_OUTAGE_H
#define WEIR_CHECKUP_OUTAGE_H

#include "common/check.h"

void checkup_outage(const struct check *check);

#endif
