#include "identity.h"

#include <endian.h>
#include <string.h>

#include "key.h"
#include "suite.h"
#include "text.h"

enum {
	DATE_DIGITS = 8,     /* YYYYMMDD */
	REPUBLIC = 1911,     /* year 1 of the Republic is 1912 */
	TODAY_BYTES = 32,
	SEPARATORS_MAX = 2,  /* between year, month and day: "87. 4. 12" */
	WIDE_BYTES = 3,      /* of a full-width letter or digit in UTF-8 */
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_word(uint8_t c)
{
	return is_digit(c) || is_letter(c);
}

/* The numbers that the letters stand for, A to Z. */
static unsigned int letter_number(uint8_t letter)
{
	static const uint8_t numbers[] = {10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21,
					  22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33};
	return numbers[(letter | 0x20) - 'a'];
}

/* Man, woman, and the same of residents; or the letter of the old resident certificates. */
static bool is_second(uint8_t c)
{
	return c == '1' || c == '2' || c == '8' || c == '9' ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'd');
}

/*
 * The letter counts as its number, tens once and ones nine times; then the digits 8, 7, … 1 times; with
 * the check digit the sum is a multiple of ten.  A second letter counts as the ones of its number.
 */
static bool is_identity(const uint8_t c[static IDENTITY_CHARACTERS])
{
	if (!is_letter(c[0]) || !is_second(c[1]))
		return false;
	unsigned int first = letter_number(c[0]);
	unsigned int second = is_digit(c[1]) ? c[1] - (unsigned int)'0' : letter_number(c[1]) % 10;
	unsigned int sum = first / 10 + first % 10 * 9 + second * 8;
	for (unsigned int i = 2; i < IDENTITY_CHARACTERS; i++) {
		if (!is_digit(c[i]))
			return false;
		sum += (c[i] - (unsigned int)'0') * (i == IDENTITY_CHARACTERS - 1 ? 1 : 9 - i);
	}
	return sum % 10 == 0;
}

bool identity_number_is_valid(const void *data, size_t len)
{
	return len == IDENTITY_CHARACTERS && is_identity(data);
}

/* Of eight bytes, the first lowest: the high bits of those that are letters. */
static uint64_t letters_in(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x80) * ones;
	uint64_t low = (word | 0x20 * ones) & ~high;
	uint64_t from_a = low + (0x80 - 'a') * ones, behind_z = low + (0x80 - 'z' - 1) * ones;
	return from_a & ~behind_z & ~word & high;
}

/* A number stands at p as a word of its own. */
static bool begins_number(const uint8_t *p, const uint8_t *text, const uint8_t *end)
{
	return end - p >= IDENTITY_CHARACTERS && is_second(p[1]) && is_identity(p) &&
	       (p == text || !is_word(p[-1])) &&
	       (end - p == IDENTITY_CHARACTERS || !is_word(p[IDENTITY_CHARACTERS]));
}

/* Letters are looked for eight bytes at a time: few values of a register have any. */
static bool find_plain(const uint8_t *text, size_t len, size_t *found)
{
	const uint8_t *end = text + len;
	for (const uint8_t *p = text; end - p >= IDENTITY_CHARACTERS; p += sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, p, sizeof(word));
		for (uint64_t bits = letters_in(le64toh(word)); bits != 0; bits &= bits - 1) {
			const uint8_t *letter = p + __builtin_ctzll(bits) / 8;
			if (begins_number(letter, text, end)) {
				*found = (size_t)(letter - text);
				return true;
			}
		}
	}
	return false;
}

/*
 * The character at p as an upper-case ASCII letter or a digit, 0 when it is neither; *bytes of it are
 * taken.  U+FF10 is ef bc 90, U+FF21 ef bc a1, U+FF41 ef bd 81.
 */
