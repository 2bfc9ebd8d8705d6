/*
 * recipients: to whom a bundle is sealed, and whether they may have it.  Whom weir-seal has sealed it to stands
 * in the clear in the head (BUNDLE.md 4), so neither weir-hold nor the receiver need believe it.
 */
#ifndef WEIR_RECIPIENTS_H
#define WEIR_RECIPIENTS_H

#include "registry.h"

/* Whether all recipients of the route are in force: VERDICT_EXPIRED, VERDICT_SUSPENDED, about *who. */
int recipients_check(const struct route *route, uint64_t at, const char **who);

/*
 * Whether the body that begins with this segment is sealed to recipients of the route who are in force, and to
 * nobody else; with is_new, to every one of them.  The verdicts of head_decode, VERDICT_WRONG_ROUTE,
 * VERDICT_WRONG_RECIPIENT, and those of recipients_check.  *who is the recipient or the route.
 */
int recipients_check_head(const struct route *route, const uint8_t segment[static SEGMENT_BYTES], uint64_t at,
			  bool is_new, const char **who);

#endif
