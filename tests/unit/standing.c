/* Standing orders and revocations as weir-hold keeps them: SPOOL.md 5, and who may load and revoke what. */
#include "sender/standing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/night.h"

enum { HOUR = 3600, AT_ID = 16, AT_ROUTE = 32, AT_PERSON = 64, AT_KEY = 96, AT_TIME = 112, AT_SIGNATURE = 120 };

static struct night night;
static const uint64_t now = 1796083200 + 12 * HOUR; /* noon */

static int fresh_dir(void)
{
	static unsigned int count;
	char name[32];
	snprintf(name, sizeof(name), "standing-%u", count++);
	const char *path = test_path(name);
	int fd = mkdir(path, 0700) < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

static struct standing *open_at(int dir, size_t bad_wanted)
{
	struct standing *s = NULL;
	size_t bad = 99;
	if (standing_open(&s, dir, &bad) != 0)
		abort();
	is_number((int64_t)bad, (int64_t)bad_wanted, "%zu files are told of as unreadable", bad_wanted);
	return s;
}

static int load_at(struct standing *s, const struct order *o, uint64_t at, const struct key *box)
{
	const struct standing_site site = {.registry = night.registry, .now = at, .box = box->card.id};
	int checked = standing_check(s, o, &site);
	int loaded = standing_load(s, o, &site);
	is_number(loaded, checked, "what is checked is what is done");
	return loaded;
}

static int load(struct standing *s, const struct order *o)
{
	return load_at(s, o, now, night.inside);
}

static void refused(const struct order *o, uint64_t at, int verdict, const char *sentence)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	is_text(verdict_name(load_at(s, o, at, night.inside)), verdict_name(verdict), "%s", sentence);
	is_number((int64_t)standing_count(s), 0, "and is not there");
	standing_close(s);
	s = open_at(dir, 0);
	is_number((int64_t)standing_count(s), 0, "nor is it after a restart");
	standing_close(s);
	close(dir);
}

static void test_load(void)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	struct order o = night_release(&night, 1), later, same;
	is_number(load(s, &o), 0, "an order of two officers for this box is taken");
	ok(standing_count(s) == 1 && memcmp(standing_at(s, 0)->id, o.id, ORDER_ID_BYTES) == 0, "and is there");
	is_number(load(s, &o), 0, "once more is fine");
	is_number((int64_t)standing_count(s), 1, "and changes nothing");
	ok(standing_has(s, &o), "which can be asked before");
	same = o;
	same.max_pushes = 9;
	same.signer_count = 0;
	night_sign(&same, night.people[TSENG]);
	night_sign(&same, night.people[KUO]);
	is_number(load(s, &same), -EEXIST, "another order of its id is refused, however well it is signed");
	is_number(standing_at(s, 0)->max_pushes, 2, "the first one stays as it was");
	ok(!standing_has(s, &same), "and the other is not there");
	later = night_release(&night, 2);
	is_number(load_at(s, &later, night_midnight - HOUR, night.inside), 0,
		  "one that has not begun is judged at its beginning");
	same = night_order(ORDER_RELEASE, "other", night.inside, 1);
	night_sign(&same, night.people[LIU]);
	night_sign(&same, night.people[HSU]);
	is_number(load(s, &same), 0, "an order of another route may have the same id");
	is_number((int64_t)standing_count(s), 3, "and is one of its own");
	standing_close(s);
	s = open_at(dir, 0);
	is_number((int64_t)standing_count(s), 3, "after a restart all are there");
	bool found = false;
	for (size_t i = 0; i < standing_count(s); i++) {
		uint8_t bytes[ORDER_BYTES_MAX], wanted[ORDER_BYTES_MAX];
		size_t len = order_encode(wanted, &o);
		found |= order_encode(bytes, standing_at(s, i)) == len && memcmp(bytes, wanted, len) == 0;
	}
	ok(found, "to the last byte");
	standing_close(s);
	close(dir);
}

