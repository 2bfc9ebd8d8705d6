#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct queue {
	struct job *first;
	struct job **last;
};

struct worker {
	struct workshop *workshop;
	pthread_t thread;
	bool is_started;
	unsigned int pending;     /* submitted, not collected; the main thread's own */
	pthread_cond_t has_work;
	struct queue waiting;     /* under the workshop's lock, as is finished */
	struct queue finished;
};

struct workshop {
	pthread_mutex_t lock;
	atomic_bool stopping;
	void (*notify)(void *context);
	void *context;
	unsigned int count;
	struct worker workers[WORKERS_MAX];
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void queue_put(struct queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

static struct job *queue_take(struct queue *queue)
{
	struct job *job = queue->first;
	if (job == NULL)
		return NULL;
	queue->first = job->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	return job;
}

static void lock(struct workshop *workshop)
{
	int failed = pthread_mutex_lock(&workshop->lock);
	assert(failed == 0);
}

static void unlock(struct workshop *workshop)
{
	int failed = pthread_mutex_unlock(&workshop->lock);
	assert(failed == 0);
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct workshop *workshop = worker->workshop;
	lock(workshop);
	while (!atomic_load(&workshop->stopping)) {
		struct job *job = queue_take(&worker->waiting);
		if (job == NULL) {
			pthread_cond_wait(&worker->has_work, &workshop->lock);
			continue;
		}
		unlock(workshop);
		job->run(job);
		lock(workshop);
		queue_put(&worker->finished, job);
		workshop->notify(workshop->context);
	}
	unlock(workshop);
	return NULL;
}

/* Signals are the main thread's: it is the one that sleeps on the ring. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	sigfillset(&all);
	int failed = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (failed == 0) {
		failed = pthread_create(&worker->thread, NULL, work, worker);
		worker->is_started = failed == 0;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	return -failed;
}

int workshop_start(struct workshop **out, unsigned int count, void (*notify)(void *context),
		   void *context)
{
	assert(count <= WORKERS_MAX);
	struct workshop *workshop = calloc(1, sizeof(*workshop));
	if (workshop == NULL)
		return -ENOMEM;
	workshop->notify = notify;
	workshop->context = context;
	workshop->count = count;
	pthread_mutex_init(&workshop->lock, NULL);
	int result = 0;
	for (unsigned int i = 0; i < count; i++) {
		struct worker *worker = &workshop->workers[i];
		worker->workshop = workshop;
		pthread_cond_init(&worker->has_work, NULL);
		queue_init(&worker->waiting);
		queue_init(&worker->finished);
		if (result == 0)
			result = start_thread(worker);
	}
	if (result != 0) {
		workshop_stop(workshop);
		return result;
	}
	*out = workshop;
	return 0;
}

void workshop_submit(struct workshop *workshop, unsigned int number, struct job *job)
{
	assert(number < workshop->count);
	struct worker *worker = &workshop->workers[number];
	worker->pending++;
	lock(workshop);
	/* what a done submits while the workshop is being stopped is not run either */
	queue_put(atomic_load(&workshop->stopping) ? &worker->finished : &worker->waiting, job);
	pthread_cond_signal(&worker->has_work);
	unlock(workshop);
}

unsigned int workshop_collect(struct workshop *workshop)
{
	unsigned int collected = 0;
	for (unsigned int i = 0; i < workshop->count; i++) {
		struct worker *worker = &workshop->workers[i];
		while (worker->pending > 0) {
			lock(workshop);
			struct job *job = queue_take(&worker->finished);
			unlock(workshop);
			if (job == NULL)
				break;
			worker->pending--;
			collected++;
			job->done(job);
		}
	}
	return collected;
}

unsigned int workshop_pending(const struct workshop *workshop, unsigned int number)
{
	assert(number < workshop->count);
	return workshop->workers[number].pending;
}

const atomic_bool *workshop_stopping(const struct workshop *workshop)
{
	return &workshop->stopping;
}

void workshop_stop(struct workshop *workshop)
{
	if (workshop == NULL)
		return;
	lock(workshop);
	atomic_store(&workshop->stopping, true);
	for (unsigned int i = 0; i < workshop->count; i++)
		pthread_cond_broadcast(&workshop->workers[i].has_work);
	unlock(workshop);
	for (unsigned int i = 0; i < workshop->count; i++)
		if (workshop->workers[i].is_started)
			pthread_join(workshop->workers[i].thread, NULL);
	for (unsigned int i = 0; i < workshop->count; i++) {
		struct worker *worker = &workshop->workers[i];
		struct job *job;
		while ((job = queue_take(&worker->waiting)) != NULL)
			queue_put(&worker->finished, job);
	}
	while (workshop_collect(workshop) > 0)
		;
	for (unsigned int i = 0; i < workshop->count; i++)
		pthread_cond_destroy(&workshop->workers[i].has_work);
	pthread_mutex_destroy(&workshop->lock);
	free(workshop);
}
