/*
 * transmitter: the only socket of a sending box that sends, and who may have it.
 */
#ifndef WEIR_TRANSMITTER_H
#define WEIR_TRANSMITTER_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

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

/*
 * Sends len bytes as datagrams of datagram_len each but for the last, in one call, with MSG_DONTWAIT or other flags.
 * 0 or -errno; all of them went, or none.
 */
int transmitter_send(int fd, const struct sockaddr_in *goal, uint8_t *bytes, size_t len, size_t datagram_len, int flags);

/*
 * Makes the pace smoother where it is permitted, and is missed by nothing where it is not.  A thread that is made later
 * does not inherit the priority.
 */
void transmitter_ask_for_time(void);

#endif
