#include "checkup_scan.h"

#include <inttypes.h>

#include "common/text.h"
#include "common/verdict.h"
#include "scan_probe.h"
#include "common/swapless.h"

bool checkup_scan_applies(const struct config *config, const struct registry *registry)
{
	bool applies = config->has_scan;
	for (size_t i = 0; registry != NULL && i < registry_route_count(registry); i++) {
		const struct policy *policy = registry_route_at(registry, i)->policy;
		applies |= policy != NULL && policy->needs_scan;
	}
	return applies;
}

static void check_clamd(const struct check *check)
{
	const struct config *config = check->config;
	const struct clamd_options options = {
		.socket = config->scan_socket,
		.timeout_ms = config->scan_timeout_s * 1000,
		.bytes_max = 2 * config->scan_max_bytes,
	};
	struct scan_finding found = {.said = ""};
	uint64_t elapsed_us = 0;
	char socket[2 * CONFIG_PATH_BYTES], limit[32];
	int result = scan_probe(&options, config->scan_max_bytes, &elapsed_us, &found);
	text_escape_name(socket, sizeof(socket), config->scan_socket);
	if (result == 0) {
		report_add(check->report, FINDING_VIRUS_SCANNER, FINDING_GREEN, "%s, EICAR found, all four answers in %" PRIu64
			   ".%03" PRIu64 " ms, files of %s", socket, elapsed_us / 1000, elapsed_us % 1000,
			   text_size(limit, sizeof(limit), config->scan_max_bytes));
		return;
	}
	struct finding *f = report_add(check->report, FINDING_VIRUS_SCANNER, FINDING_RED, "%s: %s", socket,
				       found.said[0] != 0 ? found.said : verdict_explain(result));
	f->result = result;
	finding_type(f, "systemctl status clamav-daemon; clamconf; SCANNING.md says how its limits have to be");
}

static void check_temporary(const struct check *check)
{
	char folder[2 * CONFIG_PATH_BYTES];
	bool is_memory = false;
	int result = swapless_folder(&is_memory, check->config->scan_temporary);
	text_escape_name(folder, sizeof(folder), check->config->scan_temporary);
	if (result != 0)
		finding_type(report_result(check->report, FINDING_SCAN_FOLDER, result, "%s", folder),
			     "name clamd's TemporaryDirectory in 'temporary' of [scan]");
	else if (!is_memory)
		finding_type(report_add(check->report, FINDING_SCAN_FOLDER, FINDING_RED, "%s is on a disk", folder),
			     "mount a tmpfs, and name it in TemporaryDirectory of clamd.conf and in 'temporary' of [scan]");
	else
		report_add(check->report, FINDING_SCAN_FOLDER, FINDING_GREEN, "%s", folder);
}

void checkup_scan(const struct check *check)
{
	check_clamd(check);
	check_temporary(check);
}
