/* known: how far the numbers of each route have come, and the file that remembers it.  VAULT.md 11. */
#include <errno.h>

#include "common/verdict.h"
#include "knownparts.h"

static struct account_head head_of(const struct heads *heads, const struct route_head *head, bool is_first)
{
	return (struct account_head){
		.epoch = heads->epoch,
		.route_id = head->route_id,
		.first = head->first,
		.newest = head->newest,
		.by = heads->epoch,
		.generation = heads->generation,
		.time_s = heads->time,
		.is_first = is_first,
	};
}

/*
 * In the epoch that this one continues, its numbers go to where they begin in this one.  Where nothing was heard of that
 * epoch, they began behind all that was.
 */
static int end_epoch(struct known *known, const struct account_head *head, uint64_t before, known_overlap *overlap,
		     void *context)
{
	uint64_t highest = account_highest(known->account, before, head->route_id);
	uint64_t first = account_first(known->account, before, head->route_id);
	struct account_head end = *head;
	if (first == 0)
		first = account_highest_of_others(known->account, head->epoch, before, head->route_id) + 1;
	end.epoch = before;
	end.first = first < head->first ? first : head->first;
	end.newest = head->first - 1;
	if (highest >= head->first && overlap != NULL)
		overlap(context, &(struct bundle_id){before, highest, head->route_id}, head->first);
	return account_take_head(known->account, &end);
}

int known_heads(struct known *known, const struct heads *heads, known_overlap *overlap, void *context)
{
	int result = known_enter_epoch(known, heads->epoch, heads->epoch_before, heads->time);
	if (result == 0)
		heard_note_generation(&known->heard, heads->generation, heads->time);
	for (unsigned int i = 0; result == 0 && i < heads->count; i++) {
		const struct account_head head = head_of(heads, &heads->head[i], known->is_first);
		if (!account_went_back(known->account, &head) || heard_may_be_late(&known->heard, heads->time))
			continue;
		heard_go_back(&known->heard);
		result = VERDICT_BAD_ORDER;
	}
	if (result != 0)
		return result;
	bool is_news = (known->heads_pages >> heads->page & 1) == 0;
	for (unsigned int i = 0; result == 0 && i < heads->count; i++) {
		const struct account_head head = head_of(heads, &heads->head[i], known->is_first);
		result = account_take_head(known->account, &head);
		if (result == 0 && heads->epoch_before != 0)
			result = end_epoch(known, &head, heads->epoch_before, is_news ? overlap : NULL, context);
	}
	if (result != 0)
		return result;
	heard_note_before(&known->heard, heads->epoch_before);
	known_advance_time(known, heads->time);
	known->heads_pages |= UINT64_C(1) << heads->page;
	uint64_t all = heads->pages == 64 ? UINT64_MAX : (UINT64_C(1) << heads->pages) - 1;
	if ((known->heads_pages & all) == all)
		known->is_first = false;
	return VERDICT_OK;
}

/*
 * All that has a name from this bundle on is settled in this account.  -ENOMEM.  *first becomes the first that it could not
 * take up, NULL when there is none.
 */
static int settle_names(const struct known *known, struct account *account, struct known_bundle **first)
{
	struct known_bundle *b = *first, *owed = NULL;
	int result = 0;
	for (; result != -ENOMEM && b != NULL; b = b->next) {
		result = account_name(account, &b->id, known->heard.newest_s);
		if (result != 0 && owed == NULL)
			owed = b;
	}
	*first = owed;
	return result == -ENOMEM ? result : 0;
}

/*
 * Not as soon as a page names it: the catalogue that is stored is that of a complete generation, and what neither that
 * nor the account tells of would be missing unseen after a power cut.
 */
int known_note_names(struct known *known)
{
	int result = known->is_noted ? 0 : settle_names(known, known->account, &known->unsettled);
	known->is_noted |= result == 0;
	return result;
}

int known_settle(struct known *known, account_visit *lost, void *context)
{
	if (!known_has_all_pages(known) || known->heard.went_back)
		return 0;
	int result = known_note_names(known);
	return result != 0 ? result : account_settle(known->account, known->heard.epoch, known->generation, lost, context);
}

int known_heard(const struct known *known, uint8_t **out, size_t *len)
{
	return known->heard.epoch == 0 ? -ENODATA : heard_encode(out, len, &known->heard, known->account);
}

int known_resume(struct known *known, const uint8_t *bytes, size_t len)
{
	const struct heard stored = known->heard;
	struct heard heard;
	struct account *account = NULL;
	int result = heard_decode(&heard, &account, bytes, len);
	if (result != 0)
		return result;
	/* what the stored catalogue names is named, whatever the file knows of it */
	struct known_bundle *unsettled = known->first;
	result = settle_names(known, account, &unsettled);
	if (result != 0) {
		account_free(account);
		return result;
	}
	account_free(known->account);
	known->account = account;
	known->unsettled = unsettled;
	known->heard = heard;
	known->is_first = false;
	/* pages of an epoch that has ended since are no catalogue any more */
	if (stored.epoch != 0 && stored.epoch != heard.epoch && heard_enter(&known->heard, stored.epoch, 0, stored.newest_s) != 1)
		known_begin_epoch(known);
	if (stored.epoch == known->heard.epoch)
		known_advance_time(known, stored.newest_s);
	return 0;
}

const struct account *known_account(const struct known *known)
{
	return known->account;
}

uint64_t known_changes(const struct known *known)
{
	return account_changes(known->account);
}
