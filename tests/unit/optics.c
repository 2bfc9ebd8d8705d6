/* The light of a module, from its memory. */
#include "common/optics.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <string.h>

#include "tests/lib/tap.h"

static uint8_t memory[640];

static void put(size_t at, unsigned int value)
{
	memory[at] = (uint8_t)(value >> 8);
	memory[at + 1] = (uint8_t)value;
}

static void put_limits(size_t at, unsigned int high_alarm, unsigned int low_alarm, unsigned int high_warning, unsigned int low_warning)
{
	put(at, high_alarm);
	put(at + 2, low_alarm);
	put(at + 4, high_warning);
	put(at + 6, low_warning);
}

static void test_sfp(void)
{
	struct optics optics;
	memset(memory, 0, sizeof(memory));
	is_number(optics_decode(&optics, memory, 512, ETH_MODULE_SFF_8472), -EOPNOTSUPP, "a module that does not measure tells nothing");
	memory[92] = 0x50;
	is_number(optics_decode(&optics, memory, 512, ETH_MODULE_SFF_8472), -EOPNOTSUPP, "nor does one that has to be calibrated");
	memory[92] = 0x68;
	put_limits(256 + 24, 10000, 1000, 8000, 1500);
	put_limits(256 + 32, 12000, 200, 10000, 300);
	put(256 + 102, 5012);
	put(256 + 104, 3981);
	is_number(optics_decode(&optics, memory, 511, ETH_MODULE_SFF_8472), -EOPNOTSUPP, "half a memory tells nothing");
	is_number(optics_decode(&optics, memory, 512, ETH_MODULE_SFF_8472), 0, "a module that measures is read");
	ok(optics.sent.is_told && optics.sent.power == 5012 && optics.sent.low_alarm == 1000 && optics.sent.high_warning == 8000, "what it sends");
	ok(optics.seen.is_told && optics.seen.power == 3981 && optics.seen.low_warning == 300 && optics.seen.high_alarm == 12000, "and what it sees");
	is_number(optics_decode(&optics, memory, 512, ETH_MODULE_SFF_8079), -EOPNOTSUPP, "a kind without light tells nothing");
}

static void test_qsfp(void)
{
	struct optics optics;
	memset(memory, 0, sizeof(memory));
	for (size_t i = 0; i < 4; i++) {
		put(34 + 2 * i, 4000 + (unsigned int)i);
		put(50 + 2 * i, 6000 - (unsigned int)i);
	}
	is_number(optics_decode(&optics, memory, 255, ETH_MODULE_SFF_8636), -EOPNOTSUPP, "half a page tells nothing");
	is_number(optics_decode(&optics, memory, 256, ETH_MODULE_SFF_8636), 0, "a module of four lanes is read");
	ok(!optics.sent.is_told && optics.seen.is_told, "which may not measure what it sends");
	is_number(optics.seen.power, 4000, "the weakest lane counts");
	is_number(optics.seen.low_alarm, 0, "without the page of limits there are none");
	memory[220] = 0x04;
	put_limits(512 + 48, 12000, 200, 10000, 300);
	put_limits(512 + 64, 10000, 1000, 8000, 1500);
	is_number(optics_decode(&optics, memory, 640, ETH_MODULE_SFF_8436), 0, "with it");
	ok(optics.sent.is_told && optics.sent.power == 5997 && optics.sent.low_alarm == 1000, "they are those of what it sends");
	ok(optics.seen.low_warning == 300 && optics.seen.high_alarm == 12000, "and of what it sees");
}

static void test_judge(void)
{
	struct light light = {.is_told = true, .low_alarm = 100, .low_warning = 200, .high_warning = 1000, .high_alarm = 2000};
	static const struct {
		uint32_t power;
		enum light_level level;
	} all[] = {{0, LIGHT_TOO_WEAK}, {99, LIGHT_TOO_WEAK}, {100, LIGHT_WEAK}, {199, LIGHT_WEAK}, {200, LIGHT_GOOD}, {1000, LIGHT_GOOD},
		   {1001, LIGHT_STRONG}, {2000, LIGHT_STRONG}, {2001, LIGHT_TOO_STRONG}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		light.power = all[i].power;
		is_number(light_judge(&light), all[i].level, "a power of %u is judged", all[i].power);
	}
	light = (struct light){.is_told = true, .power = 1};
	is_number(light_judge(&light), LIGHT_GOOD, "without limits any light is good");
	light.power = 0;
	is_number(light_judge(&light), LIGHT_TOO_WEAK, "but none is not");
}

int main(void)
{
	test_sfp();
	test_qsfp();
	test_judge();
	return done_testing();
}
