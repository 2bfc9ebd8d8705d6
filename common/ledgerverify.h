/*
 * ledgerverify: whether a ledger is whole and as it was written.  Rules: LEDGER.md 7.  Needs the
 * public keys of the boxes that may have signed it, and no daemon; a million entries take seconds.
 *
 * What stands behind the last checkpoint is not signed yet: somebody who can write there can change it,
 * or cut entries off the end together with their checkpoint, so that nothing here shows it.  A witness
 * does: heads that the other box has heard of, or that somebody has noted down.
 */
#ifndef WEIR_LEDGERVERIFY_H
#define WEIR_LEDGERVERIFY_H

#include "ledgerline.h"

enum {
	LEDGER_BACKWARDS_S = 5,      /* a clock may be set back by so much without a note */
	LEDGER_WITNESS_MAX = 65536,  /* heads that are kept to be compared */
	LEDGER_FINDING_BYTES = 256,
};

struct ledger_finding {
	bool is_note;        /* nothing wrong by itself */
	int verdict;         /* why; a note has one, too */
	const char *file;    /* "" when it is about no file */
	uint64_t line;       /* 0 when it is about none */
	uint64_t n;          /* the entry */
	const char *what;    /* one clause */
	const char *next;    /* what to do */
};

/* What a witness has seen. */
struct ledger_witness {
	struct ledger_head *heads;
	size_t count;
	size_t size; /* capacity */
};

/*
 * Takes a head in; n may be in any order.  When there are LEDGER_WITNESS_MAX, every second one is left
 * out, and never the newest: a head stands for all entries before it.  0 or -ENOMEM.
 */
int ledger_witness_add(struct ledger_witness *witness, const struct ledger_head *head);
/* Before they are compared. */
void ledger_witness_sort(struct ledger_witness *witness);
void ledger_witness_free(struct ledger_witness *witness);

struct ledger_verifying {
	const struct card *const *boxes; /* keys that may have signed: several of one box, when it got a new one */
	size_t box_count;
	const struct ledger_witness *witness; /* sorted; NULL: none */
	void (*report)(void *context, const struct ledger_finding *finding);
	void (*advance)(void *context, uint64_t bytes_done); /* NULL: none */
	/* Each sound entry, in order; NULL: none.  0 goes on, else it ends and is the result. */
	int (*take)(void *context, const struct ledger_line *line, const char *text, size_t len);
	void *context;
};

struct ledger_summary {
	char box[NAME_BYTES];    /* who signed; "" without a checkpoint */
	uint64_t first, entries, files, checkpoints;
	uint64_t from, to;       /* times of the first and the last entry */
	struct ledger_head head; /* of the last entry */
	uint64_t signed_n;       /* the last entry that a good checkpoint signs; 0: none */
	uint64_t witnessed_n;    /* the last entry that the witness has seen just so; 0: none */
	uint64_t wrong, notes;   /* findings */
};

/*
 * Reads everything, and reports what it finds on the way.  0 when nothing is wrong; the verdict of the
 * first thing that is; -errno, with the summary untouched.  A ledger of no files is -ENOENT.
 */
int ledger_verify(int dir_fd, const struct ledger_verifying *verifying, struct ledger_summary *summary);

#endif
