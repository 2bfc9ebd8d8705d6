#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "suite.h"
#include "verdict.h"

enum { LINKS_MAX = 40 /* as the kernel */, STEP_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* The way to a file as the kernel goes it, each directory judged before its names are believed. */
struct way {
	int dir;             /* where `step` is looked up */
	bool is_shared;      /* others may make names there, and take away their own alone */
	unsigned int links;  /* that were followed */
	char step[NAME_MAX + 1];
	char rest[PATH_MAX]; /* what comes behind it */
};

static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() || st->st_uid == 0;
}

static int judge(const struct stat *st, mode_t forbidden)
{
	if (!S_ISREG(st->st_mode))
		return VERDICT_NOT_REGULAR;
	return is_ours(st) && (st->st_mode & forbidden) == 0 ? 0 : VERDICT_LOOSE_PERMISSIONS;
}

static int judge_dir(const struct stat *st, bool *is_shared)
{
	*is_shared = (st->st_mode & 022) != 0;
	return is_ours(st) && (!*is_shared || (st->st_mode & S_ISVTX) != 0) ? 0 : VERDICT_LOOSE_DIRECTORY;
}

/* Takes fd, of a directory or -1 with errno, in place of the one before. */
static int stand_in(struct way *way, int fd)
{
	struct stat st;
	if (fd < 0)
		return -errno;
	io_close(way->dir);
	way->dir = fd;
	return fstat(fd, &st) < 0 ? -errno : judge_dir(&st, &way->is_shared);
}

/* Who can rename what lies above cannot change where this process is, but what it finds at the same name tomorrow. */
static int judge_above(int dir)
{
	struct stat here = {0}, above = {0};
	bool is_shared = false, is_root = false;
	int fd = openat(dir, ".", STEP_FLAGS);
	int result = fd < 0 || fstat(fd, &here) < 0 ? -errno : judge_dir(&here, &is_shared);
	while (result == 0 && !is_root) {
		int up = openat(fd, "..", STEP_FLAGS);
		result = up < 0 || fstat(up, &above) < 0 ? -errno : judge_dir(&above, &is_shared);
		is_root = above.st_dev == here.st_dev && above.st_ino == here.st_ino;
		here = above;
		io_close(fd);
		fd = up;
	}
	io_close(fd);
	return result;
}

static int start(struct way *way, const char *path)
{
	bool is_absolute = path[0] == '/';
	size_t len = strlen(path);
	if (len == 0)
		return -ENOENT;
	if (len >= sizeof(way->rest))
		return -ENAMETOOLONG;
	memcpy(way->rest, path, len + 1);
	int result = stand_in(way, open(is_absolute ? "/" : ".", STEP_FLAGS));
	return result != 0 || is_absolute ? result : judge_above(way->dir);
}

