#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "decide.h"
#include "purge.h"
#include "resend.h"

enum {
	ENDED = 1,
	QUESTION_MAX = CHANNEL_HEADER_BYTES + ORDER_BYTES_MAX,
	PIECE_SEGMENTS = 16, /* of a manifest in one frame */
};

_Static_assert(ORDER_BYTES_MAX >= (int)LOCAL_APPROVE_MAX && ORDER_BYTES_MAX >= (int)LOCAL_DENY_MAX &&
		       ORDER_BYTES_MAX >= (int)REVOCATION_ENCODED_MAX &&
		       ORDER_BYTES_MAX >= (int)RESENDORDER_ENCODED_MAX,
	       "every question fits");
_Static_assert((int)LOCAL_ITEM_BYTES >= (int)LOCAL_RESEND_FOUND_BYTES &&
		       (int)LOCAL_ITEM_BYTES >= (int)LOCAL_RESEND_TAKEN_BYTES,
	       "every answer fits");

struct control {
	int fd;
	const struct control_desk *desk;
	struct ledger_who peer;
	uint8_t question[QUESTION_MAX];
	size_t question_len;
	uint8_t *answer; /* NULL while the question is coming */
	size_t answer_len;
	size_t answered;
	bool awaits_order; /* the person's word on what was found is still to come, with this challenge */
	uint8_t challenge[RESEND_CHALLENGE_BYTES];
	/* the manifest segments that follow the answer, and then DONE */
	int file_fd;          /* -1: none */
	uint64_t file_at;
	uint64_t file_end;
};

int control_new(struct control **out, int fd, const struct control_desk *desk)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	struct control *control = calloc(1, sizeof(*control));
	if (control == NULL)
		return -ENOMEM;
	control->fd = fd;
	control->file_fd = -1;
	control->desk = desk;
	control->peer = book_peer(fd);
	*out = control;
	return 0;
}

int control_fd(const struct control *control)
{
	return control->fd;
}

short control_events(const struct control *control)
{
	return control->answer == NULL ? POLLIN : POLLOUT;
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	free(control->answer);
	io_close(control->file_fd);
	io_close(control->fd);
	free(control);
}

static struct spool *spool_of(const struct control *control)
{
	return control->desk->releaser->allowance.spool;
}

static void write_frame(struct writer *w, uint16_t type, const void *payload, size_t len)
{
	write_u32(w, (uint32_t)len);
	write_u16(w, type);
	write_u16(w, 0);
	write_bytes(w, payload, len);
}

static void describe(const struct control_desk *desk, const struct spool_item *item,
		     struct local_item *out)
{
	static const enum local_state states[] = {
		[SPOOL_HELD] = LOCAL_HELD,
		[SPOOL_READY] = LOCAL_READY_TO_SEND,
		[SPOOL_SENT] = LOCAL_SENT,
	};
	const struct statement *statement = &item->release.statement;
	*out = (struct local_item){
		.created = statement->created,
		.released_at = item->release.released_at,
		.destroy_by = statement->destroy_by,
		.registry_version = statement->registry_version,
		.object_len = item->object_len,
		.content_len = item->tally.content_len,
		.members = item->tally.members,
		.records = item->tally.records,
		.state = states[item->state],
		.approvals = item->approvals,
		.quorum = (uint8_t)releaser_quorum(desk->releaser, item),
		.resends = resendqueue_count_of(&desk->releaser->resends, item),
	};
	if (item->state == SPOOL_HELD) {
		out->waits = item->waits;
		out->held_for = item->held_for;
		if (item->waits != WAITS_NOT)
			out->state = LOCAL_WAITING;
	}
	memcpy(out->push_id, statement->push_id, PUSH_ID_BYTES);
	memcpy(out->name, item->name, BUNDLE_NAME_BYTES);
	memcpy(out->route, statement->route, NAME_BYTES);
	memcpy(out->person, statement->person, NAME_BYTES);
	memcpy(out->root, statement->root, SUITE_DIGEST_BYTES);
	desk->fill(desk->context, item, out);
}

static void write_item(struct writer *w, const struct control_desk *desk,
		       const struct spool_item *item)
{
	struct local_item described;
	uint8_t payload[LOCAL_ITEM_BYTES];
	describe(desk, item, &described);
	local_item_encode(payload, &described);
	write_frame(w, LOCAL_ITEM, payload, sizeof(payload));
}

static void write_done(struct writer *w, size_t count)
{
	uint8_t payload[LOCAL_DONE_BYTES];
	local_done_encode(payload, (uint32_t)count);
	write_frame(w, LOCAL_DONE, payload, sizeof(payload));
}

