#include "gather.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gatherparts.h"

enum {
	THREADS = 2,      /* one hashes while another waits for the disk */
	PATIENCE_MS = 20, /* when all that can be under way is: then the disk has stalled */
};

bool gather_takes(const struct geometry *g, uint32_t row)
{
	return g->object_len >= GATHER_OBJECT_MIN && row < (uint32_t)g->source_rows + g->repair_rows;
}

void gather_mark(struct gather *gather, uint64_t mark)
{
	gather->mark = mark;
}

void gather_hurry(struct gather *gather, bool is_behind)
{
	gather->is_behind = is_behind;
}

uint64_t gather_oldest(struct gather *gather)
{
	if (gather->is_oldest_known)
		return gather->oldest;
	gather->oldest = GATHER_NOTHING;
	for (unsigned int i = 0; gather->busy > 0 && i < WINDOWS_MAX; i++)
		if (gather->window[i].state != WINDOW_FREE && gather->window[i].mark < gather->oldest)
			gather->oldest = gather->window[i].mark;
	gather->is_oldest_known = true;
	return gather->oldest;
}

/* ---- what has been written ---- */

static void close_window(struct gather *gather, struct window *w)
{
	w->state = WINDOW_FREE;
	gather->busy--;
	gather->is_oldest_known = false;
}

static void note_spans(struct gather *gather, const struct window *w)
{
	struct arrivals *arrivals = partial_arrivals(w->target->partial);
	for (unsigned int i = 0; i < w->span_count; i++)
		if (arrivals_note(arrivals, &w->span[i]))
			gather->decodable[gather->decodable_count++] =
				(struct decodable){w->target->owner, w->span[i].block};
}

/* Of a block that had become decodable meanwhile nothing was noted, and what is written of it will be written again. */
static bool is_noted(const struct window *w)
{
	for (unsigned int i = 0; i < w->span_count; i++)
		if (!arrivals_have(partial_arrivals(w->target->partial), &w->span[i]))
			return false;
	return true;
}

static void finish(struct gather *gather, struct window *w)
{
	const struct placement_listener *listener = &gather->listener.placement;
	struct target *t = w->target;
	t->is_refused[w->is_repair] |= w->is_refused;
	if (w->result != 0) {
		listener->failed(listener->context, t->owner, w->result);
	} else {
		partial_set_changed(t->partial);
		note_spans(gather, w);
		if (w->is_piece && is_noted(w))
			gather->listener.hashed(listener->context, t->owner, (w->begin - SEGMENT_BYTES) / GATHER_WINDOW_BYTES,
						w->hash);
	}
	close_window(gather, w);
}

/* A block is told of when nothing that would write to it is under way: from then on it is repaired. */
static void tell_decodable(struct gather *gather)
{
	const struct placement_listener *listener = &gather->listener.placement;
	struct window *w;
	while (gather->decodable_count > 0 && (w = work_take(gather->work)) != NULL)
		finish(gather, w);
	for (unsigned int i = 0; i < gather->decodable_count; i++)
		listener->decodable(listener->context, gather->decodable[i].owner, gather->decodable[i].block);
	gather->decodable_count = 0;
}

void gather_collect(struct gather *gather)
{
	struct window *w;
	while ((w = work_take_done(gather->work)) != NULL) {
		gather->is_stalled = false;
		finish(gather, w);
	}
	tell_decodable(gather);
}

static void land_all(struct gather *gather)
{
	struct window *w;
	while ((w = work_take(gather->work)) != NULL)
		finish(gather, w);
	tell_decodable(gather);
}

/* ---- handing over ---- */

/* What its block does not need any more is not written: somebody else may be at it. */
static void drop_late(struct window *w)
{
	unsigned int kept = 0;
	const struct arrivals *arrivals = partial_arrivals(w->target->partial);
	for (unsigned int i = 0; i < w->span_count; i++) {
		const struct span *span = &w->span[i];
		if (arrivals_use(arrivals, span) == SPAN_NEW) {
			w->span[kept++] = *span;
			continue;
		}
		bool is_repair;
		uint32_t at = (uint32_t)((partial_offset(w->target->partial, span, &is_repair) - w->begin) / SYMBOL_BYTES);
		gather_set_here(w, at, span->count, false);
		w->count -= span->count;
	}
	w->span_count = kept;
}

