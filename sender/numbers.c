#include "numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"

#define COUNTERS_FILE "counters"

enum {
	SET_ASIDE = 1024,      /* counter values a write covers */
	SLOT_BYTES = 512,      /* of the counters: no disk writes less at a time */
	CHECK_BYTES = 16,
	FILE_MODE = 0640,
};

static const char *const counter_names[COUNTER_END] = {"generation", "beat", "serial"};

/* The lines of a slot without the last: what the check is over. */
static int format_counters(char out[static SLOT_BYTES], const struct counters *counters)
{
	int len = 0;
	for (size_t i = 0; i < COUNTER_END; i++)
		len += snprintf(out + len, SLOT_BYTES - (size_t)len, "%s %" PRIu64 "\n", counter_names[i],
				counters->set_aside[i]);
	return len + snprintf(out + len, SLOT_BYTES - (size_t)len, "write %" PRIu64 "\n",
			      counters->writes);
}

static void check_of(char out[static 2 * CHECK_BYTES + 1], const char *text, size_t len)
{
	uint8_t check[CHECK_BYTES];
	suite_hash(check, sizeof(check), "weir1 counters", NULL, 0, text, len);
	text_hex(out, 2 * CHECK_BYTES + 1, check, sizeof(check));
}

/* The whole slot, filled up with zeros. */
static void encode_slot(char out[static SLOT_BYTES], const struct counters *counters)
{
	char check[2 * CHECK_BYTES + 1];
	memset(out, 0, SLOT_BYTES);
	int len = format_counters(out, counters);
	check_of(check, out, (size_t)len);
	snprintf(out + len, SLOT_BYTES - (size_t)len, "check %s\n", check);
}

/* In its place, in the slot that is not the newest: needs no room on a disk that has none. */
static int save_counters(struct counters *counters)
{
	char slot[SLOT_BYTES];
	counters->writes++;
	encode_slot(slot, counters);
	int fd = openat(counters->dir_fd, COUNTERS_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int result = io_pwrite(fd, slot, sizeof(slot), counters->writes % 2 * SLOT_BYTES);
	if (result == 0)
		result = io_fsync(fd);
	int closed = io_close(fd);
	return result != 0 ? result : closed;
}

static int make_counters(const struct counters *counters)
{
	char file[2 * SLOT_BYTES];
	encode_slot(file, counters);
	encode_slot(file + SLOT_BYTES, counters);
	return io_write_file(counters->dir_fd, COUNTERS_FILE, file, sizeof(file), FILE_MODE);
}

/* "NAME NUMBER\n" at *at, which moves behind it. */
static bool parse_line(const char **at, const char *name, uint64_t *out)
{
	char number[24];
	size_t name_len = strlen(name), len;
	if (strncmp(*at, name, name_len) != 0 || (*at)[name_len] != ' ')
		return false;
	const char *from = *at + name_len + 1;
	len = strcspn(from, "\n");
	if (from[len] != '\n' || len >= sizeof(number))
		return false;
	memcpy(number, from, len);
	number[len] = 0;
	*at = from + len + 1;
	return text_parse_u64(out, number, UINT64_MAX / 2) == 0;
}

/* True only for what encode_slot makes. */
static bool decode_slot(struct counters *out, const uint8_t *slot)
{
	struct counters counters = {.dir_fd = out->dir_fd};
	char text[SLOT_BYTES + 1], again[SLOT_BYTES];
	memcpy(text, slot, SLOT_BYTES);
	text[SLOT_BYTES] = 0;
	const char *at = text;
	for (size_t i = 0; i < COUNTER_END; i++)
		if (!parse_line(&at, counter_names[i], &counters.set_aside[i]))
			return false;
	if (!parse_line(&at, "write", &counters.writes))
		return false;
	encode_slot(again, &counters);
	if (memcmp(again, slot, SLOT_BYTES) != 0)
		return false;
	*out = counters;
	return true;
}

/* The newest of the slots that are whole; a power cut can tear the one that was being written. */
static int decode_counters(struct counters *out, const uint8_t *file, size_t len)
{
	struct counters slots[2] = {{.dir_fd = out->dir_fd}, {.dir_fd = out->dir_fd}};
	if (len != (size_t)2 * SLOT_BYTES)
		return VERDICT_DAMAGED;
	bool first = decode_slot(&slots[0], file);
	bool second = decode_slot(&slots[1], file + SLOT_BYTES);
	if (!first && !second)
		return VERDICT_DAMAGED;
	*out = !second || (first && slots[0].writes > slots[1].writes) ? slots[0] : slots[1];
	return 0;
}

int counters_open(struct counters *out, int dir_fd, bool is_first)
{
	struct counters counters = {.dir_fd = dir_fd};
	uint8_t *file = NULL;
	size_t len;
	int result = io_read_file(dir_fd, COUNTERS_FILE, (size_t)2 * SLOT_BYTES, &file, &len);
	if (result == 0)
		result = decode_counters(&counters, file, len);
	else if (result == -ENOENT && is_first)
		result = make_counters(&counters);
	free(file);
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
