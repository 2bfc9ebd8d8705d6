#include "local.h"

#include <string.h>

#include "common/bundle_parts.h"
#include "common/cursor.h"
#include "common/verdict.h"

void local_resend_found_encode(uint8_t out[static LOCAL_RESEND_FOUND_BYTES], const struct local_resend_found *found)
{
	struct writer w = writer_of(out, LOCAL_RESEND_FOUND_BYTES);
	write_bytes(&w, found->challenge, RESEND_CHALLENGE_BYTES);
	size_t len = strnlen(found->name, BUNDLE_NAME_BYTES - 1);
	write_bytes(&w, found->name, len);
	write_zeros(&w, BUNDLE_NAME_BYTES - len);
	bundle_write_name(&w, found->route);
	write_u64(&w, found->epoch);
	write_u64(&w, found->what.number);
	write_u16(&w, found->what.route_id);
	write_u8(&w, found->what.rows);
	write_u8(&w, found->by_code);
	write_u32(&w, found->what.block);
	write_u32(&w, found->blocks);
	write_u8(&w, found->further_rows);
	write_zeros(&w, 3);
}

/* Whatever code or name it is, it names something of this bundle. */
static bool names_something(const struct local_resend_found *found)
{
	const struct resendcode *what = &found->what;
	return what->number >= 1 && what->number <= RESENDCODE_NUMBER_MAX && found->blocks >= 1 &&
	       found->blocks <= BLOCKS_MAX && (what->block == RESEND_ALL || what->block < found->blocks) &&
	       what->rows <= found->further_rows;
}

int local_resend_found_decode(struct local_resend_found *out, const uint8_t *in, size_t len)
{
	struct local_resend_found found = {.blocks = 0};
	char name[LOCAL_KEYWORD_BYTES];
	struct reader r = reader_of(in, len);
	read_bytes(&r, found.challenge, RESEND_CHALLENGE_BYTES);
	read_bytes(&r, found.name, BUNDLE_NAME_BYTES);
	read_bytes(&r, found.route, NAME_BYTES);
	found.epoch = read_u64(&r);
	found.what.number = read_u64(&r);
	found.what.route_id = read_u16(&r);
	found.what.rows = read_u8(&r);
	uint8_t by_code = read_u8(&r);
	found.what.block = read_u32(&r);
	found.blocks = read_u32(&r);
	found.further_rows = read_u8(&r);
	bool is_zero = read_zeros(&r, 3);
	if (r.overrun || reader_left(&r) != 0 || by_code > 1 || !is_zero || !names_something(&found))
		return VERDICT_BAD_PROTOCOL;
	size_t name_len = strnlen(found.name, BUNDLE_NAME_BYTES);
	if (name_len == BUNDLE_NAME_BYTES || !bytes_are_zero(found.name + name_len, BUNDLE_NAME_BYTES - name_len) ||
	    local_show_decode(name, (const uint8_t *)found.name, name_len) != 0 ||
	    !name32_is_valid(found.route))
		return VERDICT_BAD_NAME;
	found.by_code = by_code == 1;
	*out = found;
	return 0;
}

void local_resend_taken_encode(uint8_t out[static LOCAL_RESEND_TAKEN_BYTES], const struct local_resend_taken *taken)
{
	struct writer w = writer_of(out, LOCAL_RESEND_TAKEN_BYTES);
	write_u64(&w, taken->bytes);
	write_u8(&w, taken->was_there);
	write_zeros(&w, 7);
}

int local_resend_taken_decode(struct local_resend_taken *out, const uint8_t *in, size_t len)
{
	struct reader r = reader_of(in, len);
	uint64_t bytes = read_u64(&r);
	uint8_t was_there = read_u8(&r);
	bool is_zero = read_zeros(&r, 7);
	if (r.overrun || reader_left(&r) != 0 || was_there > 1 || !is_zero)
		return VERDICT_BAD_PROTOCOL;
	*out = (struct local_resend_taken){bytes, was_there == 1};
	return 0;
}
