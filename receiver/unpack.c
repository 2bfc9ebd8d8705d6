#include "unpack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/compress.h"
#include "common/cursor.h"
#include "common/io.h"
#include "common/judgement.h"
#include "common/manifestopen.h"
#include "common/openbundle.h"
#include "common/recipients.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "common/work.h"
#include "unpack_check.h"
#include "unpack_frames.h"

enum {
	RELEASE_SEGMENTS = 1, /* before the body */
	HEAD_SEGMENTS = 1,    /* of the body, before the content */
	LEAVES = 64,          /* of one hashing job */
	LEAF_JOBS_MORE = 2,
	STREAM_HEADER_BYTES = 8,
};

struct unpack {
	int fd;
	uint64_t file_len;
	uint8_t segment[SEGMENT_BYTES]; /* the first */
	struct release release;
	struct endorsements endorsements;
	bool is_verified;
	bool is_unlocked;
	struct bundle_keys *keys; /* in secret memory */
	struct manifest manifest;
	uint64_t *frame_start; /* frame_count + 1 offsets in the content stream */
};

static uint64_t content_segments(const struct unpack *u)
{
	const struct statement *s = &u->release.statement;
	return s->segments - HEAD_SEGMENTS - s->manifest_segments;
}

/* Where a segment of the body begins in the file. */
static uint64_t offset_of(uint64_t segment)
{
	return (RELEASE_SEGMENTS + segment) * SEGMENT_BYTES;
}

int unpack_open(struct unpack **out, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	struct unpack *u = calloc(1, sizeof(*u));
	if (u == NULL)
		return -ENOMEM;
	u->fd = fd;
	u->file_len = (uint64_t)st.st_size;
	int result = io_pread_exact(fd, u->segment, sizeof(u->segment), 0);
	if (result == 0)
		result = release_segment_decode(&u->release, &u->endorsements, u->segment);
	if (result == 0 && u->file_len < bundle_object_len(&u->release.statement))
		result = VERDICT_TRUNCATED;
	if (result == 0)
		*out = u;
	else
		free(u);
	return result;
}

const struct release *unpack_release(const struct unpack *u)
{
	return &u->release;
}

const struct endorsements *unpack_endorsements(const struct unpack *u)
{
	return &u->endorsements;
}

int unpack_registry_text(const struct unpack *u, uint8_t **out, size_t *len)
{
	uint64_t offset = bundle_object_len(&u->release.statement);
	uint64_t left = u->file_len - offset;
	if (left > REGISTRY_BYTES_MAX)
		return VERDICT_BAD_LIMIT;
	if (left == 0) {
		*out = NULL;
		*len = 0;
		return 0;
	}
	uint8_t *text = malloc((size_t)left);
	if (text == NULL)
		return -ENOMEM;
	int result = io_pread_exact(u->fd, text, (size_t)left, offset);
	if (result != 0) {
		free(text);
		return result;
	}
	*out = text;
	*len = (size_t)left;
	return 0;
}

/* Up to 64 segments of the body, and their leaves. */
struct leaf_job {
	uint64_t first;
	size_t count;
	int result;
	uint8_t leaf[LEAVES][SUITE_DIGEST_BYTES];
	uint8_t segments[LEAVES * SEGMENT_BYTES];
};

static void hash_leaves(void *context, void *argument, unsigned int thread)
{
	(void)thread;
	const struct unpack *u = context;
	struct leaf_job *job = argument;
	job->result = io_pread_exact(u->fd, job->segments, job->count * SEGMENT_BYTES,
				     offset_of(job->first));
	if (job->result == 0)
		tree_leaves(job->leaf, job->segments, job->count);
}

static int hash_body(const struct unpack *u, struct work *work, struct leaf_job *jobs,
		     unsigned int job_count, struct tree *tree,
		     void (*advance)(void *context, uint64_t segments_done), void *context)
{
	uint64_t segments = u->release.statement.segments, given = 0;
	unsigned int next = 0;
	tree_start(tree);
	while (tree->count < segments) {
		for (; given < segments && work_count(work) < job_count; next++) {
			struct leaf_job *job = &jobs[next % job_count];
			job->first = given;
			job->count = segments - given < LEAVES ? (size_t)(segments - given) : LEAVES;
			given += job->count;
			work_give(work, job);
		}
		struct leaf_job *done = work_take(work);
		if (done->result != 0)
			return done->result;
		tree_add_all(tree, done->leaf, done->count);
		if (advance != NULL)
			advance(context, tree->count);
	}
	return 0;
}