static bool is_piece(const struct window *w)
{
	return !w->is_repair && w->begin % GATHER_WINDOW_BYTES == SEGMENT_BYTES && w->count == SYMBOLS;
}

/* Whether one more can be under way: soon, since the processors may have other things to do, but not when the disk stalls. */
static bool has_flight(struct gather *gather)
{
	struct window *w = NULL;
	gather_collect(gather);
	if (work_count(gather->work) < GATHER_FLIGHT_MAX)
		return true;
	if (!gather->is_stalled)
		w = work_take_within(gather->work, PATIENCE_MS);
	gather->is_stalled = w == NULL;
	if (w != NULL) {
		finish(gather, w);
		tell_decodable(gather);
	}
	return w != NULL;
}

/* Past the cache while the disk keeps up, into it otherwise. */
static void hand_over(struct gather *gather, struct window *w)
{
	const struct target *t = w->target;
	bool is_direct = t->direct_fd[w->is_repair] >= 0 && !t->is_refused[w->is_repair] && has_flight(gather);
	drop_late(w);
	if (w->count == 0) {
		close_window(gather, w);
		return;
	}
	w->is_piece = is_direct && !gather->is_behind && is_piece(w);
	w->is_refused = false;
	w->state = WINDOW_FLYING;
	if (is_direct) {
		work_give(gather->work, w);
		return;
	}
	const struct placement_listener *listener = &gather->listener.placement;
	gather_write(w, false);
	if (w->result == 0 && !w->is_repair && listener->written != NULL)
		listener->written(listener->context, t->owner, w->begin, w->end);
	finish(gather, w);
	tell_decodable(gather);
}

static void hand_over_all(struct gather *gather, const struct target *target)
{
	for (unsigned int i = 0; i < WINDOWS_MAX; i++)
		if (gather->window[i].state == WINDOW_OPEN && (target == NULL || gather->window[i].target == target))
			hand_over(gather, &gather->window[i]);
}

void gather_settle(struct gather *gather)
{
	hand_over_all(gather, NULL);
	land_all(gather);
}

/* With what its windows hold nothing of it is missing. */
static bool is_whole(const struct gather *gather, const struct target *t)
{
	uint64_t held = 0;
	for (unsigned int i = 0; i < WINDOWS_MAX; i++)
		if (gather->window[i].state != WINDOW_FREE && gather->window[i].target == t)
			held += gather->window[i].count;
	return held >= arrivals_missing_symbols(partial_arrivals(t->partial));
}

void gather_turn(struct gather *gather, uint64_t now_ms)
{
	gather_collect(gather);
	gather->now_ms = now_ms;
	for (unsigned int i = 0; gather->busy > 0 && i < WINDOWS_MAX; i++) {
		struct window *w = &gather->window[i];
		if (w->state == WINDOW_OPEN && (now_ms - w->added_ms >= GATHER_HOLD_MS || is_whole(gather, w->target)))
			hand_over(gather, w);
	}
}

/* ---- targets ---- */

void gather_forget(struct gather *gather, const struct partial *partial)
{
	for (unsigned int i = 0; i < GATHER_TARGETS_MAX; i++) {
		struct target *t = &gather->target[i];
		if (t->partial != partial)
			continue;
		land_all(gather);
		for (unsigned int j = 0; j < WINDOWS_MAX; j++)
			if (gather->window[j].state == WINDOW_OPEN && gather->window[j].target == t)
				close_window(gather, &gather->window[j]);
		gather_close_target(t);
	}
}

/* NULL when its files cannot be opened; who was needed longest ago makes room. */
static struct target *target_of(struct gather *gather, struct partial *partial, void *owner)
{
	struct target *oldest = NULL;
	for (unsigned int i = 0; i < GATHER_TARGETS_MAX; i++) {
		struct target *t = &gather->target[i];
		if (t->partial == partial) {
			t->used = ++gather->counter;
			return t;
		}
		if (oldest == NULL || (oldest->partial != NULL && (t->partial == NULL || t->used < oldest->used)))
			oldest = t;
	}
	if (oldest->partial != NULL) {
		hand_over_all(gather, oldest);
		land_all(gather);
		gather_close_target(oldest);
	}
	int result = gather_open_target(oldest, partial, owner);
	oldest->used = ++gather->counter;
	if (result == 0)
		return oldest;
	const struct placement_listener *listener = &gather->listener.placement;
	listener->failed(listener->context, owner, result);
	return NULL;
}

