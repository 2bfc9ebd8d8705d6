#include "releaser.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/cursor.h"
#include "common/service.h"
#include "common/text.h"
#include "common/verdict.h"

enum {
	DAY_S = 86400,
	PUSH_LIFE_S = DAY_S, /* a push may take long, but no longer */
};

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

int releaser_remember(struct releaser *releaser)
{
	return registry_remember(spool_dir(releaser->allowance.spool), registry_version(releaser->setup->registry));
}

int releaser_reload(struct releaser *releaser, struct setup_problem *problem)
{
	struct registry *registry = NULL;
	int result = setup_read_registry(&registry, releaser->setup, problem);
	if (result == 0)
		result = registry_remember(spool_dir(releaser->allowance.spool), registry_version(registry));
	if (result != 0) {
		registry_free(registry);
		return result;
	}
	setup_use_registry(releaser->setup, registry);
	releaser_watch_box(releaser);
	return 0;
}

/* What the receiver will ask of each release, page and heartbeat that this box signs. */
static int judge_box(const struct releaser *releaser, uint64_t now)
{
	const struct party *box = registry_party_by_key(releaser->setup->registry, KEY_SENDER,
							releaser->box->card.id);
	return box == NULL ? VERDICT_UNKNOWN_KEY : party_check(box, now);
}

void releaser_watch_box(struct releaser *releaser)
{
	int verdict = judge_box(releaser, now_s());
	if (verdict == releaser->box_verdict)
		return;
	releaser->box_verdict = verdict;
	if (verdict != 0)
		service_event(LOG_CRIT, "E1014",
			      "registry: the key of this box, '%s', does not count: %s [%s]: no receiver "
			      "listens to it, and every push is refused until a registry with a good key is loaded",
			      releaser->box->card.name, verdict_explain(verdict), verdict_name(verdict));
	else
		service_event(LOG_NOTICE, "E1014", "registry: the key of this box, '%s', counts again",
			      releaser->box->card.name);
}

