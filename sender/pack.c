#include "pack.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/compress.h"
#include "common/cursor.h"
#include "common/sha256.h"
#include "common/verdict.h"
#include "common/work.h"
#include "pack_seal.h"

enum {
	UNDER_WAY_MORE = 1, /* chunks being compressed, than threads: one waiting */
	CHUNKS_MORE = 3,    /* than twice the threads, which compress and then seal: one being filled, one waiting for each */
	RUNS_MAX = 4096,  /* members that one digest job can end */
	STREAM_HEADER_BYTES = 8,
};

/* Consecutive bytes of one member; what they come to when the member ends with them. */
struct run {
	uint32_t member;
	uint32_t len;
	bool ends;
	enum record_rule rule; /* of the member */
	uint64_t records;
	uint8_t digest[SHA256_BYTES];
};

/* 1 MiB of plaintext and the frame made of it. */
struct chunk {
	size_t len;
	unsigned int extent_count;
	struct extent extents[FRAME_EXTENTS_MAX]; /* its frame: in frame, or in frame and plain */
	size_t most;          /* bytes that plain may ever have held: what there is to wipe */
	int error;            /* of compressing */
	uint64_t last_digest; /* serial number of the last digest job on its plaintext */
	uint64_t addition;    /* number of its frame among those given to be sealed */
	uint8_t plain[FRAME_BYTES];
	uint8_t frame[FRAME_COMPRESSED_MAX];
};

/* A stretch of one chunk for the digest thread, member by member. */
struct digest_job {
	const uint8_t *data;
	unsigned int run_count;
	struct run runs[RUNS_MAX];
};

/* What the digest thread carries from job to job. */
struct digest_state {
	struct sha256 hasher;
	struct record_counter counter;
	bool is_open;
};

struct pack {
	struct bundle_keys *keys; /* in secret memory */
	struct manifest manifest;
	struct pack_seal *seal;
	enum record_rule rule;
	bool is_drained;

	unsigned int chunk_count;
	struct chunk *chunks;
	unsigned int chunk; /* the one being filled */
	struct compressor **compressors; /* one a thread */
	unsigned int thread_count;
	struct work *compressing;

	struct digest_state digest;
	unsigned int job_count;
	struct digest_job *jobs;
	unsigned int job; /* the one being filled */
	uint64_t jobs_given, jobs_taken;
	struct work *digesting;

	bool member_is_open;
	size_t run_len;   /* bytes of the open member that no run has yet */
	size_t job_start; /* where in the current chunk the current job begins */
};

static void compress_chunk(void *context, void *job, unsigned int thread)
{
	struct pack *pack = context;
	struct chunk *chunk = job;
	chunk->error = compress_extents(pack->compressors[thread], chunk->extents, &chunk->extent_count, chunk->frame,
					compress_bound(chunk->len), chunk->plain, chunk->len);
}

static void digest_runs(void *context, void *argument, unsigned int thread)
{
	(void)thread;
	struct digest_state *state = context;
	struct digest_job *job = argument;
	const uint8_t *data = job->data;
	for (unsigned int i = 0; i < job->run_count; i++) {
		struct run *run = &job->runs[i];
		if (!state->is_open) {
			sha256_start(&state->hasher);
			records_start(&state->counter, run->rule);
		}
		sha256_add(&state->hasher, data, run->len);
		records_add(&state->counter, data, run->len);
		data += run->len;
		state->is_open = !run->ends;
		if (run->ends) {
			sha256_end(&state->hasher, run->digest);
			run->records = records_count(&state->counter);
		}
	}
}

/* The oldest digest job's results go into the manifest. */
static void take_digests(struct pack *pack)
{
	struct digest_job *job = work_take(pack->digesting);
	for (unsigned int i = 0; i < job->run_count; i++) {
		const struct run *run = &job->runs[i];
		if (!run->ends)
			continue;
		struct member *member = &pack->manifest.members[run->member];
		memcpy(member->digest, run->digest, sizeof(member->digest));
		member->records = run->records;
		pack->manifest.records += run->records;
	}
	pack->jobs_taken++;
}