/* ---- windows ---- */

/* The window of this byte: in the object, behind the release, the pieces of the tree. */
static uint64_t window_begin(bool is_repair, uint64_t offset)
{
	if (!is_repair && offset < SEGMENT_BYTES)
		return 0;
	uint64_t before = is_repair ? 0 : SEGMENT_BYTES;
	return before + (offset - before) / GATHER_WINDOW_BYTES * GATHER_WINDOW_BYTES;
}

static uint64_t window_end(const struct partial *partial, bool is_repair, uint64_t begin)
{
	uint64_t end = !is_repair && begin == 0 ? SEGMENT_BYTES : begin + GATHER_WINDOW_BYTES;
	uint64_t object_len = partial_geometry(partial)->object_len;
	return is_repair || end < object_len ? end : object_len;
}

/* The oldest open one of this target, or of all. */
static struct window *oldest_open(struct gather *gather, const struct target *target, unsigned int *count)
{
	struct window *oldest = NULL;
	*count = 0;
	for (unsigned int i = 0; i < WINDOWS_MAX; i++) {
		struct window *w = &gather->window[i];
		if (w->state != WINDOW_OPEN || (target != NULL && w->target != target))
			continue;
		++*count;
		if (oldest == NULL || w->opened < oldest->opened)
			oldest = w;
	}
	return oldest;
}

static bool is_window(const struct window *w, const struct target *t, bool is_repair, uint64_t begin)
{
	return w->state != WINDOW_FREE && w->target == t && w->is_repair == is_repair && w->begin == begin;
}

static struct window *find_window(struct gather *gather, const struct target *t, bool is_repair, uint64_t begin)
{
	if (gather->recent != NULL && is_window(gather->recent, t, is_repair, begin))
		return gather->recent;
	for (unsigned int i = 0; i < WINDOWS_MAX; i++)
		if (is_window(&gather->window[i], t, is_repair, begin))
			return gather->recent = &gather->window[i];
	return NULL;
}

/* Not more than two of a bundle are open, and not more in all than what the caller can keep. */
static void make_room(struct gather *gather, const struct target *t)
{
	unsigned int count;
	struct window *oldest = oldest_open(gather, t, &count);
	if (count >= OPEN_MAX)
		hand_over(gather, oldest);
	if (gather->busy < gather->budget)
		return;
	gather_collect(gather);
	while (gather->busy >= gather->budget && (oldest = oldest_open(gather, NULL, &count)) != NULL)
		hand_over(gather, oldest);
	if (gather->busy >= gather->budget)
		land_all(gather);
}

static struct window *open_window(struct gather *gather, struct target *t, bool is_repair, uint64_t begin)
{
	make_room(gather, t);
	struct window *w = gather->window;
	while (w->state != WINDOW_FREE)
		w++;
	assert(w < gather->window + WINDOWS_MAX);
	w->state = WINDOW_OPEN;
	w->target = t;
	w->is_repair = is_repair;
	w->begin = begin;
	w->end = window_end(t->partial, is_repair, begin);
	w->mark = gather->mark;
	w->opened = ++gather->counter;
	w->count = 0;
	w->span_count = 0;
	memset(w->here, 0, sizeof(w->here));
	gather->busy++;
	gather->is_oldest_known = false;
	return gather->recent = w;
}

static void add_span(struct window *w, const struct span *span)
{
	struct span *last = w->span_count > 0 ? &w->span[w->span_count - 1] : NULL;
	if (last != NULL && last->block == span->block && last->row == span->row && last->first + last->count == span->first)
		last->count = (uint16_t)(last->count + span->count);
	else
		w->span[w->span_count++] = *span;
}

