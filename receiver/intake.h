/*
 * intake: what keep does with each datagram.  LINK.md 4.
 *
 *   ring -> datagram -> control: signature -> known bundles
 *                    -> data: named? -> reception (placing, repair, vault)
 *                                  not yet -> pending, until a page names it
 *
 * Tags have been checked by catch, which puts zero in place of the type of a datagram whose tag was
 * wrong.  One thread calls.  Nothing here prints; events go to `tell`.
 */
#ifndef WEIR_INTAKE_H
#define WEIR_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "common/linkwatch.h"
#include "common/registry.h"
#include "reception.h"
#include "ring.h"

struct intake;

struct intake_options {
	int vault_fd;                   /* stays the caller's */
	const char *runtime;
	uint32_t disk_full_percent;
	struct registry *registry;      /* the intake's from here on, also after a failure */
	const char *roots;              /* file, by which a registry that arrives is judged; stays the caller's */
	const struct teller *tell;      /* stays the caller's, as does the diary */
	struct diary *diary;
	uint32_t scrub_days;            /* 0: SCRUB_DAYS_DEFAULT */
	const char *witness;            /* path of the marker outside the vault; NULL: none (marker.h) */
	uint64_t remembered_version;    /* of registries, in the vault, before this start */
	const uint8_t *box_key;         /* KEY_ID_BYTES: whom orders must be for */
	struct lost *lost;
	uint32_t unfinished_days;
	struct ring *ring;              /* its counters are reported, and it is woken when a job is done; may be NULL */
	const struct linkwatch *link;   /* is reported; may be NULL */
	const char *interface;          /* as in the configuration; only for the time of intake_open */
};

/* Starts the threads, takes up the stored catalogue and the partial bundles.  0 or -errno. */
int intake_open(struct intake **out, const struct intake_options *options);
/* Ends the threads; files stay as they are.  NULL is fine. */
void intake_close(struct intake *intake);

/* A train: datagrams of datagram_len bytes, the last may be shorter.  data may go away afterwards. */
void intake_train(struct intake *intake, const uint8_t *data, size_t len, size_t datagram_len);
/* Takes up to so many records out of the ring; true when there may be more.  damaged: as ring_take. */
bool intake_records(struct intake *intake, unsigned int most, uint64_t *damaged);
/* Waits for the ring, which was empty, or for something that has been finished since its bell was heard; not longer than that. */
void intake_rest(const struct intake *intake, uint32_t heard, unsigned int most_ms);

/*
 * Call it often: collects finished jobs, once a second writes status and copies maps.  now_ms is a
 * monotonic clock, now_s the time of day.
 */
void intake_turn(struct intake *intake, uint64_t now_ms, uint64_t now_s);

/* The caller looked away from the ring for so long, and meant to for no more than meant_ms. */
void intake_note_away(struct intake *intake, uint64_t ms, uint64_t meant_ms);

/* Whether a newer registry came over the link since the last call; registrar_load reads it. */
bool intake_take_registry(struct intake *intake);
/* A registry of a version that is not lower; the intake's from here on.  -ENOMEM, told: it is not used. */
int intake_set_registry(struct intake *intake, struct registry *registry);

/* Takes an order of a person about bundles of the vault: custody_take. */
int intake_take_mandate(struct intake *intake, const struct ledger_who *peer, const uint8_t *bytes, size_t len,
			uint64_t now_s);

/* Stores every map and the status, and waits until that is done.  Before a planned end. */
void intake_store(struct intake *intake);

/* Whether repairs or judgements are under way. */
bool intake_is_busy(const struct intake *intake);
const struct status_counters *intake_counters(const struct intake *intake);
struct known_summary intake_known(const struct intake *intake);

#endif
