#include "sender/pack_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { BODY_MAX = 8 << 20, STREAM_MAX = 5 << 20, THREADS = 3 };

struct body {
	size_t len;
	uint8_t bytes[BODY_MAX];
};

static struct body *body;
static struct bundle_keys keys;
static const struct head head = {.route = "tax", .count = 0};
static uint8_t *stream; /* STREAM_MAX */

static int keep(void *context, const void *data, size_t len)
{
	struct body *into = context;
	if (len > sizeof(into->bytes) - into->len)
		return -1;
	memcpy(into->bytes + into->len, data, len);
	into->len += len;
	return 0;
}

static struct pack_seal *start(void)
{
	struct pack_seal *seal = NULL;
	body->len = 0;
	if (pack_seal_start(&seal, &head, &keys, THREADS, keep, body) != 0)
		exit(1);
	return seal;
}

/* Whether the body's content is these bytes, then zeros. */
static bool holds(const struct statement *s, const uint8_t *wanted, size_t len)
{
	struct sealer *sealer = NULL;
	uint8_t plain[SEGMENT_PLAIN_BYTES];
	uint64_t count = s->segments - 1 - s->manifest_segments;
	bool good = sealer_new(&sealer) == 0 && body->len == s->segments * SEGMENT_BYTES;
	for (uint64_t i = 0; good && i < count; i++) {
		good = segment_open(sealer, plain, body->bytes + (1 + i) * SEGMENT_BYTES, i, i == count - 1,
				    keys.content) == VERDICT_OK;
		for (size_t j = 0; good && j < sizeof(plain); j++) {
			size_t at = (size_t)i * sizeof(plain) + j;
			good = plain[j] == (at < len ? wanted[at] : 0);
		}
	}
	good = good && count * SEGMENT_PLAIN_BYTES >= len;
	sealer_free(sealer);
	return good;
}

static bool finish(struct pack_seal *seal, const uint8_t *wanted, size_t len)
{
	struct statement s = {0};
	bool good = pack_seal_finish(seal, (const uint8_t *)"manifest", 8, &s) == 0 && holds(&s, wanted, len);
	pack_seal_free(seal);
	return good;
}

/* Additions of so many extents, each of so many bytes, up to the end of the stream. */
static bool crosses(size_t len, unsigned int extent_count, size_t piece_len)
{
	struct pack_seal *seal = start();
	int result = 0;
	for (size_t at = 0; result == 0 && at < len;) {
		struct extent extents[FRAME_EXTENTS_MAX];
		unsigned int count = 0;
		for (; count < extent_count && at < len; count++) {
			size_t now = len - at < piece_len ? len - at : piece_len;
			extents[count] = (struct extent){stream + at, now};
			at += now;
		}
		result = pack_seal_add(seal, extents, count);
	}
	bool good = finish(seal, stream, len);
	return good && result == 0;
}

static void test_pieces(void)
{
	static const size_t lens[] = {0, 1, SEGMENT_PLAIN_BYTES - 1, SEGMENT_PLAIN_BYTES, SEGMENT_PLAIN_BYTES + 1,
				      2UL * SEGMENT_PLAIN_BYTES, 100UL * SEGMENT_PLAIN_BYTES, 3000000};
	static const size_t piece_lens[] = {3, 5000, SEGMENT_PLAIN_BYTES, SEGMENT_PLAIN_BYTES + 1, 61000};
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		bool good = crosses(lens[i], 1, FRAME_COMPRESSED_MAX);
		for (size_t j = 0; j < sizeof(piece_lens) / sizeof(piece_lens[0]); j++)
			for (unsigned int count = 1; good && count <= FRAME_EXTENTS_MAX; count += 3)
				good = crosses(lens[i], count, piece_lens[j]);
		ok(good, "%zu bytes are sealed in order, however many extents they come in", lens[i]);
	}
}

/* What is done with may change: all of it is overwritten as soon as it may be. */
static void test_waiting(void)
{
	enum { ADDITIONS = 20, EACH = STREAM_MAX / ADDITIONS };
	struct pack_seal *seal = start();
	uint8_t *work = malloc(STREAM_MAX);
	int result = work == NULL ? -1 : 0;
	for (unsigned int i = 0; work != NULL && result == 0 && i < ADDITIONS; i++) {
		size_t at = (size_t)i * EACH;
		memcpy(work + at, stream + at, EACH);
		result = pack_seal_add(seal, &(struct extent){work + at, EACH}, 1);
		if (result == 0 && i >= 2)
			result = pack_seal_wait(seal, pack_seal_added(seal) - 2);
		if (i >= 2)
			memset(work + (size_t)(i - 2) * EACH, 0xff, EACH);
	}
	bool good = finish(seal, stream, STREAM_MAX);
	free(work);
	ok(good && result == 0, "what pack_seal_wait has waited for is not read any more");
}

int main(void)
{
	body = malloc(sizeof(*body));
	stream = malloc(STREAM_MAX);
	if (suite_start() != 0 || body == NULL || stream == NULL)
		return 1;
	suite_random(stream, STREAM_MAX);
	bundle_keys_new(&keys);
	test_pieces();
	test_waiting();
	free(body);
	free(stream);
	return done_testing();
}
