/*
 * transmit: what goes on the link, and when.  One loop: it takes up what hold orders, lets each batch go
 * at its time, in the order of outgoing.h, and says in the progress page how far it is.
 *
 * A send that fails is counted, and the same batch is tried again later; nothing is skipped and
 * nothing ends because of it.
 */
#ifndef WEIR_TRANSMIT_H
#define WEIR_TRANSMIT_H

#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>

#include "encode.h"
#include "lane.h"
#include "orders.h"

struct transmit_options {
	int socket_fd;              /* never connected; stays the caller's, as all below */
	struct sockaddr_in goal;
	struct lane_folders folders;
	uint32_t mtu;               /* 1500 to 9000 */
	uint64_t rate_bits_per_s;   /* of IP packets */
	uint64_t heal_bits_per_s;   /* what TASK_HEAL may take of it, from 1,000 on */
	uint32_t started_s;         /* upper half of the sequence numbers */
	struct tagger *tagger;      /* must live as long */
	struct progress_shared *progress;
};

/* 0 or -errno.  All memory that the loop needs, except the encoder's. */
struct transmit;
int transmit_new(struct transmit **out, const struct transmit_options *options);
void transmit_free(struct transmit *transmit);

/*
 * Runs until *is_stopping, or the orders say that the link is shut, and leaves the progress page up to date.  Uses no calls but clock_nanosleep,
 * sendmsg, openat, newfstatat, pread64, close, and what memory, locks and clocks need.
 */
void transmit_run(struct transmit *transmit, const struct orders_shared *orders,
		  struct encoder *encoder, const volatile sig_atomic_t *is_stopping);

#endif
