#include "local.h"

#include <errno.h>
#include <string.h>

#include "common/cursor.h"
#include "common/text.h"
#include "common/verdict.h"

enum { COMMIT_DOSSIER_AT = STATEMENT_BYTES + SUITE_DIGEST_BYTES };

/* 0 when all was read and nothing is left. */
static int whole(const struct reader *r)
{
	return r->overrun || reader_left(r) != 0 ? VERDICT_BAD_PROTOCOL : 0;
}

static void write_name(struct writer *w, const char *name, size_t size)
{
	size_t len = strnlen(name, size - 1);
	write_bytes(w, name, len);
	write_zeros(w, size - len);
}

/* A bundle's name, or nothing. */
static int read_bundle_name(struct reader *r, char out[static BUNDLE_NAME_BYTES])
{
	read_bytes(r, out, BUNDLE_NAME_BYTES);
	size_t len = strnlen(out, BUNDLE_NAME_BYTES);
	if (r->overrun || len == BUNDLE_NAME_BYTES ||
	    !bytes_are_zero(out + len, BUNDLE_NAME_BYTES - len))
		return VERDICT_BAD_PROTOCOL;
	char route[NAME_BYTES];
	uint64_t number;
	return len == 0 ? 0 : bundle_name_parse(out, route, &number);
}

void local_push_encode(uint8_t out[static LOCAL_PUSH_BYTES], const struct local_push *push)
{
	struct writer w = writer_of(out, LOCAL_PUSH_BYTES);
	write_name(&w, push->route, NAME_BYTES);
	write_name(&w, push->person, NAME_BYTES);
	write_bytes(&w, push->person_key, KEY_ID_BYTES);
	write_name(&w, push->machine, NAME_BYTES);
	write_bytes(&w, push->machine_key, KEY_ID_BYTES);
	write_u8(&w, (uint8_t)push->origin);
	write_u8(&w, push->has_records);
	write_zeros(&w, 6);
	write_u64(&w, push->has_records ? push->records : 0);
}

const char local_proof_domain[] = "weir1 caller";

void local_proven(uint8_t out[static LOCAL_PROVEN_BYTES], const struct local_push *push,
		  const uint8_t challenge[static LOCAL_CHALLENGE_BYTES])
{
	local_push_encode(out, push);
	memcpy(out + LOCAL_PUSH_BYTES, challenge, LOCAL_CHALLENGE_BYTES);
}

size_t local_signature_encode(uint8_t out[static SIGNATURE_ENCODED_MAX], const struct signature *signature)
{
	struct writer w = writer_of(out, SIGNATURE_ENCODED_MAX);
	signature_write(&w, signature);
	return w.at;
}

int local_signature_decode(struct signature *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	struct signature signature;
	if (signature_read(&signature, &r) != 0 || whole(&r) != 0)
		return VERDICT_BAD_PROTOCOL;
	*out = signature;
	return 0;
}

int local_push_decode(struct local_push *out, const uint8_t *in, size_t len)
{
	struct local_push push = {0};
	struct reader r = reader_of(in, len);
	read_bytes(&r, push.route, NAME_BYTES);
	read_bytes(&r, push.person, NAME_BYTES);
	read_bytes(&r, push.person_key, KEY_ID_BYTES);
	read_bytes(&r, push.machine, NAME_BYTES);
	read_bytes(&r, push.machine_key, KEY_ID_BYTES);
	uint8_t origin = read_u8(&r);
	uint8_t has_records = read_u8(&r);
	bool reserved_are_zero = read_zeros(&r, 6);
	push.records = read_u64(&r);
	if (whole(&r) != 0 || origin > LOCAL_COMMAND || has_records > 1 || !reserved_are_zero ||
	    (has_records == 0 && push.records != 0))
		return VERDICT_BAD_PROTOCOL;
	bool has_machine = !bytes_are_zero(push.machine, NAME_BYTES);
	if (!has_machine && !bytes_are_zero(push.machine_key, KEY_ID_BYTES))
		return VERDICT_BAD_PROTOCOL;
	if (!name32_is_valid(push.route) || !name32_is_valid(push.person) ||
	    (has_machine && !name32_is_valid(push.machine)))
		return VERDICT_BAD_NAME;
	push.origin = (enum local_origin)origin;
	push.has_records = has_records == 1;
	*out = push;
	return 0;
}

