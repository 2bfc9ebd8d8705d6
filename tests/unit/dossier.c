/* The dossier of a bundle: SPOOL.md 2, each reject rule, its file, and who can open what is in it. */
#include "sender/dossier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/key.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

enum {
	/* offsets of SPOOL.md 2 */
	AT_STANZA_COUNT = 12,
	AT_COUNT = 14,
	AT_LEN = 16,
	AT_RESERVED = 18,
	AT_PUSH_ID = 32,
	AT_CONTENT = 48,
	AT_MEMBERS = 56,
	AT_RECORDS = 64,
	AT_COLUMNS = 72,
	AT_BEYOND = 76,
	AT_RESERVED_2 = 77,
	AT_STANZAS = 88,
	STANZA_BYTES = 96,
	OFFICERS = 3,
};

static struct key *officers[OFFICERS + 1]; /* the last one is none of the route's */
static uint8_t manifest_key[SUITE_KEY_BYTES];

/* The route as the registry would give it. */
struct fixture {
	struct party parties[OFFICERS_MAX];
	const struct party *list[OFFICERS_MAX];
	struct route route;
};

static void make_route(struct fixture *f, size_t count)
{
	*f = (struct fixture){0};
	for (size_t i = 0; i < count; i++) {
		f->parties[i].card = officers[i % OFFICERS]->card;
		f->list[i] = &f->parties[i];
	}
	strcpy(f->route.name, "tax");
	f->route.officer_count = count;
	f->route.officers = f->list;
}

static void make_dossier(struct dossier *d)
{
	static const uint8_t seed[SUITE_KEY_BYTES] = {7};
	struct statement s = {.route = "tax", .person = "wang-mei", .segments = 3, .manifest_segments = 1};
	struct fixture f;
	*d = (struct dossier){.push_id = {0xa1, 0xa2}, .tally = {UINT64_MAX, 2, 3, 4}};
	memcpy(s.push_id, d->push_id, PUSH_ID_BYTES);
	endorse_push(&d->endorsements, &s, seed);
	struct endorsement approval = endorse_approval(&s, officers[0], 1000);
	endorse_with(&d->endorsements, &approval);
	make_route(&f, OFFICERS);
	if (dossier_seal_keys(d, &f.route, manifest_key) != 0)
		abort();
}

static size_t encode(uint8_t out[static DOSSIER_BYTES_MAX])
{
	struct dossier d;
	make_dossier(&d);
	return dossier_encode(out, &d);
}

/* On the heap and of just this size, so that a sanitizer sees a read behind it. */
static int decode(const uint8_t *bytes, size_t len)
{
	static struct dossier out;
	uint8_t *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	int result = dossier_decode(&out, copy, len);
	free(copy);
	return result;
}

/* By the formula of the page: what is wrong with it is not its digest. */
static int decode_resealed(uint8_t *bytes, size_t len)
{
	suite_hash(bytes + len - SUITE_DIGEST_BYTES, SUITE_DIGEST_BYTES, "weir1 dossier", NULL, 0, bytes,
		   len - SUITE_DIGEST_BYTES);
	return decode(bytes, len);
}

