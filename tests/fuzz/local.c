/*
 * Every decoder of the local sockets' messages over any bytes: the first byte chooses the decoder.  What is
 * taken encodes to the same bytes again.
 */
#include "sender/local.h"

#include <assert.h>
#include <string.h>

#include "common/verdict.h"
#include "sender/spent.h"
#include "sender/standing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void push(const uint8_t *in, size_t len)
{
	struct local_push push;
	uint8_t again[LOCAL_PUSH_BYTES];
	if (local_push_decode(&push, in, len) != 0)
		return;
	local_push_encode(again, &push);
	assert(len == sizeof(again) && memcmp(again, in, len) == 0);
}

static void member(const uint8_t *in, size_t len)
{
	struct local_member member;
	uint8_t again[LOCAL_MEMBER_MAX];
	if (local_member_decode(&member, in, len) != 0)
		return;
	assert(member_name_is_valid(member.name, strlen(member.name)));
	assert(local_member_encode(again, &member) == len && memcmp(again, in, len) == 0);
}

static void lengths(const uint8_t *in, size_t len)
{
	uint64_t bytes;
	struct local_finish finish;
	uint8_t again[LOCAL_FINISH_BYTES];
	if (local_end_decode(&bytes, in, len) == 0) {
		local_end_encode(again, bytes);
		assert(len == LOCAL_END_BYTES && memcmp(again, in, len) == 0);
	}
	if (local_finish_decode(&finish, in, len) == 0) {
		local_finish_encode(again, &finish);
		assert(len == LOCAL_FINISH_BYTES && memcmp(again, in, len) == 0);
	}
}

static void accepted(const uint8_t *in, size_t len)
{
	struct local_accepted accepted;
	uint8_t again[LOCAL_ACCEPTED_BYTES];
	if (local_accepted_decode(&accepted, in, len) != 0)
		return;
	local_accepted_encode(again, &accepted);
	assert(len == sizeof(again) && memcmp(again, in, len) == 0);
}

static void refused(const uint8_t *in, size_t len)
{
	struct local_refused refused;
	uint8_t again[LOCAL_REFUSED_MAX];
	if (local_refused_decode(&refused, in, len) != 0)
		return;
	assert(verdict_explain(refused.result) != NULL);
	assert(local_refused_encode(again, refused.result, refused.where) == len);
	assert(memcmp(again, in, len) == 0);
}

static void caller(const uint8_t *in, size_t len)
{
	struct local_caller caller;
	uint8_t again[LOCAL_CALLER_BYTES];
	if (local_caller_decode(&caller, in, len) != 0)
		return;
	local_caller_encode(again, &caller);
	assert(len == sizeof(again) && memcmp(again, in, len) == 0);
}

static void told(const uint8_t *in, size_t len)
{
	struct local_note note;
	uint8_t again[LOCAL_NOTE_MAX];
	if (local_note_decode(&note, in, len) != 0)
		return;
	assert(note.refused.result != 0);
	assert(local_note_encode(again, &note) == len && memcmp(again, in, len) == 0);
}

static void done(const uint8_t *in, size_t len)
{
	uint32_t count;
	uint8_t again[LOCAL_DONE_BYTES];
	if (local_done_decode(&count, in, len) != 0)
		return;
	local_done_encode(again, count);
	assert(len == sizeof(again) && memcmp(again, in, len) == 0);
}

static void commit(const uint8_t *in, size_t len)
{
	struct local_commit commit;
	uint8_t again[LOCAL_COMMIT_MAX];
	if (local_commit_decode(&commit, in, len) != 0)
		return;
	assert(local_commit_encode(again, &commit) == len && memcmp(again, in, len) == 0);
}

static void approve(const uint8_t *in, size_t len)
{
	struct local_approve approve;
	uint8_t again[LOCAL_APPROVE_MAX];
	if (local_approve_decode(&approve, in, len) != 0)
		return;
	assert(local_approve_encode(again, &approve) == len && memcmp(again, in, len) == 0);
}

static void deny(const uint8_t *in, size_t len)
{
	struct local_deny deny;
	uint8_t again[LOCAL_DENY_MAX];
	if (local_deny_decode(&deny, in, len) != 0)
		return;
	assert(strlen(deny.refusal.reason) <= REASON_BYTES_MAX);
	assert(local_deny_encode(again, &deny) == len && memcmp(again, in, len) == 0);
}

