#include "receive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "common/datagram.h"
#include "common/io.h"
#include "common/verdict.h"

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

/* SO_RCVBUF is an int */
static int buffer_wish(const struct config *config)
{
	return config->socket_buffer_bytes < INT32_MAX / 2 ? (int)config->socket_buffer_bytes : INT32_MAX / 2;
}

int receive_open(int *out, const struct config *config)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(config->port)};
	if (inet_pton(AF_INET, config->address, &here.sin_addr) != 1)
		return VERDICT_BAD_CONFIGURATION;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* while this process may still force it; weir-catch says so when it is too small */
	const int size = buffer_wish(config);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0) {
		int result = -errno;
		io_close(fd);
		return result;
	}
	*out = fd;
	return 0;
}

enum {
	PAUSE_MIN_NS = 50000,  /* shorter ones would come to hardly more than what they take */
	PAUSE_MAX_NS = 300000,
};

struct receive {
	int fd;
	struct ring *ring;
	struct tagger *tagger;
	uint8_t *scratch; /* where datagrams go when the ring is full */
	long pause_ns;    /* 0: none */
	bool is_busy;     /* something came just now */
};

static int check_socket(int fd)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return -errno;
	if (type != SOCK_DGRAM || domain != AF_INET)
		return -EPROTOTYPE;
	/* a connected socket would hear of its peer's port; nothing here must depend on a peer */
	struct sockaddr_storage peer;
	len = sizeof(peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
		return -EISCONN;
	return errno == ENOTCONN ? 0 : -errno;
}

/* Without what the kernel adds for its own bookkeeping, which is as much again. */
static int buffer_of(int fd, int *out)
{
	int got = 0;
	socklen_t len = sizeof(got);
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len) < 0)
		return -errno;
	*out = got / 2;
	return 0;
}

/* What this process may ask for at most: a socket that was made with more would be made smaller by asking. */
static int buffer_limit(int wanted, int *out)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted)) < 0 ? -errno : buffer_of(fd, out);
	io_close(fd);
	return result;
}

static int size_buffer(int fd, int wanted, uint64_t *granted)
{
	int before = 0, limit = 0, now = 0;
	int result = buffer_of(fd, &before);
	if (result == 0 && before < wanted &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) < 0) {
		result = buffer_limit(wanted, &limit);
		if (result == 0 && limit > before &&
		    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted)) < 0)
			result = -errno;
	}
	if (result == 0)
		result = buffer_of(fd, &now);
	if (result == 0)
		*granted = (uint64_t)(unsigned int)now;
	return result;
}

int receive_prepare(int fd, uint64_t buffer_bytes, uint64_t *granted)
{
	int result = check_socket(fd);
	if (result != 0)
		return result;
	const int on = 1;
	const struct timeval timeout = {.tv_usec = RECEIVE_TIMEOUT_MS * INT64_C(1000)};
	if (setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	/* the kernel reads it as an int */
	return size_buffer(fd, buffer_bytes < INT32_MAX / 2 ? (int)buffer_bytes : INT32_MAX / 2, granted);
}

static void set_counter(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

/* catch alone writes the counters: no need for a locked addition */
static void add_to(_Atomic uint64_t *counter, uint64_t value)
{
	set_counter(counter, atomic_load_explicit(counter, memory_order_relaxed) + value);
}

/* What comes meanwhile, at 1 GB/s, fills an eighth of the socket's buffer. */
static long pause_of(int buffer_bytes)
{
	const long ns = buffer_bytes / 8;
	return ns < PAUSE_MIN_NS ? 0 : ns < PAUSE_MAX_NS ? ns : PAUSE_MAX_NS;
}

int receive_new(struct receive **out, int fd, struct ring *ring, struct tagger *tagger)
{
	/* the kernel counts drops for the life of a socket, which may be longer than ours */
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return -errno;
	int buffer_bytes = 0, result = buffer_of(fd, &buffer_bytes);
	if (result != 0)
		return result;
	struct receive *receive = calloc(1, sizeof(*receive));
	if (receive == NULL)
		return -ENOMEM;
	*receive = (struct receive){
		.fd = fd, .ring = ring, .tagger = tagger, .scratch = malloc(RING_RECORD_MAX), .pause_ns = pause_of(buffer_bytes),
	};
	if (receive->scratch == NULL) {
		free(receive);
		return -ENOMEM;
	}
	struct ring_counters *counters = ring_counters(ring);
	if (atomic_load(&counters->socket_cookie) != cookie) {
		set_counter(&counters->socket_cookie, cookie);
		set_counter(&counters->socket_drops, 0);
	}
	*out = receive;
	return 0;
}

void receive_free(struct receive *receive)
{
	if (receive == NULL)
		return;
	free(receive->scratch);
	free(receive);
}

static void count_kernel_drops(struct ring_counters *counters, uint32_t drops)
{
	uint32_t before = (uint32_t)atomic_load_explicit(&counters->socket_drops,
							 memory_order_relaxed);
	if (drops == before)
		return;
	add_to(&counters->kernel_drops, drops - before); /* modulo 2^32, as the kernel counts */
	set_counter(&counters->socket_drops, drops);
}

/* What came with the train; the length of its datagrams, 0 when the kernel did not say. */
static uint32_t read_control(struct receive *receive, struct msghdr *header)
{
	uint32_t datagram_len = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int len;
			memcpy(&len, CMSG_DATA(c), sizeof(len));
			datagram_len = len > 0 ? (uint32_t)len : 0;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;
			memcpy(&drops, CMSG_DATA(c), sizeof(drops));
			count_kernel_drops(ring_counters(receive->ring), drops);
		}
	}
	return datagram_len;
}

