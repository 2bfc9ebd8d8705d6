#include "sequences.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

enum {
	TEXT_BYTES = 256, /* of a file */
	FIELDS = 4,
	FILE_MODE = 0640,
};

static const uint8_t nobody[PUSH_ID_BYTES];

/* The text without its line feed; it is changed. */
static bool parse_fields(struct sequence *out, char *text)
{
	char *field[FIELDS];
	uint64_t id;
	for (size_t i = 0; i < FIELDS; i++) {
		if (text == NULL)
			return false;
		field[i] = text;
		text = strchr(text, ' ');
		if ((text == NULL) != (i == FIELDS - 1))
			return false;
		if (text != NULL)
			*text++ = 0;
	}
	if (text_parse_u64(&out->number, field[0], BUNDLE_NUMBER_END - 1) != 0 ||
	    text_unhex(out->push_id, sizeof(out->push_id), field[1]) != 0 ||
	    text_parse_u64(&id, field[2], UINT16_MAX) != 0 ||
	    text_parse_u64(&out->first, field[3], BUNDLE_NUMBER_END) != 0)
		return false;
	out->route_id = (uint16_t)id;
	return id != 0 && out->first != 0 && out->first <= out->number + 1;
}

static bool parse(struct sequence *out, char *text, size_t len)
{
	if (len == 0 || text[len - 1] != '\n' || memchr(text, 0, len) != NULL)
		return false;
	text[len - 1] = 0;
	return parse_fields(out, text);
}

static int add(struct sequences *s, const struct sequence *sequence)
{
	struct sequence *of = reallocarray(s->of, s->count + 1, sizeof(*of));
	if (of == NULL)
		return -ENOMEM;
	of[s->count++] = *sequence;
	s->of = of;
	return 0;
}

static int load_one(int dir_fd, const char *name, void *context)
{
	struct sequence sequence = {.route_id = 0};
	uint8_t *text = NULL;
	size_t len = strlen(name);
	/* a temporary name of io_write_file, or no route's */
	if (name[0] == '.' || len >= sizeof(sequence.route))
		return 0;
	memcpy(sequence.route, name, len);
	int result = io_read_file(dir_fd, name, TEXT_BYTES, &text, &len);
	if (result == -ENOMEM)
		return result;
	sequence.is_damaged = result != 0 || !parse(&sequence, (char *)text, len);
	free(text);
	return add(context, &sequence);
}

int sequences_load(struct sequences *out, int dir_fd, const struct epochs *epochs)
{
	struct sequences s = {.dir_fd = dir_fd, .epochs = epochs};
	int result = io_each_name(io_open_dir(dir_fd, "."), load_one, &s);
	if (result != 0) {
		sequences_free(&s);
		return result;
	}
	*out = s;
	return 0;
}

void sequences_free(struct sequences *sequences)
{
	free(sequences->of);
	sequences->of = NULL;
	sequences->count = 0;
}

static struct sequence *find(const struct sequences *s, const char *route)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->of[i].route, route) == 0)
			return &s->of[i];
	return NULL;
}

/* Its numbers are those of the epoch in use. */
static bool is_current(const struct sequences *s, const struct sequence *sequence)
{
	return !sequence->is_damaged && sequence->number > epochs_past(s->epochs, sequence->route);
}

uint64_t sequences_highest(const struct sequences *s, const char *route, uint16_t route_id)
{
	uint64_t highest = epochs_past(s->epochs, route);
	for (size_t i = 0; i < s->count; i++) {
		const struct sequence *one = &s->of[i];
		if (one->is_damaged || (one->route_id != route_id && strcmp(one->route, route) != 0))
			continue;
		uint64_t past = epochs_past(s->epochs, one->route);
		uint64_t most = one->number > past ? one->number : past;
		if (most > highest)
			highest = most;
	}
	return highest;
}

static int store(struct sequences *s, const struct sequence *sequence)
{
	char hex[2 * PUSH_ID_BYTES + 1], text[TEXT_BYTES];
	struct sequence *there = find(s, sequence->route);
	if (there == NULL) {
		/* room first: what is written must be in memory, too */
		int result = add(s, &(struct sequence){.first = 1});
		if (result != 0)
			return result;
		there = &s->of[s->count - 1];
		memcpy(there->route, sequence->route, sizeof(there->route));
		there->route_id = sequence->route_id;
	}
	int len = snprintf(text, sizeof(text), "%" PRIu64 " %s %u %" PRIu64 "\n", sequence->number,
			   text_hex(hex, sizeof(hex), sequence->push_id, PUSH_ID_BYTES),
			   sequence->route_id, sequence->first);
	int result = io_write_file(s->dir_fd, sequence->route, text, (size_t)len, FILE_MODE);
	if (result == 0)
		*there = *sequence;
	return result;
}

int sequences_take(struct sequences *s, const struct sequence_wish *wish, uint64_t *number)
{
	const struct sequence *last = find(s, wish->route);
	if (last != NULL && last->is_damaged)
		return VERDICT_DAMAGED;
	uint64_t highest = sequences_highest(s, wish->route, wish->route_id);
	bool is_row = last != NULL && last->route_id == wish->route_id && is_current(s, last);
	if (is_row && last->number == highest && last->number > wish->known &&
	    memcmp(last->push_id, wish->push_id, PUSH_ID_BYTES) == 0) {
		*number = last->number;
		return 0;
	}
	if (wish->known > highest)
		highest = wish->known;
	struct sequence next = {.route_id = wish->route_id, .number = highest + 1};
	if (next.number >= BUNDLE_NUMBER_END)
		return VERDICT_BAD_LIMIT;
	snprintf(next.route, sizeof(next.route), "%s", wish->route);
	memcpy(next.push_id, wish->push_id, PUSH_ID_BYTES);
	next.first = is_row && last->number + 1 == next.number ? last->first : next.number;
	int result = store(s, &next);
	if (result == 0)
		*number = next.number;
	return result;
}

static struct sequence *find_push(const struct sequences *s, const uint8_t push_id[static PUSH_ID_BYTES])
{
	if (memcmp(push_id, nobody, PUSH_ID_BYTES) == 0)
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		if (is_current(s, &s->of[i]) && memcmp(s->of[i].push_id, push_id, PUSH_ID_BYTES) == 0)
			return &s->of[i];
	return NULL;
}

bool sequences_has_newest(const struct sequences *s, const uint8_t push_id[static PUSH_ID_BYTES])
{
	return find_push(s, push_id) != NULL;
}

int sequences_give_back(struct sequences *s, const uint8_t push_id[static PUSH_ID_BYTES])
{
	const struct sequence *there = find_push(s, push_id);
	if (there == NULL)
		return 0;
	struct sequence back = *there;
	back.number--;
	memset(back.push_id, 0, sizeof(back.push_id));
	return store(s, &back);
}

const struct sequence *sequences_of_id(const struct sequences *s, uint16_t route_id)
{
	const struct sequence *newest = NULL;
	for (size_t i = 0; i < s->count; i++)
		if (is_current(s, &s->of[i]) && s->of[i].route_id == route_id &&
		    (newest == NULL || s->of[i].number > newest->number))
			newest = &s->of[i];
	return newest;
}
