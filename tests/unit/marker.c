/* A vault that is older than what was noted outside it. */
#include "receiver/marker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static struct marker some(void)
{
	struct marker m = {
		.box_key = {1, 2},
		.count = 9,
		.ledger = {.n = 100, .hash = {7}},
		.annals = {.n = 50, .life = 3, .digest = {8}},
		.epoch = 5,
		.generation = 60,
		.registry_version = 4,
	};
	return m;
}

static void test_form(void)
{
	struct marker m = some(), out;
	uint8_t bytes[MARKER_BYTES + 1] = {0};
	int taken = 0;
	marker_encode(bytes, &m);
	ok(marker_decode(&out, bytes, MARKER_BYTES) == 0 && out.count == 9 && out.ledger.n == 100 && out.annals.life == 3 &&
	   out.epoch == 5 && out.generation == 60 && out.registry_version == 4, "what was encoded is decoded");
	for (size_t bit = 0; bit < 8 * MARKER_BYTES; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		taken += marker_decode(&out, bytes, MARKER_BYTES) == 0;
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < MARKER_BYTES; len++)
		taken += marker_decode(&out, bytes, len) == 0;
	taken += marker_decode(&out, bytes, MARKER_BYTES + 1) == 0;
	is_number(taken, 0, "nothing else is");
}

static void ahead_is(bool wanted, const struct marker *vault, const char *words, const char *sentence)
{
	struct marker m = some();
	char problem[MARKER_PROBLEM_BYTES];
	bool is = marker_is_ahead(&m, vault, problem);
	ok(is == wanted && strstr(problem, words) != NULL, "%s", sentence);
}

static void test_comparing(void)
{
	struct marker v = some();
	ahead_is(false, &v, "", "the same is no older");
	v.ledger.n = 101;
	v.annals.n = 51;
	v.generation = 61;
	v.registry_version = 5;
	v.ledger.hash[0] = 1;
	v.annals.digest[0] = 1;
	ahead_is(false, &v, "", "nor is what went on");
	v = some();
	v.ledger.n = 99;
	ahead_is(true, &v, "ledger ends at entry 99, and had 100", "a shorter ledger is");
	v = some();
	v.ledger.hash[0] = 1;
	ahead_is(true, &v, "ledger", "and another of the same length");
	v = some();
	v.annals.n = 49;
	ahead_is(true, &v, "annals", "shorter annals are");
	v = some();
	v.annals.life = 2;
	v.annals.n = 90;
	ahead_is(true, &v, "annals", "and those of an earlier life");
	v.annals.life = 4;
	v.annals.n = 10;
	ahead_is(false, &v, "", "but not those that were written anew");
	v = some();
	v.annals.digest[0] = 1;
	ahead_is(true, &v, "annals", "others of the same length are");
	v = some();
	v.registry_version = 3;
	ahead_is(true, &v, "registry version is 3, and was 4", "an older registry version is");
	v = some();
	v.generation = 59;
	ahead_is(true, &v, "generation 59, and was 60", "an older catalogue is");
	v = some();
	v.epoch = 6;
	v.generation = 1;
	ahead_is(true, &v, "epoch", "and one of another epoch");
}

static void test_places(void)
{
	struct marker m = some(), out = {.count = 0};
	char witness[4300];
	const uint8_t other[KEY_ID_BYTES] = {9};
	const char *path = test_path("runtime");
	int made = mkdir(path, 0700), runtime = io_open_dir(AT_FDCWD, path);
	snprintf(witness, sizeof(witness), "%s", test_path("vault.witness"));
	ok(made == 0 && runtime >= 0 && !marker_load(&out, runtime, witness, m.box_key), "at first there is none");
	is_number(marker_store(&m, runtime, witness), 0, "it is stored");
	m.count = 10;
	is_number(marker_store(&m, runtime, ""), 0, "also without a witness");
	ok(marker_load(&out, runtime, witness, m.box_key) && out.count == 10, "the newer of the two counts");
	unlinkat(runtime, "marker", 0);
	ok(marker_load(&out, runtime, witness, m.box_key) && out.count == 9, "when the machine was off the witness does");
	ok(!marker_load(&out, runtime, witness, other), "that of another box does not");
	ok(marker_store(&m, runtime, "/nowhere/witness") < 0, "a witness that cannot be written is told of");
	ok(marker_load(&out, runtime, "/nowhere/witness", m.box_key) && out.count == 10, "and the other place has it");
	close(runtime);
}

static void test_registry(void)
{
	struct marker m = some();
	struct config config = {.side = CONFIG_RECEIVER};
	uint64_t remembered = 99;
	uint8_t *text = NULL;
	size_t len;
	const char *vault_path = test_path("vault");
	int made = mkdir(vault_path, 0700), vault = io_open_dir(AT_FDCWD, vault_path);
	snprintf(config.runtime, sizeof(config.runtime), "%s", test_path("runtime"));
	snprintf(config.witness, sizeof(config.witness), "%s", test_path("vault.witness"));
	marker_guard_registry(&remembered, vault, &config, m.box_key);
	ok(made == 0 && remembered == 0, "a vault that remembers no registry is one that was put back");
	ok(io_read_file(vault, "registry-version", 32, &text, &len) == 0 && strcmp((char *)text, "4\n") == 0,
	   "and remembers what the marker says");
	free(text);
	is_number(registry_remember(vault, 3), VERDICT_OLDER_REGISTRY, "so an older registry is refused");
	is_number(registry_remember(vault, 7), 0, "a newer one is not");
	marker_guard_registry(&remembered, vault, &config, m.box_key);
	ok(remembered == 7 && registry_remember(vault, 6) == VERDICT_OLDER_REGISTRY, "and never goes back to the marker's");
	close(vault);
}

static void test_put_back(void)
{
	char problem[MARKER_PROBLEM_BYTES] = "untouched", longest[MARKER_PROBLEM_BYTES + 1];
	const char *path = test_path("older");
	int made = mkdir(path, 0700), vault = io_open_dir(AT_FDCWD, path);
	ok(made == 0 && !marker_was_put_back(vault, problem) && strcmp(problem, "untouched") == 0, "a vault is as it was left");
	is_number(marker_note_put_back(vault, "its ledger has 7 entries, it had 9"), 0, "that it was put back is noted");
	ok(marker_was_put_back(vault, problem), "and told of");
	is_text(problem, "its ledger has 7 entries, it had 9", "with what of it is older");
	marker_note_put_back(vault, "\033[2Jnothing");
	ok(marker_was_put_back(vault, problem), "whoever can write there");
	is_text(problem, "\\x1b[2Jnothing", "disturbs no terminal");
	memset(longest, 'x', sizeof(longest));
	longest[MARKER_PROBLEM_BYTES] = 0;
	marker_note_put_back(vault, longest);
	ok(marker_was_put_back(vault, problem) && strlen(problem) < MARKER_PROBLEM_BYTES, "nor with a text that is too long");
	unlinkat(vault, "put-back", 0);
	ok(symlinkat("/etc/passwd", vault, "put-back") == 0 && marker_was_put_back(vault, problem) && problem[0] == 0,
	   "a link is told of, and not followed");
	unlinkat(vault, "put-back", 0);
	ok(!marker_was_put_back(vault, problem), "removed, it is told of no more");
	close(vault);
}

int main(void)
{
	if (suite_start() != 0)
		return 2;
	test_form();
	test_comparing();
	test_places();
	test_registry();
	test_put_back();
	return done_testing();
}
