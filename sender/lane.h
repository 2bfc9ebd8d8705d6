/*
 * lane: one bundle on its way: its file, how far it has gone, and the datagrams that come next.
 *
 * The repair rows of a block go when its source rows have gone and they are made; while they are being made the source rows of
 * the next block go, but not of the one after it.  LINK.md 3.
 *
 * An order is hostile input: everything in it is checked before the file is opened.
 */
#ifndef WEIR_LANE_H
#define WEIR_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode.h"
#include "orders.h"
#include "walk.h"

/* Some rows of every block of a step: where it is, until nothing is left. */
struct lane_rows {
	struct plan_step step;
	struct walk at;           /* what goes next of them */
	bool has_more;
};

struct lane {
	bool is_used;
	bool is_withdrawn;        /* not ordered any more; goes as soon as the encoder lets go */
	unsigned int announced;   /* how often the catalogue page that names it has gone, ANNOUNCE_REPEATS at most */
	int page;                 /* that page, or negative while none names it */
	bool has_encoder;
	struct task order;
	int fd;
	enum order_state state;
	int error;                /* ORDER_FAILED: -errno or a verdict */
	uint64_t sent_bytes, total_bytes;
	struct lane_rows source, repair;
	struct lane_rows *next;   /* one of both; NULL when that of which something is due has to be made first */
	uint32_t repair_end;      /* the repair rows being made, or there, end before this one */
};

/* What datagrams are made with. */
struct outfit {
	struct tagger *tagger;
	uint32_t symbols;         /* in a full datagram */
	uint64_t sequence;        /* of the next datagram; lane_fill counts it up */
};

enum { BATCH_DATAGRAMS_MAX = 64 }; /* UDP_SEGMENT takes no more */

/* Datagrams of one length, but that the last may be shorter. */
struct batch {
	uint8_t *bytes;
	uint8_t *row;             /* as much again: what they carry, as it is read */
	size_t len;
	size_t datagram_len;
	unsigned int count;
};

/* The spool's folders; both stay the caller's. */
struct lane_folders {
	int ready_fd;
	int sent_fd;
};

/* Takes an order up.  Whatever is wrong with it is in state and error. */
void lane_open(struct lane *lane, const struct task *order, const struct lane_folders *folders,
	       struct encoder *encoder, unsigned int slot);
/* Lets go of everything.  False while the encoder is still at it. */
bool lane_close(struct lane *lane, struct encoder *encoder, unsigned int slot);

/*
 * True when lane_fill has something to send now.  Asks for repair rows ahead of their time, and lets go of
 * what a failed lane held.  now_ns is CLOCK_MONOTONIC.
 */
bool lane_prepare(struct lane *lane, struct encoder *encoder, unsigned int slot, uint64_t now_ns);

/*
 * Writes at most `most` complete, tagged datagrams of the lane's next row into batch->bytes, which has
 * room for them, as batch->row has, and moves on.  After lane_prepare was true.  When the file cannot be read the lane fails,
 * and the batch is empty.
 */
void lane_fill(struct lane *lane, struct batch *batch, unsigned int most, struct outfit *outfit,
	       struct encoder *encoder, unsigned int slot);

#endif