size_t local_member_encode(uint8_t out[static LOCAL_MEMBER_MAX], const struct local_member *member)
{
	struct writer w = writer_of(out, LOCAL_MEMBER_MAX);
	write_u64(&w, (uint64_t)member->mtime_s);
	write_u32(&w, member->mtime_ns);
	write_bytes(&w, member->name, strnlen(member->name, MEMBER_NAME_MAX));
	return w.at;
}

int local_member_decode(struct local_member *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	int64_t mtime_s = (int64_t)read_u64(&r);
	uint32_t mtime_ns = read_u32(&r);
	size_t name_len = reader_left(&r);
	const uint8_t *name = read_view(&r, name_len);
	if (whole(&r) != 0 || name_len > MEMBER_NAME_MAX || mtime_ns >= 1000000000)
		return VERDICT_BAD_PROTOCOL;
	if (!member_name_is_valid((const char *)name, name_len))
		return VERDICT_BAD_NAME;
	out->mtime_s = mtime_s;
	out->mtime_ns = mtime_ns;
	memcpy(out->name, name, name_len);
	out->name[name_len] = 0;
	return 0;
}

void local_end_encode(uint8_t out[static LOCAL_END_BYTES], uint64_t bytes)
{
	struct writer w = writer_of(out, LOCAL_END_BYTES);
	write_u64(&w, bytes);
}

int local_end_decode(uint64_t *bytes, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	uint64_t value = read_u64(&r);
	if (whole(&r) != 0)
		return VERDICT_BAD_PROTOCOL;
	*bytes = value;
	return 0;
}

void local_finish_encode(uint8_t out[static LOCAL_FINISH_BYTES], const struct local_finish *finish)
{
	struct writer w = writer_of(out, LOCAL_FINISH_BYTES);
	write_u64(&w, finish->members);
	write_u64(&w, finish->bytes);
}

int local_finish_decode(struct local_finish *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	struct local_finish finish = {.members = read_u64(&r), .bytes = 0};
	finish.bytes = read_u64(&r);
	if (whole(&r) != 0)
		return VERDICT_BAD_PROTOCOL;
	*out = finish;
	return 0;
}

void local_accepted_encode(uint8_t out[static LOCAL_ACCEPTED_BYTES],
			   const struct local_accepted *accepted)
{
	struct writer w = writer_of(out, LOCAL_ACCEPTED_BYTES);
	write_bytes(&w, accepted->push_id, PUSH_ID_BYTES);
	write_name(&w, accepted->name, BUNDLE_NAME_BYTES);
	write_u64(&w, accepted->object_len);
	write_u64(&w, accepted->content_len);
	write_u64(&w, accepted->members);
	write_u64(&w, accepted->records);
}

int local_accepted_decode(struct local_accepted *out, const uint8_t *in, size_t len)
{
	struct local_accepted accepted = {0};
	struct reader r = reader_of(in, len);
	read_bytes(&r, accepted.push_id, PUSH_ID_BYTES);
	int result = read_bundle_name(&r, accepted.name);
	accepted.object_len = read_u64(&r);
	accepted.content_len = read_u64(&r);
	accepted.members = read_u64(&r);
	accepted.records = read_u64(&r);
	if (whole(&r) != 0)
		return VERDICT_BAD_PROTOCOL;
	if (result == 0)
		*out = accepted;
	return result;
}

