#include "lost.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "vault.h"

#define LOST_FILE "lost"
#define LOST_DAMAGED_FILE "lost.damaged"
#define LOST_HEAD "weir-lost 1\n"

enum { LINE_BYTES = 192, WORDS = 6, FILE_MODE = 0640, GROW = 64 };

struct lost {
	int vault_fd;
	struct lost_item *items; /* first the listed ones, then those that are owed */
	size_t listed, count, size;
	size_t added;            /* of the owed ones: they wait for a commit */
	bool is_dirty;           /* the file is not what is listed */
};

static const struct {
	const char *name;
	const char *explain;
} whys[LOST_WHY_COUNT] = {
	[LOST_NOT_OFFERED] = {"not-offered", "the sender no longer offers it"},
	[LOST_NEVER_NAMED] = {"never-named", "the sender released it, and never named it here"},
	[LOST_TOO_OLD] = {"too-old", "nothing of it came for too long, and no more is coming"},
	[LOST_REFUSED] = {"refused", "it came and was refused, and the sender no longer offers it"},
	[LOST_NO_ROOM] = {"no-room", "what had come of it was given up for another bundle"},
};

const char *lost_why_name(enum lost_why why)
{
	assert(why < LOST_WHY_COUNT);
	return whys[why].name;
}

const char *lost_why_explain(enum lost_why why)
{
	assert(why < LOST_WHY_COUNT);
	return whys[why].explain;
}

/* The file */

static int line_of(char out[static LINE_BYTES], const struct lost_item *item)
{
	char id[VAULT_NAME_BYTES];
	vault_partial_name(id, &item->id);
	return snprintf(out, LINE_BYTES, "%s %" PRIu64 " %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", id, item->count,
			lost_why_name(item->why), item->held_bytes, item->object_bytes, item->at_s);
}

int lost_encode(char **out, size_t *len, const struct lost_item *items, size_t count)
{
	char *text = malloc(sizeof(LOST_HEAD) + count * LINE_BYTES);
	if (text == NULL)
		return -ENOMEM;
	size_t at = sizeof(LOST_HEAD) - 1;
	memcpy(text, LOST_HEAD, at);
	for (size_t i = 0; i < count; i++) {
		char line[LINE_BYTES];
		size_t n = (size_t)line_of(line, &items[i]);
		memcpy(text + at, line, n);
		at += n;
	}
	*out = text;
	*len = at;
	return 0;
}

static int parse_why(enum lost_why *out, const char *name)
{
	for (int why = 0; why < LOST_WHY_COUNT; why++)
		if (strcmp(whys[why].name, name) == 0) {
			*out = (enum lost_why)why;
			return 0;
		}
	return VERDICT_DAMAGED;
}

/* Whatever the same line would not be made of is none. */
static int parse_line(struct lost_item *out, char line[static LINE_BYTES])
{
	char copy[LINE_BYTES + 2], again[LINE_BYTES], *word[WORDS], *rest = NULL;
	struct lost_item item;
	snprintf(copy, sizeof(copy), "%s\n", line);
	for (size_t i = 0; i < WORDS; i++) {
		word[i] = strtok_r(i == 0 ? line : NULL, " ", &rest);
		if (word[i] == NULL)
			return VERDICT_DAMAGED;
	}
	if (!vault_parse_id(&item.id, word[0]) || parse_why(&item.why, word[2]) != 0 ||
	    text_parse_u64(&item.count, word[1], LOST_NUMBERS_MAX) != 0 ||
	    text_parse_u64(&item.held_bytes, word[3], INT64_MAX) != 0 ||
	    text_parse_u64(&item.object_bytes, word[4], INT64_MAX) != 0 ||
	    text_parse_u64(&item.at_s, word[5], INT64_MAX) != 0 || item.count == 0)
		return VERDICT_DAMAGED;
	line_of(again, &item);
	if (strcmp(again, copy) != 0)
		return VERDICT_DAMAGED;
	*out = item;
	return 0;
}

