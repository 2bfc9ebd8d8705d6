#include "entering.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "errand.h"
#include "vault.h"

bool entering_owes(const struct reception *r)
{
	for (const struct arrival *a = r->arrivals; a != NULL; a = a->next)
		if (a->owed != OWES_NOTHING)
			return true;
	return false;
}

/* What was delivered is in the annals before the ledger says so. */
static void record(struct reception *r)
{
	struct annal annals[ANNALS_BATCH_MAX];
	struct arrival *recorded[ANNALS_BATCH_MAX];
	size_t count = 0;
	for (struct arrival *a = r->arrivals; a != NULL && count < ANNALS_BATCH_MAX; a = a->next)
		if (errand_annal(a, r->now_s, &annals[count]))
			recorded[count++] = a;
	int result = count == 0 ? 0 : annals_write(r->o.annals, annals, count);
	if (result != r->annals_failure && count > 0) {
		r->annals_failure = result;
		if (result != 0)
			reception_tell(r, LOG_ERR, "E2071", "keep: what was delivered cannot be noted in "
				       "vault/annals: %s; it is tried again every second", verdict_explain(result));
	}
	for (size_t i = 0; result == 0 && i < count; i++)
		recorded[i]->is_recorded = true;
}

void entering_add(struct reception *r)
{
	struct annal annal;
	bool is_low = diary_is_low(r->o.diary);
	record(r);
	for (struct arrival *a = r->arrivals; a != NULL; a = a->next)
		if (a->owed != OWES_NOTHING && !(a->owed == OWES_VERIFIED && is_low) &&
		    !errand_annal(a, r->now_s, &annal))
			errand_enter(r, a);
}

void entering_commit(struct reception *r, int result)
{
	for (struct arrival *a = r->arrivals; a != NULL; a = a->next) {
		if (!a->is_added)
			continue;
		a->is_added = false;
		if (result == 0)
			errand_entered(r, a);
	}
}

bool entering_is_done(const struct reception *r, const struct bundle_id *id, const char *name)
{
	struct annal annal;
	if (!annals_find(r->o.annals, id, &annal))
		return vault_is_delivered(r->o.vault_fd, id->epoch, name) == 1;
	bool is_done = annal_is_done(r->o.vault_fd, &annal);
	if (!is_done && annal.what == ANNAL_DELIVERED)
		reception_tell(r, LOG_ERR, "E2072", "keep: '%s' was delivered, and its file is gone from the "
			       "vault; it is received again as long as it is offered", name);
	return is_done;
}

struct remains {
	bool has_map;    /* goes first when a partial bundle is removed */
	bool has_object; /* moves away when it is delivered */
};