static void test_round_trip(void)
{
	static struct dossier d, got;
	uint8_t bytes[DOSSIER_BYTES_MAX], again[DOSSIER_BYTES_MAX];
	make_dossier(&d);
	size_t len = dossier_encode(bytes, &d);
	is_number((int64_t)len, AT_STANZAS + OFFICERS * STANZA_BYTES + 72 + 128 + 32,
		  "a dossier is as long as the page says");
	is_number(dossier_decode(&got, bytes, len), 0, "it is read back");
	is_bytes(got.push_id, d.push_id, PUSH_ID_BYTES, "with the push id");
	ok(got.tally.content_len == UINT64_MAX && got.tally.members == 2 && got.tally.records == 3 &&
		   got.tally.columns == 4,
	   "what was counted");
	is_number(got.stanza_count, OFFICERS, "a stanza for each officer");
	is_number((int64_t)endorsements_approvals(&got.endorsements), 1, "and who stands for it");
	ok(dossier_encode(again, &got) == len && memcmp(again, bytes, len) == 0, "it is written as the same bytes");
	static const uint8_t numbers[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 0, 0,
					  3,    0,    0,    0,    0,    0,    0,    0,    4, 0, 0, 0};
	is_bytes(bytes + AT_CONTENT, numbers, sizeof(numbers), "the numbers stand where the page says");
	is_number(bytes[AT_BEYOND], 0, "it is not beyond an order");
	d.is_beyond_order = true;
	len = dossier_encode(bytes, &d);
	is_number(bytes[AT_BEYOND], 1, "one that is says so");
	ok(dossier_decode(&got, bytes, len) == 0 && got.is_beyond_order, "and stays so");
	struct dossier none = {.endorsements = d.endorsements};
	len = dossier_encode(bytes, &none);
	is_number(decode(bytes, len), 0, "a route without officers needs no stanza");
}

static void test_largest(void)
{
	static struct dossier d, got;
	static uint8_t bytes[DOSSIER_BYTES_MAX], filler[ENDORSEMENTS_BYTES_MAX];
	make_dossier(&d);
	struct endorsement order = {
		.type = ENDORSEMENT_RELEASE_ORDER,
		.order = filler,
		.order_len = ENDORSEMENTS_BYTES_MAX - d.endorsements.len - (size_t)4,
	};
	endorse_with(&d.endorsements, &order);
	for (size_t i = 0; i < OFFICERS_MAX; i++)
		d.stanzas[i] = (struct stanza){.key_id = {(uint8_t)i}};
	d.stanza_count = OFFICERS_MAX;
	size_t len = dossier_encode(bytes, &d);
	is_number((int64_t)len, DOSSIER_BYTES_MAX, "the largest dossier fits");
	is_number(dossier_decode(&got, bytes, len), 0, "and is read");
	bytes[AT_STANZA_COUNT] = OFFICERS_MAX + 1;
	is_number(decode(bytes, len), VERDICT_BAD_LIMIT, "one with 65 stanzas is not");
	bytes[AT_STANZA_COUNT] = OFFICERS_MAX;
	bytes[AT_LEN]++;
	is_number(decode(bytes, len), VERDICT_BAD_LIMIT, "nor one with 15,993 bytes of endorsements");
}

