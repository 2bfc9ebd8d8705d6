/*
 * spool: what the sender keeps, and its states as names.  SPOOL.md has the table and what a crash in
 * each state leaves.
 *
 *   incoming/N          being received from seal; gone when hold starts
 *   held/PUSHID         whole and durable, without a number
 *   ready/tax-000123    released, on the link or waiting for it
 *   dossier/PUSHID      what belongs to it and is not sent (dossier.h)
 *   sent/tax-000123     sent as often as configured, kept for the retention time
 *
 * One process at a time has a spool open (lock).  Items are the spool's; a pointer to one lives
 * until spool_remove of it or spool_close.  A result that is not 0 leaves the state on disk at the one
 * before or at the one after, never between.
 */
#ifndef WEIR_SPOOL_H
#define WEIR_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/key.h"
#include "common/registry.h"
#include "common/order.h"
#include "dossier.h"
#include "epochs.h"
#include "numbers.h"
#include "plan.h"

struct spool;

enum {
	SPOOL_BUNDLES_MAX = 10240, /* what the catalogue can name at a time */
	SPOOL_INTAKES_MAX = 64,    /* pushes coming in at a time */
};

/* Whose signature a held bundle lacks. */
enum waits { WAITS_NOT = 0, WAITS_FOR_OFFICERS = 1, WAITS_FOR_PERSON = 2 };

enum spool_state { SPOOL_HELD, SPOOL_READY, SPOOL_SENT };

struct spool_item {
	enum spool_state state;
	struct release release;       /* held: only the statement */
	char name[BUNDLE_NAME_BYTES]; /* "" while held, or what it was about to be */
	uint64_t object_len;
	struct tally tally;         /* of its dossier */
	uint8_t approvals;            /* that count, as the releaser last found */
	uint8_t push_order[ORDER_ID_BYTES];    /* under which a machine pushed it; zero */
	uint8_t release_order[ORDER_ID_BYTES]; /* under which it is released; zero */
	bool is_taken_back;           /* refused, and could not be removed yet; not kept on disk */
	bool is_misplaced;            /* held, but its file lies in ready/ under `name`; not kept on disk */
	enum waits waits;             /* for whom, as the releaser last found; not kept on disk */
	int held_for;                 /* why it is not released, as last told; not kept on disk */
	/* for whoever orders what goes; not kept on disk */
	struct plan plan;
	bool is_ordered;
	uint64_t retry_at_ms;         /* not before, CLOCK_MONOTONIC */
	uint64_t failures;            /* of passes, one after another */
	bool is_resending;            /* that order is what a person has asked for */
	bool is_repeated;             /* stays ready, and passes again every so often */
	bool is_entered_sent;         /* the ledger was told that it is sent */
	uint16_t place;               /* in the catalogue, from 1 on (paging.h); 0: it is not named yet */
	uint16_t named_passes;        /* as the catalogue tells of them */
};

/* What could not be loaded, and stays where it is: file is "ready/tax-000123". */
typedef void spool_tell(void *context, const char *file, int result);

struct spool_options {
	const char *path;           /* the directory exists */
	uint32_t disk_full_percent; /* 0 or 100: only when the disk says so */
	spool_tell *tell;           /* may be NULL */
	void *context;
};

/*
 * Takes the lock, makes what is missing, removes what was incoming, loads the rest.  -EBUSY: another
 * process has it.  VERDICT_DAMAGED: epoch or counters are not what they were.
 */
int spool_open(struct spool **out, const struct spool_options *options);
void spool_close(struct spool *spool); /* NULL is fine; all incoming are abandoned before */

uint64_t spool_epoch(const struct spool *spool);
uint64_t spool_epoch_before(const struct spool *spool); /* 0: none */
/*
 * From when on a released bundle's retention counts: its release or, of one that was released in an earlier epoch, the beginning
 * of this one, since nobody may have heard of it before the spool was put back.
 */
uint64_t spool_offered_since(const struct spool *spool, const struct spool_item *item);
/*
 * How far the numbers of a route have come in this epoch, by its name and id: first, and the newest that was
 * released; first - 1 when none was.
 */
void spool_head(const struct spool *spool, const char *route, uint16_t route_id, uint64_t *first,
		uint64_t *newest);
