#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/verdict.h"

enum { ENDED = 1, QUESTION_MAX = CHANNEL_HEADER_BYTES + LOCAL_KEYWORD_BYTES };

struct control {
	int fd;
	const struct control_desk *desk;
	uint8_t question[QUESTION_MAX];
	size_t question_len;
	uint8_t *answer; /* NULL while the question is coming */
	size_t answer_len;
	size_t answered;
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
	control->desk = desk;
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
	io_close(control->fd);
	free(control);
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
		.state = states[item->state],
	};
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
	struct writer p = writer_of(payload, sizeof(payload));
	write_u32(&p, (uint32_t)count);
	write_frame(w, LOCAL_DONE, payload, sizeof(payload));
}

static void answer_list(struct control *control, struct writer *w)
{
	size_t count = spool_count(control->desk->spool);
	for (size_t i = 0; i < count; i++)
		write_item(w, control->desk, spool_at(control->desk->spool, i));
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
	int result = local_show_decode(keyword, payload, len);
	if (result != 0) {
		write_refusal(w, result, "");
		return;
	}
	const struct spool_item *item = spool_find(control->desk->spool, keyword);
	if (item == NULL) {
		write_refusal(w, VERDICT_NO_SUCH_BUNDLE, keyword);
		return;
	}
	write_item(w, control->desk, item);
	write_done(w, 1);
}

static int answer(struct control *control, uint16_t type, const uint8_t *payload, size_t len)
{
	size_t items = type == LOCAL_LIST ? spool_count(control->desk->spool) : 1;
	size_t size = items * (CHANNEL_HEADER_BYTES + LOCAL_ITEM_BYTES) + CHANNEL_HEADER_BYTES +
		      LOCAL_REFUSED_MAX;
	control->answer = malloc(size);
	if (control->answer == NULL)
		return ENDED;
	struct writer w = writer_of(control->answer, size);
	if (type == LOCAL_LIST && len == 0)
		answer_list(control, &w);
	else if (type == LOCAL_SHOW)
		answer_show(control, &w, payload, len);
	else
		write_refusal(&w, VERDICT_BAD_PROTOCOL, "");
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
	return payload == NULL ? 0 : answer(control, type, payload, len);
}

static int write_answer(struct control *control)
{
	ssize_t n = send(control->fd, control->answer + control->answered,
			 control->answer_len - control->answered, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : ENDED;
	control->answered += (size_t)n;
	return control->answered == control->answer_len ? ENDED : 0;
}

int control_go_on(struct control *control)
{
	return control->answer == NULL ? read_question(control) : write_answer(control);
}
