#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registryparts.h"

enum {
	NEED_REGISTRY = SEEN_FORMAT | SEEN_NAME | SEEN_VERSION | SEEN_ISSUED | SEEN_EXPIRES,
	NEED_PARTY = SEEN_PUBLIC,
	NEED_RECIPIENT = SEEN_PUBLIC | SEEN_PSK,
	NEED_ROUTE = SEEN_ID | SEEN_RECIPIENTS | SEEN_OPERATORS | SEEN_RECORD_FORMAT |
		     SEEN_RECORDS | SEEN_DESTROY | SEEN_PRIORITY,
};

/* Five years at most, as the authority grants it; nothing lives longer by a slip of the pen. */
static bool lives_too_long(const struct builder *b, uint64_t expires)
{
	return expires > b->registry->issued + UINT64_C(86400) * LIFE_DAYS_MAX;
}

static const char *check_head(struct builder *b)
{
	struct registry *r = b->registry;
	const char *missing = builder_missing_key(SECTION_REGISTRY, NEED_REGISTRY, b->seen);
	if (b->has_head)
		b->line = b->head_line;
	if (missing != NULL)
		return builder_complain(b, "[registry] has no '%s'", missing);
	if (r->expires <= r->issued)
		return "the registry expires before it is issued";
	if (lives_too_long(b, r->expires))
		return "the registry lives longer than five years";
	return NULL;
}

static const char *check_party_drafts(struct builder *b)
{
	struct party_draft *drafts = b->parties.items;
	for (size_t i = 0; i < b->parties.count; i++) {
		struct party *party = &drafts[i].party;
		const char *kind = key_kind_name(party->card.kind);
		bool is_recipient = party->card.kind == KEY_RECIPIENT;
		const char *missing = builder_missing_key(SECTION_PARTY,
						  is_recipient ? NEED_RECIPIENT : NEED_PARTY,
						  drafts[i].seen);
		b->line = drafts[i].line;
		if (missing != NULL)
			return builder_complain(b, "[%s %s] has no '%s'", kind, party->card.name,
						missing);
		if (party->expires == 0)
			party->expires = b->registry->expires;
		if (lives_too_long(b, party->expires))
			return builder_complain(
				b, "[%s %s] expires more than five years after 'issued'", kind,
				party->card.name);
		card_identify(&party->card);
	}
	return NULL;
}

static const char *check_route_drafts(struct builder *b)
{
	struct route_draft *drafts = b->routes.items;
	for (size_t i = 0; i < b->routes.count; i++) {
		struct route *route = &drafts[i].route;
		const char *missing =
			builder_missing_key(SECTION_ROUTE, NEED_ROUTE, drafts[i].seen);
		b->line = drafts[i].line;
		if (missing != NULL)
			return builder_complain(b, "[route %s] has no '%s'", route->name, missing);
		if (route->expires == 0)
			route->expires = b->registry->expires;
		if (lives_too_long(b, route->expires))
			return builder_complain(
				b, "[route %s] expires more than five years after 'issued'",
				route->name);
		for (size_t j = 0; j < i; j++) {
			if (drafts[j].route.id == route->id)
				return builder_complain(b, "[route %s] has the id of [route %s]",
						route->name, drafts[j].route.name);
			if (strcmp(drafts[j].route.name, route->name) == 0)
				return builder_complain(b, "[route %s] stands twice", route->name);
		}
	}
	return NULL;
}

static int compare_public(const void *a, const void *b)
{
	const struct party_draft *const *x = a, *const *y = b;
	return memcmp((*x)->party.card.public_key, (*y)->party.card.public_key, SUITE_KEY_BYTES);
}

