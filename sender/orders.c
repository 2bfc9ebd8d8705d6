#include "orders.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"

enum { READ_TRIES = 1000, SNAPSHOT_TRIES = 16, PAGE_MODE = 0640, WORD_BYTES = 8 };

/* What is mapped: the magic, the version, then the words of the page. */
struct shared {
	_Atomic uint64_t magic;
	_Atomic uint64_t version;
	_Atomic uint64_t words[];
};
struct orders_shared {
	struct shared page;
};
struct progress_shared {
	struct shared page;
};

/* A copy has the same layout, so that the n-th byte of one is the n-th byte of the other. */
#define WORDS_BEGIN offsetof(struct shared, words)
_Static_assert(offsetof(struct orders_page, epoch) == WORDS_BEGIN, "head");
_Static_assert(offsetof(struct progress_page, updated_ms) == WORDS_BEGIN, "head");
_Static_assert(offsetof(struct orders_page, is_shut) % WORD_BYTES == 0, "a word");
_Static_assert(offsetof(struct orders_page, pages) % WORD_BYTES == 0, "whole words");
_Static_assert(sizeof(struct orders_page) % WORD_BYTES == 0, "whole words");
_Static_assert(sizeof(struct progress_page) % WORD_BYTES == 0, "whole words");
_Static_assert(sizeof(_Atomic uint64_t) == WORD_BYTES, "no lock beside it");

static int open_page(int dir_fd, const char *name, bool writable)
{
	int flags = O_CLOEXEC | O_NOFOLLOW | (writable ? O_RDWR | O_CREAT : O_RDONLY);
	int fd = openat(dir_fd, name, flags, PAGE_MODE);
	if (fd < 0)
		return -errno;
	/* the other side is another user of the same group, whatever the umask was */
	if (writable && fchmod(fd, PAGE_MODE) < 0) {
		int result = -errno;
		io_close(fd);
		return result;
	}
	return fd;
}

/* Makes the file as large as the page.  A file that is there stays: the other side has mapped it. */
static int size_page(int fd, size_t size, bool writable)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size >= size)
		return 0;
	if (!writable)
		return -ENOENT;
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

/* The magic last: without it nobody reads. */
static void clear(struct shared *shared, size_t size)
{
	atomic_store(&shared->magic, 0);
	atomic_store(&shared->version, 0);
	for (size_t i = 0; i < (size - WORDS_BEGIN) / WORD_BYTES; i++)
		atomic_store_explicit(&shared->words[i], 0, memory_order_relaxed);
	atomic_store_explicit(&shared->magic, ORDERS_MAGIC, memory_order_release);
}

static int map_page(void **out, const char *runtime, const char *name, size_t size, bool writable)
{
	int dir_fd = io_open_dir(AT_FDCWD, runtime);
	if (dir_fd < 0)
		return dir_fd;
	int fd = open_page(dir_fd, name, writable);
	io_close(dir_fd);
	if (fd < 0)
		return fd;
	void *page = MAP_FAILED;
	int result = size_page(fd, size, writable);
	if (result == 0) {
		page = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
		result = page == MAP_FAILED ? -errno : 0;
	}
	io_close(fd);
	if (result != 0)
		return result;
	struct shared *shared = page;
	if (atomic_load_explicit(&shared->magic, memory_order_acquire) != ORDERS_MAGIC) {
		if (!writable) {
			munmap(page, size);
			return -ENOENT;
		}
		clear(shared, size);
	}
	*out = page;
	return 0;
}

int orders_map(struct orders_shared **out, const char *runtime, bool writable)
{
	void *page;
	int result = map_page(&page, runtime, ORDERS_FILE, sizeof(struct orders_page), writable);
	if (result == 0)
		*out = page;
	return result;
}

int progress_map(struct progress_shared **out, const char *runtime, bool writable)
{
	void *page;
	int result = map_page(&page, runtime, PROGRESS_FILE, sizeof(struct progress_page), writable);
	if (result == 0)
		*out = page;
	return result;
}

void orders_unmap(struct orders_shared *shared)
{
	if (shared != NULL)
		munmap(shared, sizeof(struct orders_page));
}

void progress_unmap(struct progress_shared *shared)
{
	if (shared != NULL)
		munmap(shared, sizeof(struct progress_page));
}

/*
 * The sequence lock, without fences: who has loaded (acquire) a word that was stored (release) after the version
 * became odd sees the version odd or newer, and then it is not the one that it began with.
 *
 * A writer that died inside its section left the version odd; the next one goes on from there.
 */
static void write_begin(struct shared *shared)
{
	uint64_t now = atomic_load_explicit(&shared->version, memory_order_relaxed);
	atomic_store_explicit(&shared->version, (now + 1) | 1, memory_order_relaxed);
}

