/*
 * fault: the n-th call of a kind fails, is short, or is the last thing that a process does.
 *
 * fault.c stands in front of libc: preloaded (fault.so) before the real programs, or linked into a driver.  A call
 * that is to fail is never made, so a table of system calls has nothing to say of it.  What is to happen stands
 * in a page that processes share: it is set from outside, also while they run, and counts what they did.
 *
 * Preloaded, the environment says where: FAULT_PAGE=FILE, made by `inject FILE new`.  Seen are calls of the functions
 * that fault.c defines, and no others: not what libc, the loader or a library asks the kernel for by itself.  kills.sh
 * (strace --inject) sees all of those and can only kill, before the call; this also makes calls fail or be short, and
 * kills behind one.
 */
#ifndef WEIR_TEST_FAULT_H
#define WEIR_TEST_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FAULT_CALLS(X) \
	X(open) X(read) X(pread) X(write) X(pwrite) X(fsync) X(fdatasync) X(sync_file_range) X(fallocate) \
	X(ftruncate) X(rename) X(link) X(unlink) X(mkdir) X(close) X(readdir) X(stat) X(access) X(statvfs) \
	X(recv) X(send) X(accept) X(alloc) X(mmap)

#define FAULT_ENUM(name) FAULT_##name,
enum fault_call { FAULT_CALLS(FAULT_ENUM) FAULT_CALL_END, FAULT_ANY = FAULT_CALL_END };

enum fault_action {
	FAULT_NOTHING,    /* only counts */
	FAULT_DIE_BEFORE, /* exits with FAULT_EXIT, the call is not made */
	FAULT_DIE_AFTER,
	FAULT_ERROR,      /* the call is not made and fails with `error`; a close is made, and fails */
	FAULT_SHORT,      /* reads, writes: half of it */
};

enum {
	FAULT_EXIT = 137,
	FAULT_PLANS_MAX = 2,
	FAULT_EINTR_TIMES = 50,   /* "for ever", where whoever is interrupted rightly tries again */
	FAULT_PROGRAM_BYTES = 16, /* as in program_invocation_short_name */
	FAULT_PROGRAMS_MAX = 32,  /* that are counted; a driver is the first */
};

/* One after the other: the second counts from the firing of the first, in whatever process. */
struct fault_plan {
	enum fault_call call;
	enum fault_action action;
	uint32_t nth; /* from 1 */
	int error;
	bool for_ever;
	_Atomic uint32_t seen, fired;
};

struct fault_page {
	char program[FAULT_PROGRAM_BYTES];  /* whose calls fail; "": every one's */
	_Atomic bool is_armed;
	_Atomic uint32_t current; /* plan */
	_Atomic uint32_t retried; /* fsync and fdatasync of a file for which one has failed */
	struct fault_plan plans[FAULT_PLANS_MAX];
	char names[FAULT_PROGRAMS_MAX][FAULT_PROGRAM_BYTES];
	_Atomic uint32_t slots; /* taken */
	_Atomic uint32_t counts[FAULT_PROGRAMS_MAX][FAULT_CALL_END];
};

/* For drivers.  The page is shared with children; those calls alone are seen that are made while it is armed. */
struct fault_page *fault_share(void);
/* Forgets all counts and takes these plans; only counts when none. */
void fault_arm(struct fault_page *page, const struct fault_plan *plans, uint32_t count);
void fault_disarm(struct fault_page *page);
uint32_t fault_fired(const struct fault_page *page, uint32_t plan);
const char *fault_call_name(enum fault_call call);
/* FAULT_CALL_END when there is none; "any" gives that, too. */
enum fault_call fault_call_from_name(const char *name);

#endif
