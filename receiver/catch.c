/*
 * weir-catch: takes datagrams from the socket it was given, checks their tags and puts them into the
 * ring.  It opens no file and sends nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "common/command.h"
#include "common/config.h"
#include "common/confine.h"
#include "common/datagram.h"
#include "common/key.h"
#include "common/linkwatch.h"
#include "common/service.h"
#include "common/stopping.h"
#include "common/tagger.h"
#include "common/verdict.h"
#include "nic.h"
#include "niceness.h"
#include "receive.h"
#include "ring.h"
#include "ringroom.h"

/* Beyond confine_base. */
static const char *const calls[] = {"recvmsg", "clock_nanosleep", NULL};

static int prepare_socket(const struct config *config, struct ring *ring, int *fd)
{
	service_open();
	*fd = service_socket("receive");
	if (*fd < 0)
		return command_fail(*fd, "no socket 'receive' was passed in; start it with systemd or "
				    "'weir-receiver run'");
	uint64_t granted = 0;
	int result = receive_prepare(*fd, config->socket_buffer_bytes, &granted);
	if (result != 0)
		return command_fail(result, "socket 'receive'");
	atomic_store(&ring_counters(ring)->socket_buffer, granted);
	char interface[NIC_NAME_BYTES];
	result = nic_name_of(interface, *fd);
	if (result != 0)
		return command_fail(result, "the interfaces of socket 'receive'");
	ring_set_interface(ring, interface);
	if (granted < config->socket_buffer_bytes)
		service_event(LOG_WARNING, "E2102", "catch: the kernel gave a socket buffer of %" PRIu64
			      " bytes instead of %" PRIu64 "; type: sysctl -w net.core.rmem_max=%" PRIu64,
			      granted, config->socket_buffer_bytes, config->socket_buffer_bytes);
	return 0;
}

static int receive_until_stopped(struct receive *receive, const struct ring *ring)
{
	while (!stopping_is_due() && !ring_is_retired(ring)) {
		int result = receive_train(receive);
		if (result != 0 && result != -EAGAIN && result != -EINTR)
			return EXIT_ENVIRONMENT;
	}
	/* a ring of another size is there: whoever started us starts us again, with that one */
	return stopping_is_due() ? EXIT_DONE : EXIT_ENVIRONMENT;
}

static int run_confined(int fd, struct ring *ring, struct tagger *tagger)
{
	struct receive *receive;
	int result = receive_new(&receive, fd, ring, tagger);
	if (result != 0)
		return command_fail(result, "socket 'receive'");
	niceness_ask(NICENESS_CATCH);
	result = confine_privileges();
	if (result == 0) {
		service_ready("receives");
		service_event(LOG_INFO, "E2101", "catch: receives");
		result = confine_calls(calls);
	}
	int code = result != 0 ? command_fail(result, "cannot be confined")
			       : receive_until_stopped(receive, ring);
	receive_free(receive);
	return code;
}

static int catch_link(const char *config_path)
{
	struct config config;
	char problem[PROBLEM_BYTES] = "";
	int result = config_load(&config, CONFIG_RECEIVER, config_path, problem);
	if (result > 0 && problem[0] != 0) {
		command_say("%s:%s", config_path, problem);
		return EXIT_REFUSED;
	}
	if (result != 0)
		return command_fail(result, "configuration '%s'", config_path);
	/* SIGHUP means a new registry, which is keep's affair */
	result = stopping_catch(STOPPING_HANGUP_IGNORED);
	if (result != 0)
		return command_fail(result, "cannot catch signals");
	int code = linkwatch_require(&config);
	if (code != 0)
		return code;
	struct tagger *tagger;
	result = tagger_load(&tagger, config.link_key);
	if (result != 0)
		return command_fail(result, "link key '%s'", config.link_key);
	struct ring *ring = NULL;
	int fd = -1;
	result = ring_open(&ring, config.runtime, ringroom_size(&config));
	code = result != 0 ? ringroom_fail(&config, result) : prepare_socket(&config, ring, &fd);
	if (code == 0)
		code = run_confined(fd, ring, tagger);
	ring_close(ring);
	tagger_free(tagger);
	return code;
}

int main(int argc, char **argv)
{
	command_start("weir-catch");
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		puts("usage: weir-catch --config FILE\n\n"
		     "Receives from the link; started by systemd or 'weir-receiver run'.");
		return EXIT_DONE;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("weir-catch " WEIR_VERSION);
		return EXIT_DONE;
	}
	if (argc != 3 || strcmp(argv[1], "--config") != 0) {
		command_say("say --config FILE, and nothing else; '--help' shows how");
		return EXIT_USAGE;
	}
	int result = suite_start();
	if (result != 0)
		return command_fail(result, "cannot start the cryptographic library");
	return catch_link(argv[2]);
}
