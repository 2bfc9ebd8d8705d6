#include "template.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void template_start(struct template *template, const char *shipped)
{
	template->text = strdup(shipped);
	template->len = template->text == NULL ? 0 : strlen(shipped);
}

static bool begins_with(const char *line, const char *word, size_t len)
{
	return strncmp(line, word, len) == 0;
}

/* "key =" or "key=", behind a sign that switches it off. */
static bool is_key(const char *line, const char *key)
{
	size_t len = strlen(key);
	line += *line == ';' || *line == '#';
	return begins_with(line, key, len) && (line[len] == '=' || begins_with(line + len, " =", 2));
}

static bool is_section(const char *line, const char *section)
{
	size_t len = strlen(section);
	return line[0] == '[' && begins_with(line + 1, section, len) && line[1 + len] == ']';
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');
	return end == NULL ? NULL : end + 1;
}

/* NULL when there is no such line. */
static const char *find_line(const char *text, const char *section, const char *key)
{
	bool is_in = false;
	for (const char *line = text; line != NULL; line = next_line(line)) {
		if (line[0] == '[')
			is_in = is_section(line, section);
		else if (is_in && is_key(line, key))
			return line;
	}
	return NULL;
}

void template_set(struct template *template, const char *section, const char *key, const char *line)
{
	if (template->text == NULL)
		return;
	const char *old = find_line(template->text, section, key);
	assert(old != NULL);
	char *text = NULL;
	int before = (int)(old - template->text);
	int len = asprintf(&text, "%.*s%s%s", before, template->text, line, old + strcspn(old, "\n"));
	if (len < 0)
		text = NULL;
	free(template->text);
	template->len = text == NULL ? 0 : (size_t)len;
	template->text = text;
}

int template_finish(const struct template *template)
{
	return template->text == NULL ? -ENOMEM : 0;
}

void template_free(struct template *template)
{
	free(template->text);
	template->text = NULL;
}
