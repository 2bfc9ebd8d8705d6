#include "flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/suite.h"
#include "common/verdict.h"

enum { FRAME_MAX = CHANNEL_HEADER_BYTES + CHANNEL_BYTES_MAX, RESERVE_MIN = 65536 };

struct inflow {
	int fd;
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
	inflow->start = inflow->end = inflow->most = 0;
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

/* Reads what there is, at least one byte. */
static int fill(struct inflow *inflow, size_t wanted)
{
	/* moved only when the frame would not fit, so most frames never are */
	if (sizeof(inflow->data) - inflow->start < wanted || inflow->start == inflow->end) {
		memmove(inflow->data, inflow->data + inflow->start, inflow->end - inflow->start);
		inflow->end -= inflow->start;
		inflow->start = 0;
	}
	for (;;) {
		ssize_t n = read(inflow->fd, inflow->data + inflow->end,
				 sizeof(inflow->data) - inflow->end);
		if (n > 0)
			inflow->end += (size_t)n;
		if (inflow->end > inflow->most)
			inflow->most = inflow->end;
		if (n == 0)
			return inflow->start == inflow->end ? -EPIPE : VERDICT_TRUNCATED;
		if (n > 0 || errno != EINTR)
			return n > 0 ? 0 : -errno;
	}
}

int inflow_next(struct inflow *inflow, uint16_t *type, const uint8_t **payload, size_t *len)
{
	for (;;) {
		uint32_t payload_len = 0;
		uint16_t payload_type, zero;
		if (peek_header(inflow, &payload_len, &payload_type, &zero)) {
			if (zero != 0 || payload_len > CHANNEL_BYTES_MAX)
				return VERDICT_BAD_PROTOCOL;
			if (inflow_has_frame(inflow)) {
				*type = payload_type;
				*payload = inflow->data + inflow->start + CHANNEL_HEADER_BYTES;
				*len = payload_len;
				inflow->start += CHANNEL_HEADER_BYTES + (size_t)payload_len;
				return 0;
			}
		} else {
			payload_len = 0;
		}
		int result = fill(inflow, CHANNEL_HEADER_BYTES + (size_t)payload_len);
		if (result != 0)
			return result;
	}
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
