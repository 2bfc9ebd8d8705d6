#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/edition.h"
#include "common/expecting.h"
#include "common/io.h"
#include "common/verdict.h"
#include "heard.h"

enum {
	EPOCH_DIGITS = 16,
	REFUSAL_BYTES_MAX = 64,
	CATALOGUE_BYTES_MAX = PAGES_MAX * (2 + PAGE_BYTES_MAX),
	DIRECTORY_MODE = 0750,
	FILE_MODE = 0640,
};
static const char SUFFIX[] = ".weir";

void vault_partial_name(char out[static VAULT_NAME_BYTES], const struct bundle_id *id)
{
	snprintf(out, VAULT_NAME_BYTES, "%016" PRIx64 ".%u.%" PRIu64, id->epoch, id->route_id,
		 id->number);
}

int vault_prepare(int vault_fd)
{
	static const char *const names[] = {"partial", "bundles", "refused"};
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof(names) / sizeof(names[0]); i++)
		result = io_make_dir(vault_fd, names[i], DIRECTORY_MODE);
	return result == 0 ? io_fsync(vault_fd) : result;
}

int vault_lock(int *out, int vault_fd)
{
	int fd = openat(vault_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return -errno;
	int result = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : edition_keep(fd, EDITION_VAULT);
	if (result != 0)
		io_close(fd);
	else
		*out = fd;
	return result;
}

/* "EPOCH/NAME.weir", under bundles/ */
static void bundle_path(char out[static 128], uint64_t epoch, const char *name)
{
	snprintf(out, 128, "%016" PRIx64 "/%.*s%s", epoch, BUNDLE_NAME_BYTES, name, SUFFIX);
}

int vault_is_delivered(int vault_fd, uint64_t epoch, const char *name)
{
	char path[128], whole[160];
	bundle_path(path, epoch, name);
	snprintf(whole, sizeof(whole), "bundles/%s", path);
	if (faccessat(vault_fd, whole, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

/* The directory of an epoch, made when it lacks, and durable by then. */
static int open_epoch(int vault_fd, uint64_t epoch)
{
	char name[EPOCH_DIGITS + 1];
	snprintf(name, sizeof(name), "%016" PRIx64, epoch);
	int bundles = io_open_dir(vault_fd, "bundles");
	if (bundles < 0)
		return bundles;
	int result = io_make_dir(bundles, name, DIRECTORY_MODE);
	if (result == 0)
		result = io_fsync(bundles);
	if (result == 0)
		result = io_open_dir(bundles, name);
	io_close(bundles);
	return result;
}

int vault_deliver(int vault_fd, int from_dir, const char *from, uint64_t epoch, const char *name)
{
	char file[BUNDLE_NAME_BYTES + sizeof(SUFFIX)];
	snprintf(file, sizeof(file), "%s%s", name, SUFFIX);
	int to_dir = open_epoch(vault_fd, epoch);
	if (to_dir < 0)
		return to_dir;
	int result = 0;
	if (renameat2(from_dir, from, to_dir, file, RENAME_NOREPLACE) < 0)
		result = -errno;
	bool has_moved = result == 0;
	if (result == 0)
		result = io_fsync(to_dir);
	if (result == 0)
		result = io_fsync(from_dir);
	/* a place that may not last is none: it is whole in either, and is given its place again */
	if (has_moved && result != 0)
		(void)renameat2(to_dir, file, from_dir, from, RENAME_NOREPLACE);
	io_close(to_dir);
	return result;
}

int vault_refuse(int vault_fd, const struct bundle_id *id, int verdict)
{
	char name[VAULT_NAME_BYTES], text[REFUSAL_BYTES_MAX];
	vault_partial_name(name, id);
	int len = snprintf(text, sizeof(text), "%s\n", verdict_name(verdict));
	int dir = io_open_dir(vault_fd, "refused");
	if (dir < 0)
		return dir;
	int result = io_write_file(dir, name, text, (size_t)len, FILE_MODE);
	io_close(dir);
	return result;
}

int vault_refusal(int vault_fd, const struct bundle_id *id)
{
	char name[VAULT_NAME_BYTES], path[VAULT_NAME_BYTES + 16];
	vault_partial_name(name, id);
	snprintf(path, sizeof(path), "refused/%s", name);
	uint8_t *text = NULL;
	size_t len = 0;
	int result = io_read_file(vault_fd, path, REFUSAL_BYTES_MAX, &text, &len);
	if (result == -ENOENT)
		return 0;
	if (result != 0)
		return result;
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = 0;
	int verdict = verdict_from_name((const char *)text);
	free(text);
	/* a name that this version does not know is a refusal all the same */
	return verdict > 0 ? verdict : VERDICT_DAMAGED;
}

/* Listing */

struct listing {
	struct vault_item *items;
	size_t count;
	uint64_t epoch; /* of the directory that is being read */
};

static int list_add(struct listing *list, const struct vault_item *item)
{
	struct vault_item *items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	items[list->count] = *item;
	list->items = items;
	list->count++;
	return 0;
}

/* The epoch in the name of a directory; false for anything else. */
static bool parse_epoch(uint64_t *epoch, const char *name)
{
	if (strlen(name) != EPOCH_DIGITS || strspn(name, "0123456789abcdef") != EPOCH_DIGITS)
		return false;
	*epoch = strtoull(name, NULL, 16);
	return true;
}

static bool parse_file(struct vault_item *item, const char *name)
{
	char route[NAME_BYTES];
	uint64_t number;
	size_t len = strlen(name), suffix = sizeof(SUFFIX) - 1;
	if (len <= suffix || len - suffix >= sizeof(item->name) ||
	    strcmp(name + len - suffix, SUFFIX) != 0)
		return false;
	memset(item->name, 0, sizeof(item->name));
	memcpy(item->name, name, len - suffix);
	return bundle_name_parse(item->name, route, &number) == VERDICT_OK;
}

static int list_file(int dir_fd, const char *name, void *context)
{
	struct listing *list = context;
	struct vault_item item = {.epoch = list->epoch};
	struct stat st;
	if (!parse_file(&item, name))
		return 0;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	item.bytes = (uint64_t)st.st_size;
	item.arrived_s = st.st_mtim.tv_sec;
	return list_add(list, &item);
}

static int list_epoch(int dir_fd, const char *name, void *context)
{
	struct listing *list = context;
	if (!parse_epoch(&list->epoch, name))
		return 0;
	int fd = io_open_dir(dir_fd, name);
	if (fd == -ENOTDIR || fd == -ENOENT)
		return 0;
	return io_each_name(fd, list_file, list);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* By epoch, route, number: the epochs find their place afterwards. */
static int compare_items(const void *a, const void *b)
{
	const struct vault_item *x = a, *y = b;
	char route_x[NAME_BYTES] = "", route_y[NAME_BYTES] = "";
	uint64_t number_x = 0, number_y = 0;
	int order = compare_numbers(x->epoch, y->epoch);
	if (order != 0)
		return order;
	(void)bundle_name_parse(x->name, route_x, &number_x);
	(void)bundle_name_parse(y->name, route_y, &number_y);
	order = strcmp(route_x, route_y);
	return order != 0 ? order : compare_numbers(number_x, number_y);
}

struct span {
	size_t begin, count;
	int64_t first_arrival;
};

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = (x->first_arrival > y->first_arrival) - (x->first_arrival < y->first_arrival);
	return order != 0 ? order : compare_numbers(x->begin, y->begin);
}

static size_t find_spans(struct span *spans, const struct vault_item *items, size_t count)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || items[i].epoch != items[i - 1].epoch)
			spans[found++] = (struct span){i, 0, items[i].arrived_s};
		struct span *span = &spans[found - 1];
		span->count++;
		if (items[i].arrived_s < span->first_arrival)
			span->first_arrival = items[i].arrived_s;
	}
	return found;
}

/* Random epochs have no order of their own; the one that began to arrive first comes first. */
static int order_epochs(struct vault_item **items, size_t count)
{
	struct span *spans = calloc(count, sizeof(*spans));
	struct vault_item *ordered = calloc(count, sizeof(*ordered));
	if (spans == NULL || ordered == NULL) {
		free(spans);
		free(ordered);
		return -ENOMEM;
	}
	size_t span_count = find_spans(spans, *items, count), at = 0;
	qsort(spans, span_count, sizeof(*spans), compare_spans);
	for (size_t i = 0; i < span_count; i++) {
		memcpy(ordered + at, *items + spans[i].begin, spans[i].count * sizeof(*ordered));
		at += spans[i].count;
	}
	free(spans);
	free(*items);
	*items = ordered;
	return 0;
}

int vault_list(int vault_fd, struct vault_item **out, size_t *count)
{
	struct listing list = {0};
	int fd = io_open_dir(vault_fd, "bundles");
	int result = fd == -ENOENT ? 0 : io_each_name(fd, list_epoch, &list);
	if (result == 0 && list.count > 0) {
		qsort(list.items, list.count, sizeof(*list.items), compare_items);
		result = order_epochs(&list.items, list.count);
	}
	if (result != 0) {
		free(list.items);
		return result;
	}
	*out = list.items;
	*count = list.count;
	return 0;
}

/* Partial bundles */

struct id_listing {
	struct bundle_id *ids;
	size_t count;
};

/* Only the very name that vault_partial_name gives counts: so the numbers need no checks of their own. */
bool vault_parse_id(struct bundle_id *id, const char *name)
{
	char again[VAULT_NAME_BYTES], *end;
	*id = (struct bundle_id){.epoch = strtoull(name, &end, 16)};
	if (*end == '.')
		id->route_id = (uint16_t)strtoul(end + 1, &end, 10);
	if (*end == '.')
		id->number = strtoull(end + 1, NULL, 10);
	vault_partial_name(again, id);
	return strcmp(again, name) == 0;
}

static int list_id(int dir_fd, const char *name, void *context)
{
	(void)dir_fd;
	struct id_listing *list = context;
	struct bundle_id id;
	if (!vault_parse_id(&id, name))
		return 0;
	struct bundle_id *ids = reallocarray(list->ids, list->count + 1, sizeof(*ids));
	if (ids == NULL)
		return -ENOMEM;
	ids[list->count] = id;
	list->ids = ids;
	list->count++;
	return 0;
}

int vault_partial_ids(int vault_fd, struct bundle_id **out, size_t *count)
{
	struct id_listing list = {0};
	int result = io_each_name(io_open_dir(vault_fd, "partial"), list_id, &list);
	if (result != 0) {
		free(list.ids);
		return result;
	}
	*out = list.ids;
	*count = list.count;
	return 0;
}

/* Opening */

struct search {
	const char *name;
	uint64_t epoch;
	size_t found;
};

static int search_epoch(int dir_fd, const char *directory, void *context)
{
	struct search *search = context;
	char path[128];
	uint64_t epoch;
	if (!parse_epoch(&epoch, directory))
		return 0;
	bundle_path(path, epoch, search->name);
	if (faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	search->epoch = epoch;
	search->found++;
	return 0;
}

static int open_in_epoch(int vault_fd, uint64_t epoch, const char *name)
{
	char path[128], whole[160];
	bundle_path(path, epoch, name);
	snprintf(whole, sizeof(whole), "bundles/%s", path);
	int fd = openat(vault_fd, whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int vault_open_bundle(int vault_fd, const char *name)
{
	char plain[BUNDLE_NAME_BYTES], route[NAME_BYTES];
	uint64_t number, epoch = 0;
	const char *at = strchr(name, '@');
	size_t len = at != NULL ? (size_t)(at - name) : strlen(name);
	if (len >= sizeof(plain) || (at != NULL && !parse_epoch(&epoch, at + 1)))
		return -ENOENT;
	memcpy(plain, name, len);
	plain[len] = 0;
	/* a name that is none, with a slash in it for instance, never becomes a path */
	if (bundle_name_parse(plain, route, &number) != VERDICT_OK)
		return -ENOENT;
	if (at != NULL)
		return open_in_epoch(vault_fd, epoch, plain);
	struct search search = {.name = plain};
	int result = io_each_name(io_open_dir(vault_fd, "bundles"), search_epoch, &search);
	if (result != 0)
		return result;
	if (search.found != 1)
		return search.found == 0 ? -ENOENT : -EEXIST;
	return open_in_epoch(vault_fd, search.epoch, plain);
}

/* Catalogue */

int vault_catalogue_store(int vault_fd, const uint8_t *bytes, size_t len)
{
	return io_write_file(vault_fd, "catalogue", bytes, len, FILE_MODE);
}

int vault_catalogue_read(int vault_fd, uint8_t **out, size_t *len)
{
	return io_read_file(vault_fd, "catalogue", CATALOGUE_BYTES_MAX, out, len);
}

int vault_heard_store(int vault_fd, const uint8_t *bytes, size_t len)
{
	return io_write_file(vault_fd, "heard", bytes, len, FILE_MODE);
}

int vault_expected_store(int vault_fd, const uint8_t *bytes, size_t len)
{
	return io_write_file(vault_fd, EXPECTING_FILE, bytes, len, FILE_MODE);
}

int vault_heard_read(int vault_fd, uint8_t **out, size_t *len)
{
	return io_read_file(vault_fd, "heard", HEARD_BYTES_MAX, out, len);
}

/* What the pages of the file say together. */
struct loading {
	struct vault_catalogue catalogue;
	struct page page;     /* read last */
	uint32_t count;
	uint64_t made;        /* the generations in which they were made, added up */
	uint32_t pages;       /* as the newest of them says, */
	uint64_t age;
};

static int add_page(struct loading *l)
{
	struct vault_catalogue *catalogue = &l->catalogue;
	const struct page *page = &l->page;
	if (l->count > 0 && page->epoch != catalogue->epoch)
		return VERDICT_BAD_ORDER;
	if (l->count == 0 || page->generation > catalogue->generation) {
		catalogue->generation = page->generation;
		l->pages = page->pages;
		l->age = page->age;
	}
	catalogue->epoch = page->epoch;
	l->count++;
	l->made += page->generation;
	if (page->count == 0)
		return 0;
	struct entry *entries = reallocarray(catalogue->entries, catalogue->count + page->count, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	memcpy(entries + catalogue->count, page->entries, page->count * sizeof(*entries));
	catalogue->entries = entries;
	catalogue->count += page->count;
	return 0;
}

/* Pages in their order, and of one generation, the newest of them, all (LINK.md 2). */
static int load_pages(struct loading *l, struct reader *r)
{
	while (reader_left(r) > 0) {
		uint16_t len = read_u16(r);
		const uint8_t *message = read_view(r, len);
		int result = message == NULL ? VERDICT_TRUNCATED : page_decode(&l->page, message, len);
		if (result == 0)
			result = l->page.page == l->count ? add_page(l) : VERDICT_BAD_ORDER;
		if (result != 0)
			return result;
	}
	return l->count == l->pages && l->pages * l->catalogue.generation - l->made == l->age ? 0 : VERDICT_BAD_ORDER;
}

int vault_catalogue_load(int vault_fd, struct vault_catalogue *out)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = vault_catalogue_read(vault_fd, &bytes, &len);
	/* no file is one without pages */
	if (result != 0 && result != -ENOENT)
		return result;
	struct loading *loading = calloc(1, sizeof(*loading));
	struct reader r = reader_of(bytes, len);
	result = loading == NULL ? -ENOMEM : load_pages(loading, &r);
	struct vault_catalogue loaded = loading != NULL ? loading->catalogue : (struct vault_catalogue){0};
	free(loading);
	free(bytes);
	if (result == 0)
		*out = loaded;
	else
		free(loaded.entries);
	return result;
}
