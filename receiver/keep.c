/*
 * weir-keep: takes datagrams from the ring, keeps what belongs to a bundle that the sender has named,
 * repairs, verifies, and puts whole bundles into the vault.  It holds no key that opens one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/command.h"
#include "common/config.h"
#include "common/confine.h"
#include "common/expiry.h"
#include "common/io.h"
#include "common/key.h"
#include "common/registry.h"
#include "common/service.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"
#include "common/watch.h"
#include "diary.h"
#include "intake.h"
#include "linkalarm.h"
#include "marker.h"
#include "niceness.h"
#include "partner.h"
#include "porter.h"
#include "registrar.h"
#include "ring.h"
#include "vault.h"
#include "ringroom.h"

enum {
	WAIT_MS = 100,         /* the longest sleep: signals and finished jobs wake it earlier */
	TURN_MS = 20,          /* between two looks at the clock's business while datagrams come */
	ALIVE_MS = 1000,       /* also between two looks at the registry's file */
	RECORDS_PER_LOOK = 64, /* records between two looks at the clock */
};

/* Beyond confine_base: files of the vault and of maps, and the registry when it is loaded again. */
static const char *const calls[] = {
	"openat", "close", "fstat", "newfstatat", "readlinkat", "fcntl", "getdents64", "faccessat", "faccessat2",
	"read", "pread64", "write", "pwrite64", "pwritev", "lseek",
	"fallocate", "ftruncate", "fsync", "fdatasync", "sync_file_range", "fadvise64",
	"mkdirat", "unlinkat", "renameat", "renameat2", "fstatfs",
	"clock_nanosleep", "mremap", "geteuid", "getuid", "thread",
	"accept4", "poll", /* at the local socket that was passed in */
	"sendmsg", "sendto", "getsockopt", "setsockopt", "ioctl", /* and notices to systemd */
	NULL,
};

struct keep {
	struct config config;
	int vault_fd;
	struct ring *ring;
	struct linkwatch link;
	struct key *box;
	int control;                     /* listens */
	struct diary *diary;
	struct lost *lost;
	struct teller teller;            /* to the diary */
	struct porter *porter;
	struct intake *intake;
	const struct registry *registry; /* the intake's newest */
	const char *file;                /* where it came from */
	struct watch watch;              /* of its file */
	struct expiry_watch expiry;
	struct partner partner;          /* catch */
	uint64_t remembered_version;     /* of registries, in the vault, when this process began */
};

#define VAULT_REGISTRY "VAULT/" REGISTRAR_FILE /* as it stands in the ledger */

static volatile sig_atomic_t is_stopping, is_reloading;

static void on_signal(int signal)
{
	if (signal == SIGHUP)
		is_reloading = 1;
	else
		is_stopping = 1;
}

static int catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0 ||
	    sigaction(SIGHUP, &action, NULL) < 0)
		return -errno;
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What a refusal of the registry is about: problem as in registry.h. */
struct trouble {
	const char *path;
	char problem[PROBLEM_BYTES];
};

/* What came over the link counts nothing, so it is as if it had not come. */
static void tell_not_preferred(const struct keep *keep, int result)
{
	static const char text[] = "keep: the registry that came over the link is not used: %s [%s]";
	const char *why = verdict_explain(result), *name = result > 0 ? verdict_name(result) : "error";
	if (keep->diary == NULL)
		service_event(LOG_ERR, "E2005", text, why, name); /* at the start */
	else
		event_tell(&keep->teller, LOG_ERR, "E2005", text, why, name);
}

/*
 * The registry of the configuration, checked, and not older than any before; or, when that may be, the one
 * that came over the link, if it is newer.
 */
static int load_registry(struct registry **out, struct keep *keep, bool or_crossed, struct trouble *trouble)
{
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	trouble->path = keep->config.roots;
	trouble->problem[0] = 0;
	watch_take(&keep->watch, keep->config.registry);
	int result = roots_load(&roots, keep->config.roots, trouble->problem);
	if (result != 0)
		return result;
	trouble->path = keep->config.registry;
	result = registry_load(&registry, keep->config.registry, roots, trouble->problem);
	const struct registry *configured = registry;
	int preferred = result == 0 && or_crossed ? registrar_prefer(&registry, keep->vault_fd, roots) : 0;
	keep->file = registry == configured ? keep->config.registry : VAULT_REGISTRY;
	roots_free(roots);
	if (preferred != 0)
		tell_not_preferred(keep, preferred);
	if (result == 0)
		result = registry_admit(keep->vault_fd, registry);
	if (result != 0) {
		registry_free(registry);
		return result;
	}
	*out = registry;
	return 0;
}

