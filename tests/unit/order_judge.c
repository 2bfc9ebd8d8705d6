/* What a registry says of a standing order: every clause of order_check, at its edges. */
#include "common/order.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { DAY = 86400, TEXT_BYTES = 16384, PEOPLE = 7 };

static const uint64_t issued = 1795392000; /* 2026-11-23 */
static const uint64_t begins = 1795392000 + 3 * DAY;
static const uint64_t ends = 1795392000 + 33 * DAY;

/* In the order of the names below; the last one is in no registry. */
enum { WANG, LEE, CHEN, LIN, WU, KUO, STRANGER };
static const char *const names[PEOPLE] = {"wang-mei", "lee-hao", "chen-yi", "lin-jun", "wu-ting", "kuo-min",
					  "stranger"};

struct world {
	struct key *people[PEOPLE];
	struct key *machine, *gone_machine, *stopped_machine, *inside, *outside;
	char text[TEXT_BYTES];
	struct registry *registry;
};

static void add(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *text, const char *format, ...)
{
	size_t at = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + at, TEXT_BYTES - at, format, arguments);
	va_end(arguments);
}

static void add_party(char *text, const struct key *key, const char *lines)
{
	char hex[2 * SUITE_KEY_BYTES + 1];
	add(text, "[%s %s]\npublic = %s\n%s", key_kind_name(key->card.kind), key->card.name,
	    text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES), lines);
}

/* Officers of a route with a quorum need a reading key; any will do here. */
static void add_people(struct world *w)
{
	static const char *const lines[PEOPLE - 1] = {
		[WANG] = "roles = operator officer\n",
		[LEE] = "roles = operator\nsuspended = 2026-12-10T12:00:00Z\n",
		[CHEN] = "roles = officer\n",
		[LIN] = "roles = officer\nexpires = 2026-12-10\n",
		[WU] = "roles = officer\nsuspended = 2026-12-10T12:00:00Z\n",
		[KUO] = "roles = officer\n",
	};
	for (int i = 0; i < PEOPLE - 1; i++) {
		char more[256];
		snprintf(more, sizeof(more), "%sreading = %064x\n", lines[i], i + 1);
		add_party(w->text, w->people[i], more);
	}
}

static void add_routes(char *text)
{
	static const char route[] = "[route %s]\nid = %d\nrecipients = tax-agency\noperators = wang-mei lee-hao\n"
				    "format = csv\nrecords = required\ndestroy_after_days = 30\npriority = 4\n%s";
	static const char officers[] = "officers = wang-mei chen-yi lin-jun wu-ting\nquorum = 2\n";
	char more[512];
	snprintf(more, sizeof(more), "%spolicy = people\n", officers);
	add(text, route, "tax", 1, more);
	add(text, route, "plain", 2, "");
	snprintf(more, sizeof(more), "%sexpires = 2026-12-10\n", officers);
	add(text, route, "short", 3, more);
	snprintf(more, sizeof(more), "%ssuspended = 2026-12-10T12:00:00Z\n", officers);
	add(text, route, "stopped", 4, more);
	snprintf(more, sizeof(more), "%spusher_may_approve = yes\n", officers);
	add(text, route, "lenient", 5, more);
	snprintf(more, sizeof(more), "%sneeds = privacy\n", officers);
	add(text, route, "unseen", 6, more);
	add(text, "[policy people]\nversion = 3\ncolumns = id name\n");
}

static struct registry *must_parse(const char *text)
{
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES] = "";
	if (registry_parse(&registry, (const uint8_t *)text, strlen(text), NULL, problem) != 0) {
		printf("Bail out! the registry of the tests: %s\n", problem);
		exit(1);
	}
	return registry;
}

static struct world *make_world(void)
{
	struct world *w = calloc(1, sizeof(*w));
	if (w == NULL)
		abort();
	for (int i = 0; i < PEOPLE; i++)
		w->people[i] = key_new(KEY_PERSON, names[i]);
	w->machine = key_new(KEY_MACHINE, "nightly");
	w->gone_machine = key_new(KEY_MACHINE, "retired");
	w->stopped_machine = key_new(KEY_MACHINE, "stopped");
	w->inside = key_new(KEY_SENDER, "inside-1");
	w->outside = key_new(KEY_RECEIVER, "outside-1");
	struct key *tax = key_new(KEY_RECIPIENT, "tax-agency");
	add(w->text, "[registry]\nformat = 1\nname = moi\nversion = 7\nissued = 2026-11-23\nexpires = 2026-12-20\n");
	add_people(w);
	add_party(w->text, w->machine, "");
	add_party(w->text, w->gone_machine, "expires = 2026-12-10\n");
	add_party(w->text, w->stopped_machine, "suspended = 2026-12-10T12:00:00Z\n");
	add_party(w->text, w->inside, "");
	add_party(w->text, w->outside, "");
	char psk[128];
	snprintf(psk, sizeof(psk), "psk = %064x\n", 99);
	add_party(w->text, tax, psk);
	add_routes(w->text);
	w->registry = must_parse(w->text);
	key_free(tax);
	return w;
}

