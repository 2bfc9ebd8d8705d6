/* What people may have removed from the spool: who, what, and what is left of it. */
#include "sender/purge.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "sender/resend.h"
#include "tests/lib/nightspool.h"
#include "tests/lib/tap.h"

enum { NOON = 12 * 3600, TEXT_MAX = 65536 };

static struct night night;
static const uint8_t challenge[RESEND_CHALLENGE_BYTES] = {7, 7, 7};
static const struct ledger_who peer = {.uid = 1000, .pid = 4242};

/* The clock of everything here, so that the people of night.h count. */
time_t time(time_t *out)
{
	time_t now = (time_t)night_midnight + NOON;
	if (out != NULL)
		*out = now;
	return now;
}

static struct resendorder order_by(enum night_who who, const struct spool_item *item, enum resendorder_kind kind)
{
	uint8_t input[RESENDORDER_BYTES];
	const struct key *key = night.people[who];
	struct resendorder order = {
		.kind = kind,
		.what = {item->release.route_id, item->release.number, RESEND_ALL, 0},
		.epoch = item->release.epoch,
		.at = night_midnight + NOON,
	};
	memcpy(order.person, key->card.name, NAME_BYTES);
	memcpy(order.key_id, key->card.id, KEY_ID_BYTES);
	memcpy(order.challenge, challenge, sizeof(challenge));
	resendorder_input(input, &order);
	if (signature_make(&order.signature, resendorder_domain, input, sizeof(input), key->secret) != 0)
		abort();
	return order;
}

struct site {
	struct setup setup;
	struct book book;
	struct releaser releaser;
	const char *path;
};

static void open_site(struct site *site)
{
	size_t bad;
	struct allowance *a = &site->releaser.allowance;
	site->path = test_path("spool");
	a->spool = night_spool(site->path);
	if (standing_open(&a->standing, spool_dir(a->spool), &bad) != 0 ||
	    spent_open(&a->spent, spool_dir(a->spool), &bad) != 0 ||
	    book_open(&site->book, site->path, night.inside) != 0)
		abort();
	site->setup.registry = night.registry;
	site->releaser.setup = &site->setup;
	site->releaser.book = &site->book;
	site->releaser.box = night.inside;
}

/* What the ledger has about removals, as lines. */
static char *ledger_text(struct site *site, char out[static TEXT_MAX])
{
	char line[512];
	char command[1024];
	size_t at = 0;
	book_commit(&site->book);
	snprintf(command, sizeof(command), "cat '%s'/ledger/*.jsonl | grep '\"removed\"'", site->path);
	FILE *f = popen(command, "r");
	out[0] = 0;
	while (f != NULL && fgets(line, sizeof(line), f) != NULL && at + strlen(line) < TEXT_MAX)
		at += (size_t)snprintf(out + at, TEXT_MAX - at, "%s", line);
	if (f == NULL || pclose(f) < 0)
		abort();
	return out;
}

static int decide(struct site *site, const struct resendorder *order, struct local_resend_taken *out)
{
	return purge_decide(&site->releaser, &peer, order, challenge, out);
}

static struct spool_item *sent_one(struct site *site)
{
	const struct night_push push = {
		.route = "tax", .person = night.people[WANG], .created = night_midnight + NOON, .bytes = 11, .records = 3};
	return night_sent(site->releaser.allowance.spool, &night, &push, push.created);
}

static const struct spool_item *forgotten;
static void note_forgotten(void *context, const struct spool_item *item)
{
	(void)context;
	forgotten = item;
}

static void test_refused(struct site *site)
{
	char text[TEXT_MAX];
	struct spool *spool = site->releaser.allowance.spool;
	struct local_resend_taken taken = {.bytes = 99};
	struct spool_item *item = sent_one(site);
	struct resendorder order = order_by(TSAI, item, RESENDORDER_PURGE);
	is_number(decide(site, &order, &taken), VERDICT_NOT_ALLOWED, "who is of another route purges nothing");
	order = order_by(WANG, item, RESENDORDER_RESEND);
	order.kind = RESENDORDER_PURGE;
	is_number(decide(site, &order, &taken), VERDICT_BAD_SIGNATURE, "a signed order to resend is none to purge");
	order = order_by(WANG, item, RESENDORDER_PURGE);
	order.challenge[0] ^= 1;
	is_number(decide(site, &order, &taken), VERDICT_BAD_SIGNATURE, "nor is one for another challenge");
	order = order_by(WANG, item, RESENDORDER_PURGE);
	item->state = SPOOL_READY;
	is_number(decide(site, &order, &taken), VERDICT_NOT_SENT, "what has still to go is not purged");
	item->state = SPOOL_SENT;
	order.what.number += 1000;
	is_number(decide(site, &order, &taken), VERDICT_NOT_KEPT, "what is not there cannot be purged");
	ok(spool_find(spool, item->name) == item && taken.bytes == 99, "all that changes nothing");
	is_number((int64_t)spent_count(site->releaser.allowance.spent), 0, "nor is anything counted as removed");
	ledger_text(site, text);
	ok(strstr(text, "\"result\":\"not-allowed\",\"who\":{\"person\":\"tsai-kai\"") != NULL &&
	   strstr(text, "\"result\":\"not-sent\",\"who\":{\"person\":\"wang-mei\"") != NULL &&
	   strstr(text, "\"result\":\"not-kept\"") != NULL && strstr(text, "\"result\":\"bad-signature\"") != NULL &&
	   strstr(text, "\"result\":\"ok\"") == NULL, "and each is in the ledger, with who and why");
	if (spool_remove(spool, item) != 0)
		abort();
}

