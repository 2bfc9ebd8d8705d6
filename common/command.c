#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "io.h"
#include "key.h"
#include "suite.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

/* Who speaks: set once by command_main or command_start. */
struct speaker {
	const char *program;
	const char *command; /* NULL before one is found */
	int failure;         /* as command_failure */
};

static struct speaker *speaker(void)
{
	static struct speaker self = {.program = "weir"};
	return &self;
}

void command_start(const char *program)
{
	static const struct rlimit no_core = {0, 0};
	/* Lowering needs no right.  Where a sandbox forbids the call all the same, confine_privileges says so. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	*speaker() = (struct speaker){.program = program};
}

/* The verdict in brackets at the end of a message. */
__attribute__((format(printf, 1, 0))) static void note_verdict(const char *format, va_list arguments)
{
	char text[4096];
	int len = vsnprintf(text, sizeof(text), format, arguments);
	char *name = len > 0 && (size_t)len < sizeof(text) ? strrchr(text, '[') : NULL;
	if (name == NULL || text[len - 1] != ']')
		return;
	text[len - 1] = 0;
	int verdict = verdict_from_name(name + 1);
	if (verdict > 0)
		speaker()->failure = verdict;
}

int command_failure(void)
{
	return speaker()->failure;
}

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list arguments)
{
	fprintf(stderr, "%s: ", speaker()->program);
	vfprintf(stderr, format, arguments);
}

void command_say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	va_start(arguments, format);
	note_verdict(format, arguments);
	va_end(arguments);
}

int command_fail(int result, const char *subject_format, ...)
{
	va_list arguments;
	va_start(arguments, subject_format);
	say(subject_format, arguments);
	va_end(arguments);
	speaker()->failure = result;
	fprintf(stderr, ": %s", verdict_explain(result));
	if (result > 0)
		fprintf(stderr, " [%s]", verdict_name(result));
	fputc('\n', stderr);
	return result > 0 ? EXIT_REFUSED : EXIT_ENVIRONMENT;
}

int command_fail_file(int result, const char *path, const char *problem)
{
	char shown[1024];
	text_escape_name(shown, sizeof(shown), path);
	if (result <= 0 || problem[0] == 0)
		return command_fail(result, "'%s'", shown);
	command_say("%s:%s [%s]", shown, problem, verdict_name(result));
	return EXIT_REFUSED;
}

int command_usage(const char *format, ...)
{
	const struct speaker *self = speaker();
	va_list arguments;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	if (self->command != NULL)
		fprintf(stderr, "; '%s %s --help' shows how\n", self->program, self->command);
	else
		fprintf(stderr, "; '%s --help' lists the commands\n", self->program);
	return EXIT_USAGE;
}

/* Which nobody types by habit. */
int command_confirm_count(const char *given, size_t count, const char *verb, const char *past)
{
	char line[64] = "";
	uint64_t typed = 0;
	if (given == NULL && isatty(STDIN_FILENO) != 1)
		return command_usage("it takes the number of bundles: --count N, where no terminal is to type it at");
	if (given == NULL) {
		fprintf(stderr, "Type the number of bundles to %s them: ", verb);
		if (fgets(line, sizeof(line), stdin) == NULL)
			line[0] = 0;
		line[strcspn(line, "\n")] = 0;
		given = line;
	}
	if (text_parse_u64(&typed, given, UINT64_MAX) == 0 && typed == count)
		return EXIT_DONE;
	command_say("the number is not that of the bundles, %zu; nothing is %s [%s]", count, past,
		    verdict_name(VERDICT_BAD_COUNT));
	return EXIT_REFUSED;
}

/* Whatever was printed must have reached its reader: a full disk is no success. */
static int finish_output(void)
{
	errno = 0;
	if (fflush(stdout) < 0 || ferror(stdout))
		return command_fail(errno != 0 ? -errno : -EIO, "cannot write to standard output");
	return EXIT_DONE;
}

static int show_commands(const char *program, const char *purpose, const struct command *commands)
{
	printf("%s: %s\n\n", program, purpose);
	for (const struct command *c = commands; c->name != NULL; c++)
		printf("  %s %s\n      %s\n", c->name, c->synopsis, c->summary);
	printf("\n'%s COMMAND --help' tells more; the manual is %s(1)\n", program, program);
	return finish_output();
}

