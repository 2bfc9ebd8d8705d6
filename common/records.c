#include "records.h"

#include <endian.h>
#include <string.h>

enum { QUOTED_BYTES = 256 }; /* looked at word by word from a quote on */

#define EACH_BYTE UINT64_C(0x0101010101010101)

void records_start(struct record_counter *counter, enum record_rule rule)
{
	*counter = (struct record_counter){.rule = rule};
}

static void count_ends(struct record_counter *counter, const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len;
	for (const uint8_t *p = data; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		counter->ended++;
}

static void add_lines(struct record_counter *counter, const uint8_t *data, size_t len)
{
	count_ends(counter, data, len);
	counter->in_record = data[len - 1] != '\n';
}

/* 0x80 in each byte of word that equals value, 0 in the others; exact, no byte disturbs another. */
static uint64_t bytes_equal(uint64_t word, uint8_t value)
{
	uint64_t low = EACH_BYTE * 0x7f, v = word ^ EACH_BYTE * value;
	return ~(((v & low) + low) | v | low);
}

/*
 * A quote opens or closes; a doubled one inside quotes does both, which comes to the same.  Eight
 * bytes at a time, the first in the lowest: xor-ing all lower bytes into each one says for all of them
 * at once which lie in quotes.
 */
static size_t add_csv_words(struct record_counter *counter, const uint8_t *data, size_t len)
{
	uint64_t in_quotes = counter->in_quotes ? EACH_BYTE * 0x80 : 0;
	size_t at = 0;
	for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, data + at, sizeof(word));
		word = le64toh(word);
		uint64_t inside = bytes_equal(word, '"');
		inside ^= inside << 8;
		inside ^= inside << 16;
		inside ^= inside << 32;
		inside ^= in_quotes;
		uint64_t ends = bytes_equal(word, '\n') & ~inside;
		counter->ended += (ends >> 7) * EACH_BYTE >> 56;
		in_quotes = (inside >> 63) * (EACH_BYTE * 0x80);
	}
	counter->in_quotes = in_quotes != 0;
	return at;
}

static void add_quoted(struct record_counter *counter, const uint8_t *data, size_t len)
{
	for (size_t i = add_csv_words(counter, data, len); i < len; i++) {
		counter->in_quotes ^= data[i] == '"';
		counter->ended += data[i] == '\n' && !counter->in_quotes;
	}
}

/* Most exports have few quotes, and up to the next one a record ends with its line; where there are some there are more. */
static void add_csv(struct record_counter *counter, const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		if (!counter->in_quotes) {
			const uint8_t *quote = memchr(data + at, '"', len - at);
			size_t plain = quote == NULL ? len - at : (size_t)(quote - data) - at;
			count_ends(counter, data + at, plain);
			at += plain;
		}
		size_t quoted = len - at < QUOTED_BYTES ? len - at : QUOTED_BYTES;
		add_quoted(counter, data + at, quoted);
		at += quoted;
	}
	counter->in_record = data[len - 1] != '\n' || counter->in_quotes;
}

void records_add(struct record_counter *counter, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (counter->rule == RECORDS_LINES)
		add_lines(counter, data, len);
	else if (counter->rule == RECORDS_CSV)
		add_csv(counter, data, len);
}

uint64_t records_count(const struct record_counter *counter)
{
	uint64_t count = counter->ended + (counter->in_record ? 1 : 0);
	if (counter->rule == RECORDS_CSV && count > 0)
		count--; /* the header */
	return counter->rule == RECORDS_NOT_COUNTED ? 0 : count;
}
