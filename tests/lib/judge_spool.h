/*
 * judge_spool: whether a spool that a power cut left is what SPOOL.md 1 promises, after the recovery that
 * weir-hold makes at its start, and whether its witness (SPOOL.md 7) is.  Marks: "accepted PUSHID NAME" (NAME "-": waits for
 * officers), "decided PUSHID NAME", "named PUSHID NAME" (emit could have seen it), "refused PUSHID", "beat GENERATION",
 * "witness ENTRY HASH BEAT GENERATION" (it got its name), "kept ENTRY" (a witness that says so is durable), "later" (all that was
 * released has been sent, and may be removed from here on).
 *
 * Complaints about the witness begin with "the witness".
 */
#ifndef WEIR_TEST_JUDGE_SPOOL_H
#define WEIR_TEST_JUDGE_SPOOL_H

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "common/text.h"
#include "common/tree.h"
#include "sender/lifeline.h"
#include "sender/registrar.h"
#include "sender/releaser.h"
#include "sender/spent.h"
#include "tests/lib/endorse.h"
#include "tests/lib/judging.h"

/* Loaded once; each judge works on a copy of its own, being a process of its own. */
struct spool_world {
	struct setup setup;
	struct key *box, *person; /* who pushes once more after the cut */
	struct book book;
	struct releaser releaser;
	struct lifeline lifeline;
	char older[WORD_BYTES]; /* a copy of the spool of an earlier cut; "": none */
};

static inline void tell_unusable(void *context, const char *file, int result)
{
	complain(context, "'%s' cannot be used: %s", file, verdict_explain(result));
}

static inline uint64_t monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* As weir-hold loads: load() of hold.c; weir-sender makes the folder, if it did not outlive the cut. */
static inline bool spool_load(struct judging *j, struct spool_world *w)
{
	const struct spool_options options = {.path = w->setup.config.spool, .tell = tell_unusable, .context = j};
	struct allowance allowance = {.spool = NULL};
	size_t bad_orders = 0, bad_spent = 0;
	if (!judge_ok(j, io_make_dir(AT_FDCWD, options.path, 0750), "the folder of the spool") ||
	    !judge_ok(j, spool_open(&allowance.spool, &options), "the spool opens") ||
	    !judge_ok(j, standing_open(&allowance.standing, spool_dir(allowance.spool), &bad_orders),
		      "the orders open") ||
	    !judge_ok(j, spent_open(&allowance.spent, spool_dir(allowance.spool), &bad_spent), "spent/ opens") ||
	    !judge_ok(j, book_open(&w->book, w->setup.config.spool, w->box), "the ledger opens"))
		return false;
	if (bad_orders + bad_spent > 0)
		complain(j, "%zu orders and %zu files of spent/ are unreadable", bad_orders, bad_spent);
	w->releaser = (struct releaser){
		.book = &w->book, .setup = &w->setup, .allowance = allowance, .box = w->box};
	if (lifeline_open(&w->lifeline, &w->setup.config, allowance.spool, &w->book) != 0) {
		complain(j, "the witness keeps hold from starting with its own spool");
		return false;
	}
	return judge_ok(j, releaser_remember(&w->releaser), "the registry is admitted");
}

/* As it starts, and its first turn, without a link. */
static inline bool spool_recover(struct judging *j, struct spool_world *w)
{
	if (!spool_load(j, w) ||
	    !judge_ok(j, book_start(&w->book, "powercut", &w->setup, w->box, w->releaser.allowance.spool), "hold starts"))
		return false;
	releaser_watch_box(&w->releaser);
	releaser_release_held(&w->releaser);
	releaser_retire(&w->releaser);
	registrar_follow(&w->releaser);
	if (book_tick(&w->book))
		book_found(&w->book, w->releaser.allowance.spool);
	lifeline_follow(&w->lifeline, monotonic_ms());
	book_commit(&w->book);
	return true;
}

