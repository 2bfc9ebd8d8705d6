#include "mandate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/verdict.h"

enum { VERSION = 1, SUITE = 1 };
static const char magic[8] = {'W', 'E', 'I', 'R', 'M', 'A', 'N', 'D'};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int mandate_compare(const void *a, const void *b)
{
	const struct bundle_id *x = a, *y = b;
	int order = compare_numbers(x->epoch, y->epoch);
	if (order == 0)
		order = compare_numbers(x->route_id, y->route_id);
	return order != 0 ? order : compare_numbers(x->number, y->number);
}

size_t mandate_signed(uint8_t out[static MANDATE_BYTES_MAX], const struct mandate *m)
{
	struct writer w = writer_of(out, MANDATE_BYTES_MAX);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, VERSION);
	write_u16(&w, SUITE);
	write_u16(&w, (uint16_t)m->kind);
	write_u16(&w, m->count);
	write_bytes(&w, m->id, MANDATE_ID_BYTES);
	write_u64(&w, m->time);
	write_u64(&w, 0);
	write_bytes(&w, m->box_key, KEY_ID_BYTES);
	write_bytes(&w, m->person_key, KEY_ID_BYTES);
	write_bytes(&w, m->person, NAME_BYTES);
	write_bytes(&w, m->name, NAME_BYTES);
	assert(!w.overrun && w.at == MANDATE_HEAD_BYTES && m->count <= MANDATE_BUNDLES_MAX);
	for (unsigned int i = 0; i < m->count; i++) {
		write_u64(&w, m->bundles[i].epoch);
		write_u64(&w, m->bundles[i].number);
		write_u16(&w, m->bundles[i].route_id);
		write_zeros(&w, 6);
	}
	return w.at;
}

size_t mandate_encode(uint8_t out[static MANDATE_BYTES_MAX], const struct mandate *m)
{
	struct writer w = writer_of(out, MANDATE_BYTES_MAX);
	w.at = mandate_signed(out, m);
	signature_write(&w, &m->signature);
	assert(!w.overrun);
	return w.at;
}

static int check_head(const struct mandate *m)
{
	bool has_case = m->kind == MANDATE_HOLD || m->kind == MANDATE_RELEASE;
	if (m->kind < MANDATE_HOLD || m->kind > MANDATE_ACKNOWLEDGE)
		return VERDICT_BAD_TYPE;
	if (m->count > MANDATE_BUNDLES_MAX || (m->count == 0) != (m->kind == MANDATE_RELEASE))
		return VERDICT_BAD_COUNT;
	if (!name32_is_valid(m->person))
		return VERDICT_BAD_NAME;
	if (has_case ? !name32_is_valid(m->name) : !bytes_are_zero((const uint8_t *)m->name, NAME_BYTES))
		return VERDICT_BAD_NAME;
	return VERDICT_OK;
}

static int read_head(struct mandate *m, struct reader *r)
{
	const uint8_t *begin = read_view(r, sizeof(magic));
	if (begin == NULL || reader_left(r) < MANDATE_HEAD_BYTES - sizeof(magic))
		return VERDICT_TRUNCATED;
	if (memcmp(begin, magic, sizeof(magic)) != 0)
		return VERDICT_BAD_MAGIC;
	if (read_u16(r) != VERSION)
		return VERDICT_UNKNOWN_VERSION;
	if (read_u16(r) != SUITE)
		return VERDICT_UNKNOWN_SUITE;
	m->kind = (enum mandate_kind)read_u16(r);
	m->count = read_u16(r);
	read_bytes(r, m->id, MANDATE_ID_BYTES);
	m->time = read_u64(r);
	if (!read_zeros(r, 8))
		return VERDICT_BAD_RESERVED;
	read_bytes(r, m->box_key, KEY_ID_BYTES);
	read_bytes(r, m->person_key, KEY_ID_BYTES);
	read_bytes(r, m->person, NAME_BYTES);
	read_bytes(r, m->name, NAME_BYTES);
	return check_head(m);
}

static int read_bundles(struct bundle_id *bundles, uint16_t count, struct reader *r)
{
	for (unsigned int i = 0; i < count; i++) {
		bundles[i].epoch = read_u64(r);
		bundles[i].number = read_u64(r);
		bundles[i].route_id = read_u16(r);
		if (!read_zeros(r, 6))
			return r->overrun ? VERDICT_TRUNCATED : VERDICT_BAD_RESERVED;
		if (i > 0 && mandate_compare(&bundles[i - 1], &bundles[i]) >= 0)
			return VERDICT_BAD_ORDER;
	}
	return VERDICT_OK;
}

int mandate_decode(struct mandate *out, const uint8_t *in, size_t len)
{
	struct mandate m = {.count = 0};
	struct bundle_id *bundles = NULL;
	struct reader r = reader_of(in, len);
	int result = read_head(&m, &r);
	if (result == 0 && m.count > 0) {
		bundles = calloc(m.count, sizeof(*bundles));
		result = bundles == NULL ? -ENOMEM : read_bundles(bundles, m.count, &r);
	}
	if (result == 0)
		result = signature_read(&m.signature, &r);
	if (result == 0 && reader_left(&r) > 0)
		result = VERDICT_TRAILING_BYTES;
	if (result != 0) {
		free(bundles);
		return result;
	}
	*out = m;
	out->bundles = bundles;
	return 0;
}

void mandate_bundles_free(struct mandate *m)
{
	/* what a decoder gave */
	free((void *)(uintptr_t)m->bundles);
	m->bundles = NULL;
	m->count = 0;
}

static bool is_entitled(const struct mandate *m, const struct party *person)
{
	static const unsigned int roles[] = {
		[MANDATE_HOLD] = ROLE_OFFICER | ROLE_AUDITOR,
		[MANDATE_RELEASE] = ROLE_OFFICER | ROLE_AUDITOR,
		[MANDATE_PURGE] = ROLE_OFFICER | ROLE_RECEIVING_ADMIN,
		[MANDATE_ACKNOWLEDGE] = ROLE_OFFICER | ROLE_RECEIVING_ADMIN | ROLE_AUDITOR,
	};
	return (person->roles & roles[m->kind]) != 0;
}

int mandate_judge(const struct mandate *m, const struct registry *registry,
		  const uint8_t box_key[static KEY_ID_BYTES], uint64_t now)
{
	uint8_t *bytes;
	if (memcmp(m->box_key, box_key, KEY_ID_BYTES) != 0)
		return VERDICT_WRONG_KEY;
	if (m->time > now + MANDATE_AGE_S || now > m->time + MANDATE_AGE_S)
		return VERDICT_BAD_TIME;
	const struct party *person = registry_party_by_key(registry, KEY_PERSON, m->person_key);
	if (person == NULL || strcmp(person->card.name, m->person) != 0)
		return VERDICT_UNKNOWN_KEY;
	int result = party_check(person, now);
	if (result == 0 && !is_entitled(m, person))
		result = VERDICT_NOT_ALLOWED;
	if (result != 0)
		return result;
	bytes = malloc(MANDATE_BYTES_MAX);
	if (bytes == NULL)
		return -ENOMEM;
	result = signature_verify(&m->signature, MANDATE_DOMAIN, bytes, mandate_signed(bytes, m), person);
	free(bytes);
	return result;
}
