/*
 * checkup_expected: what `weir-sender check` says of the routes of which the registry states when something is expected.
 */
#ifndef WEIR_CHECKUP_EXPECTED_H
#define WEIR_CHECKUP_EXPECTED_H

#include "common/check.h"
#include "common/registry.h"

/* Nothing, where nothing is expected. */
void checkup_expected(const struct check *check, const struct registry *registry);

#endif
