/*
 * fuzzing: what several fuzz targets share: a directory in memory, small files in it, and taking an input apart.
 */
#ifndef WEIR_TEST_FUZZING_H
#define WEIR_TEST_FUZZING_H

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Defined by a target of which replay is to run one in so many inputs. */
extern const unsigned int fuzz_replay_every;

/* A function of the harness, whose edges are none of the target's. */
#ifdef __clang__
#define FUZZ_UNCOUNTED __attribute__((no_sanitize("coverage")))
#else
#define FUZZ_UNCOUNTED
#endif

static char fuzz_directory[64];

/* The environment of a target failed: that is no finding, and must not look like one. */
static inline void fuzz_need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "the fuzz target cannot go on: %s\n", what);
	_exit(2);
}

static inline int fuzz_remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void fuzz_remove_directory(void)
{
	nftw(fuzz_directory, fuzz_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A directory of this process, on a tmpfs where there is one; removed at exit. */
static inline const char *fuzz_dir(void)
{
	if (fuzz_directory[0] != 0)
		return fuzz_directory;
	snprintf(fuzz_directory, sizeof(fuzz_directory), "%s/weir-fuzz.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	fuzz_need(mkdtemp(fuzz_directory) != NULL, "no directory");
	atexit(fuzz_remove_directory);
	return fuzz_directory;
}

/* A directory below it, made; its descriptor. */
static inline int fuzz_dir_fd(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	(void)mkdir(path, 0700);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_need(fd >= 0, "no directory below it");
	return fd;
}

/* A file of these bytes, in the place of what was there. */
static inline void fuzz_put(int dir_fd, const char *name, const void *data, size_t len)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_need(fd >= 0 && write(fd, data, len) == (ssize_t)len && close(fd) == 0, "no file");
}

/*
 * One input in sixteen, chosen by its bytes: for what costs a file, and shows little where the decoder has refused
 * the same bytes already.
 */
static inline bool fuzz_is_sampled(const uint8_t *data, size_t len)
{
	uint32_t sum = 2166136261; /* FNV */
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ data[i]) * 16777619;
	return sum >> 28 == 0;
}

/* The next len bytes of an input; zeros where it has ended. */
static inline void fuzz_take(void *out, size_t len, const uint8_t **data, size_t *size)
{
	size_t n = len < *size ? len : *size;
	memset(out, 0, len);
	if (n > 0)
		memcpy(out, *data, n);
	*data += n;
	*size -= n;
}

static inline uint8_t fuzz_take_byte(const uint8_t **data, size_t *size)
{
	uint8_t out;
	fuzz_take(&out, 1, data, size);
	return out;
}

#endif
