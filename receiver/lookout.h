/*
 * lookout: watches the way in for keep: where datagrams are lost (loss.h), how full the ring is, and how long
 * keep was away from it.
 *
 * Each is told of as an event (E2060 to E2068), with the next step, when it changes: a loss when its place
 * is another one than before or LOOKOUT_REPEAT_MS have passed, and never more often than every
 * LOOKOUT_PAUSE_MS; the ring when it was more than half full, and when it no longer is more than a quarter, the
 * former not more often than every LOOKOUT_REPEAT_MS.  keep tells, not catch, which must not wait for
 * whoever reads its stderr: while keep itself stands still, nobody is told before it goes on.
 */
#ifndef WEIR_LOOKOUT_H
#define WEIR_LOOKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "loss.h"
#include "nic.h"
#include "ring.h"
#include "status.h"

enum {
	LOOKOUT_MS = 1000,         /* between two samples */
	LOOKOUT_PAUSE_MS = 30000,
	LOOKOUT_REPEAT_MS = 600000,
};

struct lookout {
	struct ring *ring;             /* NULL: there is nothing to watch */
	const struct teller *tell;
	char interface[NIC_NAME_BYTES];   /* as configured; "": as catch says */
	struct loss loss;
	struct nic_counters nic;       /* as last read, without what was counted before the first time */
	struct nic_counters nic_raw;
	char nic_name[NIC_NAME_BYTES]; /* whose these are; "": none is read */
	bool has_nic, nic_was_told;
	struct loss_counts told;       /* totals, when a loss was last told of */
	enum loss_place told_place;
	uint64_t told_ms;              /* 0: never, as below */
	bool is_full;                  /* more than half, and not below a quarter since */
	bool full_was_told;
	uint64_t full_told_ms;
	uint64_t fill, fill_second;    /* the most in this second, and in the whole one before it */
	uint64_t away_max_ms;
	uint64_t sampled_ms;
	bool caught_up;
};

/* interface as in the configuration.  All of it stays the caller's. */
void lookout_start(struct lookout *lookout, struct ring *ring, const char *interface, const struct teller *tell);

/* Often: link_lost by the link's sequence numbers. */
void lookout_turn(struct lookout *lookout, uint64_t link_lost, uint64_t now_ms, uint64_t now_s);
/* Records were waiting, and keep did something else for so long. */
void lookout_note_away(struct lookout *lookout, uint64_t ms);

/* For status.json. */
struct way lookout_report(const struct lookout *lookout);

#endif
