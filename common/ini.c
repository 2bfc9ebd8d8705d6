#include "ini.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "verdict.h"

/* inih reads a line of 198 bytes with its line feed and a zero, and names of 49 bytes, uncut. */
_Static_assert(INI_LINE_BYTES + 2 <= INI_MAX_LINE, "line");

struct feed {
	const uint8_t *text;
	size_t len;
	size_t at;
	int line; /* the one that inih holds */
	ini_line *handler;
	void *context;
	int refusal;
	char *problem;
	int result;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void refuse(struct feed *feed, const char *what)
{
	if (feed->result != 0)
		return;
	feed->result = feed->refusal;
	snprintf(feed->problem, PROBLEM_BYTES, "%d: %s", feed->line, what);
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* What may stand behind a heading: blanks, or a blank and a comment. */
static bool is_idle(const char *p)
{
	if (*p != 0 && !is_blank(*p))
		return false;
	while (is_blank(*p))
		p++;
	return *p == 0 || *p == ';';
}

/* Copies the name between the brackets; NULL when good, else what is wrong. */
static const char *take_heading(char name[static INI_NAME_BYTES + 1], const char *line)
{
	size_t len = 0;
	const char *p = line + 1;
	for (; is_word_char(*p) || (*p == ' ' && len > 0 && p[-1] != ' '); p++) {
		if (len == INI_NAME_BYTES)
			return "the section name is longer than 48 bytes";
		name[len++] = *p;
	}
	if (*p != ']' || len == 0 || p[-1] == ' ' || !is_idle(p + 1))
		return "a section reads '[name]' or '[kind name]'";
	name[len] = 0;
	return NULL;
}

static const char *check_key_line(const char *line)
{
	const char *p = line;
	while (is_word_char(*p) || *p == '_')
		p++;
	size_t len = (size_t)(p - line);
	while (is_blank(*p))
		p++;
	if (len == 0 || *p != '=')
		return "it is neither '[section]' nor 'key = value' nor a comment";
	if (len > INI_NAME_BYTES)
		return "the key is longer than 48 bytes";
	p++;
	if (*p == ';' || is_idle(p))
		return *p == ';' ? "a comment needs a blank before it" : "the value is missing";
	return NULL;
}

/* NULL when inih will read the line as it is meant. */
static const char *check_line(const char *line, size_t len)
{
	if (len > INI_LINE_BYTES)
		return "the line is longer than 198 bytes";
	if (!text_is_utf8(line, len))
		return "it is not UTF-8";
	if (len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		return "it begins with a byte order mark";
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return line[i] == '\r'
				     ? "it ends with a carriage return; a line feed is enough"
				     : "it holds a control byte";
	return NULL;
}

/* What a line means: a heading is told from here, since inih tells of keys alone. */
static const char *judge_line(struct feed *feed, const char *line)
{
	if (line[0] == ';' || line[0] == '#')
		return NULL;
	if (line[0] == '[') {
		char name[INI_NAME_BYTES + 1];
		const char *wrong = take_heading(name, line);
		return wrong != NULL
			       ? wrong
			       : feed->handler(feed->context, name, NULL, NULL, feed->line);
	}
	if (is_blank(line[0]) || line[0] == 0)
		return line[strspn(line, " \t")] == 0 ? NULL : "it begins with a blank";
	return check_key_line(line);
}

/* inih's fgets.  After a refusal it sees the end of the text. */
static char *next_line(char *out, int size, void *context)
{
	struct feed *feed = context;
	if (feed->result != 0 || feed->at == feed->len)
		return NULL;
	const uint8_t *start = feed->text + feed->at;
	const uint8_t *end = memchr(start, '\n', feed->len - feed->at);
	size_t len = end != NULL ? (size_t)(end - start) : feed->len - feed->at;
	feed->line++;
	const char *wrong = end == NULL ? "the last line does not end"
					: check_line((const char *)start, len);
	if (wrong == NULL && len + 2 > (size_t)size)
		wrong = "the line is too long";
	if (wrong == NULL) {
		memcpy(out, start, len);
		out[len] = 0;
		wrong = judge_line(feed, out);
	}
	if (wrong != NULL) {
		refuse(feed, wrong);
		return NULL;
	}
	memcpy(out + len, "\n", 2);
	feed->at += len + 1;
	return out;
}

static int take_key(void *context, const char *section, const char *key, const char *value)
{
	struct feed *feed = context;
	if (feed->result != 0)
		return 0;
	const char *wrong = feed->handler(feed->context, section, key, value, feed->line);
	if (wrong != NULL)
		refuse(feed, wrong);
	return wrong == NULL;
}

int ini_read(const uint8_t *text, size_t len, int refusal, ini_line *line, void *context,
	     char problem[static PROBLEM_BYTES])
{
	struct feed feed = {
		.text = text,
		.len = len,
		.handler = line,
		.context = context,
		.refusal = refusal,
		.problem = problem,
	};
	problem[0] = 0;
	int failed = ini_parse_stream(next_line, &feed, take_key, &feed);
	if (feed.result == 0 && failed == -2)
		return -ENOMEM;
	/* never seen: inih dislikes a line that the checks above let pass */
	if (feed.result == 0 && failed != 0) {
		feed.line = failed;
		refuse(&feed, "it cannot be read");
	}
	return feed.result;
}

int ini_count_lines(const uint8_t *text, size_t len)
{
	int lines = 0;
	const uint8_t *end = text + len;
	for (const uint8_t *at = text; at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
		lines++;
	return lines > 0 ? lines : 1;
}
