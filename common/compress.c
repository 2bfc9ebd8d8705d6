#include "compress.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* ZSTD_getFrameHeader: what a frame declares, before it is opened; and memory of our own for contexts */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "suite.h"
#include "verdict.h"

enum { LEVEL = 1, WINDOW_LOG_MAX = 23 };

struct compressor {
	ZSTD_CCtx *context;
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
