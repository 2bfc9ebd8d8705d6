/*
 * weir-link: loads the rules that keep the link one-way, looks at every layer each second, and writes what it saw
 * into a file that the daemons insist on (LAYERS.md).  One program a box, and the only one with capabilities.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "command.h"
#include "config.h"
#include "confine.h"
#include "io.h"
#include "linkcheck.h"
#include "linkread.h"
#include "linkstate.h"
#include "linkwatch.h"
#include "rules.h"
#include "service.h"
#include "text.h"
#include "verdict.h"
#include "xdp.h"

enum { LOOK_MS = 1000, STATE_MODE = 0644 };

/* Beyond confine_base.  No socket can be had: those that ask the kernel were made before. */
static const char *const calls[] = {
	"sendto", "recvmsg", "ppoll",                                                      /* questions, notices, the clock */
	"openat", "newfstatat", "fstat", "fcntl", "read", "close", "getdents64", "mremap", /* /proc, networkd's files */
	"write", "renameat",                                                               /* the state file */
	"ethtool", "bpf",
	NULL,
};

struct link {
	struct config config;
	int runtime_fd;
	struct linkread reader;
	struct rules *rules;        /* NULL: absent */
	struct xdp *xdp;            /* NULL: absent, not of this side, or it could not be loaded */
	int xdp_failure;
	unsigned int index;         /* of the NIC for which they were loaded; 0: it was not there */
	uint64_t loaded_ms;
	char reload[64];
	struct linkstate told;      /* as told in events */
	struct linkwatch frames;    /* what of them was */
	int write_failure;
};

static volatile sig_atomic_t is_stopping;

static void stop(int signal)
{
	(void)signal;
	is_stopping = 1;
}

/* They come while it waits and at no other time; mask is that of the wait. */
static int catch_signals(sigset_t *mask)
{
	struct sigaction action = {.sa_handler = stop};
	struct sigaction nothing = {.sa_handler = SIG_IGN};
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	/* SIGHUP means a new registry, which is no affair of ours */
	if (sigprocmask(SIG_BLOCK, &blocked, mask) < 0 || sigaction(SIGTERM, &action, NULL) < 0 ||
	    sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGHUP, &nothing, NULL) < 0)
		return -errno;
	sigdelset(mask, SIGTERM);
	sigdelset(mask, SIGINT);
	return 0;
}

/* ---- loading ---- */

static int find_index(struct link *link)
{
	struct link_reading reading;
	struct frames frames;
	linkread_look(&link->reader, &link->config, &reading, &frames);
	link->index = reading.index;
	if (reading.program != 0 && link->config.side == CONFIG_SENDER &&
	    !layer_is_absent(LAYER_XDP, &link->config))
		service_event(LOG_NOTICE, "E3005", "link: takes the place of XDP program %u at %s", reading.program,
			      link->config.interface);
	return reading.failure[LAYER_NIC];
}

/* What cannot be loaded is a layer that is missing, which is told of as such. */
static int load(struct link *link)
{
	const struct config *config = &link->config;
	int result = find_index(link);
	if (result != 0)
		return result;
	if (!layer_is_absent(LAYER_NFT, config)) {
		result = rules_new(&link->rules, config);
		if (result == 0 && link->index != 0)
			(void)rules_load(link->rules);
	}
	if (result == 0 && link->index != 0 && config->side == CONFIG_SENDER && !layer_is_absent(LAYER_XDP, config))
		link->xdp_failure = xdp_load(&link->xdp, link->index);
	link->loaded_ms = linkwatch_now_ms();
	return result;
}

/* ---- looking ---- */

static void look_at_rules(const struct link *link, struct link_reading *reading, struct frames *frames)
{
	uint64_t bytes;
	if (link->rules != NULL) {
		reading->failure[LAYER_NFT] = rules_look(link->rules, reading);
		frames->is_counted[FRAMES_NFT] = rules_frames(link->rules, &frames->count[FRAMES_NFT]) == 0;
	}
	reading->xdp_failure = link->xdp_failure;
	if (link->xdp != NULL) {
		reading->loaded = xdp_id(link->xdp);
		frames->is_counted[FRAMES_XDP] = xdp_frames(link->xdp, &frames->count[FRAMES_XDP], &bytes) == 0;
	}
}

/* True when the NIC is another one than that for which the rules were loaded. */
static bool look(const struct link *link, struct linkstate *state)
{
	struct link_reading reading;
	*state = (struct linkstate){.side = link->config.side, .loaded_ms = link->loaded_ms};
	memcpy(state->interface, link->config.interface, sizeof(state->interface));
	linkread_look(&link->reader, &link->config, &reading, &state->frames);
	reading.is_another = reading.index != 0 && reading.index != link->index;
	look_at_rules(link, &reading, &state->frames);
	layers_judge(state->layers, &reading, &link->config, link->reload);
	state->at_ms = linkwatch_now_ms();
	return reading.is_another;
}

static int write_state(const struct link *link, const struct linkstate *state)
{
	char text[LINKSTATE_BYTES_MAX + 1];
	long len = linkstate_encode(text, sizeof(text), state);
	if (len < 0)
		return (int)len;
	int fd = openat(link->runtime_fd, LINKSTATE_NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			STATE_MODE);
	if (fd < 0)
		return -errno;
	int result = io_write(fd, text, (size_t)len);
	int closed = io_close(fd);
	if (result == 0)
		result = closed;
	if (result == 0 && renameat(link->runtime_fd, LINKSTATE_NEW_FILE, link->runtime_fd, LINKSTATE_FILE) < 0)
		result = -errno;
	return result;
}

/* ---- telling ---- */

