/* Over the loopback: what a socket gives comes into the ring. */
#include "receiver/receive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/datagram.h"
#include "tests/lib/tap.h"

enum { LEN = 1472 };

static const uint8_t secret[TAGGER_SECRET_BYTES] = {7};
static struct tagger *tagger;

struct link {
	int tx, rx;
	struct ring *ring;
	struct receive *receive;
};

static struct link new_link(uint64_t buffer)
{
	struct link l = {socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0), NULL, NULL};
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(here);
	uint64_t granted = 0;
	is_number(bind(l.rx, (struct sockaddr *)&here, len), 0, "a socket is bound");
	getsockname(l.rx, (struct sockaddr *)&here, &len);
	is_number(connect(l.tx, (struct sockaddr *)&here, len), 0, "another one sends to it");
	is_number(receive_prepare(l.rx, buffer, &granted), 0, "it is prepared");
	ok(granted > 0, "the kernel says how much it gave");
	is_number(ring_open(&l.ring, test_dir(), RING_BYTES_MIN), 0, "there is a ring");
	is_number(receive_new(&l.receive, l.rx, l.ring, tagger), 0, "and a receiver");
	return l;
}

/* As systemd hands it over, to a process that may not ask for as much itself. */
static void test_buffer(void)
{
	enum { MUCH = 64 << 20 };
	uint64_t granted = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), before = 0;
	const int much = MUCH;
	socklen_t len = sizeof(before);
	if (geteuid() != 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &much, sizeof(much)) < 0) {
		skip("only root can make one", "a socket with a larger buffer keeps it");
		close(fd);
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		int result = setresuid(65534, 65534, 65534) < 0 ? -errno : receive_prepare(fd, 2 * MUCH, &granted);
		getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &before, &len);
		_exit(result == 0 && granted >= MUCH && before >= MUCH ? 0 : 1);
	}
	int status = -1;
	waitpid(child, &status, 0);
	is_number(status, 0, "a socket with a larger buffer keeps it");
	is_number(receive_prepare(fd, MUCH / 2, &granted), 0, "also one that is larger than wanted");
	is_number((int64_t)granted, MUCH, "and that is told");
	close(fd);
}

static void free_link(struct link *l)
{
	receive_free(l->receive);
	ring_close(l->ring);
	close(l->tx);
	close(l->rx);
}

static void make(uint8_t out[static LEN], uint64_t sequence)
{
	memset(out, 0, LEN);
	out[16] = 1;
	out[17] = DATAGRAM_TYPE_DATA;
	datagram_set_sequence(out, sequence);
	datagram_set_tag(out, LEN, tagger);
}

static uint64_t count_of(_Atomic uint64_t *counter)
{
	return atomic_load(counter);
}

static void test_one(void)
{
	struct link l = new_link(1 << 20);
	struct ring_counters *counters = ring_counters(l.ring);
	struct ring_record record;
	uint64_t damaged = 0;
	uint8_t datagram[LEN];
	is_number(receive_train(l.receive), -EAGAIN, "when nothing comes it does not wait for ever");
	is_number((int64_t)atomic_load(&counters->turns), 1, "and that was a turn");
	make(datagram, 1);
	send(l.tx, datagram, LEN, 0);
	is_number(receive_train(l.receive), 0, "a datagram is received");
	ok(ring_take(l.ring, &record, &damaged) && record.len == LEN && record.datagram_len == LEN,
	   "and lies in the ring");
	is_bytes(record.data, datagram, LEN, "as it was sent");
	ring_release(l.ring);

	unsigned int passed = 0;
	for (size_t bit = 0; bit < 8 * LEN; bit += 101) {
		make(datagram, 2);
		datagram[bit / 8] ^= (uint8_t)(1U << bit % 8);
		send(l.tx, datagram, LEN, 0);
		receive_train(l.receive);
		passed += ring_take(l.ring, &record, &damaged);
	}
	is_number(passed, 0, "one with a flipped bit does not get into the ring");
	uint64_t bad = count_of(&counters->bad_tag);
	is_number((int64_t)bad, 8 * LEN / 101 + 1, "but is counted");
	static const size_t lens[] = {0, 1, 15, 16, 17, 18, 39};
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		send(l.tx, datagram, lens[i], 0);
		receive_train(l.receive);
	}
	is_number((int64_t)count_of(&counters->bad_tag), (int64_t)bad + 7, "short ones are as bad");
	ok(!ring_take(l.ring, &record, &damaged), "and not in the ring");
	free_link(&l);
}

