/* The bytes of vault/annals: VAULT.md 5. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "annalsparts.h"
#include "common/cursor.h"
#include "common/suite.h"
#include "common/verdict.h"

enum { VERSION = 1, SUITE = 1, DIGEST_AT = ANNAL_BYTES - ANNALS_DIGEST_BYTES };
static const char magic[8] = {'W', 'E', 'I', 'R', 'A', 'N', 'N', 'L'};

static void digest_of(uint8_t out[static ANNALS_DIGEST_BYTES], const uint8_t *bytes)
{
	suite_hash(out, ANNALS_DIGEST_BYTES, "weir1 annals", NULL, 0, bytes, DIGEST_AT);
}

static bool has_digest(const uint8_t in[static ANNAL_BYTES])
{
	uint8_t digest[ANNALS_DIGEST_BYTES];
	digest_of(digest, in);
	return memcmp(digest, in + DIGEST_AT, sizeof(digest)) == 0;
}

void annals_header_encode(uint8_t out[static ANNAL_BYTES], uint64_t life)
{
	struct writer w = writer_of(out, ANNAL_BYTES);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, VERSION);
	write_u16(&w, SUITE);
	write_u32(&w, 0);
	write_u64(&w, life);
	write_zeros(&w, DIGEST_AT - w.at);
	digest_of(out + DIGEST_AT, out);
}

int annals_header_decode(uint64_t *life, const uint8_t in[static ANNAL_BYTES])
{
	struct reader r = reader_of(in, ANNAL_BYTES);
	bool is_right = has_digest(in) && memcmp(read_view(&r, sizeof(magic)), magic, sizeof(magic)) == 0;
	is_right = is_right && read_u16(&r) == VERSION && read_u16(&r) == SUITE && read_zeros(&r, 4);
	if (!is_right)
		return VERDICT_DAMAGED;
	*life = read_u64(&r);
	return 0;
}

void annal_encode(uint8_t out[static ANNAL_BYTES], const struct annal *annal, uint64_t n)
{
	struct writer w = writer_of(out, ANNAL_BYTES);
	write_u64(&w, annal->id.epoch);
	write_u64(&w, annal->id.number);
	write_u16(&w, annal->id.route_id);
	write_u8(&w, (uint8_t)annal->what);
	write_u8(&w, (uint8_t)annal->how);
	write_u32(&w, 0);
	write_bytes(&w, annal->push_id, PUSH_ID_BYTES);
	write_u64(&w, annal->at);
	write_u64(&w, annal->destroy_by);
	write_bytes(&w, annal->route, NAME_BYTES);
	write_bytes(&w, annal->edges, EDGES_BYTES);
	write_u64(&w, n);
	assert(!w.overrun && w.at == DIGEST_AT);
	digest_of(out + DIGEST_AT, out);
}

static bool go_together(enum annal_what what, enum annal_how how)
{
	switch (what) {
	case ANNAL_DELIVERED: return how == ANNAL_NO_WAY;
	case ANNAL_DESTROYING:
	case ANNAL_DESTROYED: return how == ANNAL_BY_DATE || how == ANNAL_BY_PURGE;
	case ANNAL_DAMAGED: return how == ANNAL_NO_WAY || how == ANNAL_KNOWN;
	default: return false;
	}
}

static int check(const struct annal *a)
{
	if (!go_together(a->what, a->how))
		return VERDICT_BAD_TYPE;
	if (!name32_is_valid(a->route))
		return VERDICT_BAD_NAME;
	return a->at == 0 || a->destroy_by == 0 ? VERDICT_BAD_TIME : VERDICT_OK;
}

int annal_decode(struct annal *out, const uint8_t in[static ANNAL_BYTES], uint64_t n)
{
	struct annal a = {.what = 0};
	if (!has_digest(in))
		return VERDICT_BAD_DIGEST;
	struct reader r = reader_of(in, ANNAL_BYTES);
	a.id.epoch = read_u64(&r);
	a.id.number = read_u64(&r);
	a.id.route_id = read_u16(&r);
	a.what = (enum annal_what)read_u8(&r);
	a.how = (enum annal_how)read_u8(&r);
	if (!read_zeros(&r, 4))
		return VERDICT_BAD_RESERVED;
	read_bytes(&r, a.push_id, PUSH_ID_BYTES);
	a.at = read_u64(&r);
	a.destroy_by = read_u64(&r);
	read_bytes(&r, a.route, NAME_BYTES);
	read_bytes(&r, a.edges, EDGES_BYTES);
	if (read_u64(&r) != n)
		return VERDICT_BAD_ORDER;
	int verdict = check(&a);
	if (verdict == 0)
		*out = a;
	return verdict;
}

static void name_of(char out[static BUNDLE_NAME_BYTES], const struct annal *annal)
{
	bundle_name(out, annal->route, annal->id.number);
}

void annal_path(char out[static ANNAL_PATH_BYTES], const struct annal *annal)
{
	char name[BUNDLE_NAME_BYTES];
	name_of(name, annal);
	snprintf(out, ANNAL_PATH_BYTES, "%016" PRIx64 "/%s.weir", annal->id.epoch, name);
}

void annal_damaged_name(char out[static ANNAL_PATH_BYTES], const struct annal *annal)
{
	char name[BUNDLE_NAME_BYTES];
	name_of(name, annal);
	snprintf(out, ANNAL_PATH_BYTES, "%s@%016" PRIx64 ".weir", name, annal->id.epoch);
}

bool annal_has_file(int vault_fd, const struct annal *annal)
{
	char name[BUNDLE_NAME_BYTES];
	name_of(name, annal);
	return vault_is_delivered(vault_fd, annal->id.epoch, name) == 1;
}

bool annal_is_done(int vault_fd, const struct annal *annal)
{
	switch (annal->what) {
	case ANNAL_DESTROYING:
	case ANNAL_DESTROYED:
		return true;
	case ANNAL_DELIVERED:
		return annal_has_file(vault_fd, annal);
	default:
		return false;
	}
}

bool annal_is_open_damage(const struct annal *annal)
{
	return annal->what == ANNAL_DAMAGED && annal->how != ANNAL_KNOWN;
}
