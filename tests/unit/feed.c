#include "receiver/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static bool exists(const char *name)
{
	return access(test_path(name), F_OK) == 0;
}

static bool holds(const char *name, const char *text)
{
	uint8_t *data;
	size_t len;
	if (io_read_file(AT_FDCWD, test_path(name), 4096, &data, &len) != 0)
		return false;
	bool same = len == strlen(text) && memcmp(data, text, len) == 0;
	free(data);
	return same;
}

/* `script` runs in a shell in the test's directory. */
static int start(struct feed **f, const char *script)
{
	static char text[4096]; /* feed_start keeps it */
	static char shell[] = "sh", flag[] = "-c";
	static char *argv[] = {shell, flag, text, NULL};
	snprintf(text, sizeof(text), "cd '%s' && %s", test_dir(), script);
	return feed_start(f, argv);
}

/* Writes DONE only when its input has ended, as a transaction commits. */
#define COMMITS(name)                                                                              \
	"echo $$ > " name ".pid; cat > " name ".data && echo committed > " name ".done"

/*
 * A pipe whose write end every process of a command holds: its end of stream says that all of
 * them are gone, so there is nothing to wait for with a clock.
 */
static void make_witness(int witness[2])
{
	if (pipe(witness) < 0)
		abort();
	if (fcntl(witness[0], F_SETFD, FD_CLOEXEC) < 0)
		abort();
}

static void wait_all_gone(int witness[2])
{
	char byte;
	close(witness[1]);
	while (read(witness[0], &byte, 1) > 0)
		;
	close(witness[0]);
}

static void test_success(void)
{
	struct feed *f = NULL;
	char how[64];
	is_number(start(&f, COMMITS("good")), 0, "a guardian starts");
	ok(!exists("good.pid"), "and the command does not run yet");
	is_number(feed_run(f), 0, "the command runs");
	is_number(feed_write(f, "hello ", 6), 0, "it is given bytes");
	is_number(feed_write(f, "world", 5), 0, "and more bytes");
	is_number(feed_finish(f), 0, "its end is good");
	feed_describe(f, how, sizeof(how));
	is_text(how, "exit 0", "and is told");
	feed_free(f);
	ok(holds("good.data", "hello world") && exists("good.done"),
	   "it had read all, and has committed");
}

static void test_abandoned(void)
{
	struct feed *f = NULL;
	int witness[2];
	make_witness(witness);
	start(&f, COMMITS("left"));
	feed_run(f);
	is_number(feed_write(f, "half", 4), 0, "half of it is given");
	feed_free(f);
	wait_all_gone(witness);
	ok(!exists("left.done"), "a command that is given up never commits");
}

static void test_never_run(void)
{
	struct feed *f = NULL;
	int witness[2];
	make_witness(witness);
	start(&f, COMMITS("never"));
	feed_free(f);
	wait_all_gone(witness);
	ok(!exists("never.pid"), "a command is not run when it comes to nothing before");
}

/* What the command says with `echo`, until a line feed. */
static void wait_line(int fd, char *out, size_t size)
{
	size_t at = 0;
	while (at + 1 < size && read(fd, out + at, 1) == 1 && out[at] != '\n')
		at++;
	out[at] = 0;
}

/* Children of the command hold its input too. */
static void test_group(void)
{
	struct feed *f = NULL;
	int witness[2], told[2];
	char script[200], line[32];
	make_witness(witness);
	if (pipe(told) < 0)
		abort();
	snprintf(
		script, sizeof(script),
		"exec 3<&0; (echo up >&%d; cat <&3 > deep.data && echo committed > deep.done) & wait",
		told[1]);
	start(&f, script);
	feed_run(f);
	feed_write(f, "half", 4);
	wait_line(told[0], line, sizeof(line));
	close(told[0]);
	close(told[1]);
	feed_free(f);
	wait_all_gone(witness);
	ok(!exists("deep.done"), "the whole process group is killed");
}

static void test_exit(void)
{
	struct feed *f = NULL;
	char how[64];
	start(&f, "cat > /dev/null; exit 3");
	feed_run(f);
	feed_write(f, "x", 1);
	is_number(feed_finish(f), VERDICT_COMMAND_FAILED, "another status than 0 is a failure");
	feed_describe(f, how, sizeof(how));
	is_text(how, "exit 3", "and is told");
	feed_free(f);

	start(&f, "cat > /dev/null; kill -TERM $$");
	feed_run(f);
	is_number(feed_finish(f), VERDICT_COMMAND_FAILED, "death by a signal is a failure");
	feed_describe(f, how, sizeof(how));
	is_text(how, "signal 15", "and is told");
	feed_free(f);
}

static void test_ends_early(void)
{
	struct feed *f = NULL;
	static char block[1048576];
	start(&f, "exit 0");
	feed_run(f);
	int result = 0;
	for (int i = 0; result == 0 && i < 8; i++)
		result = feed_write(f, block, sizeof(block));
	is_number(result, VERDICT_COMMAND_FAILED,
		  "a command that ends before its input is a failure");
	feed_free(f);

	char how[64];
	start(&f, "true");
	feed_run(f);
	result = feed_write(f, "unread", 6);
	if (result == 0)
		result = feed_finish(f);
	is_number(result, VERDICT_COMMAND_FAILED,
		  "so is one that ends well but has not read a few bytes");
	feed_describe(f, how, sizeof(how));
	ok(how[0] != 0, "and it is told: %s", how);
	feed_free(f);

	start(&f, "true");
	feed_run(f);
	is_number(feed_finish(f), 0, "to read nothing of nothing is fine");
	feed_free(f);
}

