/*
 * manifest: what a bundle holds.  Format: BUNDLE.md 5.
 *
 * A manifest owns its arrays; manifest_free releases them and leaves an empty one.
 */
#ifndef WEIR_MANIFEST_H
#define WEIR_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "records.h"

enum {
	MEMBERS_MAX = 1000000,
	MEMBER_NAME_MAX = 4096,
	MANIFEST_BYTES_MAX = 67108864,
};

struct member {
	char *name; /* owned by the manifest, zero-terminated, any bytes >= 0x20 but 0x7f */
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
	enum record_rule rule;
	uint64_t records;
	uint32_t columns; /* of a table whose rules name its columns; else 0 */
	uint8_t digest[SUITE_DIGEST_BYTES];
};

struct manifest {
	uint8_t push_id[PUSH_ID_BYTES];
	uint64_t content_len;
	uint64_t stream_len;
	uint64_t records;
	uint32_t frame_count;
	uint32_t *frame_len; /* compressed length of each frame */
	uint32_t member_count;
	struct member *members;
	uint64_t names_len;  /* bytes of all names */
	size_t frame_size;   /* capacity of frame_len, things */
	size_t member_size;  /* capacity of members, things */
};

/* True when a member may have this name (BUNDLE.md 5). */
bool member_name_is_valid(const char *name, size_t len);
/* Order of names: byte by byte, '/' lowest.  As strcmp. */
int member_name_compare(const char *a, const char *b);

/*
 * Appends; the totals content_len, stream_len, records follow.  add_member copies the name; it
 * refuses VERDICT_BAD_NAME, VERDICT_BAD_ORDER, VERDICT_BAD_LIMIT; -ENOMEM.
 */
int manifest_add_member(struct manifest *m, const struct member *member);
int manifest_add_frame(struct manifest *m, uint32_t compressed_len);

/* Encodes into *out, which the caller frees.  -ENOMEM, VERDICT_BAD_LIMIT. */
int manifest_encode(const struct manifest *m, uint8_t **out, size_t *len);
/* Total: every reject rule of BUNDLE.md 5 but the digest, the push id and C. */
int manifest_decode(struct manifest *out, const uint8_t *in, size_t len);
void manifest_digest(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *encoded, size_t len,
		     const uint8_t manifest_key[static SUITE_KEY_BYTES]);
void manifest_free(struct manifest *m);

#endif
