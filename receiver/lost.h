/*
 * lost: what was named, or must have been released, and will not come any more, until a person says that it is
 * known.  Format: VAULT.md 6.
 *
 *   vault/lost   a line for each, replaced as a whole
 *
 * What is added is durable in two steps: its entry `lost` in the ledger, then its line.  Until then it is owed, and
 * the catalogue that no longer names it must not be stored: so whatever a crash cuts off is found again.  One process
 * writes, one thread calls.
 */
#ifndef WEIR_LOST_H
#define WEIR_LOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/datagram.h"
#include "diary.h"

enum {
	LOST_MAX = 16384,         /* lines; beyond, only the ledger has it */
	LOST_BYTES_MAX = 4194304, /* of the file */
	LOST_NUMBERS_MAX = 1000000000, /* in one line */
};

enum lost_why {
	LOST_NOT_OFFERED,  /* the sender no longer offers it */
	LOST_NEVER_NAMED,  /* numbers between others that the sender has given, and no page has named */
	LOST_TOO_OLD,      /* nothing of it came for unfinished_days, and no more is to be expected */
	LOST_REFUSED,      /* it came and was refused, and is no longer offered */
	LOST_NO_ROOM,      /* what had come was given up for another; it is still offered, so only the ledger has it */
	LOST_WHY_COUNT,
};
/* "not-offered", …: in the file and in the ledger. */
const char *lost_why_name(enum lost_why why);
/* In words, behind the name of the bundle. */
const char *lost_why_explain(enum lost_why why);

struct lost_item {
	struct bundle_id id;
	uint64_t count;        /* of numbers from id.number on: 1, but for LOST_NEVER_NAMED */
	enum lost_why why;
	uint64_t held_bytes;   /* of it had come */
	uint64_t object_bytes; /* 0: not known */
	uint64_t at_s;
};

/* The file.  The text is the caller's to free. */
int lost_encode(char **out, size_t *len, const struct lost_item *items, size_t count);
/* Total.  VERDICT_DAMAGED for any line that lost_encode would not have written; -ENOMEM. */
int lost_decode(struct lost_item **out, size_t *count, const char *text, size_t len);
/* That of a vault; none when there is no file. */
int lost_load(int vault_fd, struct lost_item **out, size_t *count);

struct lost;

/*
 * VERDICT_DAMAGED: the file is none; it has been moved to vault/lost.damaged, and the list is empty.  Otherwise 0 or
 * -errno, and then *out is not set.
 */
int lost_open(struct lost **out, int vault_fd);
void lost_close(struct lost *lost); /* NULL is fine */

/* Owed from now on; nothing, when it is listed or owed already.  -ENOMEM. */
int lost_add(struct lost *lost, const struct lost_item *item);
/* Whether something is owed to the ledger or to the file. */
bool lost_owes(const struct lost *lost);
/* Adds the entries that are owed; name_of gives the name of a bundle. */
typedef void lost_name(const void *context, const struct bundle_id *id, char name[static 64]);
void lost_enter(struct lost *lost, struct diary *diary, lost_name *name_of, const void *context);
/* What came of the commit behind lost_enter.  When all went well, the file is written: 0 or -errno. */
int lost_entered(struct lost *lost, int result);

/* Takes it off the list: it has come after all, or is acknowledged.  False when it is not there. */
bool lost_remove(struct lost *lost, const struct bundle_id *id);
/* NULL when it is not listed. */
const struct lost_item *lost_find(const struct lost *lost, const struct bundle_id *id);
size_t lost_count(const struct lost *lost);
const struct lost_item *lost_at(const struct lost *lost, size_t index);

/*
 * A person has taken note of it, by a signed order: `lost.acknowledged` is made durable, then it is taken off the
 * list.  -ENOENT: it is not there.
 */
struct lost_note {
	struct ledger_who who;
	const uint8_t *mandate; /* id of the order, MANDATE_ID_BYTES */
};
int lost_acknowledge(struct lost *lost, const struct bundle_id *id, struct diary *diary, const struct lost_note *note,
		     const char *name);

/* Of what has been added and is not listed yet, from 0 on; NULL behind the last. */
const struct lost_item *lost_owed(const struct lost *lost, size_t index);
/* All of that waits for a commit from now on. */
void lost_note_added(struct lost *lost);
/* Writes the list when it is not what the file says. */
int lost_store(struct lost *lost);

#endif
