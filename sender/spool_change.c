#include "spool_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/geometry.h"
#include "common/io.h"
#include "common/verdict.h"

enum {
	SYNC_STEP_BYTES = 16 * 1024 * 1024, /* written back at a time */
	SYNC_BEHIND_BYTES = 4 * SYNC_STEP_BYTES,
};

struct incoming {
	struct spool *spool;
	int fd;
	uint64_t len;    /* of the body so far */
	uint64_t synced; /* of the file: writing back was begun up to here */
	char name[SPOOL_NAME_BYTES];
};

static int or_full(int result)
{
	return result == -ENOSPC || result == -EDQUOT ? VERDICT_SPOOL_FULL : result;
}

int spool_begin(struct spool *spool, struct incoming **out)
{
	int result = spool_check_room(spool);
	if (result != 0)
		return result;
	if (spool->count + spool->intakes >= SPOOL_BUNDLES_MAX)
		return VERDICT_SPOOL_FULL;
	struct incoming *incoming = calloc(1, sizeof(*incoming));
	if (incoming == NULL)
		return -ENOMEM;
	incoming->spool = spool;
	snprintf(incoming->name, sizeof(incoming->name), "%" PRIu64, spool->next_incoming++);
	incoming->fd = openat(spool->folders[INCOMING], incoming->name,
			      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, SPOOL_FILE_MODE);
	if (incoming->fd < 0) {
		result = or_full(-errno);
		free(incoming);
		return result;
	}
	spool->intakes++;
	*out = incoming;
	return 0;
}

/*
 * Begins to write back what is new, and waits for what is far behind, so that the final fsync finds
 * little to do and dirty pages stay bounded.
 */
static int write_back(struct incoming *incoming)
{
	uint64_t end = SEGMENT_BYTES + incoming->len;
	while (end - incoming->synced >= SYNC_STEP_BYTES) {
		if (sync_file_range(incoming->fd, (off_t)incoming->synced, SYNC_STEP_BYTES,
				    SYNC_FILE_RANGE_WRITE) < 0)
			return -errno;
		if (incoming->synced >= SYNC_BEHIND_BYTES &&
		    sync_file_range(incoming->fd, (off_t)(incoming->synced - SYNC_BEHIND_BYTES),
				    SYNC_STEP_BYTES,
				    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					    SYNC_FILE_RANGE_WAIT_AFTER) < 0)
			return -errno;
		incoming->synced += SYNC_STEP_BYTES;
		int result = spool_check_room(incoming->spool);
		if (result != 0)
			return result;
	}
	return 0;
}

int spool_add(struct incoming *incoming, const void *data, size_t len)
{
	if (incoming->len + len > (uint64_t)BUNDLE_SEGMENTS_MAX * SEGMENT_BYTES)
		return VERDICT_BAD_LIMIT;
	int result = io_pwrite(incoming->fd, data, len, SEGMENT_BYTES + incoming->len);
	if (result != 0)
		return or_full(result);
	incoming->len += len;
	return or_full(write_back(incoming));
}

int spool_read_incoming(const struct incoming *incoming, uint8_t out[static SEGMENT_BYTES])
{
	if (incoming->len < SEGMENT_BYTES)
		return VERDICT_BAD_LENGTH;
	return io_pread_exact(incoming->fd, out, SEGMENT_BYTES, SEGMENT_BYTES);
}

static int rename_new(const struct spool *spool, enum folder from, const char *old, enum folder to,
		      const char *name, bool *has_moved)
{
	*has_moved = false;
	if (renameat2(spool->folders[from], old, spool->folders[to], name, RENAME_NOREPLACE) < 0)
		return -errno;
	*has_moved = true;
	int result = io_fsync(spool->folders[to]);
	return result != 0 ? result : io_fsync(spool->folders[from]);
}

/* The first error is final, also that of close. */
static int sync_and_close(struct incoming *incoming)
{
	int result = io_fsync(incoming->fd);
	int closed = io_close(incoming->fd);
	incoming->fd = -1;
	return result != 0 ? result : closed;
}

/* What is refused must not be found in held/ after a restart and sent. */
static bool remove_held(const struct spool *spool, const char *name)
{
	return unlinkat(spool->folders[HELD], name, 0) == 0 || errno == ENOENT;
}

