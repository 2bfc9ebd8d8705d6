#include "common/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "common/datagram.h"
#include "common/verdict.h"
#include "tests/lib/example.h"
#include "tests/lib/tap.h"

static uint8_t box_seed[SUITE_KEY_BYTES], box_public[SUITE_KEY_BYTES];

/* The examples of LINK.md 7. */
static struct heartbeat example_beat(void)
{
	struct heartbeat h = {
		.bundles = 1,
		.epoch = UINT64_C(0x1122334455667788),
		.beat = 42,
		.time = 1795478400,
		.generation = 7,
		.pages = 1,
		.registry_version = 3,
		.sent = 100000,
		.ledger = {.n = 321},
		.epoch_before = UINT64_C(0x0102030405060708),
		.waiting = 5000000,
		.heal_rate = 31250000,
		.heal_round = 55296,
	};
	memset(h.ledger.hash, 0x1e, sizeof(h.ledger.hash));
	memset(h.box_key, 0xb0, sizeof(h.box_key));
	return h;
}

static struct page example_page(void)
{
	struct page p = {
		.count = 1,
		.epoch = UINT64_C(0x1122334455667788),
		.generation = 7,
		.time = 1795478400,
		.page = 0,
		.pages = 1,
		.entries = {{
			.route_id = 1,
			.passes = 1,
			.geometry = {49152, 4096, 12, 4},
			.epoch = UINT64_C(0x1122334455667788),
			.number = 123,
			.destroy_by = 1798070400,
			.offered_until = 1795910400,
		}},
	};
	memset(p.box_key, 0xb0, sizeof(p.box_key));
	memset(p.entries[0].root, 0xee, sizeof(p.entries[0].root));
	return p;
}

static struct heads example_heads(void)
{
	struct heads h = {
		.count = 2,
		.epoch = UINT64_C(0x1122334455667788),
		.epoch_before = UINT64_C(0x0102030405060708),
		.generation = 7,
		.time = 1795478400,
		.page = 0,
		.pages = 1,
		.head = {{1, 100, 123}, {7, 1, 0}},
	};
	memset(h.box_key, 0xb0, sizeof(h.box_key));
	return h;
}

static struct page full_page(uint64_t *random)
{
	struct page p = example_page();
	p.count = PAGE_ENTRIES_MAX;
	p.page = 2;
	p.pages = 9;
	p.age = test_random(random) % (8 * p.generation + 1);
	for (unsigned int i = 0; i < p.count; i++) {
		p.entries[i] = (struct entry){
			.route_id = (uint16_t)(1 + test_random(random) % 65535),
			.geometry = geometry_choose((3 + test_random(random) % 100000) * 16384, 125),
			.passes = (uint16_t)test_random(random),
			.epoch = 1 + test_random(random) / 2,
			.number = 1 + test_random(random) % ((UINT64_C(1) << 48) - 1),
			.destroy_by = test_random(random),
			.offered_until = test_random(random),
		};
		test_random_bytes(random, p.entries[i].root, sizeof(p.entries[i].root));
	}
	return p;
}

static bool same_entry(const struct entry *a, const struct entry *b)
{
	return a->route_id == b->route_id && a->number == b->number &&
	       a->geometry.object_len == b->geometry.object_len &&
	       a->geometry.row_len == b->geometry.row_len &&
	       a->geometry.source_rows == b->geometry.source_rows &&
	       a->geometry.repair_rows == b->geometry.repair_rows &&
	       a->epoch == b->epoch && a->passes == b->passes &&
	       a->offered_until == b->offered_until && a->destroy_by == b->destroy_by && memcmp(a->root, b->root, sizeof(a->root)) == 0;
}

static bool same_page(const struct page *a, const struct page *b)
{
	bool same = a->count == b->count && a->epoch == b->epoch && a->generation == b->generation &&
		    a->time == b->time && a->page == b->page && a->pages == b->pages &&
		    a->age == b->age && memcmp(a->box_key, b->box_key, sizeof(a->box_key)) == 0;
	for (unsigned int i = 0; same && i < a->count; i++)
		same = same_entry(&a->entries[i], &b->entries[i]);
	return same;
}

