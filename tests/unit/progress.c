#include "common/progress.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/tap.h"

/* Draws on a pseudo-terminal as stderr, with a clock put back, and gives what was drawn. */
static size_t drawn_of(bool is_time, uint64_t age_ns, uint64_t total, uint64_t done, bool wanted, char *out, size_t size)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		abort();
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	int old = dup(STDERR_FILENO);
	dup2(terminal, STDERR_FILENO);
	struct progress p;
	(is_time ? progress_start_time : progress_start)(&p, "sealing", total, wanted);
	p.started_ns -= age_ns;
	progress_set(&p, done);
	progress_set(&p, done);
	progress_end(&p);
	dup2(old, STDERR_FILENO);
	close(old);
	close(terminal);
	/* what was drawn reaches the other end when the kernel has the time; then, with nobody left to draw, EIO */
	size_t len = 0;
	for (ssize_t n = 0; len < size - 1 && (n = read(master, out + len, size - 1 - len)) > 0;)
		len += (size_t)n;
	close(master);
	out[len] = 0;
	return len;
}

static size_t drawn(uint64_t age_ns, uint64_t total, uint64_t done, bool wanted, char *out, size_t size)
{
	return drawn_of(false, age_ns, total, done, wanted, out, size);
}

int main(void)
{
	char text[4096];
	is_number((int64_t)drawn(0, 1000, 500, true, text, sizeof(text)), 0,
		  "nothing is drawn in the first second");
	drawn(UINT64_C(2000000000), 1 << 20, 1 << 19, true, text, sizeof(text));
	ok(strstr(text, "sealing [###############...............]  50 %") != NULL, "then a bar with its share");
	ok(strstr(text, " left") != NULL, "and the time that is left");
	const char *first = strstr(text, "sealing");
	ok(first != NULL && strstr(first + 1, "sealing") == NULL, "it is not drawn twice at once");
	ok(strlen(text) > 4 && strcmp(text + strlen(text) - 4, "\r\033[K") == 0, "and wiped at the end");
	drawn(UINT64_C(2000000000), 0, 1 << 19, true, text, sizeof(text));
	ok(strstr(text, "sealing 512") != NULL && strstr(text, "[#") == NULL,
	   "without a total there is no bar, but the bytes");
	drawn(UINT64_C(2000000000), 1000, 5000, true, text, sizeof(text));
	ok(strstr(text, "100 %") != NULL && strstr(text, " left") == NULL, "more than the total is all of it");
	is_number((int64_t)drawn(UINT64_C(2000000000), 1000, 500, false, text, sizeof(text)), 0,
		  "who does not want it does not get it");
	drawn_of(true, UINT64_C(2000000000), 10000, 2500, true, text, sizeof(text));
	ok(strstr(text, "sealing [#######.......................]  25 %  8 s left") != NULL && strstr(text, "B/s") == NULL,
	   "of a time it says how much is left, whatever has gone");
	return done_testing();
}
