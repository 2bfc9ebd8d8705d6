#include "deliver.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "common/io.h"
#include "feed.h"
#include "folder.h"

/* One of the three is the goal. */
struct deliver {
	struct folder *folder;
	struct feed *feed;
	int stream;
	int stop;
	uint64_t bytes;
};

static struct deliver *deliver_new(void)
{
	struct deliver *d = calloc(1, sizeof(*d));
	if (d != NULL)
		d->stream = d->stop = -1;
	return d;
}

static int give(struct deliver **out, struct deliver *d, int result)
{
	if (result == 0)
		*out = d;
	else
		free(d);
	return result;
}

int deliver_to_folder(struct deliver **out, const char *path)
{
	struct deliver *d = deliver_new();
	return d == NULL ? -ENOMEM : give(out, d, folder_open(&d->folder, path));
}

int deliver_to_stream(struct deliver **out, int fd)
{
	struct deliver *d = deliver_new();
	if (d == NULL)
		return -ENOMEM;
	d->stream = fd;
	return give(out, d, 0);
}

int deliver_to_command(struct deliver **out, char *const argv[])
{
	struct deliver *d = deliver_new();
	return d == NULL ? -ENOMEM : give(out, d, feed_start(&d->feed, argv));
}

void deliver_set_stop(struct deliver *d, int stop_fd)
{
	d->stop = stop_fd;
	if (d->feed != NULL)
		feed_set_stop(d->feed, stop_fd);
}

static int check_stop(const struct deliver *d)
{
	struct pollfd fd = {.fd = d->stop, .events = POLLIN};
	return poll(&fd, 1, 0) > 0 ? -ECANCELED : 0;
}

int deliver_plan(struct deliver *d, const struct member *const *members, uint32_t count,
		 uint32_t *culprit)
{
	if (d->folder != NULL)
		return folder_plan(d->folder, members, count, culprit);
	assert(count == 1);
	*culprit = count;
	return d->feed != NULL ? feed_run(d->feed) : 0;
}

int deliver_begin(struct deliver *d)
{
	return d->folder != NULL ? folder_begin(d->folder) : 0;
}

int deliver_data(void *deliver, const void *data, size_t len)
{
	struct deliver *d = deliver;
	int result = check_stop(d);
	if (result != 0)
		return result;
	if (d->folder != NULL)
		result = folder_write(d->folder, data, len);
	else if (d->feed != NULL)
		result = feed_write(d->feed, data, len);
	else
		result = io_write(d->stream, data, len);
	if (result == 0)
		d->bytes += len;
	return result;
}

int deliver_end(struct deliver *d)
{
	return d->folder != NULL ? folder_end(d->folder) : 0;
}

int deliver_commit(struct deliver *d, uint32_t *culprit)
{
	int result = check_stop(d);
	if (result != 0)
		return result;
	if (d->folder != NULL)
		return folder_commit(d->folder, culprit);
	return d->feed != NULL ? feed_finish(d->feed) : 0;
}

uint64_t deliver_bytes(const struct deliver *d)
{
	return d->bytes;
}

void deliver_describe(const struct deliver *d, char *out, size_t size)
{
	if (d->feed != NULL)
		feed_describe(d->feed, out, size);
	else if (size > 0)
		out[0] = 0;
}

void deliver_free(struct deliver *d)
{
	if (d == NULL)
		return;
	folder_free(d->folder);
	feed_free(d->feed);
	free(d);
}
