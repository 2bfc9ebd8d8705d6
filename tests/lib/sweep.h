/*
 * sweep: a piece of work is done again and again, each time with one call that fails or is the last; whoever
 * comes next recovers, and may be killed in that, too; then it is judged what is left.
 *
 * The work is done by processes of their own, in a folder of its own.  What it has told anybody it writes into
 * memory that outlives it.  All cases are made before the first one is tried; as many as the seconds allow are
 * tried, in random order, and a line says how many of how many.  ONLY=CALL:N tries those of one call alone.
 */
#ifndef WEIR_TEST_SWEEP_H
#define WEIR_TEST_SWEEP_H

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/fault.h"
#include "tests/lib/tap.h"

enum {
	SWEEP_CASES_MAX = 65536,
	SWEEP_HANGS_S = 60,
	SWEEP_BREACHES_SHOWN = 10,
	SWEEP_GIVES_UP = 3, /* exit status of work that cannot go on, as a daemon that ends itself */
	SWEEP_BREACH = 4,
	SWEEP_KILLS_MAX = 2048,
};

struct sweep {
	const char *name;
	const char *dir;                /* of the cases, on a tmpfs; made and removed for each */
	void *told;                     /* shared memory of told_len bytes */
	size_t told_len;
	void (*work)(const char *dir);    /* under the fault; it ends when it is killed, at the latest */
	void (*cured)(const char *dir);   /* the same process, when the fault is over */
	void (*recover)(const char *dir); /* the next process, which may be killed */
	void (*judge)(const char *dir);   /* the last one */
	void (*spoil)(const char *dir);   /* breaks the promise: the judge must see it */
};

struct sweep_case {
	struct fault_plan plan;
	uint32_t kill_at; /* of the recovery's calls; 0: it is not killed */
};

/* What all cases share with their processes. */
struct sweep_state {
	struct fault_page *page;
	char *breach; /* 512 bytes, shared */
	struct sweep_case *cases;
	size_t count;
	uint32_t recovery_calls;
	uint64_t random;
	size_t tried, not_reached, breaches, kills;
	bool is_thorough; /* the recovery is killed at each of its calls */
};

static struct sweep_state sweep_now;

static inline void *sweep_share(size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		abort();
	return at;
}

/* A promise: when it is broken, the process ends, and the case is a breach. */
static inline __attribute__((format(printf, 2, 3))) void sweep_need(bool good, const char *format, ...)
{
	va_list arguments;
	if (good)
		return;
	va_start(arguments, format);
	vsnprintf(sweep_now.breach, 512, format, arguments);
	va_end(arguments);
	_exit(SWEEP_BREACH);
}

static inline int sweep_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline void sweep_fresh(const struct sweep *s)
{
	nftw(s->dir, sweep_remove, 16, FTW_DEPTH | FTW_PHYS);
	if (mkdir(s->dir, 0700) < 0)
		abort();
}

static inline double sweep_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* In a process of its own: its wait status. */
static inline int sweep_run(const struct sweep *s, void (*what)(const char *), void (*then)(const char *),
			    const struct fault_plan *plan)
{
	int status;
	fflush(stdout);
	sweep_now.breach[0] = 0;
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		alarm(SWEEP_HANGS_S);
		if (plan != NULL)
			fault_arm(sweep_now.page, plan, 1);
		what(s->dir);
		fault_disarm(sweep_now.page);
		if (then != NULL)
			then(s->dir);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	fault_disarm(sweep_now.page);
	return status;
}

static inline const char *sweep_describe(const struct sweep_case *c)
{
	static char text[160];
	static const char *const actions[] = {"counts", "dies before", "dies after", "fails", "is short"};
	snprintf(text, sizeof(text), "call %u of '%s' %s%s%s%s, recovery killed at %u", c->plan.nth,
		 fault_call_name(c->plan.call), actions[c->plan.action], c->plan.error != 0 ? ": " : "",
		 c->plan.error != 0 ? strerrorname_np(c->plan.error) : "",
		 c->plan.for_ever ? " and so on" : "", c->kill_at);
	return text;
}

static inline void sweep_breach(const struct sweep_case *c, const char *when, int status)
{
	if (++sweep_now.breaches > SWEEP_BREACHES_SHOWN)
		return;
	if (WIFSIGNALED(status))
		note("BREACH %s: %s: signal %d%s", sweep_describe(c), when, WTERMSIG(status),
		     WTERMSIG(status) == SIGALRM ? " (it hangs)" : "");
	else
		note("BREACH %s: %s: %s (exit %d)", sweep_describe(c), when, sweep_now.breach,
		     WEXITSTATUS(status));
}

