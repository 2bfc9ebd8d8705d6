#include "common/signature.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static const char domain[] = "weir1 test";
static const uint8_t data[100] = {1, 2, 3};

static struct party party_of(const struct key *key)
{
	return (struct party){.card = key->card, .expires = UINT64_MAX};
}

static int verify(const struct signature *signature, const struct party *party)
{
	return signature_verify(signature, domain, data, sizeof(data), party);
}

static void test_ed25519(const struct key *key, const struct party *party)
{
	struct signature s, changed;
	struct key *other = key_new(KEY_PERSON, "lee-hao");
	struct party other_party = party_of(other);
	is_number(signature_make(&s, domain, data, sizeof(data), key->secret), 0, "a statement is signed");
	ok(s.algorithm == SIGNATURE_ED25519 && s.len == SUITE_SIGNATURE_BYTES, "with Ed25519");
	is_number(verify(&s, party), 0, "and the signature is the party's");
	is_number(verify(&s, &other_party), VERDICT_BAD_SIGNATURE, "but not another's");
	is_number(signature_verify(&s, "weir1 tesu", data, sizeof(data), party), VERDICT_BAD_SIGNATURE,
		  "nor one of another domain");
	is_number(signature_verify(&s, domain, data, sizeof(data) - 1, party), VERDICT_BAD_SIGNATURE,
		  "nor one of other data");
	size_t passed = 0;
	for (size_t bit = 0; bit < 8 * SUITE_SIGNATURE_BYTES; bit++) {
		changed = s;
		changed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		passed += verify(&changed, party) != VERDICT_BAD_SIGNATURE;
	}
	is_number((int64_t)passed, 0, "every flipped bit of a signature is refused");
	changed = s;
	changed.len--;
	is_number(verify(&changed, party), VERDICT_BAD_SIGNATURE, "a short signature is refused");
	changed = s;
	changed.algorithm = SIGNATURE_RSA_2048;
	changed.len = SIGNATURE_BYTES_MAX;
	is_number(verify(&changed, party), VERDICT_BAD_SIGNATURE,
		  "a signature of another algorithm than that of the party's key is refused");
	static const uint8_t modulus[RSA_MODULUS_BYTES] = {0x80, [RSA_MODULUS_BYTES - 1] = 1};
	struct party rsa = *party;
	rsa.rsa_modulus = modulus;
	is_number(verify(&s, &rsa), VERDICT_BAD_SIGNATURE, "also an Ed25519 one of a party with an RSA key");
	is_number(verify(&changed, &rsa), VERDICT_BAD_SIGNATURE,
		  "and one that its RSA key did not make");
	key_free(other);
}

/* Modulus, signature and message of a vector; the message begins with the domain "weir1 push". */
static void test_rsa(const struct key *key)
{
	uint8_t *vector = NULL;
	size_t len = 0, passed = 0;
	if (io_read_file(AT_FDCWD, "tests/vectors/rsa/ok.bin", 4096, &vector, &len) != 0)
		exit(1);
	struct party party = party_of(key);
	struct signature s = {.algorithm = SIGNATURE_RSA_2048, .len = RSA_MODULUS_BYTES};
	const uint8_t *message = vector + 2 * RSA_MODULUS_BYTES + SUITE_DOMAIN_BYTES;
	size_t message_len = len - 2 * RSA_MODULUS_BYTES - SUITE_DOMAIN_BYTES;
	party.rsa_modulus = vector;
	memcpy(s.bytes, vector + RSA_MODULUS_BYTES, sizeof(s.bytes));
	is_number(signature_verify(&s, "weir1 push", message, message_len, &party), 0,
		  "an RSA-2048 signature is the party's");
	is_number(signature_verify(&s, "weir1 pull", message, message_len, &party), VERDICT_BAD_SIGNATURE,
		  "under one domain alone");
	is_number(signature_verify(&s, "weir1 push", message, message_len - 1, &party), VERDICT_BAD_SIGNATURE,
		  "over one text alone");
	for (size_t bit = 0; bit < 8 * sizeof(s); bit++) {
		uint8_t bytes[sizeof(s)];
		struct signature changed;
		memcpy(bytes, &s, sizeof(s));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memcpy(&changed, bytes, sizeof(s));
		/* a byte between the fields that is none of theirs changes nothing */
		bool is_same = changed.algorithm == s.algorithm && changed.len == s.len &&
			       memcmp(changed.bytes, s.bytes, sizeof(s.bytes)) == 0;
		passed += !is_same && signature_verify(&changed, "weir1 push", message, message_len, &party) !=
					      VERDICT_BAD_SIGNATURE;
	}
	is_number((int64_t)passed, 0, "every flipped bit of an RSA-2048 signature is refused");
	party.rsa_modulus = NULL;
	is_number(signature_verify(&s, "weir1 push", message, message_len, &party), VERDICT_BAD_SIGNATURE,
		  "and so is an RSA-2048 signature of a party with an Ed25519 key");
	free(vector);
}

