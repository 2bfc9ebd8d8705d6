#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/io.h"
#include "common/verdict.h"
#include "accept.h"
#include "repair.h"

enum { SMALL_OBJECT_BYTES = 67108864 };

struct repair_job {
	struct job job;
	struct reception *reception;
	struct arrival *arrival;
	struct repair repair;
	struct bundle_id id;
	uint64_t restored;
	int result;
};

struct accept_job {
	struct job job;
	struct reception *reception;
	struct arrival *arrival;
	struct acceptance acceptance;
	char same_as[ANNAL_PATH_BYTES]; /* the bundle that brought the same push; "": none */
	int result;
};

struct store_job {
	struct job job;
	struct reception *reception;
	struct arrival *arrival;
	struct bundle_id id;
	struct mapfile_copy *copy;
	int result;
};

static void submit(struct reception *r, struct arrival *a, unsigned int worker, struct job *job)
{
	a->errands++;
	workshop_submit(r->o.workshop, worker, job);
}

/* A small bundle does not wait behind a big one. */
static unsigned int worker_for(const struct arrival *a)
{
	return partial_geometry(a->partial)->object_len <= SMALL_OBJECT_BYTES ? WORKER_SMALL
									       : WORKER_LARGE;
}

static void run_judge(struct job *job)
{
	struct accept_job *j = (struct accept_job *)job;
	j->result = accept_judge(&j->acceptance);
	if (j->result > 0) {
		int result = vault_refuse(j->acceptance.vault_fd, &j->acceptance.id, j->result);
		/* a refusal that is not remembered is found again: the object is still there */
		if (result != 0)
			j->result = -ECANCELED;
	} else if (j->result < 0 && j->acceptance.is_lost) {
		/* here and now: were keep killed next, the next one must not take these files up */
		(void)partial_remove(j->acceptance.site, &j->acceptance.id);
	}
}

/* What keep found by itself: the object is right, and was delivered before. */
static void run_refuse(struct job *job)
{
	struct accept_job *j = (struct accept_job *)job;
	int result = vault_refuse(j->acceptance.vault_fd, &j->acceptance.id, VERDICT_ALREADY_DELIVERED);
	j->result = result == 0 ? VERDICT_ALREADY_DELIVERED : -ECANCELED;
}

static void run_deliver(struct job *job)
{
	struct accept_job *j = (struct accept_job *)job;
	j->result = accept_deliver(&j->acceptance);
}

static void done_judge(struct job *job);

static void settle(struct arrival *a, enum known_state state, int verdict)
{
	if (a->bundle != NULL) {
		a->bundle->state = state;
		a->bundle->verdict = verdict;
	}
	reception_give_up(a);
}

static void tell_delivered(struct reception *r, const struct arrival *a, const char *name)
{
	r->o.counters->delivered++;
	reception_tell(r, LOG_INFO, "E2010", "keep: '%s' is in the vault: %" PRIu64 " bytes, %" PRIu64
	     " symbols repaired", name, partial_geometry(a->partial)->object_len, a->repaired);
}

static void wait_for_registry(struct reception *r, struct arrival *a, const char *name,
			      uint64_t version)
{
	if (a->wanted_registry != version)
		reception_tell(r, LOG_WARNING, "E2012", "keep: '%s' waits for registry version %" PRIu64
		     ", ours is %" PRIu64 "; it crosses the link by itself", name, version,
		     registry_version(r->o.registry));
	a->phase = PHASE_WAITING;
	a->wanted_registry = version;
	a->retry_ms = 0;
}

/* All of it is here; what hinders is around it. */
static void try_later(struct reception *r, struct arrival *a, const char *name, int result)
{
	if (result != a->hindrance && result != -EAGAIN && result != -ECANCELED)
		reception_tell(r, LOG_ERR, "E2018", "keep: '%s' is whole, and cannot be put into the vault: "
			       "%s; it is tried again every %d s", name, strerror(-result),
			       RECEPTION_RETRY_MS / 1000);
	a->hindrance = result;
	a->phase = PHASE_WAITING;
	a->wanted_registry = 0;
	a->retry_ms = r->now_ms + RECEPTION_RETRY_MS;
}

