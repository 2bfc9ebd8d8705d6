#include "common/edition.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static int dir_fd;

/* A file `lock` of this text, open; NULL: none is there, and it is made. */
static int lock_with(const char *text)
{
	unlinkat(dir_fd, "lock", 0);
	int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (text != NULL)
		is_number(io_pwrite(fd, text, strlen(text), 0), 0, "a lock is made");
	return fd;
}

static void says(const char *wanted, const char *sentence)
{
	char text[256] = "";
	int fd = openat(dir_fd, "lock", O_RDONLY | O_CLOEXEC);
	(void)!read(fd, text, sizeof(text) - 1);
	io_close(fd);
	is_text(text, wanted, "%s", sentence);
}

static void test_lines(void)
{
	static const struct {
		const char *text;
		int keep;
		const char *after;
		const char *sentence;
	} cases[] = {
		{NULL, 0, "weir-spool 1\n", "a new one gets the line of this version"},
		{"weir-spool 1\n", 0, "weir-spool 1\n", "the line of this version stays"},
		{"weir-sp", 0, "weir-spool 1\n", "half a line, as a crash leaves it, becomes a whole one"},
		{"weir-spool 2", 0, "weir-spool 1\n", "also of another version, in which nothing was written yet"},
		{"\n\n\n\n\n\n\n\n\n\n\n\n\n", 0, "weir-spool 1\n", "what is no line becomes one"},
		{"weir-spool 2\n", VERDICT_UNKNOWN_VERSION, "weir-spool 2\n", "of the next version nothing is touched"},
		{"weir-spool 10\nmore\n", VERDICT_UNKNOWN_VERSION, "weir-spool 10\nmore\n", "nor of one that says more"},
		{"weir-spool 18446744073709551615\n", VERDICT_UNKNOWN_VERSION, "weir-spool 18446744073709551615\n",
		 "nor of the last that there can be"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = lock_with(cases[i].text);
		is_number(edition_look(dir_fd, EDITION_SPOOL), cases[i].keep, "%s: who reads is told", cases[i].sentence);
		is_number(edition_keep(fd, EDITION_SPOOL), cases[i].keep, "%s: who writes is told", cases[i].sentence);
		says(cases[i].after, cases[i].sentence);
		io_close(fd);
	}
}

static void test_failures(void)
{
	int fd = lock_with("weir-spool 1\n");
	io_close(fd);
	unlinkat(dir_fd, "lock", 0);
	is_number(edition_look(dir_fd, EDITION_VAULT), 0, "one without lock is of version 1");
	fd = lock_with(NULL);
	int reading = openat(dir_fd, "lock", O_RDONLY | O_CLOEXEC);
	ok(edition_keep(reading, EDITION_VAULT) < 0, "a line that cannot be written is told of");
	io_close(reading);
	io_close(fd);
}

int main(void)
{
	dir_fd = io_open_dir(AT_FDCWD, test_dir());
	test_lines();
	test_failures();
	io_close(dir_fd);
	return done_testing();
}
