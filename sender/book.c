#include "book.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/channel.h"
#include "common/cursor.h"
#include "common/layers.h"
#include "common/service.h"
#include "common/text.h"
#include "common/verdict.h"

enum { MINUTE_S = 60 };

static uint64_t now_s(void)
{
	time_t now = time(NULL);
	return now < 0 ? 0 : (uint64_t)now;
}

static const char *text_or_null(const char *text)
{
	return text[0] != 0 ? text : NULL;
}

/* Told of once, and again when it is over. */
static int note_result(struct book *book, int result)
{
	if (result != 0 && book->failure == 0)
		service_event(LOG_CRIT, "E1020",
			      "ledger: cannot be written: %s; nothing is accepted or released until it can",
			      verdict_explain(result));
	if (result != 0 && book->failure == 0)
		book->retry_s = now_s() + BOOK_RETRY_S;
	if (result == 0 && book->failure != 0) {
		service_event(LOG_NOTICE, "E1020", "ledger: is written again");
		book->owes_found = true;
	}
	book->failure = result;
	return result;
}

int book_open(struct book *book, const char *spool, const struct key *box)
{
	*book = (struct book){.ledger = NULL};
	int result = setup_path(book->path, sizeof(book->path), spool, "ledger");
	book->options = (struct ledger_options){.path = book->path, .box = box, .begun = "decision", .done = "release"};
	return result != 0 ? result : ledger_open(&book->ledger, &book->options, now_s());
}

/* Without a ledger, why there is none. */
static int add(struct book *book, struct ledger_entry *entry)
{
	if (book->ledger != NULL)
		return ledger_add(book->ledger, entry, now_s());
	ledger_entry_free(entry);
	return book->failure;
}

static int commit(struct book *book)
{
	return book->ledger != NULL ? ledger_commit(book->ledger, now_s()) : book->failure;
}

/* One that failed for good gives the same again, whatever is written. */
static void open_anew(struct book *book)
{
	uint64_t now = now_s();
	if (book->failure == 0 || now < book->retry_s || (book->ledger != NULL && !ledger_has_failed(book->ledger)))
		return;
	book->retry_s = now + BOOK_RETRY_S;
	if (book->ledger != NULL) {
		ledger_head(book->ledger, &book->head);
		(void)ledger_close(book->ledger, now);
		book->ledger = NULL;
	}
	(void)note_result(book, ledger_open(&book->ledger, &book->options, now));
}

/* Each decision is durable before what it decides, and with all before it. */
void book_found_release(struct book *book, struct spool *spool)
{
	char push_id[2 * PUSH_ID_BYTES + 1];
	if (book->ledger == NULL || !ledger_undone(book->ledger, "push_id", push_id, sizeof(push_id)))
		return;
	const struct spool_item *item = spool_find(spool, push_id);
	if (item != NULL && item->state != SPOOL_HELD)
		book_release(book, item, true);
}

void book_found(struct book *book, struct spool *spool)
{
	book_found_release(book, spool);
	for (size_t i = 0; i < spool_count(spool); i++) {
		const struct spool_item *item = spool_at(spool, i);
		if (item->state != SPOOL_SENT)
			book_bundle(book, "found", item, 0);
	}
}

int book_start(struct book *book, const char *program, const struct setup *setup, const struct key *box, struct spool *spool)
{
	char epoch[17], absent[LAYER_NAMES_BYTES];
	struct ledger_entry *e = ledger_entry_new("start", 0);
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, spool_epoch(spool));
	ledger_set_text(e, "program", program);
	ledger_set_text(e, "epoch", epoch);
	ledger_set_number(e, "bundles", spool_count(spool));
	ledger_set_text(e, "absent", text_or_null(layers_absent(absent, &setup->config)));
	book_note(book, e);
	e = ledger_entry_new("key.loaded", 0);
	ledger_set_text(e, "box", box->card.name);
	ledger_set_hex(e, "key", box->card.id, KEY_ID_BYTES);
	book_note(book, e);
	book_registry(book, setup, 0);
	book_found(book, spool);
	book_commit(book);
	return book->failure;
}

int book_write(struct book *book, struct ledger_entry *entry)
{
	(void)add(book, entry); /* a failure is the result of the commit */
	return note_result(book, commit(book));
}

void book_note(struct book *book, struct ledger_entry *entry)
{
	int result = add(book, entry);
	if (result != 0)
		(void)note_result(book, result);
}

