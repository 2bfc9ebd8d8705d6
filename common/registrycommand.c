#include "registrycommand.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io.h"
#include "registry.h"
#include "registryreport.h"
#include "text.h"
#include "verdict.h"

enum { SHOWN_BYTES = 1024 };

struct options {
	const char *key;
	const char *passphrase_file;
	const char *roots;
	bool wants_json;
	const char *file;
};

/* EXIT_DONE, or the exit code after the refusal has been said. */
static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"key", required_argument, NULL, 'k'},
		{"passphrase-file", required_argument, NULL, 'p'},
		{"roots", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	*options = (struct options){.key = NULL};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == 'k')
			options->key = optarg;
		else if (c == 'p')
			options->passphrase_file = optarg;
		else if (c == 'r')
			options->roots = optarg;
		else if (c == 'j')
			options->wants_json = true;
		else
			return command_usage("unknown option, or one without its value");
	}
	if (argc - optind != 1)
		return command_usage("'registry %s' needs one FILE", argv[0]);
	options->file = argv[optind];
	return EXIT_DONE;
}

/* The root key, opened; EXIT_DONE, or the exit code after the refusal has been said. */
static int load_root(struct key **out, const struct options *options)
{
	struct card card;
	bool needs_passphrase = false;
	char *passphrase = NULL;
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), options->key);
	int result = key_load_card(&card, options->key, &needs_passphrase);
	if (result == 0 && card.kind != KEY_ROOT) {
		command_say("key file '%s': it holds a %s key; a registry is signed with a root "
			    "key [%s]",
			    shown, key_kind_name(card.kind), verdict_name(VERDICT_WRONG_KEY));
		return EXIT_REFUSED;
	}
	if (result == 0 && needs_passphrase)
		result = command_passphrase(&passphrase, options->passphrase_file, options->key,
					    false);
	if (result == 0)
		result = key_load(out, options->key, passphrase);
	suite_secret_free(passphrase);
	return result == 0 ? EXIT_DONE : command_fail(result, "key file '%s'", shown);
}

static int sign_text(const struct options *options, const uint8_t *text, size_t len)
{
	struct registry *registry = NULL;
	struct key *root = NULL;
	uint8_t *signed_text = NULL;
	size_t signed_len = 0;
	char problem[PROBLEM_BYTES] = "", shown[SHOWN_BYTES];
	/* nobody's signature goes under what the boxes would refuse */
	int result = registry_parse(&registry, text, len, NULL, problem);
	if (result != 0)
		return command_fail_file(result, options->file, problem);
	int code = load_root(&root, options);
	if (code != EXIT_DONE)
		goto out;
	result = registry_sign(&signed_text, &signed_len, text, len, root);
	if (result == 0)
		result = io_replace_path(options->file, signed_text, signed_len);
	text_escape_name(shown, sizeof(shown), options->file);
	if (result != 0)
		code = command_fail(result, "cannot sign '%s'", shown);
	else
		printf("'%s': version %llu of registry '%s' is signed by root '%s'\n", shown,
		       (unsigned long long)registry_version(registry), registry_name(registry),
		       root->card.name);
out:
	free(signed_text);
	key_free(root);
	registry_free(registry);
	return code;
}

static int run_sign(int argc, char **argv)
{
	struct options options;
	uint8_t *text;
	size_t len;
	int code = read_options(&options, argc, argv);
	if (code != EXIT_DONE)
		return code;
	if (options.key == NULL || options.roots != NULL || options.wants_json)
		return command_usage(
			"'registry sign' needs --key ROOTKEY, and takes --passphrase-file alone");
	int result = io_read_file(AT_FDCWD, options.file, REGISTRY_BYTES_MAX, &text, &len);
	if (result != 0)
		return command_fail_file(result, options.file, "");
	code = sign_text(&options, text, len);
	free(text);
	return code;
}

/* The registry under its roots, or NULL with *code set after the refusal has been said. */
static struct registry *load(const struct options *options, int *code)
{
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES] = "";
	int result = roots_load(&roots, options->roots, problem);
	if (result != 0) {
		*code = command_fail_file(result, options->roots, problem);
		return NULL;
	}
	result = registry_load(&registry, options->file, roots, problem);
	roots_free(roots);
	if (result == 0)
		return registry;
	*code = command_fail_file(result, options->file, problem);
	return NULL;
}

static int run_check(int argc, char **argv)
{
	struct options options;
	char shown[SHOWN_BYTES];
	int code = read_options(&options, argc, argv);
	if (code != EXIT_DONE)
		return code;
	if (options.roots == NULL || options.key != NULL || options.passphrase_file != NULL ||
	    options.wants_json)
		return command_usage(
			"'registry check' needs --roots ROOTS, and takes nothing else");
	struct registry *registry = load(&options, &code);
	if (registry == NULL)
		return code;
	text_escape_name(shown, sizeof(shown), options.file);
	int result = registry_check(registry, (uint64_t)time(NULL));
	if (result != 0)
		code = command_fail(result, "registry '%s'", shown);
	else
		report_summary(registry, shown, (uint64_t)time(NULL));
	registry_free(registry);
	return code;
}

static int run_show(int argc, char **argv)
{
	struct options options;
	int code = read_options(&options, argc, argv);
	if (code != EXIT_DONE)
		return code;
	if (options.roots == NULL || options.key != NULL || options.passphrase_file != NULL)
		return command_usage("'registry show' needs --roots ROOTS, and takes --json alone");
	struct registry *registry = load(&options, &code);
	if (registry == NULL)
		return code;
	uint64_t now = (uint64_t)time(NULL);
	if (options.wants_json) {
		int result = report_json(registry, now);
		if (result != 0)
			code = command_fail(result, "cannot print");
	} else {
		report_table(registry, now);
	}
	registry_free(registry);
	return code;
}

int registry_command(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} table[] = {{"sign", run_sign}, {"check", run_check}, {"show", run_show}};
	char shown[64];
	if (argc < 2)
		return command_usage("'registry' needs 'sign', 'check' or 'show'");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(argv[1], table[i].name) == 0)
			return table[i].run(argc - 1, argv + 1);
	return command_usage("there is no 'registry %s'",
			     text_escape_name(shown, sizeof(shown), argv[1]));
}
