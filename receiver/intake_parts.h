/*
 * The inside of intake.h, for intake.c and intake_control.c alone.
 */
#ifndef WEIR_INTAKE_PARTS_H
#define WEIR_INTAKE_PARTS_H

#include "clerk.h"
#include "awaited.h"
#include "intake.h"
#include "lookout.h"
#include "marker.h"
#include "pending.h"
#include "retention.h"
#include "scrub.h"
#include "sequence.h"
#include "vigil.h"

/* Registries stay: judgements that run in another thread may use an older one. */
struct kept_registry {
	struct kept_registry *next;
	struct registry *registry;
};

struct intake {
	struct intake_options o;
	struct known *known;
	struct reception *reception;
	struct pending *pending;
	struct workshop *workshop;
	struct kept_registry *registries;
	struct status_counters counters, told;
	struct sequence sequence;
	const struct known_bundle *last; /* the one the datagram before was of */
	bool has_named;                  /* since pending was last replayed */
	int last_refusal;                /* of a control message; told once until it changes */
	uint64_t refusal_told_ms;
	int owed_refusal;                /* to be told when it is due; 0: none */
	unsigned int dropped;            /* in this sweep, though not delivered */
	uint64_t epoch_told;
	bool is_back_told;               /* that the sender was put back, */
	uint64_t returned_told;          /* also by an epoch that had ended */
	bool is_full_told;               /* that no more numbers can be noted */
	uint64_t heard_stored_ms, heard_beat, heard_changes; /* when and what of the sender's life was stored */
	uint64_t now_ms, now_s, status_ms, told_ms, committed_ms;
	uint64_t heard_ms;               /* the newest heartbeat; at first the start */
	bool is_silent;
	uint64_t data_s;                 /* when a datagram of any bundle last came */
	uint64_t caught_up_s;
	struct vigil vigil;
	struct awaited awaited;
	uint64_t watched_ms;
	uint64_t batch;                  /* of names, between two commits */
	int lost_failure;                /* of writing vault/lost, as told */
	uint64_t lost_batch;             /* the first that could not be written; 0: none */
	struct clerk clerk;
	struct annals *annals;
	bool annals_are_doubtful;
	struct custody *custody;
	struct retention *retention;
	struct scrub *scrub;
	struct marker marker;            /* as stored last */
	bool is_marker_under_way;
	int marker_failure;              /* as last told */
	int runtime_fd;
	struct lookout lookout;
	bool is_loading;                 /* the stored catalogue */
	uint64_t stored_epoch, stored_generation;
};

const struct registry *intake_registry(const struct intake *in);
/* What may wait in the ring to be written together; 0 without a ring. */
uint64_t intake_gather_bytes(const struct intake *in);
/* A heartbeat or a catalogue page. */
void intake_take_control(struct intake *in, const struct datagram *d);
/* Of a refused message that has not been told of yet; every turn. */
/* What came under a right tag is refused with this result, of which people are told, once in a row. */
void intake_refuse(struct intake *in, int result);
void intake_tell_refusal(struct intake *in);
/* Adds the entry that this bundle was named. */
void intake_enter_name(struct intake *in, struct known_bundle *bundle);
/* At the start, when everything is loaded: compares the vault with the marker. */
void intake_check_marker(struct intake *in, bool annals_are_doubtful);
/* Every second: stores it when it has changed. */
void intake_follow_marker(struct intake *in);
void intake_store_catalogue(struct intake *in);
/* Of intake_watch.c: what is missing, lost or expected; intake_watch every turn. */
void intake_watch_start(struct intake *in);
void intake_watch(struct intake *in);
/* Adds the entries of what is lost; and what came of the commit. */
void intake_enter_lost(struct intake *in);
void intake_lost_entered(struct intake *in, int commit_result);
bool intake_may_store_catalogue(const struct intake *in);
/* What is expected, and how it stands; nothing when the file says that. */
void intake_store_expected(struct intake *in);
/* The life of the sender: heads, epochs, what went back, numbers that were lost unseen; and its file. */
int intake_take_heads(struct intake *in, const uint8_t *message, size_t len);
void intake_follow_life(struct intake *in);
void intake_settle_numbers(struct intake *in);
void intake_follow_heard(struct intake *in);
void intake_store_heard(struct intake *in);
int intake_load_heard(struct intake *in);
/* Before that is loaded: whether it says that another epoch has taken the place of this one. */
bool intake_stored_epoch_ended(const struct intake *in, uint64_t epoch);
/* The box must be in the registry, in good standing when it signed, and have signed these bytes. */
const struct party *intake_box(const struct intake *in, const uint8_t box_key[static KEY_ID_BYTES]);
int intake_check_signer(const struct party *box, const uint8_t *message, size_t len, uint64_t time);
/* The one that was stored by the process before. */
int intake_load_catalogue(struct intake *in);

#endif