static void test_reject_rules(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
		const char *what;
	} cases[] = {
		{0, 'w', VERDICT_BAD_MAGIC, "another magic"},
		{8, 2, VERDICT_UNKNOWN_VERSION, "another version"},
		{10, 2, VERDICT_UNKNOWN_SUITE, "another suite"},
		{AT_STANZA_COUNT, 65, VERDICT_BAD_LIMIT, "65 stanzas"},
		{AT_STANZA_COUNT + 1, 255, VERDICT_BAD_LIMIT, "65,283 stanzas"},
		{AT_STANZA_COUNT, OFFICERS - 1, VERDICT_TRAILING_BYTES, "a stanza that is not counted"},
		{AT_COUNT, 0, VERDICT_BAD_LIMIT, "nobody who stands for it"},
		{AT_COUNT, 1, VERDICT_TRAILING_BYTES, "an endorsement that is not counted"},
		{AT_COUNT, 3, VERDICT_TRUNCATED, "one that is counted and not there"},
		{AT_LEN + 1, 0x3d, VERDICT_TRUNCATED, "more endorsements than there are"},
		{AT_LEN + 1, 0x3f, VERDICT_BAD_LIMIT, "more endorsements than fit"},
		{AT_LEN, 199, VERDICT_TRAILING_BYTES, "endorsements that are shorter"},
		{AT_RESERVED, 1, VERDICT_BAD_RESERVED, "a reserved byte, the first"},
		{AT_PUSH_ID - 1, 1, VERDICT_BAD_RESERVED, "a reserved byte, the last of the first lot"},
		{AT_BEYOND, 2, VERDICT_BAD_LIMIT, "neither yes nor no to whether it exceeds its order"},
		{AT_RESERVED_2, 1, VERDICT_BAD_RESERVED, "a reserved byte of the second lot"},
		{AT_STANZAS - 1, 128, VERDICT_BAD_RESERVED, "a reserved byte, the last"},
	};
	uint8_t bytes[DOSSIER_BYTES_MAX], changed[DOSSIER_BYTES_MAX];
	size_t len = encode(bytes);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(changed, bytes, len);
		changed[cases[i].at] = cases[i].value;
		is_text(verdict_name(decode_resealed(changed, len)), verdict_name(cases[i].verdict),
			"a dossier with %s is refused", cases[i].what);
	}
	memcpy(changed, bytes, len);
	memcpy(changed + AT_STANZAS, bytes + AT_STANZAS + STANZA_BYTES, STANZA_BYTES);
	memcpy(changed + AT_STANZAS + STANZA_BYTES, bytes + AT_STANZAS, STANZA_BYTES);
	is_number(decode_resealed(changed, len), VERDICT_BAD_ORDER, "stanzas ascend by key id");
	memcpy(changed + AT_STANZAS, changed + AT_STANZAS + STANZA_BYTES, KEY_ID_BYTES);
	is_number(decode_resealed(changed, len), VERDICT_BAD_ORDER, "and none stands twice");
	memcpy(changed, bytes, len);
	changed[AT_STANZAS + OFFICERS * STANZA_BYTES] = 9;
	is_number(decode_resealed(changed, len), VERDICT_BAD_TYPE, "endorsements are judged by their own rules");
	memcpy(changed, bytes, len);
	changed[AT_PUSH_ID] ^= 1;
	is_number(decode(changed, len), VERDICT_BAD_DIGEST, "all of it is under its digest");
	is_number(decode_resealed(changed, len), 0, "which anybody can make");
}

static void test_damage(void)
{
	uint8_t bytes[DOSSIER_BYTES_MAX];
	size_t len = encode(bytes), truncated = 0, accepted = 0;
	static struct dossier untouched = {.stanza_count = 77};
	for (size_t cut = 0; cut < len; cut++) {
		int result = decode(bytes, cut);
		truncated += result == VERDICT_TRUNCATED;
		if (result != VERDICT_TRUNCATED)
			note("cut to %zu: %s", cut, verdict_name(result));
	}
	is_number((int64_t)truncated, (int64_t)len, "every shorter one is truncated");
	bytes[len] = 0;
	is_number(decode(bytes, len + 1), VERDICT_TRAILING_BYTES, "a longer one has trailing bytes");
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		accepted += dossier_decode(&untouched, bytes, len) == 0;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)accepted, 0, "one with any bit flipped is refused");
	is_number(untouched.stanza_count, 77, "and leaves the output alone");
}

static int open_as(const struct dossier *d, const char *route, const struct key *officer, uint8_t *out)
{
	uint8_t secret[SUITE_KEY_BYTES];
	key_reading_secret(secret, officer);
	return dossier_open_key(out, d, route, &officer->card, secret);
}

