#include "registrycommand.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io.h"
#include "pincommand.h"
#include "registry.h"
#include "registrynew.h"
#include "registryreport.h"
#include "signer.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

enum { SHOWN_BYTES = 1024, HEX_LINE = 128 };

/* Which options were given, one bit each. */
enum given {
	GIVEN_KEY = 1 << 0,
	GIVEN_PASSPHRASE = 1 << 1,
	GIVEN_ROOTS = 1 << 2,
	GIVEN_JSON = 1 << 3,
	GIVEN_ROUTE = 1 << 4,
	GIVEN_OFFICE = 1 << 5,
	GIVEN_DATE = 1 << 6,
	GIVEN_PERSON = 1 << 7,
};

struct options {
	unsigned int given;
	const char *key;
	const char *passphrase_file;
	const char *roots;
	const char *route;
	const char *office;
	const char *date;
	const char *person;
	const char *file;
};

/*
 * EXIT_DONE, or the exit code after the refusal has been said: of all options, `needed` have to be
 * there, `allowed` may, and others are answered with `sentence`.
 */
static int read_options(struct options *options, int argc, char **argv, unsigned int needed,
			unsigned int allowed, const char *sentence)
{
	static const struct option names[] = {
		{"key", required_argument, NULL, GIVEN_KEY},
		{"passphrase-file", required_argument, NULL, GIVEN_PASSPHRASE},
		{"roots", required_argument, NULL, GIVEN_ROOTS},
		{"json", no_argument, NULL, GIVEN_JSON},
		{"route", required_argument, NULL, GIVEN_ROUTE},
		{"office", required_argument, NULL, GIVEN_OFFICE},
		{"date", required_argument, NULL, GIVEN_DATE},
		{"person", required_argument, NULL, GIVEN_PERSON},
		{NULL, 0, NULL, 0},
	};
	*options = (struct options){.given = 0};
	const char **values[] = {&options->key,   &options->passphrase_file, &options->roots, NULL,
				 &options->route, &options->office,          &options->date,  &options->person};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == '?')
			return command_usage("unknown option, or one without its value");
		options->given |= (unsigned int)c;
		const char **value = values[__builtin_ctz((unsigned int)c)];
		if (value != NULL)
			*value = optarg;
	}
	if (argc - optind != 1)
		return command_usage("'registry %s' needs one FILE", argv[0]);
	if ((options->given & needed) != needed || (options->given & ~(needed | allowed)) != 0)
		return command_usage("'registry %s' %s", argv[0], sentence);
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
		command_say("key file '%s': it holds a %s key; a registry is signed with a root key [%s]", shown,
			    key_kind_name(card.kind), verdict_name(VERDICT_WRONG_KEY));
		return EXIT_REFUSED;
	}
	if (result == 0 && needs_passphrase) {
		result = command_passphrase(&passphrase, options->passphrase_file, options->key, false);
		if (result != 0)
			return command_fail_passphrase(result, options->passphrase_file, options->key);
	}
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
	int code = read_options(&options, argc, argv, GIVEN_KEY, GIVEN_PASSPHRASE,
				"needs --key ROOTKEY, and takes --passphrase-file alone");
	if (code != EXIT_DONE)
		return code;
	/* what was read before it is signed must be what is signed */
	int result = trusted_read(options.file, 022, REGISTRY_BYTES_MAX, &text, &len);
	if (result != 0)
		return command_fail_file(result, options.file, "");
	code = sign_text(&options, text, len);
	trusted_free(text, len);
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
	int code = read_options(&options, argc, argv, GIVEN_ROOTS, 0,
				"needs --roots ROOTS, and takes nothing else");
	if (code != EXIT_DONE)
		return code;
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
	int code = read_options(&options, argc, argv, GIVEN_ROOTS, GIVEN_JSON,
				"needs --roots ROOTS, and takes --json alone");
	if (code != EXIT_DONE)
		return code;
	struct registry *registry = load(&options, &code);
	if (registry == NULL)
		return code;
	uint64_t now = (uint64_t)time(NULL);
	if ((options.given & GIVEN_JSON) != 0) {
		int result = report_json(registry, now);
		if (result != 0)
			code = command_fail(result, "cannot print");
	} else {
		report_table(registry, now);
	}
	registry_free(registry);
	return code;
}

/* The person of the registry whose key this is, who may review this route for this office at that time. */
static const struct party *find_reviewer(const struct registry *registry, const struct route *route,
					 const struct options *options, const struct card *card,
					 uint64_t date, int *code)
{
	const struct party *person = registry_party(registry, KEY_PERSON, card->name);
	bool is_needed = false;
	int result = 0;
	for (size_t i = 0; i < route->need_count; i++)
		is_needed = is_needed || strcmp(route->needs[i], options->office) == 0;
	if (person == NULL || memcmp(person->card.id, card->id, KEY_ID_BYTES) != 0)
		result = VERDICT_UNKNOWN_KEY;
	else if ((person->roles & ROLE_REVIEWER) == 0)
		result = VERDICT_NOT_ALLOWED;
	else
		result = party_check(person, date);
	if (result != 0) {
		*code = command_fail(result, "reviewer '%s'", card->name);
		return NULL;
	}
	if (is_needed)
		return person;
	command_say("route '%s' needs no review by '%s'; its 'needs' has to name the office first, "
		    "since a review signs that line, too [%s]",
		    route->name, options->office, verdict_name(VERDICT_NOT_ALLOWED));
	*code = EXIT_REFUSED;
	return NULL;
}

