#include "ledger.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "ledgerparts.h"
#include "verdict.h"

/* ---- the batch ---- */

static void take_line(struct ledger *ledger, size_t len)
{
	ledger_line_hash(ledger->next.hash, ledger->batch + ledger->batch_len, len - 1);
	ledger->next.n++;
	ledger->batch_len += len;
}

static void follow_pair(struct ledger *ledger, const char *event, const char *line, size_t len)
{
	bool begins = ledger->begun != NULL && strcmp(event, ledger->begun) == 0;
	if (!begins && (ledger->begun == NULL || strcmp(event, ledger->done) != 0))
		return;
	ledger->next_undone.len = begins ? len : 0;
	if (begins)
		memcpy(ledger->next_undone.text, line, len);
	ledger->pair_has_changed = true;
}

static void copy_undone(struct ledger_undone *to, const struct ledger_undone *from)
{
	memcpy(to->text, from->text, from->len);
	to->len = from->len;
}

static int put_json(struct ledger *ledger, const struct json *json, uint64_t now)
{
	char *rest = NULL;
	size_t rest_len = 0, len = 0;
	int result = json_dump(json, &rest, &rest_len);
	if (result == 0)
		result = ledger_line_compose(ledger->batch + ledger->batch_len, &len, &ledger->next,
					     now, rest, rest_len);
	free(rest);
	if (result != 0)
		return result;
	follow_pair(ledger, json_get_text(json_view_of(json), "event", ""), ledger->batch + ledger->batch_len, len - 1);
	take_line(ledger, len);
	if (ledger->next_behind.count++ == 0)
		ledger->next_behind.since = now;
	return 0;
}

int ledger_put(struct ledger *ledger, struct ledger_entry *entry, uint64_t now)
{
	assert(ledger->batch_len + LEDGER_LINE_MAX <= LEDGER_BATCH_BYTES);
	int result = entry == NULL ? -ENOMEM : put_json(ledger, entry->json, now);
	if (result == 0 && entry->is_urgent)
		ledger->is_urgent = true;
	ledger_entry_free(entry);
	return result;
}

int ledger_put_checkpoint(struct ledger *ledger, uint64_t now)
{
	size_t len;
	assert(ledger->batch_len + LEDGER_LINE_MAX <= LEDGER_BATCH_BYTES);
	int result = ledger_checkpoint_compose(ledger->batch + ledger->batch_len, &len,
					       &ledger->next, now, ledger->box);
	if (result != 0)
		return result;
	take_line(ledger, len);
	ledger->next_behind = (struct ledger_unsigned){0};
	return 0;
}

void ledger_drop(struct ledger *ledger)
{
	ledger->batch_len = 0;
	ledger->next = ledger->head;
	ledger->next_behind = ledger->behind;
	if (ledger->pair_has_changed)
		copy_undone(&ledger->next_undone, &ledger->undone);
	ledger->pair_has_changed = false;
	ledger->is_urgent = false;
}

/* ---- the disk ---- */

int ledger_allocate(int fd, uint64_t at, uint64_t len)
{
	while (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)len) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int ledger_make_room(struct ledger *ledger)
{
	uint64_t end = ledger->size + ledger->batch_len;
	if (ledger->room_end >= end + LEDGER_RESERVE_BYTES)
		return 0;
	/* On a disk that is nearly full, as much as there is. */
	for (uint64_t spare = 2 * (uint64_t)LEDGER_RESERVE_BYTES;
	     spare >= LEDGER_LAST_BYTES && ledger->room_end < end + spare; spare /= 2) {
		int result = ledger_allocate(ledger->fd, ledger->size, end + spare - ledger->size);
		if (result == 0)
			ledger->room_end = end + spare;
		else if (result != -ENOSPC && result != -EDQUOT)
			return result;
	}
	ledger->is_low = ledger->room_end < end + LEDGER_RESERVE_BYTES;
	return 0;
}

static int check_room(struct ledger *ledger)
{
	int result = ledger_make_room(ledger);
	if (result != 0)
		return result;
	/* The last of the reserve waits for what must be told; that is tried even where there is none left. */
	bool fits = ledger->size + ledger->batch_len + LEDGER_LAST_BYTES <= ledger->room_end;
	return ledger->is_low && !ledger->is_urgent && !fits ? -ENOSPC : 0;
}