static int look(const struct reception *r, const struct bundle_id *id, struct remains *out)
{
	int dir = partial_open_dir(&r->site, id);
	if (dir < 0)
		return dir;
	out->has_map = faccessat(dir, PARTIAL_MAP, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	out->has_object = faccessat(dir, PARTIAL_OBJECT, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	io_close(dir);
	return 0;
}

static int describe_item(const struct reception *r, const struct vault_item *item, struct acceptance *out)
{
	char name[BUNDLE_NAME_BYTES + 18];
	snprintf(name, sizeof(name), "%s@%016" PRIx64, item->name, item->epoch);
	int fd = vault_open_bundle(r->o.vault_fd, name);
	int result = fd < 0 ? fd : accept_describe(out, fd);
	io_close(fd);
	return result;
}

/* The bundle of this id, whatever its route is called in our registry.  -ENOENT: it is not there any more. */
static int describe(const struct reception *r, const struct bundle_id *id, struct acceptance *out)
{
	struct vault_item *items = NULL;
	size_t count = 0;
	char route[NAME_BYTES];
	uint64_t number;
	int result = vault_list(r->o.vault_fd, &items, &count);
	bool is_found = false;
	for (size_t i = 0; result == 0 && !is_found && i < count; i++)
		is_found = items[i].epoch == id->epoch &&
			   bundle_name_parse(items[i].name, route, &number) == 0 && number == id->number &&
			   describe_item(r, &items[i], out) == 0 && out->id.route_id == id->route_id;
	free(items);
	return result != 0 || is_found ? result : -ENOENT;
}

/* 1: entered, durably.  0: it is none of these. */
static int enter_found(const struct reception *r, const struct bundle_id *id)
{
	struct remains remains;
	struct acceptance found;
	char name[VAULT_NAME_BYTES];
	int verdict = vault_refusal(r->o.vault_fd, id);
	int result = verdict < 0 ? verdict : look(r, id, &remains);
	if (result != 0)
		return result;
	if (!remains.has_map || (verdict == 0 && remains.has_object))
		return 0;
	if (verdict > 0) {
		reception_name_of(r, id, name);
		diary_refused(r->o.diary, name, id, verdict, NULL);
	} else {
		result = describe(r, id, &found);
		if (result == -ENOENT)
			return 0;
		if (result == 0)
			diary_delivered(r->o.diary, &found, 0, true);
	}
	if (result == 0)
		result = diary_commit(r->o.diary);
	return result == 0 ? 1 : result;
}

/* Records that become durable together: a vault that has lost its annals may owe all of them. */
struct records {
	bool is_entered; /* each in the ledger, too */
	int owed;        /* why some are not: neither there nor in the annals */
	size_t count;
	struct annal all[ANNALS_BATCH_MAX];
};

/* The ledger first: what the annals have is not looked at again. */
static int write_records(const struct reception *r, struct records *records)
{
	int entered = records->is_entered && records->count > 0 ? diary_commit(r->o.diary) : 0;
	int result = entered == 0 ? annals_write(r->o.annals, records->all, records->count) : 0;
	if (entered != 0)
		records->owed = entered;
	records->count = 0;
	return result;
}

/* What is left in partial/ says that its entry is owed as well; enter_found sees to that. */
static bool is_owed_elsewhere(const struct reception *r, const struct bundle_id *id)
{
	struct remains remains;
	return look(r, id, &remains) == 0 && remains.has_map && !remains.has_object;
}

/*
 * Delivered, and no more was written of it: its place could not be made durable, nor be taken back.  Or put there
 * by somebody, from another copy of the vault.
 */
static int record_found(const struct reception *r, const struct vault_item *item, struct records *records)
{
	struct annal annal;
	struct acceptance found;
	char route[NAME_BYTES];
	uint64_t number;
	(void)bundle_name_parse(item->name, route, &number); /* or it would not be in the list */
	if (annals_find_name(r->o.annals, item->epoch, route, number, &annal) && annal.what != ANNAL_DAMAGED)
		return 0;
	int result = describe_item(r, item, &found);
	/* what is no bundle is none that was delivered */
	if (result != 0)
		return result > 0 ? 0 : result;
	annal = (struct annal){
		.id = found.id,
		.what = ANNAL_DELIVERED,
		.at = (uint64_t)item->arrived_s,
		.destroy_by = found.entry.destroy_by,
	};
	memcpy(annal.route, route, NAME_BYTES);
	memcpy(annal.push_id, found.evidence.push_id, PUSH_ID_BYTES);
	memcpy(annal.edges, found.edges, EDGES_BYTES);
	if (records->is_entered && !is_owed_elsewhere(r, &found.id))
		diary_delivered(r->o.diary, &found, 0, true);
	records->all[records->count++] = annal;
	return records->count == ANNALS_BATCH_MAX ? write_records(r, records) : 0;
}

int entering_record(struct reception *r, bool annals_are_doubtful)
{
	struct vault_item *items = NULL;
	size_t count = 0;
	struct records *records = calloc(1, sizeof(*records));
	if (records == NULL)
		return -ENOMEM;
	records->is_entered = !annals_are_doubtful;
	int result = vault_list(r->o.vault_fd, &items, &count);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = record_found(r, &items[i], records);
	if (result == 0)
		result = write_records(r, records);
	if (records->owed != 0)
		reception_tell(r, LOG_ERR, "E2054", "keep: what was delivered before it was entered in the ledger is "
			       "not entered now: %s; the next start tries again", verdict_explain(records->owed));
	free(items);
	free(records);
	return result;
}

int entering_find(struct reception *r)
{
	struct bundle_id *ids = NULL;
	size_t count = 0;
	int failure = vault_partial_ids(r->o.vault_fd, &ids, &count);
	for (size_t i = 0; failure == 0 && i < count; i++) {
		int result = enter_found(r, &ids[i]);
		if (result == 1)
			result = partial_remove(&r->site, &ids[i]);
		if (result != 0)
			failure = result;
	}
	free(ids);
	return failure;
}