static void tell_not_loaded(const struct keep *keep, const struct trouble *trouble, int result)
{
	char escaped[PROBLEM_BYTES];
	text_escape_name(escaped, sizeof(escaped), trouble->problem);
	event_tell(&keep->teller, LOG_ERR, "E2003", "keep: the registry is not loaded again: %s:%s %s [%s]",
		   trouble->path, escaped, verdict_explain(result), result > 0 ? verdict_name(result) : "error");
	diary_registry(keep->diary, result, registry_version(keep->registry), trouble->path);
}

static bool is_known(const struct keep *keep, const struct registry *registry)
{
	return registry_party_by_key(registry, KEY_RECEIVER, keep->box->card.id) != NULL;
}

static void tell_loaded(const struct keep *keep)
{
	uint64_t version = registry_version(keep->registry);
	bool is_ours = keep->file == keep->config.registry;
	event_tell(&keep->teller, LOG_INFO, "E2002", "keep: registry version %" PRIu64 " is loaded%s", version,
		   is_ours ? "" : ", it came over the link");
	diary_registry(keep->diary, 0, version, keep->file);
	if (!is_known(keep, keep->registry))
		event_tell(&keep->teller, LOG_ERR, "E2004", "keep: registry version %" PRIu64 " does not know "
			   "the key of this box, '%s', which signs its ledger", version, keep->box->card.name);
}

static void use(struct keep *keep, struct registry *registry, const char *file)
{
	if (intake_set_registry(keep->intake, registry) != 0)
		return;
	keep->registry = registry;
	keep->file = file;
	porter_set_registry(keep->porter, registry);
	tell_loaded(keep);
}

/* It is in the vault, so whatever hinders now, it is used from the next start on. */
static void use_crossed(struct keep *keep)
{
	struct registry *registry = NULL;
	struct roots *roots = NULL;
	struct trouble trouble = {.path = keep->config.roots};
	int result = roots_load(&roots, keep->config.roots, trouble.problem);
	if (result == 0)
		result = registrar_load(&registry, keep->vault_fd, roots, trouble.problem);
	roots_free(roots);
	if (result == 0)
		result = registry_admit(keep->vault_fd, registry);
	if (result == 0) {
		use(keep, registry, VAULT_REGISTRY);
		return;
	}
	registry_free(registry);
	tell_not_preferred(keep, result);
}

/*
 * is_asked: by a signal, whose sender wants to hear of it whatever it is.  Whoever puts an older one in place
 * hears of that, whichever is in use.
 */
static void reload(struct keep *keep, bool is_asked)
{
	struct registry *registry;
	struct trouble trouble;
	int result = load_registry(&registry, keep, is_asked, &trouble);
	bool is_news = watch_is_news(&keep->watch, result);
	if (result != 0) {
		if (is_news || is_asked)
			tell_not_loaded(keep, &trouble, result);
		return;
	}
	if (registry_equals(registry, keep->registry) && !is_asked) {
		registry_free(registry);
		return;
	}
	use(keep, registry, keep->file);
}

static void tell_damage(const struct keep *keep, uint64_t damaged)
{
	if (damaged > 0)
		event_tell(&keep->teller, LOG_ERR, "E2034", "keep: the ring held nonsense and was emptied; is "
			   "anything but weir-catch writing to it?");
}

static void tell_expiry(void *context, const char *text)
{
	const struct keep *keep = context;
	event_tell(&keep->teller, LOG_WARNING, "E2006", "keep: %s; have the registry renewed", text);
}

/* What the clock asks for; turned_ms and alive_ms are when it was done last. */
static void follow_clock(struct keep *keep, bool is_idle, uint64_t *turned_ms, uint64_t *alive_ms)
{
	uint64_t now = now_ms();
	if (is_idle || now - *turned_ms >= TURN_MS) {
		*turned_ms = now;
		uint64_t now_s = (uint64_t)time(NULL);
		porter_turn(keep->porter, now, now_s);
		intake_turn(keep->intake, now, now_s);
		if (intake_take_registry(keep->intake))
			use_crossed(keep);
	}
	if (now - *alive_ms < ALIVE_MS)
		return;
	*alive_ms = now;
	if (partner_follow(&keep->partner, now))
		service_alive();
	linkalarm_follow(&keep->link, &keep->teller, keep->ring);
	if (watch_has_changed(&keep->watch, keep->config.registry))
		reload(keep, false);
	expiry_follow(&keep->expiry, keep->registry, (uint64_t)time(NULL), tell_expiry, keep);
}

