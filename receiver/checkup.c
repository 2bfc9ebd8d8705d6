#include "checkup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "advice.h"
#include "common/check.h"
#include "common/command.h"
#include "common/io.h"
#include "common/registry.h"
#include "common/text.h"
#include "common/verdict.h"
#include "inbox.h"
#include "marker.h"
#include "registrar.h"
#include "ring.h"
#include "ringroom.h"

enum { STATUS_AGE_MAX_S = 10 };

/* The one that came over the link takes its place when it is newer, as in weir-keep. */
static void prefer_crossed(const struct check *check, struct registry **registry, const struct roots *roots)
{
	char vault[2 * CONFIG_PATH_BYTES];
	int vault_fd = io_open_dir(AT_FDCWD, check->config->vault);
	if (vault_fd < 0)
		return; /* which is told of the vault */
	int result = registrar_prefer(registry, vault_fd, roots);
	io_close(vault_fd);
	if (result != 0)
		finding_type(report_result(check->report, FINDING_REGISTRY, result, "%s/%s, which came over the link, does not count",
					   text_escape_name(vault, sizeof(vault), check->config->vault), REGISTRAR_FILE),
			     "weir-inbox registry show '%s/%s'", vault, REGISTRAR_FILE);
}

static void check_registries(const struct check *check)
{
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES] = "", shown[2 * CONFIG_PATH_BYTES];
	const char *path = check->config->roots;
	int result = roots_load(&roots, path, problem);
	if (result == 0) {
		path = check->config->registry;
		result = registry_load(&registry, path, roots, problem);
	}
	text_escape_name(shown, sizeof(shown), path);
	if (result != 0) {
		finding_type(report_result(check->report, FINDING_REGISTRY, result, "%s%s%s", shown, problem[0] != 0 ? ":" : "",
					   problem),
			     "ls -l '%s'; then install it again from where it was signed", shown);
	} else {
		prefer_crossed(check, &registry, roots);
		check_registry(check, registry);
	}
	registry_free(registry);
	roots_free(roots);
}

/* What weir-keep has last written into the vault. */
static void check_keep(const struct check *check, int vault_fd)
{
	struct stat st;
	struct finding *f;
	if (fstatat(vault_fd, "status.json", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		f = report_add(check->report, FINDING_KEEP, FINDING_RED, "it has not run yet: no status.json");
	} else {
		time_t age_s = time(NULL) - st.st_mtim.tv_sec;
		f = report_add(check->report, FINDING_KEEP, age_s <= STATUS_AGE_MAX_S ? FINDING_GREEN : FINDING_RED,
			       "last heard %lld s ago", (long long)age_s);
	}
	finding_type(f, "systemctl start weir-receiver.target; journalctl -u weir-keep says why it does not run");
}

/* What was delivered since the copy was made may be missing, and what was destroyed may be here again. */
static void check_put_back(const struct check *check, int vault_fd)
{
	char problem[MARKER_PROBLEM_BYTES], vault[2 * CONFIG_PATH_BYTES];
	if (!marker_was_put_back(vault_fd, problem)) {
		report_add(check->report, FINDING_OLDER_VAULT, FINDING_GREEN, "none was put in the place of this vault");
		return;
	}
	finding_type(report_add(check->report, FINDING_OLDER_VAULT, FINDING_RED, "an older copy of it was put back: %s", problem),
		     "find out who did, in 'weir-inbox ledger show --event vault.older' and from whoever keeps the copies, look at "
		     "'weir-inbox gaps', then remove %s/put-back", text_escape_name(vault, sizeof(vault), check->config->vault));
}

/* It has to fit, and somebody has to have said for how long it lasts. */
static void check_ring(const struct check *check)
{
	const struct config *config = check->config;
	char size[32], why[RINGROOM_TEXT_BYTES], runtime[2 * CONFIG_PATH_BYTES];
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
		finding_type(report_add(check->report, FINDING_RING, FINDING_RED, "%s/%s: %s",
					text_escape_name(runtime, sizeof(runtime), config->runtime), RING_FILE, why),
			     "df '%s'; free -m; then change [link] as it says, and start the box again", runtime);
	} else if (config->rate_bits_per_s == 0) {
		finding_type(report_add(check->report, FINDING_RING, FINDING_AMBER,
					"%s; for how long a stall it lasts cannot be said", size),
			     "give the sender's 'rate' in [link]");
	} else {
		report_add(check->report, FINDING_RING, FINDING_GREEN, "%s, which last for %" PRIu64 " ms at the sender's rate",
			   size, ringroom_ms(bytes, config->rate_bits_per_s, config->mtu));
	}
}