static void free_world(struct world *w)
{
	struct key *others[] = {w->machine, w->gone_machine, w->stopped_machine, w->inside, w->outside};
	for (int i = 0; i < PEOPLE; i++)
		key_free(w->people[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		key_free(others[i]);
	registry_free(w->registry);
	free(w);
}

static struct order make_order(enum order_kind kind, const char *route, const struct key *machine)
{
	struct order o = {
		.kind = kind,
		.id = {1},
		.not_before = begins,
		.not_after = ends,
		.window_len = 1440,
		.weekdays = ORDER_EVERY_DAY,
		.max_bytes = 1000,
		.max_records = 100,
		.max_pushes = 1,
	};
	memcpy(o.route, route, strlen(route));
	o.policy_version = strcmp(route, "tax") == 0 ? 3 : 0;
	o.machine = machine->card;
	return o;
}

static void sign_at(struct order *o, const struct key *key, uint64_t at)
{
	uint8_t input[ORDER_INPUT_BYTES];
	struct order_signer signer = {.signed_at = at};
	memcpy(signer.name, key->card.name, NAME_BYTES);
	memcpy(signer.key_id, key->card.id, KEY_ID_BYTES);
	order_sign_input(input, o, &signer);
	if (signature_make(&signer.signature, ORDER_DOMAIN, input, sizeof(input), key->secret) != 0 ||
	    order_add_signature(o, &signer) != 0)
		ok(false, "%s can sign", key->card.name);
}

static struct order push_by(const struct world *w, const char *route, int who)
{
	struct order o = make_order(ORDER_PUSH, route, w->machine);
	sign_at(&o, w->people[who], issued);
	return o;
}

static struct order release_by(const struct world *w, const char *route, int first, int second)
{
	struct order o = make_order(ORDER_RELEASE, route, w->inside);
	sign_at(&o, w->people[first], issued);
	if (second >= 0)
		sign_at(&o, w->people[second], issued);
	return o;
}

static void judged(const struct world *w, const struct order *o, uint64_t at, int verdict, const char *sentence)
{
	is_text(verdict_name(order_check(o, w->registry, at)), verdict_name(verdict), "%s", sentence);
}

static void test_times(const struct world *w)
{
	struct order o = push_by(w, "tax", WANG);
	judged(w, &o, begins, 0, "an order is in force from its first second");
	judged(w, &o, begins - 1, VERDICT_BAD_TIME, "and not before");
	o.not_after = begins + DAY;
	o.signer_count = 0;
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, begins + DAY, 0, "it is to its last second");
	judged(w, &o, begins + DAY + 1, VERDICT_EXPIRED, "and not after");
	o = push_by(w, "tax", WANG);
	judged(w, &o, 1797724800, 0, "on the last day of the registry it is, too"); /* 2026-12-20 */
	judged(w, &o, 1797724801, VERDICT_EXPIRED, "but not beyond");
	o.signer_count = 0;
	sign_at(&o, w->people[WANG], begins + 100);
	judged(w, &o, begins + 100, 0, "a signature counts from its own second");
	judged(w, &o, begins + 99, VERDICT_BAD_TIME, "and not before");
}

static void test_route(const struct world *w)
{
	struct order o = push_by(w, "none", WANG);
	judged(w, &o, begins, VERDICT_UNKNOWN_ROUTE, "its route must be there");
	is_number(order_check_signer(&o, 0, w->registry, begins), VERDICT_UNKNOWN_ROUTE,
		  "no signer can be judged without it");
	o = push_by(w, "short", WANG);
	judged(w, &o, 1796860800, 0, "a route is in force to its end"); /* 2026-12-10 */
	judged(w, &o, 1796860801, VERDICT_EXPIRED, "and no longer");
	o = push_by(w, "stopped", WANG);
	judged(w, &o, 1796903999, 0, "or until it is suspended");
	judged(w, &o, 1796904000, VERDICT_SUSPENDED, "and then no longer");
	o = push_by(w, "unseen", WANG);
	judged(w, &o, begins, VERDICT_NOT_REVIEWED, "a route that lacks a review has no orders");
}

static void test_policy(const struct world *w)
{
	struct order o = push_by(w, "plain", WANG);
	judged(w, &o, begins, 0, "a route without rules has orders without");
	o.policy_version = 1;
	o.signer_count = 0;
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, begins, VERDICT_WRONG_POLICY, "and none with");
	o = push_by(w, "tax", WANG);
	for (uint64_t version = 0; version < 6; version++) {
		o.policy_version = version;
		o.signer_count = 0;
		sign_at(&o, w->people[WANG], issued);
		judged(w, &o, begins, version == 3 ? 0 : VERDICT_WRONG_POLICY,
		       version == 3 ? "an order is for the version of the rules in force"
				    : "and not for an older or newer one");
	}
}

