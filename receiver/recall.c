#include "recall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/json.h"
#include "common/ledgerread.h"
#include "common/text.h"

struct recall {
	struct annals *annals;
	int vault_fd;
	size_t count;
};

static bool read_entry(struct annal *out, struct json_view view, uint64_t at)
{
	uint64_t number;
	const char *epoch = json_get_text(view, "epoch", "");
	*out = (struct annal){
		.id = {
			.epoch = strtoull(epoch, NULL, 16),
			.number = json_get_number(view, "number", 0),
			.route_id = (uint16_t)json_get_number(view, "route_id", 0),
		},
		.what = ANNAL_DESTROYED,
		.how = strcmp(json_get_text(view, "how", ""), "purge") == 0 ? ANNAL_BY_PURGE : ANNAL_BY_DATE,
		.at = at,
	};
	return strlen(epoch) == 16 && bundle_name_parse(json_get_text(view, "bundle", ""), out->route, &number) == 0 &&
	       number == out->id.number &&
	       text_unhex(out->push_id, PUSH_ID_BYTES, json_get_text(view, "push_id", "")) == 0 &&
	       text_parse_time(&out->destroy_by, json_get_text(view, "destroy_by", "")) == 0;
}

static int note(struct recall *r, const struct annal *annal)
{
	struct annal known;
	bool is_known = annals_find(r->annals, &annal->id, &known);
	if (annal_has_file(r->vault_fd, annal) ||
	    (is_known && (known.what == ANNAL_DESTROYED || known.what == ANNAL_DESTROYING)))
		return 0;
	int result = annals_write(r->annals, annal, 1);
	r->count += result == 0;
	return result;
}

/* Of another form than ours: whoever wrote it, it is no entry of a destruction. */
static int take(void *context, const struct ledger_record *record)
{
	struct recall *r = context;
	struct ledger_line line;
	struct annal annal;
	struct json *document = NULL;
	if (record->piece != LEDGER_LINE || ledger_line_parse(&line, record->text, record->len) != 0 ||
	    !ledger_line_is(&line, "destroyed"))
		return 0;
	int result = json_parse(&document, record->text, record->len);
	if (result != 0)
		return result == -ENOMEM ? result : 0;
	if (read_entry(&annal, json_view_of(document), line.at))
		result = note(r, &annal);
	json_free(document);
	return result;
}

int recall_destroyed(size_t *count, struct annals *annals, int vault_fd)
{
	struct recall r = {.annals = annals, .vault_fd = vault_fd};
	int dir = io_open_dir(vault_fd, "ledger");
	int result = dir < 0 ? dir : ledger_read(dir, &(struct ledger_reading){.take = take, .context = &r});
	io_close(dir);
	if (result == 0)
		*count = r.count;
	return result == -ENOENT ? 0 : result;
}
