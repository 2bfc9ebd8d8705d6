#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "asking.h"
#include "common/command.h"
#include "common/json.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"

const char outbox_list_help[] =
	"  --waiting               only what waits for the approval of officers\n"
	"  --json                  print it as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n";

const char outbox_show_help[] =
	"  --key FILE              an officer's key: also shows what is in a bundle that waits\n"
	"  --reading FILE          the key file that opens the manifest, when --key is a token\n"
	"  --person NAME           refuse unless the key is this person's\n"
	"  --passphrase-file FILE  the key's passphrase in its first line; else WEIR_PASSPHRASE_FILE, else asked\n"
	"  --json                  print it as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n";

struct view {
	struct json *json; /* NULL: text; an array for list */
	struct json *one;  /* the item of show */
	size_t count;
	bool waiting_only;
};

static struct json *item_json(const struct local_item *item)
{
	struct json *json = json_object_new();
	json_set_hex(json, "push_id", item->push_id, PUSH_ID_BYTES);
	json_set_text(json, "name", item->name[0] != 0 ? item->name : NULL);
	json_set_text(json, "route", item->route);
	json_set_text(json, "person", item->person);
	json_set_text(json, "state", local_state_name(item->state));
	json_set_time(json, "created", item->created);
	json_set_time(json, "released", item->released_at);
	json_set_time(json, "destroy_by", item->destroy_by);
	json_set_number(json, "registry_version", item->registry_version);
	json_set_number(json, "object_bytes", item->object_len);
	json_set_number(json, "sent_bytes", item->sent_bytes);
	json_set_number(json, "total_bytes", item->total_bytes);
	json_set_number(json, "passes_done", item->passes_done);
	json_set_number(json, "passes", item->passes);
	json_set_hex(json, "root", item->root, SUITE_DIGEST_BYTES);
	json_set_number(json, "bytes", item->content_len);
	json_set_number(json, "members", item->members);
	json_set_number(json, "records", item->records);
	json_set_number(json, "approvals", item->approvals);
	json_set_number(json, "quorum", item->quorum);
	json_set_number(json, "resends", item->resends);
	json_set_text(json, "waits_for", item->waits == WAITS_FOR_PERSON	? "person"
					 : item->waits == WAITS_FOR_OFFICERS ? "officers"
									     : NULL);
	json_set_text(json, "held_for", item->held_for == 0  ? NULL
					: item->held_for > 0 ? verdict_name(item->held_for)
							     : "environment");
	return json;
}

/* "sending 41 %" */
static char *describe_state(char *out, size_t size, const struct local_item *item)
{
	const char *name = local_state_name(item->state);
	if (item->state == LOCAL_SENDING && item->total_bytes > 0)
		snprintf(out, size, "%s %.0f %%", name,
			 100.0 * (double)item->sent_bytes / (double)item->total_bytes);
	else if (item->waits == WAITS_FOR_PERSON)
		snprintf(out, size, "%s person", name);
	else if (item->state == LOCAL_WAITING)
		snprintf(out, size, "%s %u/%u", name, (unsigned int)item->approvals,
			 (unsigned int)item->quorum);
	else if (item->state == LOCAL_SENT && item->resends > 0)
		snprintf(out, size, "%s, resend", name);
	else
		snprintf(out, size, "%s", name);
	return out;
}

static void list_item(void *context, const struct local_item *item)
{
	struct view *view = context;
	char push_id[2 * PUSH_ID_BYTES + 1], created[32], bytes[32], state[32];
	if (view->waiting_only && item->state != LOCAL_WAITING)
		return;
	if (view->json != NULL) {
		json_append(view->json, item_json(item));
		return;
	}
	if (view->count++ == 0)
		printf("%-24s %-14s %10s  %-20s  %-20s  %s\n", "NAME", "STATE", "SIZE", "CREATED", "PERSON",
		       "PUSH ID");
	printf("%-24s %-14s %10s  %-20s  %-20s  %s\n", item->name[0] != 0 ? item->name : "-",
	       describe_state(state, sizeof(state), item),
	       text_size(bytes, sizeof(bytes), item->object_len),
	       text_time(created, sizeof(created), item->created), item->person,
	       text_hex(push_id, sizeof(push_id), item->push_id, PUSH_ID_BYTES));
}

