#include "custody.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

enum { DIRECTORY_MODE = 0750, FILE_MODE = 0640, NAME_SIZE = NAME_BYTES + 2 * MANDATE_ID_BYTES + 2 };

struct custody {
	int holds_fd, purges_fd;
	size_t count, size, bundles;
	struct mandate *all;
	struct custody_found found;
};

static void file_name(char out[static NAME_SIZE], const struct mandate *m)
{
	char id[2 * MANDATE_ID_BYTES + 1];
	text_hex(id, sizeof(id), m->id, MANDATE_ID_BYTES);
	if (m->kind == MANDATE_PURGE)
		snprintf(out, NAME_SIZE, "%s", id);
	else
		snprintf(out, NAME_SIZE, "%s.%s", m->name, id);
}

static int folder_of(const struct custody *c, const struct mandate *m)
{
	return m->kind == MANDATE_PURGE ? c->purges_fd : c->holds_fd;
}

static int make_room(struct custody *c, size_t bundles)
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
static void add(struct custody *c, const struct mandate *m)
{
	c->all[c->count++] = *m;
	c->bundles += m->count;
}

static void forget(struct custody *c, size_t index)
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
	char wanted[NAME_SIZE];
	int result = io_read_file(dir_fd, name, MANDATE_BYTES_MAX, &bytes, &len);
	if (result == 0)
		result = mandate_decode(&m, bytes, len);
	free(bytes);
	if (result != 0)
		return result;
	file_name(wanted, &m);
	bool is_here = (m.kind == MANDATE_PURGE) == (dir_fd == c->purges_fd) && m.kind != MANDATE_RELEASE;
	result = is_here && strcmp(wanted, name) == 0 ? make_room(c, m.count) : VERDICT_BAD_NAME;
	if (result == 0)
		add(c, &m);
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
	int fd = io_open_dir(vault_fd, name);
	if (fd >= 0)
		*out = fd;
	return fd >= 0 || (fd == -ENOENT && !may_write) ? 0 : fd;
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
		forget(c, c->count - 1);
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

/* Taking */

static bool is_known(const struct custody *c, const struct mandate *m)
{
	for (size_t i = 0; i < c->count; i++)
		if (memcmp(c->all[i].id, m->id, MANDATE_ID_BYTES) == 0)
			return true;
	return false;
}

/* A release counts for the holds that were there when it was signed: an old one ends no new hold. */
static int check_release(const struct custody *c, const struct mandate *m)
{
	bool is_held = false;
	for (size_t i = 0; i < c->count; i++) {
		if (c->all[i].kind != MANDATE_HOLD || strcmp(c->all[i].name, m->name) != 0)
			continue;
		is_held = true;
		if (c->all[i].time > m->time)
			return VERDICT_BAD_ORDER;
	}
	return is_held ? VERDICT_OK : VERDICT_BAD_ORDER;
}

static int check_bundles(const struct custody *c, const struct custody_site *site, const struct mandate *m)
{
	struct annal annal;
	for (unsigned int i = 0; i < m->count; i++) {
		if (!annals_find(site->annals, &m->bundles[i], &annal) ||
		    (annal.what != ANNAL_DELIVERED && annal.what != ANNAL_DAMAGED))
			return VERDICT_NO_SUCH_BUNDLE;
		if (m->kind == MANDATE_PURGE && custody_holds(c, &m->bundles[i], NULL))
			return VERDICT_ON_HOLD;
	}
	return VERDICT_OK;
}

