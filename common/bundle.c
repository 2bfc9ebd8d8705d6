#include "bundle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bundle_parts.h"
#include "geometry.h"
#include "verdict.h"

enum {
	SEGMENTS_MIN = 3,
	RELEASE_SIGNED_BYTES = RELEASE_BYTES - SUITE_SIGNATURE_BYTES,
};

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
	    s->segments < 2 + (uint64_t)s->manifest_segments)
		return VERDICT_BAD_LIMIT;
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

int statement_sign(uint8_t signature[static SUITE_SIGNATURE_BYTES], const struct statement *s,
		   const uint8_t person_seed[static SUITE_KEY_BYTES])
{
	uint8_t bytes[STATEMENT_BYTES];
	statement_encode(bytes, s);
	return suite_sign(signature, "weir1 push", bytes, sizeof(bytes), person_seed);
}

int statement_verify(const struct statement *s, const uint8_t signature[static SUITE_SIGNATURE_BYTES],
		     const uint8_t person_public[static SUITE_KEY_BYTES])
{
	uint8_t bytes[STATEMENT_BYTES];
	statement_encode(bytes, s);
	return suite_verify(signature, "weir1 push", bytes, sizeof(bytes), person_public);
}

/* BUNDLE.md 3 */
void release_encode(uint8_t out[static RELEASE_BYTES], const struct release *r)
{
	struct writer w = writer_of(out, RELEASE_BYTES);
	bundle_write_start(&w, release_magic);
	write_u16(&w, r->route_id);
	write_u16(&w, 0);
	write_u64(&w, r->epoch);
	write_u64(&w, r->number);
	write_u64(&w, r->released_at);
	write_u32(&w, r->row_len);
	write_u8(&w, r->source_rows);
	write_u8(&w, r->repair_rows);
	write_u16(&w, 0);
	bundle_write_name(&w, r->box);
	write_bytes(&w, r->box_key, KEY_ID_BYTES);
	write_statement(&w, &r->statement);
	write_bytes(&w, r->person_signature, SUITE_SIGNATURE_BYTES);
	write_zeros(&w, 16);
	write_bytes(&w, r->box_signature, SUITE_SIGNATURE_BYTES);
	assert(!w.overrun && w.at == RELEASE_BYTES);
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

static int read_release(struct release *out, struct reader *r)
{
	int result = bundle_read_start(r, release_magic);
	if (result != 0)
		return result;
	out->route_id = read_u16(r);
	bool reserved = read_zeros(r, 2);
	out->epoch = read_u64(r);
	out->number = read_u64(r);
	out->released_at = read_u64(r);
	out->row_len = read_u32(r);
	out->source_rows = read_u8(r);
	out->repair_rows = read_u8(r);
	reserved = read_zeros(r, 2) && reserved;
	read_bytes(r, out->box, NAME_BYTES);
	read_bytes(r, out->box_key, KEY_ID_BYTES);
	if (!reserved)
		return VERDICT_BAD_RESERVED;
	result = read_statement(&out->statement, r);
	if (result != 0)
		return result;
	read_bytes(r, out->person_signature, SUITE_SIGNATURE_BYTES);
	reserved = read_zeros(r, 16);
	read_bytes(r, out->box_signature, SUITE_SIGNATURE_BYTES);
	return reserved ? VERDICT_OK : VERDICT_BAD_RESERVED;
}

int release_decode(struct release *out, const uint8_t in[static RELEASE_BYTES])
{
	struct reader r = reader_of(in, RELEASE_BYTES);
	struct release release;
	int result = read_release(&release, &r);
	if (result == 0)
		result = release_check_limits(&release);
	if (result == 0)
		*out = release;
	return result;
}

int release_sign(struct release *r, const uint8_t box_seed[static SUITE_KEY_BYTES])
{
	uint8_t bytes[RELEASE_BYTES];
	release_encode(bytes, r);
	return suite_sign(r->box_signature, "weir1 release", bytes, RELEASE_SIGNED_BYTES, box_seed);
}

int release_verify(const struct release *r, const uint8_t box_public[static SUITE_KEY_BYTES])
{
	uint8_t bytes[RELEASE_BYTES];
	release_encode(bytes, r);
	return suite_verify(r->box_signature, "weir1 release", bytes, RELEASE_SIGNED_BYTES,
			    box_public);
}

void release_segment_encode(uint8_t out[static SEGMENT_BYTES], const struct release *r)
{
	memset(out, 0, SEGMENT_BYTES);
	release_encode(out, r);
}

int release_segment_decode(struct release *out, const uint8_t in[static SEGMENT_BYTES])
{
	if (!bytes_are_zero(in + RELEASE_BYTES, SEGMENT_BYTES - RELEASE_BYTES))
		return VERDICT_BAD_RESERVED;
	return release_decode(out, in);
}

void unreleased_segment_encode(uint8_t out[static SEGMENT_BYTES], const struct statement *s,
			       const uint8_t person_signature[static SUITE_SIGNATURE_BYTES])
{
	struct release r = {.statement = *s};
	memcpy(r.person_signature, person_signature, SUITE_SIGNATURE_BYTES);
	release_segment_encode(out, &r);
}

int unreleased_segment_decode(struct statement *s,
			      uint8_t person_signature[static SUITE_SIGNATURE_BYTES],
			      const uint8_t in[static SEGMENT_BYTES])
{
	struct reader reader = reader_of(in, RELEASE_BYTES);
	struct release r;
	int result = read_release(&r, &reader);
	if (result != 0)
		return result;
	/* all that the release itself would say must still be zero */
	uint8_t wanted[SEGMENT_BYTES];
	unreleased_segment_encode(wanted, &r.statement, r.person_signature);
	if (memcmp(wanted, in, SEGMENT_BYTES) != 0)
		return VERDICT_BAD_RESERVED;
	*s = r.statement;
	memcpy(person_signature, r.person_signature, SUITE_SIGNATURE_BYTES);
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
