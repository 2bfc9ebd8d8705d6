/*
 * bundle: the signed statements and the head of a bundle.  Format: BUNDLE.md 1 to 4.
 *
 * Encoders write whole structures; decoders are total functions from bytes to a verdict and check
 * every reject rule that needs nothing but the bytes.  Signatures are checked by the verify
 * functions here; whether a key was entitled is for release_check in registry.h.
 */
#ifndef WEIR_BUNDLE_H
#define WEIR_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sealer.h"
#include "suite.h"

enum {
	NAME_BYTES = 32,         /* name32; at most 31 characters */
	KEY_ID_BYTES = 16,
	PUSH_ID_BYTES = 16,
	SEGMENT_BYTES = 16384,
	SEGMENT_PLAIN_BYTES = SEGMENT_BYTES - SUITE_SEAL_BYTES,
	FRAME_BYTES = 1048576,   /* plaintext in one zstd frame */
	FRAME_COMPRESSED_MAX = 1052672,
	STATEMENT_BYTES = 232,
	RELEASE_BYTES = 328,     /* without endorsements and signature */
	BOX_SIGNATURE_AT = SEGMENT_BYTES - SUITE_SIGNATURE_BYTES,
	ENDORSEMENTS_BYTES_MAX = BOX_SIGNATURE_AT - RELEASE_BYTES,
	STANZAS_MAX = 128,
	MANIFEST_SEGMENTS_MAX = 8192,
	BUNDLE_NAME_BYTES = 56,  /* "route-number" with its zero */
};
#define BUNDLE_SEGMENTS_MAX UINT32_C(4294967294)
#define BUNDLE_NUMBER_END (UINT64_C(1) << 48)

/* What weir-seal found when it looked at the content: what it refuses gets no statement. */
enum guard_verdict { GUARD_NO_RULES = 0, GUARD_PASSED = 1 };
enum scan_verdict { SCAN_NOT_ASKED = 0, SCAN_CLEAN = 1 };

/* BUNDLE.md 2 */
struct statement {
	uint8_t push_id[PUSH_ID_BYTES];
	char route[NAME_BYTES];
	char person[NAME_BYTES];
	uint8_t person_key[KEY_ID_BYTES];
	uint64_t registry_version;
	uint64_t created;
	uint64_t destroy_by;
	uint64_t segments;          /* N */
	uint32_t manifest_segments; /* M */
	uint8_t root[SUITE_DIGEST_BYTES];
	uint8_t manifest_digest[SUITE_DIGEST_BYTES];
	uint64_t policy_version;    /* of the route's policy, 0 when it has none */
	enum guard_verdict guard;
	enum scan_verdict scan;
};

/* BUNDLE.md 3 */
struct release {
	uint16_t route_id;
	uint64_t epoch;
	uint64_t number;
	uint64_t released_at;
	uint32_t row_len;
	uint8_t source_rows;
	uint8_t repair_rows;
	char box[NAME_BYTES];
	uint8_t box_key[KEY_ID_BYTES];
	struct statement statement;
};

/* Who stands for it: records as they lie in the segment; endorsement.h makes and reads them. */
struct endorsements {
	uint16_t count;
	uint16_t len;
	uint8_t bytes[ENDORSEMENTS_BYTES_MAX];
};

struct stanza {
	uint8_t key_id[KEY_ID_BYTES];
	uint8_t ephemeral[SUITE_KEY_BYTES];
	uint8_t sealed[SUITE_KEY_BYTES + SUITE_SEAL_BYTES];
};

/* BUNDLE.md 4 */
struct head {
	char route[NAME_BYTES];
	uint8_t file_commitment[SUITE_DIGEST_BYTES];
	uint8_t manifest_commitment[SUITE_DIGEST_BYTES];
	uint16_t count;
	struct stanza stanzas[STANZAS_MAX];
};

/* The secrets of one bundle; lives in suite_secret_alloc memory. */
struct bundle_keys {
	uint8_t file[SUITE_KEY_BYTES];
	uint8_t content[SUITE_KEY_BYTES];
	uint8_t manifest[SUITE_KEY_BYTES];
};