/* It stays until the ledger has it. */
static void owe(struct arrival *a, enum owed owed, struct accept_job *j)
{
	errand_forget(a);
	a->owed = owed;
	a->judged = j;
}

void errand_forget(struct arrival *a)
{
	free(a->judged);
	a->judged = NULL;
	a->owed = OWES_NOTHING;
	a->is_added = false;
	a->is_recorded = false;
}

static void refuse(struct reception *r, struct arrival *a, struct accept_job *j, const char *name)
{
	r->o.counters->refused++;
	reception_tell(r, LOG_ERR, "E2011", "keep: '%s' is refused: %s [%s]", name,
		       verdict_explain(j->result), verdict_name(j->result));
	owe(a, OWES_REFUSED, j);
	settle(a, KNOWN_REFUSED, j->result);
}

/* Neither right nor refused. */
static void put_off(struct reception *r, struct arrival *a, const struct accept_job *j, const char *name)
{
	if (j->acceptance.is_lost)
		reception_begin_again(r, a, "it could not be written whole", j->result);
	else if (j->result == -EAGAIN && j->acceptance.registry != r->o.registry)
		errand_accept(r, a); /* the registry that it may want came meanwhile */
	else if (j->result == -EAGAIN && j->acceptance.wanted_version != 0)
		wait_for_registry(r, a, name, j->acceptance.wanted_version);
	else
		try_later(r, a, name, j->result);
}

/* Another one that brings the same push is on its way into the vault. */
static bool is_claimed(const struct reception *r, const struct arrival *a, const struct accept_job *j)
{
	for (const struct arrival *b = r->arrivals; b != NULL; b = b->next)
		if (b != a && b->has_push &&
		    memcmp(b->push_id, j->acceptance.evidence.push_id, PUSH_ID_BYTES) == 0)
			return true;
	return false;
}

/* It is right.  A sender that was put back to an older state releases a push once more, under another number. */
static void claim(struct reception *r, struct arrival *a, struct accept_job *j, const char *name)
{
	struct annal before;
	if (annals_find_push(r->o.annals, j->acceptance.evidence.push_id, &a->id, &before) &&
	    annal_is_done(r->o.vault_fd, &before)) {
		annal_damaged_name(j->same_as, &before);
		j->same_as[strlen(j->same_as) - strlen(".weir")] = 0;
		j->job = (struct job){.run = run_refuse, .done = done_judge};
		a->phase = PHASE_CHECKING;
		submit(r, a, worker_for(a), &j->job);
		return;
	}
	if (is_claimed(r, a, j)) {
		try_later(r, a, name, -EAGAIN);
		free(j);
		return;
	}
	a->has_push = true;
	memcpy(a->push_id, j->acceptance.evidence.push_id, PUSH_ID_BYTES);
	owe(a, OWES_VERIFIED, j);
	a->phase = PHASE_VERIFIED;
}

static void done_judge(struct job *job)
{
	char name[VAULT_NAME_BYTES];
	struct accept_job *j = (struct accept_job *)job;
	struct reception *r = j->reception;
	struct arrival *a = j->arrival;
	a->errands--;
	reception_name_of(r, &a->id, name);
	if (j->result > 0) {
		refuse(r, a, j, name);
	} else if (a->bundle == NULL) {
		free(j); /* given up meanwhile */
	} else if (j->result == 0 && j->acceptance.registry == r->o.registry) {
		claim(r, a, j, name);
	} else if (j->result == 0) {
		errand_accept(r, a); /* under the registry that came meanwhile */
		free(j);
	} else {
		put_off(r, a, j, name);
		free(j);
	}
}

