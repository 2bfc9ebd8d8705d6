#include "purge.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/service.h"
#include "common/verdict.h"
#include "resend.h"

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

static int check_sent(const struct spool_item *item)
{
	return item->state == SPOOL_SENT ? VERDICT_OK : VERDICT_NOT_SENT;
}

int purge_decide(struct releaser *releaser, const struct ledger_who *peer, const struct resendorder *order,
		 const uint8_t challenge[static RESEND_CHALLENGE_BYTES], struct local_resend_taken *out)
{
	char name[BUNDLE_NAME_BYTES];
	struct spool_item *item;
	int result = resend_judge(releaser, order, challenge, &item);
	if (result == 0)
		result = check_sent(item);
	if (result == 0) /* its day may not be over: SPOOL.md 6 */
		result = spent_add(releaser->allowance.spent, item, now_s());
	result = book_purge(releaser->book, peer, order, item, result);
	if (result != 0)
		return result;
	const struct local_resend_taken taken = {.bytes = item->object_len};
	memcpy(name, item->name, sizeof(name));
	releaser->has_changed = true;
	result = spool_remove(releaser->allowance.spool, item);
	if (result != 0) {
		service_event(LOG_ERR, "E1008", "spool: '%s' cannot be removed: %s", name, verdict_explain(result));
		return result;
	}
	service_event(LOG_NOTICE, "E1060", "purge: '%s' removed for '%s', %" PRIu64 " bytes", name, order->person,
		      taken.bytes);
	*out = taken;
	return 0;
}