static void keep_until_stopped(struct keep *keep)
{
	uint64_t turned_ms = 0, alive_ms = 0;
	partner_start(&keep->partner, keep->ring, &keep->teller, now_ms());
	while (!is_stopping && !ring_is_retired(keep->ring)) {
		uint64_t damaged = 0, begun_ms = now_ms();
		uint32_t heard = ring_bell(keep->ring); /* a job that ends during the turn is collected in the next */
		bool more = intake_records(keep->intake, RECORDS_PER_LOOK, &damaged);
		tell_damage(keep, damaged);
		follow_clock(keep, !more, &turned_ms, &alive_ms);
		if (is_reloading) {
			is_reloading = 0;
			reload(keep, true);
		}
		intake_note_away(keep->intake, now_ms() - begun_ms, 0);
		begun_ms = now_ms();
		if (!more)
			intake_rest(keep->intake, heard, WAIT_MS);
		intake_note_away(keep->intake, now_ms() - begun_ms, WAIT_MS);
	}
	/* nobody comes back to a ring that is retired; catch may add to it for a moment */
	uint64_t damaged = 0;
	while (ring_is_retired(keep->ring) && intake_records(keep->intake, RECORDS_PER_LOOK, &damaged)) { }
	intake_store(keep->intake);
}

static int run_confined(struct keep *keep)
{
	int result = confine_calls(calls);
	if (result != 0)
		return command_fail(result, "cannot close the table of system calls");
	service_event(LOG_INFO, "E2001", "keep: takes datagrams");
	keep_until_stopped(keep);
	service_stopping();
	/* as in weir-catch: with the new ring, please */
	int code = is_stopping ? EXIT_DONE : EXIT_ENVIRONMENT;
	/*
	 * A judgement may take longer than anybody waits for us.  It may be cut off anywhere (VAULT.md 4),
	 * and is done again by the next keep.
	 */
	porter_free(keep->porter);
	if (intake_is_busy(keep->intake)) {
		diary_close(keep->diary);
		_exit(code);
	}
	return code;
}

static int load_box_key(struct keep *keep)
{
	struct key *box;
	int result = key_load(&box, keep->config.box_key, NULL);
	keep->box = result == 0 ? box : NULL;
	if (result == 0 && box->card.kind != KEY_RECEIVER)
		result = VERDICT_WRONG_KEY;
	return result == 0 ? 0 : command_fail(result, "box key '%s'", keep->config.box_key);
}

static int open_diary(struct keep *keep)
{
	int result = diary_open(&keep->diary, keep->config.vault, keep->box, (uint64_t)time(NULL));
	if (result == VERDICT_BAD_CHAIN) {
		command_say("the ledger '%s/ledger' was changed by somebody: move it away, keep it, and start again [%s]",
			    keep->config.vault, verdict_name(result));
		return EXIT_REFUSED;
	}
	if (result != 0)
		return command_fail(result, "ledger '%s/ledger'", keep->config.vault);
	int result_of_lost = lost_open(&keep->lost, keep->vault_fd);
	if (result_of_lost < 0)
		return command_fail(result_of_lost, "'%s/lost'", keep->config.vault);
	result = porter_new(&keep->porter, keep->control, &(struct import_site){
		.vault_fd = keep->vault_fd,
		.diary = keep->diary,
		.registry = keep->registry,
	});
	if (result != 0)
		return command_fail(result, "cannot set up its socket");
	keep->teller = (struct teller){diary_event, keep->diary};
	if (result_of_lost > 0)
		event_tell(&keep->teller, LOG_ERR, "E2097", "keep: vault/lost was damaged, and lies in lost.damaged; the "
			   "ledger names what was lost");
	char absent[LAYER_NAMES_BYTES];
	diary_start(keep->diary, "weir-keep " WEIR_VERSION, layers_absent(absent, &keep->config));
	diary_registry(keep->diary, 0, registry_version(keep->registry), keep->file);
	(void)diary_commit(keep->diary); /* told of, and tried again every second */
	return 0;
}

