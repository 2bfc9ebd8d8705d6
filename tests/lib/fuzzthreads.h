/*
 * fuzzthreads: the threads of what a fuzz target runs, without threads.  Between fuzz_threads_begin and
 * fuzz_threads_end, pthread_create makes a stack of its own here, on which the thread's function runs when
 * fuzz_threads_run is called or somebody sleeps or joins: each until it waits.  So an input does the same each time,
 * whatever else the machine does, and costs no thread.  What two threads do at the same moment is not seen here; the
 * unit tests have real ones.
 */
#ifndef WEIR_TEST_FUZZTHREADS_H
#define WEIR_TEST_FUZZTHREADS_H

#include <dlfcn.h>
#include <pthread.h>
#include <time.h>
#include <ucontext.h>

#include "tests/lib/fuzzing.h"

/* Known to the address sanitizer, where there is one: which stack is in use. */
void __sanitizer_start_switch_fiber(void **fake, const void *bottom, size_t size) __attribute__((weak));
void __sanitizer_finish_switch_fiber(void *fake, const void **bottom, size_t *size) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *at, size_t size) __attribute__((weak));

enum { FUZZ_THREADS_MAX = 8, FUZZ_STACK_BYTES = 1 << 20, FUZZ_FRAMES_BYTES = 8192 };

static struct fuzz_thread {
	ucontext_t context;
	void *(*run)(void *);
	void *argument;
	void *fake;
	pthread_cond_t *waits_for; /* NULL: can go on */
	bool is_there, has_ended;
	uint8_t *stack;
} fuzz_threads[FUZZ_THREADS_MAX];

static struct {
	bool is_on;
	struct fuzz_thread *now; /* NULL: who called */
	ucontext_t main;
	void *fake;
	const void *bottom; /* of the caller's stack */
	size_t size;
} fuzz_threading;

FUZZ_UNCOUNTED static inline void fuzz_threads_begin(void) { fuzz_threading.is_on = true; }
FUZZ_UNCOUNTED static inline void fuzz_threads_end(void) { fuzz_threading.is_on = false; }

FUZZ_UNCOUNTED static inline void fuzz_switch_to_main(struct fuzz_thread *t, bool is_last)
{
	fuzz_threading.now = NULL;
	if (__sanitizer_start_switch_fiber != NULL)
		__sanitizer_start_switch_fiber(is_last ? NULL : &t->fake, fuzz_threading.bottom, fuzz_threading.size);
	swapcontext(&t->context, &fuzz_threading.main);
	if (__sanitizer_finish_switch_fiber != NULL)
		__sanitizer_finish_switch_fiber(t->fake, &fuzz_threading.bottom, &fuzz_threading.size);
}

FUZZ_UNCOUNTED static inline void fuzz_switch_to(struct fuzz_thread *t)
{
	fuzz_threading.now = t;
	if (__sanitizer_start_switch_fiber != NULL)
		__sanitizer_start_switch_fiber(&fuzz_threading.fake, t->stack, FUZZ_STACK_BYTES);
	swapcontext(&fuzz_threading.main, &t->context);
	if (__sanitizer_finish_switch_fiber != NULL)
		__sanitizer_finish_switch_fiber(fuzz_threading.fake, NULL, NULL);
}

FUZZ_UNCOUNTED static inline void fuzz_thread_main(void)
{
	struct fuzz_thread *t = fuzz_threading.now;
	if (__sanitizer_finish_switch_fiber != NULL)
		__sanitizer_finish_switch_fiber(NULL, &fuzz_threading.bottom, &fuzz_threading.size);
	t->run(t->argument);
	t->has_ended = true;
	fuzz_switch_to_main(t, true);
}

/* Each that can go on does, until none can. */
FUZZ_UNCOUNTED static inline void fuzz_threads_run(void)
{
	fuzz_need(fuzz_threading.now == NULL, "a thread that runs threads");
	for (bool any = true; any;) {
		any = false;
		for (size_t i = 0; i < FUZZ_THREADS_MAX; i++) {
			struct fuzz_thread *t = &fuzz_threads[i];
			if (!t->is_there || t->has_ended || t->waits_for != NULL)
				continue;
			any = true;
			fuzz_switch_to(t);
		}
	}
}

