#include "sender/guard_unique.h"

#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "tests/lib/tap.h"

enum {
	VALUES = 300000,
	VALUES_FEW = 6710886,
	VALUES_MANY = 9000000,
	BYTES_EACH_FEW = 20, /* POLICY.md 3 */
	BYTES_EACH_MANY = 13,
	BYTES_FIRST = 256 * 64 * 8 + 65536,
};

static int add(struct unique *unique, const void *value, size_t len, bool *is_new)
{
	return unique_add(unique, unique_hash(unique, value, len), is_new);
}

static void test_values(void)
{
	struct unique *unique = unique_new();
	bool is_new = false;
	is_number(add(unique, "a", 1, &is_new), 0, "a value is added");
	ok(is_new, "and is new");
	is_number(add(unique, "a", 1, &is_new), 0, "once more");
	ok(!is_new, "it is not");
	add(unique, "a", 0, &is_new);
	ok(is_new, "nothing is another");
	add(unique, "", 0, &is_new);
	ok(!is_new, "wherever it stands");
	add(unique, "a\0b", 3, &is_new);
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
		failed += add(unique, &i, sizeof(i), &is_new) != 0;
		old += !is_new;
		fits = fits && unique_memory(unique) <= BYTES_FIRST + (size_t)BYTES_EACH_FEW * i;
	}
	for (uint32_t i = VALUES; i-- > 0;) {
		failed += add(unique, &i, sizeof(i), &is_new) != 0;
		again += !is_new;
	}
	is_number((int64_t)failed, 0, "many values are added");
	is_number((int64_t)old, 0, "all of them new");
	is_number((int64_t)again, VALUES, "and all of them known afterwards");
	ok(fits, "in 20 bytes each, and what is there from the start");
	unique_free(unique);
}

/* Tables differ in how full they are by chance, so a little is allowed for. */
static void test_very_many(void)
{
	struct unique *unique = unique_new();
	size_t failed = 0;
	bool is_new, fits = true;
	for (uint32_t i = 0; i < VALUES_MANY; i++) {
		failed += add(unique, &i, sizeof(i), &is_new) != 0 || !is_new;
		size_t each = i < VALUES_FEW ? BYTES_EACH_FEW : BYTES_EACH_MANY;
		if (i % 1024 == 0)
			fits = fits && unique_memory(unique) <= BYTES_FIRST + each * i + each * i / 100;
	}
	is_number((int64_t)failed, 0, "very many values are added, all of them new");
	ok(fits, "in 13 bytes each from 6,710,886 on");
	unique_free(unique);
}

/* Values may be hashed long before they are added, also in the meantime of growing. */
static void test_ahead(void)
{
	static uint64_t hashes[VALUES];
	struct unique *unique = unique_new();
	bool is_new;
	size_t old = 0, zero = 0;
	for (uint32_t i = 0; i < VALUES; i++) {
		hashes[i] = unique_hash(unique, &i, sizeof(i));
		zero += hashes[i] == 0;
	}
	for (uint32_t i = 0; i < VALUES; i++) {
		unique_add(unique, hashes[i], &is_new);
		old += !is_new;
	}
	is_number((int64_t)(old + zero), 0, "values that were hashed before are new");
	uint32_t first = 0;
	ok(unique_hash(unique, &first, sizeof(first)) == hashes[0], "a value keeps its bits");
	unique_add(unique, hashes[0], &is_new);
	ok(!is_new, "and is known by them");
	unique_free(unique);
}

/* Another key, another table: nobody can choose values that fall upon each other. */
static void test_every_bit(void)
{
	struct unique *unique = unique_new();
	uint8_t value[64] = {0};
	bool is_new;
	size_t old = 0;
	add(unique, value, sizeof(value), &is_new);
	for (size_t bit = 0; bit < sizeof(value) * 8; bit++) {
		value[bit / 8] ^= (uint8_t)(1U << bit % 8);
		add(unique, value, sizeof(value), &is_new);
		old += !is_new;
		value[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t len = 0; len < sizeof(value); len++) {
		add(unique, value, len, &is_new);
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
	test_very_many();
	test_ahead();
	test_every_bit();
	return done_testing();
}
