#include "setup.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/text.h"
#include "common/verdict.h"

const char *setup_config_path(const char *config_path)
{
	if (config_path == NULL)
		config_path = getenv("WEIR_CONFIG");
	return config_path != NULL && config_path[0] != 0 ? config_path : SENDER_CONFIG;
}

int setup_options(int argc, char **argv, const char *program, const char *purpose,
		  const char **config_path)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	command_start(program);
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'c') {
			path = optarg;
			continue;
		}
		if (c == 'h')
			printf("usage: %s --config FILE\n\n%s\n", program, purpose);
		else if (c == 'v')
			printf("%s %s\n", program, WEIR_VERSION);
		else
			return command_usage("say --config FILE, and nothing else");
		return fflush(stdout) == 0 ? EXIT_DONE : EXIT_ENVIRONMENT;
	}
	if (optind != argc)
		return command_usage("say --config FILE, and nothing else");
	*config_path = setup_config_path(path);
	return -1;
}

void setup_name_file(struct setup_problem *problem, const char *file)
{
	snprintf(problem->file, sizeof(problem->file), "%s", file);
}

/* Of what is tried next; nothing is known to be wrong with it yet. */
static void name_file(struct setup_problem *problem, const char *file)
{
	setup_name_file(problem, file);
	problem->text[0] = 0;
}

int setup_load_registry(struct setup *setup, struct setup_problem *problem)
{
	name_file(problem, setup->config.roots);
	int result = roots_load(&setup->roots, setup->config.roots, problem->text);
	return result == 0 ? setup_read_registry(&setup->registry, setup, problem) : result;
}

int setup_load(struct setup *out, const char *config_path, struct setup_problem *problem)
{
	struct setup setup = {0};
	name_file(problem, config_path);
	int result = config_load(&setup.config, CONFIG_SENDER, config_path, problem->text);
	if (result == 0)
		result = setup_load_registry(&setup, problem);
	if (result != 0) {
		setup_free(&setup);
		return result;
	}
	*out = setup;
	return 0;
}

int setup_has_route(bool *out, const struct config *config, const char *name, struct setup_problem *problem)
{
	struct setup setup = {.config = *config};
	int result = setup_load_registry(&setup, problem);
	if (result == 0)
		*out = registry_route(setup.registry, name) != NULL;
	setup_free(&setup);
	return result;
}

int setup_read_registry(struct registry **out, const struct setup *setup,
			struct setup_problem *problem)
{
	struct registry *registry = NULL;
	name_file(problem, setup->config.registry);
	int result = registry_load(&registry, setup->config.registry, setup->roots, problem->text);
	if (result == 0 && setup->registry != NULL &&
	    registry_version(registry) < registry_version(setup->registry))
		result = VERDICT_OLDER_REGISTRY;
	if (result != 0) {
		registry_free(registry);
		return result;
	}
	*out = registry;
	return 0;
}

void setup_use_registry(struct setup *setup, struct registry *registry)
{
	registry_free(setup->registry);
	setup->registry = registry;
}

void setup_free(struct setup *setup)
{
	registry_free(setup->registry);
	roots_free(setup->roots);
	setup->registry = NULL;
	setup->roots = NULL;
}

int setup_box_key(struct key **out, const struct setup *setup, struct setup_problem *problem)
{
	struct key *key = NULL;
	name_file(problem, setup->config.box_key);
	int result = key_load(&key, setup->config.box_key, NULL);
	if (result != 0)
		return result;
	if (key->card.kind != KEY_SENDER)
		result = VERDICT_WRONG_KEY;
	else if (registry_party_by_key(setup->registry, KEY_SENDER, key->card.id) == NULL)
		result = VERDICT_UNKNOWN_KEY;
	if (result != 0) {
		key_free(key);
		return result;
	}
	*out = key;
	return 0;
}

char *setup_describe(char out[static SETUP_TEXT_BYTES], const struct setup_problem *problem)
{
	char file[2 * CONFIG_PATH_BYTES];
	text_escape_name(file, sizeof(file), problem->file);
	/* what a parser says has been escaped by it */
	if (problem->text[0] != 0)
		snprintf(out, SETUP_TEXT_BYTES, "%s:%s", file, problem->text);
	else
		snprintf(out, SETUP_TEXT_BYTES, "'%s'", file);
	return out;
}

int setup_path(char *out, size_t size, const char *folder, const char *name)
{
	int n = snprintf(out, size, "%s/%s", folder, name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}