int lost_decode(struct lost_item **out, size_t *count, const char *text, size_t len)
{
	const size_t head = sizeof(LOST_HEAD) - 1;
	if (len < head || memcmp(text, LOST_HEAD, head) != 0 || text[len - 1] != '\n')
		return VERDICT_DAMAGED;
	size_t lines = 0, found = 0;
	for (size_t i = head; i < len; i++)
		lines += text[i] == '\n';
	struct lost_item *items = calloc(lines + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	int result = lines > LOST_MAX ? VERDICT_DAMAGED : 0;
	for (size_t at = head; result == 0 && at < len;) {
		char line[LINE_BYTES];
		size_t n = (size_t)((const char *)memchr(text + at, '\n', len - at) - (text + at));
		result = n >= sizeof(line) - 1 || memchr(text + at, 0, n) != NULL ? VERDICT_DAMAGED : 0;
		if (result != 0)
			break;
		memcpy(line, text + at, n);
		line[n] = 0;
		result = parse_line(&items[found++], line);
		at += n + 1;
	}
	if (result != 0) {
		free(items);
		return result;
	}
	*out = items;
	*count = found;
	return 0;
}

int lost_load(int vault_fd, struct lost_item **out, size_t *count)
{
	uint8_t *text = NULL;
	size_t len = 0;
	int result = io_read_file(vault_fd, LOST_FILE, LOST_BYTES_MAX, &text, &len);
	if (result == -ENOENT) {
		*out = NULL;
		*count = 0;
		return 0;
	}
	if (result == 0)
		result = lost_decode(out, count, (const char *)text, len);
	free(text);
	return result;
}

static int store(struct lost *lost)
{
	char *text = NULL;
	size_t len = 0;
	int result = lost_encode(&text, &len, lost->items, lost->listed);
	if (result == 0)
		result = io_write_file(lost->vault_fd, LOST_FILE, text, len, FILE_MODE);
	lost->is_dirty = result != 0;
	free(text);
	return result;
}

/* The list */

int lost_open(struct lost **out, int vault_fd)
{
	struct lost *lost = calloc(1, sizeof(*lost));
	if (lost == NULL)
		return -ENOMEM;
	lost->vault_fd = vault_fd;
	int result = lost_load(vault_fd, &lost->items, &lost->count);
	if (result > 0) {
		int moved = io_rename_durable(vault_fd, LOST_FILE, vault_fd, LOST_DAMAGED_FILE);
		result = moved != 0 ? moved : result;
	}
	if (result < 0) {
		free(lost);
		return result;
	}
	lost->listed = lost->size = lost->count;
	*out = lost;
	return result;
}

void lost_close(struct lost *lost)
{
	if (lost == NULL)
		return;
	free(lost->items);
	free(lost);
}

static size_t place_of(const struct lost *lost, const struct bundle_id *id)
{
	size_t i = 0;
	while (i < lost->count && (lost->items[i].id.number != id->number || lost->items[i].id.epoch != id->epoch ||
				   lost->items[i].id.route_id != id->route_id))
		i++;
	return i;
}

int lost_add(struct lost *lost, const struct lost_item *item)
{
	if (place_of(lost, &item->id) < lost->count)
		return 0;
	if (lost->count == lost->size) {
		struct lost_item *items = reallocarray(lost->items, lost->size + GROW, sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		lost->items = items;
		lost->size += GROW;
	}
	lost->items[lost->count++] = *item;
	return 0;
}

bool lost_owes(const struct lost *lost)
{
	return lost->count > lost->listed || lost->is_dirty;
}

const struct lost_item *lost_owed(const struct lost *lost, size_t index)
{
	return index < lost->count - lost->listed ? &lost->items[lost->listed + index] : NULL;
}

void lost_note_added(struct lost *lost)
{
	lost->added = lost->count - lost->listed;
}

/* Of those that were entered, what is to be listed stays; it moves behind the listed ones. */
int lost_entered(struct lost *lost, int result)
{
	size_t from = lost->listed, end = lost->listed + lost->added;
	if (result != 0)
		return 0;
	for (size_t i = from; i < end; i++) {
		if (lost->items[i].why == LOST_NO_ROOM || lost->listed >= LOST_MAX)
			continue;
		lost->items[lost->listed++] = lost->items[i];
		lost->is_dirty = true;
	}
	if (lost->count > end)
		memmove(lost->items + lost->listed, lost->items + end, (lost->count - end) * sizeof(*lost->items));
	lost->count -= end - lost->listed;
	lost->added = 0;
	return lost_store(lost);
}

const struct lost_item *lost_find(const struct lost *lost, const struct bundle_id *id)
{
	size_t at = place_of(lost, id);
	return at < lost->listed ? &lost->items[at] : NULL;
}

bool lost_remove(struct lost *lost, const struct bundle_id *id)
{
	size_t at = place_of(lost, id);
	if (at >= lost->listed)
		return false;
	memmove(lost->items + at, lost->items + at + 1, (lost->count - at - 1) * sizeof(*lost->items));
	lost->count--;
	lost->listed--;
	lost->is_dirty = true;
	return true;
}

size_t lost_count(const struct lost *lost)
{
	return lost->listed;
}

const struct lost_item *lost_at(const struct lost *lost, size_t index)
{
	assert(index < lost->listed);
	return &lost->items[index];
}

int lost_store(struct lost *lost)
{
	return lost->is_dirty ? store(lost) : 0;
}
