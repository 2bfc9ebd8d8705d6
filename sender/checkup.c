#include "checkup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "asking.h"
#include "checkup_expected.h"
#include "checkup_outage.h"
#include "checkup_scan.h"
#include "common/command.h"
#include "common/diskfill.h"
#include "common/expiry.h"
#include "common/io.h"
#include "common/linkwatch.h"
#include "common/text.h"
#include "common/verdict.h"
#include "orders.h"
#include "psks.h"
#include "setup.h"

enum { EMIT_SILENT_MS = 5000 };

struct report {
	int code; /* of the first failure */
};

/* "ok" or "BAD", what, and why; why as in checkup_say. */
static void line_why(void *context, int result, const char *what, const char *detail, const char *why)
{
	struct report *report = context;
	char escaped[2 * CONFIG_PATH_BYTES];
	text_escape_name(escaped, sizeof(escaped), detail);
	if (result == 0) {
		printf("ok   %s: %s\n", what, escaped);
		return;
	}
	printf("BAD  %s: %s: %s", what, escaped, why[0] != 0 ? why : verdict_explain(result));
	if (result > 0)
		printf(" [%s]", verdict_name(result));
	putchar('\n');
	if (report->code == EXIT_DONE)
		report->code = result > 0 ? EXIT_REFUSED : EXIT_ENVIRONMENT;
}

static void line(struct report *report, int result, const char *what, const char *detail)
{
	line_why(report, result, what, detail, "");
}

/* Nothing is wrong yet. */
static void line_soon(void *context, const char *text)
{
	(void)context;
	printf("soon %s\n", text);
}

static void check_registry(struct report *report, const struct registry *registry)
{
	char detail[160], expires[32];
	snprintf(detail, sizeof(detail), "%s, version %" PRIu64 ", expires %s", registry_name(registry),
		 registry_version(registry),
		 text_time(expires, sizeof(expires), registry_expires(registry)));
	line(report, registry_check(registry, (uint64_t)time(NULL)), "registry", detail);
	expiry_list(registry, (uint64_t)time(NULL), line_soon, NULL);
}

static void check_box_key(struct report *report, const struct setup *setup)
{
	struct setup_problem problem;
	struct key *key = NULL;
	char fingerprint[FINGERPRINT_BYTES], detail[FINGERPRINT_BYTES + NAME_BYTES + 16];
	int result = setup_box_key(&key, setup, &problem);
	if (result != 0) {
		line(report, result, "box key", problem.file);
		return;
	}
	card_fingerprint(fingerprint, &key->card);
	snprintf(detail, sizeof(detail), "%s, fingerprint %s", key->card.name, fingerprint);
	const struct party *box = registry_party_by_key(setup->registry, KEY_SENDER, key->card.id);
	line(report, box == NULL ? VERDICT_UNKNOWN_KEY : party_check(box, (uint64_t)time(NULL)),
	     "box key", detail);
	key_free(key);
}

static int check_secret(const char *path, enum key_kind kind, const uint8_t *wanted_public)
{
	struct key *key = NULL;
	int result = key_load(&key, path, NULL);
	if (result == 0 && (key->card.kind != kind ||
			    (wanted_public != NULL &&
			     memcmp(key->card.public_key, wanted_public, SUITE_KEY_BYTES) != 0)))
		result = VERDICT_WRONG_KEY;
	key_free(key);
	return result;
}

static void check_psks(struct report *report, const struct setup *setup)
{
	for (size_t i = 0; i < registry_party_count(setup->registry); i++) {
		const struct party *party = registry_party_at(setup->registry, i);
		char path[2 * CONFIG_PATH_BYTES];
		if (party->card.kind != KEY_RECIPIENT)
			continue;
		int result = psks_path(path, sizeof(path), setup->config.psk_dir, party->card.name);
		if (result == 0)
			result = check_secret(path, KEY_PSK, party->psk_public);
		line(report, result, "pre-shared key", path);
	}
}

static void check_spool(struct report *report, const struct config *config)
{
	char detail[CONFIG_PATH_BYTES + 64];
	int fd = io_open_dir(AT_FDCWD, config->spool);
	int percent = fd < 0 ? fd : diskfill_percent(fd);
	io_close(fd);
	if (percent < 0) {
		line(report, percent, "spool", config->spool);
		return;
	}
	snprintf(detail, sizeof(detail), "%s, disk %d %% full", config->spool, percent);
	line(report, (uint32_t)percent >= config->disk_full_percent ? VERDICT_SPOOL_FULL : 0, "spool", detail);
}

static void count_item(void *context, const struct local_item *item)
{
	size_t *counts = context;
	counts[item->state]++;
}

static void check_hold(struct report *report, const struct config *config)
{
	size_t counts[LOCAL_STATE_END] = {0};
	struct local_refused refused;
	char detail[128];
	int result = asking_list(config->runtime, NULL, count_item, counts, &refused);
	snprintf(detail, sizeof(detail), "%zu wait for people, %zu held, %zu ready, %zu on the link, %zu sent",
		 counts[LOCAL_WAITING], counts[LOCAL_HELD], counts[LOCAL_READY_TO_SEND], counts[LOCAL_SENDING],
		 counts[LOCAL_SENT]);
	line(report, result, "weir-hold", detail);
}

static void check_emit(struct report *report, const struct config *config)
{
	struct progress_shared *shared = NULL;
	struct progress_page page = {0};
	struct timespec now;
	char detail[96];
	int result = progress_map(&shared, config->runtime, false);
	if (result != 0) {
		line(report, result, "weir-emit", "it has not begun");
		return;
	}
	result = progress_read(&page, shared);
	progress_unmap(shared);
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	uint64_t then_ms = page.updated_ms;
	uint64_t silent_ms = now_ms > then_ms ? now_ms - then_ms : 0;
	if (result != 0 || then_ms == 0) {
		line(report, -ETIMEDOUT, "weir-emit", "it has not been heard of yet");
		return;
	}
	snprintf(detail, sizeof(detail), "%" PRIu64 " datagrams, last heard of %" PRIu64 " ms ago",
		 page.datagrams, silent_ms);
	line(report, silent_ms < EMIT_SILENT_MS ? 0 : -ETIMEDOUT, "weir-emit", detail);
}

static void check_link(struct report *report, const struct config *config)
{
	char text[LINKWATCH_TEXT_BYTES];
	int result = linkwatch_describe(text, config);
	if (result == 0)
		line(report, 0, "layers of the link", text);
	else
		line_why(report, result, "layers of the link", config->interface, text);
}

int checkup(const char *config_path)
{
	struct report report = {EXIT_DONE};
	struct setup setup;
	struct setup_problem problem;
	char text[SETUP_TEXT_BYTES];
	int result = setup_load(&setup, config_path, &problem);
	if (result != 0)
		return command_fail(result, "cannot load %s", setup_describe(text, &problem));
	line(&report, 0, "configuration", config_path);
	check_registry(&report, setup.registry);
	check_box_key(&report, &setup);
	line(&report, check_secret(setup.config.link_key, KEY_LINK, NULL), "link key",
	     setup.config.link_key);
	check_psks(&report, &setup);
	check_link(&report, &setup.config);
	check_spool(&report, &setup.config);
	check_hold(&report, &setup.config);
	check_emit(&report, &setup.config);
	checkup_expected(&setup.config, setup.registry, line_why, &report);
	checkup_outage(&setup.config, line_why, &report);
	checkup_swap(line_why, &report);
	if (checkup_scan_applies(&setup.config, setup.registry))
		checkup_scan(&setup.config, line_why, &report);
	setup_free(&setup);
	return report.code;
}
