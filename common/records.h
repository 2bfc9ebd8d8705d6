/*
 * records: counting the records of a stream as it passes.  Rules: BUNDLE.md 5, "Counting".
 */
#ifndef WEIR_RECORDS_H
#define WEIR_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_rule {
	RECORDS_NOT_COUNTED = 0,
	RECORDS_LINES = 1,
	RECORDS_CSV = 2, /* RFC 4180; the header is not counted */
};

struct record_counter {
	enum record_rule rule;
	uint64_t ended;   /* line feeds outside quotes */
	bool in_record;   /* bytes have come since the last one */
	bool in_quotes;
};

void records_start(struct record_counter *counter, enum record_rule rule);
void records_add(struct record_counter *counter, const void *data, size_t len);
/* Records so far, as if the stream ended here; 0 when not counted. */
uint64_t records_count(const struct record_counter *counter);

#endif
