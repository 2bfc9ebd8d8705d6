#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "guard_inside.h"

enum { ROW_SIZE_FIRST = 4096 };

void guard_rows_begin(struct guard *guard)
{
	guard->line = 1;
	guard->has_header = false;
	guard->in_quotes = false;
	guard->has_quotes = false;
	guard->row_len = 0;
}

static int append(struct guard *guard, const uint8_t *data, size_t len)
{
	if (guard->row_len + len > guard->row_size) {
		size_t size = guard->row_size == 0 ? ROW_SIZE_FIRST : guard->row_size;
		while (size < guard->row_len + len)
			size *= 2;
		/* not realloc, which would leave plaintext where it was */
		uint8_t *grown = malloc(size);
		if (grown == NULL)
			return -ENOMEM;
		if (guard->row_len > 0) {
			memcpy(grown, guard->row, guard->row_len);
			suite_wipe(guard->row, guard->row_len);
		}
		free(guard->row);
		guard->row = grown;
		guard->row_size = size;
	}
	memcpy(guard->row + guard->row_len, data, len);
	guard->row_len += len;
	return 0;
}

static bool begins_with_mark(const struct guard *guard, const uint8_t *row, size_t len)
{
	if (guard->line != 1 || len < 3 || memcmp(row, "\xef\xbb\xbf", 3) != 0)
		return false;
	return guard->encoding == ENCODING_UTF8 ||
	       (guard->encoding == ENCODING_ANY && guard->options.format == FORMAT_CSV);
}

static uint64_t count_lines(const uint8_t *row, size_t len)
{
	uint64_t lines = 0;
	for (const uint8_t *end = row + len; (row = memchr(row, '\n', (size_t)(end - row))) != NULL; row++)
		lines++;
	return lines;
}

static int judge_format(struct guard *guard, const uint8_t *row, size_t len)
{
	switch (guard->options.format) {
	case FORMAT_CSV:
		return guard_csv_row(guard, row, len, false);
	case FORMAT_JSON:
		return guard_json_row(guard, row, len);
	case FORMAT_FIXED:
		return guard_fixed_row(guard, row, len);
	default:
		return guard_line_row(guard, row, len);
	}
}

/* A whole row with its line end, if it has one. */
static int judge(struct guard *guard, const uint8_t *row, size_t len)
{
	size_t bare = len;
	bool is_header = guard->options.format == FORMAT_CSV && !guard->has_header;
	if (row[len - 1] == '\n' && !guard->in_quotes)
		bare -= len >= 2 && row[len - 2] == '\r' ? 2 : 1;
	if (begins_with_mark(guard, row, len))
		return guard_refuse(guard, GUARD_BOM, NO_COLUMN);
	int result = judge_format(guard, row, bare);
	if (result != 0)
		return result;
	if (!is_header) {
		guard->records++;
		if (guard->options.max_records != 0 && guard->records > guard->options.max_records)
			return guard_refuse(guard, GUARD_RECORDS_CAP, NO_COLUMN);
	}
	guard->line += guard->has_quotes ? count_lines(row, len) : 1;
	guard->in_quotes = false;
	guard->has_quotes = false;
	return 0;
}

/* Its first row_max bytes are all that is looked at. */
static int judge_too_long(struct guard *guard)
{
	if (begins_with_mark(guard, guard->row, guard->row_len))
		return guard_refuse(guard, GUARD_BOM, NO_COLUMN);
	switch (guard->options.format) {
	case FORMAT_CSV:
		/* the line end may have been cut in two */
		return guard_csv_row(guard, guard->row,
				     guard->row_max - (guard->row[guard->row_max - 1] == '\r'), true);
	case FORMAT_FIXED:
		return guard_refuse(guard, GUARD_WIDTH, NO_COLUMN);
	case FORMAT_JSON:
		return guard_refuse(guard, GUARD_VALUE_TOO_LONG, NO_COLUMN);
	default:
		return guard_refuse(guard, GUARD_VALUE_TOO_LONG, 0);
	}
}

/*
 * How many bytes belong to the row that is being read, its line feed included; *is_whole when it ends among
 * them.  In CSV a line feed after an odd number of quotes is part of a value, as in records.c.  next_quote
 * is where the next one stands, so that a row without any is not searched for them again.
 */
static size_t row_bytes(struct guard *guard, const uint8_t *data, const uint8_t *end,
			const uint8_t **next_quote, bool *is_whole)
{
	const uint8_t *at = data;
	for (;;) {
		const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
		const uint8_t *stop = feed != NULL ? feed : end;
		while (*next_quote < stop) {
			guard->in_quotes = !guard->in_quotes;
			guard->has_quotes = true;
			const uint8_t *behind = *next_quote + 1;
			*next_quote = memchr(behind, '"', (size_t)(end - behind));
			if (*next_quote == NULL)
				*next_quote = end;
		}
		*is_whole = feed != NULL && !guard->in_quotes;
		if (*is_whole)
			return (size_t)(feed - data) + 1;
		if (feed == NULL)
			return (size_t)(end - data);
		at = feed + 1;
	}
}

int guard_rows_add(struct guard *guard, const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len, *next_quote = end;
	if (guard->options.format == FORMAT_CSV && len > 0) {
		next_quote = memchr(data, '"', len);
		if (next_quote == NULL)
			next_quote = end;
	}
	int result = 0;
	while (result == 0 && data < end) {
		bool is_whole;
		size_t take = row_bytes(guard, data, end, &next_quote, &is_whole);
		bool is_long = take > guard->row_max - guard->row_len;
		if (is_long)
			take = guard->row_max - guard->row_len;
		if (is_whole && !is_long && guard->row_len == 0) {
			result = judge(guard, data, take);
		} else {
			result = append(guard, data, take);
			if (result == 0 && is_long)
				result = judge_too_long(guard);
			else if (result == 0 && is_whole) {
				result = judge(guard, guard->row, guard->row_len);
				guard->row_len = 0;
			}
		}
		data += take;
	}
	return result;
}

int guard_rows_end(struct guard *guard)
{
	int result = guard->row_len > 0 ? judge(guard, guard->row, guard->row_len) : 0;
	guard->row_len = 0;
	if (result == 0 && guard->options.format == FORMAT_CSV && !guard->has_header)
		result = guard_refuse(guard, GUARD_HEADER, NO_COLUMN);
	return result;
}
