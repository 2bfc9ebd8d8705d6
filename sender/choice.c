#include "choice.h"

#include <stddef.h>

#include "common/openbundle.h"
#include "encode.h"
#include "offer.h"

enum {
	PRIORITY_FIRST = 1,
	PRIORITY_DEFAULT = 5, /* of a route that the registry no longer has */
	LARGE_BYTES = ENCODE_ROWS_BYTES / 8, /* of repair rows */
};

uint8_t choice_priority(const struct registry *registry, const struct spool_item *item)
{
	if (open_is(&item->release.statement))
		return PRIORITY_FIRST;
	const struct route *route = registry_route(registry, item->release.statement.route);
	return route == NULL ? PRIORITY_DEFAULT : route->priority;
}

bool choice_has_work(const struct spool_item *item, const struct plan_terms *terms)
{
	struct geometry g = offer_geometry(item);
	struct plan_step step;
	return plan_work(&step, &item->plan, &g, terms);
}

static bool is_before(const struct registry *registry, const struct spool_item *a,
		      const struct spool_item *b)
{
	if (open_is(&a->release.statement) != open_is(&b->release.statement))
		return open_is(&a->release.statement);
	if (a->plan.passes != b->plan.passes)
		return a->plan.passes < b->plan.passes;
	uint8_t first = choice_priority(registry, a), second = choice_priority(registry, b);
	if (first != second)
		return first < second;
	if (a->release.released_at != b->release.released_at)
		return a->release.released_at < b->release.released_at;
	return a->release.number < b->release.number;
}

/* What waits for its time takes no place on the link. */
static bool is_due(const struct spool_item *item, const struct plan_terms *terms, uint64_t now_ms)
{
	struct geometry g = offer_geometry(item);
	struct plan_step step;
	bool has_work = plan_work(&step, &item->plan, &g, terms);
	return (has_work || item->is_repeated) && step.not_before_ms <= now_ms;
}

struct spool_item *choice_work(const struct choice *choice, bool registries_only)
{
	struct spool_item *best = NULL;
	for (size_t i = 0; i < choice->count; i++) {
		struct spool_item *item = choice->items[i];
		if (item->state != SPOOL_READY || item->is_ordered || item->retry_at_ms > choice->now_ms ||
		    (registries_only && !open_is(&item->release.statement)) ||
		    !is_due(item, &choice->terms, choice->now_ms))
			continue;
		if (best == NULL || is_before(choice->registry, item, best))
			best = item;
	}
	return best;
}

bool choice_resend(struct resendqueue *queue, struct spool *spool, uint64_t now_ms, struct resend_request *out,
		   size_t *index)
{
	for (size_t i = 0; resendqueue_at(queue, spool, i, out); i++) {
		if (out->item->state == SPOOL_SENT && !out->item->is_resending && out->item->retry_at_ms <= now_ms) {
			*index = i;
			return true;
		}
	}
	return false;
}

bool choice_is_large(const struct plan_step *step, const struct geometry *g)
{
	return (uint64_t)(step->row_end - step->first_row) * g->row_len > LARGE_BYTES;
}

struct spool_item *choice_heal(const struct choice *choice, bool has_large, uint32_t most_heals)
{
	struct spool_item *best = NULL;
	for (size_t i = 0; i < choice->count; i++) {
		struct spool_item *item = choice->items[i];
		if (item->state != SPOOL_SENT || item->is_ordered || item->retry_at_ms > choice->now_ms ||
		    item->plan.heals > most_heals || (best != NULL && !plan_is_before(&item->plan, &best->plan)))
			continue;
		struct geometry g = offer_geometry(item);
		struct plan_step step;
		plan_heal(&step, &item->plan, &g);
		if (step.not_before_ms <= choice->now_ms && !(has_large && choice_is_large(&step, &g)))
			best = item;
	}
	return best;
}