static void test_opening(void)
{
	static struct dossier d, other;
	uint8_t opened[SUITE_KEY_BYTES], zero[SUITE_KEY_BYTES] = {0}, secret[SUITE_KEY_BYTES];
	make_dossier(&d);
	bool ascends = true;
	for (size_t i = 1; i < d.stanza_count; i++)
		ascends = ascends && memcmp(d.stanzas[i - 1].key_id, d.stanzas[i].key_id, KEY_ID_BYTES) < 0;
	ok(ascends, "stanzas are made in ascending order");
	for (size_t i = 0; i < OFFICERS; i++) {
		memset(opened, 0, sizeof(opened));
		is_number(open_as(&d, "tax", officers[i], opened), 0, "officer %zu of 3 opens it", i + 1);
		is_bytes(opened, manifest_key, sizeof(opened), "and has the manifest key");
	}
	memset(opened, 0, sizeof(opened));
	is_number(open_as(&d, "tax", officers[OFFICERS], opened), VERDICT_WRONG_RECIPIENT,
		  "somebody else has no stanza");
	is_number(open_as(&d, "tay", officers[0], opened), VERDICT_WRONG_KEY, "it is good for no other route");
	key_reading_secret(secret, officers[1]);
	is_number(dossier_open_key(opened, &d, "tax", &officers[0]->card, secret), VERDICT_WRONG_KEY,
		  "another's reading key does not open it");
	is_number(dossier_open_key(opened, &d, "tax", &officers[0]->card, officers[0]->secret), VERDICT_WRONG_KEY,
		  "nor does the key that signs");
	size_t passed = 0;
	for (size_t bit = 0; bit < 8 * sizeof(struct stanza); bit++) {
		other = d;
		((uint8_t *)&other.stanzas[0])[bit / 8] ^= (uint8_t)(1U << bit % 8);
		for (size_t i = 0; i < OFFICERS; i++)
			if (memcmp(officers[i]->card.id, d.stanzas[0].key_id, KEY_ID_BYTES) == 0)
				passed += open_as(&other, "tax", officers[i], opened) == 0;
	}
	is_number((int64_t)passed, 0, "a stanza with any bit flipped does not open");
	is_bytes(opened, zero, sizeof(opened), "refusals give no key");
	other = d;
	memset(other.stanzas[0].ephemeral, 0, SUITE_KEY_BYTES);
	other.stanzas[1] = other.stanzas[0];
	for (size_t i = 0; i < OFFICERS; i++)
		if (memcmp(officers[i]->card.id, d.stanzas[0].key_id, KEY_ID_BYTES) == 0)
			is_number(open_as(&other, "tax", officers[i], opened), VERDICT_WRONG_KEY,
				  "a low-order ephemeral key opens nothing");
	make_dossier(&other);
	ok(memcmp(other.stanzas[0].ephemeral, d.stanzas[0].ephemeral, SUITE_KEY_BYTES) != 0,
	   "each stanza has an ephemeral key of its own");
}

/* The wrap by the formula of the page, with no shared line of code. */
static void test_wrap(void)
{
	static struct dossier d;
	make_dossier(&d);
	for (size_t i = 0; i < OFFICERS; i++) {
		const struct stanza *s = NULL;
		uint8_t secret[SUITE_KEY_BYTES], shared[SUITE_KEY_BYTES], wrap[SUITE_KEY_BYTES];
		uint8_t input[2 + 32 + 32 + 32 + 32] = {1, 0}, opened[SUITE_KEY_BYTES] = {0};
		static const uint8_t nonce[SUITE_NONCE_BYTES];
		for (size_t j = 0; j < d.stanza_count; j++)
			if (memcmp(d.stanzas[j].key_id, officers[i]->card.id, KEY_ID_BYTES) == 0)
				s = &d.stanzas[j];
		suite_hash(secret, sizeof(secret), "weir1 reading", officers[i]->secret, SUITE_KEY_BYTES, NULL, 0);
		if (s == NULL || suite_exchange(shared, secret, s->ephemeral) != 0)
			abort();
		memcpy(input + 2, shared, 32);
		memcpy(input + 34, s->ephemeral, 32);
		suite_exchange_public(input + 66, secret);
		memcpy(input + 98, "tax", 3);
		suite_hash(wrap, sizeof(wrap), "weir1 readwrap", NULL, 0, input, sizeof(input));
		is_number(suite_open(opened, s->sealed, sizeof(s->sealed), s->key_id, KEY_ID_BYTES, nonce, wrap), 0,
			  "stanza %zu opens by the formula of the page", i + 1);
		is_bytes(opened, manifest_key, sizeof(opened), "to the manifest key");
	}
}

