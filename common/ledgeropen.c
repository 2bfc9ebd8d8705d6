/* How a ledger is opened, and what a crash has left is mended (LEDGER.md 5). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "ledgerparts.h"
#include "verdict.h"

/* Holds a batch that was torn, and whole lines in front of it. */
enum { TAIL_BYTES = 2 * LEDGER_BATCH_BYTES };

/* The end of a file. */
struct tail {
	int fd;
	uint64_t size;
	uint64_t whole; /* up to the end of the last line that is finished; 0: there is none */
	struct ledger_head head; /* of that line */
	bool is_signed; /* it is a checkpoint */
};

/* Lines from start to end, which is behind a line feed: each must follow the one before it. */
static int follow_lines(struct tail *tail, const char *start, const char *end, uint64_t first)
{
	struct ledger_head head = {.n = 0};
	while (start < end) {
		struct ledger_line line;
		const char *stop = memchr(start, '\n', (size_t)(end - start));
		int result = ledger_line_parse(&line, start, (size_t)(stop - start));
		if (result != 0)
			return VERDICT_BAD_CHAIN;
		if (head.n == 0 ? first != 0 && line.n != first
				: line.n != head.n + 1 ||
					  memcmp(line.before, head.hash, sizeof(head.hash)) != 0)
			return VERDICT_BAD_CHAIN;
		head.n = line.n;
		ledger_line_hash(head.hash, start, (size_t)(stop - start));
		tail->is_signed = ledger_line_is(&line, "checkpoint");
		start = stop + 1;
	}
	tail->head = head;
	return 0;
}

static int read_tail(struct tail *tail, uint64_t first, char *buffer)
{
	struct stat st;
	if (fstat(tail->fd, &st) < 0)
		return -errno;
	tail->size = (uint64_t)st.st_size;
	uint64_t from = tail->size > TAIL_BYTES ? tail->size - TAIL_BYTES : 0;
	ssize_t n = io_pread(tail->fd, buffer, TAIL_BYTES, from);
	if (n < 0)
		return (int)n;
	const char *end = memrchr(buffer, '\n', (size_t)n);
	if (end == NULL)
		return from == 0 ? 0 : VERDICT_BAD_CHAIN;
	end++;
	const char *start = buffer;
	if (from > 0) /* in the middle of a line */
		start = (const char *)memchr(buffer, '\n', (size_t)n) + 1;
	if (start == end)
		return VERDICT_BAD_CHAIN;
	tail->whole = from + (uint64_t)(end - buffer);
	return follow_lines(tail, start, end, from == 0 ? first : 0);
}

static int open_tail(struct tail *tail, int dir, const struct ledger_file *file)
{
	*tail = (struct tail){.fd = -1};
	char *buffer = malloc(TAIL_BYTES);
	if (buffer == NULL)
		return -ENOMEM;
	tail->fd = ledger_file_open(dir, file, O_RDWR | O_APPEND);
	int result = tail->fd < 0 ? tail->fd : read_tail(tail, file->first, buffer);
	free(buffer);
	return result;
}

static void use_tail(struct ledger *ledger, const struct ledger_file *file, struct tail *tail)
{
	ledger->file = *file;
	ledger->fd = tail->fd;
	ledger->size = tail->whole;
	ledger->room_end = tail->whole;
	tail->fd = -1;
}

/*
 * The last file has no finished line: a new file that nothing was written to, or only a part of its
 * first line.  Either the file before says that it goes on here, or it does not, and this one is removed.
 */
static int settle_empty(struct ledger *ledger, const struct ledger_file *files, size_t count,
			struct tail *last, struct tail *tail)
{
	char name[LEDGER_FILE_NAME_BYTES];
	const struct ledger_file *file = &files[count - 1];
	if (count == 1) {
		if (file->first != 1)
			return VERDICT_BAD_CHAIN;
		*tail = (struct tail){.fd = -1};
		use_tail(ledger, file, last);
		return 0;
	}
	int result = open_tail(tail, ledger->dir, &files[count - 2]);
	if (result != 0)
		return result;
	if (tail->whole == 0)
		return VERDICT_BAD_CHAIN;
	if (tail->whole == tail->size && tail->head.n + 1 == file->first) {
		use_tail(ledger, file, last);
		return 0;
	}
	ledger_file_name(name, file);
	if (unlinkat(ledger->dir, name, 0) < 0)
		return -errno;
	use_tail(ledger, &files[count - 2], tail);
	return io_fsync(ledger->dir);
}

/* A ledger begins with a checkpoint, and what a crash has left is signed before more comes behind it. */
static int mend(struct ledger *ledger, uint64_t torn, bool is_signed, uint64_t now)
{
	if (torn > 0 && (ftruncate(ledger->fd, (off_t)ledger->size) < 0 || fdatasync(ledger->fd) < 0))
		return -errno;
	int result = ledger_make_room(ledger);
	if (result == 0 && !is_signed)
		result = ledger_put_checkpoint(ledger, now);
	if (result == 0 && torn > 0) {
		struct ledger_entry *entry = ledger_entry_new("repaired", 0);
		ledger_set_number(entry, "bytes", torn);
		result = ledger_put(ledger, entry, now);
	}
	ledger->is_urgent = true;
	return result != 0 ? result : ledger_flush(ledger);
}

/* ---- the pair ---- */

/* From the end of the ledger to its beginning: the last event of the pair, and nothing before it. */
struct search {
	const struct ledger_options *options;
	size_t budget; /* bytes */
	bool has_found;
	struct ledger_undone undone;
};

