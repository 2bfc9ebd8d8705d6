#include "encode.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/erasure.h"
#include "common/io.h"

/*
 * A strip is this many bytes of each of the k rows.  Rows stand in the strip buffer at an odd number
 * of cache lines: row lengths are multiples of 4096, and at such a stride all rows would fall on the
 * same few cache sets.
 */
enum {
	STRIP_BYTES = 16384,
	STRIP_STRIDE = STRIP_BYTES + 64,
	LARGE_BYTES = ENCODE_BUDGET_BYTES / 8,
	ROWS_END = 255,
};

enum job_state { JOB_NONE, JOB_ASKED, JOB_DONE };

struct job {
	/* the caller's, but for state: written before JOB_ASKED is stored */
	bool is_open;
	bool yields;
	int fd;
	struct geometry geometry;
	uint32_t block;
	unsigned int first, count;
	uint8_t *rows;           /* in the arena; NULL without a job */
	size_t rows_len;
	_Atomic int state;
	atomic_bool is_cancelled;
	/* the thread's, until JOB_DONE is stored */
	int result;
	uint32_t column;
	struct erasure *code;    /* kept for the next block */
};

struct encoder {
	struct job jobs[ORDERS_MAX];
	uint8_t *arena;
	uint8_t *strip;
	pthread_t thread;
	sem_t started;
	sem_t wake;
	atomic_bool is_ending;
};

/* All or nothing: source rows that end early in the object end in zeros. */
static int read_strip(const struct job *job, uint8_t *strip, size_t width)
{
	const struct geometry *g = &job->geometry;
	for (unsigned int i = 0; i < g->source_rows; i++) {
		uint8_t *row = strip + (size_t)i * STRIP_STRIDE;
		uint64_t at = geometry_row_offset(g, job->block, i) + job->column;
		uint64_t there = at < g->object_len ? g->object_len - at : 0;
		size_t len = there < width ? (size_t)there : width;
		int result = len > 0 ? io_pread_exact(job->fd, row, len, at) : 0;
		if (result != 0)
			return result < 0 ? result : -ENODATA;
		memset(row + len, 0, width - len);
	}
	return 0;
}

/* One strip of one job.  0 when there is more, 1 when it is finished, or -errno. */
static int do_strip(struct encoder *encoder, struct job *job)
{
	const struct geometry *g = &job->geometry;
	if (job->code == NULL)
		job->code = erasure_new(g->source_rows, geometry_row_total(g) - g->source_rows);
	if (job->code == NULL)
		return -ENOMEM;
	size_t width = g->row_len - job->column;
	if (width > STRIP_BYTES)
		width = STRIP_BYTES;
	int result = read_strip(job, encoder->strip, width);
	if (result != 0)
		return result;
	const uint8_t *source[ROWS_END];
	for (unsigned int i = 0; i < g->source_rows; i++)
		source[i] = encoder->strip + (size_t)i * STRIP_STRIDE;
	uint8_t *repair[ROWS_END];
	for (unsigned int i = 0; i < job->count; i++)
		repair[job->first + i] = job->rows + (size_t)i * g->row_len + job->column;
	erasure_encode(job->code, source, job->first, job->count, repair, width);
	job->column += (uint32_t)width;
	return job->column == g->row_len;
}

static struct job *least_left(struct encoder *encoder)
{
	struct job *found = NULL;
	uint64_t least = 0;
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		struct job *job = &encoder->jobs[i];
		if (atomic_load_explicit(&job->state, memory_order_acquire) != JOB_ASKED)
			continue;
		uint64_t left = (uint64_t)(job->geometry.row_len - job->column) *
				job->geometry.source_rows;
		bool is_better = found == NULL || job->yields < found->yields ||
				 (job->yields == found->yields && left < least);
		if (is_better) {
			found = job;
			least = left;
		}
	}
	return found;
}

static void wait_on(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		assert(errno == EINTR);
}

static void *run(void *argument)
{
	struct encoder *encoder = argument;
	sem_post(&encoder->started);
	while (!atomic_load(&encoder->is_ending)) {
		struct job *job = least_left(encoder);
		if (job == NULL) {
			wait_on(&encoder->wake);
			continue;
		}
		int result = atomic_load(&job->is_cancelled) ? -ECANCELED
							     : do_strip(encoder, job);
		if (result == 0)
			continue;
		job->result = result;
		atomic_store_explicit(&job->state, JOB_DONE, memory_order_release);
	}
	return NULL;
}

static void *map_memory(size_t len)
{
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	/* fewer faults where the kernel can; nothing depends on it */
	(void)madvise(memory, len, MADV_HUGEPAGE);
	return memory;
}

static int start_thread(struct encoder *encoder)
{
	sigset_t all, before;
	sigfillset(&all);
	int result = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (result != 0)
		return -result;
	result = pthread_create(&encoder->thread, NULL, run, encoder);
	int restored = pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert(restored == 0);
	/* a thread's own beginning takes system calls that the table will not have */
	if (result == 0)
		wait_on(&encoder->started);
	return -result;
}

static void free_memory(struct encoder *encoder)
{
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		erasure_free(encoder->jobs[i].code);
	if (encoder->arena != NULL)
		munmap(encoder->arena, ENCODE_BUDGET_BYTES);
	if (encoder->strip != NULL)
		munmap(encoder->strip, (size_t)ROWS_END * STRIP_STRIDE);
	free(encoder);
}

