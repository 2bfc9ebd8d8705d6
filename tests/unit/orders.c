#include "sender/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/tap.h"

enum { WRITES = 4000, PAGES = 64 };

static void pages_are_files(void)
{
	struct orders_page *reader = NULL, *writer = NULL;
	struct progress_page *progress = NULL, *progress_reader = NULL;
	struct stat st;
	is_number(orders_map(&reader, test_dir(), false), -ENOENT, "a page nobody made is not there");
	is_number(orders_map(&reader, "/nowhere/at/all", false), -ENOENT, "nor is one in no directory");
	is_number(orders_map(&writer, test_dir(), true), 0, "its writer makes it");
	ok(stat(test_path(ORDERS_FILE), &st) == 0 && (st.st_mode & 07777) == 0640 &&
		   (size_t)st.st_size >= sizeof(*writer),
	   "as a file that its group may read");
	is_number(orders_map(&reader, test_dir(), false), 0, "and now it is there");
	is_number(progress_map(&progress, test_dir(), true), 0, "so with progress");
	is_number(progress_map(&progress_reader, test_dir(), false), 0, "and its reader");
	writer->order_count = 5;
	progress->datagrams = 77;
	ok(reader->order_count == 5 && progress_reader->datagrams == 77,
	   "what one side writes the other sees");
	munmap(writer, sizeof(*writer));
	is_number(orders_map(&writer, test_dir(), true), 0, "a restarted writer maps it again");
	writer->order_count = 6;
	is_number(reader->order_count, 6, "and who has it mapped sees what it writes");
	munmap(writer, sizeof(*writer));
	munmap(reader, sizeof(*reader));
	munmap(progress, sizeof(*progress));
	munmap(progress_reader, sizeof(*progress_reader));
}

static void wrong_files_are_no_pages(void)
{
	struct orders_page *page = NULL;
	const char *path = test_path(ORDERS_FILE);
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok(ftruncate(fd, (off_t)sizeof(*page) - 1) == 0, "a file is one byte too short");
	is_number(orders_map(&page, test_dir(), false), -ENOENT, "and is no page yet");
	ok(ftruncate(fd, (off_t)sizeof(*page)) == 0, "it is long enough, but without magic");
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

static void the_lock_has_two_halves(void)
{
	_Atomic uint64_t version = 0;
	is_number((int64_t)page_read_begin(&version), 0, "there is nothing to read before the first write");
	page_write_begin(&version);
	is_number((int64_t)page_read_begin(&version), 0, "nor while it is written");
	page_write_end(&version);
	uint64_t begun = page_read_begin(&version);
	ok(begun != 0 && page_read_is_good(&version, begun), "what nobody wrote meanwhile is good");
	page_write_begin(&version);
	ok(!page_read_is_good(&version, begun), "what is being written is not");
	page_write_end(&version);
	ok(!page_read_is_good(&version, begun), "nor what has been written since");
	page_write_begin(&version);
	begun = page_read_begin(&version);
	page_write_begin(&version); /* a writer that died inside and came again */
	is_number((int64_t)page_read_begin(&version), 0, "a writer that died leaves it unreadable");
	page_write_end(&version);
	ok(page_read_begin(&version) != 0, "until its successor has written");
}

static struct orders_page *page_of(uint32_t pages, uint32_t orders)
{
	struct orders_page *page = calloc(1, sizeof(*page));
	page_write_begin(&page->version);
	page->epoch = 7;
	page->beat = 8;
	page->generation = 9;
	page->heartbeat.len = HEARTBEAT_BYTES;
	page->page_count = pages;
	page->order_count = orders;
	for (uint32_t i = 0; i < ORDERS_CONTROL_MAX; i++)
		page->pages[i] = (struct control_message){.len = 128, .bytes = {(uint8_t)i}};
	for (uint32_t i = 0; i < ORDERS_MAX; i++)
		page->orders[i].serial = i + 1;
	page_write_end(&page->version);
	return page;
}

static void reading_copies(void)
{
	struct orders_page *page = page_of(ORDERS_CONTROL_MAX, ORDERS_MAX);
	struct orders_page *copy = calloc(1, sizeof(*copy));
	is_number(orders_read(copy, page), 0, "a full page is copied");
	ok(copy->epoch == 7 && copy->beat == 8 && copy->generation == 9 &&
		   copy->version == page->version &&
		   memcmp(copy->orders, page->orders, sizeof(page->orders)) == 0 &&
		   memcmp(copy->pages, page->pages, sizeof(page->pages)) == 0,
	   "as it is");
	page_write_begin(&page->version);
	is_number(orders_read(copy, page), -EAGAIN, "not while it is written");
	page_write_end(&page->version);
	page->page_count = ORDERS_CONTROL_MAX + 1;
	is_number(orders_read(copy, page), -EINVAL, "too many pages are refused");
	page->page_count = UINT32_MAX;
	is_number(orders_read(copy, page), -EINVAL, "any number of them");
	page->page_count = 1;
	page->order_count = ORDERS_MAX + 1;
	is_number(orders_read(copy, page), -EINVAL, "too many orders are refused");
	page->order_count = 1;
	page->heartbeat.len = PAGE_BYTES_MAX + 1;
	is_number(orders_read(copy, page), -EINVAL, "too long a heartbeat is refused");
	page->heartbeat.len = 0;
	page->pages[0].len = UINT16_MAX;
	is_number(orders_read(copy, page), -EINVAL, "too long a page is refused");
	page->pages[0].len = 0;
	page->pages[1].len = UINT16_MAX;
	is_number(orders_read(copy, page), 0, "what is behind the count does not matter");
	page->heads_count = ORDERS_HEADS_MAX + 1;
	is_number(orders_read(copy, page), -EINVAL, "too many heads are refused");
	page->heads_count = 1;
	page->heads[0].len = PAGE_BYTES_MAX + 1;
	is_number(orders_read(copy, page), -EINVAL, "and too long ones");
	free(page);
	free(copy);
}

/* Every field that it writes tells the same number. */
static void *write_many(void *argument)
{
	struct orders_page *page = argument;
	for (uint64_t i = 1; i <= WRITES; i++) {
		page_write_begin(&page->version);
		page->epoch = page->beat = page->generation = i;
		page->page_count = PAGES;
		page->order_count = 1;
		page->orders[0].serial = i;
		for (int j = 0; j < PAGES; j++)
			memset(page->pages[j].bytes, (int)(i & 0xff), sizeof(page->pages[j].bytes));
		page_write_end(&page->version);
		if (i % 16 == 0)
			sched_yield();
	}
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

static void readers_never_see_half(void)
{
	struct orders_page *page = calloc(1, sizeof(*page)), *copy = calloc(1, sizeof(*copy));
	pthread_t writer;
	pthread_create(&writer, NULL, write_many, page);
	bool whole = true, ascending = true;
	uint64_t last = 0;
	while (last < WRITES) {
		if (orders_read(copy, page) != 0)
			continue;
		whole &= is_whole(copy);
		ascending &= copy->epoch >= last;
		last = copy->epoch;
	}
	pthread_join(writer, NULL);
	ok(whole, "a reader beside a busy writer never sees half of what it wrote");
	ok(ascending, "nor anything older than it saw before");
	free(page);
	free(copy);
}

int main(void)
{
	alarm(60); /* a reader waits for a writer below */
	pages_are_files();
	wrong_files_are_no_pages();
	the_lock_has_two_halves();
	reading_copies();
	readers_never_see_half();
	return done_testing();
}
