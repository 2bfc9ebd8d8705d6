#include "common/command.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/io.h"
#include "common/key.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

/* What a program printed and how it ended. */
struct ending {
	int code;
	char out[4096];
	char err[4096];
};

static int run_good(int argc, char **argv)
{
	printf("good %d %s\n", argc, argv[argc - 1]);
	return EXIT_DONE;
}

static int run_refuse(int argc, char **argv)
{
	(void)argc;
	return command_fail(VERDICT_BAD_ROOT, "cannot open '%s'", argv[0]);
}

static int run_environment(int argc, char **argv)
{
	(void)argc, (void)argv;
	return command_fail(-EACCES, "cannot read key file '%s'", "x");
}

static int run_usage(int argc, char **argv)
{
	(void)argc, (void)argv;
	return command_usage("there is no member '%s'", "m");
}

static int run_file(int argc, char **argv)
{
	(void)argv;
	return argc > 1 ? command_fail_file(VERDICT_BAD_REGISTRY, "a\nb", "12: it is wrong")
			: command_fail_file(-ENOENT, "a\nb", "");
}

static const struct command commands[] = {
	{"good", "FILE…", "does well", "  -o FILE  where to\n", run_good},
	{"refuse", "", "refuses", NULL, run_refuse},
	{"environment", "", "fails", NULL, run_environment},
	{"usage", "", "is told how", NULL, run_usage},
	{"file", "", "reads a file", NULL, run_file},
	{NULL, NULL, NULL, NULL, NULL},
};

static void read_back(char *out, size_t size, const char *name)
{
	FILE *file = fopen(test_path(name), "r");
	size_t n = file == NULL ? 0 : fread(out, 1, size - 1, file);
	out[n] = 0;
	if (file != NULL)
		fclose(file);
}

/* Runs the program in a process of its own; out_path NULL: kept in `out`. */
static void run(struct ending *ending, const char *out_path, int argc, char **argv)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		if (freopen(out_path != NULL ? out_path : test_path("out"), "w", stdout) == NULL ||
		    freopen(test_path("err"), "w", stderr) == NULL)
			_exit(99);
		int code = command_main("weir-test", "tests commands", commands, argc, argv);
		fflush(stderr);
		_exit(code);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	ending->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_back(ending->out, sizeof(ending->out), "out");
	read_back(ending->err, sizeof(ending->err), "err");
}

#define RUN(ending, out_path, ...) \
	run(ending, out_path, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
	    (char *[]){__VA_ARGS__, NULL})

static char program[] = "weir-test", good[] = "good", refuse[] = "refuse", usage[] = "usage",
	    environment[] = "environment", file[] = "file", help[] = "--help",
	    version[] = "--version", dashes[] = "--", word[] = "x", unknown[] = "un\nknown";

static void test_table(void)
{
	struct ending e;
	RUN(&e, NULL, program, good, word);
	is_number(e.code, EXIT_DONE, "a command is run");
	is_text(e.out, "good 2 x\n", "with its own name as first argument");
	RUN(&e, NULL, program);
	is_number(e.code, EXIT_USAGE, "no command at all is a wrong use");
	ok(strstr(e.out, "does well") != NULL && strstr(e.out, "refuse") != NULL,
	   "and lists the commands");
	RUN(&e, NULL, program, help);
	is_number(e.code, EXIT_DONE, "--help is no mistake");
	ok(strstr(e.out, "weir-test: tests commands") != NULL, "and says what the program is for");
	RUN(&e, NULL, program, version);
	is_text(e.out, "weir-test " WEIR_VERSION "\n", "--version prints the version");
	RUN(&e, NULL, program, good, help);
	is_number(e.code, EXIT_DONE, "--help behind a command is no mistake");
	ok(strstr(e.out, "usage: weir-test good FILE…") != NULL && strstr(e.out, "-o FILE") != NULL,
	   "and tells of this command");
	RUN(&e, NULL, program, good, dashes, help);
	is_text(e.out, "good 3 --help\n", "behind -- it is the command's business");
	RUN(&e, NULL, program, unknown);
	is_number(e.code, EXIT_USAGE, "an unknown command is a wrong use");
	is_text(e.err,
		"weir-test: there is no command 'un\\x0aknown'; 'weir-test --help' lists the commands\n",
		"and is shown escaped, in one line");
	RUN(&e, "/dev/full", program, good, word);
	is_number(e.code, EXIT_ENVIRONMENT, "output that cannot be written is no success");
}

