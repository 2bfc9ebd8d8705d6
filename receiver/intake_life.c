/* What keep makes of the sender's life: epochs, a sender that was put back, numbers that were lost unseen. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/openbundle.h"
#include "common/verdict.h"
#include "intake_parts.h"
#include "lost.h"
#include "vault.h"

enum { STORE_MS = 10000, LOOKED_AT_MAX = 4096 };

static void on_overlap(void *context, const struct bundle_id *highest, uint64_t first)
{
	const struct intake *in = context;
	char name[VAULT_NAME_BYTES], begins[VAULT_NAME_BYTES];
	reception_name_of(in->reception, highest, name);
	reception_name_of(in->reception, &(struct bundle_id){highest->epoch, first, highest->route_id}, begins);
	event_tell(in->o.tell, LOG_ERR, "E2086", "keep: the sender's new epoch begins with '%s', though '%s' was heard of "
		   "in the one before: too low a number was typed there", begins, name);
}

int intake_take_heads(struct intake *in, const uint8_t *message, size_t len)
{
	struct heads heads;
	int result = heads_decode(&heads, message, len);
	if (result == 0)
		result = intake_check_signer(intake_box(in, heads.box_key), message, len, heads.time);
	if (result == 0)
		result = known_heads(in->known, &heads, on_overlap, in);
	if (result == 0)
		intake_settle_numbers(in);
	return result;
}

static int add_unheard(struct intake *in, const struct account_run *run)
{
	char first[VAULT_NAME_BYTES], last[VAULT_NAME_BYTES];
	if (run->last < run->first)
		return 0;
	reception_name_of(in->reception, &(struct bundle_id){run->epoch, run->first, run->route_id}, first);
	reception_name_of(in->reception, &(struct bundle_id){run->epoch, run->last, run->route_id}, last);
	if (run->is_before) {
		event_tell(in->o.tell, LOG_NOTICE, "E2088", "keep: '%s' to '%s' were released before this box first heard of "
			   "the sender; what became of them it cannot tell", first, last);
		return 0;
	}
	event_tell(in->o.tell, LOG_ERR, "E2087", "keep: '%s' to '%s' were released, have not come, and are no longer "
		   "offered: lost; have them pushed again", first, last);
	uint64_t count = run->last - run->first + 1;
	const struct lost_item item = {
		.id = {run->epoch, run->first, run->route_id},
		.count = count < LOST_NUMBERS_MAX ? count : LOST_NUMBERS_MAX,
		.why = LOST_NEVER_NAMED,
		.at_s = in->now_s,
	};
	return lost_add(in->o.lost, &item);
}

/* What came while its generation was incomplete, before a power cut, the vault knows, or the list. */
static bool is_dealt_with(const struct intake *in, const struct bundle_id *id)
{
	char name[VAULT_NAME_BYTES];
	reception_name_of(in->reception, id, name);
	return vault_is_delivered(in->o.vault_fd, id->epoch, name) != 0 || vault_refusal(in->o.vault_fd, id) != 0 ||
	       lost_find(in->o.lost, id) != NULL;
}

/* Of a long run the newest numbers: that is where such a bundle can be, and keep must not stay away from the ring. */
static int on_unheard(void *context, const struct account_run *run)
{
	struct intake *in = context;
	int result = 0;
	in->clerk.is_heard_owed = true;
	/* a registry that was replaced before it came is missed by nobody */
	if (run->route_id == OPEN_ROUTE_ID)
		return 0;
	struct account_run part = *run;
	uint64_t number = run->last - run->first < LOOKED_AT_MAX ? run->first : run->last - LOOKED_AT_MAX + 1;
	for (; result == 0 && number <= run->last; number++) {
		if (!is_dealt_with(in, &(struct bundle_id){run->epoch, number, run->route_id}))
			continue;
		part.last = number - 1;
		result = add_unheard(in, &part);
		part.first = number + 1;
	}
	part.last = run->last;
	return result == 0 ? add_unheard(in, &part) : result;
}

void intake_settle_numbers(struct intake *in)
{
	/* the stored catalogue may be older than what was heard */
	if (in->is_loading || known_summary(in->known).last_heartbeat_s == 0)
		return;
	(void)known_settle(in->known, on_unheard, in); /* what cannot be noted now comes again */
	if (account_is_full(known_account(in->known)) && !in->is_full_told) {
		in->is_full_told = true;
		event_tell(in->o.tell, LOG_ERR, "E2089", "keep: more numbers of bundles are missing than can be noted; "
			   "some may be missing unseen");
	}
}

