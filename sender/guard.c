#include "guard.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/verdict.h"
#include "guard_inside.h"

enum { FILE_SHOWN_BYTES = 256 };

const char *guard_rule_name(enum guard_rule rule)
{
	static const char *const names[GUARD_RULE_END] = {
		[GUARD_NOTHING] = "nothing",
		[GUARD_BYTES_CAP] = "bytes-cap",
		[GUARD_RECORDS_CAP] = "records-cap",
		[GUARD_BOM] = "bom",
		[GUARD_ENCODING] = "encoding",
		[GUARD_HEADER] = "header",
		[GUARD_COLUMNS] = "columns",
		[GUARD_QUOTING] = "quoting",
		[GUARD_JSON] = "json",
		[GUARD_NESTED] = "nested",
		[GUARD_WIDTH] = "width",
		[GUARD_VALUE_TOO_LONG] = "value-too-long",
		[GUARD_IDENTITY] = "identity",
		[GUARD_DENY] = "deny",
		[GUARD_DENY_LIMIT] = "deny-limit",
		[GUARD_UNIQUE] = "unique",
		[GUARD_UNIQUE_LIMIT] = "unique-limit",
		[GUARD_CONTROL] = "control",
		[GUARD_CONTROL_MISSING] = "control-missing",
	};
	assert(rule < GUARD_RULE_END);
	return names[rule];
}

static int refuse_at(struct guard *guard, enum guard_rule rule, uint64_t line, int column)
{
	guard->finding = (struct guard_finding){
		.rule = rule,
		.file = guard->name,
		.line = line,
		.column = column == NO_COLUMN ? 0 : (uint32_t)column + 1,
	};
	/* only what the policy says; a header may be a record */
	if (column != NO_COLUMN && (size_t)column < guard->column_count)
		guard->finding.column_name = guard->columns[column].name;
	return VERDICT_AGAINST_POLICY;
}

int guard_settle_unique(struct guard *guard)
{
	size_t count = guard->pending_count;
	guard->pending_count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct pending *pending = &guard->pending[i];
		bool is_new;
		int result = unique_add(pending->unique, pending->hash, &is_new);
		if (result != 0)
			return result;
		if (!is_new)
			return refuse_at(guard, GUARD_UNIQUE, pending->line, pending->column);
	}
	return 0;
}

int guard_refuse(struct guard *guard, enum guard_rule rule, int column)
{
	int result = guard_settle_unique(guard);
	return result != 0 ? result : refuse_at(guard, rule, guard->line, column);
}

const struct guard_finding *guard_finding(const struct guard *guard)
{
	return &guard->finding;
}

char *guard_describe(char out[static GUARD_DESCRIPTION_BYTES], const struct guard_finding *finding)
{
	const char *file = finding->file != NULL ? finding->file : "";
	size_t len = strlen(file), used = 0;
	const size_t size = GUARD_DESCRIPTION_BYTES;
	if (len > FILE_SHOWN_BYTES)
		used += (size_t)snprintf(out, size, "...%s", file + len - FILE_SHOWN_BYTES);
	else
		used += (size_t)snprintf(out, size, "%s", file);
	if (finding->line > 0)
		used += (size_t)snprintf(out + used, size - used, ":%llu",
					 (unsigned long long)finding->line);
	if (finding->column_name != NULL)
		used += (size_t)snprintf(out + used, size - used, ": column %.96s", finding->column_name);
	else if (finding->column > 0)
		used += (size_t)snprintf(out + used, size - used, ": column %u", finding->column);
	used += (size_t)snprintf(out + used, size - used, ": rule %s", guard_rule_name(finding->rule));
	if (finding->pattern > 0)
		snprintf(out + used, size - used, " %u", finding->pattern);
	return out;
}

/* Whether members are looked into, and not only measured. */
static bool has_rows(const struct guard *guard)
{
	return guard->policy != NULL && guard->options.format != FORMAT_OPAQUE;
}

bool guard_looks(const struct guard *guard)
{
	return guard->policy != NULL || guard->options.max_records != 0 || guard->options.max_bytes != 0;
}

/* What a route without a policy says of its format is how its records are counted. */
static enum record_rule counting_rule(const struct guard *guard)
{
	switch (guard->options.format) {
	case FORMAT_OPAQUE:
		return RECORDS_NOT_COUNTED;
	case FORMAT_CSV:
		return RECORDS_CSV;
	default:
		return RECORDS_LINES;
	}
}

int guard_member_begin(struct guard *guard, const char *name)
{
	if (guard->result != 0)
		return guard->result;
	assert(!guard->in_member && member_name_is_valid(name, strlen(name)));
	guard->in_member = true;
	guard->columns_found = 0;
	guard->records_before = guard->records;
	guard->result = guard_control_expect(guard, name);
	if (guard->result != 0)
		return guard->result;
	memcpy(guard->name, name, strlen(name) + 1);
	guard->line = 0;
	records_start(&guard->counter, counting_rule(guard));
	if (has_rows(guard))
		guard_rows_begin(guard);
	return 0;
}

static int count_only(struct guard *guard, const uint8_t *data, size_t len)
{
	records_add(&guard->counter, data, len);
	guard->records = guard->records_before + records_count(&guard->counter);
	if (guard->options.max_records != 0 && guard->records > guard->options.max_records)
		return guard_refuse(guard, GUARD_RECORDS_CAP, NO_COLUMN);
	return 0;
}

static int look_into(struct guard *guard, const uint8_t *data, size_t len)
{
	if (guard->is_control)
		return guard_control_add(guard, data, len);
	return has_rows(guard) ? guard_rows_add(guard, data, len) : count_only(guard, data, len);
}

int guard_add(struct guard *guard, const void *data, size_t len)
{
	if (guard->result != 0)
		return guard->result;
	assert(guard->in_member);
	/* what is below the cap is judged first, wherever the pieces end */
	uint64_t room = guard->options.max_bytes == 0 ? UINT64_MAX
						      : guard->options.max_bytes - guard->bytes;
	size_t take = len <= room ? len : (size_t)room;
	guard->bytes += take;
	if (take > 0)
		guard->result = look_into(guard, data, take);
	if (guard->result == 0 && take < len)
		guard->result = guard_refuse(guard, GUARD_BYTES_CAP, NO_COLUMN);
	return guard->result;
}

int guard_member_end(struct guard *guard)
{
	if (guard->result != 0)
		return guard->result;
	assert(guard->in_member);
	guard->in_member = false;
	if (guard->is_control)
		return guard->result = guard_control_end(guard);
	if (has_rows(guard))
		guard->result = guard_rows_end(guard);
	if (guard->result == 0)
		guard->result = guard_settle_unique(guard);
	if (guard->result == 0 && has_rows(guard) && guard->policy->needs_control)
		guard->result = guard_control_await(guard);
	/* where the policy says nothing, the columns are not known: keys of JSON may change */
	if (has_rows(guard) && guard->options.format != FORMAT_CSV)
		guard->columns_found = (uint32_t)guard->column_count;
	return guard->result;
}

int guard_finish(struct guard *guard)
{
	if (guard->result != 0)
		return guard->result;
	assert(!guard->in_member);
	return guard->result = guard_control_finish(guard);
}

bool guard_is_control(const struct guard *guard)
{
	return guard->is_control;
}

uint32_t guard_columns(const struct guard *guard)
{
	return guard->columns_found;
}

uint64_t guard_records(const struct guard *guard)
{
	return guard->records;
}