static void heartbeats_come_back(void)
{
	struct heartbeat h = example_beat(), back;
	uint8_t bytes[HEARTBEAT_BYTES];
	ok(heartbeat_encode(bytes, &h, box_seed) == 0 &&
		   message_kind(bytes, sizeof(bytes)) == MESSAGE_HEARTBEAT &&
		   heartbeat_decode(&back, bytes, sizeof(bytes)) == VERDICT_OK,
	   "a heartbeat is made, known and read");
	ok(back.bundles == 1 && back.epoch == h.epoch && back.beat == 42 && back.time == h.time &&
		   back.generation == 7 && back.pages == 1 && back.registry_version == 3 &&
		   back.sent == 100000 && memcmp(back.box_key, h.box_key, KEY_ID_BYTES) == 0 &&
		   back.ledger.n == 321 &&
		   memcmp(back.ledger.hash, h.ledger.hash, sizeof(h.ledger.hash)) == 0 &&
		   back.epoch_before == h.epoch_before && back.waiting == 5000000 &&
		   back.heal_rate == 31250000 && back.heal_round == 55296 &&
		   memcmp(back.signature, bytes + 160, SUITE_SIGNATURE_BYTES) == 0,
	   "and is as it was");
	is_number(message_verify(bytes, sizeof(bytes), box_public), VERDICT_OK, "its signature is right");
}

static void pages_come_back(uint64_t *random)
{
	bool good = true;
	for (uint16_t count = 0; count <= PAGE_ENTRIES_MAX; count++) {
		struct page p = full_page(random), back;
		p.count = count;
		uint8_t bytes[PAGE_BYTES_MAX];
		size_t len = 0;
		good &= page_encode(bytes, &len, &p, box_seed) == 0 && len == 136U + 80U * count &&
			message_kind(bytes, len) == MESSAGE_PAGE &&
			page_decode(&back, bytes, len) == VERDICT_OK && same_page(&p, &back) &&
			message_verify(bytes, len, box_public) == VERDICT_OK;
	}
	ok(good, "pages of 0 to 16 entries are made, known, read as they were, and rightly signed");
	struct datagram d;
	uint8_t datagram[1472];
	struct page p = full_page(random);
	uint8_t bytes[PAGE_BYTES_MAX];
	size_t len;
	page_encode(bytes, &len, &p, box_seed);
	ok(datagram_encode_control(datagram, sizeof(datagram), 1, 1, bytes, len) == VERDICT_OK &&
		   datagram_decode(&d, datagram, sizeof(datagram)) == VERDICT_OK,
	   "a full page fits into a datagram at MTU 1500");
}

static bool same_heads(const struct heads *a, const struct heads *b)
{
	bool same = a->count == b->count && a->epoch == b->epoch && a->epoch_before == b->epoch_before &&
		    a->generation == b->generation && a->time == b->time && a->page == b->page &&
		    a->pages == b->pages && memcmp(a->box_key, b->box_key, sizeof(a->box_key)) == 0;
	for (unsigned int i = 0; same && i < a->count; i++)
		same = a->head[i].route_id == b->head[i].route_id && a->head[i].first == b->head[i].first &&
		       a->head[i].newest == b->head[i].newest;
	return same;
}

static struct heads full_heads(uint64_t *random)
{
	struct heads h = example_heads();
	h.count = HEADS_MAX;
	for (unsigned int i = 0; i < h.count; i++) {
		uint64_t first = 1 + test_random(random) % 1000000;
		h.head[i] = (struct route_head){(uint16_t)(1 + 3 * i), first, first - 1 + test_random(random) % 1000};
	}
	return h;
}

