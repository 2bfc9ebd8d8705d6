#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

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
			if (route_allows_operator(route, route->operators[j]) != 0)
				abort();
	}
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
	return 0;
}