static void note_question(const struct control *control, const char *verb, const char *about, int result)
{
	book_question(control->desk->releaser->book, &control->peer, verb, about, result);
}

/* What cannot be read was asked all the same. */
static int or_malformed(const struct control *control, const char *verb, int result)
{
	if (result != 0)
		note_question(control, verb, "", result);
	return result;
}

static void answer_list(struct control *control, struct writer *w)
{
	note_question(control, "list", "", 0);
	size_t count = spool_count(spool_of(control));
	for (size_t i = 0; i < count; i++)
		write_item(w, control->desk, spool_at(spool_of(control), i));
	write_done(w, count);
}

static void write_refusal(struct writer *w, int result, const char *where)
{
	uint8_t payload[LOCAL_REFUSED_MAX];
	size_t len = local_refused_encode(payload, result, where);
	write_frame(w, LOCAL_REFUSED, payload, len);
}

static void answer_show(struct control *control, struct writer *w, const uint8_t *payload, size_t len)
{
	char keyword[LOCAL_KEYWORD_BYTES];
	int result = or_malformed(control, "show", local_show_decode(keyword, payload, len));
	if (result != 0) {
		write_refusal(w, result, "");
		return;
	}
	const struct spool_item *item = spool_find(spool_of(control), keyword);
	note_question(control, "show", keyword, item == NULL ? VERDICT_NO_SUCH_BUNDLE : 0);
	if (item == NULL) {
		write_refusal(w, VERDICT_NO_SUCH_BUNDLE, keyword);
		return;
	}
	write_item(w, control->desk, item);
	write_done(w, 1);
}

static void answer_item(const struct control *control, struct writer *w, int result,
			const struct spool_item *item)
{
	if (result != 0) {
		write_refusal(w, result, "");
		return;
	}
	write_item(w, control->desk, item);
	write_done(w, 1);
}

static void answer_approve(const struct control *control, struct writer *w, const uint8_t *payload, size_t len)
{
	struct local_approve approve;
	struct spool_item *item = NULL;
	int result = or_malformed(control, "approve", local_approve_decode(&approve, payload, len));
	if (result == 0)
		result = decide_approve(control->desk->releaser, &control->peer, &approve, &item);
	answer_item(control, w, result, item);
}

static void answer_done(struct writer *w, int result, size_t count)
{
	if (result != 0)
		write_refusal(w, result, "");
	else
		write_done(w, count);
}

static void answer_deny(const struct control *control, struct writer *w, const uint8_t *payload, size_t len)
{
	struct local_deny deny;
	int result = or_malformed(control, "refuse", local_deny_decode(&deny, payload, len));
	if (result == 0)
		result = decide_deny(control->desk->releaser, &control->peer, &deny);
	answer_done(w, result, 0);
}

/* The manifest lies at the end of the body (BUNDLE.md 1); its segments are read as they are taken. */
static int begin_manifest(struct control *control, const struct spool_item *item)
{
	uint64_t len = (uint64_t)item->release.statement.manifest_segments * SEGMENT_BYTES;
	int fd = spool_open_held(spool_of(control), item);
	if (fd < 0)
		return fd;
	control->file_fd = fd;
	control->file_end = item->object_len;
	control->file_at = item->object_len - len;
	return 0;
}

static int find_case(struct control *control, const uint8_t *payload, size_t len,
		     struct local_commit *out)
{
	char keyword[LOCAL_KEYWORD_BYTES];
	int result = or_malformed(control, "open case", local_show_decode(keyword, payload, len));
	if (result != 0)
		return result;
	const struct spool_item *item = spool_find(spool_of(control), keyword);
	if (item == NULL)
		result = VERDICT_NO_SUCH_BUNDLE;
	else if (item->state != SPOOL_HELD)
		result = VERDICT_NOT_WAITING;
	note_question(control, "open case", keyword, result);
	if (result != 0)
		return result;
	result = spool_dossier(spool_of(control), item, &out->dossier);
	out->statement = item->release.statement;
	return result != 0 ? result : begin_manifest(control, item);
}

/* What an officer decides on: statement and dossier, then the manifest, sealed as it is. */
static void answer_case(struct control *control, struct writer *w, const uint8_t *question, size_t len)
{
	uint8_t payload[LOCAL_COMMIT_MAX];
	struct local_commit *found = calloc(1, sizeof(*found));
	int result = found == NULL ? -ENOMEM : find_case(control, question, len, found);
	if (result == 0)
		write_frame(w, LOCAL_CASE, payload, local_commit_encode(payload, found));
	else
		write_refusal(w, result, "");
	free(found);
}

