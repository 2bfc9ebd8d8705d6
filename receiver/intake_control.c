/* What keep makes of the signed messages of the sender. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/cursor.h"
#include "common/verdict.h"
#include "intake_parts.h"
#include "vault.h"

enum { COMPLAIN_MS = 10000, DROPPED_TOLD_MAX = 20 };

const struct registry *intake_registry(const struct intake *in)
{
	return in->registries->registry;
}

void intake_enter_name(struct intake *in, struct known_bundle *bundle)
{
	char name[VAULT_NAME_BYTES];
	reception_name_of(in->reception, &bundle->id, name);
	diary_named(in->o.diary, name, &bundle->id, &bundle->entry);
	bundle->batch = in->batch;
}

static void on_named(void *context, struct known_bundle *bundle)
{
	struct intake *in = context;
	in->has_named = true;
	reception_name(in->reception, bundle);
	/* the catalogue is stored behind the entries of what it names, and what came whole was named before */
	if (!in->is_loading && bundle->state == KNOWN_WANTED)
		intake_enter_name(in, bundle);
}

static void on_dropped(void *context, struct known_bundle *bundle)
{
	struct intake *in = context;
	bool is_lost = bundle->state == KNOWN_WANTED;
	in->dropped += is_lost;
	reception_drop(in->reception, bundle, in->dropped <= DROPPED_TOLD_MAX);
}

/* As soon as it is complete, since the next generation may begin at any time. */
static void keep_catalogue(struct intake *in)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	in->clerk.is_catalogue_owed = true;
	if (known_catalogue(in->known, &bytes, &len) == 0)
		clerk_keep_catalogue(&in->clerk, bytes, len);
}

void intake_store_catalogue(struct intake *in)
{
	if (in->clerk.catalogue == NULL)
		keep_catalogue(in);
	clerk_store_catalogue(&in->clerk);
	/* behind it: numbers that are settled since it names them are found again by nothing else */
	intake_store_heard(in);
}

/*
 * Pages that are here may have made a generation complete: then what it does not name goes.  The stored
 * generation may be older than one of which pages had come before the restart, and what only that one
 * names is on the disk: so nothing goes before a heartbeat has said which generation it is.
 */
static void follow_catalogue(struct intake *in)
{
	in->last = NULL;
	struct known_summary known = known_summary(in->known);
	if (!known.is_complete)
		return;
	/* nor is the stored one replaced before that, when it alone tells of what goes then */
	if ((in->stored_generation != known.generation || in->stored_epoch != known.epoch) &&
	    !in->is_loading && (known.last_heartbeat_s != 0 || !known_would_drop(in->known))) {
		in->stored_epoch = known.epoch;
		in->stored_generation = known.generation;
		keep_catalogue(in);
	}
	in->dropped = 0;
	if (known.last_heartbeat_s != 0 && known_sweep(in->known, on_dropped, in))
		reception_clear(in->reception, in->known);
	if (in->dropped > DROPPED_TOLD_MAX)
		event_tell(in->o.tell, LOG_WARNING, "E2014", "keep: and %u more that are not in the vault are no "
			   "longer offered", in->dropped - DROPPED_TOLD_MAX);
}

const struct party *intake_box(const struct intake *in, const uint8_t box_key[static KEY_ID_BYTES])
{
	return registry_party_by_key(intake_registry(in), KEY_SENDER, box_key);
}

int intake_check_signer(const struct party *box, const uint8_t *message, size_t len, uint64_t time)
{
	if (box == NULL)
		return VERDICT_UNKNOWN_KEY;
	int verdict = party_check(box, time);
	return verdict != 0 ? verdict : message_verify(message, len, box->card.public_key);
}

