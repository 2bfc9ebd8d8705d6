#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

static int dir_fd;

static void expect_content(const char *name, const char *wanted, const char *sentence)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int result = io_read_file(dir_fd, name, 1000, &data, &len);
	ok(result == 0 && len == strlen(wanted) && memcmp(data, wanted, len + 1) == 0, "%s", sentence);
	free(data);
}

static void test_whole_files(void)
{
	is_number(io_write_file(dir_fd, "a", "one", 3, 0600), 0, "a file is written");
	expect_content("a", "one", "it reads back, with a zero behind it");
	is_number(io_write_file(dir_fd, "a", "two!", 4, 0600), 0, "and written again");
	expect_content("a", "two!", "the new content is there");
	is_number(io_create_file(dir_fd, "a", "three", 5, 0600), -EEXIST, "create never replaces");
	expect_content("a", "two!", "the old content stays");
	ok(faccessat(dir_fd, ".a.new", F_OK, 0) < 0, "no temporary file is left after a refusal");
	is_number(io_create_file(dir_fd, "b", "", 0, 0400), 0, "an empty file is created");
	struct stat st;
	ok(fstatat(dir_fd, "b", &st, 0) == 0 && (st.st_mode & 07777) == 0400, "with its mode");

	int fd = openat(dir_fd, ".a.new", O_WRONLY | O_CREAT, 0600);
	ok(fd >= 0 && io_close(fd) == 0, "a temporary file of a dead process lies about");
	is_number(io_write_file(dir_fd, "a", "four", 4, 0600), 0, "it is no hindrance");

	char long_name[NAME_MAX + 1];
	memset(long_name, 'x', NAME_MAX);
	long_name[NAME_MAX] = 0;
	is_number(io_write_file(dir_fd, long_name, "", 0, 0600), -ENAMETOOLONG,
		  "a name with no room for the temporary one is refused");
	is_number(io_write_file(dir_fd, "no/such", "", 0, 0600), -ENOENT, "so is one in no folder");
}

static void test_paths(void)
{
	char folder[PATH_MAX - 16], path[PATH_MAX], too_long[PATH_MAX + 2];
	struct stat st;
	snprintf(folder, sizeof(folder), "%s", test_path("paths"));
	snprintf(path, sizeof(path), "%s/file", folder);
	is_number(io_replace_path(path, "x", 1), -ENOENT, "in a folder that is not there nothing is replaced");
	is_number(io_create_path(path, "x", 1, 0640), -ENOENT, "nor created");
	is_number(io_make_dir(AT_FDCWD, folder, 0700), 0, "the folder is made");
	is_number(io_replace_path(path, "x", 1), -ENOENT, "a file that is not there is not replaced");
	is_number(io_create_path(path, "one", 3, 0640), 0, "but created at its path");
	is_number(io_create_path(path, "two", 3, 0600), -EEXIST, "once");
	is_number(io_replace_path(path, "three", 5), 0, "then it can be replaced");
	ok(stat(path, &st) == 0 && st.st_size == 5 && (st.st_mode & 07777) == 0640, "and keeps its mode");
	snprintf(too_long, sizeof(too_long), "%s/link", folder);
	ok(symlink("file", too_long) == 0, "a link to it is made");
	is_number(io_replace_path(too_long, "four", 4), VERDICT_NOT_REGULAR, "which is refused");
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = 0;
	is_number(io_create_path(too_long, "x", 1, 0600), -ENAMETOOLONG, "so is a path that is too long");
	is_number(io_replace_path(too_long, "x", 1), -ENAMETOOLONG, "in both");
}

