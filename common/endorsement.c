#include "endorsement.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bundle_parts.h"
#include "cursor.h"
#include "verdict.h"

enum { RECORD_HEADER_BYTES = 4 };

const char approval_domain[] = "weir1 approve";
const char refusal_domain[] = "weir1 refuse";
const char push_domain[] = "weir1 push";

static bool has_signature(enum endorsement_type type)
{
	return type != ENDORSEMENT_RELEASE_ORDER;
}

static bool has_order(enum endorsement_type type)
{
	return type == ENDORSEMENT_PUSH_ORDER || type == ENDORSEMENT_RELEASE_ORDER;
}

/* Everything of one record behind its header; r ends where it does. */
static int read_body(struct endorsement *e, struct reader *r)
{
	if (e->type == ENDORSEMENT_APPROVAL) {
		read_bytes(r, e->person, NAME_BYTES);
		read_bytes(r, e->key_id, KEY_ID_BYTES);
		e->at = read_u64(r);
		if (r->overrun)
			return VERDICT_TRUNCATED;
		if (!name32_is_valid(e->person))
			return VERDICT_BAD_NAME;
	}
	if (has_signature(e->type)) {
		int result = signature_read(&e->signature, r);
		if (result != 0)
			return result;
	}
	if (has_order(e->type)) {
		e->order_len = reader_left(r);
		e->order = read_view(r, e->order_len);
		return e->order_len > 0 ? VERDICT_OK : VERDICT_TRUNCATED;
	}
	return reader_left(r) == 0 ? VERDICT_OK : VERDICT_TRAILING_BYTES;
}

/* The next record of r; its length says where it ends. */
static int read_record(struct endorsement *out, struct reader *r)
{
	struct endorsement e = {0};
	uint8_t type = read_u8(r);
	uint8_t reserved = read_u8(r);
	uint16_t len = read_u16(r);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	if (type < ENDORSEMENT_PUSH || type > ENDORSEMENT_RELEASE_ORDER)
		return VERDICT_BAD_TYPE;
	if (reserved != 0)
		return VERDICT_BAD_RESERVED;
	if (len < RECORD_HEADER_BYTES)
		return VERDICT_BAD_LENGTH;
	const uint8_t *body = read_view(r, len - (size_t)RECORD_HEADER_BYTES);
	if (body == NULL)
		return VERDICT_TRUNCATED;
	struct reader b = reader_of(body, len - (size_t)RECORD_HEADER_BYTES);
	e.type = (enum endorsement_type)type;
	int result = read_body(&e, &b);
	if (result == 0)
		*out = e;
	return result;
}

/* Whether `next` may stand behind `before`; before is NULL for the first. */
static int check_place(const struct endorsement *before, const struct endorsement *next)
{
	bool is_push = next->type == ENDORSEMENT_PUSH || next->type == ENDORSEMENT_PUSH_ORDER;
	if (is_push != (before == NULL))
		return VERDICT_BAD_ORDER;
	if (before == NULL)
		return VERDICT_OK;
	if (before->type == ENDORSEMENT_RELEASE_ORDER)
		return VERDICT_BAD_ORDER;
	if (before->type == ENDORSEMENT_APPROVAL && next->type == ENDORSEMENT_APPROVAL &&
	    memcmp(before->key_id, next->key_id, KEY_ID_BYTES) >= 0)
		return VERDICT_BAD_ORDER;
	return VERDICT_OK;
}

int endorsements_check(const uint8_t *bytes, size_t len, uint16_t count)
{
	struct reader r = reader_of(bytes, len);
	struct endorsement before, next;
	size_t approvals = 0;
	if (count == 0)
		return VERDICT_BAD_LIMIT;
	for (uint16_t i = 0; i < count; i++) {
		int result = read_record(&next, &r);
		if (result == 0)
			result = check_place(i == 0 ? NULL : &before, &next);
		if (result != 0)
			return result;
		approvals += next.type == ENDORSEMENT_APPROVAL;
		if (approvals > APPROVALS_MAX)
			return VERDICT_BAD_LIMIT;
		before = next;
	}
	return reader_left(&r) == 0 ? VERDICT_OK : VERDICT_TRAILING_BYTES;
}

bool endorsements_next(const struct endorsements *endorsements, size_t *at, struct endorsement *out)
{
	struct reader r = reader_of(endorsements->bytes + *at, endorsements->len - *at);
	if (*at >= endorsements->len || read_record(out, &r) != 0)
		return false;
	*at += r.at;
	return true;
}

