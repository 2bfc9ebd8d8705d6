#include "scan.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "scan_probe.h"

enum { COPY_BYTES = 65536 };

struct scan {
	struct clamd *clamd;
	struct scan_finding *finding; /* the caller's */
	uint64_t max_bytes;
	uint64_t overlap_bytes;
	int failure;

	int fd;                /* the memory file that fills, or -1 */
	uint64_t len;          /* in it */
	uint64_t member_len;
	bool is_cut;           /* the member is in its second window, or a later one */
	bool is_text;          /* all of the member so far */
	uint8_t odd;           /* the first byte that is not, */
	uint64_t odd_at;       /* and where it stands */
	char member[MEMBER_NAME_MAX + 1];
	uint8_t copy[COPY_BYTES];
};

/* Every result goes through here. */
static int keep(struct scan *scan, int result)
{
	if (result != 0 && scan->failure == 0)
		scan->failure = result;
	return scan->failure;
}

/* What this process found without clamd. */
__attribute__((format(printf, 3, 4))) static int blame(struct scan *scan, int result,
						       const char *format, ...)
{
	struct scan_finding *finding = scan->finding;
	va_list arguments;
	va_start(arguments, format);
	snprintf(finding->member, sizeof(finding->member), "%s", scan->member);
	vsnprintf(finding->said, sizeof(finding->said), format, arguments);
	finding->is_signature = false;
	va_end(arguments);
	return result;
}

static int fail_here(struct scan *scan, int error, const char *what)
{
	return blame(scan, error, "%s: %s", what, strerror(-error));
}

int scan_open(struct scan **out, const struct scan_options *options, struct scan_finding *finding)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	if (scan == NULL)
		return -ENOMEM;
	scan->fd = -1;
	scan->finding = finding;
	scan->max_bytes = options->max_bytes;
	scan->overlap_bytes = options->overlap_bytes != 0 ? options->overlap_bytes : SCAN_OVERLAP_BYTES;
	assert(scan->overlap_bytes < scan->max_bytes);
	const struct clamd_options session = {
		.socket = options->socket,
		.timeout_ms = options->timeout_ms,
		.bytes_max = 2 * options->max_bytes,
	};
	int result = clamd_open(&scan->clamd, &session, finding);
	if (result != 0) {
		free(scan);
		return result;
	}
	*out = scan;
	return 0;
}

int scan_begin(struct scan *scan)
{
	return keep(scan, scan_probe_settings(scan->clamd, scan->finding));
}

/*
 * A byte of text is any but the control characters, of which tab, line feed, form feed and carriage
 * return are text.  So text is whatever UTF-8, Big5 and EUC write; UTF-16 is not (SCANNING.md 2).
 */
static bool is_odd(uint8_t byte)
{
	return byte == 0x7f ||
	       (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\f' && byte != '\r');
}

static void look(struct scan *scan, const uint8_t *data, size_t len)
{
	for (size_t i = 0; scan->is_text && i < len; i++) {
		if (!is_odd(data[i]))
			continue;
		scan->is_text = false;
		scan->odd = data[i];
		scan->odd_at = scan->member_len + i;
	}
}

static int open_file(struct scan *scan)
{
	scan->fd = memfd_create("weir", MFD_CLOEXEC);
	scan->len = 0;
	return scan->fd < 0 ? fail_here(scan, -errno, "cannot make a memory file") : 0;
}

static int append(struct scan *scan, const void *data, size_t len)
{
	int result = io_write(scan->fd, data, len);
	if (result != 0)
		return fail_here(scan, result, "cannot write a memory file");
	scan->len += len;
	return 0;
}

/* clamd has the file; this process keeps no hold of it. */
static int give(struct scan *scan, int fd, uint64_t len)
{
	/* the offset is shared with clamd, which finds it where that of an opened file would be */
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_here(scan, -errno, "cannot rewind a memory file");
	int result = clamd_give(scan->clamd, fd, len, scan->member);
	if (result != 0)
		clamd_finding(scan->clamd, scan->finding);
	return result;
}

/* The next window begins with the last overlap_bytes of the one before. */
static int copy_overlap(struct scan *scan, int before, uint64_t before_len)
{
	if (lseek(before, (off_t)(before_len - scan->overlap_bytes), SEEK_SET) < 0)
		return fail_here(scan, -errno, "cannot rewind a memory file");
	for (uint64_t left = scan->overlap_bytes; left > 0;) {
		size_t len = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		ssize_t n = io_read(before, scan->copy, len);
		if (n != (ssize_t)len)
			return fail_here(scan, n < 0 ? (int)n : -EIO, "cannot read a memory file");
		int result = append(scan, scan->copy, len);
		if (result != 0)
			return result;
		left -= len;
	}
	return 0;
}

/* The window is full, and there is more of the member. */
static int next_window(struct scan *scan)
{
	int before = scan->fd;
	uint64_t before_len = scan->len;
	int result = open_file(scan);
	if (result == 0)
		result = copy_overlap(scan, before, before_len);
	if (result == 0)
		result = give(scan, before, before_len);
	io_close(before);
	scan->is_cut = true;
	return result;
}

static int refuse_large(struct scan *scan)
{
	char limit[32];
	return blame(scan, VERDICT_NOT_SCANNED,
		     "larger than max_mib of [scan], %s, and no text: byte %" PRIu64 " is 0x%02x; raise "
		     "MaxFileSize and MaxScanSize in clamd.conf and then max_mib, or split it",
		     text_size(limit, sizeof(limit), scan->max_bytes), scan->odd_at, scan->odd);
}

int scan_member_begin(struct scan *scan, const char *name)
{
	assert(scan->fd < 0 || scan->failure != 0);
	scan->member_len = 0;
	scan->is_cut = false;
	scan->is_text = true;
	snprintf(scan->member, sizeof(scan->member), "%s", name);
	return scan->failure;
}

static int add(struct scan *scan, const uint8_t *data, size_t len)
{
	int result = 0;
	if (scan->fd < 0)
		result = open_file(scan);
	else if (scan->len == scan->max_bytes && scan->is_text)
		result = next_window(scan);
	else if (scan->len == scan->max_bytes)
		result = refuse_large(scan);
	if (result != 0)
		return result;
	look(scan, data, len);
	if (scan->is_cut && !scan->is_text)
		return refuse_large(scan);
	scan->member_len += len;
	return append(scan, data, len);
}

int scan_add(struct scan *scan, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (len > 0 && scan->failure == 0) {
		uint64_t room = scan->max_bytes;
		if (scan->fd >= 0)
			room = scan->len < scan->max_bytes ? scan->max_bytes - scan->len
							   : scan->max_bytes - scan->overlap_bytes;
		size_t n = len < room ? len : (size_t)room;
		keep(scan, add(scan, p, n));
		p += n;
		len -= n;
	}
	return scan->failure;
}

int scan_member_end(struct scan *scan)
{
	/* an empty member holds nothing that could be found */
	if (scan->failure == 0 && scan->fd >= 0)
		keep(scan, give(scan, scan->fd, scan->len));
	io_close(scan->fd);
	scan->fd = -1;
	return scan->failure;
}

int scan_finish(struct scan *scan)
{
	if (scan->failure != 0)
		return scan->failure;
	int result = clamd_wait(scan->clamd);
	if (result != 0)
		clamd_finding(scan->clamd, scan->finding);
	return keep(scan, result);
}

void scan_close(struct scan *scan)
{
	if (scan == NULL)
		return;
	clamd_close(scan->clamd);
	io_close(scan->fd);
	suite_wipe(scan->copy, sizeof(scan->copy));
	free(scan);
}
