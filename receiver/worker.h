/*
 * worker: a thread that does jobs one after another, and the list of those that are done.
 *
 * keep's main thread never waits for a disk longer than a write into the page cache takes: what
 * synchronises, computes or moves files is a job.
 */
#ifndef WEIR_WORKER_H
#define WEIR_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>

/* The head of every job; the rest of the struct around it is for run and done alone. */
struct job {
	struct job *next;
	void (*run)(struct job *job);  /* in the worker's thread */
	void (*done)(struct job *job); /* in the thread that calls workshop_collect; frees the job */
};

struct workshop; /* a few workers and their list */

enum { WORKERS_MAX = 5 };

/*
 * Starts `count` threads.  notify is called (from a worker's thread) when a job has been done.
 * Threads block all signals.  0 or -errno.
 */
int workshop_start(struct workshop **out, unsigned int count, void (*notify)(void *context),
		   void *context);
/* Jobs given to one worker are done in their order. */
void workshop_submit(struct workshop *workshop, unsigned int worker, struct job *job);
/* Calls done for each finished job; the number of them. */
unsigned int workshop_collect(struct workshop *workshop);
/* Jobs submitted to this worker and not collected yet. */
unsigned int workshop_pending(const struct workshop *workshop, unsigned int worker);
/* Becomes true in workshop_stop; long jobs look at it. */
const atomic_bool *workshop_stopping(const struct workshop *workshop);
/*
 * Ends the threads when their present job is done.  Jobs that were not begun get done, too, without
 * having been run: so that each done is called exactly once.  NULL is fine.
 */
void workshop_stop(struct workshop *workshop);

#endif
