#include "optics.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <string.h>

enum {
	/* SFF-8472: the second address lies behind the first, and begins with alarms and warnings */
	A2 = 256, SFP_BYTES = 512, SFP_MONITORING = 92, IS_MONITORED = 0x40, IS_CALIBRATED = 0x20,
	SFP_SENT_LIMITS = A2 + 24, SFP_SEEN_LIMITS = A2 + 32, SFP_SENT = A2 + 102, SFP_SEEN = A2 + 104,
	/* SFF-8636: lanes in the lower page; page 3 comes last where there is one */
	QSFP_BYTES = 256, QSFP_PAGE_3 = 512, QSFP_ALL_BYTES = 640, QSFP_LANES = 4, QSFP_SEEN = 34, QSFP_SENT = 50,
	QSFP_MONITORING = 220, IS_SENT_MONITORED = 0x04,
	QSFP_SEEN_LIMITS = QSFP_PAGE_3 + 176 - 128, QSFP_SENT_LIMITS = QSFP_PAGE_3 + 192 - 128,
};

static uint32_t number_at(const uint8_t *memory, size_t at)
{
	return (uint32_t)memory[at] << 8 | memory[at + 1];
}

/* High alarm, low alarm, high warning, low warning. */
static void take_limits(struct light *light, const uint8_t *memory, size_t at)
{
	light->high_alarm = number_at(memory, at);
	light->low_alarm = number_at(memory, at + 2);
	light->high_warning = number_at(memory, at + 4);
	light->low_warning = number_at(memory, at + 6);
}

static int decode_sfp(struct optics *out, const uint8_t *memory, size_t len)
{
	if (len < SFP_BYTES || (memory[SFP_MONITORING] & (IS_MONITORED | IS_CALIBRATED)) != (IS_MONITORED | IS_CALIBRATED))
		return -EOPNOTSUPP;
	*out = (struct optics){
		.sent = {.is_told = true, .power = number_at(memory, SFP_SENT)},
		.seen = {.is_told = true, .power = number_at(memory, SFP_SEEN)},
	};
	take_limits(&out->sent, memory, SFP_SENT_LIMITS);
	take_limits(&out->seen, memory, SFP_SEEN_LIMITS);
	return 0;
}

static uint32_t weakest(const uint8_t *memory, size_t at)
{
	uint32_t least = UINT32_MAX;
	for (size_t i = 0; i < QSFP_LANES; i++) {
		uint32_t power = number_at(memory, at + 2 * i);
		least = power < least ? power : least;
	}
	return least;
}

static int decode_qsfp(struct optics *out, const uint8_t *memory, size_t len)
{
	if (len < QSFP_BYTES)
		return -EOPNOTSUPP;
	*out = (struct optics){
		.sent = {.is_told = (memory[QSFP_MONITORING] & IS_SENT_MONITORED) != 0, .power = weakest(memory, QSFP_SENT)},
		.seen = {.is_told = true, .power = weakest(memory, QSFP_SEEN)},
	};
	if (len >= QSFP_ALL_BYTES) {
		take_limits(&out->sent, memory, QSFP_SENT_LIMITS);
		take_limits(&out->seen, memory, QSFP_SEEN_LIMITS);
	}
	return 0;
}

int optics_decode(struct optics *out, const uint8_t *memory, size_t len, uint32_t kind)
{
	if (kind == ETH_MODULE_SFF_8472)
		return decode_sfp(out, memory, len);
	if (kind == ETH_MODULE_SFF_8636 || kind == ETH_MODULE_SFF_8436)
		return decode_qsfp(out, memory, len);
	return -EOPNOTSUPP;
}

enum light_level light_judge(const struct light *light)
{
	if (light->power == 0 || light->power < light->low_alarm)
		return LIGHT_TOO_WEAK;
	if (light->high_alarm > 0 && light->power > light->high_alarm)
		return LIGHT_TOO_STRONG;
	if (light->power < light->low_warning)
		return LIGHT_WEAK;
	return light->high_warning > 0 && light->power > light->high_warning ? LIGHT_STRONG : LIGHT_GOOD;
}
