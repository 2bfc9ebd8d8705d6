/*
 * work: jobs that are done on several threads in any order and taken back in the order given.
 *
 * Jobs are pointers of the caller, who owns them; between work_give and work_take a job belongs to
 * the threads.  One thread gives and takes.  At most `slots` jobs are under way, so memory is bounded
 * by what the caller has for that many.
 */
#ifndef WEIR_WORK_H
#define WEIR_WORK_H

struct work;

/* Does one job; thread is 0 … threads - 1, for state that each thread has of its own. */
typedef void work_run(void *context, void *job, unsigned int thread);

/* Starts the threads.  NULL when threads or memory are out. */
struct work *work_new(unsigned int threads, unsigned int slots, work_run *run, void *context);
/* Waits for the jobs that are being done, drops the others, ends the threads.  NULL is fine. */
void work_free(struct work *work);

/* There must be room: work_count below slots (asserted). */
void work_give(struct work *work, void *job);
/* Waits for the oldest job and gives it back; NULL when none is under way. */
void *work_take(struct work *work);
/* The same, but NULL also when the oldest is not done yet, or not within so many ms. */
void *work_take_done(struct work *work);
void *work_take_within(struct work *work, unsigned int ms);
unsigned int work_count(const struct work *work);

/* Processors this process may run on, at least 1; works behind a system-call table with "thread". */
unsigned int work_cores(void);

#endif
