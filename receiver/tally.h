/*
 * tally: what came of the load of one step of a link test, and how the rest was lost.  Arithmetic alone.
 *
 * Numbers may come in any order, and twice.  A number is lost when TALLY_WINDOW later ones have been seen without it, or
 * at the end.  Times are the sender's, without what it was kept from sending.
 */
#ifndef WEIR_TALLY_H
#define WEIR_TALLY_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TALLY_WINDOW = 65536,
	TALLY_LENGTHS = 16,         /* bursts of 1, 2-3, 4-7, ... datagrams; the last: 32,768 and more */
	TALLY_TIMES = 6,            /* below 0.1, 1, 10, 100, 1,000 ms; and longer */
	TALLY_OUTAGE_DATAGRAMS = 8, /* a burst of so many, and as long as TALLY_OUTAGE_NS, is an outage */
};
#define TALLY_OUTAGE_NS UINT64_C(5000000)

/* Runs of numbers that were lost one after the other. */
struct tally_bursts {
	uint64_t of_length[TALLY_LENGTHS];
	uint64_t of_time[TALLY_TIMES];
	uint64_t longest, longest_ns;           /* of all; not of the same burst, perhaps */
	uint64_t long_ns;                       /* the same of those of TALLY_OUTAGE_DATAGRAMS or more */
	uint64_t outages, outage_datagrams;
};

struct tally_result {
	uint64_t sent;                          /* as the end says, or, where that was lost, up to the highest number */
	uint64_t received;                      /* each once */
	uint64_t duplicates, reordered;
	uint64_t late;                          /* came when they counted as lost, and still do, or were duplicates of old ones */
	bool is_end_heard;
	/* from the first loss on, anew whenever the sender had been kept from sending: buffers on the way are full then */
	uint64_t full_sent, full_received;
	uint64_t first, last;                   /* numbers received, lowest and highest, and when they were sent */
	uint64_t first_ns, last_ns;
	struct tally_bursts bursts;
};

struct tally {
	struct tally_result result;
	uint64_t base;                          /* below it all is decided */
	uint64_t head;                          /* above the highest number seen */
	uint64_t run, before_ns;                /* lost just below base; when what is before them was sent */
	uint64_t held_ns;                       /* as it was for the last that was decided */
	bool is_full;                           /* something was lost since that changed */
	bool has_before;
	uint64_t end_ns;                        /* of the end, when it was heard */
	uint64_t sent_ns[TALLY_WINDOW], was_held_ns[TALLY_WINDOW];
	bool is_here[TALLY_WINDOW];
};

void tally_start(struct tally *tally);
/* A load datagram: its time, without what the sender was held so far; and that. */
void tally_take(struct tally *tally, uint64_t number, uint64_t ran_ns, uint64_t held_ns);
/* The end of the step: so many were sent.  Numbers may still come. */
void tally_end(struct tally *tally, uint64_t sent, uint64_t ran_ns);
/* Nothing more comes: decides what is open. */
void tally_close(struct tally *tally);

uint64_t tally_lost(const struct tally_result *result);
/* 0 to 1; 1 when nothing was sent. */
double tally_loss(const struct tally_result *result);
/* The same without outages, where there was no more than one of them, and one a second. */
double tally_scattered_loss(const struct tally_result *result, uint32_t duration_ms);
/* Bits a second of packets of this size that were offered; 0 when fewer than two came. */
uint64_t tally_offered(const struct tally_result *result, uint16_t size);
/*
 * What of it came through, from the first loss on: buffers on the way, and a limiter that lets a burst pass, have been
 * filled then.  They are empty again when the sender was kept from sending, so it is from the first loss behind that.
 * Of all of the step when there was no loss, or hardly anything behind it.
 */
uint64_t tally_goodput(const struct tally_result *result, uint16_t size);

#endif
