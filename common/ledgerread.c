#include "ledgerread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

enum { CHUNK_BYTES = 262144 };

struct reading {
	const struct ledger_reading *of;
	char *buffer;        /* CHUNK_BYTES */
	uint64_t bytes_done; /* of all files so far */
	bool skips;          /* in a line that is too long */
	struct ledger_record record;
};

static int give(struct reading *r, enum ledger_piece piece, const char *text, size_t len)
{
	r->record.piece = piece;
	r->record.text = text;
	r->record.len = len;
	r->record.line++;
	int result = r->of->take(r->of->context, &r->record);
	r->record.opens_file = false;
	return result;
}

/* Gives the whole lines in the first len bytes of the buffer; *used is how far they go. */
static int give_lines(struct reading *r, size_t len, size_t *used)
{
	const char *at = r->buffer, *end = at + len;
	int result = 0;
	while (result == 0) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		if (stop == NULL)
			break;
		size_t line_len = (size_t)(stop - at);
		if (r->skips)
			r->skips = false;
		else
			result = give(r, line_len < LEDGER_LINE_MAX ? LEDGER_LINE : LEDGER_LONG_LINE,
				      at, line_len < LEDGER_LINE_MAX ? line_len : LEDGER_LINE_MAX);
		at = stop + 1;
	}
	if (result == 0 && end - at >= LEDGER_LINE_MAX) {
		if (!r->skips)
			result = give(r, LEDGER_LONG_LINE, at, LEDGER_LINE_MAX);
		r->skips = true;
		at = end;
	}
	*used = (size_t)(at - r->buffer);
	return result;
}

static int read_lines(struct reading *r, int fd)
{
	size_t held = 0;
	for (;;) {
		ssize_t n = io_read(fd, r->buffer + held, CHUNK_BYTES - held);
		if (n <= 0) {
			if (n == 0 && held > 0 && !r->skips)
				return give(r, LEDGER_TORN, r->buffer, held);
			return n == 0 && r->record.opens_file ? give(r, LEDGER_NOTHING, r->buffer, 0)
							      : (int)n;
		}
		size_t used = 0;
		int result = give_lines(r, held + (size_t)n, &used);
		if (result != 0)
			return result;
		held = held + (size_t)n - used;
		memmove(r->buffer, r->buffer + used, held);
		r->bytes_done += (uint64_t)n;
		if (r->of->advance != NULL)
			r->of->advance(r->of->context, r->bytes_done);
	}
}

static int read_file(struct reading *r, int dir_fd, const struct ledger_file *file)
{
	int fd = ledger_file_open(dir_fd, file, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r->record = (struct ledger_record){.file = file, .opens_file = true};
	r->skips = false;
	int result = read_lines(r, fd);
	io_close(fd);
	return result;
}

static bool is_behind(const struct ledger_file *file, const struct ledger_file *last)
{
	return file->first != last->first ? file->first > last->first : file->day > last->day;
}

int ledger_read(int dir_fd, const struct ledger_reading *reading)
{
	struct reading r = {.of = reading, .buffer = malloc(CHUNK_BYTES)};
	struct ledger_file last = {.first = 0};
	int result = r.buffer == NULL ? -ENOMEM : 0;
	/* A box may begin a new file while the others are read: look again until there is none. */
	for (bool is_more = true; result == 0 && is_more;) {
		struct ledger_file *files = NULL;
		size_t count = 0;
		is_more = false;
		result = ledger_file_list(dir_fd, &files, &count);
		for (size_t i = 0; result == 0 && i < count; i++) {
			if (!is_behind(&files[i], &last))
				continue;
			is_more = true;
			last = files[i];
			result = read_file(&r, dir_fd, &files[i]);
		}
		free(files);
	}
	free(r.buffer);
	return result;
}

int ledger_size(int dir_fd, uint64_t *bytes)
{
	struct ledger_file *files = NULL;
	size_t count = 0;
	uint64_t sum = 0;
	int result = ledger_file_list(dir_fd, &files, &count);
	for (size_t i = 0; result == 0 && i < count; i++) {
		char name[LEDGER_FILE_NAME_BYTES];
		struct stat st;
		ledger_file_name(name, &files[i]);
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += (uint64_t)st.st_size;
		else if (errno != ENOENT)
			result = -errno;
	}
	free(files);
	if (result == 0)
		*bytes = sum;
	return result;
}
