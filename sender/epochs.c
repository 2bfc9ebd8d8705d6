#include "epochs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/io.h"
#include "common/resendcode.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"

#define EPOCH_FILE "epoch"
static const char PAST[] = "past ";

enum {
	EPOCH_DIGITS = 16,
	LINE_BYTES_MAX = sizeof(PAST) + NAME_BYTES + 24,
	FILE_BYTES_MAX = EPOCHS_MAX * (EPOCH_DIGITS + 1) + EPOCH_PASTS_MAX * LINE_BYTES_MAX,
	FILE_MODE = 0640,
	TRIES_MAX = 4096,
	APART_MAX = 8, /* of bundles of older ones nothing is kept by then */
};

static bool parse_epoch(uint64_t *out, const char *line)
{
	uint8_t bytes[EPOCH_DIGITS / 2];
	if (strlen(line) != EPOCH_DIGITS || text_unhex(bytes, sizeof(bytes), line) != 0)
		return false;
	*out = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*out = *out << 8 | bytes[i];
	return *out != 0;
}

/* "ROUTE NUMBER"; the line is changed. */
static bool parse_past(struct past *out, char *line)
{
	char *blank = strchr(line, ' ');
	if (blank == NULL)
		return false;
	*blank = 0;
	size_t len = strlen(line);
	if (len == 0 || len >= sizeof(out->route) ||
	    text_parse_u64(&out->number, blank + 1, BUNDLE_NUMBER_END - 1) != 0)
		return false;
	memset(out->route, 0, sizeof(out->route));
	memcpy(out->route, line, len);
	return true;
}

static int add_past(struct epochs *e, char *line)
{
	struct past past;
	if (e->count != 1 || e->past_count == EPOCH_PASTS_MAX || !parse_past(&past, line))
		return VERDICT_DAMAGED;
	struct past *pasts = reallocarray(e->past, e->past_count + 1, sizeof(*pasts));
	if (pasts == NULL)
		return -ENOMEM;
	pasts[e->past_count++] = past;
	e->past = pasts;
	return 0;
}

static int parse_line(struct epochs *e, char *line)
{
	if (strncmp(line, PAST, sizeof(PAST) - 1) == 0)
		return add_past(e, line + sizeof(PAST) - 1);
	if (e->count == EPOCHS_MAX || !parse_epoch(&e->epoch[e->count], line))
		return VERDICT_DAMAGED;
	e->count++;
	return 0;
}

static int parse(struct epochs *e, char *text, size_t len)
{
	if (len == 0 || text[len - 1] != '\n' || memchr(text, 0, len) != NULL)
		return VERDICT_DAMAGED;
	int result = 0;
	for (char *line = text; result == 0 && line < text + len;) {
		char *end = strchr(line, '\n');
		if (end == NULL)
			return VERDICT_DAMAGED;
		*end = 0;
		result = parse_line(e, line);
		line = end + 1;
	}
	return result == 0 && e->count == 0 ? VERDICT_DAMAGED : result;
}

/* It is written when an epoch begins, and at no other time. */
static int look_when(struct epochs *epochs, int dir_fd)
{
	struct stat st;
	if (fstatat(dir_fd, EPOCH_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	epochs->begun = st.st_mtim.tv_sec < 0 ? 0 : (uint64_t)st.st_mtim.tv_sec;
	return 0;
}

int epochs_load(struct epochs *out, int dir_fd)
{
	uint8_t *text = NULL;
	size_t len;
	*out = (struct epochs){.count = 0};
	int result = io_read_file(dir_fd, EPOCH_FILE, FILE_BYTES_MAX, &text, &len);
	if (result == 0)
		result = parse(out, (char *)text, len);
	if (result == 0)
		result = look_when(out, dir_fd);
	free(text);
	if (result != 0)
		epochs_free(out);
	return result;
}

void epochs_free(struct epochs *epochs)
{
	free(epochs->past);
	epochs->past = NULL;
	epochs->past_count = 0;
}

static int store(const struct epochs *e, int dir_fd)
{
	const size_t size = FILE_BYTES_MAX + 1;
	size_t at = 0;
	char *text = malloc(size);
	if (text == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < e->count; i++) {
		at += (size_t)snprintf(text + at, size - at, "%016" PRIx64 "\n", e->epoch[i]);
		for (size_t j = 0; i == 0 && j < e->past_count; j++)
			at += (size_t)snprintf(text + at, size - at, "%s%s %" PRIu64 "\n", PAST, e->past[j].route,
					       e->past[j].number);
	}
	int result = io_write_file(dir_fd, EPOCH_FILE, text, at, FILE_MODE);
	free(text);
	return result;
}

/* Resend codes tell epochs apart by a part of them. */
static bool is_apart(const struct epochs *epochs, uint64_t epoch)
{
	for (size_t i = 0; i < epochs->count && i < APART_MAX; i++)
		if (!resendcode_epochs_are_apart(epochs->epoch[i], epoch))
			return false;
	return epoch != 0 && !epochs_have(epochs, epoch);
}

int epochs_begin(struct epochs *epochs, int dir_fd, uint64_t before, struct past *past, size_t past_count)
{
	struct epochs next = {.count = 1, .begun = (uint64_t)time(NULL), .past = past, .past_count = past_count};
	for (unsigned int i = 0; i < TRIES_MAX && !is_apart(epochs, next.epoch[0]); i++)
		suite_random(&next.epoch[0], sizeof(next.epoch[0]));
	/* so many in a row that there is none apart from all: codes of older ones are then refused */
	while (next.epoch[0] == 0 || epochs_have(epochs, next.epoch[0]))
		suite_random(&next.epoch[0], sizeof(next.epoch[0]));
	if (before != 0 && !epochs_have(epochs, before))
		next.epoch[next.count++] = before;
	for (size_t i = 0; i < epochs->count && next.count < EPOCHS_MAX; i++)
		next.epoch[next.count++] = epochs->epoch[i];
	int result = store(&next, dir_fd);
	if (result != 0) {
		free(past);
		return result;
	}
	epochs_free(epochs);
	*epochs = next;
	return 0;
}

bool epochs_have(const struct epochs *epochs, uint64_t epoch)
{
	for (size_t i = 0; i < epochs->count; i++)
		if (epochs->epoch[i] == epoch)
			return true;
	return false;
}

uint64_t epochs_before(const struct epochs *epochs)
{
	return epochs->count > 1 ? epochs->epoch[1] : 0;
}

uint64_t epochs_past(const struct epochs *epochs, const char *route)
{
	for (size_t i = 0; i < epochs->past_count; i++)
		if (strcmp(epochs->past[i].route, route) == 0)
			return epochs->past[i].number;
	return 0;
}
