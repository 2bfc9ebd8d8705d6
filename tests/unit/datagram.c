#include "common/datagram.h"

#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/verdict.h"
#include "tests/lib/example.h"
#include "tests/lib/tap.h"

static const uint8_t secret_of_tags[TAGGER_SECRET_BYTES] = {1, 2, 3};
static struct tagger *tagger;

/* A valid one: the last symbol of the smallest bundle's last repair row. */
static const struct datagram plain = {
	.type = DATAGRAM_TYPE_DATA,
	.sequence = UINT64_C(0x6721a5c000000007),
	.id = {UINT64_C(0x1122334455667788), 123, 1},
	.geometry = {49152, 4096, 12, 4},
	.block = 0,
	.row = 15,
	.first_symbol = 31,
	.symbol_count = 1,
};

static size_t encode(uint8_t *out, const struct datagram *d)
{
	size_t len = datagram_len(d->symbol_count);
	datagram_encode_data(out, d);
	for (size_t i = DATAGRAM_DATA_BYTES; i < len; i++)
		out[i] = (uint8_t)(i - DATAGRAM_DATA_BYTES);
	datagram_set_tag(out, len, tagger);
	return len;
}

static void sizes(void)
{
	is_number(datagram_symbols(1500), 11, "11 symbols fit at MTU 1500");
	is_number(datagram_symbols(9000), 69, "69 fit at MTU 9000");
	is_number(datagram_symbols(576), 3, "3 fit at MTU 576");
	is_number(datagram_symbols(220), 1, "1 fits at MTU 220");
	is_number(datagram_symbols(219), 0, "none fits at MTU 219");
	is_number(datagram_symbols(0), 0, "none fits at MTU 0");
	is_number(datagram_symbols(UINT32_MAX), 69, "never more than 69");
	is_number((int64_t)datagram_len(11), 1472, "11 symbols are 1,472 bytes of payload");
	is_number((int64_t)datagram_len(69), 8896, "69 symbols are 8,896 bytes of payload");
}

static bool equal(const struct datagram *a, const struct datagram *b)
{
	return a->type == b->type && a->sequence == b->sequence && a->id.epoch == b->id.epoch &&
	       a->id.number == b->id.number && a->id.route_id == b->id.route_id &&
	       a->geometry.object_len == b->geometry.object_len &&
	       a->geometry.row_len == b->geometry.row_len &&
	       a->geometry.source_rows == b->geometry.source_rows &&
	       a->geometry.repair_rows == b->geometry.repair_rows && a->block == b->block &&
	       a->row == b->row && a->first_symbol == b->first_symbol &&
	       a->symbol_count == b->symbol_count;
}

static void data_comes_back(uint64_t *random)
{
	bool same = true;
	for (int n = 0; n < 2000; n++) {
		struct datagram d = {.type = DATAGRAM_TYPE_DATA, .sequence = test_random(random)};
		uint64_t segments = 3 + (test_random(random) & 0xfffffff) % 1000000;
		d.geometry = geometry_choose(segments * 16384, 125);
		d.id.epoch = 1 + test_random(random) / 2;
		d.id.number = 1 + test_random(random) % ((UINT64_C(1) << 48) - 1);
		d.id.route_id = (uint16_t)(1 + test_random(random) % 65535);
		d.block = (uint16_t)(test_random(random) % geometry_block_count(&d.geometry));
		d.row = (uint8_t)(test_random(random) % geometry_row_total(&d.geometry));
		uint32_t sent = geometry_row_sent(&d.geometry, d.block, d.row);
		if (sent == 0)
			continue;
		d.first_symbol = (uint16_t)(test_random(random) % sent);
		uint32_t most = sent - d.first_symbol;
		d.symbol_count = (uint8_t)(1 + test_random(random) % (most < 69 ? most : 69));
		uint8_t bytes[DATAGRAM_BYTES_MAX];
		size_t len = encode(bytes, &d);
		struct datagram back;
		same &= datagram_tag_is_right(bytes, len, tagger) &&
			datagram_decode(&back, bytes, len) == VERDICT_OK && equal(&d, &back) &&
			back.payload == bytes + 64 && back.payload_len == len - 64;
	}
	ok(same, "2,000 random data datagrams come back as they were");
}

/* Of each byte a bit that Poly1305 does not clear in its key. */
static unsigned int under_other_secrets(const uint8_t *bytes, size_t len)
{
	unsigned int right = 0;
	for (size_t i = 0; i < TAGGER_SECRET_BYTES; i++) {
		uint8_t changed[TAGGER_SECRET_BYTES];
		struct tagger *other;
		memcpy(changed, secret_of_tags, sizeof(changed));
		changed[i] ^= 8;
		if (tagger_new(&other, changed) != 0)
			return TAGGER_SECRET_BYTES;
		right += datagram_tag_is_right(bytes, len, other);
		tagger_free(other);
	}
	return right;
}

