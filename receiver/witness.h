/*
 * witness: what this box has heard of the sender's ledger.  LEDGER.md 3.
 *
 * Heartbeats bring the head of that ledger once a second.  Some of them are written into our own, so
 * that whoever changes or shortens the sender's ledger later would have to change ours, too; and a head
 * that cannot follow the one before is noticed at once.
 */
#ifndef WEIR_WITNESS_H
#define WEIR_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/ledgerline.h"

enum { WITNESS_EVERY_S = 60 }; /* at most one entry in this time, but for what is wrong */

/* Zeros: nothing has been heard. */
struct witness {
	char box[NAME_BYTES];
	struct ledger_head heard;
	struct ledger_head written;
	uint64_t written_s;
};

enum witness_news {
	WITNESS_SAME,
	WITNESS_MORE,      /* it has grown, or is heard of for the first time */
	WITNESS_WENT_BACK, /* its newest entry has a number below one that was heard */
	WITNESS_CHANGED,   /* the same number has another hash */
};

/* Takes a head whose signature was right.  Another box's ledger is another ledger. */
enum witness_news witness_hear(struct witness *witness, const char *box, const struct ledger_head *head);

/* Whether what was heard is to be written now; not before is: the same, however recent that is. */
bool witness_is_due(const struct witness *witness, uint64_t now_s);
bool witness_is_owed(const struct witness *witness);
void witness_note_written(struct witness *witness, uint64_t now_s);

/*
 * After a start: the newest "witness" entry near the end of our own ledger in dir_fd.  0, also when there
 * is none; -errno.
 */
int witness_recall(struct witness *witness, int dir_fd);

#endif
