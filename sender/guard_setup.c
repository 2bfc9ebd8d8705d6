#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/verdict.h"
#include "guard_inside.h"

static const char line_column[] = "line";

static bool has_column(const struct guard_options *options, const char *name)
{
	const struct policy *policy = options->policy;
	if (options->format == FORMAT_LINES)
		return strcmp(name, line_column) == 0;
	for (size_t i = 0; i < policy->column_count; i++)
		if (strcmp(policy->columns[i].name, name) == 0)
			return true;
	return policy->column_count == 0; /* the member's header says */
}

static int say(char problem[static GUARD_PROBLEM_BYTES], const char *what)
{
	snprintf(problem, GUARD_PROBLEM_BYTES, "%s", what);
	return VERDICT_BAD_POLICY;
}

static int check_widths(const struct policy *policy, char problem[static GUARD_PROBLEM_BYTES])
{
	uint64_t sum = 0;
	for (size_t i = 0; i < policy->column_count; i++) {
		if (policy->columns[i].width == 0)
			return say(problem, "format fixed: each column needs a width");
		sum += policy->columns[i].width;
	}
	if (policy->column_count == 0)
		return say(problem, "format fixed: the columns must be named");
	return sum <= GUARD_ROW_BYTES_MAX - 2 ? 0 : say(problem, "format fixed: a line would be too long");
}

/* What cannot be kept must not look as if it were. */
static int check_format(const struct guard_options *options, char problem[static GUARD_PROBLEM_BYTES])
{
	const struct policy *policy = options->policy;
	bool has_rules = policy->column_count > 0 || policy->pattern_count > 0 ||
			 policy->refuses_identity || policy->needs_control ||
			 policy->encoding != ENCODING_ANY;
	if (options->format == FORMAT_OPAQUE && has_rules)
		return say(problem, "format opaque is not looked into, so only caps and scan can hold");
	if (options->format == FORMAT_JSON && policy->encoding > ENCODING_UTF8)
		return say(problem, "format json is always UTF-8");
	if (options->format == FORMAT_LINES && policy->column_count > 0 &&
	    (policy->column_count > 1 || !has_column(options, policy->columns[0].name)))
		return say(problem, "format lines has one column, named line");
	if (policy->column_count > POLICY_COLUMNS_MAX || policy->pattern_count > POLICY_PATTERNS_MAX)
		return say(problem, "too many columns or patterns");
	for (size_t i = 0; i < policy->pattern_count; i++)
		if (strcmp(policy->patterns[i].column, "*") != 0 &&
		    !has_column(options, policy->patterns[i].column)) {
			snprintf(problem, GUARD_PROBLEM_BYTES, "deny %zu: there is no such column", i + 1);
			return VERDICT_BAD_POLICY;
		}
	return options->format == FORMAT_FIXED ? check_widths(policy, problem) : 0;
}

void guard_set_column(struct guard *guard, struct guard_column *column, const uint8_t *name, size_t len)
{
	const struct policy *policy = guard->policy;
	*column = (struct guard_column){.judges_identity = policy->refuses_identity};
	for (size_t i = 0; i < policy->pattern_count; i++) {
		const char *wanted = policy->patterns[i].column;
		if (strcmp(wanted, "*") == 0 ||
		    (strlen(wanted) == len && memcmp(wanted, name, len) == 0)) {
			column->patterns[i / 64] |= UINT64_C(1) << i % 64;
			column->has_patterns = true;
		}
	}
}

static void find_stretches(struct guard *guard)
{
	bool goes_on = false;
	guard->stretch_count = 0;
	for (size_t i = 0; i < guard->column_count; i++) {
		bool judges = guard->columns[i].judges_identity;
		if (judges && !goes_on)
			guard->stretches[guard->stretch_count++].first = (uint32_t)i;
		if (judges)
			guard->stretches[guard->stretch_count - 1].last = (uint32_t)i;
		goes_on = judges;
	}
}

void guard_find_judged(struct guard *guard)
{
	guard->judged_count = guard->busy_count = 0;
	for (size_t i = 0; i < guard->column_count; i++) {
		const struct guard_column *column = &guard->columns[i];
		bool is_busy = column->has_patterns || column->unique != NULL;
		if (is_busy)
			guard->busy[guard->busy_count++] = (uint32_t)i;
		if (is_busy || column->judges_identity)
			guard->judged[guard->judged_count++] = (uint32_t)i;
	}
	find_stretches(guard);
}

