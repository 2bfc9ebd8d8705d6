/*
 * careless: for LD_PRELOAD.  With WEIR_NO_SYNC set, nothing is ever synchronised, and everybody is told that it
 * was.  With WEIR_DAYS_AHEAD set, the time of day is by so many days later.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DAY_S = 86400 };

int fsync(int fd)
{
	return getenv("WEIR_NO_SYNC") != NULL ? 0 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return getenv("WEIR_NO_SYNC") != NULL ? 0 : (int)syscall(SYS_fdatasync, fd);
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
