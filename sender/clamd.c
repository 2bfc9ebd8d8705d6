#include "clamd.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

enum { TICK_MS_MAX = 1000, TICKS_A_TIMEOUT = 4, FD_DIGITS_MAX = 10 };

/* A file that clamd has not answered for. */
struct flight {
	uint32_t id; /* 0: free */
	uint64_t len;
	uint64_t since_ms;
	char member[MEMBER_NAME_MAX + 1];
};

struct clamd {
	int fd;
	int wake_fd; /* an eventfd: the thread is to end */
	uint32_t timeout_ms;
	uint64_t bytes_max;
	pthread_t thread;

	pthread_mutex_t lock; /* all below, and sending */
	pthread_cond_t changed;
	uint32_t last_id;
	uint64_t sent_ms; /* when the last command went */
	uint32_t ping_id; /* of the one that is not answered; 0: none */
	uint64_t ping_ms;
	struct flight flights[CLAMD_FLIGHTS_MAX];
	unsigned int flight_count;
	uint64_t flight_bytes;
	int failure;   /* the first */
	bool is_ended; /* nothing is sent or believed any more */
	struct scan_finding finding;

	size_t reply_len; /* the thread's alone */
	char reply[CLAMD_REPLY_BYTES];
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The first failure alone: what follows from it would only hide it. */
__attribute__((format(printf, 4, 0))) static void note(struct clamd *clamd, int result,
							const char *member, const char *format,
							va_list arguments)
{
	if (clamd->failure != 0)
		return;
	snprintf(clamd->finding.member, sizeof(clamd->finding.member), "%s", member);
	vsnprintf(clamd->finding.said, sizeof(clamd->finding.said), format, arguments);
	clamd->finding.is_signature = false;
	clamd->failure = result;
}

__attribute__((format(printf, 4, 5))) static void fail(struct clamd *clamd, int result,
							const char *member, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	note(clamd, result, member, format, arguments);
	va_end(arguments);
}

/* A clamd that is late or breaks the protocol once is not believed again. */
__attribute__((format(printf, 3, 4))) static void end(struct clamd *clamd, const char *member,
						       const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	note(clamd, VERDICT_NOT_SCANNED, member, format, arguments);
	va_end(arguments);
	clamd->is_ended = true;
}

/* ---- sending ---- */

/* A command, with a descriptor or -1.  The number of the command, or 0 when the session has ended. */
static uint32_t send_command(struct clamd *clamd, const char *command, size_t len, int fd)
{
	struct iovec part = {(void *)(uintptr_t)command, len};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control = {{0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
	}
	if (clamd->last_id == UINT32_MAX) {
		end(clamd, "clamd", "a session has numbers for 4,294,967,295 commands");
		return 0;
	}
	/* What is under way fits into the socket many times, so a full one is a clamd that does not read. */
	ssize_t n = sendmsg(clamd->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n != (ssize_t)len) {
		end(clamd, "clamd", "clamd takes no more commands: %s", n < 0 ? strerror(errno) : "short write");
		return 0;
	}
	clamd->sent_ms = now_ms();
	return ++clamd->last_id;
}

/* ---- answers; in the thread, under the lock ---- */

static bool ends_with(const char *text, const char *end, size_t *before)
{
	size_t len = strlen(text), end_len = strlen(end);
	if (len <= end_len || strcmp(text + len - end_len, end) != 0)
		return false;
	*before = len - end_len;
	return true;
}

/* Past "fd[N]: ", with which clamd says which file it means in its own words; NULL when it is not there. */
static const char *skip_file(const char *text)
{
	if (strncmp(text, "fd[", 3) != 0)
		return NULL;
	size_t digits = strspn(text + 3, "0123456789");
	if (digits == 0 || digits > FD_DIGITS_MAX || strncmp(text + 3 + digits, "]: ", 3) != 0)
		return NULL;
	return text + 3 + digits + 3;
}

/* Names that stand for no virus: clamd could not look into all of it. */
static bool is_unscannable(const char *signature)
{
	static const char *const heads[] = {"Heuristics.Limits.", "Heuristics.Encrypted."};
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strncmp(signature, heads[i], strlen(heads[i])) == 0)
			return true;
	return false;
}

static void judge(struct clamd *clamd, const struct flight *flight, const char *text)
{
	char escaped[CLAMD_SAID_BYTES - 64];
	size_t len;
	const char *answer = skip_file(text);
	if (answer != NULL && strcmp(answer, "OK") == 0)
		return;
	if (answer != NULL && ends_with(answer, " FOUND", &len)) {
		bool is_first = clamd->failure == 0;
		text_escape(escaped, sizeof(escaped), answer, len);
		fail(clamd, is_unscannable(answer) ? VERDICT_NOT_SCANNED : VERDICT_INFECTED,
		     flight->member, "%s", escaped);
		clamd->finding.is_signature |= is_first;
		return;
	}
	if (answer == NULL)
		answer = text;
	text_escape_name(escaped, sizeof(escaped), answer);
	if (ends_with(answer, " ERROR", &len))
		fail(clamd, VERDICT_NOT_SCANNED, flight->member, "clamd says: %s", escaped);
	else
		end(clamd, flight->member, "clamd broke the protocol: %s", escaped);
}

/* One reply, "ID: TEXT". */
static void take_reply(struct clamd *clamd, const char *reply)
{
	char escaped[CLAMD_SAID_BYTES - 64], number[16];
	size_t digits = strspn(reply, "0123456789");
	uint64_t id = 0;
	snprintf(number, sizeof(number), "%.*s", (int)(digits < sizeof(number) ? digits : 0), reply);
	text_escape_name(escaped, sizeof(escaped), reply);
	if (strncmp(reply + digits, ": ", 2) != 0 || text_parse_u64(&id, number, UINT32_MAX) != 0 ||
	    number[0] == '0') {
		end(clamd, "clamd", "clamd broke the protocol: %s", escaped);
		return;
	}
	const char *text = reply + digits + 2;
	if (id == clamd->ping_id && strcmp(text, "PONG") == 0) {
		clamd->ping_id = 0;
		return;
	}
	for (size_t i = 0; i < CLAMD_FLIGHTS_MAX; i++) {
		struct flight *flight = &clamd->flights[i];
		if (flight->id != id)
			continue;
		judge(clamd, flight, text);
		flight->id = 0;
		clamd->flight_count--;
		clamd->flight_bytes -= flight->len;
		return;
	}
	end(clamd, "clamd", "clamd answered what was not asked: %s", escaped);
}

/* Takes what there is. */
static void take_replies(struct clamd *clamd)
{
	while (!clamd->is_ended) {
		size_t room = sizeof(clamd->reply) - clamd->reply_len;
		ssize_t n = recv(clamd->fd, clamd->reply + clamd->reply_len, room, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			end(clamd, "clamd", "clamd has hung up%s%s", n < 0 ? ": " : "",
			    n < 0 ? strerror(errno) : "");
			return;
		}
		clamd->reply_len += (size_t)n;
		size_t at = 0;
		for (;;) {
			char *end = memchr(clamd->reply + at, 0, clamd->reply_len - at);
			if (end == NULL || clamd->is_ended)
				break;
			take_reply(clamd, clamd->reply + at);
			at = (size_t)(end - clamd->reply) + 1;
		}
		memmove(clamd->reply, clamd->reply + at, clamd->reply_len - at);
		clamd->reply_len -= at;
		if (clamd->reply_len == sizeof(clamd->reply))
			end(clamd, "clamd", "clamd broke the protocol: a reply without an end");
	}
}

/* Answers that are there have been taken before, however late this thread came to look. */
static void check_time(struct clamd *clamd)
{
	uint64_t now = now_ms();
	for (size_t i = 0; i < CLAMD_FLIGHTS_MAX && !clamd->is_ended; i++) {
		const struct flight *flight = &clamd->flights[i];
		if (flight->id != 0 && now - flight->since_ms >= clamd->timeout_ms)
			end(clamd, flight->member, "clamd has not answered within %u ms",
			    clamd->timeout_ms);
	}
	if (clamd->ping_id != 0 && now - clamd->ping_ms >= clamd->timeout_ms && !clamd->is_ended)
		end(clamd, "clamd", "clamd has not answered within %u ms", clamd->timeout_ms);
	if (clamd->ping_id == 0 && now - clamd->sent_ms >= CLAMD_PING_MS && !clamd->is_ended) {
		clamd->ping_id = send_command(clamd, "zPING", sizeof("zPING"), -1);
		clamd->ping_ms = now;
	}
}

static void *attend(void *argument)
{
	struct clamd *clamd = argument;
	struct pollfd slots[] = {{.fd = clamd->fd, .events = POLLIN},
				 {.fd = clamd->wake_fd, .events = POLLIN}};
	uint32_t tick_ms = clamd->timeout_ms / TICKS_A_TIMEOUT + 1;
	if (tick_ms > TICK_MS_MAX)
		tick_ms = TICK_MS_MAX;
	bool goes_on = true;
	while (goes_on) {
		int ready = poll(slots, 2, (int)tick_ms);
		pthread_mutex_lock(&clamd->lock);
		if (ready < 0 && errno != EINTR)
			end(clamd, "clamd", "cannot wait for clamd: %s", strerror(errno));
		if (ready > 0 && slots[1].revents != 0)
			clamd->is_ended = true;
		take_replies(clamd);
		check_time(clamd);
		goes_on = !clamd->is_ended;
		pthread_cond_broadcast(&clamd->changed);
		pthread_mutex_unlock(&clamd->lock);
	}
	return NULL;
}

/* ---- the owner's side ---- */

static int open_socket(int *out, const struct clamd_options *options, char *said, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = (time_t)(options->timeout_ms / 1000),
					 .tv_usec = (suseconds_t)(options->timeout_ms % 1000) * 1000};
	char path[4 * sizeof(address.sun_path)];
	text_escape_name(path, sizeof(path), options->socket);
	size_t len = strlen(options->socket);
	if (len >= sizeof(address.sun_path)) {
		snprintf(said, size, "the path of clamd's socket is too long: '%s'", path);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, options->socket, len + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		int error = -errno;
		snprintf(said, size, "cannot make a socket");
		return error;
	}
	/* a clamd that accepts nobody would otherwise hold connect up for ever */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		*out = fd;
		return 0;
	}
	snprintf(said, size, "cannot reach clamd at '%s': %s; is clamav-daemon running?", path,
		 errno == EAGAIN ? "it accepts nobody" : strerror(errno));
	io_close(fd);
	return VERDICT_NOT_SCANNED;
}

