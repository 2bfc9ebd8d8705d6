#include "producer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"

enum { PIPE_BYTES = 1048576, EXIT_NOT_EXECUTED = 127 };

/* Why it cannot be run goes through `failure`, which a successful exec closes. */
static _Noreturn void become_command(char *const argv[], int out, int failure, pid_t parent)
{
	int error = 0;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || dup2(out, STDOUT_FILENO) < 0)
		error = -errno;
	if (getppid() != parent)
		_exit(EXIT_NOT_EXECUTED);
	if (error == 0) {
		execvp(argv[0], argv);
		error = -errno;
	}
	/* Should even this fail, the exit status says enough. */
	(void)io_write(failure, &error, sizeof(error));
	_exit(EXIT_NOT_EXECUTED);
}

/* 0 when the command runs. */
static int hear_start(struct producer *producer, int failure)
{
	int error = 0;
	ssize_t len;
	do
		len = read(failure, &error, sizeof(error));
	while (len < 0 && errno == EINTR);
	if (len == 0)
		return 0;
	if (len != (ssize_t)sizeof(error))
		error = len < 0 ? -errno : -EIO;
	snprintf(producer->why, sizeof(producer->why), "cannot be started: %s", strerror(-error));
	return VERDICT_COMMAND_FAILED;
}

int producer_start(struct producer *producer, char *const argv[])
{
	int ends[2], failure[2];
	pid_t parent = getpid();
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(failure, O_CLOEXEC) < 0) {
		int error = -errno;
		io_close(ends[0]);
		io_close(ends[1]);
		return error;
	}
	/* a larger pipe only saves changes of process */
	(void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
	producer->fd = ends[0];
	pid_t pid = fork();
	if (pid == 0)
		become_command(argv, ends[1], failure[1], parent);
	int result = pid < 0 ? -errno : 0;
	io_close(ends[1]);
	io_close(failure[1]);
	if (result == 0) {
		producer->pid = pid;
		result = hear_start(producer, failure[0]);
	}
	io_close(failure[0]);
	return result;
}

int producer_wait(struct producer *producer)
{
	int status;
	while (waitpid(producer->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	producer->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		snprintf(producer->why, sizeof(producer->why), "killed by signal %d", WTERMSIG(status));
	else
		snprintf(producer->why, sizeof(producer->why), "exit status %d", WEXITSTATUS(status));
	return VERDICT_COMMAND_FAILED;
}

void producer_stop(struct producer *producer)
{
	if (producer->pid != 0)
		(void)kill(producer->pid, SIGTERM);
	io_close(producer->fd);
	producer_init(producer);
}
