/*
 * JSON lines: each line is one object of RFC 8259 whose values are no objects and no arrays.  Escapes are
 * undone before anything is judged, in keys as well, so that \u0041 is an A to every rule.
 */
#include <string.h>

#include "common/text.h"
#include "common/verdict.h"
#include "guard_inside.h"

enum { ESCAPE_DIGITS = 4 };

struct scan {
	struct guard *guard;
	const uint8_t *at, *end;
	int column;                    /* of the key that is read, for findings */
	size_t expected;               /* the column that comes next if the order is the policy's */
	uint64_t seen[COLUMN_WORDS];
	size_t key_count;
};

static int refuse(struct scan *scan, enum guard_rule rule)
{
	(void)guard_refuse(scan->guard, rule, scan->column);
	return VERDICT_AGAINST_POLICY; /* said here, so that an analyser sees what follows from it */
}

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r'))
		scan->at++;
}

static bool take(struct scan *scan, uint8_t c)
{
	skip_blanks(scan);
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

/* Four hex digits behind "\u"; false when they are not there. */
static bool take_unit(struct scan *scan, uint32_t *unit)
{
	if (scan->end - scan->at < ESCAPE_DIGITS)
		return false;
	*unit = 0;
	for (size_t i = 0; i < ESCAPE_DIGITS; i++) {
		uint8_t c = *scan->at++, low = c | 0x20;
		if (c >= '0' && c <= '9')
			*unit = *unit << 4 | (c - (uint32_t)'0');
		else if (low >= 'a' && low <= 'f')
			*unit = *unit << 4 | (low - (uint32_t)'a' + 10);
		else
			return false;
	}
	return true;
}

static size_t put_utf8(uint8_t *out, uint32_t point)
{
	if (point < 0x80) {
		out[0] = (uint8_t)point;
		return 1;
	}
	size_t bytes = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = bytes; i-- > 1; point >>= 6)
		out[i] = (uint8_t)(0x80 | (point & 0x3f));
	out[0] = (uint8_t)((0xf00U >> bytes) | point);
	return bytes;
}

/* Half a surrogate pair is no character. */
static bool take_point(struct scan *scan, uint32_t *point)
{
	uint32_t low;
	if (!take_unit(scan, point) || (*point >= 0xdc00 && *point <= 0xdfff))
		return false;
	if (*point < 0xd800 || *point > 0xdbff)
		return true;
	if (scan->end - scan->at < 2 || scan->at[0] != '\\' || scan->at[1] != 'u')
		return false;
	scan->at += 2;
	if (!take_unit(scan, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*point = 0x10000 + ((*point - 0xd800) << 10 | (low - 0xdc00));
	return true;
}

/* What is behind a backslash; *len grows by what it stands for, which is shorter than it is written. */
static bool take_escape(struct scan *scan, uint8_t *out, size_t *len)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	if (scan->at == scan->end)
		return false;
	uint8_t c = *scan->at++;
	if (c == 'u') {
		uint32_t point;
		if (!take_point(scan, &point))
			return false;
		*len += put_utf8(out + *len, point);
		return true;
	}
	const char *letter = c != 0 ? strchr(letters, c) : NULL;
	if (letter == NULL)
		return false;
	out[(*len)++] = (uint8_t)meant[letter - letters];
	return true;
}

/* The plain characters from here on: up to a quote, a backslash, or what may not stand in a string. */
static size_t plain_bytes(const struct scan *scan)
{
	const uint8_t *p = scan->at;
	while (p < scan->end && *p >= 0x20 && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - scan->at);
}

static int undo_escapes(struct scan *scan, const uint8_t *begin, size_t *len)
{
	uint8_t *out = scan->guard->plain;
	while (scan->at < scan->end && *scan->at == '\\') {
		scan->at++;
		if (!take_escape(scan, out, len))
			return refuse(scan, GUARD_JSON);
		size_t more = plain_bytes(scan);
		/* as it is written, so that the buffer holds what comes of it */
		if ((size_t)(scan->at - begin) + more > GUARD_VALUE_BYTES_MAX)
			return refuse(scan, GUARD_VALUE_TOO_LONG);
		memcpy(out + *len, scan->at, more);
		*len += more;
		scan->at += more;
	}
	return 0;
}

/* The string whose opening quote is behind. */
static int take_string(struct scan *scan, struct span *text)
{
	struct guard *guard = scan->guard;
	const uint8_t *begin = scan->at;
	size_t len = plain_bytes(scan);
	scan->at += len;
	if (len > GUARD_VALUE_BYTES_MAX)
		return refuse(scan, GUARD_VALUE_TOO_LONG);
	*text = (struct span){.data = begin, .len = len};
	if (scan->at < scan->end && *scan->at == '"') {
		scan->at++;
		return 0;
	}
	memcpy(guard->plain, begin, len);
	int result = undo_escapes(scan, begin, &len);
	/* more than was written at any time, also by what was refused */
	if ((size_t)(scan->at - begin) > guard->plain_most)
		guard->plain_most = (size_t)(scan->at - begin);
	if (result != 0)
		return result;
	*text = (struct span){.data = guard->plain, .len = len};
	if (scan->at == scan->end || *scan->at != '"')
		return refuse(scan, GUARD_JSON);
	scan->at++;
	return 0;
}

static size_t take_digits(struct scan *scan)
{
	const uint8_t *begin = scan->at;
	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return (size_t)(scan->at - begin);
}

/* At once, without blanks before it. */
static bool take_one_of(struct scan *scan, uint8_t a, uint8_t b)
{
	if (scan->at == scan->end || (*scan->at != a && *scan->at != b))
		return false;
	scan->at++;
	return true;
}

static bool take_number(struct scan *scan)
{
	(void)take_one_of(scan, '-', '-');
	const uint8_t *first = scan->at;
	size_t digits = take_digits(scan);
	if (digits == 0 || (digits > 1 && *first == '0'))
		return false;
	if (take_one_of(scan, '.', '.') && take_digits(scan) == 0)
		return false;
	if (take_one_of(scan, 'e', 'E')) {
		(void)take_one_of(scan, '+', '-');
		return take_digits(scan) > 0;
	}
	return true;
}

static bool take_word(struct scan *scan)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);
		if ((size_t)(scan->end - scan->at) >= len && memcmp(scan->at, words[i], len) == 0) {
			scan->at += len;
			return true;
		}
	}
	return false;
}

