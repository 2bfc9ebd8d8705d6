/*
 * trusted: files that count only when nobody else could have touched or read them.
 *
 * The owner is the effective user or root, and none of the mode bits in `forbidden` is set (077 for
 * a secret, 022 for a configuration): else VERDICT_LOOSE_PERMISSIONS.  Systemd credentials (0400, owned
 * by the service's user or by root) pass.
 *
 * And nobody else can put another file in its place: every directory on the way, from the root on and
 * behind every symbolic link, has such an owner and is not writable by group or others, unless it is
 * sticky, as /tmp is: there what comes next, and a link itself, has such an owner, and a file has no
 * second name, since others can make those there.  Else VERDICT_LOOSE_DIRECTORY.
 */
#ifndef WEIR_TRUSTED_H
#define WEIR_TRUSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads a whole regular file of at most max bytes into *out, with a zero byte behind it that is not
 * counted.  VERDICT_NOT_REGULAR, VERDICT_LOOSE_PERMISSIONS, VERDICT_LOOSE_DIRECTORY, -EFBIG when larger.  What
 * is checked is what is read: the way is gone descriptor by descriptor, and one serves both.  *out is given back
 * with trusted_free, which wipes it.  Calls: openat, fstat, newfstatat, readlinkat, read, close, geteuid.
 */
int trusted_read(const char *path, mode_t forbidden, size_t max, uint8_t **out, size_t *len);
void trusted_free(uint8_t *data, size_t len);

/* Judges a file that a library opens by its name: 0 and the results of trusted_read. */
int trusted_check(const char *path, mode_t forbidden);

/* Whether that is why: a file that need not be there, or be good, is still refused when somebody else may write it. */
bool trusted_is_loose(int result);

/*
 * As io_open_dir, for a directory whose files count because of where they lie: VERDICT_LOOSE_DIRECTORY as above.
 * With AT_FDCWD the way to it is judged as well; else dir_fd is one that was.
 */
int trusted_open_dir(int *out, int dir_fd, const char *name);

#endif