static void give_digests(struct pack *pack)
{
	struct chunk *chunk = &pack->chunks[pack->chunk];
	struct digest_job *job = &pack->jobs[pack->job];
	job->data = chunk->plain + pack->job_start;
	pack->job_start = chunk->len;
	chunk->last_digest = ++pack->jobs_given;
	work_give(pack->digesting, job);
	pack->job = (pack->job + 1) % pack->job_count;
	pack->jobs[pack->job].run_count = 0;
	if (work_count(pack->digesting) == pack->job_count - 1)
		take_digests(pack);
}

static void end_run(struct pack *pack, bool member_ends)
{
	struct digest_job *job = &pack->jobs[pack->job];
	job->runs[job->run_count++] = (struct run){
		.member = pack->manifest.member_count - 1,
		.len = (uint32_t)pack->run_len,
		.ends = member_ends,
		.rule = pack->manifest.members[pack->manifest.member_count - 1].rule,
	};
	pack->run_len = 0;
	if (job->run_count == RUNS_MAX)
		give_digests(pack);
}

/* The oldest frame goes into the stream. */
static int take_frame(struct pack *pack)
{
	struct chunk *chunk = work_take(pack->compressing);
	if (chunk->error != 0)
		return chunk->error;
	size_t len = 0;
	for (unsigned int i = 0; i < chunk->extent_count; i++)
		len += chunk->extents[i].len;
	int result = manifest_add_frame(&pack->manifest, (uint32_t)len);
	if (result == 0)
		result = pack_seal_add(pack->seal, chunk->extents, chunk->extent_count);
	chunk->addition = pack_seal_added(pack->seal);
	return result;
}

/* Gives the current chunk away and makes the next one ready to be filled. */
static int give_chunk(struct pack *pack)
{
	if (pack->run_len > 0)
		end_run(pack, false);
	if (pack->jobs[pack->job].run_count > 0)
		give_digests(pack);
	int result = 0;
	struct chunk *chunk = &pack->chunks[pack->chunk];
	if (chunk->len > 0) {
		work_give(pack->compressing, chunk);
		pack->chunk = (pack->chunk + 1) % pack->chunk_count;
		if (work_count(pack->compressing) > pack->thread_count + UNDER_WAY_MORE)
			result = take_frame(pack);
	}
	chunk = &pack->chunks[pack->chunk];
	if (result == 0)
		result = pack_seal_wait(pack->seal, chunk->addition);
	while (pack->jobs_taken < chunk->last_digest)
		take_digests(pack);
	chunk->len = 0;
	pack->job_start = 0;
	return result;
}

int pack_member_begin(struct pack *pack, const char *name, int64_t mtime_s, uint32_t mtime_ns)
{
	assert(!pack->member_is_open && !pack->is_drained);
	union {
		const char *in;
		char *out;
	} unconst = {.in = name}; /* manifest_add_member copies it */
	struct member member = {
		.name = unconst.out,
		.mtime_s = mtime_s,
		.mtime_ns = mtime_ns,
		.rule = pack->rule,
	};
	int result = manifest_add_member(&pack->manifest, &member);
	pack->member_is_open = result == 0;
	return result;
}

void pack_member_uncounted(struct pack *pack)
{
	assert(pack->member_is_open);
	pack->manifest.members[pack->manifest.member_count - 1].rule = RECORDS_NOT_COUNTED;
}

void pack_member_columns(struct pack *pack, uint32_t member, uint32_t columns)
{
	assert(member < pack->manifest.member_count);
	pack->manifest.members[member].columns = columns;
}

