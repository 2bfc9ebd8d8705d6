/*
 * scan: every member of a push is looked into by clamd before anything is released.  What is sent, how
 * large members are cut, and what that does not find: common/SCANNING.md.
 *
 *   scan_open, scan_begin, {scan_member_begin, scan_add…, scan_member_end}…, scan_finish
 *
 * A member goes to clamd when it ends, and clamd answers while the next ones come; so 0 says that
 * nothing is known against any member so far, and only scan_finish that all are clean.  The first failure
 * stays the result of every later call: VERDICT_INFECTED, VERDICT_NOT_SCANNED, or -errno.  The finding
 * is the caller's, outlives the scan, and is written when a result is not 0.
 *
 * Memory: at most three times max_bytes, and one overlap, in memory files: one that fills, and what is
 * under way.  They belong to no file system; that they are not swapped out is for swapless.h to see.
 */
#ifndef WEIR_SCAN_H
#define WEIR_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "clamd.h"

enum { SCAN_OVERLAP_BYTES = 1048576 };

struct scan_options {
	const char *socket;
	uint32_t timeout_ms;    /* for each member or window */
	uint64_t max_bytes;     /* of one file that clamd looks into as a whole; also of a window */
	uint64_t overlap_bytes; /* of two windows; 0: SCAN_OVERLAP_BYTES.  Less than max_bytes */
};

struct scan;

/*
 * Connects and starts the session.  Calls: socket, setsockopt, connect, eventfd2 and "thread"; so it comes
 * after confine_privileges and before the first table closes.  All later calls: memfd_create, lseek,
 * read, write, sendmsg, recvfrom, poll and close.
 */
int scan_open(struct scan **out, const struct scan_options *options, struct scan_finding *finding);

/*
 * Has clamd find what scan_probe.h asks of it, so that one without signatures, or one that passes what
 * it has not looked into, does not count as a scanner.  Once, before the first member.
 */
int scan_begin(struct scan *scan);

int scan_member_begin(struct scan *scan, const char *name);
int scan_add(struct scan *scan, const void *data, size_t len);
int scan_member_end(struct scan *scan);

/* Waits for the last answer. */
int scan_finish(struct scan *scan);

/* NULL is fine. */
void scan_close(struct scan *scan);

#endif
