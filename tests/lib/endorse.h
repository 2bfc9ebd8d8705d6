/*
 * endorse: endorsements as people make them, for tests that need a bundle somebody stands for.
 */
#ifndef WEIR_TEST_ENDORSE_H
#define WEIR_TEST_ENDORSE_H

#include <stdlib.h>
#include <string.h>

#include "common/endorsement.h"
#include "common/key.h"

/* Adds it or stops the test. */
static inline void endorse_with(struct endorsements *all, const struct endorsement *e)
{
	if (endorsements_add(all, e) != 0)
		abort();
}

/* The push alone, signed by the person with this seed. */
static inline void endorse_push(struct endorsements *out, const struct statement *statement,
				const uint8_t seed[static SUITE_KEY_BYTES])
{
	struct endorsement push = {.type = ENDORSEMENT_PUSH};
	uint8_t bytes[STATEMENT_BYTES];
	statement_encode(bytes, statement);
	if (signature_make(&push.signature, push_domain, bytes, sizeof(bytes), seed) != 0)
		abort();
	*out = (struct endorsements){0};
	endorse_with(out, &push);
}

/* What this officer signs to let it go. */
static inline struct endorsement endorse_approval(const struct statement *statement,
						  const struct key *officer, uint64_t at)
{
	struct endorsement e = {.type = ENDORSEMENT_APPROVAL, .at = at};
	uint8_t bytes[DECISION_BYTES];
	memcpy(e.person, officer->card.name, NAME_BYTES);
	memcpy(e.key_id, officer->card.id, KEY_ID_BYTES);
	decision_encode(bytes, statement, e.person, e.key_id, at);
	if (signature_make(&e.signature, approval_domain, bytes, sizeof(bytes), officer->secret) != 0)
		abort();
	return e;
}

#endif
