#include "feed.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"

/* Whole pages of the pipe keep the two processes from taking turns at every 64 KiB. */
enum { PIPE_BYTES = 1048576 };

/* What this process tells the guardian; the end of the stream says that all has failed. */
enum order { ORDER_RUN = 1, ORDER_FINISH };

/* What the guardian tells: that the command runs (or why not), and how it ended. */
enum news { NEWS_STARTED = 1, NEWS_ENDED };
struct report {
	int32_t news;
	int32_t pid;
	int32_t error; /* NEWS_STARTED: 0 or -errno */
	int32_t code;  /* NEWS_ENDED: si_code and si_status of waitid */
	int32_t status;
};

struct feed {
	int tx;      /* the command's input */
	int rx;      /* its other end: shows what was left unread, and keeps EPIPE away */
	int control; /* to the guardian */
	int stop;
	pid_t guardian;
	pid_t command;
	bool is_running;
	bool has_ended;
	bool is_finished;
	int code;
	int status;
};

/* What the guardian holds. */
struct guardian {
	int tx;
	int rx;
	int control;
	char *const *argv;
	pid_t command;
};

static void run_command(const struct guardian *g, pid_t guardian, int failure)
{
	int error = 0;
	/* A guardian killed with SIGKILL takes the command along. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setpgid(0, 0) < 0)
		error = -errno;
	if (getppid() != guardian)
		_exit(127);
	if (error == 0 && dup2(g->rx, STDIN_FILENO) < 0)
		error = -errno;
	signal(SIGPIPE, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	if (error == 0 && sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		error = -errno;
	if (error == 0) {
		execvp(g->argv[0], g->argv);
		error = -errno;
	}
	/* Should even this fail, the status says enough. */
	if (io_write(failure, &error, sizeof(error)) != 0)
		_exit(126);
	_exit(127);
}

/* 0 when the command runs, or why it does not. */
static int start_command(struct guardian *g)
{
	int failure[2];
	if (pipe2(failure, O_CLOEXEC) < 0)
		return -errno;
	pid_t guardian = getpid();
	pid_t pid = fork();
	if (pid == 0)
		run_command(g, guardian, failure[1]);
	int result = pid < 0 ? -errno : 0;
	io_close(failure[1]);
	int error = 0;
	if (result == 0 && io_read(failure[0], &error, sizeof(error)) == (ssize_t)sizeof(error))
		result = error;
	io_close(failure[0]);
	if (pid > 0)
		setpgid(pid, pid); /* already done by the command, or it is gone */
	if (result != 0 && pid > 0)
		waitpid(pid, NULL, 0);
	io_close(g->rx);
	g->rx = -1;
	if (result == 0)
		g->command = pid;
	return result;
}

static void tell(const struct guardian *g, const struct report *report)
{
	/* A caller that no longer listens shows as the end of the stream, see watch. */
	int told = io_write(g->control, report, sizeof(*report));
	(void)told;
}

/* The command stays a zombie, so that its number, which is its group's, cannot be used again. */
static bool tell_end(const struct guardian *g, int pidfd)
{
	siginfo_t info = {0};
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT) < 0)
		return false;
	struct report report = {.news = NEWS_ENDED, .code = info.si_code, .status = info.si_status};
	tell(g, &report);
	return true;
}

/* Until the caller is done or gone: true when the command was told the end and has ended itself. */
static bool watch(struct guardian *g, int pidfd)
{
	bool is_told = false;
	struct pollfd fds[2] = {{.fd = g->control, .events = POLLIN},
				{.fd = pidfd, .events = POLLIN}};
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			return false;
		if (fds[1].revents != 0 && !tell_end(g, pidfd))
			return false;
		if (fds[1].revents != 0)
			fds[1].fd = -1;
		if (fds[0].revents == 0)
			continue;
		uint8_t order;
		if (io_read(g->control, &order, 1) != 1)
			return is_told && fds[1].fd < 0;
		if (order != ORDER_FINISH)
			return false;
		io_close(g->tx);
		g->tx = -1;
		is_told = true;
	}
}

static void guard(struct guardian *g)
{
	/* Neither the terminal's signals nor those to the caller's group reach the guardian. */
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	uint8_t order;
	if (io_read(g->control, &order, 1) != 1 || order != ORDER_RUN)
		_exit(1);
	int error = start_command(g);
	struct report report = {.news = NEWS_STARTED, .pid = g->command, .error = error};
	int pidfd = error == 0 ? (int)syscall(SYS_pidfd_open, g->command, 0) : -1;
	if (error == 0 && pidfd < 0)
		report.error = -errno;
	tell(g, &report);
	bool is_well = report.error == 0 && watch(g, pidfd);
	if (!is_well && g->command > 0) {
		kill(-g->command, SIGKILL);
		waitpid(g->command, NULL, 0);
	}
	/* Only now does the guardian's end of the input go. */
	_exit(is_well ? 0 : 1);
}

