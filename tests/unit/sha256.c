/* Answers of FIPS 180-4's examples, and pieces of any length. */
#include "common/sha256.h"

#include <pthread.h>
#include <stdint.h>
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

enum { PIECES_MAX = 70, THREADS = 12 };

/* Each thread hashes the same, again and again, so that they are at it at the same time. */
static const size_t lens[] = {0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 16384, SHA256_MANY_LEN_MAX};
static const size_t counts[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, PIECES_MAX};

/* How many digests are not those of a hasher. */
static unsigned long count_wrong(const uint8_t *data, size_t len, size_t count)
{
	unsigned long wrong = 0;
	uint8_t got[PIECES_MAX][SHA256_BYTES], wanted[SHA256_BYTES];
	memset(got, 0, sizeof(got));
	sha256_many(got, data, len, count);
	for (size_t i = 0; i < count; i++) {
		hash(wanted, data + i * len, len, SIZE_MAX / 2);
		wrong += memcmp(got[i], wanted, SHA256_BYTES) != 0;
	}
	for (size_t i = count; i < PIECES_MAX; i++)
		for (size_t j = 0; j < SHA256_BYTES; j++)
			wrong += got[i][j] != 0;
	return wrong;
}

static void *hash_often(void *argument)
{
	const uint8_t *data = argument;
	unsigned long wrong = 0;
	for (size_t i = 0; i < 100; i++)
		wrong += count_wrong(data, 1 + i * 7, 16);
	return (void *)(uintptr_t)wrong;
}

static void test_many(void)
{
	uint64_t state = test_seed();
	uint8_t *data = malloc((size_t)PIECES_MAX * SHA256_MANY_LEN_MAX + 1);
	test_random_bytes(&state, data, (size_t)PIECES_MAX * SHA256_MANY_LEN_MAX + 1);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++)
			is_number((long long)count_wrong(data + (j & 1), lens[i], counts[j]), 0,
				  "%zu pieces of %zu bytes side by side, and nothing else is written", counts[j], lens[i]);
	pthread_t thread[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		ok(pthread_create(&thread[i], NULL, hash_often, data) == 0, "thread %zu hashes", i);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong = NULL;
		pthread_join(thread[i], &wrong);
		is_number((long long)(uintptr_t)wrong, 0, "and finds what it would alone");
	}
	free(data);
}

int main(void)
{
	test_many();
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
