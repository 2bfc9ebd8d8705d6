#include "linkstate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "verdict.h"

#define FIRST_LINE "weir-link 1"

enum { LINE_BYTES = LAYER_TEXT_BYTES + 16 };

static const char *const side_names[] = {[CONFIG_SENDER] = "sender", [CONFIG_RECEIVER] = "receiver"};
static const char *const source_names[FRAMES_SOURCES] = {"nic", "nft", "xdp"};
static const char *const state_names[] = {
	[LAYER_HOLDS] = "holds", [LAYER_MISSING] = "missing", [LAYER_ABSENT] = "absent"};
enum { STATES = LAYER_ABSENT + 1 };

/* ---- writing ---- */

struct writing {
	char *out;
	size_t size;
	size_t at;
};

__attribute__((format(printf, 2, 3))) static void put(struct writing *w, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(w->out + w->at, w->size - w->at, format, arguments);
	va_end(arguments);
	/* from here on nothing fits */
	w->at = n < 0 || (size_t)n >= w->size - w->at ? w->size : w->at + (size_t)n;
}

static void put_layer(struct writing *w, enum layer layer, const struct layer_finding *finding)
{
	put(w, "layer %s %s\n", layer_name(layer), state_names[finding->state]);
	if (finding->state == LAYER_MISSING)
		put(w, "found %s\nmend %s\n", finding->found, finding->mend);
}

long linkstate_encode(char *out, size_t size, const struct linkstate *state)
{
	struct writing w = {out, size, 0};
	put(&w, FIRST_LINE "\nside %s\ninterface %s\nat %" PRIu64 "\nloaded %" PRIu64 "\n", side_names[state->side],
	    state->interface, state->at_ms, state->loaded_ms);
	for (int i = 0; i < FRAMES_SOURCES; i++)
		if (state->frames.is_counted[i])
			put(&w, "frames %s %" PRIu64 "\n", source_names[i], state->frames.count[i]);
	for (int i = 0; i < LAYER_COUNT; i++)
		if (layer_is_of((enum layer)i, state->side))
			put_layer(&w, (enum layer)i, &state->layers[i]);
	put(&w, "end\n");
	return w.at < size ? (long)w.at : -ENOSPC;
}

/* ---- reading ---- */

struct reading {
	const uint8_t *text;
	size_t len;
	size_t at;
	char line[LINE_BYTES]; /* the one that comes next, without its line feed; "" behind the last */
	int verdict;           /* the first */
};

static bool is_clean(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return false;
	return text_is_utf8(line, len);
}

static void refuse(struct reading *r, int verdict)
{
	if (r->verdict == VERDICT_OK)
		r->verdict = verdict;
	r->line[0] = 0;
}

static void next_line(struct reading *r)
{
	const uint8_t *begin = r->text + r->at;
	const uint8_t *end = r->at < r->len ? memchr(begin, '\n', r->len - r->at) : NULL;
	if (end == NULL) {
		refuse(r, VERDICT_TRUNCATED);
		return;
	}
	size_t len = (size_t)(end - begin);
	if (len == 0 || len >= sizeof(r->line)) {
		refuse(r, VERDICT_BAD_PROTOCOL);
		return;
	}
	memcpy(r->line, begin, len);
	r->line[len] = 0;
	r->at += len + 1;
	if (!is_clean(r->line, len))
		refuse(r, VERDICT_BAD_PROTOCOL);
}

/* What stands behind this word and a blank in the line that comes next; NULL when that is another. */
static const char *behind(const struct reading *r, const char *word)
{
	size_t len = strlen(word);
	if (strncmp(r->line, word, len) != 0 || r->line[len] != ' ' || r->line[len + 1] == 0)
		return NULL;
	return r->line + len + 1;
}

/* The same of a line that must come, and be at most size - 1 bytes. */
static void take_text(struct reading *r, const char *word, char *out, size_t size)
{
	const char *value = behind(r, word);
	if (value == NULL || strlen(value) >= size) {
		refuse(r, VERDICT_BAD_PROTOCOL);
		return;
	}
	snprintf(out, size, "%s", value);
	next_line(r);
}

