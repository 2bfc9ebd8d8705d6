/*
 * Any bytes as a zstd frame: it opens to exactly the size that was asked for, or is refused.  The
 * first two bytes are the size.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/compress.h"
#include "common/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t wanted = (size_t)data[0] << 8 | data[1];
	/* of exactly this size, so that a sanitizer sees one byte too far */
	uint8_t *out = malloc(wanted > 0 ? wanted : 1);
	struct decompressor *d = decompressor_new();
	if (out != NULL && d != NULL) {
		int result = decompress_frame(d, out, wanted, data + 2, size - 2);
		assert(result == 0 || result == VERDICT_BAD_FRAME);
	}
	decompressor_free(d);
	free(out);
	return 0;
}
