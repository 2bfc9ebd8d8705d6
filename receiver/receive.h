/*
 * receive: from the socket into the ring, each train of datagrams straight to its place.
 *
 * A datagram whose tag is wrong keeps its place but loses its type byte, so that nobody takes it for
 * one; it is counted.  When the ring is full datagrams are received all the same, counted and dropped:
 * what waits in the kernel then is at least the newest.
 */
#ifndef WEIR_RECEIVE_H
#define WEIR_RECEIVE_H

#include <stdint.h>

#include "common/config.h"
#include "common/tagger.h"
#include "ring.h"

enum {
	RECEIVE_TIMEOUT_MS = 250, /* the longest that receive_train sleeps */
	DATAGRAM_TYPE_OFFSET = 17,
};

struct receive;

/*
 * The socket that catch is given: bound, never connected, and nothing is ever sent from it.  0, -errno (-EADDRINUSE: another
 * has the port), or VERDICT_BAD_CONFIGURATION for the address.
 */
int receive_open(int *out, const struct config *config);

/*
 * Prepares the socket: buffer, UDP_GRO, drops, timeout.  *granted is the buffer in bytes that the
 * kernel gave, which may be less; a socket that came with a larger one keeps that.  -EPROTOTYPE when it is no UDP socket of IPv4; -EISCONN; -errno.
 */
int receive_prepare(int fd, uint64_t buffer_bytes, uint64_t *granted);

/* fd, which receive_prepare prepared, ring and tagger stay the caller's. */
int receive_new(struct receive **out, int fd, struct ring *ring, struct tagger *tagger);
void receive_free(struct receive *receive); /* NULL is fine */

/*
 * Receives one train and publishes it, and counts a turn whatever came of it.  0; -EAGAIN when none came in time, and when
 * there was none right behind the one before: then it has paused, at most 0.3 ms, and the next call waits; -EINTR after a
 * signal; -errno when the socket is broken.
 */
int receive_train(struct receive *receive);

#endif
