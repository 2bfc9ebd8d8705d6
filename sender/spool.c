#include "spool_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/geometry.h"
#include "common/diskfill.h"
#include "common/edition.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

enum {
	DIR_MODE = 0750,
	STATEMENT_AT = 96,     /* BUNDLE.md 3: the same place in both forms */
};

static const char *const folder_names[FOLDER_END] = {"incoming", "held", "ready", "sent",
						     "sequence", "dossier"};

int spool_check_room(const struct spool *spool)
{
	int percent = diskfill_percent(spool->dir_fd);
	if (percent < 0)
		return percent;
	uint32_t limit = spool->disk_full_percent;
	return limit > 0 && limit < 100 && percent >= (int)limit ? VERDICT_SPOOL_FULL : 0;
}

/* Newest release first; the rest of the order only has to be the same after a restart. */
static int compare_items(const void *a, const void *b)
{
	const struct spool_item *x = *(struct spool_item *const *)a;
	const struct spool_item *y = *(struct spool_item *const *)b;
	if ((x->state == SPOOL_HELD) != (y->state == SPOOL_HELD))
		return x->state == SPOOL_HELD ? -1 : 1;
	if (x->release.released_at != y->release.released_at)
		return x->release.released_at > y->release.released_at ? -1 : 1;
	if (x->release.number != y->release.number)
		return x->release.number > y->release.number ? -1 : 1;
	return (int)x->release.route_id - (int)y->release.route_id;
}

void spool_sort(struct spool *spool)
{
	if (spool->count > 0)
		qsort(spool->items, spool->count, sizeof(struct spool_item *), compare_items);
}

