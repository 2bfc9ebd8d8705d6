/*
 * Any bytes, zero-filled to the length of each structure: decoded or refused; what was decoded encodes
 * to the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "common/endorsement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_statement(const uint8_t *segment)
{
	struct statement s;
	uint8_t out[STATEMENT_BYTES];
	if (statement_decode(&s, segment) != 0)
		return;
	statement_encode(out, &s);
	assert(memcmp(out, segment, sizeof(out)) == 0);
}

static void try_release(const uint8_t *segment)
{
	static const uint8_t seed[SUITE_KEY_BYTES] = {3};
	struct release r;
	struct endorsements endorsements;
	uint8_t out[SEGMENT_BYTES];
	if (release_segment_decode(&r, &endorsements, segment) != 0)
		return;
	/* the box's signature is made anew */
	assert(release_segment_encode(out, &r, &endorsements, seed) == 0);
	assert(memcmp(out, segment, BOX_SIGNATURE_AT) == 0);
	char name[BUNDLE_NAME_BYTES], route[NAME_BYTES];
	uint64_t number;
	bundle_name(name, r.statement.route, r.number);
	assert(bundle_name_parse(name, route, &number) == 0);
	assert(number == r.number && memcmp(route, r.statement.route, NAME_BYTES) == 0);
}

static void try_unreleased(const uint8_t *segment)
{
	struct statement s;
	struct endorsements endorsements;
	uint8_t out[SEGMENT_BYTES];
	if (unreleased_segment_decode(&s, &endorsements, segment) != 0)
		return;
	unreleased_segment_encode(out, &s, &endorsements);
	assert(memcmp(out, segment, sizeof(out)) == 0);
}

/* Records of any form: read or refused; what was read is written as the same bytes. */
static void try_endorsements(const uint8_t *data, size_t size)
{
	struct endorsements all = {.count = data[0]}, again = {0};
	struct endorsement e;
	size_t at = 0;
	all.len = (uint16_t)(size - 1 < sizeof(all.bytes) ? size - 1 : sizeof(all.bytes));
	memcpy(all.bytes, data + 1, all.len);
	if (endorsements_check(all.bytes, all.len, all.count) != 0)
		return;
	while (endorsements_next(&all, &at, &e))
		assert(endorsements_add(&again, &e) == 0);
	assert(again.count == all.count && again.len == all.len);
	assert(memcmp(again.bytes, all.bytes, all.len) == 0);
}

/* One record, as it comes over a local socket. */
static void try_endorsement(const uint8_t *data, size_t size)
{
	struct endorsement e;
	uint8_t out[ENDORSEMENTS_BYTES_MAX];
	if (endorsement_decode(&e, data, size) != 0)
		return;
	assert(endorsement_encode(out, sizeof(out), &e) == size && memcmp(out, data, size) == 0);
}

static void try_head(const uint8_t *segment)
{
	static const uint8_t secret[SUITE_KEY_BYTES] = {1}, psk[SUITE_KEY_BYTES] = {2};
	struct head h;
	struct bundle_keys keys;
	uint8_t out[SEGMENT_BYTES];
	if (head_decode(&h, segment) != 0)
		return;
	head_encode(out, &h);
	assert(memcmp(out, segment, sizeof(out)) == 0);
	assert(head_open(&keys, &h, h.stanzas[0].key_id, secret, psk) != 0);
}

static void try_name(const uint8_t *data, size_t size)
{
	char text[BUNDLE_NAME_BYTES + 8], route[NAME_BYTES], again[BUNDLE_NAME_BYTES];
	uint64_t number;
	size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	if (len > 0)
		memcpy(text, data, len);
	text[len] = 0;
	if (bundle_name_parse(text, route, &number) != 0)
		return;
	bundle_name(again, route, number);
	assert(strcmp(again, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t segment[SEGMENT_BYTES] = {0};
	if (size > 0)
		memcpy(segment, data, size < sizeof(segment) ? size : sizeof(segment));
	if (suite_start() != 0)
		return 0;
	try_statement(segment);
	try_release(segment);
	try_unreleased(segment);
	try_head(segment);
	try_name(data, size);
	try_endorsement(data, size);
	if (size > 0)
		try_endorsements(data, size);
	return 0;
}