int encoder_new(struct encoder **out)
{
	struct encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder == NULL)
		return -ENOMEM;
	encoder->arena = map_memory(ENCODE_BUDGET_BYTES);
	encoder->strip = map_memory((size_t)ROWS_END * STRIP_STRIDE);
	if (encoder->arena == NULL || encoder->strip == NULL) {
		free_memory(encoder);
		return -ENOMEM;
	}
	int result = 0;
	if (sem_init(&encoder->started, 0, 0) < 0 || sem_init(&encoder->wake, 0, 0) < 0)
		result = -errno;
	if (result == 0)
		result = start_thread(encoder);
	if (result != 0) {
		free_memory(encoder);
		return result;
	}
	*out = encoder;
	return 0;
}

void encoder_free(struct encoder *encoder)
{
	if (encoder == NULL)
		return;
	atomic_store(&encoder->is_ending, true);
	sem_post(&encoder->wake);
	pthread_join(encoder->thread, NULL);
	sem_destroy(&encoder->started);
	sem_destroy(&encoder->wake);
	free_memory(encoder);
}

void encoder_open(struct encoder *encoder, unsigned int slot, int fd, const struct geometry *g,
		  bool yields)
{
	struct job *job = &encoder->jobs[slot];
	assert(!job->is_open && job->rows == NULL);
	job->is_open = true;
	job->fd = fd;
	job->geometry = *g;
	job->yields = yields;
}

/* The job that overlaps len bytes at `at`, or NULL. */
static const struct job *overlapping(const struct encoder *encoder, size_t at, size_t len)
{
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		const struct job *job = &encoder->jobs[i];
		if (job->rows == NULL)
			continue;
		size_t start = (size_t)(job->rows - encoder->arena);
		if (start < at + len && at < start + job->rows_len)
			return job;
	}
	return NULL;
}

/*
 * First fit: those of small bundles from the bottom up, those of large ones from the top down, so that small ones that
 * come and go never break up the room a large one needs.  The few rows of a large bundle for which its first job had no
 * room go where that was: memory that is touched for them alone would be kept, and they get more as a bundle grows.
 */
static uint8_t *find_room(const struct encoder *encoder, size_t len, bool is_large)
{
	const struct job *in_the_way;
	if (!is_large) {
		size_t at = 0;
		while (at + len <= ENCODE_BUDGET_BYTES) {
			in_the_way = overlapping(encoder, at, len);
			if (in_the_way == NULL)
				return encoder->arena + at;
			at = (size_t)(in_the_way->rows - encoder->arena) + in_the_way->rows_len;
		}
		return NULL;
	}
	size_t end = ENCODE_BUDGET_BYTES;
	while (end >= len) {
		in_the_way = overlapping(encoder, end - len, len);
		if (in_the_way == NULL)
			return encoder->arena + (end - len);
		end = (size_t)(in_the_way->rows - encoder->arena);
	}
	return NULL;
}

unsigned int encoder_request(struct encoder *encoder, unsigned int slot, uint32_t block,
			     unsigned int first, unsigned int end)
{
	struct job *job = &encoder->jobs[slot];
	assert(job->is_open && job->rows == NULL && first < end);
	assert(end + job->geometry.source_rows <= geometry_row_total(&job->geometry));
	unsigned int count = end - first;
	unsigned int most = ENCODE_ROWS_BYTES / job->geometry.row_len;
	if (count > most)
		count = most;
	size_t len = (size_t)count * job->geometry.row_len;
	bool is_large = (uint64_t)job->geometry.repair_rows * job->geometry.row_len >= LARGE_BYTES;
	uint8_t *rows = find_room(encoder, len, is_large);
	if (rows == NULL)
		return 0;
	job->rows = rows;
	job->rows_len = len;
	job->block = block;
	job->first = first;
	job->count = count;
	job->column = 0;
	atomic_store(&job->is_cancelled, false);
	atomic_store_explicit(&job->state, JOB_ASKED, memory_order_release);
	sem_post(&encoder->wake);
	return count;
}

int encoder_state(const struct encoder *encoder, unsigned int slot)
{
	const struct job *job = &encoder->jobs[slot];
	int state = atomic_load_explicit(&job->state, memory_order_acquire);
	if (state == JOB_NONE)
		return 0;
	if (state == JOB_ASKED)
		return ENCODE_WORKING;
	return job->result < 0 ? job->result : ENCODE_READY;
}

const uint8_t *encoder_row(const struct encoder *encoder, unsigned int slot, unsigned int row)
{
	const struct job *job = &encoder->jobs[slot];
	assert(encoder_state(encoder, slot) == ENCODE_READY);
	assert(row >= job->first && row < job->first + job->count);
	return job->rows + (size_t)(row - job->first) * job->geometry.row_len;
}

void encoder_release(struct encoder *encoder, unsigned int slot)
{
	struct job *job = &encoder->jobs[slot];
	assert(encoder_state(encoder, slot) != ENCODE_WORKING);
	job->rows = NULL;
	job->rows_len = 0;
	atomic_store(&job->state, JOB_NONE);
}

bool encoder_close(struct encoder *encoder, unsigned int slot)
{
	struct job *job = &encoder->jobs[slot];
	atomic_store(&job->is_cancelled, true);
	if (encoder_state(encoder, slot) == ENCODE_WORKING)
		return false;
	encoder_release(encoder, slot);
	erasure_free(job->code);
	job->code = NULL;
	job->is_open = false;
	return true;
}
