/*
 * linkcheck: `weir-link check`: one look at every layer, for a person.
 */
#ifndef WEIR_LINKCHECK_H
#define WEIR_LINKCHECK_H

#include <stdbool.h>

#include "config.h"

/* The command; an exit code: 3 when a layer is missing. */
int linkcheck(int argc, char **argv);

/*
 * --config FILE (else WEIR_CONFIG, else the one of /etc/weir/sender.conf and receiver.conf that is there), and --json
 * unless json is NULL.  0 when the configuration is loaded; else an exit code, and it has said why.
 */
int linkcheck_config(struct config *config, int argc, char **argv, bool *json);

#endif
