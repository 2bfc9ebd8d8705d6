#include "releaser.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/cursor.h"
#include "common/openbundle.h"
#include "common/recipients.h"
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
	return registry_admit(spool_dir(releaser->allowance.spool), releaser->setup->registry);
}

/* *is_new: whether it differs from the one before. */
static int load_registry(struct releaser *releaser, struct setup_problem *problem, bool *is_new)
{
	struct registry *registry = NULL;
	watch_take(&releaser->watch, releaser->setup->config.registry);
	int result = setup_read_registry(&registry, releaser->setup, problem);
	if (result == 0)
		result = registry_admit(spool_dir(releaser->allowance.spool), registry);
	if (result != 0) {
		registry_free(registry);
		return result;
	}
	*is_new = !registry_equals(registry, releaser->setup->registry);
	releaser->has_new_rules |= *is_new;
	setup_use_registry(releaser->setup, registry);
	releaser_watch_box(releaser);
	return 0;
}

static void tell_registry(const struct releaser *releaser, const struct setup_problem *problem, int result)
{
	char text[SETUP_TEXT_BYTES];
	book_registry(releaser->book, releaser->setup, result);
	if (result == 0)
		service_event(LOG_NOTICE, "E1012", "registry: version %" PRIu64 " loaded",
			      registry_version(releaser->setup->registry));
	else
		service_event(LOG_ERR, "E1013", "registry: %s is not used: %s [%s]",
			      setup_describe(text, problem), verdict_explain(result),
			      result > 0 ? verdict_name(result) : "environment");
}

void releaser_reload(struct releaser *releaser)
{
	struct setup_problem problem;
	bool is_new;
	int result = load_registry(releaser, &problem, &is_new);
	(void)watch_is_news(&releaser->watch, result); /* whoever asked is told in any case */
	tell_registry(releaser, &problem, result);
}

/* Tells only of what is news. */
static int load_silently(struct releaser *releaser)
{
	struct setup_problem problem;
	bool is_new = false;
	int result = load_registry(releaser, &problem, &is_new);
	if (watch_is_news(&releaser->watch, result) || is_new)
		tell_registry(releaser, &problem, result);
	return result;
}

bool releaser_follow(struct releaser *releaser)
{
	if (watch_has_changed(&releaser->watch, releaser->setup->config.registry))
		(void)load_silently(releaser); /* the one before stays */
	if (!releaser->has_new_rules)
		return false;
	releaser->has_new_rules = false;
	releaser_release_held(releaser);
	return true;
}

/* What the receiver will ask of each release, page and heartbeat that this box signs. */
static int judge_box(const struct releaser *releaser, uint64_t now)
{
	const struct party *box = registry_party_by_key(releaser->setup->registry, KEY_SENDER,
							releaser->box->card.id);
	return box == NULL ? VERDICT_UNKNOWN_KEY : party_check(box, now);
}

static void tell_expiry(void *context, const char *text)
{
	const struct releaser *releaser = context;
	service_event(LOG_WARNING, "E1034", "registry: %s; have the registry renewed", text);
	book_alarm(releaser->book, "E1034", text);
}

void releaser_watch_expiry(struct releaser *releaser)
{
	expiry_follow(&releaser->expiry, releaser->setup->registry, now_s(), tell_expiry, releaser);
}

