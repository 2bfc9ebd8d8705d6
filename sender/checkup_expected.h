/*
 * checkup_expected: what `weir-sender check` says of the routes of which the registry states when something is expected.
 */
#ifndef WEIR_CHECKUP_EXPECTED_H
#define WEIR_CHECKUP_EXPECTED_H

#include "checkup_scan.h"
#include "common/config.h"
#include "common/registry.h"

/* Nothing, where nothing is expected. */
void checkup_expected(const struct config *config, const struct registry *registry, checkup_say *say, void *context);

#endif
