#include "datagram.h"

#include <assert.h>
#include <string.h>

#include "bundle.h"
#include "cursor.h"
#include "verdict.h"

enum { FORMAT_VERSION = 1, SEQUENCE_OFFSET = 32 };

uint32_t datagram_symbols(uint32_t mtu)
{
	const uint32_t headers = IP_UDP_BYTES + DATAGRAM_DATA_BYTES;
	if (mtu < headers)
		return 0;
	uint32_t symbols = (mtu - headers) / SYMBOL_BYTES;
	return symbols < DATAGRAM_SYMBOLS_MAX ? symbols : DATAGRAM_SYMBOLS_MAX;
}

size_t datagram_len(uint32_t symbols)
{
	return DATAGRAM_DATA_BYTES + (size_t)symbols * SYMBOL_BYTES;
}

static struct writer begin(uint8_t *out, size_t size, uint8_t type)
{
	struct writer w = writer_of(out, size);
	write_zeros(&w, SUITE_TAG_BYTES);
	write_u8(&w, FORMAT_VERSION);
	write_u8(&w, type);
	return w;
}

/* LINK.md 1 */
void datagram_encode_data(uint8_t out[static DATAGRAM_DATA_BYTES], const struct datagram *d)
{
	struct writer w = begin(out, DATAGRAM_DATA_BYTES, DATAGRAM_TYPE_DATA);
	write_u16(&w, d->id.route_id);
	write_u16(&w, d->block);
	write_u16(&w, (uint16_t)(d->geometry.row_len / ROW_UNIT_BYTES));
	write_u64(&w, d->id.epoch);
	write_u64(&w, d->sequence);
	write_u64(&w, d->id.number);
	write_u32(&w, (uint32_t)(d->geometry.object_len / SEGMENT_BYTES));
	write_u8(&w, d->geometry.source_rows);
	write_u8(&w, d->geometry.repair_rows);
	write_u8(&w, d->row);
	write_u8(&w, d->symbol_count);
	write_u16(&w, d->first_symbol);
	write_zeros(&w, 6);
	assert(!w.overrun && w.at == DATAGRAM_DATA_BYTES);
}

/* LINK.md 2 */
int datagram_encode_control(uint8_t *out, size_t len, uint64_t epoch, uint64_t sequence,
			    const uint8_t *message, size_t message_len)
{
	if (len < DATAGRAM_COMMON_BYTES || message_len > len - DATAGRAM_COMMON_BYTES ||
	    message_len > UINT16_MAX)
		return VERDICT_BAD_LENGTH;
	struct writer w = begin(out, len, DATAGRAM_TYPE_CONTROL);
	write_u16(&w, (uint16_t)message_len);
	write_zeros(&w, 4);
	write_u64(&w, epoch);
	write_u64(&w, sequence);
	write_bytes(&w, message, message_len);
	write_zeros(&w, len - w.at);
	return VERDICT_OK;
}

void datagram_set_sequence(uint8_t *datagram, uint64_t sequence)
{
	struct writer w = writer_of(datagram + SEQUENCE_OFFSET, sizeof(sequence));
	write_u64(&w, sequence);
}

static void make_tag(uint8_t tag[static SUITE_TAG_BYTES], const uint8_t *datagram, size_t len, struct tagger *tagger)
{
	tagger_tag(tagger, tag, datagram + SUITE_TAG_BYTES, len - SUITE_TAG_BYTES, datagram + SEQUENCE_OFFSET);
}

void datagram_set_tag(uint8_t *datagram, size_t len, struct tagger *tagger)
{
	assert(len >= DATAGRAM_COMMON_BYTES);
	make_tag(datagram, datagram, len, tagger);
}

