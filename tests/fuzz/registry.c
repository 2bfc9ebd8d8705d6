#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/registry.h"

#include "tests/lib/fuzzblocks.h"

static void check_authority(const struct registry *registry, const struct route *route)
{
	bool has_widths = route->policy != NULL && route->policy->column_count > 0 &&
			  route->policy->columns[0].width > 0;
	if (route->quorum > route->officer_count || route->quorum > QUORUM_MAX ||
	    route->officer_count > OFFICERS_MAX || route->need_count > NEEDS_MAX ||
	    (route->need_count == 0 && !route->is_reviewed) ||
	    has_widths != (route->format == FORMAT_FIXED) ||
	    (route->policy != NULL && registry_policy(registry, route->policy->name) != route->policy))
		abort();
	for (size_t j = 0; j < route->officer_count; j++)
		if (route_allows_officer(route, route->officers[j]) != 0 ||
		    (route->officers[j]->roles & ROLE_OFFICER) == 0)
			abort();
	for (size_t j = 0; j < registry_review_count(registry); j++) {
		const struct review *review = registry_review_at(registry, j);
		if (registry_route(registry, review->route->name) != review->route ||
		    (review->person->roles & ROLE_REVIEWER) == 0)
			abort();
	}
}

static void check_policy(const struct registry *registry, const struct policy *policy)
{
	if (registry_policy(registry, policy->name) != policy || policy->version == 0 ||
	    policy->column_count > POLICY_COLUMNS_MAX || policy->pattern_count > POLICY_PATTERNS_MAX ||
	    policy_encoding_name(policy->encoding) == NULL)
		abort();
	for (size_t i = 0; i < policy->column_count; i++)
		if (policy->columns[i].name[0] == 0)
			abort();
	for (size_t i = 0; i < policy->pattern_count; i++)
		if (policy->patterns[i].column[0] == 0 || policy->patterns[i].pattern[0] == 0)
			abort();
}

/* What a good registry promises to its users. */
static void check(const struct registry *registry)
{
	for (size_t i = 0; i < registry_party_count(registry); i++) {
		const struct party *party = registry_party_at(registry, i);
		if (registry_party(registry, party->card.kind, party->card.name) != party ||
		    registry_party_by_key(registry, party->card.kind, party->card.id) != party)
			abort();
	}
	for (size_t i = 0; i < registry_route_count(registry); i++) {
		const struct route *route = registry_route_at(registry, i);
		if (registry_route(registry, route->name) != route ||
		    registry_route_by_id(registry, route->id) != route ||
		    route->recipient_count < 1 || route->recipient_count > STANZAS_MAX)
			abort();
		for (size_t j = 0; j < route->recipient_count; j++)
			if (route->recipients[j]->card.kind != KEY_RECIPIENT)
				abort();
		for (size_t j = 0; j < route->operator_count; j++)
			if (route_allows_operator(route, route->operators[j]) != 0 ||
			    (route->operators[j]->roles & ROLE_OPERATOR) == 0)
				abort();
		check_authority(registry, route);
	}
	for (size_t i = 0; i < registry_policy_count(registry); i++)
		check_policy(registry, registry_policy_at(registry, i));
	registry_expiring(registry, registry_issued(registry), NULL, NULL);
}

static void read_registry(const uint8_t *data, size_t len, const struct roots *roots)
{
	char problem[PROBLEM_BYTES];
	struct registry *registry = NULL;
	if (registry_parse(&registry, data, len, roots, problem) == 0)
		check(registry);
	registry_free(registry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char anchor[] =
		"[roots]\nquorum = 1\n[root root-1]\n"
		"public = 13fd1cf1a818d3b0d4fba5381f99742c7ff45dc25bb3654d3b9cb0e078d49113\n";
	char problem[PROBLEM_BYTES];
	struct roots *roots = NULL;
	const size_t blocks = fuzz_blocks_in_use();
	suite_start();
	if (roots_parse(&roots, (const uint8_t *)anchor, sizeof(anchor) - 1, problem) != 0)
		abort();
	read_registry(data, len, NULL);
	read_registry(data, len, roots);
	roots_free(roots);
	roots = NULL;
	if (roots_parse(&roots, data, len, problem) == 0 && roots_quorum(roots) == 0)
		abort();
	roots_free(roots);
	fuzz_blocks_check(blocks);
	return 0;
}
