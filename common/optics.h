/*
 * optics: how much light a plugged module sends and sees, from its memory (SFF-8472, SFF-8636).  Nothing here makes a
 * system call.
 */
#ifndef WEIR_OPTICS_H
#define WEIR_OPTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In tenths of a microwatt; of several lanes the weakest. */
struct light {
	bool is_told;
	uint32_t power;
	uint32_t low_alarm, low_warning, high_warning, high_alarm; /* all 0: the module states none */
};

struct optics {
	struct light sent, seen;
};

/*
 * kind is one of ETH_MODULE_ of <linux/ethtool.h>.  0, or -EOPNOTSUPP: another kind, too short, or a module that does not
 * measure, or only with a calibration of its own.
 */
int optics_decode(struct optics *out, const uint8_t *memory, size_t len, uint32_t kind);

enum light_level { LIGHT_GOOD, LIGHT_WEAK, LIGHT_STRONG, LIGHT_TOO_WEAK, LIGHT_TOO_STRONG };

/* Within its limits, beyond a warning or beyond an alarm; without limits only darkness is too weak. */
enum light_level light_judge(const struct light *light);

#endif
