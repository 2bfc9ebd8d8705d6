#include "resendorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/bundle.h"
#include "common/bundle_parts.h"
#include "common/cursor.h"
#include "common/verdict.h"

enum { VERSION = 1, SUITE = 1, CLOCK_SLACK_S = 3600 };

static const uint8_t magic[8] = "WEIRSEND";
const char resendorder_domain[] = "weir1 resend";

void resendorder_input(uint8_t out[static RESENDORDER_BYTES], const struct resendorder *order)
{
	struct writer w = writer_of(out, RESENDORDER_BYTES);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, VERSION);
	write_u16(&w, SUITE);
	write_u16(&w, order->what.route_id);
	write_u8(&w, order->what.rows);
	write_u8(&w, (uint8_t)order->kind);
	write_u64(&w, order->epoch);
	write_u64(&w, order->what.number);
	write_u32(&w, order->what.block);
	write_zeros(&w, 4);
	write_u64(&w, order->at);
	bundle_write_name(&w, order->person);
	write_bytes(&w, order->key_id, KEY_ID_BYTES);
	write_bytes(&w, order->challenge, RESEND_CHALLENGE_BYTES);
}

size_t resendorder_encode(uint8_t out[static RESENDORDER_ENCODED_MAX], const struct resendorder *order)
{
	resendorder_input(out, order);
	struct writer w = writer_of(out + RESENDORDER_BYTES, SIGNATURE_ENCODED_MAX);
	signature_write(&w, &order->signature);
	return RESENDORDER_BYTES + w.at;
}

/* Magic, version and suite. */
static int read_beginning(struct reader *r)
{
	const uint8_t *got = read_view(r, sizeof(magic));
	if (got == NULL)
		return VERDICT_TRUNCATED;
	if (memcmp(got, magic, sizeof(magic)) != 0)
		return VERDICT_BAD_MAGIC;
	if (reader_left(r) < RESENDORDER_BYTES - sizeof(magic))
		return VERDICT_TRUNCATED;
	if (read_u16(r) != VERSION)
		return VERDICT_UNKNOWN_VERSION;
	return read_u16(r) == SUITE ? VERDICT_OK : VERDICT_UNKNOWN_SUITE;
}

/* What none of the fields may be by itself or together, whatever bundle it is. */
static int check_limits(const struct resendorder *order, uint8_t kind)
{
	const struct resendcode *what = &order->what;
	if (kind > RESENDORDER_PURGE)
		return VERDICT_BAD_TYPE;
	if (what->number < 1 || what->number > RESENDCODE_NUMBER_MAX || what->block > RESEND_ALL)
		return VERDICT_BAD_LIMIT;
	bool is_whole = what->block == RESEND_ALL && what->rows == 0;
	return kind == RESENDORDER_PURGE && !is_whole ? VERDICT_BAD_LIMIT : VERDICT_OK;
}

int resendorder_decode(struct resendorder *out, const uint8_t *in, size_t len)
{
	struct resendorder order = {.at = 0};
	struct reader r = reader_of(in, len);
	int result = read_beginning(&r);
	if (result != 0)
		return result;
	order.what.route_id = read_u16(&r);
	order.what.rows = read_u8(&r);
	uint8_t kind = read_u8(&r);
	order.epoch = read_u64(&r);
	order.what.number = read_u64(&r);
	order.what.block = read_u32(&r);
	bool is_zero = read_zeros(&r, 4);
	order.at = read_u64(&r);
	read_bytes(&r, order.person, NAME_BYTES);
	read_bytes(&r, order.key_id, KEY_ID_BYTES);
	read_bytes(&r, order.challenge, RESEND_CHALLENGE_BYTES);
	if (!is_zero)
		return VERDICT_BAD_RESERVED;
	result = check_limits(&order, kind);
	if (result != 0)
		return result;
	order.kind = kind == RESENDORDER_PURGE ? RESENDORDER_PURGE : RESENDORDER_RESEND;
	if (!name32_is_valid(order.person))
		return VERDICT_BAD_NAME;
	result = signature_read(&order.signature, &r);
	if (result == 0 && reader_left(&r) != 0)
		result = VERDICT_TRAILING_BYTES;
	if (result == 0)
		*out = order;
	return result;
}

/* Registry, route and person are all in force. */
static int check_standing(const struct registry *registry, const struct route *route, const struct party *person,
			  uint64_t now)
{
	int result = registry_check(registry, now);
	if (result == 0)
		result = route_check(route, now);
	return result != 0 ? result : party_check(person, now);
}

int resendorder_check(const struct resendorder *order, const struct registry *registry, const struct route *route,
		      const uint8_t challenge[static RESEND_CHALLENGE_BYTES], uint64_t now)
{
	uint8_t input[RESENDORDER_BYTES];
	const struct party *person = registry_party(registry, KEY_PERSON, order->person);
	if (person == NULL || memcmp(person->card.id, order->key_id, KEY_ID_BYTES) != 0)
		return VERDICT_UNKNOWN_KEY;
	if (route_allows_operator(route, person) != 0 && route_allows_officer(route, person) != 0)
		return VERDICT_NOT_ALLOWED;
	int result = check_standing(registry, route, person, now);
	if (result != 0)
		return result;
	if (order->at > now + CLOCK_SLACK_S || order->at + CLOCK_SLACK_S < now)
		return VERDICT_BAD_TIME;
	if (!suite_equal(order->challenge, challenge, RESEND_CHALLENGE_BYTES))
		return VERDICT_BAD_SIGNATURE;
	resendorder_input(input, order);
	return signature_verify(&order->signature, resendorder_domain, input, sizeof(input), person);
}

char *resendorder_describe(char out[static RESEND_TEXT_BYTES], uint32_t block, uint8_t rows)
{
	int len = block == RESEND_ALL ? snprintf(out, RESEND_TEXT_BYTES, "all blocks, ")
				      : snprintf(out, RESEND_TEXT_BYTES, "block %" PRIu32 ", ", block);
	if (rows == 0)
		snprintf(out + len, RESEND_TEXT_BYTES - (size_t)len, "a whole pass");
	else
		snprintf(out + len, RESEND_TEXT_BYTES - (size_t)len, "%u further repair row%s%s", (unsigned int)rows,
			 rows == 1 ? "" : "s", block == RESEND_ALL ? " of each" : "");
	return out;
}