void releaser_watch_box(struct releaser *releaser)
{
	int verdict = judge_box(releaser, now_s());
	if (verdict == releaser->box_verdict)
		return;
	releaser->box_verdict = verdict;
	if (verdict != 0)
		book_alarm(releaser->book, "E1014", "the key of this box does not count by the registry");
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
	if (open_is(statement))
		return push_check(registry, statement, endorsements, now);
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

/*
 * The rules that seal has kept stand in the registry that it found on disk: this must be the one in use, to the
 * byte.  One that was put in place since the last look is loaded first.
 */
static int judge_registry(struct releaser *releaser, const struct local_commit *commit)
{
	uint8_t digest[SUITE_DIGEST_BYTES];
	const uint64_t version = commit->statement.registry_version;
	registry_digest(digest, releaser->setup->registry);
	if (version >= registry_version(releaser->setup->registry) &&
	    memcmp(digest, commit->registry, sizeof(digest)) != 0) {
		int result = load_silently(releaser);
		if (result != 0)
			return result;
		registry_digest(digest, releaser->setup->registry);
	}
	if (version != registry_version(releaser->setup->registry))
		return VERDICT_OLDER_REGISTRY;
	return memcmp(digest, commit->registry, sizeof(digest)) == 0 ? VERDICT_OK : VERDICT_OTHER_REGISTRY;
}

int releaser_judge(struct releaser *releaser, struct local_commit *commit, const char **where)
{
	const struct statement *statement = &commit->statement;
	*where = "spool";
	if (spent_has(releaser->allowance.spent, statement->push_id))
		return -EEXIST; /* an officer has refused it */
	*where = "registry";
	int result = judge_registry(releaser, commit);
	if (result != 0)
		return result;
	/* a standing order is judged at this time, so it is not seal's to choose */
	uint64_t now = now_s();
	if (statement->created > now || now - statement->created > PUSH_LIFE_S)
		return VERDICT_BAD_TIME;
	*where = statement->route;
	if (open_is(statement)) /* this box makes them, and takes them from nobody */
		return VERDICT_NOT_ALLOWED;
	if (commit->dossier.endorsements.count != 1) /* approvals come from officers, not from seal */
		return VERDICT_BAD_PROTOCOL;
	result = judge(releaser, statement, &commit->dossier.endorsements, now, where);
	if (result == 0 || result == VERDICT_BEYOND_ORDER)
		result = allowance_push(&releaser->allowance, statement, &commit->dossier, now);
	commit->dossier.is_beyond_order = result == VERDICT_BEYOND_ORDER;
	/* what exceeds a standing order is not lost: it waits for people */
	if (result != 0 && result != VERDICT_BEYOND_ORDER)
		return result;
	*where = statement->route;
	return allowance_caps(&releaser->allowance,
			      registry_route(releaser->setup->registry, statement->route), statement,
			      &commit->dossier.tally, now);
}

int releaser_judge_head(const struct releaser *releaser, const struct statement *statement,
			const uint8_t segment[static SEGMENT_BYTES], const char **where)
{
	const struct route *route = registry_route(releaser->setup->registry, statement->route);
	return route == NULL ? VERDICT_UNKNOWN_ROUTE
			     : recipients_check_head(route, segment, now_s(), true, where);
}

/* Nothing that waited goes to whom the registry does not name any more. */
static int judge_recipients(const struct releaser *releaser, const struct spool_item *item, uint64_t now)
{
	uint8_t segment[SEGMENT_BYTES];
	const char *who;
	const struct route *route = registry_route(releaser->setup->registry, item->release.statement.route);
	if (open_is(&item->release.statement))
		return VERDICT_OK; /* it is sealed to nobody */
	int result = spool_read_head(releaser->allowance.spool, item, segment);
	return result != 0 ? result : recipients_check_head(route, segment, now, false, &who);
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
	if (result != 0)
		return result;
	approvals_select(out, registry, statement, &dossier->endorsements, now);
	item->approvals = (uint8_t)endorsements_approvals(out);
	result = judge(releaser, statement, &dossier->endorsements, now, &where);
	if (result == 0)
		result = judge_recipients(releaser, item, now);
	if (result == 0)
		result = allowance_push_stands(&releaser->allowance, dossier);
	if (result != 0)
		return result;
	result = approvals_check(registry, statement, out, now, releaser->box->card.id);
	return result == VERDICT_TOO_FEW_APPROVALS
		       ? allowance_release(&releaser->allowance, registry, item, now, dossier, out)
		       : result;
}

/* Also after a restart: its push id is among those that were refused. */
static bool is_taken_back(const struct releaser *releaser, const struct spool_item *item)
{
	return item->is_taken_back ||
	       (item->state == SPOOL_HELD &&
		spent_has(releaser->allowance.spent, item->release.statement.push_id));
}

int releaser_take_back(struct releaser *releaser, struct spool_item *item)
{
	item->is_taken_back = true;
	int kept = spent_add_refused(releaser->allowance.spent, item, now_s());
	int result = spool_remove(releaser->allowance.spool, item);
	return result != 0 ? result : kept;
}

/* A number that was given and is not used would look like a loss: whoever has it goes first. */
static int release_before(struct releaser *releaser, const struct spool_item *item)
{
	struct spool_item *first = spool_numbered(releaser->allowance.spool, item->release.statement.route);
	if (first == NULL || first == item || is_taken_back(releaser, first))
		return 0;
	int result = releaser_release(releaser, first);
	return result < 0 ? result : 0;
}

static int release(struct releaser *releaser, struct spool_item *item, struct endorsements *endorsements)
{
	if (is_taken_back(releaser, item))
		return -ECANCELED;
	int before = release_before(releaser, item);
	if (before != 0)
		return before;
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
		.route_id = open_route_id(releaser->setup->registry, statement->route),
		.released_at = now,
		.repair_permille = releaser->setup->config.repair_permille,
		.endorsements = endorsements,
	};
	book_found_release(releaser->book, releaser->allowance.spool);
	result = book_decision(releaser->book, item, endorsements);
	return result != 0 ? result : spool_release(releaser->allowance.spool, item, &terms);
}

