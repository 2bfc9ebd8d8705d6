/*
 * book: what weir-hold writes into its ledger (LEDGER.md), and what depends on that it could.
 *
 * "Write" is durable when the result is 0, and what it tells of must not be done otherwise.  "Note" is durable
 * with the next book_commit, which hold calls every turn; it tells of what has happened already.  The first
 * failure is told of as an event, once, until it is over.  A ledger that failed for good is opened anew every few
 * seconds.
 */
#ifndef WEIR_BOOK_H
#define WEIR_BOOK_H

#include "common/ledger.h"
#include "local.h"
#include "resendqueue.h"
#include "setup.h"
#include "spool.h"
#include "standing.h"

enum {
	/* A minute, of each kind below; what is more is counted. */
	BOOK_CALLS_MAX = 120,
	BOOK_RETRY_S = 5,
};

/*
 * What anybody who reaches a local socket can cause without a key: it must not fill the disk.  Each kind has a
 * count of its own, so that a flood of one hides none of another.
 */
enum book_kind { BOOK_PUSHES, BOOK_QUESTIONS, BOOK_DECISIONS, BOOK_KIND_END };

struct book {
	struct ledger *ledger; /* NULL while it cannot be opened */
	char path[CONFIG_PATH_BYTES + 8];
	struct ledger_options options;
	struct ledger_head head; /* the newest that was durable, for as long as there is no ledger */
	int failure;         /* told of; 0: all is well */
	uint64_t retry_s;    /* then it is opened anew */
	bool owes_found;     /* notes were lost, since when it was written again */
	/* in this minute */
	uint64_t minute;
	uint32_t calls[BOOK_KIND_END];
	uint32_t left_out[BOOK_KIND_END];
};

/* In the directory "ledger" of the spool.  As ledger_open; box stays the caller's until book_close. */
int book_open(struct book *book, const char *spool, const struct key *box);
/*
 * "start", and what it starts with; what a crash may have left without its entry is entered as found.  0, or what
 * keeps the ledger from being written.
 */
int book_start(struct book *book, const char *program, const struct setup *setup, const struct key *box,
	       struct spool *spool);
/*
 * What is to go out, or has, and may stand in the ledger only as accepted; once more after notes were lost.  Also
 * the one release that may have no entry.
 */
void book_found(struct book *book, struct spool *spool);
/*
 * Enters the newest release when a failure or a crash has left it without its entry.  Before every decision: only the last
 * one can be told of.
 */
void book_found_release(struct book *book, struct spool *spool);
/* Writes "stop" and closes. */
void book_close(struct book *book);

/* An entry of any kind: taken over. */
int book_write(struct book *book, struct ledger_entry *entry);
void book_note(struct book *book, struct ledger_entry *entry);
/* Every turn. */
void book_commit(struct book *book);
/* Every second.  True when it is written again and notes may be missing: enter what is in the spool as found. */
bool book_tick(struct book *book);
/* VERDICT_SPOOL_FULL, or what keeps the ledger from being written; 0 when it can be. */
int book_check(const struct book *book);
/* For the heartbeat. */
void book_head(const struct book *book, struct ledger_head *out);

/* Whoever is at the other end of a local socket. */
struct ledger_who book_peer(int fd);

/* A push that was refused before it became a bundle: who, as far as it is known, and what about. */
void book_refused_push(struct book *book, const struct local_note *note);
/* A push that is durable in the spool. */
int book_accepted_push(struct book *book, const struct spool_item *item, const struct local_caller *caller);
/* All is there that the route demands: written before the release is made. */
int book_decision(struct book *book, const struct spool_item *item, const struct endorsements *endorsements);
/* is_found: it was released, and its entry was lost. */
void book_release(struct book *book, const struct spool_item *item, bool is_found);
/*
 * An officer's word, or that of the person who answers for a machine; result 0 is written, others are noted, as
 * many a minute as are allowed.
 */
int book_approval(struct book *book, const struct ledger_who *peer, const struct local_approve *approve,
		  const char *person, int result);
int book_denial(struct book *book, const struct ledger_who *peer, const struct local_deny *deny, int result);
/* A standing order, and the end of one; as book_approval. */
int book_order(struct book *book, const struct ledger_who *peer, const struct order *order, int result);
int book_revocation(struct book *book, const struct ledger_who *peer, const struct revocation *revocation,
		    int result);
/* What a person wants sent once more; item NULL when there is none; as book_approval. */
int book_resend(struct book *book, const struct ledger_who *peer, const struct resendorder *order,
		const struct spool_item *item, int result);
/* What a person wants gone from the spool; as book_resend. */
int book_purge(struct book *book, const struct ledger_who *peer, const struct resendorder *order,
	       const struct spool_item *item, int result);
/* What was asked for once more has gone. */
void book_resent(struct book *book, const struct resend_request *request, uint64_t bytes);
/* A question: "list", "show tax-000123". */
void book_question(struct book *book, const struct ledger_who *peer, const char *verb, const char *about,
		   int result);
/* A bundle is about to be removed from the spool; how: "retention", "date", "refused", "replaced". */
void book_removed(struct book *book, const struct spool_item *item, const char *how);
/* What happened to a bundle: "sent", "found". */
void book_bundle(struct book *book, const char *event, const struct spool_item *item, int result);
/* The registry in use, or why another one is not used. */
void book_registry(struct book *book, const struct setup *setup, int result);
/* The registry in use is about to be released as a bundle: written before it is. */
int book_crossing(struct book *book, const struct spool_item *item, uint64_t version);
void book_alarm(struct book *book, const char *id, const char *text);

#endif
