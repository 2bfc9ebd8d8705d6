#include "bundle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bundle_parts.h"
#include "endorsement.h"
#include "geometry.h"
#include "verdict.h"

enum { SEGMENTS_MIN = 3 };

static const char statement_magic[8] = {'W', 'E', 'I', 'R', 'P', 'U', 'S', 'H'};
static const char release_magic[8] = {'W', 'E', 'I', 'R', 'R', 'E', 'L', 'S'};

bool name_is_valid(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz";
	static const char any[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strnlen(name, NAME_BYTES);
	return len >= 1 && len < NAME_BYTES && strspn(name, first) > 0 && strspn(name, any) == len;
}

bool name32_is_valid(const char name[static NAME_BYTES])
{
	size_t len = strnlen(name, NAME_BYTES);
	return len < NAME_BYTES && name_is_valid(name) &&
	       bytes_are_zero(name + len, NAME_BYTES - len);
}

void bundle_write_name(struct writer *w, const char name[static NAME_BYTES])
{
	size_t len = strnlen(name, NAME_BYTES);
	write_bytes(w, name, len);
	write_zeros(w, NAME_BYTES - len);
}

void bundle_write_start(struct writer *w, const char magic[static 8])
{
	write_bytes(w, magic, 8);
	write_u16(w, BUNDLE_VERSION);
	write_u16(w, BUNDLE_SUITE);
}

int bundle_read_start(struct reader *r, const char magic[static 8])
{
	const uint8_t *got = read_view(r, 8);
	if (got == NULL)
		return VERDICT_TRUNCATED;
	if (memcmp(got, magic, 8) != 0)
		return VERDICT_BAD_MAGIC;
	if (read_u16(r) != BUNDLE_VERSION)
		return VERDICT_UNKNOWN_VERSION;
	return read_u16(r) == BUNDLE_SUITE ? VERDICT_OK : VERDICT_UNKNOWN_SUITE;
}

/* BUNDLE.md 2 */
static void write_statement(struct writer *w, const struct statement *s)
{
	bundle_write_start(w, statement_magic);
	write_u32(w, 0);
	write_bytes(w, s->push_id, PUSH_ID_BYTES);
	bundle_write_name(w, s->route);
	bundle_write_name(w, s->person);
	write_bytes(w, s->person_key, KEY_ID_BYTES);
	write_u64(w, s->registry_version);
	write_u64(w, s->created);
	write_u64(w, s->destroy_by);
	write_u64(w, s->segments);
	write_u32(w, s->manifest_segments);
	write_u32(w, 0);
	write_bytes(w, s->root, SUITE_DIGEST_BYTES);
	write_bytes(w, s->manifest_digest, SUITE_DIGEST_BYTES);
	write_u64(w, s->policy_version);
	write_u8(w, (uint8_t)s->guard);
	write_u8(w, (uint8_t)s->scan);
	write_zeros(w, 6);
}

void statement_encode(uint8_t out[static STATEMENT_BYTES], const struct statement *s)
{
	struct writer w = writer_of(out, STATEMENT_BYTES);
	write_statement(&w, s);
	assert(!w.overrun && w.at == STATEMENT_BYTES);
}

static int statement_check_limits(const struct statement *s)
{
	if (!name32_is_valid(s->route) || !name32_is_valid(s->person))
		return VERDICT_BAD_NAME;
	if (s->destroy_by < s->created)
		return VERDICT_BAD_TIME;
	if (s->segments < SEGMENTS_MIN || s->segments > BUNDLE_SEGMENTS_MAX ||
	    s->manifest_segments < 1 || s->manifest_segments > MANIFEST_SEGMENTS_MAX ||
	    s->segments < 2 + (uint64_t)s->manifest_segments || s->policy_version > INT64_MAX)
		return VERDICT_BAD_LIMIT;
	if ((unsigned int)s->guard > GUARD_PASSED || (unsigned int)s->scan > SCAN_CLEAN)
		return VERDICT_BAD_TYPE;
	return VERDICT_OK;
}

static int read_statement(struct statement *out, struct reader *r)
{
	int result = bundle_read_start(r, statement_magic);
	if (result != 0)
		return result;
	bool reserved = read_zeros(r, 4);
	read_bytes(r, out->push_id, PUSH_ID_BYTES);
	read_bytes(r, out->route, NAME_BYTES);
	read_bytes(r, out->person, NAME_BYTES);
	read_bytes(r, out->person_key, KEY_ID_BYTES);
	out->registry_version = read_u64(r);
	out->created = read_u64(r);
	out->destroy_by = read_u64(r);
	out->segments = read_u64(r);
	out->manifest_segments = read_u32(r);
	reserved = read_zeros(r, 4) && reserved;
	read_bytes(r, out->root, SUITE_DIGEST_BYTES);
	read_bytes(r, out->manifest_digest, SUITE_DIGEST_BYTES);
	out->policy_version = read_u64(r);
	out->guard = (enum guard_verdict)read_u8(r);
	out->scan = (enum scan_verdict)read_u8(r);
	reserved = read_zeros(r, 6) && reserved;
	if (r->overrun)
		return VERDICT_TRUNCATED;
	return reserved ? statement_check_limits(out) : VERDICT_BAD_RESERVED;
}

int statement_decode(struct statement *out, const uint8_t in[static STATEMENT_BYTES])
{
	struct reader r = reader_of(in, STATEMENT_BYTES);
	struct statement s;
	int result = read_statement(&s, &r);
	if (result == 0)
		*out = s;
	return result;
}

/* BUNDLE.md 3 */
static void write_release(struct writer *w, const struct release *r,
			  const struct endorsements *endorsements)
{
	bundle_write_start(w, release_magic);
	write_u16(w, r->route_id);
	write_u16(w, endorsements->count);
	write_u64(w, r->epoch);
	write_u64(w, r->number);
	write_u64(w, r->released_at);
	write_u32(w, r->row_len);
	write_u8(w, r->source_rows);
	write_u8(w, r->repair_rows);
	write_u16(w, endorsements->len);
	bundle_write_name(w, r->box);
	write_bytes(w, r->box_key, KEY_ID_BYTES);
	write_statement(w, &r->statement);
	assert(w->at == RELEASE_BYTES);
	write_bytes(w, endorsements->bytes, endorsements->len);
	write_zeros(w, BOX_SIGNATURE_AT - w->at);
	assert(!w->overrun);
}

static int release_check_limits(const struct release *r)
{
	if (r->epoch == 0 || r->number == 0 || r->number >= BUNDLE_NUMBER_END)
		return VERDICT_BAD_LIMIT;
	if (r->released_at < r->statement.created)
		return VERDICT_BAD_TIME;
	if (!name32_is_valid(r->box))
		return VERDICT_BAD_NAME;
	struct geometry g = {
		.object_len = bundle_object_len(&r->statement),
		.row_len = r->row_len,
		.source_rows = r->source_rows,
		.repair_rows = r->repair_rows,
	};
	return geometry_check(&g);
}

/* endorsements are a view: count and length from the header, bytes from the segment. */
static int read_endorsements(struct reader *r, uint16_t count, uint16_t len,
			     struct endorsements *out)
{
	const uint8_t *bytes = read_view(r, len);
	if (bytes == NULL || r->at > BOX_SIGNATURE_AT)
		return VERDICT_BAD_LIMIT;
	if (!read_zeros(r, BOX_SIGNATURE_AT - r->at))
		return VERDICT_BAD_RESERVED;
	int result = endorsements_check(bytes, len, count);
	if (result == 0 && out != NULL) {
		out->count = count;
		out->len = len;
		memcpy(out->bytes, bytes, len);
	}
	return result;
}

static int read_release(struct release *out, struct endorsements *endorsements, struct reader *r)
{
	int result = bundle_read_start(r, release_magic);
	if (result != 0)
		return result;
	out->route_id = read_u16(r);
	uint16_t count = read_u16(r);
	out->epoch = read_u64(r);
	out->number = read_u64(r);
	out->released_at = read_u64(r);
	out->row_len = read_u32(r);
	out->source_rows = read_u8(r);
	out->repair_rows = read_u8(r);
	uint16_t len = read_u16(r);
	read_bytes(r, out->box, NAME_BYTES);
	read_bytes(r, out->box_key, KEY_ID_BYTES);
	result = read_statement(&out->statement, r);
	return result != 0 ? result : read_endorsements(r, count, len, endorsements);
}

static const char release_domain[] = "weir1 release";

int release_segment_encode(uint8_t out[static SEGMENT_BYTES], const struct release *r,
			   const struct endorsements *endorsements,
			   const uint8_t box_seed[static SUITE_KEY_BYTES])
{
	struct writer w = writer_of(out, SEGMENT_BYTES);
	write_release(&w, r, endorsements);
	return suite_sign(out + BOX_SIGNATURE_AT, release_domain, out, BOX_SIGNATURE_AT, box_seed);
}

int release_segment_decode(struct release *out, struct endorsements *endorsements,
			   const uint8_t in[static SEGMENT_BYTES])
{
	struct reader r = reader_of(in, SEGMENT_BYTES);
	struct release release;
	struct endorsements got;
	int result = read_release(&release, &got, &r);
	if (result == 0)
		result = release_check_limits(&release);
	if (result != 0)
		return result;
	*out = release;
	if (endorsements != NULL)
		*endorsements = got;
	return 0;
}

int release_segment_verify(const uint8_t in[static SEGMENT_BYTES],
			   const uint8_t box_public[static SUITE_KEY_BYTES])
{
	return suite_verify(in + BOX_SIGNATURE_AT, release_domain, in, BOX_SIGNATURE_AT, box_public);
}

void unreleased_segment_encode(uint8_t out[static SEGMENT_BYTES], const struct statement *s,
			       const struct endorsements *endorsements)
{
	struct release r = {.statement = *s};
	struct writer w = writer_of(out, SEGMENT_BYTES);
	write_release(&w, &r, endorsements);
	write_zeros(&w, SUITE_SIGNATURE_BYTES);
}

int unreleased_segment_decode(struct statement *s, struct endorsements *endorsements,
			      const uint8_t in[static SEGMENT_BYTES])
{
	struct reader reader = reader_of(in, SEGMENT_BYTES);
	struct release r;
	struct endorsements got;
	int result = read_release(&r, &got, &reader);
	if (result != 0)
		return result;
	/* all that the release itself would say must still be zero */
	uint8_t wanted[SEGMENT_BYTES];
	unreleased_segment_encode(wanted, &r.statement, &got);
	if (memcmp(wanted, in, SEGMENT_BYTES) != 0)
		return VERDICT_BAD_RESERVED;
	*s = r.statement;
	*endorsements = got;
	return VERDICT_OK;
}

uint64_t bundle_object_len(const struct statement *s)
{
	return (s->segments + 1) * SEGMENT_BYTES;
}

void bundle_name(char out[static BUNDLE_NAME_BYTES], const char *route, uint64_t number)
{
	snprintf(out, BUNDLE_NAME_BYTES, "%.31s-%06" PRIu64, route, number);
}

int bundle_name_parse(const char *name, char route[static NAME_BYTES], uint64_t *number)
{
	const char *dash = strrchr(name, '-');
	if (dash == NULL || dash == name || dash - name >= NAME_BYTES)
		return VERDICT_BAD_NAME;
	uint64_t value = 0;
	for (const char *p = dash + 1; *p != 0; p++) {
		if (*p < '0' || *p > '9' || value >= BUNDLE_NUMBER_END)
			return VERDICT_BAD_NAME;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	char parsed[NAME_BYTES] = {0};
	memcpy(parsed, name, (size_t)(dash - name));
	/* one bundle, one name: whatever else would be printed differently is refused */
	char again[BUNDLE_NAME_BYTES];
	bundle_name(again, parsed, value);
	if (!name_is_valid(parsed) || value == 0 || value >= BUNDLE_NUMBER_END ||
	    strcmp(again, name) != 0)
		return VERDICT_BAD_NAME;
	memcpy(route, parsed, NAME_BYTES);
	*number = value;
	return VERDICT_OK;
}

uint64_t bundle_pad(uint64_t len)
{
	if (len < 2)
		return len;
	unsigned int exponent = 63 - (unsigned int)__builtin_clzll(len);
	unsigned int bits = exponent == 0 ? 1 : 32 - (unsigned int)__builtin_clz(exponent);
	if (exponent <= bits)
		return len;
	uint64_t step = UINT64_C(1) << (exponent - bits);
	return (len + step - 1) / step * step;
}
