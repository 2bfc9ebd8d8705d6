/*
 * resend: what people may have sent once more.  RESEND.md.
 *
 * Each order is judged by the registry, written down whether it counts or not, and only then queued
 * (resendqueue.h); the dispatcher takes it from there.
 */
#ifndef WEIR_RESEND_H
#define WEIR_RESEND_H

#include "releaser.h"

/*
 * What a resend code or a bundle's name means here.  All of *out but the challenge is filled in.  A name goes
 * first: no code, as it is printed, has the form of one.  VERDICT_BAD_CODE, also when this sender keeps bundles of
 * epochs that are not apart; VERDICT_NOT_KEPT; VERDICT_NO_SUCH_BUNDLE for one that has no number yet.
 */
int resend_find(const struct releaser *releaser, const char *keyword, struct local_resend_found *out);

/*
 * A person's word.  Also the verdicts of resendorder_check, VERDICT_UNKNOWN_ROUTE, VERDICT_NOT_KEPT, and
 * VERDICT_BAD_LIMIT: the bundle has no such block or not as many rows, or RESENDQUEUE_MAX are waiting.
 */
int resend_decide(struct releaser *releaser, const struct ledger_who *peer, const struct resendorder *order,
		  const uint8_t challenge[static RESEND_CHALLENGE_BYTES], struct local_resend_taken *out);

/*
 * What is the same for every order about a bundle here: who gives it, and whether there is such a bundle; *item is it, or
 * NULL.  The verdicts of resendorder_check, VERDICT_UNKNOWN_ROUTE, VERDICT_NOT_KEPT.
 */
int resend_judge(const struct releaser *releaser, const struct resendorder *order,
		 const uint8_t challenge[static RESEND_CHALLENGE_BYTES], struct spool_item **item);

/* It has gone: told, and noted in the ledger. */
void resend_ended(struct releaser *releaser, const struct resend_request *request, uint64_t bytes);

#endif
