#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "registryparts.h"

/* Five years at most, as the authority grants it; nothing lives longer by a slip of the pen. */
bool lives_too_long(const struct builder *b, uint64_t expires)
{
	return expires > b->registry->issued + UINT64_C(86400) * LIFE_DAYS_MAX;
}

static const char *check_head(struct builder *b)
{
	struct registry *r = b->registry;
	const char *missing = draft_missing_key(&b->head);
	if (b->head.line != 0)
		b->line = b->head.line;
	if (missing != NULL)
		return builder_complain(b, "[registry] has no '%s'", missing);
	if (r->expires <= r->issued)
		return "the registry expires before it is issued";
	if (lives_too_long(b, r->expires))
		return "the registry lives longer than five years";
	return NULL;
}

static void settle_parties(struct builder *b)
{
	struct registry *r = b->registry;
	const struct party_draft *drafts = b->parties.items;
	for (size_t i = 0; i < b->parties.count; i++) {
		r->parties[i] = drafts[i].party;
		r->parties_by_key[i] = &r->parties[i];
	}
	r->party_count = b->parties.count;
	qsort(r->parties_by_key, r->party_count, POINTER_BYTES, party_compare_key);
}

static void settle_policies(struct builder *b)
{
	struct registry *r = b->registry;
	const struct policy_draft *drafts = b->policies.items;
	r->columns = b->columns.items;
	r->patterns = b->patterns.items;
	b->columns.items = b->patterns.items = NULL;
	for (size_t i = 0; i < b->policies.count; i++) {
		struct policy *policy = &r->policies[i];
		*policy = drafts[i].policy;
		if (policy->column_count > 0)
			policy->columns = r->columns + drafts[i].first_column;
		if (policy->pattern_count > 0)
			policy->patterns = r->patterns + drafts[i].first_pattern;
	}
	r->policy_count = b->policies.count;
}

static void settle_routes(struct builder *b)
{
	struct registry *r = b->registry;
	const struct route_draft *drafts = b->routes.items;
	for (size_t i = 0; i < b->routes.count; i++)
		r->routes[i] = drafts[i].route;
	r->route_count = b->routes.count;
}

/* Moves the drafts over into the registry: parties and policies sorted, routes as they stand. */
static const char *settle(struct builder *b)
{
	struct registry *r = b->registry;
	r->parties = calloc(b->parties.count + 1, sizeof(*r->parties));
	r->parties_by_key = calloc(b->parties.count + 1, POINTER_BYTES);
	r->policies = calloc(b->policies.count + 1, sizeof(*r->policies));
	r->routes = calloc(b->routes.count + 1, sizeof(*r->routes));
	r->listed = calloc(b->words.count + 1, POINTER_BYTES);
	if (r->parties == NULL || r->parties_by_key == NULL || r->policies == NULL ||
	    r->routes == NULL || r->listed == NULL) {
		b->result = -ENOMEM;
		return "no memory";
	}
	settle_parties(b);
	settle_policies(b);
	settle_routes(b);
	return NULL;
}

/* A list of a route, while it fills. */
struct slice {
	const struct party *const *items;
	size_t *count;
};

static struct slice slice_of(struct route *route, enum list list)
{
	if (list == LIST_RECIPIENTS)
		return (struct slice){route->recipients, &route->recipient_count};
	if (list == LIST_OPERATORS)
		return (struct slice){route->operators, &route->operator_count};
	return (struct slice){route->officers, &route->officer_count};
}

/* Gives each route its slices of `listed`. */
static void share_out(struct registry *r, size_t words)
{
	size_t at = 0;
	for (size_t i = 0; i < r->route_count; i++) {
		struct route *route = &r->routes[i];
		route->recipients = r->listed + at;
		at += route->recipient_count;
		route->operators = r->listed + at;
		at += route->operator_count;
		route->officers = r->listed + at;
		at += route->officer_count;
		route->recipient_count = route->operator_count = route->officer_count = 0;
	}
	assert(at == words);
}

static bool is_listed(struct slice slice, const struct party *party)
{
	for (size_t i = 0; i < *slice.count; i++)
		if (slice.items[i] == party)
			return true;
	return false;
}

/* Whether this party may stand in this list. */
static const char *check_entitled(struct builder *b, const struct route *route,
				  const struct party *party, enum list list)
{
	enum role role = list == LIST_OFFICERS ? ROLE_OFFICER : ROLE_OPERATOR;
	if (list == LIST_RECIPIENTS)
		return NULL;
	if ((party->roles & role) == 0)
		return builder_complain(b, "'%s' does not have the role %s", party->card.name,
					role_name(role));
	if (list == LIST_OFFICERS && route->quorum > 0 &&
	    bytes_are_zero(party->card.second, SUITE_KEY_BYTES))
		return builder_complain(b, "'%s' approves here, and needs a key 'reading'",
					party->card.name);
	return NULL;
}

