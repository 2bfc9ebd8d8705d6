#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "ringroom.h"

enum { PAGE_BYTES = 4096 };
#define RING_MAGIC UINT64_C(0x3330474e49524557) /* "WERING03" */

/*
 * The first page.  Positions only grow; an offset is a position modulo size.  What the producer writes
 * all the time has cache lines of its own.
 */
struct ring_page {
	uint64_t magic;
	uint64_t size;
	_Atomic uint32_t retired;
	_Atomic uint32_t sleeping;          /* consumer */
	_Atomic uint64_t tail;              /* consumer */
	_Atomic uint32_t bell;              /* futex word */
	uint8_t reserved[28];
	_Atomic uint64_t head;              /* producer */
	struct ring_counters counters;      /* producer */
	_Alignas(64) struct ring_seen seen; /* consumer */
};
_Static_assert(offsetof(struct ring_page, head) == 64, "a cache line for each side");
_Static_assert(sizeof(struct ring_page) <= PAGE_BYTES, "one page");

struct record_header {
	uint32_t len;
	uint32_t datagram_len;
};

struct ring {
	struct ring_page *page;
	uint8_t *data;    /* size bytes, and the same size bytes again */
	uint64_t size;
	uint64_t head;    /* the producer's own; the page is only told */
	uint64_t tail;    /* the consumer's own: what is before it is taken, */
	uint64_t released; /* and before this released */
};

static uint64_t record_bytes(uint64_t len)
{
	return RING_ALIGN + (len + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
}

static uint64_t data_size(uint64_t ring_bytes)
{
	if (ring_bytes < RING_BYTES_MIN)
		ring_bytes = RING_BYTES_MIN;
	return (ring_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static int map_data(struct ring *ring, int fd)
{
	size_t size = (size_t)ring->size;
	uint8_t *at = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	ring->data = at;
	for (int half = 0; half < 2; half++)
		if (mmap(at + (size_t)half * size, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, PAGE_BYTES) == MAP_FAILED)
			return -errno;
	/*
	 * Its pages are there already; that this process has them mapped, too, is done now and not one by one while
	 * datagrams come.  The second half is touched at the edge alone.  Kernels before 5.14 do not know it.
	 */
	(void)madvise(at, size, MADV_POPULATE_WRITE);
	return 0;
}

static int map_ring(struct ring **out, int fd, uint64_t size)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	if (ring == NULL)
		return -ENOMEM;
	ring->size = size;
	int result = 0;
	ring->page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring->page == MAP_FAILED) {
		ring->page = NULL;
		result = -errno;
	}
	if (result == 0)
		result = map_data(ring, fd);
	if (result != 0) {
		ring_close(ring);
		return result;
	}
	ring->head = atomic_load(&ring->page->head);
	ring->tail = ring->released = atomic_load(&ring->page->tail);
	*out = ring;
	return 0;
}

/* A whole, empty ring under a name nobody looks at.  Its space is taken now: no SIGBUS later. */
static int make_file(int dir_fd, const char *name, uint64_t size)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (fd < 0)
		return -errno;
	struct ring_page page = {.magic = RING_MAGIC, .size = size};
	int result = ringroom_check(dir_fd, PAGE_BYTES + size);
	/* the group is how catch and keep, two users, share it; the umask must not take that away */
	if (result == 0 &&
	    (fchmod(fd, 0660) < 0 || fallocate(fd, 0, 0, (off_t)(PAGE_BYTES + size)) < 0))
		result = -errno;
	if (result == 0)
		result = io_pwrite(fd, &page, sizeof(page), 0);
	io_close(fd);
	if (result != 0)
		unlinkat(dir_fd, name, 0);
	return result;
}

