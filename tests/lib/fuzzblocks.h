/*
 * fuzzblocks: large blocks of memory are kept for the next run of a fuzz target.  The address sanitizer maps each anew
 * and marks all of its shadow, twice: that was most of what a run cost.  A block that is kept is poisoned, so that who
 * uses it after it was freed is seen, as is who frees it again; who forgets to free one is seen by fuzz_blocks_check.
 * Only for clang's sanitizer under libFuzzer; elsewhere there is nothing here.
 */
#ifndef WEIR_TEST_FUZZBLOCKS_H
#define WEIR_TEST_FUZZBLOCKS_H

#include "tests/lib/fuzzing.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_BLOCKS_ARE_KEPT
#endif
#endif

#ifdef FUZZ_BLOCKS_ARE_KEPT
#include <errno.h>
#include <sanitizer/asan_interface.h>

/* One that is smaller costs no more than what it has in it. */
enum { FUZZ_LARGE_BYTES = 65536, FUZZ_BLOCKS_MAX = 64, FUZZ_FILLED_BYTES = 4096 };

/* Those in use come first, then those that are kept. */
static struct fuzz_block {
	void *at;
	size_t size;
} fuzz_blocks[FUZZ_BLOCKS_MAX];
static size_t fuzz_blocks_used, fuzz_blocks_all;

void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t count, size_t size);
void *__interceptor_realloc(void *at, size_t size);
void __interceptor_free(void *at);

FUZZ_UNCOUNTED static inline void fuzz_blocks_swap(size_t a, size_t b)
{
	struct fuzz_block block = fuzz_blocks[a];
	fuzz_blocks[a] = fuzz_blocks[b];
	fuzz_blocks[b] = block;
}

/* Whatever sizes there are, there is room for another: the one that is kept last in the list goes. */
FUZZ_UNCOUNTED static inline void fuzz_blocks_make_room(void)
{
	if (fuzz_blocks_all < FUZZ_BLOCKS_MAX || fuzz_blocks_used == FUZZ_BLOCKS_MAX)
		return;
	struct fuzz_block *last = &fuzz_blocks[--fuzz_blocks_all];
	ASAN_UNPOISON_MEMORY_REGION(last->at, last->size);
	__interceptor_free(last->at);
}

/* A kept one of this size, or a new one; NULL: an ordinary one will do. */
FUZZ_UNCOUNTED static inline void *fuzz_blocks_take(size_t size)
{
	size_t i = fuzz_blocks_used;
	while (i < fuzz_blocks_all && fuzz_blocks[i].size != size)
		i++;
	if (i == fuzz_blocks_all) {
		fuzz_blocks_make_room();
		i = fuzz_blocks_all;
		void *at = fuzz_blocks_all == FUZZ_BLOCKS_MAX ? NULL : __interceptor_malloc(size);
		if (at == NULL)
			return NULL;
		fuzz_blocks[fuzz_blocks_all++] = (struct fuzz_block){at, size};
	}
	fuzz_blocks_swap(i, fuzz_blocks_used);
	void *at = fuzz_blocks[fuzz_blocks_used++].at;
	ASAN_UNPOISON_MEMORY_REGION(at, size);
	memset(at, 0xbe, FUZZ_FILLED_BYTES);
	return at;
}

/* False: it is an ordinary one. */
FUZZ_UNCOUNTED static inline bool fuzz_blocks_give(void *at)
{
	for (size_t i = 0; i < fuzz_blocks_all; i++) {
		if (fuzz_blocks[i].at != at)
			continue;
		if (i >= fuzz_blocks_used) {
			fprintf(stderr, "a large block is freed twice\n");
			abort();
		}
		ASAN_POISON_MEMORY_REGION(at, fuzz_blocks[i].size);
		fuzz_blocks_swap(i, --fuzz_blocks_used);
		return true;
	}
	return false;
}

FUZZ_UNCOUNTED void *malloc(size_t size)
{
	void *at = size < FUZZ_LARGE_BYTES ? NULL : fuzz_blocks_take(size);
	return at != NULL ? at : __interceptor_malloc(size);
}

FUZZ_UNCOUNTED void *calloc(size_t count, size_t size)
{
	size_t all;
	bool is_large = !__builtin_mul_overflow(count, size, &all) && all >= FUZZ_LARGE_BYTES;
	void *at = is_large ? fuzz_blocks_take(all) : NULL;
	return at != NULL ? memset(at, 0, all) : __interceptor_calloc(count, size);
}

FUZZ_UNCOUNTED void free(void *at)
{
	if (at != NULL && !fuzz_blocks_give(at))
		__interceptor_free(at);
}

FUZZ_UNCOUNTED void *realloc(void *at, size_t size)
{
	size_t i = 0;
	while (i < fuzz_blocks_used && fuzz_blocks[i].at != at)
		i++;
	if (at == NULL || i == fuzz_blocks_used)
		return __interceptor_realloc(at, size);
	size_t had = fuzz_blocks[i].size;
	void *moved = malloc(size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, at, had < size ? had : size);
	free(at);
	return moved;
}

FUZZ_UNCOUNTED void *reallocarray(void *at, size_t count, size_t size)
{
	size_t all;
	if (__builtin_mul_overflow(count, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(at, all);
}

FUZZ_UNCOUNTED static inline size_t fuzz_blocks_in_use(void) { return fuzz_blocks_used; }
#else
FUZZ_UNCOUNTED static inline size_t fuzz_blocks_in_use(void) { return 0; }
#endif

/* Behind a run, with what fuzz_blocks_in_use said before it. */
FUZZ_UNCOUNTED static inline void fuzz_blocks_check(size_t before)
{
	if (fuzz_blocks_in_use() == before)
		return;
	fprintf(stderr, "a large block was not freed\n");
	abort();
}

#endif
