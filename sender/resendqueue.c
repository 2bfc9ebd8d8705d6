#include "resendqueue.h"

#include <string.h>

#include "common/text.h"
#include "common/verdict.h"

static const uint8_t *id_of(const struct spool_item *item)
{
	return item->release.statement.push_id;
}

/* 0 is a whole pass, which is more than any number of further rows. */
static bool is_more(uint8_t rows, uint8_t than)
{
	return than != 0 && (rows == 0 || rows > than);
}

/* Its index, or the count when there is none of this bundle and block. */
static size_t find(const struct resendqueue *queue, const struct resend_request *request)
{
	size_t i = 0;
	while (i < queue->count &&
	       (queue->entries[i].block != request->block ||
		memcmp(queue->entries[i].push_id, id_of(request->item), PUSH_ID_BYTES) != 0))
		i++;
	return i;
}

bool resendqueue_has_room(const struct resendqueue *queue, const struct resend_request *request)
{
	return find(queue, request) < RESENDQUEUE_MAX;
}

int resendqueue_add(struct resendqueue *queue, const struct resend_request *request, bool *was_there)
{
	size_t at = find(queue, request);
	if (at == RESENDQUEUE_MAX)
		return VERDICT_BAD_LIMIT;
	struct resend_entry *entry = &queue->entries[at];
	if (at < queue->count) {
		if (is_more(request->rows, entry->rows))
			entry->rows = request->rows;
		*was_there = true;
		return 0;
	}
	queue->count++;
	memcpy(entry->push_id, id_of(request->item), PUSH_ID_BYTES);
	entry->block = request->block;
	entry->rows = request->rows;
	*was_there = false;
	return 0;
}

bool resendqueue_at(struct resendqueue *queue, struct spool *spool, size_t index, struct resend_request *out)
{
	while (index < queue->count) {
		const struct resend_entry *entry = &queue->entries[index];
		char push_id[2 * PUSH_ID_BYTES + 1];
		struct spool_item *item =
			spool_find(spool, text_hex(push_id, sizeof(push_id), entry->push_id, PUSH_ID_BYTES));
		if (item != NULL) {
			*out = (struct resend_request){item, entry->block, entry->rows};
			return true;
		}
		resendqueue_remove(queue, index);
	}
	return false;
}

void resendqueue_remove(struct resendqueue *queue, size_t index)
{
	queue->count--;
	memmove(&queue->entries[index], &queue->entries[index + 1],
		(queue->count - index) * sizeof(queue->entries[0]));
}

uint32_t resendqueue_count_of(const struct resendqueue *queue, const struct spool_item *item)
{
	uint32_t count = 0;
	for (size_t i = 0; i < queue->count; i++)
		count += memcmp(queue->entries[i].push_id, id_of(item), PUSH_ID_BYTES) == 0;
	return count;
}
