/*
 * pack: turns a stream of members into a sealed body on every core (BUNDLE.md 4 to 6).
 *
 *   plaintext -> records, digest -> frames of 1 MiB (zstd, parallel) -> segments (sealed and hashed,
 *   parallel) -> sink, in order
 *
 * Plaintext exists only in this module's buffers, which are wiped and freed by pack_free.  Memory is
 * bounded: buffers for each thread, 4 bytes a frame and the members' names.
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
	pack_sink *sink;
	void *context;
};

/* Starts the threads and gives the head to the sink.  0, -errno, VERDICT_BAD_KEY. */
int pack_start(struct pack **out, const struct pack_options *options);

/* Members in the order of member_name_compare: begin, any number of adds, end. */
int pack_member_begin(struct pack *pack, const char *name, int64_t mtime_s, uint32_t mtime_ns);
int pack_add(struct pack *pack, const void *data, size_t len);
/* out, when not NULL, is a view of the finished member (until the next call). */
int pack_member_end(struct pack *pack, const struct member **out);

/*
 * The rest of the body: padding and manifest.  Fills segments, manifest_segments, root,
 * manifest_digest and push_id of the statement; the rest is the caller's.
 */
int pack_finish(struct pack *pack, struct statement *statement);

/* Bytes and records of all members so far. */
uint64_t pack_content_len(const struct pack *pack);
uint64_t pack_record_count(const struct pack *pack);

void pack_free(struct pack *pack); /* in any state; NULL is fine */

#endif
