#include "work.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct slot {
	void *job;
	bool is_done;
};

struct worker {
	struct work *work;
	pthread_t thread;
	unsigned int number;
};

struct work {
	work_run *run;
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t given;
	pthread_cond_t done;
	unsigned int slot_count;
	/* running numbers of jobs: [taken, started) are being done or done, [started, end) wait */
	unsigned long taken, started, end;
	bool is_ending;
	struct slot *slots;
	unsigned int worker_count;
	struct worker *workers;
};

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct work *work = worker->work;
	pthread_mutex_lock(&work->lock);
	for (;;) {
		while (work->started == work->end && !work->is_ending)
			pthread_cond_wait(&work->given, &work->lock);
		if (work->is_ending)
			break;
		struct slot *slot = &work->slots[work->started++ % work->slot_count];
		pthread_mutex_unlock(&work->lock);
		work->run(work->context, slot->job, worker->number);
		pthread_mutex_lock(&work->lock);
		slot->is_done = true;
		if (slot == &work->slots[work->taken % work->slot_count])
			pthread_cond_signal(&work->done);
	}
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

struct work *work_new(unsigned int threads, unsigned int slots, work_run *run, void *context)
{
	assert(threads > 0 && slots > 0);
	struct work *work = calloc(1, sizeof(*work));
	if (work == NULL)
		return NULL;
	work->run = run;
	work->context = context;
	work->slot_count = slots;
	work->slots = calloc(slots, sizeof(*work->slots));
	work->workers = calloc(threads, sizeof(*work->workers));
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->given, NULL);
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&work->done, &clock);
	pthread_condattr_destroy(&clock);
	bool good = work->slots != NULL && work->workers != NULL;
	for (unsigned int i = 0; good && i < threads; i++) {
		work->workers[i] = (struct worker){.work = work, .number = i};
		good = pthread_create(&work->workers[i].thread, NULL, worker_main,
				      &work->workers[i]) == 0;
		work->worker_count += good;
	}
	if (good)
		return work;
	work_free(work);
	return NULL;
}

void work_free(struct work *work)
{
	if (work == NULL)
		return;
	pthread_mutex_lock(&work->lock);
	work->is_ending = true;
	pthread_cond_broadcast(&work->given);
	pthread_mutex_unlock(&work->lock);
	for (unsigned int i = 0; i < work->worker_count; i++)
		pthread_join(work->workers[i].thread, NULL);
	pthread_cond_destroy(&work->given);
	pthread_cond_destroy(&work->done);
	pthread_mutex_destroy(&work->lock);
	free(work->slots);
	free(work->workers);
	free(work);
}

void work_give(struct work *work, void *job)
{
	pthread_mutex_lock(&work->lock);
	assert(work->end - work->taken < work->slot_count);
	work->slots[work->end++ % work->slot_count] = (struct slot){.job = job};
	pthread_cond_signal(&work->given);
	pthread_mutex_unlock(&work->lock);
}

/* The oldest job, if there is one and it is done by then; until NULL: however long it takes. */
static void *take(struct work *work, const struct timespec *until)
{
	if (work_count(work) == 0)
		return NULL;
	void *job = NULL;
	pthread_mutex_lock(&work->lock);
	const struct slot *slot = &work->slots[work->taken % work->slot_count];
	int late = 0;
	while (!slot->is_done && late == 0)
		late = until == NULL ? pthread_cond_wait(&work->done, &work->lock)
				     : pthread_cond_timedwait(&work->done, &work->lock, until);
	if (slot->is_done) {
		job = slot->job;
		work->taken++;
	}
	pthread_mutex_unlock(&work->lock);
	return job;
}

void *work_take(struct work *work)
{
	return take(work, NULL);
}

void *work_take_done(struct work *work)
{
	return take(work, &(struct timespec){0, 0});
}

void *work_take_within(struct work *work, unsigned int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)ms * 1000000;
	until.tv_sec += (time_t)(ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);
	return take(work, &until);
}

/* taken and end change in the caller's thread alone, so it reads them without the lock */
unsigned int work_count(const struct work *work)
{
	return (unsigned int)(work->end - work->taken);
}

unsigned int work_cores(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	int count = CPU_COUNT(&set);
	return count < 1 ? 1 : (unsigned int)count;
}
