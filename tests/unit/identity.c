#include "common/identity.h"

#include <stdio.h>
#include <string.h>

#include "common/passphrase.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { LEAST = 8 };

/* Letters in the order of the numbers that they stand for, from 10. */
static const char letters[] = "ABCDEFGHJKLMNPQRSTUVXYWZIO";

static uint64_t today(void)
{
	uint64_t at = 0;
	text_parse_time(&at, "2026-11-24");
	return at;
}

static unsigned int number_of(char letter)
{
	return (unsigned int)(strchr(letters, letter) - letters) + 10;
}

/* The published rule, written down another time: letter, second, seven digits; gives the check digit. */
static char check_digit(const char *first_nine)
{
	static const unsigned int weights[] = {8, 7, 6, 5, 4, 3, 2, 1};
	unsigned int n = number_of(first_nine[0]), sum = n / 10 + 9 * (n % 10);
	for (size_t i = 1; i < 9; i++)
		sum += weights[i - 1] * (first_nine[i] > '9' ? number_of(first_nine[i]) % 10
							     : (unsigned int)(first_nine[i] - '0'));
	return (char)('0' + (10 - sum % 10) % 10);
}

static void make_number(char out[static 11], char letter, char second, uint64_t *state)
{
	snprintf(out, 11, "%c%c%07u0", letter, second, (unsigned int)(test_random(state) % 10000000));
	out[9] = check_digit(out);
}

static bool valid(const char *text)
{
	return identity_number_is_valid(text, strlen(text));
}

static void test_known(void)
{
	ok(valid("A123456789"), "the textbook number is one");
	ok(valid("a123456789"), "also in lower case");
	ok(valid("A800000014"), "so is one of a resident certificate");
	ok(valid("AA00000009"), "and one of the old form");
	ok(!valid("A323456789"), "no third sex has numbers");
	ok(!valid("AE00000000") && !valid("AE00000001"), "nor a fifth letter, in the old form");
	ok(!valid("A12345678") && !valid("A1234567890") && !valid(""), "ten characters make one");
	ok(!valid("1123456789") && !valid("\xc1" "123456789"), "the first is a letter");
}

static void test_every_letter(uint64_t *state)
{
	static const char seconds[] = "1289ABCD";
	char number[11], wrong[11];
	size_t refused = 0, passed = 0, wrong_checks = 0, differ = 0, found = 0, tried = 0;
	for (size_t l = 0; l < 26; l++)
		for (size_t s = 0; s < 8; s++) {
			size_t at = 99;
			make_number(number, letters[l], seconds[s], state);
			refused += !valid(number);
			found += identity_find(number, 10, &at) && at == 0;
			for (size_t digit = 1; digit < 10; digit++) {
				memcpy(wrong, number, sizeof(wrong));
				wrong[9] = (char)('0' + (wrong[9] - '0' + (int)digit) % 10);
				wrong_checks += valid(wrong);
			}
			for (size_t i = 2; i < 9; i++)
				for (char digit = '0'; digit <= '9'; digit++) {
					memcpy(wrong, number, sizeof(wrong));
					wrong[i] = digit;
					bool is_right = check_digit(wrong) == number[9];
					differ += valid(wrong) != is_right;
					passed += is_right && digit != number[i];
					tried++;
				}
		}
	is_number((int64_t)refused, 0, "numbers of every letter and kind are right");
	is_number((int64_t)found, 26 * 8, "and found");
	is_number((int64_t)wrong_checks, 0, "every wrong check digit is refused");
	is_number((int64_t)differ, 0, "every other digit is judged by the published weights");
	note("of %zu numbers with another digit %zu are right again: five weights share a factor with ten",
	     tried, passed);
}

static void test_weights(void)
{
	/* each position alone, so that no two errors cancel: the weight is what the sum moves by */
	char number[] = "A100000000";
	for (size_t i = 2; i < 9; i++) {
		number[i] = '1';
		number[9] = (char)('0' + (10 - (1 + 8 + 9 - i) % 10) % 10);
		ok(valid(number), "position %zu weighs %zu", i + 1, 9 - i);
		number[i] = '0';
	}
}

