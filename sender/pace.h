/*
 * pace: when the next batch may go.  Arithmetic alone: it never asks a clock and never sleeps.
 *
 * The rate counts whole IP packets.  What is late is caught up with, as far as the credit reaches: any window of W ns
 * takes at most the rate times W, plus the credit, plus one batch.  A batch is at most PACE_BATCH_NS of the rate, or
 * one datagram, the credit what is left of PACE_BURST_NS of it, or PACE_CREDIT_NS, and both together at most PACE_BURST_DATAGRAMS.  So a window
 * of 10 ms is never more than 5 % over the rate (unless two datagrams alone are more than that), and what goes is never
 * more than that burst ahead of it.  Time lost beyond the credit is lost: the schedule moves, it does not burst.
 *
 * Smaller batches, which would leave more of the 5 % to the credit, wake the process more often; on a busy machine
 * whoever runs more often waits longer, and more was lost by that than won.
 */
#ifndef WEIR_PACE_H
#define WEIR_PACE_H

#include <stddef.h>
#include <stdint.h>

enum {
	PACE_BATCH_NS = 250000,
	PACE_CREDIT_NS = 250000,
	PACE_BURST_NS = PACE_BATCH_NS + PACE_CREDIT_NS,
	PACE_SLACK_NS = 200000,        /* of the credit, half of it at most */
	PACE_BATCH_DATAGRAMS = 32,     /* one UDP_SEGMENT send takes twice as many */
	PACE_BATCH_BYTES = 65000,
	PACE_BURST_DATAGRAMS = 64,
	PACE_WARM_UP_NS = 50000000,    /* at half the rate, after a second of rest */
	PACE_REST_NS = 1000000000,
};

struct pace {
	uint64_t rate_bits_per_s;
	unsigned int batch;     /* datagrams: 1 to PACE_BATCH_DATAGRAMS */
	uint64_t credit_ns;
	uint64_t slack_ns;
	uint64_t due_ns;        /* the next batch may go from here on */
	uint64_t fraction;      /* of a ns, in units of 1 / rate */
	uint64_t warm_until_ns;
};

/* rate_bits_per_s is 1,000 to 10^12; datagram_len the bytes of UDP payload of a full one. */
void pace_start(struct pace *p, uint64_t rate_bits_per_s, size_t datagram_len, uint64_t now_ns);

/*
 * When to wake for the next batch: at due_ns, or up to PACE_SLACK_NS later where batches follow each other more closely than
 * that.  What is due then goes at once, which the credit is there for; waking for each of them costs more than sending it.
 */
uint64_t pace_wake(const struct pace *p);

/* When `count` datagrams, `payload_len` bytes of UDP payload together, are sent at now_ns >= due_ns. */
void pace_spend(struct pace *p, unsigned int count, size_t payload_len, uint64_t now_ns);

/* Nothing may go for so long from now_ns on. */
void pace_hold(struct pace *p, uint64_t duration_ns, uint64_t now_ns);

#endif
