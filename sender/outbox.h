/*
 * outbox: the commands of weir-outbox, one file each.
 */
#ifndef WEIR_OUTBOX_H
#define WEIR_OUTBOX_H

#include "common/config.h"

extern const char outbox_push_help[];

int outbox_push(int argc, char **argv);
int outbox_list(int argc, char **argv);
int outbox_show(int argc, char **argv);

/* Loads the configuration from --config, WEIR_CONFIG or the default.  0, or an exit code after saying why. */
int outbox_config(struct config *out, const char *config_path);

/* Says that nobody listens at this socket, with the next step; an exit code. */
int outbox_cannot_reach(int result, const char *program, const char *runtime, const char *socket);

#endif
