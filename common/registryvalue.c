#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registryparts.h"
#include "text.h"
#include "verdict.h"

const char *builder_complain(struct builder *b, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(b->wrong, sizeof(b->wrong), format, arguments);
	va_end(arguments);
	return b->wrong;
}

void *builder_extend(struct builder *b, struct vector *v, size_t item_bytes)
{
	if (v->count == v->size) {
		size_t size = v->size == 0 ? 16 : 2 * v->size;
		void *items = reallocarray(v->items, size, item_bytes);
		if (items == NULL) {
			b->result = -ENOMEM;
			return NULL;
		}
		v->items = items;
		v->size = size;
	}
	void *item = (uint8_t *)v->items + v->count++ * item_bytes;
	memset(item, 0, item_bytes);
	return item;
}

void *vector_last(const struct vector *v, size_t item_bytes)
{
	assert(v->count > 0);
	return (uint8_t *)v->items + (v->count - 1) * item_bytes;
}

/* What is stored of a line is never longer than the line, so the text's own length is enough. */
const void *builder_store(struct builder *b, const void *data, size_t len)
{
	assert(b->stored + len < b->registry->len);
	char *out = b->registry->store + b->stored;
	memcpy(out, data, len);
	out[len] = 0;
	b->stored += len + 1;
	return out;
}

const char *take_name(struct builder *b, char out[static NAME_BYTES], const char *value)
{
	if (!name_is_valid(value))
		return builder_complain(b, "it is not a name: a-z, then up to 30 of a-z 0-9 -");
	memset(out, 0, NAME_BYTES);
	snprintf(out, NAME_BYTES, "%s", value);
	return NULL;
}

const char *take_label(struct builder *b, char out[static LABEL_BYTES], const char *value)
{
	size_t len = strlen(value);
	if (len >= LABEL_BYTES)
		return builder_complain(b, "it is longer than %d bytes", LABEL_BYTES - 1);
	memcpy(out, value, len + 1);
	return NULL;
}

const char *take_time(struct builder *b, uint64_t *out, const char *value)
{
	uint64_t time_s;
	if (text_parse_time(&time_s, value) != 0 || time_s == 0)
		return builder_complain(b, "a time reads 2026-11-23 or 2026-11-23T08:00:00Z");
	*out = time_s;
	return NULL;
}

const char *take_key(struct builder *b, uint8_t out[static SUITE_KEY_BYTES], const char *value)
{
	if (text_unhex(out, SUITE_KEY_BYTES, value) == 0)
		return NULL;
	return builder_complain(
		b, "a public key is 64 lower-case hex digits, as 'key show' prints them");
}

const char *take_u64(struct builder *b, uint64_t *out, const char *value, uint64_t min, uint64_t max)
{
	uint64_t number;
	if (text_parse_u64(&number, value, max) != 0 || number < min)
		return builder_complain(b, "it is not a number from %llu to %llu",
					(unsigned long long)min, (unsigned long long)max);
	*out = number;
	return NULL;
}

const char *take_size(struct builder *b, uint64_t *out, const char *value)
{
	uint64_t size;
	if (text_parse_size(&size, value, INT64_MAX) != 0 || size == 0)
		return builder_complain(b, "it is not a number of bytes, as 1048576 or 20 GiB");
	*out = size;
	return NULL;
}

const char *take_bool(struct builder *b, bool *out, const char *value, const char *yes, const char *no)
{
	if (strcmp(value, yes) != 0 && strcmp(value, no) != 0)
		return builder_complain(b, "it is %s or %s", yes, no);
	*out = strcmp(value, yes) == 0;
	return NULL;
}

const char *take_hex_chunk(struct builder *b, struct hex *hex, const char *value)
{
	size_t len = strlen(value);
	if (strspn(value, "0123456789abcdef") != len)
		return builder_complain(b, "it is not lower-case hex digits");
	if (++hex->chunks > HEX_CHUNKS_MAX)
		return builder_complain(b, "it comes in more than %d pieces", HEX_CHUNKS_MAX);
	if (hex->len + len > HEX_DIGITS_MAX)
		return builder_complain(b, "it is longer than %d hex digits", HEX_DIGITS_MAX);
	memcpy(hex->digits + hex->len, value, len + 1);
	hex->len += len;
	return NULL;
}

const char *next_word(char *out, size_t size, const char *at)
{
	at += strspn(at, " \t");
	size_t len = strcspn(at, " \t");
	if (len == 0)
		return NULL;
	size_t taken = len < size ? len : size - 1;
	memcpy(out, at, taken);
	out[taken] = 0;
	return at + len;
}