static int set_columns(struct guard *guard)
{
	const struct policy *policy = guard->policy;
	for (size_t i = 0; i < policy->column_count; i++) {
		const struct policy_column *from = &policy->columns[i];
		struct guard_column *column = &guard->columns[i];
		guard_set_column(guard, column, (const uint8_t *)from->name, strlen(from->name));
		column->name = from->name;
		column->width = from->width;
		column->judges_identity = policy->refuses_identity && !from->may_hold_identity;
		column->unique = from->is_unique ? unique_new() : NULL;
		if (from->is_unique && column->unique == NULL)
			return -ENOMEM;
	}
	guard->column_count = policy->column_count;
	if (guard->options.format == FORMAT_LINES && policy->column_count == 0) {
		guard_set_column(guard, &guard->columns[0], (const uint8_t *)line_column, strlen(line_column));
		guard->columns[0].name = line_column;
		guard->column_count = 1;
	}
	guard_find_judged(guard);
	return 0;
}

static size_t longest_row(const struct guard *guard)
{
	enum { LINE_END = 2 };
	if (guard->options.format == FORMAT_LINES)
		return GUARD_VALUE_BYTES_MAX + LINE_END;
	if (guard->options.format != FORMAT_FIXED)
		return GUARD_ROW_BYTES_MAX;
	size_t sum = LINE_END;
	for (size_t i = 0; i < guard->column_count; i++)
		sum += guard->columns[i].width;
	return sum;
}

static int set_patterns(struct guard *guard, char problem[static GUARD_PROBLEM_BYTES])
{
	const struct policy *policy = guard->policy;
	size_t bad, at;
	if (policy->pattern_count == 0)
		return 0;
	int result = patterns_new(&guard->patterns, policy->patterns, policy->pattern_count,
				  guard->encoding != ENCODING_ANY, &bad, &at);
	if (result == VERDICT_BAD_POLICY)
		snprintf(problem, GUARD_PROBLEM_BYTES, "deny %zu: the pattern does not compile, at its byte %zu",
			 bad + 1, at + 1);
	return result;
}

static int set_up(struct guard *guard, char problem[static GUARD_PROBLEM_BYTES])
{
	guard->columns = calloc(POLICY_COLUMNS_MAX, sizeof(*guard->columns));
	guard->judged = calloc(POLICY_COLUMNS_MAX, sizeof(*guard->judged));
	guard->busy = calloc(POLICY_COLUMNS_MAX, sizeof(*guard->busy));
	guard->stretches = calloc(POLICY_COLUMNS_MAX, sizeof(*guard->stretches));
	guard->spans = calloc(POLICY_COLUMNS_MAX + 1, sizeof(*guard->spans));
	guard->plain = malloc(PLAIN_BYTES_MAX);
	guard->encoding =
		guard->options.format == FORMAT_JSON ? ENCODING_UTF8 : guard->policy->encoding;
	bool converts = guard->encoding > ENCODING_UTF8;
	guard->text = converts ? malloc(TEXT_BYTES_MAX) : NULL;
	if (guard->columns == NULL || guard->judged == NULL || guard->busy == NULL || guard->stretches == NULL ||
	    guard->spans == NULL || guard->plain == NULL || (converts && guard->text == NULL))
		return -ENOMEM;
	if (converts && guard->options.encodings == NULL)
		return -ENOTSUP;
	int result = set_columns(guard);
	if (result == 0)
		result = set_patterns(guard, problem);
	guard->row_max = longest_row(guard);
	return result;
}

int guard_new(struct guard **out, const struct guard_options *options,
	      char problem[static GUARD_PROBLEM_BYTES])
{
	problem[0] = 0;
	int result = options->policy != NULL ? check_format(options, problem) : 0;
	if (result != 0)
		return result;
	struct guard *guard = calloc(1, sizeof(*guard));
	if (guard == NULL)
		return -ENOMEM;
	guard->options = *options;
	guard->policy = options->policy;
	if (guard->policy != NULL)
		result = set_up(guard, problem);
	if (result == 0)
		*out = guard;
	else
		guard_free(guard);
	return result;
}

/* No more than was used: wiping costs as much as the memory is large. */
static void wipe_and_free(uint8_t *data, size_t len)
{
	if (data != NULL)
		suite_wipe(data, len);
	free(data);
}

void guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	for (size_t i = 0; guard->columns != NULL && i < POLICY_COLUMNS_MAX; i++)
		unique_free(guard->columns[i].unique);
	while (guard->awaited_count > 0)
		free(guard->awaited[--guard->awaited_count].control);
	free(guard->awaited);
	patterns_free(guard->patterns);
	wipe_and_free(guard->row, guard->row_size);
	wipe_and_free(guard->plain, guard->plain_most);
	wipe_and_free(guard->text, guard->text_most);
	free(guard->columns);
	free(guard->judged);
	free(guard->busy);
	free(guard->stretches);
	free(guard->spans);
	free(guard);
}
