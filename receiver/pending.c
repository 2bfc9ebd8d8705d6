#include "pending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Records of a u32 length, a u32 state and the datagram, filled up to 8 bytes.  A record never
 * wraps: what is left at the end of the memory is a record without a datagram.
 */
enum { HEADER_BYTES = 8, ALIGN = 8, STATE_WAITS = 1, STATE_GONE = 0 };

struct record {
	uint32_t bytes; /* of the whole record */
	uint16_t len;   /* of the datagram */
	uint16_t state;
};
_Static_assert(sizeof(struct record) == HEADER_BYTES, "header");

struct pending {
	uint8_t *memory;
	size_t size;
	size_t first, used; /* bytes; the records follow one another from first on */
	size_t count;       /* that wait */
};

struct pending *pending_new(size_t size)
{
	assert(size % ALIGN == 0 && size >= 65536 + HEADER_BYTES);
	struct pending *pending = calloc(1, sizeof(*pending));
	if (pending == NULL)
		return NULL;
	/* pages that are never needed are never taken */
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		free(pending);
		return NULL;
	}
	pending->memory = memory;
	pending->size = size;
	return pending;
}

void pending_free(struct pending *pending)
{
	if (pending == NULL)
		return;
	munmap(pending->memory, pending->size);
	free(pending);
}

static struct record *record_at(const struct pending *pending, size_t at)
{
	return (struct record *)(void *)(pending->memory + at % pending->size);
}

static unsigned int drop_first(struct pending *pending)
{
	const struct record *record = record_at(pending, pending->first);
	unsigned int dropped = record->state == STATE_WAITS;
	pending->count -= dropped;
	pending->used -= record->bytes;
	pending->first = (pending->first + record->bytes) % pending->size;
	return dropped;
}

/* Room for `bytes` in one piece behind what is there; the number of records driven out. */
static unsigned int make_room(struct pending *pending, size_t bytes)
{
	unsigned int dropped = 0;
	size_t end = (pending->first + pending->used) % pending->size;
	size_t to_wrap = pending->size - end;
	size_t gap = to_wrap < bytes ? to_wrap : 0;
	while (pending->size - pending->used < gap + bytes)
		dropped += drop_first(pending);
	if (gap > 0) {
		*record_at(pending, end) = (struct record){(uint32_t)gap, 0, STATE_GONE};
		pending->used += gap;
	}
	return dropped;
}

unsigned int pending_add(struct pending *pending, const uint8_t *datagram, size_t len)
{
	assert(len <= UINT16_MAX);
	size_t bytes = (HEADER_BYTES + len + ALIGN - 1) / ALIGN * ALIGN;
	unsigned int dropped = make_room(pending, bytes);
	struct record *record = record_at(pending, pending->first + pending->used);
	*record = (struct record){(uint32_t)bytes, (uint16_t)len, STATE_WAITS};
	memcpy(record + 1, datagram, len);
	pending->used += bytes;
	pending->count++;
	return dropped;
}

void pending_replay(struct pending *pending,
		    bool (*take)(void *context, const uint8_t *datagram, size_t len), void *context)
{
	for (size_t at = 0; at < pending->used && pending->count > 0;) {
		struct record *record = record_at(pending, pending->first + at);
		if (record->state == STATE_WAITS &&
		    take(context, (const uint8_t *)(record + 1), record->len)) {
			record->state = STATE_GONE;
			pending->count--;
		}
		at += record->bytes;
	}
	if (pending->count == 0)
		pending->used = 0;
}

size_t pending_count(const struct pending *pending)
{
	return pending->count;
}
