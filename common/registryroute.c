#include <stdio.h>
#include <string.h>

#include "openbundle.h"
#include "registryparts.h"

const char *open_route(struct builder *b, const char *name)
{
	char name32[NAME_BYTES];
	const char *wrong = take_name(b, name32, name);
	if (wrong != NULL)
		return wrong;
	if (strcmp(name32, OPEN_ROUTE) == 0)
		return "this name is reserved for registries that cross the link";
	if (b->routes.count == ROUTES_MAX)
		return builder_complain(b, "there are more than %d routes", ROUTES_MAX);
	struct route_draft *draft = builder_extend(b, &b->routes, sizeof(*draft));
	if (draft == NULL)
		return "no memory";
	memcpy(draft->route.name, name32, NAME_BYTES);
	draft->draft = (struct draft){.schema = &route_schema, .line = b->line};
	b->current = &draft->draft;
	b->piece = &draft->text;
	return NULL;
}

static struct route_draft *last_draft(const struct builder *b)
{
	return vector_last(&b->routes, sizeof(struct route_draft));
}

static struct route *last(const struct builder *b)
{
	return &last_draft(b)->route;
}

static const char *take_id(struct builder *b, const char *value)
{
	uint64_t id = 0;
	const char *wrong = take_u64(b, &id, value, 1, OPEN_ROUTE_ID - 1);
	last(b)->id = (uint16_t)id;
	return wrong;
}

static const char *take_list(struct builder *b, enum list list, size_t *count, size_t max,
			     const char *value)
{
	char name[NAME_BYTES + 1]; /* one byte more than a name has, so that a longer one is seen */
	for (const char *at = value; (at = next_word(name, sizeof(name), at)) != NULL;) {
		struct word *word = builder_extend(b, &b->words, sizeof(*word));
		if (word == NULL)
			return "no memory";
		word->list = list;
		word->line = b->line;
		word->route = b->routes.count - 1;
		const char *wrong = take_name(b, word->name, name);
		if (wrong != NULL)
			return wrong;
		if (++*count > max)
			return builder_complain(b, "the list is longer than %zu", max);
	}
	return NULL;
}

static const char *take_recipients(struct builder *b, const char *value)
{
	return take_list(b, LIST_RECIPIENTS, &last(b)->recipient_count, STANZAS_MAX, value);
}

static const char *take_operators(struct builder *b, const char *value)
{
	return take_list(b, LIST_OPERATORS, &last(b)->operator_count, PEOPLE_MAX, value);
}

static const char *take_officers(struct builder *b, const char *value)
{
	return take_list(b, LIST_OFFICERS, &last(b)->officer_count, OFFICERS_MAX, value);
}

static const char *take_quorum(struct builder *b, const char *value)
{
	uint64_t quorum = 0;
	const char *wrong = take_u64(b, &quorum, value, 0, QUORUM_MAX);
	last(b)->quorum = (uint32_t)quorum;
	last_draft(b)->quorum_line = b->line;
	return wrong;
}

static const char *take_pusher(struct builder *b, const char *value)
{
	return take_bool(b, &last(b)->pusher_may_approve, value, "yes", "no");
}

static const char *take_format(struct builder *b, const char *value)
{
	int format = record_format_from_name(value);
	if (format < 0)
		return "the format is csv, lines, json, fixed or opaque";
	last(b)->format = (enum record_format)format;
	last(b)->rule = format == FORMAT_CSV      ? RECORDS_CSV
			: format == FORMAT_OPAQUE ? RECORDS_NOT_COUNTED
						  : RECORDS_LINES;
	return NULL;
}

static const char *take_policy(struct builder *b, const char *value)
{
	last_draft(b)->policy_line = b->line;
	return take_name(b, last_draft(b)->policy, value);
}

static const char *take_records(struct builder *b, const char *value)
{
	return take_bool(b, &last(b)->records_required, value, "required", "waived");
}