/* ---- in the place of libc's ---- */

/* What was there before, for who is not of the target: libFuzzer has a thread. */
FUZZ_UNCOUNTED static inline void *fuzz_real(const char *intercepted, const char *name)
{
	void *symbol = dlsym(RTLD_DEFAULT, intercepted);
	return symbol != NULL ? symbol : dlsym(RTLD_NEXT, name);
}

typedef int fuzz_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
/* The static one of clang's sanitizer. */
fuzz_create __interceptor_pthread_create __attribute__((weak));

FUZZ_UNCOUNTED int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	if (!fuzz_threading.is_on) {
		fuzz_create *real = __interceptor_pthread_create;
		void *symbol = real != NULL ? NULL : fuzz_real("__interceptor_pthread_create", "pthread_create");
		if (symbol != NULL)
			memcpy(&real, &symbol, sizeof(real));
		return real(out, attributes, run, argument);
	}
	size_t i = 0;
	while (i < FUZZ_THREADS_MAX && fuzz_threads[i].is_there)
		i++;
	fuzz_need(i < FUZZ_THREADS_MAX, "too many threads");
	struct fuzz_thread *t = &fuzz_threads[i];
	static uint8_t stacks[FUZZ_THREADS_MAX][FUZZ_STACK_BYTES] __attribute__((aligned(64)));
	uint8_t *stack = stacks[i];
	fuzz_need(getcontext(&t->context) == 0, "no context");
	/* the last frames of the one before, from which nobody has come back */
	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(stack + FUZZ_STACK_BYTES - FUZZ_FRAMES_BYTES, FUZZ_FRAMES_BYTES);
	*t = (struct fuzz_thread){.context = t->context, .run = run, .argument = argument, .is_there = true, .stack = stack};
	t->context.uc_stack.ss_sp = stack;
	t->context.uc_stack.ss_size = FUZZ_STACK_BYTES;
	t->context.uc_link = NULL;
	makecontext(&t->context, fuzz_thread_main, 0);
	/* or the sanitizer would clear the shadow of the whole stack at each switch */
	t->context.uc_stack.ss_size = 0;
	*out = (pthread_t)(i + 1);
	return 0;
}

FUZZ_UNCOUNTED int pthread_join(pthread_t thread, void **result)
{
	if (thread > FUZZ_THREADS_MAX) {
		int (*real)(pthread_t, void **);
		void *symbol = fuzz_real("__interceptor_pthread_join", "pthread_join");
		memcpy(&real, &symbol, sizeof(real));
		return real(thread, result);
	}
	fuzz_threads_run();
	fuzz_need(fuzz_threads[thread - 1].has_ended, "a thread that never ends");
	fuzz_threads[thread - 1].is_there = false;
	return 0;
}

FUZZ_UNCOUNTED int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	struct fuzz_thread *t = fuzz_threading.now;
	fuzz_need(t != NULL, "who waits is no thread of the target");
	t->waits_for = condition;
	pthread_mutex_unlock(mutex);
	fuzz_switch_to_main(t, false);
	return pthread_mutex_lock(mutex);
}

FUZZ_UNCOUNTED int pthread_cond_broadcast(pthread_cond_t *condition)
{
	for (size_t i = 0; i < FUZZ_THREADS_MAX; i++)
		if (fuzz_threads[i].waits_for == condition)
			fuzz_threads[i].waits_for = NULL;
	return 0;
}

/* Each condition has one that waits for it. */
FUZZ_UNCOUNTED int pthread_cond_signal(pthread_cond_t *condition) { return pthread_cond_broadcast(condition); }

/* Who sleeps, waits for the others; a thread that sleeps goes on at once. */
FUZZ_UNCOUNTED int nanosleep(const struct timespec *pause, struct timespec *left)
{
	(void)left;
	if (!fuzz_threading.is_on)
		return clock_nanosleep(CLOCK_REALTIME, 0, pause, NULL);
	if (fuzz_threading.now == NULL)
		fuzz_threads_run();
	return 0;
}

#endif
