#include "receiver/ring.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#ifdef WEIR_SANITIZE
enum { RECORDS = 4000 };
#else
enum { RECORDS = 20000 };
#endif

static void fill(uint8_t *data, uint32_t number, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(number * 31 + i);
}

static uint32_t record_len(uint32_t number)
{
	return (number * 7919) % (RING_RECORD_MAX + 1);
}

static void *produce(void *context)
{
	struct ring *ring = context;
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint8_t *room;
		while ((room = ring_reserve(ring)) == NULL)
			sched_yield();
		fill(room, i, record_len(i));
		ring_publish(ring, record_len(i), 1 + i % 9000);
	}
	return NULL;
}

static bool take_one(struct ring *ring, uint32_t number)
{
	static uint8_t wanted[RING_RECORD_MAX];
	struct ring_record record;
	uint64_t damaged = 0;
	while (!ring_take(ring, &record, &damaged))
		ring_wait(ring, ring_bell(ring), 1000);
	fill(wanted, number, record_len(number));
	bool good = damaged == 0 && record.len == record_len(number) &&
		    record.datagram_len == 1 + number % 9000 &&
		    memcmp(record.data, wanted, record.len) == 0;
	ring_release(ring);
	return good;
}

/* Both ends of one mapping, in two threads: here the thread sanitizer sees both, the data included. */
static void test_order(void)
{
	struct ring *ring = NULL;
	is_number(ring_open(&ring, test_dir(), RING_BYTES_MIN), 0, "a ring is made");
	pthread_t thread;
	pthread_create(&thread, NULL, produce, ring);
	uint32_t good = 0;
	while (good < RECORDS && take_one(ring, good))
		good++;
	pthread_join(thread, NULL);
	is_number(good, RECORDS, "every record comes out whole and in order, many times around");
	is_number((int64_t)ring_fill(ring), 0, "a ring that was read to its end is empty");
	ok(atomic_load(&ring_counters(ring)->fill_max) <= RING_BYTES_MIN,
	   "the fill never exceeds the size");
	ring_close(ring);
}

static void test_sides(void)
{
	struct ring *producer = NULL, *consumer = NULL;
	char name[RING_INTERFACE_BYTES] = "enp1s0f0", got[RING_INTERFACE_BYTES];
	ring_open(&producer, test_dir(), RING_BYTES_MIN);
	ring_open(&consumer, test_dir(), RING_BYTES_MIN);
	struct ring_record record;
	uint64_t damaged = 0;
	(void)ring_take_fill(consumer);
	for (int i = 0; i < 3; i++)
		if (ring_reserve(producer) != NULL)
			ring_publish(producer, 64, 64);
	while (ring_take(consumer, &record, &damaged))
		ring_release(consumer);
	is_number((int64_t)ring_take_fill(consumer), 3 * 128, "the most that has waited is known when it waits no more");
	is_number((int64_t)ring_take_fill(consumer), 0, "once");
	is_number((int64_t)ring_size(consumer), RING_BYTES_MIN, "the size is known");
	ring_interface(consumer, got);
	is_text(got, "", "before catch has said it, there is no interface");
	ring_set_interface(producer, name);
	ring_interface(consumer, got);
	is_text(got, "enp1s0f0", "then it is that one");
	memset(name, 'x', sizeof(name));
	ring_set_interface(producer, name);
	ring_interface(consumer, got);
	is_number((int64_t)strlen(got), RING_INTERFACE_BYTES - 1, "a name without an end gets one");
	atomic_store(&ring_seen(consumer)->kernel_drops, 5);
	ring_close(consumer);
	ring_open(&consumer, test_dir(), RING_BYTES_MIN);
	is_number((int64_t)atomic_load(&ring_seen(consumer)->kernel_drops), 5,
		  "what keep has told of is known to the next keep");
	ring_close(producer);
	ring_close(consumer);
}

