/*
 * weir-sender: the sender's programs without systemd, and a look at whether all is in place.
 *
 * run makes the sockets that the units would make and passes them on; afterwards it only waits for its
 * programs (common/supervise.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "checkup.h"
#include "common/boxsetup.h"
#include "common/channel.h"
#include "common/checking.h"
#include "common/command.h"
#include "common/io.h"
#include "common/linkwatch.h"
#include "common/registry.h"
#include "common/service.h"
#include "common/supervise.h"
#include "common/text.h"
#include "daily.h"
#include "linktest.h"
#include "local.h"
#include "renewal.h"
#include "setup.h"
#include "shipped.h"
#include "transmitter.h"

enum {
	SEALS_MAX = 32,                        /* pushes at a time; further ones wait */
	RUNTIME_MODE = 0755,
	SPOOL_MODE = 0750,
};

struct sockets {
	int seal;
	int intake;
	int control;
	int transmit;
	int lock; /* no socket: of the runtime directory */
};

static int make_directory(const char *path, mode_t mode)
{
	char name[2 * CONFIG_PATH_BYTES];
	int result = io_make_dir(AT_FDCWD, path, mode);
	return result == 0 ? 0
			   : command_fail(result, "cannot make directory '%s'",
					  text_escape_name(name, sizeof(name), path));
}

/* emit may be quicker than hold, and wants the folder that hold makes. */
static int make_ready_folder(const char *spool)
{
	char path[2 * CONFIG_PATH_BYTES];
	int result = setup_path(path, sizeof(path), spool, "ready");
	return result == 0 ? make_directory(path, SPOOL_MODE) : command_fail(result, "spool");
}

static int listen_at(int *out, const char *runtime, const char *name, mode_t mode)
{
	char path[2 * CONFIG_PATH_BYTES], escaped[4 * CONFIG_PATH_BYTES];
	int result = setup_path(path, sizeof(path), runtime, name);
	if (result == 0) {
		*out = channel_listen(path, mode);
		result = *out < 0 ? *out : 0;
	}
	return result == 0 ? 0
			   : command_fail(result, "cannot listen at '%s'",
					  text_escape_name(escaped, sizeof(escaped), path));
}

static int make_sockets(struct sockets *sockets, const struct config *config)
{
	int code = make_directory(config->runtime, RUNTIME_MODE);
	if (code == 0)
		code = transmitter_lock(&sockets->lock, config->runtime);
	if (code == 0)
		code = make_directory(config->spool, SPOOL_MODE);
	if (code == 0)
		code = make_ready_folder(config->spool);
	if (code == 0)
		code = listen_at(&sockets->seal, config->runtime, SEAL_SOCKET, 0660);
	if (code == 0)
		code = listen_at(&sockets->intake, config->runtime, INTAKE_SOCKET, 0600);
	if (code == 0)
		code = listen_at(&sockets->control, config->runtime, CONTROL_SOCKET, 0660);
	if (code != 0)
		return code;
	/* what an earlier weir-link saw is nothing to begin with */
	int result = linkwatch_forget(config);
	if (result != 0)
		return command_fail(result, "cannot remove '" LINKSTATE_FILE "' from the runtime directory");
	sockets->transmit = transmitter_open(config);
	if (sockets->transmit < 0)
		return command_fail(sockets->transmit,
				    "cannot make the transmit socket with source address '%s'; is it an address of this host",
				    config->source[0] != 0 ? config->source : "any");
	return 0;
}

static void close_sockets(const struct sockets *sockets)
{
	io_close(sockets->seal);
	io_close(sockets->intake);
	io_close(sockets->control);
	io_close(sockets->transmit);
	io_close(sockets->lock);
}

/* The ledger is sent once a day. */
struct sending {
	const struct config *config;
	uint64_t tried_s;
};

static bool has_ledger_route(const struct config *config)
{
	struct setup_problem problem;
	bool has_route = false;
	return setup_has_route(&has_route, config, LEDGER_ROUTE, &problem) == 0 && has_route;
}

/* Where the registry has a route for it; what was accepted is remembered in a file. */
static bool ledger_is_due(void *context)
{
	struct sending *sending = context;
	char path[2 * CONFIG_PATH_BYTES];
	struct stat st;
	uint64_t now = (uint64_t)time(NULL);
	if (setup_path(path, sizeof(path), sending->config->spool, "ledger-sent") != 0)
		return false;
	uint64_t done = stat(path, &st) == 0 ? (uint64_t)st.st_mtim.tv_sec : 0;
	if (!daily_is_due(now, done, sending->tried_s))
		return false;
	sending->tried_s = now;
	return has_ledger_route(sending->config);
}

