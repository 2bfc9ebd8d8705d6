#include "common/order.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/example.h"
#include "tests/lib/tap.h"

enum { DAY = 86400, HOUR = 3600 };

static const uint64_t monday = 1780272000; /* 2026-06-01T00:00:00Z, a Monday */

/* The worked example of ORDER.md 6: seeds and ids are its inputs. */
static void fill(uint8_t *out, size_t len, uint8_t first)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(first + i);
}

static void name_card(struct card *card, enum key_kind kind, const char *name,
		      const uint8_t seed[static SUITE_KEY_BYTES])
{
	*card = (struct card){.kind = kind};
	memcpy(card->name, name, strlen(name));
	suite_sign_public(card->public_key, seed);
	card_identify(card);
}

static void make_order(struct order *o)
{
	uint8_t seed[SUITE_KEY_BYTES];
	*o = (struct order){
		.kind = ORDER_PUSH,
		.route = "tax",
		.policy_version = 3,
		.not_before = monday,
		.not_after = monday + 30 * DAY,
		.window_start = 22 * 60,
		.window_len = 6 * 60,
		.weekdays = 0x1f,
		.max_bytes = UINT64_C(20) << 30,
		.max_records = 25000000,
		.max_pushes = 2,
	};
	fill(o->id, ORDER_ID_BYTES, 0xd0);
	fill(seed, sizeof(seed), 0xa0);
	name_card(&o->machine, KEY_MACHINE, "nightly", seed);
}

static void sign(struct order *o, const char *name, uint8_t first_of_seed, uint64_t at)
{
	uint8_t seed[SUITE_KEY_BYTES], input[ORDER_INPUT_BYTES];
	struct card card;
	struct order_signer signer = {.signed_at = at};
	fill(seed, sizeof(seed), first_of_seed);
	name_card(&card, KEY_PERSON, name, seed);
	memcpy(signer.name, card.name, NAME_BYTES);
	memcpy(signer.key_id, card.id, KEY_ID_BYTES);
	order_sign_input(input, o, &signer);
	ok(signature_make(&signer.signature, ORDER_DOMAIN, input, sizeof(input), seed) == 0 &&
		   order_add_signature(o, &signer) == 0, "%s signs", name);
}

static void make_release_order(struct order *o)
{
	uint8_t seed[SUITE_KEY_BYTES];
	make_order(o);
	o->kind = ORDER_RELEASE;
	fill(seed, sizeof(seed), 0xa0);
	name_card(&o->machine, KEY_SENDER, "inside-1", seed);
	sign(o, "chen-yi", 0x10, monday);
	sign(o, "lin-jun", 0x20, monday + 60);
	sign(o, "wu-ting", 0x30, monday + 120);
}

static int decode(const uint8_t *in, size_t len)
{
	/* a copy of just this size, so that reading past its end is seen by the sanitizer */
	uint8_t *copy = malloc(len + (len == 0));
	struct order out;
	memcpy(copy, in, len);
	int result = order_decode(&out, copy, len);
	free(copy);
	return result;
}

static void test_round_trip(const struct order *o, const char *what)
{
	uint8_t bytes[ORDER_BYTES_MAX], again[ORDER_BYTES_MAX];
	struct order got;
	size_t len = order_encode(bytes, o);
	is_number((int64_t)len, (int64_t)order_encoded_len(o), "%s has the length that was told", what);
	is_number(order_decode(&got, bytes, len), 0, "%s is read", what);
	ok(order_encode(again, &got) == len && memcmp(again, bytes, len) == 0,
	   "%s is written again as it was", what);
	ok(got.machine.kind == order_machine_kind(o->kind), "%s knows the kind of its machine", what);
	size_t passed = 0;
	for (size_t cut = 0; cut < len; cut++)
		passed += decode(bytes, cut) != VERDICT_TRUNCATED;
	is_number((int64_t)passed, 0, "%s is truncated at every shorter length", what);
	memset(bytes + len, 0, 1);
	is_number(decode(bytes, len + 1), VERDICT_TRAILING_BYTES, "%s ends where it ends", what);
	bytes[0] = 'w';
	is_number(decode(bytes, 100), VERDICT_BAD_MAGIC, "what begins otherwise is no order, however short");
}

