/*
 * orders: the page that hold writes and emit reads, and the page that emit writes and hold reads.
 *
 * Both are files in the runtime directory (a tmpfs), mapped by both processes, each writable by one.
 * hold never waits for emit and emit never waits for hold; either may be restarted at any time.
 * A page is read as hostile input: emit checks every field that it uses (geometry_check, names).
 *
 * A page is guarded by a sequence lock: its writer makes `version` odd, writes, makes it even; a reader copies it
 * and starts again when the version was odd or has changed.  So that what is read meanwhile is defined, what both
 * processes have mapped is a row of atomic words, which this module alone touches; everybody else has copies.
 */
#ifndef WEIR_ORDERS_H
#define WEIR_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/catalogue.h"
#include "common/datagram.h"
#include "plan.h"

enum {
	ORDERS_WORK_MAX = 64,     /* on the link at a time */
	ORDERS_HEAL_MAX = 16,     /* and of those that wait for an idle link */
	ORDERS_MAX = ORDERS_WORK_MAX + ORDERS_HEAL_MAX,
	ORDERS_CONTROL_MAX = 640, /* catalogue pages in the page at a time: 10,240 bundles */
	ORDERS_HEADS_MAX = 20,    /* messages of heads: 1,040 routes */
	ORDER_FILE_BYTES = 64,
};
#define ORDERS_FILE "orders"
#define PROGRESS_FILE "progress"
#define ORDERS_MAGIC UINT64_C(0x3530564f52494557) /* "WEIROV05" */

enum task_kind {
	TASK_WORK,
	TASK_HEAL, /* only when no work is ready, and at its own share of the rate */
};

/* Rows of blocks of one bundle, to be sent once, in their order. */
struct task {
	uint64_t serial;             /* of this order, ascending, never 0 in use */
	struct bundle_id id;
	struct geometry geometry;
	struct plan_step step;       /* not_before_ms by CLOCK_MONOTONIC */
	uint8_t priority;            /* 1 first … 9 */
	uint8_t kind;                /* enum task_kind */
	bool is_in_sent;             /* the file lies in the spool's folder sent/, else in ready/ */
	uint32_t page;               /* of the catalogue, that names it */
	char file[ORDER_FILE_BYTES]; /* its name, e.g. "tax-000123" */
};

struct control_message {
	uint16_t len;
	uint8_t bytes[PAGE_BYTES_MAX];
};

struct orders_page {
	uint64_t magic;
	uint64_t version;                 /* of a copy: which one it is of */
	uint64_t epoch;
	uint64_t is_shut;                 /* not 0: a layer of the link is missing (LAYERS.md 4); emit ends */
	struct control_message heartbeat; /* the newest, already signed; sent once for each new `beat` */
	uint64_t beat;
	struct ledger_head ledger;        /* as in the heartbeat */
	uint64_t generation;              /* of the catalogue, the pages below */
	uint32_t page_count;
	uint32_t order_count;
	uint32_t newest_page;             /* the one that took a bundle last */
	uint64_t heads_made;              /* another number for each new set of heads */
	uint32_t heads_count;
	struct control_message heads[ORDERS_HEADS_MAX];
	struct task orders[ORDERS_MAX];
	uint64_t made[ORDERS_CONTROL_MAX]; /* generation in which each page was made */
	struct control_message pages[ORDERS_CONTROL_MAX];
};

enum order_state { ORDER_WAITING, ORDER_SENDING, ORDER_SENT, ORDER_FAILED };

struct order_progress {
	uint64_t serial;       /* which order this is about */
	uint32_t state;        /* enum order_state */
	int32_t error;         /* ORDER_FAILED: -errno or a verdict */
	uint64_t sent_bytes;   /* of the rows that are ordered */
	uint64_t total_bytes;
};

struct progress_page {
	uint64_t magic;
	uint64_t version;
	uint64_t updated_ms;        /* CLOCK_REALTIME; hold sees by it that emit lives */
	uint64_t datagrams;         /* since the transmitter started */
	uint64_t bytes;             /* of UDP payload */
	uint64_t send_errors;
	uint64_t generation_sent;   /* newest catalogue generation of which every page went out once */
	uint32_t count;
	struct order_progress orders[ORDERS_MAX];
};

/* The two pages as they are mapped. */
struct orders_shared;
struct progress_shared;

/*
 * Maps a page in directory `runtime`, creating it when `writable`.  0 or -errno (-ENOENT: not yet
 * there).  A page that exists is kept with its content and its version, so that whoever has mapped it
 * sees what a restarted writer writes; the writer fills it in anew before it does anything else.
 */
int orders_map(struct orders_shared **out, const char *runtime, bool writable);
int progress_map(struct progress_shared **out, const char *runtime, bool writable);
void orders_unmap(struct orders_shared *shared);     /* NULL is fine */
void progress_unmap(struct progress_shared *shared); /* NULL is fine */

/* The one writer of a page: all that `page` has, of its pages as many as it counts.  Magic and version are not taken. */
void orders_write(struct orders_shared *shared, const struct orders_page *page);
void progress_write(struct progress_shared *shared, const struct progress_page *page);

/*
 * Copies a whole page as one writer left it.  -EAGAIN when the writer is busy or has written nothing yet:
 * try again later.  orders_read: -EINVAL when a count or length is beyond its array; nothing else is checked.  out is
 * written in any case; of its pages as many as it counts.
 */
int orders_read(struct orders_page *out, const struct orders_shared *shared);
int progress_read(struct progress_page *out, const struct progress_shared *shared);

/* Another number for each time that the page was written; what orders_read puts into `version`. */
uint64_t orders_version(const struct orders_shared *shared);
/* is_shut alone, as it is now. */
bool orders_is_shut(const struct orders_shared *shared);
/* Copies all of a page whose writer is gone, perhaps in the midst of writing: nothing is checked. */
void orders_inherit(struct orders_page *out, const struct orders_shared *shared);

#endif