static void mutations_are_refused(void)
{
	uint8_t bytes[DATAGRAM_BYTES_MAX];
	size_t len = encode(bytes, &plain);
	ok(datagram_tag_is_right(bytes, len, tagger), "a tagged datagram is right");
	bool refused = true;
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		refused &= !datagram_tag_is_right(bytes, len, tagger);
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	ok(refused, "with any single bit flipped its tag is wrong");
	refused = true;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read behind the end */
		memcpy(exact + 1, bytes, cut);
		struct datagram d;
		refused &= !datagram_tag_is_right(exact + 1, cut, tagger);
		refused &= datagram_decode(&d, exact + 1, cut) ==
			   (cut < DATAGRAM_DATA_BYTES ? VERDICT_TRUNCATED : VERDICT_BAD_LENGTH);
		free(exact);
	}
	ok(refused, "cut at any length its tag is wrong, and it does not decode");
	is_number(under_other_secrets(bytes, len), 0, "under a secret that differs in one bit of any byte its tag is wrong");
	bytes[len] = 0;
	struct datagram d;
	ok(!datagram_tag_is_right(bytes, len + 1, tagger) &&
		   datagram_decode(&d, bytes, len + 1) == VERDICT_BAD_LENGTH,
	   "a byte behind it makes it wrong");
	datagram_set_sequence(bytes, 5);
	ok(!datagram_tag_is_right(bytes, len, tagger), "another sequence number needs another tag");
	datagram_set_tag(bytes, len, tagger);
	ok(datagram_tag_is_right(bytes, len, tagger) && datagram_decode(&d, bytes, len) == VERDICT_OK &&
		   d.sequence == 5,
	   "which can be set");
}

/* Changes one field of the valid one and tags it anew, so that only the field is wrong. */
static void refuses(size_t offset, size_t size, uint64_t value, int verdict, const char *what)
{
	uint8_t bytes[DATAGRAM_BYTES_MAX];
	size_t len = encode(bytes, &plain);
	for (size_t i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> (8 * i));
	datagram_set_tag(bytes, len, tagger);
	struct datagram d = {.sequence = 99};
	is_text(verdict_name(datagram_decode(&d, bytes, len)), verdict_name(verdict), "%s", what);
	if (verdict != VERDICT_OK && d.sequence != 99)
		ok(false, "nothing is written when it is refused");
}

static void every_rule(void)
{
	refuses(16, 1, 0, VERDICT_UNKNOWN_VERSION, "version 0 is unknown");
	refuses(16, 1, 2, VERDICT_UNKNOWN_VERSION, "version 2 is unknown");
	refuses(17, 1, 0, VERDICT_BAD_TYPE, "type 0 is refused");
	refuses(17, 1, 3, VERDICT_BAD_TYPE, "type 3 is refused");
	refuses(18, 2, 0, VERDICT_BAD_LIMIT, "route id 0 is refused");
	refuses(18, 2, 65535, VERDICT_OK, "route id 65,535 is taken");
	refuses(20, 2, 1, VERDICT_BAD_LIMIT, "block 1 of 1 is refused");
	refuses(22, 2, 0, VERDICT_BAD_GEOMETRY, "row length 0 is refused");
	refuses(22, 2, 2047, VERDICT_BAD_GEOMETRY, "too long a row is refused");
	refuses(24, 8, 0, VERDICT_BAD_LIMIT, "epoch 0 is refused");
	refuses(40, 8, 0, VERDICT_BAD_LIMIT, "number 0 is refused");
	refuses(40, 8, UINT64_C(1) << 48, VERDICT_BAD_LIMIT, "number 2^48 is refused");
	refuses(40, 8, (UINT64_C(1) << 48) - 1, VERDICT_OK, "number 2^48 - 1 is taken");
	refuses(48, 4, 2, VERDICT_BAD_LIMIT, "an object of two segments is refused");
	refuses(48, 4, 0, VERDICT_BAD_LIMIT, "an object of no segments is refused");
	refuses(48, 4, UINT32_MAX, VERDICT_BAD_GEOMETRY, "too many blocks are refused");
	refuses(52, 1, 0, VERDICT_BAD_GEOMETRY, "no source rows are refused");
	refuses(52, 1, 13, VERDICT_BAD_GEOMETRY, "more source rows than the object fills are refused");
	refuses(53, 1, 0, VERDICT_BAD_GEOMETRY, "no repair rows are refused");
	refuses(53, 1, 244, VERDICT_BAD_GEOMETRY, "256 rows are refused");
	refuses(54, 1, 16, VERDICT_OK, "a further repair row is taken");
	refuses(54, 1, 32, VERDICT_BAD_LIMIT, "row 2 (k + r) is refused");
	refuses(54, 1, 255, VERDICT_BAD_LIMIT, "row 255 is refused");
	refuses(55, 1, 0, VERDICT_BAD_LIMIT, "no symbols are refused");
	refuses(55, 1, 70, VERDICT_BAD_LIMIT, "70 symbols are refused");
	refuses(55, 1, 2, VERDICT_BAD_LENGTH, "more symbols than there are bytes are refused");
	refuses(56, 2, 32, VERDICT_BAD_LIMIT, "a symbol behind the row is refused");
	refuses(56, 2, 65535, VERDICT_BAD_LIMIT, "symbol 65,535 is refused");
	for (size_t i = 58; i < 64; i++)
		refuses(i, 1, 128, VERDICT_BAD_RESERVED, "a reserved byte that is not zero is refused");
}