static enum waits waits_for(int result)
{
	if (result == VERDICT_BEYOND_ORDER || result == VERDICT_REVOKED)
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
	bool is_news = result != item->held_for;
	item->held_for = result;
	item->waits = waits_for(result);
	if (result != 0 && !is_news)
		return result;
	if (result != 0)
		book_bundle(releaser->book, "held", item, result);
	if (item->waits != WAITS_NOT)
		return result;
	if (result != 0) {
		service_event(LOG_WARNING, "E1005", "spool: push %s of '%s' stays held: %s [%s]", push_id,
			      statement->person, verdict_explain(result),
			      result > 0 ? verdict_name(result) : "environment");
		return result;
	}
	releaser->has_changed = true;
	book_release(releaser->book, item, false);
	bool is_ordered = !bytes_are_zero(item->release_order, ORDER_ID_BYTES);
	text_hex(order, sizeof(order), item->release_order, ORDER_ID_BYTES);
	service_event(LOG_NOTICE, "E1003",
		      "spool: '%s' released: push %s of '%s', %" PRIu64 " bytes, %zu approvals%s%s",
		      item->name, push_id, statement->person, item->object_len,
		      endorsements_approvals(&endorsements), is_ordered ? ", standing order " : "",
		      is_ordered ? order : "");
	return 0;
}

size_t releaser_release_held(struct releaser *releaser)
{
	size_t released = 0;
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
			else
				released++;
		}
	}
	return released;
}

/* Sent and beyond its time, or waiting for people for as long. */
static bool is_due(const struct releaser *releaser, const struct spool_item *item, uint64_t now,
		   uint64_t retention_s)
{
	const struct statement *statement = &item->release.statement;
	uint64_t since = item->state == SPOOL_HELD ? statement->created
						   : spool_offered_since(releaser->allowance.spool, item);
	bool is_old = now > since && now - since > retention_s;
	if (is_taken_back(releaser, item))
		return true;
	if (item->state == SPOOL_READY || (!is_old && now <= statement->destroy_by))
		return false;
	return item->state == SPOOL_SENT || !spool_has_number(releaser->allowance.spool, item);
}

/* In the ledger, and in words. */
struct removal {
	const char *how, *why;
};

static struct removal removal_of(const struct releaser *releaser, const struct spool_item *item, uint64_t now)
{
	if (is_taken_back(releaser, item))
		return (struct removal){"refused", "it was refused"};
	if (now > item->release.statement.destroy_by)
		return (struct removal){"date", "its destroy-by date has come"};
	return (struct removal){"retention", "it is beyond its retention time"};
}

/* Its day may not be over: what was sent counts until then. */
static int remove_item(struct releaser *releaser, struct spool_item *item, uint64_t now)
{
	int result = item->state == SPOOL_SENT ? spent_add(releaser->allowance.spent, item, now) : 0;
	return result != 0 ? result : spool_remove(releaser->allowance.spool, item);
}

/* The ledger first, all at once: a crash may leave more written than done, and never less. */
static bool enter_due(struct releaser *releaser, uint64_t now, uint64_t retention_s)
{
	size_t due = 0;
	for (size_t i = 0; i < spool_count(releaser->allowance.spool); i++) {
		struct spool_item *item = spool_at(releaser->allowance.spool, i);
		if (!is_due(releaser, item, now, retention_s))
			continue;
		book_removed(releaser->book, item, removal_of(releaser, item, now).how);
		due++;
	}
	if (due > 0)
		book_commit(releaser->book);
	return due > 0 && releaser->book->failure == 0;
}

void releaser_retire(struct releaser *releaser)
{
	uint64_t now = now_s();
	standing_retire(releaser->allowance.standing, now);
	spent_retire(releaser->allowance.spent, now);
	uint64_t retention_s = (uint64_t)releaser->setup->config.retention_days * DAY_S;
	if (!enter_due(releaser, now, retention_s))
		return;
	for (size_t i = spool_count(releaser->allowance.spool); i-- > 0;) {
		struct spool_item *item = spool_at(releaser->allowance.spool, i);
		if (!is_due(releaser, item, now, retention_s))
			continue;
		char name[BUNDLE_NAME_BYTES];
		if (item->state == SPOOL_HELD)
			text_hex(name, sizeof(name), item->release.statement.push_id, PUSH_ID_BYTES);
		else
			memcpy(name, item->name, sizeof(name));
		const char *why = removal_of(releaser, item, now).why;
		int result = remove_item(releaser, item, now);
		if (result == 0)
			service_event(LOG_NOTICE, "E1007", "spool: '%s' removed: %s", name, why);
		else
			service_event(LOG_ERR, "E1008", "spool: '%s' cannot be removed: %s", name,
				      verdict_explain(result));
		releaser->has_changed = true;
	}
}
