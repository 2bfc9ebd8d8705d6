#include "checkup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "advice.h"
#include "common/diskfill.h"
#include "common/command.h"
#include "common/expiry.h"
#include "common/io.h"
#include "common/key.h"
#include "common/linkwatch.h"
#include "common/registry.h"
#include "common/text.h"
#include "common/verdict.h"
#include "inbox.h"
#include "marker.h"
#include "registrar.h"
#include "ring.h"
#include "ringroom.h"
#include "vault.h"

enum { STATUS_AGE_MAX_S = 10 };

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

/* " [NAME]" of a verdict, "" of an errno. */
static const char *in_brackets(char out[static 64], int result)
{
	snprintf(out, 64, result > 0 ? " [%s]" : "%s", result > 0 ? verdict_name(result) : "");
	return out;
}

static void check_key(struct check *check, const char *what, const char *path, enum key_kind kind)
{
	struct card card;
	char name[64];
	bool needs_passphrase = false;
	int result = key_load_card(&card, path, &needs_passphrase);
	if (result == 0 && card.kind != kind)
		result = VERDICT_WRONG_KEY;
	if (result != 0)
		report(check, false, what, "%s: %s%s", path, verdict_explain(result), in_brackets(name, result));
	else if (needs_passphrase)
		report(check, false, what, "%s is under a passphrase, which a daemon cannot type", path);
	else
		report(check, true, what, "%s '%s'", key_kind_name(kind), card.name);
}

/* What makes no box bad. */
__attribute__((format(printf, 3, 4)))
static void report_only(const char *state, const char *what, const char *format, ...)
{
	va_list arguments;
	printf("%-4s %-14s ", state, what);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
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
	char problem[PROBLEM_BYTES] = "", expires[32], name[64];
	const char *path = config->roots;
	int result = roots_load(&roots, path, problem);
	if (result == 0) {
		path = config->registry;
		result = registry_load(&registry, path, roots, problem);
	}
	if (result == 0)
		check_crossed(check, &registry, roots, config);
	if (result != 0) {
		report(check, false, "registry", "%s:%s %s%s", path, problem, verdict_explain(result), in_brackets(name, result));
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
	int percent = diskfill_percent(vault_fd);
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

/* What was delivered since the copy was made may be missing, and what was destroyed may be here again. */
static void check_put_back(struct check *check, const struct config *config)
{
	char problem[MARKER_PROBLEM_BYTES];
	int vault_fd = io_open_dir(AT_FDCWD, config->vault);
	if (vault_fd < 0)
		return; /* which check_vault tells */
	if (marker_was_put_back(vault_fd, problem))
		report(check, false, "older vault", "an older copy of it was put back: %s; find out who did, in "
		       "'weir-inbox ledger show --event vault.older' and from whoever keeps the copies, look at 'weir-inbox "
		       "gaps', then remove %s/put-back", problem, config->vault);
	io_close(vault_fd);
}

/* It has to fit, and somebody has to have said for how long it lasts. */
static void check_ring(struct check *check, const struct config *config)
{
	char size[32], why[RINGROOM_TEXT_BYTES];
	uint64_t bytes = ringroom_size(config);
	struct stat st;
	int runtime_fd = io_open_dir(AT_FDCWD, config->runtime);
	int result = runtime_fd < 0 ? runtime_fd : 0;
	/* one that is there has its room */
	if (result == 0 && (fstatat(runtime_fd, RING_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			    (uint64_t)st.st_size < bytes))
		result = ringroom_check(runtime_fd, bytes);
	io_close(runtime_fd);
	text_size(size, sizeof(size), bytes);
	if (result != 0) {
		ringroom_explain(why, config, result);
		report(check, false, "ring", "%s/%s: %s", config->runtime, RING_FILE, why);
	} else if (config->rate_bits_per_s == 0) {
		report_only("warn", "ring", "%s; for how long a stall it lasts cannot be said: give the sender's 'rate'", size);
	} else {
		report(check, true, "ring", "%s, which last for %" PRIu64 " ms at the sender's rate", size,
		       ringroom_ms(bytes, config->rate_bits_per_s, config->mtu));
	}
}

/* What weir-keep saw of the way in since it started. */
static void show_way(const struct way *way)
{
	char text[ADVICE_BYTES], fill[32], most[32];
	if (way->interface[0] == 0)
		report_only("warn", "interface", "no counters of a NIC are read: say 'interface' in [link]");
	else
		report_only("ok", "interface", "%s", way->interface);
	report_only(way->is_filling ? "warn" : "ok", "ring fill", "%s of late, %s at most; weir-keep was away for %" PRIu64
		    " ms at most", text_size(fill, sizeof(fill), way->ring_fill),
		    text_size(most, sizeof(most), way->ring_fill_max), way->away_max_ms);
	if (loss_sum(&way->hour) > 0)
		report_only("warn", "last hour", "%s", advice_on_loss(text, &way->hour, way));
	else
		report_only("ok", "last hour", "no datagram was lost on the way");
	if (loss_sum(&way->total) > loss_sum(&way->hour))
		report_only("ok", "earlier", "%s", advice_on_loss(text, &way->total, way));
}

static void check_way(const struct config *config)
{
	struct inbox_status status;
	int vault_fd = io_open_dir(AT_FDCWD, config->vault);
	if (vault_fd < 0)
		return; /* which check_vault tells, as it does of a status that is not there */
	if (inbox_status_load(&status, vault_fd) == 0) {
		struct way way = inbox_way(status.view);
		show_way(&way);
		inbox_status_free(&status);
	}
	io_close(vault_fd);
}

static void check_link(struct check *check, const struct config *config)
{
	char text[LINKWATCH_TEXT_BYTES];
	int result = linkwatch_describe(text, config);
	report(check, result == 0, "layers", "%s", text);
}

int checkup(const struct config *config, const char *path)
{
	struct check result = {0};
	report(&result, true, "configuration", "%s", path);
	report(&result, true, "link", "listens at %s port %u, MTU %" PRIu32, config->address,
	       config->port, config->mtu);
	check_link(&result, config);
	check_registry(&result, config);
	check_key(&result, "box key", config->box_key, KEY_RECEIVER);
	check_key(&result, "link key", config->link_key, KEY_LINK);
	check_buffer(&result, config);
	check_ring(&result, config);
	check_vault(&result, config);
	check_put_back(&result, config);
	check_way(config);
	return result.bad == 0 ? EXIT_DONE : EXIT_ENVIRONMENT;
}
