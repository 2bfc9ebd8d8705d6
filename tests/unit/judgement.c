/* Who may push, approve, refuse and release: BUNDLE.md 2 to 3.1, by a registry of people of every kind. */
#include "common/judgement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/order.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

enum { TEXT_BYTES = 16384, HOUR = 3600 };

static const uint64_t pushed = 1795996800;    /* 2026-11-30 */
static const uint64_t released = 1795996860;  /* a minute later */
static const uint64_t short_life = 1796083200; /* 2026-12-01, when the old ones expire or are suspended */
static const uint64_t the_end = 1826928000;   /* 2027-11-23, of the registry */

/* Everybody, in the order of the names below. */
enum who { WANG, LEE, TSENG, KUO, HSU, OU, MA, CLERK, STRANGER, PEOPLE };
static const struct {
	const char *name, *lines;
} people[PEOPLE] = {
	[WANG] = {"wang-mei", "roles = operator\n"},
	[LEE] = {"lee-hao", "roles = operator\nsuspended = 2026-12-01\n"},
	[TSENG] = {"tseng-yu", "roles = operator officer\n"},
	[KUO] = {"kuo-an", "roles = officer\n"},
	[HSU] = {"hsu-li", "roles = officer\n"},
	[OU] = {"ou-old", "roles = officer\nexpires = 2026-12-01\n"},
	[MA] = {"ma-stop", "roles = officer\nsuspended = 2026-12-01\n"},
	[CLERK] = {"clerk", "roles = officer\n"}, /* an officer, but of no route */
	[STRANGER] = {"stranger", NULL},
};

static struct key *keys[PEOPLE], *inside, *old_box, *outside, *nightly;
static struct registry *registry; /* version 7 */
static struct registry *newer;    /* version 8, policy 4 */

static const char *hex_of(const uint8_t *bytes)
{
	static char ring[4][2 * SUITE_KEY_BYTES + 1];
	static unsigned int at;
	return text_hex(ring[at++ % 4], sizeof(ring[0]), bytes, SUITE_KEY_BYTES);
}

#define ADD(...) at += (size_t)snprintf(text + at, TEXT_BYTES - at, __VA_ARGS__)

static void add_routes(char *text, size_t at)
{
	static const char route[] = "[route %s]\nid = %d\nrecipients = tax-agency\n"
				    "operators = wang-mei lee-hao tseng-yu\nformat = csv\n"
				    "records = waived\ndestroy_after_days = 30\npriority = 4\n%s";
	static const char officers[] = "officers = tseng-yu kuo-an hsu-li ou-old ma-stop\n";
	char more[256];
	ADD(route, "tax", 1, "");
	snprintf(more, sizeof(more), "%squorum = 2\n", officers);
	ADD(route, "dual", 2, more);
	snprintf(more, sizeof(more), "%squorum = 1\npusher_may_approve = yes\n", officers);
	ADD(route, "own", 3, more);
	ADD(route, "ruled", 4, "policy = scanned\n");
	ADD(route, "watched", 5, "policy = plain\n");
	ADD(route, "unread", 6, "needs = legal\n");
	ADD(route, "short", 7, "expires = 2026-12-01\n");
	ADD(route, "stopped", 8, "suspended = 2026-12-01\n");
	ADD("[route ledger]\nid = 99\nrecipients = tax-agency\nformat = lines\nrecords = waived\n"
	    "destroy_after_days = 30\npriority = 8\n");
	ADD("[route others]\nid = 9\nrecipients = tax-agency\noperators = tseng-yu\nformat = opaque\n"
	    "records = waived\ndestroy_after_days = 30\npriority = 4\n");
}

static struct registry *make_registry(unsigned int version, unsigned int policy)
{
	static char text[TEXT_BYTES];
	char problem[PROBLEM_BYTES] = "";
	struct registry *out = NULL;
	struct key *tax = key_new(KEY_RECIPIENT, "tax-agency");
	size_t at = 0;
	ADD("[registry]\nformat = 1\nname = moi\nversion = %u\nissued = 2026-11-23\nexpires = 2027-11-23\n",
	    version);
	for (size_t i = 0; i < STRANGER; i++)
		ADD("[person %s]\npublic = %s\nreading = %s\n%s", people[i].name,
		    hex_of(keys[i]->card.public_key), hex_of(keys[i]->card.second), people[i].lines);
	ADD("[sender inside-1]\npublic = %s\n", hex_of(inside->card.public_key));
	ADD("[sender inside-old]\npublic = %s\nsuspended = 2026-12-01\n", hex_of(old_box->card.public_key));
	ADD("[receiver outside-1]\npublic = %s\n", hex_of(outside->card.public_key));
	ADD("[machine nightly]\npublic = %s\nsuspended = 2026-12-01\n", hex_of(nightly->card.public_key));
	ADD("[recipient tax-agency]\npublic = %s\npsk = %064d\n", hex_of(tax->card.public_key), 1);
	ADD("[policy scanned]\nversion = %u\nscan = required\n[policy plain]\nversion = 5\nencoding = utf-8\n",
	    policy);
	add_routes(text, at);
	key_free(tax);
	if (registry_parse(&out, (const uint8_t *)text, strlen(text), NULL, problem) != 0) {
		printf("Bail out! the registry of the tests: %s\n", problem);
		exit(1);
	}
	return out;
}

static struct statement statement_of(const char *route, enum who who)
{
	struct statement s = {
		.push_id = {1, 2, 3},
		.registry_version = 7,
		.created = pushed,
		.destroy_by = pushed + 86400,
		.segments = 3,
		.manifest_segments = 1,
		.root = {4},
		.manifest_digest = {5},
	};
	strcpy(s.route, route);
	memcpy(s.person, keys[who]->card.name, NAME_BYTES);
	memcpy(s.person_key, keys[who]->card.id, KEY_ID_BYTES);
	return s;
}

