/* The vectors that are sums: hash tree, padding, erasure code. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle.h"
#include "common/erasure.h"
#include "common/geometry.h"
#include "common/io.h"
#include "common/text.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { VECTOR_BYTES_MAX = 1 << 20, PATH_BYTES = 128 };

static uint8_t *read_vector(const char *name, size_t *len)
{
	char path[PATH_BYTES];
	uint8_t *data = NULL;
	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	int result = io_read_file(AT_FDCWD, path, VECTOR_BYTES_MAX, &data, len);
	if (result != 0) {
		printf("Bail out! %s: %s\n", path, verdict_explain(result));
		exit(1);
	}
	return data;
}

static char *read_text(const char *name)
{
	size_t len;
	return (char *)read_vector(name, &len);
}

static void check_trees(void)
{
	char *text = read_text("tree/ok.txt");
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		char *hex;
		unsigned long count = strtoul(line, &hex, 10);
		struct tree tree;
		tree_start(&tree);
		for (unsigned long i = 0; i < count; i++) {
			uint8_t segment[SEGMENT_BYTES], leaf[1][SUITE_DIGEST_BYTES];
			memset(segment, (int)(i & 255), sizeof(segment));
			tree_leaves(leaf, segment, 1);
			tree_add(&tree, leaf[0]);
		}
		uint8_t root[SUITE_DIGEST_BYTES];
		char got[65];
		tree_root(&tree, root);
		is_text(text_hex(got, sizeof(got), root, sizeof(root)), hex + 1, "root over %lu segments", count);
	}
	free(text);
}

static void check_padding(void)
{
	char *text = read_text("pad/ok.txt");
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		char *value;
		unsigned long long len = strtoull(line, &value, 10);
		is_number((int64_t)bundle_pad(len), (int64_t)strtoull(value, NULL, 10), "padmé of %llu", len);
	}
	free(text);
}

enum { ERASURE_ROW_BYTES = 64 };

/* Loses the first r source rows (or all), and gets them back from the repair rows in the vector. */
static void check_code(unsigned int k, unsigned int r)
{
	char name[64];
	snprintf(name, sizeof(name), "erasure/ok--k%u-r%u.bin", k, r);
	size_t len;
	uint8_t *vector = read_vector(name, &len);
	if (!ok(len == (k + r) * ERASURE_ROW_BYTES, "%s has k + r rows", name))
		return;
	uint8_t *rows[ROWS_MAX], *repair[ROWS_MAX], present[ROWS_MAX];
	uint8_t made[ROWS_MAX][ERASURE_ROW_BYTES];
	for (unsigned int i = 0; i < k + r; i++) {
		rows[i] = vector + i * ERASURE_ROW_BYTES;
		repair[i] = made[i];
	}
	struct erasure *code = erasure_new(k, r);
	erasure_encode(code, (const uint8_t *const *)rows, 0, r, repair, ERASURE_ROW_BYTES);
	is_bytes(made, rows[k], r * ERASURE_ROW_BYTES, "%s: the repair rows are those of the formula", name);
	unsigned int lost = r < k ? r : k;
	for (unsigned int i = 0; i < k + r; i++) {
		present[i] = i >= lost;
		if (i < lost)
			rows[i] = memset(made[i], 0, ERASURE_ROW_BYTES);
	}
	struct erasure_plan *plan = erasure_plan_new(code);
	is_number(erasure_plan_set(plan, present), (int)lost, "%s: %u rows are missing", name, lost);
	erasure_recover(plan, rows, ERASURE_ROW_BYTES);
	is_bytes(made, vector, lost * ERASURE_ROW_BYTES, "%s: they come back", name);
	erasure_plan_free(plan);
	erasure_free(code);
	free(vector);
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	check_trees();
	check_padding();
	check_code(1, 3);
	check_code(5, 3);
	check_code(16, 3);
	check_code(128, 16);
	check_code(200, 55);
	return done_testing();
}
