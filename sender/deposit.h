/*
 * deposit: seal's end of its connection to hold (local.h): a body goes in, and becomes a bundle or
 * nothing.
 *
 * When hold refuses, the result is the one it gave, and `where` what it is about, whichever call
 * notices it.  -ECONNRESET: hold has ended.  -ETIMEDOUT: it has not taken or said anything for as long as a call waits.
 */
#ifndef WEIR_DEPOSIT_H
#define WEIR_DEPOSIT_H

#include <stddef.h>

#include "local.h"

enum {
	DEPOSIT_BEGIN_MS = 30000,  /* for READY: hold may just be starting, or has many at a time */
	DEPOSIT_STALL_MS = 300000, /* for anything else: the disk of the spool may stand still */
};

struct deposit {
	int fd;
	unsigned int begin_ms; /* DEPOSIT_BEGIN_MS, from deposit_open on */
	int refusal; /* what hold said while the body was going, 0: nothing */
	bool is_told; /* hold has said why */
	bool is_stuck; /* a frame is half sent, so nothing more is to be said */
	char where[LOCAL_WHERE_BYTES + 1];
};

/* Connects.  deposit->fd is the caller's to close; it is -1 after a failure. */
int deposit_open(struct deposit *deposit, const char *path);
/* INTAKE, with who calls; waits for READY. */
int deposit_begin(struct deposit *deposit, const struct local_caller *caller);
/* NOTE: nothing comes of it.  Nothing waits for it, and when hold is gone nobody can know. */
void deposit_note(struct deposit *deposit, const struct local_note *note);
/* The next bytes of the body; a pack_sink with the deposit as its context. */
int deposit_body(void *deposit, const void *data, size_t len);
/* Hold has said something, or hung up, while nothing was given to it: a result as of deposit_body, never 0. */
int deposit_hear(struct deposit *deposit);
/* What a result of something that deposit_body or deposit_hear made fail really means. */
int deposit_result(const struct deposit *deposit, int result);
/*
 * COMMIT; returns when the bundle is durable.  -EINPROGRESS: hold ended when it had all of it, or its
 * answer could not be read, so nobody knows yet whether it is.
 */
int deposit_commit(struct deposit *deposit, const struct local_commit *commit,
		   struct local_accepted *accepted);

#endif