static void test_purged(struct site *site)
{
	char text[TEXT_MAX], name[BUNDLE_NAME_BYTES], wanted[256];
	struct spool *spool = site->releaser.allowance.spool;
	struct local_resend_taken taken = {.bytes = 0};
	struct spool_item *item = sent_one(site);
	uint64_t object_len = item->object_len;
	bool was_there;
	const struct resend_request request = {item, RESEND_ALL, 0};
	memcpy(name, item->name, sizeof(name));
	if (resendqueue_add(&site->releaser.resends, &request, &was_there) != 0)
		abort();
	spool_watch(spool, note_forgotten, NULL);
	struct resendorder order = order_by(KUO, item, RESENDORDER_PURGE);
	is_number(decide(site, &order, &taken), 0, "an officer of the route has it removed");
	is_number((int64_t)taken.bytes, (int64_t)object_len, "and is told how large it was");
	ok(spool_find(spool, name) == NULL && forgotten == item, "it is gone, and whoever sends it is told first");
	ok(site->releaser.has_changed, "the catalogue is to be made anew");
	struct resend_request got;
	ok(!resendqueue_at(&site->releaser.resends, spool, 0, &got), "what was asked for of it is forgotten");
	const struct spending *left = spent_count(site->releaser.allowance.spent) != 1
					      ? NULL : spent_at(site->releaser.allowance.spent, 0);
	ok(left != NULL && left->bytes == 11 && left->records == 3, "on its day it counts as before");
	snprintf(wanted, sizeof(wanted), "\"result\":\"ok\",\"who\":{\"person\":\"kuo-an\"");
	ok(strstr(ledger_text(site, text), wanted) != NULL && strstr(text, name) != NULL &&
	   strstr(text, "\"how\":\"purge\"") != NULL, "the ledger says who had it removed");
	is_number(decide(site, &order, &taken), VERDICT_NOT_KEPT, "a second time it is not there");
	spool_watch(spool, NULL, NULL);
}

/* A file that is no file any more cannot be unlinked, whoever the tests run as. */
static void test_failure(struct site *site)
{
	char sent[1024], aside[1024];
	struct local_resend_taken taken = {.bytes = 99};
	struct spool_item *item = sent_one(site);
	struct resendorder order = order_by(WANG, item, RESENDORDER_PURGE);
	snprintf(sent, sizeof(sent), "%s/sent/%s", site->path, item->name);
	snprintf(aside, sizeof(aside), "%s/aside", site->path);
	if (rename(sent, aside) < 0 || mkdir(sent, 0700) < 0)
		abort();
	ok(decide(site, &order, &taken) < 0 && taken.bytes == 99, "what cannot be removed is told of as a failure");
	ok(spool_find(site->releaser.allowance.spool, item->name) == item, "and is there, to be purged again");
	if (rmdir(sent) < 0 || rename(aside, sent) < 0)
		abort();
	is_number(decide(site, &order, &taken), 0, "which then does it");
	is_number((int64_t)spent_count(site->releaser.allowance.spent), 2, "and it counts once");
}

/* What goes by itself is told apart from what a person had removed. */
static void test_by_itself(struct site *site)
{
	char text[TEXT_MAX];
	struct spool *spool = site->releaser.allowance.spool;
	struct spool_item *old = sent_one(site), *dated = sent_one(site), *young = sent_one(site);
	old->release.released_at -= 31 * (uint64_t)NIGHT_DAY;
	dated->release.statement.destroy_by = night_midnight + NOON - 1;
	site->setup.config.retention_days = 30;
	releaser_retire(&site->releaser);
	ok(spool_count(spool) == 1 && spool_at(spool, 0) == young, "what is beyond its time goes by itself");
	ledger_text(site, text);
	ok(strstr(text, "\"how\":\"retention\"") != NULL, "the ledger says that it was kept for its time");
	ok(strstr(text, "\"how\":\"date\"") != NULL, "or that its date came");
	if (spool_remove(spool, young) != 0)
		abort();
}

int main(void)
{
	static struct site site;
	suite_start();
	night_make(&night, "");
	open_site(&site);
	test_refused(&site);
	test_purged(&site);
	test_failure(&site);
	test_by_itself(&site);
	book_close(&site.book);
	spent_close(site.releaser.allowance.spent);
	standing_close(site.releaser.allowance.standing);
	spool_close(site.releaser.allowance.spool);
	night_end(&night);
	return done_testing();
}
