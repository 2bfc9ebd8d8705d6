#include "outbox_kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/json.h"
#include "common/text.h"

int kept_parse(struct kept_orders *out, int argc, char **argv, const struct option *table)
{
	optind = 0;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (c == '?')
			return command_usage("an option is unknown or lacks its value");
		out->value[c] = optarg != NULL ? optarg : "";
	}
	out->words = argv + optind;
	out->word_count = argc - optind;
	return EXIT_DONE;
}

int kept_run(struct kept_orders *o, int (*act)(void *context), void *context)
{
	int code = outbox_config(&o->config, o->value['c']);
	if (code == EXIT_DONE)
		code = outbox_signer(&o->signer, o->value['k'], o->value['p'], o->value['f']);
	if (code == EXIT_DONE && o->value['j'] != NULL)
		o->array = json_array_new();
	if (code == EXIT_DONE)
		code = act(context);
	if (o->array != NULL) {
		int result = json_print(o->array, stdout);
		if (result != 0)
			code = command_fail(result, "cannot print the result");
	}
	json_free(o->array);
	free(o->all);
	signer_free(o->signer);
	return code;
}

struct listing {
	struct kept_orders *orders;
	bool is_short_of_memory;
};

static void take(void *context, const struct local_item *item)
{
	struct listing *l = context;
	struct kept_orders *o = l->orders;
	if (item->name[0] == 0 || l->is_short_of_memory)
		return;
	void *larger = reallocarray(o->all, o->count + 1, sizeof(*o->all));
	l->is_short_of_memory = larger == NULL;
	if (larger == NULL)
		return;
	o->all = larger;
	struct kept *kept = &o->all[o->count++];
	*kept = (struct kept){
		.bytes = item->object_len,
		.released_at = item->released_at,
		.is_sent = item->state == LOCAL_SENT,
	};
	memcpy(kept->name, item->name, BUNDLE_NAME_BYTES);
	memcpy(kept->route, item->route, NAME_BYTES);
}

int kept_list(struct kept_orders *o)
{
	struct local_refused refused = {0};
	struct listing listing = {.orders = o};
	int result = asking_list(o->config.runtime, NULL, take, &listing, &refused);
	if (result == 0 && listing.is_short_of_memory)
		return command_fail(-ENOMEM, "cannot list what is in the spool");
	return result == 0 ? EXIT_DONE : kept_fail(o, result, &refused, "spool");
}

int kept_each(struct kept_orders *o, int (*act)(void *context, const struct kept *kept), void *context)
{
	int code = EXIT_DONE;
	for (size_t i = o->count; i > 0 && code != EXIT_ENVIRONMENT; i--) {
		const struct kept *kept = &o->all[i - 1];
		int each = kept->is_chosen ? act(context, kept) : EXIT_DONE;
		code = each == EXIT_ENVIRONMENT || code == EXIT_DONE ? each : code;
	}
	return code;
}

int kept_fail(const struct kept_orders *o, int result, const struct local_refused *refused, const char *what)
{
	char escaped[256];
	text_escape_name(escaped, sizeof(escaped), what);
	if (result == refused->result || result > 0)
		return command_fail(result, "'%s'", escaped);
	return outbox_cannot_reach(result, "weir-hold", o->config.runtime, CONTROL_SOCKET);
}