static uint64_t parse_number(struct reading *r, const char *value)
{
	uint64_t number = 0;
	if (text_parse_u64(&number, value, INT64_MAX) != 0)
		refuse(r, VERDICT_BAD_PROTOCOL);
	return number;
}

static int find_name(struct reading *r, const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	refuse(r, VERDICT_BAD_PROTOCOL);
	return 0;
}

static void take_head(struct reading *r, struct linkstate *state)
{
	char side[16], at[24] = "", loaded[24] = "";
	if (strcmp(r->line, FIRST_LINE) != 0)
		refuse(r, VERDICT_UNKNOWN_VERSION);
	else
		next_line(r);
	take_text(r, "side", side, sizeof(side));
	take_text(r, "interface", state->interface, sizeof(state->interface));
	take_text(r, "at", at, sizeof(at));
	take_text(r, "loaded", loaded, sizeof(loaded));
	if (r->verdict != VERDICT_OK)
		return;
	state->side = (enum config_side)find_name(r, side_names, 2, side);
	state->at_ms = parse_number(r, at);
	state->loaded_ms = parse_number(r, loaded);
}

static void take_frames(struct reading *r, struct frames *frames)
{
	for (int i = 0; i < FRAMES_SOURCES; i++) {
		char word[16];
		snprintf(word, sizeof(word), "frames %s", source_names[i]);
		const char *value = behind(r, word);
		if (value == NULL)
			continue;
		frames->is_counted[i] = true;
		frames->count[i] = parse_number(r, value);
		if (r->verdict == VERDICT_OK)
			next_line(r);
	}
}

static void take_layer(struct reading *r, enum layer layer, struct layer_finding *finding)
{
	char word[32], state[16];
	snprintf(word, sizeof(word), "layer %s", layer_name(layer));
	take_text(r, word, state, sizeof(state));
	if (r->verdict != VERDICT_OK)
		return;
	finding->state = (enum layer_state)find_name(r, state_names, STATES, state);
	if (finding->state != LAYER_MISSING)
		return;
	take_text(r, "found", finding->found, sizeof(finding->found));
	take_text(r, "mend", finding->mend, sizeof(finding->mend));
}

int linkstate_decode(struct linkstate *out, const uint8_t *text, size_t len)
{
	struct reading r = {.text = text, .len = len};
	struct linkstate state = {.at_ms = 0};
	if (len > LINKSTATE_BYTES_MAX)
		return VERDICT_BAD_PROTOCOL;
	next_line(&r);
	if (r.verdict == VERDICT_OK)
		take_head(&r, &state);
	if (r.verdict == VERDICT_OK)
		take_frames(&r, &state.frames);
	for (int i = 0; i < LAYER_COUNT && r.verdict == VERDICT_OK; i++)
		if (layer_is_of((enum layer)i, state.side))
			take_layer(&r, (enum layer)i, &state.layers[i]);
	if (r.verdict == VERDICT_OK && strcmp(r.line, "end") != 0)
		refuse(&r, VERDICT_BAD_PROTOCOL);
	if (r.verdict == VERDICT_OK && r.at != len)
		refuse(&r, VERDICT_TRAILING_BYTES);
	if (r.verdict == VERDICT_OK)
		*out = state;
	return r.verdict;
}

bool linkstate_is_fresh(const struct linkstate *state, uint64_t now_ms)
{
	return state->at_ms <= now_ms && now_ms - state->at_ms <= LINKSTATE_FRESH_MS;
}

int linkstate_first_missing(const struct linkstate *state, const struct config *config)
{
	for (int i = 0; i < LAYER_COUNT; i++)
		if (layer_is_of((enum layer)i, config->side) && state->layers[i].state != LAYER_HOLDS &&
		    !layer_is_absent((enum layer)i, config))
			return i;
	return -ENOENT;
}
