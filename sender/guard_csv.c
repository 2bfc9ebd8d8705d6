/*
 * RFC 4180, strictly.  Bytes are looked at one by one in every encoding: quote, comma, carriage return and
 * line feed are below 0x40, and no second byte of Big5, nor any byte of a longer character of UTF-8 or
 * EUC-TW, is.
 */
#include <string.h>

#include "guard_inside.h"

static int add_span(struct guard *guard, const uint8_t *data, size_t len, bool has_doubled)
{
	if (guard->span_count > POLICY_COLUMNS_MAX)
		return guard_refuse(guard, guard->has_header ? GUARD_COLUMNS : GUARD_HEADER, NO_COLUMN);
	guard->spans[guard->span_count++] = (struct span){data, len, has_doubled};
	return 0;
}

/* What cannot be read on, because the row is only the beginning of one. */
static int refuse_cut(struct guard *guard)
{
	return guard_refuse(guard, GUARD_VALUE_TOO_LONG, (int)guard->span_count);
}

/*
 * The quoted value whose opening quote is behind; *at moves behind the closing one.  Only a comma or the end
 * of the row may follow.
 */
static int take_quoted(struct guard *guard, const uint8_t **at, const uint8_t *end, bool is_cut)
{
	const uint8_t *begin = *at, *quote = begin;
	bool has_doubled = false;
	for (;;) {
		quote = memchr(quote, '"', (size_t)(end - quote));
		if (quote == NULL)
			return is_cut ? refuse_cut(guard)
				      : guard_refuse(guard, GUARD_QUOTING, (int)guard->span_count);
		if (quote + 1 == end || quote[1] != '"')
			break;
		has_doubled = true;
		quote += 2;
	}
	*at = quote + 1;
	if (is_cut && *at == end)
		return refuse_cut(guard);
	if (*at < end && **at != ',')
		return guard_refuse(guard, GUARD_QUOTING, (int)guard->span_count);
	return add_span(guard, begin, (size_t)(quote - begin), has_doubled);
}

static int take_bare(struct guard *guard, const uint8_t **at, const uint8_t *end, bool is_strange)
{
	const uint8_t *begin = *at, *comma = memchr(begin, ',', (size_t)(end - begin));
	*at = comma != NULL ? comma : end;
	size_t len = (size_t)(*at - begin);
	/* looked for only in rows that have one somewhere */
	if (is_strange && (memchr(begin, '"', len) != NULL || memchr(begin, '\r', len) != NULL))
		return guard_refuse(guard, GUARD_QUOTING, (int)guard->span_count);
	return add_span(guard, begin, len, false);
}

static int split(struct guard *guard, const uint8_t *data, size_t len, bool is_cut)
{
	const uint8_t *at = data, *end = data + len;
	bool is_strange = guard->has_quotes || memchr(data, '\r', len) != NULL;
	guard->span_count = 0;
	for (;;) {
		int result;
		if (at < end && *at == '"') {
			at++;
			result = take_quoted(guard, &at, end, is_cut);
		} else {
			result = take_bare(guard, &at, end, is_strange);
		}
		if (result != 0)
			return result;
		if (guard->spans[guard->span_count - 1].len > GUARD_VALUE_BYTES_MAX)
			return guard_refuse(guard, GUARD_VALUE_TOO_LONG, (int)guard->span_count - 1);
		if (at == end)
			return 0;
		at++; /* the comma */
	}
}

/* The policy's columns, all of them, in its order. */
static int compare_header(struct guard *guard)
{
	size_t count = guard->policy->column_count;
	for (size_t i = 0; i < count || i < guard->span_count; i++) {
		struct span text;
		if (i == count || i == guard->span_count)
			return guard_refuse(guard, GUARD_HEADER, (int)i);
		if (!guard_decode(guard, &guard->spans[i], &text))
			return guard_refuse(guard, GUARD_ENCODING, (int)i);
		const char *name = guard->columns[i].name;
		if (text.len != strlen(name) || memcmp(text.data, name, text.len) != 0)
			return guard_refuse(guard, GUARD_HEADER, (int)i);
	}
	return 0;
}

/* The policy names none: what the header has, with the patterns for columns of these names. */
static int learn_header(struct guard *guard)
{
	if (guard->span_count > POLICY_COLUMNS_MAX)
		return guard_refuse(guard, GUARD_HEADER, NO_COLUMN);
	for (size_t i = 0; i < guard->span_count; i++) {
		struct span text;
		if (!guard_decode(guard, &guard->spans[i], &text))
			return guard_refuse(guard, GUARD_ENCODING, (int)i);
		guard_set_column(guard, &guard->columns[i], text.data, text.len);
	}
	guard->column_count = guard->span_count;
	guard_find_judged(guard);
	return 0;
}

int guard_csv_row(struct guard *guard, const uint8_t *data, size_t len, bool is_cut)
{
	if (!is_cut)
		guard_convert_row(guard, &data, &len);
	int result = split(guard, data, len, is_cut);
	if (result != 0)
		return result;
	if (is_cut)
		return guard_refuse(guard, GUARD_VALUE_TOO_LONG, NO_COLUMN);
	if (guard->has_header) {
		if (guard->span_count != guard->column_count)
			return guard_refuse(guard, GUARD_COLUMNS, NO_COLUMN);
		return guard_judge_row(guard, data, len);
	}
	result = guard->policy->column_count > 0 ? compare_header(guard) : learn_header(guard);
	guard->has_header = true;
	guard->columns_found = (uint32_t)guard->column_count;
	return result;
}