/* The next name of the rest into step; "." when there is none. */
static int take_step(struct way *way)
{
	const char *name = way->rest + strspn(way->rest, "/");
	size_t len = strcspn(name, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(way->step, len == 0 ? "." : name, len == 0 ? 1 : len);
	way->step[len == 0 ? 1 : len] = 0;
	name += len;
	memmove(way->rest, name, strlen(name) + 1);
	return 0;
}

static bool is_last(const struct way *way)
{
	return way->rest[strspn(way->rest, "/")] == 0;
}

/* What the link at step says goes before the rest. */
static int follow(struct way *way, const struct stat *st)
{
	char target[PATH_MAX], whole[sizeof(way->rest)];
	if (!is_ours(st))
		return VERDICT_LOOSE_DIRECTORY;
	if (way->links++ == LINKS_MAX)
		return -ELOOP;
	ssize_t n = readlinkat(way->dir, way->step, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	n = snprintf(whole, sizeof(whole), "%s%s", target, way->rest);
	if (n < 0 || (size_t)n >= sizeof(whole))
		return -ENAMETOOLONG;
	memcpy(way->rest, whole, (size_t)n + 1);
	return target[0] == '/' ? stand_in(way, open("/", STEP_FLAGS)) : 0;
}

/* Stands in the directory that holds the last thing of the path, which is no link; step is its name, *st what it is. */
static int go(struct way *way, const char *path, struct stat *st)
{
	int result = start(way, path);
	while (result == 0) {
		result = take_step(way);
		if (result != 0)
			break;
		if (fstatat(way->dir, way->step, st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (S_ISLNK(st->st_mode))
			result = follow(way, st);
		else if (is_last(way))
			break;
		else
			result = stand_in(way, openat(way->dir, way->step, STEP_FLAGS));
	}
	return result;
}

/* A second name of another file of ours may have been put there. */
static int judge_place(const struct way *way, const struct stat *st)
{
	return way->is_shared && S_ISREG(st->st_mode) && st->st_nlink > 1 ? VERDICT_LOOSE_DIRECTORY : 0;
}

int trusted_check(const char *path, mode_t forbidden)
{
	struct way way = {.dir = -1};
	struct stat st;
	int result = go(&way, path, &st);
	if (result == 0)
		result = judge(&st, forbidden);
	if (result == 0)
		result = judge_place(&way, &st);
	io_close(way.dir);
	return result;
}

bool trusted_is_loose(int result)
{
	return result == VERDICT_LOOSE_PERMISSIONS || result == VERDICT_LOOSE_DIRECTORY;
}

static int check_file(int fd, const struct way *way, mode_t forbidden, size_t max, size_t *size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	int result = judge(&st, forbidden);
	if (result == 0)
		result = judge_place(way, &st);
	if (result != 0)
		return result;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	*size = (size_t)st.st_size;
	return 0;
}

static int read_whole(int fd, size_t size, uint8_t **out, size_t *len)
{
	uint8_t *data = malloc(size + 1);
	if (data == NULL)
		return -ENOMEM;
	ssize_t n = io_read(fd, data, size);
	if (n < 0) {
		trusted_free(data, size);
		return (int)n;
	}
	data[n] = 0;
	*out = data;
	*len = (size_t)n;
	return 0;
}

int trusted_read(const char *path, mode_t forbidden, size_t max, uint8_t **out, size_t *len)
{
	struct way way = {.dir = -1};
	struct stat st;
	size_t size = 0;
	int fd = -1;
	int result = go(&way, path, &st);
	if (result != 0)
		goto out;
	/* before it is opened: who may not open it is told why, and nothing but a file is */
	result = judge(&st, forbidden);
	if (result != 0)
		goto out;
	/* O_NONBLOCK: a FIFO put in the file's place must not hold the program up */
	fd = openat(way.dir, way.step, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	result = fd < 0 ? -errno : check_file(fd, &way, forbidden, max, &size);
	if (result == 0)
		result = read_whole(fd, size, out, len);
out:
	io_close(fd);
	io_close(way.dir);
	return result;
}

void trusted_free(uint8_t *data, size_t len)
{
	if (data == NULL)
		return;
	suite_wipe(data, len);
	free(data);
}

static int open_judged(int *out, int dir_fd, const char *name)
{
	struct stat st;
	bool is_shared = false;
	int fd = io_open_dir(dir_fd, name);
	if (fd < 0)
		return fd;
	int result = fstat(fd, &st) < 0 ? -errno : judge_dir(&st, &is_shared);
	if (result == 0 && is_shared)
		result = VERDICT_LOOSE_DIRECTORY; /* whose names count must not take those of others */
	if (result == 0)
		*out = fd;
	else
		io_close(fd);
	return result;
}

int trusted_open_dir(int *out, int dir_fd, const char *name)
{
	struct way way = {.dir = -1};
	struct stat st;
	if (dir_fd != AT_FDCWD)
		return open_judged(out, dir_fd, name);
	int result = go(&way, name, &st);
	if (result == 0)
		result = open_judged(out, way.dir, way.step);
	io_close(way.dir);
	return result;
}