static void test_cannot_run(void)
{
	struct feed *f = NULL;
	char name[] = "/no/such/command";
	char *argv[] = {name, NULL};
	is_number(feed_start(&f, argv), 0, "a guardian knows nothing of its command");
	is_number(feed_run(f), -ENOENT, "but a command that is not there is told");
	feed_free(f);
}

static void test_stop(void)
{
	struct feed *f = NULL;
	int stop[2], witness[2];
	static char block[4194304];
	if (pipe2(stop, O_CLOEXEC) < 0)
		abort();
	make_witness(witness);
	start(&f,
	      "echo started > stop.begun; exec 3<&0; read line <&3; sleep 1000; cat <&3; echo x > stop.done");
	feed_set_stop(f, stop[0]);
	feed_run(f);
	if (write(stop[1], "x", 1) != 1)
		abort();
	is_number(feed_write(f, block, sizeof(block)), -ECANCELED,
		  "a stop ends a write that would block");
	feed_free(f);
	wait_all_gone(witness);
	ok(!exists("stop.done"), "and the command is killed");
	close(stop[0]);
	close(stop[1]);
}

/* The sharp case: the one that writes is killed with SIGKILL and can do nothing any more. */
static void test_killed(int rounds)
{
	int wrong = 0;
	for (int i = 0; i < rounds; i++) {
		int witness[2], told[2];
		char byte;
		make_witness(witness);
		if (pipe2(told, O_CLOEXEC) < 0)
			abort();
		pid_t pid = fork();
		if (pid == 0) {
			struct feed *f = NULL;
			setpgid(0, 0);
			if (start(&f, COMMITS("killed")) != 0 || feed_run(f) != 0 ||
			    feed_write(f, "half", 4) != 0)
				_exit(1);
			if (write(told[1], "x", 1) != 1)
				_exit(1);
			pause();
		}
		close(told[1]);
		if (read(told[0], &byte, 1) != 1)
			wrong++;
		/* its group too, as a terminal or a supervisor would */
		kill(i % 2 == 0 ? pid : -pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(told[0]);
		wait_all_gone(witness);
		if (exists("killed.done"))
			wrong++;
	}
	is_number(wrong, 0,
		  "when the writer is killed with SIGKILL, %d times, the command never commits",
		  rounds);
}

/* Runs a command that tells its guardian's number; then waits in pause, for the test to kill it. */
static pid_t fork_writer(int told, const char *script)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct feed *f = NULL;
	if (start(&f, script) != 0 || feed_run(f) != 0 || feed_write(f, "half", 4) != 0)
		_exit(told >= 0);
	pause();
	_exit(1);
}

static void test_guardian_holds(void)
{
	int witness[2], told[2];
	char script[256], line[32];
	make_witness(witness);
	if (pipe(told) < 0)
		abort();
	snprintf(script, sizeof(script),
		 "echo $PPID >&%d; cat > held.data; echo x > held.done; echo end >&%d", told[1],
		 told[1]);
	pid_t pid = fork_writer(told[1], script);
	close(told[1]);
	wait_line(told[0], line, sizeof(line));
	pid_t guardian = (pid_t)atoi(line);
	kill(guardian, SIGSTOP);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* A guardian that sleeps cannot kill, but as long as it is there the input has no end. */
	struct pollfd slot = {.fd = told[0], .events = POLLIN};
	is_number(poll(&slot, 1, 200), 0,
		  "the guardian holds the input open when the writer is gone");
	kill(guardian, SIGCONT);
	wait_all_gone(witness);
	close(told[0]);
	ok(!exists("held.done"), "and then kills the command, before it lets go");
}

static void test_guardian_killed(void)
{
	struct feed *f = NULL;
	int witness[2], told[2];
	char script[256], line[32];
	make_witness(witness);
	if (pipe(told) < 0)
		abort();
	snprintf(script, sizeof(script), "echo $PPID >&%d; " COMMITS("alone"), told[1]);
	start(&f, script);
	feed_run(f);
	feed_write(f, "half", 4);
	wait_line(told[0], line, sizeof(line));
	close(told[0]);
	close(told[1]);
	kill((pid_t)atoi(line), SIGKILL);
	ok(feed_finish(f) != 0, "without its guardian nothing counts as delivered");
	feed_free(f);
	wait_all_gone(witness);
	ok(!exists("alone.done"), "and the command does not commit");
}

static void test_volume(void)
{
	struct feed *f = NULL;
	enum { BLOCKS = 64 };
	static char block[1048576];
	uint64_t state = test_seed();
	test_random_bytes(&state, block, sizeof(block));
	start(&f, "wc -c > volume.count");
	feed_run(f);
	int result = 0;
	for (int i = 0; result == 0 && i < BLOCKS; i++)
		result = feed_write(f, block, sizeof(block));
	is_number(result, 0, "64 MiB go through");
	is_number(feed_finish(f), 0, "to the end");
	feed_free(f);
	ok(holds("volume.count", "67108864\n"), "and all of it arrived");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_success();
	test_abandoned();
	test_never_run();
	test_group();
	test_exit();
	test_ends_early();
	test_cannot_run();
	test_stop();
	test_killed(40);
	test_guardian_holds();
	test_guardian_killed();
	test_volume();
	return done_testing();
}
