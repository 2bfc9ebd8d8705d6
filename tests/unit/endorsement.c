/* Records of those who stand for a bundle: their form, one refusal for each rule, and their order. */
#include "common/endorsement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/verdict.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

enum {
	/* offsets in a record, BUNDLE.md 3.1 */
	AT_RESERVED = 1,
	AT_LEN = 2,
	AT_BODY = 4,
	AT_APPROVAL_SIGNATURE = 60,
	PUSH_BYTES = 72,
	APPROVAL_BYTES = 128,
	ORDER_BYTES = 9,
};

static const uint8_t order_bytes[ORDER_BYTES] = "an order";

static struct signature make_signature(uint8_t algorithm, uint8_t fill)
{
	struct signature s = {.algorithm = algorithm, .len = algorithm == SIGNATURE_ED25519 ? 64 : 256};
	memset(s.bytes, fill, s.len);
	return s;
}

static struct endorsement make_push(uint8_t fill)
{
	return (struct endorsement){.type = ENDORSEMENT_PUSH,
				    .signature = make_signature(SIGNATURE_ED25519, fill)};
}

static struct endorsement make_push_order(void)
{
	return (struct endorsement){.type = ENDORSEMENT_PUSH_ORDER,
				    .signature = make_signature(SIGNATURE_RSA_2048, 2),
				    .order = order_bytes,
				    .order_len = ORDER_BYTES};
}

static struct endorsement make_approval(uint8_t key)
{
	return (struct endorsement){.type = ENDORSEMENT_APPROVAL,
				    .person = "tseng-yu",
				    .key_id = {key},
				    .at = 1767225600,
				    .signature = make_signature(SIGNATURE_ED25519, key)};
}

static struct endorsement make_release_order(void)
{
	return (struct endorsement){.type = ENDORSEMENT_RELEASE_ORDER,
				    .order = order_bytes,
				    .order_len = ORDER_BYTES};
}

/* A push, two approvals, a release order. */
static struct endorsements make_all(void)
{
	const struct endorsement all[] = {make_push(1), make_approval(3), make_approval(7), make_release_order()};
	struct endorsements out = {0};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		endorse_with(&out, &all[i]);
	return out;
}

/* On the heap and of just this size, so that a sanitizer sees a read behind it. */
static int check_exactly(const uint8_t *bytes, size_t len, uint16_t count)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	int result = endorsements_check(copy, len, count);
	free(copy);
	return result;
}

static int decode_exactly(struct endorsement *out, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	int result = endorsement_decode(out, copy, len);
	/* what it views must outlive this function */
	if (result == 0 && out->order != NULL)
		out->order = bytes + (out->order - copy);
	free(copy);
	return result;
}

static void test_round_trip(void)
{
	const struct endorsement all[] = {make_push(1), make_push_order(), make_approval(9),
					  make_release_order()};
	static const char *const names[] = {"a push", "a push under an order", "an approval",
					    "a release under an order"};
	static const size_t lens[] = {PUSH_BYTES, 4 + 260 + ORDER_BYTES, APPROVAL_BYTES, 4 + ORDER_BYTES};
	for (size_t i = 0; i < 4; i++) {
		uint8_t bytes[512], again[512];
		struct endorsement got = {0};
		size_t len = endorsement_encode(bytes, sizeof(bytes), &all[i]);
		is_number((int64_t)len, (int64_t)lens[i], "%s has as many bytes as the page says", names[i]);
		is_number(decode_exactly(&got, bytes, len), 0, "%s is read back", names[i]);
		is_number(got.type, all[i].type, "as what it is");
		ok(endorsement_encode(again, sizeof(again), &got) == len && memcmp(again, bytes, len) == 0,
		   "and written as the same bytes");
		is_number((int64_t)endorsement_encode(again, len - 1, &all[i]), 0,
			  "it is not written where there is no room");
		struct endorsement untouched = {.at = 77};
		size_t refused = 0;
		for (size_t cut = 0; cut < len; cut++)
			refused += decode_exactly(&untouched, bytes, cut) == VERDICT_TRUNCATED;
		is_number((int64_t)refused, (int64_t)len, "every truncation of it is truncated");
		is_number((int64_t)untouched.at, 77, "and leaves the output alone");
		memset(bytes + len, 0, 1);
		is_number(decode_exactly(&untouched, bytes, len + 1), VERDICT_TRAILING_BYTES,
			  "a byte behind it is refused");
	}
	struct endorsement order = make_release_order();
	order.order_len = UINT16_MAX;
	uint8_t *large = malloc(2 * UINT16_MAX);
	order.order = large;
	memset(large, 1, UINT16_MAX);
	is_number((int64_t)endorsement_encode(large + UINT16_MAX, UINT16_MAX, &order), 0,
		  "what a record's length cannot tell is not written");
	free(large);
}

