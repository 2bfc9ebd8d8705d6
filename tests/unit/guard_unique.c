#include "sender/guard_unique.h"

#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "tests/lib/tap.h"

enum { VALUES = 300000, BYTES_EACH_MAX = 13, BYTES_FIRST = 256 * 64 * 8 + 65536 };

static void test_values(void)
{
	struct unique *unique = unique_new();
	bool is_new = false;
	is_number(unique_add(unique, "a", 1, &is_new), 0, "a value is added");
	ok(is_new, "and is new");
	is_number(unique_add(unique, "a", 1, &is_new), 0, "once more");
	ok(!is_new, "it is not");
	unique_add(unique, "a", 0, &is_new);
	ok(is_new, "nothing is another");
	unique_add(unique, "", 0, &is_new);
	ok(!is_new, "wherever it stands");
	unique_add(unique, "a\0b", 3, &is_new);
	ok(is_new, "a zero byte ends nothing");
	unique_free(unique);
	unique_free(NULL);
}

static void test_many(void)
{
	struct unique *unique = unique_new();
	size_t old = 0, again = 0, failed = 0;
	bool is_new, fits = true;
	for (uint32_t i = 0; i < VALUES; i++) {
		failed += unique_add(unique, &i, sizeof(i), &is_new) != 0;
		old += !is_new;
		fits = fits && unique_memory(unique) <= BYTES_FIRST + (size_t)BYTES_EACH_MAX * i;
	}
	for (uint32_t i = VALUES; i-- > 0;) {
		failed += unique_add(unique, &i, sizeof(i), &is_new) != 0;
		again += !is_new;
	}
	is_number((int64_t)failed, 0, "many values are added");
	is_number((int64_t)old, 0, "all of them new");
	is_number((int64_t)again, VALUES, "and all of them known afterwards");
	ok(fits, "in 13 bytes each, and what is there from the start");
	unique_free(unique);
}

/* Another key, another table: nobody can choose values that fall upon each other. */
static void test_every_bit(void)
{
	struct unique *unique = unique_new();
	uint8_t value[64] = {0};
	bool is_new;
	size_t old = 0;
	unique_add(unique, value, sizeof(value), &is_new);
	for (size_t bit = 0; bit < sizeof(value) * 8; bit++) {
		value[bit / 8] ^= (uint8_t)(1U << bit % 8);
		unique_add(unique, value, sizeof(value), &is_new);
		old += !is_new;
		value[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t len = 0; len < sizeof(value); len++) {
		unique_add(unique, value, len, &is_new);
		old += !is_new;
	}
	is_number((int64_t)old, 0, "a value with any bit another, or of any other length, is new");
	unique_free(unique);
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	test_values();
	test_many();
	test_every_bit();
	return done_testing();
}