static void test_load_refusals(void)
{
	struct order o = night_order(ORDER_PUSH, "tax", night.machine, 1);
	night_sign(&o, night.people[WANG]);
	refused(&o, now, VERDICT_NOT_ALLOWED, "an order to push is none of the box's");
	o = night_order(ORDER_RELEASE, "tax", night.other_box, 1);
	night_sign(&o, night.people[TSENG]);
	night_sign(&o, night.people[KUO]);
	refused(&o, now, VERDICT_WRONG_KEY, "one for another box is refused");
	o = night_order(ORDER_RELEASE, "tax", night.inside, 1);
	refused(&o, now, VERDICT_TOO_FEW_APPROVALS, "one that nobody signed");
	night_sign(&o, night.people[TSENG]);
	refused(&o, now, VERDICT_TOO_FEW_APPROVALS, "one of one officer");
	night_sign(&o, night.people[LIU]);
	refused(&o, now, VERDICT_NOT_ALLOWED, "one of an officer of another route");
	o = night_release(&night, 1);
	refused(&o, o.not_after + 1, VERDICT_EXPIRED, "one that has ended");
	o.max_bytes++;
	refused(&o, now, VERDICT_BAD_SIGNATURE, "one that was changed");
	o = night_order(ORDER_RELEASE, "tax", night.inside, 1);
	night_sign(&o, night.people[OU]);
	night_sign(&o, night.people[KUO]);
	refused(&o, night_midnight + 10 * NIGHT_DAY, VERDICT_EXPIRED, "one of an officer whose key has expired");
	o = night_order(ORDER_RELEASE, "nowhere", night.inside, 1);
	refused(&o, now, VERDICT_UNKNOWN_ROUTE, "one for no route");
	o = night_release(&night, 1);
	o.policy_version = 1;
	refused(&o, now, VERDICT_WRONG_POLICY, "one for other rules");
}

static struct revocation revoke_by(enum night_who who, const char *route, uint8_t id, uint64_t at)
{
	const struct key *key = night.people[who];
	uint8_t input[REVOCATION_BYTES];
	struct revocation r = {.order_id = {id}, .at = at};
	memcpy(r.route, route, strlen(route));
	memcpy(r.person, key->card.name, NAME_BYTES);
	memcpy(r.key_id, key->card.id, KEY_ID_BYTES);
	revocation_input(input, &r);
	if (signature_make(&r.signature, revocation_domain, input, sizeof(input), key->secret) != 0)
		abort();
	return r;
}

static int take(struct standing *s, const struct revocation *r, uint64_t at)
{
	int checked = standing_check_revocation(s, r, night.registry, at);
	int done = standing_revoke(s, r, night.registry, at);
	is_number(done, checked, "what is checked is what is done");
	return done;
}

static void test_revoke(void)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	struct order o = night_release(&night, 1);
	struct revocation r = revoke_by(KUO, "tax", 1, now);
	if (load(s, &o) != 0)
		abort();
	ok(!standing_is_revoked(s, o.id, "tax"), "an order is in force");
	is_number(take(s, &r, now), 0, "an officer of its route revokes it");
	ok(standing_is_revoked(s, o.id, "tax"), "and it is revoked");
	ok(!standing_is_revoked(s, o.id, "other"), "on that route alone");
	is_number((int64_t)standing_count(s), 1, "though it is still there");
	is_number(take(s, &r, now), 0, "a second time is fine");
	ok(standing_has_revocation(s, &r), "which can be asked before");
	r = revoke_by(WANG, "tax", 1, now);
	ok(!standing_has_revocation(s, &r), "another's is another");
	is_number(take(s, &r, now), 0, "also by an operator");
	is_number((int64_t)standing_revocation_count(s), 1, "and is no second one");
	is_text(standing_revocation_at(s, 0)->person, "kuo-an", "the first one stays");
	r = revoke_by(WANG, "tax", 7, now);
	is_number(take(s, &r, now), 0, "an order that is not here can be revoked: a machine may bring it");
	is_number(load(s, &o), VERDICT_REVOKED, "what is revoked is not loaded again");
	standing_close(s);
	s = open_at(dir, 0);
	const uint8_t seven[ORDER_ID_BYTES] = {7};
	ok(standing_is_revoked(s, o.id, "tax") && standing_is_revoked(s, seven, "tax"),
	   "after a restart both are revoked");
	is_text(standing_revocation_at(s, 0)->person, "kuo-an", "by whom they were");
	standing_close(s);
	close(dir);
}