/* Pushed by whom it names. */
static struct endorsements pushed_by(const struct statement *s, enum who who)
{
	struct endorsements out;
	endorse_push(&out, s, keys[who]->secret);
	return out;
}

static void approve_at(struct endorsements *all, const struct statement *s, enum who who, uint64_t at)
{
	struct endorsement approval = endorse_approval(s, keys[who], at);
	endorse_with(all, &approval);
}

static void approve(struct endorsements *all, const struct statement *s, enum who who)
{
	approve_at(all, s, who, pushed + 5);
}

static void push_is(const struct statement *s, enum who signer, uint64_t at, int verdict, const char *sentence)
{
	struct endorsements all = pushed_by(s, signer);
	is_text(verdict_name(push_check(registry, s, &all, at)), verdict_name(verdict), "%s", sentence);
}

static void test_push(void)
{
	struct statement s = statement_of("tax", WANG);
	push_is(&s, WANG, released, 0, "an operator of the route may push");
	push_is(&s, LEE, released, VERDICT_BAD_SIGNATURE, "with nobody else's signature");
	s = statement_of("tax", KUO);
	push_is(&s, KUO, released, VERDICT_NOT_ALLOWED, "an officer who is no operator may not");
	s = statement_of("others", WANG);
	push_is(&s, WANG, released, VERDICT_NOT_ALLOWED, "nor may an operator of other routes");
	s = statement_of("tax", STRANGER);
	push_is(&s, STRANGER, released, VERDICT_UNKNOWN_KEY, "a stranger is unknown");
	s = statement_of("tax", WANG);
	memcpy(s.person_key, keys[LEE]->card.id, KEY_ID_BYTES);
	push_is(&s, LEE, released, VERDICT_UNKNOWN_KEY, "and so is a person with another's key");
	s = statement_of("none", WANG);
	push_is(&s, WANG, released, VERDICT_UNKNOWN_ROUTE, "the route is in the registry");
	s = statement_of("tax", WANG);
	s.registry_version = 8;
	push_is(&s, WANG, released, VERDICT_OLDER_REGISTRY, "a newer registry than this may say otherwise");
	s.registry_version = 6;
	push_is(&s, WANG, released, 0, "an older one is replaced by this");
	s = statement_of("unread", WANG);
	push_is(&s, WANG, released, VERDICT_NOT_REVIEWED, "a route that was not reviewed is not in use");
	struct endorsements nothing = {0};
	s = statement_of("tax", WANG);
	is_number(push_check(registry, &s, &nothing, released), VERDICT_TRUNCATED, "somebody has pushed it");
}

/* A push by a sending box, with its own key. */
static int push_by_box(const char *route, const struct key *box, uint64_t at)
{
	struct statement s = statement_of(route, WANG);
	struct endorsements all;
	memcpy(s.person, box->card.name, NAME_BYTES);
	memcpy(s.person_key, box->card.id, KEY_ID_BYTES);
	endorse_push(&all, &s, box->secret);
	return push_check(registry, &s, &all, at);
}

static void test_ledger(void)
{
	struct statement s = statement_of("ledger", WANG);
	is_number(push_by_box("ledger", inside, released), 0, "the sending box pushes its ledger");
	push_is(&s, WANG, released, VERDICT_NOT_ALLOWED, "on whose route nobody else may");
	is_number(push_by_box("tax", inside, released), VERDICT_NOT_ALLOWED, "nor the box on any other");
	is_number(push_by_box("dual", inside, released), VERDICT_NOT_ALLOWED, "whoever releases there");
	is_number(push_by_box("ledger", outside, released), VERDICT_UNKNOWN_KEY, "a receiving box is no sending box");
	ok(push_by_box("ledger", old_box, short_life - 1) == 0 &&
		   push_by_box("ledger", old_box, short_life + 1) == VERDICT_SUSPENDED,
	   "a box may as long as its key counts");
	memcpy(s.person, inside->card.name, NAME_BYTES);
	memcpy(s.person_key, inside->card.id, KEY_ID_BYTES);
	push_is(&s, WANG, released, VERDICT_BAD_SIGNATURE, "and signs by itself");
}

static void test_push_in_time(void)
{
	struct statement s = statement_of("tax", LEE);
	push_is(&s, LEE, short_life - 1, 0, "a person counts until the suspension");
	push_is(&s, LEE, short_life, VERDICT_SUSPENDED, "and not from then on");
	s = statement_of("short", WANG);
	push_is(&s, WANG, short_life, 0, "a route counts to its last second");
	push_is(&s, WANG, short_life + 1, VERDICT_EXPIRED, "and no longer");
	s = statement_of("stopped", WANG);
	push_is(&s, WANG, short_life - 1, 0, "or until it is suspended");
	push_is(&s, WANG, short_life, VERDICT_SUSPENDED, "and not from then on");
	s = statement_of("tax", WANG);
	push_is(&s, WANG, the_end, 0, "the registry counts to its last second");
	push_is(&s, WANG, the_end + 1, VERDICT_EXPIRED, "and no longer");
}

/* A statement under the rules of a route, judged under both registries. */
static void policy_is(const char *route, uint64_t registry_version, uint64_t policy, bool passed, bool scanned,
		      int now, int later)
{
	struct statement s = statement_of(route, WANG);
	s.registry_version = registry_version;
	s.policy_version = policy;
	s.guard = passed ? GUARD_PASSED : GUARD_NO_RULES;
	s.scan = scanned ? SCAN_CLEAN : SCAN_NOT_ASKED;
	struct endorsements all = pushed_by(&s, WANG);
	is_text(verdict_name(push_check(registry, &s, &all, released)), verdict_name(now),
		"%s, registry %d, policy %d,%s%s: now", route, (int)registry_version, (int)policy,
		passed ? " passed" : "", scanned ? " scanned" : "");
	is_text(verdict_name(push_check(newer, &s, &all, released)), verdict_name(later),
		"and under the next registry");
}

