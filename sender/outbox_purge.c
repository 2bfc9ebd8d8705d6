/*
 * weir-outbox purge: a named person has bundles that were sent removed from the spool before their time: those that
 * are named, or all of a route, all that were released before a time, or both.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/json.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox_kept.h"

const char outbox_purge_help[] =
	"  --route ROUTE           all of this route that were sent\n"
	"  --before TIME           … or released before this time: 2026-11-23 or 2026-11-23T08:00:00Z\n"
	"  --count N               the number of bundles, instead of typing it\n"
	KEPT_OPTIONS_HELP
	"\n"
	"A receiver that does not have them yet will not get them any more.\n";

enum { SHOWN_MAX = 20 };

struct purge {
	struct kept_orders orders; /* words: names; none: by route and time */
	uint64_t before;
	size_t count;              /* that are chosen, then that are removed; and their bytes */
	uint64_t bytes;
};

static int parse_options(struct purge *p, int argc, char **argv)
{
	static const struct option table[] = {
		{"before", required_argument, NULL, 'b'},
		{"count", required_argument, NULL, 'n'},
		KEPT_OPTIONS,
	};
	struct kept_orders *o = &p->orders;
	int code = kept_parse(o, argc, argv, table);
	if (code != EXIT_DONE)
		return code;
	p->before = UINT64_MAX;
	bool is_all = o->value['r'] != NULL || o->value['b'] != NULL;
	if (is_all == (o->word_count > 0))
		return command_usage("say which: NAME…, or --route ROUTE, --before TIME, or both of these");
	if (o->value['b'] != NULL && text_parse_time(&p->before, o->value['b']) != 0)
		return command_usage("--before is a time: 2026-11-23 or 2026-11-23T08:00:00Z");
	return EXIT_DONE;
}

/* The registry in use is not anybody's bundle. */
static bool is_anybodys(const struct kept *kept)
{
	return strcmp(kept->route, OPEN_ROUTE) != 0;
}

static void add(struct purge *p, struct kept *kept)
{
	p->count += !kept->is_chosen;
	p->bytes += kept->is_chosen ? 0 : kept->bytes;
	kept->is_chosen = true;
}

/* By name, each once. */
static int choose_name(struct purge *p, const char *name)
{
	char escaped[256];
	struct kept *all = p->orders.all;
	size_t i = 0, count = p->orders.count;
	text_escape_name(escaped, sizeof(escaped), name);
	while (i < count && (!is_anybodys(&all[i]) || strcmp(all[i].name, name) != 0))
		i++;
	if (i == count)
		return command_fail(VERDICT_NO_SUCH_BUNDLE, "'%s'", escaped);
	if (!all[i].is_sent)
		return command_fail(VERDICT_NOT_SENT, "'%s'", escaped);
	add(p, &all[i]);
	return EXIT_DONE;
}

static int choose(struct purge *p)
{
	const struct kept_orders *o = &p->orders;
	const char *route = o->value['r'];
	int code = EXIT_DONE;
	for (int i = 0; code == EXIT_DONE && i < o->word_count; i++)
		code = choose_name(p, o->words[i]);
	for (size_t i = 0; o->word_count == 0 && i < o->count; i++)
		if (o->all[i].is_sent && is_anybodys(&o->all[i]) &&
		    (route == NULL || strcmp(o->all[i].route, route) == 0) && o->all[i].released_at < p->before)
			add(p, &o->all[i]);
	if (code == EXIT_DONE && p->count == 0)
		return command_fail(VERDICT_NO_SUCH_BUNDLE, "nothing that was sent is meant");
	return code;
}

static void show(const struct purge *p)
{
	char size[32], at[32];
	size_t shown = 0;
	for (size_t i = 0; i < p->orders.count && shown < SHOWN_MAX; i++) {
		const struct kept *kept = &p->orders.all[i];
		if (!kept->is_chosen)
			continue;
		fprintf(stderr, "    %-24s  %10s  released %s\n", kept->name, text_size(size, sizeof(size), kept->bytes),
			text_time(at, sizeof(at), kept->released_at));
		shown++;
	}
	if (p->count > shown)
		fprintf(stderr, "    and %zu more\n", p->count - shown);
	fprintf(stderr, "%zu bundle%s, %s, would be removed from the spool now, for good\n", p->count,
		p->count == 1 ? "" : "s", text_size(size, sizeof(size), p->bytes));
}

static int sign(void *context, const struct local_resend_found *found, struct resendorder *order)
{
	struct purge *p = context;
	*order = (struct resendorder){.kind = RESENDORDER_PURGE, .what = found->what};
	order->what.block = RESEND_ALL;
	order->what.rows = 0;
	return outbox_sign_order(order, p->orders.signer, found);
}

static int remove_one(void *context, const struct kept *kept)
{
	struct purge *p = context;
	struct local_refused refused = {0};
	struct local_resend_taken taken;
	const struct asking_resend ask = {sign, p};
	int result = asking_resend(p->orders.config.runtime, kept->name, &ask, &taken, &refused);
	if (result != 0)
		return kept_fail(&p->orders, result, &refused, kept->name);
	p->count++;
	p->bytes += taken.bytes;
	if (p->orders.array == NULL)
		return EXIT_DONE;
	struct json *json = json_object_new();
	json_set_text(json, "name", kept->name);
	json_set_text(json, "route", kept->route);
	json_set_text(json, "person", signer_card(p->orders.signer)->name);
	json_set_number(json, "bytes", taken.bytes);
	json_append(p->orders.array, json);
	return EXIT_DONE;
}

static int remove_all(struct purge *p)
{
	char size[32];
	p->count = 0;
	p->bytes = 0;
	int code = kept_each(&p->orders, remove_one, p);
	if (p->orders.array == NULL)
		printf("%zu bundle%s, %s: removed from the spool; the ledger has an entry for each\n", p->count,
		       p->count == 1 ? "" : "s", text_size(size, sizeof(size), p->bytes));
	return code;
}

static int purge(void *context)
{
	struct purge *p = context;
	int code = kept_list(&p->orders);
	if (code == EXIT_DONE)
		code = choose(p);
	if (code == EXIT_DONE) {
		show(p);
		code = command_confirm_count(p->orders.value['n'], p->count, "remove", "removed");
	}
	return code == EXIT_DONE ? remove_all(p) : code;
}

int outbox_purge(int argc, char **argv)
{
	struct purge p = {.count = 0};
	int code = parse_options(&p, argc, argv);
	return code == EXIT_DONE ? kept_run(&p.orders, purge, &p) : code;
}