size_t local_refused_encode(uint8_t out[static LOCAL_REFUSED_MAX], int result, const char *where)
{
	struct writer w = writer_of(out, LOCAL_REFUSED_MAX);
	size_t where_len = strnlen(where, LOCAL_WHERE_BYTES);
	write_u32(&w, (uint32_t)result);
	write_u16(&w, (uint16_t)where_len);
	write_bytes(&w, where, where_len);
	return w.at;
}

/* A verdict, -errno, or 0. */
static bool is_result(int result)
{
	return result >= -4095 && result < VERDICT_COUNT_END;
}

int local_refused_decode(struct local_refused *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	int result = (int)read_u32(&r);
	uint16_t where_len = read_u16(&r);
	const uint8_t *where = read_view(&r, where_len);
	if (whole(&r) != 0 || result == 0 || !is_result(result) ||
	    where_len > LOCAL_WHERE_BYTES || memchr(where, 0, where_len) != NULL)
		return VERDICT_BAD_PROTOCOL;
	out->result = result;
	memcpy(out->where, where, where_len);
	out->where[where_len] = 0;
	return 0;
}

void local_caller_encode(uint8_t out[static LOCAL_CALLER_BYTES], const struct local_caller *caller)
{
	struct writer w = writer_of(out, LOCAL_CALLER_BYTES);
	write_u32(&w, caller->uid);
	write_u32(&w, (uint32_t)caller->pid);
	write_u8(&w, caller->is_proven);
	write_zeros(&w, 3);
	local_push_encode(out + w.at, &caller->push);
}

int local_caller_decode(struct local_caller *out, const uint8_t *in, size_t len)
{
	struct local_caller caller = {0};
	struct reader r = reader_of(in, len);
	caller.uid = read_u32(&r);
	caller.pid = (int32_t)read_u32(&r);
	uint8_t is_proven = read_u8(&r);
	bool reserved_are_zero = read_zeros(&r, 3);
	const uint8_t *push = read_view(&r, LOCAL_PUSH_BYTES);
	if (whole(&r) != 0 || is_proven > 1 || !reserved_are_zero)
		return VERDICT_BAD_PROTOCOL;
	/* one that was never read is all zeros */
	if (!bytes_are_zero(push, LOCAL_PUSH_BYTES)) {
		int result = local_push_decode(&caller.push, push, LOCAL_PUSH_BYTES);
		if (result != 0)
			return result;
	}
	caller.is_proven = is_proven == 1;
	*out = caller;
	return 0;
}

size_t local_note_encode(uint8_t out[static LOCAL_NOTE_MAX], const struct local_note *note)
{
	local_caller_encode(out, &note->caller);
	return LOCAL_CALLER_BYTES + local_refused_encode(out + LOCAL_CALLER_BYTES, note->refused.result,
							 note->refused.where);
}

int local_note_decode(struct local_note *out, const uint8_t *in, size_t len)
{
	struct local_note note;
	if (len < LOCAL_CALLER_BYTES)
		return VERDICT_BAD_PROTOCOL;
	int result = local_caller_decode(&note.caller, in, LOCAL_CALLER_BYTES);
	if (result == 0)
		result = local_refused_decode(&note.refused, in + LOCAL_CALLER_BYTES,
					      len - LOCAL_CALLER_BYTES);
	if (result == 0)
		*out = note;
	return result;
}

size_t local_commit_encode(uint8_t out[static LOCAL_COMMIT_MAX], const struct local_commit *commit)
{
	statement_encode(out, &commit->statement);
	memcpy(out + STATEMENT_BYTES, commit->registry, SUITE_DIGEST_BYTES);
	return COMMIT_DOSSIER_AT + dossier_encode(out + COMMIT_DOSSIER_AT, &commit->dossier);
}