static const char *take_destroy(struct builder *b, const char *value)
{
	uint64_t days = 0;
	const char *wrong = take_u64(b, &days, value, 1, DESTROY_DAYS_MAX);
	last(b)->destroy_after_days = (uint32_t)days;
	return wrong;
}

static const char *take_priority(struct builder *b, const char *value)
{
	uint64_t priority = 0;
	const char *wrong = take_u64(b, &priority, value, 1, PRIORITY_MAX);
	last(b)->priority = (uint8_t)priority;
	return wrong;
}

static const char *take_max_records(struct builder *b, const char *value)
{
	return take_u64(b, &last(b)->max_records, value, 1, INT64_MAX);
}

static const char *take_max_bytes(struct builder *b, const char *value)
{
	return take_size(b, &last(b)->max_bytes, value);
}

static const char *take_max_records_a_day(struct builder *b, const char *value)
{
	return take_u64(b, &last(b)->max_records_a_day, value, 1, INT64_MAX);
}

static const char *take_max_bytes_a_day(struct builder *b, const char *value)
{
	return take_size(b, &last(b)->max_bytes_a_day, value);
}

static const char *take_authority(struct builder *b, const char *value)
{
	return take_label(b, last(b)->authority, value);
}

static const char *take_approval(struct builder *b, const char *value)
{
	return take_label(b, last(b)->approval, value);
}

