#include "inbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"

/*
 * Delivered bundles say themselves what they are: the signatures were checked before they were
 * delivered, and 'verify' checks them again.
 */

enum { COLUMNS = 8, CELL_BYTES = 96 };

struct row {
	char cells[COLUMNS][CELL_BYTES];
};

struct table {
	struct row *rows;
	size_t count;
	size_t size;
};

static const char *const titles[COLUMNS] = {
	"NAME", "ROUTE", "PERSON", "SIZE", "CREATED", "RELEASED", "ARRIVED", "STATE",
};

static struct row *add_row(struct table *table)
{
	if (table->count == table->size) {
		size_t size = table->size == 0 ? 64 : table->size * 2;
		struct row *grown = reallocarray(table->rows, size, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		table->rows = grown;
		table->size = size;
	}
	struct row *row = &table->rows[table->count++];
	for (size_t i = 0; i < COLUMNS; i++)
		memcpy(row->cells[i], "-", 2);
	return row;
}

static void set_title(struct row *row)
{
	for (size_t i = 0; i < COLUMNS; i++)
		snprintf(row->cells[i], CELL_BYTES, "%s", titles[i]);
}

static void print_table(const struct table *table)
{
	int width[COLUMNS] = {0};
	for (size_t i = 0; i < table->count; i++)
		for (size_t c = 0; c < COLUMNS; c++) {
			int len = (int)strlen(table->rows[i].cells[c]);
			width[c] = len > width[c] ? len : width[c];
		}
	for (size_t i = 0; i < table->count; i++) {
		for (size_t c = 0; c + 1 < COLUMNS; c++)
			printf("%-*s  ", width[c], table->rows[i].cells[c]);
		printf("%s\n", table->rows[i].cells[COLUMNS - 1]);
	}
}

/* What is read of a delivered bundle. */
struct delivered {
	struct release release;
	struct endorsements endorsements;
	uint64_t carried; /* the version of the registry in it; 0 for any other bundle */
};

static int read_delivered(struct delivered *out, int vault, const struct vault_item *item)
{
	uint8_t segment[SEGMENT_BYTES];
	int fd = inbox_open_item(vault, item);
	if (fd < 0)
		return fd;
	int result = io_pread_exact(fd, segment, sizeof(segment), 0);
	if (result == 0)
		result = release_segment_decode(&out->release, &out->endorsements, segment);
	out->carried = result == 0 && open_is(&out->release.statement)
			       ? inbox_carried_version(fd, &out->release.statement)
			       : 0;
	io_close(fd);
	return result;
}

static void fill_delivered(struct row *row, const struct delivered *delivered,
			   const struct vault_item *item, const char *name)
{
	const struct release *release = &delivered->release;
	char by[CELL_BYTES];
	snprintf(row->cells[0], CELL_BYTES, "%s", name);
	snprintf(row->cells[1], CELL_BYTES, "%s", release->statement.route);
	snprintf(row->cells[2], CELL_BYTES, "%s", release->statement.person);
	text_size(row->cells[3], CELL_BYTES, bundle_object_len(&release->statement));
	text_time(row->cells[4], CELL_BYTES, release->statement.created);
	text_time(row->cells[5], CELL_BYTES, release->released_at);
	text_time(row->cells[6], CELL_BYTES, (uint64_t)item->arrived_s);
	if (open_is(&release->statement))
		snprintf(row->cells[7], CELL_BYTES, "delivered, registry version %" PRIu64,
			 delivered->carried);
	else
		snprintf(row->cells[7], CELL_BYTES, "delivered, destroy by %.40s",
			 text_time(by, sizeof(by), release->statement.destroy_by));
}

static void fill_json(struct json *array, const struct delivered *delivered,
		      const struct vault_item *item)
{
	char epoch[20];
	const struct release *release = &delivered->release;
	const struct statement *statement = &release->statement;
	struct json *object = json_object_new();
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, item->epoch);
	json_set_text(object, "name", item->name);
	json_set_text(object, "epoch", epoch);
	json_set_text(object, "state", "delivered");
	json_set_text(object, "kind", open_is(statement) ? "registry" : "records");
	if (open_is(statement))
		json_set_number(object, "carries_version", delivered->carried);
	json_set_text(object, "route", statement->route);
	json_set_text(object, "person", statement->person);
	json_set_text(object, "box", release->box);
	json_set_number(object, "object_bytes", bundle_object_len(statement));
	json_set_number(object, "file_bytes", item->bytes);
	json_set_time(object, "created", statement->created);
	json_set_time(object, "released", release->released_at);
	json_set_time(object, "arrived", (uint64_t)item->arrived_s);
	json_set_time(object, "destroy_by", statement->destroy_by);
	inbox_orders_json(object, &delivered->endorsements);
	json_append(array, object);
}