/* What weir-keep saw of the way in since it started. */
static void add_way(const struct check *check, const struct way *way)
{
	static const char advice[] = "weir-inbox gaps; then do what the sentence above says";
	char text[ADVICE_BYTES], fill[32], most[32];
	if (way->interface[0] == 0)
		finding_type(report_add(check->report, FINDING_COUNTERS, FINDING_AMBER, "no counters of a NIC are read"),
			     "say 'interface' in [link], and start the box again");
	else
		report_add(check->report, FINDING_COUNTERS, FINDING_GREEN, "%s", way->interface);
	finding_type(report_add(check->report, FINDING_RING_FILL, way->is_filling ? FINDING_AMBER : FINDING_GREEN,
				"%s of late, %s at most; weir-keep was away for %" PRIu64 " ms at most",
				text_size(fill, sizeof(fill), way->ring_fill), text_size(most, sizeof(most), way->ring_fill_max),
				way->away_max_ms),
		     "iostat -x 1, or top, to see what keeps weir-keep from its work; a faster disk, or a lower 'rate' on the sender");
	if (loss_sum(&way->hour) > 0)
		finding_type(report_add(check->report, FINDING_LOSS, FINDING_AMBER, "in the last hour %s",
					advice_on_loss(text, &way->hour, way)), advice);
	else if (loss_sum(&way->total) > 0)
		report_add(check->report, FINDING_LOSS, FINDING_GREEN, "none in the last hour; earlier %s",
			   advice_on_loss(text, &way->total, way));
	else
		report_add(check->report, FINDING_LOSS, FINDING_GREEN, "no datagram was lost on the way");
}

/* clock: what of it the heartbeat tells. */
static void check_vault(const struct check *check, struct clock_facts *clock)
{
	struct inbox_status status;
	check_disk(check, "vault", check->config->vault);
	int vault_fd = io_open_dir(AT_FDCWD, check->config->vault);
	if (vault_fd < 0)
		return; /* which check_disk tells */
	check_keep(check, vault_fd);
	check_put_back(check, vault_fd);
	if (inbox_status_load(&status, vault_fd) == 0) {
		struct way way = inbox_way(status.view);
		add_way(check, &way);
		clock->sent_s = json_get_number(status.view, "last_heartbeat_sent", 0);
		clock->heard_s = json_get_number(status.view, "last_heartbeat", 0);
		inbox_status_free(&status);
	}
	io_close(vault_fd);
}

struct box {
	const struct config *config;
	const char *path;
};

static int look(struct report *report, void *context)
{
	const struct box *box = context;
	const struct check check = {.report = report, .config = box->config, .config_path = box->path, .root = ""};
	char shown[2 * CONFIG_PATH_BYTES];
	report_add(report, FINDING_CONFIGURATION, FINDING_GREEN, "%s; listens at %s port %u, MTU %" PRIu32,
		   text_escape_name(shown, sizeof(shown), box->path), box->config->address, box->config->port, box->config->mtu);
	check_registries(&check);
	check_key(&check, FINDING_BOX_KEY, box->config->box_key, KEY_RECEIVER, NULL);
	check_key(&check, FINDING_LINK_KEY, box->config->link_key, KEY_LINK, NULL);
	check_machine(&check);
	check_ring(&check);
	struct clock_facts now = clock_read();
	check_vault(&check, &now);
	check_clock(&check, &now, NULL);
	return 0;
}

int checkup(const struct checking *checking, const struct config *config, const char *path)
{
	struct box box = {config, path};
	return checking_run(checking, look, &box);
}
