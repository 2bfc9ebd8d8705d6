#include "inbox.h"

#include <stdlib.h>

#include "common/io.h"

int inbox_status_load(struct inbox_status *out, int vault_fd)
{
	uint8_t *text = NULL;
	size_t len = 0;
	struct json *document = NULL;
	int result = io_read_file(vault_fd, "status.json", STATUS_BYTES_MAX, &text, &len);
	if (result == 0)
		result = json_parse(&document, text, len);
	free(text);
	if (result == 0)
		*out = (struct inbox_status){document, json_view_of(document)};
	return result;
}

void inbox_status_free(struct inbox_status *status)
{
	json_free(status->document);
	*status = (struct inbox_status){.document = NULL};
}

uint64_t inbox_permille(struct json_view bundle)
{
	uint64_t all = json_get_number(bundle, "object_bytes", 0);
	uint64_t held = json_get_number(bundle, "held_bytes", 0);
	if (all == 0 || held > all)
		return all == 0 ? 0 : 1000;
	/* objects stay below 2^46 + 2^14 bytes, so this cannot overflow */
	return held > UINT64_MAX / 1000 ? 1000 : held * 1000 / all;
}
