/*
 * flood: sends datagrams that no honest sender sends, at a rate.
 *
 *   flood KIND --to ADDRESS:PORT --count N [--rate BITS] [--key FILE] [--len BYTES] [--seed N]
 *
 *   forged   shaped as data datagrams of this length, random bytes, so that every tag is wrong
 *   ids      data datagrams with a right tag (KEY: the link's key file), each of another bundle that nobody has
 *            named: one symbol of a random epoch, route and number
 *   malformed  a right tag, and fields that cannot be
 *
 * Paced in batches of a millisecond against the monotonic clock; without --rate as fast as it can.  Prints how many
 * it sent and in what time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/datagram.h"
#include "common/suite.h"

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

enum { TRAIN = 32, TYPE_OFFSET = 17 };

struct flood {
	const char *kind;
	struct tagger *tagger;
	size_t len;
	uint64_t state; /* of the random numbers */
	uint64_t sequence;
};

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void die(const char *what)
{
	perror(what);
	exit(3);
}

static void make(struct flood *f, uint8_t *out)
{
	uint64_t object_len = 64 * UINT64_C(16384);
	struct datagram d = {
		.type = DATAGRAM_TYPE_DATA,
		.sequence = f->sequence++,
		.id = {next(&f->state), next(&f->state) >> 16, (uint16_t)(next(&f->state) | 1)},
		.geometry = geometry_choose(object_len, 125),
		.symbol_count = (uint8_t)((f->len - DATAGRAM_DATA_BYTES) / SYMBOL_BYTES),
	};
	for (size_t at = DATAGRAM_DATA_BYTES; at + 8 <= f->len; at += 8) {
		uint64_t word = next(&f->state);
		memcpy(out + at, &word, sizeof(word));
	}
	datagram_encode_data(out, &d);
	if (strcmp(f->kind, "malformed") == 0)
		out[TYPE_OFFSET] = 77;
	if (strcmp(f->kind, "forged") == 0) {
		uint64_t tag[2] = {next(&f->state), next(&f->state)};
		memcpy(out, tag, sizeof(tag));
	} else {
		datagram_set_tag(out, f->len, f->tagger);
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Sleeps until so many bits of packets may have been sent. */
static void keep_rate(uint64_t begun_ns, uint64_t bits, uint64_t rate)
{
	uint64_t due = begun_ns + (uint64_t)((double)bits / (double)rate * 1e9);
	struct timespec at = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
	if (rate > 0 && due > now_ns() + 1000000)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int open_socket(const char *to, size_t len)
{
	char address[64];
	struct sockaddr_in there = {.sin_family = AF_INET};
	const int segment = (int)len;
	const char *colon = strrchr(to, ':');
	if (colon == NULL)
		exit(2);
	snprintf(address, sizeof(address), "%.*s", (int)(colon - to), to);
	there.sin_port = htons((uint16_t)atoi(colon + 1));
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (inet_pton(AF_INET, address, &there.sin_addr) != 1 ||
	    connect(fd, (const struct sockaddr *)&there, sizeof(there)) < 0 ||
	    setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)) < 0)
		die("flood");
	return fd;
}

static void load_key(struct flood *f, const char *path)
{
	if (path == NULL || suite_start() != 0 || tagger_load(&f->tagger, path) != 0) {
		fputs("flood: this kind needs the --key of the link\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"to", 1, NULL, 't'}, {"count", 1, NULL, 'c'}, {"rate", 1, NULL, 'r'}, {"key", 1, NULL, 'k'},
		{"len", 1, NULL, 'l'}, {"seed", 1, NULL, 's'}, {NULL, 0, NULL, 0},
	};
	static uint8_t train[TRAIN * 1472];
	struct flood f = {.kind = argc > 1 ? argv[1] : "", .len = 1472, .state = 1, .sequence = UINT64_C(1) << 32};
	const char *to = NULL, *key = NULL;
	uint64_t count = 0, rate = 0;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		to = c == 't' ? optarg : to;
		key = c == 'k' ? optarg : key;
		count = c == 'c' ? strtoull(optarg, NULL, 10) : count;
		rate = c == 'r' ? strtoull(optarg, NULL, 10) : rate;
		f.len = c == 'l' ? strtoull(optarg, NULL, 10) : f.len;
		f.state = c == 's' ? strtoull(optarg, NULL, 10) : f.state;
	}
	bool is_tagged = strcmp(f.kind, "ids") == 0 || strcmp(f.kind, "malformed") == 0;
	if (to == NULL || (!is_tagged && strcmp(f.kind, "forged") != 0) || f.len > 1472 ||
	    f.len < DATAGRAM_DATA_BYTES + SYMBOL_BYTES || (f.len - DATAGRAM_DATA_BYTES) % SYMBOL_BYTES != 0) {
		fputs("usage: flood forged|ids|malformed --to ADDRESS:PORT --count N [--rate BITS] [--key FILE]\n", stderr);
		return 2;
	}
	if (is_tagged)
		load_key(&f, key);
	int fd = open_socket(to, f.len);
	uint64_t sent = 0, begun_ns = now_ns();
	while (sent < count) {
		uint64_t now = count - sent < TRAIN ? count - sent : TRAIN;
		for (uint64_t i = 0; i < now; i++)
			make(&f, train + i * f.len);
		/* a closed port is told of at the next call */
		if (send(fd, train, now * f.len, 0) < 0 && errno != ECONNREFUSED)
			die("flood");
		sent += now;
		keep_rate(begun_ns, sent * (f.len + IP_UDP_BYTES) * 8, rate);
	}
	printf("%llu in %.2f s\n", (unsigned long long)sent, (double)(now_ns() - begun_ns) / 1e9);
	close(fd);
	return 0;
}