static int show_command(const char *program, const struct command *command)
{
	printf("usage: %s %s %s\n\n%s\n", program, command->name, command->synopsis,
	       command->summary);
	if (command->help != NULL)
		printf("\n%s%s", command->help,
		       command->help[strlen(command->help) - 1] == '\n' ? "" : "\n");
	return finish_output();
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

int command_main(const char *program, const char *purpose, const struct command *commands, int argc,
		 char **argv)
{
	command_start(program);
	if (argc < 2) {
		show_commands(program, purpose, commands);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return show_commands(program, purpose, commands);
	if (strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", program, WEIR_VERSION);
		return finish_output();
	}
	const struct command *command = commands;
	while (command->name != NULL && strcmp(command->name, argv[1]) != 0)
		command++;
	if (command->name == NULL) {
		char name[64];
		return command_usage("there is no command '%s'",
				     text_escape_name(name, sizeof(name), argv[1]));
	}
	speaker()->command = command->name;
	if (asks_for_help(argc - 2, argv + 2))
		return show_command(program, command);
	int result = suite_start();
	if (result != 0)
		return command_fail(result, "cannot start the cryptographic library");
	int code = command->run(argc - 1, argv + 1);
	int flushed = finish_output();
	return code != EXIT_DONE ? code : flushed;
}

static int passphrase_from_file(char *out, const char *path)
{
	uint8_t *data;
	size_t len;
	/* a file with more behind its first line is fine, but not any file */
	int result = trusted_read(path, 077, 65536, &data, &len);
	if (result != 0)
		return result;
	const uint8_t *end = memchr(data, '\n', len);
	size_t line_len = end != NULL ? (size_t)(end - data) : len;
	if (line_len >= PASSPHRASE_MAX || memchr(data, 0, line_len) != NULL) {
		result = VERDICT_BAD_LENGTH;
	} else {
		memcpy(out, data, line_len);
		out[line_len] = 0;
	}
	trusted_free(data, len);
	return result;
}

static volatile sig_atomic_t caught_signal;

static void catch_signal(int number)
{
	caught_signal = number;
}

static const int prompt_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM};
enum { PROMPT_SIGNALS = sizeof(prompt_signals) / sizeof(prompt_signals[0]) };

/* Reads one line into out; signals are let through only while it waits. */
static int read_line(int tty, char *out, const sigset_t *open_mask)
{
	struct pollfd slot = {.fd = tty, .events = POLLIN};
	size_t used = 0;
	for (;;) {
		if (ppoll(&slot, 1, NULL, open_mask) < 0) {
			if (errno == EINTR && caught_signal == 0)
				continue;
			return -errno;
		}
		char c;
		ssize_t n = io_read(tty, &c, 1);
		if (n < 0)
			return (int)n;
		if (n == 0 || c == '\n')
			break;
		if (used + 1 >= PASSPHRASE_MAX)
			return VERDICT_BAD_LENGTH;
		out[used++] = c;
	}
	out[used] = 0;
	return 0;
}

/*
 * Asks once without echo.  Whatever ends the question, a signal too, the terminal is as it was before;
 * the signal then takes its course.
 */
static int ask_once(int tty, const char *prompt, char *out)
{
	struct termios before, quiet;
	struct sigaction action = {.sa_handler = catch_signal}, old[PROMPT_SIGNALS];
	sigset_t blocked, old_mask;
	if (tcgetattr(tty, &before) < 0)
		return -errno;
	caught_signal = 0;
	sigemptyset(&blocked);
	for (size_t i = 0; i < PROMPT_SIGNALS; i++)
		sigaddset(&blocked, prompt_signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &old_mask);
	for (size_t i = 0; i < PROMPT_SIGNALS; i++)
		sigaction(prompt_signals[i], &action, &old[i]);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ICANON;
	int result = tcsetattr(tty, TCSAFLUSH, &quiet) < 0 ? -errno : 0;
	if (result == 0)
		result = io_write(tty, prompt, strlen(prompt));
	if (result == 0)
		result = read_line(tty, out, &old_mask);
	int written = io_write(tty, "\n", 1);
	if (tcsetattr(tty, TCSAFLUSH, &before) < 0 && result == 0)
		result = -errno;
	for (size_t i = 0; i < PROMPT_SIGNALS; i++)
		sigaction(prompt_signals[i], &old[i], NULL);
	if (caught_signal != 0)
		raise(caught_signal);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	return result != 0 ? result : written;
}

/* words: what is asked for, up to the name. */
static int passphrase_from_terminal(char *out, const char *words, const char *what, bool confirm)
{
	char name[256], prompt[320];
	text_escape_name(name, sizeof(name), what);
	/* a copy of the same size, in memory of the same kind */
	char *again = suite_secret_alloc(PASSPHRASE_MAX);
	if (again == NULL)
		return -ENOMEM;
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0) {
		suite_secret_free(again);
		return -ENOTTY;
	}
	snprintf(prompt, sizeof(prompt), "%s '%s': ", words, name);
	int result = ask_once(tty, prompt, out);
	while (result == 0 && confirm) {
		snprintf(prompt, sizeof(prompt), "The same again for '%s': ", name);
		result = ask_once(tty, prompt, again);
		if (result != 0 || strcmp(out, again) == 0)
			break;
		snprintf(prompt, sizeof(prompt), "They differ. New passphrase for '%s': ", name);
		result = ask_once(tty, prompt, out);
	}
	io_close(tty);
	suite_secret_free(again);
	return result;
}

static const char *secret_file(const char *file)
{
	return file != NULL ? file : getenv("WEIR_PASSPHRASE_FILE");
}

static int get_secret(char **out, const char *file, const char *words, const char *what, bool confirm)
{
	char *secret = suite_secret_alloc(PASSPHRASE_MAX);
	if (secret == NULL)
		return -ENOMEM;
	file = secret_file(file);
	int result = file != NULL ? passphrase_from_file(secret, file)
				  : passphrase_from_terminal(secret, words, what, confirm);
	if (result != 0) {
		suite_secret_free(secret);
		return result;
	}
	*out = secret;
	return 0;
}

int command_passphrase(char **out, const char *file, const char *what, bool confirm)
{
	return get_secret(out, file, confirm ? "New passphrase for" : "Passphrase for", what, confirm);
}

int command_pin(char **out, const char *file, const char *token)
{
	return get_secret(out, file, "PIN of token", token, false);
}

static int fail_secret(int result, const char *file, const char *secret, const char *what)
{
	char shown[1024];
	const char *path = secret_file(file);
	text_escape_name(shown, sizeof(shown), path != NULL ? path : what);
	return path != NULL ? command_fail(result, "%s file '%s'", secret, shown)
			    : command_fail(result, "cannot get the %s of '%s'", secret, shown);
}

int command_fail_passphrase(int result, const char *file, const char *what)
{
	return fail_secret(result, file, "passphrase", what);
}

int command_fail_pin(int result, const char *file, const char *token)
{
	return fail_secret(result, file, "PIN", token);
}
