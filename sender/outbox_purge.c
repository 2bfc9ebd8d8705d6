/*
 * weir-outbox purge: a named person has bundles that were sent removed from the spool before their time: those that
 * are named, or all of a route, all that were released before a time, or both.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asking.h"
#include "common/command.h"
#include "common/json.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"

const char outbox_purge_help[] =
	"  --route ROUTE           all of this route that were sent\n"
	"  --before TIME           … or released before this time: 2026-11-23 or 2026-11-23T08:00:00Z\n"
	"  --count N               the number of bundles, instead of typing it\n"
	"  --key FILE              the person's key; else WEIR_KEY, else ~/.weir/person.key\n"
	"  --person NAME           refuse unless the key is this person's\n"
	"  --passphrase-file FILE  the key's passphrase in its first line; else WEIR_PASSPHRASE_FILE, else asked\n"
	"  --json                  print the result as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n"
	"\n"
	"A receiver that does not have them yet will not get them any more.\n";

enum { SHOWN_MAX = 20 };

struct options {
	const char *value[128]; /* by the letter of the option */
	bool json;
	char *const *names;     /* none: by route and time */
	int name_count;
	uint64_t before;
};

/* One of the spool, and whether it is meant. */
struct kept {
	char name[BUNDLE_NAME_BYTES];
	char route[NAME_BYTES];
	uint64_t bytes;
	uint64_t released_at;
	bool is_sent;
	bool is_chosen;
};

struct purge {
	struct options options;
	struct config config;
	struct signer *signer;
	struct json *array;     /* NULL: for a person's eye */
	struct kept *all;
	size_t all_count;
	bool is_short_of_memory;
	size_t count;           /* that are chosen, and their bytes */
	uint64_t bytes;
};

