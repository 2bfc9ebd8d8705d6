#include "judgement.h"

#include <assert.h>
#include <string.h>

#include "openbundle.h"
#include "order.h"
#include "verdict.h"

enum { CLOCK_SLACK_S = 3600 }; /* SECURITY.md 1: clocks are right to the hour */

/* The party of this kind that has both this name and this key. */
static const struct party *find_party(const struct registry *registry, enum key_kind kind,
				      const char *name, const uint8_t key_id[static KEY_ID_BYTES])
{
	const struct party *party = registry_party(registry, kind, name);
	return party != NULL && memcmp(party->card.id, key_id, KEY_ID_BYTES) == 0 ? party : NULL;
}

/* What the route's rules ask of any statement. */
static int check_policy(const struct registry *registry, const struct route *route,
			const struct statement *statement)
{
	const struct policy *policy = route->policy;
	uint64_t version = policy == NULL ? 0 : policy->version;
	if (statement->policy_version > 0 && statement->guard != GUARD_PASSED)
		return VERDICT_WRONG_POLICY;
	/* rules may have been made stricter while it was under way; what was released stays released */
	bool is_older = statement->registry_version < registry_version(registry) &&
			statement->policy_version < version;
	if (is_older)
		return VERDICT_OK;
	if (statement->policy_version != version)
		return VERDICT_WRONG_POLICY;
	return policy != NULL && policy->needs_scan && statement->scan != SCAN_CLEAN
		       ? VERDICT_WRONG_POLICY
		       : VERDICT_OK;
}

static int check_push_signature(const struct statement *statement, const struct endorsement *push,
				const struct party *party)
{
	uint8_t bytes[STATEMENT_BYTES];
	statement_encode(bytes, statement);
	return signature_verify(&push->signature, push_domain, bytes, sizeof(bytes), party);
}

/* The order is judged when it was used; whether the push keeps within it is asked last of all. */
static int check_push_order(const struct registry *registry, const struct statement *statement,
			    const struct endorsement *push, uint64_t at)
{
	struct order order;
	int result = order_decode(&order, push->order, push->order_len);
	if (result != 0)
		return result;
	if (order.kind != ORDER_PUSH || strcmp(order.route, statement->route) != 0 ||
	    strcmp(order.signers[0].name, statement->person) != 0 ||
	    memcmp(order.signers[0].key_id, statement->person_key, KEY_ID_BYTES) != 0)
		return VERDICT_NOT_ALLOWED;
	result = order_check_under(&order, registry, statement->created, statement->policy_version);
	const struct party *machine =
		find_party(registry, KEY_MACHINE, order.machine.name, order.machine.id);
	if (result == 0 && machine == NULL)
		result = VERDICT_UNKNOWN_KEY;
	if (result == 0)
		result = party_check(machine, at);
	return result != 0 ? result : check_push_signature(statement, push, machine);
}

static int check_pusher(const struct registry *registry, const struct statement *statement,
			const struct endorsement *push, uint64_t at)
{
	const struct party *person =
		registry_pusher(registry, statement->person, statement->person_key);
	if (person == NULL)
		return VERDICT_UNKNOWN_KEY;
	int result = push->type == ENDORSEMENT_PUSH
			     ? check_push_signature(statement, push, person)
			     : check_push_order(registry, statement, push, at);
	return result != 0 ? result : party_check(person, at);
}

/* All of the order's terms that can be seen without the manifest: the window. */
static int check_window(const struct statement *statement, const struct endorsement *push)
{
	struct order order;
	char problem[PROBLEM_BYTES];
	if (push->type == ENDORSEMENT_PUSH)
		return VERDICT_OK;
	int result = order_decode(&order, push->order, push->order_len);
	const struct order_use use = {.at = statement->created};
	return result != 0 ? result : order_covers(&order, &use, problem);
}

/*
 * BUNDLE.md 9: the box that signs the release signs the push, and nobody else can.  The registry in use may
 * have expired: what comes is there to take its place.
 */
static int check_open_push(const struct registry *registry, const struct statement *statement,
			   const struct endorsements *endorsements, uint64_t at)
{
	struct endorsement push;
	size_t from = 0;
	int result = open_check_statement(statement);
	if (result != 0)
		return result;
	if (endorsements->count != 1 || !endorsements_next(endorsements, &from, &push) ||
	    push.type != ENDORSEMENT_PUSH)
		return VERDICT_NOT_ALLOWED;
	const struct party *box =
		find_party(registry, KEY_SENDER, statement->person, statement->person_key);
	if (box == NULL)
		return VERDICT_UNKNOWN_KEY;
	result = check_push_signature(statement, &push, box);
	return result != 0 ? result : party_check(box, at);
}

