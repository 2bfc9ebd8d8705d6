/*
 * capture: what comes in at an interface for one UDP port, each packet with the time at which the kernel had it.
 * What it shows as one packet may be a train of datagrams of one length.  For the programs of this folder, which end
 * when something fails.
 */
#ifndef WEIR_BENCH_CAPTURE_H
#define WEIR_BENCH_CAPTURE_H

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { CAPTURE_HEADERS = 42, CAPTURE_HEAD_BYTES = 9100 };

struct captured {
	uint64_t ns;            /* CLOCK_REALTIME */
	size_t payload_len;     /* of UDP, of the whole train */
	size_t there_len;       /* of these the first are here: */
	const uint8_t *payload; /* until the next one is taken */
};

static inline void capture_need(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(3);
}

static inline int capture_open(const char *device)
{
	const int on = 1, size = 64 << 20;
	struct sockaddr_ll here = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
				   .sll_ifindex = (int)if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	capture_need(fd >= 0 && bind(fd, (const struct sockaddr *)&here, sizeof(here)) == 0 &&
			     setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
			     setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0,
		     device);
	return fd;
}

/* 1: one for this port; 0: another. */
static inline int capture_take(int fd, uint16_t port, struct captured *out)
{
	static uint8_t head[CAPTURE_HEAD_BYTES];
	_Alignas(struct cmsghdr) uint8_t control[128];
	struct iovec piece = {head, sizeof(head)};
	struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &header, MSG_TRUNC);
	if (n < CAPTURE_HEADERS || head[23] != IPPROTO_UDP || (head[36] << 8 | head[37]) != port)
		return 0;
	size_t there = (size_t)n < sizeof(head) ? (size_t)n : sizeof(head);
	*out = (struct captured){.payload_len = (size_t)n - CAPTURE_HEADERS, .there_len = there - CAPTURE_HEADERS,
				 .payload = head + CAPTURE_HEADERS};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c)) {
		struct timespec at;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		out->ns = (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
		return 1;
	}
	return 0;
}

#endif
