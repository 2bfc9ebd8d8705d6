/*
 * gapcode: which resend code (RESEND.md) mends a bundle at the least cost.
 */
#ifndef WEIR_GAPCODE_H
#define WEIR_GAPCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/catalogue.h"
#include "common/resendcode.h"

enum { GAPCODE_SPARE_ROWS = 2 }; /* beyond what is missing, since what is resent can be lost as well */

/* What keep tells of a bundle in status.json. */
struct gapcode_lack {
	bool has_begun;               /* something of it has come */
	uint32_t worst_rows;          /* that the worst column of any block lacks */
	uint32_t blocks_missing;
	uint32_t first_missing_block;
};

/*
 * Nothing has come: a whole pass of all blocks.  One block is missing: of that one, else of all, further repair rows,
 * GAPCODE_SPARE_ROWS more than lack; or a whole pass when the code does not have so many.
 */
struct resendcode gapcode_choose(const struct entry *entry, const struct gapcode_lack *lack);

#endif