static int open_ends(struct feed *f, struct guardian *g)
{
	int data[2], control[2];
	if (pipe2(data, O_CLOEXEC) < 0)
		return -errno;
	f->rx = data[0];
	f->tx = data[1];
	/* No larger pipe is no failure. */
	if (fcntl(f->tx, F_SETPIPE_SZ, PIPE_BYTES) < 0 && errno != EPERM)
		return -errno;
	if (fcntl(f->tx, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
		return -errno;
	f->control = control[0];
	g->control = control[1];
	g->rx = f->rx;
	g->tx = f->tx;
	return 0;
}

int feed_start(struct feed **out, char *const argv[])
{
	struct feed *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->tx = f->rx = f->control = f->stop = -1;
	struct guardian g = {.tx = -1, .rx = -1, .control = -1, .argv = argv};
	int result = open_ends(f, &g);
	if (result == 0)
		f->guardian = fork();
	if (result == 0 && f->guardian == 0) {
		io_close(f->control);
		guard(&g);
	}
	if (result == 0 && f->guardian < 0)
		result = -errno;
	io_close(g.control);
	if (result != 0) {
		feed_free(f);
		return result;
	}
	*out = f;
	return 0;
}

void feed_set_stop(struct feed *f, int stop_fd)
{
	f->stop = stop_fd;
}

/* The guardian sends a report in one piece; when it has gone, nothing is known any more. */
static int take_report(struct feed *f)
{
	struct report report;
	ssize_t n = io_read(f->control, &report, sizeof(report));
	if (n < 0)
		return (int)n;
	if (n != (ssize_t)sizeof(report))
		return VERDICT_COMMAND_FAILED;
	if (report.news == NEWS_STARTED) {
		f->command = report.pid;
		f->is_running = report.error == 0;
		return report.error;
	}
	f->has_ended = true;
	f->code = report.code;
	f->status = report.status;
	return 0;
}

int feed_run(struct feed *f)
{
	uint8_t order = ORDER_RUN;
	int result = io_write(f->control, &order, 1);
	return result != 0 ? result : take_report(f);
}

/* Waits for news, for the stop, and for room in the pipe when `out` is set. */
static int wait_for(struct feed *f, bool out)
{
	struct pollfd fds[3] = {
		{.fd = f->control, .events = POLLIN},
		{.fd = f->stop, .events = POLLIN},
		{.fd = out ? f->tx : -1, .events = POLLOUT},
	};
	if (poll(fds, 3, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents != 0)
		return -ECANCELED;
	return fds[0].revents != 0 ? take_report(f) : 0;
}

int feed_write(struct feed *f, const void *data, size_t len)
{
	assert(f->is_running && !f->is_finished);
	const uint8_t *p = data;
	while (len > 0) {
		int result = wait_for(f, true);
		if (result != 0)
			return result;
		if (f->has_ended)
			return VERDICT_COMMAND_FAILED;
		ssize_t n = write(f->tx, p, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static bool ended_well(struct feed *f)
{
	int unread = 0;
	if (ioctl(f->rx, FIONREAD, &unread) < 0)
		return false;
	return f->code == CLD_EXITED && f->status == 0 && unread == 0;
}

int feed_finish(struct feed *f)
{
	assert(f->is_running && !f->is_finished);
	uint8_t order = ORDER_FINISH;
	int result = io_close(f->tx);
	f->tx = -1;
	if (result == 0)
		result = io_write(f->control, &order, 1);
	while (result == 0 && !f->has_ended)
		result = wait_for(f, false);
	if (result == 0 && !ended_well(f))
		result = VERDICT_COMMAND_FAILED;
	f->is_finished = result == 0;
	return result;
}

void feed_describe(const struct feed *f, char *out, size_t size)
{
	int unread = 0;
	if (!f->has_ended)
		snprintf(out, size, "%s", "");
	else if (f->code != CLD_EXITED)
		snprintf(out, size, "signal %d", f->status);
	else if (f->status == 0 && ioctl(f->rx, FIONREAD, &unread) == 0 && unread > 0)
		snprintf(out, size, "it did not read everything");
	else
		snprintf(out, size, "exit %d", f->status);
}

void feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	/* The guardian's sign to kill, unless the command has ended after its input. */
	io_close(f->control);
	int status = 0;
	if (f->guardian > 0)
		while (waitpid(f->guardian, &status, 0) < 0 && errno == EINTR)
			;
	/* Without its guardian the command is killed from here, before the input goes. */
	if (WIFSIGNALED(status) && f->command > 0 && !f->has_ended)
		kill(-f->command, SIGKILL);
	io_close(f->tx);
	io_close(f->rx);
	free(f);
}
