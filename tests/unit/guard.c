/* Members, caps over a push, control files, findings, and policies that cannot be kept. */
#include <errno.h>

#include "sender/guard_inside.h"
#include "tests/unit/push.h"

static struct policy_column columns[] = {{.name = "id", .is_unique = true}, {.name = "note"}};
static const struct policy policy = {
	.name = "tax", .version = 1, .encoding = ENCODING_UTF8, .column_count = 2, .columns = columns,
};
static const struct policy controlled = {.name = "tax", .version = 1, .needs_control = true};
static const struct guard_options options = {.policy = &policy, .format = FORMAT_CSV};
static const struct guard_options control_options = {.policy = &controlled, .format = FORMAT_LINES};

struct pushed {
	const char *name, *text;
};

/* Members up to one without a name; the result of the push, and its finding. */
static int push(char text[static GUARD_DESCRIPTION_BYTES], const struct guard_options *with,
		const struct pushed *members)
{
	char problem[GUARD_PROBLEM_BYTES];
	struct guard *guard = NULL;
	int result = guard_new(&guard, with, problem);
	for (; result == 0 && members->name != NULL; members++) {
		result = guard_member_begin(guard, members->name);
		if (result == 0)
			result = guard_add(guard, members->text, strlen(members->text));
		if (result == 0)
			result = guard_member_end(guard);
	}
	if (result == 0)
		result = guard_finish(guard);
	text[0] = 0;
	if (result == VERDICT_AGAINST_POLICY)
		guard_describe(text, guard_finding(guard));
	guard_free(guard);
	return result;
}

static void test_members(void)
{
	char text[GUARD_DESCRIPTION_BYTES];
	struct guard_options capped = options;
	static const struct pushed two[] = {{"a", "id,note\n1,x\n2,y\n"}, {"b", "id,note\n3,z\n"}, {NULL, NULL}};
	static const struct pushed twice[] = {{"a", "id,note\n1,x\n2,y\n"}, {"b", "id,note\n3,z\n2,z\n"}, {NULL, NULL}};
	static const struct pushed headless[] = {{"a", "id,note\n1,x\n"}, {"b", "2,z\n"}, {NULL, NULL}};
	is_number(push(text, &options, two), 0, "several members pass");
	is_number(push(text, &options, twice), VERDICT_AGAINST_POLICY, "a value is unique among all of them");
	is_text(text, "b:3: column id: rule unique", "and the second one is named");
	push(text, &options, headless);
	is_text(text, "b:1: column id: rule header", "each has its header");
	capped.max_records = 3;
	is_number(push(text, &capped, two), 0, "the cap on records is one of the push");
	capped.max_records = 2;
	push(text, &capped, two);
	is_text(text, "b:2: rule records-cap", "and broken by whichever member comes too late");
	capped.max_records = 0;
	capped.max_bytes = 16 + 12;
	is_number(push(text, &capped, two), 0, "so is the cap on bytes");
	capped.max_bytes--;
	push(text, &capped, two);
	is_text(text, "b:2: rule bytes-cap", "and broken likewise");
	is_number(push(text, &options, two + 2), 0, "a push without members has nothing to refuse");
}

static void test_without_policy(void)
{
	char text[GUARD_DESCRIPTION_BYTES];
	struct guard_options bare = {.format = FORMAT_CSV};
	static const struct pushed any[] = {{"a", "\"no,header\n\n\xff"}, {"b", "x\ny\nz\n"}, {NULL, NULL}};
	is_number(push(text, &bare, any), 0, "without a policy anything passes");
	bare.max_records = 2;
	is_number(push(text, &bare, any), 0, "but for the caps, on records as they are counted");
	bare.max_records = 1;
	push(text, &bare, any);
	is_text(text, "b: rule records-cap", "by member, since no line is looked at");
	bare.format = FORMAT_LINES;
	push(text, &bare, any);
	is_text(text, "a: rule records-cap", "lines are counted as lines");
	bare.format = FORMAT_OPAQUE;
	is_number(push(text, &bare, any), 0, "and what is opaque is not");
	bare.max_bytes = 5;
	push(text, &bare, any);
	is_text(text, "a: rule bytes-cap", "but measured");
}