static void show_item(void *context, const struct local_item *item)
{
	struct view *view = context;
	char text[2 * SUITE_DIGEST_BYTES + 1], members[40], records[40];
	view->count++;
	if (view->json != NULL) {
		view->one = item_json(item);
		return;
	}
	printf("name          %s\n", item->name[0] != 0 ? item->name : "none yet");
	printf("push id       %s\n", text_hex(text, sizeof(text), item->push_id, PUSH_ID_BYTES));
	printf("state         %s\n", describe_state(text, sizeof(text), item));
	printf("route         %s\n", item->route);
	printf("person        %s\n", item->person);
	printf("created       %s\n", text_time(text, sizeof(text), item->created));
	if (item->released_at != 0)
		printf("released      %s\n", text_time(text, sizeof(text), item->released_at));
	printf("destroy by    %s\n", text_time(text, sizeof(text), item->destroy_by));
	printf("registry      version %" PRIu64 "\n", item->registry_version);
	printf("size          %s sealed\n", text_size(text, sizeof(text), item->object_len));
	printf("content       %s in %s member%s, %s records\n",
	       text_size(text, sizeof(text), item->content_len),
	       text_count(members, sizeof(members), item->members), item->members == 1 ? "" : "s",
	       text_count(records, sizeof(records), item->records));
	if (item->state == LOCAL_HELD && item->held_for != 0)
		printf("held          %s [%s]\n", verdict_explain(item->held_for),
		       item->held_for > 0 ? verdict_name(item->held_for) : "environment");
	if (item->waits == WAITS_FOR_PERSON)
		printf("waits for     %s, who answers for the machine: it exceeds its standing order, or that was revoked\n",
		       item->person);
	else if (item->state == LOCAL_WAITING)
		printf("approvals     %u of %u; it waits for the route's officers: 'weir-outbox approve'\n",
		       (unsigned int)item->approvals, (unsigned int)item->quorum);
	printf("passes        %" PRIu64 " of %" PRIu64 "\n", item->passes_done, item->passes);
	if (item->resends > 0)
		printf("resends       %" PRIu32 " asked for, under way or waiting\n", item->resends);
	printf("root          %s\n", text_hex(text, sizeof(text), item->root, SUITE_DIGEST_BYTES));
}

struct options {
	const char *config;
	const char *key;
	const char *reading;
	const char *person;
	const char *passphrase_file;
	bool json;
	bool waiting;
};

/* operands tells the command: list has none and --waiting, show has one and keys. */
static int take_option(struct options *out, int option, int operands)
{
	const char **value = option == 'c'			    ? &out->config
			     : operands == 1 && option == 'k' ? &out->key
			     : operands == 1 && option == 'e' ? &out->reading
			     : operands == 1 && option == 'p' ? &out->person
			     : operands == 1 && option == 'f' ? &out->passphrase_file
							      : NULL;
	if (value != NULL)
		*value = optarg;
	else if (option == 'j')
		out->json = true;
	else if (operands == 0 && option == 'w')
		out->waiting = true;
	else
		return command_usage("an option is unknown or lacks its value");
	return 0;
}

static int parse_options(struct options *out, int argc, char **argv, int operands)
{
	static const struct option table[] = {
		{"json", no_argument, NULL, 'j'},
		{"waiting", no_argument, NULL, 'w'},
		{"key", required_argument, NULL, 'k'},
		{"reading", required_argument, NULL, 'e'},
		{"person", required_argument, NULL, 'p'},
		{"passphrase-file", required_argument, NULL, 'f'},
		{"config", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	optind = 0;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		int code = take_option(out, c, operands);
		if (code != 0)
			return code;
	}
	if (argc - optind == operands)
		return 0;
	return command_usage(operands == 0 ? "it takes no arguments" : "it needs one push id or name");
}

static int fail(int result, const struct config *config, const struct local_refused *refused)
{
	char escaped[4 * LOCAL_WHERE_BYTES];
	if (result == refused->result)
		return command_fail(result, "'%s'",
				    text_escape_name(escaped, sizeof(escaped), refused->where));
	return outbox_cannot_reach(result, "weir-hold", config->runtime, CONTROL_SOCKET);
}

static int print_json(const struct json *json)
{
	int result = json_print(json, stdout);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print the answer");
}

int outbox_list(int argc, char **argv)
{
	struct options options = {0};
	struct config config;
	int code = parse_options(&options, argc, argv, 0);
	if (code == 0)
		code = outbox_config(&config, options.config);
	if (code != 0)
		return code;
	struct local_refused refused = {0};
	struct view view = {
		.json = options.json ? json_array_new() : NULL,
		.waiting_only = options.waiting,
	};
	int result = asking_list(config.runtime, NULL, list_item, &view, &refused);
	if (result != 0)
		code = fail(result, &config, &refused);
	else if (options.json)
		code = print_json(view.json);
	else if (view.count == 0)
		puts(options.waiting ? "nothing waits for approval" : "the spool is empty");
	json_free(view.json);
	return code;
}

int outbox_show(int argc, char **argv)
{
	struct options options = {0};
	struct config config;
	int code = parse_options(&options, argc, argv, 1);
	if (code == 0)
		code = outbox_config(&config, options.config);
	if (code != 0)
		return code;
	const char *keyword = argv[optind];
	char checked[LOCAL_KEYWORD_BYTES], escaped[256];
	if (local_show_decode(checked, (const uint8_t *)keyword, strlen(keyword)) != 0)
		return command_fail(VERDICT_BAD_NAME, "'%s'",
				    text_escape_name(escaped, sizeof(escaped), keyword));
	struct local_refused refused = {0};
	struct view view = {.json = options.json ? json_array_new() : NULL};
	struct decision *opened = NULL;
	const struct officer_options officer = {
		.key = options.key,
		.reading = options.reading,
		.person = options.person,
		.passphrase_file = options.passphrase_file,
		.config = options.config,
		.keyword = checked,
	};
	/* first, so that nothing is shown to who may not see all that was asked for */
	if (options.key != NULL)
		code = outbox_open_case(&opened, &officer);
	int result = code != 0 ? 0 : asking_list(config.runtime, checked, show_item, &view, &refused);
	if (result != 0)
		code = fail(result, &config, &refused);
	if (code == 0 && opened != NULL)
		outbox_show_case(opened, view.one);
	if (code == 0 && options.json)
		code = print_json(view.one);
	outbox_close_case(opened);
	json_free(view.one);
	json_free(view.json);
	return code;
}
