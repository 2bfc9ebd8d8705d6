/* The programs that are supervised here are this test itself, started again with a role. */
#include "common/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/service.h"
#include "tests/lib/tap.h"

#define SELF "supervise.t"

/* What the supervised program says of itself, over its descriptor "report". */
struct report {
	int pid;
	int listen_pid;
	int group;
	int other;          /* the descriptor "other", -errno when there is none */
	int first_unpassed; /* 0: descriptor 5 is closed */
	int input_ends;
	char names[64];
};

static int role_report(int then_stay)
{
	int fd = service_socket("report");
	struct report r = {
		.pid = getpid(),
		.group = getpgrp(),
		.other = service_socket("other"),
	};
	const char *names = getenv("LISTEN_FDNAMES");
	const char *listen_pid = getenv("LISTEN_PID");
	snprintf(r.names, sizeof(r.names), "%s", names == NULL ? "" : names);
	r.listen_pid = listen_pid == NULL ? 0 : atoi(listen_pid);
	char byte;
	r.input_ends = read(STDIN_FILENO, &byte, 1) == 0;
	r.first_unpassed = write(5, "x", 1) < 0 ? 0 : 1;
	if (write(fd, &r, sizeof(r)) != sizeof(r))
		return 1;
	while (then_stay)
		pause();
	return 7;
}

/* One connection: says its process id, then stays until the caller hangs up. */
static int role_connection(void)
{
	int fd = service_socket("push");
	int pid = getpid();
	char byte;
	if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
		return 1;
	return read(fd, &byte, 1) == 0 ? 0 : 1;
}

static int role_deaf(void)
{
	signal(SIGTERM, SIG_IGN);
	return role_report(1);
}

static void tell_pipe(void *context, const struct supervise_event *event)
{
	const int *fd = context;
	struct supervise_event whole;
	memset(&whole, 0, sizeof(whole)); /* also what is between the fields */
	whole.what = event->what;
	whole.program = event->program;
	whole.is_connection = event->is_connection;
	whole.pid = event->pid;
	whole.status = event->status;
	whole.error = event->error;
	whole.delay_ms = event->delay_ms;
	ssize_t n = write(*fd, &whole, sizeof(whole));
	(void)n;
}

struct run {
	pid_t pid;
	int events; /* struct supervise_event, one after another */
};

static struct run start(const struct supervise_program *programs, size_t count)
{
	int pair[2];
	if (pipe(pair) < 0)
		abort();
	fflush(NULL);
	struct run run = {.pid = fork(), .events = pair[0]};
	if (run.pid < 0)
		abort();
	if (run.pid == 0) {
		close(pair[0]);
		const char *missing = NULL;
		_exit(supervise_run(programs, count, tell_pipe, &pair[1], &missing) == 0 ? 0 : 1);
	}
	close(pair[1]);
	return run;
}

static struct supervise_event next_event(const struct run *run, enum supervise_what what)
{
	struct supervise_event event = {0};
	while (read(run->events, &event, sizeof(event)) == sizeof(event))
		if (event.what == what)
			return event;
	return (struct supervise_event){.error = -EPIPE};
}

static int stopped(const struct run *run)
{
	int status = -1;
	waitpid(run->pid, &status, 0);
	close(run->events);
	return status;
}

static int stop(const struct run *run)
{
	kill(run->pid, SIGTERM);
	return stopped(run);
}

static const char *const report_and_stay[] = {"--role", "stay", NULL};
static const char *const report_and_end[] = {"--role", "end", NULL};
static const char *const take_connection[] = {"--role", "connection", NULL};

