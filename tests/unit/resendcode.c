#include "common/resendcode.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define VECTORS "tests/vectors/resend"
#define EPOCH UINT64_C(0x0123456789abcdef)

enum { CODES = 300 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static bool is_same(const struct resendcode *a, const struct resendcode *b)
{
	return a->route_id == b->route_id && a->number == b->number && a->block == b->block && a->rows == b->rows;
}

/* Of every length: numbers of 1 to 48 bits. */
static struct resendcode random_code(uint64_t *state, unsigned int index)
{
	uint64_t number = test_random(state) >> (16 + index % 48);
	return (struct resendcode){
		.route_id = (uint16_t)test_random(state),
		.number = number == 0 ? 1 : number,
		.block = index % 3 == 0 ? (uint32_t)RESEND_ALL : (uint32_t)(test_random(state) % RESEND_ALL),
		.rows = index % 2 == 0 ? 0 : (uint8_t)test_random(state),
	};
}

/* The characters without hyphens. */
static size_t strip(char out[static RESENDCODE_TEXT_BYTES], const char *code)
{
	size_t len = 0;
	for (; *code != 0; code++)
		if (*code != '-')
			out[len++] = *code;
	out[len] = 0;
	return len;
}

static bool is_refused(const char *text, uint64_t epoch)
{
	struct resendcode unused;
	return resendcode_read(&unused, text, epoch) == VERDICT_BAD_CODE;
}

static void test_form(void)
{
	char out[RESENDCODE_TEXT_BYTES];
	is_text(resendcode_write(out, &(struct resendcode){1, 123, RESEND_ALL, 0}, EPOCH), "3V00-0ZZZ-R0EY",
		"a whole bundle of a young route is the worked example of RESEND.md");
	is_text(resendcode_write(out, &(struct resendcode){7, 1024, 3, 18}, EPOCH), "0001-0000-3G00-RJBW",
		"a later one has sixteen characters, and twenty less one with hyphens");
	is_text(resendcode_write(out, &(struct resendcode){65535, RESENDCODE_NUMBER_MAX, 65534, 255}, EPOCH),
		"7ZZZZZZZZZZZZZZZQZAN", "the longest has twenty, and no hyphen");
	out[0] = 'x';
	ok(resendcode_write(out, &(struct resendcode){1, 0, 0, 0}, EPOCH) == NULL, "there is no number 0");
	ok(resendcode_write(out, &(struct resendcode){1, RESENDCODE_NUMBER_MAX + 1, 0, 0}, EPOCH) == NULL,
	   "nor one above 2^48 - 1");
	ok(resendcode_write(out, &(struct resendcode){1, 1, RESEND_ALL + 1, 0}, EPOCH) == NULL && out[0] == 'x',
	   "nor a block behind all of them; what is refused writes nothing");
}

static void test_reading(void)
{
	static const char *const same[] = {
		"3V00-0ZZZ-R0EY", "3V000ZZZR0EY", "3v00-0zzz-r0ey", " 3V00 0ZZZ R0EY ", "3V-000Z-ZZR-0EY--",
		"3VOO-OZZZ-ROEY", "3voo-ozzz-roey",
	};
	const struct resendcode wanted = {1, 123, RESEND_ALL, 0};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct resendcode got = {0};
		ok(resendcode_read(&got, same[i], EPOCH) == 0 && is_same(&got, &wanted), "'%s' is it, too", same[i]);
	}
	struct resendcode one = {0};
	ok(resendcode_read(&one, "oiOo-ooLi-oo18", EPOCH) == VERDICT_BAD_CODE && one.number == 0,
	   "what is refused fills nothing in");
	static const char *const not[] = {"", "-", "3V00-0ZZZ-R0E", "3V00-0ZZZ-R0EY0", "3V00_0ZZZ_R0EY", "3V00-0ZZZ-R0EU",
					  "3V00-0ZZZ-R0E\xc3\xbf", "7ZZZZZZZZZZZZZZZQZAN7"};
	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		ok(is_refused(not[i], EPOCH), "'%s' is no code", not[i]);
	ok(is_refused("3V00-0ZZZ-R0EY", EPOCH ^ 1), "it is no code of another epoch");
}

