/*
 * resendorder: a person's signed word on one bundle that was released: that something of it is to be sent once more, or
 * that it is to go from the spool.  RESEND.md 6.
 *
 * Plain data; the decoder is total.  Whether the bundle is there is for resend.h.
 */
#ifndef WEIR_RESENDORDER_H
#define WEIR_RESENDORDER_H

#include <stddef.h>
#include <stdint.h>

#include "common/registry.h"
#include "common/resendcode.h"
#include "common/signature.h"

enum {
	RESEND_CHALLENGE_BYTES = 32,
	RESENDORDER_BYTES = 128, /* that are signed */
	RESENDORDER_ENCODED_MAX = RESENDORDER_BYTES + SIGNATURE_ENCODED_MAX,
};

enum resendorder_kind {
	RESENDORDER_RESEND = 0,
	RESENDORDER_PURGE = 1, /* of the bundle as a whole: all blocks, rows 0 */
};

struct resendorder {
	enum resendorder_kind kind;
	struct resendcode what;
	uint64_t epoch;
	uint64_t at;
	char person[NAME_BYTES];
	uint8_t key_id[KEY_ID_BYTES];
	uint8_t challenge[RESEND_CHALLENGE_BYTES];
	struct signature signature;
};
extern const char resendorder_domain[];

/* What is signed, and the whole of it; gives the number of bytes. */
void resendorder_input(uint8_t out[static RESENDORDER_BYTES], const struct resendorder *order);
size_t resendorder_encode(uint8_t out[static RESENDORDER_ENCODED_MAX], const struct resendorder *order);
/* The verdicts of RESEND.md 6 that need nothing but the bytes. */
int resendorder_decode(struct resendorder *out, const uint8_t *in, size_t len);

/*
 * Whether it counts now, on this route.  VERDICT_UNKNOWN_KEY, VERDICT_NOT_ALLOWED, VERDICT_EXPIRED,
 * VERDICT_SUSPENDED, VERDICT_NOT_REVIEWED, VERDICT_BAD_TIME when it was not signed just now,
 * VERDICT_BAD_SIGNATURE, also for another challenge; -ENOMEM.
 */
int resendorder_check(const struct resendorder *order, const struct registry *registry, const struct route *route,
		      const uint8_t challenge[static RESEND_CHALLENGE_BYTES], uint64_t now);

/* "all blocks, a whole pass", "block 3, 18 further repair rows" */
enum { RESEND_TEXT_BYTES = 80 };
char *resendorder_describe(char out[static RESEND_TEXT_BYTES], uint32_t block, uint8_t rows);

#endif