static void start_gives_what_systemd_gives(void)
{
	int pair[2], other[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || pipe(other) < 0)
		abort();
	struct supervise_program program = {
		.name = SELF,
		.arguments = report_and_stay,
		.socket_count = 2,
		.sockets = {{"report", pair[1]}, {"other", other[1]}},
	};
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	struct run run = start(&program, 1);
	unsetenv("NOTIFY_SOCKET");
	struct report r = {0};
	is_number(read(pair[0], &r, sizeof(r)), sizeof(r), "a descriptor arrives under its name");
	is_number(r.listen_pid, r.pid, "LISTEN_PID is the process id of the program");
	is_number(r.group, r.pid, "the program leads a process group of its own");
	ok(r.other >= 0, "a second descriptor arrives under its own name");
	is_text(r.names, "report:other", "LISTEN_FDNAMES names them in order");
	is_number(r.first_unpassed, 0, "no other descriptor is passed on");
	is_number(r.input_ends, 1, "the standard input is empty");
	is_number(stop(&run), 0, "SIGTERM ends the program and then the supervisor, with 0");
	is_number(kill(r.pid, 0) < 0 ? errno : 0, ESRCH, "nobody is left behind");
	close(pair[0]), close(pair[1]), close(other[0]), close(other[1]);
}

static void death_is_followed_by_a_start(void)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	struct supervise_program program = {
		.name = SELF,
		.arguments = report_and_end,
		.socket_count = 1,
		.sockets = {{"report", pair[1]}},
	};
	struct run run = start(&program, 1);
	for (unsigned int delay_ms = 100; delay_ms <= 400; delay_ms *= 2) {
		struct supervise_event event = next_event(&run, SUPERVISE_ENDED);
		is_number(event.delay_ms, delay_ms, "death is followed by a start in %u ms", delay_ms);
		is_number(WEXITSTATUS(event.status), 7, "its status is told");
	}
	struct report r;
	for (int i = 0; i < 3; i++)
		ok(read(pair[0], &r, sizeof(r)) == sizeof(r), "life %d had its descriptor", i + 1);
	is_number(stop(&run), 0, "SIGTERM while a restart is due ends at once");
	close(pair[0]), close(pair[1]);
}

static void signals_reach_the_programs(void)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	struct supervise_program program = {
		.name = SELF,
		.arguments = report_and_stay,
		.socket_count = 1,
		.sockets = {{"report", pair[1]}},
	};
	struct run run = start(&program, 1);
	struct report r;
	ok(read(pair[0], &r, sizeof(r)) == sizeof(r), "the program runs");
	kill(run.pid, SIGHUP);
	struct supervise_event event = next_event(&run, SUPERVISE_ENDED);
	ok(WIFSIGNALED(event.status) && WTERMSIG(event.status) == SIGHUP, "SIGHUP is passed on");
	char text[256];
	supervise_describe(text, sizeof(text), &event);
	ok(strstr(text, "killed by signal 1 (Hangup); it starts again in 100 ms") != NULL,
	   "the event is described: %s", text);
	ok(read(pair[0], &r, sizeof(r)) == sizeof(r), "and the program starts again");
	kill(run.pid, SIGKILL);
	waitpid(run.pid, NULL, 0);
	close(pair[1]);
	char byte;
	is_number(read(pair[0], &byte, 1), 0, "when the supervisor is killed, its programs end too");
	close(run.events);
	close(pair[0]);
}

static int greeting(int fd, int timeout_ms)
{
	struct pollfd slot = {.fd = fd, .events = POLLIN};
	int pid = 0;
	if (poll(&slot, 1, timeout_ms) != 1 || read(fd, &pid, sizeof(pid)) != sizeof(pid))
		return 0;
	return pid;
}

static void each_connection_has_its_program(void)
{
	const char *path = test_path("accept.sock");
	int listener = channel_listen(path, 0600);
	struct supervise_program program = {
		.name = SELF,
		.arguments = take_connection,
		.connection = "push",
		.listener = listener,
		.connections_max = 2,
	};
	struct run run = start(&program, 1);
	int first = channel_connect(path), second = channel_connect(path);
	int third = channel_connect(path);
	ok(first >= 0 && second >= 0 && third >= 0, "callers connect");
	int one = greeting(first, 10000), two = greeting(second, 10000);
	ok(one > 0 && two > 0 && one != two, "each connection has a program of its own");
	is_number(greeting(third, 200), 0, "at the limit the next connection waits");
	close(first);
	int three = greeting(third, 10000);
	ok(three > 0 && three != two, "and is served when one has ended");
	struct supervise_event event = next_event(&run, SUPERVISE_ENDED);
	ok(event.is_connection && event.delay_ms == 0, "a connection's program is not started again");
	is_number(event.pid, one, "it was the first that ended");
	is_number(stop(&run), 0, "SIGTERM ends connections too");
	close(second), close(third), close(listener);
}

