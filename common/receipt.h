/*
 * receipt: what a recipient has done with a bundle on its own host, signed with its receipt key.  Format:
 * RECEIPT.md.
 */
#ifndef WEIR_RECEIPT_H
#define WEIR_RECEIPT_H

#include <stddef.h>
#include <stdint.h>

#include "registry.h"

enum { RECEIPT_BYTES_MAX = 1024, RECEIPT_HOW_MAX = 200, RECEIPT_ID_BYTES = 8 };

enum receipt_kind { RECEIPT_OPENED, RECEIPT_DESTROYED };

struct receipt {
	uint8_t id[RECEIPT_ID_BYTES];         /* random: what is done twice has two receipts */
	enum receipt_kind kind;
	char bundle[BUNDLE_NAME_BYTES];
	uint64_t epoch;
	uint8_t root[SUITE_DIGEST_BYTES];
	uint8_t manifest[SUITE_DIGEST_BYTES]; /* its digest */
	char recipient[NAME_BYTES];
	uint8_t key_id[KEY_ID_BYTES];         /* of the recipient's key */
	uint64_t at;
	uint64_t records;                     /* that came out; 0 of a destruction */
	uint64_t bytes;
	int result;                           /* 0, a verdict, or -errno, of which "environment" is kept */
	char how[RECEIPT_HOW_MAX + 1];        /* of a destruction, in words */
	uint8_t signature[SUITE_SIGNATURE_BYTES];
};

/* "opened", "destroyed". */
const char *receipt_kind_name(enum receipt_kind kind);
/* VERDICT_BAD_LENGTH, or VERDICT_BAD_NAME for a text that would have to be escaped. */
int receipt_check_how(const char *how);

/*
 * Signs, with the seed of key_receipt_seed, and gives the text with its line feed.  The other fields must be what
 * receipt_decode takes (asserted).  0 or -ENOMEM.
 */
int receipt_encode(char out[static RECEIPT_BYTES_MAX], size_t *len, struct receipt *receipt,
		   const uint8_t seed[static SUITE_KEY_BYTES]);
/* Total: VERDICT_BAD_ENTRY for everything that is not, byte for byte, what receipt_encode gives; VERDICT_UNKNOWN_VERSION when it says so. */
int receipt_decode(struct receipt *out, const char *text, size_t len);

/*
 * Whether it counts by this registry: a recipient that is in good standing then and is not suspended now
 * (VERDICT_UNKNOWN_KEY, also where the registry has no receipt key; VERDICT_WRONG_RECIPIENT: another name;
 * VERDICT_EXPIRED, VERDICT_SUSPENDED), a time that can be (VERDICT_BAD_TIME), the signature.  text as it was decoded.
 */
int receipt_judge(const struct receipt *receipt, const char *text, size_t len, const struct registry *registry,
		  uint64_t now);

#endif
