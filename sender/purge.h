/*
 * purge: bundles that were sent and that a person wants gone from the spool before their time.  RESEND.md 6.
 *
 * The order is the one to resend, of another kind.  It is written down whether it counts or not, and durable
 * before the bundle is removed; what of it is being sent once more, healed or asked for is withdrawn.
 */
#ifndef WEIR_PURGE_H
#define WEIR_PURGE_H

#include "releaser.h"

/*
 * A person's word.  The verdicts of resend_judge; VERDICT_NOT_SENT: it has still to go for its first time;
 * VERDICT_BAD_LIMIT: SPENT_MAX were removed today.  -errno also when it is removed and that may not outlast a crash.
 * out->bytes are those of its object.
 */
int purge_decide(struct releaser *releaser, const struct ledger_who *peer, const struct resendorder *order,
		 const uint8_t challenge[static RESEND_CHALLENGE_BYTES], struct local_resend_taken *out);

#endif
