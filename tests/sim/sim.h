/*
 * sim: sender, link and receiver as plain functions of time and seed: no sockets, no clock, no files, no threads.
 *
 * What decides is the programs' own: plan, choice, lineup, offer_entry, walk, outgoing (announce, schedule, pace) of
 * the sender, known and arrivals of the receiver.  What is played here is what they stand on: the spool and the
 * vault as tables (what a power cut leaves of them is in VAULT.md and SPOOL.md), the pages between hold and emit, the
 * link with its faults.  Symbols are counted and never carried, so a bundle of a GiB costs milliseconds.
 *
 * Beside them stands the truth: what was accepted, what has crossed the link.  By it everything that
 * the receiver says is judged, all the time.  A simulation is repeated exactly by its seed.
 */
#ifndef WEIR_TEST_SIM_H
#define WEIR_TEST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIM_ROUTES = 4,
	SIM_NAMED_S = 60, /* after a heartbeat everything that lacks has a name */
};

/* Decisions that are made wrong on purpose, to show that it is seen. */
enum sim_broken {
	SIM_SOUND,
	SIM_NO_LATE_ROWS,    /* the sender sends none, whatever it is configured for */
	SIM_NO_HEALING,
	SIM_NO_GRACE,        /* what has had its pass is named as missing at once, though it may be on its way */
	SIM_FORGETS_VAULT,   /* the receiver forgets with its power what it has delivered */
	SIM_DEAF_TO_PAGES,   /* no page is heard, so nothing has a name */
	SIM_HEALS_FIRST,     /* healing is ordered as work */
	SIM_REPEATS_FIRST,   /* data wait until the page that names them has gone as often as it goes */
};

struct sim_terms {
	uint64_t rate_bits_per_s;
	uint32_t mtu, passes, survive_outage_ms, heal_percent, repair_permille;
	uint64_t retention_s;
	enum sim_broken broken;
};

/* What the link does to a datagram.  Probabilities; zeros: nothing. */
struct sim_link {
	double loss;
	double to_bad, to_good, bad_loss; /* Gilbert and Elliott: between datagrams, and while it is bad */
	double damage, repeat;            /* a wrong tag; one more copy */
	bool disorders;                   /* by up to 10,000 datagrams */
};

enum sim_event {
	SIM_PUSH,            /* value: bytes of the object, a multiple of SEGMENT_BYTES */
	SIM_OUTAGE,          /* value: ms */
	SIM_HOLD_DIES,       /* value: ms until it is there again; so all that die */
	SIM_EMIT_DIES,
	SIM_KEEP_DIES,
	SIM_SENDER_POWER,
	SIM_RECEIVER_POWER,
	SIM_BACKUP,          /* of the sender's spool */
	SIM_RESTORE,         /* in a new epoch */
	SIM_SENDER_CLOCK,    /* value: seconds, signed, by which it jumps */
	SIM_VAULT_FULL,      /* value: ms */
	SIM_VAULT_LOST,      /* all that is on the receiver's disk */
	SIM_SPOOL_FULL,      /* value: ms: pushes are refused */
	SIM_LINK_CALM,       /* no more faults on the link */
	SIM_EVENTS
};

struct sim;
struct sim *sim_new(const struct sim_terms *terms, const struct sim_link *link, uint64_t seed);
void sim_free(struct sim *sim);

/* In no order, before the run reaches them; at most 4,096. */
void sim_at(struct sim *sim, uint64_t at_ms, enum sim_event event, int64_t value);
/* The same, to the microsecond. */
void sim_outage(struct sim *sim, uint64_t at_us, uint64_t us);
/* Up to this time; or until all that was pushed is delivered or lost and everything has ended. */
void sim_run(struct sim *sim, uint64_t until_ms);

struct sim_report {
	unsigned int accepted, delivered;
	unsigned int lost;           /* no longer offered, not delivered, and the receiver has said so */
	unsigned int open;           /* offered still, not delivered, and the receiver names it */
	unsigned int missing;        /* how many were named as missing once */
	unsigned int unseen;         /* neither delivered nor named in time */
	unsigned int wrong;          /* named as missing or lost, and was not */
	unsigned int twice, strange; /* delivered again; delivered though never sent, or not whole */
	unsigned int undelivered;    /* all of it had come, and it was not delivered */
	unsigned int late;           /* not here by the time at which the receiver said it would be */
	unsigned int crowded;        /* healing above its share, or before work, or the wrong one first */
	uint64_t datagrams, dropped; /* on the link, and by it */
	unsigned int forgotten;      /* known to nobody: by a restore before it was named, or with the vault */
	unsigned int preempted;      /* how often work found the link healing, and nothing else */
	uint64_t work_wait_us;       /* the longest that it waited then, from the order to its first data */
	uint64_t ended_ms, delivered_ms;
	char first[160];             /* what was seen first of all that should not be */
};
/* Judges the end, too. */
struct sim_report sim_report(struct sim *sim);
/* What of the above must not be. */
unsigned int sim_faults(const struct sim_report *report);

/* For a person who replays one: what happened when, and what has become of each bundle. */
void sim_tell(const struct sim *sim);

/* When the first datagram of data went, and when the last of all work did. */
uint64_t sim_first_data_ns(const struct sim *sim);
uint64_t sim_work_ended_ns(const struct sim *sim);
/* Within which a receiver that lacks everything has all that is offered: LINK.md 5. */
uint64_t sim_heal_bound_ms(const struct sim *sim);

#endif