static void test_reading(void)
{
	uint8_t *data = NULL;
	size_t len = 0;
	is_number(io_read_file(dir_fd, "none", 10, &data, &len), -ENOENT, "a missing file is an error");
	is_number(io_read_file(dir_fd, "a", 3, &data, &len), -EFBIG, "a file over its limit is one");
	is_number(io_read_file(dir_fd, ".", 10, &data, &len), VERDICT_NOT_REGULAR, "a folder is refused");
	ok(mkfifoat(dir_fd, "fifo", 0600) == 0, "a FIFO is made");
	is_number(io_read_file(dir_fd, "fifo", 10, &data, &len), VERDICT_NOT_REGULAR,
		  "a FIFO is refused and does not hold the reader up");
	ok(data == NULL && len == 0, "outputs are untouched by failures");

	int fd = openat(dir_fd, "a", O_RDONLY | O_CLOEXEC);
	char buf[8];
	is_number(io_pread(fd, buf, 8, 1), 3, "pread gives what there is");
	is_number(io_pread_exact(fd, buf, 3, 1), 0, "exactly what is asked for");
	ok(memcmp(buf, "our", 3) == 0, "from the place asked for");
	is_number(io_pread_exact(fd, buf, 4, 1), VERDICT_TRUNCATED, "or truncated");
	is_number(io_read(fd, buf, 8), 4, "read ends at the end");
	is_number(io_write(fd, "x", 1), -EBADF, "a write that is not allowed is an error");
	is_number(io_close(fd), 0, "close works");
	is_number(io_close(-1), 0, "closing nothing is fine");
	is_number(io_close(fd), -EBADF, "closing twice is not");
}

static void test_pipes(void)
{
	int ends[2];
	ok(pipe2(ends, O_CLOEXEC) == 0, "a pipe is made");
	pid_t child = fork();
	if (child == 0) {
		/* many short writes, so that the reader sees short reads */
		for (int i = 0; i < 1000; i++)
			if (io_write(ends[1], "0123456789", 10) != 0)
				_exit(1);
		_exit(0);
	}
	io_close(ends[1]);
	static char buf[20000];
	is_number(io_read(ends[0], buf, sizeof(buf)), 10000, "short reads are gone on with until the end");
	io_close(ends[0]);
}

struct visited {
	unsigned int names, hidden;
	int stop_with;
};

static int visit(int visited_fd, const char *name, void *context)
{
	struct visited *v = context;
	v->names += faccessat(visited_fd, name, F_OK, 0) == 0;
	v->hidden += name[0] == '.';
	return v->stop_with;
}

static void test_each_name(void)
{
	struct visited all = {0}, first = {.stop_with = VERDICT_BAD_NAME};
	is_number(io_make_dir(dir_fd, "names", 0700), 0, "a folder is made");
	int d = io_open_dir(dir_fd, "names");
	is_number(io_each_name(io_open_dir(dir_fd, "names"), visit, &all), 0, "an empty folder has no names");
	is_number(all.names, 0, "not even of itself");
	ok(io_write_file(d, "a", "1", 1, 0600) == 0 && io_write_file(d, ".b", "2", 1, 0600) == 0, "two files");
	is_number(io_each_name(io_open_dir(dir_fd, "names"), visit, &all), 0, "every name is visited");
	ok(all.names == 2 && all.hidden == 1, "once, hidden ones, too, with the folder to open them in");
	is_number(io_each_name(io_open_dir(dir_fd, "names"), visit, &first), VERDICT_BAD_NAME,
		  "a result that is not 0 ends it");
	is_number(first.names, 1, "at once");
	is_number(io_each_name(io_open_dir(dir_fd, "none"), visit, &all), -ENOENT,
		  "a folder that could not be opened is the result");
	io_close(d);
}

static void test_directories(void)
{
	is_number(io_make_dir(dir_fd, "d", 0700), 0, "a folder is made");
	is_number(io_make_dir(dir_fd, "d", 0700), 0, "and may be there already");
	int d = io_open_dir(dir_fd, "d");
	ok(d >= 0, "it can be opened");
	is_number(io_rename_durable(dir_fd, "a", d, "moved"), 0, "a file moves between folders");
	ok(faccessat(d, "moved", F_OK, 0) == 0 && faccessat(dir_fd, "a", F_OK, 0) < 0, "and is in one only");
	is_number(io_rename_durable(dir_fd, "a", d, "moved"), -ENOENT, "what is not there does not move");
	is_number(io_open_dir(d, "moved"), -ENOTDIR, "a file is no folder");
	is_number(io_fsync_dir(test_dir()), 0, "a folder is synchronised by its path");
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	is_number(io_write(full, "x", 1), -ENOSPC, "a full disk is an error");
	is_number(io_pwrite(full, "x", 1, 0), -ENOSPC, "with an offset too");
	io_close(full);
	io_close(d);
}

int main(void)
{
	dir_fd = io_open_dir(AT_FDCWD, test_dir());
	test_whole_files();
	test_paths();
	test_reading();
	test_pipes();
	test_each_name();
	test_directories();
	io_close(dir_fd);
	return done_testing();
}
