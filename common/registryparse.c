#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registryparts.h"
#include "text.h"
#include "verdict.h"

static const char *take_format(struct builder *b, const char *value)
{
	uint64_t format;
	if (text_parse_u64(&format, value, UINT64_MAX) == 0 && format == 1)
		return NULL;
	return builder_complain(b, "this program knows format 1 alone; upgrade Weir here");
}

static const char *take_registry_name(struct builder *b, const char *value)
{
	return take_name(b, b->registry->name, value);
}

static const char *take_version(struct builder *b, const char *value)
{
	return take_u64(b, &b->registry->version, value, 1, INT64_MAX);
}

static const char *take_issued(struct builder *b, const char *value)
{
	return take_time(b, &b->registry->issued, value);
}

static const char *take_expires(struct builder *b, const char *value)
{
	return take_time(b, &b->registry->expires, value);
}

static const struct schema registry_schema = {5, {
	{"format", take_format, FIELD_NEEDED, FIELD_ONCE},
	{"name", take_registry_name, FIELD_NEEDED, FIELD_ONCE},
	{"version", take_version, FIELD_NEEDED, FIELD_ONCE},
	{"issued", take_issued, FIELD_NEEDED, FIELD_ONCE},
	{"expires", take_expires, FIELD_NEEDED, FIELD_ONCE},
}};

static const char *open_head(struct builder *b)
{
	if (b->head.line != 0)
		return "[registry] stands twice";
	b->head.line = b->line;
	b->current = &b->head;
	return NULL;
}

static const char *open_section(struct builder *b, const char *section)
{
	b->piece = NULL;
	if (strcmp(section, "registry") == 0)
		return open_head(b);
	const char *name = strchr(section, ' ');
	if (name != NULL) {
		char word[INI_NAME_BYTES + 1];
		snprintf(word, sizeof(word), "%.*s", (int)(name - section), section);
		enum key_kind kind = key_kind_from_name(word);
		if (strcmp(word, "route") == 0)
			return open_route(b, name + 1);
		if (strcmp(word, "policy") == 0)
			return open_policy(b, name + 1);
		if (strcmp(word, "review") == 0)
			return open_review(b, name + 1);
		if (kind != 0 && kind != KEY_ROOT && kind != KEY_LINK && kind != KEY_PSK)
			return open_party(b, kind, name + 1);
	}
	return builder_complain(b, "section '%s' is not known here", section);
}

/*
 * REGISTRY.md 5: "key = value" is at most two bytes longer than the line it was, so twice the text is
 * room enough.  A suspension does not void the reviews of what it stops.
 */
static void keep_line(struct builder *b, const char *section, const char *key, const char *value)
{
	size_t size = 2 * b->registry->len - b->canonical_len;
	if (b->piece == NULL || (key != NULL && strcmp(key, "suspended") == 0))
		return;
	if (key == NULL)
		b->piece->at = b->canonical_len;
	int n = key == NULL ? snprintf(b->canonical + b->canonical_len, size, "[%s]\n", section)
			    : snprintf(b->canonical + b->canonical_len, size, "%s = %s\n", key, value);
	assert(n > 0 && (size_t)n < size);
	b->canonical_len += (size_t)n;
	b->piece->len = b->canonical_len - b->piece->at;
}

static const char *take_field(struct builder *b, const char *section, const char *key,
			      const char *value)
{
	if (b->current == NULL)
		return "it stands before the first section";
	const struct schema *schema = b->current->schema;
	for (size_t i = 0; i < schema->count; i++) {
		const struct field *f = &schema->fields[i];
		if (strcmp(f->key, key) != 0)
			continue;
		if ((b->current->seen & UINT32_C(1) << i) != 0 && f->often == FIELD_ONCE)
			return builder_complain(b, "'%s' stands twice in [%s]", key, section);
		b->current->seen |= UINT32_C(1) << i;
		return f->take(b, value);
	}
	return builder_complain(b, "key '%s' is not known in [%s]", key, section);
}

static const char *take_line(void *context, const char *section, const char *key, const char *value,
			     int line)
{
	struct builder *b = context;
	b->line = line;
	const char *wrong = key == NULL ? open_section(b, section) : take_field(b, section, key, value);
	if (wrong == NULL)
		keep_line(b, section, key, value);
	return wrong;
}

const char *draft_missing_key(const struct draft *draft)
{
	for (size_t i = 0; i < draft->schema->count; i++)
		if (draft->schema->fields[i].need == FIELD_NEEDED &&
		    (draft->seen & UINT32_C(1) << i) == 0)
			return draft->schema->fields[i].key;
	return NULL;
}

static void free_builder(struct builder *b)
{
	struct vector *vectors[] = {&b->parties, &b->routes, &b->policies, &b->reviews, &b->words,
				    &b->columns, &b->patterns, &b->widths, &b->marks};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		free(vectors[i]->items);
	free(b->canonical);
}

int registry_parse_signed(struct registry *registry, const uint8_t *text, size_t len,
			  char problem[static PROBLEM_BYTES])
{
	struct builder b = {.registry = registry, .head.schema = &registry_schema};
	registry->store = malloc(registry->len + 1);
	b.canonical = malloc(2 * registry->len + 1);
	int result = registry->store == NULL || b.canonical == NULL ? -ENOMEM : 0;
	if (result == 0)
		result = ini_read(text, len, VERDICT_BAD_REGISTRY, take_line, &b, problem);
	if (result == 0) {
		const char *wrong = builder_finish(&b);
		if (wrong != NULL) {
			snprintf(problem, PROBLEM_BYTES, "%d: %s", b.line, wrong);
			result = VERDICT_BAD_REGISTRY;
		}
	}
	if (b.result != 0)
		result = b.result;
	if (result < 0)
		problem[0] = 0;
	free_builder(&b);
	return result;
}