/* A bundle that was made under older rules is judged by them, though the registry is newer by now. */
static void test_older_policy(const struct world *w)
{
	struct order o = push_by(w, "tax", WANG);
	o.policy_version = 2;
	o.signer_count = 0;
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, begins, VERDICT_WRONG_POLICY, "an order for older rules does not count now");
	is_number(order_check_under(&o, w->registry, begins, 2), 0, "but for a bundle that was made under them");
	is_number(order_check_under(&o, w->registry, begins, 3), VERDICT_WRONG_POLICY, "and for no other");
	is_number(order_check_under(&o, w->registry, begins - 1, 2), VERDICT_BAD_TIME,
		  "everything else is judged as ever");
	o.signers[0].signature.bytes[0] ^= 1;
	is_number(order_check_under(&o, w->registry, begins, 2), VERDICT_BAD_SIGNATURE, "the signature too");
	o = push_by(w, "none", WANG);
	is_number(order_check_under(&o, w->registry, begins, 0), VERDICT_UNKNOWN_ROUTE, "and the route");
}

static void test_machine(const struct world *w)
{
	struct order o = make_order(ORDER_PUSH, "tax", w->gone_machine);
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, 1796860800, 0, "a machine works to its end");
	judged(w, &o, 1796860801, VERDICT_EXPIRED, "and no longer");
	o = make_order(ORDER_PUSH, "tax", w->stopped_machine);
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, 1796903999, 0, "or until it is suspended");
	judged(w, &o, 1796904000, VERDICT_SUSPENDED, "and then no longer");
	struct key *other = key_new(KEY_MACHINE, "nightly");
	o = make_order(ORDER_PUSH, "tax", other);
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, begins, VERDICT_UNKNOWN_KEY, "another key of its name is unknown");
	key_free(other);
	o = make_order(ORDER_PUSH, "tax", w->inside);
	sign_at(&o, w->people[WANG], issued);
	o.machine.kind = KEY_MACHINE;
	judged(w, &o, begins, VERDICT_UNKNOWN_KEY, "a sender box pushes nothing");
	o = make_order(ORDER_RELEASE, "tax", w->machine);
	o.machine.kind = KEY_SENDER;
	sign_at(&o, w->people[CHEN], issued);
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, begins, VERDICT_UNKNOWN_KEY, "a machine releases nothing");
	o = make_order(ORDER_RELEASE, "tax", w->outside);
	o.machine.kind = KEY_SENDER;
	sign_at(&o, w->people[CHEN], issued);
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, begins, VERDICT_UNKNOWN_KEY, "nor does a receiver");
}

static void test_signer(const struct world *w)
{
	struct order o = push_by(w, "tax", STRANGER);
	judged(w, &o, begins, VERDICT_UNKNOWN_KEY, "a stranger orders nothing");
	struct key *other = key_new(KEY_PERSON, "wang-mei");
	o = make_order(ORDER_PUSH, "tax", w->machine);
	sign_at(&o, other, issued);
	judged(w, &o, begins, VERDICT_UNKNOWN_KEY, "nor does somebody of a known name");
	key_free(other);
	o = make_order(ORDER_PUSH, "tax", w->machine);
	judged(w, &o, begins, VERDICT_TOO_FEW_APPROVALS, "an order that nobody has signed is none");
	o = push_by(w, "tax", CHEN);
	judged(w, &o, begins, VERDICT_NOT_ALLOWED, "an officer who is no operator orders no push");
	o = push_by(w, "tax", LEE);
	judged(w, &o, 1796903999, 0, "an operator may until the suspension");
	judged(w, &o, 1796904000, VERDICT_SUSPENDED, "which ends what was signed before it, too");
	o = push_by(w, "tax", WANG);
	o.signers[0].signature.bytes[10] ^= 1;
	judged(w, &o, begins, VERDICT_BAD_SIGNATURE, "a wrong signature is refused");
	o = push_by(w, "tax", WANG);
	o.max_records++;
	judged(w, &o, begins, VERDICT_BAD_SIGNATURE, "so is one of another order");
	o = push_by(w, "tax", WANG);
	o.signers[0].signed_at--;
	judged(w, &o, begins, VERDICT_BAD_SIGNATURE, "and one of another time");
	struct order two = release_by(w, "tax", WANG, CHEN);
	o = push_by(w, "tax", WANG);
	o.signers[0] = two.signers[strcmp(two.signers[0].name, "wang-mei") == 0 ? 0 : 1];
	judged(w, &o, begins, VERDICT_BAD_SIGNATURE, "what was signed as a release orders no push");
}

