#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini.h"
#include "registryparts.h"
#include "text.h"
#include "verdict.h"

static const size_t kind_max[KEY_KIND_END] = {
	[KEY_PERSON] = PEOPLE_MAX,
	[KEY_SENDER] = SENDERS_MAX,
	[KEY_RECEIVER] = RECEIVERS_MAX,
	[KEY_RECIPIENT] = RECIPIENTS_MAX,
};

const char *builder_complain(struct builder *b, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(b->wrong, sizeof(b->wrong), format, arguments);
	va_end(arguments);
	return b->wrong;
}

/* A zeroed new item at the end, or NULL. */
static void *extend(struct builder *b, struct vector *v, size_t item_bytes)
{
	if (v->count == v->size) {
		size_t size = v->size == 0 ? 16 : 2 * v->size;
		void *items = reallocarray(v->items, size, item_bytes);
		if (items == NULL) {
			b->result = -ENOMEM;
			return NULL;
		}
		v->items = items;
		v->size = size;
	}
	void *item = (uint8_t *)v->items + v->count++ * item_bytes;
	memset(item, 0, item_bytes);
	return item;
}

static struct party_draft *last_party(struct builder *b)
{
	return (struct party_draft *)b->parties.items + b->parties.count - 1;
}

static struct route_draft *last_route(struct builder *b)
{
	return (struct route_draft *)b->routes.items + b->routes.count - 1;
}

static const char *take_name(struct builder *b, char out[static NAME_BYTES], const char *name)
{
	if (!name_is_valid(name))
		return builder_complain(b, "it is not a name: a-z, then up to 30 of a-z 0-9 -");
	memset(out, 0, NAME_BYTES);
	snprintf(out, NAME_BYTES, "%s", name);
	return NULL;
}

static const char *open_party(struct builder *b, enum key_kind kind, const char *name)
{
	struct card card = {.kind = kind};
	const char *wrong = take_name(b, card.name, name);
	if (wrong != NULL)
		return wrong;
	if (b->kind_count[kind]++ == kind_max[kind])
		return builder_complain(b, "there are more than %zu sections [%s …]",
					kind_max[kind], key_kind_name(kind));
	struct party_draft *draft = extend(b, &b->parties, sizeof(*draft));
	if (draft == NULL)
		return "no memory";
	draft->party.card = card;
	draft->line = b->line;
	b->section = SECTION_PARTY;
	return NULL;
}

static const char *open_route(struct builder *b, const char *name)
{
	char name32[NAME_BYTES];
	const char *wrong = take_name(b, name32, name);
	if (wrong != NULL)
		return wrong;
	if (b->routes.count == ROUTES_MAX)
		return builder_complain(b, "there are more than %d routes", ROUTES_MAX);
	struct route_draft *draft = extend(b, &b->routes, sizeof(*draft));
	if (draft == NULL)
		return "no memory";
	memcpy(draft->route.name, name32, NAME_BYTES);
	draft->line = b->line;
	b->section = SECTION_ROUTE;
	return NULL;
}

static const char *open_section(struct builder *b, const char *section)
{
	if (strcmp(section, "registry") == 0) {
		if (b->has_head)
			return "[registry] stands twice";
		b->has_head = true;
		b->head_line = b->line;
		b->section = SECTION_REGISTRY;
		return NULL;
	}
	const char *name = strchr(section, ' ');
	if (name != NULL) {
		char word[INI_NAME_BYTES + 1];
		snprintf(word, sizeof(word), "%.*s", (int)(name - section), section);
		enum key_kind kind = key_kind_from_name(word);
		if (strcmp(word, "route") == 0)
			return open_route(b, name + 1);
		if (kind >= KEY_PERSON && kind <= KEY_RECIPIENT)
			return open_party(b, kind, name + 1);
	}
	return builder_complain(b, "section '%s' is not known here", section);
}

static const char *take_time(struct builder *b, uint64_t *out, const char *value)
{
	if (text_parse_time(out, value) == 0 && *out != 0)
		return NULL;
	return builder_complain(b, "a time reads 2026-11-23 or 2026-11-23T08:00:00Z");
}

