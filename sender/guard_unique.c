#include "guard_unique.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"

/*
 * Open addressing in many small tables, each of which grows when it is four fifths full: so growing never needs
 * the whole twice.  Small ones double, for moving values costs as much as looking them up; large ones grow by a
 * quarter, so that 10 to 13 bytes are spent on a value.
 */
enum { SHARDS = 256, SHARD_SLOTS_MIN = 64, SHARD_SLOTS_LARGE = 32768 };

struct shard {
	uint64_t *slots; /* 0: empty */
	uint32_t count;
	uint32_t size;
};

struct unique {
	uint8_t key[SUITE_TAG_BYTES];
	struct shard shards[SHARDS];
};

struct unique *unique_new(void)
{
	struct unique *unique = calloc(1, sizeof(*unique));
	if (unique != NULL)
		suite_random(unique->key, sizeof(unique->key));
	return unique;
}

/* Where the search for this hash begins.  The top byte chose the shard. */
static uint32_t place_of(uint32_t size, uint64_t hash)
{
	return (uint32_t)((hash >> 24 & UINT32_MAX) * size >> 32);
}

/* The slot of this hash, or the empty one where it belongs. */
static uint64_t *find(uint64_t *slots, uint32_t size, uint64_t hash)
{
	uint32_t at = place_of(size, hash);
	while (slots[at] != 0 && slots[at] != hash)
		at = at + 1 == size ? 0 : at + 1;
	return &slots[at];
}

/* A larger table with all that is in this one; NULL when there is no memory. */
static uint64_t *make_larger(const struct shard *shard, uint32_t size)
{
	uint64_t *slots = calloc(size, sizeof(*slots));
	for (uint32_t i = 0; slots != NULL && i < shard->size; i++)
		if (shard->slots[i] != 0)
			*find(slots, size, shard->slots[i]) = shard->slots[i];
	return slots;
}

static int grow(struct unique *unique, size_t which)
{
	struct shard *shard = &unique->shards[which];
	uint32_t size = shard->size == 0		     ? SHARD_SLOTS_MIN
			: shard->size < SHARD_SLOTS_LARGE ? shard->size * 2
							  : shard->size + shard->size / 4;
	uint64_t *slots = make_larger(shard, size);
	if (slots == NULL)
		return -ENOMEM;
	free(shard->slots);
	shard->slots = slots;
	shard->size = size;
	return 0;
}

uint64_t unique_hash(const struct unique *unique, const void *value, size_t len)
{
	uint8_t tag[SUITE_TAG_BYTES];
	uint64_t hash;
	suite_tag(tag, value, len, unique->key);
	memcpy(&hash, tag, sizeof(hash));
	hash += hash == 0;
	const struct shard *shard = &unique->shards[hash >> 56];
	if (shard->size > 0)
		__builtin_prefetch(&shard->slots[place_of(shard->size, hash)], 1);
	return hash;
}

int unique_add(struct unique *unique, uint64_t hash, bool *is_new)
{
	struct shard *shard = &unique->shards[hash >> 56];
	if ((uint64_t)shard->count * 5 >= (uint64_t)shard->size * 4) {
		int result = grow(unique, hash >> 56);
		if (result != 0)
			return result;
	}
	uint64_t *slot = find(shard->slots, shard->size, hash);
	*is_new = *slot == 0;
	if (*is_new) {
		*slot = hash;
		shard->count++;
	}
	return 0;
}

size_t unique_memory(const struct unique *unique)
{
	size_t bytes = sizeof(*unique);
	for (size_t i = 0; i < SHARDS; i++)
		bytes += unique->shards[i].size * sizeof(uint64_t);
	return bytes;
}

void unique_free(struct unique *unique)
{
	if (unique == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++)
		free(unique->shards[i].slots);
	suite_wipe(unique->key, sizeof(unique->key));
	free(unique);
}