/* Killed, ended by itself, or done. */
static inline bool sweep_is_sound(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SWEEP_GIVES_UP ||
				     WEXITSTATUS(status) == FAULT_EXIT);
}

/* Gives false at a breach.  Each recovery takes up what the one before it, which was killed, has left. */
static inline bool sweep_recover(const struct sweep *s, struct sweep_case *c)
{
	for (uint32_t n = c->kill_at; n > 0 && n < SWEEP_KILLS_MAX; n++) {
		const struct fault_plan plan = {
			.call = FAULT_ANY,
			.action = n % 2 == 0 ? FAULT_DIE_BEFORE : FAULT_DIE_AFTER,
			.nth = n,
		};
		int status = sweep_run(s, s->recover, NULL, &plan);
		c->kill_at = n;
		if (!sweep_is_sound(status)) {
			sweep_breach(c, "recovery", status);
			return false;
		}
		if (fault_fired(sweep_now.page, 0) == 0)
			break;
		sweep_now.kills++;
		if (!sweep_now.is_thorough)
			break;
	}
	return true;
}

static inline void sweep_try(const struct sweep *s, struct sweep_case *c)
{
	sweep_now.tried++;
	sweep_fresh(s);
	memset(s->told, 0, s->told_len);
	int status = sweep_run(s, s->work, s->cured, &c->plan);
	if (fault_fired(sweep_now.page, 0) == 0)
		sweep_now.not_reached++;
	if (!sweep_is_sound(status)) {
		sweep_breach(c, "work", status);
		return;
	}
	if (sweep_now.page->retried > 0) {
		snprintf(sweep_now.breach, 512, "a file was synchronised again after that had failed");
		sweep_breach(c, "work", status);
		return;
	}
	if (!sweep_recover(s, c))
		return;
	status = sweep_run(s, s->judge, NULL, NULL);
	if (status != 0)
		sweep_breach(c, "judgement", status);
}

static inline bool sweep_is_wanted(enum fault_call call, uint32_t nth)
{
	char name[32];
	const char *only = getenv("ONLY");
	snprintf(name, sizeof(name), "%s:%u", fault_call_name(call), nth);
	return only == NULL || strcmp(only, name) == 0;
}

static inline void sweep_add(enum fault_call call, uint32_t nth, enum fault_action action, int error, bool for_ever)
{
	struct sweep_case *c = &sweep_now.cases[sweep_now.count];
	if (sweep_now.count == SWEEP_CASES_MAX || !sweep_is_wanted(call, nth))
		return;
	sweep_now.count++;
	*c = (struct sweep_case){.plan = {
		.call = call, .action = action, .nth = nth, .error = error, .for_ever = for_ever}};
	if (action == FAULT_DIE_BEFORE || action == FAULT_DIE_AFTER)
		c->kill_at = 1 + (uint32_t)(test_random(&sweep_now.random) % (sweep_now.recovery_calls + 1));
}

static inline void sweep_add_faults(enum fault_call call, uint32_t nth)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS, EMFILE, EINTR};
	bool has_len = call == FAULT_read || call == FAULT_pread || call == FAULT_write || call == FAULT_pwrite ||
		       call == FAULT_recv || call == FAULT_send;
	for (int for_ever = 0; for_ever <= 1; for_ever++) {
		for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
			sweep_add(call, nth, FAULT_ERROR, errors[i], for_ever == 1);
		if (has_len)
			sweep_add(call, nth, FAULT_SHORT, 0, for_ever == 1);
	}
}

/* One case for each call, occurrence and what may befall it. */
enum sweep_kind { SWEEP_DEATHS, SWEEP_FAULTS, SWEEP_MEMORY };

static inline void sweep_make(enum sweep_kind kind, const uint32_t *counts)
{
	uint32_t all = 0;
	sweep_now.count = 0;
	for (enum fault_call call = 0; call < FAULT_CALL_END; call++) {
		bool is_memory = call == FAULT_alloc || call == FAULT_mmap;
		if (is_memory != (kind == SWEEP_MEMORY))
			continue;
		all += is_memory ? 0 : counts[call];
		for (uint32_t nth = 1; nth <= counts[call]; nth++) {
			if (kind == SWEEP_DEATHS) {
				sweep_add(call, nth, FAULT_DIE_BEFORE, 0, false);
				sweep_add(call, nth, FAULT_DIE_AFTER, 0, false);
			} else if (kind == SWEEP_FAULTS) {
				sweep_add_faults(call, nth);
			} else {
				sweep_add(call, nth, FAULT_ERROR, ENOMEM, false);
				sweep_add(call, nth, FAULT_ERROR, ENOMEM, true);
			}
		}
	}
	/* from some moment on the disk answers nothing, has no room, or is not to be written */
	for (uint32_t nth = 1; kind == SWEEP_FAULTS && nth <= all; nth++) {
		sweep_add(FAULT_ANY, nth, FAULT_ERROR, EIO, true);
		sweep_add(FAULT_ANY, nth, FAULT_ERROR, ENOSPC, true);
		sweep_add(FAULT_ANY, nth, FAULT_ERROR, EROFS, true);
	}
}

