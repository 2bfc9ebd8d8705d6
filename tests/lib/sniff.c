/*
 * sniff: what comes in on an interface, frame by frame.
 *
 *   sniff count INTERFACE FILE   writes the number of frames that came in to FILE whenever it grows,
 *                                with the first bytes of the first of them on stdout; until SIGTERM
 *   sniff keep INTERFACE FILE    writes all that come in or go out to FILE, one behind the other; at the end says how
 *                                many there were, and how many were too fast for it
 *   sniff send INTERFACE         sends one frame of an unused type to everybody
 *
 * When it counts, what this host itself sends is not seen (PACKET_IGNORE_OUTGOING), so a busy link costs nothing.
 * Frames that did not fit the socket's buffer are counted too (PACKET_STATISTICS).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "sniff: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_interface(const char *name, bool is_outgoing_too)
{
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	if (where.sll_ifindex == 0)
		die(name);
	/* Protocol 0: nothing arrives before outgoing frames are excluded. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int one = 1, room = 64 << 20;
	if (fd < 0)
		die("socket");
	if (is_outgoing_too && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0)
		die("SO_RCVBUFFORCE");
	if (!is_outgoing_too && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0)
		die("PACKET_IGNORE_OUTGOING");
	if (bind(fd, (struct sockaddr *)&where, sizeof(where)) != 0)
		die("bind");
	return fd;
}

static void write_count(const char *path, uint64_t count)
{
	char fresh[4096];
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	FILE *out = fopen(fresh, "we");
	if (out == NULL || fprintf(out, "%llu\n", (unsigned long long)count) < 0 || fclose(out) != 0)
		die(fresh);
	if (rename(fresh, path) != 0)
		die(path);
}

static void show(const uint8_t *frame, size_t len)
{
	for (size_t i = 0; i < len && i < 64; i++)
		printf("%02x%s", frame[i], i % 16 == 15 ? "\n" : " ");
	printf("(%zu bytes)\n", len);
	fflush(stdout);
}

static int count_frames(int fd, const char *path)
{
	uint64_t count = 0, written = 0;
	write_count(path, 0);
	puts("ready");
	fflush(stdout);
	while (!stopped) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint8_t frame[2048];
		if (poll(&ready, 1, 50) < 0 && errno != EINTR)
			die("poll");
		for (ssize_t n; (n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC)) >= 0;)
			if (count++ < 8)
				show(frame, (size_t)n < sizeof(frame) ? (size_t)n : sizeof(frame));
		struct tpacket_stats stats;
		socklen_t len = sizeof(stats);
		if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) != 0)
			die("PACKET_STATISTICS");
		count += stats.tp_drops;
		if (count != written)
			write_count(path, written = count);
	}
	return 0;
}

static int keep_frames(int fd, const char *path)
{
	FILE *out = fopen(path, "we");
	uint64_t count = 0;
	if (out == NULL)
		die(path);
	puts("ready");
	fflush(stdout);
	while (!stopped) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		static uint8_t frame[1 << 17];
		if (poll(&ready, 1, 50) < 0 && errno != EINTR)
			die("poll");
		for (ssize_t n; (n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) >= 0; count++)
			if (fwrite(frame, 1, (size_t)n, out) != (size_t)n)
				die(path);
	}
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) != 0)
		die("PACKET_STATISTICS");
	if (fclose(out) != 0)
		die(path);
	printf("%llu frames kept, %u lost\n", (unsigned long long)count, stats.tp_drops);
	return 0;
}

static int send_frame(int fd)
{
	uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
	if (send(fd, frame, sizeof(frame), 0) != (ssize_t)sizeof(frame))
		die("send");
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stop};
	if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0)
		die("sigaction");
	/* a test that is killed must not leave it behind */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		die("PR_SET_PDEATHSIG");
	if (argc == 4 && strcmp(argv[1], "count") == 0)
		return count_frames(open_interface(argv[2], false), argv[3]);
	if (argc == 4 && strcmp(argv[1], "keep") == 0)
		return keep_frames(open_interface(argv[2], true), argv[3]);
	if (argc == 3 && strcmp(argv[1], "send") == 0)
		return send_frame(open_interface(argv[2], false));
	fprintf(stderr, "usage: sniff count INTERFACE FILE | sniff keep INTERFACE FILE | sniff send INTERFACE\n");
	return 2;
}
