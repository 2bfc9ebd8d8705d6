/*
 * missing: what it means that a bundle which the sender has named is not in the vault, and whether more of it
 * is coming.  Pure functions of what was named, of what came, of what the heartbeats say, and of the time.
 *
 * Nothing is called lost while it can be on its way: not before the sender has said that a whole pass of it
 * has ended, and MISSING_GRACE_S more for what is still in the kernel and the ring.  From then on it always is.
 *
 * Times are seconds by this box's clock, 0 for never, but for offered_until, which is the sender's word.
 */
#ifndef WEIR_MISSING_H
#define WEIR_MISSING_H

#include <stdbool.h>
#include <stdint.h>

enum {
	MISSING_GRACE_S = 3,      /* behind the news that a pass has ended */
	MISSING_SILENT_S = 5,     /* five heartbeats in a row are not lost by chance */
	MISSING_UNSENT_S = 600,   /* named, and no data of anything have come for so long: the sender does not send */
	MISSING_ROUND_S = 600,    /* LINK.md 5: whoever lacks a bundle gets a pass of it in this time */
	                          /* and twice that of one round of healing */
};

enum missing_kind {
	MISSING_ON_ITS_WAY, /* its first pass has not ended, or only just */
	MISSING_UNSENT,     /* the same, but the sender does not seem to send anything */
	MISSING_WAITS,      /* all of it is here, and is judged, or waits for a registry or the ledger */
	MISSING_WHOLE,      /* lost: nothing of it came */
	MISSING_TAIL,       /* lost: its end; had what lies behind the furthest come, it would be whole */
	MISSING_PART,       /* lost: more than can be repaired, in between */
	MISSING_REFUSED,    /* it came whole, and was refused */
	MISSING_REPEATED,   /* refused, since the same push was delivered under another number */
	MISSING_KIND_COUNT,
};

enum missing_more {
	MORE_COMES,    /* by `by` at the latest */
	MORE_MAY_COME, /* the link is busy with first passes, of which this bundle may have one more; no healing */
	MORE_NOT,      /* it is not offered any more, or nothing is healed: push it again, or ask for it */
	MORE_UNKNOWN,  /* the sender is not heard */
};

/* What the heartbeats say; zeros before the first. */
struct missing_link {
	uint64_t heartbeat_s;  /* the last one */
	uint64_t sent_s;       /* when that was sent, by the sender's clock */
	uint64_t heard_since_s; /* since when the sender has been heard without a silence */
	uint64_t waiting;      /* bytes that have not had all their passes */
	uint64_t busy_s;       /* when that was last not 0 */
	uint64_t heal_rate;    /* bytes a second; 0: nothing is healed */
	uint64_t heal_round;   /* bytes */
	uint64_t data_s;       /* when a datagram of any bundle last came */
};

struct missing_facts {
	bool is_whole;         /* all blocks are complete, or can be made so */
	bool is_refused;
	bool is_repeated;      /* by its verdict */
	bool has_come;         /* some of it */
	bool is_tail;          /* as arrivals_lack_tail; counts when some of it came and it is not whole */
	uint64_t since_s;      /* named here; 0: not known */
	uint64_t passed_s;     /* when this box learnt that a whole pass had ended */
	uint64_t offered_until;
};

struct missing_judgement {
	enum missing_kind kind;
	enum missing_more more; /* MORE_NOT where nothing has to come: MISSING_WAITS, _REFUSED, _REPEATED */
	uint64_t by;            /* MORE_COMES: a whole pass of it has come by then; else 0 */
	bool is_late;           /* that time has passed: the sender heals more slowly than it says */
};

void missing_judge(struct missing_judgement *out, const struct missing_facts *facts,
		   const struct missing_link *link, uint64_t now_s);

/* Whether something of it was lost on the way: MISSING_WHOLE, _TAIL, _PART. */
bool missing_is_lost(enum missing_kind kind);
/* Whether a person should know: all but what is on its way, and what is here under another number. */
bool missing_is_wrong(enum missing_kind kind);
/* "whole", "tail", …: as in status and JSON. */
const char *missing_name(enum missing_kind kind);
const char *missing_more_name(enum missing_more more);

/* No heartbeat for MISSING_SILENT_S, or never one. */
bool missing_is_silent(const struct missing_link *link, uint64_t now_s);

#endif
