#include "intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/service.h"
#include "common/text.h"
#include "common/verdict.h"
#include "local.h"

enum {
	ENDED = 1,               /* intake_read: all was said */
	CHUNKS_A_TURN = 8,       /* so that one fast push does not starve the others */
};

struct intake {
	int fd;
	const struct intake_desk *desk;
	struct incoming *incoming; /* NULL before INTAKE */
	uint8_t header[CHANNEL_HEADER_BYTES];
	size_t header_len;
	uint16_t type;             /* of the frame whose payload is coming */
	uint32_t left;             /* of that payload */
	uint8_t commit[LOCAL_COMMIT_BYTES];
	size_t commit_len;
};

int intake_new(struct intake **out, int fd, const struct intake_desk *desk)
{
	struct intake *intake = calloc(1, sizeof(*intake));
	if (intake == NULL)
		return -ENOMEM;
	intake->fd = fd;
	intake->desk = desk;
	*out = intake;
	return 0;
}

int intake_fd(const struct intake *intake)
{
	return intake->fd;
}

void intake_free(struct intake *intake)
{
	if (intake == NULL)
		return;
	spool_abandon(intake->incoming);
	io_close(intake->fd);
	free(intake);
}

static int refuse(struct intake *intake, int result, const char *where)
{
	char escaped[4 * LOCAL_WHERE_BYTES];
	service_event(LOG_WARNING, "E1004", "spool: push refused: '%s': %s [%s]",
		      text_escape_name(escaped, sizeof(escaped), where), verdict_explain(result),
		      result > 0 ? verdict_name(result) : "environment");
	/* the push is refused all the same when its seal is no longer there to hear it */
	(void)local_refuse(intake->fd, result, where);
	return ENDED;
}

static int begin(struct intake *intake)
{
	struct spool *spool = intake->desk->releaser->spool;
	int result = spool_begin(spool, &intake->incoming);
	if (result != 0)
		return refuse(intake, result, "spool");
	return channel_send(intake->fd, LOCAL_READY, NULL, 0) == 0 ? 0 : ENDED;
}

static int commit(struct intake *intake)
{
	struct releaser *releaser = intake->desk->releaser;
	struct local_commit commit;
	const char *where = "spool";
	int result = local_commit_decode(&commit, intake->commit, intake->commit_len);
	if (result != 0)
		return refuse(intake, result, where);
	result = releaser_judge(releaser, &commit.statement, commit.signature, &where);
	if (result != 0)
		return refuse(intake, result, where);
	struct spool_item *item;
	result = spool_hold(intake->incoming, &commit.statement, commit.signature, &item);
	if (result != 0)
		return refuse(intake, result, "spool");
	intake->incoming = NULL;
	/* without a number it is durable all the same, and will be released later */
	(void)releaser_release(releaser, item);

	struct local_accepted accepted = {.object_len = item->object_len};
	memcpy(accepted.push_id, commit.statement.push_id, PUSH_ID_BYTES);
	memcpy(accepted.name, item->name, BUNDLE_NAME_BYTES);
	uint8_t payload[LOCAL_ACCEPTED_BYTES];
	local_accepted_encode(payload, &accepted);
	(void)channel_send(intake->fd, LOCAL_ACCEPTED, payload, sizeof(payload));
	return ENDED;
}

/* The header is complete: is this frame allowed here? */
static int begin_frame(struct intake *intake)
{
	struct reader r = reader_of(intake->header, sizeof(intake->header));
	intake->left = read_u32(&r);
	intake->type = read_u16(&r);
	intake->header_len = 0;
	if (read_u16(&r) != 0 || intake->left > CHANNEL_BYTES_MAX)
		return refuse(intake, VERDICT_BAD_PROTOCOL, "spool");
	if (intake->incoming == NULL)
		return intake->type == LOCAL_INTAKE && intake->left == 0
			       ? begin(intake)
			       : refuse(intake, VERDICT_BAD_PROTOCOL, "spool");
	if (intake->type == LOCAL_BODY && intake->left > 0)
		return 0;
	if (intake->type == LOCAL_COMMIT && intake->left == LOCAL_COMMIT_BYTES)
		return 0;
	return refuse(intake, VERDICT_BAD_PROTOCOL, "spool");
}

/* Takes what belongs to the current payload; *taken says how much. */
static int take_payload(struct intake *intake, const uint8_t *data, size_t len, size_t *taken)
{
	size_t n = len < intake->left ? len : intake->left;
	intake->left -= (uint32_t)n;
	*taken = n;
	if (intake->type == LOCAL_BODY) {
		int result = spool_add(intake->incoming, data, n);
		return result != 0 ? refuse(intake, result, "spool") : 0;
	}
	memcpy(intake->commit + intake->commit_len, data, n);
	intake->commit_len += n;
	return intake->left == 0 ? commit(intake) : 0;
}

static int take(struct intake *intake, const uint8_t *data, size_t len)
{
	size_t at = 0;
	while (at < len) {
		int result = 0;
		if (intake->left > 0) {
			size_t taken;
			result = take_payload(intake, data + at, len - at, &taken);
			at += taken;
		} else {
			intake->header[intake->header_len++] = data[at++];
			if (intake->header_len == sizeof(intake->header))
				result = begin_frame(intake);
		}
		if (result != 0)
			return result;
	}
	return 0;
}

int intake_read(struct intake *intake)
{
	for (int i = 0; i < CHUNKS_A_TURN; i++) {
		ssize_t n = recv(intake->fd, intake->desk->buffer, INTAKE_BUFFER_BYTES, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ENDED;
		int result = take(intake, intake->desk->buffer, (size_t)n);
		if (result != 0)
			return result;
	}
	return 0;
}
