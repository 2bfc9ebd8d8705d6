#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "acceptor.h"
#include "io.h"

#define INSTALLED_DIR "/usr/lib/weir"

enum { FIRST_PASSED_FD = 3, EXIT_NOT_EXECUTED = 127, NAMES_BYTES = 512 };

/* One program, or one connection's program. */
struct child {
	const struct supervise_program *program;
	const char *path;
	bool is_connection;
	pid_t pid;              /* 0: not running */
	uint64_t started_ms;
	uint64_t start_at_ms;   /* when to start it again */
	unsigned int delay_ms;  /* the last one, 0 at first */
};

struct supervisor {
	const struct supervise_program *programs;
	size_t count;
	supervise_tell *tell;
	void *context;
	int signal_fd;
	sigset_t mask_before;
	uint64_t stop_at_ms; /* 0: running; else when SIGKILL falls due */
	bool has_killed;
	struct acceptor acceptors[SUPERVISE_PROGRAMS_MAX]; /* of accept mode */
	char paths[SUPERVISE_PROGRAMS_MAX][PATH_MAX];
	struct child children[SUPERVISE_PROGRAMS_MAX + SUPERVISE_CONNECTIONS_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int supervise_path(char *out, size_t size, const char *program)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = 0;
		char *slash = strrchr(self, '/');
		int folder_len = slash == NULL ? 0 : (int)(slash - self);
		int n = snprintf(out, size, "%.*s/%s", folder_len, self, program);
		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		if (access(out, X_OK) == 0)
			return 0;
	}
	int n = snprintf(out, size, INSTALLED_DIR "/%s", program);
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return access(out, X_OK) == 0 ? 0 : -ENOENT;
}

static int add_text(char *out, size_t size, size_t *at, const char *text)
{
	size_t len = strlen(text);
	if (*at + len >= size)
		return -ENAMETOOLONG;
	memcpy(out + *at, text, len + 1);
	*at += len;
	return 0;
}

/* What systemd would have set, and nothing of what it meant for the parent alone. */
static int set_environment(const struct supervise_socket *sockets, size_t count)
{
	static const char *const of_parent[] = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
						"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"};
	for (size_t i = 0; i < sizeof(of_parent) / sizeof(of_parent[0]); i++)
		if (unsetenv(of_parent[i]) < 0)
			return -errno;
	if (count == 0)
		return 0;
	char names[NAMES_BYTES] = "";
	size_t at = 0;
	for (size_t i = 0; i < count; i++)
		if ((i > 0 && add_text(names, sizeof(names), &at, ":") != 0) ||
		    add_text(names, sizeof(names), &at, sockets[i].name) != 0)
			return -ENAMETOOLONG;
	char number[24];
	snprintf(number, sizeof(number), "%zu", count);
	if (setenv("LISTEN_FDS", number, 1) < 0 || setenv("LISTEN_FDNAMES", names, 1) < 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", (int)getpid());
	return setenv("LISTEN_PID", number, 1) < 0 ? -errno : 0;
}