int pack_reserve(struct pack *pack, uint8_t **room, size_t *size)
{
	assert(pack->member_is_open);
	int result = pack->chunks[pack->chunk].len == FRAME_BYTES ? give_chunk(pack) : 0;
	if (result != 0)
		return result;
	struct chunk *chunk = &pack->chunks[pack->chunk];
	size_t left = FRAME_BYTES - chunk->len;
	*room = chunk->plain + chunk->len;
	*size = *size < left ? *size : left;
	chunk->most = chunk->len + *size > chunk->most ? chunk->len + *size : chunk->most;
	return 0;
}

void pack_commit(struct pack *pack, size_t len)
{
	struct chunk *chunk = &pack->chunks[pack->chunk];
	assert(pack->member_is_open && len <= FRAME_BYTES - chunk->len);
	pack->manifest.content_len += len;
	pack->manifest.members[pack->manifest.member_count - 1].size += len;
	chunk->len += len;
	pack->run_len += len;
}

int pack_add(struct pack *pack, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (len > 0) {
		uint8_t *room;
		size_t now = len;
		int result = pack_reserve(pack, &room, &now);
		if (result != 0)
			return result;
		memcpy(room, p, now);
		pack_commit(pack, now);
		p += now;
		len -= now;
	}
	return 0;
}

int pack_member_end(struct pack *pack)
{
	assert(pack->member_is_open);
	end_run(pack, true);
	pack->member_is_open = false;
	return 0;
}

const uint8_t *pack_manifest_key(const struct pack *pack)
{
	return pack->keys->manifest;
}

uint64_t pack_content_len(const struct pack *pack)
{
	return pack->manifest.content_len;
}

int pack_drain(struct pack *pack, const struct manifest **out)
{
	assert(!pack->member_is_open);
	int result = pack->is_drained ? 0 : give_chunk(pack);
	while (result == 0 && work_count(pack->compressing) > 0)
		result = take_frame(pack);
	while (work_count(pack->digesting) > 0)
		take_digests(pack);
	if (result != 0)
		return result;
	pack->is_drained = true;
	*out = &pack->manifest;
	return 0;
}

/* The manifest stream of BUNDLE.md 5, before it is sealed; the caller wipes and frees it. */
static int manifest_stream(const uint8_t *manifest, size_t len, uint8_t **out, size_t *out_len)
{
	size_t size = compress_bound(len);
	struct compressor *compressor = compressor_new();
	uint8_t *stream = malloc(STREAM_HEADER_BYTES + size);
	size_t frame_len = 0;
	int result = compressor != NULL && stream != NULL ? 0 : -ENOMEM;
	if (result == 0)
		result = compress_frame(compressor, stream + STREAM_HEADER_BYTES, size, &frame_len,
					manifest, len);
	compressor_free(compressor);
	if (result != 0) {
		free(stream);
		return result;
	}
	struct writer w = writer_of(stream, STREAM_HEADER_BYTES);
	write_u32(&w, (uint32_t)frame_len);
	write_u32(&w, (uint32_t)len);
	*out = stream;
	*out_len = STREAM_HEADER_BYTES + frame_len;
	return 0;
}

int pack_finish(struct pack *pack, struct statement *statement)
{
	const struct manifest *manifest;
	uint8_t *encoded = NULL, *stream = NULL;
	size_t len = 0, stream_len = 0;
	int result = pack_drain(pack, &manifest);
	if (result == 0)
		result = manifest_encode(manifest, &encoded, &len);
	if (result == 0)
		result = manifest_stream(encoded, len, &stream, &stream_len);
	if (result == 0)
		result = pack_seal_finish(pack->seal, stream, stream_len, statement);
	if (result == 0) {
		memcpy(statement->push_id, manifest->push_id, PUSH_ID_BYTES);
		manifest_digest(statement->manifest_digest, encoded, len, pack->keys->manifest);
	}
	if (encoded != NULL)
		suite_wipe(encoded, len);
	if (stream != NULL)
		suite_wipe(stream, stream_len);
	free(encoded);
	free(stream);
	return result;
}

