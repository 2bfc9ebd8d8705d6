#include "pack_seal.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/tree.h"
#include "common/verdict.h"
#include "common/work.h"

enum {
	/* what one addition can fill, with the bytes that the one before has left over */
	BATCH_SEGMENTS = (FRAME_COMPRESSED_MAX + SEGMENT_PLAIN_BYTES) / SEGMENT_PLAIN_BYTES,
	BATCHES_MORE = 3, /* than threads: one that gathers what is left over, one being given away, one waiting */
	LEAVES_AT_ONCE = 8, /* of segments that are still in the cache */
};

/* Segments of one stream: what was left over, then an addition where it lies, then zeros. */
struct batch {
	const uint8_t *key;
	uint64_t stream_index; /* of the first segment in its stream */
	uint64_t addition;     /* the last one whose bytes are in it, from 1 */
	unsigned int count;
	bool ends_stream;
	unsigned int extent_count;
	struct extent extents[1 + FRAME_EXTENTS_MAX]; /* the first is of left_over */
	uint8_t left_over[SEGMENT_PLAIN_BYTES];
	uint8_t leaf[BATCH_SEGMENTS][SUITE_DIGEST_BYTES];
	uint8_t sealed[BATCH_SEGMENTS * SEGMENT_BYTES];
};

struct sealing_thread {
	struct sealer *sealer;
	uint8_t plain[SEGMENT_PLAIN_BYTES]; /* a segment whose bytes do not lie together */
};

struct pack_seal {
	const struct bundle_keys *keys;
	pack_sink *sink;
	void *context;
	unsigned int thread_count;
	struct sealing_thread *threads;
	struct work *work;
	unsigned int batch_count;
	unsigned int current; /* the batch to be given next; the others follow round about */
	struct batch *batches;
	size_t left_over;     /* bytes in the current batch: at least one, once a stream has any */
	uint64_t additions;
	const uint8_t *key;   /* of the stream being sealed */
	uint64_t stream_index;
	struct tree tree;
};

/* The next segment's bytes: where they lie, or gathered in `room`, with zeros behind the last. */
static const uint8_t *next_plain(struct extent **extent, const struct extent *end, uint8_t room[static SEGMENT_PLAIN_BYTES])
{
	size_t at = 0;
	while (at < SEGMENT_PLAIN_BYTES && *extent < end) {
		struct extent *from = *extent;
		const uint8_t *data = from->data;
		size_t left = SEGMENT_PLAIN_BYTES - at;
		size_t now = from->len < left ? from->len : left;
		from->data += now;
		from->len -= now;
		*extent += from->len == 0;
		if (now == SEGMENT_PLAIN_BYTES)
			return data;
		memcpy(room + at, data, now);
		at += now;
	}
	memset(room + at, 0, SEGMENT_PLAIN_BYTES - at);
	return room;
}

static void seal_batch(void *context, void *job, unsigned int thread)
{
	const struct pack_seal *seal = context;
	struct sealing_thread *own = &seal->threads[thread];
	struct batch *batch = job;
	struct extent *extent = batch->extents;
	unsigned int hashed = 0;
	for (unsigned int i = 0; i < batch->count; i++) {
		bool is_last = i == batch->count - 1;
		const uint8_t *plain = next_plain(&extent, batch->extents + batch->extent_count, own->plain);
		segment_seal(own->sealer, batch->sealed + (size_t)i * SEGMENT_BYTES, plain, batch->stream_index + i,
			     batch->ends_stream && is_last, batch->key);
		if (!is_last && i + 1 - hashed < LEAVES_AT_ONCE)
			continue;
		tree_leaves(batch->leaf + hashed, batch->sealed + (size_t)hashed * SEGMENT_BYTES, i + 1 - hashed);
		hashed = i + 1;
	}
}

