/*
 * fuzzhold: a weir-hold without its process, for the fuzz target of its sockets and for whoever makes inputs for it:
 * the people of night.h with keys that are the same each time, one bundle that waits for two officers, one that was
 * sent, and room for a push.
 */
#ifndef WEIR_TEST_FUZZHOLD_H
#define WEIR_TEST_FUZZHOLD_H

#include "sender/control.h"
#include "sender/gate.h"
#include "tests/lib/fuzzing.h"
#include "tests/lib/nightspool.h"

enum { FUZZHOLD_NOW = 1796083200 + 43200, FUZZHOLD_WAITS = 1, FUZZHOLD_SENT = 2, FUZZHOLD_COMES = 3 };

struct fuzzhold {
	struct night night;
	struct setup setup;
	struct book book;
	struct releaser releaser;
	struct control_desk control;
	struct gate_desk gate;
};

static inline void fuzzhold_set_key(struct key *key)
{
	char words[128];
	snprintf(words, sizeof(words), "weir fuzz %s %s", key_kind_name(key->card.kind), key->card.name);
	suite_hash(key->secret, SUITE_KEY_BYTES, NULL, NULL, 0, words, strlen(words));
	key_complete(key);
}

static inline void fuzzhold_people(struct night *n)
{
	night_make(n, "");
	for (size_t i = 0; i < NIGHT_PEOPLE; i++)
		fuzzhold_set_key(n->people[i]);
	fuzzhold_set_key(n->machine);
	fuzzhold_set_key(n->inside);
	fuzzhold_set_key(n->other_box);
	registry_free(n->registry);
	n->registry = night_registry(n, 1, "");
}

static inline struct night_push fuzzhold_push(const struct night *n, uint8_t push_id)
{
	return (struct night_push){.route = "tax", .person = n->people[WANG], .created = FUZZHOLD_NOW - 60,
				   .bytes = 11, .records = 3, .push_id = push_id};
}

/* The first segment of a body that is sealed to the recipient of the route. */
static inline void fuzzhold_head(uint8_t out[static SEGMENT_BYTES], const struct night *n)
{
	struct head head = {.route = "tax", .count = 1};
	const struct party *recipient = registry_party(n->registry, KEY_RECIPIENT, "tax-agency");
	memcpy(head.stanzas[0].key_id, recipient->card.id, KEY_ID_BYTES);
	head_encode(out, &head);
}

/* Kuo has approved it; it lacks one more. */
static inline void fuzzhold_wait(struct spool *spool, const struct night *n)
{
	static uint8_t body[3 * SEGMENT_BYTES];
	static struct dossier dossier;
	const struct night_push push = fuzzhold_push(n, FUZZHOLD_WAITS);
	struct statement s = night_statement(&push);
	struct incoming *incoming;
	struct spool_item *item = NULL;
	fuzzhold_head(body, n);
	night_dossier(&dossier, n, &push, &s);
	struct endorsement approval = endorse_approval(&s, n->people[KUO], FUZZHOLD_NOW - 30);
	endorse_with(&dossier.endorsements, &approval);
	fuzz_need(spool_begin(spool, &incoming) == 0 && spool_add(incoming, body, sizeof(body)) == 0 &&
			  spool_hold(incoming, &s, &dossier, &item) == 0, "nothing that waits");
}

static inline void fuzzhold_fill(void *context, const struct spool_item *item, struct local_item *out)
{
	(void)context, (void)item;
	out->passes = 2;
}

static inline void fuzzhold_open(struct fuzzhold *h)
{
	static uint8_t buffer[GATE_BUFFER_BYTES];
	char path[96];
	size_t bad;
	struct allowance *a = &h->releaser.allowance;
	snprintf(path, sizeof(path), "%s/spool", fuzz_dir());
	a->spool = night_spool(path);
	struct night_push push = fuzzhold_push(&h->night, FUZZHOLD_SENT);
	night_sent(a->spool, &h->night, &push, push.created + 1);
	fuzzhold_wait(a->spool, &h->night);
	fuzz_need(standing_open(&a->standing, spool_dir(a->spool), &bad) == 0 &&
			  spent_open(&a->spent, spool_dir(a->spool), &bad) == 0 &&
			  book_open(&h->book, path, h->night.inside) == 0, "no spool");
	h->setup.registry = h->night.registry;
	h->releaser.setup = &h->setup;
	h->releaser.book = &h->book;
	h->releaser.box = h->night.inside;
	h->control = (struct control_desk){&h->releaser, fuzzhold_fill, NULL};
	h->gate = (struct gate_desk){&h->releaser, buffer, geteuid()};
}

static inline void fuzzhold_close(struct fuzzhold *h)
{
	book_close(&h->book);
	spent_close(h->releaser.allowance.spent);
	standing_close(h->releaser.allowance.standing);
	spool_close(h->releaser.allowance.spool);
	h->releaser = (struct releaser){.setup = NULL};
	fuzz_remove_directory();
	fuzz_need(mkdir(fuzz_dir(), 0700) == 0, "no directory again");
}

/* What people or seal have changed, as a number that is another one then. */
static inline uint64_t fuzzhold_state(const struct fuzzhold *h)
{
	const struct allowance *a = &h->releaser.allowance;
	uint64_t sum = spool_count(a->spool) * 1000 + standing_count(a->standing) * 100 +
		       standing_revocation_count(a->standing) * 10 + h->releaser.resends.count + spent_count(a->spent);
	for (size_t i = 0; i < spool_count(a->spool); i++)
		sum = sum * 31 + (uint64_t)spool_at(a->spool, i)->state * 16 + spool_at(a->spool, i)->approvals;
	return sum;
}

#endif