static void tell_layer(const struct linkstate *state, enum layer layer)
{
	char found[LAYER_TEXT_BYTES], mend[LAYER_TEXT_BYTES];
	const struct layer_finding *finding = &state->layers[layer];
	if (finding->state == LAYER_MISSING)
		service_event(LOG_CRIT, "E3002", "link: layer %s is missing: %s; type: %s", layer_name(layer),
			      text_escape_name(found, sizeof(found), finding->found),
			      text_escape_name(mend, sizeof(mend), finding->mend));
	else
		service_event(LOG_NOTICE, "E3003", "link: layer %s holds again", layer_name(layer));
}

static void tell(struct link *link, const struct linkstate *state, int written)
{
	for (int i = 0; i < LAYER_COUNT; i++)
		if (state->layers[i].state != link->told.layers[i].state && state->layers[i].state != LAYER_ABSENT)
			tell_layer(state, (enum layer)i);
	link->told = *state;
	bool by_nic = false;
	uint64_t frames = linkwatch_count(&link->frames, state, state->at_ms / 1000, &by_nic);
	if (frames > 0)
		service_event(LOG_CRIT, "E3004", "link: %" PRIu64 " frame%s went the wrong way at %s%s", frames,
			      frames == 1 ? "" : "s", state->interface,
			      by_nic || state->side == CONFIG_SENDER ? "" : ", and dropped on the way out");
	if (written != 0 && written != link->write_failure)
		service_event(LOG_CRIT, "E3006", "link: '" LINKSTATE_FILE "' in the runtime directory cannot be written: %s; "
			      "the daemons will end", verdict_explain(written));
	link->write_failure = written;
}

/* Until a signal comes, or rules must be loaded for another NIC, which a new start does. */
static int watch(struct link *link, const sigset_t *mask)
{
	const struct timespec pause = {.tv_sec = LOOK_MS / 1000, .tv_nsec = LOOK_MS % 1000 * 1000000L};
	bool is_ready = false;
	while (!is_stopping) {
		struct linkstate state;
		bool is_another = look(link, &state);
		tell(link, &state, write_state(link, &state));
		if (!is_ready)
			service_ready("watches the link");
		is_ready = true;
		service_alive();
		if (is_another)
			return EXIT_ENVIRONMENT;
		(void)ppoll(NULL, 0, &pause, mask); /* a signal ends it early */
	}
	return EXIT_DONE;
}

/* ---- the program ---- */

static int confine(struct link *link)
{
	static const int kept[] = {CAP_NET_ADMIN, CAP_BPF};
	int result = confine_privileges_but(kept, sizeof(kept) / sizeof(kept[0]));
	if (result == -EPERM) {
		command_say("it needs CAP_NET_ADMIN and CAP_BPF, and no other: start it as root or by its unit; or say "
			    "'absent = all' in [link] to do without every layer");
		return EXIT_ENVIRONMENT;
	}
	if (result != 0)
		return command_fail(result, "cannot give up privileges");
	result = load(link);
	if (result != 0)
		return command_fail(result, "cannot look at interface '%s'", link->config.interface);
	result = confine_calls(calls);
	return result == 0 ? 0 : command_fail(result, "cannot close the table of system calls");
}

/* How it is started again, by whoever supervises it. */
static void set_reload(struct link *link)
{
	if (service_is_unit())
		snprintf(link->reload, sizeof(link->reload), "systemctl restart weir-link");
	else
		snprintf(link->reload, sizeof(link->reload), "kill %ld", (long)getpid());
}

static int run_watch(struct link *link)
{
	char absent[LAYER_NAMES_BYTES], path[2 * CONFIG_PATH_BYTES];
	sigset_t mask;
	service_open();
	int result = catch_signals(&mask);
	if (result != 0)
		return command_fail(result, "cannot catch signals");
	link->runtime_fd = io_open_dir(AT_FDCWD, link->config.runtime);
	if (link->runtime_fd < 0)
		return command_fail(link->runtime_fd, "runtime directory '%s'",
				    text_escape_name(path, sizeof(path), link->config.runtime));
	result = linkread_open(&link->reader);
	if (result != 0)
		return command_fail(result, "cannot ask the kernel");
	set_reload(link);
	int code = confine(link);
	if (code != 0)
		return code;
	layers_absent(absent, &link->config);
	service_event(LOG_NOTICE, "E3001", "link: watches %s as that of a %s%s%s", link->config.interface,
		      link->config.side == CONFIG_SENDER ? "sender" : "receiver", absent[0] != 0 ? "; absent: " : "",
		      absent);
	return watch(link, &mask);
}

static int run_command(int argc, char **argv)
{
	struct link link = {.runtime_fd = -1, .reader = {.fd = -1}};
	int code = linkcheck_config(&link.config, argc, argv, NULL);
	if (code != 0)
		return code;
	if (link.config.is_unwatched) {
		command_say("'absent = all' stands in [link]: there is nothing to watch");
		return EXIT_DONE;
	}
	code = run_watch(&link);
	service_stopping();
	xdp_free(link.xdp);
	rules_free(link.rules);
	linkread_close(&link.reader);
	io_close(link.runtime_fd);
	return code;
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {
		{"run", "[--config FILE]", "load the rules, and watch every layer until SIGTERM",
		 "  --config FILE  of the sender or the receiver\n", run_command},
		{"check", "[--config FILE] [--json]", "say of each layer what it is, and what to type when it is missing",
		 "  --config FILE  of the sender or the receiver\n"
		 "  --json         as JSON\n\n"
		 "Of the rules of nftables and XDP it knows what a running weir-link says.  Ends with 4 when one is missing.\n",
		 linkcheck},
		{NULL, NULL, NULL, NULL, NULL},
	};
	return command_main("weir-link", "keeps the link one-way, and watches it", commands, argc, argv);
}
