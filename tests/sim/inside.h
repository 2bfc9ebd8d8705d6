/* inside: what the parts of the simulator share. */
#ifndef WEIR_TEST_SIM_INSIDE_H
#define WEIR_TEST_SIM_INSIDE_H

#include "common/registry.h"
#include "receiver/arrivals.h"
#include "receiver/heard.h"
#include "receiver/known.h"
#include "receiver/missing.h"
#include "sender/epochs.h"
#include "sender/lineup.h"
#include "sender/outgoing.h"
#include "sender/paging.h"
#include "sender/walk.h"
#include "sim.h"
#include "tests/lib/plainmap.h"

enum {
	BUNDLES_MAX = 256,
	EVENTS_MAX = 4096,
	DISORDER_MAX = 10000,
	SIM_EPOCH_TIME = 1780272000,
};
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define NEVER UINT64_MAX

/* A signed message on its way; the page that announces it and the link hold it. */
struct message {
	unsigned int holders;
	bool is_page;
	uint64_t made_ns;
	struct page page;
	struct heartbeat heartbeat;
	/* beside the heartbeat: of each route the first number in this epoch, and the newest in its generation */
	uint64_t lowest[SIM_ROUTES], highest[SIM_ROUTES];
	struct control_message bytes;
};
struct message *message_hold(struct message *message);
void message_drop(struct message *message);

struct packet {
	struct message *message; /* NULL: data */
	uint32_t truth;          /* which bundle */
	struct bundle_id id;
	struct geometry geometry;
	struct span span;
	bool is_first; /* of the first pass */
};

/* What is true of one bundle. */
struct truth {
	struct bundle_id id;
	struct geometry g;
	uint32_t rows, columns;
	uint64_t accepted_ns;
	uint64_t worked_ns;    /* all its work has ended; 0: not yet */
	bool is_offered;       /* the sender still has it */
	uint32_t in_flight;    /* datagrams of its first pass that the link holds back */
	uint8_t *crossed;      /* each symbol: handed to the receiver, and not lost there with its power */
	uint16_t *column;      /* of each block */
	uint64_t lacking;      /* columns with less than k */
	uint64_t whole_ns;     /* since when none is */
	unsigned int delivered;
	bool has_passed;
	bool was_missing, was_lost;
	uint64_t owed_ns;      /* until then it must have a name */
	bool is_unseen, is_overdue, is_late;
	bool is_forgotten;     /* by a sender put back to an older state, and nobody had been told of it */
};

struct spool_table {
	struct spool_item *items[BUNDLES_MAX]; /* newest release first */
	uint32_t truth[BUNDLES_MAX];           /* of each */
	size_t count;
	uint64_t epoch, generation, beat, serial;
	uint64_t before[EPOCHS_MAX]; /* the epochs before, newest first; 0 ends them */
	uint64_t begun; /* the epoch, by the sender's clock */
	uint64_t lowest[SIM_ROUTES], highest[SIM_ROUTES];
	uint64_t named[SIM_ROUTES]; /* the highest when the newest generation was made */
};

struct sim_lane {
	bool is_used;
	unsigned int announced;
	int page;
	struct task order;
	uint32_t truth;
	enum order_state state;
	struct walk at;
	bool has_begun;
	uint64_t ordered_ns;
};

struct sender {
	struct spool_table spool, backup;
	bool has_backup;
	/* hold */
	uint64_t hold_ns, hold_back_ns;
	uint64_t ticks, offered_ms;
	bool has_changed;
	struct lineup lineup;
	struct paging paging;
	/* between them */
	struct orders_page *orders;
	uint64_t version;
	uint32_t order_truth[ORDERS_MAX];
	uint64_t order_ns[ORDERS_MAX]; /* when it was published first */
	uint64_t new_serial;           /* orders from here on are new */
	struct message *heartbeat, *pages[ORDERS_CONTROL_MAX];
	struct progress_page progress;
	/* emit */
	uint64_t emit_ns, emit_back_ns;
	uint64_t seen_version;
	struct outgoing outgoing;
	struct sim_lane lanes[ORDERS_MAX];
	uint64_t healed_ns;    /* when a batch for healing went last, with no work since */
	int64_t clock_s;
	uint64_t full_until_ns;
	uint64_t heal_from_ns, heal_bytes;
};

/* What the receiver's disk has of one bundle that arrives, and the map in its tmpfs. */
struct arrival {
	bool is_used;
	uint32_t truth;
	struct bundle_id id;
	struct geometry g;
	size_t len;
	uint8_t *map, *stored;
	bool has_changed;
	struct arrivals *arrivals;
	uint64_t last_ns;
	bool is_whole;
};

