/*
 * weir-receiver: starts the receiving box without systemd, and says how it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/command.h"
#include "common/config.h"
#include "common/expiry.h"
#include "common/io.h"
#include "common/key.h"
#include "common/registry.h"
#include "common/service.h"
#include "common/supervise.h"
#include "common/text.h"
#include "common/verdict.h"
#include "notice.h"
#include "registrar.h"
#include "vault.h"

enum { STATUS_AGE_MAX_S = 10, CONTROL_MODE = 0660 };

/* `--config FILE` and nothing else.  An exit code; 0 when the configuration is loaded. */
static int load_config(struct config *config, const char **path, int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "--config") != 0)
		return command_usage("%s takes --config FILE", argv[0]);
	char problem[PROBLEM_BYTES] = "";
	*path = argv[2];
	int result = config_load(config, CONFIG_RECEIVER, *path, problem);
	if (result > 0 && problem[0] != 0) {
		command_say("%s:%s", *path, problem);
		return EXIT_REFUSED;
	}
	return result == 0 ? 0 : command_fail(result, "configuration '%s'", *path);
}

/* Bound, never connected: nothing is ever sent from it. */
static int make_socket(const struct config *config, int *out)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(config->port)};
	if (inet_pton(AF_INET, config->address, &here.sin_addr) != 1)
		return VERDICT_BAD_CONFIGURATION;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* while this process may still force it; weir-catch says so when it is too small */
	const int size = config->socket_buffer_bytes < INT32_MAX / 2
				 ? (int)config->socket_buffer_bytes : INT32_MAX / 2;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0) {
		int result = -errno;
		io_close(fd);
		return result;
	}
	*out = fd;
	return 0;
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

static int supervise(const char *config_path, int fd, int control)
{
	const char *arguments[] = {"--config", config_path, NULL};
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
	};
	const char *missing = NULL;
	int result = supervise_run(programs, sizeof(programs) / sizeof(programs[0]), tell, NULL,
				   &missing);
	if (result == 0)
		return EXIT_DONE;
	return missing != NULL ? command_fail(result, "program '%s'", missing)
			       : command_fail(result, "cannot run");
}

static int run(int argc, char **argv)
{
	struct config config = {.side = CONFIG_RECEIVER};
	const char *path = NULL;
	int code = load_config(&config, &path, argc, argv);
	if (code != 0)
		return code;
	char whole[PATH_MAX];
	if (realpath(path, whole) == NULL)
		return command_fail(-errno, "configuration '%s'", path);
	int fd = -1;
	int result = make_socket(&config, &fd);
	if (result != 0)
		return command_fail(result, "cannot listen at %s port %u", config.address,
				    config.port);
	int control = -1;
	code = make_control(&config, &control);
	if (code == 0)
		code = supervise(whole, fd, control);
	io_close(control);
	io_close(fd);
	return code;
}

/* check: each line is one thing, and whether it is as it should be. */

struct check {
	unsigned int bad;
};

__attribute__((format(printf, 4, 5)))
static void report(struct check *check, bool good, const char *what, const char *format, ...)
{
	va_list arguments;
	printf("%-4s %-14s ", good ? "ok" : "BAD", what);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	check->bad += !good;
}

static void check_key(struct check *check, const char *what, const char *path, enum key_kind kind)
{
	struct card card;
	bool needs_passphrase = false;
	int result = key_load_card(&card, path, &needs_passphrase);
	if (result == 0 && card.kind != kind)
		result = VERDICT_WRONG_KEY;
	if (result != 0)
		report(check, false, what, "%s: %s", path, verdict_explain(result));
	else if (needs_passphrase)
		report(check, false, what, "%s is under a passphrase, which a daemon cannot type", path);
	else
		report(check, true, what, "%s '%s'", key_kind_name(kind), card.name);
}

/* Nothing is wrong yet. */
static void report_soon(void *context, const char *text)
{
	(void)context;
	printf("soon %-14s %s\n", "registry", text);
}

/* The one that came over the link takes its place when it is newer, as in weir-keep. */
static void check_crossed(struct check *check, struct registry **registry, const struct roots *roots,
			  const struct config *config)
{
	int vault_fd = io_open_dir(AT_FDCWD, config->vault);
	if (vault_fd < 0)
		return; /* which check_vault tells */
	int result = registrar_prefer(registry, vault_fd, roots);
	io_close(vault_fd);
	if (result != 0)
		report(check, false, "registry", "%s/%s, which came over the link, does not count: %s",
		       config->vault, REGISTRAR_FILE, verdict_explain(result));
}

