#include "transmitter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/command.h"
#include "common/check.h"
#include "common/io.h"
#include "common/text.h"

enum { REAL_TIME_PRIORITY = 10 };

int transmitter_open(const struct config *config)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	if (config->source[0] != 0 && inet_pton(AF_INET, config->source, &address.sin_addr) != 1)
		return -EINVAL;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {.len = 1, .filter = &nothing};
	int discover = IP_PMTUDISC_PROBE, size = CHECK_SEND_BUFFER_BYTES, on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover)) == 0 &&
	    (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) == 0 ||
	     setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0) &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int result = -errno;
	io_close(fd);
	return result;
}

int transmitter_lock(int *out, const char *runtime)
{
	char path[CONFIG_PATH_BYTES + 8], escaped[2 * CONFIG_PATH_BYTES];
	snprintf(path, sizeof(path), "%s/lock", runtime);
	text_escape_name(escaped, sizeof(escaped), runtime);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return command_fail(-errno, "cannot use runtime directory '%s'", escaped);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = -errno;
		io_close(fd);
		if (error != -EWOULDBLOCK)
			return command_fail(error, "cannot lock runtime directory '%s'", escaped);
		command_say("another weir-sender runs in '%s'; stop that one first", escaped);
		return EXIT_ENVIRONMENT;
	}
	*out = fd;
	return 0;
}

int transmitter_send(int fd, const struct sockaddr_in *goal, uint8_t *bytes, size_t len, size_t datagram_len, int flags)
{
	struct iovec piece = {.iov_base = bytes, .iov_len = len};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control = {0};
	struct sockaddr_in there = *goal;
	struct msghdr message = {
		.msg_name = &there,
		.msg_namelen = sizeof(there),
		.msg_iov = &piece,
		.msg_iovlen = 1,
	};
	if (len > datagram_len) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *option = CMSG_FIRSTHDR(&message);
		option->cmsg_level = SOL_UDP;
		option->cmsg_type = UDP_SEGMENT;
		option->cmsg_len = CMSG_LEN(sizeof(uint16_t));
		uint16_t segment = (uint16_t)datagram_len;
		memcpy(CMSG_DATA(option), &segment, sizeof(segment));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
}

void transmitter_ask_for_time(void)
{
	const struct sched_param priority = {.sched_priority = REAL_TIME_PRIORITY};
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	(void)mlockall(MCL_CURRENT);
}
