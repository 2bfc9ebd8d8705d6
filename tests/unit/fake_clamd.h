/*
 * fake_clamd: a process that stands in for clamd, as good or bad as a test wants it.  A part is a
 * function that is given the accepted connection; its result is the exit status, 0 for "all went as I
 * was told".
 */
#ifndef WEIR_TESTS_FAKE_CLAMD_H
#define WEIR_TESTS_FAKE_CLAMD_H

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/channel.h"
#include "tests/lib/tap.h"

struct fake {
	pid_t pid;
	char path[100];
};

/* The child's side of a session. */
struct fake_session {
	int fd;
	unsigned int id; /* of the last command */
	size_t len;
	char commands[512];
	int file; /* that came with them, or -1 */
};

typedef int fake_part(struct fake_session *session, const void *argument);

static inline struct fake fake_start(fake_part *part, const void *argument)
{
	static unsigned int count;
	struct fake fake;
	snprintf(fake.path, sizeof(fake.path), "%s/clamd-%u", test_dir(), count++);
	int listener = channel_listen(fake.path, 0600);
	fake.pid = fork();
	if (fake.pid == 0) {
		alarm(30);
		struct fake_session session = {.fd = accept(listener, NULL, NULL), .file = -1};
		_exit(part(&session, argument));
	}
	close(listener);
	return fake;
}

/* The part's result. */
static inline int fake_end(struct fake *fake)
{
	int status = 0;
	waitpid(fake->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline bool fake_receive(struct fake_session *session)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control;
	struct iovec part = {session->commands + session->len,
			     sizeof(session->commands) - session->len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(session->fd, &message, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return false;
	session->len += (size_t)n;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_type == SCM_RIGHTS)
		memcpy(&session->file, CMSG_DATA(header), sizeof(int));
	return true;
}

/*
 * The next command, without its z, in a buffer of the session's; NULL when the other side has hung up.
 * Commands are counted from the one after IDSESSION.
 */
static inline const char *fake_command(struct fake_session *session, char out[static 32])
{
	for (;;) {
		char *end = memchr(session->commands, 0, session->len);
		/* a descriptor comes with the byte behind its command */
		size_t len = end == NULL ? 0 : (size_t)(end - session->commands) + 1;
		if (end != NULL && strcmp(session->commands, "zFILDES") == 0)
			len++;
		if (end == NULL || session->len < len) {
			if (!fake_receive(session))
				return NULL;
			continue;
		}
		snprintf(out, 32, "%s", session->commands + 1);
		if (session->commands[0] != 'z')
			return NULL;
		memmove(session->commands, session->commands + len, session->len - len);
		session->len -= len;
		session->id = strcmp(out, "IDSESSION") == 0 ? 0 : session->id + 1;
		return out;
	}
}

/* The next file: its descriptor, or -1.  Pings are answered. */
static inline int fake_file(struct fake_session *session)
{
	char command[32];
	while (fake_command(session, command) != NULL) {
		if (strcmp(command, "PING") == 0)
			dprintf(session->fd, "%u: PONG%c", session->id, 0);
		if (strcmp(command, "FILDES") != 0)
			continue;
		int file = session->file;
		session->file = -1;
		return file;
	}
	return -1;
}

/* All of a file, from where its offset stands; the caller frees it. */
static inline uint8_t *fake_read(int file, size_t *len)
{
	struct stat st;
	if (fstat(file, &st) < 0)
		return NULL;
	uint8_t *data = malloc((size_t)st.st_size + 1);
	ssize_t n = read(file, data, (size_t)st.st_size);
	*len = n < 0 ? 0 : (size_t)n;
	close(file);
	return data;
}

__attribute__((format(printf, 2, 3))) static inline void
fake_reply(struct fake_session *session, const char *format, ...)
{
	char reply[4096];
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(reply, sizeof(reply), format, arguments);
	va_end(arguments);
	(void)!send(session->fd, reply, (size_t)n + 1, MSG_NOSIGNAL); /* the other side may have hung up */
}

/* Until the other side hangs up; pings are answered. */
static inline void fake_wait(struct fake_session *session)
{
	for (int file; (file = fake_file(session)) >= 0;)
		close(file);
}

/* True when nothing comes for this long. */
static inline bool fake_is_quiet(struct fake_session *session, int ms)
{
	struct pollfd slot = {.fd = session->fd, .events = POLLIN};
	return session->len == 0 && poll(&slot, 1, ms) == 0;
}

#endif
