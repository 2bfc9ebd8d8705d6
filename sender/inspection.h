/*
 * inspection: what weir-seal looks for in a push before it is signed: the rules of its route (guard.h) and
 * viruses (scan.h).  It refuses and never changes a byte.
 *
 * After VERDICT_AGAINST_POLICY, VERDICT_INFECTED, VERDICT_NOT_SCANNED or VERDICT_BAD_POLICY, inspection_about says
 * which file, line, column and rule, and shows no data.
 */
#ifndef WEIR_INSPECTION_H
#define WEIR_INSPECTION_H

#include "guard.h"
#include "guard_encoding.h"
#include "scan.h"
#include "setup.h"

struct inspection {
	struct encodings *encodings; /* when a route of the registry needs them */
	struct scan *scan;           /* NULL: clamd is not configured or could not be reached */
	int scan_result;             /* of reaching it */
	struct scan_finding finding;
	struct guard *guard;
	bool scans;                  /* this push is scanned */
	bool has_controls;
	char about[GUARD_DESCRIPTION_BYTES + CLAMD_SAID_BYTES];
};

/*
 * All that takes files and sockets; before the route is known and before the first table of system calls.
 * A clamd that cannot be reached is a matter only for a push that is to be scanned.  -errno.
 */
int inspection_open(struct inspection *inspection, const struct setup *setup);
void inspection_close(struct inspection *inspection);

int inspection_start(struct inspection *inspection, const struct route *route);
int inspection_member_begin(struct inspection *inspection, const char *name);
/* Members may be control files of others. */
bool inspection_has_controls(const struct inspection *inspection);
/* The member that has begun is the control file of another one. */
bool inspection_is_control(const struct inspection *inspection);
/* Whether anybody looks at the bytes of this push; if not, inspection_add may be left out. */
bool inspection_looks(const struct inspection *inspection);
int inspection_add(struct inspection *inspection, const void *data, size_t len);
/* *columns: of the member, 0 when they were not looked at. */
int inspection_member_end(struct inspection *inspection, uint32_t *columns);
/* When every member has ended.  Fills guard and scan of the statement. */
int inspection_finish(struct inspection *inspection, const struct route *route,
		      struct statement *statement);

const char *inspection_about(const struct inspection *inspection);

#endif
