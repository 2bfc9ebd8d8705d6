#include "placement.h"

#include <errno.h>
#include <stdbool.h>

#include "common/geometry.h"

static int write_run(struct placement *placement)
{
	struct iovec *piece = placement->piece;
	int count = (int)placement->count;
	uint64_t offset = placement->begin;
	while (count > 0) {
		ssize_t n = pwritev(placement->fd, piece, count, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		offset += (uint64_t)n;
		size_t left = (size_t)n;
		while (count > 0 && left >= piece->iov_len) {
			left -= piece->iov_len;
			piece++;
			count--;
		}
		if (count > 0) {
			piece->iov_base = (uint8_t *)piece->iov_base + left;
			piece->iov_len -= left;
		}
	}
	return 0;
}

void placement_flush(struct placement *placement)
{
	if (placement->count == 0)
		return;
	const struct placement_listener *listener = &placement->listener;
	int result = write_run(placement);
	unsigned int count = placement->count;
	placement->count = 0;
	/* no space was promised to further rows: without it they have not come, and nothing else is wrong */
	if (placement->is_further && (result == -ENOSPC || result == -EDQUOT)) {
		listener->dropped(listener->context, count);
		return;
	}
	if (result != 0) {
		listener->failed(listener->context, placement->owner, result);
		return;
	}
	partial_set_changed(placement->partial);
	if (listener->written != NULL && placement->fd == partial_fd(placement->partial, false))
		listener->written(listener->context, placement->owner, placement->begin, placement->end);
	struct arrivals *arrivals = partial_arrivals(placement->partial);
	for (unsigned int i = 0; i < count; i++)
		if (arrivals_note(arrivals, &placement->span[i]))
			listener->decodable(listener->context, placement->owner,
					    placement->span[i].block);
}

/* Runs have no holes and no overlaps: what is in the run but not noted yet cannot come again in it. */
static bool continues_run(const struct placement *placement, const struct partial *partial, int fd,
			  uint64_t offset, bool is_further)
{
	return placement->partial == partial && placement->fd == fd && placement->end == offset &&
	       placement->is_further == is_further && placement->count < PLACEMENT_PIECES_MAX;
}

enum span_use placement_add(struct placement *placement, void *owner, struct partial *partial,
			    const struct span *span, const uint8_t *payload)
{
	bool is_repair;
	uint64_t offset = partial_offset(partial, span, &is_repair);
	int fd = partial_fd(partial, is_repair);
	const struct geometry *g = partial_geometry(partial);
	bool is_further = span->row >= (uint32_t)g->source_rows + g->repair_rows;
	if (placement->count > 0 && !continues_run(placement, partial, fd, offset, is_further))
		placement_flush(placement);
	enum span_use use = arrivals_use(partial_arrivals(partial), span);
	if (use != SPAN_NEW)
		return use;
	size_t len = (size_t)span->count * SYMBOL_BYTES;
	if (placement->count == 0) {
		placement->owner = owner;
		placement->partial = partial;
		placement->fd = fd;
		placement->begin = offset;
		placement->is_further = is_further;
	}
	/* pwritev only reads */
	placement->piece[placement->count] =
		(struct iovec){(void *)(uintptr_t)payload, len};
	placement->span[placement->count++] = *span;
	placement->end = offset + len;
	return SPAN_NEW;
}
