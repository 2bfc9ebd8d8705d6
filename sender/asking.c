#include "asking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/manifestopen.h"
#include "common/verdict.h"
#include "flow.h"
#include "setup.h"

enum { ANSWER_MS = 10000 };

/* One frame of an answer, neither DONE nor REFUSED. */
typedef int take_part(void *context, uint16_t type, const uint8_t *payload, size_t len);

/*
 * Until DONE or REFUSED.  DONE says how many parts were given; where none is taken (NULL), *count is what it says.
 * Otherwise it is believed only when as many came: an answer that ends early is not a short list.
 */
static int take_answer(struct inflow *inflow, take_part *take, void *context, uint32_t *count,
		       struct local_refused *refused)
{
	for (uint32_t taken = 0;; taken++) {
		uint16_t type;
		const uint8_t *payload;
		size_t len;
		int result = inflow_next(inflow, &type, &payload, &len);
		if (result != 0)
			return result;
		if (type == LOCAL_DONE) {
			result = local_done_decode(count, payload, len);
			return result == 0 && take != NULL && *count != taken ? VERDICT_BAD_PROTOCOL : result;
		}
		if (type == LOCAL_REFUSED) {
			result = local_refused_decode(refused, payload, len);
			return result != 0 ? result : refused->result;
		}
		result = take == NULL ? VERDICT_BAD_PROTOCOL : take(context, type, payload, len);
		if (result != 0)
			return result;
	}
}

/* Connects and asks; *fd is the caller's to close, also after a failure. */
static int ask(int *fd, const char *runtime, enum local_type type, const void *payload, size_t len)
{
	char path[2 * CONFIG_PATH_BYTES];
	*fd = -1;
	int result = setup_path(path, sizeof(path), runtime, CONTROL_SOCKET);
	if (result != 0)
		return result;
	*fd = channel_connect(path);
	if (*fd < 0)
		return *fd;
	/* hold answers at once or is being started again */
	result = channel_set_patience(*fd, ANSWER_MS);
	return result == 0 ? channel_send(*fd, (uint16_t)type, payload, len) : result;
}

struct question {
	enum local_type type;
	const void *payload;
	size_t len;
};

static int ask_and_take(const char *runtime, const struct question *question, take_part *take,
			void *context, uint32_t *count, struct local_refused *refused)
{
	struct inflow *inflow = NULL;
	int fd;
	int result = ask(&fd, runtime, question->type, question->payload, question->len);
	if (result == 0)
		result = inflow_new(&inflow, fd);
	if (result == 0)
		result = take_answer(inflow, take, context, count, refused);
	inflow_free(inflow);
	io_close(fd);
	return result == -EAGAIN ? -ETIMEDOUT : result;
}

struct items {
	asking_take *take;
	void *context;
};

static int take_item(void *context, uint16_t type, const uint8_t *payload, size_t len)
{
	const struct items *items = context;
	struct local_item item;
	if (type != LOCAL_ITEM)
		return VERDICT_BAD_PROTOCOL;
	int result = local_item_decode(&item, payload, len);
	if (result == 0)
		items->take(items->context, &item);
	return result;
}

int asking_decide(const char *runtime, enum local_type type, const void *payload, size_t len,
		  asking_take *take, void *context, struct local_refused *refused)
{
	const struct question question = {type, payload, len};
	struct items items = {take, context};
	uint32_t count;
	return ask_and_take(runtime, &question, take_item, &items, &count, refused);
}

int asking_do(const char *runtime, enum local_type type, const void *payload, size_t len, uint32_t *count,
	      struct local_refused *refused)
{
	const struct question question = {type, payload, len};
	uint32_t unused;
	return ask_and_take(runtime, &question, NULL, NULL, count != NULL ? count : &unused, refused);
}

static int take_order(void *context, uint16_t type, const uint8_t *payload, size_t len)
{
	const struct asking_orders *take = context;
	struct local_order order;
	struct local_revoked revoked;
	int result = type == LOCAL_ORDER     ? local_order_decode(&order, payload, len)
		     : type == LOCAL_REVOKED ? local_revoked_decode(&revoked, payload, len)
					     : VERDICT_BAD_PROTOCOL;
	if (result == 0 && type == LOCAL_ORDER)
		take->order(take->context, &order);
	else if (result == 0)
		take->revoked(take->context, &revoked);
	return result;
}

int asking_orders(const char *runtime, const struct asking_orders *take, struct local_refused *refused)
{
	const struct question question = {LOCAL_ORDER_LIST, NULL, 0};
	struct asking_orders copy = *take;
	uint32_t count;
	return ask_and_take(runtime, &question, take_order, &copy, &count, refused);
}

static int take_found(void *context, uint16_t type, const uint8_t *payload, size_t len)
{
	return type == LOCAL_RESEND_FOUND ? local_resend_found_decode(context, payload, len) : VERDICT_BAD_PROTOCOL;
}

static int take_taken(void *context, uint16_t type, const uint8_t *payload, size_t len)
{
	return type == LOCAL_RESEND_TAKEN ? local_resend_taken_decode(context, payload, len) : VERDICT_BAD_PROTOCOL;
}

