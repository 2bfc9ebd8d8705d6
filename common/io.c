#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verdict.h"

ssize_t io_read(int fd, void *out, size_t len)
{
	size_t at = 0;
	while (at < len) {
		ssize_t n = read(fd, (uint8_t *)out + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

ssize_t io_pread(int fd, void *out, size_t len, uint64_t offset)
{
	size_t at = 0;
	while (at < len) {
		ssize_t n = pread(fd, (uint8_t *)out + at, len - at, (off_t)(offset + at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

int io_pread_exact(int fd, void *out, size_t len, uint64_t offset)
{
	ssize_t n = io_pread(fd, out, len, offset);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : VERDICT_TRUNCATED;
}

int io_write(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int io_pwrite(int fd, const void *data, size_t len, uint64_t offset)
{
	const uint8_t *p = data;
	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int io_fsync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

int io_close(int fd)
{
	if (fd < 0)
		return 0;
	/* On Linux the descriptor is gone even when close says EINTR. */
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

int io_open_dir(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int io_fsync_dir(const char *path)
{
	int fd = io_open_dir(AT_FDCWD, path);
	if (fd < 0)
		return fd;
	int result = io_fsync(fd);
	io_close(fd);
	return result;
}

int io_rename_durable(int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat(from_dir, from, to_dir, to) < 0)
		return -errno;
	int result = io_fsync(to_dir);
	if (result == 0 && from_dir != to_dir)
		result = io_fsync(from_dir);
	return result;
}

static int write_and_sync(int fd, const void *data, size_t len)
{
	int result = io_write(fd, data, len);
	if (result == 0)
		result = io_fsync(fd);
	int closed = io_close(fd);
	return result != 0 ? result : closed;
}

static int put_file(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		    unsigned int rename_flags)
{
	char temporary[NAME_MAX + 1];
	int n = snprintf(temporary, sizeof(temporary), ".%s.new", name);
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -ENAMETOOLONG;
	if (unlinkat(dir_fd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			mode);
	if (fd < 0)
		return -errno;
	int result = write_and_sync(fd, data, len);
	if (result == 0 && renameat2(dir_fd, temporary, dir_fd, name, rename_flags) < 0)
		result = -errno;
	if (result != 0) {
		unlinkat(dir_fd, temporary, 0);
		return result;
	}
	return io_fsync(dir_fd);
}

int io_write_file(int dir_fd, const char *name, const void *data, size_t len, mode_t mode)
{
	return put_file(dir_fd, name, data, len, mode, 0);
}

int io_create_file(int dir_fd, const char *name, const void *data, size_t len, mode_t mode)
{
	return put_file(dir_fd, name, data, len, mode, RENAME_NOREPLACE);
}

/* The folder of a path, opened, and the name in it, which lies in room. */
static int open_folder(const char *path, char room[static PATH_MAX], const char **name)
{
	char folder[PATH_MAX];
	int n = snprintf(folder, sizeof(folder), "%s", path);
	if (n < 0 || (size_t)n >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(room, folder, (size_t)n + 1);
	*name = basename(room);
	return io_open_dir(AT_FDCWD, dirname(folder));
}

int io_create_path(const char *path, const void *data, size_t len, mode_t mode)
{
	char room[PATH_MAX];
	const char *name;
	int dir = open_folder(path, room, &name);
	if (dir < 0)
		return dir;
	int result = io_create_file(dir, name, data, len, mode);
	io_close(dir);
	return result;
}

int io_replace_path(const char *path, const void *data, size_t len)
{
	char room[PATH_MAX];
	const char *name;
	struct stat st;
	int dir = open_folder(path, room, &name);
	if (dir < 0)
		return dir;
	int result = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	if (result == 0 && !S_ISREG(st.st_mode))
		result = VERDICT_NOT_REGULAR;
	if (result == 0)
		result = io_write_file(dir, name, data, len, st.st_mode & 0777);
	io_close(dir);
	return result;
}

int io_read_file(int dir_fd, const char *name, size_t max, uint8_t **out, size_t *len)
{
	uint8_t *data = NULL;
	/* O_NONBLOCK: a FIFO put in a file's place must not hold the program up */
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct stat st;
	int result = fstat(fd, &st) < 0 ? -errno : 0;
	if (result == 0 && !S_ISREG(st.st_mode))
		result = VERDICT_NOT_REGULAR;
	if (result == 0 && (uint64_t)st.st_size > max)
		result = -EFBIG;
	if (result != 0)
		goto out;
	size_t size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (data == NULL) {
		result = -ENOMEM;
		goto out;
	}
	ssize_t n = io_read(fd, data, size);
	if (n < 0) {
		result = (int)n;
		goto out;
	}
	data[n] = 0;
	*out = data;
	*len = (size_t)n;
	data = NULL;
out:
	free(data);
	io_close(fd);
	return result;
}

int io_make_dir(int dir_fd, const char *name, mode_t mode)
{
	return mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int io_each_name(int fd, io_visit *visit, void *context)
{
	if (fd < 0)
		return fd;
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		int result = -errno;
		io_close(fd);
		return result;
	}
	int result = 0;
	while (result == 0) {
		errno = 0;
		const struct dirent *found = readdir(dir);
		if (found == NULL) {
			result = -errno;
			break;
		}
		if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0)
			result = visit(dirfd(dir), found->d_name, context);
	}
	closedir(dir);
	return result;
}