static void test_approval_fields(void)
{
	uint8_t bytes[APPROVAL_BYTES];
	struct endorsement in = make_approval(9), got = {0};
	endorsement_encode(bytes, sizeof(bytes), &in);
	is_number(decode_exactly(&got, bytes, sizeof(bytes)), 0, "an approval is read");
	is_text(got.person, "tseng-yu", "it keeps the officer");
	is_bytes(got.key_id, in.key_id, KEY_ID_BYTES, "the key");
	is_number((int64_t)got.at, 1767225600, "the time");
	is_bytes(got.signature.bytes, in.signature.bytes, 64, "and the signature");
	ok(got.order == NULL && got.order_len == 0, "it has no order");
	struct endorsement push = make_push_order();
	uint8_t record[512];
	size_t len = endorsement_encode(record, sizeof(record), &push);
	is_number(decode_exactly(&got, record, len), 0, "a push under an order is read");
	ok(got.order_len == ORDER_BYTES && got.order == record + len - ORDER_BYTES &&
		   memcmp(got.order, order_bytes, ORDER_BYTES) == 0,
	   "its order is a view, to the end of the record");
	ok(got.person[0] == 0 && bytes_are_zero(got.key_id, KEY_ID_BYTES) && got.at == 0,
	   "what only an approval has is zero");
}

static void test_form(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
		const char *what;
	} cases[] = {
		{0, 0, VERDICT_BAD_TYPE, "type 0"},
		{0, 5, VERDICT_BAD_TYPE, "type 5"},
		{0, 255, VERDICT_BAD_TYPE, "type 255"},
		{AT_RESERVED, 1, VERDICT_BAD_RESERVED, "a reserved byte"},
		{AT_LEN, 3, VERDICT_BAD_LENGTH, "a length below the header's"},
		{AT_LEN, 0, VERDICT_BAD_LENGTH, "a length of 0"},
		{AT_LEN, APPROVAL_BYTES + 1, VERDICT_TRUNCATED, "a length beyond the end"},
		{AT_LEN, APPROVAL_BYTES - 1, VERDICT_TRUNCATED, "a length that cuts its signature"},
		{AT_LEN, AT_APPROVAL_SIGNATURE, VERDICT_TRUNCATED, "a length that leaves no signature"},
		{AT_LEN, AT_APPROVAL_SIGNATURE - 1, VERDICT_TRUNCATED, "a length that cuts its time"},
		{AT_LEN, AT_BODY, VERDICT_TRUNCATED, "a length that leaves nothing"},
		{AT_BODY, 'T', VERDICT_BAD_NAME, "an officer that is no name"},
		{AT_BODY + 31, 'x', VERDICT_BAD_NAME, "an officer without an end"},
		{AT_APPROVAL_SIGNATURE, 0, VERDICT_BAD_TYPE, "algorithm 0"},
		{AT_APPROVAL_SIGNATURE, 3, VERDICT_BAD_TYPE, "algorithm 3"},
		{AT_APPROVAL_SIGNATURE, SIGNATURE_RSA_2048, VERDICT_BAD_LENGTH, "64 bytes of RSA"},
		{AT_APPROVAL_SIGNATURE + 1, 1, VERDICT_BAD_RESERVED, "a reserved byte of the signature"},
		{AT_APPROVAL_SIGNATURE + 2, 63, VERDICT_BAD_LENGTH, "a signature of 63 bytes"},
		{AT_APPROVAL_SIGNATURE + 3, 1, VERDICT_BAD_LENGTH, "a signature of 320 bytes"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[APPROVAL_BYTES];
		struct endorsement approval = make_approval(9), got;
		endorsement_encode(bytes, sizeof(bytes), &approval);
		bytes[cases[i].at] = cases[i].value;
		is_text(verdict_name(decode_exactly(&got, bytes, sizeof(bytes))),
			verdict_name(cases[i].verdict), "an approval with %s is refused", cases[i].what);
	}
	uint8_t bytes[APPROVAL_BYTES] = {ENDORSEMENT_RELEASE_ORDER, 0, AT_BODY, 0};
	struct endorsement got;
	is_number(decode_exactly(&got, bytes, AT_BODY), VERDICT_TRUNCATED, "an order has at least a byte");
	struct endorsement push = make_push(1);
	endorsement_encode(bytes, sizeof(bytes), &push);
	bytes[0] = ENDORSEMENT_PUSH_ORDER;
	is_number(decode_exactly(&got, bytes, PUSH_BYTES), VERDICT_TRUNCATED,
		  "so has the one behind a machine's signature");
	bytes[0] = ENDORSEMENT_PUSH;
	bytes[AT_LEN] = PUSH_BYTES + 1;
	is_number(decode_exactly(&got, bytes, PUSH_BYTES + 1), VERDICT_TRAILING_BYTES,
		  "nothing stands behind a person's signature");
	struct endorsement approval = make_approval(9);
	uint8_t longer[APPROVAL_BYTES + 1] = {0};
	endorsement_encode(longer, sizeof(longer), &approval);
	longer[AT_LEN] = APPROVAL_BYTES + 1;
	is_number(decode_exactly(&got, longer, sizeof(longer)), VERDICT_TRAILING_BYTES,
		  "nor behind an officer's");
}

