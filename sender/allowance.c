#include "allowance.h"

#include <string.h>

#include "common/verdict.h"

enum { DAY_S = 86400 };

/* Whether `more` on top of `sum` stays within the cap; 0 is none. */
static bool fits(uint64_t sum, uint64_t more, uint64_t cap)
{
	return cap == 0 || (sum <= cap && more <= cap - sum);
}

/*
 * What was pushed on the route today (UTC) and not refused, with this one, against its caps.  The spool keeps
 * what it sends for at least a day, so it is also the record of what was sent.
 */
int allowance_caps(const struct allowance *a, const struct route *route,
		      const struct statement *statement, const struct tally *tally)
{
	uint64_t day = statement->created / DAY_S, bytes = 0, records = 0;
	for (size_t i = 0; i < spool_count(a->spool); i++) {
		const struct spool_item *item = spool_at(a->spool, i);
		const struct statement *other = &item->release.statement;
		if (other->created / DAY_S != day || strcmp(other->route, route->name) != 0)
			continue;
		bytes += item->tally.content_len;
		records += item->tally.records;
	}
	return fits(0, tally->content_len, route->max_bytes) &&
			       fits(0, tally->records, route->max_records) &&
			       fits(bytes, tally->content_len, route->max_bytes_a_day) &&
			       fits(records, tally->records, route->max_records_a_day)
		       ? VERDICT_OK
		       : VERDICT_CAP_REACHED;
}

/* Pushed before it, under the same order, on the same day (UTC). */
static uint32_t pushes_before(const struct allowance *a, const struct statement *statement,
			      const struct order *order)
{
	uint32_t count = 0;
	for (size_t i = 0; i < spool_count(a->spool); i++) {
		const struct spool_item *item = spool_at(a->spool, i);
		const struct statement *other = &item->release.statement;
		int later = other->created != statement->created
				    ? (other->created > statement->created ? 1 : -1)
				    : memcmp(other->push_id, statement->push_id, PUSH_ID_BYTES);
		count += memcmp(item->push_order, order->id, ORDER_ID_BYTES) == 0 && later < 0 &&
			 other->created / DAY_S == statement->created / DAY_S;
	}
	return count;
}

/* Whether a push under a standing order keeps within it: its counts are known here, unlike in judgement.h. */
int allowance_push(const struct allowance *a, const struct statement *statement,
			    const struct dossier *dossier)
{
	struct endorsement push;
	struct order order;
	char problem[PROBLEM_BYTES];
	size_t at = 0;
	if (!endorsements_next(&dossier->endorsements, &at, &push) || push.type == ENDORSEMENT_PUSH)
		return VERDICT_OK;
	int result = order_decode(&order, push.order, push.order_len);
	if (result != 0)
		return result;
	if (standing_is_revoked(a->standing, order.id, order.route))
		return VERDICT_REVOKED;
	const struct order_use use = {
		.at = statement->created,
		.bytes = dossier->tally.content_len,
		.records = dossier->tally.records,
		.pushes_today = pushes_before(a, statement, &order),
	};
	return order_covers(&order, &use, problem);
}

/* Released under it today (UTC). */
static uint32_t releases_today(const struct allowance *a, const struct order *order, uint64_t now)
{
	uint32_t count = 0;
	for (size_t i = 0; i < spool_count(a->spool); i++) {
		const struct spool_item *item = spool_at(a->spool, i);
		count += item->state != SPOOL_HELD && item->release.released_at / DAY_S == now / DAY_S &&
			 memcmp(item->release_order, order->id, ORDER_ID_BYTES) == 0;
	}
	return count;
}

/* Whether this order of officers stands for this bundle now. */
static bool covers(const struct allowance *a, const struct registry *registry,
		   const struct order *order, const struct spool_item *item, uint64_t now)
{
	const struct statement *statement = &item->release.statement;
	const struct order_use use = {
		.at = now,
		.bytes = item->tally.content_len,
		.records = item->tally.records,
		.pushes_today = releases_today(a, order, now),
	};
	char problem[PROBLEM_BYTES];
	return strcmp(order->route, statement->route) == 0 &&
	       !standing_is_revoked(a->standing, order->id, order->route) &&
	       order_check_under(order, registry, now, statement->policy_version) == 0 &&
	       order_releases_for(order, registry_route(registry, order->route),
				  statement->person_key) == 0 &&
	       order_covers(order, &use, problem) == 0;
}

/* Puts a standing order that covers it into its dossier and among those who stand for it. */
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