static void test_policy(void)
{
	const int wrong = VERDICT_WRONG_POLICY, older = VERDICT_OLDER_REGISTRY;
	/* the rules are version 3 in registry 7 and version 4 in registry 8 */
	policy_is("ruled", 7, 3, true, true, 0, 0);
	policy_is("ruled", 6, 3, true, true, 0, 0);
	policy_is("ruled", 7, 3, true, false, wrong, 0);
	policy_is("ruled", 7, 3, false, true, wrong, wrong);
	policy_is("ruled", 7, 2, true, true, wrong, 0);
	policy_is("ruled", 6, 2, true, false, 0, 0);
	policy_is("ruled", 6, 2, false, true, wrong, wrong);
	policy_is("ruled", 7, 4, true, true, wrong, 0);
	policy_is("ruled", 7, 4, true, false, wrong, wrong);
	policy_is("ruled", 6, 5, true, true, wrong, wrong);
	policy_is("ruled", 7, 0, false, false, wrong, 0);
	policy_is("ruled", 6, 0, false, false, 0, 0);
	policy_is("ruled", 8, 3, true, true, older, wrong);
	policy_is("ruled", 8, 4, true, true, older, 0);
	policy_is("watched", 7, 5, true, false, 0, 0);
	policy_is("watched", 7, 5, false, false, wrong, wrong);
	policy_is("tax", 7, 0, false, false, 0, 0);
	policy_is("tax", 7, 0, true, true, 0, 0);
	policy_is("tax", 7, 1, true, true, wrong, wrong);
	policy_is("tax", 6, 1, true, true, wrong, wrong);
}

static void approval_is(const struct endorsement *approval, const struct statement *s, uint64_t at, int verdict,
			const char *sentence)
{
	is_text(verdict_name(approval_check(registry, s, approval, at)), verdict_name(verdict), "%s", sentence);
}

static void test_approval(void)
{
	struct statement s = statement_of("dual", WANG), none = statement_of("none", WANG);
	struct endorsement a = endorse_approval(&s, keys[KUO], pushed + 5);
	approval_is(&a, &s, released, 0, "an officer of the route may approve");
	approval_is(&a, &none, released, VERDICT_UNKNOWN_ROUTE, "of a route that there is");
	a = endorse_approval(&s, keys[WANG], pushed + 5);
	approval_is(&a, &s, released, VERDICT_NOT_ALLOWED, "an operator may not");
	a = endorse_approval(&s, keys[CLERK], pushed + 5);
	approval_is(&a, &s, released, VERDICT_NOT_ALLOWED, "nor may an officer of no route");
	a = endorse_approval(&s, keys[STRANGER], pushed + 5);
	approval_is(&a, &s, released, VERDICT_UNKNOWN_KEY, "a stranger is unknown");
	a = endorse_approval(&s, keys[KUO], pushed + 5);
	memcpy(a.key_id, keys[HSU]->card.id, KEY_ID_BYTES);
	approval_is(&a, &s, released, VERDICT_UNKNOWN_KEY, "and so is an officer with another's key");
	a = endorse_approval(&s, keys[KUO], pushed + 5);
	struct endorsement b = endorse_approval(&s, keys[HSU], pushed + 5);
	a.signature = b.signature;
	approval_is(&a, &s, released, VERDICT_BAD_SIGNATURE, "another officer's signature does not do");
	a = endorse_approval(&s, keys[KUO], pushed + 5);
	a.at++;
	approval_is(&a, &s, released, VERDICT_BAD_SIGNATURE, "the time is signed");
	a = endorse_approval(&s, keys[KUO], pushed + 5);
	a.signature.algorithm = SIGNATURE_RSA_2048;
	a.signature.len = 256;
	approval_is(&a, &s, released, VERDICT_BAD_SIGNATURE, "by the algorithm of the key");
}

static void test_approval_in_time(void)
{
	struct statement s = statement_of("dual", WANG);
	struct endorsement a = endorse_approval(&s, keys[OU], pushed + 5);
	approval_is(&a, &s, short_life, 0, "an officer counts to the last second of the key");
	approval_is(&a, &s, short_life + 1, VERDICT_EXPIRED, "at the release, whenever the approval was");
	a = endorse_approval(&s, keys[MA], pushed + 5);
	approval_is(&a, &s, short_life - 1, 0, "or until the suspension");
	approval_is(&a, &s, short_life, VERDICT_SUSPENDED, "and not from then on");
	static const struct {
		int64_t from_push;
		int verdict;
	} early[] = {{0, 0}, {-1, 0}, {-HOUR, 0}, {-HOUR - 1, VERDICT_BAD_TIME}};
	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
		a = endorse_approval(&s, keys[KUO], pushed + (uint64_t)early[i].from_push);
		is_number(approval_check(registry, &s, &a, released), early[i].verdict,
			  "an approval %d seconds after the push", (int)early[i].from_push);
	}
	static const struct {
		int64_t from_release;
		int verdict;
	} late[] = {{0, 0}, {1, 0}, {HOUR, 0}, {HOUR + 1, VERDICT_BAD_TIME}};
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		a = endorse_approval(&s, keys[KUO], released + (uint64_t)late[i].from_release);
		is_number(approval_check(registry, &s, &a, released), late[i].verdict,
			  "an approval %d seconds after the release", (int)late[i].from_release);
	}
	static const uint64_t far[] = {0, UINT64_MAX, UINT64_MAX - HOUR, UINT64_MAX - HOUR + 1};
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		a = endorse_approval(&s, keys[KUO], far[i]);
		is_number(approval_check(registry, &s, &a, released), VERDICT_BAD_TIME,
			  "an approval at %llx is at no time", (unsigned long long)far[i]);
	}
}