static int parse_options(struct options *out, int argc, char **argv)
{
	static const struct option table[] = {
		{"route", required_argument, NULL, 'r'},
		{"before", required_argument, NULL, 'b'},
		{"count", required_argument, NULL, 'n'},
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
	out->names = argv + optind;
	out->name_count = argc - optind;
	out->before = UINT64_MAX;
	bool is_all = out->value['r'] != NULL || out->value['b'] != NULL;
	if (is_all == (out->name_count > 0))
		return command_usage("say which: NAME…, or --route ROUTE, --before TIME, or both of these");
	if (out->value['b'] != NULL && text_parse_time(&out->before, out->value['b']) != 0)
		return command_usage("--before is a time: 2026-11-23 or 2026-11-23T08:00:00Z");
	return 0;
}

/* The registry in use is not anybody's bundle. */
static void take(void *context, const struct local_item *item)
{
	struct purge *p = context;
	if (strcmp(item->route, OPEN_ROUTE) == 0 || p->is_short_of_memory)
		return;
	void *larger = realloc(p->all, (p->all_count + 1) * sizeof(*p->all));
	p->is_short_of_memory = larger == NULL;
	if (larger == NULL)
		return;
	p->all = larger;
	struct kept *kept = &p->all[p->all_count++];
	*kept = (struct kept){.bytes = item->object_len, .released_at = item->released_at, .is_sent = item->state == LOCAL_SENT};
	memcpy(kept->name, item->name, BUNDLE_NAME_BYTES);
	memcpy(kept->route, item->route, NAME_BYTES);
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
	size_t i = 0;
	text_escape_name(escaped, sizeof(escaped), name);
	while (i < p->all_count && (p->all[i].name[0] == 0 || strcmp(p->all[i].name, name) != 0))
		i++;
	if (i == p->all_count)
		return command_fail(VERDICT_NO_SUCH_BUNDLE, "'%s'", escaped);
	if (!p->all[i].is_sent)
		return command_fail(VERDICT_NOT_SENT, "'%s'", escaped);
	add(p, &p->all[i]);
	return EXIT_DONE;
}

static int choose(struct purge *p)
{
	const char *route = p->options.value['r'];
	int code = EXIT_DONE;
	for (int i = 0; code == EXIT_DONE && i < p->options.name_count; i++)
		code = choose_name(p, p->options.names[i]);
	for (size_t i = 0; p->options.name_count == 0 && i < p->all_count; i++)
		if (p->all[i].is_sent && (route == NULL || strcmp(p->all[i].route, route) == 0) &&
		    p->all[i].released_at < p->options.before)
			add(p, &p->all[i]);
	if (code == EXIT_DONE && p->count == 0)
		return command_fail(VERDICT_NO_SUCH_BUNDLE, "nothing that was sent is meant");
	return code;
}

static int cannot_ask(const struct purge *p, int result, const struct local_refused *refused, const char *name)
{
	if (result == refused->result || result > 0)
		return command_fail(result, "'%s'", name);
	return outbox_cannot_reach(result, "weir-hold", p->config.runtime, CONTROL_SOCKET);
}

static int list(struct purge *p)
{
	struct local_refused refused = {0};
	int result = asking_list(p->config.runtime, NULL, take, p, &refused);
	if (result == 0 && p->is_short_of_memory)
		return command_fail(-ENOMEM, "cannot list what is in the spool");
	return result == 0 ? EXIT_DONE : cannot_ask(p, result, &refused, "spool");
}

static void show(const struct purge *p)
{
	char size[32], at[32];
	size_t shown = 0;
	for (size_t i = 0; i < p->all_count && shown < SHOWN_MAX; i++) {
		const struct kept *kept = &p->all[i];
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

/* The number of bundles, which nobody types by habit. */
static int confirm(const struct purge *p)
{
	char line[64] = "";
	uint64_t typed = 0;
	const char *given = p->options.value['n'];
	if (given == NULL && isatty(STDIN_FILENO) != 1)
		return command_usage("it takes the number of bundles: --count N, where no terminal is to type it at");
	if (given == NULL) {
		fprintf(stderr, "Type the number of bundles to remove them: ");
		if (fgets(line, sizeof(line), stdin) == NULL)
			line[0] = 0;
		line[strcspn(line, "\n")] = 0;
		given = line;
	}
	if (text_parse_u64(&typed, given, UINT64_MAX) == 0 && typed == p->count)
		return EXIT_DONE;
	command_say("the number is not that of the bundles, %zu; nothing is removed [%s]", p->count,
		    verdict_name(VERDICT_BAD_COUNT));
	return EXIT_REFUSED;
}

static int sign(void *context, const struct local_resend_found *found, struct resendorder *order)
{
	struct purge *p = context;
	*order = (struct resendorder){.kind = RESENDORDER_PURGE, .what = found->what};
	order->what.block = RESEND_ALL;
	order->what.rows = 0;
	return outbox_sign_order(order, p->signer, found);
}

static int remove_one(struct purge *p, const struct kept *kept)
{
	struct local_refused refused = {0};
	struct local_resend_taken taken;
	const struct asking_resend ask = {sign, p};
	int result = asking_resend(p->config.runtime, kept->name, &ask, &taken, &refused);
	if (result != 0)
		return cannot_ask(p, result, &refused, kept->name);
	p->count++;
	p->bytes += taken.bytes;
	if (p->array == NULL)
		return EXIT_DONE;
	struct json *json = json_object_new();
	json_set_text(json, "name", kept->name);
	json_set_text(json, "route", kept->route);
	json_set_text(json, "person", signer_card(p->signer)->name);
	json_set_number(json, "bytes", taken.bytes);
	json_append(p->array, json);
	return EXIT_DONE;
}

/* All of them, also when one is refused; the first refusal is the exit code. */
static int remove_all(struct purge *p)
{
	char size[32];
	int code = EXIT_DONE;
	p->count = 0;
	p->bytes = 0;
	for (size_t i = 0; i < p->all_count && code != EXIT_ENVIRONMENT; i++) {
		int each = p->all[i].is_chosen ? remove_one(p, &p->all[i]) : EXIT_DONE;
		code = each == EXIT_ENVIRONMENT || code == EXIT_DONE ? each : code;
	}
	if (p->array == NULL)
		printf("%zu bundle%s, %s: removed from the spool; the ledger has an entry for each\n", p->count,
		       p->count == 1 ? "" : "s", text_size(size, sizeof(size), p->bytes));
	return code;
}

static int purge(struct purge *p)
{
	int code = list(p);
	if (code == EXIT_DONE)
		code = choose(p);
	if (code == EXIT_DONE) {
		show(p);
		code = confirm(p);
	}
	return code == EXIT_DONE ? remove_all(p) : code;
}

int outbox_purge(int argc, char **argv)
{
	struct purge p = {.signer = NULL};
	int code = parse_options(&p.options, argc, argv);
	if (code == 0)
		code = outbox_config(&p.config, p.options.value['c']);
	if (code == 0)
		code = outbox_signer(&p.signer, p.options.value['k'], p.options.value['p'], p.options.value['f']);
	if (code == 0 && p.options.json)
		p.array = json_array_new();
	if (code == 0)
		code = purge(&p);
	if (p.array != NULL) {
		int result = json_print(p.array, stdout);
		if (result != 0)
			code = command_fail(result, "cannot print the result");
	}
	json_free(p.array);
	free(p.all);
	signer_free(p.signer);
	return code;
}
