/*
 * source: the files of an export.  Directories are walked without following any link below them; only
 * regular files are taken, and each is looked at before and after it is read.
 */
#ifndef WEIR_SOURCE_H
#define WEIR_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct source;

enum { SOURCE_WHERE_BYTES = 4608 };

int source_new(struct source **out); /* -ENOMEM */
void source_free(struct source *source); /* NULL is fine */

/*
 * Adds a file, under the last component of its path, or all files below a directory, under the
 * directory's own name.  VERDICT_NOT_REGULAR for a link, FIFO, device or socket, VERDICT_BAD_NAME,
 * VERDICT_BAD_LIMIT (more than MEMBERS_MAX), -errno; where is then the path it is about.
 */
int source_add(struct source *source, const char *path, char where[static SOURCE_WHERE_BYTES]);

/* Puts the members in order.  VERDICT_BAD_ORDER when two would have one name, or one is a folder of another. */
int source_sort(struct source *source, char where[static SOURCE_WHERE_BYTES]);

size_t source_count(const struct source *source);
uint64_t source_bytes(const struct source *source); /* of all, as they were when added */
const char *source_name(const struct source *source, size_t index);

/* A member that is being read. */
struct source_file {
	int fd;
	struct stat before;
};
/* VERDICT_NOT_REGULAR when it has been replaced by something else. */
int source_open(const struct source *source, size_t index, struct source_file *out);
/* VERDICT_CHANGED_WHILE_READ unless it is as it was and `bytes_read` is its size. */
int source_close(struct source_file *file, uint64_t bytes_read);

#endif