int push_check(const struct registry *registry, const struct statement *statement,
	       const struct endorsements *endorsements, uint64_t at)
{
	struct endorsement push;
	size_t from = 0;
	if (open_is(statement))
		return check_open_push(registry, statement, endorsements, at);
	/* a newer registry may say otherwise of everything below */
	if (statement->registry_version > registry_version(registry))
		return VERDICT_OLDER_REGISTRY;
	const struct route *route = registry_route(registry, statement->route);
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	if (!endorsements_next(endorsements, &from, &push))
		return VERDICT_TRUNCATED;
	int result = check_pusher(registry, statement, &push, at);
	if (result == 0)
		result = registry_check(registry, at);
	if (result == 0)
		result = route_check(route, at);
	if (result == 0)
		result = route_allows_operator(
			route, registry_pusher(registry, statement->person, statement->person_key));
	if (result == 0)
		result = check_policy(registry, route, statement);
	return result != 0 ? result : check_window(statement, &push);
}

/* Not before it was pushed, and not in the future. */
static int check_decided_at(const struct statement *statement, uint64_t signed_at, uint64_t at)
{
	return signed_at + CLOCK_SLACK_S < statement->created || signed_at > at + CLOCK_SLACK_S
		       ? VERDICT_BAD_TIME
		       : VERDICT_OK;
}

/* What approval and refusal have in common. */
static int check_officer(const struct registry *registry, const struct statement *statement,
			 const char *name, const uint8_t key_id[static KEY_ID_BYTES], uint64_t signed_at,
			 uint64_t at, const struct party **out)
{
	const struct route *route = registry_route(registry, statement->route);
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	const struct party *officer = find_party(registry, KEY_PERSON, name, key_id);
	if (officer == NULL)
		return VERDICT_UNKNOWN_KEY;
	int result = route_allows_officer(route, officer);
	if (result == 0)
		result = party_check(officer, at);
	if (result != 0)
		return result;
	result = check_decided_at(statement, signed_at, at);
	if (result == 0)
		*out = officer;
	return result;
}

int approval_check(const struct registry *registry, const struct statement *statement,
		   const struct endorsement *approval, uint64_t at)
{
	uint8_t bytes[DECISION_BYTES];
	const struct party *officer;
	int result = check_officer(registry, statement, approval->person, approval->key_id,
				   approval->at, at, &officer);
	if (result != 0)
		return result;
	const struct route *route = registry_route(registry, statement->route);
	if (!route->pusher_may_approve && strcmp(statement->person, approval->person) == 0)
		return VERDICT_OWN_PUSH;
	decision_encode(bytes, statement, approval->person, approval->key_id, approval->at);
	return signature_verify(&approval->signature, approval_domain, bytes, sizeof(bytes), officer);
}

void approvals_select(struct endorsements *out, const struct registry *registry,
		      const struct statement *statement, const struct endorsements *endorsements,
		      uint64_t at)
{
	struct endorsement e;
	size_t from = 0;
	out->count = 0;
	out->len = 0;
	while (endorsements_next(endorsements, &from, &e)) {
		if (e.type == ENDORSEMENT_RELEASE_ORDER ||
		    (e.type == ENDORSEMENT_APPROVAL &&
		     approval_check(registry, statement, &e, at) != 0))
			continue;
		int result = endorsements_add(out, &e);
		assert(result == 0); /* they come from records that were in order */
		(void)result;
	}
}

/* Whether a standing order of the officers stands in for their approvals. */
static int check_release_order(const struct registry *registry, const struct route *route,
			       const struct statement *statement, const struct endorsement *e,
			       uint64_t at, const uint8_t box[static KEY_ID_BYTES])
{
	struct order order;
	char problem[PROBLEM_BYTES];
	int result = order_decode(&order, e->order, e->order_len);
	if (result != 0)
		return result;
	if (order.kind != ORDER_RELEASE || strcmp(order.route, route->name) != 0 ||
	    memcmp(order.machine.id, box, KEY_ID_BYTES) != 0)
		return VERDICT_NOT_ALLOWED;
	result = order_check_under(&order, registry, at, statement->policy_version);
	if (result == 0)
		result = order_releases_for(&order, route, statement->person_key);
	const struct order_use use = {.at = at};
	return result != 0 ? result : order_covers(&order, &use, problem);
}

