/*
 * pack_seal: the second half of pack: a stream of bytes becomes sealed segments, hashed and in order.
 */
#ifndef WEIR_PACK_SEAL_H
#define WEIR_PACK_SEAL_H

#include "common/compress.h"
#include "sender/pack.h"

struct pack_seal;

/* The sink gets the head at once.  keys stay the caller's and must outlive the sealing. */
int pack_seal_start(struct pack_seal **out, const struct head *head, const struct bundle_keys *keys,
		    unsigned int threads, pack_sink *sink, void *context);

/*
 * More of the content stream, as compress_extents gives it: together at most FRAME_COMPRESSED_MAX bytes.  They are
 * sealed where they lie, so they stay as they are until pack_seal_wait says that they are done with, or pack_seal_free
 * has returned.
 */
int pack_seal_add(struct pack_seal *seal, const struct extent *extents, unsigned int count);
/* How many additions there were. */
uint64_t pack_seal_added(const struct pack_seal *seal);
/* Waits until none of the first so many additions is read any more. */
int pack_seal_wait(struct pack_seal *seal, uint64_t additions);

/*
 * Ends the content stream, padded so that the whole body has a padded length, and seals the manifest
 * stream behind it.  Fills segments, manifest_segments and root.  Nothing that was given is read any more,
 * whatever the result.
 */
int pack_seal_finish(struct pack_seal *seal, const uint8_t *manifest_stream, size_t len,
		     struct statement *statement);

void pack_seal_free(struct pack_seal *seal);

#endif
