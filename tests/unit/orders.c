#include "sender/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#ifdef WEIR_SANITIZE
enum { WRITES = 1000, PAGES = 64 };
#else
enum { WRITES = 4000, PAGES = 64 };
#endif

static void pages_are_files(void)
{
	static struct orders_page said, heard;
	static struct progress_page done, seen;
	struct orders_shared *reader = NULL, *writer = NULL;
	struct progress_shared *progress = NULL, *progress_reader = NULL;
	struct stat st;
	is_number(orders_map(&reader, test_dir(), false), -ENOENT, "a page nobody made is not there");
	is_number(orders_map(&reader, "/nowhere/at/all", false), -ENOENT, "nor is one in no directory");
	is_number(orders_map(&writer, test_dir(), true), 0, "its writer makes it");
	ok(stat(test_path(ORDERS_FILE), &st) == 0 && (st.st_mode & 07777) == 0640 &&
		   (size_t)st.st_size >= sizeof(struct orders_page),
	   "as a file that its group may read");
	is_number(orders_map(&reader, test_dir(), false), 0, "and now it is there");
	is_number(orders_read(&heard, reader), -EAGAIN, "but nothing has been written yet");
	is_number(progress_map(&progress, test_dir(), true), 0, "so with progress");
	is_number(progress_map(&progress_reader, test_dir(), false), 0, "and its reader");
	is_number(progress_read(&seen, progress_reader), -EAGAIN, "of which nothing has been written either");
	said.order_count = 5;
	done.datagrams = 77;
	done.orders[ORDERS_MAX - 1].serial = 78;
	orders_write(writer, &said);
	progress_write(progress, &done);
	ok(orders_read(&heard, reader) == 0 && heard.order_count == 5 && progress_read(&seen, progress_reader) == 0 &&
		   seen.datagrams == 77 && seen.orders[ORDERS_MAX - 1].serial == 78,
	   "what one side writes the other sees");
	orders_unmap(writer);
	is_number(orders_map(&writer, test_dir(), true), 0, "a restarted writer maps it again");
	orders_inherit(&heard, writer);
	is_number(heard.order_count, 5, "it finds what there was");
	uint64_t version = orders_version(reader);
	said.order_count = 6;
	said.is_shut = 1;
	orders_write(writer, &said);
	ok(orders_read(&heard, reader) == 0 && heard.order_count == 6, "and who has it mapped sees what it writes");
	ok(orders_version(reader) != version && orders_version(reader) == heard.version,
	   "under another version, which the copy tells");
	ok(orders_is_shut(reader), "that it is shut is seen by itself");
	orders_unmap(writer);
	orders_unmap(reader);
	orders_unmap(NULL);
	progress_unmap(progress);
	progress_unmap(progress_reader);
	progress_unmap(NULL);
}

