#include "common/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/geometry.h"
#include "common/verdict.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

static const uint8_t person_seed[SUITE_KEY_BYTES] = {1}, box_seed[SUITE_KEY_BYTES] = {2};

static struct statement make_statement(void)
{
	struct statement s = {
		.route = "tax",
		.person = "wang-mei",
		.registry_version = 7,
		.created = 1767225600,
		.destroy_by = 1769817600,
		.segments = 12,
		.manifest_segments = 1,
	};
	memset(s.push_id, 0xa1, sizeof(s.push_id));
	memset(s.person_key, 0xa2, sizeof(s.person_key));
	memset(s.root, 0xa3, sizeof(s.root));
	memset(s.manifest_digest, 0xa4, sizeof(s.manifest_digest));
	return s;
}

static struct release make_release(void)
{
	struct release r = {
		.route_id = 1,
		.epoch = 99,
		.number = 123,
		.released_at = 1767225601,
		.box = "inside-1",
		.statement = make_statement(),
	};
	struct geometry g = geometry_choose(bundle_object_len(&r.statement), 125);
	r.row_len = g.row_len;
	r.source_rows = g.source_rows;
	r.repair_rows = g.repair_rows;
	memset(r.box_key, 0xb1, sizeof(r.box_key));
	return r;
}

/* The person's push and two approvals, by keys that only have to be there. */
static struct endorsements make_endorsements(const struct statement *s)
{
	struct endorsements out;
	endorse_push(&out, s, person_seed);
	for (uint8_t i = 0; i < 2; i++) {
		struct endorsement approval = {
			.type = ENDORSEMENT_APPROVAL,
			.person = "tseng-yu",
			.key_id = {i},
			.at = s->created,
			.signature = {.algorithm = SIGNATURE_ED25519, .len = 64, .bytes = {i}},
		};
		endorse_with(&out, &approval);
	}
	return out;
}

static void encode_release(uint8_t segment[static SEGMENT_BYTES], const struct release *r)
{
	struct endorsements endorsements = make_endorsements(&r->statement);
	if (release_segment_encode(segment, r, &endorsements, box_seed) != 0)
		abort();
}

