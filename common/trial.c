#include "trial.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "cursor.h"
#include "datagram.h"
#include "verdict.h"

enum { FORMAT_VERSION = 1 };

static bool has_pattern(enum trial_part part)
{
	return part == TRIAL_WARM_UP || part == TRIAL_LOAD;
}

size_t trial_len(const struct trial_step *plan, enum trial_part part)
{
	return has_pattern(part) ? (size_t)plan->size - IP_UDP_BYTES : TRIAL_HEADER_BYTES;
}

/* x^15 + x^14 + 1, all ones at first, the first bit is the highest of a byte. */
void trial_pattern(uint8_t *out, size_t len)
{
	uint32_t state = 0x7fff;
	for (size_t i = 0; i < len; i++) {
		uint32_t byte = 0;
		for (int bit = 0; bit < 8; bit++) {
			uint32_t next = (state >> 14 ^ state >> 13) & 1;
			state = (state << 1 | next) & 0x7fff;
			byte = byte << 1 | next;
		}
		out[i] = (uint8_t)byte;
	}
}

/* LINK.md 8 */
void trial_encode(uint8_t out[static TRIAL_HEADER_BYTES], const struct trial *t)
{
	struct writer w = writer_of(out, TRIAL_HEADER_BYTES);
	write_zeros(&w, SUITE_TAG_BYTES);
	write_u8(&w, FORMAT_VERSION);
	write_u8(&w, DATAGRAM_TYPE_TRIAL);
	write_u16(&w, t->step);
	write_u16(&w, t->steps);
	write_u8(&w, (uint8_t)t->part);
	write_u8(&w, (uint8_t)t->plan.purpose);
	write_u64(&w, t->test_id);
	write_u64(&w, t->sequence);
	write_u64(&w, t->plan.rate_bits_per_s);
	write_u64(&w, t->number);
	write_u64(&w, t->time_ns);
	write_u64(&w, t->held_ns);
	write_u32(&w, t->plan.duration_ms);
	write_u16(&w, t->plan.size);
	write_zeros(&w, 2);
	assert(!w.overrun && w.at == TRIAL_HEADER_BYTES);
}

static bool plan_is_sound(const struct trial_step *plan)
{
	return plan->purpose >= TRIAL_RATE && plan->purpose < TRIAL_PURPOSE_END &&
	       plan->rate_bits_per_s >= TRIAL_RATE_MIN && plan->rate_bits_per_s <= TRIAL_RATE_MAX &&
	       plan->duration_ms >= TRIAL_DURATION_MIN_MS && plan->duration_ms <= TRIAL_DURATION_MAX_MS &&
	       plan->size >= TRIAL_SIZE_MIN && plan->size <= TRIAL_SIZE_MAX;
}

static int check(const struct trial *t)
{
	if (t->steps < 1 || t->steps > TRIAL_STEPS_MAX || t->step >= t->steps || t->part >= TRIAL_PARTS ||
	    t->test_id == 0 || !plan_is_sound(&t->plan))
		return VERDICT_BAD_LIMIT;
	if (t->number >= TRIAL_NUMBER_END || t->time_ns >= TRIAL_TIME_END || t->held_ns > t->time_ns)
		return VERDICT_BAD_LIMIT;
	if ((t->part == TRIAL_BEGIN || t->part == TRIAL_WARM_UP) && t->number != 0)
		return VERDICT_BAD_RESERVED;
	return VERDICT_OK;
}

int trial_decode(struct trial *out, const uint8_t *datagram, size_t len, const uint8_t *pattern)
{
	struct reader r = reader_of(datagram, len);
	struct trial t = {0};
	read_view(&r, SUITE_TAG_BYTES);
	uint8_t version = read_u8(&r), type = read_u8(&r);
	t.step = read_u16(&r);
	t.steps = read_u16(&r);
	t.part = (enum trial_part)read_u8(&r);
	t.plan.purpose = (enum trial_purpose)read_u8(&r);
	t.test_id = read_u64(&r);
	t.sequence = read_u64(&r);
	t.plan.rate_bits_per_s = read_u64(&r);
	t.number = read_u64(&r);
	t.time_ns = read_u64(&r);
	t.held_ns = read_u64(&r);
	t.plan.duration_ms = read_u32(&r);
	t.plan.size = read_u16(&r);
	bool zeros = read_zeros(&r, 2);
	if (r.overrun)
		return VERDICT_TRUNCATED;
	if (version != FORMAT_VERSION)
		return VERDICT_UNKNOWN_VERSION;
	if (type != DATAGRAM_TYPE_TRIAL)
		return VERDICT_BAD_TYPE;
	if (!zeros)
		return VERDICT_BAD_RESERVED;
	int verdict = check(&t);
	if (verdict == VERDICT_OK && len != trial_len(&t.plan, t.part))
		verdict = VERDICT_BAD_LENGTH;
	if (verdict == VERDICT_OK &&
	    memcmp(datagram + TRIAL_HEADER_BYTES, pattern, len - TRIAL_HEADER_BYTES) != 0)
		verdict = VERDICT_DAMAGED;
	if (verdict == VERDICT_OK)
		*out = t;
	return verdict;
}