static void not_revoked(const struct revocation *r, uint64_t at, int verdict, const char *sentence)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	is_text(verdict_name(take(s, r, at)), verdict_name(verdict), "%s", sentence);
	ok(!standing_is_revoked(s, r->order_id, r->route), "and revokes nothing");
	standing_close(s);
	close(dir);
}

static void test_revoke_refusals(void)
{
	struct revocation r = revoke_by(LIU, "tax", 1, now);
	not_revoked(&r, now, VERDICT_NOT_ALLOWED, "an officer of another route");
	r = revoke_by(TSAI, "tax", 1, now);
	not_revoked(&r, now, VERDICT_NOT_ALLOWED, "an operator of another route");
	r = revoke_by(LEE, "tax", 1, night_midnight + 9 * NIGHT_DAY);
	not_revoked(&r, night_midnight + 9 * NIGHT_DAY, VERDICT_SUSPENDED, "one who is suspended");
	r = revoke_by(OU, "tax", 1, night_midnight + 10 * NIGHT_DAY);
	not_revoked(&r, night_midnight + 10 * NIGHT_DAY, VERDICT_EXPIRED, "one whose key has expired");
	r = revoke_by(KUO, "nowhere", 1, now);
	not_revoked(&r, now, VERDICT_UNKNOWN_ROUTE, "on no route");
	r = revoke_by(KUO, "tax", 1, now);
	memcpy(r.person, "wang-mei\0", 9);
	not_revoked(&r, now, VERDICT_UNKNOWN_KEY, "under the name of another");
	r = revoke_by(KUO, "tax", 1, now);
	memcpy(r.route, "other\0", 6);
	memcpy(r.person, "liu-an\0", 7);
	memcpy(r.key_id, night.people[LIU]->card.id, KEY_ID_BYTES);
	not_revoked(&r, now, VERDICT_BAD_SIGNATURE, "with the signature of another");
	r = revoke_by(KUO, "tax", 1, now);
	r.order_id[0]++;
	not_revoked(&r, now, VERDICT_BAD_SIGNATURE, "for another order");
	r = revoke_by(KUO, "tax", 1, now);
	r.at++;
	not_revoked(&r, now, VERDICT_BAD_SIGNATURE, "at another time");
	static const struct {
		int64_t apart;
		int verdict;
	} times[] = {{-HOUR, 0}, {-HOUR - 1, VERDICT_BAD_TIME}, {HOUR, 0}, {HOUR + 1, VERDICT_BAD_TIME}};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		r = revoke_by(KUO, "tax", 1, now + (uint64_t)times[i].apart);
		int dir = fresh_dir();
		struct standing *s = open_at(dir, 0);
		is_number(take(s, &r, now), times[i].verdict, "signed %d s from now", (int)times[i].apart);
		standing_close(s);
		close(dir);
	}
	uint8_t input[REVOCATION_BYTES];
	r = revoke_by(KUO, "tax", 1, now);
	revocation_input(input, &r);
	if (signature_make(&r.signature, ORDER_DOMAIN, input, sizeof(input), night.people[KUO]->secret) != 0)
		abort();
	not_revoked(&r, now, VERDICT_BAD_SIGNATURE, "what was signed as something else");
}

static int decode(const uint8_t *in, size_t len)
{
	struct revocation out;
	uint8_t *copy = malloc(len + (len == 0)); /* so that a sanitizer sees a read behind it */
	memcpy(copy, in, len);
	int result = revocation_decode(&out, copy, len);
	free(copy);
	return result;
}