static void done_deliver(struct job *job)
{
	char name[VAULT_NAME_BYTES];
	struct accept_job *j = (struct accept_job *)job;
	struct reception *r = j->reception;
	struct arrival *a = j->arrival;
	a->errands--;
	reception_name_of(r, &a->id, name);
	/* also of one whose delivery failed: it lies in the vault by then */
	r->has_registry |= j->acceptance.has_registry;
	if (j->result == 0)
		tell_delivered(r, a, j->acceptance.name);
	if (j->result == 0 || j->result == -EEXIST) {
		owe(a, OWES_DELIVERED, j);
		settle(a, KNOWN_DELIVERED, 0);
	} else {
		if (a->bundle != NULL)
			put_off(r, a, j, name);
		free(j);
	}
}

bool errand_annal(const struct arrival *a, uint64_t now_s, struct annal *out)
{
	if (a->owed != OWES_DELIVERED || a->is_recorded || a->judged->result != 0)
		return false;
	const struct acceptance *done = &a->judged->acceptance;
	*out = (struct annal){
		.id = a->id,
		.what = ANNAL_DELIVERED,
		.at = now_s,
		.destroy_by = done->entry.destroy_by,
	};
	memcpy(out->route, done->route, NAME_BYTES);
	memcpy(out->push_id, done->evidence.push_id, PUSH_ID_BYTES);
	memcpy(out->edges, done->edges, EDGES_BYTES);
	return true;
}

void errand_enter(struct reception *r, struct arrival *a)
{
	char name[VAULT_NAME_BYTES];
	const struct accept_job *j = a->judged;
	reception_name_of(r, &a->id, name);
	if (a->owed == OWES_VERIFIED)
		diary_verified(r->o.diary, &j->acceptance);
	else if (a->owed == OWES_DELIVERED)
		diary_delivered(r->o.diary, &j->acceptance, j->result, false);
	else
		diary_refused(r->o.diary, name, &a->id, j->result, j->same_as[0] != 0 ? j->same_as : NULL);
	a->is_added = true;
}

void errand_entered(struct reception *r, struct arrival *a)
{
	struct accept_job *j = a->judged;
	if (a->owed != OWES_VERIFIED || a->bundle == NULL) {
		errand_forget(a);
		return;
	}
	a->judged = NULL;
	errand_forget(a);
	j->job = (struct job){.run = run_deliver, .done = done_deliver};
	j->result = -ECANCELED;
	a->phase = PHASE_CHECKING;
	a->errands++;
	workshop_submit(r->o.workshop, worker_for(a), &j->job);
}

void errand_accept(struct reception *r, struct arrival *a)
{
	errand_forget(a); /* a judgement under another registry */
	a->has_push = false;
	/* in case it cannot be begun now */
	a->phase = PHASE_WAITING;
	a->wanted_registry = 0;
	a->retry_ms = r->now_ms + RECEPTION_RETRY_MS;
	/*
	 * One fsync at a time for one file: a failed write is told to one caller only, and the one who
	 * delivers must not miss it.  done_store comes back here.
	 */
	if (a->is_stored_now)
		return;
	struct accept_job *j = calloc(1, sizeof(*j));
	if (j == NULL)
		return;
	*j = (struct accept_job){
		.job = {.run = run_judge, .done = done_judge},
		.reception = r,
		.arrival = a,
		.acceptance = {
			.site = &r->site,
			.vault_fd = r->o.vault_fd,
			.id = a->id,
			.entry = a->bundle->entry,
			.registry = r->o.registry,
			.roots = r->o.roots,
			.sender_registry_version = r->sender_registry_version,
			.known = &a->known,
			.stop = workshop_stopping(r->o.workshop),
		},
		.result = -ECANCELED,
	};
	a->phase = PHASE_CHECKING;
	submit(r, a, worker_for(a), &j->job);
}