int spool_reserve(struct spool *spool)
{
	if (spool->count < spool->size)
		return 0;
	size_t size = spool->size == 0 ? 64 : spool->size * 2;
	struct spool_item **items = realloc(spool->items, size * sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	spool->items = items;
	spool->size = size;
	return 0;
}

struct spool_item *spool_find_push(struct spool *spool, const uint8_t push_id[static PUSH_ID_BYTES])
{
	for (size_t i = 0; i < spool->count; i++)
		if (memcmp(spool->items[i]->release.statement.push_id, push_id, PUSH_ID_BYTES) == 0)
			return spool->items[i];
	return NULL;
}

/* From the first segment; in held/ it may be that of a release which was being written. */
static int parse_segment(struct spool_item *item, enum folder folder, const uint8_t *segment)
{
	if (folder != HELD)
		return release_segment_decode(&item->release, NULL, segment);
	struct release *release = &item->release;
	*release = (struct release){0};
	return statement_decode(&release->statement, segment + STATEMENT_AT);
}

void spool_note(struct spool_item *item, const struct endorsements *endorsements)
{
	struct endorsement e;
	struct order order;
	size_t at = 0;
	item->approvals = (uint8_t)endorsements_approvals(endorsements);
	memset(item->push_order, 0, sizeof(item->push_order));
	memset(item->release_order, 0, sizeof(item->release_order));
	while (endorsements_next(endorsements, &at, &e)) {
		if (e.order == NULL || order_decode(&order, e.order, e.order_len) != 0)
			continue;
		memcpy(e.type == ENDORSEMENT_PUSH_ORDER ? item->push_order : item->release_order,
		       order.id, ORDER_ID_BYTES);
	}
}

/*
 * Every item has one; without, it cannot be judged, and is left where it is.  Who stands for a released one
 * is said in its release: its dossier may hold more.
 */
static int read_dossier(const struct spool *spool, struct spool_item *item, const uint8_t *segment)
{
	struct dossier *dossier = calloc(1, sizeof(*dossier));
	if (dossier == NULL)
		return -ENOMEM;
	int result = spool_dossier(spool, item, dossier);
	item->tally = dossier->tally;
	if (result == 0 && item->state != SPOOL_HELD)
		result = release_segment_decode(&item->release, &dossier->endorsements, segment);
	if (result == 0)
		spool_note(item, &dossier->endorsements);
	free(dossier);
	return result;
}

void spool_held_name(char out[static SPOOL_NAME_BYTES], const struct statement *statement)
{
	text_hex(out, SPOOL_NAME_BYTES, statement->push_id, PUSH_ID_BYTES);
}

/* Whether the file is what its place and name say. */
static int check_item(const struct spool *spool, struct spool_item *item, const char *name,
		      const struct stat *st)
{
	const struct release *release = &item->release;
	char wanted[SPOOL_NAME_BYTES];
	item->object_len = bundle_object_len(&release->statement);
	if (!S_ISREG(st->st_mode))
		return VERDICT_NOT_REGULAR;
	if ((uint64_t)st->st_size != item->object_len)
		return VERDICT_BAD_LENGTH;
	if (item->state == SPOOL_HELD) {
		spool_held_name(wanted, &release->statement);
		return strcmp(wanted, name) == 0 ? 0 : VERDICT_BAD_NAME;
	}
	bundle_name(item->name, release->statement.route, release->number);
	if (strcmp(item->name, name) != 0 || !epochs_have(&spool->epochs, release->epoch))
		return VERDICT_BAD_NAME;
	struct geometry geometry = {item->object_len, release->row_len, release->source_rows,
				    release->repair_rows};
	return geometry_check(&geometry);
}

static int load_item(struct spool *spool, enum folder folder, const char *name)
{
	static const enum spool_state states[] = {
		[HELD] = SPOOL_HELD, [READY] = SPOOL_READY, [SENT] = SPOOL_SENT};
	uint8_t segment[SEGMENT_BYTES];
	struct stat st = {0};
	int result = spool_reserve(spool);
	if (result != 0)
		return result;
	struct spool_item *item = calloc(1, sizeof(*item));
	if (item == NULL)
		return -ENOMEM;
	item->state = states[folder];
	int fd = openat(spool->folders[folder], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	result = fd < 0 || fstat(fd, &st) < 0 ? -errno
					      : io_pread_exact(fd, segment, sizeof(segment), 0);
	if (result == 0)
		result = parse_segment(item, folder, segment);
	if (result == 0)
		result = check_item(spool, item, name, &st);
	if (result == 0 && spool_find_push(spool, item->release.statement.push_id) != NULL)
		result = -EEXIST;
	if (result == 0)
		result = read_dossier(spool, item, segment);
	io_close(fd);
	if (result != 0) {
		free(item);
		return result;
	}
	spool->items[spool->count++] = item;
	return 0;
}

static int remove_incoming(struct spool *spool, const char *name)
{
	return unlinkat(spool->folders[INCOMING], name, 0) < 0 ? -errno : 0;
}

/* A crash between dossier and bundle leaves the dossier alone, one before it a file that was being written. */
static int remove_orphan(struct spool *spool, const char *name)
{
	uint8_t push_id[PUSH_ID_BYTES];
	if (name[0] != '.') {
		if (text_unhex(push_id, sizeof(push_id), name) != 0)
			return VERDICT_BAD_NAME;
		/* of a bundle that could not be loaded it may be; somebody will mend that */
		if (spool->has_unloaded || spool_find_push(spool, push_id) != NULL)
			return 0;
	}
	return unlinkat(spool->folders[DOSSIER], name, 0) < 0 ? -errno : 0;
}

/* Hidden files are nobody's, but in dossier/, where a temporary name of io_write_file may be left. */
static bool is_passed_over(enum folder folder, const char *name)
{
	return name[0] == '.' && folder != DOSSIER;
}

static int take_name(struct spool *spool, enum folder folder, const char *name)
{
	if (folder == INCOMING)
		return remove_incoming(spool, name);
	return folder == DOSSIER ? remove_orphan(spool, name) : load_item(spool, folder, name);
}

/* What is to be done for a name; a file that fails is told of and stays. */
static int visit_name(int dir_fd, const char *file, void *context)
{
	struct spool *spool = context;
	enum folder folder = spool->walking;
	(void)dir_fd;
	if (is_passed_over(folder, file))
		return 0;
	int result = take_name(spool, folder, file);
	spool->has_unloaded |= result != 0 && folder != INCOMING && folder != DOSSIER;
	if (result != 0 && spool->tell != NULL) {
		char name[SPOOL_NAME_BYTES + NAME_MAX];
		snprintf(name, sizeof(name), "%s/%s", folder_names[folder], file);
		spool->tell(spool->context, name, result);
	}
	return 0;
}

/* What can be had sooner; whoever reads the file is told of what is wrong with it. */
static int foresee_name(int dir_fd, const char *file, void *context)
{
	(void)context;
	int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0)
		(void)posix_fadvise(fd, 0, SEGMENT_BYTES, POSIX_FADV_WILLNEED);
	io_close(fd);
	return 0;
}

/*
 * Ten thousand reads one after another take a disk many seconds; asked for all at once, it orders them as it
 * likes.  SPOOL_BUNDLES_MAX first segments and dossiers are less than 320 MiB, which the kernel may forget again.
 */
static int foresee_folder(const struct spool *spool, enum folder folder)
{
	return io_each_name(io_open_dir(spool->dir_fd, folder_names[folder]), foresee_name, NULL);
}

static int walk_folder(struct spool *spool, enum folder folder)
{
	spool->walking = folder;
	return io_each_name(io_open_dir(spool->dir_fd, folder_names[folder]), visit_name, spool);
}

/* The counters are made before the epoch, so an epoch without counters has lost them. */
static int load_life(struct spool *spool)
{
	int result = epochs_load(&spool->epochs, spool->dir_fd);
	bool is_first = result == -ENOENT;
	if (result != 0 && !is_first)
		return result;
	result = counters_open(&spool->counters, spool->dir_fd, is_first);
	if (result != 0)
		return result == -ENOENT ? VERDICT_DAMAGED : result;
	if (is_first)
		result = epochs_begin(&spool->epochs, spool->dir_fd, 0, NULL, 0);
	return result != 0 ? result
			   : sequences_load(&spool->sequences, spool->folders[SEQUENCE], &spool->epochs);
}

static int open_folders(struct spool *spool)
{
	spool->lock_fd = openat(spool->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				SPOOL_FILE_MODE);
	if (spool->lock_fd < 0)
		return -errno;
	if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	int result = edition_keep(spool->lock_fd, EDITION_SPOOL);
	if (result != 0)
		return result;
	for (size_t i = 0; i < FOLDER_END; i++) {
		result = io_make_dir(spool->dir_fd, folder_names[i], DIR_MODE);
		if (result != 0)
			return result;
		spool->folders[i] = io_open_dir(spool->dir_fd, folder_names[i]);
		if (spool->folders[i] < 0)
			return spool->folders[i];
	}
	return io_fsync(spool->dir_fd);
}

int spool_open(struct spool **out, const struct spool_options *options)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	if (spool == NULL)
		return -ENOMEM;
	spool->lock_fd = -1;
	for (size_t i = 0; i < FOLDER_END; i++)
		spool->folders[i] = -1;
	spool->disk_full_percent = options->disk_full_percent;
	spool->tell = options->tell;
	spool->context = options->context;
	spool->dir_fd = io_open_dir(AT_FDCWD, options->path);
	int result = spool->dir_fd < 0 ? spool->dir_fd : open_folders(spool);
	if (result == 0)
		result = load_life(spool);
	for (enum folder i = HELD; result == 0 && i < FOLDER_END; i++)
		result = foresee_folder(spool, i);
	for (enum folder i = INCOMING; result == 0 && i <= SENT; i++)
		result = walk_folder(spool, i);
	if (result == 0)
		result = walk_folder(spool, DOSSIER);
	/* what is found in ready/ may be sent: it must not be in held/ again after a power cut */
	if (result == 0)
		result = io_fsync(spool->folders[READY]);
	if (result == 0)
		result = io_fsync(spool->folders[HELD]);
	if (result != 0) {
		spool_close(spool);
		return result;
	}
	spool_sort(spool);
	*out = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	for (size_t i = 0; i < spool->count; i++)
		free(spool->items[i]);
	free(spool->items);
	for (size_t i = 0; i < FOLDER_END; i++)
		io_close(spool->folders[i]);
	io_close(spool->lock_fd);
	io_close(spool->dir_fd);
	sequences_free(&spool->sequences);
	epochs_free(&spool->epochs);
	free(spool);
}

