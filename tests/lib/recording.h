/*
 * recording: the log that recorder(tests/lib/recorder.c) writes: a record and its bytes, filled up
 * to a multiple of 8, again and again.
 */
#ifndef WEIR_TEST_RECORDING_H
#define WEIR_TEST_RECORDING_H

#include <stdint.h>

enum record_type {
	RECORD_WRITE = 1, /* len bytes at this offset of the disk */
	RECORD_FLUSH = 2, /* all writes before it are durable; no bytes */
	RECORD_MARK = 3,  /* a line of text */
};

struct record {
	uint32_t type; /* enum record_type */
	uint32_t len;
	uint64_t offset;
};

#endif