static struct ledger_entry *entry_of(const struct custody_site *site, const struct mandate *m, int result)
{
	static const char *const events[] = {
		[MANDATE_HOLD] = "hold", [MANDATE_RELEASE] = "hold.ended", [MANDATE_PURGE] = "purge"};
	struct ledger_who who = *site->peer;
	struct annal annal;
	char name[BUNDLE_NAME_BYTES];
	who.person = m->person;
	who.key_id = m->person_key;
	struct ledger_entry *e = ledger_entry_new(events[m->kind], result);
	ledger_set_who(e, &who);
	if (m->kind != MANDATE_PURGE)
		ledger_set_text(e, "case", m->name);
	ledger_set_hex(e, "mandate", m->id, MANDATE_ID_BYTES);
	if (m->kind != MANDATE_RELEASE)
		ledger_set_number(e, "bundles", m->count);
	/* of more than one the file has the rest */
	if (m->count > 0 && annals_find(site->annals, &m->bundles[0], &annal)) {
		bundle_name(name, annal.route, annal.id.number);
		ledger_set_text(e, "bundle", name);
	}
	return e;
}

static int remove_file(const struct custody *c, const struct mandate *m)
{
	char name[NAME_SIZE];
	file_name(name, m);
	return unlinkat(folder_of(c, m), name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* The file first: what the ledger says is held is held, also when the power goes in between. */
static int store(struct custody *c, const struct custody_site *site, const struct mandate *m, const uint8_t *bytes,
		 size_t len)
{
	char name[NAME_SIZE];
	int result = make_room(c, m->count);
	if (result != 0)
		return result;
	file_name(name, m);
	result = io_create_file(folder_of(c, m), name, bytes, len, FILE_MODE);
	if (result != 0)
		return result;
	result = diary_write(site->diary, entry_of(site, m, 0));
	if (result != 0)
		(void)remove_file(c, m); /* nobody is told that it counts, whatever becomes of it */
	return result;
}

/* The entry first: while one file of the case is there it is held. */
static int end_case(struct custody *c, const struct custody_site *site, const struct mandate *m)
{
	int result = diary_write(site->diary, entry_of(site, m, 0));
	for (size_t i = c->count; result == 0 && i-- > 0;) {
		if (c->all[i].kind != MANDATE_HOLD || strcmp(c->all[i].name, m->name) != 0)
			continue;
		result = remove_file(c, &c->all[i]);
		if (result == 0)
			forget(c, i);
	}
	return result == 0 ? io_fsync(c->holds_fd) : result;
}

static int judge(const struct custody *c, const struct custody_site *site, const struct mandate *m)
{
	int result = mandate_judge(m, site->registry, site->box_key, site->now_s);
	if (result == 0 && is_known(c, m))
		result = VERDICT_BAD_ORDER;
	if (result == 0)
		result = m->kind == MANDATE_RELEASE ? check_release(c, m) : check_bundles(c, site, m);
	return result;
}

int custody_take(struct custody *c, const struct custody_site *site, const uint8_t *bytes, size_t len)
{
	struct mandate m;
	int result = mandate_decode(&m, bytes, len);
	if (result != 0)
		return result;
	result = judge(c, site, &m);
	if (result != 0) {
		int entered = diary_write(site->diary, entry_of(site, &m, result));
		result = entered != 0 ? entered : result;
	} else if (m.kind == MANDATE_RELEASE) {
		result = end_case(c, site, &m);
	} else {
		result = store(c, site, &m, bytes, len);
		if (result == 0) {
			add(c, &m);
			return 0;
		}
	}
	mandate_bundles_free(&m);
	return result;
}

static bool is_finished(const struct mandate *m, const struct annals *annals)
{
	struct annal annal;
	for (unsigned int i = 0; i < m->count; i++)
		if (annals_find(annals, &m->bundles[i], &annal) && annal.what != ANNAL_DESTROYED)
			return false;
	return true;
}

int custody_tidy(struct custody *c, const struct annals *annals)
{
	bool is_changed = false;
	for (size_t i = c->count; i-- > 0;) {
		if (c->all[i].kind != MANDATE_PURGE || !is_finished(&c->all[i], annals))
			continue;
		int result = remove_file(c, &c->all[i]);
		if (result != 0)
			return result;
		forget(c, i);
		is_changed = true;
	}
	return is_changed ? io_fsync(c->purges_fd) : 0;
}