/* A name for the section: "tax-security", or what is left of it with a number when another has it. */
static void name_section(char out[static NAME_BYTES], const struct registry *registry,
			 const struct route *route, const char *office)
{
	char wanted[2 * NAME_BYTES];
	snprintf(wanted, sizeof(wanted), "%s-%s", route->name, office);
	for (unsigned int number = 1;; number++) {
		char tail[16] = "";
		bool is_free = true;
		if (number > 1)
			snprintf(tail, sizeof(tail), "-%u", number);
		snprintf(out, NAME_BYTES, "%.*s%s", (int)(NAME_BYTES - 1 - strlen(tail)), wanted, tail);
		for (size_t i = 0; i < registry_review_count(registry); i++) {
			const struct review *review = registry_review_at(registry, i);
			/* the one that this review replaces keeps its name */
			bool is_same = review->route == route && strcmp(review->office, office) == 0;
			if (!is_same && strcmp(review->name, out) == 0)
				is_free = false;
		}
		if (is_free)
			return;
	}
}

static int print_review(const struct registry *registry, const struct route *route,
			const struct options *options, const struct signer *signer, uint64_t date)
{
	int code = EXIT_DONE;
	uint8_t data[REVIEW_BYTES];
	char name[NAME_BYTES], when[32], hex[2 * SIGNATURE_BYTES_MAX + 1];
	struct signature signature;
	const struct party *person = find_reviewer(registry, route, options, signer_card(signer), date, &code);
	if (person == NULL)
		return code;
	review_encode(data, route, options->office, person, date);
	int result = signer_sign(signer, &signature, REVIEW_DOMAIN, data, sizeof(data));
	if (result != 0)
		return command_fail(result, "cannot sign");
	name_section(name, registry, route, options->office);
	printf("[review %s]\nroute = %s\noffice = %s\nperson = %s\ndate = %s\n", name, route->name,
	       options->office, person->card.name, text_time(when, sizeof(when), date));
	text_hex(hex, sizeof(hex), signature.bytes, signature.len);
	for (size_t at = 0; hex[at] != 0; at += HEX_LINE)
		printf("signature = %.*s\n", HEX_LINE, hex + at);
	return EXIT_DONE;
}

static int run_review(int argc, char **argv)
{
	struct options options;
	struct registry *registry = NULL;
	struct signer *signer = NULL;
	char problem[PROBLEM_BYTES] = "", shown[64];
	uint64_t date = (uint64_t)time(NULL);
	int code = read_options(&options, argc, argv, GIVEN_KEY | GIVEN_ROUTE | GIVEN_OFFICE,
				GIVEN_PASSPHRASE | GIVEN_DATE | GIVEN_PERSON,
				"needs --route ROUTE --office OFFICE --key KEY, and takes --person, --date "
				"and --passphrase-file");
	if (code != EXIT_DONE)
		return code;
	assert(options.route != NULL && options.office != NULL); /* they were needed */
	if (!name_is_valid(options.office))
		return command_usage("'%s' is not an office: a-z, then up to 30 of a-z 0-9 -",
				     text_escape_name(shown, sizeof(shown), options.office));
	if (options.date != NULL && text_parse_time(&date, options.date) != 0)
		return command_usage("a date reads 2026-11-23 or 2026-11-23T08:00:00Z");
	int result = registry_load(&registry, options.file, NULL, problem);
	if (result != 0)
		return command_fail_file(result, options.file, problem);
	const struct route *route = registry_route(registry, options.route);
	if (route == NULL) {
		code = command_fail(VERDICT_UNKNOWN_ROUTE, "route '%s'",
				    text_escape_name(shown, sizeof(shown), options.route));
		goto out;
	}
	code = signer_open(&signer, KEY_PERSON, options.key, options.person, options.passphrase_file);
	if (signer != NULL)
		code = print_review(registry, route, &options, signer, date);
out:
	signer_free(signer);
	registry_free(registry);
	return code;
}

int registry_command(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} table[] = {{"new", registry_new_command}, {"review", run_review}, {"sign", run_sign}, {"check", run_check},
		     {"show", run_show}, {"pin", pin_command}};
	char shown[64];
	if (argc < 2)
		return command_usage("'registry' needs 'new', 'review', 'sign', 'check', 'show' or 'pin'");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(argv[1], table[i].name) == 0)
			return table[i].run(argc - 1, argv + 1);
	return command_usage("there is no 'registry %s'",
			     text_escape_name(shown, sizeof(shown), argv[1]));
}
