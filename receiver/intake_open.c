/* Beginning and ending of an intake: its parts, and what they find on the disk. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/io.h"
#include "common/verdict.h"
#include "entering.h"
#include "intake_parts.h"

enum { DAY_S = 86400 };

static void notify(void *context)
{
	struct ring *ring = context;
	if (ring != NULL)
		ring_wake(ring);
}

static int open_annals(struct intake *in)
{
	struct annals_found found;
	int result = annals_open(&in->annals, in->o.vault_fd, true, &found);
	if (result != 0)
		return result;
	in->annals_are_doubtful = found.damaged > 0 || found.is_new;
	if (found.cut > 0)
		event_tell(in->o.tell, LOG_NOTICE, "E2070", "keep: %" PRIu64 " bytes that a crash had left at the "
			   "end of vault/annals were cut off", found.cut);
	if (found.damaged > 0)
		event_tell(in->o.tell, LOG_CRIT, "E2070", "keep: vault/annals is damaged: %" PRIu64 " records of "
			   "it are none, and what they told of is not known any more", found.damaged);
	return 0;
}

/* It came whole once, and must come whole again. */
static void want_again(void *context, const struct bundle_id *id)
{
	struct intake *in = context;
	struct known_bundle *bundle = known_find(in->known, id);
	if (bundle == NULL || bundle->state != KNOWN_DELIVERED)
		return;
	bundle->state = KNOWN_WANTED;
	bundle->retry_ms = 0;
}

static int open_scrub(struct intake *in)
{
	int result = scrub_new(&in->scrub, &(struct scrub_options){
		.vault_fd = in->o.vault_fd,
		.days = in->o.scrub_days == 0 ? SCRUB_DAYS_DEFAULT : in->o.scrub_days,
		.workshop = in->workshop,
		.worker = WORKER_SCRUB,
		.tell = in->o.tell,
		.diary = in->o.diary,
		.annals = in->annals,
		.lost = want_again,
		.context = in,
	});
	return result == 0 ? scrub_mend(in->scrub) : result;
}

static int open_retention(struct intake *in)
{
	struct custody_found found;
	int result = custody_open(&in->custody, in->o.vault_fd, true, &found);
	if (result != 0)
		return result;
	if (found.damaged > 0)
		event_tell(in->o.tell, LOG_CRIT, "E2076", "keep: %zu orders in vault/holds or vault/purges cannot be "
			   "read, the first is '%s': nothing is destroyed; put them back, or move them away and "
			   "start again", found.damaged, found.name);
	return retention_new(&in->retention, &(struct retention_options){
		.vault_fd = in->o.vault_fd,
		.workshop = in->workshop,
		.worker = WORKER_WARDEN,
		.tell = in->o.tell,
		.diary = in->o.diary,
		.annals = in->annals,
		.custody = in->custody,
		.is_blind = found.damaged > 0,
	});
}

static int open_parts(struct intake *in)
{
	in->known = known_new();
	in->pending = pending_new(PENDING_BYTES);
	in->registries = calloc(1, sizeof(*in->registries));
	if (in->known == NULL || in->pending == NULL || in->registries == NULL)
		return -ENOMEM;
	in->registries->registry = in->o.registry;
	in->o.registry = NULL;
	int result = open_annals(in);
	if (result == 0)
		result = workshop_start(&in->workshop, WORKER_COUNT, notify, in->o.ring);
	in->clerk = (struct clerk){.workshop = in->workshop, .vault_fd = in->o.vault_fd, .tell = in->o.tell};
	if (result == 0)
		result = open_retention(in);
	if (result == 0)
		result = open_scrub(in);
	if (result != 0)
		return result;
	struct reception_options options = {
		.vault_fd = in->o.vault_fd,
		.runtime = in->o.runtime,
		.disk_full_percent = in->o.disk_full_percent,
		.now_s = in->now_s,
		.registry = intake_registry(in),
		.roots = in->o.roots,
		.gather_bytes = intake_gather_bytes(in),
		.notify = notify,
		.notify_context = in->o.ring,
		.workshop = in->workshop,
		.counters = &in->counters,
		.tell = in->o.tell,
		.diary = in->o.diary,
		.annals = in->annals,
		.lost = in->o.lost,
		.unfinished_s = (uint64_t)in->o.unfinished_days * DAY_S,
	};
	return reception_open(&in->reception, &options);
}

static void find_unentered(struct intake *in)
{
	int result = entering_find(in->reception);
	if (result != 0)
		event_tell(in->o.tell, LOG_ERR, "E2054", "keep: what was delivered before it was entered in the "
			   "ledger is not entered now: %s; the next start tries again", verdict_explain(result));
}

int intake_open(struct intake **out, const struct intake_options *options)
{
	struct intake *in = calloc(1, sizeof(*in));
	if (in == NULL) {
		registry_free(options->registry);
		return -ENOMEM;
	}
	in->o = *options;
	in->runtime_fd = -1;
	in->now_s = (uint64_t)time(NULL);
	in->batch = 1;
	lookout_start(&in->lookout, in->o.ring, in->o.interface != NULL ? in->o.interface : "", in->o.tell);
	intake_watch_start(in);
	int result = open_parts(in);
	if (result == 0)
		result = entering_record(in->reception, in->annals_are_doubtful);
	if (result == 0)
		find_unentered(in);
	if (result == 0)
		intake_check_marker(in, in->annals_are_doubtful);
	if (result == 0)
		result = intake_load_catalogue(in);
	if (result != 0) {
		intake_close(in);
		return result;
	}
	*out = in;
	return 0;
}

void intake_close(struct intake *in)
{
	if (in == NULL)
		return;
	workshop_stop(in->workshop);
	reception_close(in->reception);
	io_close(in->runtime_fd);
	scrub_free(in->scrub);
	retention_free(in->retention);
	custody_close(in->custody);
	annals_close(in->annals);
	clerk_close(&in->clerk);
	awaited_clear(&in->awaited);
	known_free(in->known);
	pending_free(in->pending);
	while (in->registries != NULL) {
		struct kept_registry *kept = in->registries;
		in->registries = kept->next;
		registry_free(kept->registry);
		free(kept);
	}
	registry_free(in->o.registry);
	free(in);
}
