/*
 * ledgerparts: the inside of ledger.h, for ledger.c, ledgerentry.c, ledgeropen.c and ledgerroll.c alone.
 */
#ifndef WEIR_LEDGERPARTS_H
#define WEIR_LEDGERPARTS_H

#include "json.h"
#include "ledger.h"

enum { LEDGER_KEY_MAX = 32, LEDGER_DIR_MODE = 0750 };

struct ledger_entry {
	struct json *json; /* event, result, and the caller's fields */
	bool is_urgent;
};

/* What is not signed yet: how many entries behind the last checkpoint, and since when. */
struct ledger_unsigned {
	uint32_t count;
	uint64_t since;
};

/* The line of the pair's first event that has no second behind it; len 0: there is none. */
struct ledger_undone {
	size_t len;
	char text[LEDGER_LINE_MAX];
};

struct ledger {
	int dir;
	int fd; /* the last file; appends */
	const struct key *box;
	uint32_t retention_days;
	struct ledger_file file;
	uint64_t size;           /* durable bytes of the last file */
	uint64_t room_end;       /* up to here its blocks are there already */
	struct ledger_head head; /* durable */
	struct ledger_unsigned behind;
	bool is_low;
	bool wants_checkpoint;   /* the first commit after the start signs, whatever else is due */
	int failure;             /* final */
	int stuck;               /* of an entry of this batch */
	uint64_t retry_at;       /* not before this is a new file tried again */
	const char *begun, *done;    /* the pair; NULL: none */
	struct ledger_undone undone; /* durable */
	uint64_t month_seen;     /* the day, since 1970, for which month_passed was found */
	bool month_passed;
	/* the batch, which begins behind head */
	struct ledger_head next;
	struct ledger_unsigned next_behind;
	struct ledger_undone next_undone;
	bool pair_has_changed; /* next_undone is not undone */
	bool is_urgent;
	size_t batch_len;
	char batch[LEDGER_BATCH_BYTES];
};

/* Into the batch, which has room for it.  Takes the entry over. */
int ledger_put(struct ledger *ledger, struct ledger_entry *entry, uint64_t now);
int ledger_put_checkpoint(struct ledger *ledger, uint64_t now);
/* The batch onto the disk; after a failure it is empty, and the file as it was. */
int ledger_flush(struct ledger *ledger);
void ledger_drop(struct ledger *ledger);
/* Sets blocks aside behind the end of the batch; is_low says whether they are fewer than the reserve. */
int ledger_make_room(struct ledger *ledger);

/* Blocks for len bytes, which are there even when the file ends before them. */
int ledger_allocate(int fd, uint64_t at, uint64_t len);

bool ledger_roll_is_due(struct ledger *ledger, uint64_t now);
/*
 * Goes on in a new file, and removes those that are older than the retention.  The batch is empty.
 * A new file that cannot be made is tried again later; not 0 only when the ledger has failed for good.
 */
int ledger_roll(struct ledger *ledger, uint64_t now);

#endif
