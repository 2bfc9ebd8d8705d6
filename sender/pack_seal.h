/*
 * pack_seal: the second half of pack: a stream of bytes becomes sealed segments, hashed and in order.
 */
#ifndef WEIR_PACK_SEAL_H
#define WEIR_PACK_SEAL_H

#include "sender/pack.h"

struct pack_seal;

/* The sink gets the head at once.  keys stay the caller's and must outlive the sealing. */
int pack_seal_start(struct pack_seal **out, const struct head *head, const struct bundle_keys *keys,
		    unsigned int threads, pack_sink *sink, void *context);

/* More of the content stream. */
int pack_seal_add(struct pack_seal *seal, const uint8_t *data, size_t len);

/*
 * Ends the content stream, padded so that the whole body has a padded length, and seals the manifest
 * stream behind it.  Fills segments, manifest_segments and root.
 */
int pack_seal_finish(struct pack_seal *seal, const uint8_t *manifest_stream, size_t len,
		     struct statement *statement);

void pack_seal_free(struct pack_seal *seal);

#endif
