/*
 * ledger: what a box writes down, for good.  Format and reasons: LEDGER.md.
 *
 * An entry is made, filled, and written:
 *
 *	struct ledger_entry *e = ledger_entry_new("push.refused", VERDICT_NOT_ALLOWED);
 *	ledger_set_who(e, &who);
 *	ledger_set_text(e, "route", route);
 *	result = ledger_write(ledger, e, now);
 *
 * No call in between needs a check: a failure sticks to the entry and is the result of ledger_write,
 * which takes the entry over, whatever comes of it.  0 means that the entry is on the disk.  Anything
 * else means that it is not there, and that what it tells of must not be done.
 *
 * A ledger belongs to one process and one thread: who has the spool or the vault has the ledger in it.
 * It never waits for anything but the disk.  `now` is the time in seconds, UTC.
 *
 * Results: 0; -errno; VERDICT_BAD_LENGTH for an entry longer than a line may be (ten texts always fit);
 * -EOVERFLOW for a number that no reader could hold.  After these two the ledger is as it was.  So it is
 * after -ENOSPC, -EDQUOT, -EFBIG and other failures of writing: what was written of the batch is cut off again.
 * After a failure of fdatasync or fsync, or of cutting off, nothing can be said of the file any more:
 * that result is final, and every further call gives it, until the ledger is opened anew.
 *
 * System calls, once it is open: write, fdatasync, fallocate, ftruncate; and where a new file begins
 * openat, close, fstat, newfstatat, fcntl, fsync, getdents64, lseek, pread64, unlinkat.  ledger_open
 * also takes mkdirat.  Nothing is locked, renamed or mapped.
 */
#ifndef WEIR_LEDGER_H
#define WEIR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"
#include "ledgerline.h"

enum {
	LEDGER_RETENTION_DAYS = 1827,   /* five years */
	LEDGER_TEXT_MAX = 256,          /* bytes of a text, escaped; a longer one ends in "…" */
	LEDGER_TEXTS = 10,              /* as many texts fit into an entry, whatever is in them */
	LEDGER_BATCH_BYTES = 65536,     /* then ledger_add commits by itself */
	LEDGER_PAIR_BYTES = 16 << 20,   /* behind them no pair is sought */
	LEDGER_CHECKPOINT_S = 60,       /* no entry waits longer for a checkpoint, while somebody calls ledger_tick */
	LEDGER_FILE_BYTES = 33554432,   /* a file that has reached this is followed by a new one */
	LEDGER_RESERVE_BYTES = 1048576, /* of the disk are the ledger's already, whatever else fills it */
	LEDGER_LAST_BYTES = 65536,      /* of these are left for urgent entries */
	LEDGER_RETRY_S = 60,            /* before a new file is tried again that could not be made */
};

struct ledger;
struct ledger_entry;

/* Whoever acts.  What is not known: NULL, or false. */
struct ledger_who {
	const char *person;
	const uint8_t *key_id; /* KEY_ID_BYTES */
	bool has_peer;         /* uid and pid are those of the other end of the socket */
	uint32_t uid;
	int32_t pid;
};

/*
 * event: one of LEDGER.md 6.  result: 0, a verdict, or -errno, which is written as "environment" with
 * the field "error".  NULL when there is no memory; every function here takes that NULL.
 */
struct ledger_entry *ledger_entry_new(const char *event, int result);
void ledger_entry_free(struct ledger_entry *entry);
void ledger_set_who(struct ledger_entry *entry, const struct ledger_who *who);
/*
 * Fields of the caller's own: keys are a-z 0-9 _, none of those that every entry begins with, and not
 * "signature".  Texts are escaped as text_escape does; NULL, and a time of 0, are null.
 */
void ledger_set_text(struct ledger_entry *entry, const char *key, const char *text);
void ledger_set_number(struct ledger_entry *entry, const char *key, uint64_t number);
void ledger_set_bool(struct ledger_entry *entry, const char *key, bool value);
void ledger_set_hex(struct ledger_entry *entry, const char *key, const uint8_t *data, size_t len);
void ledger_set_time(struct ledger_entry *entry, const char *key, uint64_t time_s);
/* What a heartbeat said of the other box's ledger: the fields of a "witness" entry. */
void ledger_set_head(struct ledger_entry *entry, const char *box, const struct ledger_head *head);
/* An alarm, a stop: it may take the last of the reserve. */
void ledger_set_urgent(struct ledger_entry *entry);

struct ledger_options {
	const char *path;        /* the directory; made when it is not there */
	const struct key *box;   /* signs the checkpoints; stays the caller's until ledger_close */
	uint32_t retention_days; /* 0: LEDGER_RETENTION_DAYS */
	/*
	 * A pair of events, borrowed: `begun` is durable before what it tells of is done, `done` is written behind it,
	 * and before the next `begun`.  NULL: none.
	 */
	const char *begun, *done;
};

/*
 * Mends what a crash has left (LEDGER.md 5), and says so in an entry.  Reads the end of the last file, and
 * backwards from there as far as the last event of the pair, LEDGER_PAIR_BYTES at most.  VERDICT_BAD_CHAIN when that
 * end is no end of a ledger: it was changed by somebody, and is not written behind.  -EOPNOTSUPP on a file system that cannot set room aside.
 */
int ledger_open(struct ledger **out, const struct ledger_options *options, uint64_t now);

/*
 * What a crash, or a disk that failed, has left undone: the text field `key` of the last entry `begun` that had no
 * `done` behind it.  What waits for the commit counts, and what was dropped with a batch does not.  False: there is none.
 */
bool ledger_undone(const struct ledger *ledger, const char *key, char *out, size_t size);

/* One entry, durable when the result is 0. */
int ledger_write(struct ledger *ledger, struct ledger_entry *entry, uint64_t now);

/*
 * Many entries, durable together when ledger_commit gives 0.  A failure of one of them is also what
 * ledger_commit gives, once, after writing none of those that were waiting.
 */
int ledger_add(struct ledger *ledger, struct ledger_entry *entry, uint64_t now);
int ledger_commit(struct ledger *ledger, uint64_t now);

/* Once a second or so: writes the checkpoint that is due, and sees whether there is room again. */
int ledger_tick(struct ledger *ledger, uint64_t now);

/* The newest durable entry, for the heartbeat. */
void ledger_head(const struct ledger *ledger, struct ledger_head *out);
/* For good: only opening it anew helps. */
bool ledger_has_failed(const struct ledger *ledger);
/* Less than the reserve is left: tell of it, and accept nothing more. */
bool ledger_is_low(const struct ledger *ledger);

/* Commits, and signs what is not signed yet.  The ledger is gone after this, whatever the result. */
int ledger_close(struct ledger *ledger, uint64_t now); /* NULL is fine */

#endif
