#include "records.h"

#include <string.h>

void records_start(struct record_counter *counter, enum record_rule rule)
{
	*counter = (struct record_counter){.rule = rule};
}

static void add_lines(struct record_counter *counter, const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len;
	for (const uint8_t *p = data; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		counter->ended++;
	counter->in_record = end[-1] != '\n';
}

/* A quote opens or closes; a doubled one inside quotes does both, which comes to the same. */
static void add_csv(struct record_counter *counter, const uint8_t *data, size_t len)
{
	uint64_t ended = 0;
	unsigned int in_quotes = counter->in_quotes;
	for (size_t i = 0; i < len; i++) {
		in_quotes ^= data[i] == '"';
		ended += (data[i] == '\n') & ~in_quotes;
	}
	counter->ended += ended;
	counter->in_quotes = in_quotes != 0;
	counter->in_record = data[len - 1] != '\n' || in_quotes != 0;
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