/* Puts the descriptors at 3, 4, …, which may be where some of them are now. */
static int place_sockets(const struct supervise_socket *sockets, size_t count)
{
	int moved[SUPERVISE_SOCKETS_MAX + 1] = {0};
	int behind = FIRST_PASSED_FD + (int)count;
	for (size_t i = 0; i < count; i++) {
		moved[i] = fcntl(sockets[i].fd, F_DUPFD_CLOEXEC, behind);
		if (moved[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(moved[i], FIRST_PASSED_FD + (int)i) < 0)
			return -errno;
	return close_range((unsigned int)behind, ~0U, 0) < 0 ? -errno : 0;
}

static int set_input(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		return -errno;
	return 0;
}

/* In the child: never returns. */
static _Noreturn void become(const struct supervisor *s, const struct child *child, int connection,
			     pid_t parent)
{
	const struct supervise_program *program = child->program;
	struct supervise_socket sockets[SUPERVISE_SOCKETS_MAX + 1];
	size_t count = program->socket_count;
	memcpy(sockets, program->sockets, sizeof(program->sockets));
	if (connection >= 0)
		sockets[count++] = (struct supervise_socket){program->connection, connection};

	const char *arguments[32] = {program->name};
	size_t argument_count = 1;
	for (size_t i = 0; program->arguments != NULL && program->arguments[i] != NULL; i++) {
		if (argument_count + 1 >= sizeof(arguments) / sizeof(arguments[0]))
			_exit(EXIT_NOT_EXECUTED);
		arguments[argument_count++] = program->arguments[i];
	}
	/* a parent that died before prctl leaves no signal: hence the second look */
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent ||
	    sigprocmask(SIG_SETMASK, &s->mask_before, NULL) < 0 || set_input() != 0 ||
	    set_environment(sockets, count) != 0 || place_sockets(sockets, count) != 0)
		_exit(EXIT_NOT_EXECUTED);
	execv(child->path, (char *const *)(uintptr_t)arguments);
	_exit(EXIT_NOT_EXECUTED);
}

static void tell(const struct supervisor *s, const struct child *child, enum supervise_what what,
		 int status, int error)
{
	bool will_start = !child->is_connection && s->stop_at_ms == 0 &&
			  (what == SUPERVISE_ENDED || what == SUPERVISE_NOT_BEGUN);
	struct supervise_event event = {
		.what = what,
		.program = child->program->name,
		.is_connection = child->is_connection,
		.pid = (int)child->pid,
		.status = status,
		.error = error,
		.delay_ms = will_start ? child->delay_ms : 0,
	};
	if (s->tell != NULL)
		s->tell(s->context, &event);
}

static void plan_restart(struct child *child)
{
	uint64_t now = now_ms();
	if (child->program->is_due != NULL) {
		child->start_at_ms = now + SUPERVISE_ASK_MS;
		return;
	}
	bool was_steady = child->started_ms != 0 && now - child->started_ms >= SUPERVISE_STEADY_MS;
	if (child->delay_ms == 0 || was_steady)
		child->delay_ms = SUPERVISE_DELAY_MIN_MS;
	else if (child->delay_ms < SUPERVISE_DELAY_MAX_MS / 2)
		child->delay_ms *= 2;
	else
		child->delay_ms = SUPERVISE_DELAY_MAX_MS;
	child->start_at_ms = now + child->delay_ms;
}

static void start_child(struct supervisor *s, struct child *child, int connection)
{
	pid_t parent = getpid();
	child->started_ms = now_ms();
	pid_t pid = fork();
	if (pid == 0)
		become(s, child, connection, parent);
	if (pid < 0) {
		int error = -errno;
		if (!child->is_connection)
			plan_restart(child);
		tell(s, child, SUPERVISE_NOT_BEGUN, 0, error);
		return;
	}
	child->pid = pid;
	/* in both processes, so that a signal to the group right now finds it */
	(void)setpgid(pid, pid);
	tell(s, child, SUPERVISE_STARTED, 0, 0);
}

static struct child *free_slot(struct supervisor *s, const struct supervise_program *program)
{
	unsigned int running = 0;
	struct child *found = NULL;
	for (size_t i = SUPERVISE_PROGRAMS_MAX; i < sizeof(s->children) / sizeof(s->children[0]); i++) {
		if (s->children[i].pid == 0)
			found = &s->children[i];
		else if (s->children[i].program == program)
			running++;
	}
	return running < program->connections_max ? found : NULL;
}

/* Whether callers of a program can be taken: told when that changes. */
static void tell_of_callers(const struct supervisor *s, const struct child *child, enum acceptor_news news, int error)
{
	if (news == ACCEPTOR_FAILS)
		tell(s, child, SUPERVISE_NOT_TAKEN, 0, error);
	if (news == ACCEPTOR_WORKS)
		tell(s, child, SUPERVISE_TAKEN_AGAIN, 0, 0);
}

static void accept_connection(struct supervisor *s, size_t index)
{
	struct child *slot = free_slot(s, &s->programs[index]);
	enum acceptor_news news;
	if (slot == NULL)
		return;
	int fd = acceptor_take(&s->acceptors[index], 0, now_ms(), &news);
	struct child child = {
		.program = &s->programs[index],
		.path = s->paths[index],
		.is_connection = true,
	};
	tell_of_callers(s, &child, news, fd);
	if (fd < 0)
		return; /* nothing is lost: who called is gone again, or waits */
	*slot = child;
	start_child(s, slot, fd);
	io_close(fd);
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < sizeof(s->children) / sizeof(s->children[0]); i++) {
			struct child *child = &s->children[i];
			if (child->pid != pid)
				continue;
			if (!child->is_connection)
				plan_restart(child);
			tell(s, child, SUPERVISE_ENDED, status, 0);
			child->pid = 0;
		}
	}
}

