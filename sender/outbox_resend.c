/*
 * weir-outbox resend: a named person has something sent once more: what a resend code names, a bundle, or all that
 * a route released on a day.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "common/command.h"
#include "common/json.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"

const char outbox_resend_help[] =
	"  --block N               of a bundle named, only this source block, from 0\n"
	"  --rows N                so many further repair rows, instead of a whole pass; 1 to 255\n"
	"  --route ROUTE           with --day: everything of this route …\n"
	"  --day DAY               … that was released on this day (UTC), as 2026-11-27\n"
	"  --key FILE              the person's key; else WEIR_KEY, else ~/.weir/person.key\n"
	"  --person NAME           refuse unless the key is this person's\n"
	"  --passphrase-file FILE  the key's passphrase in its first line; else WEIR_PASSPHRASE_FILE, else asked\n"
	"  --json                  print the result as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n"
	"\n"
	"A code is what 'weir-inbox gaps' prints at the receiver; it says block and rows itself.\n";

enum { DAY_S = 86400, DAY_LEN = 10 };

struct options {
	const char *value[128]; /* by the letter of the option */
	bool json;
	const char *keyword;    /* NULL: route and day */
	uint32_t block;
	uint8_t rows;
	uint64_t day;
};

struct resend {
	struct options options;
	struct config config;
	struct signer *signer;
	struct json *array;     /* NULL: for a person's eye */
	/* the bundles of the day */
	char (*names)[BUNDLE_NAME_BYTES];
	size_t name_count;
	bool is_short_of_memory;
	/* what is being asked for */
	struct local_resend_found found;
	struct resendorder order;
};

static int parse_numbers(struct options *o)
{
	uint64_t block = RESEND_ALL, rows = 0;
	const char *day = o->value['d'];
	if (o->value['b'] != NULL && text_parse_u64(&block, o->value['b'], BLOCKS_MAX - 1) != 0)
		return command_usage("--block is a number from 0 to %d", BLOCKS_MAX - 1);
	if (o->value['n'] != NULL && (text_parse_u64(&rows, o->value['n'], UINT8_MAX) != 0 || rows == 0))
		return command_usage("--rows is a number from 1 to %d", UINT8_MAX);
	if (day != NULL && (strlen(day) != DAY_LEN || text_parse_time(&o->day, day) != 0))
		return command_usage("--day is a day as 2026-11-27");
	o->block = (uint32_t)block;
	o->rows = (uint8_t)rows;
	return 0;
}

