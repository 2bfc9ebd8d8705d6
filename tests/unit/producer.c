#include "sender/producer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

static int start(struct producer *producer, const char *script)
{
	char shell[] = "/bin/sh", option[] = "-c", text[64];
	snprintf(text, sizeof(text), "%s", script);
	char *argv[] = {shell, option, text, NULL};
	producer_init(producer);
	return producer_start(producer, argv);
}

static void test_good(void)
{
	struct producer producer;
	char text[16] = "";
	is_number(start(&producer, "printf records"), 0, "a command is started");
	is_number(read(producer.fd, text, sizeof(text) - 1), 7, "what it prints can be read");
	is_text(text, "records", "as it was printed");
	is_number(read(producer.fd, text, sizeof(text)), 0, "its output ends");
	is_number(producer_wait(&producer), 0, "exit status 0 means that all of it was meant");
	producer_stop(&producer);
	is_number(producer.fd, -1, "stopping closes its output");
}

static void test_failing(void)
{
	struct producer producer;
	start(&producer, "echo half; exit 3");
	is_number(producer_wait(&producer), VERDICT_COMMAND_FAILED, "another exit status is a failure");
	is_text(producer.why, "exit status 3", "and it is told");
	producer_stop(&producer);
	start(&producer, "kill -9 $$");
	is_number(producer_wait(&producer), VERDICT_COMMAND_FAILED, "so is a signal");
	is_text(producer.why, "killed by signal 9", "and it is told");
	producer_stop(&producer);
}

static void test_missing(void)
{
	struct producer producer;
	char name[] = "/nowhere/no-such-command";
	char *argv[] = {name, NULL};
	producer_init(&producer);
	is_number(producer_start(&producer, argv), VERDICT_COMMAND_FAILED, "a command that is not there is a failure at once");
	is_text(producer.why, "cannot be started: No such file or directory", "and the reason is told");
	producer_stop(&producer);
}

static void test_stop(void)
{
	struct producer producer;
	int status = 0;
	start(&producer, "exec sleep 60");
	pid_t pid = producer.pid;
	producer_stop(&producer);
	is_number(waitpid(pid, &status, 0), pid, "one that still runs is stopped");
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "with SIGTERM");
	producer_stop(&producer);
	is_number(producer.pid, 0, "stopping again does nothing");
}

int main(void)
{
	test_good();
	test_failing();
	test_missing();
	test_stop();
	return done_testing();
}
