/*
 * checkup: `weir-receiver check`, whether everything is as it should be: weir-check(7).
 */
#ifndef WEIR_CHECKUP_H
#define WEIR_CHECKUP_H

#include "common/checking.h"
#include "common/config.h"

/* An exit code; speaks.  path is that of the configuration. */
int checkup(const struct checking *checking, const struct config *config, const char *path);

#endif