static void test_own_push(void)
{
	struct statement s = statement_of("dual", TSENG), own = statement_of("own", TSENG);
	struct endorsement a = endorse_approval(&s, keys[TSENG], pushed + 5);
	approval_is(&a, &s, released, VERDICT_OWN_PUSH, "who pushed it does not approve it");
	a = endorse_approval(&own, keys[TSENG], pushed + 5);
	approval_is(&a, &own, released, 0, "unless the route says so");
	struct endorsements all = pushed_by(&own, TSENG);
	approve(&all, &own, TSENG);
	is_number(approvals_check(registry, &own, &all, released, inside->card.id), 0,
		  "then it can be released by one alone");
	all = pushed_by(&s, TSENG);
	approve(&all, &s, KUO);
	approve(&all, &s, HSU);
	is_number(approvals_check(registry, &s, &all, released, inside->card.id), 0,
		  "two others release it as well");
	approve(&all, &s, TSENG);
	is_number(approvals_check(registry, &s, &all, released, inside->card.id), VERDICT_OWN_PUSH,
		  "but not beside one that does not count");
}

/* An approval is of all that the statement says. */
static void test_approval_of_another_bundle(void)
{
	struct statement s = statement_of("dual", WANG), changed;
	uint8_t bytes[STATEMENT_BYTES];
	struct endorsement a = endorse_approval(&s, keys[KUO], pushed + 5);
	size_t decoded = 0, counted = 0;
	for (size_t bit = 0; bit < 8 * STATEMENT_BYTES; bit++) {
		statement_encode(bytes, &s);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (statement_decode(&changed, bytes) != 0)
			continue;
		decoded++;
		counted += approval_check(registry, &changed, &a, released) == 0;
	}
	ok(decoded >= 8 * 96, "all bits of ids and digests can be others");
	is_number((int64_t)counted, 0, "an approval of one counts for none of those");
	changed = s;
	changed.policy_version = 1;
	approval_is(&a, &changed, released, VERDICT_BAD_SIGNATURE, "nor for other rules");
	changed = s;
	changed.guard = GUARD_PASSED;
	approval_is(&a, &changed, released, VERDICT_BAD_SIGNATURE, "or findings");
	changed = s;
	strcpy(changed.route, "own");
	approval_is(&a, &changed, released, VERDICT_BAD_SIGNATURE, "or another route of the same officers");
}

static struct signature sign(const char *domain, const void *bytes, size_t len, enum who who)
{
	struct signature s;
	if (signature_make(&s, domain, bytes, len, keys[who]->secret) != 0)
		abort();
	return s;
}

