#include "guard_inside.h"

int guard_fixed_row(struct guard *guard, const uint8_t *data, size_t len)
{
	size_t at = 0;
	for (size_t i = 0; i < guard->column_count && at <= len; i++) {
		guard->spans[i] = (struct span){.data = data + at, .len = guard->columns[i].width};
		at += guard->columns[i].width;
	}
	if (at != len)
		return guard_refuse(guard, GUARD_WIDTH, NO_COLUMN);
	guard->span_count = guard->column_count;
	return guard_judge_row(guard, data, len);
}

int guard_line_row(struct guard *guard, const uint8_t *data, size_t len)
{
	guard->spans[0] = (struct span){.data = data, .len = len};
	guard->span_count = 1;
	return guard_judge_row(guard, data, len);
}
