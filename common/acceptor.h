/*
 * acceptor: takes the calls at a listening socket, and leaves it alone for a while when the kernel does not give them
 * because too many descriptors are open or there is no memory.  They wait in the backlog then, and poll would say so at once,
 * again and again.
 *
 * Times are milliseconds of a clock that never goes back.
 */
#ifndef WEIR_ACCEPTOR_H
#define WEIR_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>

enum {
	ACCEPTOR_PAUSE_MIN_MS = 100, /* behind the first failure; behind each further one twice as long */
	ACCEPTOR_PAUSE_MAX_MS = 1000,
	ACCEPTOR_TELL_MS = 60000,    /* between two failures that are told of: what comes and goes fills no log */
};

/* Set up with a listener that does not block, which stays the caller's, and zeros. */
struct acceptor {
	int listener;
	unsigned int pause_ms; /* the last one; 0: the last call could be taken */
	uint64_t again_ms;     /* when the pause is over */
	uint64_t quiet_ms;     /* when the next failure may be told of */
	bool is_told;          /* that it fails */
};

/* What the caller should tell of, once. */
enum acceptor_news { ACCEPTOR_SAME, ACCEPTOR_FAILS, ACCEPTOR_WORKS };

/* How long it is still left alone; 0: not at all. */
unsigned int acceptor_pause(const struct acceptor *acceptor, uint64_t now_ms);

/*
 * The next caller's descriptor, close-on-exec and with these flags of accept4.  -EAGAIN when nobody waits, who waited
 * has gone, or there is a pause; another -errno begins a pause.
 */
int acceptor_take(struct acceptor *acceptor, int flags, uint64_t now_ms, enum acceptor_news *news);

#endif