static void release(struct clamd *clamd)
{
	pthread_cond_destroy(&clamd->changed);
	pthread_mutex_destroy(&clamd->lock);
	io_close(clamd->wake_fd);
	io_close(clamd->fd);
	free(clamd);
}

static int start(struct clamd *clamd, const struct clamd_options *options)
{
	int result = open_socket(&clamd->fd, options, clamd->finding.said,
				 sizeof(clamd->finding.said));
	if (result != 0)
		return result;
	snprintf(clamd->finding.said, sizeof(clamd->finding.said), "cannot start a session with clamd");
	clamd->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (clamd->wake_fd < 0)
		return -errno;
	if (send_command(clamd, "zIDSESSION", sizeof("zIDSESSION"), -1) == 0)
		return clamd->failure;
	clamd->last_id = 0; /* the commands of a session are counted from the one after this */
	return -pthread_create(&clamd->thread, NULL, attend, clamd);
}

int clamd_open(struct clamd **out, const struct clamd_options *options, struct scan_finding *finding)
{
	struct clamd *clamd = calloc(1, sizeof(*clamd));
	if (clamd == NULL)
		return -ENOMEM;
	clamd->fd = clamd->wake_fd = -1;
	clamd->timeout_ms = options->timeout_ms;
	clamd->bytes_max = options->bytes_max;
	pthread_mutex_init(&clamd->lock, NULL);
	pthread_cond_init(&clamd->changed, NULL);
	snprintf(clamd->finding.member, sizeof(clamd->finding.member), "clamd");
	int result = start(clamd, options);
	if (result != 0) {
		*finding = clamd->finding;
		release(clamd);
		return result;
	}
	*out = clamd;
	return 0;
}

