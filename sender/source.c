#include "source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/io.h"
#include "common/manifest.h"
#include "common/verdict.h"

/* gcc 12's analyzer loses sight of names that move into a grown array; clang's and ASan's do not. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* O_NONBLOCK: a FIFO must not hold the push up before it is refused. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

struct source_member {
	char *name;
	size_t path_at; /* in name: where the path below dir_fd begins */
	char *path;     /* of a single file, given by itself; NULL below a directory */
	int dir_fd;
};

struct source {
	size_t count;
	size_t size;
	struct source_member *members;
	uint64_t bytes;
	size_t dir_count;
	int *dirs; /* directories that were added */
};

int source_new(struct source **out)
{
	struct source *source = calloc(1, sizeof(*source));
	if (source == NULL)
		return -ENOMEM;
	*out = source;
	return 0;
}

void source_free(struct source *source)
{
	if (source == NULL)
		return;
	for (size_t i = 0; i < source->count; i++) {
		free(source->members[i].name);
		free(source->members[i].path);
	}
	for (size_t i = 0; i < source->dir_count; i++)
		io_close(source->dirs[i]);
	free(source->members);
	free(source->dirs);
	free(source);
}

size_t source_count(const struct source *source)
{
	return source->count;
}

uint64_t source_bytes(const struct source *source)
{
	return source->bytes;
}

const char *source_name(const struct source *source, size_t index)
{
	return source->members[index].name;
}

/* Takes name and path over, also when it fails. */
static int add_member(struct source *source, const struct source_member *member,
		      const struct stat *st)
{
	int result = 0;
	if (!S_ISREG(st->st_mode))
		result = VERDICT_NOT_REGULAR;
	else if (!member_name_is_valid(member->name, strlen(member->name)))
		result = VERDICT_BAD_NAME;
	else if (source->count == MEMBERS_MAX)
		result = VERDICT_BAD_LIMIT;
	if (result == 0 && source->count == source->size) {
		size_t size = source->size == 0 ? 64 : source->size * 2;
		struct source_member *members = realloc(source->members, size * sizeof(*members));
		if (members == NULL) {
			result = -ENOMEM;
		} else {
			source->members = members;
			source->size = size;
		}
	}
	if (result != 0) {
		free(member->name);
		free(member->path);
		return result;
	}
	source->members[source->count++] = *member;
	source->bytes += (uint64_t)st->st_size;
	return 0;
}