static int make_head(struct head *head, const struct pack *pack, const struct pack_options *options)
{
	const struct route *route = options->route;
	assert(route->recipient_count >= 1 && route->recipient_count <= STANZAS_MAX);
	*head = (struct head){.count = (uint16_t)route->recipient_count};
	memcpy(head->route, route->name, NAME_BYTES);
	bundle_keys_commit(head, pack->keys);
	int result = 0;
	for (size_t i = 0; result == 0 && i < route->recipient_count; i++) {
		const struct card *card = &route->recipients[i]->card;
		result = stanza_seal(&head->stanzas[i], pack->keys, route->name, card->id,
				     card->public_key, options->psk[i]);
	}
	return result;
}

static int make_buffers(struct pack *pack)
{
	pack->chunks = calloc(pack->chunk_count, sizeof(*pack->chunks));
	pack->jobs = calloc(pack->job_count, sizeof(*pack->jobs));
	pack->compressors = calloc(pack->thread_count, sizeof(struct compressor *));
	pack->keys = suite_secret_alloc(sizeof(*pack->keys));
	if (pack->chunks == NULL || pack->jobs == NULL || pack->compressors == NULL ||
	    pack->keys == NULL)
		return -ENOMEM;
	assert(compress_bound(FRAME_BYTES) <= FRAME_COMPRESSED_MAX);
	for (unsigned int i = 0; i < pack->thread_count; i++)
		if ((pack->compressors[i] = compressor_new()) == NULL)
			return -ENOMEM;
	return 0;
}

static int start(struct pack *pack, const struct pack_options *options)
{
	int result = make_buffers(pack);
	if (result != 0)
		return result;
	bundle_keys_new(pack->keys);
	suite_random(pack->manifest.push_id, PUSH_ID_BYTES);
	struct head head;
	result = make_head(&head, pack, options);
	if (result != 0)
		return result;
	pack->compressing = work_new(pack->thread_count, pack->chunk_count, compress_chunk, pack);
	pack->digesting = work_new(1, pack->job_count, digest_runs, &pack->digest);
	if (pack->compressing == NULL || pack->digesting == NULL)
		return -ENOMEM;
	return pack_seal_start(&pack->seal, &head, pack->keys, pack->thread_count, options->sink,
			       options->context);
}

int pack_start(struct pack **out, const struct pack_options *options)
{
	struct pack *pack = calloc(1, sizeof(*pack));
	if (pack == NULL)
		return -ENOMEM;
	pack->thread_count = options->threads != 0 ? options->threads : work_cores();
	pack->chunk_count = 2 * pack->thread_count + CHUNKS_MORE;
	pack->job_count = pack->chunk_count;
	pack->rule = options->rule;
	int result = start(pack, options);
	if (result == 0)
		*out = pack;
	else
		pack_free(pack);
	return result;
}

void pack_free(struct pack *pack)
{
	if (pack == NULL)
		return;
	/* threads first: they use all that follows */
	work_free(pack->compressing);
	work_free(pack->digesting);
	pack_seal_free(pack->seal);
	for (unsigned int i = 0; pack->chunks != NULL && i < pack->chunk_count; i++) {
		struct chunk *chunk = &pack->chunks[i];
		/* no more than was used: wiping costs as much as the memory is large */
		suite_wipe(chunk->plain, chunk->most);
		if (chunk->most > 0)
			suite_wipe(chunk->frame, compress_bound(chunk->most));
	}
	for (unsigned int i = 0; pack->compressors != NULL && i < pack->thread_count; i++)
		compressor_free(pack->compressors[i]);
	free(pack->chunks);
	free(pack->compressors);
	free(pack->jobs);
	suite_wipe(&pack->digest, sizeof(pack->digest));
	suite_secret_free(pack->keys);
	manifest_free(&pack->manifest);
	free(pack);
}
