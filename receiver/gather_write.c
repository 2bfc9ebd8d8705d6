/* Of gather: which symbols a window has; what it does in its threads, which hash a window and write it; and the files that it writes to. */
#include <errno.h>
#include <fcntl.h>

#include "common/io.h"
#include "gatherparts.h"

enum {
	PAGE_BYTES = 4096, /* what O_DIRECT wants offsets, lengths and memory to be multiples of, or less */
	WORD_BITS = 64,
};

/* Of the word in which `at` lies: the bits from it on, `count` at most. */
static uint64_t mask_of(uint32_t at, uint32_t count)
{
	uint64_t bits = count < WORD_BITS ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
	return bits << (at % WORD_BITS);
}

/* To the beginning of the next word. */
static uint32_t part_of(uint32_t at, uint32_t count)
{
	const uint32_t room = WORD_BITS - at % WORD_BITS;
	return count < room ? count : room;
}

uint32_t gather_count_here(const struct window *w, uint32_t at, uint32_t count)
{
	uint32_t here = 0;
	for (uint32_t part; count > 0; at += part, count -= part) {
		part = part_of(at, count);
		here += (uint32_t)__builtin_popcountll(w->here[at / WORD_BITS] & mask_of(at, part));
	}
	return here;
}

void gather_set_here(struct window *w, uint32_t at, uint32_t count, bool is_here)
{
	for (uint32_t part; count > 0; at += part, count -= part) {
		part = part_of(at, count);
		if (is_here)
			w->here[at / WORD_BITS] |= mask_of(at, part);
		else
			w->here[at / WORD_BITS] &= ~mask_of(at, part);
	}
}

static bool has_symbol(const struct window *w, uint32_t at)
{
	return w->here[at / WORD_BITS] >> (at % WORD_BITS) & 1;
}

static int write_range(struct window *w, uint64_t begin, uint64_t end, bool is_direct)
{
	const struct target *t = w->target;
	int fd = is_direct ? t->direct_fd[w->is_repair] : t->fd[w->is_repair];
	int result = begin < end ? io_pwrite(fd, w->bytes + (begin - w->begin), (size_t)(end - begin), begin) : 0;
	if (result != -EINVAL || !is_direct)
		return result;
	w->is_refused = true;
	return write_range(w, begin, end, false);
}

/* Neighbouring symbols; what of them shares a page with others goes through the cache, which knows the others. */
static int write_run(struct window *w, uint64_t begin, uint64_t end, bool is_direct)
{
	uint64_t from = (begin + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES, to = end / PAGE_BYTES * PAGE_BYTES;
	if (!is_direct || from >= to)
		return write_range(w, begin, end, false);
	int result = write_range(w, begin, from, false);
	if (result == 0)
		result = write_range(w, from, to, true);
	return result != 0 ? result : write_range(w, to, end, false);
}

void gather_write(struct window *w, bool is_direct)
{
	w->result = 0;
	for (uint32_t at = 0; w->result == 0 && at < SYMBOLS;) {
		uint32_t end = at;
		while (end < SYMBOLS && has_symbol(w, end))
			end++;
		if (end > at)
			w->result = write_run(w, w->begin + (uint64_t)at * SYMBOL_BYTES,
					      w->begin + (uint64_t)end * SYMBOL_BYTES, is_direct && !w->is_refused);
		at = end + 1;
	}
}

void gather_run(void *context, void *job, unsigned int thread)
{
	const struct gather *gather = context;
	struct window *w = job;
	(void)thread;
	if (w->is_piece)
		bodytree_hash_piece(w->hash, w->bytes);
	gather_write(w, true);
	gather->listener.notify(gather->listener.notify_context);
}

void gather_close_target(struct target *t)
{
	for (int i = 0; i < 2; i++) {
		/* what these could tell of a failed write, partial_store and the delivery hear from fsync */
		(void)io_close(t->fd[i]);
		(void)io_close(t->direct_fd[i]);
	}
	t->partial = NULL;
}

int gather_open_target(struct target *t, struct partial *partial, void *owner)
{
	*t = (struct target){.partial = partial, .owner = owner, .fd = {-1, -1}, .direct_fd = {-1, -1}};
	int result = 0;
	for (int i = 0; i < 2 && result == 0; i++) {
		t->fd[i] = partial_open_file(partial, i == 1, 0);
		result = t->fd[i] < 0 ? t->fd[i] : 0;
		/* not every file system has it */
		t->direct_fd[i] = result == 0 ? partial_open_file(partial, i == 1, O_DIRECT) : -1;
	}
	if (result != 0)
		gather_close_target(t);
	return result;
}
