#include "common/contents.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static void add(struct manifest *m, const char *name, enum record_rule rule, uint64_t records, uint32_t columns)
{
	char copy[64];
	snprintf(copy, sizeof(copy), "%s", name);
	const struct member member = {
		.name = copy,
		.size = 1234567,
		.mtime_s = 1780272000,
		.rule = rule,
		.records = records,
		.columns = columns,
	};
	is_number(manifest_add_member(m, &member), 0, "a member is added");
}

/* What contents_print writes. */
static void printed(const struct manifest *m, char *out, size_t size)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/printed", test_dir());
	fflush(stdout);
	int old = dup(STDOUT_FILENO), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDOUT_FILENO);
	contents_print(m);
	fflush(stdout);
	dup2(old, STDOUT_FILENO);
	close(old);
	ssize_t n = pread(fd, out, size - 1, 0);
	out[n > 0 ? n : 0] = 0;
	close(fd);
}

int main(void)
{
	char text[4096], *json = NULL;
	size_t len = 0;
	struct manifest m = {0};
	add(&m, "a\xe2\x80\xae\xff.csv", RECORDS_CSV, 1000, 4);
	add(&m, "b.bin", RECORDS_NOT_COUNTED, 0, 0);
	printed(&m, text, sizeof(text));
	ok(strchr(text, '\xff') == NULL && strstr(text, "\xe2\x80\xae") == NULL,
	   "no byte of a name reaches the terminal that could disturb it");
	ok(strstr(text, "1,234,567           1,000        4  csv") != NULL, "size, records, columns and rule stand in a row");
	ok(strstr(text, "               -        -  not counted") != NULL, "what was not counted has none");
	struct json *array = contents_json(&m);
	is_number(json_dump(array, &json, &len), 0, "the same as JSON");
	ok(json != NULL && strstr(json, "\"records\":1000") != NULL && strstr(json, "\"columns\":4") != NULL &&
		   strstr(json, "\"counting\":\"not counted\"") != NULL,
	   "with every count");
	free(json);
	json_free(array);
	manifest_free(&m);
	printed(&m, text, sizeof(text));
	ok(strstr(text, "NAME\n") != NULL && strstr(text, "csv") == NULL, "nothing inside is a heading alone");
	return done_testing();
}
