#include "cursor.h"

const uint8_t *read_view(struct reader *r, size_t len)
{
	if (!read_fits(r, len))
		return NULL;
	const uint8_t *view = r->data + r->at;
	r->at += len;
	return view;
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

void write_bytes(struct writer *w, const void *data, size_t len)
{
	if (!write_fits(w, len) || len == 0)
		return;
	memcpy(w->data + w->at, data, len);
	w->at += len;
}

void write_zeros(struct writer *w, size_t len)
{
	if (!write_fits(w, len))
		return;
	memset(w->data + w->at, 0, len);
	w->at += len;
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