static void test_train(void)
{
	struct link l = new_link(1 << 20);
	struct ring_counters *counters = ring_counters(l.ring);
	struct ring_record record;
	static uint8_t train[20 * LEN];
	uint64_t damaged = 0, datagrams = count_of(&counters->datagrams);
	const int segment = LEN;
	for (uint64_t i = 0; i < 20; i++)
		make(train + i * LEN, i);
	train[7 * LEN + 500] ^= 1;
	setsockopt(l.tx, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	send(l.tx, train, 19 * LEN + 100, 0);
	unsigned int good = 0, wrong = 0;
	while (receive_train(l.receive) == 0)
		while (ring_take(l.ring, &record, &damaged)) {
			for (uint32_t at = 0; at < record.len; at += record.datagram_len) {
				good += record.data[at + 17] == DATAGRAM_TYPE_DATA;
				wrong += record.data[at + 17] == 0;
			}
			ring_release(l.ring);
		}
	is_number((int64_t)(count_of(&counters->datagrams) - datagrams), 20, "a train of 20 is received");
	is_number(good, 18, "of which 18 keep their type");
	ok(wrong <= 2, "a damaged and a cut one do not");
	free_link(&l);
}

static void test_full_ring(void)
{
	struct link l = new_link(1 << 20);
	struct ring_counters *counters = ring_counters(l.ring);
	uint8_t datagram[LEN];
	while (ring_reserve(l.ring) != NULL)
		ring_publish(l.ring, RING_RECORD_MAX, LEN);
	make(datagram, 1);
	send(l.tx, datagram, LEN, 0);
	is_number(receive_train(l.receive), 0, "with a full ring it goes on receiving");
	ok(count_of(&counters->dropped_datagrams) == 1 && count_of(&counters->dropped_bytes) == LEN,
	   "and counts what it drops");
	free_link(&l);
	unlink(test_path(RING_FILE));
}

static void test_kernel_drops(void)
{
	struct link l = new_link(1 << 14);
	struct ring_counters *counters = ring_counters(l.ring);
	uint8_t datagram[LEN];
	struct ring_record record;
	uint64_t damaged = 0, received = 0;
	for (int round = 0; round < 2; round++) {
		make(datagram, 1);
		for (int i = 0; i < 200; i++)
			send(l.tx, datagram, LEN, 0);
		while (receive_train(l.receive) == 0)
			while (ring_take(l.ring, &record, &damaged))
				ring_release(l.ring);
		/* the count comes with the next datagram */
		send(l.tx, datagram, LEN, 0);
		receive_train(l.receive);
		received = count_of(&counters->datagrams);
		is_number((int64_t)(received + count_of(&counters->kernel_drops)), (round + 1) * 201,
			  "what the kernel dropped and what came are all that was sent");
		/* a new receiver on the old socket goes on with the count */
		receive_free(l.receive);
		receive_new(&l.receive, l.rx, l.ring, tagger);
	}
	ok(count_of(&counters->kernel_drops) > 0, "some were dropped");
	free_link(&l);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* What receive_train says right behind a train, when a call that waits would be interrupted after a while. */
static int behind_a_train(struct link *l)
{
	const struct itimerval often = {.it_interval.tv_usec = 300000, .it_value.tv_usec = 300000}, never = {0};
	const struct timeval long_time = {.tv_sec = 60};
	uint8_t datagram[LEN];
	setsockopt(l->rx, SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof(long_time));
	make(datagram, 1);
	for (int i = 0; i < 2; i++) {
		send(l->tx, datagram, LEN, 0);
		is_number(receive_train(l->receive), 0, "a train is received");
	}
	setitimer(ITIMER_REAL, &often, NULL);
	int result = receive_train(l->receive);
	setitimer(ITIMER_REAL, &never, NULL);
	return result;
}

static void test_pause(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &action, NULL);
	struct link small = new_link(4096);
	is_number(behind_a_train(&small), -EINTR, "with a small buffer it waits for what comes next");
	free_link(&small);
	struct link large = new_link(4 << 20);
	int buffer = 0;
	socklen_t len = sizeof(buffer);
	getsockopt(large.rx, SOL_SOCKET, SO_RCVBUF, &buffer, &len);
	if (geteuid() != 0 && buffer < 4 << 20)
		skip("only root can have a larger buffer", "with a large one it pauses, and does not wait");
	else
		is_number(behind_a_train(&large), -EAGAIN, "with a large one it pauses, and does not wait");
	uint8_t datagram[LEN];
	make(datagram, 3);
	send(large.tx, datagram, LEN, 0);
	is_number(receive_train(large.receive), 0, "and then takes what has come");
	free_link(&large);
}

static void test_wrong_sockets(void)
{
	uint64_t granted;
	int stream = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_DGRAM, 0);
	int connected = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(9),
				    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	connect(connected, (struct sockaddr *)&there, sizeof(there));
	is_number(receive_prepare(stream, 1000, &granted), -EPROTOTYPE, "a stream socket is refused");
	is_number(receive_prepare(local, 1000, &granted), -EPROTOTYPE, "a local socket is refused");
	is_number(receive_prepare(connected, 1000, &granted), -EISCONN, "a connected socket is refused");
	is_number(receive_prepare(-1, 1000, &granted), -EBADF, "no socket is refused");
	close(stream);
	close(local);
	close(connected);
	receive_free(NULL);
}

int main(void)
{
	ok(suite_start() == 0 && tagger_new(&tagger, secret) == 0, "the suite starts");
	test_one();
	test_buffer();
	test_train();
	test_full_ring();
	test_kernel_drops();
	test_pause();
	test_wrong_sockets();
	return done_testing();
}