static void test_voice(void)
{
	struct ending e;
	RUN(&e, NULL, program, refuse);
	is_number(e.code, EXIT_REFUSED, "a verdict is a refusal");
	is_text(e.err,
		"weir-test: cannot open 'refuse': the content is not what was signed [bad-root]\n",
		"with its explanation and its stable name");
	RUN(&e, NULL, program, environment);
	is_number(e.code, EXIT_ENVIRONMENT, "an error of the system is none");
	is_text(e.err, "weir-test: cannot read key file 'x': Permission denied\n",
		"and is told in the system's words");
	RUN(&e, NULL, program, usage);
	is_number(e.code, EXIT_USAGE, "a wrong command line is a third thing");
	is_text(e.err, "weir-test: there is no member 'm'; 'weir-test usage --help' shows how\n",
		"with the way to the right one");
	RUN(&e, NULL, program, file, word);
	is_text(e.err, "weir-test: a\\x0ab:12: it is wrong [bad-registry]\n",
		"a line of a file is named as FILE:LINE");
	is_number(e.code, EXIT_REFUSED, "and is a refusal");
	RUN(&e, NULL, program, file);
	is_text(e.err, "weir-test: 'a\\x0ab': No such file or directory\n",
		"a file without a line by its name alone");
}

static int from_file(const char *content, size_t len, mode_t mode, char got[static PASSPHRASE_MAX])
{
	char *passphrase = NULL;
	int dir = io_open_dir(AT_FDCWD, test_dir());
	io_write_file(dir, "passphrase", content, len, mode);
	io_close(dir);
	int result = command_passphrase(&passphrase, test_path("passphrase"), "x", false);
	if (result == 0)
		snprintf(got, PASSPHRASE_MAX, "%s", passphrase);
	suite_secret_free(passphrase);
	return result;
}

static void test_passphrase_file(void)
{
	char got[PASSPHRASE_MAX] = "", longest[PASSPHRASE_MAX];
	char *passphrase = NULL;
	is_number(from_file("two words\nmore\n", 15, 0600, got), 0,
		  "a passphrase comes from a file");
	is_text(got, "two words", "namely its first line");
	is_number(from_file("no end", 6, 0400, got), 0, "the line need not end");
	is_text(got, "no end", "to be read");
	is_number(from_file("x", 1, 0640, got), VERDICT_LOOSE_PERMISSIONS,
		  "a file that others can read is refused");
	is_number(from_file("a\0b\n", 4, 0600, got), VERDICT_BAD_LENGTH, "a zero byte is refused");
	memset(longest, 'a', sizeof(longest));
	is_number(from_file(longest, PASSPHRASE_MAX - 1, 0600, got), 0, "1,023 bytes are read");
	is_number(from_file(longest, PASSPHRASE_MAX, 0600, got), VERDICT_BAD_LENGTH,
		  "1,024 are refused, not cut");
	is_number(command_passphrase(&passphrase, test_path("none"), "x", false), -ENOENT,
		  "no file is told");
	from_file("from the environment\n", 21, 0600, got);
	setenv("WEIR_PASSPHRASE_FILE", test_path("passphrase"), 1);
	is_number(command_passphrase(&passphrase, NULL, "x", false), 0,
		  "WEIR_PASSPHRASE_FILE names a file, too");
	is_text(passphrase, "from the environment", "which is read");
	suite_secret_free(passphrase);
	unsetenv("WEIR_PASSPHRASE_FILE");
}

/* Reads from the terminal's other end until `wanted` has come. */
static bool expect(int terminal, const char *wanted, char *seen, size_t size)
{
	size_t used = 0;
	seen[0] = 0;
	while (strstr(seen, wanted) == NULL && used + 1 < size) {
		ssize_t n = read(terminal, seen + used, size - 1 - used);
		if (n <= 0)
			return false;
		used += (size_t)n;
		seen[used] = 0;
	}
	return strstr(seen, wanted) != NULL;
}

