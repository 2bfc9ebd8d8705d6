/*
 * Control files: the member X.count holds the record count of the member X.  Members come in the order of
 * their names, so those that may come between X and X.count begin with X: what is awaited is a chain of
 * names, each the beginning of the next, and only the last one's control file can be the next to come.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "guard_inside.h"

static const char suffix[] = ".count";

/* Says that the control file of the last awaited member is not there. */
static int refuse_missing(struct guard *guard)
{
	const char *control = guard->awaited[guard->awaited_count - 1].control;
	snprintf(guard->name, sizeof(guard->name), "%.*s", (int)(strlen(control) - strlen(suffix)), control);
	guard->line = 0;
	return guard_refuse(guard, GUARD_CONTROL_MISSING, NO_COLUMN);
}

int guard_control_expect(struct guard *guard, const char *name)
{
	guard->is_control = false;
	guard->control_len = 0;
	if (guard->awaited_count == 0)
		return 0;
	int order = member_name_compare(name, guard->awaited[guard->awaited_count - 1].control);
	if (order > 0)
		return refuse_missing(guard);
	guard->is_control = order == 0;
	return 0;
}

int guard_control_add(struct guard *guard, const uint8_t *data, size_t len)
{
	guard->line = 1;
	if (len > sizeof(guard->control) - guard->control_len)
		return guard_refuse(guard, GUARD_CONTROL, NO_COLUMN);
	memcpy(guard->control + guard->control_len, data, len);
	guard->control_len += len;
	return 0;
}

int guard_control_end(struct guard *guard)
{
	struct awaited *awaited = &guard->awaited[guard->awaited_count - 1];
	char text[CONTROL_BYTES_MAX + 1];
	size_t len = guard->control_len;
	uint64_t records;
	memcpy(text, guard->control, len);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && len < guard->control_len && text[len - 1] == '\r')
		len--;
	text[len] = 0;
	guard->line = 1;
	if (strlen(text) != len || text_parse_u64(&records, text, UINT64_MAX) != 0 ||
	    records != awaited->records)
		return guard_refuse(guard, GUARD_CONTROL, NO_COLUMN);
	free(awaited->control);
	guard->awaited_count--;
	return 0;
}

int guard_control_await(struct guard *guard)
{
	size_t name_len = strlen(guard->name);
	if (guard->awaited_count == guard->awaited_size) {
		size_t size = guard->awaited_size == 0 ? 4 : guard->awaited_size * 2;
		struct awaited *grown = reallocarray(guard->awaited, size, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		guard->awaited = grown;
		guard->awaited_size = size;
	}
	struct awaited *awaited = &guard->awaited[guard->awaited_count];
	awaited->control = malloc(name_len + sizeof(suffix));
	if (awaited->control == NULL)
		return -ENOMEM;
	memcpy(awaited->control, guard->name, name_len);
	memcpy(awaited->control + name_len, suffix, sizeof(suffix));
	awaited->records = guard->records - guard->records_before;
	guard->awaited_count++;
	return 0;
}

int guard_control_finish(struct guard *guard)
{
	return guard->awaited_count > 0 ? refuse_missing(guard) : 0;
}
