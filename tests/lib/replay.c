/*
 * replay: runs a fuzz target without libFuzzer: over its corpus (tests/fuzz/corpus/TARGET), over
 * every truncation and every single-bit flip of the small ones, and over seeded mutations.  Of a target that is slow,
 * and says so by fuzz_replay_every, one in so many of what is made of the corpus; REPLAY_EVERY=n in the environment, for
 * what makes all of them slow: one in n of these.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/tap.h"

enum { INPUT_MAX = 1 << 16, FLIPPED_MAX = 2048, MUTATIONS = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const unsigned int fuzz_replay_every __attribute__((weak));

/* Which of many is run, from the seed on. */
static uint64_t turn;

static uint64_t more_every = 1;

static bool is_my_turn(void)
{
	const unsigned int *every = &fuzz_replay_every;
	return turn++ % ((every == NULL ? 1 : *every) * more_every) == 0;
}

/* On the heap and of exactly this size, so that a sanitizer sees one byte too far. */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void flip_and_cut(uint8_t *data, size_t len)
{
	for (size_t bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (is_my_turn())
			run(data, len);
		data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		if (is_my_turn())
			run(data, cut);
}

static void mutate(const uint8_t *data, size_t len, uint64_t *state)
{
	uint8_t copy[INPUT_MAX];
	for (int round = 0; round < MUTATIONS && len > 0; round++) {
		if (!is_my_turn())
			continue;
		memcpy(copy, data, len);
		for (uint64_t n = 1 + test_random(state) % 8; n > 0; n--)
			copy[test_random(state) % len] = (uint8_t)test_random(state);
		run(copy, test_random(state) % 8 == 0 ? test_random(state) % (len + 1) : len);
	}
}

static size_t load(const char *path, uint8_t *out)
{
	FILE *in = fopen(path, "re");
	if (in == NULL)
		return 0;
	size_t len = fread(out, 1, INPUT_MAX, in);
	fclose(in);
	return len;
}

typedef void set_report_fd(void *fd);

static int reports = STDERR_FILENO;

/*
 * Where the sanitizer of this library reports to; NULL is the first that has the symbol.  Each gets a descriptor of
 * its own, since it closes the one that it has when it is given another.
 */
static void report_from(const char *name)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
	void *symbol = library == NULL ? NULL : dlsym(library, "__sanitizer_set_report_fd");
	set_report_fd *set;
	memcpy(&set, &symbol, sizeof(set));
	if (set != NULL)
		set((void *)(intptr_t)fcntl(reports, F_DUPFD_CLOEXEC, 3));
}

/*
 * The undefined-behaviour sanitizer calls this before it prints.  With gcc it is a library of its own, which goes
 * back to descriptor 2 at its first report.
 */
void __ubsan_on_report(void);
void __ubsan_on_report(void)
{
	report_from(NULL);
	report_from("libubsan.so.1");
}

/* Events that modules write to descriptor 2 go nowhere; what an assertion or a sanitizer says goes where it did. */
static void keep_quiet(void)
{
	int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	FILE *out = kept < 0 ? NULL : fdopen(kept, "w");
	if (out == NULL || nowhere < 0 || dup2(nowhere, STDERR_FILENO) < 0)
		return;
	setvbuf(out, NULL, _IONBF, 0);
	stderr = out;
	reports = kept;
	report_from(NULL);
	close(nowhere);
}

/* What the exit itself still says goes where it did, too; no descriptor of ours stays open. */
static int end(FILE *before)
{
	int status = done_testing();
	FILE *quiet = stderr;
	if (quiet == before)
		return status;
	dup2(reports, STDERR_FILENO);
	stderr = before;
	reports = STDERR_FILENO;
	report_from(NULL);
	fclose(quiet);
	return status;
}

int main(int argc, char **argv)
{
	(void)argc;
	FILE *before = stderr;
	keep_quiet();
	static uint8_t data[INPUT_MAX];
	uint64_t state = test_seed();
	turn = test_random(&state) % 1024;
	const char *every = getenv("REPLAY_EVERY");
	if (every != NULL && strtoull(every, NULL, 10) > 0)
		more_every = strtoull(every, NULL, 10);
	const char *name = strrchr(argv[0], '/') == NULL ? argv[0] : strrchr(argv[0], '/') + 1;
	char folder[256], path[1024];
	snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%.*s", (int)strcspn(name, "."), name);
	DIR *dir = opendir(folder);
	size_t files = 0;
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		size_t len = load(path, data);
		run(data, len);
		if (len <= FLIPPED_MAX)
			flip_and_cut(data, len);
		mutate(data, len, &state);
		files++;
	}
	if (dir != NULL)
		closedir(dir);
	ok(files > 0, "the corpus %s has files, and none of them, nor what comes of them, ends the parser",
	   folder);
	test_random_bytes(&state, data, 4096);
	mutate(data, 4096, &state);
	ok(true, "random bytes do not end the parser");
	return end(before);
}
