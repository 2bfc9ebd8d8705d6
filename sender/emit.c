/*
 * weir-emit: the transmitter.  It reads bundles that are sealed already and holds the link secret and
 * the transmit socket; it has no call by which it could receive.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/command.h"
#include "common/config.h"
#include "common/confine.h"
#include "common/datagram.h"
#include "common/io.h"
#include "common/key.h"
#include "common/linkwatch.h"
#include "common/service.h"
#include "common/stopping.h"
#include "common/tagger.h"
#include "common/verdict.h"
#include "orders.h"
#include "transmit.h"
#include "transmitter.h"

enum {
	SEND_BUFFER_BYTES = 4194304,
	ORDERS_POLL_MS = 50,
	FOLDER_WAIT_MS = 5000,
};

/* Beyond confine_base: files are read by pread64, and nothing can be received. */
static const char *const calls[] = {
	"openat", "newfstatat", "pread64", "close", /* bundles */
	"sendmsg", "clock_nanosleep",               /* datagrams, at their time */
	NULL,
};

/* A filter that takes nothing, and cannot be taken off. */
static int refuse_all(int fd)
{
	int locked = 0;
	socklen_t len = sizeof(locked);
	if (getsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &locked, &len) == 0 && locked)
		return 0;
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &nothing};
	const int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

/* A connected UDP socket learns from its peer whether the port is open: a way back. */
static int check_socket(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
		return -EISCONN;
	if (errno != ENOTCONN)
		return -errno;
	int type = 0, domain = 0;
	len = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return -errno;
	return type == SOCK_DGRAM && domain == AF_INET ? 0 : -EPROTOTYPE;
}

static int prepare_socket(int fd)
{
	int result = check_socket(fd);
	if (result == 0)
		result = refuse_all(fd);
	if (result != 0)
		return result;
	const int probe = IP_PMTUDISC_PROBE; /* never fragmented */
	if (setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) < 0)
		return -errno;
	/* A smaller buffer only means that sendmsg waits where it need not; the unit makes it as large as this. */
	const int size = SEND_BUFFER_BYTES;
	int before = 0;
	socklen_t len = sizeof(before);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &before, &len) == 0 && before / 2 >= size)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

/* hold makes them when it starts for the first time, which may be a moment later. */
static int open_folder(int *out, int spool_fd, const char *name)
{
	const struct timespec pause = {.tv_nsec = ORDERS_POLL_MS * 1000000L};
	int fd = io_open_dir(spool_fd, name);
	for (int i = 0; fd == -ENOENT && i < FOLDER_WAIT_MS / ORDERS_POLL_MS && !stopping_is_due(); i++) {
		nanosleep(&pause, NULL);
		fd = io_open_dir(spool_fd, name);
	}
	*out = fd;
	return fd < 0 ? fd : 0;
}

static int open_folders(struct lane_folders *folders, int spool_fd)
{
	int result = open_folder(&folders->ready_fd, spool_fd, "ready");
	return result == 0 ? open_folder(&folders->sent_fd, spool_fd, "sent") : result;
}

/* What the configuration names.  An exit code; 0 when all of it is there. */
static int open_all(struct transmit_options *options, const struct config *config, struct tagger *tagger)
{
	*options = (struct transmit_options){
		.mtu = config->mtu,
		.rate_bits_per_s = config->rate_bits_per_s,
		.heal_bits_per_s = config->rate_bits_per_s / 100 * (config->heal_percent > 0 ? config->heal_percent : 1),
		.started_s = (uint32_t)time(NULL),
		.tagger = tagger,
		.goal = {.sin_family = AF_INET, .sin_port = htons(config->port)},
	};
	if (inet_pton(AF_INET, config->address, &options->goal.sin_addr) != 1)
		return command_fail(VERDICT_BAD_CONFIGURATION, "address '%s'", config->address);
	int spool_fd = io_open_dir(AT_FDCWD, config->spool);
	if (spool_fd < 0)
		return command_fail(spool_fd, "spool '%s'", config->spool);
	int result = open_folders(&options->folders, spool_fd);
	io_close(spool_fd);
	if (result != 0)
		return command_fail(result, "spool '%s', folders 'ready' and 'sent' (weir-hold makes them)",
				    config->spool);
	service_open();
	options->socket_fd = service_socket("transmit");
	if (options->socket_fd < 0) {
		command_say("no socket 'transmit' was passed in; start it with systemd "
			    "or 'weir-sender run'");
		return EXIT_ENVIRONMENT;
	}
	result = prepare_socket(options->socket_fd);
	if (result != 0)
		return command_fail(result, "socket 'transmit'");
	result = progress_map(&options->progress, config->runtime, true);
	if (result != 0)
		return command_fail(result, "page '%s/%s'", config->runtime, PROGRESS_FILE);
	return 0;
}

