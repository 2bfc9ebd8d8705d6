#include "decide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/service.h"
#include "common/text.h"
#include "common/verdict.h"

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

/* The item that somebody decides on. */
static int find_waiting(const struct releaser *releaser, const uint8_t push_id[static PUSH_ID_BYTES],
			struct spool_item **out)
{
	char name[2 * PUSH_ID_BYTES + 1];
	struct spool *spool = releaser->allowance.spool;
	struct spool_item *item = spool_find(spool, text_hex(name, sizeof(name), push_id, PUSH_ID_BYTES));
	if (item == NULL)
		return VERDICT_NO_SUCH_BUNDLE;
	*out = item;
	/* what is held for another reason is the officers' to approve or refuse as well */
	bool is_theirs = item->waits != WAITS_NOT || releaser_quorum(releaser, item) > 0;
	return item->state == SPOOL_HELD && is_theirs && !spool_has_number(spool, item)
		       ? VERDICT_OK
		       : VERDICT_NOT_WAITING;
}

/* An officer's approval, or the person's own signature in the place of a machine's. */
static int check_approval(const struct releaser *releaser, const struct spool_item *item,
			  const struct endorsement *e)
{
	const struct registry *registry = releaser->setup->registry;
	const struct statement *statement = &item->release.statement;
	struct endorsements alone = {.count = 0};
	if (e->type == ENDORSEMENT_APPROVAL)
		return approval_check(registry, statement, e, now_s());
	if (e->type != ENDORSEMENT_PUSH)
		return VERDICT_BAD_PROTOCOL;
	if (item->waits != WAITS_FOR_PERSON)
		return VERDICT_NOT_WAITING;
	int result = endorsements_add(&alone, e);
	return result != 0 ? result : push_check(registry, statement, &alone, now_s());
}

/*
 * Into the ledger first, then into the dossier: an approval that counts is never without its entry.  Those in
 * the dossier that count no more make room.
 */
static int keep_approval(const struct releaser *releaser, const struct ledger_who *peer,
			 struct spool_item *item, const struct local_approve *approve)
{
	struct endorsements standing;
	struct dossier *dossier = malloc(sizeof(*dossier));
	if (dossier == NULL)
		return -ENOMEM;
	int result = spool_dossier(releaser->allowance.spool, item, dossier);
	if (result == 0) {
		approvals_select(&standing, releaser->setup->registry, &item->release.statement,
				 &dossier->endorsements, now_s());
		result = endorsements_add(&standing, &approve->approval);
	}
	if (result == 0)
		dossier->endorsements = standing;
	if (result == 0)
		result = book_approval(releaser->book, peer, approve, item->release.statement.person, 0);
	if (result == 0)
		result = spool_set_dossier(releaser->allowance.spool, item, dossier);
	free(dossier);
	return result;
}

static void tell_approval(const struct releaser *releaser, const struct spool_item *item,
			  const struct endorsement *e)
{
	char push_id[2 * PUSH_ID_BYTES + 1];
	const struct statement *s = &item->release.statement;
	service_event(LOG_NOTICE, "E1015", "spool: push %s approved by '%s', %u of %u",
		      text_hex(push_id, sizeof(push_id), s->push_id, PUSH_ID_BYTES),
		      e->type == ENDORSEMENT_PUSH ? s->person : e->person, (unsigned int)item->approvals,
		      (unsigned int)releaser_quorum(releaser, item));
}

int decide_approve(struct releaser *releaser, const struct ledger_who *peer,
		   const struct local_approve *approve, struct spool_item **out)
{
	struct spool_item *item = NULL;
	int result = find_waiting(releaser, approve->push_id, &item);
	if (result == 0)
		result = check_approval(releaser, item, &approve->approval);
	if (result == 0)
		result = keep_approval(releaser, peer, item, approve);
	if (result != 0)
		return book_approval(releaser->book, peer, approve,
				     item == NULL ? NULL : item->release.statement.person, result);
	tell_approval(releaser, item, &approve->approval);
	/* what it still lacks shows in its state */
	(void)releaser_release(releaser, item);
	*out = item;
	return 0;
}

/* An officer may, and so may the person who answers for a machine, of what waits for that person. */
static int check_refusal(const struct releaser *releaser, const struct spool_item *item,
			 const struct refusal *refusal)
{
	const struct registry *registry = releaser->setup->registry;
	const struct statement *statement = &item->release.statement;
	bool is_own = item->waits == WAITS_FOR_PERSON && strcmp(refusal->person, statement->person) == 0;
	return is_own ? refusal_check_own(registry, statement, refusal, now_s())
		      : refusal_check(registry, statement, refusal, now_s());
}

int decide_deny(struct releaser *releaser, const struct ledger_who *peer, const struct local_deny *deny)
{
	struct spool_item *item = NULL;
	const struct refusal *refusal = &deny->refusal;
	int result = find_waiting(releaser, deny->push_id, &item);
	if (result == 0)
		result = check_refusal(releaser, item, refusal);
	result = book_denial(releaser->book, peer, deny, result);
	if (result != 0)
		return result;
	result = releaser_take_back(releaser, item);
	if (result != 0) /* it is not released, but the officer has to know, and so has the ledger */
		return book_denial(releaser->book, peer, deny, result);
	char push_id[2 * PUSH_ID_BYTES + 1], reason[4 * REASON_BYTES_MAX];
	service_event(LOG_NOTICE, "E1016", "spool: push %s refused by '%s': %s",
		      text_hex(push_id, sizeof(push_id), deny->push_id, PUSH_ID_BYTES), refusal->person,
		      text_escape_name(reason, sizeof(reason), refusal->reason));
	return 0;
}

int decide_order(struct releaser *releaser, const struct ledger_who *peer, const struct order *order,
		 size_t *released)
{
	char id[2 * ORDER_ID_BYTES + 1], from[32], until[32];
	const struct standing_site site = {
		.registry = releaser->setup->registry,
		.now = now_s(),
		.box = releaser->box->card.id,
	};
	int result = standing_check(releaser->allowance.standing, order, &site);
	/* an order is no secret: whoever sends it again fills no ledger and releases nothing */
	if (result == 0 && standing_has(releaser->allowance.standing, order)) {
		*released = 0;
		return 0;
	}
	result = book_order(releaser->book, peer, order, result);
	if (result == 0)
		result = standing_load(releaser->allowance.standing, order, &site);
	if (result != 0)
		return result;
	service_event(LOG_NOTICE, "E1017", "spool: standing order %s for route '%s' loaded, from %s until %s",
		      text_hex(id, sizeof(id), order->id, ORDER_ID_BYTES), order->route,
		      text_time(from, sizeof(from), order->not_before),
		      text_time(until, sizeof(until), order->not_after));
	*released = releaser_release_held(releaser);
	return 0;
}

int decide_revoke(struct releaser *releaser, const struct ledger_who *peer,
		  const struct revocation *revocation)
{
	char id[2 * ORDER_ID_BYTES + 1];
	struct standing *standing = releaser->allowance.standing;
	const struct registry *registry = releaser->setup->registry;
	int result = standing_check_revocation(standing, revocation, registry, now_s());
	if (result == 0 && standing_has_revocation(standing, revocation))
		return 0;
	result = book_revocation(releaser->book, peer, revocation, result);
	if (result == 0)
		result = standing_revoke(standing, revocation, registry, now_s());
	if (result == 0)
		service_event(LOG_NOTICE, "E1018", "spool: standing order %s of route '%s' revoked by '%s'",
			      text_hex(id, sizeof(id), revocation->order_id, ORDER_ID_BYTES),
			      revocation->route, revocation->person);
	return result;
}
