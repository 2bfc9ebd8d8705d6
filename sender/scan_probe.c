#include "scan_probe.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

enum {
	EICAR_BYTES = 68,
	ZIP_NAME_BYTES = 5,
	ZIP_HEAD_BYTES = 30 + ZIP_NAME_BYTES,
	ZIP_TAIL_BYTES = 46 + ZIP_NAME_BYTES + 22,
	ZIP_ENCRYPTED = 1,
	ZIP_DEFLATED = 8,
	ZIP_DEPTH = 120, /* clamd.conf allows no MaxRecursion above 100 */
	PROBE_BYTES = EICAR_BYTES + ZIP_DEPTH * (ZIP_HEAD_BYTES + ZIP_TAIL_BYTES),
	WRONG_BYTES = 256,
	LINE_BYTES = 16,
	/* of `inflating`: each zero byte in the hole stands for four matches of 258 bytes */
	INFLATING_HOLE = 2079000,
	INFLATING_BYTES = 14 + INFLATING_HOLE + 1,
};

/* What the records of a ZIP archive say of its one member, which is called "probe". */
struct zip {
	uint16_t flags;
	uint16_t method; /* 0: stored */
	uint32_t packed_len;
	uint32_t len;
};

/*
 * A deflate stream (RFC 1951 3.2.7) of nothing but zeros: codes of one bit each for the match of 258 bytes
 * and for distance 1, of two for the literal 0, which comes first, and for the end, which is the tail.
 */
static const uint8_t inflating_head[14] = {
	0xed, 0xc0, 0x81, 0x00, 0x00, 0x00, 0x00, 0x80, 0xa0, 0xfd, 0xa9, 0x17, 0xa9, 0x00,
};
static const uint8_t inflating_tail = 0x60;
static const struct zip inflating = {
	.method = ZIP_DEFLATED,
	.packed_len = INFLATING_BYTES,
	.len = 1 + 258 * (6 + 4 * (uint32_t)INFLATING_HOLE), /* 2,046 MiB: clamd.conf allows no larger limit */
};

/* In two parts, so that no scanner takes this program for the test file. */
static const char eicar_parts[2][40] = {
	"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-",
	"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
};

static void put_eicar(struct writer *w)
{
	for (size_t i = 0; i < 2; i++)
		write_bytes(w, eicar_parts[i], strlen(eicar_parts[i]));
}

/* The record before the member (APPNOTE 4.3.7). */
static void put_zip_head(struct writer *w, const struct zip *zip)
{
	write_u32(w, 0x04034b50);
	write_u16(w, 20);
	write_u16(w, zip->flags);
	write_u16(w, zip->method);
	write_zeros(w, 8); /* no time, and a checksum that clamd does not ask for */
	write_u32(w, zip->packed_len);
	write_u32(w, zip->len);
	write_u16(w, ZIP_NAME_BYTES);
	write_u16(w, 0);
	write_bytes(w, "probe", ZIP_NAME_BYTES);
}

/* Those at the end (4.3.12 and 4.3.16), which stand at offset `at`. */
static void put_zip_tail(struct writer *w, const struct zip *zip, uint32_t at)
{
	write_u32(w, 0x02014b50);
	write_u16(w, 20);
	write_u16(w, 20);
	write_u16(w, zip->flags);
	write_u16(w, zip->method);
	write_zeros(w, 8);
	write_u32(w, zip->packed_len);
	write_u32(w, zip->len);
	write_u16(w, ZIP_NAME_BYTES);
	write_zeros(w, 16); /* no comment, first disk, the member at offset 0 */
	write_bytes(w, "probe", ZIP_NAME_BYTES);
	write_u32(w, 0x06054b50);
	write_zeros(w, 4);
	write_u16(w, 1);
	write_u16(w, 1);
	write_u32(w, 46 + ZIP_NAME_BYTES);
	write_u32(w, at);
	write_u16(w, 0);
}

static void make_clean(struct writer *w)
{
	write_bytes(w, "a harmless line\n", LINE_BYTES);
}

static void make_eicar(struct writer *w)
{
	put_eicar(w);
}

/* An archive in an archive in an archive …: all heads, the innermost line, all tails. */
static void make_nested(struct writer *w)
{
	const uint32_t around = ZIP_HEAD_BYTES + ZIP_TAIL_BYTES;
	struct zip zip = {0};
	for (uint32_t depth = ZIP_DEPTH; depth > 0; depth--) {
		zip.len = zip.packed_len = LINE_BYTES + (depth - 1) * around;
		put_zip_head(w, &zip);
	}
	make_clean(w);
	for (uint32_t depth = 1; depth <= ZIP_DEPTH; depth++) {
		zip.len = zip.packed_len = LINE_BYTES + (depth - 1) * around;
		put_zip_tail(w, &zip, ZIP_HEAD_BYTES + zip.len);
	}
}

static void make_encrypted(struct writer *w)
{
	const struct zip zip = {.flags = ZIP_ENCRYPTED, .packed_len = 28, .len = LINE_BYTES};
	put_zip_head(w, &zip);
	write_bytes(w, "twelve bytesand then sixteen", zip.packed_len);
	put_zip_tail(w, &zip, ZIP_HEAD_BYTES + zip.packed_len);
}

