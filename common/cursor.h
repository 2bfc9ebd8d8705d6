/*
 * cursor: reading and writing fixed formats in a bounded buffer, little-endian.
 *
 * A cursor never leaves its buffer.  The first access that would do so marks it as overrun; from
 * then on reads give zeros and writes do nothing, so a parser may read a whole structure and ask
 * once at its end.  The buffer stays the caller's.
 *
 * The small ones stand here, so that the compiler sees a whole header of a datagram at once: there are some 700,000 in a
 * gigabyte at MTU 1500, of twenty fields each.
 */
#ifndef WEIR_CURSOR_H
#define WEIR_CURSOR_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static inline struct reader reader_of(const void *data, size_t len)
{
	return (struct reader){.data = data, .len = len};
}

static inline size_t reader_left(const struct reader *r)
{
	return r->len - r->at;
}

/* Whether len bytes more are there; overrun otherwise. */
static inline bool read_fits(struct reader *r, size_t len)
{
	r->overrun |= len > reader_left(r);
	return !r->overrun;
}

static inline uint8_t read_u8(struct reader *r)
{
	return read_fits(r, sizeof(uint8_t)) ? r->data[r->at++] : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
	uint16_t value;
	if (!read_fits(r, sizeof(value)))
		return 0;
	memcpy(&value, r->data + r->at, sizeof(value));
	r->at += sizeof(value);
	return le16toh(value);
}

static inline uint32_t read_u32(struct reader *r)
{
	uint32_t value;
	if (!read_fits(r, sizeof(value)))
		return 0;
	memcpy(&value, r->data + r->at, sizeof(value));
	r->at += sizeof(value);
	return le32toh(value);
}

static inline uint64_t read_u64(struct reader *r)
{
	uint64_t value;
	if (!read_fits(r, sizeof(value)))
		return 0;
	memcpy(&value, r->data + r->at, sizeof(value));
	r->at += sizeof(value);
	return le64toh(value);
}

/* A pointer to len bytes in the buffer, and past them; NULL when overrun. */
const uint8_t *read_view(struct reader *r, size_t len);
/* Copies len bytes out; zeros when overrun. */
void read_bytes(struct reader *r, void *out, size_t len);
/* Skips len bytes; true when all of them were there and zero. */
bool read_zeros(struct reader *r, size_t len);

static inline struct writer writer_of(void *data, size_t size)
{
	return (struct writer){.data = data, .size = size};
}

/* Whether len bytes more have room; overrun otherwise. */
static inline bool write_fits(struct writer *w, size_t len)
{
	w->overrun |= len > w->size - w->at;
	return !w->overrun;
}

static inline void write_u8(struct writer *w, uint8_t value)
{
	if (write_fits(w, sizeof(value)))
		w->data[w->at++] = value;
}

static inline void write_u16(struct writer *w, uint16_t value)
{
	if (!write_fits(w, sizeof(value)))
		return;
	value = htole16(value);
	memcpy(w->data + w->at, &value, sizeof(value));
	w->at += sizeof(value);
}

static inline void write_u32(struct writer *w, uint32_t value)
{
	if (!write_fits(w, sizeof(value)))
		return;
	value = htole32(value);
	memcpy(w->data + w->at, &value, sizeof(value));
	w->at += sizeof(value);
}

static inline void write_u64(struct writer *w, uint64_t value)
{
	if (!write_fits(w, sizeof(value)))
		return;
	value = htole64(value);
	memcpy(w->data + w->at, &value, sizeof(value));
	w->at += sizeof(value);
}

void write_bytes(struct writer *w, const void *data, size_t len);
void write_zeros(struct writer *w, size_t len);

/* True when len bytes at data are all zero. */
bool bytes_are_zero(const void *data, size_t len);

#endif
