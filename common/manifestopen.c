#include "manifestopen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compress.h"
#include "cursor.h"
#include "verdict.h"

enum { HEAD_SEGMENTS = 1 };

/* The whole manifest stream, opened. */
static int open_stream(uint8_t *stream, const struct statement *statement, const uint8_t *manifest_key,
		       manifest_segment *segment, void *context)
{
	uint64_t count = statement->manifest_segments;
	struct sealer *sealer = NULL;
	int result = sealer_new(&sealer);
	for (uint64_t i = 0; result == 0 && i < count; i++) {
		uint8_t sealed[SEGMENT_BYTES];
		result = segment(context, i, sealed);
		if (result == 0)
			result = segment_open(sealer, stream + i * SEGMENT_PLAIN_BYTES, sealed, i,
					      i == count - 1, manifest_key);
	}
	sealer_free(sealer);
	return result;
}

/* BUNDLE.md 5: lengths, the frame, and zeros to the end. */
static int decompress(const uint8_t *stream, size_t stream_len, uint8_t **out, size_t *len)
{
	struct reader r = reader_of(stream, stream_len);
	uint32_t frame_len = read_u32(&r), manifest_len = read_u32(&r);
	if (manifest_len > MANIFEST_BYTES_MAX)
		return VERDICT_BAD_LIMIT;
	const uint8_t *frame = read_view(&r, frame_len);
	if (frame == NULL)
		return VERDICT_TRUNCATED;
	if (!read_zeros(&r, reader_left(&r)))
		return VERDICT_BAD_RESERVED;
	uint8_t *manifest = malloc((size_t)manifest_len + 1);
	struct decompressor *decompressor = decompressor_new();
	int result = manifest != NULL && decompressor != NULL ? 0 : -ENOMEM;
	if (result == 0)
		result = decompress_frame(decompressor, manifest, manifest_len, frame, frame_len);
	decompressor_free(decompressor);
	if (result != 0) {
		free(manifest);
		return result;
	}
	*out = manifest;
	*len = manifest_len;
	return 0;
}

static int check(struct manifest *out, const struct statement *s, const uint8_t *manifest_key,
		 const uint8_t *encoded, size_t len)
{
	uint64_t content_segments = s->segments - HEAD_SEGMENTS - s->manifest_segments;
	uint8_t digest[SUITE_DIGEST_BYTES];
	struct manifest manifest;
	manifest_digest(digest, encoded, len, manifest_key);
	if (!suite_equal(digest, s->manifest_digest, sizeof(digest)))
		return VERDICT_BAD_DIGEST;
	int result = manifest_decode(&manifest, encoded, len);
	if (result != 0)
		return result;
	if (memcmp(manifest.push_id, s->push_id, PUSH_ID_BYTES) != 0 ||
	    manifest.stream_len > content_segments * SEGMENT_PLAIN_BYTES) {
		manifest_free(&manifest);
		return VERDICT_BAD_MANIFEST;
	}
	*out = manifest;
	return VERDICT_OK;
}

int manifest_open(struct manifest *out, const struct statement *statement,
		  const uint8_t manifest_key[static SUITE_KEY_BYTES], manifest_segment *segment,
		  void *context)
{
	size_t stream_len = (size_t)statement->manifest_segments * SEGMENT_PLAIN_BYTES;
	uint8_t *stream = malloc(stream_len), *encoded = NULL;
	size_t len = 0;
	if (stream == NULL)
		return -ENOMEM;
	int result = open_stream(stream, statement, manifest_key, segment, context);
	if (result == 0)
		result = decompress(stream, stream_len, &encoded, &len);
	if (result == 0)
		result = check(out, statement, manifest_key, encoded, len);
	if (encoded != NULL)
		suite_wipe(encoded, len);
	suite_wipe(stream, stream_len);
	free(encoded);
	free(stream);
	return result;
}
