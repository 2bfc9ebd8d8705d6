#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini.h"
#include "registryparts.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

static const char heading[] = "[signatures]\n";
static const char domain[] = "weir1 registry";

enum { HEADING_BYTES = sizeof(heading) - 1, ROOTS_BYTES_MAX = 65536 };

struct roots {
	struct card cards[SIGNATURES_MAX];
	bool has_public[SIGNATURES_MAX];
	size_t count;
	uint64_t quorum; /* 0: not stated */
	bool in_cards;   /* the section being read: a root's, or [roots] */
	bool has_section;
};

struct signature_line {
	char name[NAME_BYTES];
	uint8_t key_id[KEY_ID_BYTES];
	uint8_t signature[SUITE_SIGNATURE_BYTES];
	size_t at; /* in the text, with its line feed */
	size_t len;
};

/* Where a registry's signed part ends, and the lines behind it. */
struct signatures {
	size_t signed_len;
	bool has_heading;
	size_t count;
	struct signature_line lines[SIGNATURES_MAX];
};

__attribute__((format(printf, 4, 5))) static int refuse(char problem[static PROBLEM_BYTES],
							 int verdict, int line,
							 const char *format, ...)
{
	va_list arguments;
	int n = snprintf(problem, PROBLEM_BYTES, "%d: ", line);
	va_start(arguments, format);
	vsnprintf(problem + n, PROBLEM_BYTES - (size_t)n, format, arguments);
	va_end(arguments);
	return verdict;
}

/* REGISTRY.md 4: the first line that is the heading; the text's length when there is none. */
static size_t find_heading(const uint8_t *text, size_t len)
{
	for (size_t at = 0; at + HEADING_BYTES <= len;) {
		if (memcmp(text + at, heading, HEADING_BYTES) == 0)
			return at;
		const uint8_t *end = memchr(text + at, '\n', len - at);
		if (end == NULL)
			break;
		at = (size_t)(end - text) + 1;
	}
	return len;
}

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t len = strlen(text);
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		text[--len] = 0;
	return text;
}

/* "root-1 = KEYID SIGNATURE" */
static bool take_signature(struct signature_line *out, char *line)
{
	char *value = strchr(line, '=');
	if (value == NULL)
		return false;
	*value++ = 0;
	char *name = trim(line);
	value = trim(value);
	char *signature = value + strcspn(value, " \t");
	if (*signature != 0)
		*signature++ = 0;
	if (!name_is_valid(name) || text_unhex(out->key_id, KEY_ID_BYTES, value) != 0 ||
	    text_unhex(out->signature, SUITE_SIGNATURE_BYTES, trim(signature)) != 0)
		return false;
	memset(out->name, 0, sizeof(out->name));
	memcpy(out->name, name, strlen(name));
	return true;
}

static const char *add_line(struct signatures *s, const uint8_t *text, size_t at, size_t len)
{
	char line[INI_LINE_BYTES + 1];
	if (len > INI_LINE_BYTES)
		return "the line is longer than 198 bytes";
	memcpy(line, text + at, len);
	line[len] = 0;
	if (strlen(line) != len || !text_is_utf8(line, len))
		return "it is not UTF-8";
	if (line[0] == ';' || line[0] == '#' || line[strspn(line, " \t")] == 0)
		return NULL;
	struct signature_line new = {.at = at, .len = len + 1};
	if (!take_signature(&new, line))
		return "a signature reads 'NAME = KEYID SIGNATURE'; nothing else may stand behind [signatures]";
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->lines[i].name, new.name) == 0)
			return "a root of this name has signed above";
	if (s->count == SIGNATURES_MAX)
		return "there are more than 16 signatures";
	s->lines[s->count++] = new;
	return NULL;
}

/*
 * These lines are the one thing that is read before anything is proven, so they have a reader of
 * their own, as small as their form.
 */
static int split(struct signatures *s, const uint8_t *text, size_t len,
		 char problem[static PROBLEM_BYTES])
{
	memset(s, 0, sizeof(*s));
	problem[0] = 0;
	int lines = ini_count_lines(text, len);
	if (len > REGISTRY_BYTES_MAX)
		return refuse(problem, VERDICT_BAD_REGISTRY, lines, "it is longer than 4 MiB");
	if (len == 0 || text[len - 1] != '\n')
		return refuse(problem, VERDICT_BAD_REGISTRY, lines, "the last line does not end");
	s->signed_len = find_heading(text, len);
	s->has_heading = s->signed_len < len;
	if (!s->has_heading)
		return 0;
	int line = ini_count_lines(text, s->signed_len) + (s->signed_len > 0);
	for (size_t at = s->signed_len + HEADING_BYTES; at < len;) {
		const uint8_t *end = memchr(text + at, '\n', len - at);
		size_t line_len = (size_t)(end - text) - at;
		line++;
		const char *wrong = add_line(s, text, at, line_len);
		if (wrong != NULL)
			return refuse(problem, VERDICT_BAD_REGISTRY, line, "%s", wrong);
		at += line_len + 1;
	}
	return 0;
}