/* One key for two parties would let one act, or read, as the other. */
static const char *check_shared_keys(struct builder *b)
{
	struct party_draft *drafts = b->parties.items;
	const struct party_draft **sorted = calloc(b->parties.count + 1, POINTER_BYTES);
	const char *wrong = NULL;
	if (sorted == NULL) {
		b->result = -ENOMEM;
		return "no memory";
	}
	for (size_t i = 0; i < b->parties.count; i++)
		sorted[i] = &drafts[i];
	qsort(sorted, b->parties.count, POINTER_BYTES, compare_public);
	for (size_t i = 1; i < b->parties.count && wrong == NULL; i++) {
		if (compare_public(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		const struct card *x = &sorted[i - 1]->party.card, *y = &sorted[i]->party.card;
		b->line = sorted[i]->line > sorted[i - 1]->line ? sorted[i]->line
								 : sorted[i - 1]->line;
		wrong = builder_complain(b, "[%s %s] and [%s %s] have the same public key",
				 key_kind_name(x->kind), x->name, key_kind_name(y->kind), y->name);
	}
	free(sorted);
	return wrong;
}

static const char *check_party_names(struct builder *b)
{
	struct party_draft *drafts = b->parties.items;
	if (b->parties.count > 0)
		qsort(drafts, b->parties.count, sizeof(*drafts), party_compare);
	for (size_t i = 1; i < b->parties.count; i++) {
		if (party_compare(&drafts[i - 1], &drafts[i]) != 0)
			continue;
		b->line = drafts[i].line > drafts[i - 1].line ? drafts[i].line : drafts[i - 1].line;
		return builder_complain(b, "[%s %s] stands twice",
					key_kind_name(drafts[i].party.card.kind),
					drafts[i].party.card.name);
	}
	return NULL;
}

/* Moves the drafts over into the registry, parties sorted by name and by key. */
static const char *settle(struct builder *b)
{
	struct registry *r = b->registry;
	const struct party_draft *parties = b->parties.items;
	const struct route_draft *routes = b->routes.items;
	r->parties = calloc(b->parties.count + 1, sizeof(*r->parties));
	r->parties_by_key = calloc(b->parties.count + 1, POINTER_BYTES);
	r->routes = calloc(b->routes.count + 1, sizeof(*r->routes));
	r->listed = calloc(b->words.count + 1, POINTER_BYTES);
	if (r->parties == NULL || r->parties_by_key == NULL || r->routes == NULL ||
	    r->listed == NULL) {
		b->result = -ENOMEM;
		return "no memory";
	}
	for (size_t i = 0; i < b->parties.count; i++) {
		r->parties[i] = parties[i].party;
		r->parties_by_key[i] = &r->parties[i];
	}
	for (size_t i = 0; i < b->routes.count; i++)
		r->routes[i] = routes[i].route;
	r->party_count = b->parties.count;
	r->route_count = b->routes.count;
	qsort(r->parties_by_key, r->party_count, POINTER_BYTES, party_compare_key);
	return NULL;
}

static bool is_listed(const struct party *const *list, size_t count, const struct party *party)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == party)
			return true;
	return false;
}

/* Gives each route its two slices of `listed`, and fills them in the order of the words. */
static const char *resolve_lists(struct builder *b)
{
	struct registry *r = b->registry;
	const struct word *words = b->words.items;
	size_t at = 0;
	for (size_t i = 0; i < r->route_count; i++) {
		struct route *route = &r->routes[i];
		route->recipients = r->listed + at;
		at += route->recipient_count;
		route->operators = r->listed + at;
		at += route->operator_count;
		route->recipient_count = route->operator_count = 0;
	}
	assert(at == b->words.count);
	for (size_t i = 0; i < b->words.count; i++) {
		const struct word *word = &words[i];
		struct route *route = &r->routes[word->route];
		bool is_recipient = word->kind == KEY_RECIPIENT;
		size_t *count = is_recipient ? &route->recipient_count : &route->operator_count;
		const struct party *const *list = is_recipient ? route->recipients
							       : route->operators;
		const struct party *party = registry_party(r, word->kind, word->name);
		b->line = word->line;
		if (party == NULL)
			return builder_complain(b, "there is no [%s %s]", key_kind_name(word->kind),
					word->name);
		if (is_listed(list, *count, party))
			return builder_complain(b, "'%s' stands twice in the list", word->name);
		r->listed[(size_t)(list - (const struct party *const *)r->listed) + *count] = party;
		++*count;
	}
	return NULL;
}

static void sort_routes(struct registry *r)
{
	for (size_t i = 0; i < r->route_count; i++) {
		const struct route *route = &r->routes[i];
		size_t from = (size_t)(route->recipients - (const struct party *const *)r->listed);
		qsort(r->listed + from, route->recipient_count, POINTER_BYTES,
		      party_compare_key);
	}
	qsort(r->routes, r->route_count, sizeof(*r->routes), route_compare);
}

const char *builder_finish(struct builder *b)
{
	const char *wrong = check_head(b);
	if (wrong == NULL)
		wrong = check_party_drafts(b);
	if (wrong == NULL)
		wrong = check_shared_keys(b);
	if (wrong == NULL)
		wrong = check_party_names(b);
	if (wrong == NULL)
		wrong = check_route_drafts(b);
	if (wrong == NULL)
		wrong = settle(b);
	if (wrong == NULL)
		wrong = resolve_lists(b);
	if (wrong == NULL)
		sort_routes(b->registry);
	return wrong;
}