static void test_names(void)
{
	static const char *const good[] = {"a", "tax", "tax-1", "a-", "abcdefghijklmnopqrstuvwxyz01234"};
	static const char *const bad[] = {"", "1a", "-a", "A", "a_b", "a b", "a.b", "\xc3\xa4",
					  "abcdefghijklmnopqrstuvwxyz012345"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(name_is_valid(good[i]), "'%s' is a name", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!name_is_valid(bad[i]), "'%s' is none", bad[i]);
	char name[NAME_BYTES] = "tax";
	ok(name32_is_valid(name), "a zero-filled name is a name32");
	name[31] = 'x';
	ok(!name32_is_valid(name), "one with bytes behind its end is none");
	memset(name, 'a', sizeof(name));
	ok(!name32_is_valid(name), "one without an end is none");
}

static void test_bundle_names(void)
{
	char name[BUNDLE_NAME_BYTES], route[NAME_BYTES];
	uint64_t number;
	bundle_name(name, "tax", 123);
	is_text(name, "tax-000123", "a number has at least six digits");
	bundle_name(name, "abcdefghijklmnopqrstuvwxyz01234", BUNDLE_NUMBER_END - 1);
	is_text(name, "abcdefghijklmnopqrstuvwxyz01234-281474976710655", "the longest name fits");
	is_number(bundle_name_parse(name, route, &number), 0, "and is read back");
	is_number((int64_t)number, (int64_t)BUNDLE_NUMBER_END - 1, "with its number");
	is_number(bundle_name_parse("a-b-1234567", route, &number), 0, "a route may have a dash");
	is_text(route, "a-b", "the last one parts it from the number");
	static const char *const bad[] = {"", "tax", "tax-", "-000001", "tax-00012", "tax-0000123",
					  "tax-000000", "tax-00012x", "tax-281474976710656",
					  "tax-99999999999999999999999", "Tax-000001", "tax-000001 ",
					  "abcdefghijklmnopqrstuvwxyz012345-000001"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_number(bundle_name_parse(bad[i], route, &number), VERDICT_BAD_NAME,
			  "'%s' is no bundle's name", bad[i]);
}

/* The one byte at `at` becomes `value`. */
static int decode_statement_with(size_t at, uint8_t value)
{
	uint8_t bytes[STATEMENT_BYTES];
	struct statement s = make_statement(), got;
	statement_encode(bytes, &s);
	bytes[at] = value;
	return statement_decode(&got, bytes);
}

static int decode_statement(struct statement s)
{
	uint8_t bytes[STATEMENT_BYTES];
	struct statement got;
	statement_encode(bytes, &s);
	return statement_decode(&got, bytes);
}

static void test_statement(void)
{
	uint8_t bytes[STATEMENT_BYTES], again[STATEMENT_BYTES];
	struct statement s = make_statement(), got;
	statement_encode(bytes, &s);
	is_number(statement_decode(&got, bytes), 0, "a statement is read back");
	statement_encode(again, &got);
	is_bytes(again, bytes, sizeof(bytes), "and written as the same bytes");
	is_number(decode_statement_with(0, 'w'), VERDICT_BAD_MAGIC, "another magic is refused");
	is_number(decode_statement_with(8, 2), VERDICT_UNKNOWN_VERSION, "another version is");
	is_number(decode_statement_with(10, 2), VERDICT_UNKNOWN_SUITE, "another suite is");
	is_number(decode_statement_with(12, 1), VERDICT_BAD_RESERVED, "a reserved byte is zero");
	is_number(decode_statement_with(148, 1), VERDICT_BAD_RESERVED, "the second lot too");
	is_number(decode_statement_with(226, 1), VERDICT_BAD_RESERVED, "and the last lot");
	is_number(decode_statement_with(231, 1), VERDICT_BAD_RESERVED, "to its end");
	is_number(decode_statement_with(224, GUARD_PASSED), 0, "content rules may have passed");
	is_number(decode_statement_with(224, 2), VERDICT_BAD_TYPE, "but nothing else is known of them");
	is_number(decode_statement_with(225, SCAN_CLEAN), 0, "members may be scanned and clean");
	is_number(decode_statement_with(225, 255), VERDICT_BAD_TYPE, "but nothing else is known of that");
	is_number(decode_statement_with(223, 0x7f), 0, "a policy version is below 2^63");
	is_number(decode_statement_with(223, 0x80), VERDICT_BAD_LIMIT, "from there on it is refused");
	is_number(decode_statement_with(63, 1), VERDICT_BAD_NAME, "a route ends within its 32 bytes");
	is_number(decode_statement_with(64, 'W'), VERDICT_BAD_NAME, "a person has a name");

	s = make_statement();
	s.destroy_by = s.created - 1;
	is_number(decode_statement(s), VERDICT_BAD_TIME, "nothing is destroyed before it is made");
	s.destroy_by = s.created;
	is_number(decode_statement(s), 0, "but perhaps at once");
}

static void test_statement_limits(void)
{
	static const struct {
		uint64_t segments;
		uint32_t manifest;
		int verdict;
	} cases[] = {
		{3, 1, 0},
		{2, 1, VERDICT_BAD_LIMIT},
		{0, 0, VERDICT_BAD_LIMIT},
		{12, 0, VERDICT_BAD_LIMIT},
		{12, 10, 0},
		{12, 11, VERDICT_BAD_LIMIT},
		{12, UINT32_MAX, VERDICT_BAD_LIMIT},
		{9000, MANIFEST_SEGMENTS_MAX, 0},
		{9000, MANIFEST_SEGMENTS_MAX + 1, VERDICT_BAD_LIMIT},
		{BUNDLE_SEGMENTS_MAX, 1, 0},
		{BUNDLE_SEGMENTS_MAX + (uint64_t)1, 1, VERDICT_BAD_LIMIT},
		{UINT64_MAX, 1, VERDICT_BAD_LIMIT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct statement s = make_statement();
		s.segments = cases[i].segments;
		s.manifest_segments = cases[i].manifest;
		is_number(decode_statement(s), cases[i].verdict, "N = %llu with M = %u",
			  (unsigned long long)s.segments, s.manifest_segments);
	}
	struct statement s = make_statement();
	s.segments = BUNDLE_SEGMENTS_MAX;
	ok(bundle_object_len(&s) == UINT64_C(70368744161280), "the largest object is just short of 64 TiB");
}

static int decode_release_with(size_t at, uint8_t value)
{
	uint8_t segment[SEGMENT_BYTES];
	struct release r = make_release(), got;
	encode_release(segment, &r);
	segment[at] = value;
	return release_segment_decode(&got, NULL, segment);
}

static int decode_release(struct release r)
{
	uint8_t segment[SEGMENT_BYTES];
	struct release got;
	encode_release(segment, &r);
	return release_segment_decode(&got, NULL, segment);
}

static void test_release(void)
{
	struct release r = make_release(), got;
	struct endorsements wanted = make_endorsements(&r.statement), endorsements;
	uint8_t segment[SEGMENT_BYTES], again[SEGMENT_BYTES], public_key[SUITE_KEY_BYTES];
	encode_release(segment, &r);
	is_number(release_segment_decode(&got, &endorsements, segment), 0, "a release is read back");
	ok(endorsements.count == 3 && endorsements.len == wanted.len, "with who stands for it");
	is_bytes(endorsements.bytes, wanted.bytes, wanted.len, "byte by byte");
	is_number(release_segment_encode(again, &got, &endorsements, box_seed), 0, "it is signed again");
	is_bytes(again, segment, sizeof(segment), "and written as the same bytes");
	suite_sign_public(public_key, box_seed);
	is_number(release_segment_verify(segment, public_key), 0, "its signature verifies");
	suite_sign_public(public_key, person_seed);
	is_number(release_segment_verify(segment, public_key), VERDICT_BAD_SIGNATURE,
		  "but not for another box");

	is_number(decode_release_with(0, 'w'), VERDICT_BAD_MAGIC, "another magic is refused");
	is_number(decode_release_with(9, 1), VERDICT_UNKNOWN_VERSION, "another version is");
	is_number(decode_release_with(11, 1), VERDICT_UNKNOWN_SUITE, "another suite is");
	is_number(decode_release_with(48, '-'), VERDICT_BAD_NAME, "the box has a name");
	is_number(decode_release_with(96, 'w'), VERDICT_BAD_MAGIC, "the statement inside is judged too");
	is_number(decode_release_with(RELEASE_BYTES, 9), VERDICT_BAD_TYPE, "and so are the endorsements");
	is_number(decode_release_with(14, 0), VERDICT_BAD_LIMIT, "somebody stands for it");
	is_number(decode_release_with(14, 4), VERDICT_TRUNCATED, "as many as it says");
	is_number(decode_release_with(14, 2), VERDICT_TRAILING_BYTES, "and no more");

	r = make_release();
	r.epoch = 0;
	is_number(decode_release(r), VERDICT_BAD_LIMIT, "there is no epoch 0");
	r = make_release();
	r.number = 0;
	is_number(decode_release(r), VERDICT_BAD_LIMIT, "nor a number 0");
	r.number = BUNDLE_NUMBER_END;
	is_number(decode_release(r), VERDICT_BAD_LIMIT, "nor one of 2^48");
	r.number = BUNDLE_NUMBER_END - 1;
	is_number(decode_release(r), 0, "but the one before");
	r = make_release();
	r.released_at = r.statement.created - 1;
	is_number(decode_release(r), VERDICT_BAD_TIME, "nothing is released before it is made");
	r = make_release();
	r.repair_rows = 0;
	is_number(decode_release(r), VERDICT_BAD_GEOMETRY, "its geometry is judged");
}

/* A release whose endorsements are one push order of this many bytes in all. */
static int decode_with_endorsements_of(size_t len)
{
	static uint8_t order[SEGMENT_BYTES];
	uint8_t segment[SEGMENT_BYTES];
	struct release r = make_release(), got;
	struct endorsements endorsements = {0};
	struct endorsement push = {
		.type = ENDORSEMENT_PUSH_ORDER,
		.signature = {.algorithm = SIGNATURE_ED25519, .len = 64},
		.order = order,
		.order_len = len - 4 - 68,
	};
	if (len > ENDORSEMENTS_BYTES_MAX) {
		encode_release(segment, &r);
		segment[46] = (uint8_t)len;
		segment[47] = (uint8_t)(len >> 8);
		return release_segment_decode(&got, NULL, segment);
	}
	memset(order, 0xee, sizeof(order));
	endorse_with(&endorsements, &push);
	if (release_segment_encode(segment, &r, &endorsements, box_seed) != 0)
		abort();
	return release_segment_decode(&got, NULL, segment);
}

static void test_release_segment(void)
{
	struct release r = make_release(), got;
	struct endorsements wanted = make_endorsements(&r.statement), untouched = {.count = 77};
	uint8_t segment[SEGMENT_BYTES];
	encode_release(segment, &r);
	size_t end = RELEASE_BYTES + (size_t)wanted.len;
	for (size_t at = end; at < BOX_SIGNATURE_AT; at += at < end + 8 ? 1 : 2303) {
		segment[at] = 1;
		is_number(release_segment_decode(&got, &untouched, segment), VERDICT_BAD_RESERVED,
			  "byte %zu behind the endorsements is zero", at);
		segment[at] = 0;
	}
	segment[BOX_SIGNATURE_AT - 1] = 128;
	is_number(release_segment_decode(&got, &untouched, segment), VERDICT_BAD_RESERVED,
		  "so is the last one before the signature");
	is_number(untouched.count, 77, "refusals leave the endorsements alone");
	is_number(decode_with_endorsements_of(15992), 0, "15,992 bytes of endorsements are read");
	is_number(decode_with_endorsements_of(15993), VERDICT_BAD_LIMIT, "a byte more is refused");
	is_number(decode_with_endorsements_of(16056), VERDICT_BAD_LIMIT, "and all of the segment");
	is_number(decode_with_endorsements_of(65535), VERDICT_BAD_LIMIT, "and what lies beyond it");
}

static void test_unreleased_segment(void)
{
	struct release r = make_release(), released;
	struct endorsements wanted = make_endorsements(&r.statement), got;
	struct statement s;
	uint8_t segment[SEGMENT_BYTES];
	unreleased_segment_encode(segment, &r.statement, &wanted);
	is_number(unreleased_segment_decode(&s, &got, segment), 0, "the spool's form is read back");
	ok(got.count == wanted.count && got.len == wanted.len &&
		   memcmp(got.bytes, wanted.bytes, wanted.len) == 0,
	   "with who stands for it");
	ok(s.segments == 12 && strcmp(s.route, "tax") == 0, "and the statement");
	is_number(release_segment_decode(&released, NULL, segment), VERDICT_BAD_LIMIT, "it is no release");
	encode_release(segment, &r);
	is_number(unreleased_segment_decode(&s, &got, segment), VERDICT_BAD_RESERVED,
		  "and a release is not the spool's form");
	size_t accepted = 0;
	unreleased_segment_encode(segment, &r.statement, &wanted);
	for (size_t at = 0; at < SEGMENT_BYTES; at++) {
		/* what the statement and the signatures say is judged by others */
		if (at >= 96 && at < RELEASE_BYTES + (size_t)wanted.len)
			continue;
		segment[at] ^= 1;
		accepted += unreleased_segment_decode(&s, &got, segment) == 0;
		segment[at] ^= 1;
	}
	is_number((int64_t)accepted, 0, "a bit anywhere outside statement and endorsements is refused");
}

/* Decoded and verified as a receiver does, by the box's public key. */
static bool release_is_accepted(const uint8_t segment[static SEGMENT_BYTES])
{
	uint8_t box[SUITE_KEY_BYTES];
	struct release r;
	struct endorsements endorsements;
	suite_sign_public(box, box_seed);
	return release_segment_decode(&r, &endorsements, segment) == 0 &&
	       release_segment_verify(segment, box) == 0;
}

static void test_every_bit_of_a_release(void)
{
	struct release r = make_release();
	uint8_t segment[SEGMENT_BYTES];
	encode_release(segment, &r);
	ok(release_is_accepted(segment), "a release is accepted as it is");
	size_t accepted = 0;
	for (size_t bit = 0; bit < sizeof(segment) * 8; bit++) {
		/* all but the zeros in the middle, of which every 61st bit is as good as any */
		bool is_filler = bit / 8 >= 1024 && bit / 8 < BOX_SIGNATURE_AT;
		if (is_filler && bit % 61 != 0)
			continue;
		segment[bit / 8] ^= (uint8_t)(1U << bit % 8);
		accepted += release_is_accepted(segment);
		segment[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)accepted, 0, "with any bit flipped it is not");
}

struct person_of_head {
	uint8_t id[KEY_ID_BYTES];
	uint8_t secret[SUITE_KEY_BYTES];
	uint8_t public_key[SUITE_KEY_BYTES];
	uint8_t psk[SUITE_KEY_BYTES];
};

static void make_people(struct person_of_head *people, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		memset(people[i].id, (int)(16 + i), KEY_ID_BYTES);
		suite_random(people[i].secret, SUITE_KEY_BYTES);
		suite_random(people[i].psk, SUITE_KEY_BYTES);
		suite_exchange_public(people[i].public_key, people[i].secret);
	}
}

static void make_head(struct head *h, struct bundle_keys *keys, const struct person_of_head *people,
		      size_t count)
{
	*h = (struct head){.route = "tax", .count = (uint16_t)count};
	bundle_keys_new(keys);
	bundle_keys_commit(h, keys);
	for (size_t i = 0; i < count; i++)
		if (stanza_seal(&h->stanzas[i], keys, "tax", people[i].id, people[i].public_key,
				people[i].psk) != 0)
			abort();
}

static int open_as(struct bundle_keys *opened, const struct head *h, const struct person_of_head *p)
{
	return head_open(opened, h, p->id, p->secret, p->psk);
}

static void test_opening_a_head(void)
{
	struct person_of_head people[4];
	struct bundle_keys keys, opened;
	struct head h, other;
	make_people(people, 4);
	make_head(&h, &keys, people, 3);
	for (size_t i = 0; i < 3; i++) {
		memset(&opened, 0, sizeof(opened));
		is_number(open_as(&opened, &h, &people[i]), 0, "recipient %zu of 3 opens the head", i);
		is_bytes(&opened, &keys, sizeof(keys), "and has all keys");
	}
	memset(&opened, 7, sizeof(opened));
	is_number(open_as(&opened, &h, &people[3]), VERDICT_WRONG_RECIPIENT, "somebody else has no stanza");
	struct person_of_head p = people[0];
	p.psk[31] ^= 1;
	is_number(open_as(&opened, &h, &p), VERDICT_WRONG_KEY, "another pre-shared key does not open it");
	p = people[0];
	memcpy(p.secret, people[1].secret, SUITE_KEY_BYTES);
	is_number(open_as(&opened, &h, &p), VERDICT_WRONG_KEY, "nor does another's secret");
	other = h;
	memcpy(other.route, "tay", 3);
	is_number(open_as(&opened, &other, &people[0]), VERDICT_WRONG_KEY, "nor is it good for another route");
	other = h;
	other.file_commitment[0] ^= 1;
	is_number(open_as(&opened, &other, &people[0]), VERDICT_BAD_COMMITMENT, "the file key is committed to");
	other = h;
	other.manifest_commitment[31] ^= 1;
	is_number(open_as(&opened, &other, &people[0]), VERDICT_BAD_COMMITMENT, "so is the manifest key");
	other = h;
	memset(other.stanzas[0].ephemeral, 0, SUITE_KEY_BYTES);
	is_number(open_as(&opened, &other, &people[0]), VERDICT_BAD_KEY, "a low-order ephemeral key is refused");
	uint8_t untouched[sizeof(opened)];
	memset(untouched, 7, sizeof(untouched));
	is_bytes(&opened, untouched, sizeof(opened), "keys are untouched by refusals");

	uint8_t zero[SUITE_KEY_BYTES] = {0};
	is_number(stanza_seal(&h.stanzas[0], &keys, "tax", people[0].id, zero, people[0].psk), VERDICT_BAD_KEY,
		  "nothing is sealed for a low-order public key");
	struct head twice;
	make_head(&twice, &keys, people, 1);
	make_head(&other, &keys, people, 1);
	ok(memcmp(twice.stanzas[0].ephemeral, other.stanzas[0].ephemeral, SUITE_KEY_BYTES) != 0,
	   "each stanza has an ephemeral key of its own");
	ok(memcmp(twice.file_commitment, other.file_commitment, SUITE_DIGEST_BYTES) != 0,
	   "each bundle has a file key of its own");
}

/* Opening what is left of a head with one bit flipped, for one recipient. */
static void test_every_bit_of_a_head(void)
{
	struct person_of_head person;
	struct bundle_keys keys, opened;
	struct head h;
	uint8_t segment[SEGMENT_BYTES];
	make_people(&person, 1);
	make_head(&h, &keys, &person, 1);
	head_encode(segment, &h);
	size_t accepted = 0;
	for (size_t bit = 0; bit < (112 + 96 + 64) * 8; bit++) {
		segment[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct head got;
		accepted += head_decode(&got, segment) == 0 && open_as(&opened, &got, &person) == 0;
		segment[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	/* X25519 ignores the top bit of a public key, but the wrap key hashes the bytes as they are */
	is_number((int64_t)accepted, 0, "a head with any bit flipped opens for nobody");
}

static int decode_head_with(size_t at, uint8_t value)
{
	struct person_of_head people[2];
	struct bundle_keys keys;
	struct head h, got;
	uint8_t segment[SEGMENT_BYTES];
	make_people(people, 2);
	make_head(&h, &keys, people, 2);
	head_encode(segment, &h);
	segment[at] = value;
	return head_decode(&got, segment);
}

static void test_head(void)
{
	struct person_of_head people[STANZAS_MAX];
	struct bundle_keys keys;
	struct head h, got;
	uint8_t segment[SEGMENT_BYTES], again[SEGMENT_BYTES];
	make_people(people, STANZAS_MAX);
	make_head(&h, &keys, people, STANZAS_MAX);
	head_encode(segment, &h);
	is_number(head_decode(&got, segment), 0, "a head of 128 stanzas is read back");
	head_encode(again, &got);
	is_bytes(again, segment, sizeof(segment), "and written as the same bytes");

	is_number(decode_head_with(0, 'w'), VERDICT_BAD_MAGIC, "another magic is refused");
	is_number(decode_head_with(8, 0), VERDICT_UNKNOWN_VERSION, "another version is");
	is_number(decode_head_with(10, 0), VERDICT_UNKNOWN_SUITE, "another suite is");
	is_number(decode_head_with(12, 0), VERDICT_BAD_LIMIT, "a head has a stanza");
	is_number(decode_head_with(12, 129), VERDICT_BAD_LIMIT, "and at most 128");
	is_number(decode_head_with(12, 3), VERDICT_BAD_ORDER, "a stanza of zeros is out of order");
	is_number(decode_head_with(12, 1), VERDICT_BAD_RESERVED, "a stanza not counted is no zeros");
	is_number(decode_head_with(14, 1), VERDICT_BAD_RESERVED, "reserved bytes are zero");
	is_number(decode_head_with(16, '1'), VERDICT_BAD_NAME, "the route is a name");
	is_number(decode_head_with(SEGMENT_BYTES - 1, 1), VERDICT_BAD_RESERVED, "zeros follow to the end");
	is_number(decode_head_with(112 + 96, 0), VERDICT_BAD_ORDER, "stanzas ascend by key id");
	h.count = 2;
	h.stanzas[1] = h.stanzas[0];
	head_encode(segment, &h);
	is_number(head_decode(&got, segment), VERDICT_BAD_ORDER, "and none comes twice");
}

static void test_segments(void)
{
	static uint8_t plain[SEGMENT_PLAIN_BYTES], sealed[SEGMENT_BYTES], opened[SEGMENT_PLAIN_BYTES];
	uint8_t key[SUITE_KEY_BYTES], other[SUITE_KEY_BYTES];
	uint64_t state = 1;
	test_random_bytes(&state, plain, sizeof(plain));
	suite_random(key, sizeof(key));
	suite_random(other, sizeof(other));
	struct sealer *sealer = NULL;
	is_number(sealer_new(&sealer), 0, "there is a sealer");
	segment_seal(sealer, sealed, plain, 5, false, key);
	is_number(segment_open(sealer, opened, sealed, 5, false, key), 0, "a segment opens");
	is_bytes(opened, plain, sizeof(plain), "to what was sealed");
	is_number(segment_open(sealer, opened, sealed, 4, false, key), VERDICT_DAMAGED, "not at another place");
	is_number(segment_open(sealer, opened, sealed, 5, true, key), VERDICT_DAMAGED, "not as the last one");
	is_number(segment_open(sealer, opened, sealed, 5, false, other), VERDICT_DAMAGED, "not under another key");
	segment_seal(sealer, sealed, plain, 5, true, key);
	is_number(segment_open(sealer, opened, sealed, 5, false, key), VERDICT_DAMAGED, "a last one is the last one");
	size_t accepted = 0;
	for (size_t bit = 0; bit < sizeof(sealed) * 8; bit += bit < 2048 ? 1 : 61) {
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		accepted += segment_open(sealer, opened, sealed, 5, true, key) == 0;
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)accepted, 0, "a segment with a bit flipped does not open");
	sealer_free(sealer);
}

/* From the definition, with no shared line of code. */
static uint64_t pad_by_definition(uint64_t len)
{
	if (len == 1)
		return 1;
	unsigned int e = 0, s = 0;
	while (len >> (e + 1) != 0)
		e++;
	while (e >> (s + 1) != 0)
		s++;
	s++;
	while (len % (UINT64_C(1) << (e > s ? e - s : 0)) != 0)
		len++;
	return len;
}

static void test_padding(void)
{
	static const uint64_t table[][2] = {
		{1, 1}, {2, 2}, {3, 3}, {4, 4}, {7, 7}, {8, 8}, {9, 10}, {15, 16}, {16, 16}, {17, 18},
		{33, 36}, {63, 64}, {65, 72}, {100, 104}, {127, 128}, {129, 144}, {255, 256}, {257, 272},
		{1000, 1024}, {1025, 1088}, {65537, 67584}, {1000000, 1015808},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		is_number((int64_t)bundle_pad(table[i][0]), (int64_t)table[i][1], "padmé(%d)", (int)table[i][0]);
	size_t wrong = 0, shrinks = 0, wasteful = 0, restless = 0;
	for (uint64_t len = 1; len <= 20000; len++) {
		uint64_t padded = bundle_pad(len);
		wrong += padded != pad_by_definition(len);
		shrinks += padded < len;
		wasteful += (padded - len) * 100 > len * 12;
		restless += bundle_pad(padded) != padded;
	}
	is_number((int64_t)wrong, 0, "every length to 20,000 is padded as the definition says");
	is_number((int64_t)shrinks, 0, "none shrinks");
	is_number((int64_t)wasteful, 0, "none grows by more than 12 %%");
	is_number((int64_t)restless, 0, "a padded length stays");
	ok(bundle_pad(BUNDLE_SEGMENTS_MAX) == UINT64_C(1) << 32, "the longest body has no padded length");
}

/* What a length can tell whoever counts: SECURITY.md 7. */
static void test_padded_lengths_are_few(void)
{
	uint64_t lengths = 0;
	for (uint64_t len = 1; len <= UINT64_C(1) << 22; len = bundle_pad(len) + 1)
		lengths++;
	ok(lengths <= 512, "bundles to 64 GiB have at most 512 lengths (%llu): 9 bits", (unsigned long long)lengths);
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	test_names();
	test_bundle_names();
	test_statement();
	test_statement_limits();
	test_release();
	test_release_segment();
	test_unreleased_segment();
	test_every_bit_of_a_release();
	test_head();
	test_opening_a_head();
	test_every_bit_of_a_head();
	test_segments();
	test_padding();
	test_padded_lengths_are_few();
	return done_testing();
}
