/*
 * Any bytes as a zstd frame: it opens to exactly the size that was asked for, or is refused.  The
 * first two bytes are the size.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/compress.h"
#include "common/verdict.h"
#include "tests/lib/fuzzblocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	/* one for all, as for the frames of a bundle */
	static struct decompressor *d;
	if (d == NULL)
		d = decompressor_new();
	const size_t blocks = fuzz_blocks_in_use();
	size_t wanted = (size_t)data[0] << 8 | data[1];
	/* of exactly this size, so that a sanitizer sees one byte too far */
	uint8_t *out = malloc(wanted > 0 ? wanted : 1);
	if (out != NULL && d != NULL) {
		int result = decompress_frame(d, out, wanted, data + 2, size - 2);
		assert(result == 0 || result == VERDICT_BAD_FRAME);
	}
	free(out);
	fuzz_blocks_check(blocks);
	return 0;
}