struct vault_entry {
	struct bundle_id id;
	bool is_delivered, is_lost;
};

struct receiver {
	uint64_t turn_ns, back_ns, full_until_ns, stored_ns;
	bool is_up;
	struct known *known;
	uint8_t *stored_heard; /* the file; NULL: none */
	size_t stored_heard_len;
	uint64_t opened_ns;    /* when keep was started last */
	struct missing_link heard;
	struct arrival arrivals[BUNDLES_MAX];
	struct vault_entry entries[BUNDLES_MAX];
	size_t entry_count;
	struct message *stored[ORDERS_CONTROL_MAX], *newest[ORDERS_CONTROL_MAX], *owed[ORDERS_CONTROL_MAX];
	uint32_t stored_count, owed_count;
	uint64_t owed_epoch, owed_generation, heard_stored_ns;
	bool is_loading, has_named;
	struct packet *pending;
	size_t pending_first, pending_count, pending_max;
	uint64_t heard_ns;
	struct known_bundle *last;
};

struct event {
	uint64_t at_ns;
	enum sim_event kind;
	int64_t value;
};

struct sim {
	struct sim_terms terms;
	struct sim_link link;
	uint64_t seed, random;
	uint64_t now_ns;
	struct registry *registry;
	struct event events[EVENTS_MAX];
	size_t event_count, event_next;
	bool events_sorted;
	/* the link */
	bool is_bad;
	uint64_t outage_until_ns;
	struct packet *disorder;
	size_t disorder_count;
	uint64_t flush_ns;
	/* the truth */
	struct truth truths[BUNDLES_MAX];
	uint32_t truth_count;
	uint64_t first_data_ns;
	bool has_ended;        /* found in the receiver's turns */
	uint8_t box_seed[SUITE_KEY_BYTES];
	struct sender sender;
	struct receiver receiver;
	struct sim_report report;
};

double sim_chance(struct sim *sim);
uint64_t sim_below(struct sim *sim, uint64_t end);
/* The first one is kept as a sentence. */
void sim_complain(struct sim *sim, unsigned int *counter, const struct truth *truth, const char *what);

void sender_open(struct sim *sim);
void sender_close(struct sim *sim);
void sender_push(struct sim *sim, uint64_t object_len);
void sender_backup(struct sim *sim);
void sender_restore(struct sim *sim);
void sender_hold_dies(struct sim *sim, uint64_t back_ns);
void sender_emit_dies(struct sim *sim, uint64_t back_ns);
void sender_power(struct sim *sim, uint64_t back_ns);
void sender_hold_run(struct sim *sim);
/* The orders and messages of the page go. */
void sender_empty_page(struct sender *s);
struct plan_terms sender_terms(const struct sim *sim);
uint64_t sender_clock_s(const struct sim *sim);
uint64_t sender_round_bytes(const struct sim *sim);

void emit_begin(struct sim *sim);
void emit_run(struct sim *sim);

/* Takes the packet over. */
void link_send(struct sim *sim, const struct packet *packet);
void link_flush(struct sim *sim);

void truth_crossed(struct sim *sim, const struct packet *packet);
/* It has not been kept, unless the map says so. */
void truth_uncross(struct sim *sim, const struct packet *packet, const uint8_t *map);
/* After a power cut: what the map says has stayed. */
void truth_reset(struct sim *sim, struct truth *truth, const uint8_t *map);
/* One is heard that was made then: what it can tell of must have a name within a minute. */
void truth_heartbeat(struct sim *sim, uint64_t made_ns);
/* What was owed a name is not any more, since the receiver hears nothing. */
void truth_deaf(struct sim *sim);
void truth_judge(struct sim *sim);
void truth_free(struct sim *sim);

void receiver_open(struct sim *sim);
void receiver_close(struct sim *sim);
void receiver_take(struct sim *sim, const struct packet *packet);
void receiver_run(struct sim *sim);
void receiver_keep_dies(struct sim *sim, uint64_t back_ns);
void receiver_power(struct sim *sim, uint64_t back_ns);
void receiver_vault_lost(struct sim *sim);
/* In the catalogue as the receiver knows it, or entered as lost or delivered. */
bool receiver_names(const struct sim *sim, const struct bundle_id *id);
bool receiver_has_lost(const struct sim *sim, const struct bundle_id *id);
uint64_t receiver_heads(const struct sim *sim, uint64_t highest[static SIM_ROUTES]);

#endif