/* The records behind one another, whether that is allowed or not. */
static int check_list(const struct endorsement *const *list, size_t count)
{
	uint8_t bytes[ENDORSEMENTS_BYTES_MAX];
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += endorsement_encode(bytes + len, sizeof(bytes) - len, list[i]);
	return check_exactly(bytes, len, (uint16_t)count);
}

static void test_places(void)
{
	const struct endorsement push = make_push(1), machine = make_push_order(), a = make_approval(3),
				 b = make_approval(7), order = make_release_order();
	const struct {
		const struct endorsement *list[5];
		int verdict;
		const char *what;
	} cases[] = {
		{{&push}, 0, "a push alone is in order"},
		{{&machine}, 0, "a machine's, too"},
		{{&push, &a, &b, &order}, 0, "approvals ascend, and a release order is last"},
		{{&machine, &order}, 0, "nobody need have looked"},
		{{&a}, VERDICT_BAD_ORDER, "without a push it is not"},
		{{&order}, VERDICT_BAD_ORDER, "nor with an order alone"},
		{{&push, &push}, VERDICT_BAD_ORDER, "there is one push"},
		{{&push, &machine}, VERDICT_BAD_ORDER, "by a person or by a machine"},
		{{&machine, &push}, VERDICT_BAD_ORDER, "and not both"},
		{{&a, &push}, VERDICT_BAD_ORDER, "it is the first"},
		{{&push, &b, &a}, VERDICT_BAD_ORDER, "approvals do not descend"},
		{{&push, &a, &a}, VERDICT_BAD_ORDER, "nor stand twice"},
		{{&push, &order, &a}, VERDICT_BAD_ORDER, "nothing stands behind the order"},
		{{&push, &order, &order}, VERDICT_BAD_ORDER, "not even another"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t count = 0;
		while (cases[i].list[count] != NULL)
			count++;
		is_text(verdict_name(check_list(cases[i].list, count)), verdict_name(cases[i].verdict), "%s",
			cases[i].what);
	}
}

static void test_limits(void)
{
	struct endorsement approvals[APPROVALS_MAX + 1], push = make_push(1);
	const struct endorsement *list[APPROVALS_MAX + 2] = {&push};
	for (size_t i = 0; i <= APPROVALS_MAX; i++) {
		approvals[i] = make_approval((uint8_t)i);
		list[i + 1] = &approvals[i];
	}
	is_number(check_list(list, 1 + APPROVALS_MAX), 0, "16 approvals are in order");
	is_number(check_list(list, 2 + APPROVALS_MAX), VERDICT_BAD_LIMIT, "one more is refused");
	struct endorsements all = make_all();
	is_number(check_exactly(all.bytes, all.len, 0), VERDICT_BAD_LIMIT, "somebody stands for it");
	is_number(check_exactly(all.bytes, 0, 1), VERDICT_TRUNCATED, "nothing is not one record");
	is_number(check_exactly(all.bytes, all.len, 3), VERDICT_TRAILING_BYTES, "a record not counted is refused");
	is_number(check_exactly(all.bytes, all.len, 5), VERDICT_TRUNCATED, "so is one counted and not there");
	is_number(check_exactly(all.bytes, all.len, UINT16_MAX), VERDICT_TRUNCATED, "or 65,531 of them");

	struct endorsements full = {0};
	endorse_with(&full, &push);
	for (size_t i = 0; i < APPROVALS_MAX; i++)
		endorse_with(&full, &approvals[i]);
	struct endorsements before = full;
	is_number(endorsements_add(&full, &approvals[APPROVALS_MAX]), VERDICT_BAD_LIMIT,
		  "a 17th approval is not added");
	is_number(endorsements_add(&full, &approvals[4]), VERDICT_ALREADY_APPROVED,
		  "one of the 16 is told that it is there");
	ok(memcmp(&before, &full, sizeof(full)) == 0, "a refusal changes nothing");
	uint8_t *large = calloc(1, ENDORSEMENTS_BYTES_MAX);
	size_t room = sizeof(full.bytes) - full.len;
	struct endorsement order = {.type = ENDORSEMENT_RELEASE_ORDER, .order = large,
				    .order_len = room - AT_BODY + 1};
	is_number(endorsements_add(&full, &order), VERDICT_BAD_LIMIT, "an order too large for the segment is not added");
	order.order_len--;
	is_number(endorsements_add(&full, &order), 0, "one that just fits is");
	is_number(full.len, ENDORSEMENTS_BYTES_MAX, "and fills it");
	is_number(check_exactly(full.bytes, full.len, full.count), 0, "in order");
	free(large);
}

/* Every order in which the same five can be added comes to the same bytes. */
static void test_add_in_every_order(void)
{
	const struct endorsement five[] = {make_push(1), make_approval(3), make_approval(7), make_approval(9),
					   make_release_order()};
	struct endorsements wanted = {0};
	size_t orders = 0, same = 0, in_order = 0;
	for (size_t i = 0; i < 5; i++)
		endorse_with(&wanted, &five[i]);
	for (int n = 0; n < 5 * 5 * 5 * 5 * 5; n++) {
		struct endorsements got = {0};
		unsigned int seen = 0;
		int digits = n, which[5];
		for (int i = 0; i < 5; i++, digits /= 5) {
			which[i] = digits % 5;
			seen |= 1U << which[i];
		}
		if (seen != 31)
			continue;
		orders++;
		for (int i = 0; i < 5; i++)
			endorse_with(&got, &five[which[i]]);
		same += got.count == wanted.count && got.len == wanted.len &&
			memcmp(got.bytes, wanted.bytes, wanted.len) == 0;
		in_order += endorsements_check(got.bytes, got.len, got.count) == 0;
	}
	is_number((int64_t)orders, 120, "five records can be added in 120 orders");
	is_number((int64_t)same, 120, "all come to the same bytes");
	is_number((int64_t)in_order, 120, "which are in order");
	is_number((int64_t)endorsements_approvals(&wanted), 3, "three of them are approvals");
}

static void test_add_again(void)
{
	struct endorsements all = make_all(), before = all;
	struct endorsement again = make_approval(7), got;
	again.at++;
	is_number(endorsements_add(&all, &again), VERDICT_ALREADY_APPROVED, "a key approves once");
	struct endorsement order = make_release_order();
	is_number(endorsements_add(&all, &order), VERDICT_ALREADY_APPROVED, "one order releases");
	ok(memcmp(&before, &all, sizeof(all)) == 0, "and nothing has changed");
	struct endorsement push = make_push(0x77);
	size_t at = 0;
	is_number(endorsements_add(&all, &push), 0, "a push can be replaced");
	ok(all.count == 4 && all.len == before.len, "it stays one");
	ok(endorsements_next(&all, &at, &got) && got.type == ENDORSEMENT_PUSH && got.signature.bytes[0] == 0x77,
	   "and is the new one");
	is_bytes(all.bytes + PUSH_BYTES, before.bytes + PUSH_BYTES, before.len - PUSH_BYTES,
		 "the others are as they were");
	struct endorsement machine = make_push_order();
	is_number(endorsements_add(&all, &machine), 0, "by one of another length, too");
	ok(all.count == 4 && all.len == before.len + 4 + 260 + ORDER_BYTES - PUSH_BYTES, "which stays one");
	is_bytes(all.bytes + 4 + 260 + ORDER_BYTES, before.bytes + PUSH_BYTES, before.len - PUSH_BYTES,
		 "and moves the others");
	is_number(check_exactly(all.bytes, all.len, all.count), 0, "all is in order");
}

static void test_steps(void)
{
	static const enum endorsement_type wanted[] = {ENDORSEMENT_PUSH, ENDORSEMENT_APPROVAL,
						       ENDORSEMENT_APPROVAL, ENDORSEMENT_RELEASE_ORDER};
	struct endorsements all = make_all(), nothing = {0};
	struct endorsement e = {0};
	size_t at = 0, count = 0;
	for (; count < 5 && endorsements_next(&all, &at, &e); count++)
		is_number(e.type, (int64_t)wanted[count % 4], "step %zu comes to its record", count + 1);
	is_number((int64_t)count, 4, "behind the last one is the end");
	is_number((int64_t)at, all.len, "of all bytes");
	ok(e.order >= all.bytes && e.order + e.order_len == all.bytes + all.len, "an order is a view of them");
	at = 0;
	ok(!endorsements_next(&nothing, &at, &e), "nothing has no first one");
	is_number((int64_t)endorsements_approvals(&nothing), 0, "and no approvals");
}

/*
 * What signatures, names, keys, times and orders say is not for the form; every other bit is.  A bit of a
 * key id may still keep the order, so those are left out as well.
 */
static bool is_content(size_t at)
{
	size_t in_approval = at < PUSH_BYTES ? at : (at - PUSH_BYTES) % APPROVAL_BYTES;
	if (at < PUSH_BYTES)
		return at >= AT_BODY + 4;
	if (at >= PUSH_BYTES + 2 * APPROVAL_BYTES)
		return at >= PUSH_BYTES + 2 * APPROVAL_BYTES + AT_BODY;
	return (in_approval >= AT_BODY && in_approval < AT_APPROVAL_SIGNATURE) ||
	       in_approval >= AT_APPROVAL_SIGNATURE + 4;
}

static void test_damage(void)
{
	struct endorsements all = make_all();
	size_t accepted = 0, changed = 0;
	for (size_t cut = 0; cut < all.len; cut++)
		accepted += check_exactly(all.bytes, cut, all.count) == 0;
	is_number((int64_t)accepted, 0, "every truncation of a valid list is refused");
	for (size_t bit = 0; bit < 8 * (size_t)all.len; bit++) {
		all.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		int result = check_exactly(all.bytes, all.len, all.count);
		accepted += result == 0 && !is_content(bit / 8);
		/* what is read is what was written: no two lists read the same */
		struct endorsements again = {0};
		struct endorsement e;
		size_t at = 0;
		while (result == 0 && endorsements_next(&all, &at, &e))
			endorse_with(&again, &e);
		changed += result == 0 && (again.count != all.count || again.len != all.len ||
					   memcmp(again.bytes, all.bytes, all.len) != 0);
		all.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)accepted, 0, "every bit of its form that is flipped is refused");
	is_number((int64_t)changed, 0, "what passes is written again as it is");
}

