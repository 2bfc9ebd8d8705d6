/* What a sealer makes is what libsodium's XChaCha20-Poly1305 makes, and each opens what the other has sealed. */
#include "common/sealer.h"

#include <stdio.h>
#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { LEN_MAX = 16368 };

static uint8_t plain[LEN_MAX], sealed[LEN_MAX + SUITE_SEAL_BYTES], wanted[LEN_MAX + SUITE_SEAL_BYTES], opened[LEN_MAX];
static uint8_t key[SUITE_KEY_BYTES], nonce[SUITE_NONCE_BYTES];

static void test_same(struct sealer *sealer, size_t len)
{
	suite_random(key, sizeof(key));
	suite_random(nonce, sizeof(nonce));
	suite_seal(wanted, plain, len, NULL, 0, nonce, key);
	sealer_seal(sealer, sealed, plain, len, nonce, key);
	is_bytes(sealed, wanted, len + SUITE_SEAL_BYTES, "%zu bytes are sealed as by libsodium", len);
	is_number(suite_open(opened, sealed, len + SUITE_SEAL_BYTES, NULL, 0, nonce, key), 0, "which opens them");
	memset(opened, 0x55, sizeof(opened));
	is_number(sealer_open(sealer, opened, wanted, len, nonce, key), 0, "a sealer opens them");
	is_bytes(opened, plain, len, "to what they were");
	memcpy(sealed, plain, len);
	sealer_seal(sealer, sealed, sealed, len, nonce, key);
	is_bytes(sealed, wanted, len + SUITE_SEAL_BYTES, "in place it is the same");
	is_number(sealer_open(sealer, sealed, sealed, len, nonce, key), 0, "and opens in place");
	is_bytes(sealed, plain, len, "to the same");
}

static void test_damaged(struct sealer *sealer)
{
	static const uint8_t zeros[LEN_MAX];
	size_t accepted = 0, shown = 0;
	for (size_t bit = 0; bit < (100 + SUITE_SEAL_BYTES) * 8; bit++) {
		sealer_seal(sealer, sealed, plain, 100, nonce, key);
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		accepted += sealer_open(sealer, opened, sealed, 100, nonce, key) != VERDICT_DAMAGED;
		shown += memcmp(opened, zeros, 100) != 0;
	}
	is_number((int64_t)accepted, 0, "what has one bit flipped is damaged");
	is_number((int64_t)shown, 0, "and nothing of it is left where it was opened");
	for (size_t i = 0; i < sizeof(nonce); i++) {
		sealer_seal(sealer, sealed, plain, 100, nonce, key);
		nonce[i] ^= 1;
		accepted += sealer_open(sealer, opened, sealed, 100, nonce, key) != VERDICT_DAMAGED;
	}
	is_number((int64_t)accepted, 0, "each byte of the nonce counts");
	test_same(sealer, 100);
}

int main(void)
{
	static const size_t lens[] = {0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1000, 4096, LEN_MAX};
	struct sealer *sealer = NULL;
	uint64_t state = 1;
	if (suite_start() != 0 || sealer_new(&sealer) != 0) {
		printf("Bail out! no sealer\n");
		return 1;
	}
	test_random_bytes(&state, plain, sizeof(plain));
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		test_same(sealer, lens[i]);
	test_damaged(sealer);
	sealer_free(sealer);
	sealer_free(NULL);
	return done_testing();
}
