#include "flow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/suite.h"
#include "common/verdict.h"

enum { FRAME_MAX = CHANNEL_HEADER_BYTES + CHANNEL_BYTES_MAX, RESERVE_MIN = 65536 };

/*
 * Read behind what is needed: many small frames at a time, but little of a payload that is large, which goes where the
 * caller wants it and would be copied.  What the last frame was the next one will be.
 */
enum { AHEAD_OF_SMALL = 262144, AHEAD_OF_LARGE = 4096, LARGE_BYTES = 65536 };
_Static_assert((int)AHEAD_OF_SMALL <= (int)FRAME_MAX, "it has room behind a frame");

struct inflow {
	int fd;
	size_t left;  /* of the payload that was begun */
	size_t ahead; /* AHEAD_OF_ */
	size_t start; /* of what was read and not yet taken */
	size_t end;
	size_t most;  /* that it ever held: what lies behind was never touched, and costs nothing */
	uint8_t data[2 * FRAME_MAX];
};

struct outflow {
	int fd;
	int result;
	size_t at;
	uint8_t data[FRAME_MAX];
};

int inflow_new(struct inflow **out, int fd)
{
	struct inflow *inflow = malloc(sizeof(*inflow));
	if (inflow == NULL)
		return -ENOMEM;
	inflow->fd = fd;
	inflow->left = inflow->start = inflow->end = inflow->most = 0;
	inflow->ahead = AHEAD_OF_SMALL;
	*out = inflow;
	return 0;
}

/* The header at the start; false when it is not all there. */
static bool peek_header(const struct inflow *inflow, uint32_t *len, uint16_t *type, uint16_t *zero)
{
	struct reader r = reader_of(inflow->data + inflow->start, inflow->end - inflow->start);
	*len = read_u32(&r);
	*type = read_u16(&r);
	*zero = read_u16(&r);
	return !r.overrun;
}

bool inflow_has_frame(const struct inflow *inflow)
{
	uint32_t len;
	uint16_t type, zero;
	return peek_header(inflow, &len, &type, &zero) &&
	       inflow->end - inflow->start >= CHANNEL_HEADER_BYTES + (size_t)len;
}

