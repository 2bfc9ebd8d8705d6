#include "receiver/gapcode.h"

#include <string.h>

#include "tests/lib/tap.h"

/* Two blocks; a pass has 144 rows, and there are 111 further ones. */
static const struct entry entry = {
	.route_id = 7,
	.number = 123,
	.geometry = {.object_len = UINT64_C(131072) * 16384, .row_len = 8380416, .source_rows = 128, .repair_rows = 16},
};

static void is_code(const struct gapcode_lack *lack, uint32_t block, uint8_t rows, const char *sentence)
{
	struct resendcode code = gapcode_choose(&entry, lack);
	ok(code.route_id == 7 && code.number == 123 && code.block == block && code.rows == rows, "%s (block %u, rows %u)",
	   sentence, code.block, code.rows);
}

int main(void)
{
	is_code(&(struct gapcode_lack){false, 128, 3, 0}, RESEND_ALL, 0, "of which nothing came: all of it");
	is_code(&(struct gapcode_lack){true, 5, 1, 1}, 1, 7, "one block lacks five rows: that one, and two to spare");
	is_code(&(struct gapcode_lack){true, 5, 2, 0}, RESEND_ALL, 7, "several: of each as many as the worst lacks");
	is_code(&(struct gapcode_lack){true, 109, 1, 0}, 0, 111, "as many as there are");
	is_code(&(struct gapcode_lack){true, 110, 1, 0}, 0, 0, "more than there are: a pass of the block");
	is_code(&(struct gapcode_lack){true, 128, 3, 0}, RESEND_ALL, 0, "or of all");
	is_code(&(struct gapcode_lack){true, 0, 0, 0}, RESEND_ALL, 0, "what an older keep does not tell: all of it");
	is_code(&(struct gapcode_lack){true, 5, 1, 3}, RESEND_ALL, 7, "a block that is none: all of them");
	is_code(&(struct gapcode_lack){true, 60000, 65535, 65535}, RESEND_ALL, 0, "nonsense in a file is no trap");
	return done_testing();
}
