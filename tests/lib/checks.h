/*
 * checks: a box of files, made below test_dir(), in which faults are planted, and what a check finds there.
 *
 * What is found reads "red udp-mem: what was seen; type: what to type"; "" when there is no such finding.  That a
 * finding which is amber or red always says what to type is checked on the way.
 */
#ifndef WEIR_CHECKS_H
#define WEIR_CHECKS_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "tests/lib/tap.h"

typedef void check_look(const struct check *check);

/* A file of the box, "/proc/sys/…", and the directories that it lies in. */
static inline void box_put(const char *path, const char *text)
{
	char whole[4096];
	size_t begin = strlen(test_dir());
	int len = snprintf(whole, sizeof(whole), "%s%s", test_dir(), path);
	for (size_t i = begin + 1; i < (size_t)len; i++) {
		if (whole[i] != '/')
			continue;
		whole[i] = 0;
		if (mkdir(whole, 0755) < 0 && errno != EEXIST)
			note("mkdir %s: %s", whole, strerror(errno));
		whole[i] = '/';
	}
	FILE *file = fopen(whole, "we");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		note("%s: %s", whole, strerror(errno));
}

static inline void box_remove(const char *path)
{
	unlink(test_path(path + 1));
}

/* The first finding of this name. */
static inline const char *found(check_look *look, const struct config *config, const char *name)
{
	static char text[2 * (FINDING_WHAT_BYTES + FINDING_TYPE_BYTES)];
	struct check check = {.config = config, .root = test_dir()};
	const struct finding *f;
	if (report_new(&check.report) != 0)
		return "no memory";
	look(&check);
	text[0] = 0;
	for (size_t i = 0; (f = report_at(check.report, i)) != NULL; i++) {
		if ((f->state == FINDING_GREEN) != (f->type[0] == 0))
			ok(false, "%s, %s, says what to type when it is not green, and only then", finding_name(f->id), f->what);
		if (text[0] == 0 && strcmp(finding_name(f->id), name) == 0)
			snprintf(text, sizeof(text), "%s %s: %s%s%s", finding_state_name(f->state), name, f->what,
				 f->type[0] != 0 ? "; type: " : "", f->type);
	}
	report_free(check.report);
	return text;
}

/* What is found of a fault begins like this; prints it when it does not. */
static inline void finds(check_look *look, const struct config *config, const char *begin, const char *sentence)
{
	char name[64];
	const char *blank = strchr(begin, ' ');
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(blank + 1, ":"), blank + 1);
	const char *got = found(look, config, name);
	if (!ok(strncmp(got, begin, strlen(begin)) == 0, "%s", sentence))
		note("got '%s', wanted '%s…'", got, begin);
}

#endif