void book_commit(struct book *book)
{
	int result = commit(book);
	if (result != 0 || book->failure != 0)
		(void)note_result(book, result);
}

/* What was left out of the last minute is told in one entry a kind. */
static void end_minute(struct book *book, uint64_t minute)
{
	static const char *const kinds[] = {
		[BOOK_PUSHES] = "pushes", [BOOK_QUESTIONS] = "questions", [BOOK_DECISIONS] = "decisions"};
	for (size_t i = 0; i < BOOK_KIND_END; i++) {
		if (book->left_out[i] > 0) {
			struct ledger_entry *e = ledger_entry_new("command", 0);
			ledger_set_text(e, "verb", "more");
			ledger_set_text(e, "about", kinds[i]);
			ledger_set_number(e, "left_out", book->left_out[i]);
			book_note(book, e);
		}
		book->calls[i] = book->left_out[i] = 0;
	}
	book->minute = minute;
}

bool book_tick(struct book *book)
{
	uint64_t now = now_s();
	open_anew(book);
	if (now / MINUTE_S != book->minute)
		end_minute(book, now / MINUTE_S);
	if (book->ledger != NULL)
		(void)note_result(book, ledger_tick(book->ledger, now));
	bool owes_found = book->owes_found && book->failure == 0;
	if (owes_found)
		book->owes_found = false;
	return owes_found;
}

int book_check(const struct book *book)
{
	if (book->failure != 0)
		return book->failure;
	return ledger_is_low(book->ledger) ? VERDICT_SPOOL_FULL : 0;
}

void book_head(const struct book *book, struct ledger_head *out)
{
	*out = book->head;
	if (book->ledger != NULL)
		ledger_head(book->ledger, out);
}

void book_close(struct book *book)
{
	if (book->ledger == NULL)
		return;
	struct ledger_entry *e = ledger_entry_new("stop", 0);
	ledger_set_urgent(e);
	book_note(book, e);
	(void)note_result(book, ledger_close(book->ledger, now_s()));
	book->ledger = NULL;
}

struct ledger_who book_peer(int fd)
{
	uid_t uid;
	pid_t pid;
	struct ledger_who who = {.person = NULL};
	if (channel_peer(fd, &uid, &pid) == 0) {
		who.has_peer = true;
		who.uid = uid;
		who.pid = pid;
	}
	return who;
}

/* False when this minute has had enough of them. */
static bool take_call(struct book *book, enum book_kind kind)
{
	if (book->calls[kind] >= BOOK_CALLS_MAX) {
		book->left_out[kind]++;
		return false;
	}
	book->calls[kind]++;
	return true;
}

static void set_machine(struct ledger_entry *e, const struct local_push *push)
{
	if (push->machine[0] == 0)
		return;
	ledger_set_text(e, "machine", push->machine);
	ledger_set_hex(e, "machine_key", push->machine_key, KEY_ID_BYTES);
}

static struct ledger_who caller_of(const struct local_caller *caller)
{
	const struct local_push *push = &caller->push;
	return (struct ledger_who){
		.person = text_or_null(push->person),
		.key_id = push->person[0] != 0 ? push->person_key : NULL,
		.has_peer = true,
		.uid = caller->uid,
		.pid = caller->pid,
	};
}

void book_refused_push(struct book *book, const struct local_note *note)
{
	const struct local_caller *caller = &note->caller;
	/* whoever has no key must not fill the disk */
	if (!caller->is_proven && !take_call(book, BOOK_PUSHES))
		return;
	struct ledger_who who = caller_of(caller);
	struct ledger_entry *e = ledger_entry_new("push.refused", note->refused.result);
	ledger_set_who(e, &who);
	ledger_set_bool(e, "proven", caller->is_proven);
	ledger_set_text(e, "route", text_or_null(caller->push.route));
	set_machine(e, &caller->push);
	ledger_set_text(e, "about", note->refused.where);
	book_note(book, e);
}

static void set_bundle(struct ledger_entry *e, const struct spool_item *item)
{
	const struct statement *s = &item->release.statement;
	ledger_set_hex(e, "push_id", s->push_id, PUSH_ID_BYTES);
	ledger_set_text(e, "bundle", text_or_null(item->name));
	ledger_set_text(e, "route", s->route);
}

static void set_order(struct ledger_entry *e, const char *key, const uint8_t id[static ORDER_ID_BYTES])
{
	if (!bytes_are_zero(id, ORDER_ID_BYTES))
		ledger_set_hex(e, key, id, ORDER_ID_BYTES);
}

