#include "common/compress.h"

#include <stdlib.h>
#include <string.h>

#include "common/bundle.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static struct decompressor *decompressor;
static uint8_t out[FRAME_BYTES + 1];

/* On the heap and of exactly this size, so that a sanitizer sees one byte too far. */
static int decompress(const uint8_t *frame, size_t len, size_t wanted)
{
	uint8_t *exact = malloc(len > 0 ? len : 1), *goal = malloc(wanted > 0 ? wanted : 1);
	if (exact == NULL || goal == NULL)
		abort();
	memcpy(exact, frame, len);
	int result = decompress_frame(decompressor, goal, wanted, exact, len);
	if (result == 0 && wanted <= sizeof(out))
		memcpy(out, goal, wanted);
	free(goal);
	free(exact);
	return result;
}

static void fill(uint8_t *data, size_t len, bool compressible, uint64_t *state)
{
	test_random_bytes(state, data, len);
	for (size_t i = 0; compressible && i < len; i++)
		data[i] = (uint8_t)('a' + data[i] % 3);
}

static void test_round_trips(uint64_t *state)
{
	static const size_t sizes[] = {0, 1, 255, 256, 257, 65536, FRAME_BYTES - 1, FRAME_BYTES};
	static uint8_t data[FRAME_BYTES];
	size_t size = compress_bound(FRAME_BYTES);
	uint8_t *frame = malloc(size);
	struct compressor *compressor = compressor_new();
	ok(size <= FRAME_COMPRESSED_MAX, "the bound of a whole frame is within the format's limit");
	for (int compressible = 0; compressible < 2; compressible++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			size_t len = 0;
			fill(data, sizes[i], compressible, state);
			is_number(compress_frame(compressor, frame, size, &len, data, sizes[i]), 0,
				  "%zu bytes are compressed", sizes[i]);
			ok(len > 0 && len <= compress_bound(sizes[i]), "to a frame within the bound");
			ok(sizes[i] < 1000 || !compressible || len < sizes[i] / 2, "that is small when it can be");
			/* RFC 8878 3.1.1.1.1: bit 2 of the descriptor */
			ok((frame[4] & 4) == 0, "and has no checksum");
			is_number(decompress(frame, len, sizes[i]), 0, "and opens");
			is_bytes(out, data, sizes[i], "to the same bytes");
			is_number(decompress(frame, len, sizes[i] + 1), VERDICT_BAD_FRAME, "not to one more");
			ok(sizes[i] == 0 || decompress(frame, len, sizes[i] - 1) == VERDICT_BAD_FRAME,
			   "and not to one less");
		}
	compressor_free(compressor);
	free(frame);
}

/* Whether what lies in these extents is one frame of the bytes; *is_left: they were left where they are. */
static bool opens_to(const struct extent *extents, unsigned int count, const uint8_t *data, size_t len, bool *is_left)
{
	static uint8_t joined[FRAME_COMPRESSED_MAX];
	size_t at = 0, left = 0;
	for (unsigned int i = 0; i < count; i++) {
		if (extents[i].len > sizeof(joined) - at)
			return false;
		memcpy(joined + at, extents[i].data, extents[i].len);
		at += extents[i].len;
		left += extents[i].data >= data && extents[i].data < data + len ? extents[i].len : 0;
	}
	*is_left = left == len;
	return (left == 0 || *is_left) && decompress(joined, at, len) == 0 && memcmp(out, data, len) == 0;
}

static bool leaves(struct compressor *compressor, const uint8_t *data, size_t len, uint8_t *frame, bool *is_good)
{
	struct extent extents[FRAME_EXTENTS_MAX];
	unsigned int count = 0;
	bool is_left = false;
	*is_good = *is_good &&
		   compress_extents(compressor, extents, &count, frame, compress_bound(len), data, len) == 0 &&
		   opens_to(extents, count, data, len, &is_left);
	return is_left;
}

static void test_leaving(uint64_t *state)
{
	static uint8_t noise[FRAME_BYTES], text[FRAME_BYTES];
	uint8_t *frame = malloc(compress_bound(FRAME_BYTES));
	struct compressor *compressor = compressor_new();
	bool good = true;
	unsigned int compressed = 0;
	fill(noise, sizeof(noise), false, state);
	fill(text, sizeof(text), true, state);
	ok(!leaves(compressor, noise, sizeof(noise), frame, &good), "the first frame is always compressed");
	ok(leaves(compressor, noise, sizeof(noise), frame, &good), "what gives nothing, behind such, is left where it lies");
	for (int i = 0; i < 2 * COMPRESS_EVERY; i++)
		compressed += !leaves(compressor, noise, sizeof(noise), frame, &good);
	is_number(compressed, 2, "but every eighth is compressed");
	ok(!leaves(compressor, noise, sizeof(noise) - 1, frame, &good), "and so is one that is not whole");
	ok(leaves(compressor, noise, sizeof(noise), frame, &good) &&
		   !leaves(compressor, text, sizeof(text), frame, &good),
	   "what gives something is compressed at once");
	ok(!leaves(compressor, noise, sizeof(noise), frame, &good), "and so is what comes behind it");
	memcpy(noise + FRAME_BYTES / 2, text, FRAME_BYTES / 4);
	ok(!leaves(compressor, noise, sizeof(noise), frame, &good), "and what gives something in one place");
	ok(good, "whichever way, it opens to the same bytes");
	compressor_free(compressor);
	free(frame);
}

