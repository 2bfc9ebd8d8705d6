/* What keep watches over beside the datagrams: what is missing, lost, or expected. */
#include <string.h>
#include <syslog.h>

#include "intake_parts.h"

enum { WATCH_MS = 1000 };

static void name_of_lost(const void *reception, const struct bundle_id *id, char name[static VAULT_NAME_BYTES])
{
	reception_name_of(reception, id, name);
}

void intake_lost_entered(struct intake *in, int commit_result)
{
	int result = lost_entered(in->o.lost, commit_result);
	if (result != 0 && in->lost_failure == 0)
		event_tell(in->o.tell, LOG_ERR, "E2050", "keep: cannot write lost: %s", strerror(-result));
	in->lost_failure = result;
}

void intake_enter_lost(struct intake *in)
{
	lost_enter(in->o.lost, in->o.diary, name_of_lost, in->reception);
}

/* It is what a restart begins from: what it names anew is in the ledger, and so is what it names no more. */
bool intake_may_store_catalogue(const struct intake *in)
{
	return in->lost_batch == 0 && !lost_owes(in->o.lost);
}

/* What the list says is lost, and has come after all. */
static void follow_found(struct intake *in)
{
	for (size_t i = lost_count(in->o.lost); i-- > 0;) {
		const struct bundle_id id = lost_at(in->o.lost, i)->id;
		const struct known_bundle *bundle = known_find(in->known, &id);
		if (bundle != NULL && bundle->state == KNOWN_DELIVERED)
			(void)lost_remove(in->o.lost, &id);
	}
}

/*
 * A generation counts when all it names can be looked up by who reads the vault, and for as long as heartbeats say
 * that there is no newer one: before the first, what the vault had stored is not known to be all.
 */
static void follow_generation(struct intake *in, const struct known_summary *known)
{
	if (known->is_complete && !in->clerk.is_catalogue_owed && in->stored_epoch == known->epoch &&
	    in->stored_generation == known->generation)
		in->caught_up_s = known->last_heartbeat_s;
}

void intake_store_expected(struct intake *in)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	in->awaited.expecting.has_changed |= in->clerk.is_expected_owed;
	if (awaited_take_file(&in->awaited, &bytes, &len))
		clerk_store_expected(&in->clerk, bytes, len);
}

/* Stored a second after it was told of, when the ledger has it: a crash between has it told of once more. */
static void follow_expected(struct intake *in)
{
	intake_store_expected(in);
	awaited_turn(&in->awaited, intake_registry(in), in->now_s);
}

void intake_watch(struct intake *in)
{
	struct known_summary known = known_summary(in->known);
	if (in->now_ms - in->watched_ms < WATCH_MS && in->watched_ms != 0)
		return;
	in->watched_ms = in->now_ms;
	follow_generation(in, &known);
	known.link.data_s = in->data_s;
	vigil_follow(&in->vigil, in->known, in->reception, &known.link, in->now_s);
	follow_found(in);
	follow_expected(in);
	/* an age by a clock that has leapt, or before the sender could be heard, is none */
	if (retention_past_s(in->retention) != 0)
		reception_give_up_old(in->reception, &known.link);
}

/* Told by the vigil, at the latest a second behind it. */
static void on_delivered(void *context, const struct known_bundle *bundle)
{
	struct intake *in = context;
	awaited_deliver(&in->awaited, bundle->id.route_id, in->now_s);
}

void intake_watch_start(struct intake *in)
{
	in->awaited = (struct awaited){.vault_fd = in->o.vault_fd, .tell = in->o.tell};
	in->vigil = (struct vigil){.tell = in->o.tell, .delivered = on_delivered, .context = in};
}