static int give_to_sink(struct pack_seal *seal, struct batch *batch)
{
	tree_add_all(&seal->tree, batch->leaf, batch->count);
	return seal->sink(seal->context, batch->sealed, (size_t)batch->count * SEGMENT_BYTES);
}

/* Seals what is left over and these extents, which fill `count` segments, and makes room for the next. */
static int submit(struct pack_seal *seal, const struct extent *extents, unsigned int extent_count, unsigned int count,
		  bool ends_stream)
{
	struct batch *batch = &seal->batches[seal->current];
	batch->extents[0] = (struct extent){batch->left_over, seal->left_over};
	if (extent_count > 0)
		memcpy(batch->extents + 1, extents, extent_count * sizeof(*extents));
	batch->extent_count = 1 + extent_count;
	batch->key = seal->key;
	batch->stream_index = seal->stream_index;
	batch->addition = seal->additions;
	batch->count = count;
	batch->ends_stream = ends_stream;
	work_give(seal->work, batch);
	seal->stream_index += count;
	seal->left_over = 0;
	seal->current = (seal->current + 1) % seal->batch_count;
	if (work_count(seal->work) < seal->batch_count - 1)
		return 0;
	return give_to_sink(seal, work_take(seal->work));
}

/* The last so many bytes of the extents wait for what comes behind them. */
static void leave_over(struct pack_seal *seal, const struct extent *extents, unsigned int count, size_t len)
{
	uint8_t *out = seal->batches[seal->current].left_over + seal->left_over;
	seal->left_over += len;
	for (uint8_t *end = out + len; end > out;) {
		assert(count > 0);
		const struct extent *extent = &extents[--count];
		size_t left = (size_t)(end - out);
		size_t now = extent->len < left ? extent->len : left;
		end -= now;
		memcpy(end, extent->data + extent->len - now, now);
	}
}

int pack_seal_add(struct pack_seal *seal, const struct extent *extents, unsigned int count)
{
	size_t len = 0;
	for (unsigned int i = 0; i < count; i++)
		len += extents[i].len;
	assert(count <= FRAME_EXTENTS_MAX && len <= FRAME_COMPRESSED_MAX);
	seal->additions++;
	/* A full segment stays until more comes: it may be the last of its stream. */
	size_t all = seal->left_over + len;
	size_t segments = all == 0 ? 0 : (all - 1) / SEGMENT_PLAIN_BYTES;
	if (segments == 0) {
		leave_over(seal, extents, count, len);
		return 0;
	}
	int result = submit(seal, extents, count, (unsigned int)segments, false);
	if (result == 0)
		leave_over(seal, extents, count, all - segments * SEGMENT_PLAIN_BYTES);
	return result;
}

uint64_t pack_seal_added(const struct pack_seal *seal)
{
	return seal->additions;
}

int pack_seal_wait(struct pack_seal *seal, uint64_t additions)
{
	int result = 0;
	for (unsigned int waiting; result == 0 && (waiting = work_count(seal->work)) > 0;) {
		unsigned int oldest = (seal->current + seal->batch_count - waiting) % seal->batch_count;
		if (seal->batches[oldest].addition > additions)
			return 0;
		result = give_to_sink(seal, work_take(seal->work));
	}
	return result;
}

/* Seals what is left of the stream and zeros up to `count` segments in all. */
static int end_stream(struct pack_seal *seal, uint64_t count)
{
	int result = 0;
	while (result == 0 && seal->stream_index < count) {
		uint64_t left = count - seal->stream_index;
		unsigned int now = left < BATCH_SEGMENTS ? (unsigned int)left : BATCH_SEGMENTS;
		result = submit(seal, NULL, 0, now, now == left);
	}
	return result;
}

static int add_long(struct pack_seal *seal, const uint8_t *data, size_t len)
{
	int result = 0;
	for (size_t at = 0, now; result == 0 && at < len; at += now) {
		now = len - at < FRAME_BYTES ? len - at : FRAME_BYTES;
		result = pack_seal_add(seal, &(struct extent){data + at, now}, 1);
	}
	return result;
}