/* Whether a flipped bit is seen by the reader, or by the signature when it is under one. */
static bool is_seen(const uint8_t *bytes, size_t len, const uint8_t key[static SUITE_KEY_BYTES])
{
	struct order o;
	struct party party = {.card.kind = KEY_PERSON};
	uint8_t input[ORDER_INPUT_BYTES];
	if (order_decode(&o, bytes, len) != 0)
		return true;
	memcpy(party.card.public_key, key, SUITE_KEY_BYTES);
	if (o.signer_count != 1)
		return false;
	order_sign_input(input, &o, &o.signers[0]);
	return signature_verify(&o.signers[0].signature, ORDER_DOMAIN, input, sizeof(input), &party) != 0;
}

static void test_every_bit(const struct order *o)
{
	uint8_t bytes[ORDER_BYTES_MAX], seed[SUITE_KEY_BYTES], key[SUITE_KEY_BYTES];
	size_t len = order_encode(bytes, o), passed = 0;
	fill(seed, sizeof(seed), 0x80);
	suite_sign_public(key, seed);
	ok(!is_seen(bytes, len, key), "a signed order is read, and its signature is right");
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (!is_seen(bytes, len, key)) {
			note("bit %zu of byte %zu passed", bit % 8, bit / 8);
			passed++;
		}
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of a signed order is refused");
}

