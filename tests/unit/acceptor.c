/* What becomes of callers when accept fails, by a limit of descriptors that is really reached. */
#include "common/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/channel.h"
#include "tests/lib/tap.h"

static struct acceptor acceptor;
static enum acceptor_news news;
static rlim_t limit_before;

static int take(uint64_t now_ms)
{
	return acceptor_take(&acceptor, 0, now_ms, &news);
}

/* One more descriptor than there are now is one too many. */
static void limit_descriptors(bool does_limit)
{
	struct rlimit limit;
	int lowest = does_limit ? dup(STDIN_FILENO) : -1;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || (does_limit && close(lowest) < 0))
		abort();
	if (limit_before == 0)
		limit_before = limit.rlim_cur;
	limit.rlim_cur = does_limit ? (rlim_t)lowest : limit_before;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		abort();
}

static int call(const char *path)
{
	int fd = channel_connect(path);
	if (fd < 0)
		abort();
	return fd;
}

static void takes(const char *path)
{
	is_number(take(0), -EAGAIN, "nobody waits");
	ok(news == ACCEPTOR_SAME && acceptor_pause(&acceptor, 0) == 0, "which is no news, and no reason for a pause");
	int caller = call(path), fd = take(0);
	ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "a caller is taken, close-on-exec");
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0, "and blocking");
	close(fd), close(caller);
	caller = call(path);
	fd = acceptor_take(&acceptor, SOCK_NONBLOCK, 0, &news);
	ok(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "or not, when that is asked for");
	close(fd), close(caller);
	caller = call(path);
	close(caller);
	fd = take(0);
	ok(fd >= 0 && channel_has_ended(fd), "who has gone again is taken, too");
	close(fd);
}

/* One second, asked every millisecond: as a poll that always says that somebody waits. */
static unsigned int failures_in(uint64_t from_ms, uint64_t to_ms, unsigned int *tellings)
{
	unsigned int failures = 0;
	for (uint64_t now = from_ms; now < to_ms; now++) {
		bool is_paused = acceptor_pause(&acceptor, now) > 0;
		int result = take(now);
		failures += result == -EMFILE;
		*tellings += news != ACCEPTOR_SAME;
		if ((result == -EAGAIN) != is_paused)
			abort();
	}
	return failures;
}

static void pauses(const char *path)
{
	unsigned int tellings = 0;
	int caller = call(path);
	limit_descriptors(true);
	is_number(take(1000), -EMFILE, "where there is no descriptor left, the reason is given");
	is_number(news, ACCEPTOR_FAILS, "and is news");
	is_number(acceptor_pause(&acceptor, 1000), ACCEPTOR_PAUSE_MIN_MS, "the listener is left alone for %d ms",
		  ACCEPTOR_PAUSE_MIN_MS);
	is_number(take(1099), -EAGAIN, "in which nobody is asked for");
	is_number(acceptor_pause(&acceptor, 1099), 1, "up to its end");
	is_number(take(1100), -EMFILE, "then it is tried again");
	is_number(acceptor_pause(&acceptor, 1100), 2 * ACCEPTOR_PAUSE_MIN_MS, "and left alone twice as long");
	is_number(failures_in(1101, 4101, &tellings), 4, "in three seconds more it is tried four times");
	is_number(acceptor_pause(&acceptor, 4101), 399, "every second in the end");
	is_number(failures_in(4101, 604101, &tellings), 600, "for as long as it lasts");
	is_number(tellings, 0, "and is not told of again");
	limit_descriptors(false);
	int fd = take(605000);
	ok(fd >= 0, "after the cure the caller is taken within a second");
	is_number(news, ACCEPTOR_WORKS, "which is news");
	close(fd), close(caller);
	is_number(take(605000), -EAGAIN, "there is no pause any more");
	is_number(news, ACCEPTOR_SAME, "and no news");
}

static void flaps(const char *path)
{
	unsigned int tellings = 0;
	int caller = call(path);
	for (uint64_t now = 1000000; now < 1060000; now += 2000) {
		limit_descriptors(true);
		failures_in(now, now + 1000, &tellings);
		limit_descriptors(false);
		int fd = take(now + 1999);
		if (fd < 0)
			abort();
		tellings += news != ACCEPTOR_SAME;
		close(fd), close(caller);
		caller = call(path);
	}
	is_number(tellings, 2, "what comes and goes thirty times in a minute is told of once, and its end");
	limit_descriptors(true);
	take(1060000);
	is_number(news, ACCEPTOR_FAILS, "and in the next minute again");
	limit_descriptors(false);
	close(caller);
}

/* keep asks without poll: that nobody waits tells that somebody could be taken. */
static void nobody_waits(void)
{
	int fd;
	while ((fd = take(2000000)) >= 0)
		close(fd);
	limit_descriptors(true);
	is_number(take(2000000), -EMFILE, "it fails also when nobody waits");
	limit_descriptors(false);
	is_number(take(2000100), -EAGAIN, "after the cure nobody waits");
	is_number(news, ACCEPTOR_WORKS, "which is the end of it");
}

int main(void)
{
	const char *path = test_path("s");
	acceptor.listener = channel_listen(path, 0600);
	ok(acceptor.listener >= 0 && fcntl(acceptor.listener, F_SETFL, O_NONBLOCK) == 0, "a socket listens");
	takes(path);
	pauses(path);
	flaps(path);
	nobody_waits();
	return done_testing();
}