static void heads_come_back(uint64_t *random)
{
	bool good = true;
	size_t len = 0;
	uint8_t bytes[HEADS_BYTES_MAX], datagram[1472];
	for (uint16_t count = 0; count <= HEADS_MAX; count++) {
		struct heads h = full_heads(random), back;
		h.count = count;
		good &= heads_encode(bytes, &len, &h, box_seed) == 0 && len == 136U + 24U * count &&
			message_kind(bytes, len) == MESSAGE_HEADS &&
			heads_decode(&back, bytes, len) == VERDICT_OK && same_heads(&h, &back) &&
			message_verify(bytes, len, box_public) == VERDICT_OK;
	}
	ok(good, "heads of 0 to 52 routes are made, known, read as they were, and rightly signed");
	struct datagram d;
	ok(datagram_encode_control(datagram, sizeof(datagram), 1, 1, bytes, len) == VERDICT_OK &&
		   datagram_decode(&d, datagram, sizeof(datagram)) == VERDICT_OK,
	   "as many as fit go into a datagram at MTU 1500");
}

/* Every bit flip, truncation and extension of a message: refused by its reader or its signature. */
static void mutations_are_refused(const uint8_t *message, size_t len, const char *what)
{
	uint8_t bytes[PAGE_BYTES_MAX + 1];
	memcpy(bytes, message, len);
	bool refused = true;
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		refused &= message_verify(bytes, len, box_public) != VERDICT_OK;
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
	ok(refused, "%s with any single bit flipped does not verify", what);
	refused = true;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read behind the end */
		memcpy(exact + 1, message, cut);
		struct heartbeat h;
		struct page p;
		refused &= heartbeat_decode(&h, exact + 1, cut) != VERDICT_OK;
		refused &= page_decode(&p, exact + 1, cut) != VERDICT_OK;
		struct heads heads;
		refused &= heads_decode(&heads, exact + 1, cut) != VERDICT_OK;
		refused &= message_verify(exact + 1, cut, box_public) != VERDICT_OK;
		free(exact);
	}
	ok(refused, "%s cut at any length neither decodes nor verifies", what);
	bytes[len] = 0;
	struct heartbeat h;
	struct page p;
	struct heads heads;
	ok(heartbeat_decode(&h, bytes, len + 1) != VERDICT_OK &&
		   page_decode(&p, bytes, len + 1) != VERDICT_OK &&
		   heads_decode(&heads, bytes, len + 1) != VERDICT_OK,
	   "%s with a byte behind it does not decode", what);
}

static void mutations(uint64_t *random)
{
	struct heartbeat h = example_beat();
	uint8_t beat[HEARTBEAT_BYTES], other[SUITE_KEY_BYTES], bytes[PAGE_BYTES_MAX];
	heartbeat_encode(beat, &h, box_seed);
	mutations_are_refused(beat, sizeof(beat), "a heartbeat");
	struct page p = full_page(random);
	p.count = 2;
	size_t len;
	page_encode(bytes, &len, &p, box_seed);
	mutations_are_refused(bytes, len, "a page");
	struct heads heads = example_heads();
	heads_encode(bytes, &len, &heads, box_seed);
	mutations_are_refused(bytes, len, "a message of heads");
	memcpy(bytes, "WEIRCATA", 8);
	is_number(message_verify(bytes, len, box_public), VERDICT_BAD_SIGNATURE, "heads do not verify as a page");
	memcpy(other, box_seed, sizeof(other));
	other[0] ^= 1;
	suite_sign_public(other, other);
	is_number(message_verify(beat, sizeof(beat), other), VERDICT_BAD_SIGNATURE,
		  "another box's key does not verify it");
	/* the same bytes under the other message's magic must not pass for it */
	memcpy(bytes, beat, sizeof(beat));
	memcpy(bytes, "WEIRCATA", 8);
	is_number(message_verify(bytes, sizeof(beat), box_public), VERDICT_BAD_SIGNATURE,
		  "a heartbeat does not verify as a page");
}

