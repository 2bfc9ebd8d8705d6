/*
 * judgement: whether a bundle may cross, by the registry.  BUNDLE.md 2 to 3.1, and the reading order of 7.
 *
 * The same functions judge on both boxes: in weir-seal and weir-hold before a release is made, in weir-keep
 * and weir-inbox after it.  All keys are judged at the time given.
 */
#ifndef WEIR_JUDGEMENT_H
#define WEIR_JUDGEMENT_H

#include "endorsement.h"
#include "registry.h"

/*
 * Whether this person or, under a standing order, this machine may push it: route, key, rights, signature,
 * rules.  On the reserved route of open bundles (BUNDLE.md 9) it is the sender box alone, under no rules.
 * VERDICT_OLDER_REGISTRY, VERDICT_UNKNOWN_ROUTE, VERDICT_UNKNOWN_KEY, VERDICT_BAD_SIGNATURE,
 * VERDICT_EXPIRED, VERDICT_SUSPENDED, VERDICT_NOT_REVIEWED, VERDICT_NOT_ALLOWED, VERDICT_WRONG_POLICY, those
 * of order_check, and VERDICT_BEYOND_ORDER when nothing but the order's window is wrong.
 */
int push_check(const struct registry *registry, const struct statement *statement,
	       const struct endorsements *endorsements, uint64_t at);

/*
 * Whether one approval counts: an officer of the route, with this key, by whom the statement may be
 * approved (VERDICT_NOT_ALLOWED: no officer; VERDICT_OWN_PUSH: who pushed it), at a time that can be
 * (VERDICT_BAD_TIME), and the signature.
 */
int approval_check(const struct registry *registry, const struct statement *statement,
		   const struct endorsement *approval, uint64_t at);

/* Copies the push and those approvals that count at this time; no order. */
void approvals_select(struct endorsements *out, const struct registry *registry,
		      const struct statement *statement, const struct endorsements *endorsements,
		      uint64_t at);

/*
 * Whether enough officers, or a standing order of enough officers, stand for it: every approval in it must
 * count, and VERDICT_TOO_FEW_APPROVALS.  box is the key id of who releases, which an order must name.
 */
int approvals_check(const struct registry *registry, const struct statement *statement,
		    const struct endorsements *endorsements, uint64_t at,
		    const uint8_t box[static KEY_ID_BYTES]);

/*
 * What only who has opened the manifest can ask: whether what a bundle holds is within the standing orders that
 * it names.  VERDICT_BEYOND_ORDER.
 */
int orders_check_content(const struct endorsements *endorsements, uint64_t bytes, uint64_t records);

/* The whole judgement of a release segment that was decoded to these. */
int release_check(const struct registry *registry, const uint8_t segment[static SEGMENT_BYTES],
		  const struct release *release, const struct endorsements *endorsements);

/* A refusal by an officer: the same rights as an approval, over decision and reason. */
struct refusal {
	char person[NAME_BYTES];
	uint8_t key_id[KEY_ID_BYTES];
	uint64_t at;
	char reason[REASON_BYTES_MAX + 1];
	struct signature signature;
};
int refusal_check(const struct registry *registry, const struct statement *statement,
		  const struct refusal *refusal, uint64_t at);
/* The same by the person who answers for it, of what a machine has pushed and waits for that person. */
int refusal_check_own(const struct registry *registry, const struct statement *statement,
		      const struct refusal *refusal, uint64_t at);
/* What is signed; gives the number of bytes. */
enum { REFUSAL_SIGNED_MAX = DECISION_BYTES + REASON_BYTES_MAX };
size_t refusal_signed(uint8_t out[static REFUSAL_SIGNED_MAX], const struct statement *statement,
		      const struct refusal *refusal);

#endif
