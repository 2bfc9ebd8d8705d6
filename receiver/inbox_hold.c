/* weir-inbox ledger hold, release, holds: what an investigation keeps from being destroyed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "inbox_mandate.h"

static int check_case(const char *name)
{
	char shown[SHOWN_BYTES];
	return name_is_valid(name) ? EXIT_DONE
				   : command_usage("'%s' is no name of a case: a-z, 0-9 and -, at most 31, a letter first",
						   text_escape_name(shown, sizeof(shown), name));
}

static int hold(struct inbox *inbox, const struct inbox_options *options)
{
	struct inbox_annals annals;
	struct chosen chosen = {.count = 0};
	char size[32];
	int code = inbox_annals_open(&annals, inbox);
	for (int i = 1; code == EXIT_DONE && i < options->argument_count; i++)
		code = chosen_add_name(&chosen, &annals, options->arguments[i]);
	if (code == EXIT_DONE)
		code = chosen_finish(&chosen, inbox);
	if (code == EXIT_DONE)
		code = inbox_order(inbox, options, MANDATE_HOLD, options->arguments[0], &chosen);
	if (code == EXIT_DONE)
		printf("held for case %s: %zu bundle%s, %s\n", options->arguments[0], chosen.count,
		       chosen.count == 1 ? "" : "s", text_size(size, sizeof(size), chosen.bytes));
	chosen_free(&chosen);
	inbox_annals_close(&annals);
	return code;
}

static int release(struct inbox *inbox, const struct inbox_options *options)
{
	int code = inbox_order(inbox, options, MANDATE_RELEASE, options->arguments[0], NULL);
	if (code == EXIT_DONE)
		printf("case %s holds nothing any more\n", options->arguments[0]);
	return code;
}

static int run(struct inbox_options *options, const char *verb, int (*act)(struct inbox *, const struct inbox_options *))
{
	struct inbox inbox;
	options->verb = verb;
	int code = inbox_start(&inbox, options, INBOX_VAULT);
	if (code == EXIT_DONE) {
		code = act(&inbox, options);
		inbox_end(&inbox, code);
	}
	return code;
}

int inbox_hold(int argc, char **argv)
{
	struct inbox_options options;
	int code = inbox_parse(&options, argc, argv, "ckfP");
	if (code != EXIT_DONE)
		return code;
	code = options.argument_count < 2 ? command_usage("say which case, and which bundles") : check_case(options.arguments[0]);
	if (code == EXIT_DONE)
		code = run(&options, "ledger hold", hold);
	inbox_options_free(&options);
	return code;
}

int inbox_release(int argc, char **argv)
{
	struct inbox_options options;
	int code = inbox_parse(&options, argc, argv, "ckfP");
	if (code != EXIT_DONE)
		return code;
	code = options.argument_count != 1 ? command_usage("say which case ends") : check_case(options.arguments[0]);
	if (code == EXIT_DONE)
		code = run(&options, "ledger release", release);
	inbox_options_free(&options);
	return code;
}

/* ---- holds ---- */

static void add_json(struct json *array, const struct inbox_annals *a, const struct mandate *m)
{
	struct annal annal;
	char name[INBOX_NAME_BYTES];
	struct json *object = json_object_new(), *names = json_array_new();
	json_set_text(object, "case", m->name);
	json_set_text(object, "person", m->person);
	json_set_time(object, "since", m->time);
	for (unsigned int i = 0; i < m->count; i++) {
		if (!annals_find(a->annals, &m->bundles[i], &annal))
			continue;
		chosen_name(name, a, &annal);
		struct json *bundle = json_object_new();
		json_set_text(bundle, "name", name);
		json_set_time(bundle, "destroy_by", annal.destroy_by);
		json_append(names, bundle);
	}
	json_set_child(object, "bundles", names);
	json_append(array, object);
}

static void print(const struct inbox_annals *a, const struct mandate *m)
{
	struct annal annal;
	char name[INBOX_NAME_BYTES], since[32], until[32];
	printf("%s: by %s since %s\n", m->name, m->person, text_time(since, sizeof(since), m->time));
	for (unsigned int i = 0; i < m->count; i++) {
		if (!annals_find(a->annals, &m->bundles[i], &annal))
			continue;
		chosen_name(name, a, &annal);
		printf("    %-24s  to be destroyed by %s\n", name, text_time(until, sizeof(until), annal.destroy_by));
	}
}

static int holds(struct inbox *inbox, const struct inbox_options *options)
{
	struct inbox_annals a;
	size_t found = 0;
	struct json *array = options->json ? json_array_new() : NULL;
	int code = inbox_confine(false);
	if (code != EXIT_DONE)
		return code;
	code = inbox_annals_open(&a, inbox);
	for (size_t i = 0; code == EXIT_DONE && i < custody_count(a.custody); i++) {
		const struct mandate *m = custody_at(a.custody, i);
		if (m->kind != MANDATE_HOLD)
			continue;
		found++;
		if (array != NULL)
			add_json(array, &a, m);
		else
			print(&a, m);
	}
	if (code == EXIT_DONE && array != NULL) {
		int result = json_print(array, stdout);
		code = result == 0 ? EXIT_DONE : command_fail(result, "cannot print");
	} else if (code == EXIT_DONE && found == 0) {
		puts("nothing is held");
	}
	json_free(array);
	inbox_annals_close(&a);
	return code;
}

int inbox_holds(int argc, char **argv)
{
	struct inbox_options options;
	int code = inbox_parse(&options, argc, argv, "cj");
	if (code != EXIT_DONE)
		return code;
	code = options.argument_count != 0 ? command_usage("'ledger holds' takes no argument") : EXIT_DONE;
	if (code == EXIT_DONE)
		code = run(&options, "ledger holds", holds);
	inbox_options_free(&options);
	return code;
}
