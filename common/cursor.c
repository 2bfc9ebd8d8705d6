#include "cursor.h"

#include <string.h>

struct reader reader_of(const void *data, size_t len)
{
	return (struct reader){.data = data, .len = len};
}

size_t reader_left(const struct reader *r)
{
	return r->len - r->at;
}

const uint8_t *read_view(struct reader *r, size_t len)
{
	if (r->overrun || len > reader_left(r)) {
		r->overrun = true;
		return NULL;
	}
	const uint8_t *view = r->data + r->at;
	r->at += len;
	return view;
}

static uint64_t read_little_endian(struct reader *r, size_t len)
{
	const uint8_t *p = read_view(r, len);
	uint64_t value = 0;
	if (p != NULL)
		for (size_t i = 0; i < len; i++)
			value |= (uint64_t)p[i] << (8 * i);
	return value;
}

uint8_t read_u8(struct reader *r)
{
	return (uint8_t)read_little_endian(r, 1);
}

uint16_t read_u16(struct reader *r)
{
	return (uint16_t)read_little_endian(r, 2);
}

uint32_t read_u32(struct reader *r)
{
	return (uint32_t)read_little_endian(r, 4);
}

uint64_t read_u64(struct reader *r)
{
	return read_little_endian(r, 8);
}

void read_bytes(struct reader *r, void *out, size_t len)
{
	const uint8_t *p = read_view(r, len);
	if (p != NULL)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

bool read_zeros(struct reader *r, size_t len)
{
	const uint8_t *p = read_view(r, len);
	return p != NULL && bytes_are_zero(p, len);
}

struct writer writer_of(void *data, size_t size)
{
	return (struct writer){.data = data, .size = size};
}

static uint8_t *write_view(struct writer *w, size_t len)
{
	if (w->overrun || len > w->size - w->at) {
		w->overrun = true;
		return NULL;
	}
	uint8_t *view = w->data + w->at;
	w->at += len;
	return view;
}

static void write_little_endian(struct writer *w, uint64_t value, size_t len)
{
	uint8_t *p = write_view(w, len);
	if (p != NULL)
		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)(value >> (8 * i));
}

void write_u8(struct writer *w, uint8_t value)
{
	write_little_endian(w, value, 1);
}

void write_u16(struct writer *w, uint16_t value)
{
	write_little_endian(w, value, 2);
}

void write_u32(struct writer *w, uint32_t value)
{
	write_little_endian(w, value, 4);
}

void write_u64(struct writer *w, uint64_t value)
{
	write_little_endian(w, value, 8);
}

void write_bytes(struct writer *w, const void *data, size_t len)
{
	uint8_t *p = write_view(w, len);
	if (p != NULL && len > 0)
		memcpy(p, data, len);
}

void write_zeros(struct writer *w, size_t len)
{
	uint8_t *p = write_view(w, len);
	if (p != NULL)
		memset(p, 0, len);
}

bool bytes_are_zero(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t any = 0, word;
	size_t i = 0;
	for (; len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		any |= word;
	}
	for (; i < len; i++)
		any |= p[i];
	return any == 0;
}