/* What was signed as one thing is not taken for another. */
static void test_domains(void)
{
	struct statement s = statement_of("own", TSENG);
	uint8_t statement[STATEMENT_BYTES], decision[DECISION_BYTES];
	struct endorsement a = endorse_approval(&s, keys[TSENG], pushed + 5);
	statement_encode(statement, &s);
	decision_encode(decision, &s, a.person, a.key_id, a.at);
	a.signature = sign(push_domain, decision, sizeof(decision), TSENG);
	approval_is(&a, &s, released, VERDICT_BAD_SIGNATURE, "a decision signed as a push approves nothing");
	a.signature = sign(push_domain, statement, sizeof(statement), TSENG);
	approval_is(&a, &s, released, VERDICT_BAD_SIGNATURE, "nor does the push itself");
	a.signature = sign(approval_domain, statement, sizeof(statement), TSENG);
	approval_is(&a, &s, released, VERDICT_BAD_SIGNATURE, "nor the statement signed as an approval");
	a.signature = sign(refusal_domain, decision, sizeof(decision), TSENG);
	approval_is(&a, &s, released, VERDICT_BAD_SIGNATURE, "nor a refusal");
	const struct {
		const char *domain, *sentence;
	} cases[] = {{approval_domain, "a statement signed as an approval is no push"},
		     {refusal_domain, "nor is one signed as a refusal"},
		     {"weir1 caller", "nor one signed as a proof"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endorsement push = {.type = ENDORSEMENT_PUSH};
		struct endorsements all = {0};
		push.signature = sign(cases[i].domain, statement, sizeof(statement), TSENG);
		endorse_with(&all, &push);
		is_number(push_check(registry, &s, &all, released), VERDICT_BAD_SIGNATURE, "%s",
			  cases[i].sentence);
	}
}

static void quorum_is(const struct statement *s, const struct endorsements *all, int verdict, const char *sentence)
{
	is_text(verdict_name(approvals_check(registry, s, all, released, inside->card.id)),
		verdict_name(verdict), "%s", sentence);
}

static void test_quorum(void)
{
	struct statement s = statement_of("dual", WANG), tax = statement_of("tax", WANG);
	struct statement none = statement_of("none", WANG);
	struct endorsements all = pushed_by(&s, WANG), free_of_charge = pushed_by(&tax, WANG);
	quorum_is(&none, &all, VERDICT_UNKNOWN_ROUTE, "a route must be there");
	quorum_is(&tax, &free_of_charge, 0, "a route without a quorum asks nobody");
	quorum_is(&s, &all, VERDICT_TOO_FEW_APPROVALS, "one with a quorum of two asks two");
	approve(&all, &s, KUO);
	quorum_is(&s, &all, VERDICT_TOO_FEW_APPROVALS, "one is too few");
	struct endorsement again = endorse_approval(&s, keys[KUO], pushed + 6);
	is_number(endorsements_add(&all, &again), VERDICT_ALREADY_APPROVED, "the same officer is not a second one");
	quorum_is(&s, &all, VERDICT_TOO_FEW_APPROVALS, "whatever the time");
	struct endorsements two = all;
	approve(&two, &s, TSENG);
	quorum_is(&s, &two, 0, "two are enough");
	approve(&two, &s, HSU);
	quorum_is(&s, &two, 0, "three are, too");
	approve(&two, &s, CLERK);
	quorum_is(&s, &two, VERDICT_NOT_ALLOWED, "every approval must count, though there are enough without it");
	approve(&free_of_charge, &tax, KUO);
	quorum_is(&tax, &free_of_charge, VERDICT_NOT_ALLOWED, "also where none is asked for");
	two = all;
	approve(&two, &s, OU);
	is_number(approvals_check(registry, &s, &two, short_life, inside->card.id), 0,
		  "all are judged at the time of the release");
	is_number(approvals_check(registry, &s, &two, short_life + 1, inside->card.id), VERDICT_EXPIRED,
		  "whenever they approved");
}

/* Of those in a dossier, who counts at a time. */
static void test_select(void)
{
	struct statement s = statement_of("dual", WANG), other = statement_of("dual", WANG);
	struct endorsements all = pushed_by(&s, WANG), got;
	struct endorsement order = {.type = ENDORSEMENT_RELEASE_ORDER, .order = (const uint8_t *)"x", .order_len = 1};
	other.push_id[0] ^= 1;
	approve(&all, &s, KUO);
	approve(&all, &s, OU);
	approve(&all, &s, MA);
	approve(&all, &other, HSU);
	approve(&all, &s, WANG);
	endorse_with(&all, &order);
	approvals_select(&got, registry, &s, &all, short_life - 1);
	is_number((int64_t)endorsements_approvals(&got), 3, "those of officers in good standing count");
	is_number(got.count, 4, "beside the push, and not an order");
	is_number(approvals_check(registry, &s, &got, short_life - 1, inside->card.id), 0, "and all of them do");
	is_number(endorsements_check(got.bytes, got.len, got.count), 0, "they are in order");
	approvals_select(&got, registry, &s, &all, short_life);
	is_number((int64_t)endorsements_approvals(&got), 2, "a suspended officer stands for nothing");
	approvals_select(&got, registry, &s, &all, short_life + 1);
	is_number((int64_t)endorsements_approvals(&got), 1, "nor does one whose key has expired");
	is_number(approvals_check(registry, &s, &got, short_life + 1, inside->card.id), VERDICT_TOO_FEW_APPROVALS,
		  "so that it waits for another");
	approvals_select(&got, registry, &s, &all, released + 2 * 86400 * 365);
	ok(got.count >= 1 && got.bytes[0] == ENDORSEMENT_PUSH, "the push is always there");
}

static struct refusal refuse(const struct statement *s, enum who who, uint64_t at, const char *reason)
{
	struct refusal r = {.at = at};
	uint8_t bytes[REFUSAL_SIGNED_MAX];
	memcpy(r.person, keys[who]->card.name, NAME_BYTES);
	memcpy(r.key_id, keys[who]->card.id, KEY_ID_BYTES);
	snprintf(r.reason, sizeof(r.reason), "%s", reason);
	size_t len = refusal_signed(bytes, s, &r);
	r.signature = sign(refusal_domain, bytes, len, who);
	return r;
}

static void refusal_is(const struct refusal *r, const struct statement *s, uint64_t at, int verdict,
		       const char *sentence)
{
	is_text(verdict_name(refusal_check(registry, s, r, at)), verdict_name(verdict), "%s", sentence);
}

static void test_refusal(void)
{
	struct statement s = statement_of("dual", WANG), own = statement_of("dual", TSENG);
	struct statement none = statement_of("none", WANG), other = s;
	uint8_t bytes[REFUSAL_SIGNED_MAX], decision[DECISION_BYTES];
	struct refusal r = refuse(&s, KUO, pushed + 5, "a column too many");
	size_t len = refusal_signed(bytes, &s, &r);
	decision_encode(decision, &s, r.person, r.key_id, r.at);
	is_number((int64_t)len, DECISION_BYTES + 17, "a refusal signs decision and reason");
	is_bytes(bytes, decision, DECISION_BYTES, "the decision first");
	is_bytes(bytes + DECISION_BYTES, "a column too many", 17, "the reason behind it");
	refusal_is(&r, &s, released, 0, "an officer of the route may refuse");
	refusal_is(&r, &none, released, VERDICT_UNKNOWN_ROUTE, "of a route that there is");
	r.reason[0] = 'A';
	refusal_is(&r, &s, released, VERDICT_BAD_SIGNATURE, "for the reason that was signed");
	r = refuse(&s, KUO, pushed + 5, "no");
	other.push_id[0] ^= 1;
	refusal_is(&r, &other, released, VERDICT_BAD_SIGNATURE, "and the bundle");
	r.at++;
	refusal_is(&r, &s, released, VERDICT_BAD_SIGNATURE, "and the time");
	r = refuse(&s, WANG, pushed + 5, "no");
	refusal_is(&r, &s, released, VERDICT_NOT_ALLOWED, "an operator may not");
	r = refuse(&s, STRANGER, pushed + 5, "no");
	refusal_is(&r, &s, released, VERDICT_UNKNOWN_KEY, "a stranger is unknown");
	r = refuse(&s, OU, pushed + 5, "no");
	refusal_is(&r, &s, short_life + 1, VERDICT_EXPIRED, "nor may one whose key has expired");
	r = refuse(&s, MA, pushed + 5, "no");
	refusal_is(&r, &s, short_life, VERDICT_SUSPENDED, "or who is suspended");
	r = refuse(&s, KUO, pushed - HOUR - 1, "no");
	refusal_is(&r, &s, released, VERDICT_BAD_TIME, "nor more than an hour before the push");
	r = refuse(&s, KUO, released + HOUR + 1, "no");
	refusal_is(&r, &s, released, VERDICT_BAD_TIME, "or in the future");
	r = refuse(&own, TSENG, pushed + 5, "a slip of mine");
	refusal_is(&r, &own, released, 0, "who pushed it may refuse it");
	r = refuse(&s, KUO, pushed + 5, "");
	r.signature = sign(approval_domain, decision, sizeof(decision), KUO);
	refusal_is(&r, &s, released, VERDICT_BAD_SIGNATURE, "an approval is no refusal");
	char longest[REASON_BYTES_MAX + 1];
	memset(longest, 'x', REASON_BYTES_MAX);
	longest[REASON_BYTES_MAX] = 0;
	r = refuse(&s, KUO, pushed + 5, longest);
	is_number((int64_t)refusal_signed(bytes, &s, &r), REFUSAL_SIGNED_MAX, "a reason has at most 400 bytes");
	refusal_is(&r, &s, released, 0, "and all of them count");
}

/* Of what a machine has pushed and waits for the person who answers for it. */
static void test_own_refusal(void)
{
	struct statement s = statement_of("tax", WANG), lee = statement_of("tax", LEE), gone = s;
	struct refusal r = refuse(&s, WANG, pushed + 5, "the wrong folder");
	is_number(refusal_check_own(registry, &s, &r, released), 0, "who answers for a machine may refuse its push");
	is_number(refusal_check_own(registry, &s, &r, the_end), 0, "also later");
	r.reason[0] = 'T';
	is_number(refusal_check_own(registry, &s, &r, released), VERDICT_BAD_SIGNATURE, "for the reason signed");
	r = refuse(&s, LEE, pushed + 5, "no");
	is_number(refusal_check_own(registry, &s, &r, released), VERDICT_UNKNOWN_KEY, "no other operator");
	memcpy(r.person, s.person, NAME_BYTES);
	is_number(refusal_check_own(registry, &s, &r, released), VERDICT_UNKNOWN_KEY, "nor under that name");
	memcpy(r.key_id, s.person_key, KEY_ID_BYTES);
	is_number(refusal_check_own(registry, &s, &r, released), VERDICT_BAD_SIGNATURE, "or with that key's id");
	memcpy(gone.person_key, keys[LEE]->card.id, KEY_ID_BYTES);
	r = refuse(&gone, WANG, pushed + 5, "no");
	is_number(refusal_check_own(registry, &gone, &r, released), VERDICT_UNKNOWN_KEY, "nor a key replaced since");
	r = refuse(&s, WANG, pushed - HOUR - 1, "no");
	is_number(refusal_check_own(registry, &s, &r, released), VERDICT_BAD_TIME, "nor before the push");
	r = refuse(&s, WANG, released + HOUR + 1, "no");
	is_number(refusal_check_own(registry, &s, &r, released), VERDICT_BAD_TIME, "or in the future");
	r = refuse(&lee, LEE, pushed + 5, "no");
	is_number(refusal_check_own(registry, &lee, &r, short_life), VERDICT_SUSPENDED, "nor who is suspended");
}

static struct release release_of(const struct statement *s, const struct key *box)
{
	struct release r = {
		.route_id = registry_route(registry, s->route) == NULL ? 1 : registry_route(registry, s->route)->id,
		.epoch = 9,
		.number = 1,
		.released_at = released,
		.row_len = 4096,
		.source_rows = 12,
		.repair_rows = 3,
		.statement = *s,
	};
	memcpy(r.box, box->card.name, NAME_BYTES);
	memcpy(r.box_key, box->card.id, KEY_ID_BYTES);
	return r;
}

/* As a receiver gets it: the segment, decoded and judged. */
static int judge(const struct release *r, const struct endorsements *all, const struct key *signer)
{
	uint8_t segment[SEGMENT_BYTES];
	struct release got;
	struct endorsements who;
	if (release_segment_encode(segment, r, all, signer->secret) != 0)
		abort();
	int result = release_segment_decode(&got, &who, segment);
	return result != 0 ? result : release_check(registry, segment, &got, &who);
}

static void test_release(void)
{
	struct statement s = statement_of("dual", WANG);
	struct endorsements all = pushed_by(&s, WANG);
	struct release r = release_of(&s, inside);
	is_number(judge(&r, &all, inside), VERDICT_TOO_FEW_APPROVALS, "a release says who stands for it");
	approve(&all, &s, KUO);
	approve(&all, &s, HSU);
	is_number(judge(&r, &all, inside), 0, "one by those who may is good");
	is_number(judge(&r, &all, old_box), VERDICT_BAD_SIGNATURE, "another box's signature is refused");
	r = release_of(&s, outside);
	is_number(judge(&r, &all, outside), VERDICT_UNKNOWN_KEY, "a receiver cannot release");
	r = release_of(&s, inside);
	memcpy(r.box_key, old_box->card.id, KEY_ID_BYTES);
	is_number(judge(&r, &all, old_box), VERDICT_UNKNOWN_KEY, "another key of the box is unknown");
	r = release_of(&s, old_box);
	r.released_at = short_life;
	is_number(judge(&r, &all, old_box), VERDICT_SUSPENDED, "a box is judged at its own time");
	r.released_at = short_life - 1;
	is_number(judge(&r, &all, old_box), 0, "up to then it counts");
	r = release_of(&s, inside);
	r.route_id = 1;
	is_number(judge(&r, &all, inside), VERDICT_WRONG_ROUTE, "the id of another route is refused");
	struct statement none = statement_of("none", WANG);
	r = release_of(&none, inside);
	all = pushed_by(&none, WANG);
	is_number(judge(&r, &all, inside), VERDICT_UNKNOWN_ROUTE, "a route must be there");
	struct statement lee = statement_of("tax", LEE);
	r = release_of(&lee, inside);
	r.released_at = short_life;
	all = pushed_by(&lee, LEE);
	is_number(judge(&r, &all, inside), VERDICT_SUSPENDED, "people are judged at the time of the release");
	r.released_at = the_end + 1;
	lee = statement_of("tax", WANG);
	r.statement = lee;
	all = pushed_by(&lee, WANG);
	is_number(judge(&r, &all, inside), VERDICT_EXPIRED, "nothing is released after the registry's end");
}

/* Every bit of a release with two approvals that is not a zero of the filler. */
static void test_every_bit(void)
{
	struct statement s = statement_of("dual", WANG);
	struct endorsements all = pushed_by(&s, WANG);
	struct release r = release_of(&s, inside);
	static uint8_t segment[SEGMENT_BYTES];
	size_t passed = 0;
	approve(&all, &s, KUO);
	approve(&all, &s, HSU);
	for (size_t at = RELEASE_BYTES; at < RELEASE_BYTES + (size_t)all.len; at++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct release got;
			struct endorsements who, changed = all;
			changed.bytes[at - RELEASE_BYTES] ^= (uint8_t)(1U << bit);
			/* the box has signed it as it is */
			if (release_segment_encode(segment, &r, &changed, inside->secret) != 0)
				abort();
			passed += release_segment_decode(&got, &who, segment) == 0 &&
				  release_check(registry, segment, &got, &who) == 0;
		}
	is_number((int64_t)passed, 0, "endorsements with any bit flipped are refused, though the box has signed them");
}

static struct order order_of(enum order_kind kind, const char *route, const struct key *machine)
{
	struct order o = {
		.kind = kind,
		.id = {1},
		.not_before = pushed - 86400,
		.not_after = pushed + 86400 * 20,
		.window_len = 1440,
		.weekdays = ORDER_EVERY_DAY,
		.max_bytes = 1000,
		.max_records = 100,
		.max_pushes = 1,
		.machine = machine->card,
	};
	strcpy(o.route, route);
	return o;
}

static void sign_order(struct order *o, enum who who)
{
	uint8_t input[ORDER_INPUT_BYTES];
	struct order_signer signer = {.signed_at = pushed - 86400};
	memcpy(signer.name, keys[who]->card.name, NAME_BYTES);
	memcpy(signer.key_id, keys[who]->card.id, KEY_ID_BYTES);
	order_sign_input(input, o, &signer);
	signer.signature = sign(ORDER_DOMAIN, input, sizeof(input), who);
	if (order_add_signature(o, &signer) != 0)
		abort();
}

/* The push of a machine, under an order. */
static struct endorsements pushed_under(const struct statement *s, const struct order *o, const struct key *machine)
{
	uint8_t bytes[ORDER_BYTES_MAX], statement[STATEMENT_BYTES];
	struct endorsement push = {.type = ENDORSEMENT_PUSH_ORDER, .order = bytes};
	struct endorsements all = {0};
	push.order_len = order_encode(bytes, o);
	statement_encode(statement, s);
	if (signature_make(&push.signature, push_domain, statement, sizeof(statement), machine->secret) != 0)
		abort();
	endorse_with(&all, &push);
	return all;
}

static void push_under_is(const struct statement *s, const struct order *o, const struct key *machine, uint64_t at,
			  int verdict, const char *sentence)
{
	struct endorsements all = pushed_under(s, o, machine);
	is_text(verdict_name(push_check(registry, s, &all, at)), verdict_name(verdict), "%s", sentence);
}

static void test_push_order(void)
{
	struct statement s = statement_of("tax", WANG), lee = statement_of("tax", LEE);
	struct order o = order_of(ORDER_PUSH, "tax", nightly), other;
	sign_order(&o, WANG);
	push_under_is(&s, &o, nightly, released, 0, "a machine pushes under an order of the person it names");
	push_under_is(&s, &o, keys[WANG], released, VERDICT_BAD_SIGNATURE, "with its own key, not that person's");
	push_under_is(&lee, &o, nightly, released, VERDICT_NOT_ALLOWED, "it answers for nobody else");
	push_under_is(&s, &o, nightly, short_life, VERDICT_SUSPENDED, "a machine is judged at the release");
	s.created = pushed - 86401;
	push_under_is(&s, &o, nightly, released, VERDICT_BAD_TIME, "the order when it was used");
	s = statement_of("tax", WANG);
	other = order_of(ORDER_PUSH, "dual", nightly);
	sign_order(&other, WANG);
	push_under_is(&s, &other, nightly, released, VERDICT_NOT_ALLOWED, "an order is for its route");
	other = order_of(ORDER_RELEASE, "tax", inside);
	sign_order(&other, WANG);
	push_under_is(&s, &other, inside, released, VERDICT_NOT_ALLOWED, "and of its kind");
	other = order_of(ORDER_PUSH, "tax", nightly);
	other.window_start = 60;
	other.window_len = 60;
	sign_order(&other, WANG);
	push_under_is(&s, &other, nightly, released, VERDICT_BEYOND_ORDER, "outside its window it covers nothing");
	s.created = pushed + HOUR;
	push_under_is(&s, &other, nightly, pushed + 3 * HOUR, 0, "inside it does, whenever it is released");
	s = statement_of("tax", WANG);
	struct endorsements all = pushed_under(&s, &o, nightly);
	all.bytes[all.len - 1] ^= 1;
	is_number(push_check(registry, &s, &all, released), VERDICT_BAD_SIGNATURE, "its signature is checked");
	o.signer_count = 0;
	push_under_is(&s, &o, nightly, released, VERDICT_NOT_ALLOWED, "nobody's order is nobody's");
}

static void release_under_is(const struct statement *s, const struct order *o, int verdict, const char *sentence)
{
	uint8_t bytes[ORDER_BYTES_MAX];
	struct endorsement e = {.type = ENDORSEMENT_RELEASE_ORDER, .order = bytes};
	struct endorsements all = pushed_by(s, WANG);
	e.order_len = order_encode(bytes, o);
	endorse_with(&all, &e);
	quorum_is(s, &all, verdict, sentence);
}

static void test_release_order(void)
{
	struct statement s = statement_of("dual", WANG), tseng = statement_of("dual", TSENG);
	struct order o = order_of(ORDER_RELEASE, "dual", inside);
	sign_order(&o, TSENG);
	release_under_is(&s, &o, VERDICT_TOO_FEW_APPROVALS, "an order of one officer is too few for two");
	sign_order(&o, KUO);
	release_under_is(&s, &o, 0, "one of two stands for their approvals");
	release_under_is(&tseng, &o, VERDICT_TOO_FEW_APPROVALS, "but not for what one of them has pushed");
	struct order other = order_of(ORDER_RELEASE, "dual", old_box);
	sign_order(&other, TSENG);
	sign_order(&other, KUO);
	release_under_is(&s, &other, VERDICT_NOT_ALLOWED, "it names the box that releases");
	other = order_of(ORDER_RELEASE, "own", inside);
	sign_order(&other, TSENG);
	sign_order(&other, KUO);
	release_under_is(&s, &other, VERDICT_NOT_ALLOWED, "and the route");
	other = order_of(ORDER_PUSH, "dual", inside);
	sign_order(&other, TSENG);
	other.machine.kind = KEY_MACHINE;
	card_identify(&other.machine);
	release_under_is(&s, &other, VERDICT_NOT_ALLOWED, "an order to push releases nothing");
	other = order_of(ORDER_RELEASE, "dual", inside);
	other.window_start = 60;
	other.window_len = 60;
	sign_order(&other, TSENG);
	sign_order(&other, KUO);
	release_under_is(&s, &other, VERDICT_BEYOND_ORDER, "outside its window it covers nothing");
	other = o;
	other.signers[0].signature.bytes[0] ^= 1;
	release_under_is(&s, &other, VERDICT_BAD_SIGNATURE, "its signatures are checked");
}

static void content_is(const struct endorsements *all, uint64_t bytes, uint64_t records, int verdict,
		       const char *sentence)
{
	is_number(orders_check_content(all, bytes, records), verdict, "%s", sentence);
}

static void test_content(void)
{
	struct statement s = statement_of("dual", WANG);
	uint8_t bytes[ORDER_BYTES_MAX];
	struct order o = order_of(ORDER_PUSH, "dual", nightly), less = order_of(ORDER_RELEASE, "dual", inside);
	struct endorsements all = pushed_by(&s, WANG);
	struct endorsement e = {.type = ENDORSEMENT_RELEASE_ORDER, .order = bytes};
	sign_order(&o, WANG);
	content_is(&all, UINT64_MAX, UINT64_MAX, 0, "what a person pushed may hold anything");
	all = pushed_under(&s, &o, nightly);
	content_is(&all, 1000, 100, 0, "under an order a bundle holds as much as that covers");
	content_is(&all, 1001, 100, VERDICT_BEYOND_ORDER, "and not a byte more");
	content_is(&all, 1000, 101, VERDICT_BEYOND_ORDER, "nor a record");
	less.max_bytes = 999;
	sign_order(&less, TSENG);
	e.order_len = order_encode(bytes, &less);
	endorse_with(&all, &e);
	content_is(&all, 1000, 100, VERDICT_BEYOND_ORDER, "under two, as much as both cover");
	content_is(&all, 999, 100, 0, "and no less");
	bytes[0] ^= 1;
	all = pushed_by(&s, WANG);
	endorse_with(&all, &e);
	content_is(&all, 0, 0, VERDICT_BAD_MAGIC, "an order that is none covers nothing");
}

int main(void)
{
	suite_start();
	for (size_t i = 0; i < PEOPLE; i++)
		keys[i] = key_new(KEY_PERSON, people[i].name);
	inside = key_new(KEY_SENDER, "inside-1");
	old_box = key_new(KEY_SENDER, "inside-old");
	outside = key_new(KEY_RECEIVER, "outside-1");
	nightly = key_new(KEY_MACHINE, "nightly");
	registry = make_registry(7, 3);
	newer = make_registry(8, 4);
	test_push();
	test_ledger();
	test_push_in_time();
	test_policy();
	test_approval();
	test_approval_in_time();
	test_own_push();
	test_approval_of_another_bundle();
	test_domains();
	test_quorum();
	test_select();
	test_refusal();
	test_own_refusal();
	test_release();
	test_every_bit();
	test_push_order();
	test_release_order();
	test_content();
	registry_free(registry);
	registry_free(newer);
	for (size_t i = 0; i < PEOPLE; i++)
		key_free(keys[i]);
	key_free(inside);
	key_free(old_box);
	key_free(outside);
	key_free(nightly);
	return done_testing();
}
