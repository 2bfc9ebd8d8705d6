/* Fixed width and lines, and the encodings, which those in turn try out with CSV. */
#include <errno.h>
#include <iconv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/text.h"
#include "tests/unit/push.h"

static struct policy_column columns[] = {
	{.name = "id", .width = 10, .may_hold_identity = true, .is_unique = true},
	{.name = "name", .width = 6},
	{.name = "note", .width = 12},
};
static const struct policy_pattern patterns[] = {{"note", "(?i)secret"}, {"name", "密"}};
static struct policy policy = {
	.name = "tax", .version = 1, .encoding = ENCODING_UTF8, .column_count = 3, .columns = columns,
	.pattern_count = 2, .patterns = patterns, .refuses_identity = true,
};
static struct guard_options options = {.policy = &policy, .format = FORMAT_FIXED};

static void test_fixed(void)
{
	static const struct {
		const char *text, *wanted, *sentence;
	} cases[] = {
		{"A123456789abcdef123456789012\n", "", "a line of the sum of all widths passes"},
		{"A123456789abcdef123456789012\r\n1         abcdef123456789012", "", "also with CR LF, or without an end"},
		{"", "", "nothing has no records"},
		{"\n", "1: rule width", "an empty line is too short"},
		{"A123456789abcdef12345678901\n", "1: rule width", "one byte is missing"},
		{"A123456789abcdef1234567890123\n", "1: rule width", "or one too many"},
		{"A123456789abcdef123456789012\nA", "2: rule width", "the last line is as long"},
		{"A123456789abcdef123456789012\r\r\n", "1: rule width", "one CR may go"},
		{"A123456789abcdef1234567890123456789012345678901234567890", "1: rule width", "a line without an end is too long soon"},
		{"A123456789abcdef A123456789 \n", "1: column note: rule identity", "an identity number outside its column"},
		{"A123456789abcdefA123456788  \n", "", "not with a wrong check digit"},
		{"A123456789abcdefxx Secret xx\n", "1: column note: rule deny 1", "a denied pattern"},
		{"A123456789abcdefxxxxxx\n     \n", "1: rule width", "a line feed ends a line in any column"},
		{"A123456789Secret            \n", "", "is none in another column"},
		{"A123456789密   123456789012\n", "1: column name: rule deny 2", "characters may be longer than a byte"},
		{"A123456789abcdef123456789012\nA123456789abcdef123456789012\n", "2: column id: rule unique", "a value twice"},
		{"A123456789abcd\xe5\xaf\x86" "23456789012\n", "1: column name: rule encoding", "no character lies across two columns"},
		{"A123456789abcdef1234567890\xe5\xaf\n", "1: column note: rule encoding", "nor is one cut off"},
		{"\xef\xbb\xbf" "3456789abcdef123456789012\n", "1: rule bom", "a byte order mark is refused"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&options, cases[i].text, cases[i].wanted, cases[i].sentence);
}

static void test_lines(void)
{
	static const struct policy_pattern line_patterns[] = {{"line", "^$"}, {"*", "(?i)secret"}};
	static const struct policy line_policy = {
		.name = "log", .version = 1, .encoding = ENCODING_UTF8, .pattern_count = 2,
		.patterns = line_patterns, .refuses_identity = true,
	};
	struct guard_options lines = {.policy = &line_policy, .format = FORMAT_LINES};
	expect(&lines, "one, \"two\nthree\r\n", "", "lines pass");
	expect(&lines, "one\n\ntwo\n", "2: column line: rule deny 1", "a pattern may forbid empty ones");
	expect(&lines, "one\nsecret", "2: column line: rule deny 2", "or others, also the last");
	expect(&lines, "one\n(A123456789)\n", "2: column line: rule identity", "identity numbers belong nowhere");
	expect(&lines, "one\n\xff\n", "2: column line: rule encoding", "bytes that are no UTF-8");
	expect(&lines, "\xef\xbb\xbfone\n", "1: rule bom", "and no byte order mark");
	expect(&lines, "", "", "nothing has no lines");
	static struct policy_column line_column = {.name = "line", .is_unique = true, .may_hold_identity = true};
	static const struct policy column_policy = {
		.name = "ids", .version = 1, .column_count = 1, .columns = &line_column, .refuses_identity = true,
	};
	struct guard_options ids = {.policy = &column_policy, .format = FORMAT_LINES};
	expect(&ids, "A123456789\nB\n", "", "their one column may hold identity numbers");
	expect(&ids, "A\nB\r\nA\r\n", "3: column line: rule unique", "and be unique, whatever ends them");
	char *text = malloc(GUARD_VALUE_BYTES_MAX + 10), *at = text;
	if (text == NULL)
		abort();
	fill(&at, 'x', GUARD_VALUE_BYTES_MAX);
	strcpy(at, "\r\n");
	expect(&lines, text, "", "the longest line passes");
	strcpy(at, "x\n");
	expect(&lines, text, "1: column line: rule value-too-long", "one byte more does not");
	strcpy(at, "xxx");
	expect(&lines, text, "1: column line: rule value-too-long", "nor without an end");
	free(text);
}

static void test_opaque(void)
{
	static const struct policy scanned = {.name = "files", .version = 1, .needs_scan = true};
	struct guard_options opaque = {.policy = &scanned, .format = FORMAT_OPAQUE, .max_bytes = 20, .max_records = 1};
	struct outcome got;
	push_pieces(&got, &opaque, "people", "A123456789\n\xff\n\n", 14, 0, 3, NULL);
	is_number(got.result, 0, "what is opaque is not looked into");
	is_number((int64_t)got.records, 0, "nor counted");
	push_pieces(&got, &opaque, "people", "A123456789\nA123456789", 21, 0, 3, NULL);
	is_text(got.text, "people: rule bytes-cap", "but measured");
}

/* UTF-8 text in another encoding, into a static buffer. */
static const char *in_encoding(const char *encoding, const char *text, size_t *len)
{
	static char out[4][256];
	static size_t next;
	char *target = out[next = (next + 1) % 4], *source = (char *)(uintptr_t)text;
	size_t left = strlen(text), room = sizeof(out[0]) - 1;
	iconv_t converter = iconv_open(encoding, "UTF-8");
	char *begin = target;
	if (iconv(converter, &source, &left, &target, &room) != 0)
		abort();
	iconv_close(converter);
	*len = (size_t)(target - begin);
	begin[*len] = 0;
	return begin;
}

static void expect_in(const char *encoding, const char *text, const char *wanted, const char *sentence)
{
	size_t len;
	const char *bytes = in_encoding(encoding, text, &len);
	expect_bytes(&options, bytes, len, wanted, sentence);
}

static void test_encoding(enum policy_encoding encoding, const char *name)
{
	struct encodings *encodings = NULL;
	is_number(encodings_open(&encodings), 0, "libc has the tables of the encodings");
	note("%s", name);
	policy.encoding = encoding;
	options = (struct guard_options){.policy = &policy, .format = FORMAT_CSV, .encodings = encodings};
	expect_in(name, "id,name,note\n1,王小明,許功蓋\n", "", "characters with a backslash or bar in them pass");
	expect_in(name, "id,name,note\n1,\"王,\"\"功\"\"\n蓋\",x\n", "", "also between quotes");
	expect_in(name, "id,name,note\n1,機密,x\n", "2: column name: rule deny 2", "patterns are of characters");
	expect_in(name, "id,name,note\n1,功\"蓋,x\n", "2: column name: rule quoting", "a bare quote behind one");
	expect_in(name, "id,name,note\n1,王,許A123456789蓋\n", "2: column note: rule identity", "identity numbers between characters");
	expect_in(name, "id,name,note\n1,王,Ａ１２３４５６７８９\n", "2: column note: rule identity", "also in full-width forms");
	expect_in(name, "id,name,note\n功,a,b\n蓋,a,b\n功,a,b\n", "4: column id: rule unique", "a value twice");
	expect_in(name, "id,姓名,note\n", "1: column name: rule header", "a name of the header");
	size_t len;
	char row[300];
	const char *wang = in_encoding(name, "王", &len);
	snprintf(row, sizeof(row), "id,name,note\n1,a,%.*s", (int)len - 1, wang);
	expect(&options, row, "2: column note: rule encoding", "half a character at the end");
	snprintf(row, sizeof(row), "id,name,note\n1,%.*s,b\n", (int)len - 1, wang);
	expect(&options, row, "2: column name: rule encoding", "or before a comma");
	snprintf(row, sizeof(row), "id,name,note\n1,\"%.*s\",b\n", (int)len - 1, wang);
	expect(&options, row, "2: column name: rule encoding", "or before a quote");
	expect(&options, "id,name,note\n1,\xff\xff,b\n", "2: column name: rule encoding", "bytes that are none");
	expect(&options, "id,name,note\n1,\x80,b\n", "2: column name: rule encoding", "in any column");
	expect(&options, "id,name,note\n1,a,王\n", "2: column note: rule encoding", "UTF-8 is another encoding");
	/* in Big5 its bytes are the beginning of a name */
	expect(&options, "\xef\xbb\xbfid,name,note\n",
	       encoding == ENCODING_BIG5 ? "1: column id: rule header" : "1: column id: rule encoding",
	       "and so is its mark");
	struct guard_options without = options;
	without.encodings = NULL;
	struct outcome got;
	push_pieces(&got, &without, "people", "", 0, 0, 1, NULL);
	is_number(got.result, -ENOTSUP, "without tables there is no guard");
	options.format = FORMAT_FIXED;
	options.encodings = encodings;
	expect_in(name, "1         abc   \xe8\xa8\xb1 2345678  \n", "", "widths are bytes of the encoding");
	encodings_close(encodings);
}

static void test_fixed_big5(void)
{
	struct encodings *encodings = NULL;
	encodings_open(&encodings);
	policy.encoding = ENCODING_BIG5;
	options = (struct guard_options){.policy = &policy, .format = FORMAT_FIXED, .encodings = encodings};
	expect_in("BIG5", "A123456789王小明許功蓋  1234\n", "", "a line of Big5 in fixed widths");
	expect_in("BIG5", "A123456789王密明許功蓋  1234\n", "1: column name: rule deny 2", "its patterns");
	expect_in("BIG5", "A123456789王小a許功蓋  12345\n", "1: column name: rule encoding", "and a character across two columns");
	encodings_close(encodings);
}

/* The longest value of characters that grow most. */
static void test_longest(void)
{
	struct encodings *encodings = NULL;
	encodings_open(&encodings);
	static const struct policy big5 = {.name = "log", .version = 1, .encoding = ENCODING_BIG5, .refuses_identity = true};
	struct guard_options lines = {.policy = &big5, .format = FORMAT_LINES, .encodings = encodings};
	char *text = malloc(GUARD_VALUE_BYTES_MAX + 1);
	if (text == NULL)
		abort();
	for (size_t i = 0; i < GUARD_VALUE_BYTES_MAX; i += 2)
		memcpy(text + i, "\xa4\xfd", 2);
	text[GUARD_VALUE_BYTES_MAX] = 0;
	expect(&lines, text, "", "the longest value in Big5 passes");
	free(text);
	encodings_close(encodings);
}

/* Every pair of bytes as a value: what passes is one or two characters, and comes back the same. */
static void test_every_pair(void)
{
	struct encodings *encodings = NULL;
	encodings_open(&encodings);
	iconv_t back = iconv_open("BIG5", "UTF-8");
	size_t taken = 0, changed = 0, not_utf8 = 0;
	for (unsigned int pair = 0; pair < 65536; pair++) {
		uint8_t in[2] = {(uint8_t)(pair >> 8), (uint8_t)pair}, out[4], again[8];
		size_t len = 0;
		if (!encoding_convert(encodings, ENCODING_BIG5, out, &len, in, 2))
			continue;
		taken++;
		not_utf8 += !text_is_utf8(out, len);
		char *source = (char *)out, *target = (char *)again;
		size_t room = sizeof(again);
		iconv(back, NULL, NULL, NULL, NULL);
		if (iconv(back, &source, &len, &target, &room) != 0 || room != sizeof(again) - 2 ||
		    memcmp(again, in, 2) != 0)
			changed++;
	}
	ok(taken > 16384 + 13000, "Big5 has its 13,000 characters and ASCII (%zu pairs)", taken);
	is_number((int64_t)not_utf8, 0, "what comes of them is UTF-8");
	ok(changed < 20, "and can be brought back (all but %zu)", changed);
	iconv_close(back);
	encodings_close(encodings);
}

/* All that weir-seal does with a guard once it may call nothing but what every process may. */
static void do_confined(const char *row, size_t len)
{
	static const char *const no_calls[] = {NULL};
	struct encodings *encodings = NULL;
	char problem[GUARD_PROBLEM_BYTES], number[16];
	struct guard *guard = NULL;
	struct policy big5 = policy;
	big5.encoding = ENCODING_BIG5;
	struct guard_options csv = {.policy = &big5, .format = FORMAT_CSV, .encodings = encodings};
	if (encodings_open(&encodings) != 0 || confine_calls(no_calls) != 0)
		_exit(1);
	csv.encodings = encodings;
	int result = guard_new(&guard, &csv, problem);
	if (result == 0)
		result = guard_member_begin(guard, "a");
	if (result == 0)
		result = guard_add(guard, "id,name,note\n", 13);
	for (int i = 0; result == 0 && i < 200000; i++) {
		result = guard_add(guard, number, (size_t)snprintf(number, sizeof(number), "%d", i));
		if (result == 0)
			result = guard_add(guard, row, len);
	}
	if (result == 0)
		result = guard_member_end(guard);
	guard_free(guard);
	encodings_close(encodings);
	_exit(result == 0 ? 0 : 2);
}

static void test_confined(void)
{
	size_t len;
	const char *row = in_encoding("BIG5", ",王小明,許功蓋\n", &len);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		do_confined(row, len);
	int status = 0;
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a guard takes no system call but memory and randomness once the encodings are open");
	note("status %x", (unsigned int)status);
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	test_fixed();
	test_lines();
	test_opaque();
	test_encoding(ENCODING_BIG5, "BIG5");
	test_encoding(ENCODING_CNS11643, "EUC-TW");
	test_fixed_big5();
	test_longest();
	test_every_pair();
	test_confined();
	return done_testing();
}