static void test_round(uint64_t *state)
{
	unsigned int bad = 0, long_ones = 0, hyphens = 0;
	for (unsigned int i = 0; i < 100000; i++) {
		char out[RESENDCODE_TEXT_BYTES], bare[RESENDCODE_TEXT_BYTES];
		struct resendcode code = random_code(state, i), got = {0};
		uint64_t epoch = test_random(state);
		resendcode_write(out, &code, epoch);
		size_t len = strlen(out), digits = strip(bare, out);
		bad += resendcode_read(&got, out, epoch) != 0 || !is_same(&got, &code);
		long_ones += len > RESENDCODE_CHARACTERS || (digits != 12 && digits != 16 && digits != 20);
		hyphens += len != (digits == 12 ? 14 : digits == 16 ? 19 : 20);
	}
	is_number(bad, 0, "100,000 codes are read as they were written");
	is_number(long_ones, 0, "all have 12, 16 or 20 characters, and with hyphens at most 20");
	is_number(hyphens, 0, "those of 12 and 16 have a hyphen behind every four");
}

/* What slips through of one code, of what a person may do to it. */
struct slips {
	unsigned int wrong, adjacent, apart, omitted, doubled, inserted, pairs;
	unsigned int tried;
};

static void try_wrong(const char *code, size_t len, uint64_t epoch, struct slips *slips)
{
	char text[RESENDCODE_TEXT_BYTES];
	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < 32; i++) {
			if (alphabet[i] == code[at])
				continue;
			memcpy(text, code, len + 1);
			text[at] = alphabet[i];
			slips->wrong += !is_refused(text, epoch);
			slips->tried++;
		}
}

static void try_swaps(const char *code, size_t len, uint64_t epoch, struct slips *slips)
{
	char text[RESENDCODE_TEXT_BYTES];
	for (size_t a = 0; a < len; a++)
		for (size_t b = a + 1; b < len; b++) {
			if (code[a] == code[b])
				continue;
			memcpy(text, code, len + 1);
			text[a] = code[b];
			text[b] = code[a];
			bool passes = !is_refused(text, epoch);
			slips->adjacent += passes && b == a + 1;
			slips->apart += passes;
			slips->tried++;
		}
}

static void try_lengths(const char *code, size_t len, uint64_t epoch, struct slips *slips)
{
	char text[RESENDCODE_TEXT_BYTES + 1];
	for (size_t at = 0; at < len; at++) {
		memcpy(text, code, at);
		memcpy(text + at, code + at + 1, len - at);
		slips->omitted += !is_refused(text, epoch);
		memcpy(text, code, at + 1);
		memcpy(text + at + 1, code + at, len - at + 1);
		slips->doubled += !is_refused(text, epoch);
		for (size_t i = 0; i < 32; i++) {
			text[at] = alphabet[i];
			slips->inserted += !is_refused(text, epoch);
		}
		slips->tried += 34;
	}
}

/* Two wrong characters: all places, all values. */
static void try_pairs(const char *code, size_t len, uint64_t epoch, struct slips *slips)
{
	char text[RESENDCODE_TEXT_BYTES];
	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < 32; i++) {
			char first[RESENDCODE_TEXT_BYTES];
			memcpy(first, code, len + 1);
			first[at] = alphabet[i];
			for (size_t b = at + 1; first[at] != code[at] && b < len; b++)
				for (size_t j = 0; j < 32; j++) {
					memcpy(text, first, len + 1);
					text[b] = alphabet[j];
					slips->pairs += text[b] != code[b] && !is_refused(text, epoch);
				}
		}
}

/* IL8: nothing of this is by chance, so that any codes will do; these are many, of all lengths. */
static void test_misreading(uint64_t *state)
{
	struct slips slips = {0};
	for (unsigned int i = 0; i < CODES; i++) {
		char out[RESENDCODE_TEXT_BYTES], bare[RESENDCODE_TEXT_BYTES];
		struct resendcode code = random_code(state, i);
		uint64_t epoch = test_random(state);
		size_t len = strip(bare, resendcode_write(out, &code, epoch));
		try_wrong(bare, len, epoch, &slips);
		try_swaps(bare, len, epoch, &slips);
		try_lengths(bare, len, epoch, &slips);
		if (i < 3)
			try_pairs(bare, len, epoch, &slips);
	}
	note("%u misreadings of %d codes", slips.tried, CODES);
	is_number(slips.wrong, 0, "every single wrong character is caught");
	is_number(slips.adjacent, 0, "every swap of two different neighbours is caught");
	is_number(slips.apart, 0, "and of any two different characters");
	is_number(slips.omitted, 0, "every character left out is caught");
	is_number(slips.doubled, 0, "every character said twice is caught");
	is_number(slips.inserted, 0, "every character put in between is caught");
	is_number(slips.pairs, 0, "any two wrong characters are caught");
}