static const struct card *find_root(const struct roots *roots, const struct signature_line *line)
{
	for (size_t i = 0; i < roots->count; i++)
		if (memcmp(roots->cards[i].id, line->key_id, KEY_ID_BYTES) == 0 &&
		    strcmp(roots->cards[i].name, line->name) == 0)
			return &roots->cards[i];
	return NULL;
}

/* Each line has another name (add_line), and each root one name: good lines are different roots. */
static int check_signatures(const struct signatures *s, const struct roots *roots,
			    const uint8_t *text)
{
	size_t good = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct signature_line *line = &s->lines[i];
		const struct card *root = find_root(roots, line);
		if (root == NULL)
			continue;
		int result = suite_verify(line->signature, domain, text, s->signed_len,
					  root->public_key);
		if (result != 0)
			return result;
		good++;
	}
	return good >= roots->quorum ? 0 : VERDICT_TOO_FEW_SIGNATURES;
}

int registry_parse(struct registry **out, const uint8_t *text, size_t len,
		   const struct roots *roots, char problem[static PROBLEM_BYTES])
{
	struct signatures signatures;
	int result = split(&signatures, text, len, problem);
	if (result == 0 && roots != NULL)
		result = check_signatures(&signatures, roots, text);
	if (result != 0)
		return result;
	struct registry *registry = calloc(1, sizeof(*registry));
	if (registry == NULL)
		return -ENOMEM;
	registry->text = malloc(len);
	if (registry->text == NULL) {
		result = -ENOMEM;
		goto out;
	}
	memcpy(registry->text, text, len);
	registry->len = len;
	result = registry_parse_signed(registry, registry->text, signatures.signed_len, problem);
	if (result != 0)
		goto out;
	*out = registry;
	registry = NULL;
out:
	registry_free(registry);
	return result;
}

int registry_load(struct registry **out, const char *path, const struct roots *roots,
		  char problem[static PROBLEM_BYTES])
{
	uint8_t *text;
	size_t len;
	problem[0] = 0;
	/* its signatures say who made it, and not that it is the newest they made */
	int result = trusted_read(path, 022, REGISTRY_BYTES_MAX, &text, &len);
	if (result == -EFBIG)
		return refuse(problem, VERDICT_BAD_REGISTRY, 1, "it is longer than 4 MiB");
	if (result != 0)
		return result;
	result = registry_parse(out, text, len, roots, problem);
	trusted_free(text, len);
	return result;
}

static size_t copy(uint8_t *out, size_t at, const void *data, size_t len)
{
	memcpy(out + at, data, len);
	return at + len;
}

int registry_sign(uint8_t **out, size_t *out_len, const uint8_t *text, size_t len,
		  const struct key *root)
{
	struct signatures s;
	char problem[PROBLEM_BYTES];
	if (root->card.kind != KEY_ROOT)
		return VERDICT_WRONG_KEY;
	int result = split(&s, text, len, problem);
	if (result != 0)
		return result;
	uint8_t signature[SUITE_SIGNATURE_BYTES];
	char key_hex[2 * KEY_ID_BYTES + 1], signature_hex[2 * SUITE_SIGNATURE_BYTES + 1];
	char line[INI_LINE_BYTES + 2];
	result = suite_sign(signature, domain, text, s.signed_len, root->secret);
	if (result != 0)
		return result;
	int n = snprintf(line, sizeof(line), "%s = %s %s\n", root->card.name,
			 text_hex(key_hex, sizeof(key_hex), root->card.id, KEY_ID_BYTES),
			 text_hex(signature_hex, sizeof(signature_hex), signature,
				  sizeof(signature)));
	uint8_t *new = malloc(len + HEADING_BYTES + sizeof(line));
	if (new == NULL)
		return -ENOMEM;
	size_t at = copy(new, 0, text, s.signed_len);
	at = copy(new, at, heading, HEADING_BYTES);
	size_t from = s.has_heading ? s.signed_len + HEADING_BYTES : len;
	for (size_t i = 0; i < s.count; i++) {
		const struct signature_line *old = &s.lines[i];
		if (strcmp(old->name, root->card.name) != 0 &&
		    memcmp(old->key_id, root->card.id, KEY_ID_BYTES) != 0)
			continue;
		at = copy(new, at, text + from, old->at - from);
		from = old->at + old->len;
	}
	at = copy(new, at, text + from, len - from);
	at = copy(new, at, line, (size_t)n);
	*out = new;
	*out_len = at;
	return 0;
}