static inline void sweep_shuffle(void)
{
	for (size_t i = sweep_now.count; i > 1; i--) {
		size_t j = test_random(&sweep_now.random) % i;
		struct sweep_case c = sweep_now.cases[i - 1];
		memcpy(&sweep_now.cases[i - 1], &sweep_now.cases[j], sizeof(c));
		memcpy(&sweep_now.cases[j], &c, sizeof(c));
	}
}

/* Without a fault: all is well, and this many calls are made. */
static inline bool sweep_count(const struct sweep *s, uint32_t counts[static FAULT_CALL_END])
{
	static const struct fault_plan none = {.action = FAULT_NOTHING};
	sweep_fresh(s);
	memset(s->told, 0, s->told_len);
	int status = sweep_run(s, s->work, s->cured, &none);
	for (size_t i = 0; i < FAULT_CALL_END; i++)
		counts[i] = sweep_now.page->counts[0][i];
	bool good = ok(status == 0, "%s: without a fault the work is done", s->name);
	if (status != 0)
		note("%s (status %x)", sweep_now.breach, status);
	status = sweep_run(s, s->recover, NULL, &none);
	sweep_now.recovery_calls = 0;
	for (size_t i = 0; i < FAULT_CALL_END; i++)
		if (i != FAULT_alloc && i != FAULT_mmap)
			sweep_now.recovery_calls += sweep_now.page->counts[0][i];
	good &= ok(status == 0, "%s: and taken up by the next process", s->name);
	if (status != 0)
		note("%s (status %x)", sweep_now.breach, status);
	status = sweep_run(s, s->judge, NULL, NULL);
	good &= ok(status == 0, "%s: and judged to be right", s->name);
	if (status != 0)
		note("%s (status %x)", sweep_now.breach, status);
	return good;
}

/* That the judge sees what it is there for. */
static inline void sweep_control(const struct sweep *s)
{
	s->spoil(s->dir);
	int status = sweep_run(s, s->judge, NULL, NULL);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == SWEEP_BREACH,
	   "%s: the judge sees what was lost on purpose (\"%s\")", s->name, sweep_now.breach);
}

static inline void sweep_all(const struct sweep *s, enum sweep_kind kind, const uint32_t *counts, double seconds)
{
	static const char *const kinds[] = {"killed at every call", "every call fails or is short",
					    "every allocation fails"};
	double end = sweep_clock() + seconds;
	sweep_now.tried = sweep_now.not_reached = sweep_now.breaches = sweep_now.kills = 0;
	sweep_make(kind, counts);
	sweep_shuffle();
	/* with ONLY, what a breach has left stays to be looked at */
	for (size_t i = 0; i < sweep_now.count && sweep_clock() < end; i++)
		if (sweep_now.breaches == 0 || getenv("ONLY") == NULL)
			sweep_try(s, &sweep_now.cases[i]);
	note("%s, %s: %zu of %zu cases, %zu of them not reached, %zu recoveries killed", s->name, kinds[kind],
	     sweep_now.tried, sweep_now.count, sweep_now.not_reached, sweep_now.kills);
	is_number((int64_t)sweep_now.breaches, 0, "%s, %s: nothing lost, partly visible, twice, or crashed", s->name,
		  kinds[kind]);
	ok(sweep_now.tried > sweep_now.not_reached, "%s, %s: cases were tried", s->name, kinds[kind]);
}

/* BUDGET seconds, for everything there is; or a few. */
static inline void sweep(const struct sweep *s, double ci_seconds)
{
	uint32_t counts[FAULT_CALL_END];
	const char *budget = getenv("BUDGET");
	double seconds = budget != NULL ? atof(budget) : ci_seconds;
	sweep_now.page = fault_share();
	sweep_now.breach = sweep_share(512);
	sweep_now.cases = calloc(SWEEP_CASES_MAX, sizeof(*sweep_now.cases));
	sweep_now.random = test_seed();
	sweep_now.is_thorough = budget != NULL;
	if (sweep_now.cases == NULL)
		abort();
	if (sweep_count(s, counts)) {
		sweep_control(s);
		sweep_all(s, SWEEP_DEATHS, counts, seconds * 0.4);
		sweep_all(s, SWEEP_FAULTS, counts, seconds * 0.4);
		sweep_all(s, SWEEP_MEMORY, counts, seconds * 0.2);
	}
	free(sweep_now.cases);
}

#endif
