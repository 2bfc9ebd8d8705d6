/* How it stands with a named bundle that is not delivered. */
#include <string.h>

#include "common/verdict.h"
#include "errand.h"

/* What a refusal says when the same push was delivered under another number. */
#define REPEATED "already-delivered"

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

bool reception_is_repeated(const struct known_bundle *bundle)
{
	return bundle->state == KNOWN_REFUSED && strcmp(verdict_name(bundle->verdict), REPEATED) == 0;
}

void reception_facts(struct missing_facts *out, const struct known_bundle *bundle)
{
	const struct arrival *a = bundle->arrival;
	*out = (struct missing_facts){
		.is_refused = bundle->state == KNOWN_REFUSED,
		.since_s = bundle->since_s,
		.passed_s = bundle->passed_s,
		.offered_until = bundle->entry.offered_until,
	};
	out->is_repeated = reception_is_repeated(bundle);
	if (a == NULL)
		return;
	const struct arrivals *arrivals = partial_arrivals(a->partial);
	out->is_whole = a->phase != PHASE_RECEIVING || arrivals_missing_symbols(arrivals) == 0;
	out->has_come = arrivals_have_begun(arrivals);
	out->is_tail = !out->is_whole && arrivals_lack_tail(arrivals);
}

uint64_t reception_missing_bytes(const struct known_bundle *bundle)
{
	if (bundle->arrival == NULL)
		return bundle->entry.geometry.object_len;
	return arrivals_missing_symbols(partial_arrivals(bundle->arrival->partial)) * SYMBOL_BYTES;
}

void reception_report(const struct reception *r, const struct known_bundle *bundle,
		    const struct missing_link *link, struct status_text *status)
{
	char name[VAULT_NAME_BYTES];
	struct missing_facts facts;
	struct missing_judgement judgement;
	const struct arrival *a = bundle->arrival;
	if (bundle->state == KNOWN_DELIVERED)
		return;
	reception_name_of(r, &bundle->id, name);
	reception_facts(&facts, bundle);
	missing_judge(&judgement, &facts, link, r->now_s);
	struct status_bundle report = {
		.name = name,
		.epoch = bundle->id.epoch,
		.number = bundle->id.number,
		.route_id = bundle->id.route_id,
		.state = state_name(bundle, diary_is_well(r->o.diary)),
		.verdict = bundle->state == KNOWN_REFUSED ? verdict_name(bundle->verdict) : "",
		.kind = missing_name(judgement.kind),
		.object_bytes = bundle->entry.geometry.object_len,
		.missing_bytes = reception_missing_bytes(bundle),
		.lack = {bundle->entry.geometry.source_rows, geometry_block_count(&bundle->entry.geometry), 0},
		.since_s = bundle->since_s,
		.passed_s = bundle->passed_s,
		.lacks_tail = facts.is_tail,
	};
	if (a != NULL) {
		struct arrivals *arrivals = partial_arrivals(a->partial);
		report.lack = arrivals_lack(arrivals);
		report.skipped_bytes = arrivals_skipped_symbols(arrivals) * SYMBOL_BYTES;
		report.held_bytes = report.object_bytes - report.missing_bytes;
		report.wanted_registry = a->wanted_registry;
		report.last_arrival_s = a->last_arrival_s;
	}
	status_add(status, &report);
}
