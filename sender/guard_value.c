#include <string.h>

#include "common/identity.h"
#include "common/text.h"
#include "guard_inside.h"

static bool is_ascii(const uint8_t *p, size_t len)
{
	uint64_t word, high = 0;
	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		high |= word;
	}
	uint8_t rest = 0;
	for (; len > 0; len--)
		rest |= *p++;
	return ((high & UINT64_C(0x8080808080808080)) | (rest & 0x80)) == 0;
}

static size_t undo_doubled(uint8_t *out, const struct span *raw)
{
	size_t len = 0;
	for (size_t i = 0; i < raw->len; i++) {
		out[len++] = raw->data[i];
		if (raw->data[i] == '"')
			i++; /* its twin */
	}
	return len;
}

static bool convert(struct guard *guard, struct span *text)
{
	if (ENCODING_GROWTH * text->len > guard->text_most)
		guard->text_most = ENCODING_GROWTH * text->len;
	if (!encoding_convert(guard->options.encodings, guard->encoding, guard->text, &text->len, text->data,
			      text->len))
		return false;
	text->data = guard->text;
	return true;
}

void guard_convert_row(struct guard *guard, const uint8_t **row, size_t *len)
{
	struct span text = {.data = *row, .len = *len};
	guard->is_converted = guard->encoding > ENCODING_UTF8 &&
			      (is_ascii(*row, *len) || convert(guard, &text));
	if (guard->is_converted) {
		*row = text.data;
		*len = text.len;
	}
}

/*
 * Quotes are undone in the encoding as it is: 0x22 is no second byte of Big5 (0x40 to 0x7e, 0xa1 to
 * 0xfe) and no byte of a character of EUC-TW.
 */
bool guard_decode(struct guard *guard, const struct span *raw, struct span *text)
{
	*text = *raw;
	if (raw->has_doubled) {
		text->len = undo_doubled(guard->plain, raw);
		text->data = guard->plain;
		if (text->len > guard->plain_most)
			guard->plain_most = text->len;
	}
	if (guard->is_converted || guard->encoding == ENCODING_ANY || is_ascii(text->data, text->len))
		return true;
	return guard->encoding == ENCODING_UTF8 ? text_is_utf8(text->data, text->len)
						: convert(guard, text);
}

static int refuse_pattern(struct guard *guard, enum guard_rule rule, int index, size_t pattern)
{
	int result = guard_refuse(guard, rule, index);
	/* else something before it was found */
	if (guard->finding.rule == rule)
		guard->finding.pattern = (uint32_t)pattern + 1;
	return result;
}

static int try_patterns(struct guard *guard, const struct guard_column *column, int index,
			const struct span *text)
{
	for (size_t word = 0; word < PATTERN_WORDS; word++)
		for (uint64_t bits = column->patterns[word]; bits != 0; bits &= bits - 1) {
			size_t pattern = word * 64 + (size_t)__builtin_ctzll(bits);
			enum pattern_result tried =
				patterns_try(guard->patterns, pattern, text->data, text->len);
			if (tried != PATTERN_PASSES)
				return refuse_pattern(guard,
						      tried == PATTERN_MATCHES ? GUARD_DENY
									       : GUARD_DENY_LIMIT,
						      index, pattern);
		}
	return 0;
}

static int judge_unique(struct guard *guard, const struct guard_column *column, int index,
			const struct span *text)
{
	if (guard->unique_count == GUARD_UNIQUE_MAX)
		return guard_refuse(guard, GUARD_UNIQUE_LIMIT, index);
	guard->unique_count++;
	guard->pending[guard->pending_count++] = (struct pending){
		.unique = column->unique,
		.hash = unique_hash(column->unique, text->data, text->len),
		.line = guard->line,
		.column = index,
	};
	return guard->pending_count == PENDING_MAX ? guard_settle_unique(guard) : 0;
}

int guard_judge(struct guard *guard, const struct guard_column *column, int index,
		const struct span *text)
{
	size_t at;
	if (column->judges_identity && !guard->has_no_identity && identity_find(text->data, text->len, &at))
		return guard_refuse(guard, GUARD_IDENTITY, index);
	int result = column->has_patterns ? try_patterns(guard, column, index, text) : 0;
	if (result == 0 && column->unique != NULL)
		result = judge_unique(guard, column, index, text);
	return result;
}

/* Every value is decoded, whether or not it is judged. */
static int decode_all(struct guard *guard)
{
	for (size_t i = 0; i < guard->span_count; i++) {
		struct span text;
		if (!guard_decode(guard, &guard->spans[i], &text))
			return guard_refuse(guard, GUARD_ENCODING, (int)i);
	}
	return 0;
}

/*
 * Whether what is not ASCII in the row is in the encoding.  The marks between values are ASCII and no
 * part of a longer character, so that a row of UTF-8 is looked at as a whole, but for fixed widths,
 * which could part a character.
 */
static int judge_encoding(struct guard *guard, const uint8_t *row, size_t len)
{
	if (guard->encoding == ENCODING_ANY || guard->is_converted)
		return 0;
	if (guard->encoding == ENCODING_UTF8 && guard->options.format != FORMAT_FIXED)
		return text_is_utf8(row, len) ? 0 : decode_all(guard);
	return is_ascii(row, len) ? 0 : decode_all(guard);
}

/*
 * Looks at all values of CSV that stand side by side at once, as most rows have no identity number where none
 * belongs.  Commas and quotes part words as ends of values do, so none is missed; where one is found, each value
 * is looked at for itself.
 */
static bool has_no_identity(const struct guard *guard)
{
	size_t at;
	if (guard->options.format != FORMAT_CSV)
		return false;
	for (size_t i = 0; i < guard->stretch_count; i++) {
		const uint8_t *begin = guard->spans[guard->stretches[i].first].data;
		const struct span *last = &guard->spans[guard->stretches[i].last];
		if (identity_find(begin, (size_t)(last->data - begin) + last->len, &at))
			return false;
	}
	return true;
}

int guard_judge_row(struct guard *guard, const uint8_t *row, size_t len)
{
	/* a value is no longer than its row */
	for (size_t i = 0; len > GUARD_VALUE_BYTES_MAX && i < guard->span_count; i++)
		if (guard->spans[i].len > GUARD_VALUE_BYTES_MAX)
			return guard_refuse(guard, GUARD_VALUE_TOO_LONG, (int)i);
	int result = judge_encoding(guard, row, len);
	guard->has_no_identity = result == 0 && has_no_identity(guard);
	const uint32_t *columns = guard->has_no_identity ? guard->busy : guard->judged;
	size_t count = guard->has_no_identity ? guard->busy_count : guard->judged_count;
	for (size_t n = 0; result == 0 && n < count; n++) {
		uint32_t i = columns[n];
		struct span text = guard->spans[i];
		/* found to be in the encoding; UTF-8 without doubled quotes stays as it is */
		if (text.has_doubled || guard->encoding > ENCODING_UTF8)
			(void)guard_decode(guard, &guard->spans[i], &text);
		result = guard_judge(guard, &guard->columns[i], (int)i, &text);
	}
	return result;
}
