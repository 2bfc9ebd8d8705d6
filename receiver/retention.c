#include "retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"

/* One that could not be destroyed. */
struct failed {
	struct bundle_id id;
	uint64_t retry_s;
};

struct batch {
	struct job job;
	struct retention *retention;
	int vault_fd;
	size_t count;
	struct annal annal[RETENTION_BATCH];
	int result[RETENTION_BATCH];
	bool is_found[RETENTION_BATCH]; /* it was begun before this process was */
	bool is_run;
};

struct retention {
	struct retention_options o;
	uint64_t now_ms, now_s, looked_s, tidied_s;
	uint64_t wait_ms;    /* until then no date has passed beyond doubt */
	bool is_hurried;
	size_t cursor;
	bool is_clock_doubtful;
	bool is_under_way;
	struct batch *done;  /* destroyed, and the ledger does not have it yet */
	struct failed failed[RETENTION_BATCH];
	size_t failed_next;
};

int retention_new(struct retention **out, const struct retention_options *options)
{
	struct retention *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->o = *options;
	r->is_hurried = true;
	*out = r;
	return 0;
}

void retention_free(struct retention *r)
{
	if (r == NULL)
		return;
	free(r->done);
	free(r);
}

void retention_hurry(struct retention *r)
{
	r->is_hurried = true;
}

void retention_hear(struct retention *r, uint64_t sender_s, uint64_t now_s)
{
	uint64_t apart = now_s > sender_s ? now_s - sender_s : sender_s - now_s;
	bool is_doubtful = apart > RETENTION_CLOCK_S;
	if (is_doubtful && !r->is_clock_doubtful)
		event_tell(r->o.tell, LOG_ERR, "E2073", "keep: the clocks of sender and receiver are %" PRIu64
			   " s apart, so nothing is destroyed by its date; set the one that is wrong", apart);
	if (!is_doubtful && r->is_clock_doubtful)
		event_tell(r->o.tell, LOG_NOTICE, "E2073", "keep: the clocks agree again, and dates count");
	r->is_clock_doubtful = is_doubtful;
	/* it was our present clock that was compared: what waited for that does not wait for the next look as well */
	if (r->now_s == now_s && r->wait_ms != 0) {
		r->wait_ms = 0;
		r->is_hurried = true;
	}
}

uint64_t retention_past_s(const struct retention *r)
{
	return r->is_clock_doubtful || r->now_ms < r->wait_ms ? 0 : r->now_s;
}

/* What is due */

static bool is_put_off(const struct retention *r, const struct bundle_id *id)
{
	for (size_t i = 0; i < RETENTION_BATCH; i++)
		if (r->failed[i].retry_s > r->now_s && mandate_compare(&r->failed[i].id, id) == 0)
			return true;
	return false;
}

/* How it is to be destroyed; ANNAL_NO_WAY: not now. */
static enum annal_how is_due(const struct retention *r, const struct annal *annal)
{
	/* once begun it is done: its file may be gone */
	if (annal->what == ANNAL_DESTROYING)
		return annal->how;
	if (annal->what == ANNAL_DESTROYED || r->o.is_blind)
		return ANNAL_NO_WAY;
	enum annal_how how = annal->destroy_by <= retention_past_s(r) ? ANNAL_BY_DATE : ANNAL_NO_WAY;
	if (custody_purges(r->o.custody, &annal->id, NULL))
		how = ANNAL_BY_PURGE;
	return how != ANNAL_NO_WAY && custody_holds(r->o.custody, &annal->id, NULL) ? ANNAL_NO_WAY : how;
}

/* From where the batch before ended; then from the beginning, at the next look. */
static void fill(struct retention *r, struct batch *b)
{
	size_t count = annals_count(r->o.annals), at = r->cursor < count ? r->cursor : 0;
	for (; at < count && b->count < RETENTION_BATCH; at++) {
		struct annal *annal = &b->annal[b->count];
		annals_at(r->o.annals, at, annal);
		enum annal_how how = is_due(r, annal);
		if (how == ANNAL_NO_WAY || is_put_off(r, &annal->id))
			continue;
		b->is_found[b->count] = annal->what == ANNAL_DESTROYING;
		annal->what = ANNAL_DESTROYING;
		annal->how = how;
		annal->at = r->now_s;
		b->count++;
	}
	r->is_hurried |= r->cursor > 0 && at == count;
	r->cursor = at < count ? at : 0;
}