static void test_format(void)
{
	uint8_t bytes[REVOCATION_ENCODED_MAX + 1] = {0}, changed[REVOCATION_ENCODED_MAX], again[REVOCATION_ENCODED_MAX];
	struct revocation r = revoke_by(KUO, "tax", 1, now), back = {.at = 0};
	size_t len = revocation_encode(bytes, &r), passed = 0;
	is_number((int64_t)len, AT_SIGNATURE + 4 + 64, "a revocation has 188 bytes with Ed25519");
	is_number(revocation_decode(&back, bytes, len), 0, "it is read back");
	ok(revocation_encode(again, &back) == len && memcmp(again, bytes, len) == 0, "as it was");
	for (size_t cut = 0; cut < len; cut++)
		passed += decode(bytes, cut) != VERDICT_TRUNCATED;
	is_number((int64_t)passed, 0, "every truncation is refused");
	is_number(decode(bytes, len + 1), VERDICT_TRAILING_BYTES, "so are bytes behind it");
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
		const char *what;
	} cases[] = {
		{0, 'w', VERDICT_BAD_MAGIC, "another magic"},
		{8, 2, VERDICT_UNKNOWN_VERSION, "another version"},
		{10, 2, VERDICT_UNKNOWN_SUITE, "another suite"},
		{12, 1, VERDICT_BAD_RESERVED, "a reserved byte"},
		{15, 1, VERDICT_BAD_RESERVED, "the last reserved byte"},
		{AT_ID, 0, VERDICT_BAD_LIMIT, "an id of zeros"},
		{AT_ROUTE, 'T', VERDICT_BAD_NAME, "a route in capitals"},
		{AT_ROUTE + 31, 1, VERDICT_BAD_NAME, "a route with a 32nd byte"},
		{AT_PERSON, 0, VERDICT_BAD_NAME, "nobody"},
		{AT_SIGNATURE, 3, VERDICT_BAD_TYPE, "an unknown algorithm"},
		{AT_SIGNATURE + 1, 1, VERDICT_BAD_RESERVED, "a reserved byte of the signature"},
		{AT_SIGNATURE + 2, 63, VERDICT_BAD_LENGTH, "another length of the signature"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(changed, bytes, len);
		changed[cases[i].at] = cases[i].value;
		is_text(verdict_name(decode(changed, len)), verdict_name(cases[i].verdict),
			"a revocation with %s is refused", cases[i].what);
	}
}

/* Whatever is flipped, nothing but the order that was meant is revoked, and that not either. */
static void test_every_bit(void)
{
	uint8_t bytes[REVOCATION_ENCODED_MAX];
	struct revocation r = revoke_by(KUO, "tax", 1, now), changed;
	size_t len = revocation_encode(bytes, &r), passed = 0;
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		passed += revocation_decode(&changed, bytes, len) == 0 &&
			  standing_revoke(s, &changed, night.registry, now) == 0;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of a revocation is refused");
	is_number((int64_t)standing_revocation_count(s), 0, "and nothing is revoked by it");
	is_number(standing_revoke(s, &r, night.registry, now), 0, "the revocation without is good");
	standing_close(s);
	close(dir);
}

static void test_limits(void)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	size_t taken = 0;
	for (uint8_t id = 1; id <= STANDING_REVOCATIONS_A_KEY; id++) {
		struct revocation r = revoke_by(WANG, "tax", id, now);
		taken += standing_revoke(s, &r, night.registry, now) == 0;
	}
	is_number((int64_t)taken, STANDING_REVOCATIONS_A_KEY, "one person revokes 64 orders");
	struct revocation more = revoke_by(WANG, "tax", 200, now);
	is_number(take(s, &more, now), VERDICT_BAD_LIMIT, "and no more");
	struct revocation again = revoke_by(WANG, "tax", 3, now);
	is_number(take(s, &again, now), 0, "what is revoked can be revoked again");
	struct revocation other = revoke_by(KUO, "tax", 200, now);
	is_number(take(s, &other, now), 0, "so that another still can");
	standing_retire(s, now + 2 * (uint64_t)ORDER_LIFE_MAX_S + NIGHT_DAY + 1);
	is_number((int64_t)standing_revocation_count(s), 0, "when they have done their duty there is room");
	struct order o = night_release(&night, 0);
	taken = 0;
	for (size_t i = 0; i < STANDING_ORDERS_MAX; i++) {
		const struct standing_site site = {night.registry, now, night.inside->card.id};
		o.id[0] = (uint8_t)(i + 1);
		o.id[1] = (uint8_t)(i >> 8);
		o.id[2] = 1;
		o.signer_count = 0;
		night_sign(&o, night.people[TSENG]);
		night_sign(&o, night.people[KUO]);
		taken += standing_load(s, &o, &site) == 0;
	}
	is_number((int64_t)taken, STANDING_ORDERS_MAX, "a box takes 1,024 orders");
	is_number(load(s, &o), 0, "the last once more");
	o = night_release(&night, 99);
	is_number(load(s, &o), VERDICT_BAD_LIMIT, "and no other");
	standing_close(s);
	s = open_at(dir, 0);
	is_number((int64_t)standing_count(s), STANDING_ORDERS_MAX, "after a restart all of them are there");
	standing_close(s);
	close(dir);
}

