#include "inbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"
#include "inbox_life.h"
#include "registrar.h"

struct head_list {
	struct registry *registry;
	size_t count;
	struct account_run head[ACCOUNT_ROUTES_MAX];
};

/* Numbers only grow over epochs, so the highest of any is the one to go on behind. */
static int note_route(void *context, const struct account_run *run)
{
	struct head_list *heads = context;
	size_t i = 0;
	while (i < heads->count && heads->head[i].route_id != run->route_id)
		i++;
	if (i == heads->count)
		heads->head[heads->count++] = *run;
	else if (run->last > heads->head[i].last)
		heads->head[i] = *run;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct account_run *x = a, *y = b;
	return (int)x->route_id - (int)y->route_id;
}

/* epoch: the life of the sender that was heard last, as in the name of a bundle behind an @. */
static void print_head(struct json *array, const struct head_list *heads, const struct account_run *head, const char *epoch)
{
	const char *route = open_route_name(heads->registry, head->route_id);
	char by_id[NAME_BYTES];
	snprintf(by_id, sizeof(by_id), "route%u", head->route_id);
	if (array == NULL) {
		printf("%s %" PRIu64 "\n", route != NULL ? route : by_id, head->last);
		return;
	}
	struct json *object = json_object_new();
	json_set_text(object, "route", route != NULL ? route : by_id);
	json_set_number(object, "number", head->last);
	json_set_text(object, "epoch", epoch);
	json_append(array, object);
}

static int print(struct head_list *heads, uint64_t life, bool is_json)
{
	char epoch[2 * sizeof(life) + 1];
	struct json *array = is_json ? json_array_new() : NULL;
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, life);
	qsort(heads->head, heads->count, sizeof(heads->head[0]), compare);
	for (size_t i = 0; i < heads->count; i++)
		if (heads->head[i].last > 0)
			print_head(array, heads, &heads->head[i], epoch);
	if (!is_json && life != 0)
		printf("@%s\n", epoch);
	int result = is_json ? json_print(array, stdout) : 0;
	json_free(array);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print");
}

static int load_registry(struct head_list *heads, const struct inbox *inbox)
{
	char problem[PROBLEM_BYTES] = "";
	int result = registry_load(&heads->registry, inbox->config.registry, inbox->roots, problem);
	if (result != 0)
		return command_fail_file(result, inbox->config.registry, problem);
	/* as keep does; one that counts nothing changes nothing, and keep tells of it */
	(void)registrar_prefer(&heads->registry, inbox->vault, inbox->roots);
	return EXIT_DONE;
}

static int show(const struct inbox *inbox, bool is_json)
{
	struct head_list *heads = calloc(1, sizeof(*heads));
	struct inbox_life life = {.account = NULL};
	int code = heads == NULL ? command_fail(-ENOMEM, "cannot start") : load_registry(heads, inbox);
	if (code == EXIT_DONE) {
		int result = inbox_life_load(&life, inbox->vault);
		if (result != 0)
			code = command_fail(result, "cannot read the vault's file 'heard'");
	}
	if (code == EXIT_DONE && life.account != NULL)
		(void)account_each_route(life.account, note_route, heads);
	if (code == EXIT_DONE && heads != NULL)
		code = print(heads, life.heard.epoch, is_json);
	inbox_life_free(&life);
	if (heads != NULL)
		registry_free(heads->registry);
	free(heads);
	return code;
}

int inbox_heads(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	int code = inbox_parse(&options, argc, argv, "cj");
	if (code != EXIT_DONE)
		return code;
	if (options.argument_count != 0)
		code = command_usage("'heads' takes no argument");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, INBOX_ROOTS | INBOX_VAULT);
	if (code == EXIT_DONE) {
		code = inbox_confine(false);
		if (code == EXIT_DONE)
			code = show(&inbox, options.json);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
