#include "spool_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/verdict.h"

/* Of a released bundle under this name or id. */
static uint64_t highest_number(const struct spool *spool, const char *route, uint16_t route_id)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < spool->count; i++) {
		const struct spool_item *item = spool->items[i];
		const struct release *release = &item->release;
		if (item->state != SPOOL_HELD && release->number > highest &&
		    (release->route_id == route_id || strcmp(release->statement.route, route) == 0))
			highest = release->number;
	}
	return highest;
}

static bool is_held(const struct spool *spool, const uint8_t push_id[static PUSH_ID_BYTES])
{
	for (size_t i = 0; i < spool->count; i++)
		if (spool->items[i]->state == SPOOL_HELD &&
		    memcmp(spool->items[i]->release.statement.push_id, push_id, PUSH_ID_BYTES) == 0)
			return true;
	return false;
}

/*
 * One that got the newest number and could not be released gives it to whoever goes first: a number that nobody
 * has would be looked for at the other end.
 */
static int free_number(struct spool *spool, const struct spool_item *item, uint16_t route_id)
{
	const struct statement *statement = &item->release.statement;
	int result = 0;
	for (size_t i = 0; result == 0 && i < spool->sequences.count; i++) {
		const struct sequence *one = &spool->sequences.of[i];
		uint8_t push_id[PUSH_ID_BYTES];
		memcpy(push_id, one->push_id, sizeof(push_id));
		if ((one->route_id == route_id || strcmp(one->route, statement->route) == 0) &&
		    memcmp(push_id, statement->push_id, sizeof(push_id)) != 0 && is_held(spool, push_id))
			result = sequences_give_back(&spool->sequences, push_id);
	}
	return result;
}

int spool_take_number(struct spool *spool, const struct spool_item *item, uint16_t route_id, uint64_t *number)
{
	const struct statement *statement = &item->release.statement;
	const struct sequence_wish wish = {
		.route = statement->route,
		.route_id = route_id,
		.push_id = statement->push_id,
		.known = highest_number(spool, statement->route, route_id),
	};
	int result = free_number(spool, item, route_id);
	return result != 0 ? result : sequences_take(&spool->sequences, &wish, number);
}

void spool_head(const struct spool *spool, const char *route, uint16_t route_id, uint64_t *first,
		uint64_t *newest)
{
	const struct sequence *sequence = sequences_of_id(&spool->sequences, route_id);
	if (sequence != NULL) {
		*first = sequence->first;
		*newest = sequence->number - (is_held(spool, sequence->push_id) ? 1 : 0);
		return;
	}
	uint64_t highest = sequences_highest(&spool->sequences, route, route_id);
	uint64_t known = highest_number(spool, route, route_id);
	*newest = known > highest ? known : highest;
	*first = *newest + 1;
}

/* Of a route: the highest of what it had here and what is wanted. */
static int note_past(struct past *pasts, size_t *count, const char *route, uint64_t number)
{
	size_t i = 0;
	while (i < *count && strcmp(pasts[i].route, route) != 0)
		i++;
	if (i == EPOCH_PASTS_MAX)
		return VERDICT_BAD_LIMIT;
	if (i == *count) {
		memcpy(pasts[i].route, route, NAME_BYTES);
		pasts[i].number = 0;
		(*count)++;
	}
	if (number > pasts[i].number)
		pasts[i].number = number;
	return 0;
}

static int collect_pasts(const struct spool *spool, struct past *pasts, size_t *count)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < spool->epochs.past_count; i++)
		result = note_past(pasts, count, spool->epochs.past[i].route, spool->epochs.past[i].number);
	for (size_t i = 0; result == 0 && i < spool->sequences.count; i++) {
		const struct sequence *one = &spool->sequences.of[i];
		if (!one->is_damaged)
			result = note_past(pasts, count, one->route,
					   one->number - (is_held(spool, one->push_id) ? 1 : 0));
	}
	for (size_t i = 0; result == 0 && i < spool->count; i++) {
		const struct release *release = &spool->items[i]->release;
		if (spool->items[i]->state != SPOOL_HELD)
			result = note_past(pasts, count, release->statement.route, release->number);
	}
	return result;
}

int spool_begin_epoch(struct spool *spool, uint64_t before, const struct past *past, size_t past_count)
{
	struct past *pasts = calloc(EPOCH_PASTS_MAX, sizeof(*pasts));
	size_t count = 0;
	if (pasts == NULL)
		return -ENOMEM;
	int result = collect_pasts(spool, pasts, &count);
	for (size_t i = 0; result == 0 && i < past_count; i++)
		result = note_past(pasts, &count, past[i].route, past[i].number);
	if (result != 0) {
		free(pasts);
		return result;
	}
	return epochs_begin(&spool->epochs, spool->dir_fd, before, pasts, count);
}
