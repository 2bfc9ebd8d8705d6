/*
 * failure: how likely one pass loses a bundle, as geometry_failure computes it.
 *
 *   failure OBJECT_BYTES LOSS_PERMILLE [MTU [REPAIR_PERMILLE]]
 *
 * Prints "K R ROW_BYTES BLOCKS DATAGRAMS PROBABILITY" of the geometry that a sender chooses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/datagram.h"
#include "common/geometry.h"

static uint64_t datagrams(const struct geometry *g, uint32_t symbols)
{
	uint64_t count = 0;
	for (uint32_t block = 0; block < geometry_block_count(g); block++)
		for (uint32_t row = 0; row < (uint32_t)g->source_rows + g->repair_rows; row++)
			count += (geometry_row_sent(g, block, row) + symbols - 1) / symbols;
	return count;
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 5) {
		fprintf(stderr, "usage: failure OBJECT_BYTES LOSS_PERMILLE [MTU [REPAIR_PERMILLE]]\n");
		return 2;
	}
	uint64_t object_len = strtoull(argv[1], NULL, 10);
	double loss = strtod(argv[2], NULL) / 1000;
	uint32_t mtu = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1500;
	uint32_t repair = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 125;
	struct geometry g = geometry_choose(object_len, repair);
	uint32_t symbols = datagram_symbols(mtu);
	if (geometry_check(&g) != 0 || symbols == 0) {
		fprintf(stderr, "failure: no geometry for these\n");
		return 1;
	}
	printf("%u %u %u %u %llu %.3g\n", g.source_rows, g.repair_rows, g.row_len,
	       geometry_block_count(&g), (unsigned long long)datagrams(&g, symbols),
	       geometry_failure(&g, loss, symbols));
	return 0;
}
