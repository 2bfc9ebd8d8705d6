/*
 * errand: what is done for an arriving bundle in another thread: repairing a block, judging and
 * delivering the object, storing a copy of the map.  A part of reception, in a file of its own; the
 * structs are shared by these two alone.
 *
 * While an errand runs for it an arrival stays in memory, even when it has been given up.
 */
#ifndef WEIR_ERRAND_H
#define WEIR_ERRAND_H

#include "common/diskfill.h"
#include "gather.h"
#include "placement.h"
#include "reception.h"
#include "vault.h"

enum phase { PHASE_RECEIVING, PHASE_CHECKING, PHASE_VERIFIED, PHASE_WAITING };

/* What the ledger does not have yet. */
enum owed { OWES_NOTHING, OWES_VERIFIED, OWES_DELIVERED, OWES_REFUSED };

struct accept_job;

enum { ERRAND_PUSH_BYTES = 8388608 };

/* Bytes of an object that were written and not yet pushed out to the disk: `bytes` between begin and end. */
struct unpushed {
	uint64_t begin, end, bytes;
};

/* One bundle that is arriving. */
struct arrival {
	struct arrival *next;
	struct known_bundle *bundle; /* NULL: given up */
	struct bundle_id id;
	struct partial *partial;
	enum phase phase;
	unsigned int errands;        /* under way */
	bool is_stored_now;          /* one of them stores a copy of the map */
	bool is_pushed_now;          /* and one of them pushes what was written */
	struct unpushed unpushed;
	struct bodytree_known known; /* of an object that is gathered */
	uint64_t wanted_registry;    /* PHASE_WAITING */
	uint64_t retry_ms;           /* judge again then; 0: not */
	int hindrance;               /* why it could not be delivered, as last told */
	uint64_t used;               /* when its files were last needed, in turns of the counter */
	uint64_t last_arrival_s;
	uint64_t repaired;
	uint64_t memory;
	enum owed owed;              /* of what judged holds; it is not given up before that is written */
	bool is_recorded;            /* its delivery, in the annals */
	bool is_added;               /* and waits for diary_commit */
	bool has_push;               /* it was found right, and nothing else may bring the same push meanwhile */
	uint8_t push_id[PUSH_ID_BYTES];
	struct accept_job *judged;
};

struct reception {
	struct reception_options o;
	struct partial_site site;
	struct placement placement;
	struct gather *gather;       /* NULL: everything goes by placement */
	struct arrival *arrivals;
	unsigned int count, open_files;
	uint64_t memory;
	uint64_t use_counter;
	uint64_t now_ms, now_s;
	uint64_t sender_registry_version;
	uint64_t stored_ms, disk_checked_ms;
	enum diskfill disk;
	bool limit_was_told;
	uint64_t map_told_ms; /* when it was told last that a block had no memory for its map; 0: never */
	int annals_failure; /* as last told */
	uint64_t past_s;    /* nothing that is to be destroyed by then is begun */
	bool has_registry; /* a newer one lies in the vault, and is not in use yet */
};

/* These report to reception->o.tell. */
__attribute__((format(printf, 4, 5)))
void reception_tell(const struct reception *r, int priority, const char *id, const char *format, ...);
/* Takes an arrival out of sight at once; it is freed, and its files removed, in the next turn. */
void reception_give_up(struct arrival *a);
/* The same, and says so: what was on disk cannot be used. */
void reception_begin_again(struct reception *r, struct arrival *a, const char *why, int error);

/* reception_gather.c: with the reception's options; for a new arrival; before its partial is closed. */
int reception_gather_open(struct reception *r);
void reception_gather_begin(const struct reception *r, struct arrival *a);
/* Bytes of memory that a bundle of this geometry takes at most: its maps, counts and hashes. */
uint64_t reception_memory(const struct reception *r, const struct geometry *g);
void reception_gather_end(const struct reception *r, struct arrival *a);

/* One that was given up, whose errands have not ended, still has the files of this id. */
bool reception_is_being_given_up(const struct reception *r, const struct bundle_id *id);
/* What had come of it, or all of it, is given up: owed to the ledger (lost.h).  bundle NULL: no page names it. */
void reception_lose(struct reception *r, const struct bundle_id *id, const struct known_bundle *bundle,
		    enum lost_why why);

/* A block is decodable: restores what it lacks; after the last one, judges the object. */
void errand_repair(struct reception *r, struct arrival *a, uint32_t block);
/* All blocks are complete: judges; what was right is owed to the ledger as verified. */
void errand_accept(struct reception *r, struct arrival *a);
/* What is owed to the annals: false when that is nothing. */
bool errand_annal(const struct arrival *a, uint64_t now_s, struct annal *out);
/* Adds the entry that is owed; takes what follows from it being durable. */
void errand_enter(struct reception *r, struct arrival *a);
void errand_entered(struct reception *r, struct arrival *a);
/* Forgets what is owed. */
void errand_forget(struct arrival *a);
/*
 * What was written to an object; a placement_listener's `written`.  Each ERRAND_PUSH_BYTES of it begin
 * to be written back in another thread, so that what a store has to synchronise is never much.
 */
void errand_note_written(void *reception, void *arrival, uint64_t begin, uint64_t end);
/* Stores a copy of the map. */
void errand_store(struct reception *r, struct arrival *a);

#endif