static void test_find(void)
{
	static const struct {
		const char *text;
		int at;
		const char *sentence;
	} cases[] = {
		{"A123456789", 0, "alone"},
		{"x A123456789", 2, "behind a word"},
		{"身分證A123456789號", 9, "between Chinese characters"},
		{"(A123456789)", 1, "in brackets"},
		{"no. a123456789, B", 4, "in lower case"},
		{"A123456788 A123456789", 11, "behind a wrong one"},
		{"AA123456789", -1, "not when a letter touches it"},
		{"0A123456789", -1, "nor a digit before"},
		{"A1234567890", -1, "nor a digit behind"},
		{"A123456789x", -1, "nor a letter behind"},
		{"A12345678", -1, "not the beginning of one"},
		{"A123-456-789", -1, "not a parted one"},
		{"A123456788", -1, "not with a wrong check digit"},
		{"", -1, "not in nothing"},
		{"Ａ１２３４５６７８９", 0, "in full-width forms"},
		{"字ａ1２3４5６7８9字", 3, "in mixed forms"},
		{"Ａ１２３４５６７８９０", -1, "not when a full-width digit touches it"},
		{"ｘA123456789", -1, "nor when a full-width letter does"},
		{"，A123456789。", 3, "between full-width marks"},
		{"AAA123456789 AA00000009", 13, "the old form behind a longer word"},
		{"1111111111111A123456789", -1, "not at the end of a long number"},
		{"1111111111111 A123456789", 14, "but behind one"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t at = 1000;
		bool found = identity_find(cases[i].text, strlen(cases[i].text), &at);
		is_number(found ? (int)at : -1, cases[i].at, "found: %s", cases[i].sentence);
		ok(found || at == 1000, "*at is written when there is one");
	}
}

/* Every place by itself, as the contract says it. */
static bool find_slowly(const char *text, size_t len, size_t *at)
{
	for (size_t i = 0; i + 10 <= len; i++) {
		bool before = i > 0 && strchr("0123456789ABab", text[i - 1]) != NULL;
		bool behind = i + 10 < len && strchr("0123456789ABab", text[i + 10]) != NULL;
		if (!before && !behind && identity_number_is_valid(text + i, 10)) {
			*at = i;
			return true;
		}
	}
	return false;
}

static void test_random_texts(uint64_t *state)
{
	enum { ROUNDS = 20000 };
	size_t wrong = 0, found = 0;
	for (size_t round = 0; round < ROUNDS; round++) {
		char text[200];
		size_t len = test_random(state) % sizeof(text), fast_at = 0, slow_at = 0;
		for (size_t i = 0; i < len; i++)
			text[i] = "0123456789Aa -B"[test_random(state) % 15];
		for (uint64_t n = test_random(state) % 3; n > 0 && len > 12; n--)
			make_number(text + test_random(state) % (len - 11), 'B', '2', state);
		for (size_t i = 0; i < len; i++)
			if (text[i] == 0)
				text[i] = ' ';
		/* a full-width mark at the end sends the same text the other way */
		bool fast = identity_find(text, len, &fast_at), slow = find_slowly(text, len, &slow_at);
		wrong += fast != slow || (fast && fast_at != slow_at);
		char wide[sizeof(text) + 3];
		memcpy(wide, text, len);
		memcpy(wide + len, "！", 3);
		bool third = identity_find(wide, len + 3, &fast_at);
		wrong += third != slow || (third && fast_at != slow_at);
		found += slow;
	}
	ok(found > ROUNDS / 10, "random texts hold numbers now and then");
	is_number((int64_t)wrong, 0, "and they are found where they are, and nowhere else");
}

static void test_passphrases(void)
{
	static const struct {
		const char *text;
		enum identity_kind kind;
	} cases[] = {
		{"correct horse battery staple", IDENTITY_NONE},
		{"a good passphrase", IDENTITY_NONE},
		{"一二三四五六七八", IDENTITY_NONE},
		{"A123456789", IDENTITY_NUMBER},
		{"a123456789", IDENTITY_NUMBER},
		{"mylongpasswordA123456789xyz", IDENTITY_NUMBER},
		{"A12-3456-789", IDENTITY_NUMBER},
		{"A 1 2 3 4 5 6 7 8 9", IDENTITY_NUMBER},
		{"Ａ１２３４５６７８９", IDENTITY_NUMBER},
		{"我的ａ１２３－４５６－７８９號", IDENTITY_NUMBER},
		{"AA00000009", IDENTITY_NUMBER},
		{"correct horse battery A123456788", IDENTITY_NONE},
		{"F1234567", IDENTITY_HOUSEHOLD},
		{"f1234567!", IDENTITY_HOUSEHOLD},
		{"my household is F 123-4567", IDENTITY_HOUSEHOLD},
		{"myF1234567", IDENTITY_HOUSEHOLD},
		{"戶號Ｆ１２３４５６７，很長的一個句子", IDENTITY_HOUSEHOLD},
		{"correcthorseF1234567batterystaple", IDENTITY_NONE},
		{"correct horse F123456 battery", IDENTITY_NONE},
		{"correct horse F12345678 battery", IDENTITY_NONE},
		{"19870412", IDENTITY_BIRTH_DATE},
		{"1987-04-12", IDENTITY_BIRTH_DATE},
		{"1987/4/12 was a sunny day", IDENTITY_BIRTH_DATE},
		{"correcthorse19870412batterystaple", IDENTITY_BIRTH_DATE},
		{"991987041299999999999999", IDENTITY_BIRTH_DATE},
		{"1987 0412 horse battery", IDENTITY_BIRTH_DATE},
		{"870412 horse battery", IDENTITY_BIRTH_DATE},
		{"wang870412staple", IDENTITY_BIRTH_DATE},
		{"wangstaple0870412", IDENTITY_BIRTH_DATE},
		{"1030412 horse battery", IDENTITY_BIRTH_DATE},
		{"8704129876", IDENTITY_BIRTH_DATE},
		{"民國87年4月12日", IDENTITY_BIRTH_DATE},
		{"我在民國103年12月31日出生", IDENTITY_BIRTH_DATE},
		{"1987年4月12日", IDENTITY_BIRTH_DATE},
		{"１９８７０４１２", IDENTITY_BIRTH_DATE},
		{"87-04-12 horse battery", IDENTITY_BIRTH_DATE},
		{"103/04/12 horse battery", IDENTITY_BIRTH_DATE},
		{"87. 4. 12 horse battery", IDENTITY_BIRTH_DATE},
		{"20261124 horse battery", IDENTITY_BIRTH_DATE},
		{"115-11-24 horse battery", IDENTITY_BIRTH_DATE},
		{"20261125 horse battery", IDENTITY_NONE},
		{"115-11-25 horse battery", IDENTITY_NONE},
		{"18991231 horse battery", IDENTITY_NONE},
		{"19870431 horse battery", IDENTITY_NONE},
		{"19870229 horse battery", IDENTITY_NONE},
		{"19880229 horse battery", IDENTITY_BIRTH_DATE},
		{"19871301 horse battery", IDENTITY_NONE},
		{"000412 horse battery", IDENTITY_NONE},
		{"870432 horse battery", IDENTITY_NONE},
		{"correct horse 8704123 battery", IDENTITY_NONE},
		{"pi is 3.14159265358979", IDENTITY_NONE},
		{"", IDENTITY_NONE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_number(identity_in_passphrase(cases[i].text, today(), LEAST), cases[i].kind,
			  "'%s' is judged", cases[i].text);
}

static void test_chance(uint64_t *state)
{
	enum { ROUNDS = 20000 };
	size_t refused = 0;
	for (size_t round = 0; round < ROUNDS; round++) {
		uint8_t bytes[32];
		char hex[65];
		test_random_bytes(state, bytes, sizeof(bytes));
		text_hex(hex, sizeof(hex), bytes, sizeof(bytes));
		refused += identity_in_passphrase(hex, today(), LEAST) != IDENTITY_NONE;
	}
	note("%zu of %d random passphrases of 64 hex digits are refused", refused, ROUNDS);
	ok(refused < ROUNDS / 20, "chance refuses fewer than one in twenty of them");
}

static void test_longest(void)
{
	char text[2000];
	const char *what = NULL;
	memset(text, 'x', sizeof(text));
	text[1023] = 0;
	memcpy(text + 1012, " A123456789", 11);
	is_number(passphrase_check(text, today(), &what), VERDICT_WEAK_PASSPHRASE,
		  "the end of the longest passphrase is looked at");
	is_text(what, "an identity number", "and what it is is named");
	what = NULL;
	is_number(passphrase_check("correct horse battery", today(), &what), 0, "words pass");
	ok(what == NULL, "and are not named");
}

int main(void)
{
	uint64_t state = test_seed();
	test_known();
	test_every_letter(&state);
	test_weights();
	test_find();
	test_random_texts(&state);
	test_passphrases();
	test_chance(&state);
	test_longest();
	return done_testing();
}