/* 1 when fd is a ring of this size, 0 when it is something else (told so, if it was a ring). */
static int examine(int fd, uint64_t size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < PAGE_BYTES)
		return 0;
	struct ring_page *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	bool fits = page->magic == RING_MAGIC && page->size == size &&
		    (uint64_t)st.st_size == PAGE_BYTES + size && atomic_load(&page->retired) == 0;
	if (!fits && page->magic == RING_MAGIC) {
		atomic_store(&page->retired, 1);
		atomic_fetch_add(&page->bell, 1);
		syscall(SYS_futex, &page->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	munmap(page, PAGE_BYTES);
	return fits;
}

/* The descriptor of a ring of this size, -ENOENT when there is none (any more). */
static int open_file(int dir_fd, uint64_t size)
{
	int fd = openat(dir_fd, RING_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int fits = examine(fd, size);
	if (fits == 1)
		return fd;
	io_close(fd);
	if (fits < 0)
		return fits;
	return unlinkat(dir_fd, RING_FILE, 0) < 0 && errno != ENOENT ? -errno : -ENOENT;
}

static int open_or_make(int dir_fd, uint64_t size)
{
	char temporary[64];
	snprintf(temporary, sizeof(temporary), ".ring.%ld.new", (long)getpid());
	/* the other side may make or retire it between two steps, but not for ever */
	for (int attempt = 0; attempt < 16; attempt++) {
		int fd = open_file(dir_fd, size);
		if (fd != -ENOENT)
			return fd;
		if (unlinkat(dir_fd, temporary, 0) < 0 && errno != ENOENT)
			return -errno;
		int result = make_file(dir_fd, temporary, size);
		if (result != 0)
			return result;
		/* link, not rename: the first one wins, and the other takes what is there */
		if (linkat(dir_fd, temporary, dir_fd, RING_FILE, 0) < 0 && errno != EEXIST)
			result = -errno;
		unlinkat(dir_fd, temporary, 0);
		if (result != 0)
			return result;
	}
	return -EBUSY;
}

int ring_open(struct ring **out, const char *runtime, uint64_t ring_bytes)
{
	uint64_t size = data_size(ring_bytes);
	int dir_fd = io_open_dir(AT_FDCWD, runtime);
	if (dir_fd < 0)
		return dir_fd;
	int fd = open_or_make(dir_fd, size);
	io_close(dir_fd);
	if (fd < 0)
		return fd;
	int result = map_ring(out, fd, size);
	io_close(fd);
	return result;
}

void ring_close(struct ring *ring)
{
	if (ring == NULL)
		return;
	if (ring->page != NULL)
		munmap(ring->page, PAGE_BYTES);
	if (ring->data != NULL)
		munmap(ring->data, 2 * (size_t)ring->size);
	free(ring);
}

struct ring_counters *ring_counters(struct ring *ring)
{
	return &ring->page->counters;
}

struct ring_seen *ring_seen(struct ring *ring)
{
	return &ring->page->seen;
}

void ring_set_interface(struct ring *ring, const char name[static RING_INTERFACE_BYTES])
{
	uint64_t words[2];
	memcpy(words, name, sizeof(words));
	for (int i = 0; i < 2; i++)
		atomic_store(&ring->page->counters.interface[i], words[i]);
}

void ring_interface(const struct ring *ring, char out[static RING_INTERFACE_BYTES])
{
	uint64_t words[2];
	for (int i = 0; i < 2; i++)
		words[i] = atomic_load(&ring->page->counters.interface[i]);
	memcpy(out, words, sizeof(words));
	out[RING_INTERFACE_BYTES - 1] = 0;
}

uint64_t ring_size(const struct ring *ring)
{
	return ring->size;
}

uint64_t ring_take_fill(struct ring *ring)
{
	uint64_t most = atomic_exchange(&ring->page->counters.fill_recent, 0);
	uint64_t now = ring_fill(ring);
	most = most > now ? most : now;
	return most <= ring->size ? most : ring->size;
}

void ring_retire(struct ring *ring)
{
	atomic_store(&ring->page->retired, 1);
	ring_wake(ring);
}

bool ring_is_retired(const struct ring *ring)
{
	return atomic_load_explicit(&ring->page->retired, memory_order_relaxed) != 0;
}

uint64_t ring_fill(const struct ring *ring)
{
	uint64_t tail = atomic_load(&ring->page->tail);
	uint64_t fill = atomic_load(&ring->page->head) - tail;
	return fill <= ring->size ? fill : ring->size;
}

uint8_t *ring_reserve(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->page->tail, memory_order_acquire);
	uint64_t fill = ring->head - tail;
	/* a tail ahead of the head is nonsense from the other side; it reads as a full ring */
	if (fill > ring->size || ring->size - fill < record_bytes(RING_RECORD_MAX))
		return NULL;
	return ring->data + ring->head % ring->size + RING_ALIGN;
}

static void raise_to(_Atomic uint64_t *most, uint64_t value)
{
	if (value > atomic_load_explicit(most, memory_order_relaxed))
		atomic_store_explicit(most, value, memory_order_relaxed);
}

void ring_publish(struct ring *ring, uint32_t len, uint32_t datagram_len)
{
	assert(len <= RING_RECORD_MAX && datagram_len > 0);
	struct record_header header = {len, datagram_len};
	memcpy(ring->data + ring->head % ring->size, &header, sizeof(header));
	ring->head += record_bytes(len);
	atomic_store(&ring->page->head, ring->head);

	uint64_t fill = ring->head - atomic_load_explicit(&ring->page->tail, memory_order_relaxed);
	struct ring_counters *counters = &ring->page->counters;
	if (fill <= ring->size) {
		raise_to(&counters->fill_max, fill);
		raise_to(&counters->fill_recent, fill);
	}
	if (atomic_load(&ring->page->sleeping) != 0)
		ring_wake(ring);
}

/* What the producer wrote may be nonsense; then everything it claims to hold is given up. */
static bool empty_damaged(struct ring *ring, uint64_t head, uint64_t *damaged)
{
	++*damaged;
	ring->tail = ring->released = head;
	atomic_store(&ring->page->tail, head);
	return false;
}

bool ring_take(struct ring *ring, struct ring_record *out, uint64_t *damaged)
{
	uint64_t head = atomic_load_explicit(&ring->page->head, memory_order_acquire);
	uint64_t fill = head - ring->tail;
	if (fill == 0)
		return false;
	if (fill > ring->size || head % RING_ALIGN != 0 || ring->tail % RING_ALIGN != 0)
		return empty_damaged(ring, head / RING_ALIGN * RING_ALIGN, damaged);
	struct record_header header;
	const uint8_t *at = ring->data + ring->tail % ring->size;
	memcpy(&header, at, sizeof(header));
	if (header.len > RING_RECORD_MAX || header.datagram_len == 0 ||
	    record_bytes(header.len) > fill)
		return empty_damaged(ring, head, damaged);
	ring->tail += record_bytes(header.len);
	*out = (struct ring_record){at + RING_ALIGN, header.len, header.datagram_len};
	return true;
}

uint64_t ring_position(const struct ring *ring)
{
	return ring->tail;
}

void ring_release_before(struct ring *ring, uint64_t position)
{
	/* less than nothing is nothing: the ring was emptied since */
	uint64_t count = position - ring->released;
	if (count == 0 || count > ring->tail - ring->released)
		return;
	ring->released = position;
	atomic_store_explicit(&ring->page->tail, position, memory_order_release);
}

void ring_release(struct ring *ring)
{
	ring_release_before(ring, ring->tail);
}

uint32_t ring_bell(const struct ring *ring)
{
	return atomic_load(&ring->page->bell);
}

void ring_wait(struct ring *ring, uint32_t heard, unsigned int timeout_ms)
{
	struct ring_page *page = ring->page;
	struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
	atomic_store(&page->sleeping, 1);
	/* any result is fine: the caller looks again for itself */
	if (atomic_load(&page->head) == ring->tail)
		syscall(SYS_futex, &page->bell, FUTEX_WAIT, heard, &timeout, NULL, 0);
	atomic_store(&page->sleeping, 0);
}

void ring_wake(struct ring *ring)
{
	atomic_fetch_add(&ring->page->bell, 1);
	syscall(SYS_futex, &ring->page->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}
