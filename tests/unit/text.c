#include "common/text.h"

#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

static void test_escape(void)
{
	static const struct {
		const char *in, *out, *sentence;
	} cases[] = {
		{"tax 2026.csv", "tax 2026.csv", "plain text stays"},
		{"王美麗 ñ 𠮷", "王美麗 ñ 𠮷", "letters of any script stay"},
		{"a\nb\tc\x1b[2J", "a\\x0ab\\x09c\\x1b[2J", "control characters are escaped"},
		{"\x7f", "\\x7f", "delete is escaped"},
		{"\xc2\x9b", "\\xc2\\x9b", "C1 control characters are escaped"},
		{"it's \"q\" \\", "it\\x27s \\x22q\\x22 \\x5c", "quotes and backslash are escaped"},
		{"a\xe2\x80\xae" "b", "a\\xe2\\x80\\xaeb", "an override of direction is escaped"},
		{"a\xe2\x80\x8b" "b", "a\\xe2\\x80\\x8bb", "a zero-width space is escaped"},
		{"\xef\xbb\xbf", "\\xef\\xbb\\xbf", "a byte order mark is escaped"},
		{"\xff\xfe", "\\xff\\xfe", "bytes that are never UTF-8 are escaped"},
		{"\xc0\xaf", "\\xc0\\xaf", "an overlong form is escaped"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", "a surrogate is escaped"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "what lies above U+10FFFF is escaped"},
		{"a\xe7\x8e", "a\\xe7\\x8e", "a character cut off at the end is escaped"},
	};
	char out[128];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_text(text_escape_name(out, sizeof(out), cases[i].in), cases[i].out, "%s",
			cases[i].sentence);
	is_text(text_escape(out, sizeof(out), "a\0b", 3), "a\\x00b", "a zero byte is escaped");
	is_text(text_escape(out, 5, "ab\ncd", 5), "ab", "no escape is cut in the middle");
	is_text(text_escape(out, 4, "a王", 4), "a", "no character is cut in the middle");
	is_text(text_escape(out, 5, "a王", 4), "a王", "what just fits is whole");
	out[0] = 'x';
	text_escape(out, 0, "a", 1);
	ok(out[0] == 'x', "without room nothing is written");
}

static void test_utf8(void)
{
	ok(text_is_utf8("", 0), "nothing is UTF-8");
	ok(text_is_utf8("a\xc3\xb1\xe7\x8e\x8b\xf0\xa0\xae\xb7", 10), "all lengths are UTF-8");
	ok(!text_is_utf8("\xe0\x9f\xbf", 3), "an overlong form of three bytes is not");
	ok(!text_is_utf8("\xf0\x8f\xbf\xbf", 4), "an overlong form of four bytes is not");
	ok(!text_is_utf8("\xf5\x80\x80\x80", 4), "a lead byte above f4 is not");
	ok(!text_is_utf8("\x80", 1), "a lone continuation is not");
	ok(!text_is_utf8("\xe7\x8e\x41", 3), "a missing continuation is not");
}

/* As Unicode 3.9 says, table 3-7, a character at a time. */
static bool is_utf8_slowly(const uint8_t *p, size_t len)
{
	static const struct {
		uint8_t first, last, low, high;
		size_t more;
	} table[] = {
		{0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
		{0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
		{0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3},
	};
	for (size_t at = 0; at < len;) {
		size_t row = 0, rows = sizeof(table) / sizeof(table[0]);
		while (row < rows && (p[at] < table[row].first || p[at] > table[row].last))
			row++;
		if (row == rows || len - at <= table[row].more)
			return false;
		for (size_t i = 1; i <= table[row].more; i++)
			if (p[at + i] < (i == 1 ? table[row].low : 0x80) || p[at + i] > (i == 1 ? table[row].high : 0xbf))
				return false;
		at += 1 + table[row].more;
	}
	return true;
}

/* Characters of all lengths beside each other, whole and damaged, at every place of the words they are read in. */
static void test_utf8_everywhere(void)
{
	static const char *const parts[] = {"a", "bcdefgh", "\xc3\xb1", "\xe7\x8e\x8b", "\xe8\x80\x81",
					    "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbc\x90", "\xf0\xa0\xae\xb7",
					    "\xed\xa0\x80", "\xe0\x9f\xbf", "\xc1\x81", "\xf4\x90\x80\x80", "\x80"};
	enum { GOOD_PARTS = 9, PARTS = sizeof(parts) / sizeof(parts[0]), ROUNDS = 4000 };
	uint64_t state = test_seed(), differ = 0, good = 0;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint8_t text[64], drawn[12];
		size_t len = 0;
		test_random_bytes(&state, drawn, sizeof(drawn));
		for (size_t i = 0; i < sizeof(drawn) && len < 48; i++) {
			const char *part = parts[drawn[i] % (i == drawn[0] % 24 ? PARTS : GOOD_PARTS)];
			memcpy(text + len, part, strlen(part));
			len += strlen(part);
		}
		for (size_t from = 0; from < len; from++) {
			good += is_utf8_slowly(text + from, len - from);
			differ += text_is_utf8(text + from, len - from) != is_utf8_slowly(text + from, len - from);
		}
		for (size_t bit = 0; bit < 8 * len; bit++) {
			text[bit / 8] ^= (uint8_t)(1U << bit % 8);
			differ += text_is_utf8(text, len) != is_utf8_slowly(text, len);
			text[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
	ok(good > ROUNDS, "many texts are UTF-8");
	is_number((int64_t)differ, 0, "each is judged as the table of Unicode does, with any bit another, too");
}

static void test_hex(void)
{
	static const uint8_t bytes[] = {0x00, 0x9f, 0xa0};
	char out[8];
	uint8_t back[3] = {0};
	is_text(text_hex(out, sizeof(out), bytes, 3), "009fa0", "bytes come out as lower-case hex");
	is_text(text_hex(out, 6, bytes, 3), "009f", "no byte is cut in the middle");
	is_number(text_unhex(back, 3, "009fa0"), 0, "hex is read back");
	is_bytes(back, bytes, 3, "and gives the same bytes");
	is_number(text_unhex(back, 3, "009fa"), VERDICT_BAD_LENGTH, "too few digits are refused");
	is_number(text_unhex(back, 3, "009fa00"), VERDICT_BAD_LENGTH, "too many are refused");
	is_number(text_unhex(back, 3, "009FA0"), VERDICT_BAD_LENGTH, "upper case is refused");
	is_number(text_unhex(back, 3, "009fg0"), VERDICT_BAD_LENGTH, "other letters are refused");
	is_bytes(back, bytes, 3, "a refusal leaves the output alone");
}

static void test_quantities(void)
{
	char out[64];
	is_text(text_size(out, sizeof(out), 0), "0 B", "nothing is 0 B");
	is_text(text_size(out, sizeof(out), 1023), "1023 B", "bytes stay bytes below 1 KiB");
	is_text(text_size(out, sizeof(out), 1024), "1.0 KiB", "1 KiB is");
	is_text(text_size(out, sizeof(out), 1503238554), "1.4 GiB", "1.4 GiB is");
	is_text(text_size(out, sizeof(out), 1048575), "1.0 MiB",
		"rounding goes up to the next unit");
	is_text(text_size(out, sizeof(out), UINT64_MAX), "16.0 EiB", "the largest fits");
	is_text(text_count(out, sizeof(out), 0), "0", "no count is 0");
	is_text(text_count(out, sizeof(out), 999), "999", "three digits have no comma");
	is_text(text_count(out, sizeof(out), 1000000), "1,000,000", "thousands are parted");
	is_text(text_count(out, sizeof(out), UINT64_MAX), "18,446,744,073,709,551,615",
		"the largest count fits");
	is_text(text_duration(out, sizeof(out), 12), "12 s", "seconds");
	is_text(text_duration(out, sizeof(out), 187), "3 min 07 s", "minutes");
	is_text(text_duration(out, sizeof(out), 7500), "2 h 05 min", "hours");
	is_text(text_duration(out, sizeof(out), 273600), "3 d 04 h", "days");
}

static void test_times(void)
{
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-23T08:00:00",
		"2026-11-23 08:00:00Z",
		"2026-11-23T08:00:00z",
		"2026-13-01",
		"2026-00-01",
		"2026-04-31",
		"2026-02-29",
		"2100-02-29",
		"1969-12-31",
		"2026-11-00",
		"2026-11-23T24:00:00Z",
		"2026-11-23T08:60:00Z",
		"2026-11-23T08:00:60Z",
		"2026-1a-23",
		"2026/11/23",
		"2026-11-23T08-00-00Z",
		" 2026-11-2",
		"+026-11-23",
		"2026-11-23T08:00:00Zx",
	};
	char out[64];
	uint64_t t = 0;
	is_text(text_time(out, sizeof(out), 0), "1970-01-01T00:00:00Z", "time begins in 1970");
	is_text(text_time(out, sizeof(out), 1795420800), "2026-11-23T08:00:00Z",
		"a time is printed");
	is_number(text_parse_time(&t, "2026-11-23T08:00:00Z"), 0, "and read back");
	is_number((int64_t)t, 1795420800, "as the same time");
	is_number(text_parse_time(&t, "2026-11-23"), 0, "a date is read");
	is_number((int64_t)t, 1795392000, "as its first second");
	is_number(text_parse_time(&t, "2028-02-29"), 0, "a leap day is a day");
	is_number(text_parse_time(&t, "2000-02-29"), 0, "also in 2000");
	t = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_number(text_parse_time(&t, bad[i]), VERDICT_BAD_TIME, "'%s' is no time", bad[i]);
	is_number((int64_t)t, 7, "a refusal leaves the output alone");
	bool all_same = true;
	for (uint64_t day = 0; day < 400 * 365; day++) {
		uint64_t back = 0;
		text_time(out, sizeof(out), day * 86400 + day % 86400);
		all_same = all_same && text_parse_time(&back, out) == 0 &&
			   back == day * 86400 + day % 86400;
	}
	ok(all_same, "every day of four hundred years is printed and read back as itself");
	text_time(out, sizeof(out), UINT64_MAX);
	ok(strlen(out) < sizeof(out), "the last second there is can be printed");
}

static void test_sizes(void)
{
	static const char *const bad[] = {"", " ", "GiB", " 1", "1 ", "1 gib", "1GB", "1 GiB ", "1.5 GiB", "-1",
					  "0x10", "1 KiB 1", "18446744073709551616", "16777216 TiB",
					  "999999999999999999999999999999999999999999 KiB"};
	uint64_t n = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_number(text_parse_size(&n, bad[i], UINT64_MAX), VERDICT_BAD_LIMIT, "'%s' is no size", bad[i]);
	is_number(text_parse_size(&n, "2 KiB", 2047), VERDICT_BAD_LIMIT, "a size above max is refused");
	is_number((int64_t)n, 7, "a refusal leaves the number alone");
	ok(text_parse_size(&n, "2047", 2047) == 0 && n == 2047, "max itself is not, in bytes");
	ok(text_parse_size(&n, "2 KiB", 2048) == 0 && n == 2048, "nor with a unit");
	ok(text_parse_size(&n, "20\tGiB", UINT64_MAX) == 0 && n == UINT64_C(20) << 30, "blanks may stand before it");
	ok(text_parse_size(&n, "3MiB", UINT64_MAX) == 0 && n == UINT64_C(3) << 20, "or not");
	ok(text_parse_size(&n, "16777215 TiB", UINT64_MAX) == 0 && n == UINT64_C(16777215) << 40,
	   "the largest is read");
}

static void test_numbers(void)
{
	static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "0x1", "1.0",
					  "18446744073709551616", "99999999999999999999"};
	uint64_t n = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_number(text_parse_u64(&n, bad[i], UINT64_MAX), VERDICT_BAD_LIMIT,
			  "'%s' is no number", bad[i]);
	is_number(text_parse_u64(&n, "11", 10), VERDICT_BAD_LIMIT, "a number above max is refused");
	is_number((int64_t)n, 7, "a refusal leaves the output alone");
	is_number(text_parse_u64(&n, "10", 10), 0, "max itself is not");
	is_number((int64_t)n, 10, "and is read");
	is_number(text_parse_u64(&n, "18446744073709551615", UINT64_MAX), 0, "the largest is read");
	ok(n == UINT64_MAX, "as itself");
}

static void rates(void)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} shown[] = {
		{0, "0 kbit/s"}, {999999, "999.999 kbit/s"}, {1000000, "1 Mbit/s"}, {2500000000, "2.5 Gbit/s"},
		{2400000001, "2.4 Gbit/s"}, {1999999999, "1.999 Gbit/s"}, {100050000, "100.05 Mbit/s"},
		{UINT64_C(1234000000000), "1234 Gbit/s"},
	};
	char out[32];
	uint64_t back = 0;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		is_text(text_rate(out, sizeof(out), shown[i].bits), shown[i].text, "a rate: %s", shown[i].text);
		ok(text_parse_rate(&back, out, UINT64_MAX) == 0 && back <= shown[i].bits && shown[i].bits - back < 1000000,
		   "which reads back");
	}
	static const char *const bad[] = {"", "1", "1Gb", "1 gbit/s", ".5 Gbit/s", "1. Gbit/s", "1.2345 Gbit/s",
		"1.2.3 Gbit/s", "-1 Gbit/s", "1 Gbit/s ", "99999999999999999 Gbit/s", "18446744074 Gbit/s"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_number(text_parse_rate(&back, bad[i], UINT64_MAX), VERDICT_BAD_LIMIT, "'%s' is no rate", bad[i]);
	ok(text_parse_rate(&back, "2.5 Gbit/s", 2500000000) == 0 && back == 2500000000, "max itself is a rate");
	is_number(text_parse_rate(&back, "2.5 Gbit/s", 2499999999), VERDICT_BAD_LIMIT, "what is above it is none");
}

int main(void)
{
	test_escape();
	test_utf8();
	test_utf8_everywhere();
	test_hex();
	test_quantities();
	test_times();
	test_numbers();
	test_sizes();
	rates();
	return done_testing();
}
