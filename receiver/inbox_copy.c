#include "inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/progress.h"
#include "common/text.h"
#include "common/verdict.h"

enum { COPY_BYTES = 1048576 };

/* A copy on its way: under ".NAME.new" until it has been verified. */
struct copy {
	const char *path;
	int dir;
	int fd;
	char name[NAME_MAX + 1];
	char temporary[NAME_MAX + 1];
	bool is_made;
};

static int open_goal(struct copy *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	int n = snprintf(c->temporary, sizeof(c->temporary), ".%s.new", name);
	if (n < 0 || (size_t)n >= sizeof(c->temporary))
		return -ENAMETOOLONG;
	if (name[0] == 0)
		return -EISDIR;
	memcpy(c->name, name, strlen(name) + 1);
	if (slash == NULL) {
		c->dir = io_open_dir(AT_FDCWD, ".");
	} else {
		char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
		if (folder == NULL)
			return -ENOMEM;
		c->dir = io_open_dir(AT_FDCWD, folder);
		free(folder);
	}
	if (c->dir < 0)
		return c->dir;
	struct stat st;
	if (fstatat(c->dir, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return errno == ENOENT ? 0 : -errno;
}

static int make_temporary(struct copy *c)
{
	/* one left by a copy that was killed is no use to anybody */
	if (unlinkat(c->dir, c->temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	c->fd = openat(c->dir, c->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0644);
	c->is_made = c->fd >= 0;
	return c->fd < 0 ? -errno : 0;
}

static int copy_bytes(struct copy *c, int from)
{
	struct progress progress;
	struct stat st;
	if (fstat(from, &st) < 0)
		return -errno;
	uint8_t *buffer = malloc(COPY_BYTES);
	if (buffer == NULL)
		return -ENOMEM;
	uint64_t at = 0;
	ssize_t n = 0;
	int result = 0;
	progress_start(&progress, "copying", (uint64_t)st.st_size, true);
	while (result == 0 && (n = io_pread(from, buffer, COPY_BYTES, at)) > 0) {
		result = io_write(c->fd, buffer, (size_t)n);
		at += (uint64_t)n;
		progress_set(&progress, at);
	}
	progress_end(&progress);
	free(buffer);
	if (result == 0 && n < 0)
		result = (int)n;
	return result != 0 ? result : io_fsync(c->fd);
}

static int place(struct copy *c)
{
	if (renameat2(c->dir, c->temporary, c->dir, c->name, RENAME_NOREPLACE) < 0)
		return -errno;
	c->is_made = false;
	return io_fsync(c->dir);
}

static void end_copy(struct copy *c)
{
	if (c->is_made)
		unlinkat(c->dir, c->temporary, 0);
	io_close(c->dir);
}

/* What was written is read again and judged, and not what was to be written. */
static int verify_copy(struct copy *c, const struct inbox *inbox, const struct subject *source,
		       const char *shown)
{
	struct subject s;
	char size[32];
	subject_take(&s, c->fd, c->path);
	memcpy(s.expected, source->expected, sizeof(s.expected));
	s.expected_epoch = source->expected_epoch;
	c->fd = -1;
	int result = subject_read(&s, inbox);
	if (result == 0)
		result = subject_verify_watched(&s, -1);
	int code = result == 0 ? EXIT_DONE : subject_fail(&s, result);
	if (code == EXIT_DONE) {
		result = place(c);
		if (result != 0)
			code = command_fail(result, "cannot give the copy its name '%s'", shown);
		else
			printf("%s: copied and verified, %s\n", s.name,
			       text_size(size, sizeof(size),
					 bundle_object_len(&unpack_release(s.unpack)->statement)));
	}
	subject_close(&s);
	return code;
}

static int copy(struct inbox *inbox, const char *from, const char *to)
{
	struct subject source;
	struct copy c = {.path = to, .dir = -1, .fd = -1};
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), to);
	int code = subject_open(&source, inbox, from);
	if (code != EXIT_DONE)
		return code;
	int result = open_goal(&c, to);
	if (result == 0)
		result = make_temporary(&c);
	if (result == 0)
		result = copy_bytes(&c, source.fd);
	if (result == -EEXIST) {
		command_say(
			"'%s' exists already, and nothing is ever replaced; choose another name",
			shown);
		code = EXIT_ENVIRONMENT;
	} else if (result != 0) {
		code = command_fail(result, "cannot write '%s'", shown);
	} else {
		code = verify_copy(&c, inbox, &source, shown);
	}
	end_copy(&c);
	io_close(c.fd);
	subject_close(&source);
	return code;
}

int inbox_copy(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	int code = inbox_parse(&options, argc, argv, "cr");
	if (code != EXIT_DONE)
		return code;
	if (options.argument_count != 2)
		code = command_usage("say what to copy and where to: BUNDLE FILE.weir");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, inbox_needs(options.arguments[0]));
	if (code == EXIT_DONE) {
		code = inbox_commit(&inbox, NULL);
		if (code == EXIT_DONE)
			code = inbox_confine(true);
		if (code == EXIT_DONE)
			code = copy(&inbox, options.arguments[0], options.arguments[1]);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
