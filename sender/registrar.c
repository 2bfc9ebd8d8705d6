#include "registrar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/openbundle.h"
#include "common/service.h"
#include "common/verdict.h"

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

/*
 * One that waits and was signed by a key that this box had before is never released; one that is no longer ready
 * passes no more.
 */
static bool is_current(const struct releaser *releaser, const struct spool_item *item,
		       const uint8_t digest[static SUITE_DIGEST_BYTES])
{
	const struct statement *s = &item->release.statement;
	return memcmp(s->manifest_digest, digest, SUITE_DIGEST_BYTES) == 0 &&
	       item->state != SPOOL_SENT &&
	       (item->state != SPOOL_HELD ||
		memcmp(s->person_key, releaser->box->card.id, KEY_ID_BYTES) == 0);
}

static struct spool_item *find_current(const struct releaser *releaser,
				       const uint8_t digest[static SUITE_DIGEST_BYTES])
{
	struct spool *spool = releaser->allowance.spool;
	for (size_t i = 0; i < spool_count(spool); i++) {
		struct spool_item *item = spool_at(spool, i);
		if (open_is(&item->release.statement) && is_current(releaser, item, digest))
			return item;
	}
	return NULL;
}

/* The box answers for it as a person does for a push. */
static int sign(const struct releaser *releaser, struct statement *s, struct dossier *dossier,
		size_t text_len)
{
	const struct registry *registry = releaser->setup->registry;
	const struct key *box = releaser->box;
	uint8_t bytes[STATEMENT_BYTES];
	struct endorsement push = {.type = ENDORSEMENT_PUSH};
	suite_random(s->push_id, PUSH_ID_BYTES);
	memcpy(s->person, box->card.name, NAME_BYTES);
	memcpy(s->person_key, box->card.id, KEY_ID_BYTES);
	s->created = now_s();
	s->destroy_by = registry_expires(registry) > s->created ? registry_expires(registry) : s->created;
	statement_encode(bytes, s);
	int result = signature_make(&push.signature, push_domain, bytes, sizeof(bytes), box->secret);
	if (result != 0)
		return result;
	memcpy(dossier->push_id, s->push_id, PUSH_ID_BYTES);
	dossier->tally = (struct tally){.content_len = text_len, .members = 1};
	return endorsements_add(&dossier->endorsements, &push);
}

static int hold(const struct releaser *releaser, const uint8_t *body, size_t body_len,
		const struct statement *s, const struct dossier *dossier, struct spool_item **out)
{
	struct incoming *incoming;
	int result = spool_begin(releaser->allowance.spool, &incoming);
	if (result != 0)
		return result;
	result = spool_add(incoming, body, body_len);
	if (result == 0)
		result = spool_hold(incoming, s, dossier, out);
	if (result != 0)
		spool_abandon(incoming);
	return result;
}

static int make(const struct releaser *releaser, struct spool_item **out)
{
	size_t len, body_len = 0;
	const uint8_t *text = registry_text(releaser->setup->registry, &len);
	struct statement statement = {.registry_version = 0};
	uint8_t *body = NULL;
	struct dossier *dossier = calloc(1, sizeof(*dossier));
	int result = dossier == NULL ? -ENOMEM
				     : open_make(&body, &body_len, &statement, OPEN_REGISTRY, text, len);
	if (result == 0)
		result = sign(releaser, &statement, dossier, len);
	if (result == 0)
		result = hold(releaser, body, body_len, &statement, dossier, out);
	free(body);
	free(dossier);
	if (result != 0)
		return result;
	result = book_crossing(releaser->book, *out, registry_version(releaser->setup->registry));
	if (result != 0)
		(void)spool_remove(releaser->allowance.spool, *out);
	return result;
}

static void tell(struct releaser *releaser, int result)
{
	uint64_t version = registry_version(releaser->setup->registry);
	if (result == releaser->crossing)
		return;
	releaser->crossing = result;
	if (result != 0)
		service_event(LOG_ERR, "E1031",
			      "registry: version %" PRIu64 " cannot be sent to the receivers: %s [%s]; it is "
			      "tried again", version, verdict_explain(result),
			      result > 0 ? verdict_name(result) : "environment");
	else
		service_event(LOG_NOTICE, "E1031", "registry: version %" PRIu64 " can be sent to the receivers",
			      version);
}

/* Of what is on the link the dispatcher knows; it is taken away when it has been sent. */
static void retire_others(struct releaser *releaser, const struct spool_item *current)
{
	struct spool *spool = releaser->allowance.spool;
	for (size_t i = spool_count(spool); i-- > 0;) {
		struct spool_item *item = spool_at(spool, i);
		item->is_repeated = item == current;
		if (item == current || !open_is(&item->release.statement) || item->state == SPOOL_READY ||
		    (item->state == SPOOL_HELD && spool_has_number(spool, item)))
			continue;
		book_removed(releaser->book, item, "replaced");
		book_commit(releaser->book);
		if (releaser->book->failure != 0)
			return;
		int result = spool_remove(spool, item);
		if (result == 0)
			service_event(LOG_NOTICE, "E1032", "registry: one that was replaced is sent no more");
		else
			service_event(LOG_ERR, "E1008", "spool: a replaced registry cannot be removed: %s",
				      verdict_explain(result));
		releaser->has_changed = true;
	}
}

void registrar_follow(struct releaser *releaser)
{
	uint8_t digest[SUITE_DIGEST_BYTES];
	size_t len;
	const uint8_t *text = registry_text(releaser->setup->registry, &len);
	/* one that releases nothing is not worth its way */
	if (registry_check(releaser->setup->registry, now_s()) != 0)
		return;
	open_digest(digest, text, len);
	struct spool_item *item = find_current(releaser, digest);
	int result = 0;
	if (item == NULL) {
		result = make(releaser, &item);
		if (result == 0)
			result = releaser_release(releaser, item);
		if (result == 0)
			service_event(LOG_NOTICE, "E1033", "registry: version %" PRIu64 " crosses the link as '%s'",
				      registry_version(releaser->setup->registry), item->name);
	}
	tell(releaser, result);
	/* one that is held is tried again with all others that are */
	if (result == 0 && item->state != SPOOL_HELD)
		retire_others(releaser, item);
}