/* True for [a-z][a-z0-9-]{0,30} and a name that ends within its 32 bytes, zero-filled. */
bool name_is_valid(const char *name);
bool name32_is_valid(const char name[static NAME_BYTES]);

void statement_encode(uint8_t out[static STATEMENT_BYTES], const struct statement *s);
int statement_decode(struct statement *out, const uint8_t in[static STATEMENT_BYTES]);

/*
 * The first segment of the object, with the box's signature over all of it: 0 or -ENOMEM.  Decoding checks
 * the form of everything in it, the endorsements' too; it leaves endorsements alone when that is NULL.
 */
int release_segment_encode(uint8_t out[static SEGMENT_BYTES], const struct release *r,
			   const struct endorsements *endorsements,
			   const uint8_t box_seed[static SUITE_KEY_BYTES]);
int release_segment_decode(struct release *out, struct endorsements *endorsements,
			   const uint8_t in[static SEGMENT_BYTES]);
int release_segment_verify(const uint8_t in[static SEGMENT_BYTES],
			   const uint8_t box_public[static SUITE_KEY_BYTES]);

/* The spool's form before release (end of section 3): only statement and endorsements. */
void unreleased_segment_encode(uint8_t out[static SEGMENT_BYTES], const struct statement *s,
			       const struct endorsements *endorsements);
int unreleased_segment_decode(struct statement *s, struct endorsements *endorsements,
			      const uint8_t in[static SEGMENT_BYTES]);

/* Length of the object in bytes: (N + 1) * SEGMENT_BYTES. */
uint64_t bundle_object_len(const struct statement *s);

/* "tax-000123" */
void bundle_name(char out[static BUNDLE_NAME_BYTES], const char *route, uint64_t number);
/* The reverse: 0, or VERDICT_BAD_NAME. */
int bundle_name_parse(const char *name, char route[static NAME_BYTES], uint64_t *number);

void head_encode(uint8_t out[static SEGMENT_BYTES], const struct head *h);
int head_decode(struct head *out, const uint8_t in[static SEGMENT_BYTES]);

/* Fills all keys: a fresh file key, and what follows from it. */
void bundle_keys_new(struct bundle_keys *keys);
/* The other keys from keys->file. */
void bundle_keys_derive(struct bundle_keys *keys);
void bundle_keys_commit(struct head *h, const struct bundle_keys *keys);

/* Seals the file key for one recipient.  0 or VERDICT_BAD_KEY. */
int stanza_seal(struct stanza *out, const struct bundle_keys *keys, const char *route,
		const uint8_t key_id[static KEY_ID_BYTES],
		const uint8_t recipient_public[static SUITE_KEY_BYTES],
		const uint8_t psk[static SUITE_KEY_BYTES]);

/*
 * Opens the head for the recipient with this key, checks both commitments and fills keys.
 * VERDICT_WRONG_RECIPIENT, VERDICT_WRONG_KEY, VERDICT_BAD_COMMITMENT.
 */
int head_open(struct bundle_keys *keys, const struct head *h,
	      const uint8_t key_id[static KEY_ID_BYTES],
	      const uint8_t recipient_secret[static SUITE_KEY_BYTES],
	      const uint8_t psk[static SUITE_KEY_BYTES]);

/* One segment of a stream (BUNDLE.md 5): index in its stream, and whether it is the last. */
void segment_seal(struct sealer *sealer, uint8_t out[static SEGMENT_BYTES],
		  const uint8_t plain[static SEGMENT_PLAIN_BYTES], uint64_t index, bool last,
		  const uint8_t key[static SUITE_KEY_BYTES]);
int segment_open(struct sealer *sealer, uint8_t plain[static SEGMENT_PLAIN_BYTES],
		 const uint8_t in[static SEGMENT_BYTES], uint64_t index, bool last,
		 const uint8_t key[static SUITE_KEY_BYTES]);

/* padmé of BUNDLE.md 5; len >= 1. */
uint64_t bundle_pad(uint64_t len);

#endif