int approvals_check(const struct registry *registry, const struct statement *statement,
		    const struct endorsements *endorsements, uint64_t at,
		    const uint8_t box[static KEY_ID_BYTES])
{
	const struct route *route = registry_route(registry, statement->route);
	struct endorsement e;
	size_t from = 0, approvals = 0;
	bool is_ordered = false;
	/* none is asked for, and push_check lets none be there */
	if (open_is(statement))
		return VERDICT_OK;
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	while (endorsements_next(endorsements, &from, &e)) {
		int result = 0;
		if (e.type == ENDORSEMENT_APPROVAL)
			result = approval_check(registry, statement, &e, at);
		else if (e.type == ENDORSEMENT_RELEASE_ORDER)
			result = check_release_order(registry, route, statement, &e, at, box);
		if (result != 0)
			return result;
		approvals += e.type == ENDORSEMENT_APPROVAL;
		is_ordered |= e.type == ENDORSEMENT_RELEASE_ORDER;
	}
	return is_ordered || approvals >= route->quorum ? VERDICT_OK : VERDICT_TOO_FEW_APPROVALS;
}

int orders_check_content(const struct endorsements *endorsements, uint64_t bytes, uint64_t records)
{
	struct endorsement e;
	struct order order;
	size_t from = 0;
	while (endorsements_next(endorsements, &from, &e)) {
		if (e.order == NULL)
			continue;
		int result = order_decode(&order, e.order, e.order_len);
		if (result != 0)
			return result;
		if (bytes > order.max_bytes || records > order.max_records)
			return VERDICT_BEYOND_ORDER;
	}
	return VERDICT_OK;
}

int release_check(const struct registry *registry, const uint8_t segment[static SEGMENT_BYTES],
		  const struct release *release, const struct endorsements *endorsements)
{
	const struct statement *statement = &release->statement;
	const struct party *box = find_party(registry, KEY_SENDER, release->box, release->box_key);
	if (box == NULL)
		return VERDICT_UNKNOWN_KEY;
	int result = release_segment_verify(segment, box->card.public_key);
	if (result == 0)
		result = party_check(box, release->released_at);
	if (result != 0)
		return result;
	uint16_t route_id = open_route_id(registry, statement->route);
	if (route_id != 0 && route_id != release->route_id)
		return VERDICT_WRONG_ROUTE;
	if (open_is(statement) && memcmp(statement->person_key, release->box_key, KEY_ID_BYTES) != 0)
		return VERDICT_NOT_ALLOWED;
	result = push_check(registry, statement, endorsements, release->released_at);
	return result != 0 ? result
			   : approvals_check(registry, statement, endorsements,
					     release->released_at, release->box_key);
}

size_t refusal_signed(uint8_t out[static REFUSAL_SIGNED_MAX], const struct statement *statement,
		      const struct refusal *refusal)
{
	size_t len = strnlen(refusal->reason, REASON_BYTES_MAX);
	decision_encode(out, statement, refusal->person, refusal->key_id, refusal->at);
	memcpy(out + DECISION_BYTES, refusal->reason, len);
	return DECISION_BYTES + len;
}

static int verify_refusal(const struct statement *statement, const struct refusal *refusal,
			  const struct party *person)
{
	uint8_t bytes[REFUSAL_SIGNED_MAX];
	size_t len = refusal_signed(bytes, statement, refusal);
	return signature_verify(&refusal->signature, refusal_domain, bytes, len, person);
}

int refusal_check(const struct registry *registry, const struct statement *statement,
		  const struct refusal *refusal, uint64_t at)
{
	const struct party *officer;
	int result = check_officer(registry, statement, refusal->person, refusal->key_id, refusal->at,
				   at, &officer);
	return result != 0 ? result : verify_refusal(statement, refusal, officer);
}

int refusal_check_own(const struct registry *registry, const struct statement *statement,
		      const struct refusal *refusal, uint64_t at)
{
	const struct party *person =
		find_party(registry, KEY_PERSON, statement->person, statement->person_key);
	if (person == NULL || strcmp(refusal->person, statement->person) != 0 ||
	    memcmp(refusal->key_id, statement->person_key, KEY_ID_BYTES) != 0)
		return VERDICT_UNKNOWN_KEY;
	int result = party_check(person, at);
	if (result == 0)
		result = check_decided_at(statement, refusal->at, at);
	return result != 0 ? result : verify_refusal(statement, refusal, person);
}