static void put(uint8_t *bytes, size_t offset, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

static void beat_refuses(size_t offset, size_t size, uint64_t value, int verdict, const char *what)
{
	struct heartbeat h = example_beat(), back = {.beat = 99};
	uint8_t bytes[HEARTBEAT_BYTES];
	heartbeat_encode(bytes, &h, box_seed);
	put(bytes, offset, size, value);
	is_text(verdict_name(heartbeat_decode(&back, bytes, sizeof(bytes))), verdict_name(verdict),
		"heartbeat: %s", what);
	if (verdict != VERDICT_OK && back.beat != 99)
		ok(false, "nothing is written when it is refused");
}

static void page_refuses(size_t offset, size_t size, uint64_t value, int verdict, const char *what)
{
	struct page p = example_page(), back = {.count = 99};
	uint8_t bytes[PAGE_BYTES_MAX];
	size_t len;
	page_encode(bytes, &len, &p, box_seed);
	put(bytes, offset, size, value);
	is_text(verdict_name(page_decode(&back, bytes, len)), verdict_name(verdict), "page: %s", what);
	if (verdict != VERDICT_OK && back.count != 99)
		ok(false, "nothing is written when it is refused");
}

static void heads_refuse(size_t offset, size_t size, uint64_t value, int verdict, const char *what)
{
	struct heads h = example_heads(), back = {.count = 99};
	uint8_t bytes[HEADS_BYTES_MAX];
	size_t len;
	heads_encode(bytes, &len, &h, box_seed);
	put(bytes, offset, size, value);
	is_text(verdict_name(heads_decode(&back, bytes, len)), verdict_name(verdict), "heads: %s", what);
	if (verdict != VERDICT_OK && back.count != 99)
		ok(false, "nothing is written when they are refused");
}

static void heads_rules(void)
{
	heads_refuse(7, 1, 'T', VERDICT_BAD_MAGIC, "another magic is refused");
	heads_refuse(8, 2, 2, VERDICT_UNKNOWN_VERSION, "version 2 is refused");
	heads_refuse(10, 2, 2, VERDICT_UNKNOWN_SUITE, "suite 2 is refused");
	heads_refuse(12, 2, 1, VERDICT_TRAILING_BYTES, "a route too many is refused");
	heads_refuse(12, 2, 3, VERDICT_TRUNCATED, "a route too few is refused");
	heads_refuse(12, 2, 53, VERDICT_BAD_LIMIT, "53 routes are refused");
	heads_refuse(14, 1, 1, VERDICT_BAD_RESERVED, "reserved byte 14 must be zero");
	heads_refuse(15, 1, 1, VERDICT_BAD_RESERVED, "reserved byte 15 must be zero");
	heads_refuse(16, 8, 0, VERDICT_BAD_LIMIT, "epoch 0 is refused");
	heads_refuse(24, 8, 0, VERDICT_OK, "a sender without an epoch before is heard");
	heads_refuse(24, 8, UINT64_C(0x1122334455667788), VERDICT_BAD_LIMIT, "an epoch before itself is refused");
	heads_refuse(48, 4, 1, VERDICT_BAD_LIMIT, "page 1 of 1 is refused");
	heads_refuse(52, 4, 0, VERDICT_BAD_LIMIT, "no pages are refused");
	heads_refuse(52, 4, 64, VERDICT_OK, "64 pages are taken");
	heads_refuse(52, 4, 65, VERDICT_BAD_LIMIT, "65 pages are refused");
	heads_refuse(72, 2, 0, VERDICT_BAD_LIMIT, "route id 0 is refused");
	for (size_t i = 74; i < 80; i++)
		heads_refuse(i, 1, 1, VERDICT_BAD_RESERVED, "a reserved byte of a route that is not zero is refused");
	heads_refuse(80, 8, 0, VERDICT_BAD_LIMIT, "a first number of 0 is refused");
	heads_refuse(80, 8, 124, VERDICT_OK, "a route that has no number in this epoch yet is taken");
	heads_refuse(80, 8, 125, VERDICT_BAD_LIMIT, "a first number further on is refused");
	heads_refuse(88, 8, UINT64_C(1) << 48, VERDICT_BAD_LIMIT, "a number of 2^48 is refused");
	heads_refuse(96, 2, 1, VERDICT_BAD_ORDER, "a route that is named twice is refused");
}

static void heartbeat_rules(void)
{
	beat_refuses(0, 1, 'w', VERDICT_BAD_MAGIC, "another magic is refused");
	beat_refuses(8, 2, 2, VERDICT_UNKNOWN_VERSION, "version 2 is refused");
	beat_refuses(8, 2, 257, VERDICT_UNKNOWN_VERSION, "version 257 is refused");
	beat_refuses(10, 2, 0, VERDICT_UNKNOWN_SUITE, "suite 0 is refused");
	beat_refuses(12, 4, 16, VERDICT_OK, "16 bundles a page are taken");
	beat_refuses(12, 4, 17, VERDICT_BAD_LIMIT, "17 bundles a page are refused");
	beat_refuses(16, 8, 0, VERDICT_BAD_LIMIT, "epoch 0 is refused");
	beat_refuses(48, 4, 5000, VERDICT_OK, "5,000 pages are taken");
	beat_refuses(48, 4, 5001, VERDICT_BAD_LIMIT, "5,001 pages are refused");
	for (size_t i = 52; i < 56; i++)
		beat_refuses(i, 1, 1, VERDICT_BAD_RESERVED, "a reserved byte that is not zero is refused");
	beat_refuses(72, 8, LEDGER_N_MAX, VERDICT_OK, "as many ledger entries as there may be are taken");
	beat_refuses(72, 8, LEDGER_N_MAX + 1, VERDICT_BAD_LIMIT, "one more is refused");
	beat_refuses(72, 8, 0, VERDICT_BAD_RESERVED, "the hash of no ledger is refused");
	beat_refuses(112, 8, 0, VERDICT_OK, "a sender without an epoch before is heard");
	beat_refuses(112, 8, UINT64_C(0x1122334455667788), VERDICT_BAD_LIMIT, "an epoch before itself is refused");
	struct heartbeat h = example_beat(), back;
	uint8_t bytes[HEARTBEAT_BYTES];
	h.ledger = (struct ledger_head){.n = 0};
	heartbeat_encode(bytes, &h, box_seed);
	ok(heartbeat_decode(&back, bytes, sizeof(bytes)) == VERDICT_OK && back.ledger.n == 0,
	   "a sender whose ledger has no entry yet is heard");
}

static void page_rules(void)
{
	page_refuses(7, 1, 'T', VERDICT_BAD_MAGIC, "another magic is refused");
	page_refuses(8, 2, 0, VERDICT_UNKNOWN_VERSION, "version 0 is refused");
	page_refuses(10, 2, 2, VERDICT_UNKNOWN_SUITE, "suite 2 is refused");
	page_refuses(12, 2, 0, VERDICT_TRAILING_BYTES, "an entry too many is refused");
	page_refuses(12, 2, 2, VERDICT_TRUNCATED, "an entry too few is refused");
	page_refuses(12, 2, 17, VERDICT_BAD_LIMIT, "17 entries are refused");
	page_refuses(14, 1, 1, VERDICT_BAD_RESERVED, "reserved byte 14 must be zero");
	page_refuses(15, 1, 1, VERDICT_BAD_RESERVED, "reserved byte 15 must be zero");
	page_refuses(16, 8, 0, VERDICT_BAD_LIMIT, "epoch 0 is refused");
	page_refuses(40, 4, 1, VERDICT_BAD_LIMIT, "page 1 of 1 is refused");
	page_refuses(44, 4, 0, VERDICT_BAD_LIMIT, "no pages are refused");
	page_refuses(44, 4, 5000, VERDICT_OK, "5,000 pages are taken");
	page_refuses(44, 4, 5001, VERDICT_BAD_LIMIT, "5,001 pages are refused");
	page_refuses(24, 8, GENERATION_END - 1, VERDICT_OK, "a generation below 2^48 is taken");
	page_refuses(24, 8, GENERATION_END, VERDICT_BAD_LIMIT, "generation 2^48 is refused");
	page_refuses(48, 8, 1, VERDICT_BAD_LIMIT, "the only page is of its own generation");
	struct page p = example_page(), back;
	uint8_t bytes[PAGE_BYTES_MAX];
	size_t len;
	p.pages = 3;
	p.age = 14;
	page_encode(bytes, &len, &p, box_seed);
	is_number(page_decode(&back, bytes, len), VERDICT_OK, "two pages more may be seven generations older each in the seventh");
	p.age = 15;
	page_encode(bytes, &len, &p, box_seed);
	is_number(page_decode(&back, bytes, len), VERDICT_BAD_LIMIT, "and no older");
	page_refuses(72, 2, 0, VERDICT_BAD_LIMIT, "route id 0 is refused");
	page_refuses(74, 1, 13, VERDICT_BAD_GEOMETRY, "an empty source row is refused");
	page_refuses(75, 1, 0, VERDICT_BAD_GEOMETRY, "no repair rows are refused");
	page_refuses(76, 2, 0, VERDICT_BAD_GEOMETRY, "an empty row is refused");
	page_refuses(76, 2, 2047, VERDICT_BAD_GEOMETRY, "a row above the longest is refused");
	page_refuses(78, 2, 65535, VERDICT_OK, "any number of passes is taken");
	page_refuses(80, 8, 0, VERDICT_BAD_LIMIT, "an entry of epoch 0 is refused");
	page_refuses(80, 8, 1, VERDICT_OK, "one of an earlier epoch is taken");
	page_refuses(88, 8, 0, VERDICT_BAD_LIMIT, "number 0 is refused");
	page_refuses(88, 8, UINT64_C(1) << 48, VERDICT_BAD_LIMIT, "number 2^48 is refused");
	page_refuses(96, 8, 32768, VERDICT_BAD_GEOMETRY, "an object of two segments is refused");
	page_refuses(96, 8, 49153, VERDICT_BAD_GEOMETRY, "half a segment is refused");
}

static void kinds(void)
{
	is_number(message_kind((const uint8_t *)"WEIRBEAT", 8), MESSAGE_HEARTBEAT, "a heartbeat is known");
	is_number(message_kind((const uint8_t *)"WEIRCATA", 8), MESSAGE_PAGE, "a page is known");
	is_number(message_kind((const uint8_t *)"WEIRHEAD", 8), MESSAGE_HEADS, "heads are known");
	is_number(message_kind((const uint8_t *)"WEIRBEAT", 7), MESSAGE_UNKNOWN, "half a magic is not");
	is_number(message_kind((const uint8_t *)"WEIRPUSH", 8), MESSAGE_UNKNOWN, "another is not");
	is_number(message_verify((const uint8_t *)"WEIRPUSH", 8, box_public), VERDICT_BAD_MAGIC,
		  "what is no message does not verify");
}

/* LINK.md 7 */
static void worked_examples(void)
{
	struct heartbeat h = example_beat();
	struct page p = example_page();
	uint8_t bytes[PAGE_BYTES_MAX];
	size_t len;
	heartbeat_encode(bytes, &h, box_seed);
	example_stands_in("common/LINK.md", bytes, HEARTBEAT_BYTES, "the heartbeat");
	page_encode(bytes, &len, &p, box_seed);
	example_stands_in("common/LINK.md", bytes, len, "the catalogue page");
	struct heads heads = example_heads();
	heads_encode(bytes, &len, &heads, box_seed);
	example_stands_in("common/LINK.md", bytes, len, "the heads");
	example_stands_in("common/LINK.md", box_public, sizeof(box_public), "the box's public key");
}

int main(void)
{
	uint64_t random = test_seed();
	ok(suite_start() == 0, "the suite starts");
	for (size_t i = 0; i < sizeof(box_seed); i++)
		box_seed[i] = (uint8_t)(0x80 + i);
	suite_sign_public(box_public, box_seed);
	heartbeats_come_back();
	pages_come_back(&random);
	heads_come_back(&random);
	mutations(&random);
	heartbeat_rules();
	page_rules();
	heads_rules();
	kinds();
	worked_examples();
	return done_testing();
}
