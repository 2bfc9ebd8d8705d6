#include "checkup_scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/text.h"
#include "common/verdict.h"
#include "scan_probe.h"
#include "swapless.h"

bool checkup_scan_applies(const struct config *config, const struct registry *registry)
{
	bool applies = config->has_scan;
	for (size_t i = 0; i < registry_route_count(registry); i++) {
		const struct policy *policy = registry_route_at(registry, i)->policy;
		applies |= policy != NULL && policy->needs_scan;
	}
	return applies;
}

static void check_clamd(const struct config *config, checkup_say *say, void *context)
{
	const struct clamd_options options = {
		.socket = config->scan_socket,
		.timeout_ms = config->scan_timeout_s * 1000,
		.bytes_max = 2 * config->scan_max_bytes,
	};
	struct scan_finding finding = {.said = ""};
	uint64_t elapsed_us = 0;
	char detail[CONFIG_PATH_BYTES + 128], limit[32];
	int result = scan_probe(&options, config->scan_max_bytes, &elapsed_us, &finding);
	if (result != 0) {
		say(context, result, "virus scanner", config->scan_socket, finding.said);
		return;
	}
	snprintf(detail, sizeof(detail), "%s, EICAR found, all four answers in %" PRIu64 ".%03" PRIu64 " ms, files of %s",
		 config->scan_socket, elapsed_us / 1000, elapsed_us % 1000,
		 text_size(limit, sizeof(limit), config->scan_max_bytes));
	say(context, 0, "virus scanner", detail, "");
}

static void check_temporary(const struct config *config, checkup_say *say, void *context)
{
	bool is_memory = false;
	int result = swapless_folder(&is_memory, config->scan_temporary);
	if (result == 0 && !is_memory)
		say(context, VERDICT_NOT_SCANNED, "temporary files of clamd", config->scan_temporary,
		    "it is on a disk; mount a tmpfs, and name it in TemporaryDirectory of clamd.conf and in "
		    "'temporary' of [scan]");
	else
		say(context, result, "temporary files of clamd", config->scan_temporary, "");
}

void checkup_scan(const struct config *config, checkup_say *say, void *context)
{
	check_clamd(config, say, context);
	check_temporary(config, say, context);
}

void checkup_swap(checkup_say *say, void *context)
{
	char area[CONFIG_PATH_BYTES] = "";
	int result = swapless_area(area, sizeof(area), "/proc/swaps");
	if (result == 0 && area[0] != 0)
		say(context, -ENOTSUP, "swap", area,
		    "plaintext in memory could be written there; swapoff it, and take it out of /etc/fstab");
	else
		say(context, result, "swap", result == 0 ? "none" : "/proc/swaps", "");
}
