#include "tests/unit/push.h"

static struct policy_column columns[] = {
	{.name = "id", .may_hold_identity = true, .is_unique = true}, {.name = "name"}, {.name = "note"},
};
static const struct policy_pattern patterns[] = {
	{"note", "(?i)secret"}, {"*", "密碼"}, {"name", "^\\d+$"},
};
static const struct policy policy = {
	.name = "tax", .version = 1, .encoding = ENCODING_UTF8, .column_count = 3, .columns = columns,
	.pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct guard_options options = {.policy = &policy, .format = FORMAT_CSV};
/* The policy says nothing of columns. */
static const struct policy open_policy = {
	.name = "open", .version = 1, .pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct guard_options open_options = {.policy = &open_policy, .format = FORMAT_CSV};

#define HEADER "id,name,note\n"

static void test_shape(void)
{
	static const struct {
		const char *text, *wanted, *sentence;
	} cases[] = {
		{HEADER "1,a,b\n2,c,d\n", "", "rows with the policy's columns pass"},
		{HEADER, "", "a header alone passes"},
		{"id,name,note", "", "also without its line feed"},
		{"id,name,note\r\n1,a,b\r\n2,c,d\r\n", "", "lines may end in CR LF"},
		{HEADER "1,a,b", "", "the last line may lack its end"},
		{HEADER "\"1\",\"a,\nb\",\"c\"\"d\"\n", "", "values may be quoted, with commas, line feeds and quotes"},
		{"\"id\",\"name\",\"note\"\n1,a,b\n", "", "names may be quoted"},
		{HEADER "1,,\n2,,\n", "", "values may be empty"},
		{HEADER "1,\"\",\"\"\n", "", "quoted ones too"},
		{HEADER "1,\"\r\n\",b\r\n", "", "a quoted CR is part of the value"},
		{"", "1: rule header", "nothing has no header"},
		{"\n", "1: column id: rule header", "an empty line is no header"},
		{"id,name\n", "1: column note: rule header", "a column is missing in the header"},
		{"id,name,note,more\n", "1: column 4: rule header", "or there is one more"},
		{"id,note,name\n", "1: column name: rule header", "or the order is another"},
		{"id,Name,note\n", "1: column name: rule header", "or the case"},
		{"1,a,b\n2,c,d\n", "1: column id: rule header", "a first record is no header, and not shown"},
		{"\xef\xbb\xbf" HEADER, "1: rule bom", "a byte order mark is refused by its own name"},
		{"\xef\xbb\xbf", "1: rule bom", "also alone"},
		{"\xef\xbb", "1: column id: rule encoding", "half of one is no character"},
		{HEADER "1,a\n", "2: rule columns", "a value is missing"},
		{HEADER "1,a,b\n2,c,d,e\n", "3: rule columns", "a value is too many"},
		{HEADER "\n", "2: rule columns", "an empty line is no record of three values"},
		{HEADER "1,a\"b,c\n", "2: column name: rule quoting", "a bare quote"},
		{HEADER "1,a,b\"\n", "2: column note: rule quoting", "at the end too"},
		{HEADER "1,\"a\"b,c\n", "2: column name: rule quoting", "something behind a closing quote"},
		{HEADER "1,\"a\" ,c\n", "2: column name: rule quoting", "a blank too"},
		{HEADER "1, \"a\",c\n", "2: column name: rule quoting", "or before an opening one"},
		{HEADER "1,\"a,c\n2,d,e\n", "2: column name: rule quoting", "a quote that is not closed"},
		{HEADER "1,a,\"", "2: column note: rule quoting", "also at the very end"},
		{HEADER "1,a\rb,c\n", "2: column name: rule quoting", "a bare CR"},
		{HEADER "1,a,b\r", "2: column note: rule quoting", "at the end of the file too"},
		{HEADER "1,a,b\r\r\n", "2: column note: rule quoting", "one before CR LF too"},
		{HEADER "1,\"a\"\"\n\n\n\",b\n2,c\n", "6: rule columns", "lines within a value are counted"},
		{HEADER "1,\"\n\",b\n2,\"\n\nsecret\",c\n3,d,secret\n", "7: column note: rule deny 1",
		 "and a record's line is where it begins"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&options, cases[i].text, cases[i].wanted, cases[i].sentence);
}

static void test_values(void)
{
	static const struct {
		const char *text, *wanted, *sentence;
	} cases[] = {
		{HEADER "A123456789,王,遷入\n", "", "an identity number in its column passes"},
		{HEADER "1,王,身分證A123456789號\n", "2: column note: rule identity", "in another it does not"},
		{HEADER "1,王,A123456788\n", "", "with a wrong check digit it does"},
		{HEADER "1,A123456789,b\n", "2: column name: rule identity", "in any other it does not"},
		{HEADER "1,王,\"x \"\"A123456789\"\"\"\n", "2: column note: rule identity", "nor between doubled quotes"},
		{HEADER "1,王,Ａ１２３４５６７８９\n", "2: column note: rule identity", "nor in full-width forms"},
		{HEADER "1,王,my Secret\n", "2: column note: rule deny 1", "a denied pattern is found"},
		{HEADER "1,my Secret,b\n", "", "in its column alone"},
		{HEADER "1,密碼,b\n", "2: column name: rule deny 2", "another in every column"},
		{HEADER "密碼,a,b\n", "2: column id: rule deny 2", "in the first"},
		{HEADER "1,a,密碼\n", "2: column note: rule deny 2", "and in the last"},
		{HEADER "1,123,b\n", "2: column name: rule deny 3", "a pattern with anchors sees the whole value"},
		{HEADER "1,123x,b\n", "", "and no part of one"},
		{HEADER "1,\"123\",b\n", "2: column name: rule deny 3", "without its quotes"},
		{HEADER "1,１２３,b\n", "2: column name: rule deny 3", "a digit is one in any script"},
		{HEADER "1,a,b\n2,a,b\n1,a,b\n", "4: column id: rule unique", "a value twice"},
		{HEADER "1,a,b\n\"1\",a,b\n", "3: column id: rule unique", "also when one is quoted"},
		{HEADER "\"a\"\"\",a,b\n\"a\"\"\"\"\",a,b\n", "", "not when it only begins as another"},
		{HEADER ",a,b\n,a,b\n", "3: column id: rule unique", "two empty values are the same"},
		{HEADER "1,a,\xff\n", "2: column note: rule encoding", "a byte that is no UTF-8"},
		{HEADER "1,\xe7\x8e,b\n", "2: column name: rule encoding", "half a character"},
		{HEADER "1,a,\xe7\x8e", "2: column note: rule encoding", "at the end of the file too"},
		{HEADER "1,a,\xc0\x80\n", "2: column note: rule encoding", "an overlong form"},
		{HEADER "1,a,\xed\xa0\x80\n", "2: column note: rule encoding", "a surrogate"},
		{"id,n\xffme,note\n", "1: column name: rule encoding", "in the header too"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&options, cases[i].text, cases[i].wanted, cases[i].sentence);
}

static void test_open(void)
{
	static const struct {
		const char *text, *wanted, *sentence;
	} cases[] = {
		{"a,b\n1,2\n", "", "without columns in the policy any header will do"},
		{"a\n1\n", "", "of one column too"},
		{"a\n\n\n", "", "in which an empty line is an empty value"},
		{"a,b\n1\n", "2: rule columns", "and rows have as many values"},
		{"a,note\n1,secret\n", "2: column 2: rule deny 1", "a pattern finds its column by the header"},
		{"a,\"note\"\n1,secret\n", "2: column 2: rule deny 1", "quoted or not"},
		{"note,note\n1,secret\n", "2: column 2: rule deny 1", "also when two have the name"},
		{"a,b\n1,secret\n", "", "and is of no matter when there is none"},
		{"a,b\n1,A123456789\n", "2: column 2: rule identity", "identity numbers belong nowhere"},
		{"a,b\n1,\xff\n", "", "bytes are not checked when no encoding is stated"},
		{"a,b\n1,\xe5\xaf\x86\xe7\xa2\xbc\n", "2: column 2: rule deny 2", "but patterns are found in them"},
		{"\xef\xbb\xbf" "a,b\n", "1: rule bom", "a byte order mark is refused all the same"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&open_options, cases[i].text, cases[i].wanted, cases[i].sentence);
}

static void test_many_columns(void)
{
	char text[4 * POLICY_COLUMNS_MAX + 64], *at = text;
	for (size_t i = 0; i < POLICY_COLUMNS_MAX; i++)
		at += sprintf(at, "%sx", i > 0 ? "," : "");
	expect(&open_options, text, "", "a header may have 256 columns");
	strcpy(at, ",x");
	expect(&open_options, text, "1: rule header", "and no more");
	strcpy(at, ",x,x,x,x");
	expect(&open_options, text, "1: rule header", "nor many more");
	strcpy(at, "\n1,2");
	expect(&open_options, text, "2: rule columns", "a row of it has as many values");
}

static void test_limits(void)
{
	size_t size = GUARD_ROW_BYTES_MAX + 100;
	char *text = malloc(size + sizeof(HEADER)), *begin = text, *at;
	if (text == NULL)
		abort();
	begin += sprintf(text, HEADER "1,");
	at = begin;
	fill(&at, 'x', GUARD_VALUE_BYTES_MAX);
	strcpy(at, ",b\n");
	expect(&options, text, "", "the longest value passes");
	strcpy(at, "x,b\n");
	expect(&options, text, "2: column name: rule value-too-long", "one byte more does not");
	at = begin;
	*at++ = '"';
	fill(&at, 'x', GUARD_VALUE_BYTES_MAX + 1);
	strcpy(at, "\",b\n");
	expect(&options, text, "2: column name: rule value-too-long", "nor in quotes");
	at = begin;
	fill(&at, 'x', size - 20);
	*at = 0;
	expect(&options, text, "2: column name: rule value-too-long", "nor one that has no end");
	*begin = '"';
	expect(&options, text, "2: column name: rule value-too-long", "or an open quote");
	at = begin;
	*at++ = '"';
	fill(&at, '\n', size - 20);
	*at = 0;
	expect(&options, text, "2: column name: rule value-too-long", "with line feeds behind it");
	begin[1000] = '"';
	expect(&options, text, "2: rule columns", "one that closes somewhere makes a row with too few values");
	begin[1001] = 'x';
	expect(&options, text, "2: column name: rule quoting", "or one with something behind it");
	at = text + sprintf(text, "a,b,c,d,e\n");
	begin = at;
	for (int i = 0; i < 5; i++) {
		fill(&at, 'x', GUARD_ROW_BYTES_MAX / 5 - 1);
		*at++ = i < 4 ? ',' : '\n';
	}
	*at = 0;
	expect(&open_options, text, "", "a long row passes");
	at--;
	fill(&at, 'x', GUARD_ROW_BYTES_MAX - (size_t)(at - begin) - 1);
	strcpy(at, "\n");
	expect(&open_options, text, "", "the longest one does");
	strcpy(at, "\r\n");
	expect(&open_options, text, "2: rule value-too-long", "its line end counts");
	strcpy(at, "xx");
	expect(&open_options, text, "2: rule value-too-long", "and one byte more does not pass");
	free(text);
}

static void test_caps(void)
{
	struct guard_options capped = options;
	capped.max_records = 2;
	expect(&capped, HEADER "1,a,b\n2,c,d\n", "", "as many records as the cap pass");
	expect(&capped, HEADER "1,a,b\n2,c,d\n3,e,f\n", "4: rule records-cap", "one more does not");
	expect(&capped, HEADER "1,a,b\n2,c,d\n3", "4: rule columns", "a bad one is refused for what it is");
	capped.max_records = 0;
	capped.max_bytes = sizeof(HEADER) - 1 + 6;
	expect(&capped, HEADER "1,a,b\n", "", "as many bytes as the cap pass");
	expect(&capped, HEADER "1,a,b\n2", "3: rule bytes-cap", "one more does not");
	expect(&capped, HEADER "1,a,bb\n", "2: rule bytes-cap", "in the middle of a row either");
	expect(&capped, HEADER "1,,\n1,,\n", "3: rule bytes-cap", "what is behind the cap is not judged");
	expect(&capped, HEADER "1,\xff\n2,,\n", "2: rule columns", "what is before it is");
}

/* Small alphabets come upon everything; an independent count and every cut must agree. */
static void test_random_texts(uint64_t *state)
{
	static const char alphabet[] = "a,\"\n\"\r\n,,1";
	enum { ROUNDS = 400 };
	size_t differ = 0, passed = 0, miscounted = 0, bad_results = 0;
	for (int round = 0; round < ROUNDS; round++) {
		char text[80];
		size_t len = 4;
		memcpy(text, "a,b\n", 4);
		for (size_t more = test_random(state) % 30; more > 0; more--)
			text[len++] = alphabet[test_random(state) % (sizeof(alphabet) - 1)];
		struct outcome got;
		differ += push_every_way(&got, &open_options, "people", text, len);
		bad_results += got.result != 0 && got.result != VERDICT_AGAINST_POLICY;
		struct record_counter counter;
		records_start(&counter, RECORDS_CSV);
		records_add(&counter, text, len);
		miscounted += got.result == 0 && got.records != records_count(&counter);
		passed += got.result == 0;
	}
	is_number((int64_t)differ, 0, "random texts are judged the same however they are cut");
	is_number((int64_t)bad_results, 0, "with a verdict");
	ok(passed > ROUNDS / 100, "some pass (%zu)", passed);
	is_number((int64_t)miscounted, 0, "and those have as many records as records.c counts");
}

static void test_columns(void)
{
	struct outcome got;
	push_pieces(&got, &options, "people", HEADER, sizeof(HEADER) - 1, 0, 100, NULL);
	is_number(got.columns, 3, "the columns of the member are known");
	push_pieces(&got, &open_options, "people", "a,b\n", 4, 0, 100, NULL);
	is_number(got.columns, 2, "also when the policy has none");
}

int main(void)
{
	uint64_t state = test_seed();
	if (suite_start() != 0)
		return 1;
	test_shape();
	test_values();
	test_open();
	test_many_columns();
	test_limits();
	test_caps();
	test_columns();
	test_random_texts(&state);
	return done_testing();
}
