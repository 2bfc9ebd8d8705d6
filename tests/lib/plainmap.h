/*
 * plainmap: the arrival map of a bundle in plain memory, zeros at first: the states of its blocks, then their maps.
 */
#ifndef WEIR_TEST_PLAINMAP_H
#define WEIR_TEST_PLAINMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "receiver/arrivals.h"

static inline size_t plain_map_len(const struct geometry *g)
{
	return geometry_block_count(g) * (1 + arrivals_map_stride(g));
}

static inline struct arrivals_map plain_map(const struct geometry *g, uint8_t *memory)
{
	return (struct arrivals_map){.state = memory, .blocks = memory + geometry_block_count(g)};
}

/* Whether the symbol is here; of a block that is complete none is wanted any more. */
static inline bool plain_map_has(const struct geometry *g, const uint8_t *memory, const struct span *symbol)
{
	const uint8_t *map = memory + geometry_block_count(g) + symbol->block * arrivals_map_stride(g);
	size_t bit = (size_t)symbol->row * geometry_row_symbols(g) + symbol->first;
	return memory[symbol->block] == MAP_WHOLE ||
	       (memory[symbol->block] == MAP_HELD && (map[bit / 8] >> (bit % 8) & 1) != 0);
}

#endif
