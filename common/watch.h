/*
 * watch: notices that somebody has put another file in place, without being told.
 *
 * A file that is still being written is left alone: it has changed when two looks in a row see the same.
 * One watch is for one path.  A watch that is all zero knows of no file.
 */
#ifndef WEIR_WATCH_H
#define WEIR_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* By what a file is known; all zero: none is there, or none can be seen. */
struct watch_mark {
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int64_t changed_s;
	int64_t changed_ns;
};

struct watch {
	struct watch_mark taken;
	struct watch_mark seen; /* at the last look */
	int failure;            /* of the environment, as last told */
};

/* What lies at path is about to be read: call it before, so that a change during the reading is noticed. */
void watch_take(struct watch *watch, const char *path);

/* A look, to be made about once a second: whether something else than was taken lies there, at rest. */
bool watch_has_changed(struct watch *watch, const char *path);

/*
 * What came of reading what was taken.  True when a failure is to be told of: a verdict each time, since no
 * look finds that file again, a failure of the environment (-errno) once, since every look does.
 */
bool watch_is_news(struct watch *watch, int result);

#endif