static void answer_order_load(const struct control *control, struct writer *w, const uint8_t *payload, size_t len)
{
	struct order order;
	size_t released = 0;
	int result = or_malformed(control, "order load", order_decode(&order, payload, len));
	if (result == 0)
		result = decide_order(control->desk->releaser, &control->peer, &order, &released);
	answer_done(w, result, released);
}

static void answer_order_revoke(const struct control *control, struct writer *w, const uint8_t *payload,
				size_t len)
{
	struct revocation revocation;
	int result = or_malformed(control, "order revoke", revocation_decode(&revocation, payload, len));
	if (result == 0)
		result = decide_revoke(control->desk->releaser, &control->peer, &revocation);
	answer_done(w, result, 0);
}

static void answer_order_list(const struct control *control, struct writer *w)
{
	const struct allowance *allowance = &control->desk->releaser->allowance;
	const struct standing *standing = allowance->standing;
	note_question(control, "order list", "", 0);
	for (size_t i = 0; i < standing_count(standing); i++) {
		uint8_t payload[LOCAL_ORDER_MAX];
		struct local_order order = {.order = *standing_at(standing, i)};
		order.is_revoked = standing_is_revoked(standing, order.order.id, order.order.route);
		order.released_today =
			allowance_released_today(allowance, &order.order, (uint64_t)time(NULL));
		write_frame(w, LOCAL_ORDER, payload, local_order_encode(payload, &order));
	}
	for (size_t i = 0; i < standing_revocation_count(standing); i++) {
		uint8_t payload[LOCAL_REVOKED_BYTES];
		const struct revocation *r = standing_revocation_at(standing, i);
		struct local_revoked revoked = {.at = r->at};
		memcpy(revoked.order_id, r->order_id, ORDER_ID_BYTES);
		memcpy(revoked.route, r->route, NAME_BYTES);
		memcpy(revoked.person, r->person, NAME_BYTES);
		local_revoked_encode(payload, &revoked);
		write_frame(w, LOCAL_REVOKED, payload, sizeof(payload));
	}
	write_done(w, standing_count(standing) + standing_revocation_count(standing));
}

/* What a code or name means, and what the person has to sign to have it sent, or purged. */
static void answer_resend_find(struct control *control, struct writer *w, const uint8_t *payload, size_t len)
{
	char keyword[LOCAL_KEYWORD_BYTES];
	uint8_t answer[LOCAL_RESEND_FOUND_BYTES];
	struct local_resend_found found = {.blocks = 0};
	int result = or_malformed(control, "resend", local_show_decode(keyword, payload, len));
	if (result == 0) {
		result = resend_find(control->desk->releaser, keyword, &found);
		note_question(control, "resend", keyword, result);
	}
	if (result != 0) {
		write_refusal(w, result, "");
		return;
	}
	suite_random(control->challenge, sizeof(control->challenge));
	memcpy(found.challenge, control->challenge, sizeof(found.challenge));
	control->awaits_order = true;
	local_resend_found_encode(answer, &found);
	write_frame(w, LOCAL_RESEND_FOUND, answer, sizeof(answer));
	write_done(w, 1);
}

static void answer_resend(const struct control *control, struct writer *w, const uint8_t *payload, size_t len)
{
	uint8_t answer[LOCAL_RESEND_TAKEN_BYTES];
	struct resendorder order;
	struct local_resend_taken taken;
	int result = or_malformed(control, "resend", resendorder_decode(&order, payload, len));
	if (result == 0 && order.kind == RESENDORDER_PURGE)
		result = purge_decide(control->desk->releaser, &control->peer, &order, control->challenge, &taken);
	else if (result == 0)
		result = resend_decide(control->desk->releaser, &control->peer, &order, control->challenge, &taken);
	if (result != 0) {
		write_refusal(w, result, "");
		return;
	}
	local_resend_taken_encode(answer, &taken);
	write_frame(w, LOCAL_RESEND_TAKEN, answer, sizeof(answer));
	write_done(w, 1);
}

static size_t answer_size(const struct control *control, uint16_t type)
{
	const struct standing *standing = control->desk->releaser->allowance.standing;
	size_t items = type == LOCAL_LIST ? spool_count(spool_of(control)) : 1;
	size_t size = items * (CHANNEL_HEADER_BYTES + LOCAL_ITEM_BYTES) + CHANNEL_HEADER_BYTES +
		      LOCAL_REFUSED_MAX + (type == LOCAL_CASE ? LOCAL_COMMIT_MAX : 0);
	if (type == LOCAL_ORDER_LIST)
		size += standing_count(standing) * (CHANNEL_HEADER_BYTES + LOCAL_ORDER_MAX) +
			standing_revocation_count(standing) * (CHANNEL_HEADER_BYTES + LOCAL_REVOKED_BYTES);
	return size;
}

