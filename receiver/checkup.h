/*
 * checkup: `weir-receiver check`, one line for each thing: ok, BAD, soon (not bad yet), or warn (not bad, but
 * somebody should know).
 */
#ifndef WEIR_CHECKUP_H
#define WEIR_CHECKUP_H

#include "common/config.h"

/* Prints; EXIT_ENVIRONMENT when a line says BAD.  path is that of the configuration. */
int checkup(const struct config *config, const char *path);

#endif
