/*
 * cuts: the disks that a power cut may leave, of all that recorder(tests/lib/recorder.c) wrote down.
 *
 * A cut falls between two records.  What was written before the last flush is there; of what was written after
 * it there is nothing, everything, or some of its sectors, whichever the disk had got round to.
 */
#ifndef WEIR_TEST_CUTS_H
#define WEIR_TEST_CUTS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/recording.h"

enum { CUTS_PAGE = 4096, CUTS_SECTOR = 512, CUTS_LOOP_BYTES = 32 };

/* What a disk did with writes that it had not flushed. */
enum cut_fate { CUT_NONE, CUT_ALL, CUT_PAGES, CUT_SECTORS, CUT_FATES };

struct cuts {
	uint64_t random;
	uint8_t *log;            /* the records */
	size_t log_len;
	size_t *at;              /* where each record lies in it */
	size_t count;
	size_t flushed;          /* as many records are in `durable` */
	uint8_t *durable;        /* the disk, as far as it is certain */
	uint8_t *image;          /* the disk after the cut: mapped from the file that the loop device has */
	size_t size;
	int image_fd, loop_fd;
	char loop[CUTS_LOOP_BYTES];
	const char *folder;      /* where it is mounted */
};

static inline _Noreturn void cuts_die(const char *what)
{
	fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* xorshift64*: the same cuts for the same seed. */
static inline uint64_t cuts_random(struct cuts *cuts, uint64_t below)
{
	cuts->random ^= cuts->random >> 12;
	cuts->random ^= cuts->random << 25;
	cuts->random ^= cuts->random >> 27;
	return (cuts->random * UINT64_C(2685821657736338717) >> 32) % below;
}

static inline uint8_t *cuts_map(const char *path, size_t *len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		cuts_die(path);
	uint8_t *at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		cuts_die(path);
	close(fd);
	*len = (size_t)st.st_size;
	return at;
}

static inline const struct record *cuts_record(const struct cuts *cuts, size_t i)
{
	return (const void *)(cuts->log + cuts->at[i]);
}

static inline const uint8_t *cuts_bytes(const struct cuts *cuts, size_t i)
{
	return cuts->log + cuts->at[i] + sizeof(struct record);
}

/* Records are padded to 8 bytes, so each begins where a struct may. */
static inline void cuts_index(struct cuts *cuts, size_t len)
{
	size_t size = 0;
	for (size_t at = 0; at + sizeof(struct record) <= len;) {
		const struct record *record = (const void *)(cuts->log + at);
		size_t next = at + sizeof(*record) + (record->len + 7) / 8 * 8;
		if (next > len)
			break;
		if (cuts->count == size) {
			size = size == 0 ? 1024 : 2 * size;
			cuts->at = realloc(cuts->at, size * sizeof(*cuts->at));
			if (cuts->at == NULL)
				cuts_die("memory");
		}
		cuts->at[cuts->count++] = at;
		at = next;
	}
}

/* A loop device over a file: its descriptor, and its path in name. */
static inline int cuts_attach(char name[static CUTS_LOOP_BYTES], int file)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), fd = -1;
	/* it goes with the last who has it open, however this program ends */
	struct loop_config config = {.fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
	while (fd < 0) {
		int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			cuts_die("no loop device");
		snprintf(name, CUTS_LOOP_BYTES, "/dev/loop%d", number);
		fd = open(name, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			break;
		/* another one was quicker */
		if (errno != EBUSY)
			cuts_die(name);
		close(fd);
		fd = -1;
	}
	close(control);
	return fd;
}

static inline void cuts_open(struct cuts *cuts, const char *base, const char *log, const char *folder,
			     uint64_t seed)
{
	*cuts = (struct cuts){.random = seed * 2 + 1, .folder = folder};
	cuts->durable = cuts_map(base, &cuts->size);
	cuts->log = cuts_map(log, &cuts->log_len);
	cuts_index(cuts, cuts->log_len);
	cuts->image_fd = memfd_create("disk", MFD_CLOEXEC);
	if (cuts->image_fd < 0 || ftruncate(cuts->image_fd, (off_t)cuts->size) < 0)
		cuts_die("memory");
	cuts->image = mmap(NULL, cuts->size, PROT_READ | PROT_WRITE, MAP_SHARED, cuts->image_fd, 0);
	if (cuts->image == MAP_FAILED)
		cuts_die("memory");
	cuts->loop_fd = cuts_attach(cuts->loop, cuts->image_fd);
}

static inline void cuts_close(struct cuts *cuts)
{
	munmap(cuts->durable, cuts->size);
	munmap(cuts->image, cuts->size);
	munmap(cuts->log, cuts->log_len);
	free(cuts->at);
	close(cuts->loop_fd);
	close(cuts->image_fd);
}

static inline void cuts_write(const struct cuts *cuts, uint8_t *disk, size_t i)
{
	const struct record *record = cuts_record(cuts, i);
	if (record->type == RECORD_WRITE && record->offset + record->len <= cuts->size)
		memcpy(disk + record->offset, cuts_bytes(cuts, i), record->len);
}

/* Some pieces of one write, each with the same chance. */
static inline void cuts_write_some(struct cuts *cuts, size_t i, size_t piece, unsigned int percent)
{
	const struct record *record = cuts_record(cuts, i);
	if (record->type != RECORD_WRITE || record->offset + record->len > cuts->size)
		return;
	/* the superblock is one sector and a half: ext4 itself does not outlive a torn one */
	if (record->offset < CUTS_PAGE)
		piece = CUTS_PAGE;
	for (size_t at = 0; at < record->len; at += piece)
		if (cuts_random(cuts, 100) < percent)
			memcpy(cuts->image + record->offset + at, cuts_bytes(cuts, i) + at,
			       record->len - at < piece ? record->len - at : piece);
}

/* The disk after a cut behind the first `cut` records; cuts come in ascending order. */
static inline void cuts_make(struct cuts *cuts, size_t cut, enum cut_fate fate)
{
	size_t flush = cut;
	while (flush > cuts->flushed && cuts_record(cuts, flush - 1)->type != RECORD_FLUSH)
		flush--;
	for (size_t i = cuts->flushed; i < flush; i++)
		cuts_write(cuts, cuts->durable, i);
	cuts->flushed = flush;
	memcpy(cuts->image, cuts->durable, cuts->size);
	static const unsigned int chances[] = {10, 50, 90};
	unsigned int percent = chances[cuts_random(cuts, 3)];
	for (size_t i = flush; i < cut && fate != CUT_NONE; i++) {
		if (fate == CUT_ALL)
			cuts_write(cuts, cuts->image, i);
		else
			cuts_write_some(cuts, i, fate == CUT_PAGES ? CUTS_PAGE : CUTS_SECTOR, percent);
	}
}

/* 0 or -errno. */
static inline int cuts_mount(const struct cuts *cuts)
{
	/* what the device has cached is the disk of the state before */
	if (ioctl(cuts->loop_fd, BLKFLSBUF) < 0)
		return -errno;
	return mount(cuts->loop, cuts->folder, "ext4", MS_NOATIME, NULL) < 0 ? -errno : 0;
}

static inline void cuts_unmount(const struct cuts *cuts)
{
	if (umount(cuts->folder) < 0)
		cuts_die("umount");
}

#endif
