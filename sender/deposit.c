#include "deposit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "common/io.h"
#include "common/verdict.h"

int deposit_open(struct deposit *deposit, const char *path)
{
	*deposit = (struct deposit){.fd = -1, .begin_ms = DEPOSIT_BEGIN_MS, .where = "spool"};
	int fd = channel_connect(path);
	int result = fd < 0 ? fd : channel_set_patience(fd, DEPOSIT_STALL_MS);
	if (result != 0) {
		io_close(fd);
		return result;
	}
	channel_send_ahead(fd);
	deposit->fd = fd;
	return 0;
}

/* One frame of a kind; a refusal is the result. */
static int receive(struct deposit *deposit, uint16_t wanted, struct local_accepted *accepted)
{
	uint8_t payload[LOCAL_REFUSED_MAX];
	uint16_t type;
	size_t len;
	int result = channel_receive(deposit->fd, &type, payload, sizeof(payload), &len);
	if (result == -EPIPE || result == VERDICT_TRUNCATED)
		return -ECONNRESET;
	if (result == -EAGAIN)
		return -ETIMEDOUT;
	if (result != 0)
		return result;
	if (type == LOCAL_REFUSED) {
		struct local_refused refused;
		result = local_refused_decode(&refused, payload, len);
		if (result != 0)
			return result;
		snprintf(deposit->where, sizeof(deposit->where), "%s", refused.where);
		deposit->is_told = true;
		return refused.result;
	}
	if (type != wanted)
		return VERDICT_BAD_PROTOCOL;
	if (wanted == LOCAL_ACCEPTED)
		return local_accepted_decode(accepted, payload, len);
	return len == 0 ? 0 : VERDICT_BAD_PROTOCOL;
}

/* A hold that has hung up has said why before.  One that takes nothing any more has half a frame. */
static int or_refusal(struct deposit *deposit, int result)
{
	if (result == -EAGAIN) {
		deposit->is_stuck = true;
		return -ETIMEDOUT;
	}
	return result == -EPIPE || result == -ECONNRESET ? receive(deposit, LOCAL_REFUSED, NULL)
							 : result;
}

void deposit_note(struct deposit *deposit, const struct local_note *note)
{
	uint8_t payload[LOCAL_NOTE_MAX];
	if (!deposit->is_stuck)
		(void)channel_send(deposit->fd, LOCAL_NOTE, payload, local_note_encode(payload, note));
}

int deposit_begin(struct deposit *deposit, const struct local_caller *caller)
{
	uint8_t payload[LOCAL_CALLER_BYTES];
	local_caller_encode(payload, caller);
	struct pollfd slot = {.fd = deposit->fd, .events = POLLIN};
	int result = or_refusal(deposit, channel_send(deposit->fd, LOCAL_INTAKE, payload,
							      sizeof(payload)));
	if (result != 0)
		return result;
	int ready = poll(&slot, 1, (int)deposit->begin_ms);
	if (ready < 0)
		return -errno;
	return ready == 0 ? -ETIMEDOUT : receive(deposit, LOCAL_READY, NULL);
}

int deposit_body(void *context, const void *data, size_t len)
{
	struct deposit *deposit = context;
	const uint8_t *p = data;
	while (len > 0) {
		size_t n = len < CHANNEL_BYTES_MAX ? len : CHANNEL_BYTES_MAX;
		int result = channel_send(deposit->fd, LOCAL_BODY, p, n);
		if (result != 0) {
			deposit->refusal = or_refusal(deposit, result);
			return result;
		}
		p += n;
		len -= n;
	}
	return 0;
}

int deposit_hear(struct deposit *deposit)
{
	deposit->refusal = receive(deposit, LOCAL_REFUSED, NULL);
	return -ECONNRESET;
}

int deposit_result(const struct deposit *deposit, int result)
{
	return result < 0 && deposit->refusal != 0 ? deposit->refusal : result;
}

int deposit_commit(struct deposit *deposit, const struct local_commit *commit,
		   struct local_accepted *accepted)
{
	uint8_t payload[LOCAL_COMMIT_MAX];
	size_t len = local_commit_encode(payload, commit);
	int result = channel_send(deposit->fd, LOCAL_COMMIT, payload, len);
	if (result != 0)
		return or_refusal(deposit, result); /* hold has not had all of it */
	result = receive(deposit, LOCAL_ACCEPTED, accepted);
	/* whatever keeps its answer from being heard, it may be that it has accepted */
	return result != 0 && !deposit->is_told ? -EINPROGRESS : result;
}
