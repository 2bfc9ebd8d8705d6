/* What status.json says of the bundles that are arriving; a part of reception. */
#include "common/verdict.h"
#include "errand.h"

static const char *state_name(const struct known_bundle *bundle, bool is_written)
{
	if (bundle->state == KNOWN_REFUSED)
		return "refused";
	if (bundle->arrival == NULL)
		return "promised";
	if (bundle->arrival->phase == PHASE_WAITING && bundle->arrival->wanted_registry != 0)
		return "waiting-for-registry";
	if (bundle->arrival->phase == PHASE_VERIFIED && !is_written)
		return "waiting-for-ledger";
	return bundle->arrival->phase == PHASE_RECEIVING ? "receiving" : "checking";
}

void reception_report(const struct reception *r, const struct known_bundle *bundle,
		      struct status_text *status)
{
	char name[VAULT_NAME_BYTES];
	const struct arrival *a = bundle->arrival;
	if (bundle->state == KNOWN_DELIVERED)
		return;
	reception_name_of(r, &bundle->id, name);
	struct status_bundle report = {
		.name = name,
		.epoch = bundle->id.epoch,
		.number = bundle->id.number,
		.route_id = bundle->id.route_id,
		.state = state_name(bundle, diary_is_well(r->o.diary)),
		.verdict = bundle->state == KNOWN_REFUSED ? verdict_name(bundle->verdict) : "",
		.object_bytes = bundle->entry.geometry.object_len,
		.missing_bytes = bundle->entry.geometry.object_len,
		.lack = {bundle->entry.geometry.source_rows, geometry_block_count(&bundle->entry.geometry), 0},
		.since_s = bundle->since_s,
	};
	if (a != NULL) {
		struct arrivals *arrivals = partial_arrivals(a->partial);
		report.lack = arrivals_lack(arrivals);
		report.missing_bytes = arrivals_missing_symbols(arrivals) * SYMBOL_BYTES;
		report.skipped_bytes = arrivals_skipped_symbols(arrivals) * SYMBOL_BYTES;
		report.held_bytes = report.object_bytes - report.missing_bytes;
		report.wanted_registry = a->wanted_registry;
		report.last_arrival_s = a->last_arrival_s;
	}
	status_add(status, &report);
}
