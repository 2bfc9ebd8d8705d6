/*
 * bare: datagrams over a link and nothing else: what sending and receiving cost by themselves.
 *
 *   bare receive PORT SECONDS [MIB]       UDP_GRO, until that time without a datagram; says "ready".  Always into the same
 *                                         64 KiB, or into a ring of so many MiB, one after the other
 *   bare send ADDRESS:PORT LEN BYTES [RATE]  UDP_SEGMENT, trains of at most 64 KiB; RATE: bytes a second, paced
 *
 * Each prints "BYTES SECONDS CPU": of the payload, of the wall, of user and system time of this process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

enum { TRAIN_BYTES = 65000, SEGMENTS_MAX = 64, BUFFER_BYTES = 64 << 20, RECORD_BYTES = 65536 };

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	exit(3);
}

static double wall(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int receive(const char *port, const char *seconds, size_t mib)
{
	const size_t records = mib > 0 ? (mib << 20) / RECORD_BYTES : 1;
	uint8_t *ring = malloc(records * RECORD_BYTES);
	need(ring != NULL, "memory");
	memset(ring, 1, records * RECORD_BYTES);
	const int on = 1, size = BUFFER_BYTES;
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	struct timeval patience = {.tv_sec = strtol(seconds, NULL, 10)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	need(fd >= 0 && bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0, "bind");
	need(setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0, "UDP_GRO");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	puts("ready");
	fflush(stdout);
	double bytes = 0, start = 0, last = 0, used = 0;
	for (size_t record = 0;; record++) {
		ssize_t n = recv(fd, ring + record % records * RECORD_BYTES, RECORD_BYTES, 0);
		if (n < 0 && errno == EAGAIN)
			break;
		need(n >= 0 || errno == EINTR, "receive");
		if (start == 0) {
			start = wall();
			used = cpu();
			need(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0, "SO_RCVTIMEO");
		}
		bytes += n > 0 ? (double)n : 0;
		last = wall();
	}
	printf("%.0f %.4f %.4f\n", bytes, last - start, cpu() - used);
	free(ring);
	return 0;
}

static void send_train(int fd, const uint8_t *train, size_t len, uint16_t segment)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control = {0};
	struct iovec piece = {.iov_base = (void *)(uintptr_t)train, .iov_len = len};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *option = CMSG_FIRSTHDR(&message);
	option->cmsg_level = SOL_UDP;
	option->cmsg_type = UDP_SEGMENT;
	option->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(option), &segment, sizeof(segment));
	while (sendmsg(fd, &message, 0) < 0)
		need(errno == EINTR || errno == ENOBUFS || errno == EAGAIN || errno == ECONNREFUSED, "send");
}

static int send_all(char *goal, size_t segment, double bytes, double rate)
{
	static uint8_t train[TRAIN_BYTES];
	char *colon = strchr(goal, ':');
	need(colon != NULL && segment > 0 && segment < TRAIN_BYTES, "ADDRESS:PORT LEN");
	*colon = 0;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	need(inet_pton(AF_INET, goal, &to.sin_addr) == 1 && fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0,
	     "connect");
	size_t count = TRAIN_BYTES / segment < SEGMENTS_MAX ? TRAIN_BYTES / segment : SEGMENTS_MAX;
	double start = wall(), used = cpu(), sent = 0;
	while (sent < bytes) {
		send_train(fd, train, count * segment, (uint16_t)segment);
		sent += (double)(count * segment);
		double ahead = rate > 0 ? sent / rate - (wall() - start) : 0;
		if (ahead > 0.0002)
			nanosleep(&(struct timespec){.tv_nsec = (long)(ahead * 1e9) % 1000000000}, NULL);
	}
	printf("%.0f %.4f %.4f\n", sent, wall() - start, cpu() - used);
	return 0;
}

int main(int argc, char **argv)
{
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "receive") == 0)
		return receive(argv[2], argv[3], argc == 5 ? strtoul(argv[4], NULL, 10) : 0);
	if (argc >= 5 && strcmp(argv[1], "send") == 0)
		return send_all(argv[2], strtoul(argv[3], NULL, 10), strtod(argv[4], NULL), argc > 5 ? strtod(argv[5], NULL) : 0);
	fputs("bare receive PORT SECONDS [MIB] | bare send ADDRESS:PORT LEN BYTES [RATE]\n", stderr);
	return 2;
}
