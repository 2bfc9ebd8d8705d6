/*
 * parts: what each part of the way from spool to verified vault costs when nothing else is done, on one core.
 *
 *   parts MTU DIR [SECONDS]   a file of 256 MiB is made in DIR; about so long for each, 0.5 by default
 *
 * Prints lines "NAME SECONDS": user and system time of this process for a billion bytes of the object.  What goes over
 * the link is more than the object, by the repair rows: it is counted in.  The two parts that need a link are those of
 * the program bare.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/datagram.h"
#include "common/erasure.h"
#include "common/geometry.h"
#include "common/tree.h"

enum { FILE_BYTES = 256 << 20, WORK_BYTES = 64 << 20, COLUMNS = 16384, PIECE_BYTES = 65536, WINDOW_BYTES = 1 << 20, REPAIR_PERMILLE = 125 };

struct parts {
	double seconds;
	uint8_t *work, *out;
	int fd, direct_fd;
	struct geometry geometry;
	struct erasure *code;
	size_t datagram_len;
	struct tagger *tagger;
};

static double cpu(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "parts: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* step gives the bytes of the object that it has done. */
static void measure(struct parts *p, const char *name, size_t (*step)(struct parts *))
{
	double bytes = 0, start, now;
	step(p);
	start = now = cpu();
	while (now - start < p->seconds) {
		bytes += (double)step(p);
		now = cpu();
	}
	printf("%s %.4f\n", name, (now - start) / bytes * 1e9);
}

static size_t step_read(struct parts *p)
{
	for (size_t at = 0; at < FILE_BYTES; at += PIECE_BYTES)
		need(pread(p->fd, p->work, PIECE_BYTES, (off_t)at) == PIECE_BYTES, "read");
	return FILE_BYTES;
}

/* As keep writes: past the cache in windows, synchronised about once a second; into the cache where that cannot be. */
static size_t step_write(struct parts *p)
{
	const int fd = p->direct_fd >= 0 ? p->direct_fd : p->fd;
	for (size_t at = 0; at < FILE_BYTES; at += WINDOW_BYTES)
		need(pwrite(fd, p->work + at % WORK_BYTES, WINDOW_BYTES, (off_t)at) == WINDOW_BYTES, "write");
	need(fdatasync(fd) == 0, "synchronise");
	return FILE_BYTES;
}

/* From where it came into such a window: out of the cache, since the ring is larger than it. */
static size_t step_copy(struct parts *p)
{
	for (size_t at = 0; at + p->datagram_len <= WORK_BYTES; at += p->datagram_len)
		memcpy(p->out + at % WINDOW_BYTES, p->work + at, p->datagram_len - DATAGRAM_DATA_BYTES);
	return WORK_BYTES;
}

static size_t step_encode(struct parts *p)
{
	const size_t k = p->geometry.source_rows, r = p->geometry.repair_rows;
	const size_t stride = WORK_BYTES / 2 / k / ROW_STEP_BYTES * ROW_STEP_BYTES;
	uint8_t *rows[ROWS_MAX];
	size_t done = 0;
	for (size_t at = 0; at + COLUMNS <= stride; at += COLUMNS, done += (size_t)COLUMNS * k) {
		for (size_t i = 0; i < k + r; i++)
			rows[i] = (i < k ? p->work + i * stride : p->out + (i - k) * stride) + at;
		erasure_encode(p->code, (const uint8_t *const *)rows, 0, (unsigned int)r, rows + k, COLUMNS);
	}
	return done;
}

/* Out of the cache: a datagram has been copied just before. */
static size_t step_tag(struct parts *p)
{
	const double sent = 1.0 + (double)p->geometry.repair_rows / p->geometry.source_rows;
	size_t done = 0;
	for (size_t at = 0; done < WORK_BYTES; done += p->datagram_len, at += p->datagram_len) {
		if (at + p->datagram_len > PIECE_BYTES)
			at = 0;
		datagram_set_tag(p->work + at, p->datagram_len, p->tagger);
	}
	return (size_t)((double)done / sent);
}

static size_t step_tree(struct parts *p)
{
	uint8_t leaf[WORK_BYTES / SEGMENT_BYTES][SUITE_DIGEST_BYTES], root[SUITE_DIGEST_BYTES];
	struct tree tree;
	tree_start(&tree);
	tree_leaves(leaf, p->work, WORK_BYTES / SEGMENT_BYTES);
	tree_add_all(&tree, leaf, WORK_BYTES / SEGMENT_BYTES);
	tree_root(&tree, root);
	return WORK_BYTES;
}

static void open_file(struct parts *p, const char *dir)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/parts", dir);
	p->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	need(p->fd >= 0, path);
	/* not every file system has it */
	p->direct_fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	unlink(path);
	need(posix_fallocate(p->fd, 0, FILE_BYTES) == 0, path);
	step_write(p);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("parts MTU DIR [SECONDS]\n", stderr);
		return 2;
	}
	struct parts p = {.seconds = argc > 3 ? strtod(argv[3], NULL) : 0.5, .fd = -1};
	p.geometry = geometry_choose(UINT64_C(2) << 30, REPAIR_PERMILLE);
	p.datagram_len = datagram_len(datagram_symbols((uint32_t)strtoul(argv[1], NULL, 10)));
	p.code = erasure_new(p.geometry.source_rows, p.geometry.repair_rows);
	p.work = aligned_alloc(WINDOW_BYTES, WORK_BYTES);
	p.out = aligned_alloc(WINDOW_BYTES, WORK_BYTES);
	static const uint8_t secret[TAGGER_SECRET_BYTES] = {1};
	need(suite_start() == 0 && tagger_new(&p.tagger, secret) == 0 && p.code != NULL && p.work != NULL && p.out != NULL, "start");
	suite_random(p.work, WORK_BYTES);
	suite_random(p.out, WORK_BYTES);
	open_file(&p, argv[2]);
	/* before the erasure code: what ISA-L leaves in the vector registers slows SHA-256 down by a third in the same thread */
	measure(&p, "tree", step_tree);
	measure(&p, "read", step_read);
	measure(&p, "tag", step_tag);
	measure(&p, "copy", step_copy);
	measure(&p, "write", step_write);
	measure(&p, "encode", step_encode);
	erasure_free(p.code);
	tagger_free(p.tagger);
	free(p.work);
	free(p.out);
	return 0;
}