static int answer(struct control *control, uint16_t type, const uint8_t *payload, size_t len)
{
	size_t size = answer_size(control, type);
	control->answer = malloc(size);
	if (control->answer == NULL)
		return ENDED;
	struct writer w = writer_of(control->answer, size);
	/* a challenge is for the one answer that follows it */
	bool has_challenge = control->awaits_order;
	control->awaits_order = false;
	if (type == LOCAL_RESEND && has_challenge)
		answer_resend(control, &w, payload, len);
	else if (type == LOCAL_RESEND_FIND && !has_challenge)
		answer_resend_find(control, &w, payload, len);
	else if (type == LOCAL_LIST && len == 0)
		answer_list(control, &w);
	else if (type == LOCAL_SHOW)
		answer_show(control, &w, payload, len);
	else if (type == LOCAL_CASE)
		answer_case(control, &w, payload, len);
	else if (type == LOCAL_APPROVE)
		answer_approve(control, &w, payload, len);
	else if (type == LOCAL_DENY)
		answer_deny(control, &w, payload, len);
	else if (type == LOCAL_ORDER_LOAD)
		answer_order_load(control, &w, payload, len);
	else if (type == LOCAL_ORDER_REVOKE)
		answer_order_revoke(control, &w, payload, len);
	else if (type == LOCAL_ORDER_LIST && len == 0)
		answer_order_list(control, &w);
	else
		write_refusal(&w, or_malformed(control, "unknown", VERDICT_BAD_PROTOCOL), "");
	control->answer_len = w.at;
	return 0;
}

static int read_question(struct control *control)
{
	ssize_t n = recv(control->fd, control->question + control->question_len,
			 sizeof(control->question) - control->question_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : ENDED;
	if (n == 0)
		return ENDED;
	control->question_len += (size_t)n;
	if (control->question_len < CHANNEL_HEADER_BYTES)
		return 0;
	struct reader r = reader_of(control->question, control->question_len);
	uint32_t len = read_u32(&r);
	uint16_t type = read_u16(&r);
	uint16_t zero = read_u16(&r);
	if (zero != 0 || len > sizeof(control->question) - CHANNEL_HEADER_BYTES)
		return answer(control, 0, NULL, 0);
	const uint8_t *payload = read_view(&r, len);
	if (payload == NULL)
		return 0;
	if (!channel_has_ended(control->fd))
		return answer(control, type, payload, len);
	/* too late: whoever has left was told that nobody answers, and may have thought better of it */
	note_question(control, "unanswered", "", -ECANCELED);
	return ENDED;
}

static int listen_again(struct control *control)
{
	free(control->answer);
	control->answer = NULL;
	control->answer_len = control->answered = control->question_len = 0;
	return 0;
}

/* What follows when all so far has been taken: ENDED when there is nothing. */
static int next_piece(struct control *control)
{
	static const size_t piece = (size_t)PIECE_SEGMENTS * SEGMENT_BYTES;
	if (control->file_fd < 0)
		return control->awaits_order ? listen_again(control) : ENDED;
	uint64_t left = control->file_end - control->file_at;
	size_t len = left < piece ? (size_t)left : piece;
	free(control->answer);
	control->answered = control->answer_len = 0;
	control->answer = malloc(CHANNEL_HEADER_BYTES + piece);
	if (control->answer == NULL)
		return ENDED;
	struct writer w = writer_of(control->answer, CHANNEL_HEADER_BYTES + piece);
	if (len == 0) {
		write_done(&w, 1);
		io_close(control->file_fd);
		control->file_fd = -1;
	} else {
		write_u32(&w, (uint32_t)len);
		write_u16(&w, LOCAL_BODY);
		write_u16(&w, 0);
		if (io_pread_exact(control->file_fd, control->answer + w.at, len, control->file_at) != 0)
			return ENDED;
		w.at += len;
		control->file_at += len;
	}
	control->answer_len = w.at;
	return 0;
}

static int write_answer(struct control *control)
{
	ssize_t n = send(control->fd, control->answer + control->answered,
			 control->answer_len - control->answered, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : ENDED;
	control->answered += (size_t)n;
	return control->answered == control->answer_len ? next_piece(control) : 0;
}

int control_go_on(struct control *control)
{
	return control->answer == NULL ? read_question(control) : write_answer(control);
}
