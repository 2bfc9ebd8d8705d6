/*
 * channel: framed messages over a local stream socket.  A frame is u32 length of the payload, u16
 * type, u16 zero, payload; little-endian; at most CHANNEL_BYTES_MAX of payload.
 */
#ifndef WEIR_CHANNEL_H
#define WEIR_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CHANNEL_HEADER_BYTES = 8,
	CHANNEL_BYTES_MAX = 1048576,
	CHANNEL_AHEAD_BYTES = 1048576,
	CHANNEL_CONNECT_MS = 10000, /* for room in the backlog, of which there is much */
};

/*
 * Connects to the socket at path.  The descriptor, or -errno: -ECONNREFUSED, -ENOENT: no daemon; -ETIMEDOUT: one that
 * has not taken a call for so long that its backlog is full.
 */
int channel_connect(const char *path);
int channel_connect_within(const char *path, unsigned int patience_ms);

/*
 * From now on sending and receiving at fd fail with -EAGAIN when nothing could be sent, or has come, for so long;
 * 0: they wait for ever.  A frame may then be half sent or half received.  0 or -errno.
 */
int channel_set_patience(int fd, unsigned int patience_ms);

/*
 * More of what is sent at fd may wait to be taken: CHANNEL_AHEAD_BYTES, or what the kernel allows (net.core.wmem_max).
 * For who sends much, and else would sleep and be woken for each few pages.
 */
void channel_send_ahead(int fd);

/* Listens at path (an old socket there is replaced), mode for connecting. */
int channel_listen(const char *path, mode_t mode);

int channel_send(int fd, uint16_t type, const void *payload, size_t len);

/*
 * Receives one frame into buf of `size` bytes.  0; VERDICT_BAD_PROTOCOL when it is malformed or does not
 * fit; VERDICT_TRUNCATED at end of stream inside a frame; -EPIPE at end of stream between frames.
 */
int channel_receive(int fd, uint16_t *type, void *buf, size_t size, size_t *len);

/* Whether the other end has closed, also when some of what it had sent is still to be received. */
bool channel_has_ended(int fd);

/* Who is at the other end (SO_PEERCRED). */
int channel_peer(int fd, uid_t *uid, pid_t *pid);
/* Who may connect to the socket that listens at fd: owner and permission bits of its file.  -errno. */
int channel_owner(int fd, uid_t *uid, mode_t *mode);

#endif
