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
	BATCH_SEGMENTS = 64,
	BATCH_PLAIN_BYTES = BATCH_SEGMENTS * SEGMENT_PLAIN_BYTES,
	CACHED_SEGMENTS = 8, /* sealed and then hashed: enough to hash side by side, and little enough to be in the cache yet */
	BATCHES_MORE = 3, /* than threads: one being filled, one being given away, one waiting */
};

/* Up to 64 segments of one stream. */
struct batch {
	const uint8_t *key;
	uint64_t stream_index; /* of the first segment in its stream */
	unsigned int count;
	bool ends_stream;
	size_t most; /* bytes that plain ever held: what there is to wipe */
	uint8_t leaf[BATCH_SEGMENTS][SUITE_DIGEST_BYTES];
	uint8_t plain[BATCH_PLAIN_BYTES];
	uint8_t sealed[BATCH_SEGMENTS * SEGMENT_BYTES];
};

struct pack_seal {
	const struct bundle_keys *keys;
	pack_sink *sink;
	void *context;
	unsigned int thread_count;
	struct sealer **sealers; /* one a thread */
	struct work *work;
	unsigned int batch_count;
	unsigned int current; /* the batch being filled; the others follow round about */
	struct batch *batches;
	size_t filled;        /* bytes in the current batch */
	const uint8_t *key;   /* of the stream being sealed */
	uint64_t stream_index;
	struct tree tree;
};

static void seal_batch(void *context, void *job, unsigned int thread)
{
	const struct pack_seal *seal = context;
	struct batch *batch = job;
	for (unsigned int i = 0; i < batch->count; i++) {
		bool last = batch->ends_stream && i == batch->count - 1;
		segment_seal(seal->sealers[thread], batch->sealed + (size_t)i * SEGMENT_BYTES,
			     batch->plain + (size_t)i * SEGMENT_PLAIN_BYTES, batch->stream_index + i, last, batch->key);
		/* while they are still in the cache */
		unsigned int hashed = i / CACHED_SEGMENTS * CACHED_SEGMENTS, count = i + 1 - hashed;
		if (count == CACHED_SEGMENTS || i == batch->count - 1)
			tree_leaves(batch->leaf + hashed, batch->sealed + (size_t)hashed * SEGMENT_BYTES, count);
	}
}

static int give_to_sink(struct pack_seal *seal, struct batch *batch)
{
	tree_add_all(&seal->tree, batch->leaf, batch->count);
	return seal->sink(seal->context, batch->sealed, (size_t)batch->count * SEGMENT_BYTES);
}

/* Seals the current batch, whose bytes fill `count` segments, and makes room for the next. */
static int submit(struct pack_seal *seal, unsigned int count, bool ends_stream)
{
	struct batch *batch = &seal->batches[seal->current];
	memset(batch->plain + seal->filled, 0, (size_t)count * SEGMENT_PLAIN_BYTES - seal->filled);
	batch->key = seal->key;
	batch->stream_index = seal->stream_index;
	batch->count = count;
	batch->ends_stream = ends_stream;
	work_give(seal->work, batch);
	seal->stream_index += count;
	seal->filled = 0;
	seal->current = (seal->current + 1) % seal->batch_count;
	if (work_count(seal->work) < seal->batch_count - 1)
		return 0;
	return give_to_sink(seal, work_take(seal->work));
}

int pack_seal_add(struct pack_seal *seal, const uint8_t *data, size_t len)
{
	while (len > 0) {
		/* A full batch stays until more comes: it may be the last of its stream. */
		if (seal->filled == BATCH_PLAIN_BYTES) {
			int result = submit(seal, BATCH_SEGMENTS, false);
			if (result != 0)
				return result;
		}
		size_t room = BATCH_PLAIN_BYTES - seal->filled;
		size_t now = len < room ? len : room;
		struct batch *batch = &seal->batches[seal->current];
		memcpy(batch->plain + seal->filled, data, now);
		seal->filled += now;
		batch->most = seal->filled > batch->most ? seal->filled : batch->most;
		data += now;
		len -= now;
	}
	return 0;
}

/* Seals what is left of the stream and zeros up to `count` segments in all. */
static int end_stream(struct pack_seal *seal, uint64_t count)
{
	int result = 0;
	while (result == 0 && seal->stream_index < count) {
		uint64_t left = count - seal->stream_index;
		unsigned int now = left < BATCH_SEGMENTS ? (unsigned int)left : BATCH_SEGMENTS;
		result = submit(seal, now, now == left);
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
		segments_for(seal->stream_index * SEGMENT_PLAIN_BYTES + seal->filled);
	uint64_t segments = bundle_pad(1 + content_count + manifest_count);
	if (manifest_count > MANIFEST_SEGMENTS_MAX || segments > BUNDLE_SEGMENTS_MAX)
		return VERDICT_BAD_LIMIT;
	int result = end_stream(seal, segments - 1 - manifest_count);
	seal->key = seal->keys->manifest;
	seal->stream_index = 0;
	if (result == 0)
		result = pack_seal_add(seal, manifest_stream, len);
	if (result == 0)
		result = end_stream(seal, manifest_count);
	for (struct batch *batch; result == 0 && (batch = work_take(seal->work)) != NULL;)
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

static int make_sealers(struct pack_seal *seal, unsigned int threads)
{
	seal->sealers = calloc(threads, sizeof(struct sealer *));
	int result = seal->sealers == NULL ? -ENOMEM : 0;
	for (; result == 0 && seal->thread_count < threads; seal->thread_count += result == 0)
		result = sealer_new(&seal->sealers[seal->thread_count]);
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
	int result = make_sealers(seal, threads);
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
		suite_wipe(seal->batches[i].plain, seal->batches[i].most);
	for (unsigned int i = 0; i < seal->thread_count; i++)
		sealer_free(seal->sealers[i]);
	free(seal->sealers);
	free(seal->batches);
	free(seal);
}