static bool has_room(const struct clamd *clamd, uint64_t len)
{
	if (clamd->flight_count == 0)
		return true;
	return clamd->flight_count < CLAMD_FLIGHTS_MAX && len <= clamd->bytes_max &&
	       clamd->flight_bytes <= clamd->bytes_max - len;
}

static void take_off(struct clamd *clamd, int fd, uint64_t len, const char *member)
{
	struct flight *flight = clamd->flights;
	while (flight->id != 0)
		flight++;
	/* the byte behind the command is the one that carries the descriptor */
	uint32_t id = send_command(clamd, "zFILDES\0", sizeof("zFILDES\0"), fd);
	if (id == 0)
		return;
	flight->id = id;
	flight->len = len;
	flight->since_ms = clamd->sent_ms;
	snprintf(flight->member, sizeof(flight->member), "%s", member);
	clamd->flight_count++;
	clamd->flight_bytes += len;
}

int clamd_give(struct clamd *clamd, int fd, uint64_t len, const char *member)
{
	pthread_mutex_lock(&clamd->lock);
	while (clamd->failure == 0 && !has_room(clamd, len))
		pthread_cond_wait(&clamd->changed, &clamd->lock);
	if (clamd->failure == 0)
		take_off(clamd, fd, len, member);
	int result = clamd->failure;
	pthread_mutex_unlock(&clamd->lock);
	return result;
}

int clamd_wait(struct clamd *clamd)
{
	pthread_mutex_lock(&clamd->lock);
	while (clamd->failure == 0 && clamd->flight_count > 0)
		pthread_cond_wait(&clamd->changed, &clamd->lock);
	int result = clamd->failure;
	pthread_mutex_unlock(&clamd->lock);
	return result;
}

int clamd_ask(struct clamd *clamd, int fd, uint64_t len, const char *member,
	      struct scan_finding *finding)
{
	pthread_mutex_lock(&clamd->lock);
	bool failed_before = clamd->failure != 0;
	assert(failed_before || clamd->flight_count == 0);
	if (!failed_before)
		take_off(clamd, fd, len, member);
	while (clamd->failure == 0 && clamd->flight_count > 0)
		pthread_cond_wait(&clamd->changed, &clamd->lock);
	int result = clamd->failure;
	if (result != 0)
		*finding = clamd->finding;
	if (!failed_before && !clamd->is_ended)
		clamd->failure = 0;
	pthread_mutex_unlock(&clamd->lock);
	return result;
}

void clamd_finding(struct clamd *clamd, struct scan_finding *finding)
{
	pthread_mutex_lock(&clamd->lock);
	*finding = clamd->finding;
	pthread_mutex_unlock(&clamd->lock);
}

void clamd_close(struct clamd *clamd)
{
	if (clamd == NULL)
		return;
	const uint64_t one = 1;
	int result = io_write(clamd->wake_fd, &one, sizeof(one));
	assert(result == 0);
	(void)result;
	pthread_join(clamd->thread, NULL);
	release(clamd);
}