static int add_delivered(struct table *table, struct json *array, int vault, const struct vault_item *items, size_t count)
{
	int code = EXIT_DONE;
	for (size_t i = 0; i < count; i++) {
		struct delivered delivered;
		char name[INBOX_NAME_BYTES];
		inbox_item_name(name, items, count, i);
		int result = read_delivered(&delivered, vault, &items[i]);
		if (result != 0) {
			/* destroyed meanwhile, or damaged: the others are shown all the same */
			int failed = command_fail(result, "'%s'", name);
			code = code == EXIT_DONE ? failed : code;
			continue;
		}
		struct row *row = add_row(table);
		if (row == NULL) {
			code = command_fail(-ENOMEM, "cannot list");
			break;
		}
		fill_delivered(row, &delivered, &items[i], name);
		fill_json(array, &delivered, &items[i]);
	}
	return code;
}

/* The status is a second old at most: what it has on its way may have arrived since. */
static bool has_arrived(const struct vault_item *items, size_t count, struct json_view bundle)
{
	char epoch[20];
	for (size_t i = 0; i < count; i++) {
		snprintf(epoch, sizeof(epoch), "%016" PRIx64, items[i].epoch);
		if (strcmp(items[i].name, json_get_text(bundle, "name", "")) == 0 &&
		    strcmp(epoch, json_get_text(bundle, "epoch", "")) == 0)
			return true;
	}
	return false;
}

static void describe_state(char *out, struct json_view bundle)
{
	char verdict[CELL_BYTES], state[CELL_BYTES];
	const char *name = json_get_text(bundle, "state", "");
	uint64_t permille = inbox_permille(bundle);
	text_escape_name(state, sizeof(state), name);
	if (strcmp(name, "refused") == 0)
		snprintf(out, CELL_BYTES, "refused: %.60s",
			 text_escape_name(verdict, sizeof(verdict),
					  json_get_text(bundle, "verdict", "")));
	else
		snprintf(out, CELL_BYTES, "%.60s %" PRIu64 ".%" PRIu64 " %%", state, permille / 10,
			 permille % 10);
}

/* The status is data of another process, and its texts are shown as such. */
static int add_coming(struct table *table, struct json *array, const struct inbox_status *status,
		      const struct vault_item *items, size_t count)
{
	struct json_view bundles = json_get(status->view, "bundles");
	for (size_t i = 0; i < json_count(bundles); i++) {
		struct json_view bundle = json_at(bundles, i);
		const char *name = json_get_text(bundle, "name", "");
		char route[NAME_BYTES];
		uint64_t number;
		if (has_arrived(items, count, bundle))
			continue;
		struct row *row = add_row(table);
		if (row == NULL)
			return command_fail(-ENOMEM, "cannot list");
		text_escape_name(row->cells[0], CELL_BYTES, name);
		if (bundle_name_parse(name, route, &number) == 0)
			snprintf(row->cells[1], CELL_BYTES, "%s", route);
		text_size(row->cells[3], CELL_BYTES, json_get_number(bundle, "object_bytes", 0));
		describe_state(row->cells[7], bundle);
		struct json *object = json_object_new();
		json_set_text(object, "name", name);
		json_set_text(object, "epoch", json_get_text(bundle, "epoch", ""));
		json_set_text(object, "state", json_get_text(bundle, "state", ""));
		json_set_text(object, "verdict", json_get_text(bundle, "verdict", ""));
		json_set_number(object, "object_bytes", json_get_number(bundle, "object_bytes", 0));
		json_set_number(object, "held_bytes", json_get_number(bundle, "held_bytes", 0));
		json_append(array, object);
	}
	return EXIT_DONE;
}

static int list(const struct inbox *inbox, bool json)
{
	struct table table = {NULL, 0, 0};
	struct json *array = json_array_new();
	struct inbox_status status = {.document = NULL};
	struct row *title = add_row(&table);
	struct vault_item *items = NULL;
	size_t count = 0;
	int code = title == NULL ? command_fail(-ENOMEM, "cannot list") : EXIT_DONE;
	/* first: what arrives in between is in the vault then, and not in neither */
	int result = inbox_status_load(&status, inbox->vault);
	int listed = vault_list(inbox->vault, &items, &count);
	if (listed != 0)
		code = command_fail(listed, "cannot read the vault");
	if (code == EXIT_DONE) {
		set_title(title);
		code = add_delivered(&table, array, inbox->vault, items, count);
	}
	if (result == 0 && code == EXIT_DONE)
		code = add_coming(&table, array, &status, items, count);
	else if (result != 0 && result != -ENOENT)
		command_fail(result, "cannot read status.json, so what is on its way is not shown");
	if (json)
		result = json_print(array, stdout);
	else if (table.count > 1)
		print_table(&table);
	else if (table.count == 1)
		puts("nothing has arrived yet");
	if (json && result != 0)
		code = command_fail(result, "cannot print");
	inbox_status_free(&status);
	json_free(array);
	free(items);
	free(table.rows);
	return code;
}

int inbox_list(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	int code = inbox_parse(&options, argc, argv, "cj");
	if (code != EXIT_DONE)
		return code;
	if (options.argument_count != 0)
		code = command_usage("'list' takes no argument; 'show' tells of one bundle");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, INBOX_VAULT);
	if (code == EXIT_DONE) {
		code = inbox_confine(false);
		if (code == EXIT_DONE)
			code = list(&inbox, options.json);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
