#include "common/ini.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

/* What the handler saw, one line a call. */
struct seen {
	char text[1024];
	const char *refuse_key;
};

static const char *record(void *context, const char *section, const char *key, const char *value,
			  int line)
{
	struct seen *seen = context;
	size_t at = strlen(seen->text);
	if (key == NULL)
		snprintf(seen->text + at, sizeof(seen->text) - at, "%d[%s]\n", line, section);
	else
		snprintf(seen->text + at, sizeof(seen->text) - at, "%d[%s]%s=%s\n", line, section,
			 key, value);
	if (key != NULL && seen->refuse_key != NULL && strcmp(key, seen->refuse_key) == 0)
		return "the handler says no";
	return NULL;
}

static int read_text(const char *text, struct seen *seen, char problem[static PROBLEM_BYTES])
{
	*seen = (struct seen){.refuse_key = seen->refuse_key};
	return ini_read((const uint8_t *)text, strlen(text), VERDICT_BAD_CONFIGURATION, record,
			seen, problem);
}

static void test_reading(void)
{
	struct seen seen = {.refuse_key = NULL};
	char problem[PROBLEM_BYTES];
	is_number(read_text("top = 1\n"
			    "; a comment\n"
			    "# another 王\n"
			    "\n"
			    " \t \n"
			    "[person wang-mei] ; a comment behind\n"
			    "a=b\n"
			    "key-2 \t = \t a value; with = and : and # in it \t ; and a comment\n"
			    "[empty]\n"
			    "[last]\n"
			    "k_3 = 王\n",
			    &seen, problem),
		  0, "a good text is read");
	is_text(seen.text,
		"1[]top=1\n6[person wang-mei]\n7[person wang-mei]a=b\n"
		"8[person wang-mei]key-2=a value; with = and : and # in it\n"
		"9[empty]\n10[last]\n11[last]k_3=王\n",
		"every heading and key is told, in order and with its line");
	is_text(problem, "", "and there is no problem");
	is_number(ini_read((const uint8_t *)"", 0, 1, record, &seen, problem), 0,
		  "an empty text is read");
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *problem, *sentence;
	} cases[] = {
		{"a = 1\nb = 2", "2: the last line does not end", "a last line without its end"},
		{"\xef\xbb\xbf[a]\n", "1: it begins with a byte order mark", "a byte order mark"},
		{"[a]\nk = \xff\n", "2: it is not UTF-8", "what is not UTF-8"},
		{"# \x1b[2J\n", "1: it holds a control byte", "a control byte in a comment"},
		{"k = v\r\n", "1: it ends with a carriage return; a line feed is enough",
		 "a carriage return"},
		{"k = \x7f\n", "1: it holds a control byte", "a delete character"},
		{"[a]\nk = v\n more\n", "3: it begins with a blank", "a line that goes on"},
		{" [a]\n", "1: it begins with a blank", "an indented section"},
		{"\t; c\n", "1: it begins with a blank", "an indented comment"},
		{"[a\n", "1: a section reads '[name]' or '[kind name]'", "a section not closed"},
		{"[]\n", "1: a section reads '[name]' or '[kind name]'",
		 "a section without a name"},
		{"[ a]\n", "1: a section reads '[name]' or '[kind name]'", "a blank before a name"},
		{"[a ]\n", "1: a section reads '[name]' or '[kind name]'", "a blank behind a name"},
		{"[a  b]\n", "1: a section reads '[name]' or '[kind name]'",
		 "two blanks in a name"},
		{"[A]\n", "1: a section reads '[name]' or '[kind name]'", "a capital in a name"},
		{"[a] b\n", "1: a section reads '[name]' or '[kind name]'",
		 "more behind a section"},
		{"[a];c\n", "1: a section reads '[name]' or '[kind name]'",
		 "a comment without a blank behind a section"},
		{"key\n", "1: it is neither '[section]' nor 'key = value' nor a comment",
		 "a key without a value"},
		{"key : value\n", "1: it is neither '[section]' nor 'key = value' nor a comment",
		 "a colon in place of the equals sign"},
		{"= value\n", "1: it is neither '[section]' nor 'key = value' nor a comment",
		 "a value without a key"},
		{"two words = v\n", "1: it is neither '[section]' nor 'key = value' nor a comment",
		 "a key of two words"},
		{"key =\n", "1: the value is missing", "an empty value"},
		{"key = \t\n", "1: the value is missing", "a blank value"},
		{"key = ; c\n", "1: the value is missing", "a comment in place of the value"},
		{"key =;c\n", "1: a comment needs a blank before it", "a comment that is none"},
	};
	struct seen seen = {.refuse_key = NULL};
	char problem[PROBLEM_BYTES];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_number(read_text(cases[i].text, &seen, problem), VERDICT_BAD_CONFIGURATION,
			  "%s is refused", cases[i].sentence);
		is_text(problem, cases[i].problem, "%s is named with its line", cases[i].sentence);
	}
	is_number(ini_read((const uint8_t *)"a = b\0c\n", 8, 5, record, &seen, problem), 5,
		  "a zero byte is refused, with the verdict of the caller");
	seen.refuse_key = "bad";
	is_number(read_text("[s]\nbad = 1\ngood = 2\n", &seen, problem),
		  VERDICT_BAD_CONFIGURATION, "what the handler refuses is refused");
	is_text(problem, "2: the handler says no", "with its reason and the line");
	is_text(seen.text, "1[s]\n2[s]bad=1\n", "and nothing is told after that");
}

