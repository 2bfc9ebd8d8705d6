/*
 * memory: allocation n fails, for every n, in what is parsed and written: the result is -ENOMEM, or just what it is
 * with memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/key.h"
#include "common/registry.h"
#include "tests/lib/sweep.h"

static char text_made[4096];

/* A line as the ledger has them: keys long enough that a buffer which grows by itself must grow inside one. */
static int make_json(void)
{
	char *text = NULL, key[64];
	size_t len = 0;
	struct json *json = json_object_new();
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "a_long_key_of_an_entry_%u", i);
		json_set_number(json, key, i);
		json_set_text(json, key + 2, "text");
	}
	int result = json_dump(json, &text, &len);
	if (result == 0)
		snprintf(text_made, sizeof(text_made), "%s", text);
	free(text);
	json_free(json);
	return result;
}

static int load_registry(void)
{
	char problem[PROBLEM_BYTES] = "";
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	int result = roots_load(&roots, "tests/vectors/roots/ok.conf", problem);
	if (result == 0)
		result = registry_load(&registry, "tests/vectors/registry/ok.conf", roots, problem);
	if (result == 0)
		snprintf(text_made, sizeof(text_made), "version %llu, %s",
			 (unsigned long long)registry_version(registry),
			 registry_route(registry, "tax") != NULL ? "with a route" : "without");
	registry_free(registry);
	roots_free(roots);
	return result;
}

static int make_key(void)
{
	struct key *key = key_new(KEY_PERSON, "wang-mei");
	text_made[0] = 0;
	int result = key == NULL ? -ENOMEM : 0;
	key_free(key);
	return result;
}

static void every_allocation(struct fault_page *page, enum fault_call call, const char *what, int (*run)(void))
{
	char wanted[sizeof(text_made)];
	uint32_t failed = 0, wrong = 0, nth;
	if (!ok(run() == 0, "%s is made with memory", what))
		return;
	memcpy(wanted, text_made, sizeof(wanted));
	for (nth = 1;; nth++) {
		const struct fault_plan plan = {
			.call = call, .action = FAULT_ERROR, .nth = nth, .error = ENOMEM};
		text_made[0] = 0;
		fault_arm(page, &plan, 1);
		int result = run();
		fault_disarm(page);
		failed += result == -ENOMEM;
		if (result != -ENOMEM && (result != 0 || strcmp(text_made, wanted) != 0)) {
			wrong++;
			note("allocation %u: result %d, \"%s\"", nth, result, text_made);
		}
		if (fault_fired(page, 0) == 0)
			break;
	}
	note("%s: %u allocations, %u of them are needed", what, nth - 1, failed);
	ok(failed > 0, "%s says when there is no memory", what);
	is_number(wrong, 0, "%s is never made in part", what);
}

int main(void)
{
	struct fault_page *page = fault_share();
	if (suite_start() != 0)
		return 2;
	every_allocation(page, FAULT_alloc, "a line of JSON", make_json);
	every_allocation(page, FAULT_alloc, "a registry", load_registry);
	every_allocation(page, FAULT_mmap, "a key", make_key);
	return done_testing();
}