static void write_end(struct shared *shared)
{
	uint64_t now = atomic_load_explicit(&shared->version, memory_order_relaxed);
	atomic_store_explicit(&shared->version, now + 1, memory_order_release);
}

/* Spins while the version is odd, boundedly; 0 when it stays odd, and when nothing has been written yet. */
static uint64_t read_begin(const struct shared *shared)
{
	for (int i = 0; i < READ_TRIES; i++) {
		uint64_t now = atomic_load_explicit(&shared->version, memory_order_acquire);
		if ((now & 1) == 0)
			return now;
	}
	return 0;
}

static bool read_is_good(const struct shared *shared, uint64_t begun)
{
	return atomic_load_explicit(&shared->version, memory_order_relaxed) == begun;
}

/* Both from a byte of the page up to another, which begin words. */
static void store_words(struct shared *shared, const void *page, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += WORD_BYTES) {
		uint64_t word;
		memcpy(&word, (const uint8_t *)page + at, WORD_BYTES);
		atomic_store_explicit(&shared->words[(at - WORDS_BEGIN) / WORD_BYTES], word, memory_order_release);
	}
}

static void load_words(void *page, const struct shared *shared, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += WORD_BYTES) {
		uint64_t word = atomic_load_explicit(&shared->words[(at - WORDS_BEGIN) / WORD_BYTES],
						     memory_order_acquire);
		memcpy((uint8_t *)page + at, &word, WORD_BYTES);
	}
}

/* Where the words end that hold so many of the catalogue's pages. */
static size_t pages_end(size_t count)
{
	size_t end = offsetof(struct orders_page, pages) + count * sizeof(struct control_message);
	return (end + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES;
}

void orders_write(struct orders_shared *shared, const struct orders_page *page)
{
	assert(page->page_count <= ORDERS_CONTROL_MAX);
	write_begin(&shared->page);
	store_words(&shared->page, page, WORDS_BEGIN, pages_end(page->page_count));
	write_end(&shared->page);
}

void progress_write(struct progress_shared *shared, const struct progress_page *page)
{
	write_begin(&shared->page);
	store_words(&shared->page, page, WORDS_BEGIN, sizeof(*page));
	write_end(&shared->page);
}

static bool lengths_are_good(const struct orders_page *page)
{
	if (page->page_count > ORDERS_CONTROL_MAX || page->order_count > ORDERS_MAX ||
	    page->heads_count > ORDERS_HEADS_MAX || page->heartbeat.len > PAGE_BYTES_MAX)
		return false;
	for (uint32_t i = 0; i < page->heads_count; i++)
		if (page->heads[i].len > PAGE_BYTES_MAX)
			return false;
	for (uint32_t i = 0; i < page->page_count; i++)
		if (page->pages[i].len > PAGE_BYTES_MAX)
			return false;
	return true;
}

int orders_read(struct orders_page *out, const struct orders_shared *shared)
{
	const struct shared *page = &shared->page;
	const size_t fixed = offsetof(struct orders_page, pages);
	uint64_t begun = read_begin(page);
	if (begun == 0)
		return -EAGAIN;
	load_words(out, page, WORDS_BEGIN, fixed);
	/* the count may be torn until the version has been looked at again */
	load_words(out, page, fixed,
		   pages_end(out->page_count <= ORDERS_CONTROL_MAX ? out->page_count : ORDERS_CONTROL_MAX));
	if (!read_is_good(page, begun))
		return -EAGAIN;
	out->version = begun;
	return lengths_are_good(out) ? 0 : -EINVAL;
}

/* A short page that is written often: it may take more than one try. */
int progress_read(struct progress_page *out, const struct progress_shared *shared)
{
	for (int i = 0; i < SNAPSHOT_TRIES; i++) {
		uint64_t begun = read_begin(&shared->page);
		if (begun == 0)
			return -EAGAIN;
		load_words(out, &shared->page, WORDS_BEGIN, sizeof(*out));
		out->version = begun;
		if (read_is_good(&shared->page, begun))
			return 0;
	}
	return -EAGAIN;
}

uint64_t orders_version(const struct orders_shared *shared)
{
	return atomic_load_explicit(&shared->page.version, memory_order_acquire);
}

bool orders_is_shut(const struct orders_shared *shared)
{
	const size_t word = (offsetof(struct orders_page, is_shut) - WORDS_BEGIN) / WORD_BYTES;
	return atomic_load_explicit(&shared->page.words[word], memory_order_acquire) != 0;
}

void orders_inherit(struct orders_page *out, const struct orders_shared *shared)
{
	load_words(out, &shared->page, WORDS_BEGIN, sizeof(*out));
	out->version = orders_version(shared);
}
