#include "common/service.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/confine.h"
#include "tests/lib/tap.h"

/* What a child writes to stderr, in `out`. */
static void stderr_of(void (*act)(void), char *out, size_t size)
{
	int ends[2];
	if (pipe(ends) != 0)
		abort();
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		act();
		_exit(0);
	}
	close(ends[1]);
	size_t at = 0;
	ssize_t n;
	while (at < size - 1 && (n = read(ends[0], out + at, size - 1 - at)) > 0)
		at += (size_t)n;
	out[at] = 0;
	close(ends[0]);
	waitpid(child, NULL, 0);
}

static void say_plain(void)
{
	unsetenv("JOURNAL_STREAM");
	service_event(4, "E1003", "spool: '%s' released", "tax-000123");
}

static void say_journal(void)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	service_event(4, "E1003", "spool: '%s' released", "tax-000123");
}

static void say_much(void)
{
	char text[5000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	service_event(4, "E1", "%s", text);
}

static int in_child(void (*prepare)(void), const char *name)
{
	pid_t child = fork();
	if (child == 0) {
		prepare();
		int fd = service_socket(name);
		_exit(fd < 0 ? 100 - fd : fd);
	}
	int status;
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void none(void)
{
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
}

static void two(void)
{
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "first:transmit", 1);
	dup2(STDOUT_FILENO, 3);
	dup2(STDOUT_FILENO, 4);
}

static void nowhere(void)
{
	none();
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	service_open();
	service_ready("works");
}

/* What comes to systemd's socket of this name when a process behind a table of one call tells it something. */
static void notices_to(const char *name, bool is_open, char *out, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = 0;
	if (bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) < 0)
		note("cannot bind '%s'", name);
	pid_t child = fork();
	if (child == 0) {
		static const char *const table[] = {"sendto", NULL};
		setenv("NOTIFY_SOCKET", name, 1);
		if (is_open)
			service_open();
		if (confine_privileges() != 0 || confine_calls(table) != 0)
			_exit(1);
		service_ready("works");
		service_status("still");
		service_alive();
		service_stopping();
		_exit(0);
	}
	int status = -1;
	waitpid(child, &status, 0);
	snprintf(out, size, "%d", status);
	for (ssize_t n; (n = recv(fd, out + strlen(out) + 1, size - strlen(out) - 2, MSG_DONTWAIT)) >= 0;) {
		size_t at = strlen(out);
		out[at] = '|';
		out[at + 1 + (size_t)n] = 0;
	}
	close(fd);
}

static void test_notices(void)
{
	char text[600], name[64];
	const char *const all = "0|READY=1\nSTATUS=works|STATUS=still|WATCHDOG=1|STOPPING=1";
	notices_to(test_path("notify"), true, text, sizeof(text));
	is_text(text, all, "systemd is told with a table that has no socket");
	snprintf(name, sizeof(name), "@weir-test-%ld", (long)getpid());
	notices_to(name, true, text, sizeof(text));
	is_text(text, all, "also where its socket has no file");
	notices_to(test_path("notify2"), false, text, sizeof(text));
	is_text(text, "0", "without service_open nothing is told, and nothing happens");
	is_number(in_child(nowhere, "transmit"), 100 + ENOENT, "nor where nobody listens");
}

int main(void)
{
	char text[6000];
	stderr_of(say_plain, text, sizeof(text));
	is_text(text, "E1003 spool: 'tax-000123' released\n", "an event is one line with its id");
	stderr_of(say_journal, text, sizeof(text));
	is_text(text, "<4>E1003 spool: 'tax-000123' released\n", "under systemd it carries its priority");
	stderr_of(say_much, text, sizeof(text));
	ok(strlen(text) <= 1024 && text[strlen(text) - 1] == '\n', "a long one is cut and still one line");
	is_number(in_child(two, "transmit"), 4, "a descriptor is found by its name");
	is_number(in_child(two, "other"), 100 + ENOENT, "another name is not there");
	is_number(in_child(none, "transmit"), 100 + ENOENT, "without systemd nothing is there");
	test_notices();
	return done_testing();
}