static void judge_line(struct search *search, const char *text, size_t len)
{
	struct ledger_line line;
	if (ledger_line_parse(&line, text, len) != 0)
		return; /* not at the end, and so nothing that ledger_open judges */
	bool begins = ledger_line_is(&line, search->options->begun);
	if (!begins && !ledger_line_is(&line, search->options->done))
		return;
	search->has_found = true;
	search->undone.len = begins ? len : 0;
	if (begins)
		memcpy(search->undone.text, text, len);
}

/* One file, a piece at a time; whatever is no line is none of the pair. */
static int search_file(struct search *search, int fd, uint64_t end, char *buffer)
{
	while (end > 0 && !search->has_found && search->budget > 0) {
		uint64_t from = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
		ssize_t n = io_pread(fd, buffer, (size_t)(end - from), from);
		if (n <= 0)
			return (int)n;
		const char *start = buffer, *stop = buffer + n;
		if (from > 0) { /* in the middle of a line, which the piece before has whole */
			const char *feed = memchr(buffer, '\n', (size_t)n);
			start = feed == NULL ? buffer : feed + 1;
		}
		end = from + (uint64_t)(start - buffer);
		search->budget -= (size_t)n < search->budget ? (size_t)n : search->budget;
		for (const char *feed; (feed = memchr(start, '\n', (size_t)(stop - start))) != NULL; start = feed + 1)
			judge_line(search, start, (size_t)(feed - start));
	}
	return 0;
}

/* The ledger may have gone on in a new file between the two. */
static int find_undone(struct ledger *ledger, const struct ledger_options *options, const struct ledger_file *files,
		       size_t count)
{
	struct search search = {.options = options, .budget = LEDGER_PAIR_BYTES};
	char *buffer = malloc(TAIL_BYTES);
	int result = buffer == NULL ? -ENOMEM : 0;
	while (result == 0 && !search.has_found && count-- > 0) {
		int fd = files[count].first > ledger->head.n ? -ENOENT : ledger_file_open(ledger->dir, &files[count], O_RDONLY);
		struct stat st;
		if (fd == -ENOENT)
			continue; /* settle_empty has judged it */
		result = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : search_file(&search, fd, (uint64_t)st.st_size, buffer);
		io_close(fd);
	}
	free(buffer);
	if (result == 0)
		ledger->undone = ledger->next_undone = search.undone;
	return result;
}

static int settle(struct ledger *ledger, const struct ledger_options *options, const struct ledger_file *files,
		  size_t count, uint64_t now)
{
	struct tail last = {.fd = -1}, before = {.fd = -1};
	int result = open_tail(&last, ledger->dir, &files[count - 1]);
	const struct tail *tail = &last; /* the one that has the head */
	uint64_t torn = last.size - last.whole;
	if (result == 0 && last.whole > 0) {
		use_tail(ledger, &files[count - 1], &last);
	} else if (result == 0) {
		result = settle_empty(ledger, files, count, &last, &before);
		torn += before.size - before.whole;
		tail = &before;
	}
	if (result == 0) {
		ledger->head = tail->head;
		result = options->begun == NULL ? 0 : find_undone(ledger, options, files, count);
	}
	if (result == 0) {
		ledger_drop(ledger);
		result = mend(ledger, torn, tail->is_signed, now);
	}
	io_close(last.fd);
	io_close(before.fd);
	return result;
}

static int begin(struct ledger *ledger, uint64_t now)
{
	ledger->file = (struct ledger_file){.first = 1, .day = ledger_day(now)};
	ledger->fd = ledger_file_open(ledger->dir, &ledger->file, O_RDWR | O_APPEND | O_CREAT | O_EXCL);
	int result = ledger->fd < 0 ? ledger->fd : io_fsync(ledger->dir);
	return result != 0 ? result : mend(ledger, 0, false, now);
}

/* Makes the directory durable in its own, too. */
static int open_dir(const char *path)
{
	int result = io_make_dir(AT_FDCWD, path, LEDGER_DIR_MODE);
	int dir = result != 0 ? result : io_open_dir(AT_FDCWD, path);
	int above = dir < 0 ? dir : io_open_dir(dir, "..");
	result = above < 0 ? above : io_fsync(above);
	io_close(above < 0 ? -1 : above);
	if (result != 0 && dir >= 0)
		io_close(dir);
	return result != 0 ? result : dir;
}

int ledger_open(struct ledger **out, const struct ledger_options *options, uint64_t now)
{
	struct ledger_file *files = NULL;
	size_t count = 0;
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	if (ledger == NULL)
		return -ENOMEM;
	ledger->dir = open_dir(options->path);
	ledger->fd = -1;
	ledger->box = options->box;
	ledger->begun = options->begun;
	ledger->done = options->done;
	ledger->retention_days = options->retention_days != 0 ? options->retention_days
							      : LEDGER_RETENTION_DAYS;
	ledger->wants_checkpoint = true;
	int result = ledger->dir < 0 ? ledger->dir : ledger_file_list(ledger->dir, &files, &count);
	if (result == 0)
		result = count == 0 ? begin(ledger, now) : settle(ledger, options, files, count, now);
	free(files);
	if (result != 0) {
		io_close(ledger->fd);
		io_close(ledger->dir);
		free(ledger);
		return result;
	}
	*out = ledger;
	return 0;
}

bool ledger_undone(const struct ledger *ledger, const char *key, char *out, size_t size)
{
	struct json *json = NULL;
	const struct ledger_undone *undone = &ledger->next_undone;
	if (undone->len == 0 || json_parse(&json, undone->text, undone->len) != 0)
		return false;
	const char *text = json_get_text(json_view_of(json), key, "");
	size_t len = strlen(text);
	bool fits = len > 0 && len < size;
	if (fits)
		memcpy(out, text, len + 1);
	json_free(json);
	return fits;
}
