#include "trialplan.h"

#include <stdbool.h>

enum { HALVINGS = 80 };

static double power(double base, uint32_t exponent)
{
	double result = 1;
	for (uint32_t i = 0; i < exponent; i++)
		result *= base;
	return result;
}

/* The factor of which so many lead from one to the other. */
static double factor_of(double from, double to, uint32_t times)
{
	double low = 1, high = to / from;
	for (int i = 0; i < HALVINGS; i++) {
		double middle = (low + high) / 2;
		if (power(middle, times) * from < to)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static uint64_t round_to_digits(double rate)
{
	uint64_t unit = 1;
	while (rate / (double)unit >= 1000)
		unit *= 10;
	return (uint64_t)(rate / (double)unit + 0.5) * unit;
}

static bool is_sound(const struct trialplan_wish *w)
{
	return w->from_bits_per_s >= TRIAL_RATE_MIN && w->to_bits_per_s <= TRIAL_RATE_MAX &&
	       w->from_bits_per_s <= w->to_bits_per_s && w->rates >= 1 && w->size_count <= TRIALPLAN_SIZES_MAX &&
	       w->rates + w->size_count <= TRIAL_STEPS_MAX && w->duration_ms >= TRIAL_DURATION_MIN_MS &&
	       w->duration_ms <= TRIAL_DURATION_MAX_MS;
}

static bool is_size(uint16_t size)
{
	return size >= TRIAL_SIZE_MIN && size <= TRIAL_SIZE_MAX;
}

size_t trialplan_make(struct trial_step out[static TRIAL_STEPS_MAX], const struct trialplan_wish *w)
{
	size_t count = 0;
	if (!is_sound(w) || !is_size(w->size))
		return 0;
	for (size_t i = 0; i < w->size_count; i++) {
		if (!is_size(w->sizes[i]))
			return 0;
		out[count++] = (struct trial_step){TRIAL_SIZE, w->from_bits_per_s, w->duration_ms, w->sizes[i]};
	}
	double from = (double)w->from_bits_per_s, to = (double)w->to_bits_per_s;
	double factor = w->rates > 1 ? factor_of(from, to, w->rates - 1) : 1;
	for (uint32_t i = 0; i < w->rates; i++) {
		uint64_t rate = i + 1 == w->rates ? w->to_bits_per_s
				: i == 0          ? w->from_bits_per_s
						  : round_to_digits(from * power(factor, i));
		out[count++] = (struct trial_step){TRIAL_RATE, rate, w->duration_ms, w->size};
	}
	return count;
}
