/* weir-inbox purge: bundles that are to be destroyed before their date, by a person's signed order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/verdict.h"
#include "inbox_mandate.h"

enum { SHOWN_MAX = 20 };

/* All of a route, all that were delivered before a time, or both. */
static int choose_all(struct chosen *chosen, const struct inbox_annals *a, const struct inbox_options *options)
{
	uint64_t before = UINT64_MAX;
	size_t count = annals_count(a->annals);
	int code = EXIT_DONE;
	if (options->before != NULL && text_parse_time(&before, options->before) != 0)
		return command_usage("--before is a time: 2026-11-23 or 2026-11-23T08:00:00Z");
	for (size_t i = 0; code == EXIT_DONE && i < count; i++) {
		struct annal annal;
		annals_at(a->annals, i, &annal);
		bool is_here = annal.what == ANNAL_DELIVERED || annal.what == ANNAL_DAMAGED;
		bool is_meant = options->route == NULL || strcmp(annal.route, options->route) == 0;
		if (is_here && is_meant && annal.at < before)
			code = chosen_add(chosen, &annal);
	}
	return code;
}

static int choose(struct chosen *chosen, const struct inbox_annals *a, const struct inbox *inbox,
		  const struct inbox_options *options)
{
	int code = options->argument_count == 0 ? choose_all(chosen, a, options) : EXIT_DONE;
	for (int i = 0; code == EXIT_DONE && i < options->argument_count; i++)
		code = chosen_add_name(chosen, a, options->arguments[i]);
	return code == EXIT_DONE ? chosen_finish(chosen, inbox) : code;
}

/* Each of them is named, so that whoever is asked why knows which case it is. */
static int refuse_held(const struct chosen *chosen, const struct inbox_annals *a)
{
	int code = EXIT_DONE;
	for (size_t i = 0; i < chosen->count; i++) {
		struct mandate hold;
		char name[INBOX_NAME_BYTES];
		if (!custody_holds(a->custody, &chosen->all[i].id, &hold))
			continue;
		chosen_name(name, a, &chosen->all[i]);
		code = command_fail(VERDICT_ON_HOLD, "'%s' is held for case %s, nothing is destroyed", name, hold.name);
	}
	return code;
}

static void show(const struct chosen *chosen, const struct inbox_annals *a)
{
	char size[32], name[INBOX_NAME_BYTES], until[32];
	for (size_t i = 0; i < chosen->count && i < SHOWN_MAX; i++) {
		chosen_name(name, a, &chosen->all[i]);
		fprintf(stderr, "    %-24s  to be destroyed by %s\n", name,
			text_time(until, sizeof(until), chosen->all[i].destroy_by));
	}
	if (chosen->count > SHOWN_MAX)
		fprintf(stderr, "    and %zu more\n", chosen->count - SHOWN_MAX);
	fprintf(stderr, "%zu bundle%s, %s, would be destroyed now, for good\n", chosen->count,
		chosen->count == 1 ? "" : "s", text_size(size, sizeof(size), chosen->bytes));
}

static int purge(struct inbox *inbox, const struct inbox_options *options)
{
	struct inbox_annals annals;
	struct chosen chosen = {.count = 0};
	char size[32];
	int code = inbox_annals_open(&annals, inbox);
	if (code == EXIT_DONE)
		code = choose(&chosen, &annals, inbox, options);
	if (code == EXIT_DONE)
		code = refuse_held(&chosen, &annals);
	if (code == EXIT_DONE) {
		show(&chosen, &annals);
		code = command_confirm_count(options->count, chosen.count, "destroy", "destroyed");
	}
	if (code == EXIT_DONE)
		code = inbox_order(inbox, options, MANDATE_PURGE, "", &chosen);
	if (code == EXIT_DONE)
		printf("%zu bundle%s, %s: weir-keep destroys them now; its ledger has an entry for each\n", chosen.count,
		       chosen.count == 1 ? "" : "s", text_size(size, sizeof(size), chosen.bytes));
	chosen_free(&chosen);
	inbox_annals_close(&annals);
	return code;
}

int inbox_purge(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	int code = inbox_parse(&options, argc, argv, "ckfPtbn");
	if (code != EXIT_DONE)
		return code;
	bool is_named = options.argument_count > 0, is_all = options.route != NULL || options.before != NULL;
	if (is_named == is_all)
		code = command_usage("say which: BUNDLE…, or --route ROUTE, --before TIME, or both of these");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, INBOX_VAULT);
	if (code == EXIT_DONE) {
		code = purge(&inbox, &options);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