static const char *take_hex(struct builder *b, uint8_t out[static SUITE_KEY_BYTES],
			    const char *value)
{
	if (text_unhex(out, SUITE_KEY_BYTES, value) == 0)
		return NULL;
	return builder_complain(
		b, "a public key is 64 lower-case hex digits, as 'key show' prints them");
}

static const char *take_u64(struct builder *b, uint64_t *out, const char *value, uint64_t min,
			    uint64_t max)
{
	uint64_t number;
	if (text_parse_u64(&number, value, max) != 0 || number < min)
		return builder_complain(b, "it is not a number from %llu to %llu",
					(unsigned long long)min, (unsigned long long)max);
	*out = number;
	return NULL;
}

/* Names parted by blanks; a key given again adds to its list. */
static const char *take_list(struct builder *b, enum key_kind kind, const char *value)
{
	for (const char *p = value + strspn(value, " \t"); *p != 0;) {
		size_t len = strcspn(p, " \t");
		char name[NAME_BYTES];
		struct word *word = extend(b, &b->words, sizeof(*word));
		if (word == NULL)
			return "no memory";
		word->kind = kind;
		word->line = b->line;
		word->route = b->routes.count - 1;
		snprintf(name, sizeof(name), "%.*s", (int)(len < NAME_BYTES ? len : 0), p);
		const char *wrong = take_name(b, word->name, name);
		if (wrong != NULL)
			return wrong;
		size_t *count = kind == KEY_RECIPIENT ? &last_route(b)->route.recipient_count
						      : &last_route(b)->route.operator_count;
		size_t max = kind == KEY_RECIPIENT ? (size_t)STANZAS_MAX : (size_t)PEOPLE_MAX;
		if (++*count > max)
			return builder_complain(b, "the list is longer than %zu", max);
		p += len;
		p += strspn(p, " \t");
	}
	return NULL;
}

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

static const char *take_registry_expires(struct builder *b, const char *value)
{
	return take_time(b, &b->registry->expires, value);
}

static const char *take_public(struct builder *b, const char *value)
{
	return take_hex(b, last_party(b)->party.card.public_key, value);
}

static const char *take_psk(struct builder *b, const char *value)
{
	if (last_party(b)->party.card.kind != KEY_RECIPIENT)
		return "only a recipient has a pre-shared key";
	return take_hex(b, last_party(b)->party.psk_public, value);
}

static const char *take_party_expires(struct builder *b, const char *value)
{
	return take_time(b, &last_party(b)->party.expires, value);
}

static const char *take_party_suspended(struct builder *b, const char *value)
{
	return take_time(b, &last_party(b)->party.suspended, value);
}

static const char *take_id(struct builder *b, const char *value)
{
	uint64_t id = 0;
	const char *wrong = take_u64(b, &id, value, 1, UINT16_MAX);
	last_route(b)->route.id = (uint16_t)id;
	return wrong;
}

static const char *take_recipients(struct builder *b, const char *value)
{
	return take_list(b, KEY_RECIPIENT, value);
}

static const char *take_operators(struct builder *b, const char *value)
{
	return take_list(b, KEY_PERSON, value);
}

static const char *take_record_format(struct builder *b, const char *value)
{
	static const char *const words[] = {"opaque", "lines", "csv"};
	static const enum record_rule rules[] = {RECORDS_NOT_COUNTED, RECORDS_LINES, RECORDS_CSV};
	for (size_t i = 0; i < 3; i++)
		if (strcmp(value, words[i]) == 0) {
			last_route(b)->route.rule = rules[i];
			return NULL;
		}
	return "the format is csv, lines or opaque";
}

static const char *take_records(struct builder *b, const char *value)
{
	last_route(b)->route.records_required = strcmp(value, "required") == 0;
	if (last_route(b)->route.records_required || strcmp(value, "waived") == 0)
		return NULL;
	return "records is required or waived";
}