static void test_after_refusal(void)
{
	char problem[GUARD_PROBLEM_BYTES];
	struct guard *guard = NULL;
	is_number(guard_new(&guard, &options, problem), 0, "a guard");
	is_text(problem, "", "without a problem");
	is_number(guard_finding(guard)->rule, GUARD_NOTHING, "has found nothing yet");
	guard_member_begin(guard, "a.csv");
	is_number(guard_add(guard, "id,note\n1,x,y\n", 14), VERDICT_AGAINST_POLICY, "then it has");
	const struct guard_finding *finding = guard_finding(guard);
	is_text(finding->file, "a.csv", "file,");
	is_number((int64_t)finding->line, 2, "line,");
	is_number(finding->column, 0, "no column,");
	is_number(finding->rule, GUARD_COLUMNS, "and rule are told");
	is_number(guard_add(guard, "2,z\n", 4), VERDICT_AGAINST_POLICY, "nothing is taken any more");
	is_number(guard_member_end(guard), VERDICT_AGAINST_POLICY, "nor ended");
	is_number(guard_member_begin(guard, "b"), VERDICT_AGAINST_POLICY, "nor begun");
	is_number(guard_finish(guard), VERDICT_AGAINST_POLICY, "nor finished");
	is_number((int64_t)guard_finding(guard)->line, 2, "and the finding stays");
	guard_free(guard);
	guard_free(NULL);
}

static void test_control(void)
{
	static const struct {
		struct pushed members[6];
		const char *wanted, *sentence;
	} cases[] = {
		{{{"a", "1\n2\n"}, {"a.count", "2"}}, "", "a count in decimal passes"},
		{{{"a", "1\n2\n"}, {"a.count", "2\n"}, {"b", ""}, {"b.count", "0\r\n"}}, "", "with a line end too, and of each member"},
		{{{"a", "1\n2\n"}, {"a.count", "3\n"}}, "a.count:1: rule control", "another count does not"},
		{{{"a", "1\n2\n"}, {"a.count", ""}}, "a.count:1: rule control", "nor none"},
		{{{"a", "1\n2\n"}, {"a.count", "\n"}}, "a.count:1: rule control", "nor a line end alone"},
		{{{"a", "1\n2\n"}, {"a.count", " 2"}}, "a.count:1: rule control", "nor a blank"},
		{{{"a", "1\n2\n"}, {"a.count", "2\n\n"}}, "a.count:1: rule control", "nor two line ends"},
		{{{"a", "1\n2\n"}, {"a.count", "2\r"}}, "a.count:1: rule control", "nor half of one"},
		{{{"a", "1\n2\n"}, {"a.count", "0x2"}}, "a.count:1: rule control", "nor hex"},
		{{{"a", "1\n2\n"}, {"a.count", "18446744073709551618"}}, "a.count:1: rule control", "nor a count that wraps"},
		{{{"a", "1\n2\n"}, {"a.count", "00000000000000000000000002"}}, "a.count:1: rule control", "nor more than a number"},
		{{{"a", "1\n2\n"}}, "a: rule control-missing", "a control file is missing at the end"},
		{{{"a", "1\n2\n"}, {"b", "1\n"}}, "a: rule control-missing", "or when another member comes"},
		{{{"a.count", "2"}}, "a.count: rule control-missing", "one without its member is a member"},
		{{{"a.count", "2"}, {"a.count.count", "1"}}, "", "which has its own"},
		{{{"a", "1\n"}, {"a-b", "1\n2\n"}, {"a-b.count", "2"}, {"a.count", "1"}}, "", "members may come in between"},
		{{{"a", "1\n"}, {"a-b", "1\n2\n"}, {"a.count", "1"}}, "a-b: rule control-missing", "and need theirs first"},
		{{{"a", "1\n"}, {"a-b", "1\n2\n"}, {"a-b.count", "2"}, {"c", ""}}, "a: rule control-missing", "the others' is awaited still"},
		{{{"a/b", "1\n"}, {"a/b.count", "1"}}, "", "in folders too"},
	};
	char text[GUARD_DESCRIPTION_BYTES];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int result = push(text, &control_options, cases[i].members);
		is_number(result, *cases[i].wanted == 0 ? 0 : VERDICT_AGAINST_POLICY, "control: %s", cases[i].sentence);
		is_text(text, cases[i].wanted, "  and so it is told");
	}
	struct guard_options capped = control_options;
	capped.max_records = 2;
	is_number(push(text, &capped, cases[0].members), 0, "a control file holds no records");
}

static void test_control_pieces(void)
{
	char problem[GUARD_PROBLEM_BYTES];
	struct guard *guard = NULL;
	guard_new(&guard, &control_options, problem);
	guard_member_begin(guard, "a");
	guard_add(guard, "1\n2\n", 4);
	ok(!guard_is_control(guard), "a member is no control file");
	is_number(guard_member_end(guard), 0, "it ends");
	is_number(guard_columns(guard), 1, "with one column");
	guard_member_begin(guard, "a.count");
	ok(guard_is_control(guard), "its control file is one");
	guard_add(guard, "", 0);
	guard_add(guard, "0", 1);
	guard_add(guard, "2", 1);
	is_number(guard_add(guard, "\n", 1), 0, "and may come in pieces");
	is_number(guard_member_end(guard), 0, "it ends as well");
	is_number(guard_columns(guard), 0, "without columns");
	is_number((int64_t)guard_records(guard), 2, "or records");
	is_number(guard_finish(guard), 0, "and all is there");
	guard_free(guard);
}

