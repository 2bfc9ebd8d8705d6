#include "compress.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* ZSTD_getFrameHeader: what a frame declares, before it is opened; and memory of our own for contexts */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "bundle.h"
#include "cursor.h"
#include "suite.h"
#include "verdict.h"

enum {
	LEVEL = 1,
	WINDOW_LOG_MAX = 23,
	SAMPLES = 8,
	SAMPLE_BYTES = 4096,
	/* a frame of blocks as they are: RFC 8878 3.1.1 */
	RAW_BLOCK_BYTES = ZSTD_BLOCKSIZE_MAX,
	RAW_HEADER_BYTES = 9,
	RAW_BLOCK_HEADER_BYTES = 3,
	RAW_DESCRIPTOR = 0xa0, /* content size in four bytes, no window of its own, no checksum */
};

struct compressor {
	ZSTD_CCtx *context;
	unsigned int since_gain; /* frames since the last from which anything was gained */
	uint8_t samples[SAMPLES * SAMPLE_BYTES];
	uint8_t sampled[ZSTD_COMPRESSBOUND(SAMPLES * SAMPLE_BYTES)];
};

struct decompressor {
	ZSTD_DCtx *context;
};

/* Contexts hold literals of what they worked on, so their memory remembers its size and is wiped. */
union memory {
	size_t len;
	max_align_t align;
};

static void *take_memory(void *opaque, size_t len)
{
	(void)opaque;
	if (len > SIZE_MAX - sizeof(union memory))
		return NULL;
	union memory *memory = malloc(sizeof(*memory) + len);
	if (memory == NULL)
		return NULL;
	memory->len = len;
	return memory + 1;
}

static void give_memory(void *opaque, void *address)
{
	(void)opaque;
	if (address == NULL)
		return;
	union memory *memory = (union memory *)address - 1;
	suite_wipe(memory + 1, memory->len);
	free(memory);
}

static const ZSTD_customMem wiped = {take_memory, give_memory, NULL};

void compressor_free(struct compressor *c)
{
	if (c == NULL)
		return;
	ZSTD_freeCCtx(c->context);
	suite_wipe(c, sizeof(*c));
	free(c);
}

struct compressor *compressor_new(void)
{
	struct compressor *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->context = ZSTD_createCCtx_advanced(wiped);
	if (c->context == NULL ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c->context, ZSTD_c_compressionLevel, LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c->context, ZSTD_c_contentSizeFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c->context, ZSTD_c_checksumFlag, 0))) {
		compressor_free(c);
		return NULL;
	}
	return c;
}

size_t compress_bound(size_t len)
{
	return ZSTD_compressBound(len);
}

int compress_frame(struct compressor *c, uint8_t *out, size_t size, size_t *out_len,
		   const uint8_t *data, size_t len)
{
	size_t n = ZSTD_compress2(c->context, out, size, data, len);
	if (ZSTD_isError(n))
		return -ENOMEM; /* with a buffer of compress_bound nothing else can fail */
	*out_len = n;
	return 0;
}

static bool samples_gain(struct compressor *c, const uint8_t *data)
{
	for (size_t i = 0; i < SAMPLES; i++)
		memcpy(c->samples + i * SAMPLE_BYTES, data + i * (FRAME_BYTES / SAMPLES), SAMPLE_BYTES);
	size_t n = ZSTD_compress2(c->context, c->sampled, sizeof(c->sampled), c->samples, sizeof(c->samples));
	return ZSTD_isError(n) || n < sizeof(c->samples);
}

static unsigned int raw_extents(struct extent extents[static FRAME_EXTENTS_MAX], uint8_t *out, const uint8_t *data)
{
	enum { BLOCKS = FRAME_BYTES / RAW_BLOCK_BYTES, LAST = 1, SIZE_AT = 3 };
	_Static_assert(2 * BLOCKS == (int)FRAME_EXTENTS_MAX, "a header and a block each");
	struct writer w = writer_of(out, RAW_HEADER_BYTES + BLOCKS * RAW_BLOCK_HEADER_BYTES);
	write_u32(&w, ZSTD_MAGICNUMBER);
	write_u8(&w, RAW_DESCRIPTOR);
	write_u32(&w, FRAME_BYTES);
	const uint8_t *header = out;
	for (size_t i = 0; i < BLOCKS; i++) {
		uint32_t block = RAW_BLOCK_BYTES << SIZE_AT | (i == BLOCKS - 1 ? LAST : 0);
		write_u16(&w, (uint16_t)block);
		write_u8(&w, (uint8_t)(block >> 16));
		size_t len = RAW_BLOCK_HEADER_BYTES + (i == 0 ? RAW_HEADER_BYTES : 0);
		extents[2 * i] = (struct extent){header, len};
		extents[2 * i + 1] = (struct extent){data + i * RAW_BLOCK_BYTES, RAW_BLOCK_BYTES};
		header += len;
	}
	return FRAME_EXTENTS_MAX;
}

int compress_extents(struct compressor *c, struct extent extents[static FRAME_EXTENTS_MAX], unsigned int *count,
		     uint8_t *out, size_t size, const uint8_t *data, size_t len)
{
	size_t out_len;
	if (len == FRAME_BYTES && c->since_gain % COMPRESS_EVERY != 0 && !samples_gain(c, data)) {
		c->since_gain++;
		*count = raw_extents(extents, out, data);
		return 0;
	}
	int result = compress_frame(c, out, size, &out_len, data, len);
	if (result != 0)
		return result;
	c->since_gain = out_len < len ? 0 : c->since_gain + 1;
	extents[0] = (struct extent){out, out_len};
	*count = 1;
	return 0;
}

void decompressor_free(struct decompressor *d)
{
	if (d == NULL)
		return;
	ZSTD_freeDCtx(d->context);
	free(d);
}

struct decompressor *decompressor_new(void)
{
	struct decompressor *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->context = ZSTD_createDCtx_advanced(wiped);
	if (d->context == NULL) {
		decompressor_free(d);
		return NULL;
	}
	return d;
}

static bool declares(const uint8_t *in, size_t in_len, size_t out_len)
{
	ZSTD_frameHeader header;
	return ZSTD_getFrameHeader(&header, in, in_len) == 0 && header.frameType == ZSTD_frame &&
	       header.frameContentSize == out_len && header.dictID == 0 &&
	       header.windowSize <= UINT64_C(1) << WINDOW_LOG_MAX;
}

int decompress_frame(struct decompressor *d, uint8_t *out, size_t out_len, const uint8_t *in,
		     size_t in_len)
{
	if (!declares(in, in_len, out_len) || ZSTD_findFrameCompressedSize(in, in_len) != in_len)
		return VERDICT_BAD_FRAME;
	size_t n = ZSTD_decompressDCtx(d->context, out, out_len, in, in_len);
	return !ZSTD_isError(n) && n == out_len ? VERDICT_OK : VERDICT_BAD_FRAME;
}
