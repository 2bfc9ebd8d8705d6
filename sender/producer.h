/*
 * producer: a command whose output is pushed.  Its exit status says whether all of it was meant, so
 * a table that a failing program cut off is never taken for a whole one.
 */
#ifndef WEIR_PRODUCER_H
#define WEIR_PRODUCER_H

#include <stdint.h>
#include <sys/types.h>

enum { PRODUCER_WHY_BYTES = 512 };

struct producer {
	pid_t pid; /* 0: none runs */
	int fd;    /* what it prints; -1 */
	char why[PRODUCER_WHY_BYTES]; /* of a VERDICT_COMMAND_FAILED, for a person; not escaped */
};

/* Before producer_start, so that producer_stop is always safe. */
static inline void producer_init(struct producer *producer)
{
	*producer = (struct producer){.fd = -1};
}

/*
 * Runs argv (ended by NULL; looked for in PATH) with its output in producer->fd.  The command is sent
 * SIGTERM when this process dies.  VERDICT_COMMAND_FAILED when it cannot be run; -errno.
 */
int producer_start(struct producer *producer, char *const argv[]);

/* Waits for its end.  0 only after exit status 0; VERDICT_COMMAND_FAILED; -errno. */
int producer_wait(struct producer *producer);

/* Sends SIGTERM to one that still runs, and closes its output.  Does not wait. */
void producer_stop(struct producer *producer);

#endif
