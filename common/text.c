#include "text.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "verdict.h"

static const char hex_digits[] = "0123456789abcdef";

/*
 * Length of the well-formed UTF-8 character at p, with its code point; 0 when there is none.  The
 * limits of the second byte are those of Unicode 3.9, table 3-7: no overlong form, no surrogate.
 */
static size_t decode_utf8(uint32_t *point, const uint8_t *p, size_t len)
{
	if (len == 0)
		return 0;
	if (p[0] < 0x80) {
		*point = p[0];
		return 1;
	}
	size_t need = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len < need)
		return 0;
	uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	uint32_t value = p[0] & (0xffU >> (need + 1));
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3f);
	}
	*point = value;
	return need;
}

/*
 * Whether the three lowest bytes are a character as most Chinese ones are: of three bytes, and not with one of the
 * two first bytes after which the second is limited.
 */
static bool is_common_three(uint64_t word)
{
	return (word & 0xc0c0f0) == 0x8080e0 && (word & 0xff) != 0xe0 && (word & 0xff) != 0xed;
}

/* Eight bytes, the first of them lowest. */
static uint64_t eight_bytes(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

/* How many of these eight bytes are ASCII or common characters, from the first on; 0: look closer. */
static size_t count_common(uint64_t word)
{
	uint64_t high = word & UINT64_C(0x8080808080808080);
	if (high == 0)
		return sizeof(word);
	if ((high & 0x80) == 0)
		return (size_t)__builtin_ctzll(high) / 8;
	if (!is_common_three(word))
		return 0;
	return is_common_three(word >> 24) ? 6 : 3;
}

bool text_is_utf8(const void *data, size_t len)
{
	const uint8_t *p = data;
	for (size_t at = 0; at < len;) {
		uint32_t point;
		size_t n = len - at >= sizeof(uint64_t) ? count_common(eight_bytes(p + at)) : 0;
		if (n == 0)
			n = decode_utf8(&point, p + at, len - at);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

/* What a terminal obeys, does not show, or shows in another place than it stands. */
static bool is_treacherous(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},       {0x7f, 0x9f},       /* control */
		{'"', '"'},         {'\'', '\''},       {'\\', '\\'},
		{0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
		{0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
		{0x200b, 0x200f},   {0x2028, 0x202e},   /* zero width, line ends, direction */
		{0x2060, 0x206f},   {0x3164, 0x3164},   {0xd800, 0xf8ff},
		{0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
		{0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0xe0000, 0x10ffff},
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

char *text_escape(char *out, size_t size, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t used = 0;
	if (size == 0)
		return out;
	for (size_t at = 0; at < len;) {
		uint32_t point = 0;
		size_t n = decode_utf8(&point, p + at, len - at);
		bool is_plain = n > 0 && !is_treacherous(point);
		size_t take = n > 0 ? n : 1;
		if (used + (is_plain ? take : 4 * take) >= size)
			break;
		for (size_t i = at; i < at + take; i++) {
			if (is_plain) {
				out[used++] = (char)p[i];
				continue;
			}
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex_digits[p[i] >> 4];
			out[used++] = hex_digits[p[i] & 15];
		}
		at += take;
	}
	out[used] = 0;
	return out;
}

char *text_escape_name(char *out, size_t size, const char *name)
{
	return text_escape(out, size, name, strlen(name));
}

char *text_hex(char *out, size_t size, const uint8_t *data, size_t len)
{
	size_t used = 0;
	if (size == 0)
		return out;
	for (size_t i = 0; i < len && used + 2 < size; i++) {
		out[used++] = hex_digits[data[i] >> 4];
		out[used++] = hex_digits[data[i] & 15];
	}
	out[used] = 0;
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int text_unhex(uint8_t *out, size_t len, const char *hex)
{
	if (strlen(hex) != 2 * len)
		return VERDICT_BAD_LENGTH;
	for (size_t i = 0; i < 2 * len; i++)
		if (hex_value(hex[i]) < 0)
			return VERDICT_BAD_LENGTH;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((hex_value(hex[2 * i]) & 15) << 4 |
				   (hex_value(hex[2 * i + 1]) & 15));
	return 0;
}

char *text_size(char *out, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t unit = 0;
	uint64_t whole = bytes;
	while (whole >= 1024 && unit < 6) {
		whole >>= 10;
		unit++;
	}
	if (unit == 0) {
		snprintf(out, size, "%llu B", (unsigned long long)bytes);
		return out;
	}
	/* 64 bits hold ten times the rest below one unit, which is under 2^60 */
	unsigned int shift = (unsigned int)(10 * unit);
	uint64_t rest = bytes & ((UINT64_C(1) << shift) - 1);
	uint64_t tenths = whole * 10 + ((rest * 10 + (UINT64_C(1) << (shift - 1))) >> shift);
	if (tenths >= 10240 && unit < 6) {
		tenths = 10;
		unit++;
	}
	snprintf(out, size, "%llu.%llu %s", (unsigned long long)(tenths / 10),
		 (unsigned long long)(tenths % 10), units[unit]);
	return out;
}

char *text_count(char *out, size_t size, uint64_t count)
{
	char digits[32], grouped[32];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	size_t used = 0;
	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			grouped[used++] = ',';
		grouped[used++] = digits[i];
	}
	grouped[used] = 0;
	snprintf(out, size, "%s", grouped);
	return out;
}

/*
 * The calendar is computed here because libc's gmtime_r opens the zone file first, which a confined
 * process may not.  Days are counted from 0000-03-01, so that a leap day ends its year.
 */
static uint64_t days_from_date(unsigned int year, unsigned int month, unsigned int day)
{
	uint64_t y = month <= 2 ? year - 1 : year;
	uint64_t m = month <= 2 ? month + 9 : month - 3;
	uint64_t from_march = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
	return from_march - 719468; /* 1970-01-01 */
}

static void date_from_days(uint64_t days, uint64_t *year, unsigned int *month, unsigned int *day)
{
	uint64_t z = days + 719468;
	uint64_t era = z / 146097;
	uint64_t in_era = z % 146097;
	uint64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	uint64_t in_year = in_era - (365 * y + y / 4 - y / 100);
	uint64_t m = (5 * in_year + 2) / 153;
	*day = (unsigned int)(in_year - (153 * m + 2) / 5 + 1);
	*month = (unsigned int)(m < 10 ? m + 3 : m - 9);
	*year = era * 400 + y + (*month <= 2 ? 1 : 0);
}

char *text_time(char *out, size_t size, uint64_t time_s)
{
	uint64_t year;
	unsigned int month, day;
	unsigned int second = (unsigned int)(time_s % 86400);
	date_from_days(time_s / 86400, &year, &month, &day);
	snprintf(out, size, "%04llu-%02u-%02uT%02u:%02u:%02uZ", (unsigned long long)year, month,
		 day, second / 3600, second / 60 % 60, second % 60);
	return out;
}

/* Exactly `count` digits at text. */
static bool take_digits(unsigned int *out, const char *text, size_t count)
{
	unsigned int value = 0;
	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned int)(text[i] - '0');
	}
	*out = value;
	return true;
}

unsigned int text_days_in_month(unsigned int year, unsigned int month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && is_leap ? 29 : days[month - 1];
}

int text_parse_time(uint64_t *time_s, const char *text)
{
	unsigned int year, month, day, hour = 0, minute = 0, second = 0;
	size_t len = strlen(text);
	if (len != 10 && len != 20)
		return VERDICT_BAD_TIME;
	if (!take_digits(&year, text, 4) || text[4] != '-' || !take_digits(&month, text + 5, 2) ||
	    text[7] != '-' || !take_digits(&day, text + 8, 2))
		return VERDICT_BAD_TIME;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > text_days_in_month(year, month))
		return VERDICT_BAD_TIME;
	if (len == 20 &&
	    (text[10] != 'T' || !take_digits(&hour, text + 11, 2) || text[13] != ':' ||
	     !take_digits(&minute, text + 14, 2) || text[16] != ':' ||
	     !take_digits(&second, text + 17, 2) || text[19] != 'Z'))
		return VERDICT_BAD_TIME;
	if (hour > 23 || minute > 59 || second > 59)
		return VERDICT_BAD_TIME;
	*time_s = ((days_from_date(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
	return 0;
}

int text_parse_u64(uint64_t *out, const char *text, uint64_t max)
{
	uint64_t value = 0;
	if (*text == 0)
		return VERDICT_BAD_LIMIT;
	for (const char *p = text; *p != 0; p++) {
		if (*p < '0' || *p > '9')
			return VERDICT_BAD_LIMIT;
		uint64_t digit = (uint64_t)(*p - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return VERDICT_BAD_LIMIT;
		value = value * 10 + digit;
	}
	if (value > max)
		return VERDICT_BAD_LIMIT;
	*out = value;
	return 0;
}

int text_parse_size(uint64_t *out, const char *text, uint64_t max)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	char digits[24];
	uint64_t number;
	size_t count = strspn(text, "0123456789");
	const char *unit = text + count + strspn(text + count, " \t");
	if (count >= sizeof(digits) || (*unit == 0 && text[count] != 0))
		return VERDICT_BAD_LIMIT;
	memcpy(digits, text, count);
	digits[count] = 0;
	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i]) != 0)
			continue;
		if (text_parse_u64(&number, digits, max >> 10 * i) != 0)
			return VERDICT_BAD_LIMIT;
		*out = number << 10 * i;
		return 0;
	}
	return VERDICT_BAD_LIMIT;
}

static const struct {
	const char *name;
	uint64_t bits_per_s;
} rate_units[] = {{"kbit/s", 1000}, {"Mbit/s", 1000000}, {"Gbit/s", 1000000000}};
enum { RATE_UNITS = sizeof(rate_units) / sizeof(rate_units[0]), RATE_PLACES = 3 };

char *text_rate(char *out, size_t size, uint64_t bits_per_s)
{
	size_t unit = 0;
	while (unit + 1 < RATE_UNITS && bits_per_s >= rate_units[unit + 1].bits_per_s)
		unit++;
	uint64_t scale = rate_units[unit].bits_per_s;
	unsigned int places = (unsigned int)(bits_per_s % scale / (scale / 1000));
	char fraction[16];
	snprintf(fraction, sizeof(fraction), ".%03u", places);
	for (size_t len = RATE_PLACES + 1; len > 0 && (fraction[len - 1] == '0' || fraction[len - 1] == '.'); len--)
		fraction[len - 1] = 0;
	snprintf(out, size, "%llu%s %s", (unsigned long long)(bits_per_s / scale), fraction, rate_units[unit].name);
	return out;
}

/* What stands behind the point, of this unit: so few places that the sum stays whole. */
static bool take_places(uint64_t *out, const char *places, uint64_t unit)
{
	uint64_t sum = 0;
	size_t len = strspn(places, "0123456789");
	if (len < 1 || len > RATE_PLACES || places[len] != 0)
		return false;
	for (; *places != 0; places++)
		sum += (uint64_t)(*places - '0') * (unit /= 10);
	*out = sum;
	return true;
}

int text_parse_rate(uint64_t *out, const char *text, uint64_t max)
{
	uint64_t unit = 0, whole = 0, fraction = 0;
	size_t len = strspn(text, "0123456789.");
	char number[16];
	const char *unit_name = text + len + strspn(text + len, " \t");
	for (size_t i = 0; i < RATE_UNITS; i++)
		if (strcmp(unit_name, rate_units[i].name) == 0)
			unit = rate_units[i].bits_per_s;
	if (unit == 0 || len >= sizeof(number))
		return VERDICT_BAD_LIMIT;
	memcpy(number, text, len);
	number[len] = 0;
	char *point = strchr(number, '.');
	if (point != NULL) {
		*point = 0;
		if (!take_places(&fraction, point + 1, unit))
			return VERDICT_BAD_LIMIT;
	}
	if (text_parse_u64(&whole, number, max / unit) != 0 || fraction > max - whole * unit)
		return VERDICT_BAD_LIMIT;
	*out = whole * unit + fraction;
	return 0;
}

char *text_duration(char *out, size_t size, uint64_t seconds)
{
	unsigned long long s = seconds;
	if (s < 60)
		snprintf(out, size, "%llu s", s);
	else if (s < 3600)
		snprintf(out, size, "%llu min %02llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%llu h %02llu min", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%llu d %02llu h", s / 86400, s / 3600 % 24);
	return out;
}
