/* Which signal has a program that goes round end. */
#include "common/stopping.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

/* In a process of its own, where nothing is due yet: 2 more when it was due before, 4 when the flag says something else. */
static int due_after(enum stopping_hangup hangup, int number)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		int before = stopping_catch(hangup) != 0 || stopping_is_due() ? 2 : 0;
		raise(number);
		_exit(before + (stopping_is_due() ? 1 : 0) + ((*stopping_flag() != 0) != stopping_is_due() ? 4 : 0));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	ok(!stopping_is_due(), "without a signal nothing is due");
	is_number(due_after(STOPPING_HANGUP_IGNORED, SIGTERM), 1, "SIGTERM ends");
	is_number(due_after(STOPPING_HANGUP_IGNORED, SIGINT), 1, "SIGINT ends");
	is_number(due_after(STOPPING_HANGUP_IGNORED, SIGHUP), 0, "SIGHUP does not, nor does it kill");
	is_number(due_after(STOPPING_HANGUP_ENDS, SIGTERM), 1, "SIGTERM ends");
	is_number(due_after(STOPPING_HANGUP_ENDS, SIGHUP), 1, "where it is to, SIGHUP ends, too");
	return done_testing();
}
