#include "checking.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"

int checking_options(struct checking *out, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},
		{NULL, 0, NULL, 0},
	};
	struct checking given = {.config = NULL};
	opterr = 0;
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, "q", options, NULL)) != -1;) {
		if (c == '?')
			return command_usage("check takes " CHECKING_SYNOPSIS);
		given.config = c == 'c' ? optarg : given.config;
		given.json |= c == 'j';
		given.is_quiet |= c == 'q';
	}
	if (optind != argc)
		return command_usage("check takes no arguments");
	*out = given;
	return 0;
}

int checking_run(const struct checking *checking, checking_look *look, void *context)
{
	struct report *report = NULL;
	int result = report_new(&report);
	if (result != 0)
		return command_fail(result, "check");
	int code = look(report, context);
	if (code == 0) {
		unsigned int style = (checking->is_quiet ? REPORT_QUIET : 0) | (checking->json ? REPORT_JSON : 0) |
				     (isatty(STDOUT_FILENO) == 1 ? REPORT_COLOUR : 0);
		result = report_print(report, stdout, style);
		code = result != 0 ? command_fail(result, "the report") : report_code(report);
	}
	report_free(report);
	return code;
}
