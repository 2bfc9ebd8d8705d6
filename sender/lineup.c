#include "lineup.h"

#include <assert.h>

#include "offer.h"

enum {
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 60000,
	RESENDS_MAX = 16,
	REPEAT_MS = 30000, /* for a receiver that was down: it needs the registry before anything else */
};

static size_t count_kind(const struct lineup *lineup, enum task_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < lineup->count; i++)
		count += lineup->orders[i].kind == kind;
	return count;
}

bool lineup_next_work(struct lineup_order *out, const struct lineup *lineup, const struct choice *choice)
{
	size_t count = count_kind(lineup, TASK_WORK);
	if (count == ORDERS_WORK_MAX)
		return false;
	/* the last place is a registry's: bundles that fill the others may be long under way */
	struct spool_item *item = choice_work(choice, count == ORDERS_WORK_MAX - 1);
	if (item == NULL)
		return false;
	*out = (struct lineup_order){.item = item, .kind = TASK_WORK};
	struct geometry g = offer_geometry(item);
	/* a registry that has had its work passes again: what plan_work gives then is a pass, too */
	(void)plan_work(&out->step, &item->plan, &g, &choice->terms);
	return true;
}

static bool has_large_heal(const struct lineup *lineup)
{
	for (size_t i = 0; i < lineup->count; i++) {
		struct geometry g = offer_geometry(lineup->orders[i].item);
		if (lineup->orders[i].kind == TASK_HEAL && choice_is_large(&lineup->orders[i].step, &g))
			return true;
	}
	return false;
}

/*
 * What goes at a time shares the link, so the small are done sooner than the large: they do not begin the next round
 * before the large have ended this one, or these would never end it.
 */
static uint32_t round_under_way(const struct lineup *lineup)
{
	uint32_t least = UINT32_MAX;
	for (size_t i = 0; i < lineup->count; i++)
		if (lineup->orders[i].kind == TASK_HEAL && lineup->orders[i].item->plan.heals < least)
			least = lineup->orders[i].item->plan.heals;
	return least;
}

bool lineup_next_heal(struct lineup_order *out, const struct lineup *lineup, const struct choice *choice)
{
	if (count_kind(lineup, TASK_HEAL) == ORDERS_HEAL_MAX)
		return false;
	struct spool_item *item = choice_heal(choice, has_large_heal(lineup), round_under_way(lineup));
	if (item == NULL)
		return false;
	*out = (struct lineup_order){.item = item, .kind = TASK_HEAL};
	struct geometry g = offer_geometry(item);
	plan_heal(&out->step, &item->plan, &g);
	return true;
}

bool lineup_takes_resend(const struct lineup *lineup)
{
	size_t resends = 0;
	for (size_t i = 0; i < lineup->count; i++)
		resends += lineup->orders[i].is_resend;
	return resends < RESENDS_MAX && count_kind(lineup, TASK_WORK) < ORDERS_WORK_MAX - 1;
}

void lineup_set_resend(struct lineup_order *out, const struct resend_request *request)
{
	*out = (struct lineup_order){
		.item = request->item, .kind = TASK_WORK, .is_resend = true, .request = *request};
	struct geometry g = offer_geometry(request->item);
	int result = plan_resend(&out->step, &request->item->plan, &g, request->block, request->rows);
	assert(result == 0);
}

void lineup_add(struct lineup *lineup, const struct lineup_order *order)
{
	order->item->is_ordered = true;
	order->item->is_resending = order->is_resend;
	lineup->orders[lineup->count++] = *order;
}

void lineup_adopt(struct lineup *lineup, struct spool_item *item, const struct task *task,
		  const struct plan_terms *terms)
{
	if (item->state != SPOOL_READY || item->is_ordered || task->serial == 0 || task->kind != TASK_WORK ||
	    task->id.number != item->release.number || task->id.route_id != item->release.route_id ||
	    lineup->count == ORDERS_MAX)
		return;
	struct lineup_order order = {.serial = task->serial, .item = item, .kind = TASK_WORK};
	struct geometry g = offer_geometry(item);
	if (plan_work(&order.step, &item->plan, &g, terms) && order.step.first_row == task->step.first_row &&
	    order.step.row_end == task->step.row_end)
		lineup_add(lineup, &order);
}

const struct order_progress *lineup_progress(const struct progress_page *seen, uint64_t serial)
{
	for (uint32_t i = 0; i < seen->count; i++)
		if (seen->orders[i].serial == serial)
			return &seen->orders[i];
	return NULL;
}

static uint64_t note_failure(struct spool_item *item, uint64_t now_ms)
{
	uint64_t delay_ms = (uint64_t)RETRY_FIRST_MS << (item->failures < 6 ? item->failures : 6);
	if (delay_ms > RETRY_LAST_MS)
		delay_ms = RETRY_LAST_MS;
	item->failures++;
	item->retry_at_ms = now_ms + delay_ms;
	return delay_ms;
}

static void end_step(struct lineup *lineup, const struct lineup_order *order, const struct plan_terms *terms,
		     uint64_t now_ms)
{
	struct spool_item *item = order->item;
	struct geometry g = offer_geometry(item);
	uint32_t before = item->plan.passes;
	item->failures = 0;
	if (order->is_resend)
		plan_resend_ended(&item->plan, &order->step, &g);
	else if (order->kind == TASK_HEAL)
		plan_heal_ended(&item->plan, &g, now_ms);
	else
		plan_work_ended(&item->plan, terms, now_ms);
	lineup->has_passed |= item->plan.passes != before;
	if (item->is_repeated && !choice_has_work(item, terms))
		item->retry_at_ms = now_ms + REPEAT_MS;
}

bool lineup_collect(struct lineup *lineup, const struct progress_page *seen, const struct plan_terms *terms,
		    uint64_t now_ms, lineup_failed *failed, void *context)
{
	size_t kept = 0, count = lineup->count;
	for (size_t i = 0; i < count; i++) {
		struct lineup_order order = lineup->orders[i];
		const struct order_progress *p = lineup_progress(seen, order.serial);
		uint32_t state = p == NULL ? ORDER_WAITING : p->state;
		if (state == ORDER_SENT) {
			end_step(lineup, &order, terms, now_ms);
		} else if (state == ORDER_FAILED) {
			failed(context, order.item, p->error, note_failure(order.item, now_ms));
		} else {
			lineup->orders[kept++] = order;
			continue;
		}
		order.item->is_ordered = order.item->is_resending = false;
		if (order.is_resend && lineup->resent != NULL)
			lineup->resent(lineup->resent_context, &order, state == ORDER_SENT ? 0 : p->error);
	}
	lineup->count = kept;
	return kept != count;
}

void lineup_forget(struct lineup *lineup, const struct spool_item *item)
{
	size_t kept = 0;
	for (size_t i = 0; i < lineup->count; i++)
		if (lineup->orders[i].item != item)
			lineup->orders[kept++] = lineup->orders[i];
	lineup->count = kept;
}

bool lineup_is_sent(const struct spool_item *item, const struct plan_terms *terms)
{
	return item->state == SPOOL_READY && !item->is_repeated && !choice_has_work(item, terms);
}

void lineup_note_sent(struct spool_item *const *items, size_t count, const struct plan_terms *terms)
{
	for (size_t i = 0; i < count; i++)
		if (items[i]->state == SPOOL_SENT)
			items[i]->plan = (struct plan){.passes = terms->passes, .has_late = true};
}
