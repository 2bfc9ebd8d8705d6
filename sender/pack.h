/*
 * pack: turns a stream of members into a sealed body on every core (BUNDLE.md 4 to 6).
 *
 *   plaintext -> chunks of 1 MiB -> records, digests (one thread) and zstd frames (every core)
 *             -> segments, sealed from where the frame lies and hashed (every core) -> sink, in order
 *
 * Plaintext exists only in this module's buffers, which are wiped and freed by pack_free.  Memory is
 * bounded: 2 MiB for each of 2 * threads + 3 chunks, 1 MiB for each of threads + 3 batches of sealed segments,
 * 4 bytes a frame, 8 bytes a segment of member runs, and the manifest.
 */
#ifndef WEIR_PACK_H
#define WEIR_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/manifest.h"
#include "common/registry.h"

struct pack;

/* Takes the next bytes of the body, in order; 0 or -errno, which ends the packing with that result. */
typedef int pack_sink(void *context, const void *data, size_t len);

struct pack_options {
	const struct route *route;             /* recipients with their keys */
	const uint8_t (*psk)[SUITE_KEY_BYTES]; /* one for each recipient of the route, same order */
	enum record_rule rule;
	unsigned int threads;                  /* 0: as many as there are cores */
	pack_sink *sink;                       /* called from the caller's thread alone */
	void *context;
};

/* Starts the threads and gives the head to the sink.  0, -errno, VERDICT_BAD_KEY. */
int pack_start(struct pack **out, const struct pack_options *options);

/*
 * Members in the order of member_name_compare: begin, any number of adds, end.  VERDICT_BAD_NAME,
 * VERDICT_BAD_ORDER, VERDICT_BAD_LIMIT; -errno.  After a result other than 0 only pack_free is left.
 */
int pack_member_begin(struct pack *pack, const char *name, int64_t mtime_s, uint32_t mtime_ns);
int pack_add(struct pack *pack, const void *data, size_t len);
/*
 * The same without a copy: room for some of the next *size bytes of the member, at least one; *size then says how many.
 * What may be filled in is wiped in the end; pack_commit with how many were.
 */
int pack_reserve(struct pack *pack, uint8_t **room, size_t *size);
void pack_commit(struct pack *pack, size_t len);
int pack_member_end(struct pack *pack);
/* Of the member that is open, before its first byte: it holds no records. */
void pack_member_uncounted(struct pack *pack);
/* How many columns a member has that was begun, from 0; before pack_finish. */
void pack_member_columns(struct pack *pack, uint32_t member, uint32_t columns);

/* The manifest key, SUITE_KEY_BYTES, for whoever may see what is in it; lives as long as the pack. */
const uint8_t *pack_manifest_key(const struct pack *pack);

/* The members' bytes so far. */
uint64_t pack_content_len(const struct pack *pack);

/*
 * Waits until all that was added is counted, hashed and compressed.  No member may be open, and
 * none may follow.  The manifest is complete then, and lives as long as the pack.
 */
int pack_drain(struct pack *pack, const struct manifest **out);

/*
 * The rest of the body: padding and manifest; drains first where pack_drain was not called.  Fills
 * segments, manifest_segments, root, manifest_digest and push_id of the statement; the rest is the
 * caller's.
 */
int pack_finish(struct pack *pack, struct statement *statement);

void pack_free(struct pack *pack); /* in any state; NULL is fine */

#endif