static int write_batch(struct ledger *ledger)
{
	int result = io_write(ledger->fd, ledger->batch, ledger->batch_len);
	if (result != 0) {
		/* Cutting also gives back the blocks behind. */
		ledger->room_end = ledger->size;
		if (ftruncate(ledger->fd, (off_t)ledger->size) < 0)
			ledger->failure = -errno;
		return ledger->failure != 0 ? ledger->failure : result;
	}
	if (fdatasync(ledger->fd) < 0)
		ledger->failure = -errno;
	return ledger->failure;
}

int ledger_flush(struct ledger *ledger)
{
	if (ledger->batch_len == 0)
		return 0;
	int result = check_room(ledger);
	if (result == 0)
		result = write_batch(ledger);
	if (result == 0) {
		ledger->size += ledger->batch_len;
		ledger->head = ledger->next;
		ledger->behind = ledger->next_behind;
		if (ledger->pair_has_changed)
			copy_undone(&ledger->undone, &ledger->next_undone);
	}
	ledger_drop(ledger);
	return result;
}

/* ---- for the caller ---- */

static bool checkpoint_is_due(const struct ledger *ledger, uint64_t now)
{
	const struct ledger_unsigned *behind = &ledger->next_behind;
	/* a clock that was set back makes it due, too */
	return behind->count > 0 && (now < behind->since || now - behind->since >= LEDGER_CHECKPOINT_S);
}

static int add(struct ledger *ledger, struct ledger_entry *entry, uint64_t now)
{
	bool rolls = ledger_roll_is_due(ledger, now);
	int result = 0;
	/* room for the entry, and a checkpoint behind it */
	if (rolls || ledger->batch_len + LEDGER_LINE_MAX + LEDGER_LINE_MAX > LEDGER_BATCH_BYTES)
		result = ledger_flush(ledger);
	if (result == 0 && rolls)
		result = ledger_roll(ledger, now);
	if (result != 0) {
		ledger_entry_free(entry);
		return result;
	}
	result = ledger_put(ledger, entry, now);
	if (result == 0 && ledger->next_behind.count >= LEDGER_CHECKPOINT_ENTRIES)
		result = ledger_put_checkpoint(ledger, now);
	return result;
}

int ledger_add(struct ledger *ledger, struct ledger_entry *entry, uint64_t now)
{
	int result = ledger->failure != 0 ? ledger->failure : ledger->stuck;
	if (result != 0) {
		ledger_entry_free(entry);
		return result;
	}
	result = add(ledger, entry, now);
	if (result != 0) {
		ledger_drop(ledger);
		ledger->stuck = result;
	}
	return result;
}

int ledger_commit(struct ledger *ledger, uint64_t now)
{
	int result = ledger->failure != 0 ? ledger->failure : ledger->stuck;
	ledger->stuck = 0;
	if (result != 0)
		return result;
	if (ledger->next_behind.count > 0 &&
	    (ledger->wants_checkpoint || checkpoint_is_due(ledger, now)))
		result = ledger_put_checkpoint(ledger, now);
	if (result != 0) {
		ledger_drop(ledger);
		return result;
	}
	bool writes = ledger->batch_len > 0;
	result = ledger_flush(ledger);
	if (result == 0 && writes)
		ledger->wants_checkpoint = false;
	return result;
}

int ledger_write(struct ledger *ledger, struct ledger_entry *entry, uint64_t now)
{
	ledger_add(ledger, entry, now);
	return ledger_commit(ledger, now);
}

int ledger_tick(struct ledger *ledger, uint64_t now)
{
	if (ledger->failure != 0)
		return ledger->failure;
	int result = ledger->is_low ? ledger_make_room(ledger) : 0;
	if (result != 0 || ledger->stuck != 0 || !checkpoint_is_due(ledger, now))
		return result;
	ledger->is_urgent = true;
	return ledger_commit(ledger, now);
}

void ledger_head(const struct ledger *ledger, struct ledger_head *out)
{
	*out = ledger->head;
}

bool ledger_has_failed(const struct ledger *ledger)
{
	return ledger->failure != 0;
}

bool ledger_is_low(const struct ledger *ledger)
{
	return ledger->is_low;
}

int ledger_close(struct ledger *ledger, uint64_t now)
{
	if (ledger == NULL)
		return 0;
	ledger->wants_checkpoint = true;
	ledger->is_urgent = true;
	int result = ledger_commit(ledger, now);
	int closed = io_close(ledger->fd);
	io_close(ledger->dir);
	free(ledger);
	return result != 0 ? result : closed;
}