static void signal_children(struct supervisor *s, int signal_number, bool connections_too)
{
	for (size_t i = 0; i < sizeof(s->children) / sizeof(s->children[0]); i++) {
		struct child *child = &s->children[i];
		if (child->pid == 0 || (child->is_connection && !connections_too))
			continue;
		if (kill(-child->pid, signal_number) < 0)
			(void)kill(child->pid, signal_number);
		if (signal_number == SIGKILL)
			tell(s, child, SUPERVISE_KILLED, 0, 0);
	}
}

static void take_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;
	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		reap(s);
		break;
	case SIGHUP:
		signal_children(s, SIGHUP, false);
		break;
	default:
		if (s->stop_at_ms == 0) {
			s->stop_at_ms = now_ms() + SUPERVISE_STOP_MS;
			signal_children(s, SIGTERM, true);
		}
	}
}

static bool any_running(const struct supervisor *s)
{
	for (size_t i = 0; i < sizeof(s->children) / sizeof(s->children[0]); i++)
		if (s->children[i].pid != 0)
			return true;
	return false;
}

/* Of timer mode: or it is asked again later. */
static bool is_wanted(const struct supervisor *s, struct child *child)
{
	if (child->program->is_due == NULL || child->program->is_due(s->context))
		return true;
	plan_restart(child);
	return false;
}

/* Starts whoever is due; gives the time to sleep until the next, -1 for ever. */
static int start_due(struct supervisor *s)
{
	uint64_t now = now_ms();
	if (s->stop_at_ms != 0) {
		if (now >= s->stop_at_ms && !s->has_killed) {
			s->has_killed = true;
			signal_children(s, SIGKILL, true);
		}
		return s->has_killed ? -1 : (int)(s->stop_at_ms - now);
	}
	uint64_t wait = UINT64_MAX;
	for (size_t i = 0; i < s->count; i++) {
		struct child *child = &s->children[i];
		if (child->program == NULL || child->pid != 0)
			continue;
		if (child->start_at_ms <= now && is_wanted(s, child))
			start_child(s, child, -1);
		if (child->pid == 0 && child->start_at_ms > now && child->start_at_ms - now < wait)
			wait = child->start_at_ms - now;
	}
	return wait == UINT64_MAX ? -1 : (int)wait;
}

