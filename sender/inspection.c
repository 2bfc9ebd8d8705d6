#include "inspection.h"

#include <stdio.h>

#include "common/verdict.h"

static bool needs_encodings(const struct registry *registry)
{
	for (size_t i = 0; i < registry_route_count(registry); i++) {
		const struct policy *policy = registry_route_at(registry, i)->policy;
		if (policy != NULL && policy->encoding >= ENCODING_BIG5)
			return true;
	}
	return false;
}

int inspection_open(struct inspection *in, const struct setup *setup)
{
	const struct config *config = &setup->config;
	*in = (struct inspection){.scan_result = VERDICT_NOT_SCANNED};
	if (needs_encodings(setup->registry)) {
		int result = encodings_open(&in->encodings);
		if (result != 0)
			return result;
	}
	snprintf(in->finding.said, sizeof(in->finding.said),
		 "no virus scanner is configured; add [scan] to the configuration");
	if (!config->has_scan)
		return 0;
	const struct scan_options options = {
		.socket = config->scan_socket,
		.timeout_ms = config->scan_timeout_s * 1000,
		.max_bytes = config->scan_max_bytes,
	};
	in->scan_result = scan_open(&in->scan, &options, &in->finding);
	return 0;
}

void inspection_close(struct inspection *in)
{
	guard_free(in->guard);
	scan_close(in->scan);
	encodings_close(in->encodings);
	in->guard = NULL;
	in->scan = NULL;
	in->encodings = NULL;
}

static int or_finding(struct inspection *in, int result)
{
	char text[GUARD_DESCRIPTION_BYTES];
	if (result == VERDICT_AGAINST_POLICY)
		snprintf(in->about, sizeof(in->about), "%s",
			 guard_describe(text, guard_finding(in->guard)));
	return result;
}

static int or_scanned(struct inspection *in, int result)
{
	const struct scan_finding *finding = &in->finding;
	if (result == VERDICT_INFECTED || result == VERDICT_NOT_SCANNED)
		snprintf(in->about, sizeof(in->about), "%.*s%s%s", GUARD_DESCRIPTION_BYTES - 4,
			 finding->member, finding->member[0] != 0 ? ": " : "", finding->said);
	return result;
}

int inspection_start(struct inspection *in, const struct route *route)
{
	char problem[GUARD_PROBLEM_BYTES];
	const struct guard_options options = {
		.policy = route->policy,
		.format = route->format,
		.max_records = route->max_records,
		.max_bytes = route->max_bytes,
		.encodings = in->encodings,
	};
	int result = guard_new(&in->guard, &options, problem);
	if (result == VERDICT_BAD_POLICY)
		snprintf(in->about, sizeof(in->about), "%s: %s", route->policy->name, problem);
	in->scans = route->policy != NULL && route->policy->needs_scan;
	in->has_controls = route->policy != NULL && route->policy->needs_control;
	if (result == 0 && in->scans)
		result = or_scanned(in, in->scan_result != 0 ? in->scan_result : scan_begin(in->scan));
	return result;
}

int inspection_member_begin(struct inspection *in, const char *name)
{
	int result = or_finding(in, guard_member_begin(in->guard, name));
	return result == 0 && in->scans ? or_scanned(in, scan_member_begin(in->scan, name)) : result;
}

bool inspection_has_controls(const struct inspection *in)
{
	return in->has_controls;
}

bool inspection_is_control(const struct inspection *in)
{
	return guard_is_control(in->guard);
}

bool inspection_looks(const struct inspection *in)
{
	return in->scans || guard_looks(in->guard);
}

int inspection_add(struct inspection *in, const void *data, size_t len)
{
	int result = or_finding(in, guard_add(in->guard, data, len));
	return result == 0 && in->scans ? or_scanned(in, scan_add(in->scan, data, len)) : result;
}

int inspection_member_end(struct inspection *in, uint32_t *columns)
{
	int result = or_finding(in, guard_member_end(in->guard));
	if (result != 0)
		return result;
	*columns = guard_columns(in->guard);
	return in->scans ? or_scanned(in, scan_member_end(in->scan)) : 0;
}

int inspection_finish(struct inspection *in, const struct route *route, struct statement *statement)
{
	int result = or_finding(in, guard_finish(in->guard));
	if (result == 0 && in->scans)
		result = or_scanned(in, scan_finish(in->scan));
	if (result != 0)
		return result;
	statement->guard = route->policy == NULL ? GUARD_NO_RULES : GUARD_PASSED;
	statement->scan = in->scans ? SCAN_CLEAN : SCAN_NOT_ASKED;
	return 0;
}

const char *inspection_about(const struct inspection *in)
{
	return in->about;
}
