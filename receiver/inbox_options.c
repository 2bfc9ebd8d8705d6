#include "inbox.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"roots", required_argument, NULL, 'r'},
	{"key", required_argument, NULL, 'k'},
	{"psk", required_argument, NULL, 'p'},
	{"passphrase-file", required_argument, NULL, 'f'},
	{"member", required_argument, NULL, 'm'},
	{"output", required_argument, NULL, 'o'},
	{"receipt", required_argument, NULL, 'R'},
	{"how", required_argument, NULL, 'w'},
	{"person", required_argument, NULL, 'P'},
	{"route", required_argument, NULL, 't'},
	{"before", required_argument, NULL, 'b'},
	{"count", required_argument, NULL, 'n'},
	{"acknowledge", required_argument, NULL, 'a'},
	{"json", no_argument, NULL, 'j'},
	{NULL, 0, NULL, 0},
};

/* Where an option's value goes; NULL for those that are no single text. */
static const char **slot(struct inbox_options *o, int letter)
{
	switch (letter) {
	case 'c': return &o->config;
	case 'r': return &o->roots;
	case 'k': return &o->key;
	case 'p': return &o->psk;
	case 'f': return &o->passphrase_file;
	case 'o': return &o->output;
	case 'R': return &o->receipt;
	case 'w': return &o->how;
	case 'P': return &o->person;
	case 't': return &o->route;
	case 'b': return &o->before;
	case 'n': return &o->count;
	case 'a': return &o->acknowledge;
	default: return NULL;
	}
}

/* What was typed, for a message: the long name, or the letter where there is none. */
static const char *shown_option(char out[static SHOWN_BYTES], int letter, const char *typed)
{
	for (const struct option *option = long_options; option->name != NULL; option++) {
		if (option->val == letter) {
			out[0] = out[1] = '-';
			return text_escape_name(out + 2, SHOWN_BYTES - 2, option->name) - 2;
		}
	}
	return text_escape_name(out, SHOWN_BYTES, typed);
}

static int take(struct inbox_options *o, int letter, const char *allowed, const char *typed)
{
	char shown[SHOWN_BYTES];
	if (letter == ':')
		return command_usage("'%s' needs a value", shown_option(shown, optopt, typed));
	shown_option(shown, letter, typed);
	if (letter == '?' || strchr(allowed, letter) == NULL)
		return command_usage("there is no option '%s' here", shown);
	if (letter == 'j') {
		o->json = true;
		return EXIT_DONE;
	}
	if (letter == 'm') {
		o->members[o->member_count++] = optarg;
		return EXIT_DONE;
	}
	const char **text = slot(o, letter);
	assert(text != NULL);
	if (*text != NULL)
		return command_usage("'%s' is given twice", shown);
	*text = optarg;
	return EXIT_DONE;
}

/* getopt_long takes "--" for its own, but here it parts the command from the rest. */
static int cut_command(struct inbox_options *o, int argc, char **argv, const char *allowed)
{
	if (strchr(allowed, 'x') == NULL)
		return argc;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		o->command = argv + i + 1;
		argv[i] = NULL;
		return i;
	}
	return argc;
}

int inbox_parse(struct inbox_options *out, int argc, char **argv, const char *allowed)
{
	struct inbox_options o = {.verb = argv[0], .members = calloc((size_t)argc, sizeof(*o.members))};
	if (o.members == NULL)
		return command_fail(-ENOMEM, "cannot start");
	int count = cut_command(&o, argc, argv, allowed);
	int code = EXIT_DONE;
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while (code == EXIT_DONE) {
		int letter = getopt_long(count, argv, ":o:", long_options, NULL);
		if (letter == -1)
			break;
		code = take(&o, letter, allowed, argv[optind - 1]);
	}
	if (code == EXIT_DONE && o.command != NULL && o.command[0] == NULL)
		code = command_usage("'--' is there but no command behind it");
	if (code != EXIT_DONE) {
		inbox_options_free(&o);
		return code;
	}
	o.arguments = argv + optind;
	o.argument_count = count - optind;
	*out = o;
	return EXIT_DONE;
}

void inbox_options_free(struct inbox_options *options)
{
	free(options->members);
	options->members = NULL;
}
