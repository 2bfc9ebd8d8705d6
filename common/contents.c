#include "contents.h"

#include <stdio.h>

#include "text.h"

static const char *const rule_names[] = {
	[RECORDS_NOT_COUNTED] = "not counted",
	[RECORDS_LINES] = "lines",
	[RECORDS_CSV] = "csv",
};

static void print_member(const struct member *member)
{
	char name[4 * MEMBER_NAME_MAX + 1], digest[2 * SUITE_DIGEST_BYTES + 1];
	char records[40] = "-", size[40], time[40] = "-", columns[40] = "-";
	if (member->rule != RECORDS_NOT_COUNTED)
		text_count(records, sizeof(records), member->records);
	if (member->columns > 0)
		text_count(columns, sizeof(columns), member->columns);
	if (member->mtime_s > 0)
		text_time(time, sizeof(time), (uint64_t)member->mtime_s);
	printf("%16s  %14s  %7s  %-11s  %-20s  %s  %s\n",
	       text_count(size, sizeof(size), member->size), records, columns,
	       rule_names[member->rule], time,
	       text_hex(digest, sizeof(digest), member->digest, SUITE_DIGEST_BYTES),
	       text_escape_name(name, sizeof(name), member->name));
}

void contents_print(const struct manifest *m)
{
	printf("\n%16s  %14s  %7s  %-11s  %-20s  %-64s  %s\n", "BYTES", "RECORDS", "COLUMNS", "COUNTING",
	       "MODIFIED", "DIGEST", "NAME");
	for (uint32_t i = 0; i < m->member_count; i++)
		print_member(&m->members[i]);
}

static struct json *member_json(const struct member *member)
{
	struct json *object = json_object_new();
	json_set_text(object, "name", member->name);
	json_set_number(object, "size", member->size);
	json_set_text(object, "counting", rule_names[member->rule]);
	json_set_number(object, "records", member->records);
	json_set_number(object, "columns", member->columns);
	json_set_signed(object, "modified_s", member->mtime_s);
	json_set_number(object, "modified_ns", member->mtime_ns);
	json_set_hex(object, "digest", member->digest, SUITE_DIGEST_BYTES);
	return object;
}

struct json *contents_json(const struct manifest *m)
{
	struct json *array = json_array_new();
	for (uint32_t i = 0; i < m->member_count; i++)
		json_append(array, member_json(&m->members[i]));
	return array;
}
