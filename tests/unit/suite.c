#include "common/suite.h"

#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

static uint64_t state;

static void from_hex(uint8_t *out, size_t len, const char *hex)
{
	for (size_t i = 0; i < len; i++) {
		static const char digits[] = "0123456789abcdef";
		out[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) << 4 |
				   (strchr(digits, hex[2 * i + 1]) - digits));
	}
}

static void test_hash(void)
{
	/* RFC 7693 appendix A gives BLAKE2b-512 of "abc"; b2sum -l 256 prints the first. */
	uint8_t got[64], wanted[64];
	suite_hash(got, 32, NULL, NULL, 0, "abc", 3);
	from_hex(wanted, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	is_bytes(got, wanted, 32, "without a domain it is what b2sum -l 256 prints");
	suite_hash(got, 64, NULL, NULL, 0, "abc", 3);
	from_hex(wanted, 64,
		 "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
		 "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
	is_bytes(got, wanted, 64, "BLAKE2b-512 of abc is that of RFC 7693");

	uint8_t key[32] = {1}, data[1000], whole[32], pieces[32];
	test_random_bytes(&state, data, sizeof(data));
	suite_hash(whole, 32, "weir1 leaf", key, 32, data, sizeof(data));
	struct suite_hasher hasher;
	suite_hash_start(&hasher, 32, "weir1 leaf", key, 32);
	for (size_t at = 0; at < sizeof(data); at += 77)
		suite_hash_add(&hasher, data + at, sizeof(data) - at < 77 ? sizeof(data) - at : 77);
	suite_hash_end(&hasher, pieces, 32);
	is_bytes(pieces, whole, 32, "pieces give what the whole gives");
	suite_hash(pieces, 32, "weir1 node", key, 32, data, sizeof(data));
	ok(memcmp(pieces, whole, 32) != 0, "another domain gives another digest");
	suite_hash(pieces, 32, "weir1 leaf", NULL, 0, data, sizeof(data));
	ok(memcmp(pieces, whole, 32) != 0, "another key gives another digest");
}

static unsigned int accepted_flips(uint8_t *signature, uint8_t *message, size_t len,
				   const uint8_t *public_key, uint8_t *where, size_t where_len)
{
	unsigned int accepted = 0;
	for (size_t bit = 0; bit < where_len * 8; bit++) {
		where[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		accepted += suite_verify(signature, "weir1 push", message, len, public_key) == 0;
		where[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	return accepted;
}

static void test_sign(void)
{
	uint8_t seed[32], public_key[32], wanted[32], signature[64], message[99];
	from_hex(seed, 32, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
	from_hex(wanted, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	suite_sign_public(public_key, seed);
	is_bytes(public_key, wanted, 32, "the public key of a seed is that of RFC 8032");

	test_random_bytes(&state, message, sizeof(message));
	is_number(suite_sign(signature, "weir1 push", message, sizeof(message), seed), 0, "signing works");
	is_number(suite_verify(signature, "weir1 push", message, sizeof(message), public_key), 0,
		  "a signature verifies");
	is_number(suite_verify(signature, "weir1 release", message, sizeof(message), public_key),
		  VERDICT_BAD_SIGNATURE, "a signature of one kind is not one of another");
	is_number(accepted_flips(signature, message, 99, public_key, signature, 64), 0,
		  "no flipped bit of the signature is accepted");
	is_number(accepted_flips(signature, message, 99, public_key, message, 99), 0,
		  "no flipped bit of the message is accepted");
}

static void test_exchange(void)
{
	uint8_t a[32], b[32], a_public[32], b_public[32], ab[32], ba[32], zero[32] = {0};
	test_random_bytes(&state, a, 32);
	test_random_bytes(&state, b, 32);
	suite_exchange_public(a_public, a);
	suite_exchange_public(b_public, b);
	is_number(suite_exchange(ab, a, b_public), 0, "an exchange works");
	is_number(suite_exchange(ba, b, a_public), 0, "on the other side too");
	is_bytes(ab, ba, 32, "both sides share the result");
	is_number(suite_exchange(ab, a, zero), VERDICT_BAD_KEY, "a public key of small order is refused");
}

static void test_seal(void)
{
	uint8_t key[32], nonce[24], plain[100], sealed[116], opened[100];
	test_random_bytes(&state, key, 32);
	test_random_bytes(&state, nonce, 24);
	test_random_bytes(&state, plain, 100);
	suite_seal(sealed, plain, 100, "ad", 2, nonce, key);
	is_number(suite_open(opened, sealed, 116, "ad", 2, nonce, key), 0, "what is sealed opens");
	is_bytes(opened, plain, 100, "to what it was");
	unsigned int accepted = 0;
	for (size_t bit = 0; bit < 116 * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		accepted += suite_open(opened, sealed, 116, "ad", 2, nonce, key) == 0;
		sealed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	for (size_t len = 0; len < 116; len++)
		accepted += suite_open(opened, sealed, len, "ad", 2, nonce, key) == 0;
	is_number(accepted, 0, "no flipped bit and no truncation opens");
	is_number(suite_open(opened, sealed, 116, "AD", 2, nonce, key), VERDICT_DAMAGED,
		  "other additional data do not open");
	memcpy(sealed, plain, 100);
	suite_seal(sealed, sealed, 100, NULL, 0, nonce, key);
	is_number(suite_open(sealed, sealed, 116, NULL, 0, nonce, key), 0, "in place works as well");
	is_bytes(sealed, plain, 100, "and gives the same");
}

static void test_tag_and_stretch(void)
{
	/* the first vector of the SipHash reference: key 00…0f, no input, 128 bits */
	uint8_t key[16], tag[16], wanted[16];
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	suite_tag(tag, "", 0, key);
	from_hex(wanted, 16, "a3817f04ba25a8e66df67214c7550293");
	is_bytes(tag, wanted, 16, "the tag is SipHash-2-4-128");

	uint8_t one[32], two[32], salt[16] = {7};
	is_number(suite_stretch(one, "correct horse", 13, salt, 1, 8192), 0, "a passphrase is stretched");
	is_number(suite_stretch(two, "correct horse", 13, salt, 1, 8192), 0, "again");
	is_bytes(one, two, 32, "to the same key");
	salt[0] = 8;
	is_number(suite_stretch(two, "correct horse", 13, salt, 1, 8192), 0, "with another salt");
	ok(memcmp(one, two, 32) != 0, "to another key");

	char *secret = suite_secret_alloc(32);
	ok(secret != NULL, "there is memory for secrets");
	suite_secret_free(secret);
	suite_wipe(one, 32);
	uint8_t zero[32] = {0};
	ok(suite_equal(one, zero, 32) && !suite_equal(two, zero, 32), "wiped memory is zero");
}

int main(void)
{
	is_number(suite_start(), 0, "the suite starts");
	state = test_seed();
	test_hash();
	test_sign();
	test_exchange();
	test_seal();
	test_tag_and_stretch();
	return done_testing();
}