/* A body of one job is hashed here and now: a thread would cost more than it saves. */
static int hash_small_body(struct unpack *u, struct tree *tree)
{
	struct leaf_job *job = malloc(sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	job->first = 0;
	job->count = (size_t)u->release.statement.segments;
	hash_leaves(u, job, 0);
	int result = job->result;
	tree_start(tree);
	if (result == 0)
		tree_add_all(tree, job->leaf, job->count);
	free(job);
	return result;
}

static int hash_large_body(struct unpack *u, uint64_t most, struct tree *tree,
			   void (*advance)(void *context, uint64_t segments_done), void *context)
{
	unsigned int threads = work_cores() < most ? work_cores() : (unsigned int)most;
	unsigned int job_count = threads + LEAF_JOBS_MORE;
	struct leaf_job *jobs = calloc(job_count, sizeof(*jobs));
	struct work *work = work_new(threads, job_count, hash_leaves, u);
	int result = jobs != NULL && work != NULL ? 0 : -ENOMEM;
	if (result == 0)
		result = hash_body(u, work, jobs, job_count, tree, advance, context);
	work_free(work);
	free(jobs);
	return result;
}

static int check_root(struct unpack *u, void (*advance)(void *context, uint64_t segments_done),
		      void *context)
{
	uint64_t segments = u->release.statement.segments;
	uint64_t most = (segments + LEAVES - 1) / LEAVES;
	struct tree tree;
	int result = most == 1 ? hash_small_body(u, &tree)
			       : hash_large_body(u, most, &tree, advance, context);
	if (result != 0)
		return result;
	if (most == 1 && advance != NULL)
		advance(context, segments);
	uint8_t root[SUITE_DIGEST_BYTES];
	tree_root(&tree, root);
	return suite_equal(root, u->release.statement.root, sizeof(root)) ? VERDICT_OK
									   : VERDICT_BAD_ROOT;
}

static int check_recipients(const struct unpack *u, const struct registry *registry)
{
	uint8_t head[SEGMENT_BYTES];
	const char *who;
	const struct route *route = registry_route(registry, u->release.statement.route);
	if (open_is(&u->release.statement))
		return VERDICT_OK; /* it is sealed to nobody */
	int result = io_pread_exact(u->fd, head, sizeof(head), offset_of(0));
	return result != 0 ? result
			   : recipients_check_head(route, head, u->release.released_at, false, &who);
}

int unpack_verify(struct unpack *u, const struct registry *registry,
		  void (*advance)(void *context, uint64_t segments_done), void *context)
{
	int result = release_check(registry, u->segment, &u->release, &u->endorsements);
	if (result == 0)
		result = check_root(u, advance, context);
	if (result == 0)
		result = check_recipients(u, registry);
	u->is_verified = result == 0;
	return result;
}

static int open_head(struct unpack *u, const struct key *recipient,
		     const uint8_t psk[static SUITE_KEY_BYTES])
{
	uint8_t segment[SEGMENT_BYTES];
	struct head head;
	int result = io_pread_exact(u->fd, segment, sizeof(segment), offset_of(0));
	if (result == 0)
		result = head_decode(&head, segment);
	if (result != 0)
		return result;
	if (memcmp(head.route, u->release.statement.route, NAME_BYTES) != 0)
		return VERDICT_WRONG_ROUTE;
	return head_open(u->keys, &head, recipient->card.id, recipient->secret, psk);
}

static int read_manifest_segment(void *context, uint64_t index, uint8_t out[static SEGMENT_BYTES])
{
	const struct unpack *u = context;
	return io_pread_exact(u->fd, out, SEGMENT_BYTES,
			      offset_of(HEAD_SEGMENTS + content_segments(u) + index));
}

static int find_frames(struct unpack *u)
{
	uint32_t count = u->manifest.frame_count;
	u->frame_start = calloc((size_t)count + 1, sizeof(*u->frame_start));
	if (u->frame_start == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		u->frame_start[i + 1] = u->frame_start[i] + u->manifest.frame_len[i];
	return 0;
}

int unpack_unlock(struct unpack *u, const struct key *recipient, const uint8_t psk[static SUITE_KEY_BYTES])
{
	assert(u->is_verified && !u->is_unlocked);
	if (u->keys == NULL)
		u->keys = suite_secret_alloc(sizeof(*u->keys));
	if (u->keys == NULL)
		return -ENOMEM;
	int result = open_head(u, recipient, psk);
	if (result == 0)
		result = manifest_open(&u->manifest, &u->release.statement, u->keys->manifest,
				       read_manifest_segment, u);
	if (result == 0)
		result = orders_check_content(&u->endorsements, u->manifest.content_len, u->manifest.records);
	if (result == 0)
		result = find_frames(u);
	u->is_unlocked = result == 0;
	if (result != 0)
		manifest_free(&u->manifest);
	return result;
}

const struct manifest *unpack_manifest(const struct unpack *u)
{
	assert(u->is_unlocked);
	return &u->manifest;
}

/* One member, from frames that begin at its first byte's or go on from the member before. */
struct walk {
	struct unpack_frames *frames;
	struct unpack_check *check;
	uint64_t at;         /* position in the content */
	const uint8_t *data; /* what is left of the current frame */
	size_t left;
};

static int next_bytes(struct walk *walk)
{
	int result = unpack_frames_next(walk->frames, &walk->data, &walk->left);
	if (result != 0)
		return result;
	/* the first frame may begin with what belongs to members before */
	size_t skip = (size_t)(walk->at % FRAME_BYTES);
	assert(skip < walk->left);
	walk->data += skip;
	walk->left -= skip;
	return 0;
}

static int walk_member(struct walk *walk, const struct member *member, unpack_sink *sink,
		       void *context)
{
	unpack_check_begin(walk->check, member);
	for (uint64_t left = member->size; left > 0;) {
		int result = walk->left == 0 ? next_bytes(walk) : 0;
		if (result != 0)
			return result;
		size_t now = left < walk->left ? (size_t)left : walk->left;
		unpack_check_add(walk->check, walk->data, now);
		result = sink(context, walk->data, now);
		unpack_check_settle(walk->check);
		if (result != 0)
			return result;
		walk->at += now;
		walk->data += now;
		walk->left -= now;
		left -= now;
	}
	return unpack_check_end(walk->check, member);
}

/* Members [first, end), whose bytes begin at `at` and are `len` in all. */
static int walk_members(struct unpack *u, uint32_t first, uint32_t end, uint64_t at, uint64_t len,
			unsigned int threads, const struct unpack_visitor *visitor)
{
	struct content_stream stream = {
		.fd = u->fd,
		.offset = offset_of(HEAD_SEGMENTS),
		.segments = content_segments(u),
		.keys = u->keys,
		.manifest = &u->manifest,
		.start = u->frame_start,
	};
	struct walk walk = {.at = at};
	uint32_t first_frame = (uint32_t)(at / FRAME_BYTES);
	uint32_t end_frame = len == 0 ? first_frame : (uint32_t)((at + len - 1) / FRAME_BYTES) + 1;
	int result = unpack_frames_start(&walk.frames, &stream, first_frame, end_frame, threads);
	if (result == 0)
		result = unpack_check_new(&walk.check, end_frame - first_frame > 1 && threads != 1 && work_cores() > 1);
	for (uint32_t i = first; result == 0 && i < end; i++) {
		const struct member *member = &u->manifest.members[i];
		if (visitor->begin != NULL)
			result = visitor->begin(visitor->context, i, member);
		if (result == 0)
			result = walk_member(&walk, member, visitor->data, visitor->context);
		if (result == 0 && visitor->end != NULL)
			result = visitor->end(visitor->context, i, member);
	}
	unpack_check_free(walk.check);
	unpack_frames_free(walk.frames);
	return result;
}

int unpack_member(struct unpack *u, uint32_t index, unsigned int threads, unpack_sink *sink, void *context)
{
	assert(u->is_unlocked && index < u->manifest.member_count);
	uint64_t at = 0;
	for (uint32_t i = 0; i < index; i++)
		at += u->manifest.members[i].size;
	struct unpack_visitor visitor = {.data = sink, .context = context};
	return walk_members(u, index, index + 1, at, u->manifest.members[index].size, threads, &visitor);
}

int unpack_all(struct unpack *u, unsigned int threads, const struct unpack_visitor *visitor)
{
	assert(u->is_unlocked);
	return walk_members(u, 0, u->manifest.member_count, 0, u->manifest.content_len, threads,
			    visitor);
}

void unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	suite_secret_free(u->keys);
	manifest_free(&u->manifest);
	free(u->frame_start);
	free(u);
}