static void test_retire(void)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	struct order o = night_release(&night, 1);
	struct revocation r = revoke_by(KUO, "tax", 7, now);
	const uint64_t forgotten = now + 2 * (uint64_t)ORDER_LIFE_MAX_S + NIGHT_DAY;
	if (load(s, &o) != 0 || standing_revoke(s, &r, night.registry, now) != 0)
		abort();
	standing_retire(s, o.not_after + NIGHT_DAY);
	is_number((int64_t)standing_count(s), 1, "an order stays to the end of the day after its end");
	standing_retire(s, o.not_after + NIGHT_DAY + 1);
	is_number((int64_t)standing_count(s), 0, "and is removed then");
	ok(standing_is_revoked(s, r.order_id, "tax"), "a revocation stays");
	/* the last one that can have been signed before it: 30 days ahead, for 30 days */
	standing_retire(s, forgotten);
	ok(standing_is_revoked(s, r.order_id, "tax"), "until every order that was signed before it has ended");
	standing_close(s);
	s = open_at(dir, 0);
	ok(standing_count(s) == 0 && standing_is_revoked(s, r.order_id, "tax"), "also over a restart");
	standing_retire(s, forgotten + 1);
	ok(!standing_is_revoked(s, r.order_id, "tax"), "and is removed then");
	standing_close(s);
	s = open_at(dir, 0);
	is_number((int64_t)standing_revocation_count(s), 0, "from the disk, too");
	standing_close(s);
	close(dir);
}

static void write_over(int dir, const char *name, size_t at, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "orders/%s", name);
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || io_pwrite(fd, text, strlen(text), at) != 0)
		abort();
	close(fd);
}

