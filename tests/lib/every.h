/*
 * every: a piece of work is done again and again, each time with another of its calls failing, once or with all of its
 * kind that follow, in this very process:
 * it says so or has done all of it, leaves no descriptor open and no memory allocated, and works when the fault is over, on what the failure
 * has left.  Files are on a tmpfs; whether they outlive a crash is for sweep.h and powercut.c.
 */
#ifndef WEIR_TEST_EVERY_H
#define WEIR_TEST_EVERY_H

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/fault.h"
#include "tests/lib/tap.h"

enum { EVERY_SHOWN = 5, EVERY_CALLS_MAX = 65536 };

struct every_piece {
	const char *name;
	/* All of it, in a directory where an earlier run may have left something.  0, or what kept it from being done. */
	int (*run)(const char *dir);
};

/* What has not come to be as it should, of one piece. */
struct every_report {
	uint32_t tried, said, open, kept, not_again;
};

static inline int every_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline const char *every_fresh(void)
{
	const char *dir = test_path("every");
	nftw(dir, every_remove, 16, FTW_DEPTH | FTW_PHYS);
	if (mkdir(dir, 0700) != 0)
		abort();
	return dir;
}

static inline unsigned int every_descriptors(void)
{
	unsigned int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* What is the test's own, and not the work's, is not under the fault. */
static struct fault_page *every_page;

static inline bool every_pause(void)
{
	bool was_armed = every_page->is_armed;
	every_page->is_armed = false;
	return was_armed;
}

static inline void every_resume(bool was_armed)
{
	every_page->is_armed = was_armed;
}

/* First of all: what is freed counts as free at once, and is not kept for later by the C library. */
static inline struct fault_page *every_begin(char **argv)
{
	static const char tunable[] = "glibc.malloc.tcache_count=0";
	const char *now = getenv("GLIBC_TUNABLES");
	if ((now == NULL || strcmp(now, tunable) != 0) &&
	    (setenv("GLIBC_TUNABLES", tunable, 1) != 0 || execv("/proc/self/exe", argv) != 0))
		abort();
	every_page = fault_share();
	return every_page;
}

/* What is kept after one more failure of this kind.  A thread that has just ended may keep a little, once. */
static inline size_t every_kept(struct fault_page *page, const struct every_piece *piece, const struct fault_plan *plan)
{
	const char *dir = every_fresh();
	size_t memory = mallinfo2().uordblks;
	fault_arm(page, plan, 1);
	(void)piece->run(dir);
	fault_disarm(page);
	size_t now = mallinfo2().uordblks;
	return now > memory ? now - memory : 0;
}

/* False when the work ended before that call. */
static inline bool every_try(struct fault_page *page, const struct every_piece *piece, struct fault_plan plan,
			     struct every_report *report)
{
	const char *dir = every_fresh();
	unsigned int before = every_descriptors();
	size_t memory = mallinfo2().uordblks;
	fault_arm(page, &plan, 1);
	int result = piece->run(dir);
	fault_disarm(page);
	if (fault_fired(page, 0) == 0)
		return false;
	report->tried++;
	report->said += result != 0;
	size_t now = mallinfo2().uordblks;
	if (now > memory && every_kept(page, piece, &plan) > 0 && every_kept(page, piece, &plan) > 0 &&
	    report->kept++ < EVERY_SHOWN)
		note("%s %u: %zu bytes are still allocated", fault_call_name(plan.call), plan.nth, now - memory);
	unsigned int after = every_descriptors();
	if (after != before && report->open++ < EVERY_SHOWN)
		note("%s %u: %u descriptors before, %u after", fault_call_name(plan.call), plan.nth, before, after);
	int again = piece->run(dir);
	if (again != 0 && report->not_again++ < EVERY_SHOWN)
		note("%s %u failed with %s, the result was %d; then it is %d", fault_call_name(plan.call), plan.nth,
		     strerrorname_np(plan.error), result, again);
	return true;
}

static inline void every_call(struct fault_page *page, const struct every_piece *piece)
{
	struct every_report report = {0};
	const char *dir = every_fresh();
	int first = piece->run(dir), second = piece->run(dir);
	if (!ok(first == 0 && second == 0, "%s: without a fault it is done, and once more", piece->name)) {
		note("the results are %d and %d", first, second);
		return;
	}
	for (int call = 0; call < FAULT_CALL_END; call++) {
		bool is_memory = call == FAULT_alloc || call == FAULT_mmap;
		bool takes_room = call == FAULT_write || call == FAULT_pwrite || call == FAULT_fallocate ||
				  call == FAULT_mkdir || call == FAULT_rename;
		struct fault_plan plan = {.call = (enum fault_call)call, .action = FAULT_ERROR,
					  .error = is_memory ? ENOMEM : EIO};
		for (plan.nth = 1; plan.nth < EVERY_CALLS_MAX && every_try(page, piece, plan, &report); plan.nth++)
			continue;
		/* and all that follow: also those that were to clean up */
		plan.for_ever = true;
		for (plan.nth = 1; plan.nth < EVERY_CALLS_MAX && every_try(page, piece, plan, &report); plan.nth++)
			continue;
		plan.for_ever = false;
		plan.error = ENOSPC;
		for (plan.nth = 1; takes_room && every_try(page, piece, plan, &report); plan.nth++)
			continue;
	}
	note("%s: %u calls failed, %u times it says so", piece->name, report.tried, report.said);
	ok(report.said > 0, "%s: it says so when a call fails", piece->name);
	is_number(report.open, 0, "%s: whatever fails, no descriptor stays open", piece->name);
	is_number(report.kept, 0, "%s: nor any memory allocated", piece->name);
	is_number(report.not_again, 0, "%s: whatever has failed, it works behind it", piece->name);
}

#endif