static void tell(void *context, const struct supervise_event *event)
{
	(void)context;
	char text[256];
	/* a seal that ends by itself has told the person why */
	if (event->is_connection && event->what == SUPERVISE_STARTED)
		return;
	if (event->is_connection && event->what == SUPERVISE_ENDED && !supervise_was_killed(event))
		return;
	supervise_describe(text, sizeof(text), event);
	if (event->what == SUPERVISE_NOT_TAKEN)
		service_event(LOG_ERR, "E1202", "sender: %s", text);
	else if (event->what == SUPERVISE_TAKEN_AGAIN)
		service_event(LOG_NOTICE, "E1203", "sender: %s", text);
	else
		service_event(event->what == SUPERVISE_STARTED ? LOG_INFO : LOG_WARNING, "E1201", "sender: %s", text);
}

static int supervise(const struct sockets *sockets, const struct config *config, const char *config_path)
{
	const char *const arguments[] = {"--config", config_path, NULL};
	const char *const link_arguments[] = {"run", "--config", config_path, NULL};
	const char *const ledger_arguments[] = {"ledger", "send", "--config", config_path, NULL};
	struct sending sending = {.config = config};
	struct supervise_program programs[] = {
		{
			.name = "weir-hold",
			.arguments = arguments,
			.socket_count = 2,
			.sockets = {{"intake", sockets->intake}, {"control", sockets->control}},
		},
		{
			.name = "weir-emit",
			.arguments = arguments,
			.socket_count = 1,
			.sockets = {{"transmit", sockets->transmit}},
		},
		{
			.name = "weir-seal",
			.arguments = arguments,
			.connection = "connection",
			.listener = sockets->seal,
			.connections_max = SEALS_MAX,
		},
		{.name = "weir-outbox", .arguments = ledger_arguments, .is_due = ledger_is_due},
		{.name = "weir-link", .arguments = link_arguments},
	};
	/* the last one, so that it can be left out */
	size_t count = sizeof(programs) / sizeof(programs[0]) - (config->is_unwatched ? 1 : 0);
	const char *missing = NULL;
	service_open();
	service_ready("runs the sender");
	int result = supervise_run(programs, count, tell, &sending, &missing);
	service_stopping();
	if (result == -ENOENT && missing != NULL) {
		command_say("cannot find '%s' beside this program or in /usr/lib/weir; install Weir again",
			    missing);
		return EXIT_ENVIRONMENT;
	}
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot run the programs");
}

/* --config FILE and nothing else. */
static int parse_options(int argc, char **argv, const char **config_path)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	opterr = 0;
	optind = 0;
	const char *path = NULL;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c != 'c')
			return command_usage("the only option is --config FILE");
		path = optarg;
	}
	*config_path = setup_config_path(path);
	return optind == argc ? 0 : command_usage("it takes no arguments");
}

static int run_command(int argc, char **argv)
{
	const char *config_path = NULL;
	struct setup setup;
	struct setup_problem problem;
	char text[SETUP_TEXT_BYTES];
	int code = parse_options(argc, argv, &config_path);
	if (code != 0)
		return code;
	int result = setup_load(&setup, config_path, &problem);
	if (result != 0)
		return command_fail(result, "cannot load %s", setup_describe(text, &problem));
	struct sockets sockets = {-1, -1, -1, -1, -1};
	code = make_sockets(&sockets, &setup.config);
	setup_free(&setup); /* but for the configuration, which has nothing to free */
	if (code == 0)
		code = supervise(&sockets, &setup.config, config_path);
	close_sockets(&sockets);
	return code;
}

static int setup_command(int argc, char **argv)
{
	const struct boxsetup_shipped files = sender_shipped();
	return boxsetup(CONFIG_SENDER, &files, checkup, argc, argv);
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {
		{"setup", BOXSETUP_SYNOPSIS, BOXSETUP_SUMMARY, BOXSETUP_HELP, setup_command},
		{"run", "[--config FILE]", "run hold, seal, emit and link until SIGTERM",
		 "Makes the sockets in the runtime directory and starts the programs again when they die.\n"
		 "SIGHUP makes weir-hold load the registry again.\n",
		 run_command},
		{"check", CHECKING_SYNOPSIS, "say of everything whether it is as it should be, and what to type", CHECKING_HELP, checkup},
		{"epoch", RENEWAL_SYNOPSIS, "begin a new epoch, when an older copy of the spool was put back", RENEWAL_HELP,
		 renewal},
		{"link-test", LINKTEST_SYNOPSIS, "send a known pattern at rising rates, for 'weir-receiver link-test'", linktest_help,
		 linktest},
		{NULL, NULL, NULL, NULL, NULL},
	};
	return command_main("weir-sender", "runs and checks the sending side", commands, argc, argv);
}