/* A number or word is judged as it is written. */
static int take_value(struct scan *scan, struct span *text)
{
	skip_blanks(scan);
	const uint8_t *begin = scan->at;
	if (begin == scan->end)
		return refuse(scan, GUARD_JSON);
	if (*begin == '"') {
		scan->at++;
		return take_string(scan, text);
	}
	if (*begin == '{' || *begin == '[')
		return refuse(scan, GUARD_NESTED);
	if (!take_word(scan) && !take_number(scan))
		return refuse(scan, GUARD_JSON);
	*text = (struct span){.data = begin, .len = (size_t)(scan->at - begin)};
	return text->len > GUARD_VALUE_BYTES_MAX ? refuse(scan, GUARD_VALUE_TOO_LONG) : 0;
}

static bool is_column(const struct scan *scan, size_t i, const struct span *key)
{
	const char *name = scan->guard->columns[i].name;
	return strlen(name) == key->len && memcmp(name, key->data, key->len) == 0;
}

/* One of the policy's columns, once. */
static int find_column(struct scan *scan, const struct span *key, const struct guard_column **column)
{
	size_t count = scan->guard->column_count, i = scan->expected;
	for (size_t tried = 0; i >= count || !is_column(scan, i, key); tried++) {
		if (tried == count)
			return refuse(scan, GUARD_COLUMNS);
		i = i + 1 >= count ? 0 : i + 1;
	}
	scan->column = (int)i;
	if (scan->seen[i / 64] >> i % 64 & 1)
		return refuse(scan, GUARD_JSON);
	scan->seen[i / 64] |= UINT64_C(1) << i % 64;
	scan->expected = i + 1;
	scan->key_count++;
	*column = &scan->guard->columns[i];
	return 0;
}

/* The policy names no columns: any key, once.  Keys are compared as hashes, and there are few. */
static int learn_column(struct scan *scan, const struct span *key, const struct guard_column **column)
{
	static const uint8_t no_secret[SUITE_TAG_BYTES];
	if (scan->key_count == POLICY_COLUMNS_MAX)
		return refuse(scan, GUARD_COLUMNS);
	scan->column = (int)scan->key_count;
	uint8_t(*keys)[SUITE_TAG_BYTES] = scan->guard->keys;
	suite_tag(keys[scan->key_count], key->data, key->len, no_secret);
	for (size_t i = 0; i < scan->key_count; i++)
		if (memcmp(keys[i], keys[scan->key_count], SUITE_TAG_BYTES) == 0)
			return refuse(scan, GUARD_JSON);
	scan->key_count++;
	guard_set_column(scan->guard, &scan->guard->other, key->data, key->len);
	*column = &scan->guard->other;
	return 0;
}

static int take_pair(struct scan *scan)
{
	const struct guard_column *column = NULL;
	struct span text;
	scan->column = NO_COLUMN;
	if (!take(scan, '"'))
		return refuse(scan, GUARD_JSON);
	int result = take_string(scan, &text);
	if (result != 0)
		return result;
	result = scan->guard->column_count > 0 ? find_column(scan, &text, &column)
					       : learn_column(scan, &text, &column);
	if (result != 0)
		return result;
	if (!take(scan, ':'))
		return refuse(scan, GUARD_JSON);
	result = take_value(scan, &text);
	return result != 0 ? result : guard_judge(scan->guard, column, scan->column, &text);
}

int guard_json_row(struct guard *guard, const uint8_t *data, size_t len)
{
	struct scan scan = {.guard = guard, .at = data, .end = data + len, .column = NO_COLUMN};
	if (!text_is_utf8(data, len))
		return refuse(&scan, GUARD_ENCODING);
	if (!take(&scan, '{'))
		return refuse(&scan, GUARD_JSON);
	bool is_empty = take(&scan, '}');
	while (!is_empty) {
		int result = take_pair(&scan);
		if (result != 0)
			return result;
		if (take(&scan, '}'))
			break;
		if (!take(&scan, ','))
			return refuse(&scan, GUARD_JSON);
	}
	scan.column = NO_COLUMN;
	skip_blanks(&scan);
	if (scan.at != scan.end)
		return refuse(&scan, GUARD_JSON);
	return guard->column_count == 0 || scan.key_count == guard->column_count
		       ? 0
		       : refuse(&scan, GUARD_COLUMNS);
}