/* The second half, on the connection for which the challenge is. */
static int order_resend(int fd, struct inflow *inflow, const struct resendorder *order,
			struct local_resend_taken *taken, struct local_refused *refused)
{
	uint8_t payload[RESENDORDER_ENCODED_MAX];
	uint32_t count = 0;
	int result = channel_send(fd, LOCAL_RESEND, payload, resendorder_encode(payload, order));
	if (result == 0)
		result = take_answer(inflow, take_taken, taken, &count, refused);
	return result == 0 && count != 1 ? VERDICT_BAD_PROTOCOL : result;
}

int asking_resend(const char *runtime, const char *keyword, const struct asking_resend *ask_for,
		  struct local_resend_taken *taken, struct local_refused *refused)
{
	struct local_resend_found found;
	struct resendorder order = {.at = 0};
	struct inflow *inflow = NULL;
	uint32_t count = 0;
	int fd;
	int result = ask(&fd, runtime, LOCAL_RESEND_FIND, keyword, strlen(keyword));
	if (result == 0)
		result = inflow_new(&inflow, fd);
	if (result == 0)
		result = take_answer(inflow, take_found, &found, &count, refused);
	if (result == 0 && count != 1)
		result = VERDICT_BAD_PROTOCOL;
	if (result == 0)
		result = ask_for->sign(ask_for->context, &found, &order);
	if (result == 0)
		result = order_resend(fd, inflow, &order, taken, refused);
	inflow_free(inflow);
	io_close(fd);
	return result == -EAGAIN ? -ETIMEDOUT : result;
}

int asking_list(const char *runtime, const char *keyword, asking_take *take, void *context,
		struct local_refused *refused)
{
	return asking_decide(runtime, keyword == NULL ? LOCAL_LIST : LOCAL_SHOW, keyword,
			     keyword == NULL ? 0 : strlen(keyword), take, context, refused);
}

/* One frame of the answer to CASE; 1 when that was the last. */
static int take_frame(struct casefile *file, uint16_t type, const uint8_t *payload, size_t len,
		      struct local_refused *refused)
{
	size_t whole = (size_t)file->about.statement.manifest_segments * SEGMENT_BYTES;
	int result;
	switch (type) {
	case LOCAL_REFUSED:
		result = local_refused_decode(refused, payload, len);
		return result != 0 ? result : refused->result;
	case LOCAL_CASE:
		if (file->segments != NULL)
			return VERDICT_BAD_PROTOCOL;
		result = local_commit_decode(&file->about, payload, len);
		if (result != 0)
			return result;
		file->segments =
			malloc((size_t)file->about.statement.manifest_segments * SEGMENT_BYTES);
		return file->segments == NULL ? -ENOMEM : 0;
	case LOCAL_BODY:
		if (file->segments == NULL || len > whole - file->len)
			return VERDICT_BAD_PROTOCOL;
		memcpy(file->segments + file->len, payload, len);
		file->len += len;
		return 0;
	case LOCAL_DONE:
		return file->segments != NULL && file->len == whole ? 1 : VERDICT_BAD_PROTOCOL;
	default:
		return VERDICT_BAD_PROTOCOL;
	}
}

static int take_case(struct casefile *file, struct inflow *inflow, struct local_refused *refused)
{
	for (bool is_done = false; !is_done;) {
		uint16_t type;
		const uint8_t *payload;
		size_t len;
		int result = inflow_next(inflow, &type, &payload, &len);
		is_done = result == 0 && type == LOCAL_DONE;
		if (result == 0)
			result = take_frame(file, type, payload, len, refused);
		if (result != 0 && !(is_done && result == 1))
			return result;
	}
	return 0;
}

int casefile_fetch(struct casefile **out, const char *runtime, const char *keyword,
		   struct local_refused *refused)
{
	struct inflow *inflow = NULL;
	int fd;
	struct casefile *file = calloc(1, sizeof(*file));
	int result = ask(&fd, runtime, LOCAL_CASE, keyword, strlen(keyword));
	if (result == 0)
		result = file == NULL ? -ENOMEM : inflow_new(&inflow, fd);
	if (result == 0)
		result = take_case(file, inflow, refused);
	inflow_free(inflow);
	io_close(fd);
	if (result == 0)
		*out = file;
	else
		casefile_free(file);
	return result == -EAGAIN ? -ETIMEDOUT : result;
}

void casefile_free(struct casefile *file)
{
	if (file == NULL)
		return;
	free(file->segments);
	free(file);
}

static int give_segment(void *context, uint64_t index, uint8_t out[static SEGMENT_BYTES])
{
	const struct casefile *const *file = context;
	memcpy(out, (*file)->segments + index * SEGMENT_BYTES, SEGMENT_BYTES);
	return 0;
}

int casefile_open(struct manifest *out, const struct casefile *file, const struct card *officer,
		  const uint8_t reading_secret[static SUITE_KEY_BYTES])
{
	const struct statement *statement = &file->about.statement;
	uint8_t *key = suite_secret_alloc(SUITE_KEY_BYTES);
	if (key == NULL)
		return -ENOMEM;
	const struct casefile *context = file;
	int result = dossier_open_key(key, &file->about.dossier, statement->route, officer,
				      reading_secret);
	if (result == 0)
		result = manifest_open(out, statement, key, give_segment, &context);
	suite_secret_free(key);
	return result;
}
