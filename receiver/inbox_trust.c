#include "inbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/confine.h"
#include "common/edition.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

/* "FILE:LINE: what is wrong", or what the verdict says. */
static int fail_file(int result, const char *what, const char *path, const char *problem)
{
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), path);
	if (problem[0] == 0)
		return command_fail(result, "%s '%s'", what, shown);
	command_say("%s:%s [%s]", shown, problem, verdict_name(result));
	return EXIT_REFUSED;
}

static const char *given_or(const char *option, const char *variable, const char *otherwise)
{
	const char *value = option != NULL ? option : getenv(variable);
	return value != NULL ? value : otherwise;
}

static int start_config(struct inbox *inbox, const struct inbox_options *options, bool is_needed)
{
	char problem[PROBLEM_BYTES] = "";
	const char *path = given_or(options->config, "WEIR_CONFIG", INBOX_CONFIG);
	bool is_named = options->config != NULL || getenv("WEIR_CONFIG") != NULL;
	int result = config_load(&inbox->config, CONFIG_RECEIVER, path, problem);
	inbox->has_config = result == 0;
	if (result == 0)
		return EXIT_DONE;
	/* Where roots are given, a configuration is used only when somebody asks for it. */
	if (result == -ENOENT && !is_needed && !is_named)
		return EXIT_DONE;
	return fail_file(result, "configuration", path, problem);
}

static int start_roots(struct inbox *inbox, const struct inbox_options *options)
{
	char problem[PROBLEM_BYTES] = "";
	const char *path = given_or(options->roots, "WEIR_ROOTS",
				    inbox->has_config ? inbox->config.roots : NULL);
	if (path == NULL)
		return command_usage("there is no configuration here, so say whose signatures "
				     "count: --roots FILE");
	int result = roots_load(&inbox->roots, path, problem);
	return result == 0 ? EXIT_DONE : fail_file(result, "roots file", path, problem);
}

static int start_vault(struct inbox *inbox)
{
	char shown[SHOWN_BYTES];
	inbox->vault = io_open_dir(AT_FDCWD, inbox->config.vault);
	int result = inbox->vault < 0 ? inbox->vault : edition_look(inbox->vault, EDITION_VAULT);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot open the vault '%s'",
			    text_escape_name(shown, sizeof(shown), inbox->config.vault));
}

int inbox_start(struct inbox *out, const struct inbox_options *options, unsigned int needs)
{
	struct inbox inbox = {.vault = -1, .keep = -1};
	int code = start_config(&inbox, options, (needs & INBOX_VAULT) != 0);
	if (code == EXIT_DONE)
		inbox_announce(&inbox, options->verb, options->argument_count > 0 ? options->arguments[0] : NULL);
	if (code == EXIT_DONE && (needs & INBOX_ROOTS) != 0)
		code = start_roots(&inbox, options);
	if (code == EXIT_DONE && (needs & INBOX_VAULT) != 0)
		code = start_vault(&inbox);
	if (code != EXIT_DONE)
		inbox_end(&inbox, code);
	else
		*out = inbox;
	return code;
}

void inbox_end(struct inbox *inbox, int code)
{
	inbox_conclude(inbox, code);
	roots_free(inbox->roots);
	inbox->roots = NULL;
	io_close(inbox->vault);
	inbox->vault = -1;
}

static const char *const reading_calls[] = {
	/* files */
	"openat", "close", "read", "readv", "pread64", "write", "writev", "lseek", "fstat",
	"newfstatat", "statx", "faccessat", "faccessat2", "fcntl", "getdents64", "fadvise64",
	"readlinkat", "geteuid", "fstatfs",
	/* the terminal, the signals */
	"ioctl", "poll", "ppoll", "clock_nanosleep",
	/* secret memory, and how many cores there are */
	"mlock", "munlock", "mremap", "sysinfo", "sched_getaffinity", "thread",
	NULL,
};

static const char *const writing_calls[] = {
	/* files and folders */
	"mkdirat", "unlinkat", "renameat2", "utimensat", "fsync", "syncfs",
	/* the guardian of feed.h */
	"wait4", "kill",
	NULL,
};

enum { CALLS_MAX = 64 };

int inbox_confine(bool writing)
{
	const char *calls[CALLS_MAX] = {NULL};
	size_t count = 0;
	for (size_t i = 0; reading_calls[i] != NULL; i++)
		calls[count++] = reading_calls[i];
	for (size_t i = 0; writing && writing_calls[i] != NULL; i++)
		calls[count++] = writing_calls[i];
	assert(count < CALLS_MAX);
	int result = confine_calls(calls);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot confine this program");
}
