/*
 * nightspool: a spool with bundles of the people of night.h in it, pushed by hand or under an order, held,
 * released, sent.
 */
#ifndef WEIR_TEST_NIGHTSPOOL_H
#define WEIR_TEST_NIGHTSPOOL_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sender/spool.h"
#include "tests/lib/endorse.h"
#include "tests/lib/night.h"

/* What a push is, beside its bytes. */
struct night_push {
	const char *route;
	const struct key *person;
	const struct order *order; /* NULL: the person pushes */
	uint64_t created;
	uint64_t bytes, records;
	uint8_t push_id;           /* 0: the next one */
	bool is_beyond;
};

static inline struct spool *night_spool(const char *path)
{
	struct spool *spool = NULL;
	const struct spool_options options = {.path = path};
	if ((mkdir(path, 0700) < 0 && access(path, F_OK) < 0) || spool_open(&spool, &options) != 0)
		abort();
	return spool;
}

static inline struct statement night_statement(const struct night_push *push)
{
	static uint8_t next = 100;
	struct statement s = {
		.registry_version = 1,
		.created = push->created,
		.destroy_by = push->created + NIGHT_DAY,
		.segments = 3,
		.manifest_segments = 1,
	};
	memcpy(s.route, push->route, strlen(push->route));
	memcpy(s.person, push->person->card.name, NAME_BYTES);
	memcpy(s.person_key, push->person->card.id, KEY_ID_BYTES);
	s.push_id[0] = push->push_id != 0 ? push->push_id : next++;
	return s;
}

static inline void night_dossier(struct dossier *out, const struct night *n, const struct night_push *push,
				 const struct statement *statement)
{
	uint8_t order[ORDER_BYTES_MAX], bytes[STATEMENT_BYTES];
	struct endorsement e = {.type = ENDORSEMENT_PUSH_ORDER, .order = order};
	*out = (struct dossier){.tally = {push->bytes, 1, push->records, 0}, .is_beyond_order = push->is_beyond};
	memcpy(out->push_id, statement->push_id, PUSH_ID_BYTES);
	if (push->order == NULL) {
		endorse_push(&out->endorsements, statement, push->person->secret);
		return;
	}
	e.order_len = order_encode(order, push->order);
	statement_encode(bytes, statement);
	if (signature_make(&e.signature, push_domain, bytes, sizeof(bytes), n->machine->secret) != 0)
		abort();
	endorse_with(&out->endorsements, &e);
}

static inline struct spool_item *night_hold(struct spool *spool, const struct night *n,
					    const struct night_push *push)
{
	static const uint8_t body[3 * SEGMENT_BYTES];
	struct statement s = night_statement(push);
	struct dossier *dossier = calloc(1, sizeof(*dossier));
	struct incoming *incoming;
	struct spool_item *item = NULL;
	if (dossier == NULL)
		abort();
	night_dossier(dossier, n, push, &s);
	if (spool_begin(spool, &incoming) != 0 || spool_add(incoming, body, sizeof(body)) != 0 ||
	    spool_hold(incoming, &s, dossier, &item) != 0)
		abort();
	free(dossier);
	return item;
}

static inline void night_let_go(struct spool *spool, const struct night *n, struct spool_item *item,
				const struct endorsements *endorsements, uint64_t at)
{
	const struct spool_terms terms = {n->inside, 1, at, 125, endorsements};
	if (spool_release(spool, item, &terms) != 0)
		abort();
}

/* Released as it stands in its dossier, and sent. */
static inline struct spool_item *night_sent(struct spool *spool, const struct night *n,
					    const struct night_push *push, uint64_t at)
{
	struct spool_item *item = night_hold(spool, n, push);
	struct dossier *dossier = calloc(1, sizeof(*dossier));
	if (dossier == NULL || spool_dossier(spool, item, dossier) != 0)
		abort();
	night_let_go(spool, n, item, &dossier->endorsements, at);
	free(dossier);
	if (spool_set_sent(spool, item) != 0)
		abort();
	return item;
}

#endif