static void behind_the_end(void)
{
	/* the second of three rows ends in the middle of the object's end, the third is behind it */
	struct datagram d = plain;
	d.geometry = (struct geometry){5 * 16384, 32768, 3, 3};
	uint8_t bytes[DATAGRAM_BYTES_MAX];
	struct datagram back;
	d.row = 2;
	d.first_symbol = 127;
	size_t len = encode(bytes, &d);
	is_number(datagram_decode(&back, bytes, len), VERDICT_OK, "the object's last symbol is taken");
	d.first_symbol = 128;
	len = encode(bytes, &d);
	is_number(datagram_decode(&back, bytes, len), VERDICT_BAD_LIMIT, "the one behind it is refused");
	d.row = 3;
	len = encode(bytes, &d);
	is_number(datagram_decode(&back, bytes, len), VERDICT_OK, "in a repair row it is taken");
	/* two blocks, of which the second has one row */
	d.geometry = (struct geometry){5 * 16384, 16384, 4, 3};
	d.block = 1;
	d.row = 1;
	d.first_symbol = 0;
	len = encode(bytes, &d);
	is_number(datagram_decode(&back, bytes, len), VERDICT_BAD_LIMIT, "an empty row's is refused");
}

static void control(void)
{
	uint8_t bytes[1472], message[100];
	memset(message, 7, sizeof(message));
	is_number(datagram_encode_control(bytes, sizeof(bytes), 9, 8, message, sizeof(message)),
		  VERDICT_OK, "a control datagram is made");
	datagram_set_tag(bytes, sizeof(bytes), tagger);
	struct datagram d;
	ok(datagram_tag_is_right(bytes, sizeof(bytes), tagger) &&
		   datagram_decode(&d, bytes, sizeof(bytes)) == VERDICT_OK &&
		   d.type == DATAGRAM_TYPE_CONTROL && d.id.epoch == 9 && d.sequence == 8 &&
		   d.payload_len == sizeof(message) &&
		   memcmp(d.payload, message, sizeof(message)) == 0,
	   "and comes back as it was");
	ok(bytes_are_zero(bytes + 140, sizeof(bytes) - 140), "it is filled with zeros");
	bytes[sizeof(bytes) - 1] = 1;
	is_number(datagram_decode(&d, bytes, sizeof(bytes)), VERDICT_BAD_RESERVED,
		  "anything but zeros behind the message is refused");
	bytes[sizeof(bytes) - 1] = 0;
	for (size_t i = 20; i < 24; i++) {
		bytes[i] = 1;
		is_number(datagram_decode(&d, bytes, sizeof(bytes)), VERDICT_BAD_RESERVED,
			  "reserved byte %zu must be zero", i);
		bytes[i] = 0;
	}
	bytes[24] = 0;
	is_number(datagram_decode(&d, bytes, sizeof(bytes)), VERDICT_BAD_LIMIT, "epoch 0 is refused");
	bytes[24] = 9;
	is_number(datagram_decode(&d, bytes, 139), VERDICT_TRUNCATED,
		  "a message longer than the datagram is truncated");
	is_number(datagram_decode(&d, bytes, 140), VERDICT_OK, "one that fits exactly is taken");
	is_number(datagram_encode_control(bytes, 139, 9, 8, message, 100), VERDICT_BAD_LENGTH,
		  "a message that does not fit is not made");
	is_number(datagram_encode_control(bytes, 39, 9, 8, message, 0), VERDICT_BAD_LENGTH,
		  "nor is a datagram without room for the header");
	is_number(datagram_encode_control(bytes, 140, 9, 8, message, 100), VERDICT_OK,
		  "one that fits exactly is");
}

/* LINK.md 7 */
static void worked_example(void)
{
	uint8_t secret[SUITE_KEY_BYTES], of_tags[TAGGER_SECRET_BYTES], bytes[192];
	struct tagger *other;
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	tagger_secret(of_tags, secret);
	example_stands_in("common/LINK.md", of_tags, sizeof(of_tags), "the secret of the tags");
	ok(tagger_new(&other, of_tags) == 0, "it makes tags");
	is_number((int64_t)encode(bytes, &plain), sizeof(bytes), "the example has 192 bytes");
	datagram_set_tag(bytes, sizeof(bytes), other);
	tagger_free(other);
	example_stands_in("common/LINK.md", bytes, sizeof(bytes), "the data datagram");
}

int main(void)
{
	uint64_t random = test_seed();
	ok(suite_start() == 0 && tagger_new(&tagger, secret_of_tags) == 0, "the suite starts");
	sizes();
	data_comes_back(&random);
	mutations_are_refused();
	every_rule();
	behind_the_end();
	control();
	worked_example();
	return done_testing();
}