/* Recovery, and the end of hold; says what others can have heard meanwhile. */
static inline void rerun_spool(struct judging *j, struct spool_world *w, int marks)
{
	if (!spool_recover(j, w))
		return;
	struct spool *spool = w->releaser.allowance.spool;
	uint64_t generation = 0;
	for (size_t i = 0; i < spool_count(spool); i++) {
		const struct spool_item *item = spool_at(spool, i);
		char id[2 * PUSH_ID_BYTES + 1];
		text_hex(id, sizeof(id), item->release.statement.push_id, PUSH_ID_BYTES);
		if (item->state != SPOOL_HELD)
			say_mark(marks, "named %s %s\n", id, item->name);
	}
	if (judge_ok(j, spool_count_up(spool, COUNTER_GENERATION, &generation), "the counters go on"))
		say_mark(marks, "beat %" PRIu64 "\n", generation);
	lifeline_close(&w->lifeline);
	book_close(&w->book);
	spent_close(w->releaser.allowance.spent);
	standing_close(w->releaser.allowance.standing);
	spool_close(spool);
}

/* The bytes behind the release are those of the statement, and what is released is signed. */
static inline void judge_object(struct judging *j, const struct spool_world *w, const struct spool_item *item)
{
	static const char *const folders[] = {"held", "ready", "sent"};
	uint8_t root[SUITE_DIGEST_BYTES], segment[SEGMENT_BYTES];
	char path[WORD_BYTES], id[2 * PUSH_ID_BYTES + 1];
	const struct statement *s = &item->release.statement;
	text_hex(id, sizeof(id), s->push_id, PUSH_ID_BYTES);
	snprintf(path, sizeof(path), "%s/%s", folders[item->state], item->state == SPOOL_HELD ? id : item->name);
	int fd = openat(spool_dir(w->releaser.allowance.spool), path, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 ? -errno : tree_of_file(fd, SEGMENT_BYTES, s->segments, root, NULL, NULL);
	if (result == 0 && memcmp(root, s->root, sizeof(root)) != 0)
		result = VERDICT_BAD_ROOT;
	if (result == 0 && item->state != SPOOL_HELD)
		result = io_pread_exact(fd, segment, sizeof(segment), 0);
	if (result == 0 && item->state != SPOOL_HELD)
		result = release_segment_verify(segment, w->box->card.public_key);
	io_close(fd);
	(void)judge_ok(j, result, path);
}

static inline void judge_items(struct judging *j, const struct spool_world *w)
{
	struct spool *spool = w->releaser.allowance.spool;
	for (size_t i = 0; i < spool_count(spool); i++) {
		const struct spool_item *item = spool_at(spool, i);
		judge_object(j, w, item);
		for (size_t k = 0; k < i; k++)
			if (item->name[0] != 0 && strcmp(item->name, spool_at(spool, k)->name) == 0)
				complain(j, "two bundles are called %s", item->name);
	}
}

/* Somebody was told that it is accepted: `name`, when they were told one. */
static inline void judge_accepted(struct judging *j, const struct spool_world *w, const char *id, const char *name)
{
	const struct spool_item *item = spool_find(w->releaser.allowance.spool, id);
	if (fact_of(j, "push.accepted", id, NULL) == NULL)
		complain(j, "the ledger does not know the accepted push %s", id);
	/* an officer's word counts from its entry on, whether or not the officer has been told yet */
	if (fact_of(j, "refuse", id, NULL) != NULL)
		return;
	if (has_mark(j, "refused", id))
		complain(j, "the ledger does not know that push %s was refused", id);
	if (item == NULL) {
		/* the retention of a later life removed it */
		if (!has_mark(j, "later", NULL) || fact_of(j, "release", id, NULL) == NULL)
			complain(j, "the accepted push %s (%s) is lost", id, name);
	} else if (strcmp(name, "-") != 0 && strcmp(item->name, name) != 0) {
		complain(j, "push %s was called %s and is called '%s'", id, name, item->name);
	}
}

static inline void judge_refused(struct judging *j, const struct spool_world *w, const char *id)
{
	const struct spool_item *item = spool_find(w->releaser.allowance.spool, id);
	if (item != NULL && item->state != SPOOL_HELD)
		complain(j, "push %s was refused by an officer, and is released as %s", id, item->name);
}

/* It had its number, and emit may have begun to send it. */
static inline void judge_named(struct judging *j, const struct spool_world *w, const char *id, const char *name)
{
	const struct spool_item *item = spool_find(w->releaser.allowance.spool, id);
	if (item == NULL || strcmp(item->name, name) != 0)
		complain(j, "push %s was released as %s, and is '%s'", id, name, item == NULL ? "gone" : item->name);
}

/* On another disk it can be there from the moment on in which it had its name, and this spool must be no older. */
static inline void judge_witness(struct judging *j, const struct spool_world *w, const struct mark *mark)
{
	const struct spool *spool = w->releaser.allowance.spool;
	if (!has_entry(j, mark->words[1], mark->words[2]))
		complain(j, "the witness has seen entry %s, and the ledger does not have it", mark->words[1]);
	if (spool_counted(spool, COUNTER_BEAT) < strtoull(mark->words[3], NULL, 10) ||
	    spool_counted(spool, COUNTER_GENERATION) < strtoull(mark->words[4], NULL, 10))
		complain(j, "the witness has seen beat %s and generation %s, and the counters have not", mark->words[3],
			 mark->words[4]);
}

/* What was made durable is there, or what came later: whole.  False when there is none. */
static inline bool judge_kept(struct judging *j, const struct spool_world *w, struct life *seen)
{
	struct testimony witness;
	uint64_t kept = 0;
	for (size_t i = 0; i < j->mark_count; i++)
		if (strcmp(j->marks[i].words[0], "kept") == 0)
			kept = strtoull(j->marks[i].words[1], NULL, 10);
	int result = testimony_open(&witness, w->setup.config.witness);
	if (result == 0)
		result = testimony_load(&witness, seen);
	testimony_close(&witness);
	if (result == -ENOENT && kept == 0)
		return false;
	if (!judge_ok(j, result, "the witness is whole"))
		return false;
	j->witnesses++;
	if (seen->ledger.n < kept)
		complain(j, "the witness was kept with entry %" PRIu64 ", and says %" PRIu64, kept, seen->ledger.n);
	return true;
}

/* An older copy in the place of the spool, beside the witness of this cut. */
static inline void judge_put_back(struct judging *j, const struct spool_world *w, const struct life *seen)
{
	static struct book book;
	const struct spool_options options = {.path = w->older, .tell = tell_unusable, .context = j};
	struct spool *spool = NULL;
	struct lifeline lifeline;
	struct ledger_head head;
	if (!judge_ok(j, spool_open(&spool, &options), "the older spool opens") ||
	    !judge_ok(j, book_open(&book, w->older, w->box), "the ledger of the older spool opens"))
		return;
	book_head(&book, &head);
	/* the book is left as it is: closing it would write to it */
	if (head.n >= seen->ledger.n)
		return;
	j->put_back++;
	if (lifeline_open(&lifeline, &w->setup.config, spool, &book) == 0)
		complain(j, "the witness has seen entry %" PRIu64 ", and lets a spool start that ends with %" PRIu64,
			 seen->ledger.n, head.n);
	lifeline_close(&lifeline);
	spool_close(spool);
}

static inline void judge_spool_marks(struct judging *j, struct spool_world *w)
{
	for (size_t i = 0; i < j->mark_count; i++) {
		const char *what = j->marks[i].words[0], *id = j->marks[i].words[1];
		if (strcmp(what, "accepted") == 0 || strcmp(what, "decided") == 0)
			judge_accepted(j, w, id, j->marks[i].words[2]);
		if (strcmp(what, "refused") == 0)
			judge_refused(j, w, id);
		if (strcmp(what, "named") == 0)
			judge_named(j, w, id, j->marks[i].words[2]);
		if (strcmp(what, "witness") == 0)
			judge_witness(j, w, &j->marks[i]);
		uint64_t next = 0;
		if (strcmp(what, "beat") == 0 &&
		    judge_ok(j, spool_count_up(w->releaser.allowance.spool, COUNTER_GENERATION, &next),
			     "the counters go on") &&
		    next <= strtoull(id, NULL, 10))
			complain(j, "generation %s is used again", id);
	}
}

/* One push has one number, and one number one push, in all that the ledger tells. */
static inline void judge_numbers(struct judging *j)
{
	for (size_t i = 0; i < j->fact_count; i++)
		for (size_t k = 0; k < i && strcmp(j->facts[i].event, "release") == 0; k++) {
			const struct fact *a = &j->facts[i], *b = &j->facts[k];
			if (strcmp(b->event, "release") == 0 &&
			    (strcmp(a->push_id, b->push_id) == 0) != (strcmp(a->bundle, b->bundle) == 0))
				complain(j, "%s is push %s, and %s is push %s", a->bundle, a->push_id, b->bundle,
					 b->push_id);
		}
}

/* A push of one segment, by the doors of the spool. */
static inline struct spool_item *push_again(struct judging *j, const struct spool_world *w)
{
	static const uint8_t body[2 * SEGMENT_BYTES];
	static struct dossier dossier;
	struct spool_item *item = NULL;
	struct incoming *incoming = NULL;
	struct statement s = {
		.registry_version = registry_version(w->setup.registry),
		.route = "files",
		.created = (uint64_t)time(NULL),
		.destroy_by = (uint64_t)time(NULL) + 86400,
		.segments = 2,
		.manifest_segments = 1,
	};
	memcpy(s.person, w->person->card.name, NAME_BYTES);
	memcpy(s.person_key, w->person->card.id, KEY_ID_BYTES);
	suite_random(s.push_id, sizeof(s.push_id));
	dossier.tally.members = 1;
	memcpy(dossier.push_id, s.push_id, PUSH_ID_BYTES);
	endorse_push(&dossier.endorsements, &s, w->person->secret);
	int result = spool_begin(w->releaser.allowance.spool, &incoming);
	if (result == 0)
		result = spool_add(incoming, body, sizeof(body));
	if (result == 0)
		result = spool_hold(incoming, &s, &dossier, &item);
	return judge_ok(j, result, "a push after the cut is accepted") ? item : NULL;
}

/* Whoever pushes after the cut gets a number that nobody has heard of. */
static inline void judge_next_number(struct judging *j, struct spool_world *w)
{
	struct spool_item *item = push_again(j, w);
	static const struct endorsements nobody;
	const struct spool_terms terms = {w->box, 2, (uint64_t)time(NULL), 125, &nobody};
	if (item == NULL || !judge_ok(j, spool_release(w->releaser.allowance.spool, item, &terms),
				      "a push after the cut is released"))
		return;
	for (size_t i = 0; i < j->mark_count; i++)
		if (strcmp(j->marks[i].words[2], item->name) == 0)
			complain(j, "the number %s is given a second time", item->name);
	if (fact_of(j, "release", NULL, item->name) != NULL)
		complain(j, "the number %s stands in the ledger, and is given a second time", item->name);
}

static inline void judge_spool(struct judging *j, struct spool_world *w)
{
	struct life seen;
	if (judge_kept(j, w, &seen) && w->older[0] != 0)
		judge_put_back(j, w, &seen);
	if (!spool_recover(j, w))
		return;
	judge_ledger(j, spool_dir(w->releaser.allowance.spool), &w->box->card);
	judge_items(j, w);
	judge_spool_marks(j, w);
	judge_numbers(j);
	judge_next_number(j, w);
}

#endif
