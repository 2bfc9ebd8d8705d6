#include "folder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"

enum { STAGE_NAME_BYTES = 40, NUMBER_BYTES = 16, COMPONENT_BYTES = 256 };

/* A folder on the way that this run made: the first `len` bytes of a member's name. */
struct made {
	const char *name;
	size_t len;
};

struct folder {
	int parent; /* and base: where the folder itself is made when it is not there */
	char base[COMPONENT_BYTES];
	bool is_made;
	int root;
	int stage;
	char stage_name[STAGE_NAME_BYTES];
	const struct member *const *members;
	uint32_t count;
	uint32_t written; /* members that have ended */
	uint32_t placed;  /* members that stand under their names */
	int file;         /* the member being written */
	struct made *made;
	size_t made_count;
	size_t made_size;
	int near; /* the folder of near_name's first near_len bytes, kept for the next member */
	const char *near_name;
	size_t near_len;
	bool is_committed;
};

static int open_below(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* path does not exist: its parent and its last component. */
static int open_parent(struct folder *f, const char *path)
{
	char *copy = strdup(path);
	if (copy == NULL)
		return -ENOMEM;
	size_t len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = 0;
	char *slash = strrchr(copy, '/');
	const char *base = slash == NULL ? copy : slash + 1;
	int result = 0;
	if (strlen(base) >= sizeof(f->base))
		result = -ENAMETOOLONG;
	else
		memcpy(f->base, base, strlen(base) + 1);
	if (slash != NULL)
		slash[slash == copy ? 1 : 0] = 0;
	if (result == 0)
		f->parent = result = io_open_dir(AT_FDCWD, slash == NULL ? "." : copy);
	free(copy);
	return result < 0 ? result : 0;
}

int folder_open(struct folder **out, const char *path)
{
	struct folder *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->parent = f->stage = f->file = f->near = -1;
	f->root = io_open_dir(AT_FDCWD, path);
	int result = f->root >= 0 ? 0 : f->root;
	if (result == -ENOENT)
		result = open_parent(f, path);
	if (result != 0) {
		folder_free(f);
		return result;
	}
	*out = f;
	return 0;
}

static void forget_near(struct folder *f)
{
	io_close(f->near);
	f->near = -1;
}

static int note_made(struct folder *f, const char *name, size_t len)
{
	if (f->made_count == f->made_size) {
		size_t size = f->made_size == 0 ? 64 : f->made_size * 2;
		struct made *grown = reallocarray(f->made, size, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		f->made = grown;
		f->made_size = size;
	}
	f->made[f->made_count++] = (struct made){name, len};
	return 0;
}

/* The folder `component` in dir, made when it is not there and may be: the descriptor or -errno. */
static int step(struct folder *f, int dir, const char *component, const char *name, size_t len,
		bool may_make)
{
	int fd = open_below(dir, component);
	if (fd != -ENOENT || !may_make)
		return fd;
	int result = note_made(f, name, len);
	if (result != 0)
		return result;
	if (mkdirat(dir, component, 0700) < 0) {
		f->made_count--;
		return -errno;
	}
	return open_below(dir, component);
}

/*
 * The folder that the first len bytes of name lead to, one component at a time; kept in f->near.
 * -ENOENT when it is not there and may not be made.
 */
static int walk(struct folder *f, const char *name, size_t len, bool may_make)
{
	if (f->near >= 0 && f->near_len == len && memcmp(f->near_name, name, len) == 0)
		return f->near;
	int fd = fcntl(f->root, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < len;) {
		char component[COMPONENT_BYTES];
		size_t end = (size_t)(strchrnul(name + at, '/') - name);
		memcpy(component, name + at, end - at);
		component[end - at] = 0;
		int next = step(f, fd, component, name, end, may_make);
		io_close(fd);
		if (next < 0)
			return next;
		fd = next;
		at = end + 1;
	}
	forget_near(f);
	f->near = fd;
	f->near_name = name;
	f->near_len = len;
	return fd;
}

/* Length of the folder part of a name, and its last component. */
static size_t split(const char *name, const char **last)
{
	const char *slash = strrchr(name, '/');
	*last = slash == NULL ? name : slash + 1;
	return slash == NULL ? 0 : (size_t)(slash - name);
}

static int check_free(struct folder *f, const char *name)
{
	if (!member_name_is_valid(name, strlen(name)))
		return VERDICT_BAD_NAME;
	if (f->root < 0)
		return 0; /* a new folder is empty */
	const char *last;
	int dir = walk(f, name, split(name, &last), false);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	struct stat st;
	if (fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return errno == ENOENT ? 0 : -errno;
}

static int make_stage(struct folder *f)
{
	if (f->root < 0) {
		if (mkdirat(f->parent, f->base, 0700) < 0)
			return -errno;
		f->is_made = true;
		f->root = open_below(f->parent, f->base);
		if (f->root < 0)
			return f->root;
	}
	uint64_t random;
	suite_random(&random, sizeof(random));
	char name[STAGE_NAME_BYTES];
	snprintf(name, sizeof(name), ".weir-open-%016" PRIx64, random);
	if (mkdirat(f->root, name, 0700) < 0)
		return -errno;
	memcpy(f->stage_name, name, sizeof(name));
	f->stage = open_below(f->root, name);
	return f->stage < 0 ? f->stage : 0;
}

int folder_plan(struct folder *f, const struct member *const *members, uint32_t count,
		uint32_t *culprit)
{
	for (uint32_t i = 0; i < count; i++) {
		int result = check_free(f, members[i]->name);
		if (result != 0) {
			*culprit = i;
			return result;
		}
	}
	f->members = members;
	f->count = count;
	*culprit = count;
	return make_stage(f);
}

static const char *number(char out[static NUMBER_BYTES], uint32_t index)
{
	snprintf(out, NUMBER_BYTES, "%" PRIu32, index);
	return out;
}

int folder_begin(struct folder *f)
{
	assert(f->stage >= 0 && f->file < 0 && f->written < f->count);
	char name[NUMBER_BYTES];
	f->file = openat(f->stage, number(name, f->written),
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return f->file < 0 ? -errno : 0;
}

int folder_write(struct folder *f, const void *data, size_t len)
{
	return io_write(f->file, data, len);
}

int folder_end(struct folder *f)
{
	const struct member *member = f->members[f->written];
	struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT},
		{.tv_sec = member->mtime_s, .tv_nsec = (long)member->mtime_ns},
	};
	/* BUNDLE.md 5: 0 when unknown */
	if (member->mtime_s != 0 && futimens(f->file, times) < 0)
		return -errno;
	int result = io_close(f->file);
	f->file = -1;
	if (result == 0)
		f->written++;
	return result;
}

static int place(struct folder *f, uint32_t index)
{
	const char *last;
	const char *name = f->members[index]->name;
	int dir = walk(f, name, split(name, &last), true);
	if (dir < 0)
		return dir;
	char staged[NUMBER_BYTES];
	if (renameat2(f->stage, number(staged, index), dir, last, RENAME_NOREPLACE) < 0)
		return -errno;
	f->placed = index + 1;
	return 0;
}

/* syncfs: one call for 100,000 files, and it tells of every error since the stage was opened. */
static int sync_all(int fd)
{
	return syncfs(fd) < 0 ? -errno : 0;
}

int folder_commit(struct folder *f, uint32_t *culprit)
{
	assert(f->written == f->count && f->file < 0);
	*culprit = f->count;
	int result = sync_all(f->stage);
	for (uint32_t i = 0; result == 0 && i < f->count; i++) {
		result = place(f, i);
		if (result != 0)
			*culprit = i;
	}
	if (result == 0)
		result = sync_all(f->stage);
	if (result == 0 && unlinkat(f->root, f->stage_name, AT_REMOVEDIR) < 0)
		result = -errno;
	if (result == 0)
		f->is_committed = true;
	return result;
}

/* What stands in the way is left; there is nothing more to be done about it. */
static void take_back(struct folder *f)
{
	const char *last;
	forget_near(f);
	for (uint32_t i = 0; i < f->placed; i++) {
		const char *name = f->members[i]->name;
		int dir = walk(f, name, split(name, &last), false);
		if (dir >= 0)
			unlinkat(dir, last, 0);
	}
	for (uint32_t i = f->placed; i < f->count && f->stage >= 0; i++) {
		char name[NUMBER_BYTES];
		/* members come in order: behind the first that is not there is none */
		if (unlinkat(f->stage, number(name, i), 0) < 0 && errno == ENOENT)
			break;
	}
	for (size_t i = f->made_count; i-- > 0;) {
		char component[COMPONENT_BYTES];
		const struct made *made = &f->made[i];
		const char *slash = memrchr(made->name, '/', made->len);
		size_t start = slash == NULL ? 0 : (size_t)(slash - made->name) + 1;
		memcpy(component, made->name + start, made->len - start);
		component[made->len - start] = 0;
		forget_near(f);
		int dir = walk(f, made->name, start == 0 ? 0 : start - 1, false);
		if (dir >= 0)
			unlinkat(dir, component, AT_REMOVEDIR);
	}
	if (f->stage_name[0] != 0)
		unlinkat(f->root, f->stage_name, AT_REMOVEDIR);
	if (f->is_made)
		unlinkat(f->parent, f->base, AT_REMOVEDIR);
}

void folder_free(struct folder *f)
{
	if (f == NULL)
		return;
	io_close(f->file);
	if (!f->is_committed)
		take_back(f);
	forget_near(f);
	io_close(f->stage);
	io_close(f->root);
	io_close(f->parent);
	free(f->made);
	free(f);
}
