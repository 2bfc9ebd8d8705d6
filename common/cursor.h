/*
 * cursor: reading and writing fixed formats in a bounded buffer, little-endian.
 *
 * A cursor never leaves its buffer.  The first access that would do so marks it as overrun; from
 * then on reads give zeros and writes do nothing, so a parser may read a whole structure and ask
 * once at its end.  The buffer stays the caller's.
 */
#ifndef WEIR_CURSOR_H
#define WEIR_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *data;
	size_t len;
	size_t at;
	bool overrun;
};

struct writer {
	uint8_t *data;
	size_t size;
	size_t at;
	bool overrun;
};

struct reader reader_of(const void *data, size_t len);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
/* Copies len bytes out; zeros when overrun. */
void read_bytes(struct reader *r, void *out, size_t len);
/* A pointer to len bytes in the buffer, and past them; NULL when overrun. */
const uint8_t *read_view(struct reader *r, size_t len);
/* Skips len bytes; true when all of them were there and zero. */
bool read_zeros(struct reader *r, size_t len);
size_t reader_left(const struct reader *r);

struct writer writer_of(void *data, size_t size);
void write_u8(struct writer *w, uint8_t value);
void write_u16(struct writer *w, uint16_t value);
void write_u32(struct writer *w, uint32_t value);
void write_u64(struct writer *w, uint64_t value);
void write_bytes(struct writer *w, const void *data, size_t len);
void write_zeros(struct writer *w, size_t len);

/* True when len bytes at data are all zero. */
bool bytes_are_zero(const void *data, size_t len);

#endif