/* Destroying */

static int remove_file(int vault_fd, const char *folder, const char *name)
{
	char path[ANNAL_PATH_BYTES + 16];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return unlinkat(vault_fd, path, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int sync_folder(int vault_fd, const char *path)
{
	int fd = io_open_dir(vault_fd, path);
	if (fd == -ENOENT)
		return 0;
	int result = fd < 0 ? fd : io_fsync(fd);
	io_close(fd);
	return result;
}

/* The bundle, and what was set aside of it.  Of the folder's fsync the first failure counts, and the next try is new. */
static int destroy(int vault_fd, const struct annal *annal)
{
	char path[ANNAL_PATH_BYTES], damaged[ANNAL_PATH_BYTES], folder[ANNAL_PATH_BYTES + 16];
	annal_path(path, annal);
	annal_damaged_name(damaged, annal);
	int result = remove_file(vault_fd, "bundles", path);
	if (result == 0)
		result = remove_file(vault_fd, "damaged", damaged);
	if (result != 0)
		return result;
	snprintf(folder, sizeof(folder), "bundles/%016" PRIx64, annal->id.epoch);
	result = sync_folder(vault_fd, folder);
	return result == 0 ? sync_folder(vault_fd, "damaged") : result;
}

static void run(struct job *job)
{
	struct batch *b = (struct batch *)job;
	for (size_t i = 0; i < b->count; i++)
		b->result[i] = destroy(b->vault_fd, &b->annal[i]);
	b->is_run = true;
}

static void put_off(struct retention *r, const struct annal *annal, int result)
{
	char name[BUNDLE_NAME_BYTES];
	bundle_name(name, annal->route, annal->id.number);
	event_tell(r->o.tell, LOG_ERR, "E2074", "keep: '%s' cannot be destroyed: %s; it is tried again every %d minutes",
		   name, strerror(-result), RETENTION_RETRY_S / 60);
	r->failed[r->failed_next++ % RETENTION_BATCH] =
		(struct failed){annal->id, r->now_s + RETENTION_RETRY_S};
}

/* Those that are gone stay in it. */
static void done(struct job *job)
{
	struct batch *b = (struct batch *)job;
	struct retention *r = b->retention;
	size_t kept = 0;
	r->is_under_way = false;
	for (size_t i = 0; i < b->count && b->is_run; i++) {
		if (b->result[i] != 0) {
			put_off(r, &b->annal[i], b->result[i]);
			continue;
		}
		b->annal[kept] = b->annal[i];
		b->is_found[kept++] = b->is_found[i];
	}
	b->count = kept;
	if (kept > 0)
		r->done = b;
	else
		free(b);
	/* there may be more of them */
	r->is_hurried = true;
}

static struct ledger_entry *entry_of(const struct retention *r, const struct annal *annal, bool is_found)
{
	struct mandate order;
	char name[BUNDLE_NAME_BYTES], epoch[17];
	bundle_name(name, annal->route, annal->id.number);
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, annal->id.epoch);
	struct ledger_entry *e = ledger_entry_new("destroyed", 0);
	bool is_ordered = annal->how == ANNAL_BY_PURGE && custody_purges(r->o.custody, &annal->id, &order);
	if (is_ordered)
		ledger_set_who(e, &(struct ledger_who){.person = order.person, .key_id = order.person_key});
	ledger_set_text(e, "bundle", name);
	ledger_set_text(e, "epoch", epoch);
	ledger_set_number(e, "route_id", annal->id.route_id);
	ledger_set_number(e, "number", annal->id.number);
	ledger_set_hex(e, "push_id", annal->push_id, PUSH_ID_BYTES);
	ledger_set_text(e, "how", annal->how == ANNAL_BY_PURGE ? "purge" : "date");
	ledger_set_time(e, "destroy_by", annal->destroy_by);
	if (is_ordered)
		ledger_set_hex(e, "mandate", order.id, MANDATE_ID_BYTES);
	if (is_found)
		ledger_set_bool(e, "found", true);
	return e;
}

/* What is gone is entered, and then known as destroyed; what hinders is told of by the diary, and tried again. */
static void enter(struct retention *r)
{
	struct batch *b = r->done;
	for (size_t i = 0; i + 1 < b->count; i++)
		diary_add(r->o.diary, entry_of(r, &b->annal[i], b->is_found[i]));
	int result = diary_write(r->o.diary, entry_of(r, &b->annal[b->count - 1], b->is_found[b->count - 1]));
	if (result != 0)
		return;
	for (size_t i = 0; i < b->count; i++) {
		b->annal[i].what = ANNAL_DESTROYED;
		b->annal[i].at = r->now_s;
	}
	/* when it fails they are destroyed and entered once more */
	result = annals_write(r->o.annals, b->annal, b->count);
	if (result == 0)
		result = custody_tidy(r->o.custody, r->o.annals);
	if (result != 0)
		event_tell(r->o.tell, LOG_ERR, "E2071", "keep: what was destroyed cannot be noted: %s",
			   verdict_explain(result));
	free(b);
	r->done = NULL;
}

static void begin(struct retention *r)
{
	struct batch *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return; /* the next look tries again */
	b->job = (struct job){.run = run, .done = done};
	b->retention = r;
	b->vault_fd = r->o.vault_fd;
	fill(r, b);
	int result = b->count == 0 ? 0 : annals_write(r->o.annals, b->annal, b->count);
	if (result != 0)
		event_tell(r->o.tell, LOG_ERR, "E2071", "keep: nothing is destroyed, it cannot be noted in vault/annals: "
			   "%s", verdict_explain(result));
	if (result != 0 || b->count == 0) {
		free(b);
		return;
	}
	r->is_under_way = true;
	workshop_submit(r->o.workshop, r->o.worker, &b->job);
}

/* VAULT.md 5 proves that nothing asks for it any more. */
static bool may_forget(void *context, const struct annal *annal)
{
	const struct retention *r = context;
	uint64_t past_s = retention_past_s(r);
	return annal->what == ANNAL_DESTROYED && annal->destroy_by < past_s &&
	       past_s - annal->destroy_by > ANNALS_FORGET_S;
}

static void tidy(struct retention *r)
{
	bool is_start = r->tidied_s == 0;
	if (r->now_s - r->tidied_s < RETENTION_TIDY_S && !is_start)
		return;
	r->tidied_s = r->now_s;
	int result = annals_tidy(r->o.annals, is_start, may_forget, r);
	if (result != 0)
		event_tell(r->o.tell, LOG_ERR, "E2071", "keep: vault/annals cannot be written anew: %s",
			   verdict_explain(result));
}

static void follow_clock(struct retention *r, uint64_t now_ms, uint64_t now_s)
{
	uint64_t expected_s = r->now_s + (now_ms - r->now_ms) / 1000;
	bool has_leapt = now_s > expected_s + RETENTION_CLOCK_S || expected_s > now_s + RETENTION_CLOCK_S;
	if (has_leapt)
		r->wait_ms = now_ms + RETENTION_WAIT_MS;
	r->now_ms = now_ms;
	r->now_s = now_s;
}

void retention_turn(struct retention *r, uint64_t now_ms, uint64_t now_s)
{
	follow_clock(r, now_ms, now_s);
	if (r->is_under_way)
		return;
	bool is_time = now_s - r->looked_s >= RETENTION_LOOK_S || r->is_hurried;
	if (!is_time)
		return;
	/* also of the ledger: what it cannot tell of is not done */
	if (!diary_is_well(r->o.diary) && now_s == r->looked_s)
		return;
	r->looked_s = now_s;
	r->is_hurried = false;
	if (r->done != NULL)
		enter(r);
	if (r->done == NULL && diary_is_well(r->o.diary)) {
		tidy(r);
		begin(r);
	}
	r->is_hurried |= r->done != NULL;
}