static void test_restart(void)
{
	struct ring *producer = NULL, *consumer = NULL, *again = NULL;
	struct ring_record record;
	uint64_t damaged = 0;
	ring_open(&producer, test_dir(), RING_BYTES_MIN);
	ring_open(&consumer, test_dir(), RING_BYTES_MIN);
	for (uint32_t i = 0; i < 3; i++) {
		fill(ring_reserve(producer), i, 100);
		ring_publish(producer, 100, 100);
	}
	ring_take(consumer, &record, &damaged);
	ring_release(consumer);
	ring_take(consumer, &record, &damaged);
	ring_close(consumer);
	is_number(ring_open(&again, test_dir(), RING_BYTES_MIN), 0, "an existing ring is opened");
	uint8_t wanted[100];
	fill(wanted, 1, 100);
	ok(ring_take(again, &record, &damaged), "a restarted consumer finds records");
	is_bytes(record.data, wanted, 100, "a record that was taken and not released comes again");
	ring_release(again);
	ring_close(producer);
	ring_open(&producer, test_dir(), RING_BYTES_MIN);
	fill(ring_reserve(producer), 3, 100);
	ring_publish(producer, 100, 100);
	ring_take(again, &record, &damaged);
	ring_release(again);
	fill(wanted, 3, 100);
	ok(ring_take(again, &record, &damaged), "a restarted producer goes on behind the old records");
	is_bytes(record.data, wanted, 100, "and its record is whole");
	ring_release(again);
	ring_close(producer);
	ring_close(again);
}

