/* How far this box was, beside its vault: marker.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "intake_parts.h"
#include "recall.h"
#include "vault.h"

struct marker_job {
	struct job job;
	struct intake *intake;
	struct marker marker;
	int runtime_fd;
	const char *path;
	int result;
};

static const char *witness_of(const struct intake *in)
{
	return in->o.witness == NULL ? "" : in->o.witness;
}

static void take_state(struct marker *m, const struct intake *in)
{
	*m = (struct marker){
		.count = in->marker.count,
		.epoch = in->stored_epoch,
		.generation = in->stored_generation,
		.registry_version = registry_version(intake_registry(in)),
	};
	if (in->o.box_key != NULL)
		memcpy(m->box_key, in->o.box_key, KEY_ID_BYTES);
	diary_head(in->o.diary, &m->ledger);
	annals_head(in->annals, &m->annals);
}

/* The file stays until somebody has seen it: 'gaps' tells of it. */
static void tell_put_back(struct intake *in, const char *problem)
{
	event_tell(in->o.tell, LOG_CRIT, "E2080", "keep: the vault was put back to an older state: %s", problem);
	struct ledger_entry *e = ledger_entry_new("vault.older", 0);
	ledger_set_text(e, "problem", problem);
	diary_add(in->o.diary, e);
	int result = marker_note_put_back(in->o.vault_fd, problem);
	if (result != 0)
		event_tell(in->o.tell, LOG_ERR, "E2081", "keep: vault/put-back cannot be written: %s", strerror(-result));
}

/* What the annals lack, the ledger may have. */
static void recall(struct intake *in)
{
	size_t count = 0;
	int result = recall_destroyed(&count, in->annals, in->o.vault_fd);
	if (result != 0)
		event_tell(in->o.tell, LOG_ERR, "E2082", "keep: what was destroyed cannot be read again from the ledger: %s",
			   verdict_explain(result));
	else if (count > 0)
		event_tell(in->o.tell, LOG_WARNING, "E2082", "keep: %zu bundles that were destroyed are known from the "
			   "ledger alone, and noted in vault/annals again", count);
}

void intake_check_marker(struct intake *in, bool annals_are_doubtful)
{
	struct marker now, before;
	char problem[MARKER_PROBLEM_BYTES];
	bool is_ahead = false;
	struct vault_catalogue catalogue = {0};
	take_state(&now, in);
	/* one that cannot be read is told of when it is taken up */
	if (vault_catalogue_load(in->o.vault_fd, &catalogue) == 0) {
		now.epoch = catalogue.epoch;
		now.generation = catalogue.generation;
		free(catalogue.entries);
	}
	in->runtime_fd = io_open_dir(AT_FDCWD, in->o.runtime);
	if (marker_load(&before, in->runtime_fd, witness_of(in), now.box_key)) {
		in->marker.count = before.count;
		/* the sender has begun a new epoch since it was written, of which this vault has the catalogue */
		if (intake_stored_epoch_ended(in, before.epoch) && !intake_stored_epoch_ended(in, now.epoch))
			before.epoch = before.generation = 0;
		/* the one in use is not older, or this process would not run */
		now.registry_version = in->o.remembered_version;
		is_ahead = marker_is_ahead(&before, &now, problem);
	}
	if (is_ahead)
		tell_put_back(in, problem);
	if (is_ahead || annals_are_doubtful)
		recall(in);
}

static void run(struct job *job)
{
	struct marker_job *j = (struct marker_job *)job;
	j->result = marker_store(&j->marker, j->runtime_fd, j->path);
}

static void done(struct job *job)
{
	struct marker_job *j = (struct marker_job *)job;
	struct intake *in = j->intake;
	in->is_marker_under_way = false;
	if (j->result != in->marker_failure && j->result != -ECANCELED) {
		in->marker_failure = j->result;
		if (j->result != 0)
			event_tell(in->o.tell, LOG_ERR, "E2083", "keep: the witness '%s' cannot be written: %s; without it a "
				   "vault that is put back is not seen after the machine has started again", j->path,
				   strerror(-j->result));
	}
	if (j->result != 0)
		in->marker.ledger.n = 0; /* the next second tries again */
	free(j);
}

void intake_follow_marker(struct intake *in)
{
	struct marker now;
	/* the stored catalogue is not durable before its job has ended */
	if (in->is_marker_under_way || in->clerk.is_catalogue_owed || workshop_pending(in->workshop, WORKER_CLERK) > 0)
		return;
	take_state(&now, in);
	if (memcmp(&now, &in->marker, sizeof(now)) == 0)
		return;
	struct marker_job *j = calloc(1, sizeof(*j));
	if (j == NULL)
		return;
	now.count++;
	in->marker = now;
	*j = (struct marker_job){
		.job = {.run = run, .done = done},
		.intake = in,
		.marker = now,
		.runtime_fd = in->runtime_fd,
		.path = witness_of(in),
		.result = -ECANCELED,
	};
	in->is_marker_under_way = true;
	workshop_submit(in->workshop, WORKER_CLERK, &j->job);
}
