#include "common/records.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/tap.h"

static uint64_t count_whole(enum record_rule rule, const void *data, size_t len)
{
	struct record_counter counter;
	records_start(&counter, rule);
	records_add(&counter, data, len);
	return records_count(&counter);
}

/* BUNDLE.md 5, byte by byte. */
static uint64_t count_by_definition(enum record_rule rule, const char *data, size_t len)
{
	bool in_quotes = false, open = false;
	uint64_t records = 0;
	for (size_t i = 0; i < len; i++) {
		if (rule == RECORDS_CSV && data[i] == '"')
			in_quotes = !in_quotes;
		open = true;
		if (data[i] == '\n' && !in_quotes) {
			records++;
			open = false;
		}
	}
	records += open;
	if (rule == RECORDS_CSV && records > 0)
		records--;
	return rule == RECORDS_NOT_COUNTED ? 0 : records;
}

static void test_rules(void)
{
	static const struct {
		const char *text;
		uint64_t lines, csv;
		const char *sentence;
	} cases[] = {
		{"", 0, 0, "nothing has no records"},
		{"a", 1, 0, "a line without a line feed counts; alone it is the header"},
		{"a\n", 1, 0, "a header is no record"},
		{"a\nb", 2, 1, "the last record may lack its line feed"},
		{"a\nb\n", 2, 1, "and need not"},
		{"a\r\nb\r\n", 2, 1, "a carriage return changes nothing"},
		{"\n", 1, 0, "an empty line is a line"},
		{"\n\n\n", 3, 2, "each of them"},
		{"h\n\"a\nb\"\n", 3, 1, "a line feed in quotes parts no record"},
		{"h\n\"a\nb\"", 3, 1, "also without one behind the quotes"},
		{"h\n\"a\"\"\n\"\"b\"\n", 3, 1, "a doubled quote stays inside"},
		{"h\n\"\"\n\"\"\n", 3, 2, "empty quotes do not"},
		{"\"h\nh\"\na\n", 3, 1, "a header may have quotes"},
		{"h\n\"a\nb\n", 3, 1, "quotes that never end hold one record"},
		{"h\n\"a\n", 2, 1, "also when they end in a line feed"},
		{"h\n\"\n", 2, 1, "and hold nothing else"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);
		is_number((int64_t)count_whole(RECORDS_LINES, cases[i].text, len), (int64_t)cases[i].lines,
			  "lines: %s", cases[i].sentence);
		is_number((int64_t)count_whole(RECORDS_CSV, cases[i].text, len), (int64_t)cases[i].csv,
			  "CSV: %s", cases[i].sentence);
		is_number((int64_t)count_whole(RECORDS_NOT_COUNTED, cases[i].text, len), 0,
			  "nothing is counted when nothing is to be");
	}
	is_number((int64_t)count_whole(RECORDS_LINES, "a\0b\n\0", 5), 2, "a zero byte is a byte");
}

static void test_pieces(uint64_t *state)
{
	static const char alphabet[] = "a,\"\n\"\nb\r";
	enum { LEN = 600, ROUNDS = 300 };
	size_t wrong = 0, unsettled = 0;
	for (int round = 0; round < ROUNDS; round++) {
		char text[LEN];
		size_t len = test_random(state) % LEN;
		/* long runs without any of them now and then, for whatever is read in wide steps */
		uint64_t kinds = test_random(state) % 2 == 0 ? sizeof(alphabet) - 1 : 40;
		for (size_t i = 0; i < len; i++) {
			uint64_t kind = test_random(state) % kinds;
			text[i] = kind < sizeof(alphabet) - 1 ? alphabet[kind] : 'x';
		}
		for (enum record_rule rule = RECORDS_NOT_COUNTED; rule <= RECORDS_CSV; rule++) {
			struct record_counter counter;
			records_start(&counter, rule);
			for (size_t at = 0; at < len;) {
				size_t now = test_random(state) % (len - at + 1);
				records_add(&counter, text + at, now);
				at += now;
				unsettled += records_count(&counter) != count_by_definition(rule, text, at);
			}
			wrong += count_whole(rule, text, len) != count_by_definition(rule, text, len);
		}
	}
	is_number((int64_t)wrong, 0, "random texts are counted as the definition says");
	is_number((int64_t)unsettled, 0, "in any pieces, and after each of them");
}

int main(void)
{
	uint64_t state = test_seed();
	test_rules();
	test_pieces(&state);
	return done_testing();
}