/* What all of them have to satisfy, at the push and at the release, which may be days apart. */
static int judge(const struct releaser *releaser, const struct statement *statement,
		 const struct endorsements *endorsements, uint64_t now, const char **where)
{
	const struct registry *registry = releaser->setup->registry;
	*where = "registry";
	int result = registry_check(registry, now);
	if (result != 0)
		return result;
	*where = releaser->box->card.name;
	result = judge_box(releaser, now);
	if (result != 0)
		return result;
	*where = statement->route;
	const struct route *route = registry_route(registry, statement->route);
	if (route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	result = route_check(route, now);
	if (result != 0)
		return result;
	/* nothing that waited is released under rules that have changed meanwhile */
	if (statement->policy_version != (route->policy == NULL ? 0 : route->policy->version))
		return VERDICT_WRONG_POLICY;
	*where = statement->person;
	return push_check(registry, statement, endorsements, now);
}

int releaser_judge(struct releaser *releaser, const struct local_commit *commit, const char **where)
{
	struct setup_problem problem;
	const struct statement *statement = &commit->statement;
	*where = "registry";
	if (statement->registry_version > registry_version(releaser->setup->registry)) {
		int result = releaser_reload(releaser, &problem);
		if (result != 0)
			return result;
	}
	if (statement->registry_version != registry_version(releaser->setup->registry))
		return VERDICT_OLDER_REGISTRY;
	/* a standing order is judged at this time, so it is not seal's to choose */
	uint64_t now = now_s();
	if (statement->created > now || now - statement->created > PUSH_LIFE_S)
		return VERDICT_BAD_TIME;
	if (commit->dossier.endorsements.count != 1) /* approvals come from officers, not from seal */
		return VERDICT_BAD_PROTOCOL;
	int result = judge(releaser, statement, &commit->dossier.endorsements, now, where);
	if (result == 0 || result == VERDICT_BEYOND_ORDER)
		result = allowance_push(&releaser->allowance, statement, &commit->dossier);
	/* what exceeds a standing order is not lost: it waits for people */
	if (result != 0 && result != VERDICT_BEYOND_ORDER)
		return result;
	*where = statement->route;
	return allowance_caps(&releaser->allowance,
			      registry_route(releaser->setup->registry, statement->route), statement,
			      &commit->dossier.tally);
}

uint32_t releaser_quorum(const struct releaser *releaser, const struct spool_item *item)
{
	const struct route *route =
		registry_route(releaser->setup->registry, item->release.statement.route);
	return route == NULL ? 0 : route->quorum;
}

/* Those who stand for it now: an officer who was suspended meanwhile stands for nothing. */
static int gather_from(const struct releaser *releaser, struct spool_item *item, uint64_t now,
		       struct dossier *dossier, struct endorsements *out)
{
	const struct registry *registry = releaser->setup->registry;
	const struct statement *statement = &item->release.statement;
	const char *where;
	int result = spool_dossier(releaser->allowance.spool, item, dossier);
	if (result == 0)
		result = judge(releaser, statement, &dossier->endorsements, now, &where);
	if (result == 0)
		result = allowance_push(&releaser->allowance, statement, dossier);
	if (result != 0)
		return result;
	approvals_select(out, registry, statement, &dossier->endorsements, now);
	item->approvals = (uint8_t)endorsements_approvals(out);
	result = approvals_check(registry, statement, out, now, releaser->box->card.id);
	return result == VERDICT_TOO_FEW_APPROVALS
		       ? allowance_release(&releaser->allowance, registry, item, now, dossier, out)
		       : result;
}

static int release(struct releaser *releaser, struct spool_item *item, struct endorsements *endorsements)
{
	const struct statement *statement = &item->release.statement;
	uint64_t now = now_s();
	struct dossier *dossier = malloc(sizeof(*dossier));
	int result = dossier == NULL ? -ENOMEM
				     : gather_from(releaser, item, now, dossier, endorsements);
	free(dossier);
	if (result != 0)
		return result;
	struct spool_terms terms = {
		.box = releaser->box,
		.route_id = registry_route(releaser->setup->registry, statement->route)->id,
		.released_at = now,
		.repair_permille = releaser->setup->config.repair_permille,
		.endorsements = endorsements,
	};
	return spool_release(releaser->allowance.spool, item, &terms);
}

static enum waits waits_for(int result)
{
	if (result == VERDICT_BEYOND_ORDER)
		return WAITS_FOR_PERSON;
	return result == VERDICT_TOO_FEW_APPROVALS ? WAITS_FOR_OFFICERS : WAITS_NOT;
}

int releaser_release(struct releaser *releaser, struct spool_item *item)
{
	const struct statement *statement = &item->release.statement;
	struct endorsements endorsements;
	char push_id[2 * PUSH_ID_BYTES + 1], order[2 * ORDER_ID_BYTES + 1];
	text_hex(push_id, sizeof(push_id), statement->push_id, PUSH_ID_BYTES);
	int result = release(releaser, item, &endorsements);
	item->waits = waits_for(result);
	if (item->waits != WAITS_NOT)
		return result;
	if (result != 0) {
		service_event(LOG_WARNING, "E1005", "spool: push %s of '%s' stays held: %s [%s]", push_id,
			      statement->person, verdict_explain(result),
			      result > 0 ? verdict_name(result) : "environment");
		return result;
	}
	releaser->has_changed = true;
	bool is_ordered = !bytes_are_zero(item->release_order, ORDER_ID_BYTES);
	text_hex(order, sizeof(order), item->release_order, ORDER_ID_BYTES);
	service_event(LOG_NOTICE, "E1003",
		      "spool: '%s' released: push %s of '%s', %" PRIu64 " bytes, %zu approvals%s%s",
		      item->name, push_id, statement->person, item->object_len,
		      endorsements_approvals(&endorsements), is_ordered ? ", standing order " : "",
		      is_ordered ? order : "");
	return 0;
}

/* The item an officer decides on. */
static int find_waiting(struct releaser *releaser, const uint8_t push_id[static PUSH_ID_BYTES],
			struct spool_item **out)
{
	char name[2 * PUSH_ID_BYTES + 1];
	struct spool_item *item =
		spool_find(releaser->allowance.spool, text_hex(name, sizeof(name), push_id, PUSH_ID_BYTES));
	if (item == NULL)
		return VERDICT_NO_SUCH_BUNDLE;
	if (item->state != SPOOL_HELD || item->waits == WAITS_NOT ||
	    spool_has_number(releaser->allowance.spool, item))
		return VERDICT_NOT_WAITING;
	*out = item;
	return VERDICT_OK;
}

/* The approval is in the dossier, durably, before it counts. */
static int keep_approval(struct releaser *releaser, struct spool_item *item,
			 const struct endorsement *approval)
{
	struct dossier *dossier = malloc(sizeof(*dossier));
	if (dossier == NULL)
		return -ENOMEM;
	int result = spool_dossier(releaser->allowance.spool, item, dossier);
	if (result == 0)
		result = endorsements_add(&dossier->endorsements, approval);
	if (result == 0)
		result = spool_set_dossier(releaser->allowance.spool, item, dossier);
	free(dossier);
	return result;
}

/* An officer's approval, or the person's own signature in the place of a machine's. */
static int check_decision(const struct releaser *releaser, const struct spool_item *item,
			  const struct endorsement *e)
{
	const struct statement *statement = &item->release.statement;
	struct endorsements alone = {.count = 0};
	if (e->type == ENDORSEMENT_APPROVAL)
		return approval_check(releaser->setup->registry, statement, e, now_s());
	if (e->type != ENDORSEMENT_PUSH)
		return VERDICT_BAD_PROTOCOL;
	if (item->waits != WAITS_FOR_PERSON)
		return VERDICT_NOT_WAITING;
	int result = endorsements_add(&alone, e);
	return result != 0 ? result
			   : push_check(releaser->setup->registry, statement, &alone, now_s());
}

int releaser_approve(struct releaser *releaser, const struct local_approve *approve,
		     struct spool_item **out)
{
	struct spool_item *item;
	int result = find_waiting(releaser, approve->push_id, &item);
	if (result == 0)
		result = check_decision(releaser, item, &approve->approval);
	if (result == 0)
		result = keep_approval(releaser, item, &approve->approval);
	if (result != 0)
		return result;
	char push_id[2 * PUSH_ID_BYTES + 1];
	service_event(LOG_NOTICE, "E1015", "spool: push %s approved by '%s', %u of %u",
		      text_hex(push_id, sizeof(push_id), approve->push_id, PUSH_ID_BYTES),
		      approve->approval.type == ENDORSEMENT_PUSH ? item->release.statement.person
								 : approve->approval.person,
		      (unsigned int)item->approvals,
		      (unsigned int)releaser_quorum(releaser, item));
	/* what it still lacks shows in its state */
	(void)releaser_release(releaser, item);
	*out = item;
	return 0;
}

int releaser_deny(struct releaser *releaser, const struct local_deny *deny)
{
	struct spool_item *item;
	const struct refusal *refusal = &deny->refusal;
	int result = find_waiting(releaser, deny->push_id, &item);
	if (result == 0)
		result = refusal_check(releaser->setup->registry, &item->release.statement, refusal,
				       now_s());
	if (result == 0)
		result = spool_remove(releaser->allowance.spool, item);
	if (result != 0)
		return result;
	char push_id[2 * PUSH_ID_BYTES + 1], reason[4 * REASON_BYTES_MAX];
	service_event(LOG_NOTICE, "E1016", "spool: push %s refused by '%s': %s",
		      text_hex(push_id, sizeof(push_id), deny->push_id, PUSH_ID_BYTES), refusal->person,
		      text_escape_name(reason, sizeof(reason), refusal->reason));
	return 0;
}

int releaser_load_order(struct releaser *releaser, const struct order *order)
{
	char id[2 * ORDER_ID_BYTES + 1];
	int result = standing_load(releaser->allowance.standing, order, releaser->setup->registry, now_s(),
				   releaser->box->card.id);
	if (result != 0)
		return result;
	service_event(LOG_NOTICE, "E1017", "spool: standing order %s for route '%s' is in force",
		      text_hex(id, sizeof(id), order->id, ORDER_ID_BYTES), order->route);
	releaser_release_held(releaser);
	return 0;
}

int releaser_revoke_order(struct releaser *releaser, const struct revocation *revocation)
{
	char id[2 * ORDER_ID_BYTES + 1];
	int result = standing_revoke(releaser->allowance.standing, revocation, releaser->setup->registry, now_s());
	if (result == 0)
		service_event(LOG_NOTICE, "E1018", "spool: standing order %s of route '%s' revoked by '%s'",
			      text_hex(id, sizeof(id), revocation->order_id, ORDER_ID_BYTES),
			      revocation->route, revocation->person);
	return result;
}

void releaser_release_held(struct releaser *releaser)
{
	/* what was released has left the front of the list; what was not is passed over */
	for (int numbered = 1; numbered >= 0; numbered--) {
		size_t i = 0;
		while (i < spool_count(releaser->allowance.spool)) {
			struct spool_item *item = spool_at(releaser->allowance.spool, i);
			if (item->state != SPOOL_HELD)
				break;
			if (spool_has_number(releaser->allowance.spool, item) != (numbered == 1) ||
			    releaser_release(releaser, item) != 0)
				i++;
		}
	}
}

/* Sent and beyond its time, or waiting for people for as long. */
static bool is_due(const struct releaser *releaser, const struct spool_item *item, uint64_t now,
		   uint64_t retention_s)
{
	const struct statement *statement = &item->release.statement;
	uint64_t since = item->state == SPOOL_HELD ? statement->created : item->release.released_at;
	bool is_old = now > since && now - since > retention_s;
	if (item->state == SPOOL_READY || (!is_old && now <= statement->destroy_by))
		return false;
	return item->state == SPOOL_SENT || !spool_has_number(releaser->allowance.spool, item);
}

void releaser_retire(struct releaser *releaser)
{
	uint64_t now = now_s();
	standing_retire(releaser->allowance.standing, now);
	uint64_t retention_s = (uint64_t)releaser->setup->config.retention_days * DAY_S;
	for (size_t i = spool_count(releaser->allowance.spool); i-- > 0;) {
		struct spool_item *item = spool_at(releaser->allowance.spool, i);
		if (!is_due(releaser, item, now, retention_s))
			continue;
		char name[BUNDLE_NAME_BYTES];
		if (item->state == SPOOL_HELD)
			text_hex(name, sizeof(name), item->release.statement.push_id, PUSH_ID_BYTES);
		else
			memcpy(name, item->name, sizeof(name));
		int result = spool_remove(releaser->allowance.spool, item);
		if (result == 0)
			service_event(LOG_NOTICE, "E1007",
				      "spool: '%s' removed: it is beyond its retention time", name);
		else
			service_event(LOG_ERR, "E1008", "spool: '%s' cannot be removed: %s", name,
				      verdict_explain(result));
		releaser->has_changed = true;
	}
}