/* An order with bytes replaced at an offset of ORDER.md 2 and 3. */
static void test_reject_rules(const struct order *push, const struct order *release)
{
	static const uint8_t ones[32] = {[0 ... 31] = 0xff};
	static const struct {
		size_t at, len;
		const char *bytes;
		int verdict;
		const char *what;
	} cases[] = {
		{0, 1, "w", VERDICT_BAD_MAGIC, "another magic"},
		{8, 1, "\2", VERDICT_UNKNOWN_VERSION, "version 2"},
		{10, 1, "\2", VERDICT_UNKNOWN_SUITE, "suite 2"},
		{12, 1, "\0", VERDICT_BAD_TYPE, "kind 0"},
		{12, 1, "\3", VERDICT_BAD_TYPE, "kind 3"},
		{13, 1, "\2", VERDICT_BAD_LIMIT, "a second signer of a push"},
		{14, 1, "\1", VERDICT_BAD_RESERVED, "byte 14"},
		{15, 1, "\1", VERDICT_BAD_RESERVED, "byte 15"},
		{16, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", VERDICT_BAD_LIMIT, "an id of zeros"},
		{32, 1, "T", VERDICT_BAD_NAME, "a route in capitals"},
		{40, 1, "x", VERDICT_BAD_NAME, "a route not filled with zeros"},
		{63, 1, "\1", VERDICT_BAD_NAME, "a route with a 32nd byte"},
		{71, 1, "\x80", VERDICT_BAD_LIMIT, "a policy version of 2^63"},
		{79, 1, "\1", VERDICT_BAD_TIME, "an end before its beginning"},
		{88, 2, "\xa0\5", VERDICT_BAD_LIMIT, "a window that starts at minute 1440"},
		{90, 2, "\0\0", VERDICT_BAD_LIMIT, "a window of no minutes"},
		{90, 2, "\xa1\5", VERDICT_BAD_LIMIT, "a window of 1441 minutes"},
		{92, 1, "\0", VERDICT_BAD_LIMIT, "no weekday"},
		{92, 1, "\x80", VERDICT_BAD_LIMIT, "an eighth weekday"},
		{93, 1, "\1", VERDICT_BAD_RESERVED, "byte 93"},
		{95, 1, "\1", VERDICT_BAD_RESERVED, "byte 95"},
		{96, 8, "\0\0\0\0\0\0\0\0", VERDICT_BAD_LIMIT, "no bytes"},
		{96, 8, "\1\0\0\0\0\x40\0\0", VERDICT_BAD_LIMIT, "2^46 bytes and one"},
		{104, 8, "\0\0\0\0\0\0\0\0", VERDICT_BAD_LIMIT, "no records"},
		{104, 8, "\1\0\0\0\0\x40\0\0", VERDICT_BAD_LIMIT, "2^46 records and one"},
		{104, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f", VERDICT_BAD_LIMIT, "no cap on records"},
		{112, 4, "\0\0\0\0", VERDICT_BAD_LIMIT, "no push a day"},
		{112, 4, "\xa1\5\0\0", VERDICT_BAD_LIMIT, "1441 pushes a day"},
		{116, 1, "\1", VERDICT_BAD_RESERVED, "byte 116"},
		{119, 1, "\1", VERDICT_BAD_RESERVED, "byte 119"},
		{120, 1, "-", VERDICT_BAD_NAME, "a machine's name that begins otherwise"},
		{120, 1, "m", VERDICT_WRONG_KEY, "another name of the machine"},
		{152, 1, "\0", VERDICT_WRONG_KEY, "another key id of the machine"},
		{168, 1, "\0", VERDICT_WRONG_KEY, "another public key of the machine"},
		{200, 1, "W", VERDICT_BAD_NAME, "a signer in capitals"},
		{255, 1, "\1", VERDICT_BAD_TIME, "a signature later than the end"},
		{256, 1, "\3", VERDICT_BAD_TYPE, "an unknown algorithm"},
		{257, 1, "\1", VERDICT_BAD_RESERVED, "byte 257"},
		{258, 1, "\x41", VERDICT_BAD_LENGTH, "another length of the signature"},
	};
	uint8_t bytes[ORDER_BYTES_MAX];
	size_t len = order_encode(bytes, push);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		order_encode(bytes, push);
		memcpy(bytes + cases[i].at, cases[i].bytes, cases[i].len);
		is_text(verdict_name(decode(bytes, len)), verdict_name(cases[i].verdict),
			"an order with %s is refused", cases[i].what);
	}
	order_encode(bytes, push);
	memcpy(bytes + 32, ones, 32);
	is_number(decode(bytes, len), VERDICT_BAD_NAME, "a route of any bytes is refused");
	len = order_encode(bytes, release);
	bytes[13] = 17;
	is_number(decode(bytes, len), VERDICT_BAD_LIMIT, "seventeen signers are refused");
	bytes[13] = 4;
	is_number(decode(bytes, len), VERDICT_TRUNCATED, "so is one more than there are");
	bytes[13] = 2;
	is_number(decode(bytes, len), VERDICT_TRAILING_BYTES, "and one less");
}

static int encode_and_decode(const struct order *o)
{
	uint8_t bytes[ORDER_BYTES_MAX];
	return decode(bytes, order_encode(bytes, o));
}

static void test_limits(void)
{
	struct order o;
	make_order(&o);
	is_number(encode_and_decode(&o), 0, "an order lives 30 days");
	o.not_after++;
	is_number(encode_and_decode(&o), VERDICT_BAD_LIMIT, "and not a second longer");
	o.not_after = o.not_before + 1;
	is_number(encode_and_decode(&o), 0, "a second at least");
	o.not_after = o.not_before;
	is_number(encode_and_decode(&o), VERDICT_BAD_TIME, "and not none");
	make_order(&o);
	o.policy_version = 0;
	o.window_start = 1439;
	o.window_len = 1440;
	o.weekdays = 127;
	o.max_bytes = o.max_records = ORDER_CAP_MAX;
	o.max_pushes = 1440;
	is_number(encode_and_decode(&o), 0, "the largest of everything is good");
	o.window_start = 0;
	o.window_len = o.weekdays = 1;
	o.max_bytes = o.max_records = o.max_pushes = 1;
	is_number(encode_and_decode(&o), 0, "so is the smallest");
	make_order(&o);
	sign(&o, "wang-mei", 0x80, monday - 30 * DAY);
	is_number(encode_and_decode(&o), 0, "an order is signed 30 days before it begins");
	o.signers[0].signed_at--;
	is_number(encode_and_decode(&o), VERDICT_BAD_TIME, "and not a second earlier");
	o.signer_count = 0;
	o.not_after = UINT64_MAX;
	o.not_before = UINT64_MAX - ORDER_LIFE_MAX_S;
	is_number(encode_and_decode(&o), 0, "and the end of time");
}

static void test_kinds(void)
{
	is_text(order_kind_name(ORDER_PUSH), "push", "a kind has a name");
	is_text(order_kind_name(ORDER_RELEASE), "release", "and the other");
	ok(order_kind_name(ORDER_KIND_END) == NULL, "nothing else has");
	is_number(order_kind_from_name("release"), ORDER_RELEASE, "the name leads back");
	is_number(order_kind_from_name("approve"), 0, "another word leads nowhere");
	is_number(order_machine_kind(ORDER_PUSH), KEY_MACHINE, "a machine pushes");
	is_number(order_machine_kind(ORDER_RELEASE), KEY_SENDER, "a sender box releases");
}

static void test_signing(void)
{
	struct order o, other;
	struct order_signer signer;
	uint8_t input[ORDER_INPUT_BYTES], bytes[ORDER_BYTES_MAX];
	make_release_order(&o);
	is_number(o.signer_count, 3, "three officers have signed");
	ok(memcmp(o.signers[0].key_id, o.signers[1].key_id, KEY_ID_BYTES) < 0 &&
		   memcmp(o.signers[1].key_id, o.signers[2].key_id, KEY_ID_BYTES) < 0,
	   "and stand by key id, in whatever order they signed");
	size_t at = 0;
	while (strcmp(o.signers[at].name, "lin-jun") != 0)
		at++;
	sign(&o, "lin-jun", 0x20, monday + 600);
	ok(o.signer_count == 3 && o.signers[at].signed_at == monday + 600,
	   "who signs again takes the place of the older signature");
	order_sign_input(input, &o, &o.signers[at]);
	order_encode(bytes, &o);
	bytes[13] = 0;
	is_bytes(input, bytes, ORDER_FIXED_BYTES, "what is signed is the fixed part, as if nobody had signed");
	ok(memcmp(input + 200, o.signers[at].name, NAME_BYTES) == 0 &&
		   memcmp(input + 232, o.signers[at].key_id, KEY_ID_BYTES) == 0,
	   "and then who signs");
	other = o;
	other.signers[0] = o.signers[1];
	other.signers[1] = o.signers[0];
	is_number(encode_and_decode(&other), VERDICT_BAD_ORDER, "signers that do not ascend are refused");
	other.signers[0] = o.signers[1];
	other.signers[1] = o.signers[1];
	is_number(encode_and_decode(&other), VERDICT_BAD_ORDER, "and one that stands twice");
	for (uint8_t i = 0; o.signer_count < ORDER_SIGNERS_MAX; i++)
		sign(&o, "another", (uint8_t)(0x40 + i), monday);
	test_round_trip(&o, "an order of sixteen officers");
	signer = o.signers[7];
	other = o;
	is_number(order_add_signature(&o, &signer), 0, "in a full order a signer can sign again");
	signer.key_id[0] ^= 1;
	is_number(order_add_signature(&o, &signer), VERDICT_BAD_LIMIT, "but a seventeenth cannot");
	ok(memcmp(&o, &other, sizeof(o)) == 0, "and changes nothing");
	make_order(&o);
	sign(&o, "wang-mei", 0x80, monday);
	signer = o.signers[0];
	signer.key_id[15] ^= 1;
	is_number(order_add_signature(&o, &signer), VERDICT_BAD_LIMIT, "a push has no second signer");
	is_number(o.signer_count, 1, "and keeps its first");
}

static void test_within(void)
{
	uint8_t bytes[ORDER_BYTES_MAX + 8] = {7};
	struct order o, got;
	make_release_order(&o);
	struct writer w = writer_of(bytes, sizeof(bytes));
	write_u8(&w, 7);
	order_write(&w, &o);
	write_u16(&w, 0x1234);
	struct reader r = reader_of(bytes, w.at);
	is_number(read_u8(&r), 7, "an order can stand inside a larger record");
	is_number(order_read(&got, &r), 0, "and is read there");
	is_number(read_u16(&r), 0x1234, "to its end and no further");
	ok(memcmp(&got, &o, sizeof(o)) == 0, "as it is");
	struct order untouched = got;
	r = reader_of(bytes, 40);
	ok(order_read(&got, &r) != 0 && memcmp(&got, &untouched, sizeof(got)) == 0,
	   "a refusal leaves the output alone");
}

static int covers_at(const struct order *o, uint64_t at)
{
	char problem[PROBLEM_BYTES];
	struct order_use use = {.at = at, .bytes = 1, .records = 1};
	return order_covers(o, &use, problem);
}

/* The first second in which the answer changes, told for each edge of the windows of two weeks. */
static void test_every_minute(struct order *o, const char *what)
{
	size_t wrong = 0, within = 0;
	for (uint64_t minute = 0; minute < 14 * 1440; minute++) {
		/* by counting on from every start that the order has, and not by dividing */
		bool wanted = false;
		for (int day = -1; day < 14; day++) {
			int64_t start = (int64_t)day * 1440 + o->window_start;
			unsigned int weekday = (unsigned int)((day + 7) % 7);
			if ((o->weekdays >> weekday & 1) != 0 && (int64_t)minute >= start &&
			    (int64_t)minute < start + o->window_len)
				wanted = true;
		}
		bool first = covers_at(o, monday + minute * 60) == 0;
		bool last = covers_at(o, monday + minute * 60 + 59) == 0;
		wrong += first != wanted || last != wanted;
		within += wanted;
	}
	ok(wrong == 0 && within > 0, "%s covers the minutes of its windows and no other (%zu of two weeks)", what,
	   within);
}

static void test_window(void)
{
	struct order o;
	make_order(&o); /* 22:00 to 04:00, Monday to Friday */
	is_number(covers_at(&o, monday + 22 * HOUR), 0, "a window opens with its first second");
	is_number(covers_at(&o, monday + 22 * HOUR - 1), VERDICT_BEYOND_ORDER, "and not before");
	is_number(covers_at(&o, monday + 28 * HOUR - 1), 0, "it crosses midnight up to its last second");
	is_number(covers_at(&o, monday + 28 * HOUR), VERDICT_BEYOND_ORDER, "and is closed then");
	is_number(covers_at(&o, monday + HOUR), VERDICT_BEYOND_ORDER,
		  "early on Monday the window of Sunday would be open, which is no day of it");
	is_number(covers_at(&o, monday + 5 * DAY + HOUR), 0,
		  "early on Saturday that of Friday is");
	is_number(covers_at(&o, monday + 5 * DAY + 23 * HOUR), VERDICT_BEYOND_ORDER, "Saturday has none");
	test_every_minute(&o, "Monday to Friday, 22:00 to 04:00,");
	o.weekdays = 0x40;
	is_number(covers_at(&o, monday + 6 * DAY + 23 * HOUR), 0, "a window of Sunday");
	is_number(covers_at(&o, monday + 7 * DAY + 3 * HOUR), 0, "goes on into Monday");
	is_number(covers_at(&o, monday + 7 * DAY + 4 * HOUR), VERDICT_BEYOND_ORDER, "to its end");
	test_every_minute(&o, "Sunday, 22:00 to 04:00,");
	o.window_start = 120;
	o.window_len = 1;
	test_every_minute(&o, "one minute of Sunday");
	o.window_start = 1439;
	o.window_len = 1440;
	test_every_minute(&o, "a day from the last minute of Sunday");
	o.window_start = 0;
	o.window_len = 1440;
	o.weekdays = 0x21;
	test_every_minute(&o, "Monday and Saturday, whole days,");
	o.weekdays = ORDER_EVERY_DAY;
	test_every_minute(&o, "every day, the whole day,");
	o.weekdays = 1 << 2; /* 1969-12-31 was a Wednesday */
	o.window_start = 1380;
	o.window_len = 120;
	is_number(covers_at(&o, 3599), 0, "the first hour of 1970 belongs to the Wednesday before");
	is_number(covers_at(&o, 3600), VERDICT_BEYOND_ORDER, "the second does not");
	o.weekdays = ORDER_EVERY_DAY;
	ok(covers_at(&o, UINT64_MAX) == 0 || covers_at(&o, UINT64_MAX) == VERDICT_BEYOND_ORDER,
	   "the end of time is a time like any other");
}

static void expect_problem(const struct order *o, const struct order_use *use, const char *wanted,
			   const char *sentence)
{
	char problem[PROBLEM_BYTES];
	is_number(order_covers(o, use, problem), wanted[0] == 0 ? 0 : VERDICT_BEYOND_ORDER, "%s", sentence);
	is_text(problem, wanted, "and this is said");
}

static void test_caps(void)
{
	struct order o;
	make_order(&o);
	struct order_use use = {monday + 23 * HOUR, o.max_bytes, o.max_records, 1}, more;
	expect_problem(&o, &use, "", "what reaches every cap is covered");
	more = use;
	more.bytes++;
	expect_problem(&o, &more, "it has 21,474,836,481 bytes, and the order covers 21,474,836,480",
		       "a byte more is not");
	more = use;
	more.records++;
	expect_problem(&o, &more, "it has 25,000,001 records, and the order covers 25,000,000",
		       "nor is a record more");
	more = use;
	more.pushes_today = 2;
	expect_problem(&o, &more, "2 were pushed under it today (UTC), and it covers 2 a day",
		       "nor a push more");
	more = use;
	more.at = monday + 12 * HOUR;
	expect_problem(&o, &more,
		       "it is Mon 2026-06-01T12:00:00Z, and the order's window is 22:00 to 04:00 UTC the next day, from Mon Tue Wed Thu Fri",
		       "nor another hour");
	more = (struct order_use){monday + 12 * HOUR, UINT64_MAX, UINT64_MAX, UINT32_MAX};
	char problem[PROBLEM_BYTES];
	is_number(order_covers(&o, &more, problem), VERDICT_BEYOND_ORDER, "all at once is refused");
	ok(strstr(problem, "; it has 18,446,744,073,709,551,615 bytes") != NULL &&
		   strstr(problem, "; it has 18,446,744,073,709,551,615 records") != NULL &&
		   strstr(problem, "; 4294967295 were pushed under it today (UTC), and it covers 2 a day") != NULL,
	   "and each is said, parted from the one before");
}

static void test_window_text(void)
{
	char text[ORDER_WINDOW_TEXT_BYTES];
	struct order o;
	make_order(&o);
	o.window_start = 90;
	o.window_len = 60;
	is_text(order_window_text(text, &o), "01:30 to 02:30 UTC, Mon Tue Wed Thu Fri", "a window is told");
	o.weekdays = ORDER_EVERY_DAY;
	o.window_start = 0;
	o.window_len = 1440;
	is_text(order_window_text(text, &o), "00:00 to 24:00 UTC, every day", "a whole day, too");
	o.window_start = 720;
	is_text(order_window_text(text, &o), "12:00 to 12:00 UTC the next day, from every day",
		"and one that crosses midnight");
	is_text(order_day_name(0), "Mon", "the week begins on Monday");
	is_text(order_day_name(6), "Sun", "and ends on Sunday");
	ok(order_day_name(7) == NULL, "no day follows");
}

static void shows_line(const char *page, const char *label, const uint8_t *bytes, size_t len)
{
	char hex[2 * 64 + 1], line[256];
	snprintf(line, sizeof(line), "\n    %-33s %s\n", label, text_hex(hex, sizeof(hex), bytes, len));
	ok(strstr(page, line) != NULL, "the page shows the %s", label);
	note("%s", line + 1);
}

static void test_example(void)
{
	static const char path[] = "common/ORDER.md";
	uint8_t seed[SUITE_KEY_BYTES], *page = NULL, bytes[ORDER_BYTES_MAX];
	size_t len = 0;
	struct order o;
	is_number(io_read_file(AT_FDCWD, path, 1 << 20, &page, &len), 0, "there is a page");
	make_order(&o);
	fill(seed, sizeof(seed), 0xa0);
	shows_line((const char *)page, "machine's seed", seed, sizeof(seed));
	fill(seed, sizeof(seed), 0x80);
	shows_line((const char *)page, "person's seed", seed, sizeof(seed));
	shows_line((const char *)page, "order id", o.id, ORDER_ID_BYTES);
	sign(&o, "wang-mei", 0x80, monday - 1800);
	example_stands_in(path, bytes, order_encode(bytes, &o), "the order");
	free(page);
}

int main(void)
{
	struct order push, release;
	suite_start();
	make_order(&push);
	test_round_trip(&push, "an order that nobody has signed");
	sign(&push, "wang-mei", 0x80, monday);
	test_round_trip(&push, "an order to push");
	make_release_order(&release);
	test_round_trip(&release, "an order to release");
	test_every_bit(&push);
	test_reject_rules(&push, &release);
	test_limits();
	test_kinds();
	test_signing();
	test_within();
	test_window();
	test_caps();
	test_window_text();
	test_example();
	return done_testing();
}
