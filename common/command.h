/*
 * command: table-driven subcommands, exit codes and the one voice of a program.
 */
#ifndef WEIR_COMMAND_H
#define WEIR_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#define WEIR_VERSION "1.0~rc1" /* that of debian/changelog */

/* Exit codes of every Weir command, as in the man pages. */
enum exit_code {
	EXIT_DONE = 0,        /* all is well */
	EXIT_REFUSED = 1,     /* the input was refused: bad, not allowed, expired, … */
	EXIT_USAGE = 2,       /* the command line is wrong */
	EXIT_ENVIRONMENT = 3, /* a file, a disk, a daemon: try again when it is mended */
	EXIT_MISSING = 4,     /* gaps and verify: something is missing or damaged */
};

struct command {
	const char *name;
	const char *synopsis; /* after the name, e.g. "--route ROUTE FILE…" */
	const char *summary;  /* one clause */
	const char *help;     /* options and notes, several lines; may be NULL */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; gives an exit code */
};

/*
 * Runs the command named by argv[1] from a table ended by a NULL name.  Knows --help (also anywhere
 * behind a command, but not behind "--"), --version and no arguments at all; starts the suite; begins
 * as command_start does.  Output that did not reach its reader turns EXIT_DONE into
 * EXIT_ENVIRONMENT.
 */
int command_main(const char *program, const char *purpose, const struct command *commands, int argc,
		 char **argv);

/*
 * For a program without subcommands (a daemon): sets what command_say prints first.  Neither the process nor a command that
 * it runs leaves a core from now on: keys and plaintext come before confine_privileges, which some commands do without.
 */
void command_start(const char *program);

/* "PROGRAM: text" on stderr, one line.  Names in it have been escaped by the caller. */
void command_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * "PROGRAM: SUBJECT: explanation [name]" for a result that is not 0, and the exit code that fits
 * it: EXIT_REFUSED for a verdict, EXIT_ENVIRONMENT for -errno.  subject is already escaped.
 */
int command_fail(int result, const char *subject_format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The same for a file that was read line by line: "PROGRAM: FILE:LINE: what is wrong [name]", with
 * the problem of registry.h and config.h; as command_fail when the problem is "".  path is escaped
 * here.
 */
int command_fail_file(int result, const char *path, const char *problem);

/*
 * The result that the last message was about: that of command_fail, or the verdict in brackets at the end of what
 * command_say said; 0 when none was.
 */
int command_failure(void);

/* Says that the command line is wrong, and how --help shows what is right; gives EXIT_USAGE. */
int command_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Whether a person means that many bundles, which is shown already: the number in `given`, else typed at the terminal,
 * must be it.  verb and past: "destroy", "destroyed".  An exit code; speaks.
 */
int command_confirm_count(const char *given, size_t count, const char *verb, const char *past);

/*
 * A passphrase: from `file` when not NULL (first line; mode checked), from WEIR_PASSPHRASE_FILE,
 * else from the terminal without echo ("Passphrase for 'x': "; twice when confirm).  Into secret
 * memory of PASSPHRASE_MAX bytes; freed with suite_secret_free.  -ENOTTY when there is no way to
 * ask; VERDICT_LOOSE_PERMISSIONS and the other results of trusted_read for the file;
 * VERDICT_BAD_LENGTH when it is longer than PASSPHRASE_MAX allows or holds a zero byte.
 */
int command_passphrase(char **out, const char *file, const char *what, bool confirm);
/* The same for a token's PIN ("PIN of token 'x': "). */
int command_pin(char **out, const char *file, const char *token);

/*
 * Says what either of them failed with, and gives the exit code: of the file that they read ("passphrase file 'FILE':
 * ..."), or of what was to be asked for ("cannot get the passphrase of 'WHAT': ...").  file and what as they had them.
 */
int command_fail_passphrase(int result, const char *file, const char *what);
int command_fail_pin(int result, const char *file, const char *token);

#endif
