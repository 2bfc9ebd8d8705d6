/*
 * Any bytes as a line of a ledger: refused, or its fields lie in it; a checkpoint that is accepted is
 * the one that is composed of its fields, and whoever signed it was not this box.
 */
#include <assert.h>
#include <string.h>

#include "common/ledgerline.h"
#include "common/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;
	struct ledger_line line;
	struct ledger_checkpoint checkpoint;
	int result = ledger_line_parse(&line, text, size);
	assert(result == 0 || result == VERDICT_BAD_ENTRY);
	ledger_line_is_signed(text, size);
	if (result != 0)
		return 0;
	assert(line.n >= 1 && line.n <= LEDGER_N_MAX && size < LEDGER_LINE_MAX);
	assert(line.event > text && line.event + line.event_len < line.result);
	assert(line.result + line.result_len < end);
	assert(memchr(text, '\n', size) == NULL && memchr(text, 0x1b, size) == NULL);
	if (ledger_line_is(&line, "checkpoint") &&
	    ledger_checkpoint_parse(&checkpoint, &line, text, size) == 0) {
		struct card box = {.kind = KEY_SENDER};
		memcpy(box.name, checkpoint.box, sizeof(box.name));
		memcpy(box.id, checkpoint.key_id, sizeof(box.id));
		assert(ledger_line_is_signed(text, size));
		assert(ledger_checkpoint_check(&checkpoint, &line, &box) == VERDICT_BAD_SIGNATURE);
	}
	return 0;
}
