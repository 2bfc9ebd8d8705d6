#include "common/cursor.h"

#include <string.h>

#include "tests/lib/tap.h"

static void test_reads(void)
{
	const uint8_t data[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
				0x0c, 0x0d, 0x0e, 0x0f, 0x00, 0x00, 0x2a};
	struct reader r = reader_of(data, sizeof(data));
	is_number(read_u8(&r), 0x01, "u8 is the byte");
	is_number(read_u16(&r), 0x0302, "u16 is little-endian");
	is_number(read_u32(&r), 0x07060504, "u32 is little-endian");
	ok(read_u64(&r) == UINT64_C(0x0f0e0d0c0b0a0908), "u64 is little-endian");
	ok(read_zeros(&r, 2), "zeros are recognised");
	is_number((int64_t)reader_left(&r), 1, "what is left is counted");
	ok(!read_zeros(&r, 1), "a byte that is not zero is no zero");
	ok(!r.overrun, "reading to the very end is no overrun");
	is_number(read_u8(&r), 0, "behind the end comes zero");
	ok(r.overrun, "and the overrun is remembered");
}

static void test_overrun(void)
{
	for (size_t len = 0; len < 8; len++) {
		uint8_t data[8];
		memset(data, 0xff, sizeof(data));
		struct reader r = reader_of(data, len);
		ok(read_u64(&r) == 0 && r.overrun, "u64 from %zu bytes is an overrun and zero", len);
		ok(read_u8(&r) == 0, "after an overrun everything reads as zero");
		uint8_t out[2] = {1, 1};
		read_bytes(&r, out, 2);
		ok(bytes_are_zero(out, 2), "also bytes");
		ok(read_view(&r, 0) == NULL, "and there is no view");
	}
	struct reader r = reader_of("x", 1);
	ok(read_view(&r, SIZE_MAX) == NULL && r.overrun, "a length near the end of all numbers is an overrun");
}

static void test_writes(void)
{
	uint8_t out[18];
	struct writer w = writer_of(out, sizeof(out));
	write_u8(&w, 0x01);
	write_u16(&w, 0x0302);
	write_u32(&w, 0x07060504);
	write_u64(&w, UINT64_C(0x0f0e0d0c0b0a0908));
	write_zeros(&w, 2);
	write_bytes(&w, "*", 1);
	const uint8_t wanted[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
				  0x0c, 0x0d, 0x0e, 0x0f, 0x00, 0x00, 0x2a};
	is_bytes(out, wanted, sizeof(wanted), "what is written is what is read");
	ok(!w.overrun, "a buffer can be filled to the end");
	write_u8(&w, 1);
	ok(w.overrun && w.at == sizeof(out), "a write behind the end changes nothing and is remembered");

	memset(out, 0x55, sizeof(out));
	w = writer_of(out, 3);
	write_u32(&w, 0);
	is_number(out[0], 0x55, "a value that does not fit whole is not written in part");
}

static void one_bit_anywhere_is_not_zero(void)
{
	uint8_t bytes[40] = {0};
	bool all_zero = true, none_zero = true;
	for (size_t from = 0; from < 8; from++)
		for (size_t len = 0; len <= sizeof(bytes) - from; len++) {
			all_zero &= bytes_are_zero(bytes + from, len);
			for (size_t i = 0; i < len; i++) {
				bytes[from + i] = 1;
				none_zero &= !bytes_are_zero(bytes + from, len);
				bytes[from + i] = 0;
			}
			/* what stands beside it does not count */
			bytes[(from + len) % sizeof(bytes)] |= from + len < sizeof(bytes);
			all_zero &= bytes_are_zero(bytes + from, len);
			bytes[(from + len) % sizeof(bytes)] = 0;
		}
	ok(all_zero, "zeros are zeros, of any length and at any place");
	ok(none_zero, "and with one other bit anywhere they are not");
}

int main(void)
{
	test_reads();
	test_overrun();
	test_writes();
	one_bit_anywhere_is_not_zero();
	return done_testing();
}
