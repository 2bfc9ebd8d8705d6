/* How a ledger goes on in a new file, and gives up old ones (LEDGER.md 4). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "ledgerparts.h"
#include "verdict.h"

enum { DAY_S = 86400, DAYS_A_MONTH = 100 /* 20261123 / 100 is the month */ };

bool ledger_roll_is_due(struct ledger *ledger, uint64_t now)
{
	if (ledger->month_seen != now / DAY_S) {
		ledger->month_seen = now / DAY_S;
		ledger->month_passed =
			ledger_day(now) / DAYS_A_MONTH > ledger->file.day / DAYS_A_MONTH;
	}
	bool is_time = ledger->month_passed || ledger->size + ledger->batch_len >= LEDGER_FILE_BYTES;
	/* on a full disk the old file goes on: it has room set aside */
	return is_time && ledger->next.n >= ledger->file.first && !ledger->is_low &&
	       now >= ledger->retry_at;
}

/* ---- the old ones ---- */

/* The head that the first entry of a file stands behind. */
static int head_in_front(struct ledger_head *out, int dir, const struct ledger_file *file)
{
	char text[LEDGER_LINE_MAX];
	struct ledger_line line;
	int fd = ledger_file_open(dir, file, O_RDONLY);
	if (fd < 0)
		return fd;
	ssize_t n = io_pread(fd, text, sizeof(text), 0);
	io_close(fd);
	if (n < 0)
		return (int)n;
	const char *end = memchr(text, '\n', (size_t)n);
	if (end == NULL || ledger_line_parse(&line, text, (size_t)(end - text)) != 0)
		return VERDICT_BAD_ENTRY;
	out->n = line.n - 1;
	memcpy(out->hash, line.before, sizeof(out->hash));
	return 0;
}

/* How many files hold nothing that is younger than the retention: the next one was begun before it. */
static size_t count_old(const struct ledger *ledger, const struct ledger_file *files, size_t count,
			uint64_t now)
{
	uint64_t kept_s = (uint64_t)ledger->retention_days * DAY_S;
	uint32_t day = now > kept_s ? ledger_day(now - kept_s) : 0;
	size_t old = 0;
	while (old + 1 < count && files[old + 1].day < day)
		old++;
	return old;
}

/* In the batch and on the disk: what is removed next, signed, or why nothing is. */
static int tell(struct ledger *ledger, int result, const struct ledger_head *through, size_t files,
		uint64_t now)
{
	struct ledger_entry *entry = ledger_entry_new("trimmed", result);
	if (result == 0) {
		ledger_set_number(entry, "through", through->n);
		ledger_set_hex(entry, "hash", through->hash, sizeof(through->hash));
	}
	ledger_set_number(entry, "files", files);
	result = ledger_put(ledger, entry, now);
	if (result == 0)
		result = ledger_put_checkpoint(ledger, now);
	if (result != 0) {
		ledger_drop(ledger);
		return result;
	}
	return ledger_flush(ledger);
}

static int remove_files(const struct ledger *ledger, const struct ledger_file *files, size_t count)
{
	char name[LEDGER_FILE_NAME_BYTES];
	for (size_t i = 0; i < count; i++) {
		ledger_file_name(name, &files[i]);
		if (unlinkat(ledger->dir, name, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Whatever hinders it is in the ledger, and tried again with the next file. */
static void trim(struct ledger *ledger, uint64_t now)
{
	struct ledger_file *files = NULL;
	struct ledger_head through = {.n = 0};
	size_t count = 0, old = 0;
	int result = ledger_file_list(ledger->dir, &files, &count);
	if (result == 0) {
		old = count_old(ledger, files, count, now);
		if (old == 0)
			goto out;
		result = head_in_front(&through, ledger->dir, &files[old]);
	}
	int told = tell(ledger, result, &through, old, now);
	if (told != 0 || result != 0)
		goto out; /* nothing goes without a word; a ledger that failed says so to the next caller */
	result = remove_files(ledger, files, old);
	if (result == 0)
		result = io_fsync(ledger->dir);
	if (result != 0)
		tell(ledger, result, &through, old, now);
out:
	free(files);
}

/* ---- the new one ---- */

/* The last two entries of the old file. */
static int sign_off(struct ledger *ledger, uint64_t next, uint64_t now)
{
	struct ledger_entry *entry = ledger_entry_new("rotate", 0);
	ledger_set_number(entry, "next", next);
	int result = ledger_put(ledger, entry, now);
	if (result == 0)
		result = ledger_put_checkpoint(ledger, now);
	if (result != 0) {
		ledger_drop(ledger);
		return result;
	}
	return ledger_flush(ledger);
}

/* Durable, and with its reserve, before the old file says that it goes on there. */
static int begin_file(struct ledger *ledger, const struct ledger_file *file, int *out)
{
	int fd = ledger_file_open(ledger->dir, file, O_RDWR | O_APPEND | O_CREAT | O_EXCL);
	if (fd < 0) {
		/* in the way of the chain */
		if (fd == -EEXIST)
			ledger->failure = fd;
		return fd;
	}
	*out = fd;
	int result = io_fsync(ledger->dir);
	if (result != 0)
		ledger->failure = result;
	return result != 0 ? result : ledger_allocate(fd, 0, 2 * (uint64_t)LEDGER_RESERVE_BYTES);
}

/* One that is not taken into use must not stay: it would be in the way of the chain. */
static int take_back(struct ledger *ledger, const struct ledger_file *file, int fd)
{
	char name[LEDGER_FILE_NAME_BYTES];
	io_close(fd);
	ledger_file_name(name, file);
	if (ledger->failure == 0 && unlinkat(ledger->dir, name, 0) < 0)
		ledger->failure = -errno;
	return ledger->failure;
}

static void move_to(struct ledger *ledger, const struct ledger_file *file, int fd)
{
	/* gives back what was set aside behind the end; when that fails, the room stays taken */
	if (ftruncate(ledger->fd, (off_t)ledger->size) == 0)
		ledger->room_end = ledger->size;
	io_close(ledger->fd);
	ledger->fd = fd;
	ledger->file = *file;
	ledger->size = 0;
	ledger->room_end = 2 * (uint64_t)LEDGER_RESERVE_BYTES;
	ledger->month_passed = false;
}

int ledger_roll(struct ledger *ledger, uint64_t now)
{
	/* The new file is there before the old one says so: one that is missing was taken away. */
	struct ledger_file file = {.first = ledger->head.n + 3, .day = ledger_day(now)};
	int fd = -1;
	int result = begin_file(ledger, &file, &fd);
	if (result == 0)
		result = sign_off(ledger, file.first, now);
	if (result != 0) {
		ledger->retry_at = now + LEDGER_RETRY_S;
		return fd < 0 ? ledger->failure : take_back(ledger, &file, fd);
	}
	move_to(ledger, &file, fd);
	trim(ledger, now);
	return ledger->failure;
}
