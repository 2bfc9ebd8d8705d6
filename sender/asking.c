#include "asking.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/io.h"
#include "common/verdict.h"
#include "flow.h"
#include "setup.h"

enum { ANSWER_TIMEOUT_S = 10 };

/* Until DONE or REFUSED. */
static int take_answer(struct inflow *inflow, asking_take *take, void *context,
		       struct local_refused *refused)
{
	for (;;) {
		uint16_t type;
		const uint8_t *payload;
		size_t len;
		struct local_item item;
		int result = inflow_next(inflow, &type, &payload, &len);
		if (result != 0)
			return result;
		if (type == LOCAL_DONE)
			return len == LOCAL_DONE_BYTES ? 0 : VERDICT_BAD_PROTOCOL;
		if (type == LOCAL_REFUSED) {
			result = local_refused_decode(refused, payload, len);
			return result != 0 ? result : refused->result;
		}
		if (type != LOCAL_ITEM)
			return VERDICT_BAD_PROTOCOL;
		result = local_item_decode(&item, payload, len);
		if (result != 0)
			return result;
		take(context, &item);
	}
}

int asking_list(const char *runtime, const char *keyword, asking_take *take, void *context,
		struct local_refused *refused)
{
	char path[2 * CONFIG_PATH_BYTES];
	struct inflow *inflow = NULL;
	int result = setup_path(path, sizeof(path), runtime, CONTROL_SOCKET);
	if (result != 0)
		return result;
	int fd = channel_connect(path);
	if (fd < 0)
		return fd;
	/* hold answers at once or is being started again */
	const struct timeval patience = {.tv_sec = ANSWER_TIMEOUT_S};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
		result = -errno;
		goto out;
	}
	result = keyword == NULL ? channel_send(fd, LOCAL_LIST, NULL, 0)
				 : channel_send(fd, LOCAL_SHOW, keyword, strlen(keyword));
	if (result == 0)
		result = inflow_new(&inflow, fd);
	if (result == 0)
		result = take_answer(inflow, take, context, refused);
out:
	inflow_free(inflow);
	io_close(fd);
	return result == -EAGAIN ? -ETIMEDOUT : result;
}