static void signature(const uint8_t *in, size_t len)
{
	struct signature signature;
	uint8_t again[SIGNATURE_ENCODED_MAX];
	if (local_signature_decode(&signature, in, len) != 0)
		return;
	assert(local_signature_encode(again, &signature) == len && memcmp(again, in, len) == 0);
}

static void item(const uint8_t *in, size_t len)
{
	struct local_item item;
	uint8_t again[LOCAL_ITEM_BYTES];
	if (local_item_decode(&item, in, len) != 0)
		return;
	assert(strcmp(local_state_name(item.state), "unknown") != 0);
	local_item_encode(again, &item);
	assert(len == sizeof(again) && memcmp(again, in, len) == 0);
}

static void order(const uint8_t *in, size_t len)
{
	struct local_order order;
	uint8_t again[LOCAL_ORDER_MAX];
	if (local_order_decode(&order, in, len) != 0)
		return;
	assert(local_order_encode(again, &order) == len && memcmp(again, in, len) == 0);
}

static void revoked(const uint8_t *in, size_t len)
{
	struct local_revoked revoked;
	uint8_t again[LOCAL_REVOKED_BYTES];
	if (local_revoked_decode(&revoked, in, len) != 0)
		return;
	local_revoked_encode(again, &revoked);
	assert(len == sizeof(again) && memcmp(again, in, len) == 0);
}

/* What ORDER_REVOKE carries, and what lies in spool/orders and spool/spent. */
static void kept(const uint8_t *in, size_t len)
{
	struct revocation revocation;
	struct spending spending;
	uint8_t again[REVOCATION_ENCODED_MAX];
	if (revocation_decode(&revocation, in, len) == 0)
		assert(revocation_encode(again, &revocation) == len && memcmp(again, in, len) == 0);
	if (spending_decode(&spending, in, len) == 0) {
		spending_encode(again, &spending);
		assert(len == SPENDING_BYTES && memcmp(again, in, len) == 0);
	}
}

static void resend(const uint8_t *in, size_t len)
{
	struct local_resend_found found;
	struct local_resend_taken taken;
	struct resendorder order;
	uint8_t again[LOCAL_RESEND_FOUND_BYTES], encoded[RESENDORDER_ENCODED_MAX];
	if (local_resend_found_decode(&found, in, len) == 0) {
		local_resend_found_encode(again, &found);
		assert(len == sizeof(again) && memcmp(again, in, len) == 0);
	}
	if (local_resend_taken_decode(&taken, in, len) == 0) {
		local_resend_taken_encode(again, &taken);
		assert(len == LOCAL_RESEND_TAKEN_BYTES && memcmp(again, in, len) == 0);
	}
	if (resendorder_decode(&order, in, len) == 0)
		assert(resendorder_encode(encoded, &order) == len && memcmp(encoded, in, len) == 0);
}

/* A code may be written in several ways; it means one thing. */
static void code(const uint8_t *in, size_t len)
{
	char text[128], again[RESENDCODE_TEXT_BYTES];
	struct resendcode first, second;
	size_t n = len < sizeof(text) ? len : sizeof(text) - 1;
	memcpy(text, in, n);
	text[n] = 0;
	if (resendcode_read(&first, text, 5) != 0)
		return;
	assert(resendcode_write(again, &first, 5) != NULL && resendcode_read(&second, again, 5) == 0);
	assert(first.number == second.number && first.route_id == second.route_id && first.block == second.block &&
	       first.rows == second.rows);
}

static void show(const uint8_t *in, size_t len)
{
	char keyword[LOCAL_KEYWORD_BYTES];
	if (local_show_decode(keyword, in, len) == 0)
		assert(strlen(keyword) == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const decoders[])(const uint8_t *, size_t) = {
		push, member, lengths, accepted, refused, commit, item, show,
		approve, deny, signature, order, revoked, kept, resend, code,
		caller, told, done,
	};
	if (size > 0)
		decoders[data[0] % (sizeof(decoders) / sizeof(decoders[0]))](data + 1, size - 1);
	return 0;
}