/* head, a hole, and tail, which ends the file at len: a descriptor that clamd can have, or -errno. */
static int file_of(const struct writer *head, const struct writer *tail, uint64_t len)
{
	assert(!head->overrun && !tail->overrun);
	int fd = memfd_create("weir-probe", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int result = io_write(fd, head->data, head->at);
	if (result == 0 && lseek(fd, (off_t)(len - tail->at), SEEK_SET) < 0)
		result = -errno;
	if (result == 0)
		result = io_write(fd, tail->data, tail->at);
	if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
		result = -errno;
	if (result != 0) {
		io_close(fd);
		return result;
	}
	return fd;
}

static int blame(struct scan_finding *finding, const char *wrong)
{
	snprintf(finding->member, sizeof(finding->member), "clamd");
	snprintf(finding->said, sizeof(finding->said), "%s", wrong);
	finding->is_signature = false;
	return VERDICT_NOT_SCANNED;
}

/*
 * wrong is what it means when clamd answers something else.  When it does not answer at all, the finding
 * says so already, and is more than `wrong` knows.
 */
static int ask(struct clamd *clamd, int fd, uint64_t len, int wanted, const char *wrong,
	       struct scan_finding *finding)
{
	struct scan_finding said = {.said = ""};
	if (fd < 0) {
		(void)blame(finding, "cannot make a memory file");
		return fd;
	}
	int result = clamd_ask(clamd, fd, len, "probe", &said);
	io_close(fd);
	if (result == wanted && (result == 0 || said.is_signature))
		return 0;
	if (result == 0 || said.is_signature)
		return blame(finding, wrong);
	*finding = said;
	snprintf(finding->member, sizeof(finding->member), "clamd");
	return result;
}

int scan_probe_settings(struct clamd *clamd, struct scan_finding *finding)
{
	static const struct {
		void (*make)(struct writer *w);
		int wanted;
		const char *wrong;
	} probes[] = {
		{make_clean, 0, "clamd finds something in a harmless line; look at its signatures"},
		{make_eicar, VERDICT_INFECTED,
		 "clamd does not find the EICAR test file; it has no signatures: run freshclam, or carry them in"},
		{make_nested, VERDICT_NOT_SCANNED,
		 "clamd passes archives that it has not looked into; set 'AlertExceedsMax yes' in clamd.conf"},
		{make_encrypted, VERDICT_NOT_SCANNED,
		 "clamd passes encrypted archives; set 'AlertEncrypted yes' in clamd.conf"},
	};
	uint8_t *probe = malloc(PROBE_BYTES);
	if (probe == NULL)
		return -ENOMEM;
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct writer w = writer_of(probe, PROBE_BYTES), none = writer_of(probe, 0);
		probes[i].make(&w);
		result = ask(clamd, file_of(&w, &none, w.at), w.at, probes[i].wanted,
			     probes[i].wrong, finding);
	}
	free(probe);
	return result;
}

/* An archive of max_bytes: the test file at its beginning, a hole, and the records of its end. */
static int probe_large(struct clamd *clamd, uint64_t max_bytes, struct scan_finding *finding)
{
	static const struct zip zip = {.packed_len = EICAR_BYTES, .len = EICAR_BYTES};
	uint8_t head_bytes[ZIP_HEAD_BYTES + EICAR_BYTES], tail_bytes[ZIP_TAIL_BYTES];
	struct writer head = writer_of(head_bytes, sizeof(head_bytes));
	struct writer tail = writer_of(tail_bytes, sizeof(tail_bytes));
	char wrong[WRONG_BYTES], limit[32];
	put_zip_head(&head, &zip);
	put_eicar(&head);
	put_zip_tail(&tail, &zip, (uint32_t)(max_bytes - ZIP_TAIL_BYTES));
	snprintf(wrong, sizeof(wrong),
		 "clamd does not look into archives of max_mib, %s; raise MaxFileSize and MaxScanSize in "
		 "clamd.conf, with 'ScanArchive yes', or lower max_mib",
		 text_size(limit, sizeof(limit), max_bytes));
	return ask(clamd, file_of(&head, &tail, max_bytes), max_bytes, VERDICT_INFECTED, wrong, finding);
}

/* A small archive that holds more than any limit of clamd. */
static int probe_inflating(struct clamd *clamd, struct scan_finding *finding)
{
	uint8_t head_bytes[ZIP_HEAD_BYTES + sizeof(inflating_head)], tail_bytes[1 + ZIP_TAIL_BYTES];
	struct writer head = writer_of(head_bytes, sizeof(head_bytes));
	struct writer tail = writer_of(tail_bytes, sizeof(tail_bytes));
	const uint64_t len = ZIP_HEAD_BYTES + INFLATING_BYTES + ZIP_TAIL_BYTES;
	put_zip_head(&head, &inflating);
	write_bytes(&head, inflating_head, sizeof(inflating_head));
	write_u8(&tail, inflating_tail);
	put_zip_tail(&tail, &inflating, ZIP_HEAD_BYTES + INFLATING_BYTES);
	return ask(clamd, file_of(&head, &tail, len), len, VERDICT_NOT_SCANNED,
		   "clamd passes archives whose members are larger than it looks into; set MaxFileSize in "
		   "clamd.conf to no less than MaxScanSize",
		   finding);
}

int scan_probe_limits(struct clamd *clamd, uint64_t max_bytes, struct scan_finding *finding)
{
	assert(max_bytes >= SCAN_PROBE_BYTES_MIN && max_bytes <= UINT32_MAX);
	int result = probe_large(clamd, max_bytes, finding);
	return result != 0 ? result : probe_inflating(clamd, finding);
}

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int scan_probe(const struct clamd_options *options, uint64_t max_bytes, uint64_t *elapsed_us,
	       struct scan_finding *finding)
{
	struct clamd *clamd = NULL;
	uint64_t start = now_us();
	int result = clamd_open(&clamd, options, finding);
	if (result != 0)
		return result;
	result = scan_probe_settings(clamd, finding);
	uint64_t elapsed = now_us() - start;
	if (result == 0)
		result = scan_probe_limits(clamd, max_bytes, finding);
	clamd_close(clamd);
	if (result == 0)
		*elapsed_us = elapsed;
	return result;
}