size_t endorsements_approvals(const struct endorsements *endorsements)
{
	struct endorsement e;
	size_t at = 0, count = 0;
	while (endorsements_next(endorsements, &at, &e))
		count += e.type == ENDORSEMENT_APPROVAL;
	return count;
}

void endorsements_officers(const struct endorsements *endorsements, char *out, size_t size)
{
	struct endorsement e;
	size_t at = 0, len = 0;
	out[0] = 0;
	while (endorsements_next(endorsements, &at, &e))
		if (e.type == ENDORSEMENT_APPROVAL && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? " " : "",
						e.person);
}

size_t endorsement_encode(uint8_t *out, size_t size, const struct endorsement *e)
{
	struct writer w = writer_of(out, size);
	write_u8(&w, (uint8_t)e->type);
	write_u8(&w, 0);
	write_u16(&w, 0);
	if (e->type == ENDORSEMENT_APPROVAL) {
		bundle_write_name(&w, e->person);
		write_bytes(&w, e->key_id, KEY_ID_BYTES);
		write_u64(&w, e->at);
	}
	if (has_signature(e->type))
		signature_write(&w, &e->signature);
	if (has_order(e->type))
		write_bytes(&w, e->order, e->order_len);
	if (w.overrun || w.at > UINT16_MAX)
		return 0;
	struct writer len = writer_of(out + 2, 2);
	write_u16(&len, (uint16_t)w.at);
	return w.at;
}

int endorsement_decode(struct endorsement *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	struct endorsement e;
	int result = read_record(&e, &r);
	if (result == 0 && reader_left(&r) != 0)
		result = VERDICT_TRAILING_BYTES;
	if (result == 0)
		*out = e;
	return result;
}

static bool is_push(const struct endorsement *e)
{
	return e->type == ENDORSEMENT_PUSH || e->type == ENDORSEMENT_PUSH_ORDER;
}

/* Where the record belongs: [*from, *to) is what it replaces. */
static int find_place(const struct endorsements *all, const struct endorsement *e, size_t *from,
		      size_t *to)
{
	struct endorsement other;
	size_t at = 0, start = 0;
	*from = *to = all->len;
	while (endorsements_next(all, &at, &other)) {
		if (is_push(&other) && is_push(e)) {
			*from = start;
			*to = at;
			return VERDICT_OK;
		}
		int order = other.type == ENDORSEMENT_APPROVAL && e->type == ENDORSEMENT_APPROVAL
				    ? memcmp(other.key_id, e->key_id, KEY_ID_BYTES)
				    : (int)other.type - (int)e->type;
		if (order == 0)
			return VERDICT_ALREADY_APPROVED;
		if (order > 0) {
			*from = *to = start;
			return VERDICT_OK;
		}
		start = at;
	}
	return VERDICT_OK;
}

int endorsements_add(struct endorsements *all, const struct endorsement *e)
{
	uint8_t record[ENDORSEMENTS_BYTES_MAX];
	size_t from, to;
	size_t len = endorsement_encode(record, sizeof(record), e);
	int result = find_place(all, e, &from, &to);
	if (result != 0)
		return result;
	size_t left = all->len - (to - from);
	if (len == 0 || left + len > sizeof(all->bytes) ||
	    (e->type == ENDORSEMENT_APPROVAL && endorsements_approvals(all) >= APPROVALS_MAX))
		return VERDICT_BAD_LIMIT;
	memmove(all->bytes + from + len, all->bytes + to, all->len - to);
	memcpy(all->bytes + from, record, len);
	all->count = (uint16_t)(all->count + (from == to ? 1 : 0));
	all->len = (uint16_t)(left + len);
	return VERDICT_OK;
}

void decision_encode(uint8_t out[static DECISION_BYTES], const struct statement *statement,
		     const char person[static NAME_BYTES], const uint8_t key_id[static KEY_ID_BYTES],
		     uint64_t at)
{
	struct writer w = writer_of(out, DECISION_BYTES);
	statement_encode(out, statement);
	w.at = STATEMENT_BYTES;
	bundle_write_name(&w, person);
	write_bytes(&w, key_id, KEY_ID_BYTES);
	write_u64(&w, at);
	assert(!w.overrun && w.at == DECISION_BYTES);
}
