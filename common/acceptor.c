#include "acceptor.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

unsigned int acceptor_pause(const struct acceptor *acceptor, uint64_t now_ms)
{
	return now_ms < acceptor->again_ms ? (unsigned int)(acceptor->again_ms - now_ms) : 0;
}

static enum acceptor_news note_success(struct acceptor *acceptor)
{
	bool was_told = acceptor->is_told;
	acceptor->pause_ms = 0;
	acceptor->is_told = false;
	return was_told ? ACCEPTOR_WORKS : ACCEPTOR_SAME;
}

static enum acceptor_news note_failure(struct acceptor *acceptor, uint64_t now_ms)
{
	unsigned int next_ms = acceptor->pause_ms == 0 ? ACCEPTOR_PAUSE_MIN_MS : 2 * acceptor->pause_ms;
	acceptor->pause_ms = next_ms < ACCEPTOR_PAUSE_MAX_MS ? next_ms : ACCEPTOR_PAUSE_MAX_MS;
	acceptor->again_ms = now_ms + acceptor->pause_ms;
	if (acceptor->is_told || now_ms < acceptor->quiet_ms)
		return ACCEPTOR_SAME;
	acceptor->is_told = true;
	acceptor->quiet_ms = now_ms + ACCEPTOR_TELL_MS;
	return ACCEPTOR_FAILS;
}

int acceptor_take(struct acceptor *acceptor, int flags, uint64_t now_ms, enum acceptor_news *news)
{
	*news = ACCEPTOR_SAME;
	if (acceptor_pause(acceptor, now_ms) > 0)
		return -EAGAIN;
	int fd = accept4(acceptor->listener, NULL, NULL, SOCK_CLOEXEC | flags);
	int result = fd < 0 ? -errno : fd;
	switch (result) {
	case -EINTR:
	case -ECONNABORTED:
		return -EAGAIN;
	case -EAGAIN: /* the kernel finds room for a descriptor before it looks who waits */
		*news = note_success(acceptor);
		return result;
	default:
		*news = result < 0 ? note_failure(acceptor, now_ms) : note_success(acceptor);
		return result;
	}
}
