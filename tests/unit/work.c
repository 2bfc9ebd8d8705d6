#include "common/work.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

enum { THREADS = 4, SLOTS = 7, JOBS = 20000 };

struct job {
	unsigned int number;
	unsigned int done;
	unsigned int thread;
};

struct bench {
	atomic_uint running, most;
	bool uneven; /* some jobs take much longer than their neighbours */
};

static void run(void *context, void *argument, unsigned int thread)
{
	struct bench *bench = context;
	struct job *job = argument;
	unsigned int now = atomic_fetch_add(&bench->running, 1) + 1;
	for (unsigned int most = atomic_load(&bench->most);
	     now > most && !atomic_compare_exchange_weak(&bench->most, &most, now);)
		;
	for (unsigned int i = 0; bench->uneven && i < job->number * 2654435761U % 64; i++)
		sched_yield();
	job->done++;
	job->thread = thread;
	atomic_fetch_sub(&bench->running, 1);
}

static void run_held(void *context, void *job, unsigned int thread)
{
	(void)job;
	(void)thread;
	while (sem_wait(context) < 0)
		;
}

static void test_not_done(void)
{
	sem_t may_end;
	int one = 1, two = 2;
	sem_init(&may_end, 0, 0);
	struct work *work = work_new(2, 2, run_held, &may_end);
	ok(work != NULL && work_take_done(work) == NULL && work_take_within(work, 10000) == NULL,
	   "of nothing nothing is done, and nobody waits for it");
	work_give(work, &one);
	work_give(work, &two);
	ok(work_take_done(work) == NULL && work_take_within(work, 5) == NULL && work_count(work) == 2,
	   "what is not done yet is not taken");
	sem_post(&may_end);
	sem_post(&may_end);
	ok(work_take_within(work, 60000) == &one && work_take(work) == &two, "and is when it is done");
	work_free(work);
	sem_destroy(&may_end);
}

static void test_order(unsigned int threads, unsigned int slots, bool uneven)
{
	struct bench bench = {.uneven = uneven};
	struct job *jobs = calloc(slots, sizeof(*jobs));
	struct work *work = work_new(threads, slots, run, &bench);
	ok(work != NULL && work_count(work) == 0, "%u threads start with nothing to do", threads);
	ok(work_take(work) == NULL, "nothing is taken where nothing was given");
	unsigned int given = 0, taken = 0, wrong = 0, not_done = 0, beyond = 0;
	while (taken < JOBS) {
		for (; given < JOBS && work_count(work) < slots; given++) {
			jobs[given % slots] = (struct job){.number = given};
			work_give(work, &jobs[given % slots]);
		}
		const struct job *job = work_take(work);
		wrong += job->number != taken;
		not_done += job->done != 1;
		beyond += job->thread >= threads;
		taken++;
	}
	is_number(wrong, 0, "jobs come back in the order given");
	is_number(not_done, 0, "each was done once");
	is_number(beyond, 0, "by a thread whose number is below their count");
	ok(work_count(work) == 0 && work_take(work) == NULL, "then nothing is left");
	ok(atomic_load(&bench.most) <= threads, "no more were under way than there are threads");
	work_free(work);
	free(jobs);
}

static void test_ending_early(void)
{
	size_t lost = 0;
	for (unsigned int round = 0; round < 200; round++) {
		struct bench bench = {.uneven = true};
		struct job jobs[SLOTS] = {0};
		struct work *work = work_new(THREADS, SLOTS, run, &bench);
		for (unsigned int i = 0; i < round % (SLOTS + 1); i++) {
			jobs[i].number = round + i;
			work_give(work, &jobs[i]);
		}
		work_free(work);
		lost += atomic_load(&bench.running) != 0;
		for (unsigned int i = 0; i < SLOTS; i++)
			lost += jobs[i].done > 1;
	}
	is_number((int64_t)lost, 0, "freeing waits for jobs being done, and no job is touched afterwards");
	work_free(NULL);
}

static void test_cores(void)
{
	cpu_set_t all, one;
	ok(sched_getaffinity(0, sizeof(all), &all) == 0 && work_cores() == (unsigned int)CPU_COUNT(&all),
	   "cores are those that this process may run on");
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	ok(sched_setaffinity(0, sizeof(one), &one) == 0 && work_cores() == 1, "one when it is held to one");
	sched_setaffinity(0, sizeof(all), &all);
}

int main(void)
{
	test_not_done();
	test_order(1, 1, false);
	test_order(1, SLOTS, false);
	test_order(THREADS, 2, false);
	test_order(THREADS, SLOTS, true);
	test_ending_early();
	test_cores();
	return done_testing();
}