static void test_epochs(uint64_t *state)
{
	enum { TRIES = 100000 };
	unsigned int passed = 0;
	char out[RESENDCODE_TEXT_BYTES];
	for (unsigned int i = 0; i < TRIES; i++) {
		struct resendcode code = random_code(state, i);
		resendcode_write(out, &code, test_random(state));
		passed += !is_refused(out, test_random(state));
	}
	note("%u of %d codes pass for another epoch; 1 in 1024 is %d", passed, TRIES, TRIES / 1024);
	ok(passed > 50 && passed < 160, "one code in 1,024 passes for an epoch that it is not of");
}

/* All of the guarantee, for codes that are read for two epochs. */
static void test_apart(uint64_t *state)
{
	unsigned int apart = 0, slipped = 0, tries = 0, slipped_near = 0;
	for (unsigned int i = 0; i < CODES; i++, tries++) {
		char out[RESENDCODE_TEXT_BYTES], bare[RESENDCODE_TEXT_BYTES];
		struct resendcode code = random_code(state, 47); /* the longest have most places */
		struct slips slips = {0};
		code.number |= UINT64_C(1) << 40;
		uint64_t own = test_random(state), other = test_random(state);
		size_t len = strip(bare, resendcode_write(out, &code, own));
		try_wrong(bare, len, other, &slips);
		try_swaps(bare, len, other, &slips);
		bool is_apart = resendcode_epochs_are_apart(own, other);
		apart += is_apart;
		slipped += is_apart ? slips.wrong + slips.apart : 0;
		slipped_near += !is_apart && slips.wrong + slips.apart > 0;
	}
	note("%u of %u pairs of epochs are apart; of the others %u mislead", apart, tries, slipped_near);
	is_number(slipped, 0, "no misread code of an epoch is one of another that is apart from it");
	ok(slipped_near > tries / 4, "of one that is not apart it can be");
	ok(apart > tries / 5 && apart < tries / 2, "one pair in three is apart");
	ok(!resendcode_epochs_are_apart(EPOCH, EPOCH), "an epoch is not apart from itself");
}

/* One line of a vector: epoch, code and, of a good one, what it names; with tabs between. */
static int judge(char *line)
{
	struct resendcode code;
	char *at = line;
	uint64_t epoch = strtoull(strsep(&at, "\t"), NULL, 16);
	const char *text = strsep(&at, "\t\n");
	int result = text == NULL ? VERDICT_TRUNCATED : resendcode_read(&code, text, epoch);
	if (result != 0)
		return result;
	struct resendcode wanted;
	wanted.route_id = (uint16_t)strtoul(at, &at, 10);
	wanted.number = strtoull(at, &at, 10);
	wanted.block = (uint32_t)strtoul(at, &at, 10);
	wanted.rows = (uint8_t)strtoul(at, &at, 10);
	ok(is_same(&code, &wanted), "%s names what the vector says", text);
	return result;
}

static void test_vectors(void)
{
	DIR *dir = opendir(VECTORS);
	unsigned int count = 0;
	const struct dirent *entry;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[512], line[512] = "", wanted[256];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), VECTORS "/%s", entry->d_name);
		FILE *file = fopen(path, "re");
		bool is_read = file != NULL && fgets(line, sizeof(line), file) != NULL;
		if (file != NULL)
			fclose(file);
		snprintf(wanted, sizeof(wanted), "%s", entry->d_name);
		wanted[strcspn(wanted, ".")] = 0;
		char *dashes = strstr(wanted, "--");
		if (dashes != NULL)
			*dashes = 0;
		is_text(is_read ? verdict_name(judge(line)) : "not read", wanted, "%s", entry->d_name);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	ok(count >= 20, "the vectors are there");
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	uint64_t state = test_seed();
	test_form();
	test_reading();
	test_round(&state);
	test_misreading(&state);
	test_epochs(&state);
	test_apart(&state);
	test_vectors();
	return done_testing();
}
