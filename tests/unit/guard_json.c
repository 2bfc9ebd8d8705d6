#include "tests/unit/push.h"

static struct policy_column columns[] = {
	{.name = "id", .may_hold_identity = true, .is_unique = true}, {.name = "姓名"}, {.name = "note"},
};
static const struct policy_pattern patterns[] = {{"note", "(?i)secret"}, {"*", "密碼"}, {"姓名", "^true$|^1e3$"}};
static const struct policy policy = {
	.name = "tax", .version = 1, .column_count = 3, .columns = columns,
	.pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct guard_options options = {.policy = &policy, .format = FORMAT_JSON};
static const struct policy open_policy = {
	.name = "open", .version = 1, .pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct guard_options open_options = {.policy = &open_policy, .format = FORMAT_JSON};

#define NAME "\"姓名\":"

static void test_shape(void)
{
	static const struct {
		const char *text, *wanted, *sentence;
	} cases[] = {
		{"{\"id\":1," NAME "\"a\",\"note\":null}\n", "", "an object with the policy's columns passes"},
		{"{\"id\":1," NAME "\"a\",\"note\":\"b\"}\n{\"note\":\"b\"," NAME "true,\"id\":2}\n",
		 "2: column 姓名: rule deny 3", "in any order"},
		{" {\t\"id\" : -1.5e+3 , " NAME " false,\"note\":\"\" } \r\n", "", "with blanks, and CR LF"},
		{"{\"id\":1," NAME "\"a\",\"note\":0}", "", "the last line may lack its end"},
		{"", "", "nothing has no records"},
		{"\n", "1: rule json", "an empty line is no object"},
		{"{\"id\":1," NAME "2,\"note\":3}\n\n", "2: rule json", "also at the end"},
		{"[1]\n", "1: rule json", "nor is an array"},
		{"{}\n", "1: rule columns", "an object without keys lacks columns"},
		{"{\"id\":1," NAME "\"a\"}\n", "1: rule columns", "a column is missing"},
		{"{\"id\":1," NAME "\"a\",\"note\":1,\"A123456789\":2}\n", "1: rule columns",
		 "a column that the policy does not name is not shown"},
		{"{\"id\":1,\"id\":2," NAME "3,\"note\":4}\n", "1: column id: rule json", "a key twice"},
		{"{\"id\":1,\"\\u0069d\":2," NAME "3,\"note\":4}\n", "1: column id: rule json", "also when it is escaped"},
		{"{\"id\":{\"a\":1}," NAME "1,\"note\":1}\n", "1: column id: rule nested", "a value is no object"},
		{"{\"id\":[]," NAME "1,\"note\":1}\n", "1: column id: rule nested", "and no array"},
		{"{\"id\":1," NAME "1,\"note\":1} {}\n", "1: rule json", "nothing stands behind an object"},
		{"{\"id\":1," NAME "1,\"note\":1,}\n", "1: rule json", "no comma ends one"},
		{"{\"id\":1 " NAME "1,\"note\":1}\n", "1: column id: rule json", "commas part pairs"},
		{"{\"id\" 1," NAME "1,\"note\":1}\n", "1: column id: rule json", "a colon parts key and value"},
		{"{id:1," NAME "1,\"note\":1}\n", "1: rule json", "keys are strings"},
		{"{\"id\":'1'," NAME "1,\"note\":1}\n", "1: column id: rule json", "in double quotes"},
		{"{\"id\":1," NAME "1,\"note\":1\n}\n", "1: column note: rule json", "an object stands in one line"},
		{"{\"id\":1," NAME "1,\"note\":\"a", "1: column note: rule json", "a string is closed"},
		{"{\"id\":1," NAME "1,\"note\":\"a\tb\"}\n", "1: column note: rule json", "control bytes are escaped"},
		{"{\"id\":1," NAME "1,\"note\":\"a\\xb\"}\n", "1: column note: rule json", "by the escapes of JSON"},
		{"{\"id\":1," NAME "1,\"note\":\"a\\", "1: column note: rule json", "which are whole"},
		{"{\"id\":1," NAME "1,\"note\":\"\\u12g4\"}\n", "1: column note: rule json", "in hex"},
		{"{\"id\":1," NAME "1,\"note\":\"\\ud83d\"}\n", "1: column note: rule json", "half a pair is no character"},
		{"{\"id\":1," NAME "1,\"note\":\"\\ud83d\\u0041\"}\n", "1: column note: rule json", "nor with another behind it"},
		{"{\"id\":1," NAME "1,\"note\":\"\\udc00\"}\n", "1: column note: rule json", "nor the second half"},
		{"{\"id\":1," NAME "1,\"note\":\"\\ud83d\\ude00\\u0000\\b\\f\\n\\r\\t\\/\\\\\\\"\"}\n", "", "whole pairs and the other escapes pass"},
		{"{\"id\":01," NAME "1,\"note\":1}\n", "1: column id: rule json", "numbers have no leading zeros"},
		{"{\"id\":1.," NAME "1,\"note\":1}\n", "1: column id: rule json", "and digits behind the point"},
		{"{\"id\":.5," NAME "1,\"note\":1}\n", "1: column id: rule json", "and before it"},
		{"{\"id\":1e," NAME "1,\"note\":1}\n", "1: column id: rule json", "and in the exponent"},
		{"{\"id\":+1," NAME "1,\"note\":1}\n", "1: column id: rule json", "and no plus"},
		{"{\"id\":-," NAME "1,\"note\":1}\n", "1: column id: rule json", "and more than a minus"},
		{"{\"id\":NaN," NAME "1,\"note\":1}\n", "1: column id: rule json", "other words are none"},
		{"{\"id\":nulls," NAME "1,\"note\":1}\n", "1: column id: rule json", "and end where they do"},
		{"{\"id\":," NAME "1,\"note\":1}\n", "1: column id: rule json", "a value is there"},
		{"{\"id\":", "1: column id: rule json", "also at the end"},
		{"{", "1: rule json", "an object is closed"},
		{"{\"id\":1," NAME "1,\"note\":\"\xff\"}\n", "1: rule encoding", "JSON is UTF-8, also when no encoding is stated"},
		{"\xef\xbb\xbf{\"id\":1," NAME "1,\"note\":1}\n", "1: rule bom", "without a byte order mark"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&options, cases[i].text, cases[i].wanted, cases[i].sentence);
}

static void test_values(void)
{
	static const struct {
		const char *text, *wanted, *sentence;
	} cases[] = {
		{"{\"id\":\"A123456789\"," NAME "1,\"note\":1}\n", "", "an identity number in its column passes"},
		{"{\"id\":1," NAME "1,\"note\":\"A123456789\"}\n", "1: column note: rule identity", "in another it does not"},
		{"{\"id\":1," NAME "1,\"note\":\"\\u0041123456789\"}\n", "1: column note: rule identity", "also when it is escaped"},
		{"{\"id\":1," NAME "1,\"note\":\"x\\tA12345678\\u0039\\n\"}\n", "1: column note: rule identity", "anywhere"},
		{"{\"id\":1," NAME "1,\"note\":\"x\\\\A123456788\"}\n", "", "with a wrong check digit it does"},
		{"{\"id\":1," NAME "1,\"note\":\"s\\u0065cret\"}\n", "1: column note: rule deny 1", "a denied pattern is found, escaped or not"},
		{"{\"id\":1," NAME "\"\\u5bc6\\u78bc\",\"note\":1}\n", "1: column 姓名: rule deny 2", "in every column"},
		{"{\"id\":1,\"\\u59d3名\":true,\"note\":1}\n", "1: column 姓名: rule deny 3", "whose name may be escaped"},
		{"{\"id\":1," NAME "1e3,\"note\":1}\n", "1: column 姓名: rule deny 3", "a number is judged as it is written"},
		{"{\"id\":1," NAME "1,\"note\":1}\n{\"id\":\"1\"," NAME "1,\"note\":1}\n", "2: column id: rule unique", "a value twice"},
		{"{\"id\":\"a\"," NAME "1,\"note\":1}\n{\"id\":\"\\u0061\"," NAME "1,\"note\":1}\n", "2: column id: rule unique", "also when one is escaped"},
		{"{\"id\":\"a\"," NAME "1,\"note\":1}\n{\"id\":\"b\"," NAME "1,\"note\":1}\n", "", "two values pass"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&options, cases[i].text, cases[i].wanted, cases[i].sentence);
}

static void test_open(void)
{
	expect(&open_options, "{}\n{\"a\":1}\n{\"b\":2,\"c\":3}\n", "", "without columns in the policy any keys will do");
	expect(&open_options, "{\"a\":1,\"b\":2,\"a\":3}\n", "1: column 3: rule json", "each once");
	expect(&open_options, "{\"a\":1,\"\\u0061\":3}\n", "1: column 2: rule json", "escaped or not");
	expect(&open_options, "{\"a\":1,\"note\":\"secret\"}\n", "1: column 2: rule deny 1", "a pattern finds its column by the key");
	expect(&open_options, "{\"note2\":\"secret\"}\n", "", "and no other");
	expect(&open_options, "{\"a\":\"密碼\"}\n", "1: column 1: rule deny 2", "one for all finds all");
	expect(&open_options, "{\"a\":\"A123456789\"}\n", "1: column 1: rule identity", "identity numbers belong nowhere");
	char text[16 * POLICY_COLUMNS_MAX], *at = text;
	for (int i = 0; i < POLICY_COLUMNS_MAX; i++)
		at += sprintf(at, "%c\"%d\":%d", i == 0 ? '{' : ',', i, i);
	strcpy(at, "}\n");
	expect(&open_options, text, "", "an object may have 256 keys");
	strcpy(at, ",\"x\":1}\n");
	expect(&open_options, text, "1: rule columns", "and no more");
}

static void test_limits(void)
{
	char *text = malloc(GUARD_ROW_BYTES_MAX + 100), *at = text;
	if (text == NULL)
		abort();
	at += sprintf(at, "{\"a\":\"");
	char *begin = at;
	fill(&at, 'x', GUARD_VALUE_BYTES_MAX);
	strcpy(at, "\"}\n");
	expect(&open_options, text, "", "the longest value passes");
	strcpy(at, "x\"}\n");
	expect(&open_options, text, "1: column 1: rule value-too-long", "one byte more does not");
	memcpy(begin, "\\u0041", 6);
	expect(&open_options, text, "1: column 1: rule value-too-long", "as it is written");
	strcpy(at, "\"}\n");
	expect(&open_options, text, "", "escapes pass up to there");
	strcpy(at - 2, "\\ud83d\\ude00\"}\n");
	expect(&open_options, text, "1: column 1: rule value-too-long", "and not across it");
	at = text + sprintf(text, "{\"a\":1");
	fill(&at, '0', GUARD_VALUE_BYTES_MAX);
	strcpy(at, "}\n");
	expect(&open_options, text, "1: column 1: rule value-too-long", "a number is no longer either");
	at = text + sprintf(text, "{\"a\":1}");
	fill(&at, ' ', GUARD_ROW_BYTES_MAX - 8);
	strcpy(at, "\n");
	expect(&open_options, text, "", "the longest line passes");
	strcpy(at, "\r\n");
	expect(&open_options, text, "1: rule value-too-long", "its end counts");
	strcpy(at, "xx");
	expect(&open_options, text, "1: rule value-too-long", "and one byte more does not");
	free(text);
}

static void test_columns(void)
{
	static const char text[] = "{\"id\":1," NAME "1,\"note\":1}\n";
	struct outcome got;
	push_pieces(&got, &options, "people", text, sizeof(text) - 1, 0, 100, NULL);
	is_number(got.columns, 3, "the columns of the policy are those of the member");
	push_pieces(&got, &open_options, "people", "{\"a\":1}\n", 8, 0, 100, NULL);
	is_number(got.columns, 0, "without them they are not known");
	struct policy other = policy;
	other.encoding = ENCODING_BIG5;
	struct guard_options big5 = {.policy = &other, .format = FORMAT_JSON};
	push_pieces(&got, &big5, "people", "", 0, 0, 1, NULL);
	is_number(got.result, VERDICT_BAD_POLICY, "JSON in Big5 is no policy");
	is_text(got.text, "format json is always UTF-8", "and this is said");
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	test_shape();
	test_values();
	test_open();
	test_limits();
	test_columns();
	return done_testing();
}