static int parse_options(struct options *out, int argc, char **argv)
{
	static const struct option table[] = {
		{"block", required_argument, NULL, 'b'},
		{"rows", required_argument, NULL, 'n'},
		{"route", required_argument, NULL, 'r'},
		{"day", required_argument, NULL, 'd'},
		{"key", required_argument, NULL, 'k'},
		{"person", required_argument, NULL, 'p'},
		{"passphrase-file", required_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},
		{"config", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	optind = 0;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (c == '?')
			return command_usage("an option is unknown or lacks its value");
		out->value[c] = optarg;
		out->json |= c == 'j';
	}
	bool by_day = out->value['r'] != NULL || out->value['d'] != NULL;
	if (by_day && (out->value['r'] == NULL || out->value['d'] == NULL))
		return command_usage("--route and --day go together");
	if (argc - optind != (by_day ? 0 : 1))
		return command_usage(by_day ? "with --route and --day it takes no code or name"
					    : "it needs one resend code or one name; quote a code with blanks");
	if (by_day && (out->value['b'] != NULL || out->value['n'] != NULL))
		return command_usage("--block and --rows are for one bundle");
	out->keyword = by_day ? NULL : argv[optind];
	return parse_numbers(out);
}

/* As hold takes it: in small letters, without the blanks that a code may be written with. */
static int make_keyword(char out[static LOCAL_KEYWORD_BYTES], const char *given)
{
	char text[LOCAL_KEYWORD_BYTES];
	size_t len = 0;
	for (; *given != 0 && len < sizeof(text); given++)
		if (*given != ' ')
			text[len++] = *given >= 'A' && *given <= 'Z' ? (char)(*given - 'A' + 'a') : *given;
	return local_show_decode(out, (const uint8_t *)text, len) == 0 ? 0 : VERDICT_BAD_CODE;
}

/* The options add to a name; a code says all itself. */
static int sign(void *context, const struct local_resend_found *found, struct resendorder *order)
{
	struct resend *r = context;
	r->found = *found;
	*order = (struct resendorder){.kind = RESENDORDER_RESEND, .what = found->what};
	if (!found->by_code) {
		order->what.block = r->options.block;
		order->what.rows = r->options.rows;
	} else if (r->options.value['b'] != NULL || r->options.value['n'] != NULL) {
		return -EINVAL;
	}
	if ((order->what.block != RESEND_ALL && order->what.block >= found->blocks) ||
	    order->what.rows > found->further_rows)
		return VERDICT_BAD_LIMIT;
	int result = outbox_sign_order(order, r->signer, found);
	r->order = *order;
	return result;
}

static struct json *result_json(const struct resend *r, const struct local_resend_taken *taken)
{
	struct json *json = json_object_new();
	json_set_text(json, "name", r->found.name);
	json_set_text(json, "route", r->found.route);
	json_set_text(json, "person", r->order.person);
	json_set_bool(json, "all_blocks", r->order.what.block == RESEND_ALL);
	json_set_number(json, "block", r->order.what.block == RESEND_ALL ? 0 : r->order.what.block);
	json_set_number(json, "rows", r->order.what.rows);
	json_set_number(json, "bytes", taken->bytes);
	json_set_bool(json, "was_waiting", taken->was_there);
	return json;
}

static void print_result(const struct resend *r, const struct local_resend_taken *taken)
{
	char text[RESEND_TEXT_BYTES], size[32];
	printf("%s: %s, %s, will be sent once more%s\n", r->found.name,
	       resendorder_describe(text, r->order.what.block, r->order.what.rows),
	       text_size(size, sizeof(size), taken->bytes),
	       taken->was_there ? "; it was waiting already" : "");
}

static int fail(const struct resend *r, int result, const struct local_refused *refused, const char *given)
{
	char escaped[256];
	text_escape_name(escaped, sizeof(escaped), given);
	if (result == -EINVAL)
		return command_usage("'%s' is a code, which says block and rows itself", escaped);
	if (result == VERDICT_BAD_LIMIT && refused->result == 0) {
		command_say("'%s' has blocks 0 to %" PRIu32 ", and %u further repair rows of each [%s]", escaped,
			    r->found.blocks - 1, (unsigned int)r->found.further_rows, verdict_name(result));
		return EXIT_REFUSED;
	}
	if (result == VERDICT_BAD_LIMIT) {
		command_say("'%s': too many resends are waiting; try again when some have gone [%s]", escaped,
			    verdict_name(result));
		return EXIT_REFUSED;
	}
	if (result == refused->result || result > 0)
		return command_fail(result, "'%s'", escaped);
	return outbox_cannot_reach(result, "weir-hold", r->config.runtime, CONTROL_SOCKET);
}

static int ask_for(struct resend *r, const char *given)
{
	char keyword[LOCAL_KEYWORD_BYTES];
	struct local_refused refused = {0};
	struct local_resend_taken taken;
	const struct asking_resend ask = {sign, r};
	int result = make_keyword(keyword, given);
	if (result == 0)
		result = asking_resend(r->config.runtime, keyword, &ask, &taken, &refused);
	if (result != 0)
		return fail(r, result, &refused, given);
	if (r->array != NULL)
		json_append(r->array, result_json(r, &taken));
	else
		print_result(r, &taken);
	return EXIT_DONE;
}

static void take_of_day(void *context, const struct local_item *item)
{
	struct resend *r = context;
	if (item->name[0] == 0 || strcmp(item->route, r->options.value['r']) != 0 ||
	    item->released_at < r->options.day || item->released_at - r->options.day >= DAY_S)
		return;
	void *larger = realloc(r->names, (r->name_count + 1) * sizeof(*r->names));
	if (larger == NULL) {
		r->is_short_of_memory = true;
		return;
	}
	r->names = larger;
	memcpy(r->names[r->name_count++], item->name, BUNDLE_NAME_BYTES);
}

/* All of them, also when one is refused; the first refusal is the exit code. */
static int ask_for_day(struct resend *r)
{
	struct local_refused refused = {0};
	char route[256];
	int result = asking_list(r->config.runtime, NULL, take_of_day, r, &refused);
	if (result == 0 && r->is_short_of_memory)
		return command_fail(-ENOMEM, "cannot list the bundles of that day");
	if (result != 0)
		return fail(r, result, &refused, r->options.value['r']);
	if (r->name_count == 0)
		return command_fail(VERDICT_NOT_KEPT, "nothing of '%s' was released on %s and is here",
				    text_escape_name(route, sizeof(route), r->options.value['r']), r->options.value['d']);
	int code = EXIT_DONE;
	for (size_t i = r->name_count; i > 0; i--) {
		int each = ask_for(r, r->names[i - 1]);
		code = code == EXIT_DONE ? each : code;
	}
	return code;
}

int outbox_resend(int argc, char **argv)
{
	struct resend r = {.signer = NULL};
	int code = parse_options(&r.options, argc, argv);
	if (code == 0)
		code = outbox_config(&r.config, r.options.value['c']);
	if (code == 0)
		code = outbox_signer(&r.signer, r.options.value['k'], r.options.value['p'], r.options.value['f']);
	if (code == 0 && r.options.json)
		r.array = json_array_new();
	if (code == 0)
		code = r.options.keyword != NULL ? ask_for(&r, r.options.keyword) : ask_for_day(&r);
	if (r.array != NULL) {
		int result = json_print(r.array, stdout);
		if (result != 0)
			code = command_fail(result, "cannot print the result");
	}
	json_free(r.array);
	free(r.names);
	signer_free(r.signer);
	return code;
}
