/*
 * progress: one line that moves on a terminal (stderr), silent elsewhere.  It appears after the
 * first second, is redrawn at most ten times a second and is wiped at the end.
 */
#ifndef WEIR_PROGRESS_H
#define WEIR_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *label;
	uint64_t total;      /* bytes; 0 when unknown; or milliseconds */
	uint64_t done;
	uint64_t started_ns;
	uint64_t drawn_ns;
	bool is_time;        /* of what takes a time that is known, whatever goes in it: no bytes are shown */
	bool on_terminal;
	bool is_drawn;
};

void progress_start(struct progress *p, const char *label, uint64_t total, bool wanted);
void progress_start_time(struct progress *p, const char *label, uint64_t total_ms, bool wanted);
void progress_set(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

#endif
