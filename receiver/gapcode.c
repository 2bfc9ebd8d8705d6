#include "gapcode.h"

struct resendcode gapcode_choose(const struct entry *entry, const struct gapcode_lack *lack)
{
	const struct geometry *g = &entry->geometry;
	struct resendcode code = {.route_id = entry->route_id, .number = entry->number, .block = RESEND_ALL};
	uint32_t further = geometry_row_total(g) - g->source_rows - g->repair_rows;
	if (!lack->has_begun)
		return code;
	/* what keep tells may be older than the catalogue, or of another life of the bundle */
	if (lack->blocks_missing == 1 && lack->first_missing_block < geometry_block_count(g))
		code.block = lack->first_missing_block;
	if (lack->worst_rows > 0 && lack->worst_rows + GAPCODE_SPARE_ROWS <= further)
		code.rows = (uint8_t)(lack->worst_rows + GAPCODE_SPARE_ROWS);
	return code;
}