/*
 * hold makes the page when it starts, which may be later; one that is shut is of a hold that has ended.  -EINTR when
 * told to stop meanwhile.
 */
static int wait_for_orders(struct orders_shared **out, const char *runtime)
{
	const struct timespec pause = {.tv_nsec = ORDERS_POLL_MS * 1000000L};
	struct orders_shared *orders = NULL;
	while (!stopping_is_due()) {
		int result = orders != NULL ? 0 : orders_map(&orders, runtime, false);
		if (result != 0 && result != -ENOENT)
			return result;
		if (result == 0 && !orders_is_shut(orders)) {
			*out = orders;
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	return -EINTR;
}

static int run_confined(struct transmit *transmit, const struct config *config)
{
	struct orders_shared *orders = NULL;
	int result = wait_for_orders(&orders, config->runtime);
	if (result == -EINTR)
		return EXIT_DONE;
	if (result != 0)
		return command_fail(result, "page '%s/%s'", config->runtime, ORDERS_FILE);
	struct encoder *encoder;
	result = encoder_new(&encoder);
	if (result != 0)
		return command_fail(result, "cannot start the encoder");
	result = confine_calls(calls);
	if (result != 0)
		return command_fail(result, "cannot close the table of system calls");
	transmit_run(transmit, orders, encoder, stopping_flag());
	encoder_free(encoder);
	/* the link is shut: whoever started us starts us again, and we look by ourselves */
	return stopping_is_due() ? EXIT_DONE : EXIT_ENVIRONMENT;
}

static int transmit_by(const struct config *config, struct tagger *tagger)
{
	struct transmit_options options;
	int code = open_all(&options, config, tagger);
	if (code != 0)
		return code;
	struct transmit *transmit;
	int result = transmit_new(&transmit, &options);
	if (result != 0)
		return command_fail(result, "cannot start");
	transmitter_ask_for_time();
	result = confine_privileges();
	if (result == 0) {
		service_ready("takes its orders from weir-hold");
		code = run_confined(transmit, config);
	} else {
		code = command_fail(result, "cannot give up privileges");
	}
	transmit_free(transmit);
	return code;
}

static int emit(const char *config_path)
{
	struct config config;
	char problem[PROBLEM_BYTES] = "";
	int result = config_load(&config, CONFIG_SENDER, config_path, problem);
	if (result > 0 && problem[0] != 0) {
		command_say("%s:%s", config_path, problem);
		return EXIT_REFUSED;
	}
	if (result != 0)
		return command_fail(result, "configuration '%s'", config_path);
	/* SIGHUP means a new registry, which is hold's affair */
	result = stopping_catch(STOPPING_HANGUP_IGNORED);
	if (result != 0)
		return command_fail(result, "cannot catch signals");
	int code = linkwatch_require(&config);
	if (code != 0)
		return code;
	struct tagger *tagger = NULL;
	result = tagger_load(&tagger, config.link_key);
	if (result != 0)
		return command_fail(result, "link key '%s'", config.link_key);
	code = transmit_by(&config, tagger);
	tagger_free(tagger);
	return code;
}

int main(int argc, char **argv)
{
	command_start("weir-emit");
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		puts("usage: weir-emit --config FILE\n\n"
		     "Sends what weir-hold orders; started by systemd or 'weir-sender run'.");
		return EXIT_DONE;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("weir-emit " WEIR_VERSION);
		return EXIT_DONE;
	}
	if (argc != 3 || strcmp(argv[1], "--config") != 0) {
		command_say("say --config FILE, and nothing else; '--help' shows how");
		return EXIT_USAGE;
	}
	int result = suite_start();
	if (result != 0)
		return command_fail(result, "cannot start the cryptographic library");
	return emit(argv[2]);
}