static const char *take_destroy(struct builder *b, const char *value)
{
	uint64_t days = 0;
	const char *wrong = take_u64(b, &days, value, 1, DESTROY_DAYS_MAX);
	last_route(b)->route.destroy_after_days = (uint32_t)days;
	return wrong;
}

static const char *take_priority(struct builder *b, const char *value)
{
	uint64_t priority = 0;
	const char *wrong = take_u64(b, &priority, value, 1, PRIORITY_MAX);
	last_route(b)->route.priority = (uint8_t)priority;
	return wrong;
}

static const char *take_route_expires(struct builder *b, const char *value)
{
	return take_time(b, &last_route(b)->route.expires, value);
}

static const char *take_route_suspended(struct builder *b, const char *value)
{
	return take_time(b, &last_route(b)->route.suspended, value);
}

/* REGISTRY.md 3, every key there is. */
static const struct field {
	enum section section;
	const char *key;
	const char *(*take)(struct builder *b, const char *value);
	unsigned int bit;
	bool is_list;
} fields[] = {
	{SECTION_REGISTRY, "format", take_format, SEEN_FORMAT, false},
	{SECTION_REGISTRY, "name", take_registry_name, SEEN_NAME, false},
	{SECTION_REGISTRY, "version", take_version, SEEN_VERSION, false},
	{SECTION_REGISTRY, "issued", take_issued, SEEN_ISSUED, false},
	{SECTION_REGISTRY, "expires", take_registry_expires, SEEN_EXPIRES, false},
	{SECTION_PARTY, "public", take_public, SEEN_PUBLIC, false},
	{SECTION_PARTY, "psk", take_psk, SEEN_PSK, false},
	{SECTION_PARTY, "expires", take_party_expires, SEEN_EXPIRES, false},
	{SECTION_PARTY, "suspended", take_party_suspended, SEEN_SUSPENDED, false},
	{SECTION_ROUTE, "id", take_id, SEEN_ID, false},
	{SECTION_ROUTE, "recipients", take_recipients, SEEN_RECIPIENTS, true},
	{SECTION_ROUTE, "operators", take_operators, SEEN_OPERATORS, true},
	{SECTION_ROUTE, "format", take_record_format, SEEN_RECORD_FORMAT, false},
	{SECTION_ROUTE, "records", take_records, SEEN_RECORDS, false},
	{SECTION_ROUTE, "destroy_after_days", take_destroy, SEEN_DESTROY, false},
	{SECTION_ROUTE, "priority", take_priority, SEEN_PRIORITY, false},
	{SECTION_ROUTE, "expires", take_route_expires, SEEN_EXPIRES, false},
	{SECTION_ROUTE, "suspended", take_route_suspended, SEEN_SUSPENDED, false},
};

static const char *take_line(void *context, const char *section, const char *key, const char *value,
			     int line)
{
	struct builder *b = context;
	b->line = line;
	if (key == NULL)
		return open_section(b, section);
	if (b->section == SECTION_NONE)
		return "it stands before the first section";
	unsigned int *seen = b->section == SECTION_REGISTRY ? &b->seen
			     : b->section == SECTION_PARTY  ? &last_party(b)->seen
							    : &last_route(b)->seen;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];
		if (f->section != b->section || strcmp(f->key, key) != 0)
			continue;
		if ((*seen & f->bit) != 0 && !f->is_list)
			return builder_complain(b, "'%s' stands twice in [%s]", key, section);
		*seen |= f->bit;
		return f->take(b, value);
	}
	return builder_complain(b, "key '%s' is not known in [%s]", key, section);
}

const char *builder_missing_key(enum section section, unsigned int needed, unsigned int seen)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].section == section && (needed & ~seen & fields[i].bit) != 0)
			return fields[i].key;
	return NULL;
}

int registry_parse_signed(struct registry *registry, const uint8_t *text, size_t len,
			  char problem[static PROBLEM_BYTES])
{
	struct builder b = {.registry = registry};
	int result = ini_read(text, len, VERDICT_BAD_REGISTRY, take_line, &b, problem);
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
	free(b.parties.items);
	free(b.routes.items);
	free(b.words.items);
	return result;
}