static void follow_epoch(struct intake *in, const struct known_summary *known)
{
	if (known->epoch == in->epoch_told || !known->has_before)
		return;
	if (in->epoch_told != 0 && known->epoch_before == known->epoch_ended)
		event_tell(in->o.tell, LOG_WARNING, "E2040", "keep: the sender has begun a new epoch, %016" PRIx64
			   ", that continues %016" PRIx64 ", the one before", known->epoch, known->epoch_ended);
	else if (in->epoch_told != 0)
		event_tell(in->o.tell, LOG_ERR, "E2040", "keep: the sender has begun a new epoch, %016" PRIx64
			   ", that knows nothing of the one before, %016" PRIx64 ": it has another spool",
			   known->epoch, known->epoch_ended);
	in->epoch_told = known->epoch;
	in->clerk.is_heard_owed = true;
}

void intake_follow_life(struct intake *in)
{
	const struct known_summary known = known_summary(in->known);
	struct bundle_id clash;
	char name[VAULT_NAME_BYTES];
	follow_epoch(in, &known);
	if (known.went_back) /* it is heard, if not believed */
		in->heard_ms = in->now_ms;
	if (known.went_back && !in->is_back_told)
		event_tell(in->o.tell, LOG_CRIT, "E2084", "keep: the sender was put back to an older state: in epoch %016" PRIx64
			   " it counts again what it had counted; nothing of it is believed until 'weir-sender epoch' "
			   "was said there", known.epoch);
	if (known.epoch_returned != 0 && known.epoch_returned != in->returned_told)
		event_tell(in->o.tell, LOG_CRIT, "E2085", "keep: the sender was put back to an older state: epoch %016" PRIx64
			   " had ended, and is heard again; nothing of it is believed until 'weir-sender epoch' was said there",
			   known.epoch_returned);
	in->clerk.is_heard_owed |= known.went_back != in->is_back_told || known.epoch_returned != in->returned_told;
	in->is_back_told = known.went_back;
	in->returned_told = known.epoch_returned;
	if (!known_take_clash(in->known, &clash))
		return;
	reception_name_of(in->reception, &clash, name);
	event_tell(in->o.tell, LOG_ERR, "E2086", "keep: '%s' of epoch %016" PRIx64 " is named with other content than before: "
		   "its number was given twice; have it pushed again", name, clash.epoch);
}

void intake_store_heard(struct intake *in)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	/*
	 * numbers that it has as settled because they are lost must be listed before, those that the catalogue names
	 * must stand there before: nothing else would find them again
	 */
	if (lost_owes(in->o.lost) || in->clerk.is_catalogue_owed) {
		in->clerk.is_heard_owed = true;
		return;
	}
	in->heard_stored_ms = in->now_ms;
	in->heard_beat = known_summary(in->known).beat;
	in->heard_changes = known_changes(in->known);
	in->clerk.is_heard_owed = false;
	int result = known_heard(in->known, &bytes, &len);
	if (result == 0)
		clerk_store_heard(&in->clerk, bytes, len);
	else
		in->clerk.is_heard_owed = result != -ENODATA;
}

void intake_follow_heard(struct intake *in)
{
	bool is_news = in->heard_beat != known_summary(in->known).beat ||
		       in->heard_changes != known_changes(in->known);
	if (in->clerk.is_heard_owed || (is_news && in->now_ms - in->heard_stored_ms >= STORE_MS))
		intake_store_heard(in);
}

int intake_load_heard(struct intake *in)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = vault_heard_read(in->o.vault_fd, &bytes, &len);
	if (result == 0)
		result = known_resume(in->known, bytes, len);
	free(bytes);
	if (result > 0)
		event_tell(in->o.tell, LOG_ERR, "E2046", "keep: what was heard of the sender before cannot be read, and is begun "
			   "anew: %s [%s]", verdict_explain(result), verdict_name(result));
	const struct known_summary known = known_summary(in->known);
	in->epoch_told = known.has_before || known.epoch_ended == 0 ? known.epoch : known.epoch_ended;
	return result < 0 && result != -ENOENT ? result : 0;
}

bool intake_stored_epoch_ended(const struct intake *in, uint64_t epoch)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct heard heard;
	struct account *account = NULL;
	bool has_ended = vault_heard_read(in->o.vault_fd, &bytes, &len) == 0 &&
			 heard_decode(&heard, &account, bytes, len) == 0 && heard_has_ended(&heard, epoch);
	account_free(account);
	free(bytes);
	return has_ended;
}
