#include "allowance.h"

#include <string.h>

#include "common/verdict.h"

enum { DAY_S = 86400 };

/* Whether `more` on top of `sum` stays within the cap; 0 is none. */
static bool fits(uint64_t sum, uint64_t more, uint64_t cap)
{
	return cap == 0 || (sum <= cap && more <= cap - sum);
}

/* Steps through everything that may count; at begins as 0.  False at the end. */
static bool next_spending(const struct allowance *a, size_t *at, struct spending *out)
{
	size_t in_spool = spool_count(a->spool);
	if (*at < in_spool)
		spending_of(out, spool_at(a->spool, *at));
	else if (*at - in_spool < spent_count(a->spent))
		*out = *spent_at(a->spent, *at - in_spool);
	else
		return false;
	++*at;
	return true;
}

/* What lies in the future was there before the clock was set back, and must not be forgotten by that. */
static bool is_of_day(uint64_t time, uint64_t day, uint64_t now)
{
	return time / DAY_S == day || time > now;
}

int allowance_caps(const struct allowance *a, const struct route *route,
		   const struct statement *statement, const struct tally *tally, uint64_t now)
{
	uint64_t bytes = 0, records = 0;
	struct spending s;
	for (size_t at = 0; next_spending(a, &at, &s);)
		if (is_of_day(s.created, statement->created / DAY_S, now) &&
		    strcmp(s.route, route->name) == 0) {
			bytes += s.bytes;
			records += s.records;
		}
	return fits(0, tally->content_len, route->max_bytes) &&
			       fits(0, tally->records, route->max_records) &&
			       fits(bytes, tally->content_len, route->max_bytes_a_day) &&
			       fits(records, tally->records, route->max_records_a_day)
		       ? VERDICT_OK
		       : VERDICT_CAP_REACHED;
}

/*
 * All that are there, also those that began later: one that takes its time, or that has the smaller push id,
 * is no earlier one.  An id alone is no order's own: whoever makes an order chooses it.
 */
static uint32_t pushed_under(const struct allowance *a, const struct statement *statement,
			     const struct order *order, uint64_t now)
{
	uint32_t count = 0;
	struct spending s;
	for (size_t at = 0; next_spending(a, &at, &s);)
		count += is_of_day(s.created, statement->created / DAY_S, now) &&
			 memcmp(s.push_order, order->id, ORDER_ID_BYTES) == 0 &&
			 memcmp(s.person_key, statement->person_key, KEY_ID_BYTES) == 0 &&
			 strcmp(s.route, order->route) == 0;
	return count;
}

/* 0 and the order under which it was pushed; -1 when a person has pushed it; a verdict. */
static int find_push_order(struct order *out, const struct dossier *dossier)
{
	struct endorsement push;
	size_t at = 0;
	if (!endorsements_next(&dossier->endorsements, &at, &push) || push.type == ENDORSEMENT_PUSH)
		return -1;
	return order_decode(out, push.order, push.order_len);
}

int allowance_push(const struct allowance *a, const struct statement *statement,
		   const struct dossier *dossier, uint64_t now)
{
	struct order order;
	char problem[PROBLEM_BYTES];
	int result = find_push_order(&order, dossier);
	if (result != 0)
		return result < 0 ? VERDICT_OK : result;
	if (standing_is_revoked(a->standing, order.id, order.route))
		return VERDICT_REVOKED;
	const struct order_use use = {
		.at = statement->created,
		.bytes = dossier->tally.content_len,
		.records = dossier->tally.records,
		.pushes_today = pushed_under(a, statement, &order, now),
	};
	return order_covers(&order, &use, problem);
}

int allowance_push_stands(const struct allowance *a, const struct dossier *dossier)
{
	struct order order;
	int result = find_push_order(&order, dossier);
	if (result != 0)
		return result < 0 ? VERDICT_OK : result;
	if (standing_is_revoked(a->standing, order.id, order.route))
		return VERDICT_REVOKED;
	return dossier->is_beyond_order ? VERDICT_BEYOND_ORDER : VERDICT_OK;
}

uint32_t allowance_released_today(const struct allowance *a, const struct order *order, uint64_t now)
{
	uint32_t count = 0;
	struct spending s;
	for (size_t at = 0; next_spending(a, &at, &s);)
		count += s.released_at != 0 && is_of_day(s.released_at, now / DAY_S, now) &&
			 memcmp(s.release_order, order->id, ORDER_ID_BYTES) == 0 &&
			 strcmp(s.route, order->route) == 0;
	return count;
}

/* Whether this order of officers stands for this bundle now. */
static bool covers(const struct allowance *a, const struct registry *registry,
		   const struct order *order, const struct spool_item *item, uint64_t now)
{
	const struct statement *statement = &item->release.statement;
	struct order_use use = {
		.at = now,
		.bytes = item->tally.content_len,
		.records = item->tally.records,
	};
	char problem[PROBLEM_BYTES];
	/* what costs little is asked first */
	if (strcmp(order->route, statement->route) != 0 || order_covers(order, &use, problem) != 0 ||
	    standing_is_revoked(a->standing, order->id, order->route))
		return false;
	use.pushes_today = allowance_released_today(a, order, now);
	return order_covers(order, &use, problem) == 0 &&
	       order_check_under(order, registry, now, statement->policy_version) == 0 &&
	       order_releases_for(order, registry_route(registry, order->route),
				  statement->person_key) == 0;
}

int allowance_release(const struct allowance *a, const struct registry *registry,
		      struct spool_item *item, uint64_t now, struct dossier *dossier,
		      struct endorsements *out)
{
	for (size_t i = 0; i < standing_count(a->standing); i++) {
		const struct order *order = standing_at(a->standing, i);
		uint8_t bytes[ORDER_BYTES_MAX];
		if (!covers(a, registry, order, item, now))
			continue;
		struct endorsement e = {
			.type = ENDORSEMENT_RELEASE_ORDER,
			.order = bytes,
			.order_len = order_encode(bytes, order),
		};
		/* one that was tried before, and could not be finished, may have ended meanwhile */
		dossier->endorsements = *out;
		int result = endorsements_add(&dossier->endorsements, &e);
		if (result == 0)
			result = spool_set_dossier(a->spool, item, dossier);
		if (result == 0)
			*out = dossier->endorsements;
		return result;
	}
	return VERDICT_TOO_FEW_APPROVALS;
}