static uint8_t fold(const uint8_t *p, size_t len, size_t *bytes)
{
	*bytes = 1;
	if (p[0] < 0x80)
		return is_digit(p[0]) ? p[0] : is_letter(p[0]) ? p[0] & 0xdf : 0;
	if (len < WIDE_BYTES || p[0] != 0xef || (p[1] != 0xbc && p[1] != 0xbd))
		return 0;
	*bytes = WIDE_BYTES;
	if (p[1] == 0xbc && p[2] >= 0x90 && p[2] <= 0x99)
		return (uint8_t)('0' + p[2] - 0x90);
	if (p[1] == 0xbc && p[2] >= 0xa1 && p[2] <= 0xba)
		return (uint8_t)('A' + p[2] - 0xa1);
	if (p[1] == 0xbd && p[2] >= 0x81 && p[2] <= 0x9a)
		return (uint8_t)('A' + p[2] - 0x81);
	*bytes = 1; /* another character, or none: bytes of it begin no full-width one */
	return 0;
}

/* The same with full-width forms: the window holds what its characters stand for. */
static bool find_wide(const uint8_t *p, size_t len, size_t *found)
{
	enum { WINDOW = IDENTITY_CHARACTERS + 2 }; /* with what touches it on both sides */
	uint8_t window[WINDOW] = {0};
	size_t starts[WINDOW] = {0};
	for (size_t at = 0, bytes = 0; at <= len; at += bytes) {
		memmove(window, window + 1, WINDOW - 1);
		memmove(starts, starts + 1, sizeof(starts) - sizeof(starts[0]));
		bytes = 1;
		window[WINDOW - 1] = at < len ? fold(p + at, len - at, &bytes) : 0;
		starts[WINDOW - 1] = at;
		if (window[0] == 0 && window[WINDOW - 1] == 0 && is_identity(window + 1)) {
			*found = starts[1];
			return true;
		}
	}
	return false;
}

bool identity_find(const void *data, size_t len, size_t *at)
{
	if (len < IDENTITY_CHARACTERS)
		return false;
	return memchr(data, 0xef, len) == NULL ? find_plain(data, len, at)
					       : find_wide(data, len, at);
}

/* A passphrase as it is judged: a character each, folded; 0 for what is no letter and no digit. */
struct folded {
	uint8_t at[PASSPHRASE_MAX];
	size_t count;
};

static void fold_text(struct folded *out, const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t len = strnlen(text, PASSPHRASE_MAX);
	out->count = 0;
	for (size_t at = 0, bytes = 0; at < len; at += bytes) {
		uint8_t c = fold(p + at, len - at, &bytes);
		/* the further bytes of another character are no characters */
		if (c != 0 || (p[at] & 0xc0) != 0x80)
			out->at[out->count++] = c;
	}
}

/* Without what parts letters and digits. */
static void close_up(struct folded *out, const struct folded *in)
{
	out->count = 0;
	for (size_t i = 0; i < in->count; i++)
		if (in->at[i] != 0)
			out->at[out->count++] = in->at[i];
}

static unsigned int number_of(const uint8_t *digits, size_t count)
{
	unsigned int value = 0;
	for (size_t i = 0; i < count; i++)
		value = value * 10 + (digits[i] - (unsigned int)'0');
	return value;
}

static size_t count_digits(const struct folded *f, size_t at)
{
	size_t count = 0;
	while (at + count < f->count && is_digit(f->at[at + count]))
		count++;
	return count;
}

/* today: YYYYMMDD as a number. */
static bool is_birth_date(unsigned int year, unsigned int month, unsigned int day, unsigned int today)
{
	return year >= BIRTH_YEAR_MIN && month >= 1 && month <= 12 && day >= 1 &&
	       year * 10000 + month * 100 + day <= today && day <= text_days_in_month(year, month);
}

/* `count` digits, 6 to 8, of which the last four are month and day; 8: Gregorian. */
static bool is_compact_date(const uint8_t *digits, size_t count, unsigned int today)
{
	unsigned int year = number_of(digits, count - 4);
	if (count < DATE_DIGITS)
		year = year == 0 ? 0 : year + REPUBLIC;
	return is_birth_date(year, number_of(digits + count - 4, 2), number_of(digits + count - 2, 2),
			     today);
}

/* Behind the characters at `at` that part two numbers; `at` itself when there are none, or too many. */
static size_t skip_separators(const struct folded *f, size_t at)
{
	size_t count = 0;
	while (at + count < f->count && f->at[at + count] == 0)
		count++;
	return count <= SEPARATORS_MAX ? at + count : at;
}