static int start(struct keep *keep)
{
	struct registry *registry;
	struct trouble trouble;
	int result = load_registry(&registry, keep, true, &trouble);
	if (result != 0)
		return command_fail_file(result, trouble.path, trouble.problem);
	if (!is_known(keep, registry)) {
		command_say("registry '%s' has no [receiver %s] with the public key of '%s' [%s]",
			    keep->config.registry, keep->box->card.name, keep->config.box_key,
			    verdict_name(VERDICT_UNKNOWN_KEY));
		registry_free(registry);
		return EXIT_REFUSED;
	}
	/* threads are made in intake_open, so privileges go before it, and the call table after it */
	niceness_ask(NICENESS_KEEP);
	result = confine_privileges();
	keep->registry = registry;
	int code = result != 0 ? command_fail(result, "cannot give up privileges") : open_diary(keep);
	if (code != 0) {
		registry_free(registry);
		return code;
	}
	result = intake_open(&keep->intake, &(struct intake_options){
		.vault_fd = keep->vault_fd,
		.runtime = keep->config.runtime,
		.disk_full_percent = keep->config.disk_full_percent,
		.registry = registry,
		.roots = keep->config.roots,
		.tell = &keep->teller,
		.diary = keep->diary,
		.box_key = keep->box->card.id,
		.scrub_days = keep->config.scrub_days,
		.witness = keep->config.witness,
		.remembered_version = keep->remembered_version,
		.lost = keep->lost,
		.unfinished_days = keep->config.unfinished_days,
		.ring = keep->ring,
		.interface = keep->config.interface,
		.link = &keep->link,
	});
	if (result != 0) {
		diary_close(keep->diary);
		return command_fail(result, "vault '%s'%s", keep->config.vault, trusted_is_loose(result) ? ", holds, purges" : "");
	}
	porter_set_taker(keep->porter, intake_take_mandate, keep->intake);
	service_ready("takes datagrams");
	code = run_confined(keep);
	intake_close(keep->intake);
	diary_close(keep->diary);
	return code;
}

static int load_config(struct config *config, const char *path)
{
	char problem[PROBLEM_BYTES] = "";
	int result = config_load(config, CONFIG_RECEIVER, path, problem);
	if (result != 0)
		return command_fail_file(result, path, problem);
	result = trusted_check(config->witness, 022);
	return trusted_is_loose(result) ? command_fail(result, "witness '%s'", config->witness) : 0;
}

static int run(struct keep *keep, const char *config_path)
{
	const struct config *config = &keep->config;
	int result = catch_signals();
	int code = result != 0 ? command_fail(result, "cannot catch signals")
			       : load_config(&keep->config, config_path);
	if (code == 0)
		code = linkalarm_open(&keep->link, config);
	if (code == 0)
		code = load_box_key(keep);
	if (code != 0)
		return code;
	result = trusted_open_dir(&keep->vault_fd, AT_FDCWD, config->vault);
	if (result != 0)
		return command_fail(result, "vault '%s'", config->vault);
	int lock = -1, locked = vault_lock(&lock, keep->vault_fd);
	if (locked != 0) {
		io_close(keep->vault_fd);
		if (locked != -EWOULDBLOCK)
			return command_fail(locked, "vault '%s'", config->vault);
		command_say("vault '%s' is in use by another weir-keep; stop that one first", config->vault);
		return EXIT_ENVIRONMENT;
	}
	service_open();
	keep->control = service_socket("control");
	if (keep->control < 0) {
		command_say("the socket 'control' was not passed in; start it with 'weir-receiver run' or its systemd unit");
		io_close(lock);
		io_close(keep->vault_fd);
		return EXIT_ENVIRONMENT;
	}
	marker_guard_registry(&keep->remembered_version, keep->vault_fd, config, keep->box->card.id);
	result = ring_open(&keep->ring, config->runtime, ringroom_size(config));
	code = result != 0 ? ringroom_fail(config, result) : start(keep);
	ring_close(keep->ring);
	io_close(lock);
	io_close(keep->vault_fd);
	return code;
}

int main(int argc, char **argv)
{
	command_start("weir-keep");
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		puts("usage: weir-keep --config FILE\n\n"
		     "Keeps what arrives; started by systemd or 'weir-receiver run'.");
		return EXIT_DONE;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("weir-keep " WEIR_VERSION);
		return EXIT_DONE;
	}
	if (argc != 3 || strcmp(argv[1], "--config") != 0) {
		command_say("say --config FILE, and nothing else; '--help' shows how");
		return EXIT_USAGE;
	}
	int result = suite_start();
	if (result != 0)
		return command_fail(result, "cannot start the cryptographic library");
	struct keep *keep = calloc(1, sizeof(*keep));
	if (keep == NULL)
		return command_fail(-ENOMEM, "cannot start");
	int code = run(keep, argv[2]);
	lost_close(keep->lost);
	key_free(keep->box);
	free(keep);
	return code;
}
