#include <stdlib.h>
#include <string.h>

#include "registryparts.h"

enum { COLUMN_BYTES = INI_LINE_BYTES + 1 };

const char *open_policy(struct builder *b, const char *name)
{
	char name32[NAME_BYTES];
	const char *wrong = take_name(b, name32, name);
	if (wrong != NULL)
		return wrong;
	if (b->policies.count == POLICIES_MAX)
		return builder_complain(b, "there are more than %d policies", POLICIES_MAX);
	struct policy_draft *draft = builder_extend(b, &b->policies, sizeof(*draft));
	if (draft == NULL)
		return "no memory";
	memcpy(draft->policy.name, name32, NAME_BYTES);
	draft->draft = (struct draft){.schema = &policy_schema, .line = b->line};
	draft->first_column = b->columns.count;
	draft->first_pattern = b->patterns.count;
	draft->first_width = b->widths.count;
	draft->first_mark = b->marks.count;
	b->current = &draft->draft;
	b->piece = &draft->text;
	return NULL;
}

static struct policy_draft *last_draft(const struct builder *b)
{
	return vector_last(&b->policies, sizeof(struct policy_draft));
}

static struct policy *last(const struct builder *b)
{
	return &last_draft(b)->policy;
}

static const char *take_version(struct builder *b, const char *value)
{
	return take_u64(b, &last(b)->version, value, 1, INT64_MAX);
}

static const char *take_encoding(struct builder *b, const char *value)
{
	int encoding = policy_encoding_from_name(value);
	if (encoding < 0)
		return "the encoding is any, utf-8, big5 or cns11643";
	last(b)->encoding = (enum policy_encoding)encoding;
	return NULL;
}

static struct policy_column *find_column(const struct builder *b, const struct policy_draft *draft,
					 const char *name)
{
	struct policy_column *columns = b->columns.items;
	for (size_t i = 0; i < draft->policy.column_count; i++)
		if (strcmp(columns[draft->first_column + i].name, name) == 0)
			return &columns[draft->first_column + i];
	return NULL;
}

static const char *take_columns(struct builder *b, const char *value)
{
	char name[COLUMN_BYTES];
	for (const char *at = value; (at = next_word(name, sizeof(name), at)) != NULL;) {
		if (strcmp(name, "*") == 0)
			return "no column is named '*', which stands for all of them";
		if (find_column(b, last_draft(b), name) != NULL)
			return "a column stands twice";
		if (last(b)->column_count == POLICY_COLUMNS_MAX)
			return builder_complain(b, "there are more than %d columns",
						POLICY_COLUMNS_MAX);
		struct policy_column *column = builder_extend(b, &b->columns, sizeof(*column));
		if (column == NULL)
			return "no memory";
		column->name = builder_store(b, name, strlen(name));
		last(b)->column_count++;
	}
	return NULL;
}

static const char *take_widths(struct builder *b, const char *value)
{
	char word[COLUMN_BYTES];
	last_draft(b)->widths_line = b->line;
	for (const char *at = value; (at = next_word(word, sizeof(word), at)) != NULL;) {
		uint64_t width = 0;
		const char *wrong = take_u64(b, &width, word, 1, WIDTH_MAX);
		if (wrong != NULL)
			return wrong;
		if (last_draft(b)->width_count == POLICY_COLUMNS_MAX)
			return builder_complain(b, "there are more than %d widths",
						POLICY_COLUMNS_MAX);
		uint32_t *item = builder_extend(b, &b->widths, sizeof(*item));
		if (item == NULL)
			return "no memory";
		*item = (uint32_t)width;
		last_draft(b)->width_count++;
	}
	return NULL;
}

/* The columns of the section may come behind what names them. */
static const char *add_mark(struct builder *b, enum mark_kind kind, const char *column)
{
	struct mark *mark = builder_extend(b, &b->marks, sizeof(*mark));
	if (mark == NULL)
		return "no memory";
	*mark = (struct mark){.column = column, .line = b->line, .kind = kind};
	last_draft(b)->mark_count++;
	return NULL;
}

static const char *take_marks(struct builder *b, enum mark_kind kind, const char *value)
{
	char name[COLUMN_BYTES];
	const char *wrong = NULL;
	for (const char *at = value; wrong == NULL && (at = next_word(name, sizeof(name), at)) != NULL;)
		wrong = add_mark(b, kind, builder_store(b, name, strlen(name)));
	return wrong;
}

static const char *take_unique(struct builder *b, const char *value)
{
	return take_marks(b, MARK_UNIQUE, value);
}

static const char *take_identity(struct builder *b, const char *value)
{
	return take_marks(b, MARK_IDENTITY, value);
}

static const char *take_refuse_identity(struct builder *b, const char *value)
{
	return take_bool(b, &last(b)->refuses_identity, value, "yes", "no");
}