/*
 * Begins a new epoch, in which the numbers of each route are above those that were released in this spool and,
 * of a route in past, above that number.  It continues `before` when this spool does not know that one, else (and
 * when it is 0) the one in use.  Durable when the result is 0.  VERDICT_BAD_LIMIT: too many routes.
 */
int spool_begin_epoch(struct spool *spool, uint64_t before, const struct past *past, size_t past_count);
int spool_count_up(struct spool *spool, enum counter which, uint64_t *out);
/* What may have been used of it so far. */
uint64_t spool_counted(const struct spool *spool, enum counter which);
/* Whether it is the epoch in use, or one that it continues. */
bool spool_knows_epoch(const struct spool *spool, uint64_t epoch);
/* The directory, for files of others that are written with io_write_file. */
int spool_dir(const struct spool *spool);

/* All items, held ones first, then newest release first. */
size_t spool_count(const struct spool *spool);
struct spool_item *spool_at(struct spool *spool, size_t index);
/* The same, spool_count long; until one comes or goes. */
struct spool_item *const *spool_items(const struct spool *spool);
/* By push id in hex, or by bundle name; NULL. */
struct spool_item *spool_find(struct spool *spool, const char *push_id_or_name);

/*
 * A bundle that comes in.  The bytes are the body (BUNDLE.md 1); they are pushed out to the disk
 * steadily.  VERDICT_SPOOL_FULL from any of the three, when the disk is too full or too many bundles
 * are there.  After a failure only spool_abandon is left to do.
 */
struct incoming;
int spool_begin(struct spool *spool, struct incoming **out);
int spool_add(struct incoming *incoming, const void *data, size_t len);
/* The first segment of the body so far.  VERDICT_BAD_LENGTH when not even that is here. */
int spool_read_incoming(const struct incoming *incoming, uint8_t out[static SEGMENT_BYTES]);
/*
 * Makes it a held item: durable when the result is 0, and then incoming is gone.  The body's length
 * must be what the statement says (VERDICT_BAD_LENGTH); -EEXIST when this push is here already, or is the
 * last that got a number on its route.  -EINPROGRESS: it could not be made durable, nor be removed again; it is an
 * item that is taken back.
 */
int spool_hold(struct incoming *incoming, const struct statement *statement,
	       const struct dossier *dossier, struct spool_item **out);
void spool_abandon(struct incoming *incoming); /* removes the file; NULL is fine */

/* The dossier of an item, and a new one in its place: durable when the result is 0. */
int spool_dossier(const struct spool *spool, const struct spool_item *item, struct dossier *out);
int spool_set_dossier(struct spool *spool, struct spool_item *item, const struct dossier *dossier);
/* The object of a held item, for reading: a descriptor for the caller to close, or -errno. */
int spool_open_held(const struct spool *spool, const struct spool_item *item);
/* The first segment of its body. */
int spool_read_head(const struct spool *spool, const struct spool_item *item, uint8_t out[static SEGMENT_BYTES]);

/* Gives a held item its number, geometry and signature, and makes it ready. */
struct spool_terms {
	const struct key *box;
	uint16_t route_id;
	uint64_t released_at;
	uint32_t repair_permille;
	const struct endorsements *endorsements; /* who stands for it */
};
int spool_release(struct spool *spool, struct spool_item *item, const struct spool_terms *terms);
/* A held item that was given its number before a crash or a failure; it is to be released before others, or its number goes to them. */
bool spool_has_number(const struct spool *spool, const struct spool_item *item);
/* The one of this route; NULL when there is none. */
struct spool_item *spool_numbered(struct spool *spool, const char *route);

/*
 * Moves it to sent/.  When that was done and could only not be made durable, the result says so and
 * the item is SPOOL_SENT all the same: a crash would have it sent once more.
 */
int spool_set_sent(struct spool *spool, struct spool_item *item);
/*
 * Removes a sent or held item for good, from the disk and from memory; one that is gone already, too.  A number
 * that a held one had is the next one's.
 */
int spool_remove(struct spool *spool, struct spool_item *item);

/* Whom to tell of an item that is about to go from memory; forget may be NULL. */
typedef void spool_forget(void *context, const struct spool_item *item);
void spool_watch(struct spool *spool, spool_forget *forget, void *context);


#endif