static uint64_t check_tags(const struct receive *receive, uint8_t *data, uint32_t len,
			   uint32_t datagram_len)
{
	uint64_t bad = 0;
	while (len > 0) {
		uint32_t now = len < datagram_len ? len : datagram_len;
		if (!datagram_tag_is_right(data, now, receive->tagger)) {
			bad++;
			if (now > DATAGRAM_TYPE_OFFSET)
				data[DATAGRAM_TYPE_OFFSET] = 0;
		}
		data += now;
		len -= now;
	}
	return bad;
}

/*
 * While data flow the next train is microseconds away, and to be woken for each costs more than to take it does: 10 to 20 us
 * of a processor in a virtual machine.  After a pause there are several.
 */
static void pause_for(long ns)
{
	const struct timespec pause = {.tv_nsec = ns};
	/* a signal ends it, and the caller looks for one anyway */
	(void)nanosleep(&pause, NULL);
}

int receive_train(struct receive *receive)
{
	uint8_t *room = ring_reserve(receive->ring);
	uint8_t *data = room != NULL ? room : receive->scratch;
	_Alignas(struct cmsghdr) uint8_t control[128];
	struct iovec piece = {data, RING_RECORD_MAX};
	struct msghdr header = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(receive->fd, &header, receive->is_busy ? MSG_DONTWAIT : 0);
	add_to(&ring_counters(receive->ring)->turns, 1);
	if (n < 0) {
		int error = errno == EWOULDBLOCK ? EAGAIN : errno;
		if (error == EAGAIN && receive->is_busy)
			pause_for(receive->pause_ns);
		receive->is_busy = false;
		return -error;
	}
	receive->is_busy = receive->pause_ns > 0;
	uint32_t len = (uint32_t)n;
	uint32_t datagram_len = read_control(receive, &header);
	if (datagram_len == 0)
		datagram_len = len > 0 ? len : 1;
	uint32_t datagrams = len == 0 ? 1 : (len + datagram_len - 1) / datagram_len;

	struct ring_counters *counters = ring_counters(receive->ring);
	add_to(&counters->datagrams, datagrams);
	add_to(&counters->trains, 1);
	add_to(&counters->bytes, len);
	if (room == NULL) {
		add_to(&counters->dropped_datagrams, datagrams);
		add_to(&counters->dropped_bytes, len);
		return 0;
	}
	/* an empty datagram has no tag that could be right */
	uint64_t bad = len == 0 ? 1 : check_tags(receive, data, len, datagram_len);
	if (bad > 0)
		add_to(&counters->bad_tag, bad);
	if (bad < datagrams)
		ring_publish(receive->ring, len, datagram_len);
	return 0;
}