static int take_heartbeat(struct intake *in, const uint8_t *message, size_t len)
{
	struct heartbeat heartbeat;
	const struct party *box = NULL;
	int result = heartbeat_decode(&heartbeat, message, len);
	if (result == 0)
		result = known_judge_heartbeat(in->known, &heartbeat);
	if (result == 0) {
		box = intake_box(in, heartbeat.box_key);
		result = intake_check_signer(box, message, len, heartbeat.time);
	}
	if (result == 0)
		result = known_heartbeat(in->known, &heartbeat, in->now_s);
	if (result == 0) {
		in->heard_ms = in->now_ms;
		retention_hear(in->retention, heartbeat.time, in->now_s);
		diary_hear(in->o.diary, box->card.name, &heartbeat.ledger);
		intake_settle_numbers(in);
		follow_catalogue(in);
	}
	return result;
}

static int take_page(struct intake *in, const uint8_t *message, size_t len)
{
	struct page page;
	int result = page_decode(&page, message, len);
	if (result == 0)
		result = known_judge_page(in->known, &page);
	if (result == 0)
		result = intake_check_signer(intake_box(in, page.box_key), message, len, page.time);
	if (result == 0)
		result = known_page(in->known, &page, message, len, in->now_s, on_named, in);
	if (result == 0) {
		intake_settle_numbers(in);
		follow_catalogue(in);
	}
	return result;
}

static int take_message(struct intake *in, const uint8_t *message, size_t len)
{
	/* a copy: the ring belongs to another process, which must not change what was checked */
	uint8_t copy[PAGE_BYTES_MAX];
	if (len > sizeof(copy))
		return VERDICT_BAD_LENGTH;
	memcpy(copy, message, len);
	switch (message_kind(copy, len)) {
	case MESSAGE_HEARTBEAT:
		return take_heartbeat(in, copy, len);
	case MESSAGE_PAGE:
		return take_page(in, copy, len);
	case MESSAGE_HEADS:
		return intake_take_heads(in, copy, len);
	default:
		return VERDICT_BAD_MAGIC;
	}
}

void intake_take_control(struct intake *in, const struct datagram *d)
{
	int result = take_message(in, d->payload, d->payload_len);
	intake_follow_life(in);
	/* what is repeated is neither news nor an offence, and ends no row of refusals */
	if (result == -EALREADY)
		return;
	if (result == 0) {
		in->last_refusal = 0;
		return;
	}
	in->counters.refused_messages++;
	intake_refuse(in, result);
}

void intake_refuse(struct intake *in, int result)
{
	if (result != in->last_refusal)
		in->owed_refusal = result;
	intake_tell_refusal(in);
}

/* Not more often than every ten seconds; but one that falls between is told of then. */
void intake_tell_refusal(struct intake *in)
{
	const int result = in->owed_refusal;
	bool is_due = in->refusal_told_ms == 0 || in->now_ms - in->refusal_told_ms >= COMPLAIN_MS;
	if (result == 0 || !is_due)
		return;
	event_tell(in->o.tell, LOG_WARNING, "E2041", "keep: what the sender sends is refused: %s [%s]",
		   verdict_explain(result), result > 0 ? verdict_name(result) : "error");
	in->refusal_told_ms = in->now_ms;
	in->last_refusal = result;
	in->owed_refusal = 0;
}

/* The pages are checked as they were when they came; a box that is no longer known names nothing. */
int intake_load_catalogue(struct intake *in)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int result = vault_catalogue_read(in->o.vault_fd, &bytes, &len);
	if (result == -ENOENT)
		return intake_load_heard(in);
	if (result < 0)
		return result;
	struct reader r = reader_of(bytes, len);
	in->is_loading = true;
	while (result == 0 && reader_left(&r) > 0) {
		uint16_t message_len = read_u16(&r);
		const uint8_t *message = read_view(&r, message_len);
		result = message == NULL ? VERDICT_TRUNCATED
					 : take_message(in, message, message_len);
		if (result == -EALREADY)
			result = 0;
	}
	in->is_loading = false;
	in->stored_epoch = known_summary(in->known).epoch;
	in->stored_generation = known_summary(in->known).generation;
	free(bytes);
	if (result < 0)
		return result;
	if (result > 0)
		event_tell(in->o.tell, LOG_WARNING, "E2042", "keep: the stored catalogue is not used: %s [%s]; the next "
		     "one comes over the link", verdict_explain(result), verdict_name(result));
	return intake_load_heard(in);
}
