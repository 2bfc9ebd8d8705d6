/*
 * inbox_gaps: what `weir-inbox gaps` has found, for its files alone: inbox_gaps.c compares, inbox_gaps_text.c and
 * inbox_gaps_json.c show; inbox_gaps_known.c takes a person's word that a loss is known.
 */
#ifndef WEIR_INBOX_GAPS_H
#define WEIR_INBOX_GAPS_H

#include "common/expecting.h"
#include "common/resendcode.h"
#include "inbox.h"
#include "inbox_life.h"
#include "inbox_past.h"
#include "lost.h"
#include "missing.h"

/* What a refusal says when the same push was delivered under another number. */
#define GAPS_REPEATED "already-delivered"

enum { GAPS_STALE_S = 10, /* keep writes its status every second */
       GAPS_BEHIND_S = 5  /* a page may be that late; all of them come within two seconds */ };

/* A bundle that is promised and not here. */
struct gap {
	const struct entry *entry;
	char name[BUNDLE_NAME_BYTES];
	char epoch[20];
	struct json_view status; /* what keep says of it; empty when it has not told */
	struct missing_judgement judgement;
	char resend[RESENDCODE_TEXT_BYTES]; /* the code that has it sent once more; "" where that mends nothing */
	uint64_t missing_bytes;  /* that must still come: repair rows can stand for some of what is not here */
	uint64_t damaged_s;      /* it was here, and found damaged then; 0: it was not */
};

/* What is wrong with the whole of it rather than with one bundle. */
struct gaps_state {
	uint64_t written;
	uint64_t heartbeat;
	uint64_t pages, pages_held;
	uint64_t registry, sender_registry;
	bool is_stale;
	bool is_silent;
	bool is_incomplete;
	bool disk_is_full;
};

struct gaps {
	struct vault_catalogue catalogue;
	struct vault_item *items;
	size_t item_count;
	struct inbox_status status;
	struct inbox_life life;
	struct registry *registry; /* the box's, for the names of routes */
	uint64_t now;
	int vault;
	uint32_t disk_full_percent;
	size_t delivered;
	size_t repeated;           /* its push was delivered under another number */
	size_t past;               /* not here, but it would have been destroyed by now, or was */
	size_t destroyed;          /* of these */
	size_t damaged;            /* whether they are told of as missing, as lost for good, or as damaged alone */
	bool is_put_back;
	struct annals *annals;
	struct json *damaged_array; /* NULL: for a person's eye */
	struct gap *gaps;          /* what is missing first, then what is on its way */
	size_t missing, on_its_way;
	struct lost_item *lost;    /* for good, and not acknowledged */
	size_t lost_count;
	struct expecting expecting;
	size_t overdue;            /* routes */
	struct missing_link link;
	struct gaps_state state;
};

/* Nothing is missing, and nothing can be missing unseen. */
bool gaps_are_none(const struct gaps *gaps);
bool gaps_are_known(const struct gaps *gaps);
/* As a route that the registry does not name yet is shown: by its id. */
void gaps_name(char out[static BUNDLE_NAME_BYTES], const struct gaps *gaps, uint16_t route_id, uint64_t number);

void gaps_print(const struct gaps *gaps);
int gaps_print_json(struct gaps *gaps); /* an exit code; speaks */

/* The one that counts here.  An exit code; speaks. */
int gaps_load_registry(struct gaps *gaps, const struct inbox *inbox);
/* `--acknowledge`: a person's signed word that a loss is known.  An exit code; speaks. */
int gaps_acknowledge(struct inbox *inbox, const struct inbox_options *options);

#endif
