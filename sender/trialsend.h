/*
 * trialsend: sends the steps of a link test at their rates.  LINK.md 8.
 */
#ifndef WEIR_TRIALSEND_H
#define WEIR_TRIALSEND_H

#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "common/progress.h"
#include "common/trial.h"

enum {
	TRIALSEND_MARKS = 5,            /* datagrams that begin or end a step */
	TRIALSEND_MARK_NS = 10000000,   /* between two of them */
	TRIALSEND_REST_NS = 200000000,  /* between two steps */
	TRIALSEND_HELD_NS = 1000000,    /* who is late by less was not kept from sending */
};

struct trialsend_options {
	int socket_fd;                  /* of transmitter_open; stays the caller's, as all below */
	struct sockaddr_in goal;
	struct tagger *tagger;          /* must live as long */
	uint64_t test_id;
	uint32_t started_s;             /* upper half of the sequence numbers */
	const struct trial_step *steps;
	size_t count;
	struct progress *progress;      /* of the milliseconds of trialsend_ms */
	const volatile sig_atomic_t *is_stopping;
};

struct trialsend_result {
	uint64_t datagrams;             /* of load that went */
	uint64_t elapsed_ns, held_ns;   /* of the load, and how long of it this process did not run */
	uint64_t errors;                /* sends that failed */
	int error;                      /* the last one: -errno; 0 */
};

/* 0 or -errno; all memory that it needs. */
struct trialsend;
int trialsend_new(struct trialsend **out, const struct trialsend_options *options);
void trialsend_free(struct trialsend *send); /* NULL is fine */

/*
 * Sends step `index`, from beginning to rest; when told to stop, what is left of its load is not sent, but its end is.
 * Uses no calls but sendmsg, clock_nanosleep, and write for the progress.
 */
void trialsend_step(struct trialsend *send, size_t index, struct trialsend_result *out);

/* How long all of these steps take. */
uint64_t trialsend_ms(const struct trial_step *steps, size_t count);

/* Bits a second of IP packets that went while this process ran: what was offered to the link.  0 for none. */
uint64_t trialsend_offered(const struct trialsend_result *result, uint16_t size);

#endif