static void test_decision(void)
{
	struct statement s = {.route = "tax", .person = "wang-mei", .segments = 3, .manifest_segments = 1};
	uint8_t bytes[DECISION_BYTES], statement[STATEMENT_BYTES], key_id[KEY_ID_BYTES];
	static const char name[NAME_BYTES] = "tseng-yu";
	char dirty[NAME_BYTES];
	memset(key_id, 0xab, sizeof(key_id));
	memset(dirty, 'x', sizeof(dirty));
	memcpy(dirty, name, strlen(name) + 1);
	statement_encode(statement, &s);
	decision_encode(bytes, &s, name, key_id, 0x0102030405060708);
	is_number(DECISION_BYTES, 288, "a decision has 288 bytes");
	is_bytes(bytes, statement, STATEMENT_BYTES, "it begins with the statement");
	is_bytes(bytes + STATEMENT_BYTES, name, NAME_BYTES, "then the officer");
	is_bytes(bytes + STATEMENT_BYTES + 32, key_id, KEY_ID_BYTES, "the key");
	is_bytes(bytes + STATEMENT_BYTES + 48, "\x08\7\6\5\4\3\2\1", 8, "and the time");
	uint8_t again[DECISION_BYTES];
	decision_encode(again, &s, dirty, key_id, 0x0102030405060708);
	is_bytes(again, bytes, sizeof(bytes), "whatever lies behind the name in memory");
	is_text(push_domain, "weir1 push", "a push has a domain");
	is_text(approval_domain, "weir1 approve", "an approval another");
	is_text(refusal_domain, "weir1 refuse", "and a refusal a third");
}

int main(void)
{
	suite_start();
	test_round_trip();
	test_approval_fields();
	test_form();
	test_places();
	test_limits();
	test_add_in_every_order();
	test_add_again();
	test_steps();
	test_damage();
	test_decision();
	return done_testing();
}