/* The child asks on its own terminal and ends with 0 when it got `wanted`. */
static pid_t ask_in_child(int *terminal, bool confirm, const char *wanted)
{
	fflush(stdout);
	pid_t pid = forkpty(terminal, NULL, NULL, NULL);
	if (pid != 0)
		return pid;
	char *passphrase = NULL;
	int result = command_passphrase(&passphrase, NULL, "a\nb.key", confirm);
	struct termios after;
	bool echoes = tcgetattr(STDIN_FILENO, &after) == 0 && (after.c_lflag & ECHO) != 0;
	_exit(result != 0 ? 10 : !echoes ? 11 : strcmp(passphrase, wanted) != 0 ? 12 : 0);
}

static void test_terminal(void)
{
	int terminal, status = 0;
	char seen[1024];
	pid_t pid = ask_in_child(&terminal, false, "secret words");
	ok(expect(terminal, "Passphrase for 'a\\x0ab.key': ", seen, sizeof(seen)),
	   "a terminal is asked, with the name escaped");
	io_write(terminal, "secret words\n", 13);
	bool done = expect(terminal, "\n", seen, sizeof(seen));
	ok(done && strstr(seen, "secret") == NULL, "what is typed is not shown");
	waitpid(pid, &status, 0);
	is_number(status, 0, "it is got, and the terminal echoes again");
	close(terminal);

	pid = ask_in_child(&terminal, true, "right one");
	expect(terminal, "New passphrase for", seen, sizeof(seen));
	io_write(terminal, "wrong one\n", 10);
	ok(expect(terminal, "The same again for", seen, sizeof(seen)), "a new one is asked twice");
	io_write(terminal, "other one\n", 10);
	ok(expect(terminal, "They differ.", seen, sizeof(seen)), "and again when the two differ");
	io_write(terminal, "right one\n", 10);
	expect(terminal, "The same again for", seen, sizeof(seen));
	io_write(terminal, "right one\n", 10);
	waitpid(pid, &status, 0);
	is_number(status, 0, "until they are the same");
	close(terminal);
}

static void test_cores(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	command_start("weir-test");
	ok(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0, "from its start on a program leaves no core");
}

static void test_count(void)
{
	int terminal, status = 0;
	char seen[1024];
	command_start("weir-test");
	is_number(command_confirm_count("3", 3, "destroy", "destroyed"), EXIT_DONE, "the number of bundles confirms");
	is_number(command_confirm_count("2", 3, "destroy", "destroyed"), EXIT_REFUSED, "another one does not");
	is_number(command_failure(), VERDICT_BAD_COUNT, "which is told");
	is_number(command_confirm_count("3 ", 3, "destroy", "destroyed"), EXIT_REFUSED, "nor one with something behind it");
	static const struct {
		const char *typed;
		int code;
		const char *sentence;
	} cases[] = {{"3\n", EXIT_DONE, "it may be typed"}, {"y\n", EXIT_REFUSED, "a yes is no number"}, {"\004", EXIT_REFUSED, "nor is an end"}};
	for (size_t i = 0; i < 3; i++) {
		fflush(stdout);
		pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
		if (pid == 0)
			_exit(command_confirm_count(NULL, 3, "destroy", "destroyed"));
		expect(terminal, "Type the number of bundles to destroy them: ", seen, sizeof(seen));
		io_write(terminal, cases[i].typed, strlen(cases[i].typed));
		waitpid(pid, &status, 0);
		is_number(WEXITSTATUS(status), cases[i].code, "%s", cases[i].sentence);
		close(terminal);
	}
}

static void test_interrupt(void)
{
	int terminal, status = 0;
	char seen[1024];
	struct termios after;
	pid_t pid = ask_in_child(&terminal, false, "");
	expect(terminal, "Passphrase for", seen, sizeof(seen));
	io_write(terminal, "\003", 1);
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT,
	   "an interrupt ends the program as ever");
	ok(tcgetattr(terminal, &after) == 0 && (after.c_lflag & ECHO) != 0,
	   "and leaves a terminal that echoes");
	close(terminal);
}

static void test_no_terminal(void)
{
	fflush(stdout);
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		char *passphrase = NULL;
		setsid();
		_exit(command_passphrase(&passphrase, NULL, "x", false) == -ENOTTY ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	is_number(status, 0, "without a terminal there is no way to ask");
}

int main(void)
{
	suite_start();
	test_dir(); /* before there are children */
	unsetenv("WEIR_PASSPHRASE_FILE");
	test_table();
	test_voice();
	test_passphrase_file();
	test_terminal();
	test_cores();
	test_count();
	test_interrupt();
	test_no_terminal();
	return done_testing();
}
