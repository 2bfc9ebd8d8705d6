/* Every vector in tests/vectors/review comes to the verdict in its name, judged as their README says. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/registry.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define VECTORS "tests/vectors/"

enum { PATH_BYTES = 512 };

static const uint64_t at = 1780300800; /* 2026-06-01T08:00:00Z */

static int judge(const char *path, const struct roots *roots)
{
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES] = "";
	int result = registry_load(&registry, path, roots, problem);
	if (result == 0) {
		const struct route *route = registry_route(registry, "rolls");
		result = route == NULL ? VERDICT_UNKNOWN_ROUTE : route_check(route, at);
	}
	if (problem[0] != 0)
		note("%s", problem);
	registry_free(registry);
	return result;
}

/* "not-reviewed--at-all.conf": not-reviewed */
static int wanted_verdict(const char *file)
{
	char word[PATH_BYTES];
	snprintf(word, sizeof(word), "%s", file);
	char *end = strstr(word, "--");
	word[end != NULL ? (size_t)(end - word) : strcspn(word, ".")] = 0;
	return verdict_from_name(word);
}

static int is_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	struct roots *roots = NULL;
	struct dirent **files;
	char problem[PROBLEM_BYTES];
	suite_start();
	is_number(roots_load(&roots, VECTORS "roots/ok.conf", problem), 0, "the roots of the vectors are good");
	int count = roots == NULL ? -1 : scandir(VECTORS "review", &files, is_no_dot, alphasort);
	ok(count > 0, "there are vectors for reviews");
	for (int i = 0; i < count; i++) {
		char path[PATH_BYTES];
		snprintf(path, sizeof(path), VECTORS "review/%s", files[i]->d_name);
		is_text(verdict_name(judge(path, roots)), verdict_name(wanted_verdict(files[i]->d_name)), "%s",
			path);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	roots_free(roots);
	return done_testing();
}
