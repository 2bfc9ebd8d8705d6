#include "custodyparts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"

enum { DIRECTORY_MODE = 0750 };

void custody_file_name(char out[static CUSTODY_NAME_BYTES], const struct mandate *m)
{
	char id[2 * MANDATE_ID_BYTES + 1];
	text_hex(id, sizeof(id), m->id, MANDATE_ID_BYTES);
	if (m->kind == MANDATE_PURGE)
		snprintf(out, CUSTODY_NAME_BYTES, "%s", id);
	else
		snprintf(out, CUSTODY_NAME_BYTES, "%s.%s", m->name, id);
}

int custody_folder_of(const struct custody *c, const struct mandate *m)
{
	return m->kind == MANDATE_PURGE ? c->purges_fd : c->holds_fd;
}

int custody_make_room(struct custody *c, size_t bundles)
{
	if (c->count >= CUSTODY_MANDATES_MAX || c->bundles + bundles > CUSTODY_BUNDLES_MAX)
		return VERDICT_BAD_LIMIT;
	if (c->count < c->size)
		return 0;
	size_t size = c->size == 0 ? 16 : c->size * 2;
	struct mandate *grown = reallocarray(c->all, size, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	c->all = grown;
	c->size = size;
	return 0;
}

/* There is room; its bundles are the custody's from here on. */
void custody_add(struct custody *c, const struct mandate *m)
{
	c->all[c->count++] = *m;
	c->bundles += m->count;
}

void custody_forget(struct custody *c, size_t index)
{
	c->bundles -= c->all[index].count;
	mandate_bundles_free(&c->all[index]);
	memmove(&c->all[index], &c->all[index + 1], (c->count - index - 1) * sizeof(c->all[0]));
	c->count--;
}

/* Opening */

static int read_file(struct custody *c, int dir_fd, const char *name)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct mandate m;
	char wanted[CUSTODY_NAME_BYTES];
	int result = io_read_file(dir_fd, name, MANDATE_BYTES_MAX, &bytes, &len);
	if (result == 0)
		result = mandate_decode(&m, bytes, len);
	free(bytes);
	if (result != 0)
		return result;
	custody_file_name(wanted, &m);
	bool is_here = m.kind == (dir_fd == c->purges_fd ? MANDATE_PURGE : MANDATE_HOLD);
	result = is_here && strcmp(wanted, name) == 0 ? custody_make_room(c, m.count) : VERDICT_BAD_NAME;
	if (result == 0)
		custody_add(c, &m);
	else
		mandate_bundles_free(&m);
	return result;
}

/* A file that is none is told of: what it held is not known to be held any more. */
static int read_name(struct custody *c, int dir_fd, const char *name)
{
	int result = name[0] == '.' ? 0 : read_file(c, dir_fd, name);
	if (result <= 0 && result != -EFBIG)
		return result;
	if (c->found.damaged++ == 0)
		snprintf(c->found.name, sizeof(c->found.name), "%s", name);
	return 0;
}

static int read_hold(int dir_fd, const char *name, void *context)
{
	struct custody *c = context;
	(void)dir_fd;
	return read_name(c, c->holds_fd, name);
}

static int read_purge(int dir_fd, const char *name, void *context)
{
	struct custody *c = context;
	(void)dir_fd;
	return read_name(c, c->purges_fd, name);
}

static int open_folder(int *out, int vault_fd, const char *name, bool may_write)
{
	int result = may_write ? io_make_dir(vault_fd, name, DIRECTORY_MODE) : 0;
	if (result == 0 && may_write)
		result = io_fsync(vault_fd);
	if (result != 0)
		return result;
	if (may_write)
		return trusted_open_dir(out, vault_fd, name);
	int fd = io_open_dir(vault_fd, name);
	if (fd >= 0)
		*out = fd;
	return fd >= 0 || fd == -ENOENT ? 0 : fd;
}

static int read_folder(struct custody *c, int vault_fd, const char *name, io_visit *visit)
{
	int fd = io_open_dir(vault_fd, name);
	return fd == -ENOENT ? 0 : io_each_name(fd, visit, c);
}

int custody_open(struct custody **out, int vault_fd, bool may_write, struct custody_found *found)
{
	struct custody *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->holds_fd = c->purges_fd = -1;
	int result = open_folder(&c->holds_fd, vault_fd, "holds", may_write);
	if (result == 0)
		result = open_folder(&c->purges_fd, vault_fd, "purges", may_write);
	if (result == 0)
		result = read_folder(c, vault_fd, "holds", read_hold);
	if (result == 0)
		result = read_folder(c, vault_fd, "purges", read_purge);
	if (result != 0) {
		custody_close(c);
		return result;
	}
	*found = c->found;
	*out = c;
	return 0;
}

void custody_close(struct custody *c)
{
	if (c == NULL)
		return;
	while (c->count > 0)
		custody_forget(c, c->count - 1);
	io_close(c->holds_fd);
	io_close(c->purges_fd);
	free(c->all);
	free(c);
}

/* Asking */

static bool find(const struct custody *c, enum mandate_kind kind, const struct bundle_id *id, struct mandate *out)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct mandate *m = &c->all[i];
		if (m->kind != kind ||
		    bsearch(id, m->bundles, m->count, sizeof(*id), mandate_compare) == NULL)
			continue;
		if (out != NULL)
			*out = *m;
		return true;
	}
	return false;
}

bool custody_holds(const struct custody *c, const struct bundle_id *id, struct mandate *out)
{
	return find(c, MANDATE_HOLD, id, out);
}

bool custody_purges(const struct custody *c, const struct bundle_id *id, struct mandate *out)
{
	return find(c, MANDATE_PURGE, id, out);
}

size_t custody_count(const struct custody *c)
{
	return c->count;
}

const struct mandate *custody_at(const struct custody *c, size_t index)
{
	assert(index < c->count);
	return &c->all[index];
}
