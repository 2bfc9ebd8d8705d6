/*
 * weir-outbox resend: a named person has something sent once more: what a resend code names, a bundle, or all that
 * a route released on a day.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/json.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox_kept.h"

const char outbox_resend_help[] =
	"  --block N               of a bundle named, only this source block, from 0\n"
	"  --rows N                so many further repair rows, instead of a whole pass; 1 to 255\n"
	"  --route ROUTE           with --day: everything of this route …\n"
	"  --day DAY               … that was released on this day (UTC), as 2026-11-27\n"
	KEPT_OPTIONS_HELP
	"\n"
	"A code is what 'weir-inbox gaps' prints at the receiver; it says block and rows itself.\n";

enum { DAY_S = 86400, DAY_LEN = 10 };

struct resend {
	struct kept_orders orders; /* words: one code or name; none: by route and day */
	uint32_t block;
	uint8_t rows;
	uint64_t day;
	/* what is being asked for */
	struct local_resend_found found;
	struct resendorder order;
};

static int parse_numbers(struct resend *r)
{
	uint64_t block = RESEND_ALL, rows = 0;
	const char *const *value = r->orders.value;
	const char *day = value['d'];
	if (value['b'] != NULL && text_parse_u64(&block, value['b'], BLOCKS_MAX - 1) != 0)
		return command_usage("--block is a number from 0 to %d", BLOCKS_MAX - 1);
	if (value['n'] != NULL && (text_parse_u64(&rows, value['n'], UINT8_MAX) != 0 || rows == 0))
		return command_usage("--rows is a number from 1 to %d", UINT8_MAX);
	if (day != NULL && (strlen(day) != DAY_LEN || text_parse_time(&r->day, day) != 0))
		return command_usage("--day is a day as 2026-11-27");
	r->block = (uint32_t)block;
	r->rows = (uint8_t)rows;
	return EXIT_DONE;
}

static int parse_options(struct resend *r, int argc, char **argv)
{
	static const struct option table[] = {
		{"block", required_argument, NULL, 'b'},
		{"rows", required_argument, NULL, 'n'},
		{"day", required_argument, NULL, 'd'},
		KEPT_OPTIONS,
	};
	const char *const *value = r->orders.value;
	int code = kept_parse(&r->orders, argc, argv, table);
	if (code != EXIT_DONE)
		return code;
	bool by_day = value['r'] != NULL || value['d'] != NULL;
	if (by_day && (value['r'] == NULL || value['d'] == NULL))
		return command_usage("--route and --day go together");
	if (r->orders.word_count != (by_day ? 0 : 1))
		return command_usage(by_day ? "with --route and --day it takes no code or name"
					    : "it needs one resend code or one name; quote a code with blanks");
	if (by_day && (value['b'] != NULL || value['n'] != NULL))
		return command_usage("--block and --rows are for one bundle");
	return parse_numbers(r);
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
		order->what.block = r->block;
		order->what.rows = r->rows;
	} else if (r->orders.value['b'] != NULL || r->orders.value['n'] != NULL) {
		return -EINVAL;
	}
	if ((order->what.block != RESEND_ALL && order->what.block >= found->blocks) ||
	    order->what.rows > found->further_rows)
		return VERDICT_BAD_LIMIT;
	int result = outbox_sign_order(order, r->orders.signer, found);
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
	return kept_fail(&r->orders, result, refused, given);
}

static int ask_for(struct resend *r, const char *given)
{
	char keyword[LOCAL_KEYWORD_BYTES];
	struct local_refused refused = {0};
	struct local_resend_taken taken;
	const struct asking_resend ask = {sign, r};
	int result = make_keyword(keyword, given);
	if (result == 0)
		result = asking_resend(r->orders.config.runtime, keyword, &ask, &taken, &refused);
	if (result != 0)
		return fail(r, result, &refused, given);
	if (r->orders.array != NULL)
		json_append(r->orders.array, result_json(r, &taken));
	else
		print_result(r, &taken);
	return EXIT_DONE;
}

static int ask_for_one(void *context, const struct kept *kept)
{
	return ask_for(context, kept->name);
}

static int ask_for_day(struct resend *r)
{
	char route[256];
	bool is_any = false;
	struct kept_orders *o = &r->orders;
	int code = kept_list(o);
	for (size_t i = 0; code == EXIT_DONE && i < o->count; i++) {
		struct kept *kept = &o->all[i];
		kept->is_chosen = strcmp(kept->route, o->value['r']) == 0 && kept->released_at >= r->day &&
				  kept->released_at - r->day < DAY_S;
		is_any |= kept->is_chosen;
	}
	if (code == EXIT_DONE && !is_any)
		return command_fail(VERDICT_NOT_KEPT, "nothing of '%s' was released on %s and is here",
				    text_escape_name(route, sizeof(route), o->value['r']), o->value['d']);
	return code == EXIT_DONE ? kept_each(o, ask_for_one, r) : code;
}

static int resend(void *context)
{
	struct resend *r = context;
	return r->orders.word_count > 0 ? ask_for(r, r->orders.words[0]) : ask_for_day(r);
}

int outbox_resend(int argc, char **argv)
{
	struct resend r = {.block = RESEND_ALL};
	int code = parse_options(&r, argc, argv);
	return code == EXIT_DONE ? kept_run(&r.orders, resend, &r) : code;
}
