/* Findings, the report of them, and how it is printed. */
#include "common/finding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static char *printed(const struct report *report, unsigned int style)
{
	static char text[8192];
	FILE *file = fmemopen(text, sizeof(text), "w");
	memset(text, 0, sizeof(text));
	is_number(file == NULL ? -1 : report_print(report, file, style), 0, "a report is printed");
	fclose(file);
	return text;
}

static bool is_kebab(const char *name)
{
	return name[0] != 0 && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0;
}

static void test_table(void)
{
	for (int i = 0; i < FINDING_END; i++) {
		const char *name = finding_name((enum finding_id)i), *why = finding_why((enum finding_id)i);
		bool is_good = name != NULL && is_kebab(name) && why != NULL && why[0] != 0 && why[strlen(why) - 1] != '.';
		for (int j = 0; j < i && is_good; j++)
			is_good = strcmp(name, finding_name((enum finding_id)j)) != 0;
		ok(is_good, "finding %d, %s, has a name of its own and a reason", i, name == NULL ? "(none)" : name);
	}
	for (int i = 0; i < LAYER_COUNT; i++) {
		const char *name = finding_name((enum finding_id)(FINDING_LAYER + i));
		ok(strncmp(name, "layer-", 6) == 0 && strcmp(name + 6, layer_name((enum layer)i)) == 0,
		   "layer %s has its finding", layer_name((enum layer)i));
	}
}

static void test_report(void)
{
	struct report *report = NULL;
	is_number(report_new(&report), 0, "a report is made");
	is_text(printed(report, 0), "0 red, 0 amber, 0 green\n", "of nothing it says that it is nothing");
	is_number(report_code(report), EXIT_DONE, "which is no fault");
	finding_type(report_add(report, FINDING_SWAP, FINDING_GREEN, "none"), "nothing");
	finding_type(report_add(report, FINDING_LOSS, FINDING_AMBER, "a few"), "look at %d", 7);
	is_number(report_code(report), EXIT_DONE, "amber is none");
	finding_type(report_result(report, FINDING_BOX_KEY, VERDICT_WRONG_KEY, "file"), "look");
	is_number(report_code(report), EXIT_ENVIRONMENT, "red is one");
	report_result(report, FINDING_LINK_KEY, 0, "good");
	is_number((int)report_count(report, FINDING_GREEN), 2, "a result of 0 is green");
	finding_type(report_result(report, FINDING_HOLD, -ENOENT, "x"), "y");
	const char *all = "green swap             none\n"
			  "amber loss             a few\n"
			  "      why:  what repair rows cannot restore is delivered only when it is sent again\n"
			  "      type: look at 7\n"
			  "red   box-key          file: this key does not fit; compare fingerprints, also of the pre-shared key [wrong-key]\n"
			  "      why:  with it this box proves to the other who it is; without, nothing it says counts\n"
			  "      type: look\n"
			  "green link-key         good\n"
			  "red   hold             x: No such file or directory\n"
			  "      why:  without weir-hold no push is taken and nothing is released\n"
			  "      type: y\n"
			  "2 red, 1 amber, 2 green\n";
	is_text(printed(report, 0), all, "each has its line, and what is not green says why, and what to type");
	const char *quiet = printed(report, REPORT_QUIET);
	ok(strstr(quiet, "green swap") == NULL && strstr(quiet, "green link-key") == NULL, "quiet leaves out what is green");
	ok(strstr(quiet, "amber loss") != NULL && strstr(quiet, "2 red, 1 amber, 2 green\n") != NULL, "and nothing else");
	ok(strchr(printed(report, 0), 033) == NULL, "there is no colour");
	ok(strstr(printed(report, REPORT_COLOUR), "\033[1;31mred  \033[0m box-key") != NULL, "but where it was asked for");
	ok(report_at(report, 4) != NULL && report_at(report, 5) == NULL, "they can be gone through");
	report_free(report);
	report_free(NULL);
}

static void test_remedies(void)
{
	struct report *report = NULL;
	is_number(report_new(&report), 0, "a report is made");
	struct finding *f = report_add(report, FINDING_UDP_MEM, FINDING_GREEN, "enough");
	finding_remedy(f, REMEDY_SETTING, "a.b", "1");
	is_number(f->remedies[0].kind, REMEDY_NONE, "what is green needs no remedy");
	f = report_add(report, FINDING_UDP_MEM, FINDING_RED, "too little");
	finding_remedy(f, REMEDY_SETTING, "a.b", "%d", 1);
	finding_remedy(f, REMEDY_SETTING, "a.c", "2 3");
	is_text(f->type, "sysctl -w a.b=1; sysctl -w a.c='2 3'", "what can be set is what to type");
	is_text(f->remedies[1].value, "2 3", "and a remedy");
	ok(strstr(printed(report, 0), "      or:   check --fix\n") != NULL, "which is said");
	report_free(report);
}

static void test_many(void)
{
	struct report *report = NULL;
	char text[2 * FINDING_WHAT_BYTES];
	is_number(report_new(&report), 0, "another report is made");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (int i = 0; i < 1000; i++)
		report_result(report, FINDING_PRE_SHARED_KEY, i % 2 == 0 ? 0 : -EIO, "%s", text);
	is_number((int)report_count(report, FINDING_RED), 500, "there may be many of a kind");
	is_number((int)strlen(report_at(report, 999)->what), FINDING_WHAT_BYTES - 1, "and a text that is too long is cut off");
	FILE *full = fopen("/dev/full", "we");
	if (full != NULL) {
		setvbuf(full, NULL, _IONBF, 0);
		ok(report_print(report, full, 0) < 0, "that it could not be written is no success");
		ok(report_print(report, full, REPORT_JSON) < 0, "nor as JSON");
		fclose(full);
	}
	report_free(report);
}

int main(void)
{
	test_table();
	test_report();
	test_remedies();
	test_many();
	return done_testing();
}
