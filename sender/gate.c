#include "gate.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
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
	ENDED = 1,               /* gate_read: all was said */
	CHUNKS_A_TURN = 8,       /* so that one fast push does not starve the others */
};

struct gate {
	int fd;
	const struct gate_desk *desk;
	struct incoming *incoming; /* NULL before INTAKE */
	uint8_t header[CHANNEL_HEADER_BYTES];
	size_t header_len;
	uint16_t type;             /* of the frame whose payload is coming */
	uint32_t left;             /* of that payload */
	struct local_caller caller; /* from INTAKE on; before, who has connected */
	bool is_over;              /* accepted, refused or noted: nothing more is to be written down */
	uint8_t payload[LOCAL_COMMIT_MAX]; /* of a frame that is no BODY */
	size_t payload_len;
};

int gate_find_seal(struct gate_desk *desk, int listener)
{
	enum { OTHERS = 077 };
	uid_t uid;
	mode_t mode;
	int result = channel_owner(listener, &uid, &mode);
	if (result != 0)
		return result;
	if ((mode & OTHERS) != 0)
		return VERDICT_LOOSE_PERMISSIONS;
	desk->seal = uid;
	return 0;
}

/* The file lets nobody else in, but it can be changed while hold runs, and root needs no permission. */
static int check_caller(const struct gate_desk *desk, int fd)
{
	struct local_note refused = {.refused = {.result = VERDICT_NOT_ALLOWED, .where = "intake"}};
	uid_t uid;
	pid_t pid;
	int result = channel_peer(fd, &uid, &pid);
	if (result != 0 || uid == desk->seal)
		return result;
	refused.caller.uid = uid;
	refused.caller.pid = pid;
	book_refused_push(desk->releaser->book, &refused);
	service_event(LOG_CRIT, "E1021",
		      "intake: process %d of user %u is refused: it is no weir-seal, which runs as user %u",
		      (int)pid, uid, desk->seal);
	(void)local_refuse(fd, VERDICT_NOT_ALLOWED, "intake");
	return VERDICT_NOT_ALLOWED;
}

int gate_new(struct gate **out, int fd, const struct gate_desk *desk)
{
	int result = check_caller(desk, fd);
	if (result != 0)
		return result;
	struct gate *gate = calloc(1, sizeof(*gate));
	if (gate == NULL)
		return -ENOMEM;
	gate->fd = fd;
	gate->desk = desk;
	/* until it has said for whom it calls */
	const struct ledger_who peer = book_peer(fd);
	gate->caller.uid = peer.uid;
	gate->caller.pid = peer.pid;
	*out = gate;
	return 0;
}

int gate_fd(const struct gate *gate)
{
	return gate->fd;
}

static void note(struct gate *gate, int result, const char *where)
{
	struct local_note refused = {.caller = gate->caller, .refused = {.result = result}};
	snprintf(refused.refused.where, sizeof(refused.refused.where), "%s", where);
	book_refused_push(gate->desk->releaser->book, &refused);
	gate->is_over = true;
}

void gate_free(struct gate *gate)
{
	if (gate == NULL)
		return;
	if (gate->incoming != NULL && !gate->is_over)
		note(gate, VERDICT_TRUNCATED, "seal");
	spool_abandon(gate->incoming);
	io_close(gate->fd);
	free(gate);
}

static int refuse(struct gate *gate, int result, const char *where)
{
	char escaped[4 * LOCAL_WHERE_BYTES];
	note(gate, result, where);
	service_event(LOG_WARNING, "E1004", "spool: push refused: '%s': %s [%s]",
		      text_escape_name(escaped, sizeof(escaped), where), verdict_explain(result),
		      result > 0 ? verdict_name(result) : "environment");
	/* the push is refused all the same when its seal is no longer there to hear it */
	(void)local_refuse(gate->fd, result, where);
	return ENDED;
}

static int begin(struct gate *gate)
{
	struct releaser *releaser = gate->desk->releaser;
	int result = local_caller_decode(&gate->caller, gate->payload, gate->payload_len);
	gate->payload_len = 0;
	if (result != 0)
		return refuse(gate, result, "spool");
	/* what cannot be written down is not accepted */
	result = book_check(releaser->book);
	if (result != 0)
		return refuse(gate, result, "ledger");
	result = spool_begin(releaser->allowance.spool, &gate->incoming);
	if (result != 0)
		return refuse(gate, result, "spool");
	return channel_send(gate->fd, LOCAL_READY, NULL, 0) == 0 ? 0 : ENDED;
}

