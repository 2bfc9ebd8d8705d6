/* Every vector in tests/vectors/order comes to the verdict in its name, judged as their README says. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/order.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define VECTORS "tests/vectors/"

enum { FILE_MAX = 4194304, NAME_MAX_BYTES = 256 };

static const struct order_use use = {
	.at = 1780441200, /* 2026-06-02T23:00:00Z */
	.bytes = 1000000,
	.records = 1000,
	.pushes_today = 1,
};

static void must_read(uint8_t **out, size_t *len, const char *path)
{
	int result = io_read_file(AT_FDCWD, path, FILE_MAX, out, len);
	if (result != 0) {
		printf("Bail out! %s: %s\n", path, verdict_explain(result));
		exit(1);
	}
}

static struct registry *read_registry(void)
{
	uint8_t *text;
	size_t len;
	char problem[PROBLEM_BYTES] = "";
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	must_read(&text, &len, VECTORS "roots/ok.conf");
	is_number(roots_parse(&roots, text, len, problem), 0, "the roots of the vectors are good");
	free(text);
	must_read(&text, &len, VECTORS "registry/ok--orders.conf");
	is_number(registry_parse(&registry, text, len, roots, problem), 0, "so is the registry of the orders");
	note("%s", problem);
	free(text);
	roots_free(roots);
	return registry;
}

static int judge(const struct registry *registry, const char *name, const uint8_t *in, size_t len)
{
	struct order order;
	uint8_t again[ORDER_BYTES_MAX];
	char problem[PROBLEM_BYTES] = "";
	int result = order_decode(&order, in, len);
	if (result != 0)
		return result;
	ok(order_encode(again, &order) == len && memcmp(again, in, len) == 0, "%s is encoded again as it was",
	   name);
	result = order_check(&order, registry, use.at);
	if (result == 0)
		result = order_covers(&order, &use, problem);
	ok((problem[0] != 0) == (result == VERDICT_BEYOND_ORDER), "%s: a person is told what exceeds it", name);
	return result;
}

/* "bad-limit--no-weekday.bin": bad-limit */
static int wanted_verdict(const char *file)
{
	char word[NAME_MAX_BYTES];
	snprintf(word, sizeof(word), "%s", file);
	char *end = strstr(word, "--");
	word[end != NULL ? (size_t)(end - word) : strcspn(word, ".")] = 0;
	return verdict_from_name(word);
}

static int is_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Every verdict that the page names has a vector. */
static void check_page(const bool seen[static VERDICT_COUNT_END])
{
	uint8_t *text;
	size_t len, named = 0;
	must_read(&text, &len, "common/ORDER.md");
	char *rest = (char *)text;
	for (char *word; (word = strsep(&rest, "`")) != NULL;) {
		int verdict = verdict_from_name(word);
		if (verdict <= 0)
			continue;
		named++;
		if (!seen[verdict])
			ok(false, "common/ORDER.md names %s, so there is a vector of it", word);
	}
	ok(named > 20, "the verdicts of common/ORDER.md have vectors");
	free(text);
}

int main(void)
{
	static bool seen[VERDICT_COUNT_END];
	struct dirent **files;
	if (suite_start() != 0)
		return EXIT_FAILURE;
	struct registry *registry = read_registry();
	int count = scandir(VECTORS "order", &files, is_no_dot, alphasort);
	ok(count > 0 && registry != NULL, "there are vectors of orders");
	for (int i = 0; i < count; i++) {
		char path[sizeof(VECTORS "order/") + NAME_MAX_BYTES];
		uint8_t *bytes;
		size_t len;
		snprintf(path, sizeof(path), VECTORS "order/%s", files[i]->d_name);
		must_read(&bytes, &len, path);
		int wanted = wanted_verdict(files[i]->d_name);
		is_text(verdict_name(judge(registry, path, bytes, len)), verdict_name(wanted), "%s", path);
		if (wanted >= 0)
			seen[wanted] = true;
		free(bytes);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	check_page(seen);
	registry_free(registry);
	return done_testing();
}
