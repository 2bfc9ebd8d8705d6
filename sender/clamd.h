/*
 * clamd: one session with the virus scanner over its UNIX socket; files are handed over as descriptors.
 * Protocol: clamd(8), IDSESSION and FILDES.  What is scanned, and why so: common/SCANNING.md.
 *
 * A session is opened once and scans any number of files, several at a time: clamd answers each with the
 * number of the command, in any order.  A thread of the session takes the answers, and asks clamd
 * whether it lives while nothing else goes on, for clamd hangs up on who is silent.
 *
 * Results: 0, clean; VERDICT_INFECTED, clamd names a signature; VERDICT_NOT_SCANNED, anything else that
 * clamd does or fails to do; -errno for what fails here.  Nothing but the answer "OK" to that very file
 * makes it clean.  The first failure stays the result of every later call, and said says what it was.
 */
#ifndef WEIR_CLAMD_H
#define WEIR_CLAMD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/manifest.h" /* MEMBER_NAME_MAX */

enum {
	CLAMD_FLIGHTS_MAX = 16,   /* files that clamd has and has not answered for */
	CLAMD_PING_MS = 5000,     /* of silence, after which it is asked whether it lives */
	CLAMD_REPLY_BYTES = 2048, /* of one reply */
	CLAMD_SAID_BYTES = 512,
};

/* What a result that is not 0 is about. */
struct scan_finding {
	char member[MEMBER_NAME_MAX + 1]; /* "clamd": no member in particular */
	char said[CLAMD_SAID_BYTES];      /* a signature, or what went wrong and what to do; escaped */
	bool is_signature;
};

struct clamd_options {
	const char *socket;
	uint32_t timeout_ms; /* for connecting, and for each file from when it is handed over */
	uint64_t bytes_max;  /* of all files that are under way; a larger one goes alone */
};

struct clamd;

/*
 * Connects, starts the session and its thread.  When the result is not 0, *finding says why.
 *
 * Calls: socket, setsockopt, connect, eventfd2 and "thread" now; afterwards sendmsg, recvfrom, poll,
 * read, write and close, and what the end of a thread takes.
 */
int clamd_open(struct clamd **out, const struct clamd_options *options, struct scan_finding *finding);

/*
 * Hands a file over: fd, of len bytes, read from its beginning.  Waits for room; does not wait for the
 * answer.  fd stays the caller's, who may close it at once but must not change the file.  0 says that
 * nothing is known against any file so far.
 */
int clamd_give(struct clamd *clamd, int fd, uint64_t len, const char *member);
/* Waits until every file is answered for.  0: all of them are clean. */
int clamd_wait(struct clamd *clamd);
/*
 * Hands one file over while no other is under way, and waits: the result is of this file alone and
 * does not stay, unless the session has ended.  *finding is written when it is not 0.
 */
int clamd_ask(struct clamd *clamd, int fd, uint64_t len, const char *member,
	      struct scan_finding *finding);
/* Of the failure that stays; once a call has given one. */
void clamd_finding(struct clamd *clamd, struct scan_finding *finding);

/* Hangs up, whatever is under way.  NULL is fine. */
void clamd_close(struct clamd *clamd);

#endif