int local_commit_decode(struct local_commit *out, const uint8_t *in, size_t len)
{
	struct statement statement;
	if (len < COMMIT_DOSSIER_AT)
		return VERDICT_BAD_PROTOCOL;
	int result = statement_decode(&statement, in);
	if (result == 0)
		result = dossier_decode(&out->dossier, in + COMMIT_DOSSIER_AT, len - COMMIT_DOSSIER_AT);
	if (result != 0)
		return result;
	if (memcmp(out->dossier.push_id, statement.push_id, PUSH_ID_BYTES) != 0)
		return VERDICT_BAD_PROTOCOL;
	out->statement = statement;
	memcpy(out->registry, in + STATEMENT_BYTES, SUITE_DIGEST_BYTES);
	return 0;
}

size_t local_approve_encode(uint8_t out[static LOCAL_APPROVE_MAX], const struct local_approve *approve)
{
	memcpy(out, approve->push_id, PUSH_ID_BYTES);
	return PUSH_ID_BYTES + endorsement_encode(out + PUSH_ID_BYTES,
						  LOCAL_APPROVE_MAX - PUSH_ID_BYTES,
						  &approve->approval);
}

int local_approve_decode(struct local_approve *out, const uint8_t *in, size_t len)
{
	struct endorsement approval;
	if (len < PUSH_ID_BYTES)
		return VERDICT_BAD_PROTOCOL;
	int result = endorsement_decode(&approval, in + PUSH_ID_BYTES, len - PUSH_ID_BYTES);
	if (result != 0)
		return result;
	memcpy(out->push_id, in, PUSH_ID_BYTES);
	out->approval = approval;
	return 0;
}

size_t local_deny_encode(uint8_t out[static LOCAL_DENY_MAX], const struct local_deny *deny)
{
	const struct refusal *refusal = &deny->refusal;
	struct writer w = writer_of(out, LOCAL_DENY_MAX);
	size_t len = strnlen(refusal->reason, REASON_BYTES_MAX);
	write_bytes(&w, deny->push_id, PUSH_ID_BYTES);
	write_name(&w, refusal->person, NAME_BYTES);
	write_bytes(&w, refusal->key_id, KEY_ID_BYTES);
	write_u64(&w, refusal->at);
	write_u16(&w, (uint16_t)len);
	write_bytes(&w, refusal->reason, len);
	signature_write(&w, &refusal->signature);
	return w.at;
}

int local_deny_decode(struct local_deny *out, const uint8_t *in, size_t len)
{
	struct local_deny deny = {0};
	struct refusal *refusal = &deny.refusal;
	struct reader r = reader_of(in, len);
	read_bytes(&r, deny.push_id, PUSH_ID_BYTES);
	read_bytes(&r, refusal->person, NAME_BYTES);
	read_bytes(&r, refusal->key_id, KEY_ID_BYTES);
	refusal->at = read_u64(&r);
	uint16_t reason_len = read_u16(&r);
	const uint8_t *reason = read_view(&r, reason_len);
	if (reason == NULL || reason_len == 0 || reason_len > REASON_BYTES_MAX ||
	    memchr(reason, 0, reason_len) != NULL || !text_is_utf8(reason, reason_len))
		return VERDICT_BAD_PROTOCOL;
	memcpy(refusal->reason, reason, reason_len);
	if (signature_read(&refusal->signature, &r) != 0 || whole(&r) != 0)
		return VERDICT_BAD_PROTOCOL;
	if (!name32_is_valid(refusal->person))
		return VERDICT_BAD_NAME;
	*out = deny;
	return 0;
}