/* The dossier goes first: without it a bundle in held/ could not be judged. */
static int make_durable(struct incoming *incoming, const struct statement *statement,
			const struct dossier *dossier)
{
	uint8_t segment[SEGMENT_BYTES];
	char name[SPOOL_NAME_BYTES];
	struct stat there;
	spool_held_name(name, statement);
	/* what could not be loaded keeps its dossier */
	if (fstatat(incoming->spool->folders[HELD], name, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	unreleased_segment_encode(segment, statement, &dossier->endorsements);
	int result = io_pwrite(incoming->fd, segment, sizeof(segment), 0);
	if (result == 0)
		result = sync_and_close(incoming);
	if (result == 0)
		result = dossier_save(incoming->spool->folders[DOSSIER], dossier);
	if (result != 0)
		return or_full(result);
	bool has_moved;
	result = rename_new(incoming->spool, INCOMING, incoming->name, HELD, name, &has_moved);
	if (result != 0 && has_moved && !remove_held(incoming->spool, name))
		return -EINPROGRESS;
	if (result != 0 && result != -EEXIST)
		(void)dossier_remove(incoming->spool->folders[DOSSIER], dossier->push_id);
	return or_full(result);
}

static void end_incoming(struct incoming *incoming)
{
	io_close(incoming->fd);
	incoming->spool->intakes--;
	free(incoming);
}

static void add_first(struct spool *spool, struct spool_item *item)
{
	memmove(spool->items + 1, spool->items, spool->count * sizeof(*spool->items));
	spool->items[0] = item;
	spool->count++;
}

int spool_hold(struct incoming *incoming, const struct statement *statement,
	       const struct dossier *dossier, struct spool_item **out)
{
	struct spool *spool = incoming->spool;
	if (incoming->len != statement->segments * SEGMENT_BYTES)
		return VERDICT_BAD_LENGTH;
	/* the newest of a route has its number, and must never get it for other content */
	if (sequences_has_newest(&spool->sequences, statement->push_id) ||
	    spool_find_push(spool, statement->push_id) != NULL)
		return -EEXIST;
	int result = spool_reserve(spool);
	if (result != 0)
		return result;
	struct spool_item *item = calloc(1, sizeof(*item));
	if (item == NULL)
		return -ENOMEM;
	*item = (struct spool_item){
		.state = SPOOL_HELD,
		.object_len = bundle_object_len(statement),
		.release.statement = *statement,
	};
	item->tally = dossier->tally;
	spool_note(item, &dossier->endorsements);
	result = make_durable(incoming, statement, dossier);
	item->is_taken_back = result == -EINPROGRESS;
	if (result == 0 || item->is_taken_back)
		add_first(spool, item);
	else
		free(item);
	if (result != 0)
		return result;
	end_incoming(incoming);
	*out = item;
	return 0;
}

void spool_abandon(struct incoming *incoming)
{
	if (incoming == NULL)
		return;
	/* whatever cannot be removed now is removed at the next start */
	(void)unlinkat(incoming->spool->folders[INCOMING], incoming->name, 0);
	end_incoming(incoming);
}

bool spool_has_number(const struct spool *spool, const struct spool_item *item)
{
	return item->state == SPOOL_HELD &&
	       sequences_has_newest(&spool->sequences, item->release.statement.push_id);
}

struct spool_item *spool_numbered(struct spool *spool, const char *route)
{
	for (size_t i = 0; i < spool->count; i++) {
		struct spool_item *item = spool->items[i];
		if (strcmp(item->release.statement.route, route) == 0 && spool_has_number(spool, item))
			return item;
	}
	return NULL;
}

/* Out of ready/, where an attempt left it that failed behind the rename. */
static int move_back(const struct spool *spool, struct spool_item *item)
{
	char held[SPOOL_NAME_BYTES];
	spool_held_name(held, &item->release.statement);
	if (renameat2(spool->folders[READY], item->name, spool->folders[HELD], held, RENAME_NOREPLACE) < 0 &&
	    errno != ENOENT)
		return -errno;
	item->is_misplaced = false;
	item->name[0] = 0;
	return 0;
}

static int write_release(const struct spool *spool, const char *name, const struct release *release,
			 const struct spool_terms *terms)
{
	uint8_t segment[SEGMENT_BYTES];
	int result = release_segment_encode(segment, release, terms->endorsements, terms->box->secret);
	if (result != 0)
		return result;
	int fd = openat(spool->folders[HELD], name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	result = io_pwrite(fd, segment, sizeof(segment), 0);
	if (result == 0)
		result = io_fsync(fd);
	int closed = io_close(fd);
	return result != 0 ? result : closed;
}

int spool_release(struct spool *spool, struct spool_item *item, const struct spool_terms *terms)
{
	assert(item->state == SPOOL_HELD);
	struct release release = item->release;
	const struct statement *statement = &release.statement;
	struct geometry geometry = geometry_choose(item->object_len, terms->repair_permille);
	release.route_id = terms->route_id;
	release.epoch = spool_epoch(spool);
	release.released_at = terms->released_at > statement->created ? terms->released_at
								      : statement->created;
	release.row_len = geometry.row_len;
	release.source_rows = geometry.source_rows;
	release.repair_rows = geometry.repair_rows;
	memcpy(release.box, terms->box->card.name, NAME_BYTES);
	memcpy(release.box_key, terms->box->card.id, KEY_ID_BYTES);

	int result = item->is_misplaced ? move_back(spool, item) : 0;
	if (result == 0)
		result = geometry_check(&geometry);
	if (result == 0)
		result = spool_take_number(spool, item, terms->route_id, &release.number);
	char held[SPOOL_NAME_BYTES], name[BUNDLE_NAME_BYTES];
	spool_held_name(held, statement);
	if (result == 0)
		result = or_full(write_release(spool, held, &release, terms));
	if (result != 0)
		return result;
	bundle_name(name, statement->route, release.number);
	result = rename_new(spool, HELD, held, READY, name, &item->is_misplaced);
	if (result != 0 && item->is_misplaced) {
		/* moved, but perhaps not for good: then it must not be sent, and is tried again */
		memcpy(item->name, name, sizeof(name));
		(void)move_back(spool, item);
	}
	if (result != 0)
		return result;
	item->is_misplaced = false;
	item->release = release;
	item->state = SPOOL_READY;
	spool_note(item, terms->endorsements);
	memcpy(item->name, name, sizeof(name));
	spool_sort(spool);
	return 0;
}

int spool_set_sent(struct spool *spool, struct spool_item *item)
{
	assert(item->state == SPOOL_READY);
	int fds[] = {spool->folders[READY], spool->folders[SENT]};
	if (renameat2(fds[0], item->name, fds[1], item->name, RENAME_NOREPLACE) < 0)
		return -errno;
	item->state = SPOOL_SENT;
	/* what a crash moves back is sent once more, and does no harm */
	int result = io_fsync(fds[1]);
	return result != 0 ? result : io_fsync(fds[0]);
}

int spool_remove(struct spool *spool, struct spool_item *item)
{
	assert(item->state != SPOOL_READY);
	enum folder folder = item->state == SPOOL_SENT ? SENT : HELD;
	uint8_t push_id[PUSH_ID_BYTES];
	char held[SPOOL_NAME_BYTES];
	memcpy(push_id, item->release.statement.push_id, PUSH_ID_BYTES);
	spool_held_name(held, &item->release.statement);
	int moved = item->is_misplaced ? move_back(spool, item) : 0;
	if (moved != 0)
		return moved;
	/* before it is gone: afterwards nobody could tell that it was never released with it */
	int returned = folder == HELD ? sequences_give_back(&spool->sequences, push_id) : 0;
	if (returned != 0)
		return returned;
	/* one that somebody else has removed is gone as well */
	if (unlinkat(spool->folders[folder], folder == SENT ? item->name : held, 0) < 0 &&
	    errno != ENOENT)
		return -errno;
	if (spool->forget != NULL)
		spool->forget(spool->forget_context, item);
	size_t at = 0;
	while (spool->items[at] != item)
		at++;
	memmove(spool->items + at, spool->items + at + 1,
		(spool->count - at - 1) * sizeof(*spool->items));
	spool->count--;
	free(item);
	int result = io_fsync(spool->folders[folder]);
	int removed = dossier_remove(spool->folders[DOSSIER], push_id);
	return result != 0 ? result : removed;
}

void spool_watch(struct spool *spool, spool_forget *forget, void *context)
{
	spool->forget = forget;
	spool->forget_context = context;
}

int spool_dossier(const struct spool *spool, const struct spool_item *item, struct dossier *out)
{
	return dossier_load(out, spool->folders[DOSSIER], item->release.statement.push_id);
}

int spool_set_dossier(struct spool *spool, struct spool_item *item, const struct dossier *dossier)
{
	int result = dossier_save(spool->folders[DOSSIER], dossier);
	if (result == 0)
		spool_note(item, &dossier->endorsements);
	return or_full(result);
}

int spool_open_held(const struct spool *spool, const struct spool_item *item)
{
	char held[SPOOL_NAME_BYTES];
	spool_held_name(held, &item->release.statement);
	int fd = openat(spool->folders[item->is_misplaced ? READY : HELD], item->is_misplaced ? item->name : held,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int spool_read_head(const struct spool *spool, const struct spool_item *item, uint8_t out[static SEGMENT_BYTES])
{
	int fd = spool_open_held(spool, item);
	if (fd < 0)
		return fd;
	int result = io_pread_exact(fd, out, SEGMENT_BYTES, SEGMENT_BYTES);
	io_close(fd);
	return result;
}
