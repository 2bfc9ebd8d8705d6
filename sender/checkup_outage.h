/*
 * checkup_outage: what `weir-sender check` says about surviving an outage: what it costs, for bundles of several
 * sizes, and about healing.
 */
#ifndef WEIR_CHECKUP_OUTAGE_H
#define WEIR_CHECKUP_OUTAGE_H

#include "checkup_scan.h"
#include "common/config.h"

void checkup_outage(const struct config *config, checkup_say *say, void *context);

#endif
