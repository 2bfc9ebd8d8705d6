#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "cursor.h"
#include "io.h"
#include "verdict.h"

static int address_of(struct sockaddr_un *out, const char *path)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	memcpy(out->sun_path, path, len + 1);
	return 0;
}

int channel_set_patience(int fd, unsigned int patience_ms)
{
	const struct timeval patience = {
		.tv_sec = (time_t)(patience_ms / 1000),
		.tv_usec = (suseconds_t)(patience_ms % 1000) * 1000,
	};
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	return 0;
}

void channel_send_ahead(int fd)
{
	/* with less it is slower, and as good */
	const int size = CHANNEL_AHEAD_BYTES;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int channel_connect_within(const char *path, unsigned int patience_ms)
{
	struct sockaddr_un address;
	int result = address_of(&address, path);
	if (result != 0)
		return result;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	result = channel_set_patience(fd, patience_ms);
	if (result == 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		result = errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (result == 0)
		result = channel_set_patience(fd, 0);
	if (result == 0)
		return fd;
	io_close(fd);
	return result;
}

int channel_connect(const char *path)
{
	return channel_connect_within(path, CHANNEL_CONNECT_MS);
}

int channel_listen(const char *path, mode_t mode)
{
	struct sockaddr_un address;
	int result = address_of(&address, path);
	if (result != 0)
		return result;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* fchmod before bind sets the mode with which the socket appears, so it is never looser */
	if (fchmod(fd, mode) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    chmod(path, mode) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	result = -errno;
	io_close(fd);
	return result;
}

int channel_send(int fd, uint16_t type, const void *payload, size_t len)
{
	if (len > CHANNEL_BYTES_MAX)
		return -EMSGSIZE;
	uint8_t header[CHANNEL_HEADER_BYTES];
	struct writer w = writer_of(header, sizeof(header));
	write_u32(&w, (uint32_t)len);
	write_u16(&w, type);
	write_u16(&w, 0);
	struct iovec parts[2] = {{header, sizeof(header)}, {(void *)(uintptr_t)payload, len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	while (parts[0].iov_len + parts[1].iov_len > 0) {
		/* MSG_NOSIGNAL: a peer that has gone is a result, not a signal */
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (int i = 0; i < 2; i++) {
			size_t taken = (size_t)n < parts[i].iov_len ? (size_t)n : parts[i].iov_len;
			/* of a frame without payload there is no base to add anything to */
			if (taken > 0)
				parts[i].iov_base = (uint8_t *)parts[i].iov_base + taken;
			parts[i].iov_len -= taken;
			n -= (ssize_t)taken;
		}
	}
	return 0;
}

int channel_receive(int fd, uint16_t *type, void *buf, size_t size, size_t *len)
{
	uint8_t header[CHANNEL_HEADER_BYTES];
	ssize_t n = io_read(fd, header, sizeof(header));
	if (n < 0)
		return (int)n;
	if (n == 0)
		return -EPIPE;
	if (n < (ssize_t)sizeof(header))
		return VERDICT_TRUNCATED;
	struct reader r = reader_of(header, sizeof(header));
	uint32_t payload_len = read_u32(&r);
	uint16_t payload_type = read_u16(&r);
	if (read_u16(&r) != 0 || payload_len > CHANNEL_BYTES_MAX || payload_len > size)
		return VERDICT_BAD_PROTOCOL;
	n = io_read(fd, buf, payload_len);
	if (n < 0)
		return (int)n;
	if ((size_t)n < payload_len)
		return VERDICT_TRUNCATED;
	*type = payload_type;
	*len = payload_len;
	return 0;
}

bool channel_has_ended(int fd)
{
	struct pollfd slot = {.fd = fd, .events = POLLRDHUP};
	return poll(&slot, 1, 0) == 1 && (slot.revents & (POLLRDHUP | POLLHUP)) != 0;
}

int channel_peer(int fd, uid_t *uid, pid_t *pid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	*uid = peer.uid;
	*pid = peer.pid;
	return 0;
}

int channel_owner(int fd, uid_t *uid, mode_t *mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t len = sizeof(address) - 1; /* the last byte stays zero */
	struct stat file;
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	/* one without a file, or in the abstract namespace, is open to everybody */
	if (address.sun_family != AF_UNIX || address.sun_path[0] == 0)
		return -ENOENT;
	if (lstat(address.sun_path, &file) < 0)
		return -errno;
	if (!S_ISSOCK(file.st_mode))
		return -ENOTSOCK;
	*uid = file.st_uid;
	*mode = file.st_mode & 07777;
	return 0;
}
