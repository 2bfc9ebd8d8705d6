#include "walk.h"

/* Stands on a row that has something to send, or goes on to the next; false when there is none. */
static bool find_row(struct walk *walk, const struct plan_step *step, const struct geometry *g)
{
	while (walk->block < step->block_end) {
		while (walk->row < step->row_end) {
			if (geometry_row_sent(g, walk->block, walk->row) > 0)
				return true;
			walk->row++;
		}
		walk->row = step->first_row;
		walk->block++;
	}
	return false;
}

bool walk_begin(struct walk *walk, const struct plan_step *step, const struct geometry *g)
{
	*walk = (struct walk){.block = step->first_block, .row = step->first_row};
	return find_row(walk, step, g);
}

uint32_t walk_left(const struct walk *walk, const struct geometry *g)
{
	return geometry_row_sent(g, walk->block, walk->row) - walk->symbol;
}

bool walk_next_row(struct walk *walk, const struct plan_step *step, const struct geometry *g)
{
	walk->symbol = 0;
	walk->row++;
	return find_row(walk, step, g);
}
