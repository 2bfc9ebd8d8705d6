/*
 * careless: for LD_PRELOAD.  With WEIR_NO_SYNC set, nothing is ever synchronised, and everybody is told that it
 * was; with WEIR_NO_DATASYNC that is so for fdatasync alone, by which ledgers are written.  With WEIR_DAYS_AHEAD set, the time of
 * day is by so many days later.
 *
 * With WEIR_MARKS=FILE, the marks of recorder.c, a witness (sender/testimony.h) is told of in the moment in which it gets its
 * name, as "witness ENTRY HASH BEAT GENERATION", and as "kept ENTRY" when it has been made durable.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DAY_S = 86400, TEXT_BYTES = 512 };

static unsigned long long renamed; /* the entry of the witness that is not durable yet */

static void mark(const char *text, size_t len)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, getenv("WEIR_MARKS"), O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0 || syscall(SYS_write, fd, text, len) != (long)len)
		abort();
	syscall(SYS_close, fd);
}

static void mark_witness(int dir, const char *file)
{
	char text[TEXT_BYTES] = "", line[TEXT_BYTES], hash[65] = "";
	unsigned long long entry = 0, beat = 0, generation = 0;
	int fd = (int)syscall(SYS_openat, dir, file, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0 || syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
		abort();
	syscall(SYS_close, fd);
	if (sscanf(text, "epoch %*x ledger %llu %64s beat %llu generation %llu", &entry, hash, &beat, &generation) != 4)
		abort();
	int len = snprintf(line, sizeof(line), "witness %llu %s %llu %llu\n", entry, hash, beat, generation);
	mark(line, (size_t)len);
	renamed = entry;
}

static bool is_witness(const char *name)
{
	size_t len = strlen(name);
	return getenv("WEIR_MARKS") != NULL && len > 8 && strcmp(name + len - 8, ".witness") == 0;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	if (is_witness(to))
		mark_witness(from_dir, from);
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int fsync(int fd)
{
	int result = getenv("WEIR_NO_SYNC") != NULL ? 0 : (int)syscall(SYS_fsync, fd);
	if (result == 0 && renamed != 0) {
		char line[TEXT_BYTES];
		int len = snprintf(line, sizeof(line), "kept %llu\n", renamed);
		renamed = 0;
		mark(line, (size_t)len);
	}
	return result;
}

int fdatasync(int fd)
{
	bool is_careless = getenv("WEIR_NO_SYNC") != NULL || getenv("WEIR_NO_DATASYNC") != NULL;
	return is_careless ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int sync_file_range(int fd, off64_t offset, off64_t len, unsigned int flags)
{
	return getenv("WEIR_NO_SYNC") != NULL ? 0 : (int)syscall(SYS_sync_file_range, fd, offset, len, flags);
}

static time_t ahead(void)
{
	const char *days = getenv("WEIR_DAYS_AHEAD");
	return days == NULL ? 0 : (time_t)strtol(days, NULL, 10) * DAY_S;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int result = (int)syscall(SYS_clock_gettime, clock, out);
	if (result == 0 && clock == CLOCK_REALTIME)
		out->tv_sec += ahead();
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
