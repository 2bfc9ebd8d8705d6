/*
 * endorsement: who stands for a bundle: the person who pushed it or the standing order under which a machine
 * did, and the officers who released it or their standing order.  Format: BUNDLE.md 3.1.
 *
 * The records are kept as they lie in the release segment (struct endorsements, bundle.h).  The first is
 * of push or push order, and no other is; approvals follow, ascending by key id; a release order is last.
 */
#ifndef WEIR_ENDORSEMENT_H
#define WEIR_ENDORSEMENT_H

#include "bundle.h"
#include "signature.h"

enum endorsement_type {
	ENDORSEMENT_PUSH = 1,        /* the person's signature of the statement */
	ENDORSEMENT_PUSH_ORDER = 2,  /* a machine's, and the order that lets it */
	ENDORSEMENT_APPROVAL = 3,    /* an officer's signature of the decision */
	ENDORSEMENT_RELEASE_ORDER = 4,
};

enum {
	APPROVALS_MAX = QUORUM_MAX,
	REASON_BYTES_MAX = 400, /* of a refusal, UTF-8 */
	DECISION_BYTES = STATEMENT_BYTES + NAME_BYTES + KEY_ID_BYTES + 8,
};

struct endorsement {
	enum endorsement_type type;
	char person[NAME_BYTES];      /* of an approval; zero otherwise */
	uint8_t key_id[KEY_ID_BYTES]; /* of an approval */
	uint64_t at;                  /* of an approval, seconds */
	struct signature signature;   /* none of a release order */
	const uint8_t *order;         /* ORDER.md, a view; NULL but for orders */
	size_t order_len;
};

/* Form alone, every reject rule of BUNDLE.md 3.1 that needs nothing but the bytes. */
int endorsements_check(const uint8_t *bytes, size_t len, uint16_t count);

/* Steps through checked records; at begins as 0.  False at the end.  Views live as long as the records. */
bool endorsements_next(const struct endorsements *endorsements, size_t *at, struct endorsement *out);
size_t endorsements_approvals(const struct endorsements *endorsements);
/* Names of those who approved, with blanks between, as many as fit. */
void endorsements_officers(const struct endorsements *endorsements, char *out, size_t size);

/*
 * Puts it where it belongs: a push first, in the place of one that is there.  VERDICT_ALREADY_APPROVED for a
 * second approval of one key, VERDICT_BAD_LIMIT when there is no room.
 */
int endorsements_add(struct endorsements *endorsements, const struct endorsement *endorsement);

/* One record as bytes, to be sent and taken over a local socket. */
size_t endorsement_encode(uint8_t *out, size_t size, const struct endorsement *endorsement);
int endorsement_decode(struct endorsement *out, const uint8_t *in, size_t len);

/* The bytes that an officer signs (domain `weir1 approve`): statement, name, key id, time. */
extern const char approval_domain[];
void decision_encode(uint8_t out[static DECISION_BYTES], const struct statement *statement,
		     const char person[static NAME_BYTES], const uint8_t key_id[static KEY_ID_BYTES],
		     uint64_t at);
/* Domain of what an officer signs to refuse: a decision, followed by the reason. */
extern const char refusal_domain[];
/* Domain of the statement itself, signed by a person or a machine. */
extern const char push_domain[];

#endif