/* Year, month and day as three numbers; the first begins at `at`, and no digit is before it. */
static bool is_parted_date(const struct folded *f, size_t at, unsigned int today)
{
	unsigned int part[3];
	for (size_t i = 0; i < 3; i++) {
		size_t digits = count_digits(f, at);
		if (digits < 1 || digits > (i == 0 ? 4 : 2))
			return false;
		part[i] = number_of(f->at + at, digits);
		if (i == 0 && digits < 4)
			part[i] = part[i] == 0 ? 0 : part[i] + REPUBLIC;
		at += digits;
		if (i == 2)
			break;
		size_t next = skip_separators(f, at);
		if (next == at)
			return false;
		at = next;
	}
	return is_birth_date(part[0], part[1], part[2], today);
}

static bool contains_number(const struct folded *closed)
{
	for (size_t i = 0; i + IDENTITY_CHARACTERS <= closed->count; i++)
		if (is_identity(closed->at + i))
			return true;
	return false;
}

/* A word that is a household number, also one that is parted: "F 123-4567". */
static bool has_household_word(const struct folded *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!is_letter(f->at[i]) || (i > 0 && f->at[i - 1] != 0))
			continue;
		size_t at = i + 1, digits = 0;
		for (; at < f->count && digits < HOUSEHOLD_CHARACTERS - 1; at++) {
			if (is_digit(f->at[at]))
				digits++;
			else if (f->at[at] != 0 || f->at[at - 1] == 0)
				break;
		}
		if (digits == HOUSEHOLD_CHARACTERS - 1 && (at == f->count || f->at[at] == 0))
			return true;
	}
	return false;
}

/* One within other letters and digits, that leaves fewer than `least` characters. */
static bool rests_on_household(const struct folded *closed, size_t least)
{
	if (closed->count >= HOUSEHOLD_CHARACTERS + least)
		return false;
	for (size_t i = 0; i + HOUSEHOLD_CHARACTERS <= closed->count; i++)
		if (is_letter(closed->at[i]) &&
		    count_digits(closed, i + 1) >= HOUSEHOLD_CHARACTERS - 1)
			return true;
	return false;
}

/* Numbers of the passphrase that are dates, whole. */
static bool has_date(const struct folded *f, unsigned int today)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!is_digit(f->at[i]) || (i > 0 && is_digit(f->at[i - 1])))
			continue;
		size_t digits = count_digits(f, i);
		if ((digits == 6 || digits == 7) && is_compact_date(f->at + i, digits, today))
			return true;
		if (is_parted_date(f, i, today))
			return true;
	}
	return false;
}

/* Dates within longer numbers: those with eight digits, and others that leave too little. */
static bool contains_date(const struct folded *closed, size_t least, unsigned int today)
{
	for (size_t i = 0; i < closed->count; i++)
		for (size_t digits = 6; digits <= DATE_DIGITS; digits++)
			if ((digits == DATE_DIGITS || closed->count < digits + least) &&
			    count_digits(closed, i) >= digits &&
			    is_compact_date(closed->at + i, digits, today))
				return true;
	return false;
}

static unsigned int today_of(uint64_t now)
{
	char text[TODAY_BYTES]; /* YYYY-MM-DD… */
	text_time(text, sizeof(text), now);
	const uint8_t *p = (const uint8_t *)text;
	return number_of(p, 4) * 10000 + number_of(p + 5, 2) * 100 + number_of(p + 8, 2);
}

enum identity_kind identity_in_passphrase(const char *text, uint64_t now, size_t least)
{
	struct folded folded, closed;
	unsigned int today = today_of(now);
	enum identity_kind kind = IDENTITY_NONE;
	fold_text(&folded, text);
	close_up(&closed, &folded);
	if (contains_number(&closed))
		kind = IDENTITY_NUMBER;
	else if (has_household_word(&folded) || rests_on_household(&closed, least))
		kind = IDENTITY_HOUSEHOLD;
	else if (has_date(&folded, today) || contains_date(&closed, least, today))
		kind = IDENTITY_BIRTH_DATE;
	suite_wipe(&folded, sizeof(folded));
	suite_wipe(&closed, sizeof(closed));
	return kind;
}
