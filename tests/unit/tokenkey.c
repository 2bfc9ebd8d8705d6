#include "common/tokenkey.h"

#include <string.h>

#include "tests/lib/tap.h"

static const uint8_t exponent[] = {0, 1, 0, 1};

static void test_rsa(void)
{
	uint8_t modulus[RSA_BYTES + 2] = {[2] = 0xc0, [RSA_BYTES + 1] = 0x0b}, out[RSA_BYTES] = {0};
	const uint8_t *n = modulus + 2;
	static const uint8_t three[] = {3}, large[] = {1, 0, 1, 0};
	ok(tokenkey_rsa(out, n, RSA_BYTES, exponent + 1, 3) && memcmp(out, n, RSA_BYTES) == 0,
	   "a modulus of 2048 bits with exponent 65537 is taken");
	memset(out, 0, sizeof(out));
	ok(tokenkey_rsa(out, modulus, RSA_BYTES + 2, exponent, 4) && memcmp(out, n, RSA_BYTES) == 0,
	   "zeros before either number are nothing");
	memset(out, 0, sizeof(out));
	ok(!tokenkey_rsa(out, n, RSA_BYTES - 1, exponent, 4), "a shorter modulus is refused");
	ok(!tokenkey_rsa(out, n, 0, exponent, 4), "and none");
	ok(!tokenkey_rsa(out, n, RSA_BYTES, three, 1), "exponent 3 is refused");
	ok(!tokenkey_rsa(out, n, RSA_BYTES, large, 4), "and one that only begins like 65537");
	ok(!tokenkey_rsa(out, n, RSA_BYTES, exponent, 0), "and none");
	modulus[RSA_BYTES + 1] = 0x0a;
	ok(!tokenkey_rsa(out, n, RSA_BYTES, exponent, 4), "an even modulus is refused");
	modulus[RSA_BYTES + 1] = 0x0b;
	modulus[2] = 0x40;
	ok(!tokenkey_rsa(out, n, RSA_BYTES, exponent, 4), "and one of 2047 bits");
	modulus[1] = 0xc0;
	ok(!tokenkey_rsa(out, modulus + 1, RSA_BYTES + 1, exponent, 4), "and a longer one");
	ok(out[0] == 0, "a refusal leaves the output alone");
}

static void test_ed25519(void)
{
	static const struct {
		size_t len;
		uint8_t bytes[16];
		bool is_good;
		const char *name;
	} curves[] = {
		{5, {0x06, 0x03, 0x2b, 0x65, 0x70}, true, "the object identifier of Ed25519"},
		{14, "\x13\x0c" "edwards25519", true, "its name in PKCS#11 3.0"},
		{11, {0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01}, true, "GnuPG's identifier"},
		{5, {0x06, 0x03, 0x2b, 0x65, 0x71}, false, "Ed448"},
		{5, {0x06, 0x03, 0x2b, 0x65, 0x6e}, false, "X25519"},
		{14, "\x13\x0c" "edwards25518", false, "another name"},
		{4, {0x06, 0x03, 0x2b, 0x65}, false, "half an identifier"},
		{0, {0}, false, "no curve"},
	};
	uint8_t wrapped[SUITE_KEY_BYTES + 3] = {0x04, 0x20}, out[SUITE_KEY_BYTES];
	for (size_t i = 0; i < SUITE_KEY_BYTES; i++)
		wrapped[2 + i] = (uint8_t)(i + 1);
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		ok(tokenkey_ed25519(out, curves[i].bytes, curves[i].len, wrapped, sizeof(wrapped) - 1) ==
			   curves[i].is_good,
		   "%s: %s", curves[i].name, curves[i].is_good ? "taken" : "refused");
	}
	const uint8_t *curve = curves[0].bytes;
	ok(tokenkey_ed25519(out, curve, 5, wrapped, 34) && memcmp(out, wrapped + 2, SUITE_KEY_BYTES) == 0,
	   "a point in an OCTET STRING is unwrapped");
	memset(out, 0, sizeof(out));
	ok(tokenkey_ed25519(out, curve, 5, wrapped + 2, 32) && memcmp(out, wrapped + 2, SUITE_KEY_BYTES) == 0,
	   "a bare one is taken as it is");
	memset(out, 0, sizeof(out));
	ok(!tokenkey_ed25519(out, curve, 5, wrapped, 33), "33 bytes are no point");
	ok(!tokenkey_ed25519(out, curve, 5, wrapped, 35), "nor are 35");
	ok(!tokenkey_ed25519(out, curve, 5, wrapped, 0), "nor none");
	wrapped[0] = 3;
	ok(!tokenkey_ed25519(out, curve, 5, wrapped, 34), "nor those in a BIT STRING");
	wrapped[0] = 4;
	wrapped[1] = 0x21;
	ok(!tokenkey_ed25519(out, curve, 5, wrapped, 34), "nor those of another length than stated");
	ok(out[0] == 0, "a refusal leaves the output alone");
}

int main(void)
{
	test_rsa();
	test_ed25519();
	return done_testing();
}
