#include "checkup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "asking.h"
#include "checkup_expected.h"
#include "checkup_outage.h"
#include "checkup_scan.h"
#include "common/check.h"
#include "common/checking.h"
#include "common/command.h"
#include "common/text.h"
#include "common/verdict.h"
#include "orders.h"
#include "psks.h"
#include "setup.h"

enum { EMIT_SILENT_MS = 5000 };

static void check_box_key(const struct check *check, const struct setup *setup)
{
	struct setup_problem problem;
	struct key *key = NULL;
	char fingerprint[FINGERPRINT_BYTES], file[2 * CONFIG_PATH_BYTES];
	int result = setup_box_key(&key, setup, &problem);
	if (result != 0) {
		text_escape_name(file, sizeof(file), problem.file);
		finding_type(report_result(check->report, FINDING_BOX_KEY, result, "%s", file),
			     "ls -l '%s'; weir-outbox key show '%s'", file, file);
		return;
	}
	card_fingerprint(fingerprint, &key->card);
	const struct party *box = registry_party_by_key(setup->registry, KEY_SENDER, key->card.id);
	result = box == NULL ? VERDICT_UNKNOWN_KEY : party_check(box, (uint64_t)time(NULL));
	finding_type(report_result(check->report, FINDING_BOX_KEY, result, "sender '%s', fingerprint %s", key->card.name,
				   fingerprint),
		     "weir-outbox registry show; then have the key named there, or another one here");
	key_free(key);
}

static void check_psks(const struct check *check, const struct setup *setup)
{
	for (size_t i = 0; i < registry_party_count(setup->registry); i++) {
		const struct party *party = registry_party_at(setup->registry, i);
		char path[2 * CONFIG_PATH_BYTES];
		if (party->card.kind != KEY_RECIPIENT)
			continue;
		int result = psks_path(path, sizeof(path), setup->config.psk_dir, party->card.name);
		if (result == 0)
			check_key(check, FINDING_PRE_SHARED_KEY, path, KEY_PSK, party->psk_public);
		else
			finding_type(report_result(check->report, FINDING_PRE_SHARED_KEY, result, "%s", party->card.name),
				     "name a shorter folder in [keys] psks");
	}
}

static void count_item(void *context, const struct local_item *item)
{
	size_t *counts = context;
	counts[item->state]++;
}

static void check_hold(const struct check *check)
{
	size_t counts[LOCAL_STATE_END] = {0};
	struct local_refused refused;
	int result = asking_list(check->config->runtime, NULL, count_item, counts, &refused);
	if (result != 0)
		finding_type(report_result(check->report, FINDING_HOLD, result, "weir-hold does not answer"),
			     "systemctl start weir-sender.target; journalctl -u weir-hold says why it does not run");
	else
		report_add(check->report, FINDING_HOLD, FINDING_GREEN,
			   "%zu wait for people, %zu held, %zu ready, %zu on the link, %zu sent", counts[LOCAL_WAITING],
			   counts[LOCAL_HELD], counts[LOCAL_READY_TO_SEND], counts[LOCAL_SENDING], counts[LOCAL_SENT]);
}

static int read_page(struct progress_page *page, const struct config *config)
{
	struct progress_shared *shared = NULL;
	int result = progress_map(&shared, config->runtime, false);
	if (result != 0)
		return result;
	result = progress_read(page, shared);
	progress_unmap(shared);
	return result == 0 && page->updated_ms == 0 ? -ETIMEDOUT : result;
}

static void check_emit(const struct check *check)
{
	struct progress_page page = {0};
	struct timespec now;
	struct finding *f;
	int result = read_page(&page, check->config);
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	uint64_t silent_ms = now_ms > page.updated_ms ? now_ms - page.updated_ms : 0;
	if (result != 0)
		f = report_result(check->report, FINDING_EMIT, result, "it has not been heard of yet");
	else
		f = report_add(check->report, FINDING_EMIT, silent_ms < EMIT_SILENT_MS ? FINDING_GREEN : FINDING_RED,
			       "%" PRIu64 " datagrams, last heard of %" PRIu64 " ms ago", page.datagrams, silent_ms);
	finding_type(f, "systemctl start weir-sender.target; journalctl -u weir-emit says why it does not run");
}

/* What the registry tells of, and of it what this box has. */
static void check_registered(const struct check *check, const struct setup *setup)
{
	check_registry(check, setup->registry);
	check_box_key(check, setup);
	check_psks(check, setup);
	checkup_expected(check, setup->registry);
}

/* A box that is being set up has none yet, and everything else can be looked at. */
static void tell_unregistered(const struct check *check, int result, const struct setup_problem *problem)
{
	char text[SETUP_TEXT_BYTES], shown[2 * CONFIG_PATH_BYTES];
	finding_type(report_result(check->report, FINDING_REGISTRY, result, "%s", setup_describe(text, problem)),
		     "ls -l '%s'; then install it again from where it was signed",
		     text_escape_name(shown, sizeof(shown), problem->file));
	check_key(check, FINDING_BOX_KEY, check->config->box_key, KEY_SENDER, NULL);
}

static int look(struct report *report, void *context)
{
	const char *config_path = context;
	struct setup setup = {.registry = NULL};
	struct setup_problem problem = {.text = ""};
	char text[SETUP_TEXT_BYTES], shown[2 * CONFIG_PATH_BYTES];
	setup_name_file(&problem, config_path);
	int result = config_load(&setup.config, CONFIG_SENDER, config_path, problem.text);
	if (result != 0)
		return command_fail(result, "cannot load %s", setup_describe(text, &problem));
	const struct check check = {.report = report, .config = &setup.config, .config_path = config_path, .root = ""};
	report_add(report, FINDING_CONFIGURATION, FINDING_GREEN, "%s", text_escape_name(shown, sizeof(shown), config_path));
	result = setup_load_registry(&setup, &problem);
	if (result == 0)
		check_registered(&check, &setup);
	else
		tell_unregistered(&check, result, &problem);
	const struct clock_facts now = clock_read();
	check_clock(&check, &now, setup.registry);
	check_key(&check, FINDING_LINK_KEY, setup.config.link_key, KEY_LINK, NULL);
	check_machine(&check);
	check_disk(&check, "spool", setup.config.spool);
	check_hold(&check);
	check_emit(&check);
	checkup_outage(&check);
	if (checkup_scan_applies(&setup.config, setup.registry))
		checkup_scan(&check);
	setup_free(&setup);
	return 0;
}

int checkup(int argc, char **argv)
{
	struct checking checking;
	int code = checking_options(&checking, argc, argv);
	if (code != 0)
		return code;
	return checking_run(&checking, look, (void *)(uintptr_t)setup_config_path(checking.config));
}
