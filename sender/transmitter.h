/*
 * transmitter: the only socket of a sending box that sends, and who may have it.
 */
#ifndef WEIR_TRANSMITTER_H
#define WEIR_TRANSMITTER_H

#include "common/config.h"

/*
 * Never connected: a connected UDP socket learns that the far port is closed, which is a way back.  For the same reason
 * its filter accepts nothing, for ever.  The socket, or -errno.
 */
int transmitter_open(const struct config *config);

/*
 * The lock of the runtime directory, held until this process ends, however it ends; before a socket of another one is
 * touched.  An exit code, and it has said why.
 */
int transmitter_lock(int *out, const char *runtime);

#endif
