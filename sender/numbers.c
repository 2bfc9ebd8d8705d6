#include "numbers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

#define COUNTERS_FILE "counters"

enum {
	STATE_BYTES_MAX = 256, /* of any of these files */
	SET_ASIDE = 1024,      /* counter values a write covers */
	FILE_MODE = 0640,
};

struct newest {
	uint64_t number; /* 0: none yet */
	uint8_t push_id[PUSH_ID_BYTES];
};

static int parse_newest(struct newest *out, char *text)
{
	char *blank = strchr(text, ' ');
	size_t len = strlen(text);
	if (blank == NULL || len == 0 || text[len - 1] != '\n')
		return VERDICT_DAMAGED;
	text[len - 1] = 0;
	*blank = 0;
	if (text_parse_u64(&out->number, text, BUNDLE_NUMBER_END - 1) != 0 || out->number == 0 ||
	    text_unhex(out->push_id, sizeof(out->push_id), blank + 1) != 0)
		return VERDICT_DAMAGED;
	return 0;
}

static int read_newest(int dir_fd, const char *route, struct newest *out)
{
	uint8_t *text = NULL;
	size_t len;
	*out = (struct newest){0};
	int result = io_read_file(dir_fd, route, STATE_BYTES_MAX, &text, &len);
	if (result == -ENOENT)
		return 0;
	if (result == 0)
		result = memchr(text, 0, len) != NULL ? VERDICT_DAMAGED
						      : parse_newest(out, (char *)text);
	free(text);
	return result;
}

int numbers_is_newest(int sequence_dir, const char *route,
		       const uint8_t push_id[static PUSH_ID_BYTES], bool *newest)
{
	struct newest last;
	int result = read_newest(sequence_dir, route, &last);
	if (result == 0)
		*newest = last.number > 0 && memcmp(last.push_id, push_id, PUSH_ID_BYTES) == 0;
	return result;
}

int numbers_take(int sequence_dir, const char *route, const uint8_t push_id[static PUSH_ID_BYTES],
		  uint64_t known, uint64_t *number)
{
	struct newest last;
	int result = read_newest(sequence_dir, route, &last);
	if (result != 0)
		return result;
	if (last.number > 0 && memcmp(last.push_id, push_id, PUSH_ID_BYTES) == 0) {
		*number = last.number;
		return 0;
	}
	uint64_t next = (last.number > known ? last.number : known) + 1;
	if (next >= BUNDLE_NUMBER_END)
		return VERDICT_BAD_LIMIT;
	char hex[2 * PUSH_ID_BYTES + 1];
	char text[STATE_BYTES_MAX];
	int len = snprintf(text, sizeof(text), "%" PRIu64 " %s\n", next,
			   text_hex(hex, sizeof(hex), push_id, PUSH_ID_BYTES));
	result = io_write_file(sequence_dir, route, text, (size_t)len, FILE_MODE);
	if (result == 0)
		*number = next;
	return result;
}

static const char *const counter_names[COUNTER_END] = {"generation", "beat", "serial"};

static int save_counters(const struct counters *counters)
{
	char text[STATE_BYTES_MAX];
	int len = 0;
	for (size_t i = 0; i < COUNTER_END; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s %" PRIu64 "\n",
				counter_names[i], counters->set_aside[i]);
	return io_write_file(counters->dir_fd, COUNTERS_FILE, text, (size_t)len, FILE_MODE);
}

/* Each line in its place, nothing else. */
static int parse_counters(uint64_t values[static COUNTER_END], char *text)
{
	for (size_t i = 0; i < COUNTER_END; i++) {
		size_t name_len = strlen(counter_names[i]);
		char *end = strchr(text, '\n');
		if (end == NULL || strncmp(text, counter_names[i], name_len) != 0 ||
		    text[name_len] != ' ')
			return VERDICT_DAMAGED;
		*end = 0;
		if (text_parse_u64(&values[i], text + name_len + 1, UINT64_MAX / 2) != 0)
			return VERDICT_DAMAGED;
		text = end + 1;
	}
	return *text == 0 ? 0 : VERDICT_DAMAGED;
}

int counters_open(struct counters *out, int dir_fd, bool is_first)
{
	struct counters counters = {.dir_fd = dir_fd};
	uint8_t *text = NULL;
	size_t len;
	int result = io_read_file(dir_fd, COUNTERS_FILE, STATE_BYTES_MAX, &text, &len);
	if (result == 0)
		result = parse_counters(counters.set_aside, (char *)text);
	else if (result == -ENOENT && is_first)
		result = save_counters(&counters);
	free(text);
	if (result != 0)
		return result;
	memcpy(counters.used, counters.set_aside, sizeof(counters.used));
	*out = counters;
	return 0;
}

int counters_next(struct counters *counters, enum counter which, uint64_t *out)
{
	if (counters->used[which] == counters->set_aside[which]) {
		counters->set_aside[which] += SET_ASIDE;
		int result = save_counters(counters);
		if (result != 0) {
			counters->set_aside[which] -= SET_ASIDE;
			return result;
		}
	}
	*out = ++counters->used[which];
	return 0;
}
