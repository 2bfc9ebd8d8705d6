#include "common/trial.h"

#include <stdlib.h>
#include <string.h>

#include "common/datagram.h"
#include "common/verdict.h"
#include "tests/lib/example.h"
#include "tests/lib/tap.h"

static const uint8_t secret_of_tags[TAGGER_SECRET_BYTES] = {1, 2, 3};
static struct tagger *tagger;
static uint8_t pattern[TRIAL_SIZE_MAX];

static const struct trial plain = {
	.test_id = UINT64_C(0x00c0ffee00c0ffee),
	.step = 2,
	.steps = 12,
	.plan = {TRIAL_RATE, 100000000, 1000, 1500},
	.part = TRIAL_LOAD,
	.sequence = UINT64_C(0x6721a5c000000007),
	.number = 5,
	.time_ns = 1250000000,
};

static size_t encode(uint8_t *out, const struct trial *t, struct tagger *tags)
{
	size_t len = trial_len(&t->plan, t->part);
	memcpy(out + TRIAL_HEADER_BYTES, pattern, len - TRIAL_HEADER_BYTES);
	trial_encode(out, t);
	datagram_set_tag(out, len, tags);
	return len;
}

static bool is_same_step(const struct trial_step *a, const struct trial_step *b)
{
	return a->purpose == b->purpose && a->rate_bits_per_s == b->rate_bits_per_s &&
	       a->duration_ms == b->duration_ms && a->size == b->size;
}

static bool is_same(const struct trial *a, const struct trial *b)
{
	return a->test_id == b->test_id && a->step == b->step && a->steps == b->steps && a->part == b->part &&
	       is_same_step(&a->plan, &b->plan) && a->sequence == b->sequence && a->number == b->number &&
	       a->time_ns == b->time_ns && a->held_ns == b->held_ns;
}

static struct trial any(uint64_t *random)
{
	struct trial t = {
		.test_id = test_random(random) | 1,
		.steps = (uint16_t)(1 + test_random(random) % TRIAL_STEPS_MAX),
		.part = (enum trial_part)(test_random(random) % TRIAL_PARTS),
		.plan = {
			(enum trial_purpose)(1 + test_random(random) % 2),
			TRIAL_RATE_MIN + test_random(random) % TRIAL_RATE_MAX / 2,
			(uint32_t)(10 + test_random(random) % 3599991),
			(uint16_t)(1500 + test_random(random) % 7501),
		},
		.sequence = test_random(random),
		.time_ns = test_random(random) % TRIAL_TIME_END,
	};
	t.step = (uint16_t)(test_random(random) % t.steps);
	t.held_ns = test_random(random) % (t.time_ns + 1);
	if (t.part == TRIAL_LOAD || t.part == TRIAL_END)
		t.number = test_random(random) % TRIAL_NUMBER_END;
	return t;
}

static void comes_back(uint64_t *random)
{
	uint8_t bytes[TRIAL_SIZE_MAX];
	bool same = true;
	for (int i = 0; i < 2000; i++) {
		struct trial t = any(random), back;
		size_t len = encode(bytes, &t, tagger);
		same &= datagram_tag_is_right(bytes, len, tagger) && trial_decode(&back, bytes, len, pattern) == VERDICT_OK &&
			is_same(&t, &back);
	}
	ok(same, "2,000 random datagrams come back as they were");
}

static void mutations(void)
{
	uint8_t bytes[TRIAL_SIZE_MAX];
	size_t len = encode(bytes, &plain, tagger);
	bool refused = true, is_total = true;
	struct trial t;
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		refused &= !datagram_tag_is_right(bytes, len, tagger);
		if (bit / 8 >= TRIAL_HEADER_BYTES)
			is_total &= trial_decode(&t, bytes, len, pattern) == VERDICT_DAMAGED;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	ok(refused, "with any single bit flipped its tag is wrong");
	ok(is_total, "with any bit of the pattern flipped it is damaged, also under a right tag");
	refused = true;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read behind the end */
		memcpy(exact + 1, bytes, cut);
		refused &= trial_decode(&t, exact + 1, cut, pattern) ==
			   (cut < TRIAL_HEADER_BYTES ? VERDICT_TRUNCATED : VERDICT_BAD_LENGTH);
		free(exact);
	}
	ok(refused, "cut at any length it is refused");
}

static void others(void)
{
	uint8_t bytes[TRIAL_SIZE_MAX];
	struct datagram d;
	struct trial t = {.number = 99};
	size_t len = encode(bytes, &plain, tagger);
	is_text(verdict_name(datagram_decode(&d, bytes, len)), "bad-type", "to a receiver that runs it is a bad type");
	const struct datagram data = {
		.type = DATAGRAM_TYPE_DATA, .id = {1, 1, 1}, .geometry = {49152, 4096, 12, 4}, .symbol_count = 1,
	};
	datagram_encode_data(bytes, &data);
	is_text(verdict_name(trial_decode(&t, bytes, datagram_len(1), pattern)), "bad-type", "and data are one to a link test");
	is_number((int64_t)t.number, 99, "nothing is written of what is refused");
}

static void example(void)
{
	uint8_t bytes[TRIAL_SIZE_MAX], secret[SUITE_KEY_BYTES], of_tags[TAGGER_SECRET_BYTES];
	struct tagger *other;
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	tagger_secret(of_tags, secret);
	ok(tagger_new(&other, of_tags) == 0, "the example's secret makes tags");
	encode(bytes, &plain, other);
	tagger_free(other);
	example_stands_in("common/LINK.md", bytes, TRIAL_HEADER_BYTES + 16, "a datagram of a link test");
}

int main(void)
{
	uint64_t random = test_seed();
	if (suite_start() != 0 || tagger_new(&tagger, secret_of_tags) != 0)
		return 1;
	trial_pattern(pattern, sizeof(pattern));
	comes_back(&random);
	mutations();
	others();
	example();
	return done_testing();
}