static void run_repair(struct job *job)
{
	struct repair_job *j = (struct repair_job *)job;
	int dir_fd = partial_open_dir(&j->reception->site, &j->id);
	if (dir_fd < 0) {
		j->result = dir_fd;
		return;
	}
	j->repair.object_fd = openat(dir_fd, PARTIAL_OBJECT, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	j->result = j->repair.object_fd < 0 ? -errno : 0;
	j->repair.repair_fd = openat(dir_fd, PARTIAL_REPAIR, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (j->repair.repair_fd < 0 && j->result == 0)
		j->result = -errno;
	if (j->result == 0)
		j->result = repair_block(&j->repair, &j->restored);
	int closed = io_close(j->repair.object_fd);
	if (j->result == 0)
		j->result = closed;
	io_close(j->repair.repair_fd);
	io_close(dir_fd);
}

static void done_repair(struct job *job)
{
	struct repair_job *j = (struct repair_job *)job;
	struct reception *r = j->reception;
	struct arrival *a = j->arrival;
	a->errands--;
	if (a->bundle != NULL && j->result == 0) {
		struct arrivals *arrivals = partial_arrivals(a->partial);
		a->repaired += j->restored;
		r->o.counters->repaired_symbols += j->restored;
		arrivals_complete_block(arrivals, j->repair.block);
		partial_set_changed(a->partial);
		if (arrivals_are_complete(arrivals))
			errand_accept(r, a);
	} else if (a->bundle != NULL && j->result != -ECANCELED) {
		reception_begin_again(r, a, "a block could not be repaired", j->result);
	}
	free(j);
}

void errand_repair(struct reception *r, struct arrival *a, uint32_t block)
{
	struct repair_job *j = calloc(1, sizeof(*j));
	if (j == NULL) {
		reception_begin_again(r, a, "a block could not be repaired", -ENOMEM);
		return;
	}
	*j = (struct repair_job){
		.job = {.run = run_repair, .done = done_repair},
		.reception = r,
		.arrival = a,
		.id = a->id,
		.repair = {
			.geometry = *partial_geometry(a->partial),
			.block = block,
			.map = arrivals_block_map(partial_arrivals(a->partial), block),
			.stop = workshop_stopping(r->o.workshop),
		},
		.result = -ECANCELED,
	};
	submit(r, a, worker_for(a), &j->job);
}

/* -ENOENT: the files have been given up.  No room for a map: the old one stays true. */
static bool store_is_fatal(int result)
{
	return result != 0 && result != -ENOENT && result != -ENOSPC && result != -EDQUOT &&
	       result != -ENOMEM && result != -ECANCELED;
}

static void run_store(struct job *job)
{
	struct store_job *j = (struct store_job *)job;
	j->result = partial_store(&j->reception->site, &j->id, j->copy);
	if (store_is_fatal(j->result))
		(void)partial_remove(&j->reception->site, &j->id); /* as in run_judge */
}

static void done_store(struct job *job)
{
	struct store_job *j = (struct store_job *)job;
	struct reception *r = j->reception;
	struct arrival *a = j->arrival;
	a->errands--;
	a->is_stored_now = false;
	partial_end_store(a->partial, j->copy);
	if (a->bundle != NULL && store_is_fatal(j->result)) {
		reception_begin_again(r, a, "what had arrived could not be synchronised", j->result);
	} else if (a->bundle != NULL) {
		if (j->result != 0)
			partial_set_changed(a->partial);
		/* it became complete meanwhile */
		if (a->phase == PHASE_WAITING && a->retry_ms != 0)
			errand_accept(r, a);
	}
	free(j);
}

void errand_store(struct reception *r, struct arrival *a)
{
	struct store_job *j = calloc(1, sizeof(*j));
	struct mapfile_copy *copy = j == NULL ? NULL : partial_begin_store(a->partial);
	if (copy == NULL) {
		free(j); /* it stays changed, and is tried again in a second */
		return;
	}
	*j = (struct store_job){
		.job = {.run = run_store, .done = done_store},
		.reception = r,
		.arrival = a,
		.id = a->id,
		.copy = copy,
		.result = -ECANCELED,
	};
	a->is_stored_now = true;
	submit(r, a, WORKER_CLERK, &j->job);
}