uint64_t spool_epoch(const struct spool *spool)
{
	return spool->epochs.epoch[0];
}

uint64_t spool_offered_since(const struct spool *spool, const struct spool_item *item)
{
	uint64_t released = item->release.released_at, begun = spool->epochs.begun;
	return item->release.epoch != spool->epochs.epoch[0] && begun > released ? begun : released;
}

uint64_t spool_epoch_before(const struct spool *spool)
{
	return epochs_before(&spool->epochs);
}

int spool_count_up(struct spool *spool, enum counter which, uint64_t *out)
{
	return counters_next(&spool->counters, which, out);
}

uint64_t spool_counted(const struct spool *spool, enum counter which)
{
	return spool->counters.used[which];
}

bool spool_knows_epoch(const struct spool *spool, uint64_t epoch)
{
	return epochs_have(&spool->epochs, epoch);
}

int spool_dir(const struct spool *spool)
{
	return spool->dir_fd;
}

size_t spool_count(const struct spool *spool)
{
	return spool->count;
}

struct spool_item *spool_at(struct spool *spool, size_t index)
{
	assert(index < spool->count);
	return spool->items[index];
}

struct spool_item *const *spool_items(const struct spool *spool)
{
	return spool->items;
}

struct spool_item *spool_find(struct spool *spool, const char *push_id_or_name)
{
	uint8_t push_id[PUSH_ID_BYTES];
	if (text_unhex(push_id, sizeof(push_id), push_id_or_name) == 0)
		return spool_find_push(spool, push_id);
	for (size_t i = 0; i < spool->count; i++)
		if (spool->items[i]->state != SPOOL_HELD &&
		    strcmp(spool->items[i]->name, push_id_or_name) == 0)
			return spool->items[i];
	return NULL;
}