int book_accepted_push(struct book *book, const struct spool_item *item, const struct local_caller *caller)
{
	const struct statement *s = &item->release.statement;
	struct ledger_who who = caller_of(caller);
	struct ledger_entry *e = ledger_entry_new("push.accepted", 0);
	ledger_set_who(e, &who);
	set_bundle(e, item);
	set_machine(e, &caller->push);
	set_order(e, "push_order", item->push_order);
	ledger_set_hex(e, "root", s->root, SUITE_DIGEST_BYTES);
	ledger_set_number(e, "bytes", item->tally.content_len);
	ledger_set_number(e, "members", item->tally.members);
	ledger_set_number(e, "records", item->tally.records);
	ledger_set_number(e, "registry", s->registry_version);
	ledger_set_number(e, "policy", s->policy_version);
	ledger_set_time(e, "destroy_by", s->destroy_by);
	return book_write(book, e);
}

/* That of the release which is to be made: the dossier may hold one that has ended since. */
static void set_release_order(struct ledger_entry *e, const struct endorsements *endorsements)
{
	uint8_t id[ORDER_ID_BYTES] = {0};
	struct endorsement each;
	struct order order;
	size_t at = 0;
	while (endorsements_next(endorsements, &at, &each))
		if (each.type == ENDORSEMENT_RELEASE_ORDER && order_decode(&order, each.order, each.order_len) == 0)
			memcpy(id, order.id, sizeof(id));
	set_order(e, "release_order", id);
}

int book_decision(struct book *book, const struct spool_item *item, const struct endorsements *endorsements)
{
	char officers[LEDGER_TEXT_MAX];
	struct ledger_entry *e = ledger_entry_new("decision", 0);
	endorsements_officers(endorsements, officers, sizeof(officers));
	set_bundle(e, item);
	ledger_set_number(e, "approvals", endorsements_approvals(endorsements));
	ledger_set_text(e, "officers", text_or_null(officers));
	set_release_order(e, endorsements);
	return book_write(book, e);
}

void book_release(struct book *book, const struct spool_item *item, bool is_found)
{
	char epoch[17];
	struct ledger_entry *e = ledger_entry_new("release", 0);
	set_bundle(e, item);
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, item->release.epoch);
	ledger_set_text(e, "epoch", epoch);
	ledger_set_number(e, "number", item->release.number);
	ledger_set_hex(e, "root", item->release.statement.root, SUITE_DIGEST_BYTES);
	if (is_found)
		ledger_set_bool(e, "found", true);
	book_note(book, e);
}

/* One that counts is durable before it does; one that does not is told of all the same. */
static int write_or_note(struct book *book, struct ledger_entry *e, int result)
{
	if (result == 0)
		return book_write(book, e);
	if (take_call(book, BOOK_DECISIONS))
		book_note(book, e);
	else
		ledger_entry_free(e);
	return result;
}

int book_order(struct book *book, const struct ledger_who *peer, const struct order *order, int result)
{
	char signers[LEDGER_TEXT_MAX];
	size_t len = 0;
	struct ledger_entry *e = ledger_entry_new("order.loaded", result);
	signers[0] = 0;
	for (size_t i = 0; i < order->signer_count && len < sizeof(signers); i++)
		len += (size_t)snprintf(signers + len, sizeof(signers) - len, "%s%s", i > 0 ? " " : "",
					order->signers[i].name);
	ledger_set_who(e, peer);
	ledger_set_hex(e, "order", order->id, ORDER_ID_BYTES);
	ledger_set_text(e, "route", order->route);
	ledger_set_text(e, "signers", signers);
	ledger_set_time(e, "until", order->not_after);
	return write_or_note(book, e, result);
}

int book_revocation(struct book *book, const struct ledger_who *peer, const struct revocation *revocation,
		    int result)
{
	struct ledger_who who = *peer;
	struct ledger_entry *e = ledger_entry_new("order.revoked", result);
	who.person = revocation->person;
	who.key_id = revocation->key_id;
	ledger_set_who(e, &who);
	ledger_set_hex(e, "order", revocation->order_id, ORDER_ID_BYTES);
	ledger_set_text(e, "route", revocation->route);
	return write_or_note(book, e, result);
}

