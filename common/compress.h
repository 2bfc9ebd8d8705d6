/*
 * compress: zstd frames of at most FRAME_BYTES, and the only file that includes <zstd.h>.
 *
 * Contexts are reused from frame to frame, one a thread; nothing is allocated for a frame.
 */
#ifndef WEIR_COMPRESS_H
#define WEIR_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

struct compressor;
struct decompressor;

struct compressor *compressor_new(void); /* level 1; NULL when memory is out */
void compressor_free(struct compressor *c);

/* Bytes that any frame of len plaintext bytes fits in. */
size_t compress_bound(size_t len);

/*
 * One frame that declares its content size and has no checksum (the segments around it are
 * authenticated).  out holds compress_bound(len) bytes.  The frame's length is never 0.
 */
int compress_frame(struct compressor *c, uint8_t *out, size_t size, size_t *out_len,
		   const uint8_t *data, size_t len);

/* Bytes that lie together; several, read one after another, are one thing. */
struct extent {
	const uint8_t *data;
	size_t len;
};

enum {
	FRAME_EXTENTS_MAX = 16,
	COMPRESS_EVERY = 8,
};

/*
 * The same frame in extents.  One of out when it is compressed; else headers in out, and between them the data where
 * they lie.  That is so for FRAME_BYTES of which samples give nothing, behind a frame that gave nothing; but every
 * COMPRESS_EVERY-th is compressed whatever samples say: they do not see what repeats far apart.
 */
int compress_extents(struct compressor *c, struct extent extents[static FRAME_EXTENTS_MAX], unsigned int *count,
		     uint8_t *out, size_t size, const uint8_t *data, size_t len);

struct decompressor *decompressor_new(void);
void decompressor_free(struct decompressor *d);

/*
 * Exactly one frame of in_len bytes that holds exactly out_len bytes.  What it declares is checked before
 * anything is decompressed: VERDICT_BAD_FRAME for another or no content size, a window over 8 MiB,
 * a dictionary, trailing bytes, and for what does not decompress.
 */
int decompress_frame(struct decompressor *d, uint8_t *out, size_t out_len, const uint8_t *in,
		     size_t in_len);

#endif