static const char *take_data_class(struct builder *b, const char *value)
{
	return take_label(b, last(b)->data_class, value);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* `none` is for a reader of the file: as if the key were not there. */
static const char *take_expect(struct builder *b, const char *value)
{
	static const char daily[] = "daily ";
	const char *p = value + sizeof(daily) - 1;
	if (strcmp(value, "none") == 0)
		return NULL;
	if (strncmp(value, daily, sizeof(daily) - 1) != 0 || strlen(p) != 5 || !is_digit(p[0]) ||
	    !is_digit(p[1]) || p[2] != ':' || !is_digit(p[3]) || !is_digit(p[4]) ||
	    strncmp(p, "24", 2) >= 0 || p[3] > '5')
		return "what is expected reads 'daily HH:MM', in UTC, or 'none'";
	return take_label(b, last(b)->expect, value);
}

static const char *take_needs(struct builder *b, const char *value)
{
	char name[NAME_BYTES + 1];
	struct route *route = last(b);
	for (const char *at = value; (at = next_word(name, sizeof(name), at)) != NULL;) {
		if (route->need_count == NEEDS_MAX)
			return builder_complain(b, "the list is longer than %d", NEEDS_MAX);
		const char *wrong = take_name(b, route->needs[route->need_count], name);
		if (wrong != NULL)
			return wrong;
		for (size_t i = 0; i < route->need_count; i++)
			if (strcmp(route->needs[i], name) == 0)
				return builder_complain(b, "'%s' stands twice in the list", name);
		route->need_count++;
	}
	return NULL;
}

static const char *take_expires(struct builder *b, const char *value)
{
	return take_time(b, &last(b)->expires, value);
}

static const char *take_suspended(struct builder *b, const char *value)
{
	return take_time(b, &last(b)->suspended, value);
}

const struct schema route_schema = {22, {
	{"id", take_id, FIELD_NEEDED, FIELD_ONCE},
	{"recipients", take_recipients, FIELD_NEEDED, FIELD_AGAIN},
	{"operators", take_operators, FIELD_OPTIONAL, FIELD_AGAIN},
	{"officers", take_officers, FIELD_OPTIONAL, FIELD_AGAIN},
	{"quorum", take_quorum, FIELD_OPTIONAL, FIELD_ONCE},
	{"pusher_may_approve", take_pusher, FIELD_OPTIONAL, FIELD_ONCE},
	{"format", take_format, FIELD_NEEDED, FIELD_ONCE},
	{"policy", take_policy, FIELD_OPTIONAL, FIELD_ONCE},
	{"records", take_records, FIELD_NEEDED, FIELD_ONCE},
	{"max_records", take_max_records, FIELD_OPTIONAL, FIELD_ONCE},
	{"max_bytes", take_max_bytes, FIELD_OPTIONAL, FIELD_ONCE},
	{"max_records_a_day", take_max_records_a_day, FIELD_OPTIONAL, FIELD_ONCE},
	{"max_bytes_a_day", take_max_bytes_a_day, FIELD_OPTIONAL, FIELD_ONCE},
	{"destroy_after_days", take_destroy, FIELD_NEEDED, FIELD_ONCE},
	{"priority", take_priority, FIELD_NEEDED, FIELD_ONCE},
	{"authority", take_authority, FIELD_OPTIONAL, FIELD_ONCE},
	{"approval", take_approval, FIELD_OPTIONAL, FIELD_ONCE},
	{"data_class", take_data_class, FIELD_OPTIONAL, FIELD_ONCE},
	{"expect", take_expect, FIELD_OPTIONAL, FIELD_ONCE},
	{"needs", take_needs, FIELD_OPTIONAL, FIELD_AGAIN},
	{"expires", take_expires, FIELD_OPTIONAL, FIELD_ONCE},
	{"suspended", take_suspended, FIELD_OPTIONAL, FIELD_ONCE},
}};

static const char *check_quorum(struct builder *b, const struct route_draft *draft)
{
	const struct route *route = &draft->route;
	if (route->officer_count > 0 && draft->quorum_line == 0)
		return builder_complain(b, "[route %s] names officers, but no 'quorum' of them",
					route->name);
	if (route->quorum <= route->officer_count)
		return NULL;
	b->line = draft->quorum_line;
	return builder_complain(b, "[route %s] has a quorum of %u, but %zu officers", route->name,
				route->quorum, route->officer_count);
}

/* The box pushes on it by itself, so nobody could be asked. */
static const char *check_ledger(struct builder *b, const struct route *route)
{
	bool is_ledgers = strcmp(route->name, LEDGER_ROUTE) == 0;
	if (!is_ledgers && route->operator_count == 0)
		return builder_complain(b, "[route %s] has no 'operators'", route->name);
	if (is_ledgers && route->quorum > 0)
		return builder_complain(b, "[route %s] is the sending box's own, and needs a 'quorum' of 0", route->name);
	if (is_ledgers && route->format != FORMAT_LINES)
		return builder_complain(b, "[route %s] is the sending box's own, and has 'format = lines'", route->name);
	return NULL;
}

static const char *check_route(struct builder *b, struct route_draft *draft)
{
	struct route *route = &draft->route;
	const char *missing = draft_missing_key(&draft->draft);
	b->line = draft->draft.line;
	if (missing != NULL)
		return builder_complain(b, "[route %s] has no '%s'", route->name, missing);
	if (route->expires == 0)
		route->expires = b->registry->expires;
	if (lives_too_long(b, route->expires))
		return builder_complain(b, "[route %s] expires more than five years after 'issued'",
					route->name);
	route->is_reviewed = route->need_count == 0;
	const char *wrong = check_ledger(b, route);
	return wrong != NULL ? wrong : check_quorum(b, draft);
}

const char *check_routes(struct builder *b)
{
	struct route_draft *drafts = b->routes.items;
	for (size_t i = 0; i < b->routes.count; i++) {
		const struct route *route = &drafts[i].route;
		const char *wrong = check_route(b, &drafts[i]);
		if (wrong != NULL)
			return wrong;
		for (size_t j = 0; j < i; j++) {
			const struct route *other = &drafts[j].route;
			if (other->id == route->id)
				return builder_complain(b, "[route %s] has the id of [route %s]",
							route->name, other->name);
			if (strcmp(other->name, route->name) == 0)
				return builder_complain(b, "[route %s] stands twice", route->name);
		}
	}
	return NULL;
}