int book_approval(struct book *book, const struct ledger_who *peer, const struct local_approve *approve,
		  const char *person, int result)
{
	struct ledger_who who = *peer;
	bool is_officer = approve->approval.type == ENDORSEMENT_APPROVAL;
	struct ledger_entry *e = ledger_entry_new("approve", result);
	who.person = is_officer ? approve->approval.person : person;
	who.key_id = is_officer ? approve->approval.key_id : NULL;
	ledger_set_who(e, &who);
	ledger_set_text(e, "as", is_officer ? "officer" : "person");
	ledger_set_hex(e, "push_id", approve->push_id, PUSH_ID_BYTES);
	return write_or_note(book, e, result);
}

int book_denial(struct book *book, const struct ledger_who *peer, const struct local_deny *deny, int result)
{
	struct ledger_who who = *peer;
	struct ledger_entry *e = ledger_entry_new("refuse", result);
	who.person = deny->refusal.person;
	who.key_id = deny->refusal.key_id;
	ledger_set_who(e, &who);
	ledger_set_hex(e, "push_id", deny->push_id, PUSH_ID_BYTES);
	ledger_set_text(e, "reason", deny->refusal.reason);
	return write_or_note(book, e, result);
}

/* Who gives the order, and which bundle it names, also when there is none (item NULL). */
static void set_named(struct ledger_entry *e, const struct ledger_who *peer, const struct resendorder *order,
		      const struct spool_item *item)
{
	struct ledger_who who = *peer;
	char epoch[17];
	who.person = order->person;
	who.key_id = order->key_id;
	ledger_set_who(e, &who);
	if (item != NULL)
		set_bundle(e, item);
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, order->epoch);
	ledger_set_text(e, "epoch", epoch);
	ledger_set_number(e, "route_id", order->what.route_id);
	ledger_set_number(e, "number", order->what.number);
}

int book_resend(struct book *book, const struct ledger_who *peer, const struct resendorder *order,
		const struct spool_item *item, int result)
{
	struct ledger_entry *e = ledger_entry_new("resend", result);
	set_named(e, peer, order, item);
	if (order->what.block != RESEND_ALL)
		ledger_set_number(e, "block", order->what.block);
	ledger_set_number(e, "rows", order->what.rows);
	return write_or_note(book, e, result);
}

int book_purge(struct book *book, const struct ledger_who *peer, const struct resendorder *order,
	       const struct spool_item *item, int result)
{
	struct ledger_entry *e = ledger_entry_new("removed", result);
	set_named(e, peer, order, item);
	ledger_set_text(e, "how", "purge");
	return write_or_note(book, e, result);
}

void book_removed(struct book *book, const struct spool_item *item, const char *how)
{
	struct ledger_entry *e = ledger_entry_new("removed", 0);
	set_bundle(e, item);
	ledger_set_text(e, "how", how);
	book_note(book, e);
}

void book_resent(struct book *book, const struct resend_request *request, uint64_t bytes)
{
	struct ledger_entry *e = ledger_entry_new("resent", 0);
	set_bundle(e, request->item);
	if (request->block != RESEND_ALL)
		ledger_set_number(e, "block", request->block);
	ledger_set_number(e, "rows", request->rows);
	ledger_set_number(e, "bytes", bytes);
	book_note(book, e);
}

void book_question(struct book *book, const struct ledger_who *peer, const char *verb, const char *about,
		   int result)
{
	if (!take_call(book, BOOK_QUESTIONS))
		return;
	struct ledger_entry *e = ledger_entry_new("command", result);
	ledger_set_who(e, peer);
	ledger_set_text(e, "verb", verb);
	if (about[0] != 0)
		ledger_set_text(e, "about", about);
	book_note(book, e);
}

void book_bundle(struct book *book, const char *event, const struct spool_item *item, int result)
{
	struct ledger_entry *e = ledger_entry_new(event, result);
	set_bundle(e, item);
	book_note(book, e);
}

void book_registry(struct book *book, const struct setup *setup, int result)
{
	struct ledger_entry *e = ledger_entry_new("registry.loaded", result);
	ledger_set_number(e, "version", registry_version(setup->registry));
	ledger_set_text(e, "file", setup->config.registry);
	book_note(book, e);
}

int book_crossing(struct book *book, const struct spool_item *item, uint64_t version)
{
	struct ledger_entry *e = ledger_entry_new("registry.queued", 0);
	set_bundle(e, item);
	ledger_set_number(e, "version", version);
	return book_write(book, e);
}

void book_alarm(struct book *book, const char *id, const char *text)
{
	struct ledger_entry *e = ledger_entry_new("alarm", 0);
	ledger_set_text(e, "id", id);
	ledger_set_text(e, "text", text);
	ledger_set_urgent(e);
	book_note(book, e);
}
