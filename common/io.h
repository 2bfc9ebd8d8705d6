/*
 * io: whole reads and writes, and files that are there whole or not at all.
 *
 * All results are 0 or -errno unless said otherwise.  Interrupted calls are taken up again; a short
 * write is gone on with; a close or fsync that fails is final and never repeated.
 */
#ifndef WEIR_IO_H
#define WEIR_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads until len bytes or the end: the number read, or -errno. */
ssize_t io_read(int fd, void *out, size_t len);
ssize_t io_pread(int fd, void *out, size_t len, uint64_t offset);
/* Exactly len bytes, or VERDICT_TRUNCATED. */
int io_pread_exact(int fd, void *out, size_t len, uint64_t offset);
int io_write(int fd, const void *data, size_t len);
int io_pwrite(int fd, const void *data, size_t len, uint64_t offset);

int io_fsync(int fd);
int io_close(int fd); /* -1 is fine */

/* fsync of the directory at path. */
int io_fsync_dir(const char *path);

/* renameat in one or between two directories, then fsync of both.  Replaces a file at the goal. */
int io_rename_durable(int from_dir, const char *from, int to_dir, const char *to);

/*
 * Writes a whole file durably: a temporary name beside it (".NAME.new"), fsync, rename, fsync of
 * the directory.  After a failure the old file, or none, is there.
 */
int io_write_file(int dir_fd, const char *name, const void *data, size_t len, mode_t mode);

/* The same, but an existing file is never replaced: -EEXIST. */
int io_create_file(int dir_fd, const char *name, const void *data, size_t len, mode_t mode);

/*
 * The same for a path.  io_replace_path keeps the mode of the file that is there; -ENOENT when there is
 * none, VERDICT_NOT_REGULAR when it is a link or anything else.
 */
int io_create_path(const char *path, const void *data, size_t len, mode_t mode);
int io_replace_path(const char *path, const void *data, size_t len);

/*
 * Reads a whole regular file of at most max bytes into *out, which the caller frees; a zero byte
 * follows the content and is not counted.  -EFBIG when larger, VERDICT_NOT_REGULAR for anything
 * else.  dir_fd may be AT_FDCWD.
 */
int io_read_file(int dir_fd, const char *name, size_t max, uint8_t **out, size_t *len);

/* mkdirat that is content when the directory exists already. */
int io_make_dir(int dir_fd, const char *name, mode_t mode);

/* A directory opened for openat: the descriptor, or -errno. */
int io_open_dir(int dir_fd, const char *name);

/*
 * Calls visit for each name in the directory but "." and "..", in no order, until a result is not 0, which is then
 * the result.  fd is closed; a negative one, as io_open_dir gives it, is the result.
 */
typedef int io_visit(int dir_fd, const char *name, void *context);
int io_each_name(int fd, io_visit *visit, void *context);

#endif
