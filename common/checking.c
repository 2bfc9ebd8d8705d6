#include "checking.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "remedy.h"

int checking_options(struct checking *out, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"fix", no_argument, NULL, 'f'},
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
		given.fix |= c == 'f';
		given.json |= c == 'j';
		given.is_quiet |= c == 'q';
	}
	if (optind != argc)
		return command_usage("check takes no arguments");
	if (given.fix && geteuid() != 0)
		return command_usage("--fix sets what only root may set: say it as root");
	*out = given;
	return 0;
}

/* With JSON on standard output, what was done is told beside it. */
static int fix_one(const struct finding *f, FILE *out)
{
	int failed = 0;
	for (size_t i = 0; i < REMEDIES_MAX && f->remedies[i].kind != REMEDY_NONE; i++) {
		const struct remedy *r = &f->remedies[i];
		int result = remedy_apply(r, "");
		if (result == 0)
			fprintf(out, "set   %-16s %s = %s, %s\n", finding_name(f->id), r->name, r->value, remedy_lasts(r->kind));
		else
			failed = command_fail(result, "cannot set %s to %s", r->name, r->value);
	}
	return failed;
}

/* What cannot be set is told of, and still red or amber afterwards. */
static int fix(const struct report *report, FILE *out)
{
	const struct finding *f;
	int failed = 0;
	for (size_t i = 0; (f = report_at(report, i)) != NULL; i++) {
		int code = fix_one(f, out);
		failed = failed == 0 ? code : failed;
	}
	int result = remedy_keep(report, "");
	return result != 0 ? command_fail(result, "cannot write '" REMEDY_FILE "'") : failed;
}

/* A report of its own each time. */
static int look_anew(struct report **report, checking_look *look, void *context)
{
	report_free(*report);
	*report = NULL;
	int result = report_new(report);
	return result != 0 ? command_fail(result, "check") : look(*report, context);
}

int checking_run(const struct checking *checking, checking_look *look, void *context)
{
	struct report *report = NULL;
	int fixed = 0, code = look_anew(&report, look, context);
	if (code == 0 && checking->fix) {
		fixed = fix(report, checking->json ? stderr : stdout);
		code = look_anew(&report, look, context);
	}
	if (code == 0) {
		unsigned int style = (checking->is_quiet ? REPORT_QUIET : 0) | (checking->json ? REPORT_JSON : 0) |
				     (isatty(STDOUT_FILENO) == 1 ? REPORT_COLOUR : 0);
		int result = report_print(report, stdout, style);
		code = result != 0 ? command_fail(result, "the report") : report_code(report);
	}
	report_free(report);
	return code != 0 ? code : fixed;
}