static const char *take_deny(struct builder *b, const char *value)
{
	char name[COLUMN_BYTES];
	const char *pattern = next_word(name, sizeof(name), value);
	if (pattern == NULL || pattern[strspn(pattern, " \t")] == 0)
		return "what is denied reads 'COLUMN PATTERN', with '*' for all columns";
	if (last(b)->pattern_count == POLICY_PATTERNS_MAX)
		return builder_complain(b, "there are more than %d patterns", POLICY_PATTERNS_MAX);
	struct policy_pattern *item = builder_extend(b, &b->patterns, sizeof(*item));
	if (item == NULL)
		return "no memory";
	pattern += strspn(pattern, " \t");
	item->column = builder_store(b, name, strlen(name));
	item->pattern = builder_store(b, pattern, strlen(pattern));
	last(b)->pattern_count++;
	return add_mark(b, MARK_DENY, item->column);
}

static const char *take_control(struct builder *b, const char *value)
{
	return take_bool(b, &last(b)->needs_control, value, "required", "none");
}

static const char *take_scan(struct builder *b, const char *value)
{
	return take_bool(b, &last(b)->needs_scan, value, "required", "none");
}

const struct schema policy_schema = {10, {
	{"version", take_version, FIELD_NEEDED, FIELD_ONCE},
	{"encoding", take_encoding, FIELD_OPTIONAL, FIELD_ONCE},
	{"columns", take_columns, FIELD_OPTIONAL, FIELD_AGAIN},
	{"widths", take_widths, FIELD_OPTIONAL, FIELD_AGAIN},
	{"unique", take_unique, FIELD_OPTIONAL, FIELD_AGAIN},
	{"identity", take_identity, FIELD_OPTIONAL, FIELD_AGAIN},
	{"refuse_identity", take_refuse_identity, FIELD_OPTIONAL, FIELD_ONCE},
	{"deny", take_deny, FIELD_OPTIONAL, FIELD_AGAIN},
	{"control", take_control, FIELD_OPTIONAL, FIELD_ONCE},
	{"scan", take_scan, FIELD_OPTIONAL, FIELD_ONCE},
}};

static const char *settle_marks(struct builder *b, const struct policy_draft *draft)
{
	const struct mark *marks = b->marks.items;
	for (size_t i = 0; i < draft->mark_count; i++) {
		const struct mark *mark = &marks[draft->first_mark + i];
		if (mark->kind == MARK_DENY && strcmp(mark->column, "*") == 0)
			continue;
		struct policy_column *column = find_column(b, draft, mark->column);
		bool *flag = column == NULL              ? NULL
			     : mark->kind == MARK_UNIQUE ? &column->is_unique
							 : &column->may_hold_identity;
		b->line = mark->line;
		if (flag == NULL)
			return builder_complain(b, "[policy %s] has no column of this name",
						draft->policy.name);
		if (mark->kind == MARK_DENY)
			continue;
		if (*flag)
			return "a column stands twice in the list";
		*flag = true;
	}
	return NULL;
}

static const char *settle_widths(struct builder *b, const struct policy_draft *draft)
{
	struct policy_column *columns = b->columns.items;
	const uint32_t *widths = b->widths.items;
	if (draft->width_count == 0)
		return NULL;
	b->line = draft->widths_line;
	if (draft->width_count != draft->policy.column_count)
		return builder_complain(b, "[policy %s] has %zu widths for %zu columns",
					draft->policy.name, draft->width_count,
					draft->policy.column_count);
	for (size_t i = 0; i < draft->width_count; i++)
		columns[draft->first_column + i].width = widths[draft->first_width + i];
	return NULL;
}

static const char *check_policy(struct builder *b, const struct policy_draft *draft)
{
	const char *missing = draft_missing_key(&draft->draft);
	b->line = draft->draft.line;
	if (missing != NULL)
		return builder_complain(b, "[policy %s] has no '%s'", draft->policy.name, missing);
	const char *wrong = settle_marks(b, draft);
	return wrong != NULL ? wrong : settle_widths(b, draft);
}

const char *check_policies(struct builder *b)
{
	struct policy_draft *drafts = b->policies.items;
	for (size_t i = 0; i < b->policies.count; i++) {
		const char *wrong = check_policy(b, &drafts[i]);
		if (wrong != NULL)
			return wrong;
	}
	if (b->policies.count > 0)
		qsort(drafts, b->policies.count, sizeof(*drafts), policy_compare);
	for (size_t i = 1; i < b->policies.count; i++) {
		if (policy_compare(&drafts[i - 1], &drafts[i]) != 0)
			continue;
		int x = drafts[i - 1].draft.line, y = drafts[i].draft.line;
		b->line = x > y ? x : y;
		return builder_complain(b, "[policy %s] stands twice", drafts[i].policy.name);
	}
	return NULL;
}
