#include "tap.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned int count, failures;

__attribute__((format(printf, 2, 0)))
static bool report(bool good, const char *sentence, va_list arguments)
{
	count++;
	if (!good)
		failures++;
	printf("%sok %u - ", good ? "" : "not ", count);
	vprintf(sentence, arguments);
	putchar('\n');
	fflush(stdout);
	return good;
}

bool ok(bool good, const char *sentence, ...)
{
	va_list arguments;
	va_start(arguments, sentence);
	report(good, sentence, arguments);
	va_end(arguments);
	return good;
}

bool is_number(int64_t got, int64_t wanted, const char *sentence, ...)
{
	va_list arguments;
	va_start(arguments, sentence);
	bool good = report(got == wanted, sentence, arguments);
	va_end(arguments);
	if (!good)
		note("got %lld, wanted %lld", (long long)got, (long long)wanted);
	return good;
}

bool is_text(const char *got, const char *wanted, const char *sentence, ...)
{
	va_list arguments;
	va_start(arguments, sentence);
	bool good = report(got != NULL && strcmp(got, wanted) == 0, sentence, arguments);
	va_end(arguments);
	if (!good)
		note("got '%s', wanted '%s'", got == NULL ? "(null)" : got, wanted);
	return good;
}

bool is_bytes(const void *got, const void *wanted, size_t len, const char *sentence, ...)
{
	va_list arguments;
	va_start(arguments, sentence);
	bool good = report(memcmp(got, wanted, len) == 0, sentence, arguments);
	va_end(arguments);
	for (size_t i = 0; !good && i < len; i++)
		if (((const uint8_t *)got)[i] != ((const uint8_t *)wanted)[i]) {
			note("first difference at byte %zu of %zu: got %02x, wanted %02x", i, len,
			     ((const uint8_t *)got)[i], ((const uint8_t *)wanted)[i]);
			break;
		}
	return good;
}

void note(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("# ");
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
}

void skip(const char *reason, const char *sentence)
{
	printf("ok %u - %s # SKIP %s\n", ++count, sentence, reason);
}

int done_testing(void)
{
	printf("1..%u\n", count);
	return failures == 0 ? 0 : 1;
}

uint64_t test_seed(void)
{
	static uint64_t seed;
	if (seed == 0) {
		const char *given = getenv("SEED");
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		seed = given != NULL ? strtoull(given, NULL, 10)
				     : (uint64_t)now.tv_sec * 1000000007U + (uint64_t)now.tv_nsec;
		note("SEED=%llu", (unsigned long long)seed);
		fflush(stdout); /* what ends the process at once must not take it along */
	}
	return seed;
}

uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void test_random_bytes(uint64_t *state, void *out, size_t len)
{
	uint8_t *p = out;
	while (len > 0) {
		uint64_t word = test_random(state);
		size_t n = len < sizeof(word) ? len : sizeof(word);
		memcpy(p, &word, n);
		p += n;
		len -= n;
	}
}

static char directory[4096];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_directory(void)
{
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_dir(void)
{
	if (directory[0] != 0)
		return directory;
	const char *base = getenv("TMPDIR");
	snprintf(directory, sizeof(directory), "%s/weir-test.XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(directory) == NULL) {
		perror("mkdtemp");
		abort();
	}
	atexit(remove_directory);
	return directory;
}

const char *test_path(const char *name)
{
	static char ring[8][4200];
	static unsigned int at;
	char *out = ring[at++ % 8];
	snprintf(out, sizeof(ring[0]), "%s/%s", test_dir(), name);
	return out;
}