static uint64_t segments_for(uint64_t len)
{
	return len == 0 ? 1 : (len + SEGMENT_PLAIN_BYTES - 1) / SEGMENT_PLAIN_BYTES;
}

int pack_seal_finish(struct pack_seal *seal, const uint8_t *manifest_stream, size_t len,
		     struct statement *statement)
{
	uint64_t manifest_count = bundle_pad(segments_for(len));
	uint64_t content_count =
		segments_for(seal->stream_index * SEGMENT_PLAIN_BYTES + seal->left_over);
	uint64_t segments = bundle_pad(1 + content_count + manifest_count);
	if (manifest_count > MANIFEST_SEGMENTS_MAX || segments > BUNDLE_SEGMENTS_MAX)
		return VERDICT_BAD_LIMIT;
	int result = end_stream(seal, segments - 1 - manifest_count);
	seal->key = seal->keys->manifest;
	seal->stream_index = 0;
	if (result == 0)
		result = add_long(seal, manifest_stream, len);
	if (result == 0)
		result = end_stream(seal, manifest_count);
	for (struct batch *batch; (batch = work_take(seal->work)) != NULL;)
		if (result == 0)
			result = give_to_sink(seal, batch);
	if (result != 0)
		return result;
	assert(seal->tree.count == segments);
	statement->segments = segments;
	statement->manifest_segments = (uint32_t)manifest_count;
	tree_root(&seal->tree, statement->root);
	return 0;
}

static int give_head(struct pack_seal *seal, const struct head *head)
{
	uint8_t segment[SEGMENT_BYTES], leaf[1][SUITE_DIGEST_BYTES];
	head_encode(segment, head);
	tree_start(&seal->tree);
	tree_leaves(leaf, segment, 1);
	tree_add(&seal->tree, leaf[0]);
	return seal->sink(seal->context, segment, sizeof(segment));
}

static int make_threads(struct pack_seal *seal, unsigned int threads)
{
	seal->threads = calloc(threads, sizeof(*seal->threads));
	int result = seal->threads == NULL ? -ENOMEM : 0;
	for (; result == 0 && seal->thread_count < threads; seal->thread_count += result == 0)
		result = sealer_new(&seal->threads[seal->thread_count].sealer);
	return result;
}

int pack_seal_start(struct pack_seal **out, const struct head *head, const struct bundle_keys *keys,
		    unsigned int threads, pack_sink *sink, void *context)
{
	struct pack_seal *seal = calloc(1, sizeof(*seal));
	if (seal == NULL)
		return -ENOMEM;
	seal->keys = keys;
	seal->key = keys->content;
	seal->sink = sink;
	seal->context = context;
	int result = make_threads(seal, threads);
	seal->batch_count = threads + BATCHES_MORE;
	seal->batches = calloc(seal->batch_count, sizeof(*seal->batches));
	if (result == 0)
		seal->work = work_new(threads, seal->batch_count, seal_batch, seal);
	if (result == 0 && (seal->batches == NULL || seal->work == NULL))
		result = -ENOMEM;
	if (result == 0)
		result = give_head(seal, head);
	if (result == 0)
		*out = seal;
	else
		pack_seal_free(seal);
	return result;
}

void pack_seal_free(struct pack_seal *seal)
{
	if (seal == NULL)
		return;
	work_free(seal->work);
	for (unsigned int i = 0; seal->batches != NULL && i < seal->batch_count; i++)
		suite_wipe(seal->batches[i].left_over, SEGMENT_PLAIN_BYTES);
	for (unsigned int i = 0; i < seal->thread_count; i++) {
		sealer_free(seal->threads[i].sealer);
		suite_wipe(seal->threads[i].plain, SEGMENT_PLAIN_BYTES);
	}
	free(seal->threads);
	free(seal->batches);
	free(seal);
}
