/* What an NVMe disk says of itself. */
#include "common/nvmehealth.h"

#include <errno.h>
#include <string.h>

#include "tests/lib/tap.h"

static uint8_t log_page[NVMEHEALTH_LOG_BYTES];

static const char *fault(bool *is_bad)
{
	static char text[NVMEHEALTH_TEXT_BYTES];
	struct nvmehealth health;
	nvmehealth_decode(&health, log_page);
	bool has = nvmehealth_fault(text, &health, is_bad);
	ok(has == (text[0] != 0), "what is wrong has words, and nothing else");
	return text;
}

int main(void)
{
	bool is_bad = true;
	struct nvmehealth health = {7, 7, 7};
	is_text(fault(&is_bad), "", "a good disk says nothing");
	ok(!is_bad, "and is not bad");
	log_page[5] = 89;
	is_text(fault(&is_bad), "", "nor does one that has some of its life left");
	log_page[5] = 101;
	is_text(fault(&is_bad), "101 % of the life that its maker promises are used", "one that has used its life says so");
	ok(!is_bad, "which is not bad yet");
	log_page[160] = 1;
	is_text(fault(&is_bad), "it could not read back data 1 time", "data that could not be read come first");
	log_page[161] = 1;
	is_text(fault(&is_bad), "it could not read back data 257 times", "the low byte comes first");
	log_page[175] = 1;
	is_text(fault(&is_bad), "it could not read back data 18446744073709551615 times", "a number that is too large is the largest");
	for (unsigned int i = 0; i < 8; i++) {
		log_page[0] = (uint8_t)(1U << i);
		ok(strlen(fault(&is_bad)) > 0 && is_bad, "warning %u is bad", i);
	}
	log_page[0] = 1;
	is_text(fault(&is_bad), "it has too few spare blocks left", "and has words");
	is_number(nvmehealth_read(&health, "/dev/null"), -ENOTTY, "what is no disk says nothing");
	is_number(nvmehealth_read(&health, test_path("none")), -ENOENT, "nor what is not there");
	is_number(health.warnings, 7, "and changes nothing");
	return done_testing();
}
