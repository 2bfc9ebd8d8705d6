/*
 * weir-hold: keeps sealed bundles, gives them their numbers, signs releases, catalogue and heartbeat,
 * and tells emit what to send.  It never holds a key that opens a bundle and has no network.
 *
 * One poll loop: two listeners, a timer, signals, and a slot for each connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "awaited.h"
#include "callers.h"
#include "diskwatch.h"
#include "dispatcher.h"
#include "common/channel.h"
#include "common/command.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/service.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "control.h"
#include "gate.h"
#include "lifeline.h"
#include "linkalarm.h"
#include "opening.h"
#include "registrar.h"
#include "releaser.h"
#include "setup.h"
#include "spool.h"

enum {
	TICK_MS = 100,
	BEAT_TICKS = 10,
	EMIT_GRACE_TICKS = 50,         /* emit may start after hold */
	REGISTRAR_TICKS = 50,          /* what a registry's way across may still need, and what ends soon */
	HOUSEKEEPING_TICKS = 600,      /* a minute: retention, held bundles */
	CONTROLS_MAX = 16,
	CONTROL_DEADLINE_MS = 30000,   /* for a question and its answer */
	SLOT_LISTEN_INTAKE = 0,
	SLOT_LISTEN_CONTROL,
	SLOT_TIMER,
	SLOT_SIGNAL,
	SLOT_FIRST,
	SLOT_COUNT = SLOT_FIRST + SPOOL_INTAKES_MAX + CONTROLS_MAX,
};

static const char *const allowed_calls[] = {
	"poll", "ppoll", "read", "write", "close", "accept4", "recvfrom", "sendto", "sendmsg",
	"getsockopt", "setsockopt", "fcntl",                               /* sockets; notices to systemd */
	"openat", "fstat", "newfstatat", "pread64", "pwrite64", "fsync", "sync_file_range", "fstatfs",
	"renameat", "renameat2", "unlinkat", "getdents64", "lseek", "ftruncate", "fchmod", /* the spool */
	"fdatasync", "fallocate", "mkdirat",                                        /* the ledger, also when opened anew */
	"mlock", "munlock", "geteuid", "mremap", "readlinkat",                      /* keys, registry */
	NULL,
};

