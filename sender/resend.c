#include "resend.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/openbundle.h"
#include "common/service.h"
#include "common/verdict.h"
#include "offer.h"

/* More than these cannot be apart (RESEND.md 3). */
enum { OFFERED_EPOCHS_MAX = 32 };

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

/* The released bundle with these numbers; NULL. */
static struct spool_item *find_item(struct spool *spool, uint64_t epoch, const struct resendcode *what)
{
	for (size_t i = 0; i < spool_count(spool); i++) {
		struct spool_item *item = spool_at(spool, i);
		const struct release *release = &item->release;
		if (item->state != SPOOL_HELD && release->number == what->number &&
		    release->route_id == what->route_id && release->epoch == epoch)
			return item;
	}
	return NULL;
}

struct offered_epochs {
	size_t count;
	uint64_t values[OFFERED_EPOCHS_MAX];
};

/* False when a misread code could be taken for one of another epoch. */
static bool add_epoch(struct offered_epochs *epochs, uint64_t epoch)
{
	for (size_t i = 0; i < epochs->count; i++)
		if (epochs->values[i] == epoch)
			return true;
	for (size_t i = 0; i < epochs->count; i++)
		if (!resendcode_epochs_are_apart(epochs->values[i], epoch))
			return false;
	if (epochs->count == OFFERED_EPOCHS_MAX)
		return false;
	epochs->values[epochs->count++] = epoch;
	return true;
}

/* Its own, and those of bundles that it keeps from before it was put back to an older state. */
static bool collect_epochs(struct offered_epochs *out, struct spool *spool)
{
	*out = (struct offered_epochs){.count = 0};
	bool are_apart = add_epoch(out, spool_epoch(spool));
	for (size_t i = 0; are_apart && i < spool_count(spool); i++)
		if (spool_at(spool, i)->state != SPOOL_HELD)
			are_apart = add_epoch(out, spool_at(spool, i)->release.epoch);
	return are_apart;
}

static int read_code(struct spool *spool, const char *text, struct resendcode *out, uint64_t *epoch)
{
	struct offered_epochs epochs;
	if (!collect_epochs(&epochs, spool))
		return VERDICT_BAD_CODE;
	for (size_t i = 0; i < epochs.count; i++)
		if (resendcode_read(out, text, epochs.values[i]) == 0) {
			*epoch = epochs.values[i];
			return 0;
		}
	return VERDICT_BAD_CODE;
}

/* It is there, and its data may still be sent. */
static int check_kept(const struct spool_item *item)
{
	if (item == NULL || item->release.statement.destroy_by < now_s())
		return VERDICT_NOT_KEPT;
	return open_is(&item->release.statement) ? VERDICT_UNKNOWN_ROUTE : VERDICT_OK;
}

static bool is_name(const char *keyword)
{
	char route[NAME_BYTES];
	uint64_t number;
	return bundle_name_parse(keyword, route, &number) == 0;
}

/* The code or name: which bundle, and what of it. */
static int find(struct spool *spool, const char *keyword, struct local_resend_found *found, struct spool_item **item)
{
	*item = spool_find(spool, keyword);
	if (*item != NULL && (*item)->state == SPOOL_HELD)
		return VERDICT_NO_SUCH_BUNDLE;
	if (*item != NULL) {
		found->epoch = (*item)->release.epoch;
		found->what = (struct resendcode){
			(*item)->release.route_id, (*item)->release.number, RESEND_ALL, 0};
		return 0;
	}
	int result = read_code(spool, keyword, &found->what, &found->epoch);
	if (result != 0)
		return is_name(keyword) ? VERDICT_NOT_KEPT : result;
	found->by_code = true;
	*item = find_item(spool, found->epoch, &found->what);
	return 0;
}

int resend_find(const struct releaser *releaser, const char *keyword, struct local_resend_found *out)
{
	struct local_resend_found found = {.by_code = false};
	struct spool_item *item = NULL;
	struct plan_step step;
	int result = find(releaser->allowance.spool, keyword, &found, &item);
	if (result == 0)
		result = check_kept(item);
	if (result != 0)
		return result;
	struct geometry g = offer_geometry(item);
	/* no receiver has printed a code that names what the bundle does not have */
	if (plan_resend(&step, &item->plan, &g, found.what.block, found.what.rows) != 0)
		return VERDICT_BAD_CODE;
	found.blocks = geometry_block_count(&g);
	found.further_rows = (uint8_t)(geometry_row_total(&g) - g.source_rows - g.repair_rows);
	memcpy(found.name, item->name, BUNDLE_NAME_BYTES);
	memcpy(found.route, item->release.statement.route, NAME_BYTES);
	*out = found;
	return 0;
}

int resend_judge(const struct releaser *releaser, const struct resendorder *order,
		 const uint8_t challenge[static RESEND_CHALLENGE_BYTES], struct spool_item **item)
{
	const struct registry *registry = releaser->setup->registry;
	*item = find_item(releaser->allowance.spool, order->epoch, &order->what);
	int result = check_kept(*item);
	if (result != 0)
		return result;
	const struct route *route = registry_route(registry, (*item)->release.statement.route);
	return route == NULL ? VERDICT_UNKNOWN_ROUTE : resendorder_check(order, registry, route, challenge, now_s());
}

/* Of an order that may be given: whether there is such a thing. */
static int judge_rows(const struct resendorder *order, const struct spool_item *item, uint64_t *bytes)
{
	struct plan_step step;
	struct geometry g = offer_geometry(item);
	int result = plan_resend(&step, &item->plan, &g, order->what.block, order->what.rows);
	if (result == 0)
		*bytes = plan_step_bytes(&step, &g);
	return result;
}

int resend_decide(struct releaser *releaser, const struct ledger_who *peer, const struct resendorder *order,
		  const uint8_t challenge[static RESEND_CHALLENGE_BYTES], struct local_resend_taken *out)
{
	struct local_resend_taken taken = {.bytes = 0};
	char text[RESEND_TEXT_BYTES];
	struct spool_item *item;
	int result = resend_judge(releaser, order, challenge, &item);
	const struct resend_request request = {item, order->what.block, order->what.rows};
	if (result == 0)
		result = judge_rows(order, item, &taken.bytes);
	if (result == 0 && !resendqueue_has_room(&releaser->resends, &request))
		result = VERDICT_BAD_LIMIT;
	result = book_resend(releaser->book, peer, order, item, result);
	if (result == 0)
		result = resendqueue_add(&releaser->resends, &request, &taken.was_there);
	if (result != 0)
		return result;
	service_event(LOG_NOTICE, "E1040", "resend: '%s' for '%s': %s, %" PRIu64 " bytes", item->name, order->person,
		      resendorder_describe(text, order->what.block, order->what.rows), taken.bytes);
	*out = taken;
	return 0;
}

void resend_ended(struct releaser *releaser, const struct resend_request *request, uint64_t bytes)
{
	char text[RESEND_TEXT_BYTES];
	service_event(LOG_NOTICE, "E1041", "resend: '%s' went once more: %s, %" PRIu64 " bytes", request->item->name,
		      resendorder_describe(text, request->block, request->rows), bytes);
	book_resent(releaser->book, request, bytes);
}