/* *where is what a refusal is about. */
static int hold_commit(struct gate *gate, struct local_commit *commit, struct spool_item **item,
		       const char **where)
{
	uint8_t head[SEGMENT_BYTES];
	int result = releaser_judge(gate->desk->releaser, commit, where);
	if (result != 0)
		return result;
	*where = "spool";
	result = spool_read_incoming(gate->incoming, head);
	if (result == 0)
		result = releaser_judge_head(gate->desk->releaser, &commit->statement, head, where);
	if (result != 0)
		return result;
	*where = "spool";
	result = spool_hold(gate->incoming, &commit->statement, &commit->dossier, item);
	if (result != 0)
		return result;
	gate->incoming = NULL;
	result = book_accepted_push(gate->desk->releaser->book, *item, &gate->caller);
	if (result == 0)
		return 0;
	*where = "ledger";
	/* what cannot be removed either is not released, and removed later; but the next hold may find it */
	return releaser_take_back(gate->desk->releaser, *item) == 0 ? result : -EINPROGRESS;
}

/* What seal has refused by itself. */
static int take_note(struct gate *gate)
{
	struct local_note refused;
	int result = local_note_decode(&refused, gate->payload, gate->payload_len);
	if (result != 0)
		return refuse(gate, result, "spool");
	book_refused_push(gate->desk->releaser->book, &refused);
	gate->is_over = true;
	return ENDED;
}

static int commit(struct gate *gate)
{
	struct releaser *releaser = gate->desk->releaser;
	const char *where = "spool";
	struct spool_item *item = NULL;
	struct local_commit *commit = malloc(sizeof(*commit));
	if (commit == NULL)
		return refuse(gate, -ENOMEM, where);
	int result = local_commit_decode(commit, gate->payload, gate->payload_len);
	if (result == 0)
		result = hold_commit(gate, commit, &item, &where);
	if (result != 0) {
		result = refuse(gate, result, where);
		free(commit);
		return result;
	}
	free(commit);
	assert(item != NULL);
	gate->is_over = true;
	/* without a number it is durable all the same, and will be released later */
	(void)releaser_release(releaser, item);

	struct local_accepted accepted = {.object_len = item->object_len};
	memcpy(accepted.push_id, item->release.statement.push_id, PUSH_ID_BYTES);
	memcpy(accepted.name, item->name, BUNDLE_NAME_BYTES);
	uint8_t payload[LOCAL_ACCEPTED_BYTES];
	local_accepted_encode(payload, &accepted);
	(void)channel_send(gate->fd, LOCAL_ACCEPTED, payload, sizeof(payload));
	return ENDED;
}

/* The header is complete: is this frame allowed here? */
static int begin_frame(struct gate *gate)
{
	struct reader r = reader_of(gate->header, sizeof(gate->header));
	gate->left = read_u32(&r);
	gate->type = read_u16(&r);
	gate->header_len = 0;
	if (read_u16(&r) != 0 || gate->left > CHANNEL_BYTES_MAX)
		return refuse(gate, VERDICT_BAD_PROTOCOL, "spool");
	bool has_begun = gate->incoming != NULL;
	bool is_good = gate->left > 0 &&
		       ((gate->type == LOCAL_INTAKE && !has_begun && gate->left == LOCAL_CALLER_BYTES) ||
			(gate->type == LOCAL_BODY && has_begun) ||
			(gate->type == LOCAL_COMMIT && has_begun && gate->left <= LOCAL_COMMIT_MAX) ||
			(gate->type == LOCAL_NOTE && gate->left <= LOCAL_NOTE_MAX));
	return is_good ? 0 : refuse(gate, VERDICT_BAD_PROTOCOL, "spool");
}

/* Takes what belongs to the current payload; *taken says how much. */
static int take_payload(struct gate *gate, const uint8_t *data, size_t len, size_t *taken)
{
	size_t n = len < gate->left ? len : gate->left;
	gate->left -= (uint32_t)n;
	*taken = n;
	if (gate->type == LOCAL_BODY) {
		int result = spool_add(gate->incoming, data, n);
		return result != 0 ? refuse(gate, result, "spool") : 0;
	}
	memcpy(gate->payload + gate->payload_len, data, n);
	gate->payload_len += n;
	if (gate->left > 0)
		return 0;
	if (gate->type == LOCAL_NOTE)
		return take_note(gate);
	return gate->type == LOCAL_INTAKE ? begin(gate) : commit(gate);
}

static int take(struct gate *gate, const uint8_t *data, size_t len)
{
	size_t at = 0;
	while (at < len) {
		int result = 0;
		if (gate->left > 0) {
			size_t taken;
			result = take_payload(gate, data + at, len - at, &taken);
			at += taken;
		} else {
			gate->header[gate->header_len++] = data[at++];
			if (gate->header_len == sizeof(gate->header))
				result = begin_frame(gate);
		}
		if (result != 0)
			return result;
	}
	return 0;
}

int gate_read(struct gate *gate)
{
	for (int i = 0; i < CHUNKS_A_TURN; i++) {
		ssize_t n = recv(gate->fd, gate->desk->buffer, GATE_BUFFER_BYTES, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ENDED;
		int result = take(gate, gate->desk->buffer, (size_t)n);
		if (result != 0)
			return result;
	}
	return 0;
}