/* A part of a span that lies in one window. */
static enum span_use put(struct gather *gather, struct target *t, bool is_repair, uint64_t offset,
			 const struct span *span, const uint8_t *payload)
{
	uint64_t begin = window_begin(is_repair, offset);
	uint32_t at = (uint32_t)((offset - begin) / SYMBOL_BYTES);
	struct window *w = find_window(gather, t, is_repair, begin);
	uint32_t here = w == NULL ? 0 : gather_count_here(w, at, span->count);
	if (w != NULL && here == span->count)
		return SPAN_DUPLICATE;
	/* what is being written stays as it is, and what is there is not mixed with another copy of it */
	if (w != NULL && (w->state == WINDOW_FLYING || here > 0 || w->span_count == SPANS_MAX)) {
		if (w->state == WINDOW_OPEN)
			hand_over(gather, w);
		land_all(gather);
		w = NULL;
	}
	enum span_use use = arrivals_use(partial_arrivals(t->partial), span);
	if (use != SPAN_NEW)
		return use;
	if (w == NULL)
		w = open_window(gather, t, is_repair, begin);
	memcpy(w->bytes + (size_t)at * SYMBOL_BYTES, payload, (size_t)span->count * SYMBOL_BYTES);
	gather_set_here(w, at, span->count, true);
	w->count += span->count;
	w->added_ms = gather->now_ms;
	add_span(w, span);
	if (w->count == (w->end - w->begin) / SYMBOL_BYTES)
		hand_over(gather, w);
	return SPAN_NEW;
}

enum span_use gather_add(struct gather *gather, void *owner, struct partial *partial, const struct span *span,
			 const uint8_t *payload)
{
	enum span_use use = arrivals_use(partial_arrivals(partial), span);
	struct target *t = use == SPAN_NEW ? target_of(gather, partial, owner) : NULL;
	if (t == NULL)
		return use;
	/* as a rule its source rows are all here, and once they are noted this is not needed */
	if (span->row >= partial_geometry(partial)->source_rows && t->repaired != span->block + 1U) {
		t->repaired = span->block + 1U;
		hand_over_all(gather, t);
		land_all(gather);
		use = arrivals_use(partial_arrivals(partial), span);
		if (use != SPAN_NEW)
			return use;
	}
	use = SPAN_DUPLICATE;
	struct span left = *span;
	while (left.count > 0) {
		bool is_repair;
		uint64_t offset = partial_offset(partial, &left, &is_repair);
		uint64_t room = (window_end(partial, is_repair, window_begin(is_repair, offset)) - offset) / SYMBOL_BYTES;
		struct span part = left;
		part.count = room < left.count ? (uint16_t)room : left.count;
		if (put(gather, t, is_repair, offset, &part, payload) == SPAN_NEW)
			use = SPAN_NEW;
		left.first = (uint16_t)(left.first + part.count);
		left.count = (uint16_t)(left.count - part.count);
		payload += (size_t)part.count * SYMBOL_BYTES;
	}
	return use;
}

/* ---- beginning, ending ---- */

int gather_new(struct gather **out, const struct gather_listener *listener, uint64_t budget_bytes)
{
	assert(budget_bytes >= GATHER_BUDGET_MIN);
	struct gather *gather = calloc(1, sizeof(*gather));
	if (gather == NULL)
		return -ENOMEM;
	const uint64_t budget = budget_bytes / GATHER_WINDOW_BYTES;
	gather->listener = *listener;
	gather->budget = budget < WINDOWS_MAX ? (unsigned int)budget : WINDOWS_MAX;
	for (unsigned int i = 0; i < GATHER_TARGETS_MAX; i++)
		gather->target[i] = (struct target){.fd = {-1, -1}, .direct_fd = {-1, -1}};
	/* pages of their own, as O_DIRECT wants it; what is not used takes no memory */
	void *memory = mmap(NULL, (size_t)WINDOWS_MAX * GATHER_WINDOW_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	gather->memory = memory == MAP_FAILED ? NULL : memory;
	if (gather->memory != NULL)
		gather->work = work_new(THREADS, GATHER_FLIGHT_MAX, gather_run, gather);
	if (gather->work == NULL) {
		gather_free(gather);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < WINDOWS_MAX; i++)
		gather->window[i].bytes = gather->memory + (size_t)i * GATHER_WINDOW_BYTES;
	*out = gather;
	return 0;
}

void gather_free(struct gather *gather)
{
	if (gather == NULL)
		return;
	work_free(gather->work);
	for (unsigned int i = 0; i < GATHER_TARGETS_MAX; i++)
		gather_close_target(&gather->target[i]);
	if (gather->memory != NULL)
		munmap(gather->memory, (size_t)WINDOWS_MAX * GATHER_WINDOW_BYTES);
	free(gather);
}
