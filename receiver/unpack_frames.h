/*
 * unpack_frames: the frames of a content stream, opened on several threads and given in order.
 */
#ifndef WEIR_UNPACK_FRAMES_H
#define WEIR_UNPACK_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/manifest.h"

/* Where the content stream lies; everything is borrowed and must outlive the frames. */
struct content_stream {
	int fd;
	uint64_t offset;         /* in the file, of the first content segment */
	uint64_t segments;       /* C */
	const struct bundle_keys *keys;
	const struct manifest *manifest;
	const uint64_t *start;   /* frame_count offsets in the stream, and its length */
};

struct unpack_frames;

/* For the frames [first, end).  0 or -ENOMEM. */
int unpack_frames_start(struct unpack_frames **out, const struct content_stream *stream,
			uint32_t first, uint32_t end, unsigned int threads);

/*
 * The next frame's plaintext, valid until the next call.  VERDICT_DAMAGED, VERDICT_BAD_FRAME,
 * VERDICT_TRUNCATED; -errno.  Asserts that there is a next one.
 */
int unpack_frames_next(struct unpack_frames *frames, const uint8_t **data, size_t *len);

void unpack_frames_free(struct unpack_frames *frames); /* wipes plaintext; NULL is fine */

#endif
