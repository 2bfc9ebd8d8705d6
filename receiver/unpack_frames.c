#include "unpack_frames.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/compress.h"
#include "common/io.h"
#include "common/verdict.h"
#include "common/work.h"

enum {
	/* a frame may begin and end in the middle of a segment */
	FRAME_SEGMENTS_MAX = FRAME_COMPRESSED_MAX / SEGMENT_PLAIN_BYTES + 2,
	JOBS_MORE = 2, /* than threads: one with the caller, one waiting */
};

struct frame_job {
	uint32_t frame;
	int result;
	size_t len;
	size_t most_stream, most_plain; /* bytes that were ever held: what there is to wipe */
	uint8_t sealed[FRAME_SEGMENTS_MAX * SEGMENT_BYTES];
	uint8_t stream[FRAME_SEGMENTS_MAX * SEGMENT_PLAIN_BYTES];
	uint8_t plain[FRAME_BYTES];
};

struct unpack_frames {
	struct content_stream stream;
	uint32_t next; /* to be given to the threads */
	uint32_t end;
	unsigned int thread_count;
	struct decompressor **decompressors; /* one a thread */
	struct sealer **sealers;             /* likewise */
	unsigned int job_count;
	struct frame_job *jobs;
	struct work *work;
};

static size_t plain_len(const struct manifest *manifest, uint32_t frame)
{
	uint64_t left = manifest->content_len - (uint64_t)frame * FRAME_BYTES;
	return left < FRAME_BYTES ? (size_t)left : FRAME_BYTES;
}

/* The segments that the frame touches, opened one behind another. */
static int open_segments(struct sealer *sealer, const struct content_stream *stream, struct frame_job *job,
			 uint64_t first, size_t count)
{
	int result = io_pread_exact(stream->fd, job->sealed, count * SEGMENT_BYTES,
				    stream->offset + first * SEGMENT_BYTES);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = segment_open(sealer, job->stream + i * SEGMENT_PLAIN_BYTES,
				      job->sealed + i * SEGMENT_BYTES, first + i,
				      first + i == stream->segments - 1, stream->keys->content);
	return result;
}

static void open_frame(void *context, void *argument, unsigned int thread)
{
	const struct unpack_frames *frames = context;
	const struct content_stream *stream = &frames->stream;
	struct frame_job *job = argument;
	uint64_t from = stream->start[job->frame], to = stream->start[job->frame + 1];
	uint64_t first = from / SEGMENT_PLAIN_BYTES;
	size_t count = (size_t)((to - 1) / SEGMENT_PLAIN_BYTES - first + 1);
	assert(count <= FRAME_SEGMENTS_MAX);
	job->len = plain_len(stream->manifest, job->frame);
	if (job->len > job->most_plain)
		job->most_plain = job->len;
	if (count * SEGMENT_PLAIN_BYTES > job->most_stream)
		job->most_stream = count * SEGMENT_PLAIN_BYTES;
	job->result = open_segments(frames->sealers[thread], stream, job, first, count);
	if (job->result == 0)
		job->result = decompress_frame(frames->decompressors[thread], job->plain, job->len,
					       job->stream + (from - first * SEGMENT_PLAIN_BYTES),
					       (size_t)(to - from));
}

static void give_ahead(struct unpack_frames *frames)
{
	while (frames->next < frames->end && work_count(frames->work) < frames->job_count - 1) {
		struct frame_job *job = &frames->jobs[frames->next % frames->job_count];
		job->frame = frames->next++;
		work_give(frames->work, job);
	}
}

int unpack_frames_next(struct unpack_frames *frames, const uint8_t **data, size_t *len)
{
	/* the job that the caller had is free again: it is the one that the next round may fill */
	give_ahead(frames);
	const struct frame_job *job = work_take(frames->work);
	assert(job != NULL);
	if (job->result != 0)
		return job->result;
	*data = job->plain;
	*len = job->len;
	return 0;
}

int unpack_frames_start(struct unpack_frames **out, const struct content_stream *stream,
			uint32_t first, uint32_t end, unsigned int threads)
{
	struct unpack_frames *frames = calloc(1, sizeof(*frames));
	if (frames == NULL)
		return -ENOMEM;
	if (threads == 0)
		threads = work_cores();
	if (threads > end - first)
		threads = end > first ? end - first : 1;
	frames->stream = *stream;
	frames->next = first;
	frames->end = end;
	frames->thread_count = threads;
	frames->job_count = threads + JOBS_MORE;
	frames->jobs = calloc(frames->job_count, sizeof(*frames->jobs));
	frames->decompressors = calloc(threads, sizeof(struct decompressor *));
	frames->sealers = calloc(threads, sizeof(struct sealer *));
	bool good = frames->jobs != NULL && frames->decompressors != NULL && frames->sealers != NULL;
	for (unsigned int i = 0; good && i < threads; i++)
		good = (frames->decompressors[i] = decompressor_new()) != NULL && sealer_new(&frames->sealers[i]) == 0;
	if (good)
		frames->work = work_new(threads, frames->job_count, open_frame, frames);
	if (frames->work == NULL) {
		unpack_frames_free(frames);
		return -ENOMEM;
	}
	*out = frames;
	return 0;
}

void unpack_frames_free(struct unpack_frames *frames)
{
	if (frames == NULL)
		return;
	work_free(frames->work);
	for (unsigned int i = 0; frames->decompressors != NULL && i < frames->thread_count; i++)
		decompressor_free(frames->decompressors[i]);
	for (unsigned int i = 0; frames->sealers != NULL && i < frames->thread_count; i++)
		sealer_free(frames->sealers[i]);
	for (unsigned int i = 0; frames->jobs != NULL && i < frames->job_count; i++) {
		suite_wipe(frames->jobs[i].stream, frames->jobs[i].most_stream);
		suite_wipe(frames->jobs[i].plain, frames->jobs[i].most_plain);
	}
	free(frames->decompressors);
	free(frames->sealers);
	free(frames->jobs);
	free(frames);
}