struct hold {
	struct setup setup;
	struct key *box;
	struct spool *spool;
	struct standing *standing;
	struct book book;
	struct spent *spent;
	struct releaser releaser;
	struct dispatcher *dispatcher;
	struct lifeline lifeline;
	struct linkwatch link;
	struct gate_desk gate_desk;
	struct control_desk control_desk;
	int timer_fd, signal_fd;
	struct acceptor intake, control;
	struct gate *gates[SPOOL_INTAKES_MAX];
	struct control *controls[CONTROLS_MAX];
	uint64_t deadlines_ms[CONTROLS_MAX];
	uint64_t ticks;
	int last_failure;    /* of a turn, told once */
	enum diskfill disk; /* as last told */
	struct awaited awaited;
	bool emit_lives;
	bool stopping;
	int code; /* why it stops */
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* All that needs rights which the process then gives up.  0 or an exit code. */
static int load(struct hold *hold, const char *config_path)
{
	struct setup_problem problem;
	char text[SETUP_TEXT_BYTES];
	int result = setup_load(&hold->setup, config_path, &problem);
	if (result == 0)
		result = setup_box_key(&hold->box, &hold->setup, &problem);
	if (result != 0)
		return command_fail(result, "cannot load %s", setup_describe(text, &problem));
	int code = linkalarm_open(&hold->link, &hold->setup.config);
	if (code == 0)
		code = opening_spool(&hold->spool, &hold->setup.config);
	if (code != 0)
		return code;
	code = opening_allowance(&hold->standing, &hold->spent, hold->spool);
	if (code != 0)
		return code;
	result = book_open(&hold->book, hold->setup.config.spool, hold->box);
	if (result != 0)
		return command_fail(result, "cannot open the ledger in '%s/ledger'",
				    text_escape_name(text, sizeof(text), hold->setup.config.spool));
	code = lifeline_open(&hold->lifeline, &hold->setup.config, hold->spool, &hold->book);
	if (code != 0)
		return code;
	hold->releaser = (struct releaser){
		.book = &hold->book,
		.setup = &hold->setup,
		.allowance = {.spool = hold->spool, .standing = hold->standing, .spent = hold->spent},
		.box = hold->box,
	};
	result = releaser_remember(&hold->releaser);
	if (result != 0)
		return command_fail(result, "cannot use registry '%s'", hold->setup.config.registry);
	result = dispatcher_new(&hold->dispatcher, &hold->releaser);
	if (result != 0)
		return command_fail(result, "cannot share pages in '%s'", hold->setup.config.runtime);
	hold->gate_desk = (struct gate_desk){
		.releaser = &hold->releaser,
		.buffer = malloc(GATE_BUFFER_BYTES),
	};
	hold->control_desk = (struct control_desk){
		.releaser = &hold->releaser,
		.fill = dispatcher_fill,
		.context = hold->dispatcher,
	};
	return hold->gate_desk.buffer != NULL ? 0 : command_fail(-ENOMEM, "cannot start");
}

static int open_descriptors(struct hold *hold)
{
	service_open();
	hold->intake.listener = service_socket("intake");
	hold->control.listener = service_socket("control");
	if (hold->intake.listener < 0 || hold->control.listener < 0) {
		command_say("the sockets 'intake' and 'control' were not passed in; start it with 'weir-sender run' or its systemd unit");
		return EXIT_ENVIRONMENT;
	}
	int result = gate_find_seal(&hold->gate_desk, hold->intake.listener);
	if (result != 0)
		return command_fail(result, "cannot use the socket 'intake', which only weir-seal may open");
	if (hold->gate_desk.seal == geteuid())
		service_event(LOG_NOTICE, "E1022",
			      "intake: weir-seal has no user of its own; whatever runs as user %u could take its place",
			      hold->gate_desk.seal);
	/* whoever called and has gone again must not make accept wait */
	if (fcntl(hold->intake.listener, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(hold->control.listener, F_SETFL, O_NONBLOCK) < 0)
		return command_fail(-errno, "cannot set up its sockets");
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	hold->signal_fd = sigprocmask(SIG_BLOCK, &mask, NULL) < 0
				  ? -1
				  : signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	hold->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct itimerspec every = {
		.it_interval = {.tv_nsec = TICK_MS * 1000000L},
		.it_value = {.tv_nsec = 1},
	};
	if (hold->signal_fd < 0 || hold->timer_fd < 0 ||
	    timerfd_settime(hold->timer_fd, 0, &every, NULL) < 0)
		return command_fail(-errno, "cannot make timer and signals");
	return 0;
}

static void alarm_once(struct hold *hold, const char *id, const char *what, int result)
{
	service_event(LOG_ERR, id, "%s: %s", what, verdict_explain(result));
	book_alarm(&hold->book, id, what);
}

/* A turn that fails is told of once and taken up again: a full disk must not end the heartbeat. */
static void note_turn(struct hold *hold, int result)
{
	if (result != 0 && result != hold->last_failure)
		alarm_once(hold, "E1010", "spool: cannot keep its counters and pages", result);
	hold->last_failure = result;
	bool lives = dispatcher_emit_lives(hold->dispatcher);
	if (lives != hold->emit_lives && !lives && hold->ticks > EMIT_GRACE_TICKS)
		book_alarm(&hold->book, "E1011", "weir-emit has not worked for five seconds");
	if (lives != hold->emit_lives && (lives || hold->ticks > EMIT_GRACE_TICKS))
		service_event(lives ? LOG_NOTICE : LOG_ERR, "E1011", "link: weir-emit %s",
			      lives ? "works" : "has not worked for five seconds");
	if (lives || hold->ticks > EMIT_GRACE_TICKS)
		hold->emit_lives = lives;
}

static void drop_late_controls(struct hold *hold, uint64_t now)
{
	for (size_t i = 0; i < CONTROLS_MAX; i++)
		if (hold->controls[i] != NULL && now > hold->deadlines_ms[i]) {
			control_free(hold->controls[i]);
			hold->controls[i] = NULL;
		}
}

/* A layer of the link is gone, or nobody looks: emit ends as well. */
static void shut(struct hold *hold)
{
	dispatcher_shut(hold->dispatcher);
	hold->stopping = true;
	hold->code = EXIT_ENVIRONMENT;
}

static void tick(struct hold *hold)
{
	uint64_t expirations;
	if (read(hold->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	uint64_t now = now_ms();
	if (hold->ticks % HOUSEKEEPING_TICKS == 0) {
		releaser_watch_box(&hold->releaser);
		releaser_release_held(&hold->releaser);
		releaser_retire(&hold->releaser);
	}
	bool is_new = hold->ticks % BEAT_TICKS == 0 && releaser_follow(&hold->releaser);
	if (is_new || hold->ticks % REGISTRAR_TICKS == 0) {
		registrar_follow(&hold->releaser);
		releaser_watch_expiry(&hold->releaser);
	}
	int result = dispatcher_turn(hold->dispatcher, now);
	if (hold->ticks % BEAT_TICKS == 0) {
		int beat = dispatcher_beat(hold->dispatcher);
		result = result != 0 ? result : beat;
		if (book_tick(&hold->book))
			book_found(&hold->book, hold->spool);
		lifeline_follow(&hold->lifeline, now);
		awaited_follow(&hold->awaited, &hold->releaser, is_new);
		if (linkalarm_follow(&hold->link, &hold->book) && !hold->stopping)
			shut(hold);
		diskwatch_follow(&hold->disk, hold->spool, &hold->book, hold->setup.config.disk_full_percent);
		if (dispatcher_emit_beats(hold->dispatcher, now))
			service_alive();
	}
	note_turn(hold, result);
	drop_late_controls(hold, now);
	hold->ticks++;
}

static void take_signal(struct hold *hold)
{
	struct signalfd_siginfo info;
	if (read(hold->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		releaser_reload(&hold->releaser);
	else
		hold->stopping = true;
}

static size_t free_gate(const struct hold *hold)
{
	size_t i = 0;
	while (i < SPOOL_INTAKES_MAX && hold->gates[i] != NULL)
		i++;
	return i;
}

static size_t free_control(const struct hold *hold)
{
	size_t i = 0;
	while (i < CONTROLS_MAX && hold->controls[i] != NULL)
		i++;
	return i;
}

/* Whoever finds no slot waits in the backlog: its listener is not polled. */
static void accept_intake(struct hold *hold)
{
	int fd = callers_take(&hold->intake, "intake", &hold->book, now_ms());
	if (fd >= 0 && gate_new(&hold->gates[free_gate(hold)], fd, &hold->gate_desk) != 0)
		io_close(fd);
}

static void accept_control(struct hold *hold)
{
	int fd = callers_take(&hold->control, "control", &hold->book, now_ms());
	if (fd < 0)
		return;
	size_t i = free_control(hold);
	hold->deadlines_ms[i] = now_ms() + CONTROL_DEADLINE_MS;
	if (control_new(&hold->controls[i], fd, &hold->control_desk) != 0)
		io_close(fd);
}

static struct pollfd slot_of(int fd, bool wanted, short events)
{
	return (struct pollfd){.fd = wanted ? fd : -1, .events = events};
}

static void prepare_slots(const struct hold *hold, struct pollfd slots[static SLOT_COUNT])
{
	uint64_t now = now_ms();
	bool takes_intake = free_gate(hold) < SPOOL_INTAKES_MAX && acceptor_pause(&hold->intake, now) == 0;
	bool takes_control = free_control(hold) < CONTROLS_MAX && acceptor_pause(&hold->control, now) == 0;
	/* the timer ends a pause */
	slots[SLOT_LISTEN_INTAKE] = slot_of(hold->intake.listener, takes_intake, POLLIN);
	slots[SLOT_LISTEN_CONTROL] = slot_of(hold->control.listener, takes_control, POLLIN);
	slots[SLOT_TIMER] = slot_of(hold->timer_fd, true, POLLIN);
	slots[SLOT_SIGNAL] = slot_of(hold->signal_fd, true, POLLIN);
	for (size_t i = 0; i < SPOOL_INTAKES_MAX; i++) {
		const struct gate *gate = hold->gates[i];
		slots[SLOT_FIRST + i] = slot_of(gate == NULL ? -1 : gate_fd(gate), true, POLLIN);
	}
	for (size_t i = 0; i < CONTROLS_MAX; i++) {
		const struct control *control = hold->controls[i];
		slots[SLOT_FIRST + SPOOL_INTAKES_MAX + i] =
			control == NULL ? slot_of(-1, true, 0)
					: slot_of(control_fd(control), true, control_events(control));
	}
}

static void serve(struct hold *hold, const struct pollfd slots[static SLOT_COUNT])
{
	for (size_t i = 0; i < SPOOL_INTAKES_MAX; i++)
		if (slots[SLOT_FIRST + i].revents != 0 && gate_read(hold->gates[i]) != 0) {
			gate_free(hold->gates[i]);
			hold->gates[i] = NULL;
		}
	for (size_t i = 0; i < CONTROLS_MAX; i++)
		if (slots[SLOT_FIRST + SPOOL_INTAKES_MAX + i].revents != 0 &&
		    control_go_on(hold->controls[i]) != 0) {
			control_free(hold->controls[i]);
			hold->controls[i] = NULL;
		}
}

static int run(struct hold *hold)
{
	struct pollfd slots[SLOT_COUNT];
	while (!hold->stopping) {
		prepare_slots(hold, slots);
		if (poll(slots, SLOT_COUNT, dispatcher_wait_ms(hold->dispatcher, now_ms())) < 0) {
			if (errno == EINTR)
				continue;
			return command_fail(-errno, "cannot wait for events");
		}
		if (slots[SLOT_SIGNAL].revents != 0)
			take_signal(hold);
		/* before the timer, so that what is released now is announced in this turn */
		serve(hold, slots);
		if (slots[SLOT_TIMER].revents != 0)
			tick(hold);
		else if (dispatcher_wait_ms(hold->dispatcher, now_ms()) == 0)
			(void)dispatcher_turn(hold->dispatcher, now_ms()); /* what fails is told of by the tick */
		book_commit(&hold->book);
		if ((slots[SLOT_LISTEN_INTAKE].revents & POLLIN) != 0)
			accept_intake(hold);
		if ((slots[SLOT_LISTEN_CONTROL].revents & POLLIN) != 0)
			accept_control(hold);
	}
	return hold->code;
}

static void close_all(struct hold *hold)
{
	for (size_t i = 0; i < SPOOL_INTAKES_MAX; i++)
		gate_free(hold->gates[i]);
	for (size_t i = 0; i < CONTROLS_MAX; i++)
		control_free(hold->controls[i]);
	dispatcher_free(hold->dispatcher);
	awaited_close(&hold->awaited, &hold->releaser);
	lifeline_close(&hold->lifeline);
	book_close(&hold->book);
	spent_close(hold->spent);
	standing_close(hold->standing);
	spool_close(hold->spool);
	key_free(hold->box);
	setup_free(&hold->setup);
	free(hold->gate_desk.buffer);
}

int main(int argc, char **argv)
{
	const char *config_path;
	int code = setup_options(argc, argv, "weir-hold",
				 "Keeps the spool; started by systemd or 'weir-sender run'.",
				 &config_path);
	if (code >= 0)
		return code;
	int result = suite_start();
	struct hold *hold = result == 0 ? calloc(1, sizeof(*hold)) : NULL;
	if (hold == NULL)
		return command_fail(result != 0 ? result : -ENOMEM, "cannot start");
	hold->lifeline.witness.dir_fd = -1;
	hold->emit_lives = true; /* so that its absence is told of */
	code = load(hold, config_path);
	if (code == 0)
		code = open_descriptors(hold);
	if (code == 0) {
		result = confine_privileges();
		if (result == 0)
			result = confine_calls(allowed_calls);
		if (result != 0)
			code = command_fail(result, "cannot confine itself");
	}
	if (code == 0) {
		result = book_start(&hold->book, "weir-hold " WEIR_VERSION, &hold->setup, hold->box,
				    hold->spool);
		if (result != 0)
			code = command_fail(result, "cannot write the ledger");
	}
	if (code == 0) {
		service_event(LOG_NOTICE, "E1001", "spool: epoch %016" PRIx64 ", %zu bundles",
			      spool_epoch(hold->spool), spool_count(hold->spool));
		service_ready("keeps the spool");
		code = run(hold);
	}
	service_stopping();
	close_all(hold);
	free(hold);
	return code;
}