static const char *take_root_heading(struct roots *roots, const char *section)
{
	if (strcmp(section, "roots") == 0) {
		if (roots->has_section)
			return "[roots] stands twice";
		roots->has_section = true;
		roots->in_cards = false;
		return NULL;
	}
	if (strncmp(section, "root ", 5) != 0)
		return "this section is not known here; a roots file holds [roots] and [root NAME]";
	if (!name_is_valid(section + 5))
		return "it is not a name: a-z, then up to 30 of a-z 0-9 -";
	if (roots->count == SIGNATURES_MAX)
		return "there are more than 16 root keys";
	for (size_t i = 0; i < roots->count; i++)
		if (strcmp(roots->cards[i].name, section + 5) == 0)
			return "this root stands twice";
	struct card *card = &roots->cards[roots->count++];
	card->kind = KEY_ROOT;
	memcpy(card->name, section + 5, strlen(section + 5));
	roots->in_cards = true;
	return NULL;
}

static const char *take_root_public(struct roots *roots, const char *value)
{
	size_t last = roots->count - 1;
	struct card *card = &roots->cards[last];
	if (roots->has_public[last])
		return "'public' stands twice";
	if (text_unhex(card->public_key, SUITE_KEY_BYTES, value) != 0)
		return "a public key is 64 lower-case hex digits";
	for (size_t i = 0; i < last; i++)
		if (memcmp(roots->cards[i].public_key, card->public_key, SUITE_KEY_BYTES) == 0)
			return "another root has this public key";
	roots->has_public[last] = true;
	card_identify(card);
	return NULL;
}

static const char *take_root_line(void *context, const char *section, const char *key,
				  const char *value, int line)
{
	struct roots *roots = context;
	(void)line;
	if (key == NULL)
		return take_root_heading(roots, section);
	if (section[0] == 0)
		return "it stands before the first section";
	if (roots->in_cards && strcmp(key, "public") == 0)
		return take_root_public(roots, value);
	if (roots->in_cards || strcmp(key, "quorum") != 0)
		return "this key is not known here";
	if (roots->quorum != 0)
		return "'quorum' stands twice";
	if (text_parse_u64(&roots->quorum, value, SIGNATURES_MAX) != 0 || roots->quorum == 0)
		return "a quorum is a number from 1 to the number of roots";
	return NULL;
}

int roots_parse(struct roots **out, const uint8_t *text, size_t len,
		char problem[static PROBLEM_BYTES])
{
	struct roots *roots = calloc(1, sizeof(*roots));
	if (roots == NULL)
		return -ENOMEM;
	int result = ini_read(text, len, VERDICT_BAD_REGISTRY, take_root_line, roots, problem);
	int last = ini_count_lines(text, len);
	for (size_t i = 0; result == 0 && i < roots->count; i++)
		if (!roots->has_public[i])
			result = refuse(problem, VERDICT_BAD_REGISTRY, last,
					"[root %s] has no 'public'", roots->cards[i].name);
	if (result == 0 && roots->count == 0)
		result = refuse(problem, VERDICT_BAD_REGISTRY, last, "there is no [root NAME]");
	if (result == 0 && (roots->quorum == 0 || roots->quorum > roots->count))
		result = refuse(problem, VERDICT_BAD_REGISTRY, last,
				"[roots] needs 'quorum', from 1 to the number of roots");
	if (result != 0) {
		roots_free(roots);
		return result;
	}
	*out = roots;
	return 0;
}

int roots_load(struct roots **out, const char *path, char problem[static PROBLEM_BYTES])
{
	uint8_t *text;
	size_t len;
	problem[0] = 0;
	/* who can write this file decides whom both boxes believe */
	int result = trusted_read(path, 022, ROOTS_BYTES_MAX, &text, &len);
	if (result != 0)
		return result;
	result = roots_parse(out, text, len, problem);
	trusted_free(text, len);
	return result;
}

void roots_free(struct roots *roots)
{
	free(roots);
}

size_t roots_quorum(const struct roots *roots)
{
	return (size_t)roots->quorum;
}
