#include "orders.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"

enum { READ_TRIES = 1000, PAGE_MODE = 0640 };

/* Both pages begin with the magic and the version. */
struct page_head {
	uint64_t magic;
	_Atomic uint64_t version;
};
_Static_assert(offsetof(struct orders_page, version) == offsetof(struct page_head, version), "head");
_Static_assert(offsetof(struct progress_page, version) == offsetof(struct page_head, version), "head");

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
	struct page_head *head = page;
	if (head->magic != ORDERS_MAGIC) {
		if (!writable) {
			munmap(page, size);
			return -ENOENT;
		}
		memset(page, 0, size);
		atomic_thread_fence(memory_order_release);
		head->magic = ORDERS_MAGIC;
	}
	*out = page;
	return 0;
}

int orders_map(struct orders_page **out, const char *runtime, bool writable)
{
	void *page;
	int result = map_page(&page, runtime, ORDERS_FILE, sizeof(**out), writable);
	if (result == 0)
		*out = page;
	return result;
}

int progress_map(struct progress_page **out, const char *runtime, bool writable)
{
	void *page;
	int result = map_page(&page, runtime, PROGRESS_FILE, sizeof(**out), writable);
	if (result == 0)
		*out = page;
	return result;
}

/* A writer that died inside its section left the version odd; the next one goes on from there. */
void page_write_begin(_Atomic uint64_t *version)
{
	uint64_t now = atomic_load_explicit(version, memory_order_relaxed);
	atomic_store_explicit(version, (now + 1) | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void page_write_end(_Atomic uint64_t *version)
{
	uint64_t now = atomic_load_explicit(version, memory_order_relaxed);
	atomic_store_explicit(version, now + 1, memory_order_release);
}

uint64_t page_read_begin(const _Atomic uint64_t *version)
{
	for (int i = 0; i < READ_TRIES; i++) {
		uint64_t now = atomic_load_explicit(version, memory_order_acquire);
		if ((now & 1) == 0)
			return now;
	}
	return 0;
}

bool page_read_is_good(const _Atomic uint64_t *version, uint64_t begun)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(version, memory_order_relaxed) == begun;
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

int orders_read(struct orders_page *out, const struct orders_page *page)
{
	uint64_t begun = page_read_begin(&page->version);
	if (begun == 0)
		return -EAGAIN;
	const size_t head = offsetof(struct orders_page, epoch);
	const size_t fixed = offsetof(struct orders_page, pages);
	memcpy((uint8_t *)out + head, (const uint8_t *)page + head, fixed - head);
	/* the count may be torn until the version has been looked at again */
	size_t count = out->page_count <= ORDERS_CONTROL_MAX ? out->page_count : ORDERS_CONTROL_MAX;
	memcpy(out->pages, page->pages, count * sizeof(page->pages[0]));
	if (!page_read_is_good(&page->version, begun))
		return -EAGAIN;
	atomic_store_explicit(&out->version, begun, memory_order_relaxed);
	return lengths_are_good(out) ? 0 : -EINVAL;
}
