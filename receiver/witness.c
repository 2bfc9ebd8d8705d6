#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io.h"
#include "common/json.h"
#include "common/text.h"

enum { RECALL_BYTES = 4194304, RECALL_FILES = 2 };

static bool same_head(const struct ledger_head *a, const struct ledger_head *b)
{
	return a->n == b->n && memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

enum witness_news witness_hear(struct witness *w, const char *box, const struct ledger_head *head)
{
	struct ledger_head before = w->heard;
	bool is_known = strncmp(w->box, box, NAME_BYTES) == 0;
	if (!is_known) {
		before = (struct ledger_head){.n = 0};
		*w = (struct witness){.written_s = w->written_s};
		strncpy(w->box, box, NAME_BYTES - 1);
	}
	w->heard = *head;
	if (head->n < before.n)
		return WITNESS_WENT_BACK;
	if (head->n > before.n)
		return WITNESS_MORE;
	return same_head(head, &before) ? WITNESS_SAME : WITNESS_CHANGED;
}

bool witness_is_owed(const struct witness *w)
{
	return !same_head(&w->heard, &w->written);
}

bool witness_is_due(const struct witness *w, uint64_t now_s)
{
	/* a clock that was set back makes it due, too */
	return witness_is_owed(w) && (now_s < w->written_s || now_s - w->written_s >= WITNESS_EVERY_S);
}

void witness_note_written(struct witness *w, uint64_t now_s)
{
	w->written = w->heard;
	w->written_s = now_s;
}

/* Our own entry, read again: false when it is none of those. */
static bool take_entry(struct witness *w, const char *line, size_t len)
{
	struct ledger_line parsed;
	struct json *document = NULL;
	if (ledger_line_parse(&parsed, line, len) != 0 || !ledger_line_is(&parsed, "witness") ||
	    json_parse(&document, line, len) != 0)
		return false;
	struct json_view view = json_view_of(document);
	const char *box = json_get_text(view, "box", "");
	const char *hash = json_get_text(view, "hash", "");
	struct witness found = {.written_s = parsed.at};
	found.heard.n = json_get_number(view, "head", 0);
	bool is_good = box[0] != 0 && strlen(box) < NAME_BYTES &&
		       text_unhex(found.heard.hash, sizeof(found.heard.hash), hash) == 0;
	if (is_good) {
		memcpy(found.box, box, strlen(box));
		found.written = found.heard;
		*w = found;
	}
	json_free(document);
	return is_good;
}

/* Line by line from the end; the first may be cut off at its front, and is then no entry. */
static bool search(struct witness *w, const char *text, size_t len)
{
	size_t end = len;
	while (end > 0) {
		size_t start = end - 1;
		while (start > 0 && text[start - 1] != '\n')
			start--;
		if (text[end - 1] == '\n' && take_entry(w, text + start, end - 1 - start))
			return true;
		end = start;
	}
	return false;
}

/* 1 when it was found, 0, -errno. */
static int search_file(struct witness *w, int dir_fd, const struct ledger_file *file)
{
	struct stat st;
	int fd = ledger_file_open(dir_fd, file, O_RDONLY);
	if (fd < 0)
		return fd;
	int result = fstat(fd, &st) < 0 ? -errno : 0;
	uint64_t size = result == 0 ? (uint64_t)st.st_size : 0;
	size_t len = size < RECALL_BYTES ? (size_t)size : RECALL_BYTES;
	char *text = malloc(len + 1);
	if (text == NULL)
		result = -ENOMEM;
	if (result == 0)
		result = io_pread_exact(fd, text, len, size - len);
	if (result == 0)
		result = search(w, text, len);
	free(text);
	io_close(fd);
	return result;
}

int witness_recall(struct witness *w, int dir_fd)
{
	struct ledger_file *files = NULL;
	size_t count = 0;
	int result = ledger_file_list(dir_fd, &files, &count);
	for (size_t i = 0; result == 0 && i < count && i < RECALL_FILES; i++)
		result = search_file(w, dir_fd, &files[count - 1 - i]);
	free(files);
	return result == 1 ? 0 : result;
}