/* A line with `len` letters between two texts. */
static int read_long(const char *before, int len, const char *after,
		     char problem[static PROBLEM_BYTES])
{
	struct seen seen = {.refuse_key = NULL};
	char filler[512], text[600];
	memset(filler, 'a', sizeof(filler));
	snprintf(text, sizeof(text), "%s%.*s%s", before, len, filler, after);
	return read_text(text, &seen, problem);
}

static void test_limits(void)
{
	char problem[PROBLEM_BYTES];
	is_number(read_long("k = ", 194, "\n", problem), 0, "a line of 198 bytes is read");
	is_number(read_long("k = ", 195, "\n", problem), VERDICT_BAD_CONFIGURATION,
		  "one of 199 is refused");
	is_text(problem, "1: the line is longer than 198 bytes", "and named");
	is_number(read_long("# ", 196, "\n", problem), 0, "a comment may be as long");
	is_number(read_long("# ", 197, "\n", problem), VERDICT_BAD_CONFIGURATION,
		  "but no longer");
	is_number(read_long("[", 48, "]\n", problem), 0, "a section of 48 bytes is read");
	is_number(read_long("[", 49, "]\n", problem), VERDICT_BAD_CONFIGURATION,
		  "one of 49 is refused");
	is_number(read_long("", 48, " = 1\n", problem), 0, "a key of 48 bytes is read");
	is_number(read_long("", 49, " = 1\n", problem), VERDICT_BAD_CONFIGURATION,
		  "one of 49 is refused");
}

/* Nothing that inih drops, cuts or joins may pass: what it tells is what stands there. */
static void test_nothing_is_lost(void)
{
	struct seen seen = {.refuse_key = NULL};
	char problem[PROBLEM_BYTES], text[256], wanted[300];
	char value[INI_LINE_BYTES];
	memset(value, 'v', sizeof(value));
	value[190] = 0;
	snprintf(text, sizeof(text), "[s]\nkey = %s\n", value);
	snprintf(wanted, sizeof(wanted), "1[s]\n2[s]key=%s\n", value);
	read_text(text, &seen, problem);
	is_text(seen.text, wanted, "a long value comes whole");
	is_number(ini_count_lines((const uint8_t *)"a\nb\n", 4), 2, "lines are counted");
	is_number(ini_count_lines((const uint8_t *)"", 0), 1, "and are at least one");
	is_number(ini_count_lines((const uint8_t *)"\n\n\nb", 4), 3, "empty ones as well, and the end of none is none");
}

int main(void)
{
	test_reading();
	test_refusals();
	test_limits();
	test_nothing_is_lost();
	return done_testing();
}
