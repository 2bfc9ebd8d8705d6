#include "siteplan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io.h"
#include "text.h"

enum { FULL_BYTES = 4096, LINE_BYTES = 1024, DIRECTORY_MODE = 0755 };

static int full_path(char out[static FULL_BYTES], const struct siteplan *plan, const char *path)
{
	int len = snprintf(out, FULL_BYTES, "%s%s", plan->root, path);
	return len < 0 || len >= FULL_BYTES ? -ENAMETOOLONG : 0;
}

static int look(const struct siteplan *plan, struct siteplan_file *file)
{
	char full[FULL_BYTES];
	uint8_t *old = NULL;
	size_t len = 0;
	int result = full_path(full, plan, file->path);
	if (result == 0)
		result = io_read_file(AT_FDCWD, full, SITEPLAN_FILE_MAX, &old, &len);
	if (result == -ENOENT)
		return 0; /* nor, maybe, is its directory */
	if (result != 0)
		return result;
	file->old = (char *)old;
	file->old_len = len;
	bool is_same = len == file->len && memcmp(old, file->text, len) == 0;
	file->state = is_same ? SITEPLAN_SAME : SITEPLAN_CHANGED;
	return 0;
}

int siteplan_add(struct siteplan *plan, const char *path, mode_t mode, char *text)
{
	struct siteplan_file *file = &plan->files[plan->count];
	int len = text == NULL ? 0 : snprintf(file->path, sizeof(file->path), "%s", path);
	if (text == NULL)
		return -ENOMEM;
	file->text = text;
	file->len = strlen(text);
	file->mode = mode;
	file->old = NULL;
	file->state = SITEPLAN_NEW;
	plan->count++; /* so that siteplan_free has it */
	return len < 0 || (size_t)len >= sizeof(file->path) ? -ENAMETOOLONG : look(plan, file);
}

size_t siteplan_count(const struct siteplan *plan)
{
	size_t count = 0;
	for (size_t i = 0; i < plan->count; i++)
		count += plan->files[i].state != SITEPLAN_SAME;
	return count;
}

/* ---- what is shown ---- */

static bool says_something(const char *line, size_t len)
{
	return len > 0 && line[0] != ';' && line[0] != '#';
}

static bool has_line(const char *text, const char *line, size_t len)
{
	for (const char *at = text; at != NULL && *at != 0;) {
		size_t at_len = strcspn(at, "\n");
		if (at_len == len && memcmp(at, line, len) == 0)
			return true;
		at += at_len + (at[at_len] == '\n');
	}
	return false;
}

/* The lines of text that say something and are not in other, behind a sign. */
static void show_lines(const char *sign, const char *text, const char *other)
{
	char shown[4 * LINE_BYTES], line[LINE_BYTES];
	for (const char *at = text; *at != 0;) {
		size_t len = strcspn(at, "\n");
		if (says_something(at, len) && !has_line(other, at, len)) {
			snprintf(line, sizeof(line), "%.*s", (int)len, at);
			printf("    %s%s\n", sign, text_escape_name(shown, sizeof(shown), line));
		}
		at += len + (at[len] == '\n');
	}
}

void siteplan_show(const struct siteplan *plan)
{
	static const char *const states[] = {"new", "as it is", "changed; what is there is kept beside it as .old"};
	char shown[2 * SITEPLAN_PATH_BYTES];
	for (size_t i = 0; i < plan->count; i++) {
		const struct siteplan_file *file = &plan->files[i];
		printf("%s: %s\n", text_escape_name(shown, sizeof(shown), file->path), states[file->state]);
		if (file->state == SITEPLAN_NEW)
			show_lines("", file->text, "");
		if (file->state != SITEPLAN_CHANGED)
			continue;
		show_lines("- ", file->old, file->text);
		show_lines("+ ", file->text, file->old);
	}
}

/* ---- what is written ---- */

static int make_directories(char *full)
{
	for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int result = mkdir(full, DIRECTORY_MODE) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (result != 0)
			return result;
	}
	return 0;
}

/* What is there is safe before anything comes in its place. */
static int write_one(const struct siteplan *plan, const struct siteplan_file *file)
{
	char full[FULL_BYTES], old[SITEPLAN_PATH_BYTES + 8];
	int result = full_path(full, plan, file->path);
	if (result == 0)
		result = make_directories(full);
	if (result != 0)
		return result;
	char *slash = strrchr(full, '/');
	const char *name = slash + 1;
	*slash = 0;
	int dir = io_open_dir(AT_FDCWD, full);
	if (dir < 0)
		return dir;
	snprintf(old, sizeof(old), "%s.old", name);
	if (file->state == SITEPLAN_CHANGED)
		result = io_write_file(dir, old, file->old, file->old_len, file->mode);
	if (result == 0)
		result = io_write_file(dir, name, file->text, file->len, file->mode);
	io_close(dir);
	return result;
}

int siteplan_write(const struct siteplan *plan, size_t *at)
{
	for (size_t i = 0; i < plan->count; i++) {
		*at = i;
		int result = plan->files[i].state == SITEPLAN_SAME ? 0 : write_one(plan, &plan->files[i]);
		if (result != 0)
			return result;
	}
	return 0;
}

void siteplan_free(struct siteplan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->files[i].text);
		free(plan->files[i].old);
	}
	plan->count = 0;
}