/* The names of a chain, each the beginning of the next, as deep as names are long. */
static void test_control_chain(void)
{
	enum { DEPTH = 249 }; /* a component of a name has 255 bytes */
	char problem[GUARD_PROBLEM_BYTES], name[DEPTH + 16];
	struct guard *guard = NULL;
	int result = guard_new(&guard, &control_options, problem);
	memset(name, '-', sizeof(name));
	for (size_t len = 1; result == 0 && len <= DEPTH; len++) {
		name[len] = 0;
		result = guard_member_begin(guard, name);
		name[len] = '-';
		if (result == 0)
			result = guard_member_end(guard);
	}
	is_number(result, 0, "many control files may be awaited");
	for (size_t len = DEPTH; result == 0 && len >= 1; len--) {
		strcpy(name + len, ".count");
		result = guard_member_begin(guard, name);
		if (result == 0)
			result = guard_add(guard, "0", 1);
		if (result == 0)
			result = guard_member_end(guard);
	}
	is_number(result, 0, "and come");
	is_number(guard_finish(guard), 0, "all of them");
	guard_free(guard);
}

static void test_bad_policies(void)
{
	static const struct policy_column wide[] = {{.name = "id", .width = 5}, {.name = "note", .width = GUARD_ROW_BYTES_MAX}};
	static const struct policy_column line[] = {{.name = "line"}, {.name = "note"}};
	static const struct policy_pattern unclosed[] = {{"*", "a"}, {"note", "(b"}}, stranger[] = {{"name", "a"}},
					   utf[] = {{"*", "(*UTF)a"}}, byte[] = {{"*", "\\C"}}, bytes[] = {{"*", "\xff"}};
	const struct {
		enum record_format format;
		struct policy policy;
		const char *problem;
	} cases[] = {
		{FORMAT_CSV, {.column_count = 2, .columns = columns, .pattern_count = 2, .patterns = unclosed},
		 "deny 2: the pattern does not compile, at its byte 3"},
		{FORMAT_CSV, {.column_count = 2, .columns = columns, .pattern_count = 1, .patterns = stranger},
		 "deny 1: there is no such column"},
		{FORMAT_LINES, {.pattern_count = 1, .patterns = stranger}, "deny 1: there is no such column"},
		{FORMAT_CSV, {.pattern_count = 1, .patterns = utf}, "deny 1: the pattern does not compile, at its byte 7"},
		{FORMAT_CSV, {.pattern_count = 1, .patterns = byte}, "deny 1: the pattern does not compile, at its byte 3"},
		{FORMAT_CSV, {.encoding = ENCODING_UTF8, .pattern_count = 1, .patterns = bytes},
		 "deny 1: the pattern does not compile, at its byte 1"},
		{FORMAT_FIXED, {.encoding = ENCODING_UTF8}, "format fixed: the columns must be named"},
		{FORMAT_FIXED, {.column_count = 2, .columns = columns}, "format fixed: each column needs a width"},
		{FORMAT_FIXED, {.column_count = 2, .columns = wide}, "format fixed: a line would be too long"},
		{FORMAT_LINES, {.column_count = 2, .columns = line}, "format lines has one column, named line"},
		{FORMAT_LINES, {.column_count = 1, .columns = columns}, "format lines has one column, named line"},
		{FORMAT_JSON, {.encoding = ENCODING_CNS11643}, "format json is always UTF-8"},
		{FORMAT_OPAQUE, {.refuses_identity = true}, "format opaque is not looked into, so only caps and scan can hold"},
		{FORMAT_OPAQUE, {.encoding = ENCODING_UTF8}, "format opaque is not looked into, so only caps and scan can hold"},
		{FORMAT_OPAQUE, {.needs_control = true}, "format opaque is not looked into, so only caps and scan can hold"},
		{FORMAT_OPAQUE, {.column_count = 2, .columns = columns}, "format opaque is not looked into, so only caps and scan can hold"},
		{FORMAT_CSV, {.column_count = POLICY_COLUMNS_MAX + 1, .columns = columns}, "too many columns or patterns"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char problem[GUARD_PROBLEM_BYTES];
		struct guard *guard = NULL;
		struct guard_options with = {.policy = &cases[i].policy, .format = cases[i].format};
		is_number(guard_new(&guard, &with, problem), VERDICT_BAD_POLICY, "a policy is refused");
		is_text(problem, cases[i].problem, "with what is wrong");
		ok(guard == NULL, "and there is no guard");
	}
}

/* Patterns that would try for ever, at values made for it. */
static void test_hostile_values(void)
{
	static const struct policy_pattern patterns[] = {{"line", "(a+)+$"}, {"line", "(?:c|d)*e"}};
	static const struct policy slow = {.name = "slow", .version = 1, .encoding = ENCODING_UTF8, .pattern_count = 2, .patterns = patterns};
	struct guard_options lines = {.policy = &slow, .format = FORMAT_LINES};
	struct outcome got;
	char *text = malloc(GUARD_VALUE_BYTES_MAX);
	if (text == NULL)
		abort();
	memset(text, 'a', 40);
	push_pieces(&got, &lines, "a", "aab", 3, 0, 3, NULL);
	is_text(got.text, "", "a value that takes few steps passes");
	memcpy(text + 40, "b", 1);
	push_pieces(&got, &lines, "a", text, 41, 0, 41, NULL);
	is_text(got.text, "a:1: column line: rule deny-limit 1", "one that takes too many is refused unjudged");
	memset(text, 'c', GUARD_VALUE_BYTES_MAX);
	push_pieces(&got, &lines, "a", text, GUARD_VALUE_BYTES_MAX, 0, GUARD_VALUE_BYTES_MAX, NULL);
	is_text(got.text, "", "a value without what a match needs costs nothing");
	text[GUARD_VALUE_BYTES_MAX - 1] = 'e';
	text[GUARD_VALUE_BYTES_MAX - 2] = 'x';
	push_pieces(&got, &lines, "a", text, GUARD_VALUE_BYTES_MAX, 0, GUARD_VALUE_BYTES_MAX, NULL);
	is_text(got.text, "a:1: column line: rule deny-limit 2", "and one that needs too deep a search is refused");
	free(text);
}

static void test_unique_limit(void)
{
	char problem[GUARD_PROBLEM_BYTES];
	struct guard *guard = NULL;
	guard_new(&guard, &options, problem);
	guard_member_begin(guard, "a");
	guard_add(guard, "id,note\n1,x\n", 12);
	guard->unique_count = GUARD_UNIQUE_MAX - 1; /* it would take an hour to get there */
	is_number(guard_add(guard, "2,x\n", 4), 0, "as many values as the limit can be told apart");
	is_number(guard_add(guard, "3,x\n", 4), VERDICT_AGAINST_POLICY, "and no more");
	is_number(guard_finding(guard)->rule, GUARD_UNIQUE_LIMIT, "which is told");
	guard_free(guard);
}

static void test_describe(void)
{
	char text[GUARD_DESCRIPTION_BYTES], name[MEMBER_NAME_MAX + 1], column[1000];
	struct guard_finding finding = {.rule = GUARD_DENY, .pattern = 2, .file = "people.csv", .line = 17, .column = 3, .column_name = "note"};
	is_text(guard_describe(text, &finding), "people.csv:17: column note: rule deny 2", "a finding is told in one line");
	finding.column_name = NULL;
	is_text(guard_describe(text, &finding), "people.csv:17: column 3: rule deny 2", "a column without a name by its number");
	memset(name, 'x', sizeof(name));
	strcpy(name + MEMBER_NAME_MAX - 4, ".csv");
	memset(column, 'y', sizeof(column));
	column[sizeof(column) - 1] = 0;
	finding = (struct guard_finding){.rule = GUARD_CONTROL_MISSING, .file = name, .line = UINT64_MAX, .column = UINT32_MAX, .column_name = column, .pattern = UINT32_MAX};
	guard_describe(text, &finding);
	ok(strncmp(text, "...xxx", 6) == 0 && strstr(text, "x.csv:18446744073709551615: column yyy") != NULL &&
		   strstr(text, "y: rule control-missing 4294967295") != NULL,
	   "long names are cut, and the rule stays");
}

static void test_words(void)
{
	char page[65536], row[64];
	FILE *in = fopen("common/POLICY.md", "re");
	size_t len = in == NULL ? 0 : fread(page, 1, sizeof(page) - 1, in);
	page[len] = 0;
	if (in != NULL)
		fclose(in);
	for (enum guard_rule rule = GUARD_NOTHING + 1; rule < GUARD_RULE_END; rule++) {
		snprintf(row, sizeof(row), "\n| `%s` |", guard_rule_name(rule));
		ok(strstr(page, row) != NULL, "the rule '%s' is in POLICY.md", guard_rule_name(rule));
	}
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	test_members();
	test_without_policy();
	test_after_refusal();
	test_control();
	test_control_pieces();
	test_control_chain();
	test_bad_policies();
	test_hostile_values();
	test_unique_limit();
	test_describe();
	test_words();
	return done_testing();
}