static void test_quorum(const struct world *w)
{
	struct order o = release_by(w, "tax", CHEN, KUO);
	judged(w, &o, begins, VERDICT_NOT_ALLOWED, "an officer of no route orders no release");
	o = release_by(w, "tax", CHEN, LEE);
	judged(w, &o, begins, VERDICT_NOT_ALLOWED, "nor does an operator");
	o = release_by(w, "tax", CHEN, STRANGER);
	judged(w, &o, begins, VERDICT_UNKNOWN_KEY, "nor a stranger beside an officer");
	o = release_by(w, "tax", CHEN, -1);
	judged(w, &o, begins, VERDICT_TOO_FEW_APPROVALS, "one officer is fewer than two");
	o = release_by(w, "tax", CHEN, CHEN);
	is_number(o.signer_count, 1, "one who signs twice stands once");
	judged(w, &o, begins, VERDICT_TOO_FEW_APPROVALS, "and is still one");
	o = release_by(w, "tax", CHEN, WANG);
	judged(w, &o, begins, 0, "two officers are a quorum of two");
	o = release_by(w, "tax", CHEN, LIN);
	judged(w, &o, 1796860800, 0, "each is one to the end of the key");
	judged(w, &o, 1796860801, VERDICT_EXPIRED, "and no longer");
	o = release_by(w, "tax", WU, CHEN);
	judged(w, &o, 1796903999, 0, "or until the suspension");
	judged(w, &o, 1796904000, VERDICT_SUSPENDED, "and no longer");
	sign_at(&o, w->people[WANG], issued);
	judged(w, &o, 1796904000, VERDICT_SUSPENDED,
	       "a signer who is gone ends the order, even when enough are left: it has to be made anew");
	is_number(order_check_signer(&o, 0, w->registry, begins), 0, "each signer is judged apart");
	size_t gone = 0, good = 0;
	for (size_t i = 0; i < o.signer_count; i++) {
		int verdict = order_check_signer(&o, i, w->registry, 1796904000);
		gone += verdict == VERDICT_SUSPENDED;
		good += verdict == 0;
	}
	ok(gone == 1 && good == 2, "so that the one who is gone is known");
	o = make_order(ORDER_RELEASE, "plain", w->inside);
	judged(w, &o, begins, VERDICT_TOO_FEW_APPROVALS, "where nobody need approve, nobody's order is none");
}

static void test_pusher(const struct world *w)
{
	const struct route *tax = registry_route(w->registry, "tax");
	const struct route *lenient = registry_route(w->registry, "lenient");
	const uint8_t *wang = w->people[WANG]->card.id, *lee = w->people[LEE]->card.id;
	struct order o = release_by(w, "tax", WANG, CHEN);
	is_number(order_releases_for(&o, tax, lee), 0, "two officers release what a third person pushed");
	is_number(order_releases_for(&o, tax, wang), VERDICT_TOO_FEW_APPROVALS,
		  "but an officer does not count for what she pushed");
	is_number(order_releases_for(&o, lenient, wang), 0, "unless the route says so");
	sign_at(&o, w->people[LIN], issued);
	is_number(order_releases_for(&o, tax, wang), 0, "or two others have signed");
	o = push_by(w, "tax", LEE);
	is_number(order_releases_for(&o, tax, wang), VERDICT_TOO_FEW_APPROVALS, "an order to push releases nothing");
}

/* Everything that is signed, and the machine's key, in one pass: no changed order is good. */
static void test_every_bit(const struct world *w)
{
	struct order o = release_by(w, "tax", WANG, CHEN), changed;
	uint8_t bytes[ORDER_BYTES_MAX];
	size_t len = order_encode(bytes, &o), passed = 0;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (order_decode(&changed, bytes, len) == 0 && order_check(&changed, w->registry, begins) == 0) {
			note("bit %zu of byte %zu passed", bit % 8, bit / 8);
			passed++;
		}
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of an order in force is refused");
	judged(w, &o, begins, 0, "which is good without");
}

int main(void)
{
	suite_start();
	struct world *w = make_world();
	test_times(w);
	test_route(w);
	test_policy(w);
	test_older_policy(w);
	test_machine(w);
	test_signer(w);
	test_quorum(w);
	test_pusher(w);
	test_every_bit(w);
	free_world(w);
	return done_testing();
}