/* The supervisor may have no more descriptors than it has, or as many as this test. */
static void limit_descriptors(pid_t pid, bool does_limit)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		abort();
	if (does_limit)
		limit.rlim_cur = 3;
	if (prlimit(pid, RLIMIT_NOFILE, &limit, NULL) < 0)
		abort();
}

static void callers_who_cannot_be_taken_wait(void)
{
	const char *path = test_path("full.sock");
	int listener = channel_listen(path, 0600);
	struct supervise_program program = {
		.name = SELF,
		.arguments = take_connection,
		.connection = "push",
		.listener = listener,
		.connections_max = 2,
	};
	struct run run = start(&program, 1);
	int first = channel_connect(path);
	ok(greeting(first, 10000) > 0, "a caller is taken");
	limit_descriptors(run.pid, true);
	int second = channel_connect(path);
	struct supervise_event event = next_event(&run, SUPERVISE_NOT_TAKEN);
	is_number(event.error, -EMFILE, "when there is no descriptor left, the next one waits, and that is told");
	char text[256];
	supervise_describe(text, sizeof(text), &event);
	is_text(text, SELF ": callers cannot be taken: Too many open files", "in these words");
	is_number(greeting(second, 200), 0, "it goes on waiting");
	limit_descriptors(run.pid, false);
	ok(greeting(second, 10000) > 0, "after the cure it is taken");
	event = next_event(&run, SUPERVISE_TAKEN_AGAIN);
	supervise_describe(text, sizeof(text), &event);
	is_text(text, SELF ": callers are taken again", "which is told, too");
	is_number(stop(&run), 0, "SIGTERM ends all");
	close(first), close(second), close(listener);
}

static void a_deaf_program_is_killed(void)
{
	static const char *const deaf[] = {"--role", "deaf", NULL};
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	struct supervise_program program = {
		.name = SELF,
		.arguments = deaf,
		.socket_count = 1,
		.sockets = {{"report", pair[1]}},
	};
	struct run run = start(&program, 1);
	struct report r;
	ok(read(pair[0], &r, sizeof(r)) == sizeof(r), "a program that ignores SIGTERM runs");
	kill(run.pid, SIGTERM);
	struct supervise_event event = next_event(&run, SUPERVISE_KILLED);
	is_number(event.pid, r.pid, "after %d ms it is killed", SUPERVISE_STOP_MS);
	is_number(stopped(&run), 0, "and the supervisor ends with 0");
	close(pair[0]), close(pair[1]);
}

static void missing_program_is_named(void)
{
	struct supervise_program programs[] = {
		{.name = SELF},
		{.name = "no-such-program"},
	};
	const char *missing = NULL;
	is_number(supervise_run(programs, 2, NULL, NULL, &missing), -ENOENT,
		  "a program that is not there stops all before anything starts");
	is_text(missing, "no-such-program", "and is named");
	char path[4096];
	is_number(supervise_path(path, sizeof(path), SELF), 0, "a program is found beside the caller");
	is_number(supervise_path(path, 4, SELF), -ENAMETOOLONG, "a path that does not fit is said");
	struct supervise_program many[SUPERVISE_PROGRAMS_MAX + 1] = {{.name = SELF}};
	is_number(supervise_run(many, SUPERVISE_PROGRAMS_MAX + 1, NULL, NULL, &missing), -E2BIG,
		  "more than %d programs are refused", SUPERVISE_PROGRAMS_MAX);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--role") == 0) {
		if (strcmp(argv[2], "connection") == 0)
			return role_connection();
		if (strcmp(argv[2], "deaf") == 0)
			return role_deaf();
		return role_report(strcmp(argv[2], "stay") == 0);
	}
	start_gives_what_systemd_gives();
	death_is_followed_by_a_start();
	signals_reach_the_programs();
	each_connection_has_its_program();
	callers_who_cannot_be_taken_wait();
	a_deaf_program_is_killed();
	missing_program_is_named();
	return done_testing();
}
