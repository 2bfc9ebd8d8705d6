/*
 * weir-receiver: starts the receiving box without systemd, and says how it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/boxsetup.h"
#include "common/command.h"
#include "common/config.h"
#include "common/expiry.h"
#include "common/io.h"
#include "common/key.h"
#include "common/linkwatch.h"
#include "common/registry.h"
#include "common/service.h"
#include "common/supervise.h"
#include "common/text.h"
#include "common/verdict.h"
#include "checkup.h"
#include "inbox.h"
#include "linktest.h"
#include "notice.h"
#include "receive.h"
#include "ring.h"
#include "ringroom.h"
#include "shipped.h"

enum { CONTROL_MODE = 0660 };

/* An exit code; 0 when the configuration is loaded.  Speaks. */
static int load_config(struct config *config, const char *path)
{
	char problem[PROBLEM_BYTES] = "";
	int result = config_load(config, CONFIG_RECEIVER, path, problem);
	if (result > 0 && problem[0] != 0) {
		command_say("%s:%s", path, problem);
		return EXIT_REFUSED;
	}
	return result == 0 ? 0 : command_fail(result, "configuration '%s'", path);
}

static void tell(void *context, const struct supervise_event *event)
{
	(void)context;
	char text[256];
	int priority = event->what == SUPERVISE_STARTED ? LOG_INFO : LOG_WARNING;
	service_event(priority, "E2201", "receiver: %s",
		      supervise_describe(text, sizeof(text), event));
}

/* Whom it answers is a matter of the directory's group. */
static int make_control(const struct config *config, int *out)
{
	char path[CONFIG_PATH_BYTES + sizeof(NOTICE_SOCKET) + 1];
	snprintf(path, sizeof(path), "%s/%s", config->runtime, NOTICE_SOCKET);
	*out = channel_listen(path, CONTROL_MODE);
	return *out < 0 ? command_fail(*out, "cannot listen at '%s'", path) : 0;
}

static int supervise(const struct config *config, const char *config_path, int fd, int control)
{
	const char *const arguments[] = {"--config", config_path, NULL};
	const char *const link_arguments[] = {"run", "--config", config_path, NULL};
	const struct supervise_program programs[] = {
		{
			.name = "weir-catch",
			.arguments = arguments,
			.socket_count = 1,
			.sockets = {{"receive", fd}},
		},
		{
			.name = "weir-keep",
			.arguments = arguments,
			.socket_count = 1,
			.sockets = {{"control", control}},
		},
		{.name = "weir-link", .arguments = link_arguments},
	};
	/* the last one, so that it can be left out */
	size_t count = sizeof(programs) / sizeof(programs[0]) - (config->is_unwatched ? 1 : 0);
	const char *missing = NULL;
	int result = supervise_run(programs, count, tell, NULL, &missing);
	if (result == 0)
		return EXIT_DONE;
	return missing != NULL ? command_fail(result, "program '%s'", missing)
			       : command_fail(result, "cannot run");
}

/* Rather than to start programs again and again that find it out. */
static int check_ring(const struct config *config)
{
	struct ring *ring = NULL;
	int result = ring_open(&ring, config->runtime, ringroom_size(config));
	ring_close(ring);
	return result != 0 ? ringroom_fail(config, result) : 0;
}

static int run(int argc, char **argv)
{
	struct config config = {.side = CONFIG_RECEIVER};
	if (argc != 3 || strcmp(argv[1], "--config") != 0)
		return command_usage("run takes --config FILE");
	const char *path = argv[2];
	int code = load_config(&config, path);
	if (code != 0)
		return code;
	char whole[PATH_MAX];
	if (realpath(path, whole) == NULL)
		return command_fail(-errno, "configuration '%s'", path);
	code = check_ring(&config);
	if (code != 0)
		return code;
	int fd = -1;
	int result = receive_open(&fd, &config);
	if (result != 0)
		return command_fail(result, "cannot listen at %s port %u", config.address,
				    config.port);
	int control = -1;
	code = make_control(&config, &control);
	/* what an earlier weir-link saw is nothing to begin with */
	result = code == 0 ? linkwatch_forget(&config) : 0;
	if (result != 0)
		code = command_fail(result, "cannot remove '" LINKSTATE_FILE "' from the runtime directory");
	if (code == 0)
		code = supervise(&config, whole, fd, control);
	io_close(control);
	io_close(fd);
	return code;
}

/* As other programs of this box: --config, else WEIR_CONFIG, else the one in /etc. */
static int check(int argc, char **argv)
{
	struct config config = {.side = CONFIG_RECEIVER};
	struct checking checking;
	int code = checking_options(&checking, argc, argv);
	const char *path = checking.config != NULL ? checking.config : getenv("WEIR_CONFIG");
	if (path == NULL)
		path = INBOX_CONFIG;
	if (code == 0)
		code = load_config(&config, path);
	return code != 0 ? code : checkup(&checking, &config, path);
}

static int setup(int argc, char **argv)
{
	const struct boxsetup_shipped files = receiver_shipped();
	return boxsetup(CONFIG_RECEIVER, &files, check, argc, argv);
}

static const struct command commands[] = {
	{"setup", BOXSETUP_SYNOPSIS, BOXSETUP_SUMMARY, BOXSETUP_HELP, setup},
	{
		"run", "--config FILE", "run weir-catch, weir-keep and weir-link until SIGTERM",
		"  --config FILE  the receiver's configuration\n\n"
		"For a first try, the demo and tests; in production systemd starts them.\n", run,
	},
	{
		"check", CHECKING_SYNOPSIS, "say of everything whether it is as it should be, and what to type", CHECKING_HELP,
		check,
	},
	{
		"link-test", LINKTEST_SYNOPSIS, "measure the link while 'weir-sender link-test' sends, and say how to run it",
		linktest_help, linktest,
	},
	{NULL, NULL, NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return command_main("weir-receiver", "the receiving box of a one-way link", commands, argc, argv);
}
