#include "receiver/worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

enum { JOBS = 1000 };

struct tally {
	pthread_t main_thread;
	unsigned int run, done, next[2], wrong;
	atomic_uint notified;
	struct workshop *workshop;
	atomic_bool blocked, has_begun;
};

struct counted_job {
	struct job job;
	struct tally *tally;
	unsigned int worker, number;
	bool was_run, wrong;
};

static void run(struct job *job)
{
	struct counted_job *j = (struct counted_job *)job;
	j->was_run = true;
	j->wrong = pthread_equal(pthread_self(), j->tally->main_thread) != 0;
}

static void done(struct job *job)
{
	struct counted_job *j = (struct counted_job *)job;
	struct tally *tally = j->tally;
	tally->run += j->was_run;
	tally->wrong += j->wrong;
	tally->done++;
	tally->wrong += j->number != tally->next[j->worker]++;
	tally->wrong += !pthread_equal(pthread_self(), tally->main_thread);
	free(j);
}

static void notify(void *context)
{
	struct tally *tally = context;
	atomic_fetch_add(&tally->notified, 1);
}

static void submit(struct tally *tally, unsigned int worker, unsigned int number,
		   void (*how)(struct job *))
{
	struct counted_job *j = calloc(1, sizeof(*j));
	*j = (struct counted_job){{NULL, how, done}, tally, worker, number, false, false};
	workshop_submit(tally->workshop, worker, &j->job);
}

static void test_jobs(void)
{
	struct tally tally = {.main_thread = pthread_self()};
	is_number(workshop_start(&tally.workshop, 2, notify, &tally), 0, "two workers start");
	for (unsigned int i = 0; i < JOBS; i++) {
		submit(&tally, 0, i, run);
		submit(&tally, 1, i, run);
	}
	while (workshop_pending(tally.workshop, 0) + workshop_pending(tally.workshop, 1) > 0) {
		workshop_collect(tally.workshop);
		sched_yield();
	}
	is_number(tally.done, 2 * JOBS, "every job gets done once");
	is_number(tally.run, 2 * JOBS, "and was run");
	is_number(tally.wrong, 0, "in order for each worker, run there and done here");
	is_number(atomic_load(&tally.notified), 2 * JOBS, "each one was announced");
	workshop_stop(tally.workshop);
}

static void block(struct job *job)
{
	struct counted_job *j = (struct counted_job *)job;
	j->was_run = true;
	atomic_store(&j->tally->has_begun, true);
	while (!atomic_load(workshop_stopping(j->tally->workshop)))
		sched_yield();
}

static void test_stop(void)
{
	struct tally tally = {.main_thread = pthread_self()};
	workshop_start(&tally.workshop, 1, notify, &tally);
	submit(&tally, 0, 0, block);
	for (unsigned int i = 1; i < 10; i++)
		submit(&tally, 0, i, run);
	while (!atomic_load(&tally.has_begun))
		sched_yield();
	workshop_stop(tally.workshop);
	is_number(tally.run, 1, "stopping lets the present job end and begins no other");
	is_number(tally.done, 10, "but all of them get done");
	is_number(tally.wrong, 0, "in order");
	workshop_stop(NULL);
}

int main(void)
{
	test_jobs();
	test_stop();
	return done_testing();
}
