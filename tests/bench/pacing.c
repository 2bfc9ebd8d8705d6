/*
 * pacing: how even the datagrams are that come in at an interface, from a capture with the kernel's time stamps.
 *
 *   pacing DEVICE PORT RATE_BITS DATAGRAM_BYTES SECONDS
 *
 * DATAGRAM_BYTES is the UDP payload of a full one: what the kernel shows as one packet may be a train of them.
 * Begins with the first datagram, passes over the first 100 ms (the pace warms up), and ends after SECONDS or
 * a pause of 50 ms.  Prints the emptiest and the fullest of all windows of 10 ms that begin with a packet, the
 * share of windows within 5 % of the rate, the longest train, and the largest burst: the most datagrams
 * by which what came was ever ahead of the rate, the train itself included.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PACKETS_MAX = 4000000, HEADERS = 42, IP_UDP = 28, PAUSE_MS = 50, WARM_MS = 100, ROW = 50 };
static const uint64_t ms = 1000000, window = 10000000;

struct packet {
	uint64_t ns, bits;
	unsigned int datagrams;
};

static int open_capture(const char *device)
{
	const int on = 1, size = 64 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	struct sockaddr_ll here = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
				   .sll_ifindex = (int)if_nametoindex(device)};
	if (fd < 0 || bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0) {
		perror("pacing");
		exit(3);
	}
	return fd;
}

/* 1: one for this port. */
static int take(int fd, uint16_t port, uint64_t datagram_bytes, struct packet *out)
{
	uint8_t head[64];
	_Alignas(struct cmsghdr) uint8_t control[128];
	struct iovec piece = {head, sizeof(head)};
	struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &header, MSG_TRUNC);
	if (n < HEADERS || head[23] != 17 || (head[36] << 8 | head[37]) != port)
		return 0;
	uint64_t payload = (uint64_t)n - HEADERS;
	out->datagrams = (unsigned int)((payload + datagram_bytes - 1) / datagram_bytes);
	out->bits = (payload + out->datagrams * (uint64_t)IP_UDP) * 8;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c)) {
		struct timespec at;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		out->ns = (uint64_t)at.tv_sec * 1000 * ms + (uint64_t)at.tv_nsec;
		return 1;
	}
	return 0;
}

static size_t record(struct packet *packets, int fd, uint16_t port, uint64_t datagram_bytes, uint64_t seconds)
{
	size_t count = 0;
	struct packet p;
	struct pollfd ready = {fd, POLLIN, 0};
	uint64_t begin = 0, last = 0;
	unsigned int row = 0;
	/* heartbeats and catalogues are no transfer: it begins when many packets follow each other */
	while (poll(&ready, 1, begin == 0 ? -1 : PAUSE_MS) > 0) {
		if (!take(fd, port, datagram_bytes, &p))
			continue;
		row = last != 0 && p.ns - last < 5 * ms ? row + 1 : 0;
		if (begin == 0 && row >= ROW)
			begin = p.ns;
		if (begin != 0 && p.ns - begin > seconds * 1000 * ms)
			break;
		if (begin != 0 && p.ns - begin > WARM_MS * ms && count < PACKETS_MAX)
			packets[count++] = p;
		last = p.ns;
	}
	return count;
}

static void report(const struct packet *packets, size_t count, double rate)
{
	uint64_t sum = 0, least = UINT64_MAX, most = 0, good = 0, windows = 0;
	unsigned int train = 0;
	double share = rate / 100, ahead = 0, burst = 0; /* bits */
	uint64_t datagrams = 0, bits = 0;
	for (size_t first = 0, end = 0; first < count; first++) {
		while (end < count && packets[end].ns < packets[first].ns + window)
			sum += packets[end++].bits;
		if (end == count)
			break;
		least = sum < least ? sum : least;
		most = sum > most ? sum : most;
		windows++;
		good += (double)sum >= 0.95 * share && (double)sum <= 1.05 * share;
		sum -= packets[first].bits;
	}
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			ahead -= (double)(packets[i].ns - packets[i - 1].ns) * rate / 1e9;
		ahead = (ahead > 0 ? ahead : 0) + (double)packets[i].bits;
		burst = ahead > burst ? ahead : burst;
		train = packets[i].datagrams > train ? packets[i].datagrams : train;
		datagrams += packets[i].datagrams;
		bits += packets[i].bits;
	}
	if (windows == 0 || datagrams == 0) {
		puts("nothing to measure");
		exit(1);
	}
	printf("%.3f %.3f %.2f %u %.0f\n", (double)least / share, (double)most / share,
	       100 * (double)good / (double)windows, train, burst / ((double)bits / (double)datagrams));
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fputs("usage: pacing DEVICE PORT RATE_BITS DATAGRAM_BYTES SECONDS\n", stderr);
		return 2;
	}
	struct packet *packets = calloc(PACKETS_MAX, sizeof(*packets));
	if (packets == NULL)
		return 3;
	int fd = open_capture(argv[1]);
	puts("ready");
	fflush(stdout);
	size_t count = record(packets, fd, (uint16_t)atoi(argv[2]), strtoull(argv[4], NULL, 10),
			      strtoull(argv[5], NULL, 10));
	report(packets, count, strtod(argv[3], NULL));
	free(packets);
	return 0;
}