/* Fills the slices in the order of the words. */
static const char *resolve_lists(struct builder *b)
{
	struct registry *r = b->registry;
	const struct word *words = b->words.items;
	share_out(r, b->words.count);
	for (size_t i = 0; i < b->words.count; i++) {
		const struct word *word = &words[i];
		enum key_kind kind = word->list == LIST_RECIPIENTS ? KEY_RECIPIENT : KEY_PERSON;
		struct route *route = &r->routes[word->route];
		struct slice slice = slice_of(route, word->list);
		const struct party *party = registry_party(r, kind, word->name);
		b->line = word->line;
		if (party == NULL)
			return builder_complain(b, "there is no [%s %s]", key_kind_name(kind), word->name);
		if (is_listed(slice, party))
			return builder_complain(b, "'%s' stands twice in the list", word->name);
		const char *wrong = check_entitled(b, route, party, word->list);
		if (wrong != NULL)
			return wrong;
		size_t first = (size_t)(slice.items - (const struct party *const *)r->listed);
		r->listed[first + (*slice.count)++] = party;
	}
	return NULL;
}

/* A policy that asks what nobody can check on this route would pass for a check. */
static const char *check_fit(struct builder *b, const struct route *route)
{
	const struct policy *p = route->policy;
	bool has_widths = p != NULL && p->column_count > 0 && p->columns[0].width > 0;
	if (route->format == FORMAT_FIXED && !has_widths)
		return builder_complain(b, "[route %s] has format fixed, and needs a policy with 'widths'",
					route->name);
	if (p == NULL)
		return NULL;
	if (route->format != FORMAT_FIXED && has_widths)
		return builder_complain(b, "[policy %s] has 'widths', which are for format fixed alone",
					p->name);
	if (route->format == FORMAT_LINES && p->column_count > 0)
		return builder_complain(b, "[policy %s] has columns, which format lines has not", p->name);
	if (route->format == FORMAT_OPAQUE &&
	    (!p->needs_scan || p->needs_control || p->refuses_identity || p->column_count > 0 ||
	     p->pattern_count > 0 || p->encoding != ENCODING_ANY))
		return builder_complain(b, "[policy %s] is for format opaque, of which nothing but "
					   "'scan = required' can be asked", p->name);
	return NULL;
}

static void add_piece(struct suite_hasher *hasher, const struct builder *b, const struct piece *piece)
{
	suite_hash_add(hasher, b->canonical + piece->at, piece->len);
}

/* The policy of each route, and the digest of both texts (REGISTRY.md 5). */
static const char *resolve_policies(struct builder *b)
{
	struct registry *r = b->registry;
	const struct route_draft *routes = b->routes.items;
	const struct policy_draft *policies = b->policies.items;
	for (size_t i = 0; i < r->route_count; i++) {
		struct route *route = &r->routes[i];
		struct suite_hasher hasher;
		suite_hash_start(&hasher, SUITE_DIGEST_BYTES, "weir1 route", NULL, 0);
		add_piece(&hasher, b, &routes[i].text);
		b->line = routes[i].draft.line;
		if (routes[i].policy_line != 0) {
			b->line = routes[i].policy_line;
			route->policy = registry_policy(r, routes[i].policy);
			if (route->policy == NULL)
				return builder_complain(b, "there is no [policy %s]", routes[i].policy);
			add_piece(&hasher, b, &policies[route->policy - r->policies].text);
		}
		suite_hash_end(&hasher, route->digest, sizeof(route->digest));
		const char *wrong = check_fit(b, route);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static const char *sort_routes(struct builder *b)
{
	struct registry *r = b->registry;
	for (size_t i = 0; i < r->route_count; i++) {
		const struct route *route = &r->routes[i];
		size_t from = (size_t)(route->recipients - (const struct party *const *)r->listed);
		qsort(r->listed + from, route->recipient_count, POINTER_BYTES, party_compare_key);
	}
	qsort(r->routes, r->route_count, sizeof(*r->routes), route_compare);
	return NULL;
}

const char *builder_finish(struct builder *b)
{
	static const char *(*const steps[])(struct builder *b) = {
		check_head,    check_parties,    check_policies, check_routes,   settle,
		resolve_lists, resolve_policies, sort_routes,    settle_reviews,
	};
	const char *wrong = NULL;
	for (size_t i = 0; wrong == NULL && i < sizeof(steps) / sizeof(steps[0]); i++)
		wrong = steps[i](b);
	return wrong;
}
