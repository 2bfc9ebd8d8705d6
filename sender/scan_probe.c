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
	ZIP_DEPTH = 120, /* clamd.conf allows no MaxRecursion above 100 */
	PROBE_BYTES = EICAR_BYTES + ZIP_DEPTH * (ZIP_HEAD_BYTES + ZIP_TAIL_BYTES),
	WRONG_BYTES = 192,
};

/* In two parts, so that no scanner takes this program for the test file. */
static const char eicar_parts[2][40] = {
	"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-",
	"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
};

struct probe {
	size_t len;
	uint8_t bytes[PROBE_BYTES];
};

static void put_eicar(struct writer *w)
{
	for (size_t i = 0; i < 2; i++)
		write_bytes(w, eicar_parts[i], strlen(eicar_parts[i]));
}

/* The records of a ZIP archive (APPNOTE 4.3.7) before its one member, which is stored, not compressed. */
static void put_zip_head(struct writer *w, uint16_t flags, uint32_t len)
{
	write_u32(w, 0x04034b50);
	write_u16(w, 20);
	write_u16(w, flags);
	write_zeros(w, 6); /* stored, and no time */
	write_zeros(w, 4); /* a checksum that clamd does not ask for */
	write_u32(w, len);
	write_u32(w, len);
	write_u16(w, ZIP_NAME_BYTES);
	write_u16(w, 0);
	write_bytes(w, "probe", ZIP_NAME_BYTES);
}

/* Those at its end (4.3.12 and 4.3.16), which stand at offset `at`. */
static void put_zip_tail(struct writer *w, uint16_t flags, uint32_t len, uint32_t at)
{
	write_u32(w, 0x02014b50);
	write_u16(w, 20);
	write_u16(w, 20);
	write_u16(w, flags);
	write_zeros(w, 10);
	write_u32(w, len);
	write_u32(w, len);
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
	write_bytes(w, "a harmless line\n", 16);
}

static void make_eicar(struct writer *w)
{
	put_eicar(w);
}

/* An archive in an archive in an archive …: all heads, the innermost line, all tails. */
static void make_nested(struct writer *w)
{
	const uint32_t around = ZIP_HEAD_BYTES + ZIP_TAIL_BYTES;
	for (uint32_t depth = ZIP_DEPTH; depth > 0; depth--)
		put_zip_head(w, 0, 16 + (depth - 1) * around);
	make_clean(w);
	for (uint32_t depth = 1; depth <= ZIP_DEPTH; depth++) {
		uint32_t len = 16 + (depth - 1) * around;
		put_zip_tail(w, 0, len, ZIP_HEAD_BYTES + len);
	}
}

static void make_encrypted(struct writer *w)
{
	put_zip_head(w, ZIP_ENCRYPTED, 28);
	write_bytes(w, "twelve bytesand then sixteen", 28);
	put_zip_tail(w, ZIP_ENCRYPTED, 28, ZIP_HEAD_BYTES + 28);
}

/* A descriptor that clamd can have, or -errno. */
static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("weir-probe", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int result = io_write(fd, data, len);
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
	struct probe *probe = malloc(sizeof(*probe));
	if (probe == NULL)
		return -ENOMEM;
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct writer w = writer_of(probe->bytes, sizeof(probe->bytes));
		probes[i].make(&w);
		assert(!w.overrun);
		result = ask(clamd, file_of(probe->bytes, w.at), w.at, probes[i].wanted,
			     probes[i].wrong, finding);
	}
	free(probe);
	return result;
}

/* An archive of max_bytes: the test file at its beginning, a hole, and the records of its end. */
static int large_file(uint64_t max_bytes)
{
	uint8_t head[ZIP_HEAD_BYTES + EICAR_BYTES], tail[ZIP_TAIL_BYTES];
	struct writer w = writer_of(head, sizeof(head));
	put_zip_head(&w, 0, EICAR_BYTES);
	put_eicar(&w);
	assert(!w.overrun && w.at == sizeof(head));
	int fd = file_of(head, sizeof(head));
	if (fd < 0)
		return fd;
	const uint64_t at = max_bytes - ZIP_TAIL_BYTES;
	w = writer_of(tail, sizeof(tail));
	put_zip_tail(&w, 0, EICAR_BYTES, (uint32_t)at);
	assert(!w.overrun && w.at == sizeof(tail));
	int result = lseek(fd, (off_t)at, SEEK_SET) < 0 ? -errno : io_write(fd, tail, sizeof(tail));
	if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
		result = -errno;
	if (result != 0) {
		io_close(fd);
		return result;
	}
	return fd;
}

int scan_probe_size(struct clamd *clamd, uint64_t max_bytes, struct scan_finding *finding)
{
	char wrong[WRONG_BYTES], limit[32];
	assert(max_bytes >= 4096 && max_bytes <= UINT32_MAX);
	snprintf(wrong, sizeof(wrong),
		 "clamd does not look into archives of max_mib, %s; raise MaxFileSize and MaxScanSize in "
		 "clamd.conf, with 'ScanArchive yes', or lower max_mib",
		 text_size(limit, sizeof(limit), max_bytes));
	return ask(clamd, large_file(max_bytes), max_bytes, VERDICT_INFECTED, wrong, finding);
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
		result = scan_probe_size(clamd, max_bytes, finding);
	clamd_close(clamd);
	if (result == 0)
		*elapsed_us = elapsed;
	return result;
}