/* Below dir_fd, through no link, whatever is put there meanwhile. */
static int open_below(int dir_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* What of a tree is still to be walked: paths of directories, with the prefix of their members. */
struct walk {
	struct source *source;
	int top_fd;
	size_t path_at; /* where the path below top_fd begins in every name */
	size_t count;
	size_t size;
	char **folders; /* "export/2026/": full names with a slash at the end */
	char *where;
};

static int push_folder(struct walk *walk, char *folder)
{
	if (walk->count == walk->size) {
		size_t size = walk->size == 0 ? 16 : walk->size * 2;
		char **folders = realloc(walk->folders, size * sizeof(*folders));
		if (folders == NULL) {
			free(folder);
			return -ENOMEM;
		}
		walk->folders = folders;
		walk->size = size;
	}
	walk->folders[walk->count++] = folder;
	return 0;
}

static int take_entry(struct walk *walk, int folder_fd, const char *folder, const char *entry)
{
	struct stat st;
	char *name;
	if (fstatat(folder_fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		snprintf(walk->where, SOURCE_WHERE_BYTES, "%s%s", folder, entry);
		return -errno;
	}
	bool is_folder = S_ISDIR(st.st_mode);
	if (asprintf(&name, "%s%s%s", folder, entry, is_folder ? "/" : "") < 0)
		return -ENOMEM;
	if (is_folder)
		return strlen(name) <= MEMBER_NAME_MAX ? push_folder(walk, name)
						       : (free(name), VERDICT_BAD_NAME);
	snprintf(walk->where, SOURCE_WHERE_BYTES, "%s", name);
	struct source_member member = {
		.name = name,
		.path_at = walk->path_at,
		.dir_fd = walk->top_fd,
	};
	return add_member(walk->source, &member, &st);
}

static int walk_folder(struct walk *walk, const char *folder)
{
	const char *path = folder + walk->path_at;
	snprintf(walk->where, SOURCE_WHERE_BYTES, "%s", folder);
	int fd = open_below(walk->top_fd, *path == 0 ? "." : path, OPEN_FLAGS | O_DIRECTORY);
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
		struct dirent *entry = readdir(dir);
		if (entry == NULL) {
			result = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = take_entry(walk, fd, folder, entry->d_name);
	}
	closedir(dir);
	return result;
}

static int keep_dir(struct source *source, int fd)
{
	int *dirs = realloc(source->dirs, (source->dir_count + 1) * sizeof(*dirs));
	if (dirs == NULL)
		return -ENOMEM;
	source->dirs = dirs;
	source->dirs[source->dir_count++] = fd;
	return 0;
}

/* The name that the directory really has: "." and "x/.." have none of their own. */
static int folder_name(const char *path, char **out)
{
	char *real = realpath(path, NULL);
	if (real == NULL)
		return -errno;
	const char *base = strrchr(real, '/') + 1;
	char *name = NULL;
	int result = VERDICT_BAD_NAME;
	if (*base != 0)
		result = asprintf(&name, "%s/", base) < 0 || name == NULL ? -ENOMEM : 0;
	free(real);
	if (result == 0)
		*out = name;
	return result;
}

static int add_directory(struct source *source, int fd, const char *path, char *where)
{
	char *top = NULL;
	int result = keep_dir(source, fd);
	if (result != 0) {
		io_close(fd);
		return result;
	}
	result = folder_name(path, &top);
	if (result != 0 || top == NULL)
		return result;
	struct walk walk = {
		.source = source,
		.top_fd = fd,
		.path_at = strlen(top),
		.where = where,
	};
	result = push_folder(&walk, top);
	while (result == 0 && walk.count > 0) {
		char *folder = walk.folders[--walk.count];
		result = walk_folder(&walk, folder);
		free(folder);
	}
	while (walk.count > 0)
		free(walk.folders[--walk.count]);
	free(walk.folders);
	return result;
}

static int add_file(struct source *source, const char *path, const struct stat *st)
{
	const char *slash = strrchr(path, '/');
	struct source_member member = {
		.name = strdup(slash == NULL ? path : slash + 1),
		.path = strdup(path),
		.dir_fd = AT_FDCWD,
	};
	if (member.name == NULL || member.path == NULL) {
		free(member.name);
		free(member.path);
		return -ENOMEM;
	}
	return add_member(source, &member, st);
}

int source_add(struct source *source, const char *path, char where[static SOURCE_WHERE_BYTES])
{
	struct stat st;
	snprintf(where, SOURCE_WHERE_BYTES, "%s", path);
	int fd = open(path, OPEN_FLAGS);
	if (fd < 0) {
		/* a link (ELOOP) and a socket (ENXIO) are not opened, but are no failures of the disk */
		int result = -errno;
		return result == -ELOOP || result == -ENXIO ? VERDICT_NOT_REGULAR : result;
	}
	if (fstat(fd, &st) < 0) {
		int result = -errno;
		io_close(fd);
		return result;
	}
	if (S_ISDIR(st.st_mode))
		return add_directory(source, fd, path, where);
	io_close(fd);
	return add_file(source, path, &st);
}

static int compare_members(const void *a, const void *b)
{
	const struct source_member *x = a, *y = b;
	return member_name_compare(x->name, y->name);
}

/* With '/' counted lowest a folder stands right before what is in it. */
static bool is_folder_of(const char *a, const char *b)
{
	size_t len = strlen(a);
	return strncmp(a, b, len) == 0 && (b[len] == '/' || b[len] == 0);
}

int source_sort(struct source *source, char where[static SOURCE_WHERE_BYTES])
{
	if (source->count > 0)
		qsort(source->members, source->count, sizeof(*source->members), compare_members);
	for (size_t i = 1; i < source->count; i++)
		if (is_folder_of(source->members[i - 1].name, source->members[i].name)) {
			snprintf(where, SOURCE_WHERE_BYTES, "%s", source->members[i].name);
			return VERDICT_BAD_ORDER;
		}
	return 0;
}

int source_open(const struct source *source, size_t index, struct source_file *out)
{
	const struct source_member *member = &source->members[index];
	struct source_file file;
	if (member->path == NULL)
		file.fd = open_below(member->dir_fd, member->name + member->path_at, OPEN_FLAGS);
	else
		file.fd = open(member->path, OPEN_FLAGS);
	if (file.fd < 0) {
		int result = member->path == NULL ? file.fd : -errno;
		return result == -ELOOP || result == -ENXIO ? VERDICT_NOT_REGULAR : result;
	}
	int result = fstat(file.fd, &file.before) < 0 ? -errno : 0;
	if (result == 0 && !S_ISREG(file.before.st_mode))
		result = VERDICT_NOT_REGULAR;
	if (result != 0) {
		io_close(file.fd);
		return result;
	}
	*out = file;
	return 0;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int source_close(struct source_file *file, uint64_t bytes_read)
{
	struct stat after;
	int result = fstat(file->fd, &after) < 0 ? -errno : 0;
	if (result == 0 && (after.st_size != file->before.st_size ||
			    (uint64_t)after.st_size != bytes_read ||
			    !is_same_time(&after.st_mtim, &file->before.st_mtim) ||
			    !is_same_time(&after.st_ctim, &file->before.st_ctim)))
		result = VERDICT_CHANGED_WHILE_READ;
	int closed = io_close(file->fd);
	file->fd = -1;
	return result != 0 ? result : closed;
}
