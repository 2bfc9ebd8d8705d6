/*
 * mandate: a person's signed word to a receiving box: hold bundles of its vault for a case, end the hold of a case,
 * destroy bundles now, list losses no more.  Format: VAULT.md 6.
 */
#ifndef WEIR_MANDATE_H
#define WEIR_MANDATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/datagram.h"
#include "common/registry.h"
#include "common/signature.h"

enum {
	MANDATE_BUNDLES_MAX = 1000,
	MANDATE_ID_BYTES = 16,
	MANDATE_HEAD_BYTES = 144,
	MANDATE_BUNDLE_BYTES = 24,
	MANDATE_BYTES_MAX = MANDATE_HEAD_BYTES + MANDATE_BUNDLES_MAX * MANDATE_BUNDLE_BYTES + SIGNATURE_ENCODED_MAX,
	MANDATE_AGE_S = 3600, /* how far its time may be from the box's */
};

enum mandate_kind { MANDATE_HOLD = 1, MANDATE_RELEASE, MANDATE_PURGE, MANDATE_ACKNOWLEDGE };

struct mandate {
	enum mandate_kind kind;
	uint8_t id[MANDATE_ID_BYTES];       /* random */
	uint64_t time;
	uint8_t box_key[KEY_ID_BYTES];      /* of the receiving box it is for */
	char person[NAME_BYTES];
	uint8_t person_key[KEY_ID_BYTES];
	char name[NAME_BYTES];              /* of the case; "" of a purge and of an acknowledgement */
	uint16_t count;                     /* none of a release, at least one of the others */
	const struct bundle_id *bundles;    /* ascending, each once; from a decoder: mandate_bundles_free */
	struct signature signature;
};

/* The order of bundles in a mandate, for qsort and bsearch. */
int mandate_compare(const void *a, const void *b);

/* What is signed, under MANDATE_DOMAIN; its length.  The fields must be what mandate_decode takes (asserted). */
#define MANDATE_DOMAIN "weir1 mandate"
size_t mandate_signed(uint8_t out[static MANDATE_BYTES_MAX], const struct mandate *mandate);
/* All of it. */
size_t mandate_encode(uint8_t out[static MANDATE_BYTES_MAX], const struct mandate *mandate);
/* Total.  The verdicts of VAULT.md 6; -ENOMEM. */
int mandate_decode(struct mandate *out, const uint8_t *in, size_t len);
void mandate_bundles_free(struct mandate *mandate);

/*
 * Whether it counts by this registry, now, on the box with this key: VERDICT_WRONG_KEY (for another box),
 * VERDICT_BAD_TIME, VERDICT_UNKNOWN_KEY, VERDICT_EXPIRED, VERDICT_SUSPENDED, VERDICT_NOT_ALLOWED (an auditor or
 * officer holds and releases, a receiving-admin or officer purges, each of these acknowledges), VERDICT_BAD_SIGNATURE;
 * -ENOMEM.
 */
int mandate_judge(const struct mandate *mandate, const struct registry *registry,
		  const uint8_t box_key[static KEY_ID_BYTES], uint64_t now);

#endif
