/*
 * loss: where datagrams were lost.  A function of samples alone: it reads no counter and asks no clock.
 *
 * Each second brings one sample of everything that counts on the way in.  What the link's sequence numbers
 * say is lost is judged one interval later, since what is late by less is not lost, and then it belongs to
 *
 *   ring      catch dropped it because the ring was full: counted in datagrams, exactly
 *   damaged   the NIC dropped it by its checksum, or its tag was wrong: frames, exactly.  More wrong tags than
 *             losses are somebody else's datagrams, and no sign of anything
 *   nic       the NIC had no room for it (frames, exactly), or the kernel dropped it between NIC and socket
 *   socket    the socket's buffer was full
 *   before    it never came: nothing of this box shows a sign
 *   several   socket and kernel both dropped, and nobody can say how much each
 *
 * Socket and kernel count what they drop in trains as GRO made them, so their counts are signs and never sums:
 * d of them are at most 2 d trains of the mean length, and one of LOSS_TRAIN_MAX.  What is lost beyond that
 * never came.  Within it a loss before this box, in the same seconds, cannot be told from one of the socket.
 *
 * A counter may be ahead of the sequence numbers by what waits in socket and ring.  So a sign counts for
 * LOSS_LEAD samples, of which only those are numbered in whose interval the ring was once empty; and no
 * longer than until as many losses as it allows have been put down to it, or some have and then an interval
 * brought none.  What the kernel drops because
 * nobody listens for it (LLDP and the like) is dropped without anything being lost: up to
 * LOSS_STRAY_MAX in an interval, once seen to cost nothing, are no sign any more.
 */
#ifndef WEIR_LOSS_H
#define WEIR_LOSS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LOSS_LEAD = 3,        /* samples for which a sign counts */
	LOSS_TRAIN_MAX = 64,  /* datagrams in one train */
	LOSS_STRAY_MAX = 4,
	LOSS_SHARE = 20,      /* a place has a part in a loss above one twentieth of it */
	LOSS_MINUTES = 60,    /* in "the last hour" */
};

enum loss_place {
	LOSS_NOWHERE, LOSS_RING, LOSS_SOCKET, LOSS_NIC, LOSS_DAMAGED, LOSS_BEFORE, LOSS_SEVERAL,
	LOSS_PLACES,
};

/* Counters since whenever; one that goes back has begun again and says nothing in that interval. */
struct loss_sample {
	uint64_t link_lost;     /* by the sequence numbers; goes back when something comes late */
	uint64_t datagrams;     /* that the socket gave, and in how many trains */
	uint64_t trains;
	uint64_t ring_drops;    /* datagrams */
	uint64_t socket_drops;  /* trains: SO_RXQ_OVFL */
	uint64_t nic_drops;     /* frames: missed, fifo, over */
	uint64_t kernel_drops;  /* trains: rx_dropped, rx_length_errors, softnet */
	uint64_t damaged;       /* frames: crc, frame */
	uint64_t bad_tags;      /* datagrams */
	bool caught_up;         /* the ring was empty at some time since the sample before */
};

/* Datagrams lost, by place; [LOSS_NOWHERE] stays 0. */
struct loss_counts {
	uint64_t at[LOSS_PLACES];
};

enum loss_sign { SIGN_RING, SIGN_SOCKET, SIGN_NIC, SIGN_KERNEL, SIGN_DAMAGED, SIGN_TAGS, LOSS_SIGNS };

/* Starts as all zeros.  For its functions alone, but for `total`. */
struct loss {
	struct loss_counts total;  /* since the first sample */
	struct loss_sample last;
	bool has_last;
	uint64_t lost_before;      /* as the last sample had it */
	uint64_t judged;
	uint64_t sign[LOSS_LEAD][LOSS_SIGNS]; /* losses that may still be put down to it, by age */
	uint64_t strays;           /* of the kernel: in an interval, without a loss */
	uint64_t kernel_growth[LOSS_LEAD];
	bool used[LOSS_LEAD][LOSS_SIGNS];
	struct loss_counts minutes[LOSS_MINUTES];
	uint64_t minute;           /* the newest */
};

/* The first sample is where counting begins. */
void loss_follow(struct loss *loss, const struct loss_sample *sample, uint64_t now_s);
/* In the 60 minutes up to the last sample. */
struct loss_counts loss_last_hour(const struct loss *loss);

uint64_t loss_sum(const struct loss_counts *counts);
struct loss_counts loss_difference(const struct loss_counts *now, const struct loss_counts *then);
/* The place of all of it; LOSS_SEVERAL when more than one has a part in it, LOSS_NOWHERE of none. */
enum loss_place loss_place_of(const struct loss_counts *counts);
/* "ring", "socket", "nic", "damaged", "before", "several"; "none" */
const char *loss_place_name(enum loss_place place);

#endif