static void test_encoding(const struct signature *s, const char *name)
{
	uint8_t bytes[SIGNATURE_ENCODED_MAX + 1] = {0};
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct signature back = {0};
	signature_write(&w, s);
	size_t len = signature_encoded_len(s);
	ok(!w.overrun && w.at == len && len == 4 + (size_t)s->len, "%s: as long as it says", name);
	struct reader r = reader_of(bytes, sizeof(bytes));
	is_number(signature_read(&back, &r), 0, "%s: read back", name);
	ok(back.algorithm == s->algorithm && back.len == s->len && r.at == len &&
		   memcmp(back.bytes, s->bytes, sizeof(back.bytes)) == 0,
	   "%s: as it was, and nothing behind it", name);
	size_t passed = 0;
	for (size_t cut = 0; cut < len; cut++) {
		r = reader_of(bytes, cut);
		passed += signature_read(&back, &r) != VERDICT_TRUNCATED;
	}
	is_number((int64_t)passed, 0, "%s: every truncation is refused", name);
}

static void test_reject_rules(const struct signature *s)
{
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
		const char *sentence;
	} cases[] = {
		{0, 0, VERDICT_BAD_TYPE, "algorithm 0"},
		{0, 3, VERDICT_BAD_TYPE, "algorithm 3"},
		{0, SIGNATURE_RSA_2048, VERDICT_BAD_LENGTH, "64 bytes of RSA"},
		{1, 1, VERDICT_BAD_RESERVED, "a reserved byte"},
		{2, 63, VERDICT_BAD_LENGTH, "a length of 63"},
		{2, 65, VERDICT_BAD_LENGTH, "a length of 65"},
		{3, 1, VERDICT_BAD_LENGTH, "a length of 320"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[512] = {0};
		struct writer w = writer_of(bytes, sizeof(bytes));
		struct signature back = {.algorithm = 77};
		signature_write(&w, s);
		bytes[cases[i].at] = cases[i].value;
		struct reader r = reader_of(bytes, sizeof(bytes));
		is_number(signature_read(&back, &r), cases[i].verdict, "%s is refused", cases[i].sentence);
		ok(back.algorithm == 77, "and the output left alone");
	}
}

int main(void)
{
	suite_start();
	struct key *key = key_new(KEY_PERSON, "wang-mei");
	struct party party = party_of(key);
	struct signature s, rsa = {.algorithm = SIGNATURE_RSA_2048, .len = SIGNATURE_BYTES_MAX};
	memset(rsa.bytes, 0x5a, sizeof(rsa.bytes));
	signature_make(&s, domain, data, sizeof(data), key->secret);
	test_ed25519(key, &party);
	test_rsa(key);
	test_encoding(&s, "ed25519");
	test_encoding(&rsa, "rsa-2048");
	test_reject_rules(&s);
	key_free(key);
	return done_testing();
}