static void test_cuts_and_flips(uint64_t *state)
{
	uint8_t data[300], frame[600];
	size_t len = 0, accepted = 0, others = 0;
	struct compressor *compressor = compressor_new();
	fill(data, sizeof(data), true, state);
	if (compress_frame(compressor, frame, sizeof(frame), &len, data, sizeof(data)) != 0)
		abort();
	for (size_t cut = 0; cut < len; cut++)
		accepted += decompress(frame, cut, sizeof(data)) != VERDICT_BAD_FRAME;
	is_number((int64_t)accepted, 0, "a frame cut anywhere is refused");
	frame[len] = 0;
	is_number(decompress(frame, len + 1, sizeof(data)), VERDICT_BAD_FRAME, "a byte behind it is refused");
	memcpy(frame + len, frame, len);
	is_number(decompress(frame, 2 * len, sizeof(data)), VERDICT_BAD_FRAME, "so is a second frame");
	is_number(decompress(frame, 2 * len, 2 * sizeof(data)), VERDICT_BAD_FRAME, "also when both are wanted");
	memcpy(frame + len, "\x28\xb5\x2f\xfd\x20\0\1\0\0", 9);
	is_number(decompress(frame, len + 9, sizeof(data)), VERDICT_BAD_FRAME, "so is a frame of nothing");
	memcpy(frame + len, "\x50\x2a\x4d\x18\0\0\0\0", 8);
	is_number(decompress(frame, len + 8, sizeof(data)), VERDICT_BAD_FRAME, "so is a skippable frame");
	/* no checksum: a flip in the literals is a frame of other bytes, which the segments' tags rule out */
	for (size_t bit = 0; bit < len * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
		int result = decompress(frame, len, sizeof(data));
		others += result != 0 && result != VERDICT_BAD_FRAME;
		accepted += bit < 32 && result == 0;
		frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)accepted, 0, "a flip in the magic is refused");
	is_number((int64_t)others, 0, "any flip gives bytes or a bad frame");
	is_number(decompress(frame, len, sizeof(data)), 0, "a decompressor that refused goes on to serve");
	compressor_free(compressor);
}

static void test_crafted(void)
{
	static const struct {
		const char *sentence;
		size_t wanted, len;
		int verdict;
		uint8_t bytes[24];
	} frames[] = {
		/* magic, descriptor, window, size; a last RLE block of that many 'x' */
		{"a run of 100 in a window of 8 MiB opens", 100, 14, 0,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
		{"a larger window is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x69, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
		{"the largest is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0xff, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
		{"no declared size is refused", 100, 10, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68, 0x23, 0x03, 0x00, 'x'}},
		{"a size that is not wanted is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 101, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
		{"a size of 16 EiB is refused", 100, 18, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x68, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x23, 0x03, 0x00,
		  'x'}},
		{"a frame that holds more than it says is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x2b, 0x03, 0x00, 'x'}},
		{"a frame that holds 100 KiB more is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x03, 0x80, 0x0c, 'x'}},
		{"a frame that holds less is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x1b, 0x03, 0x00, 'x'}},
		{"a dictionary is refused", 100, 15, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x81, 0x68, 7, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
		{"a wrong checksum is refused", 100, 18, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x84, 0x68, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x', 1, 2, 3, 4}},
		{"a skippable frame is refused", 0, 8, VERDICT_BAD_FRAME, {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}},
		{"nothing is refused", 0, 0, VERDICT_BAD_FRAME, {0}},
		{"zeros are refused", 0, 24, VERDICT_BAD_FRAME, {0}},
	};
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		is_number(decompress(frames[i].bytes, frames[i].len, frames[i].wanted), frames[i].verdict, "%s",
			  frames[i].sentence);
}

int main(void)
{
	uint64_t state = test_seed();
	decompressor = decompressor_new();
	test_round_trips(&state);
	test_leaving(&state);
	test_cuts_and_flips(&state);
	test_crafted();
	decompressor_free(decompressor);
	compressor_free(NULL);
	decompressor_free(NULL);
	return done_testing();
}
