/*
 * template: a shipped text in sections (an example configuration, a file of systemd) in which some lines are set.  All
 * else, its comments above all, stays as it is.
 */
#ifndef WEIR_TEMPLATE_H
#define WEIR_TEMPLATE_H

#include <stddef.h>

struct template {
	char *text; /* malloc; NULL before template_start, and after any failure */
	size_t len;
};

void template_start(struct template *template, const char *shipped);
/*
 * In [section], the line of `key`, switched off by one ';' or '#' at its start or not, becomes `line` (without its line feed).
 * A program asks for keys that its own texts have: anything else is an assertion.
 */
void template_set(struct template *template, const char *section, const char *key, const char *line);
/* -ENOMEM when any step before has failed. */
int template_finish(const struct template *template);
void template_free(struct template *template);

#endif