bool datagram_tag_is_right(const uint8_t *datagram, size_t len, struct tagger *tagger)
{
	if (len < DATAGRAM_COMMON_BYTES)
		return false;
	uint8_t tag[SUITE_TAG_BYTES];
	uint64_t right[2], there[2];
	make_tag(tag, datagram, len, tagger);
	static_assert(sizeof(right) == SUITE_TAG_BYTES, "a tag is two words");
	memcpy(right, tag, sizeof(right));
	memcpy(there, datagram, sizeof(there));
	/* takes as long whichever bits are wrong, and a twentieth of what suite_equal does */
	return ((right[0] ^ there[0]) | (right[1] ^ there[1])) == 0;
}

/* What needs the geometry, which is right already. */
static int check_place(const struct datagram *d)
{
	const struct geometry *g = &d->geometry;
	if (d->block >= geometry_block_count(g))
		return VERDICT_BAD_LIMIT;
	if (d->row >= geometry_row_total(g))
		return VERDICT_BAD_LIMIT;
	uint32_t end = (uint32_t)d->first_symbol + d->symbol_count;
	return end > geometry_row_sent(g, d->block, d->row) ? VERDICT_BAD_LIMIT : VERDICT_OK;
}

static int decode_data(struct datagram *out, struct datagram *d, uint16_t route_id,
		       struct reader *r)
{
	d->id.number = read_u64(r);
	uint32_t segments = read_u32(r);
	d->geometry.object_len = (uint64_t)segments * SEGMENT_BYTES;
	d->geometry.source_rows = read_u8(r);
	d->geometry.repair_rows = read_u8(r);
	d->row = read_u8(r);
	d->symbol_count = read_u8(r);
	d->first_symbol = read_u16(r);
	bool zeros = read_zeros(r, 6);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	d->payload_len = reader_left(r);
	d->payload = read_view(r, d->payload_len);
	if (!zeros)
		return VERDICT_BAD_RESERVED;
	d->id.route_id = route_id;
	if (route_id == 0 || d->id.epoch == 0 || d->id.number == 0 ||
	    d->id.number >= BUNDLE_NUMBER_END || segments < 3)
		return VERDICT_BAD_LIMIT;
	if (d->symbol_count == 0 || d->symbol_count > DATAGRAM_SYMBOLS_MAX)
		return VERDICT_BAD_LIMIT;
	if (d->payload_len != (size_t)d->symbol_count * SYMBOL_BYTES)
		return VERDICT_BAD_LENGTH;
	int verdict = geometry_check(&d->geometry);
	if (verdict == VERDICT_OK)
		verdict = check_place(d);
	if (verdict == VERDICT_OK)
		*out = *d;
	return verdict;
}

static int decode_control(struct datagram *out, struct datagram *d, uint16_t message_len,
			  bool reserved_is_zero, struct reader *r)
{
	if (!reserved_is_zero)
		return VERDICT_BAD_RESERVED;
	if (d->id.epoch == 0)
		return VERDICT_BAD_LIMIT;
	d->payload_len = message_len;
	d->payload = read_view(r, message_len);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	if (!read_zeros(r, reader_left(r)))
		return VERDICT_BAD_RESERVED;
	*out = *d;
	return VERDICT_OK;
}

int datagram_decode(struct datagram *out, const uint8_t *datagram, size_t len)
{
	struct reader r = reader_of(datagram, len);
	read_view(&r, SUITE_TAG_BYTES);
	uint8_t version = read_u8(&r);
	struct datagram d = {.type = read_u8(&r)};
	uint16_t route_or_len = read_u16(&r);
	uint16_t block = read_u16(&r);
	uint16_t row_units = read_u16(&r);
	d.id.epoch = read_u64(&r);
	d.sequence = read_u64(&r);
	if (r.overrun)
		return VERDICT_TRUNCATED;
	if (version != FORMAT_VERSION)
		return VERDICT_UNKNOWN_VERSION;
	if (d.type == DATAGRAM_TYPE_CONTROL)
		return decode_control(out, &d, route_or_len, block == 0 && row_units == 0, &r);
	if (d.type != DATAGRAM_TYPE_DATA)
		return VERDICT_BAD_TYPE;
	d.block = block;
	d.geometry.row_len = (uint32_t)row_units * ROW_UNIT_BYTES;
	return decode_data(out, &d, route_or_len, &r);
}