/* Reads until there are so many bytes, and what little may lie behind. */
static int fill(struct inflow *inflow, size_t wanted)
{
	/* moved only when they would not fit, so most frames never are */
	if (sizeof(inflow->data) - inflow->start < wanted + inflow->ahead || inflow->start == inflow->end) {
		memmove(inflow->data, inflow->data + inflow->start, inflow->end - inflow->start);
		inflow->end -= inflow->start;
		inflow->start = 0;
	}
	while (inflow->end - inflow->start < wanted) {
		ssize_t n = read(inflow->fd, inflow->data + inflow->end,
				 inflow->start + wanted + inflow->ahead - inflow->end);
		if (n > 0)
			inflow->end += (size_t)n;
		if (inflow->end > inflow->most)
			inflow->most = inflow->end;
		if (n == 0)
			return VERDICT_TRUNCATED;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

int inflow_begin(struct inflow *inflow, uint16_t *type, size_t *len)
{
	uint32_t payload_len;
	uint16_t payload_type, zero;
	assert(inflow->left == 0);
	int result = fill(inflow, CHANNEL_HEADER_BYTES);
	if (result != 0)
		return result == VERDICT_TRUNCATED && inflow->start == inflow->end ? -EPIPE : result;
	(void)peek_header(inflow, &payload_len, &payload_type, &zero);
	if (zero != 0 || payload_len > CHANNEL_BYTES_MAX)
		return VERDICT_BAD_PROTOCOL;
	inflow->start += CHANNEL_HEADER_BYTES;
	inflow->left = payload_len;
	inflow->ahead = payload_len < LARGE_BYTES ? AHEAD_OF_SMALL : AHEAD_OF_LARGE;
	*type = payload_type;
	*len = payload_len;
	return 0;
}

int inflow_payload(struct inflow *inflow, const uint8_t **payload)
{
	int result = fill(inflow, inflow->left);
	if (result != 0)
		return result;
	*payload = inflow->data + inflow->start;
	inflow->start += inflow->left;
	inflow->left = 0;
	return 0;
}

int inflow_next(struct inflow *inflow, uint16_t *type, const uint8_t **payload, size_t *len)
{
	int result = inflow_begin(inflow, type, len);
	return result != 0 ? result : inflow_payload(inflow, payload);
}

int inflow_take(struct inflow *inflow, void *out, size_t len)
{
	assert(len <= inflow->left);
	uint8_t *to = out;
	int result = inflow->ahead == AHEAD_OF_LARGE ? 0 : fill(inflow, len);
	if (result != 0)
		return result;
	size_t there = inflow->end - inflow->start;
	size_t at = there < len ? there : len;
	if (at > 0)
		memcpy(to, inflow->data + inflow->start, at);
	inflow->start += at;
	while (at < len) {
		/* MSG_WAITALL: this is not woken for each piece in which it comes */
		ssize_t n = recv(inflow->fd, to + at, len - at, MSG_WAITALL);
		if (n == 0)
			return VERDICT_TRUNCATED;
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	inflow->left -= len;
	return 0;
}

void inflow_free(struct inflow *inflow)
{
	if (inflow != NULL)
		suite_wipe(inflow->data, inflow->most);
	free(inflow);
}

int outflow_new(struct outflow **out, int fd)
{
	struct outflow *outflow = malloc(sizeof(*outflow));
	if (outflow == NULL)
		return -ENOMEM;
	outflow->fd = fd;
	outflow->result = 0;
	outflow->at = 0;
	*out = outflow;
	return 0;
}

int outflow_flush(struct outflow *outflow)
{
	size_t sent = 0;
	while (outflow->result == 0 && sent < outflow->at) {
		/* MSG_NOSIGNAL: a peer that has gone is a result, not a signal */
		ssize_t n = send(outflow->fd, outflow->data + sent, outflow->at - sent, MSG_NOSIGNAL);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			outflow->result = -errno;
	}
	outflow->at = 0;
	return outflow->result;
}

int outflow_reserve(struct outflow *outflow, uint8_t **payload, size_t *size)
{
	if (sizeof(outflow->data) - outflow->at < CHANNEL_HEADER_BYTES + RESERVE_MIN)
		outflow_flush(outflow);
	if (outflow->result != 0)
		return outflow->result;
	*payload = outflow->data + outflow->at + CHANNEL_HEADER_BYTES;
	*size = sizeof(outflow->data) - outflow->at - CHANNEL_HEADER_BYTES;
	return 0;
}

void outflow_commit(struct outflow *outflow, uint16_t type, size_t len)
{
	struct writer w = writer_of(outflow->data + outflow->at, CHANNEL_HEADER_BYTES);
	write_u32(&w, (uint32_t)len);
	write_u16(&w, type);
	write_u16(&w, 0);
	outflow->at += CHANNEL_HEADER_BYTES + len;
}

int outflow_add(struct outflow *outflow, uint16_t type, const void *payload, size_t len)
{
	if (len > CHANNEL_BYTES_MAX)
		return -EMSGSIZE;
	if (sizeof(outflow->data) - outflow->at < CHANNEL_HEADER_BYTES + len)
		outflow_flush(outflow);
	if (outflow->result != 0)
		return outflow->result;
	if (len > 0)
		memcpy(outflow->data + outflow->at + CHANNEL_HEADER_BYTES, payload, len);
	outflow_commit(outflow, type, len);
	return 0;
}

void outflow_free(struct outflow *outflow)
{
	if (outflow != NULL)
		suite_wipe(outflow->data, sizeof(outflow->data));
	free(outflow);
}
