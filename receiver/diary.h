/*
 * diary: what weir-keep writes into its ledger (LEDGER.md), and whether it can.
 *
 * Entries are added, and durable when diary_commit gives 0; after another result none of those that
 * waited is written, and what they tell of must wait or be told again.  The first failure is an event, once,
 * until it is over.  A ledger that failed for good is opened anew every few seconds.  One thread calls.
 */
#ifndef WEIR_DIARY_H
#define WEIR_DIARY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ledger.h"
#include "accept.h"
#include "witness.h"

enum {
	/* a minute; what is more is counted */
	DIARY_ALARMS_MAX = 60,
	DIARY_COMMANDS_MAX = 120,
	DIARY_OPENINGS_MAX = 6000, /* of what is not done without its entry; more must wait */
	DIARY_RETRY_S = 5,
};

struct diary;
struct lost_item;
struct lost_note;

/*
 * In "ledger" below the vault.  box stays the caller's until diary_close.  As ledger_open; but where
 * there is no room for it now, it is opened when there is.
 */
int diary_open(struct diary **out, const char *vault, const struct key *box, uint64_t now_s);
/* Writes what is owed, and "stop".  NULL is fine. */
void diary_close(struct diary *diary);

/* Once a second: what the clock asks for.  Entries added before the next tick have this time. */
void diary_tick(struct diary *diary, uint64_t now_s);
/* 0: all entries so far are on the disk. */
int diary_commit(struct diary *diary);
/*
 * Adds one and commits.  When that fails, and others waited with it, the next diary_commit says so, too: whoever
 * has added them learns of it.
 */
int diary_write(struct diary *diary, struct ledger_entry *entry);
/* Whether the last entry could be written, and there is room for more than the last urgent ones. */
bool diary_is_well(const struct diary *diary);
bool diary_is_low(const struct diary *diary);
/* The newest durable entry; zeros while the ledger is not open. */
void diary_head(const struct diary *diary, struct ledger_head *out);

/* A tell_event whose context is the diary: a line on stderr, and an entry when an auditor should know. */
void diary_event(void *diary, int priority, const char *id, const char *text);

/* program is borrowed; absent: the layers of the link that the configuration names so, "" for none. */
void diary_start(struct diary *diary, const char *program, const char *absent);
/* version: of the one in use. */
void diary_registry(struct diary *diary, int result, uint64_t version, const char *file);
/* The sender has named a bundle. */
void diary_named(struct diary *diary, const char *name, const struct bundle_id *id, const struct entry *entry);
/* All of it is here and right: to be durable before it gets its place in the vault. */
void diary_verified(struct diary *diary, const struct acceptance *acceptance);
/* It has its place, or -EEXIST; is_found: that was done before this process began. */
void diary_delivered(struct diary *diary, const struct acceptance *acceptance, int result, bool is_found);
/* same_as: the bundle that brought the same push before, or NULL. */
void diary_refused(struct diary *diary, const char *name, const struct bundle_id *id, int verdict,
		   const char *same_as);
/* It will not come, or what had come of it was given up: lost.h. */
void diary_lost(struct diary *diary, const char *name, const struct lost_item *item);
/* A person has taken note of that.  As diary_write. */
int diary_acknowledged(struct diary *diary, const struct lost_note *note, const char *name,
		       const struct lost_item *item);
/* Of a bundle that was set aside as damaged, and is not listed as lost. */
int diary_acknowledged_damage(struct diary *diary, const struct lost_note *note, const char *name,
			      const struct bundle_id *id);
/* A heartbeat of this box whose signature was right.  Also tells when its ledger was changed. */
void diary_hear(struct diary *diary, const char *box, const struct ledger_head *head);

/* False when this minute has had enough commands; then it is only counted. */
bool diary_take_command(struct diary *diary);
/* The same for what is not done without one. */
bool diary_take_opening(struct diary *diary);
/* Any entry; taken over. */
void diary_add(struct diary *diary, struct ledger_entry *entry);

#endif
