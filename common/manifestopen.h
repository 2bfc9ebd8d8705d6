/*
 * manifestopen: from the sealed manifest segments of a body to a checked manifest (BUNDLE.md 5), for whoever has
 * the manifest key: a recipient, or an officer who decides on a release.
 */
#ifndef WEIR_MANIFESTOPEN_H
#define WEIR_MANIFESTOPEN_H

#include "manifest.h"

/* Gives the i-th manifest segment; 0 or -errno, which is then the result. */
typedef int manifest_segment(void *context, uint64_t index, uint8_t out[static SEGMENT_BYTES]);

/*
 * The manifest must be the one whose digest the statement names.  VERDICT_DAMAGED, VERDICT_BAD_DIGEST,
 * VERDICT_BAD_FRAME, and those of manifest_decode; *out is written only when the result is 0.
 */
int manifest_open(struct manifest *out, const struct statement *statement,
		  const uint8_t manifest_key[static SUITE_KEY_BYTES], manifest_segment *segment,
		  void *context);

#endif