static void test_sealing(void)
{
	static struct dossier d = {.stanza_count = 9};
	struct fixture f;
	make_route(&f, 0);
	is_number(dossier_seal_keys(&d, &f.route, manifest_key), 0, "a route may have no officers");
	is_number(d.stanza_count, 0, "then nobody has a stanza");
	make_route(&f, OFFICERS);
	memset(f.parties[1].card.second, 0, SUITE_KEY_BYTES);
	is_number(dossier_seal_keys(&d, &f.route, manifest_key), 0, "an officer may have no reading key");
	is_number(d.stanza_count, OFFICERS - 1, "and has no stanza");
	memset(f.parties[1].card.second, 0, SUITE_KEY_BYTES);
	f.parties[1].card.second[0] = 1; /* of low order */
	is_number(dossier_seal_keys(&d, &f.route, manifest_key), VERDICT_BAD_KEY,
		  "nothing is sealed for a low-order reading key");
}

static char *path_of(const struct dossier *d)
{
	static char path[4400];
	char hex[2 * PUSH_ID_BYTES + 1];
	snprintf(path, sizeof(path), "%s/%s", test_dir(),
		 text_hex(hex, sizeof(hex), d->push_id, PUSH_ID_BYTES));
	return path;
}

static void test_file(void)
{
	static struct dossier d, got;
	struct stat st;
	int dir = io_open_dir(AT_FDCWD, test_dir());
	make_dossier(&d);
	is_number(dossier_load(&got, dir, d.push_id), -ENOENT, "a dossier that is not there is told");
	is_number(dossier_save(dir, &d), 0, "one is saved");
	ok(stat(path_of(&d), &st) == 0 && (st.st_mode & 07777 & ~0640U) == 0,
	   "in a file named after the push id, that others cannot read");
	is_number(dossier_load(&got, dir, d.push_id), 0, "it is loaded");
	ok(got.stanza_count == d.stanza_count && got.endorsements.len == d.endorsements.len, "as it was");
	d.endorsements.bytes[30] ^= 1;
	is_number(dossier_save(dir, &d), 0, "it is saved again, in its place");
	is_number(dossier_load(&got, dir, d.push_id), 0, "and loaded");
	is_number(got.endorsements.bytes[30], d.endorsements.bytes[30], "as it is now");
	uint8_t other[PUSH_ID_BYTES] = {0xff};
	char name[2 * PUSH_ID_BYTES + 1], old[4400];
	snprintf(old, sizeof(old), "%s", path_of(&d));
	text_hex(name, sizeof(name), other, sizeof(other));
	if (linkat(AT_FDCWD, old, dir, name, 0) < 0)
		abort();
	is_number(dossier_load(&got, dir, other), VERDICT_BAD_NAME, "one under another push's name is refused");
	ok(truncate(old, 100) == 0, "a file is cut");
	is_number(dossier_load(&got, dir, d.push_id), VERDICT_TRUNCATED, "then it is truncated");
	ok(truncate(old, DOSSIER_BYTES_MAX + 1) == 0, "a file is made larger than any dossier");
	is_number(dossier_load(&got, dir, d.push_id), VERDICT_TRAILING_BYTES, "then it has trailing bytes");
	is_number(dossier_remove(dir, d.push_id), 0, "it is removed");
	is_number(dossier_load(&got, dir, d.push_id), -ENOENT, "and gone");
	is_number(dossier_remove(dir, d.push_id), 0, "what is gone already is gone as well");
	io_close(dir);
}

int main(void)
{
	static const char *const names[] = {"tseng-yu", "kuo-an", "hsu-li", "wang-mei"};
	suite_start();
	suite_random(manifest_key, sizeof(manifest_key));
	for (size_t i = 0; i <= OFFICERS; i++)
		officers[i] = key_new(KEY_PERSON, names[i]);
	test_round_trip();
	test_largest();
	test_reject_rules();
	test_damage();
	test_opening();
	test_wrap();
	test_sealing();
	test_file();
	for (size_t i = 0; i <= OFFICERS; i++)
		key_free(officers[i]);
	return done_testing();
}
