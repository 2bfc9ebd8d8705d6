/* What `check --fix` sets. */
#include "common/remedy.h"

#include <stdlib.h>

#include "tests/lib/checks.h"

static char *text_of(const char *path)
{
	static char text[4096];
	FILE *file = fopen(test_path(path + 1), "re");
	size_t len = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
	text[len] = 0;
	if (file != NULL)
		fclose(file);
	return text;
}

static struct finding *add(struct report *report)
{
	return report_add(report, FINDING_RP_FILTER, FINDING_RED, "strict");
}

static void test_setting(void)
{
	struct remedy remedy = {REMEDY_SETTING, "net.core.rmem_max", "67108864"};
	is_number(remedy_apply(&remedy, test_dir()), -ENOENT, "a setting that is not there cannot be set");
	box_put("/proc/sys/net/core/rmem_max", "212992\n");
	is_number(remedy_apply(&remedy, test_dir()), 0, "one that is there is set");
	is_text(text_of("/proc/sys/net/core/rmem_max"), "67108864", "to the value");
	remedy.kind = REMEDY_NONE;
	is_number(remedy_apply(&remedy, test_dir()), -EINVAL, "nothing is no remedy");
}

static void test_keep(void)
{
	static const char heading[] = "# Settings of the kernel that 'check --fix' of Weir has set; see weir-check(7).\n";
	struct report *report = NULL;
	char wanted[512];
	is_number(report_new(&report), 0, "a report is made");
	is_number(remedy_keep(report, test_dir()), 0, "without a setting there is nothing to keep");
	finding_remedy(add(report), REMEDY_SETTING, "net.core.rmem_max", "1");
	is_number(remedy_keep(report, test_dir()), -ENOENT, "without the folder it cannot be kept");
	box_put("/etc/sysctl.d/README", "");
	is_number(remedy_keep(report, test_dir()), 0, "with it it is");
	snprintf(wanted, sizeof(wanted), "%snet.core.rmem_max = 1\n", heading);
	is_text(text_of(REMEDY_FILE), wanted, "in the file");
	report_free(report);
	is_number(report_new(&report), 0, "another report is made");
	struct finding *f = add(report);
	finding_remedy(f, REMEDY_SETTING, "net.core.rmem_max", "2");
	finding_remedy(f, REMEDY_SETTING, "net.ipv4.udp_mem", "1 2 3");
	add(report);
	finding_remedy(report_add(report, FINDING_SWAP, FINDING_GREEN, "none"), REMEDY_SETTING, "vm.none", "1");
	box_put(REMEDY_FILE, "# by hand\nvm.other = 7\nnet.core.rmem_max = 1\nnet.core.rmem_max_other = 9\nlast = 1");
	is_number(remedy_keep(report, test_dir()), 0, "what is set later is kept as well");
	snprintf(wanted, sizeof(wanted), "%svm.other = 7\nnet.core.rmem_max_other = 9\nlast = 1\nnet.core.rmem_max = 2\nnet.ipv4.udp_mem = 1 2 3\n", heading);
	is_text(text_of(REMEDY_FILE), wanted, "and what was there stays, but for the old value");
	report_free(report);
}

int main(void)
{
	test_setting();
	test_keep();
	return done_testing();
}
