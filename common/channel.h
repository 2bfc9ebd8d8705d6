/*
 * channel: framed messages over a local stream socket.  A frame is u32 length of the payload, u16
 * type, u16 zero, payload; little-endian; at most CHANNEL_BYTES_MAX of payload.
 */
#ifndef WEIR_CHANNEL_H
#define WEIR_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHANNEL_HEADER_BYTES = 8, CHANNEL_BYTES_MAX = 1048576 };

/* Connects to the socket at path.  The descriptor, or -errno (-ECONNREFUSED, -ENOENT: no daemon). */
int channel_connect(const char *path);
/* Listens at path (an old socket there is replaced), mode for connecting. */
int channel_listen(const char *path, mode_t mode);

int channel_send(int fd, uint16_t type, const void *payload, size_t len);

/*
 * Receives one frame into buf of `size` bytes.  0; VERDICT_BAD_PROTOCOL when it is malformed or does not
 * fit; VERDICT_TRUNCATED at end of stream inside a frame; -EPIPE at end of stream between frames.
 */
int channel_receive(int fd, uint16_t *type, void *buf, size_t size, size_t *len);

/* Who is at the other end (SO_PEERCRED). */
int channel_peer(int fd, uid_t *uid, pid_t *pid);
/* Who may connect to the socket that listens at fd: owner and permission bits of its file.  -errno. */
int channel_owner(int fd, uid_t *uid, mode_t *mode);

#endif