void local_item_encode(uint8_t out[static LOCAL_ITEM_BYTES], const struct local_item *item)
{
	struct writer w = writer_of(out, LOCAL_ITEM_BYTES);
	write_bytes(&w, item->push_id, PUSH_ID_BYTES);
	write_name(&w, item->name, BUNDLE_NAME_BYTES);
	write_name(&w, item->route, NAME_BYTES);
	write_name(&w, item->person, NAME_BYTES);
	const uint64_t numbers[] = {item->created,    item->released_at, item->destroy_by,
				    item->registry_version, item->object_len,  item->sent_bytes,
				    item->total_bytes,      item->passes_done, item->passes,
				    item->content_len,      item->members,     item->records};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		write_u64(&w, numbers[i]);
	write_bytes(&w, item->root, SUITE_DIGEST_BYTES);
	write_u8(&w, (uint8_t)item->state);
	write_u8(&w, item->approvals);
	write_u8(&w, item->quorum);
	write_u8(&w, (uint8_t)item->waits);
	write_u32(&w, (uint32_t)item->held_for);
	write_u32(&w, item->resends);
}

int local_item_decode(struct local_item *out, const uint8_t *in, size_t len)
{
	struct local_item item = {0};
	struct reader r = reader_of(in, len);
	read_bytes(&r, item.push_id, PUSH_ID_BYTES);
	int result = read_bundle_name(&r, item.name);
	read_bytes(&r, item.route, NAME_BYTES);
	read_bytes(&r, item.person, NAME_BYTES);
	uint64_t *const numbers[] = {&item.created,    &item.released_at, &item.destroy_by,
				     &item.registry_version, &item.object_len,  &item.sent_bytes,
				     &item.total_bytes,      &item.passes_done, &item.passes,
				     &item.content_len,      &item.members,     &item.records};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = read_u64(&r);
	read_bytes(&r, item.root, SUITE_DIGEST_BYTES);
	uint8_t state = read_u8(&r);
	item.approvals = read_u8(&r);
	item.quorum = read_u8(&r);
	uint8_t waits = read_u8(&r);
	item.held_for = (int)read_u32(&r);
	item.resends = read_u32(&r);
	if (whole(&r) != 0 || waits > WAITS_FOR_PERSON || state < LOCAL_HELD || state >= LOCAL_STATE_END ||
	    !is_result(item.held_for))
		return VERDICT_BAD_PROTOCOL;
	if (result != 0 || !name32_is_valid(item.route) || !name32_is_valid(item.person))
		return VERDICT_BAD_NAME;
	item.state = (enum local_state)state;
	item.waits = (enum waits)waits;
	*out = item;
	return 0;
}

int local_show_decode(char out[static LOCAL_KEYWORD_BYTES], const uint8_t *in, size_t len)
{
	if (len == 0 || len >= LOCAL_KEYWORD_BYTES)
		return VERDICT_BAD_PROTOCOL;
	for (size_t i = 0; i < len; i++)
		if (!((in[i] >= 'a' && in[i] <= 'z') || (in[i] >= '0' && in[i] <= '9') ||
		      in[i] == '-'))
			return VERDICT_BAD_PROTOCOL;
	memcpy(out, in, len);
	out[len] = 0;
	return 0;
}

void local_done_encode(uint8_t out[static LOCAL_DONE_BYTES], uint32_t count)
{
	struct writer w = writer_of(out, LOCAL_DONE_BYTES);
	write_u32(&w, count);
}

int local_done_decode(uint32_t *count, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	uint32_t value = read_u32(&r);
	if (whole(&r) != 0)
		return VERDICT_BAD_PROTOCOL;
	*count = value;
	return 0;
}

int local_refuse(int fd, int result, const char *where)
{
	uint8_t payload[LOCAL_REFUSED_MAX];
	size_t len = local_refused_encode(payload, result, where);
	return channel_send(fd, LOCAL_REFUSED, payload, len);
}

const char *local_state_name(enum local_state state)
{
	switch (state) {
	case LOCAL_HELD:
		return "held";
	case LOCAL_READY_TO_SEND:
		return "ready";
	case LOCAL_SENDING:
		return "sending";
	case LOCAL_SENT:
		return "sent";
	case LOCAL_WAITING:
		return "waiting";
	case LOCAL_STATE_END:
		break;
	}
	return "unknown";
}
