#include "common/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static int pair[2];

static void fresh_pair(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
}

/* What a receiver says of these raw bytes when the stream ends behind them. */
static int verdict_of(const void *bytes, size_t len, size_t size)
{
	uint8_t buf[64];
	uint16_t type = 7;
	size_t got = 9;
	fresh_pair();
	io_write(pair[0], bytes, len);
	shutdown(pair[0], SHUT_WR);
	int result = channel_receive(pair[1], &type, buf, size, &got);
	if (result != 0)
		ok(type == 7 && got == 9, "outputs are untouched by a failure");
	io_close(pair[0]);
	io_close(pair[1]);
	return result;
}

static void test_frames(void)
{
	static uint8_t out[CHANNEL_BYTES_MAX + 1], in[CHANNEL_BYTES_MAX];
	uint64_t state = test_seed();
	test_random_bytes(&state, out, sizeof(out));
	fresh_pair();
	pid_t child = fork();
	if (child == 0)
		_exit(channel_send(pair[0], 3, out, CHANNEL_BYTES_MAX) == 0 &&
		      channel_send(pair[0], 4, "", 0) == 0 ? 0 : 1);
	uint16_t type = 0;
	size_t len = 0;
	is_number(channel_receive(pair[1], &type, in, sizeof(in), &len), 0, "the largest frame crosses");
	ok(type == 3 && len == sizeof(in), "with type and length");
	is_bytes(in, out, sizeof(in), "and unchanged");
	is_number(channel_receive(pair[1], &type, in, sizeof(in), &len), 0, "an empty frame crosses");
	ok(type == 4 && len == 0, "and is empty");
	is_number(channel_send(pair[0], 1, out, CHANNEL_BYTES_MAX + 1), -EMSGSIZE, "a longer one is not sent");
	/* which has the other end as well */
	int status = -1;
	ok(waitpid(child, &status, 0) == child && status == 0, "the child has sent both");
	io_close(pair[1]);
	is_number(channel_send(pair[0], 1, "x", 1), -EPIPE, "a peer that has gone is an error, not a signal");
	io_close(pair[0]);
}

static void test_bad_frames(void)
{
	static const uint8_t good[] = {3, 0, 0, 0, 5, 0, 0, 0, 'a', 'b', 'c'};
	is_number(verdict_of(good, sizeof(good), 64), 0, "a frame of 11 bytes is good");
	is_number(verdict_of(good, 0, 64), -EPIPE, "the end between frames is the end");
	for (size_t len = 1; len < sizeof(good); len++)
		is_number(verdict_of(good, len, 64), VERDICT_TRUNCATED, "its first %zu bytes are truncated", len);
	is_number(verdict_of(good, sizeof(good), 2), VERDICT_BAD_PROTOCOL, "one that does not fit is refused");
	uint8_t bad[sizeof(good)];
	memcpy(bad, good, sizeof(good));
	bad[6] = 1;
	is_number(verdict_of(bad, sizeof(bad), 64), VERDICT_BAD_PROTOCOL, "a reserved bit is refused");
	memcpy(bad, good, sizeof(good));
	bad[3] = 1;
	is_number(verdict_of(bad, sizeof(bad), 64), VERDICT_BAD_PROTOCOL, "a length over the limit is refused");
}

static void test_sockets(void)
{
	const char *path = test_path("s");
	is_number(channel_connect(path), -ENOENT, "no socket, no connection");
	int listener = channel_listen(path, 0660);
	ok(listener >= 0, "a socket listens");
	struct stat st;
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0660, "with its mode");
	int fd = channel_connect(path);
	ok(fd >= 0, "somebody connects");
	int peer = accept(listener, NULL, NULL);
	uid_t uid = 12345;
	pid_t pid = 0;
	is_number(channel_peer(peer, &uid, &pid), 0, "and is known");
	ok(uid == getuid() && pid == getpid(), "by user and process");
	mode_t mode = 0;
	uid = 12345;
	is_number(channel_owner(listener, &uid, &mode), 0, "who may connect is known");
	ok(uid == getuid() && mode == 0660, "by owner and mode of the file");
	is_number(chmod(path, 0666), 0, "which may change");
	ok(channel_owner(listener, &uid, &mode) == 0 && mode == 0666, "and is as it is now");
	uid = 12345;
	is_number(channel_owner(fd, &uid, &mode), -ENOENT, "a socket without a file belongs to nobody");
	is_number(channel_owner(STDIN_FILENO, &uid, &mode), -ENOTSOCK, "nor does what is no socket");
	ok(uid == 12345 && mode == 0666, "outputs are untouched by a failure");
	io_close(fd);
	io_close(peer);
	io_close(listener);
	is_number(channel_connect(path), -ECONNREFUSED, "a socket that nobody serves refuses");
	listener = channel_listen(path, 0600);
	ok(listener >= 0, "and is replaced by the next who listens");
	is_number(unlink(path), 0, "its file can be taken away");
	is_number(channel_owner(listener, &uid, &mode), -ENOENT, "and then nobody may connect");
	io_create_path(path, "x", 1, 0600);
	is_number(channel_owner(listener, &uid, &mode), -ENOTSOCK, "another file there is no socket");
	unlink(path);
	io_close(listener);
	listener = channel_listen(path, 0600);
	io_close(listener);
	char name[200];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	is_number(channel_listen(name, 0600), -ENAMETOOLONG, "a path that is too long is refused");
	is_number(channel_connect(name), -ENAMETOOLONG, "on both sides");
}

/* A daemon that takes no calls, and one that takes them and neither hears nor speaks. */
static void test_patience(void)
{
	static uint8_t much[CHANNEL_BYTES_MAX];
	const char *path = test_path("deaf");
	uint8_t buf[64];
	uint16_t type;
	size_t len;
	int listener = channel_listen(path, 0600);
	ok(listener >= 0 && listen(listener, 0) == 0, "a socket with the smallest backlog listens");
	int first = channel_connect_within(path, 50);
	ok(first >= 0, "the first caller is in it");
	is_number(channel_connect_within(path, 50), -ETIMEDOUT, "the second one does not wait for ever");
	int fd = accept(listener, NULL, NULL);
	is_number(channel_set_patience(first, 50), 0, "patience can be limited");
	is_number(channel_receive(first, &type, buf, sizeof(buf), &len), -EAGAIN, "what does not come is not waited for");
	int result = 0;
	for (int i = 0; i < 64 && result == 0; i++)
		result = channel_send(first, 1, much, sizeof(much));
	is_number(result, -EAGAIN, "nor is a peer that takes nothing");
	ok(!channel_has_ended(fd), "it is there still");
	is_number(channel_set_patience(first, 0), 0, "patience can be without a limit");
	io_close(first);
	ok(channel_has_ended(fd), "and has ended, which is seen in front of all that it had sent");
	io_close(fd);
	io_close(listener);
}

/* How much can be sent while nobody takes any of it. */
static int64_t waiting(bool ahead)
{
	static const uint8_t piece[4096];
	int64_t sent = 0;
	ssize_t n;
	fresh_pair();
	if (ahead)
		channel_send_ahead(pair[0]);
	while ((n = send(pair[0], piece, sizeof(piece), MSG_DONTWAIT)) > 0)
		sent += n;
	io_close(pair[0]);
	io_close(pair[1]);
	return sent;
}

static void test_ahead(void)
{
	ok(waiting(true) > waiting(false), "who sends much can have more of it wait");
}

int main(void)
{
	test_ahead();
	test_frames();
	test_bad_frames();
	test_sockets();
	test_patience();
	return done_testing();
}
