/*
 * heard: how far the life of the sender has come, as its signed messages say, and whether it went back.  LINK.md 2.
 *
 * The epoch in use is the one whose messages have the newest signed time.  Within it beat and generation only grow.
 * A message that is newer than all before and says less is no replay: the sender was put back to an older state,
 * and nothing of that epoch is believed any more.  So it is when an epoch that another one has ended is heard again,
 * newer than all before: that one is not believed, the epoch in use still is.
 *
 * Pure: no clock, no file.  It comes here after the signatures have been checked.  As bytes, with the account of
 * numbers, it is the vault's file `heard` (VAULT.md 11).
 */
#ifndef WEIR_HEARD_H
#define WEIR_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"
#include "common/catalogue.h"

enum {
	HEARD_ENDED_MAX = 64, /* epochs; beyond it the oldest is forgotten */
	HEARD_BYTES_MAX = 16777216,
	HEARD_LATE_S = 300, /* longer the link holds nothing back */
};

/* Zeros: nothing has been heard. */
struct heard {
	uint64_t epoch;
	uint64_t newest_s;        /* signed, of the newest message */
	bool has_before;          /* a message of this epoch has said which one it continues: */
	uint64_t before;          /* 0: none */
	bool has_beat;
	uint64_t beat;
	uint64_t promised;        /* generation of the newest heartbeat */
	uint32_t promised_pages;
	bool went_back;           /* the sender, in this epoch */
	uint64_t returned;        /* an epoch that had ended, and was heard again after this one began; 0: none */
	size_t ended_count;
	uint64_t ended[HEARD_ENDED_MAX]; /* newest first */
	/* not in the file: */
	uint64_t beat_s;          /* signed, of the newest beat; 0: not heard since the start */
	uint64_t late_until_s;    /* the clock was set back: signed up to here, a message may be late; 0: it was not */
};

/*
 * A message of this epoch, signed at time_s, that says which one it follows (0: it does not say): when that is the
 * epoch in use, it is heard whatever its clock.  VERDICT_OK: it may be heard.  1: it may, and begins this epoch.
 * -EACCES: it is proof that the sender went back, and what follows from that is noted.  -ESTALE: it is older than
 * what is known, or not believed.
 */
int heard_enter(struct heard *heard, uint64_t epoch, uint64_t before, uint64_t time_s);
/* What a message of the epoch in use says of the one before it. */
void heard_note_before(struct heard *heard, uint64_t before);
/* A message of the epoch in use is proof in another way. */
void heard_go_back(struct heard *heard);

/* A heartbeat, after heard_enter: VERDICT_OK, -EALREADY (the one heard last), -EACCES or -ESTALE as above. */
int heard_beat(struct heard *heard, const struct heartbeat *heartbeat);
/* What heard_enter and heard_beat would say; changes nothing.  0 where its signature has to be looked at first. */
int heard_judge_beat(const struct heard *heard, const struct heartbeat *heartbeat);

/* A message of the epoch in use tells of this generation at time_s; so it shows that the sender's clock was set back. */
void heard_note_generation(struct heard *heard, uint64_t generation, uint64_t time_s);
/*
 * Whether a message of this epoch that says less, signed at time_s, may have been under way when the sender's clock was
 * set back: it is newer than others that were sent behind it, and proves nothing.
 */
bool heard_may_be_late(const struct heard *heard, uint64_t time_s);

bool heard_has_ended(const struct heard *heard, uint64_t epoch);

/* The file.  *out is the caller's to free.  -ENOMEM. */
int heard_encode(uint8_t **out, size_t *len, const struct heard *heard, const struct account *account);
/* VERDICT_TRUNCATED, _BAD_MAGIC, _UNKNOWN_VERSION, _BAD_DIGEST, _BAD_RESERVED, _BAD_LIMIT, _BAD_ORDER,
   _TRAILING_BYTES; -ENOMEM.  The account is the caller's. */
int heard_decode(struct heard *out, struct account **account, const uint8_t *bytes, size_t len);

#endif
