#include "resendcode.h"

#include <stddef.h>
#include <string.h>

#include "suite.h"
#include "verdict.h"

enum {
	DIGIT_BITS = 5,
	DIGITS = 1 << DIGIT_BITS,
	GROUP = 4,
	REST_DIGITS = 8, /* route, block and rows: 40 bits */
	CHECKS = 2,
	POLYNOMIAL = 0x25, /* x^5 + x^2 + 1: x is primitive */
	SHORT = 12,
	MIDDLE = 16,
	LONG = RESENDCODE_CHARACTERS,
	EPOCH_BYTES = 8,
	HASH_BYTES = 16,
};

static const char alphabet[DIGITS + 1] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint8_t times(uint8_t a, uint8_t b)
{
	unsigned int product = 0, shifted = a;
	for (unsigned int i = 0; i < DIGIT_BITS; i++) {
		if ((b >> i & 1) != 0)
			product ^= shifted;
		shifted <<= 1;
		if (shifted >= DIGITS)
			shifted ^= POLYNOMIAL;
	}
	return (uint8_t)product;
}

/* What the digits of a code sum up to: the last one has the weight 1, the one before it x, and so on. */
struct sums {
	uint8_t plain;
	uint8_t weighted;
};

/* RESEND.md 3: what the sums of a good code are. */
static struct sums wanted_sums(uint64_t epoch)
{
	uint8_t bytes[EPOCH_BYTES], hash[HASH_BYTES];
	for (unsigned int i = 0; i < EPOCH_BYTES; i++)
		bytes[i] = (uint8_t)(epoch >> 8 * i);
	suite_hash(hash, sizeof(hash), "weir1 resendcode", NULL, 0, bytes, sizeof(bytes));
	return (struct sums){.plain = hash[0] % DIGITS, .weighted = hash[1] % DIGITS};
}

static struct sums sums_of(const uint8_t *digits, size_t count)
{
	struct sums sums = {0, 0};
	for (size_t i = 0; i < count; i++) {
		sums.plain ^= digits[i];
		sums.weighted = times(sums.weighted, 2) ^ digits[i];
	}
	return sums;
}

/* The two last digits, so that the sums are right: p + c1 + c0 and w x^2 + c1 x + c0. */
static void add_checks(uint8_t *digits, size_t count, uint64_t epoch)
{
	struct sums wanted = wanted_sums(epoch);
	struct sums sums = sums_of(digits, count);
	uint8_t a = sums.plain ^ wanted.plain;
	uint8_t b = times(sums.weighted, 4) ^ wanted.weighted;
	uint8_t before_last = 0;
	while (times(before_last, 3) != (a ^ b)) /* x + 1 is 3, and has an inverse */
		before_last++;
	digits[count] = before_last;
	digits[count + 1] = a ^ before_last;
}

/* Characters of a code with this number; the shortest length that holds it is the only one. */
static size_t length_for(uint64_t number)
{
	if (number >> DIGIT_BITS * (SHORT - REST_DIGITS - CHECKS) == 0)
		return SHORT;
	return number >> DIGIT_BITS * (MIDDLE - REST_DIGITS - CHECKS) == 0 ? MIDDLE : LONG;
}

static void write_digits(uint8_t *out, size_t count, uint64_t value)
{
	for (size_t i = count; i > 0; i--) {
		out[i - 1] = (uint8_t)(value % DIGITS);
		value /= DIGITS;
	}
}

static uint64_t read_digits(const uint8_t *digits, size_t count)
{
	uint64_t value = 0;
	for (size_t i = 0; i < count; i++)
		value = value * DIGITS + digits[i];
	return value;
}

char *resendcode_write(char out[static RESENDCODE_TEXT_BYTES], const struct resendcode *code, uint64_t epoch)
{
	uint8_t digits[LONG] = {0};
	if (code->number < 1 || code->number > RESENDCODE_NUMBER_MAX || code->block > RESEND_ALL)
		return NULL;
	size_t len = length_for(code->number);
	size_t number_digits = len - REST_DIGITS - CHECKS;
	uint64_t rest = (uint64_t)code->route_id << 24 | (uint64_t)code->block << 8 | code->rows;
	write_digits(digits, number_digits, code->number);
	write_digits(digits + number_digits, REST_DIGITS, rest);
	add_checks(digits, len - CHECKS, epoch);
	size_t at = 0;
	for (size_t i = 0; i < len; i++) {
		if (len != LONG && i > 0 && i % GROUP == 0)
			out[at++] = '-';
		out[at++] = alphabet[digits[i]];
	}
	out[at] = 0;
	return out;
}

/* The digit that a person means, or -1. */
static int digit_of(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'I' || c == 'L')
		c = '1';
	if (c == 'O')
		c = '0';
	const char *found = c == 0 ? NULL : strchr(alphabet, c);
	return found == NULL ? -1 : (int)(found - alphabet);
}

/* How many digits; 0 when there is another character among them, or too many. */
static size_t take_digits(uint8_t out[static LONG], const char *text)
{
	size_t count = 0;
	for (; *text != 0; text++) {
		if (*text == '-' || *text == ' ')
			continue;
		int digit = digit_of(*text);
		if (digit < 0 || count == LONG)
			return 0;
		out[count++] = (uint8_t)digit;
	}
	return count;
}

int resendcode_read(struct resendcode *out, const char *text, uint64_t epoch)
{
	uint8_t digits[LONG] = {0};
	size_t len = take_digits(digits, text);
	if (len != SHORT && len != MIDDLE && len != LONG)
		return VERDICT_BAD_CODE;
	struct sums sums = sums_of(digits, len);
	struct sums wanted = wanted_sums(epoch);
	if (sums.plain != wanted.plain || sums.weighted != wanted.weighted)
		return VERDICT_BAD_CODE;
	size_t number_digits = len - REST_DIGITS - CHECKS;
	uint64_t number = read_digits(digits, number_digits);
	uint64_t rest = read_digits(digits + number_digits, REST_DIGITS);
	if (number < 1 || number > RESENDCODE_NUMBER_MAX || length_for(number) != len)
		return VERDICT_BAD_CODE;
	*out = (struct resendcode){
		.route_id = (uint16_t)(rest >> 24),
		.number = number,
		.block = (uint16_t)(rest >> 8),
		.rows = (uint8_t)rest,
	};
	return VERDICT_OK;
}

bool resendcode_epochs_are_apart(uint64_t a, uint64_t b)
{
	struct sums first = wanted_sums(a), second = wanted_sums(b);
	uint8_t plain = first.plain ^ second.plain, weighted = first.weighted ^ second.weighted;
	/* two digits in each other's place change the weighted sum alone */
	if (plain == 0)
		return false;
	/* a wrong digit changes one by d, the other by d times the weight of its place */
	uint8_t weight = 1;
	for (unsigned int place = 0; place < LONG; place++) {
		if (times(plain, weight) == weighted)
			return false;
		weight = times(weight, 2);
	}
	return true;
}