/* Rung after it was heard and before the wait. */
static void test_bell(void)
{
	struct ring *ring = NULL;
	struct timespec before, after;
	ring_open(&ring, test_dir(), RING_BYTES_MIN);
	clock_gettime(CLOCK_MONOTONIC, &before);
	uint32_t heard = ring_bell(ring);
	ring_wake(ring);
	ring_wait(ring, heard, 60000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ok(after.tv_sec - before.tv_sec < 50, "who was called before the sleep does not sleep");
	ring_close(ring);
}

/* What is taken may be released in parts. */
static void test_parts(void)
{
	struct ring *ring = NULL, *again = NULL;
	struct ring_record record;
	uint64_t damaged = 0, position[3];
	uint8_t wanted[100];
	ring_open(&ring, test_dir(), RING_BYTES_MIN);
	uint64_t begun = ring_fill(ring);
	for (uint32_t i = 0; i < 3; i++) {
		fill(ring_reserve(ring), i, 100);
		ring_publish(ring, 100, 100);
	}
	for (uint32_t i = 0; i < 3; i++) {
		position[i] = ring_position(ring);
		fill(wanted, i, 100);
		ok(ring_take(ring, &record, &damaged) && memcmp(record.data, wanted, 100) == 0,
		   "the next record is taken, whether the one before was released or not");
	}
	ok(!ring_take(ring, &record, &damaged), "then there is none");
	is_number((int64_t)(ring_fill(ring) - begun), 3 * 192, "what is taken still has its place");
	ring_release_before(ring, position[1]);
	is_number((int64_t)(ring_fill(ring) - begun), 2 * 192, "until it is released");
	ring_release_before(ring, position[0]);
	ring_release_before(ring, position[1]);
	ring_release_before(ring, ring_position(ring) + 192);
	is_number((int64_t)(ring_fill(ring) - begun), 2 * 192, "what was released, or never taken, is not released");
	ring_open(&again, test_dir(), RING_BYTES_MIN);
	fill(wanted, 1, 100);
	ok(ring_take(again, &record, &damaged) && memcmp(record.data, wanted, 100) == 0, "who comes next goes on from there");
	ring_close(again);
	ring_release(ring);
	is_number((int64_t)(ring_fill(ring) - begun), 0, "all of it can be released at once");
	ring_close(ring);
}

static void test_full(void)
{
	struct ring *ring = NULL;
	ring_open(&ring, test_dir(), RING_BYTES_MIN);
	unsigned int published = 0;
	while (ring_reserve(ring) != NULL && published < 100) {
		ring_publish(ring, RING_RECORD_MAX, 1472);
		published++;
	}
	is_number(published, 3, "a full ring gives no room instead of overwriting");
	struct ring_record record;
	uint64_t damaged = 0;
	ok(ring_take(ring, &record, &damaged) && ring_reserve(ring) == NULL,
	   "a record that is only taken still holds its place");
	ring_release(ring);
	ok(ring_reserve(ring) != NULL, "a released record gives its place back");
	while (ring_take(ring, &record, &damaged))
		ring_release(ring);
	is_number((int64_t)damaged, 0, "a full ring is not a damaged one");
	ring_close(ring);
}

static void test_replaced(void)
{
	struct ring *old = NULL, *new = NULL;
	ring_open(&old, test_dir(), RING_BYTES_MIN);
	ok(!ring_is_retired(old), "a ring in use is not retired");
	is_number(ring_open(&new, test_dir(), 2 * RING_BYTES_MIN), 0,
		  "a ring of another size takes the place of the old one");
	ok(ring_is_retired(old), "whoever holds the old one is told");
	ok(!ring_is_retired(new), "the new one is not retired");
	ring_close(old);
	is_number(ring_open(&old, test_dir(), 2 * RING_BYTES_MIN), 0, "catch has it open, too");
	memset(ring_reserve(old), 7, 100);
	ring_publish(old, 100, 50);
	ring_retire(new);
	ok(ring_is_retired(old), "keep can have catch end by it");
	struct ring_record record;
	uint64_t damaged = 0;
	ok(ring_take(new, &record, &damaged) && record.len == 100, "and takes what is in it");
	ring_close(old);
	is_number(ring_open(&old, test_dir(), 2 * RING_BYTES_MIN), 0, "the next catch");
	ok(!ring_is_retired(old) && ring_fill(old) == 0, "has another one");
	ring_close(old);
	ring_close(new);

	int fd = open(test_path(RING_FILE), O_WRONLY | O_TRUNC);
	ok(fd >= 0 && write(fd, "nonsense", 8) == 8, "a file that is no ring lies in its place");
	close(fd);
	is_number(ring_open(&new, test_dir(), RING_BYTES_MIN), 0, "it is replaced as well");
	ring_close(new);
}

/* The page as the other side could write it: any word of it may be nonsense. */
static void test_hostile(void)
{
	uint64_t state = test_seed(), damaged = 0;
	int fd = open(test_path(RING_FILE), O_RDWR);
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool survived = page != MAP_FAILED;
	for (int round = 0; survived && round < 20000; round++) {
		struct ring *ring = NULL;
		struct ring_record record;
		if (ring_open(&ring, test_dir(), RING_BYTES_MIN) != 0)
			break;
		size_t at = 20 + test_random(&state) % (160 - 20);
		page[round % 2 == 0 ? at : 4096 + test_random(&state) % 8] = (uint8_t)test_random(&state);
		if (ring_reserve(ring) != NULL)
			ring_publish(ring, (uint32_t)(test_random(&state) % 1000), 10);
		for (int i = 0; i < 10 && ring_take(ring, &record, &damaged); i++) {
			survived &= record.len <= RING_RECORD_MAX && record.datagram_len > 0;
			/* the last byte is readable */
			volatile uint8_t last = record.data[record.len == 0 ? 0 : record.len - 1];
			(void)last;
			ring_release(ring);
		}
		ring_close(ring);
	}
	ok(survived, "no position or length from the other side leads out of the ring");
	ok(damaged > 0, "nonsense is noticed and counted");
	munmap(page, 8192);
	close(fd);
}

/* A record that claims more than was published. */
static void test_long_record(void)
{
	unlink(test_path(RING_FILE));
	struct ring *ring = NULL;
	struct ring_record record;
	uint64_t damaged = 0;
	ring_open(&ring, test_dir(), RING_BYTES_MIN);
	for (uint32_t len = 100; len < RING_RECORD_MAX + 200; len += 4000) {
		uint8_t *room = ring_reserve(ring);
		ring_publish(ring, 50, 50);
		memcpy(room - RING_ALIGN, &len, sizeof(len));
		if (ring_take(ring, &record, &damaged))
			ring_release(ring);
	}
	is_number((int64_t)damaged, 17, "a record that is longer than what waits is nonsense");
	is_number((int64_t)ring_fill(ring), 0, "and empties the ring");
	ring_close(ring);
}

static void test_two_processes(void)
{
	unlink(test_path(RING_FILE));
	const char *dir = test_dir();
	pid_t child = fork();
	if (child == 0) {
		struct ring *ring = NULL;
		if (ring_open(&ring, dir, RING_BYTES_MIN) != 0)
			_exit(1);
		produce(ring);
		_exit(0);
	}
	struct ring *ring = NULL;
	is_number(ring_open(&ring, dir, RING_BYTES_MIN), 0, "two processes open one ring at a time");
	uint32_t good = 0;
	while (good < RECORDS && take_one(ring, good))
		good++;
	int status = -1;
	waitpid(child, &status, 0);
	is_number(good, RECORDS, "records cross from one process to the other");
	is_number(status, 0, "the producer ends well");
	ring_close(ring);
}

static void test_errors(void)
{
	struct ring *ring = NULL;
	is_number(ring_open(&ring, test_path("absent"), RING_BYTES_MIN), -2,
		  "a missing runtime directory is an error");
	ok(ring == NULL, "and nothing was given out");
	ring_close(NULL);
}

int main(void)
{
	test_order();
	test_sides();
	test_restart();
	test_bell();
	test_parts();
	test_full();
	test_replaced();
	test_hostile();
	test_long_record();
	test_two_processes();
	test_errors();
	return done_testing();
}
