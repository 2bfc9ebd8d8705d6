/* Answers of FIPS 180-4's examples, and pieces of any length. */
#include "common/sha256.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "tests/lib/tap.h"

static void hash(uint8_t out[static SHA256_BYTES], const void *data, size_t len, size_t piece)
{
	struct sha256 hasher;
	sha256_start(&hasher);
	for (size_t at = 0; at < len; at += piece)
		sha256_add(&hasher, (const uint8_t *)data + at, len - at < piece ? len - at : piece);
	sha256_end(&hasher, out);
}

int main(void)
{
	static const struct {
		const char *text;
		size_t times;
		const char *digest;
	} known[] = {
		{"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint8_t wanted[SHA256_BYTES], got[SHA256_BYTES];
		size_t len = strlen(known[i].text);
		char *data = malloc(len * known[i].times + 1);
		for (size_t j = 0; j < known[i].times; j++)
			memcpy(data + j * len, known[i].text, len);
		text_unhex(wanted, sizeof(wanted), known[i].digest);
		hash(got, data, len * known[i].times, SIZE_MAX / 2);
		is_bytes(got, wanted, sizeof(got), "%zu times '%s'", known[i].times, known[i].text);
		for (size_t piece = 1; piece < 200; piece += 21) {
			hash(got, data, len * known[i].times, piece);
			is_bytes(got, wanted, sizeof(got), "in pieces of %zu", piece);
		}
		free(data);
	}
	return done_testing();
}
