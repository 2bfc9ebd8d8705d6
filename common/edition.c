#include "edition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "text.h"
#include "verdict.h"

enum { VERSION = 1, LINE_BYTES_MAX = 64 };

/* The number in the first line; 0: it is no such line. */
static uint64_t version_in(char *text, size_t len, const char *what)
{
	uint64_t version;
	size_t what_len = strlen(what);
	char *end = memchr(text, '\n', len);
	if (end == NULL || (size_t)(end - text) <= what_len || memcmp(text, what, what_len) != 0 || text[what_len] != ' ')
		return 0;
	*end = 0;
	return text_parse_u64(&version, text + what_len + 1, UINT64_MAX) == 0 ? version : 0;
}

/* is_written: the line of this version is there. */
static int look(bool *is_written, int fd, const char *what)
{
	char text[LINE_BYTES_MAX];
	ssize_t len = pread(fd, text, sizeof(text), 0);
	if (len < 0)
		return -errno;
	uint64_t version = version_in(text, (size_t)len, what);
	*is_written = version == VERSION;
	return version > VERSION ? VERDICT_UNKNOWN_VERSION : 0;
}

int edition_keep(int lock_fd, const char *what)
{
	char line[LINE_BYTES_MAX];
	bool is_written = false;
	int result = look(&is_written, lock_fd, what);
	if (result != 0 || is_written)
		return result;
	int len = snprintf(line, sizeof(line), "%s %d\n", what, VERSION);
	result = io_pwrite(lock_fd, line, (size_t)len, 0);
	return result != 0 ? result : io_fsync(lock_fd);
}

int edition_look(int dir_fd, const char *what)
{
	bool is_written = false;
	int fd = openat(dir_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	int result = look(&is_written, fd, what);
	io_close(fd);
	return result;
}