static void check_registry(struct check *check, const struct config *config)
{
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES] = "", expires[32];
	const char *path = config->roots;
	int result = roots_load(&roots, path, problem);
	if (result == 0) {
		path = config->registry;
		result = registry_load(&registry, path, roots, problem);
	}
	if (result == 0)
		check_crossed(check, &registry, roots, config);
	if (result != 0) {
		report(check, false, "registry", "%s:%s %s", path, problem, verdict_explain(result));
	} else {
		bool is_good = registry_check(registry, (uint64_t)time(NULL)) == VERDICT_OK;
		text_time(expires, sizeof(expires), registry_expires(registry));
		report(check, is_good, "registry", "'%s' version %" PRIu64 ", expires %s",
		       registry_name(registry), registry_version(registry), expires);
		expiry_list(registry, (uint64_t)time(NULL), report_soon, NULL);
	}
	registry_free(registry);
	roots_free(roots);
}

/* Our daemons may force their buffer only through systemd or as root; else this is what they get. */
static void check_buffer(struct check *check, const struct config *config)
{
	uint64_t most = 0;
	char text[32] = "", have[32], want[32];
	int fd = open("/proc/sys/net/core/rmem_max", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : io_read(fd, text, sizeof(text) - 1);
	io_close(fd);
	text[strcspn(text, "\n")] = 0;
	if (n < 0 || text_parse_u64(&most, text, UINT64_MAX) != 0) {
		/* a network namespace other than the first has no such file */
		report(check, true, "socket buffer", "net.core.rmem_max cannot be seen from here");
		return;
	}
	text_size(have, sizeof(have), most);
	text_size(want, sizeof(want), config->socket_buffer_bytes);
	bool is_enough = most >= config->socket_buffer_bytes;
	if (is_enough)
		report(check, true, "socket buffer", "%s wanted, %s allowed", want, have);
	else
		report(check, false, "socket buffer",
		       "%s wanted, %s allowed; type: sysctl -w net.core.rmem_max=%" PRIu64, want, have,
		       config->socket_buffer_bytes);
}

static void check_vault(struct check *check, const struct config *config)
{
	int vault_fd = io_open_dir(AT_FDCWD, config->vault);
	if (vault_fd < 0) {
		report(check, false, "vault", "%s: %s", config->vault, strerror(-vault_fd));
		return;
	}
	int percent = vault_fill_percent(vault_fd);
	if (percent < 0)
		report(check, false, "vault", "%s: %s", config->vault, strerror(-percent));
	else
		report(check, (uint32_t)percent < config->disk_full_percent, "vault",
		       "%s, disk %d %% full, nothing new is begun from %" PRIu32 " %% on", config->vault,
		       percent, config->disk_full_percent);
	struct stat st;
	if (fstatat(vault_fd, "status.json", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		report(check, false, "weir-keep", "has not run yet: no status.json");
	} else {
		time_t age_s = time(NULL) - st.st_mtim.tv_sec;
		report(check, age_s <= STATUS_AGE_MAX_S, "weir-keep", "last heard %lld s ago",
		       (long long)age_s);
	}
	io_close(vault_fd);
}

static int check(int argc, char **argv)
{
	struct config config = {.side = CONFIG_RECEIVER};
	const char *path = NULL;
	struct check result = {0};
	int code = load_config(&config, &path, argc, argv);
	if (code != 0)
		return code;
	report(&result, true, "configuration", "%s", path);
	report(&result, true, "link", "listens at %s port %u, MTU %" PRIu32, config.address,
	       config.port, config.mtu);
	check_registry(&result, &config);
	check_key(&result, "box key", config.box_key, KEY_RECEIVER);
	check_key(&result, "link key", config.link_key, KEY_LINK);
	check_buffer(&result, &config);
	check_vault(&result, &config);
	return result.bad == 0 ? EXIT_DONE : EXIT_ENVIRONMENT;
}

static const struct command commands[] = {
	{
		"run", "--config FILE", "run weir-catch and weir-keep until SIGTERM",
		"  --config FILE  the receiver's configuration\n\n"
		"For a first try, the demo and tests; in production systemd starts them.\n", run,
	},
	{
		"check", "--config FILE", "say what is configured and whether it works",
		"  --config FILE  the receiver's configuration\n\n"
		"Ends with 3 when a line says BAD.\n", check,
	},
	{NULL, NULL, NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return command_main("weir-receiver", "the receiving box of a one-way link", commands, argc, argv);
}
