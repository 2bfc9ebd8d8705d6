/* LINK.md 1: how the tag of a datagram is made. */
#include <string.h>

#include "common/poly1305.h"
#include "common/tagger.h"
#include "tests/lib/tap.h"

/* RFC 8439 2.5.2 */
static void poly1305_is_that_of_the_rfc(void)
{
	static const uint8_t key[POLY1305_KEY_BYTES] = {
		0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33, 0x7f, 0x44, 0x52, 0xfe, 0x42, 0xd5, 0x06, 0xa8,
		0x01, 0x03, 0x80, 0x8a, 0xfb, 0x0d, 0xb2, 0xfd, 0x4a, 0xbf, 0xf6, 0xaf, 0x41, 0x49, 0xf5, 0x1b,
	};
	static const uint8_t wanted[POLY1305_BYTES] = {
		0xa8, 0x06, 0x1d, 0xc1, 0x30, 0x51, 0x36, 0xc6, 0xc2, 0x2b, 0x8b, 0xaf, 0x0c, 0x01, 0x27, 0xa9,
	};
	static const char text[] = "Cryptographic Forum Research Group";
	uint8_t out[POLY1305_BYTES];
	struct poly1305 *poly;
	ok(poly1305_new(&poly) == 0, "there is Poly1305");
	for (int i = 0; i < 2; i++) {
		poly1305_of(poly, out, key, text, strlen(text));
		is_bytes(out, wanted, sizeof(wanted), "the vector of RFC 8439 2.5.2, run %d", i);
	}
	poly1305_free(poly);
}

/* By its parts, as the document says it. */
static void composition(uint64_t *random)
{
	uint8_t secret[TAGGER_SECRET_BYTES] = {0}, data[9000], sequence[8], input[24], tag[16], wanted[16], other[16];
	struct tagger *tagger;
	struct poly1305 *poly;
	test_random_bytes(random, secret, sizeof(secret));
	test_random_bytes(random, data, sizeof(data));
	ok(tagger_new(&tagger, secret) == 0 && poly1305_new(&poly) == 0, "a tagger is made");
	unsigned int wrong = 0, same = 0;
	for (size_t len = 24; len <= sizeof(data); len += len < 200 ? 1 : 97) {
		test_random_bytes(random, sequence, sizeof(sequence));
		tagger_tag(tagger, tag, data, len, sequence);
		poly1305_of(poly, input, secret, data, len);
		memcpy(input + 16, sequence, 8);
		suite_tag(wanted, input, sizeof(input), secret + 32);
		wrong += memcmp(tag, wanted, sizeof(tag)) != 0;
		sequence[len % 8] ^= 1;
		tagger_tag(tagger, other, data, len, sequence);
		same += memcmp(tag, other, sizeof(tag)) == 0;
	}
	is_number(wrong, 0, "at every length a tag is SipHash over Poly1305 and the sequence number");
	is_number(same, 0, "and another number gives another tag, of the same bytes");
	poly1305_free(poly);
	tagger_free(tagger);
	tagger_free(NULL);
	poly1305_free(NULL);
}

int main(void)
{
	uint64_t random = test_seed();
	ok(suite_start() == 0, "the suite starts");
	poly1305_is_that_of_the_rfc();
	composition(&random);
	return done_testing();
}