/* The sooner of two times to sleep, where -1 is for ever. */
static int sooner(int a_ms, int b_ms)
{
	return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static int poll_once(struct supervisor *s, int timeout_ms)
{
	struct pollfd slots[1 + SUPERVISE_PROGRAMS_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};
	uint64_t now = now_ms();
	for (size_t i = 0; i < s->count; i++) {
		bool listens = s->programs[i].connection != NULL && s->stop_at_ms == 0 &&
			       free_slot(s, &s->programs[i]) != NULL;
		unsigned int pause_ms = acceptor_pause(&s->acceptors[i], now);
		if (listens && pause_ms > 0)
			timeout_ms = sooner(timeout_ms, (int)pause_ms);
		slots[1 + i] = (struct pollfd){
			.fd = listens && pause_ms == 0 ? s->programs[i].listener : -1,
			.events = POLLIN,
		};
	}
	int ready = poll(slots, 1 + s->count, timeout_ms);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	if (slots[0].revents != 0)
		take_signal(s);
	for (size_t i = 0; i < s->count && s->stop_at_ms == 0; i++)
		if ((slots[1 + i].revents & POLLIN) != 0)
			accept_connection(s, i);
	return 0;
}

static int prepare(struct supervisor *s, const char **missing)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct supervise_program *program = &s->programs[i];
		int result = supervise_path(s->paths[i], sizeof(s->paths[i]), program->name);
		if (result != 0) {
			*missing = program->name;
			return result;
		}
		if (program->connection != NULL)
			continue;
		s->children[i] = (struct child){.program = program, .path = s->paths[i]};
		if (program->is_due != NULL)
			plan_restart(&s->children[i]);
	}
	for (size_t i = 0; i < s->count; i++) {
		if (s->programs[i].connection == NULL)
			continue;
		s->acceptors[i].listener = s->programs[i].listener;
		/* accept must not wait for a caller who has gone away since poll */
		int flags = fcntl(s->programs[i].listener, F_GETFL);
		if (flags < 0 || fcntl(s->programs[i].listener, F_SETFL, flags | O_NONBLOCK) < 0)
			return -errno;
	}
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, &s->mask_before) < 0)
		return -errno;
	s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd >= 0)
		return 0;
	int result = -errno;
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
	return result;
}

int supervise_run(const struct supervise_program *programs, size_t count, supervise_tell *tell_fn,
		  void *context, const char **missing)
{
	if (count > SUPERVISE_PROGRAMS_MAX)
		return -E2BIG;
	struct supervisor *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	*s = (struct supervisor){
		.programs = programs,
		.count = count,
		.tell = tell_fn,
		.context = context,
		.signal_fd = -1,
	};
	int result = prepare(s, missing);
	if (result != 0)
		goto out;
	while (result == 0 && (s->stop_at_ms == 0 || any_running(s))) {
		int timeout_ms = start_due(s);
		result = poll_once(s, timeout_ms);
	}
	/* poll itself failed: nobody is left behind */
	signal_children(s, SIGTERM, true);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
out:
	io_close(s->signal_fd);
	free(s);
	return result;
}

bool supervise_was_killed(const struct supervise_event *event)
{
	return WIFSIGNALED(event->status) ? WTERMSIG(event->status) != SIGTERM
					  : WEXITSTATUS(event->status) == EXIT_NOT_EXECUTED;
}

char *supervise_describe(char *out, size_t size, const struct supervise_event *event)
{
	char what[160];
	if (event->what == SUPERVISE_NOT_TAKEN || event->what == SUPERVISE_TAKEN_AGAIN) {
		bool works = event->what == SUPERVISE_TAKEN_AGAIN;
		snprintf(out, size, "%s: callers %s%s", event->program, works ? "are taken again" : "cannot be taken: ",
			 works ? "" : strerror(-event->error));
		return out;
	}
	if (event->what == SUPERVISE_STARTED)
		snprintf(what, sizeof(what), "has started");
	else if (event->what == SUPERVISE_KILLED)
		snprintf(what, sizeof(what), "did not stop within %d s and is killed",
			 SUPERVISE_STOP_MS / 1000);
	else if (event->what == SUPERVISE_NOT_BEGUN)
		snprintf(what, sizeof(what), "cannot be started: %s", strerror(-event->error));
	else if (WIFSIGNALED(event->status))
		snprintf(what, sizeof(what), "was killed by signal %d (%s)", WTERMSIG(event->status),
			 strsignal(WTERMSIG(event->status)));
	else
		snprintf(what, sizeof(what), "ended with status %d", WEXITSTATUS(event->status));
	char next[48] = "";
	if (event->delay_ms > 0)
		snprintf(next, sizeof(next), "; it starts again in %u ms", event->delay_ms);
	snprintf(out, size, "%s (pid %d) %s%s", event->program, event->pid, what, next);
	return out;
}