/* What lies in orders/ and is not what it should be. */
static void test_damage(void)
{
	static const char order[] = "01000000000000000000000000000000.tax";
	static const char revoked[] = "07000000000000000000000000000000.tax.revoked";
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	struct order o = night_release(&night, 1);
	struct revocation r = revoke_by(KUO, "tax", 7, now);
	if (load(s, &o) != 0 || standing_revoke(s, &r, night.registry, now) != 0)
		abort();
	standing_close(s);
	write_over(dir, order, 0, "xxxx");
	write_over(dir, revoked, 0, "xxxx");
	s = open_at(dir, 2);
	is_number((int64_t)standing_count(s), 0, "a damaged order does not count");
	ok(standing_is_revoked(s, r.order_id, "tax"), "a damaged revocation does, by its name");
	ok(!standing_has_revocation(s, &r), "though it has to be made again");
	is_text(standing_revocation_at(s, 0)->person, "", "though nobody knows whose it was");
	standing_retire(s, now + 1000 * (uint64_t)NIGHT_DAY);
	ok(standing_is_revoked(s, r.order_id, "tax"), "and not for how long");
	is_number(load(s, &o), 0, "the order can be loaded again");
	is_number(take(s, &r, now), 0, "and revoked again");
	standing_close(s);
	s = open_at(dir, 0);
	ok(standing_count(s) == 1 && standing_is_revoked(s, r.order_id, "tax"), "which mends both");
	standing_close(s);
	static const char *const names[] = {"x", "x.revoked", ".revoked.revoked",
					    "0700000000000000000000000000000.tax.revoked",
					    "07000000000000000000000000000000.Tax.revoked",
					    "07000000000000000000000000000000.revoked",
					    "07000000000000000000000000000000.a-name-that-is-too-long-for-any-route.revoked",
					    "02000000000000000000000000000000.tax"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		write_over(dir, names[i], 0, "x");
	s = open_at(dir, 7); /* one begins with a dot, as what was being written does */
	ok(standing_count(s) == 1 && standing_revocation_count(s) == 1, "files of other names are none of these");
	standing_close(s);
	close(dir);
}

/* Somebody who writes to the disk puts one file in the place of another. */
static void test_replaced(void)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	struct order o = night_release(&night, 1), other = night_release(&night, 2);
	struct revocation r = revoke_by(KUO, "tax", 7, now);
	if (load(s, &o) != 0 || load(s, &other) != 0 || standing_revoke(s, &r, night.registry, now) != 0)
		abort();
	standing_close(s);
	if (renameat(dir, "orders/02000000000000000000000000000000.tax", dir,
		     "orders/01000000000000000000000000000000.tax") < 0 ||
	    renameat(dir, "orders/07000000000000000000000000000000.tax.revoked", dir,
		     "orders/08000000000000000000000000000000.tax.revoked") < 0)
		abort();
	s = open_at(dir, 2);
	is_number((int64_t)standing_count(s), 0, "an order under the name of another does not count");
	const uint8_t eight[ORDER_ID_BYTES] = {8};
	ok(standing_is_revoked(s, eight, "tax") && !standing_is_revoked(s, r.order_id, "tax"),
	   "a revocation under another name revokes what its name says");
	standing_close(s);
	if (unlinkat(dir, "orders/01000000000000000000000000000000.tax", 0) < 0 ||
	    symlinkat("/etc/passwd", dir, "orders/01000000000000000000000000000000.tax") < 0 ||
	    mkdirat(dir, "orders/02000000000000000000000000000000.tax", 0700) < 0)
		abort();
	s = open_at(dir, 3);
	is_number((int64_t)standing_count(s), 0, "what is no file of its own is none");
	standing_close(s);
	close(dir);
}

/* A disk that takes nothing: what a limit of the file size plays here. */
static void test_full_disk(void)
{
	int dir = fresh_dir();
	struct standing *s = open_at(dir, 0);
	struct order o = night_release(&night, 1);
	struct revocation r = revoke_by(KUO, "tax", 1, now);
	struct rlimit before, none = {0, 0};
	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &before) < 0)
		abort();
	none.rlim_max = before.rlim_max;
	fflush(stdout);
	const struct standing_site site = {night.registry, now, night.inside->card.id};
	setrlimit(RLIMIT_FSIZE, &none);
	int loaded = standing_load(s, &o, &site);
	int revoked = standing_revoke(s, &r, night.registry, now);
	setrlimit(RLIMIT_FSIZE, &before);
	is_number(loaded, -EFBIG, "an order that cannot be written is refused");
	is_number((int64_t)standing_count(s), 0, "and is not there");
	is_number(revoked, -EFBIG, "a revocation that cannot be written is told of");
	ok(standing_is_revoked(s, o.id, "tax"), "and holds all the same, until the next start");
	is_number(take(s, &r, now), 0, "it can be tried again");
	standing_close(s);
	s = open_at(dir, 0);
	ok(standing_is_revoked(s, o.id, "tax"), "and then holds over a start");
	standing_close(s);
	close(dir);
}

int main(void)
{
	suite_start();
	night_make(&night, "");
	test_load();
	test_load_refusals();
	test_revoke();
	test_revoke_refusals();
	test_format();
	test_every_bit();
	test_limits();
	test_retire();
	test_damage();
	test_replaced();
	test_full_disk();
	night_end(&night);
	return done_testing();
}