/* What lies there from another version of this program is no page, and its writer makes it one. */
static void foreign_pages_are_cleared(void)
{
	static struct orders_page said, heard;
	struct orders_shared *page = NULL;
	int fd = open(test_path(ORDERS_FILE), O_RDWR | O_CLOEXEC);
	struct orders_page *raw = mmap(NULL, sizeof(*raw), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(raw, 0xee, sizeof(*raw));
	is_number(orders_map(&page, test_dir(), false), -ENOENT, "a page of another format is none");
	is_number(orders_map(&page, test_dir(), true), 0, "its writer takes it");
	orders_inherit(&heard, page);
	said.version = heard.version;
	ok(heard.version == 0 && memcmp(&said.epoch, &heard.epoch, sizeof(said) - offsetof(struct orders_page, epoch)) == 0,
	   "and leaves nothing of what it held");
	orders_unmap(page);
	munmap(raw, sizeof(*raw));
	close(fd);
}

static void wrong_files_are_no_pages(void)
{
	struct orders_shared *page = NULL;
	const char *path = test_path(ORDERS_FILE);
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok(ftruncate(fd, (off_t)sizeof(struct orders_page) - 1) == 0, "a file is one byte too short");
	is_number(orders_map(&page, test_dir(), false), -ENOENT, "and is no page yet");
	ok(ftruncate(fd, (off_t)sizeof(struct orders_page)) == 0, "it is long enough, but without magic");
	is_number(orders_map(&page, test_dir(), false), -ENOENT, "and is no page yet");
	close(fd);
	unlink(path);
	ok(symlink("/etc/passwd", path) == 0, "a symbolic link stands in its place");
	is_number(orders_map(&page, test_dir(), false), -ELOOP, "and is not followed to be read");
	is_number(orders_map(&page, test_dir(), true), -ELOOP, "nor to be written");
	unlink(path);
	ok(mkdir(path, 0700) == 0, "a directory stands in its place");
	is_number(orders_map(&page, test_dir(), false), -EINVAL, "and is no page");
	rmdir(path);
}

/* Copies lie in memory as pages do, so that a test can write one as no writer would. */
static struct orders_shared *as_shared(struct orders_page *page)
{
	return (struct orders_shared *)page;
}

/* Beside a writer, at every moment of its writing: the version is odd then. */
static void nothing_is_read_beside_a_writer(void)
{
	struct orders_page *page = calloc(1, sizeof(*page)), *copy = calloc(1, sizeof(*copy));
	struct progress_page progress = {0}, seen;
	struct progress_shared *progress_shared = (struct progress_shared *)&progress;
	is_number(orders_read(copy, as_shared(page)), -EAGAIN, "there is nothing to read before the first write");
	page->version = 1;
	is_number(orders_read(copy, as_shared(page)), -EAGAIN, "nor while it is written");
	orders_write(as_shared(page), copy);
	is_number((int64_t)page->version, 4, "a writer that died inside leaves it odd, and the next one goes on from there");
	is_number(orders_read(copy, as_shared(page)), 0, "which can be read");
	orders_write(as_shared(page), copy);
	is_number((int64_t)page->version, 6, "each write goes up by one even number");
	progress.version = 7;
	is_number(progress_read(&seen, progress_shared), -EAGAIN, "a page of progress that is being written is not read");
	progress_write(progress_shared, &seen);
	ok(progress_read(&seen, progress_shared) == 0 && seen.version == 10, "and is when it has been");
	free(page);
	free(copy);
}

static struct orders_page *page_of(uint32_t pages, uint32_t orders)
{
	struct orders_page *page = calloc(1, sizeof(*page)), *said = calloc(1, sizeof(*said));
	said->epoch = 7;
	said->beat = 8;
	said->generation = 9;
	said->heartbeat.len = HEARTBEAT_BYTES;
	said->page_count = pages;
	said->order_count = orders;
	for (uint32_t i = 0; i < ORDERS_CONTROL_MAX; i++)
		said->pages[i] = (struct control_message){.len = 128, .bytes = {(uint8_t)i}};
	for (uint32_t i = 0; i < ORDERS_MAX; i++)
		said->orders[i].serial = i + 1;
	orders_write(as_shared(page), said);
	free(said);
	return page;
}

static void reading_copies(void)
{
	struct orders_page *page = page_of(ORDERS_CONTROL_MAX, ORDERS_MAX);
	struct orders_page *copy = calloc(1, sizeof(*copy));
	is_number(orders_read(copy, as_shared(page)), 0, "a full page is copied");
	ok(copy->epoch == 7 && copy->beat == 8 && copy->generation == 9 &&
		   copy->version == page->version &&
		   memcmp(copy->orders, page->orders, sizeof(page->orders)) == 0 &&
		   memcmp(copy->pages, page->pages, sizeof(page->pages)) == 0,
	   "as it is");
	page->version++;
	is_number(orders_read(copy, as_shared(page)), -EAGAIN, "not while it is written");
	page->version++;
	page->page_count = ORDERS_CONTROL_MAX + 1;
	is_number(orders_read(copy, as_shared(page)), -EINVAL, "too many pages are refused");
	page->page_count = UINT32_MAX;
	is_number(orders_read(copy, as_shared(page)), -EINVAL, "any number of them");
	page->page_count = 1;
	page->order_count = ORDERS_MAX + 1;
	is_number(orders_read(copy, as_shared(page)), -EINVAL, "too many orders are refused");
	page->order_count = 1;
	page->heartbeat.len = PAGE_BYTES_MAX + 1;
	is_number(orders_read(copy, as_shared(page)), -EINVAL, "too long a heartbeat is refused");
	page->heartbeat.len = 0;
	page->pages[0].len = UINT16_MAX;
	is_number(orders_read(copy, as_shared(page)), -EINVAL, "too long a page is refused");
	page->pages[0].len = 0;
	page->pages[1].len = UINT16_MAX;
	is_number(orders_read(copy, as_shared(page)), 0, "what is behind the count does not matter");
	page->heads_count = ORDERS_HEADS_MAX + 1;
	is_number(orders_read(copy, as_shared(page)), -EINVAL, "too many heads are refused");
	page->heads_count = 1;
	page->heads[0].len = PAGE_BYTES_MAX + 1;
	is_number(orders_read(copy, as_shared(page)), -EINVAL, "and too long ones");
	free(page);
	free(copy);
}

/* Every field that it writes tells the same number. */
static void *write_many(void *argument)
{
	struct orders_shared *shared = argument;
	struct orders_page *page = calloc(1, sizeof(*page));
	page->page_count = PAGES;
	page->order_count = 1;
	for (uint64_t i = 1; i <= WRITES; i++) {
		page->epoch = page->beat = page->generation = i;
		page->orders[0].serial = i;
		for (int j = 0; j < PAGES; j++)
			memset(page->pages[j].bytes, (int)(i & 0xff), sizeof(page->pages[j].bytes));
		orders_write(shared, page);
		if (i % 16 == 0)
			sched_yield();
	}
	free(page);
	return NULL;
}

static bool is_whole(const struct orders_page *copy)
{
	bool whole = copy->epoch == copy->beat && copy->beat == copy->generation &&
		     copy->orders[0].serial == copy->epoch;
	for (int j = 0; j < PAGES; j++)
		for (size_t i = 0; i < sizeof(copy->pages[j].bytes); i += 97)
			whole &= copy->pages[j].bytes[i] == (copy->epoch & 0xff);
	return whole;
}

/* Both ends of one mapping, in two threads: here the thread sanitizer sees both. */
static void readers_never_see_half(void)
{
	struct orders_page *copy = calloc(1, sizeof(*copy));
	struct orders_shared *shared = NULL;
	unlink(test_path(ORDERS_FILE));
	is_number(orders_map(&shared, test_dir(), true), 0, "a page is there for a reader and a busy writer");
	pthread_t writer;
	pthread_create(&writer, NULL, write_many, shared);
	bool whole = true, ascending = true;
	uint64_t last = 0;
	while (last < WRITES) {
		if (orders_read(copy, shared) != 0)
			continue;
		whole &= is_whole(copy);
		ascending &= copy->epoch >= last;
		last = copy->epoch;
	}
	pthread_join(writer, NULL);
	ok(whole, "a reader beside a busy writer never sees half of what it wrote");
	ok(ascending, "nor anything older than it saw before");
	orders_unmap(shared);
	free(copy);
}

static void *progress_many(void *argument)
{
	struct progress_page page = {.count = ORDERS_MAX};
	for (uint64_t i = 1; i <= WRITES; i++) {
		page.updated_ms = page.orders[0].serial = page.orders[ORDERS_MAX - 1].total_bytes = i;
		progress_write(argument, &page);
		if (i % 16 == 0)
			sched_yield();
	}
	return NULL;
}

static atomic_bool is_enough;

static void *write_on(void *argument)
{
	while (!atomic_load(&is_enough))
		write_many(argument);
	return NULL;
}

/* The same without the lock: that the check above could fail. */
static void halves_are_there(void)
{
	struct orders_page *copy = calloc(1, sizeof(*copy));
	struct orders_shared *shared = NULL;
	is_number(orders_map(&shared, test_dir(), true), 0, "a page is there for one who does not look at its version");
	pthread_t writer;
	pthread_create(&writer, NULL, write_on, shared);
	do
		orders_inherit(copy, shared);
	while (is_whole(copy));
	atomic_store(&is_enough, true);
	pthread_join(writer, NULL);
	ok(!is_whole(copy), "who sees half of what is written, before long");
	orders_unmap(shared);
	free(copy);
}

static void progress_is_whole_as_well(void)
{
	struct progress_shared *shared = NULL;
	struct progress_page page;
	is_number(progress_map(&shared, test_dir(), true), 0, "so with a page of progress");
	pthread_t writer;
	pthread_create(&writer, NULL, progress_many, shared);
	bool whole = true, ascending = true;
	uint64_t last = 0;
	while (last < WRITES) {
		if (progress_read(&page, shared) != 0)
			continue;
		whole &= page.orders[0].serial == page.updated_ms && page.orders[ORDERS_MAX - 1].total_bytes == page.updated_ms;
		ascending &= page.updated_ms >= last;
		last = page.updated_ms;
	}
	pthread_join(writer, NULL);
	ok(whole && ascending, "its reader sees neither half of it, nor the past");
	progress_unmap(shared);
}

int main(void)
{
	alarm(60); /* a reader waits for a writer below */
	pages_are_files();
	foreign_pages_are_cleared();
	wrong_files_are_no_pages();
	nothing_is_read_beside_a_writer();
	reading_copies();
	readers_never_see_half();
	halves_are_there();
	progress_is_whole_as_well();
	return done_testing();
}
