#include "keycommand.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "key.h"
#include "passphrase.h"
#include "personcard.h"
#include "text.h"
#include "token.h"
#include "verdict.h"

enum { SHOWN_BYTES = 1024 };

struct options {
	const char *out;
	const char *passphrase_file;
	const char *name; /* whose a token's key is */
	bool is_unprotected;
	bool wants_json;
	char **words; /* what is left: KIND NAME, or FILE */
	int word_count;
};

/* EXIT_DONE, or the exit code after the refusal has been said. */
static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"unprotected", no_argument, NULL, 'u'},
		{"passphrase-file", required_argument, NULL, 'p'},
		{"name", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	*options = (struct options){.out = NULL};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "o:", names, NULL)) != -1;) {
		if (c == 'o')
			options->out = optarg;
		else if (c == 'p')
			options->passphrase_file = optarg;
		else if (c == 'n')
			options->name = optarg;
		else if (c == 'u')
			options->is_unprotected = true;
		else if (c == 'j')
			options->wants_json = true;
		else
			return command_usage("unknown option, or one without its value");
	}
	options->words = argv + optind;
	options->word_count = argc - optind;
	return EXIT_DONE;
}

static int print_json(const struct card *card, bool is_protected)
{
	char fingerprint[FINGERPRINT_BYTES];
	card_fingerprint(fingerprint, card);
	struct json *object = json_object_new();
	json_set_text(object, "kind", key_kind_name(card->kind));
	json_set_text(object, "name", card->name);
	json_set_hex(object, "public", card->public_key, SUITE_KEY_BYTES);
	if (card_second_name(card) != NULL)
		json_set_hex(object, card_second_name(card), card->second, SUITE_KEY_BYTES);
	json_set_hex(object, "key_id", card->id, KEY_ID_BYTES);
	json_set_text(object, "fingerprint", fingerprint);
	json_set_bool(object, "protected", is_protected);
	int result = json_print(object, stdout);
	json_free(object);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print");
}

static void print_card(const struct card *card)
{
	char text[CARD_TEXT_BYTES];
	fputs(card_text(text, card), stdout);
}

/* Characters, not bytes: eight in any language. */
static size_t count_characters(const char *text)
{
	size_t count = 0;
	for (; *text != 0; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

/* What a passphrase must be, when one is chosen: EXIT_DONE, or EXIT_REFUSED after saying why not. */
static int judge_passphrase(const char *passphrase)
{
	if (count_characters(passphrase) >= PASSPHRASE_CHARACTERS_MIN)
		return EXIT_DONE;
	command_say("the passphrase is too short; take at least %d characters, better a sentence [%s]",
		    PASSPHRASE_CHARACTERS_MIN, verdict_name(VERDICT_BAD_LENGTH));
	return EXIT_REFUSED;
}

static int ask_passphrase(char **out, const struct options *options)
{
	char *passphrase = NULL;
	int result = command_passphrase(&passphrase, options->passphrase_file, options->out, true);
	if (result == -ENOTTY) {
		command_say("there is no terminal to ask for a passphrase; give --passphrase-file, "
			    "or --unprotected for a daemon's key");
		return EXIT_ENVIRONMENT;
	}
	if (result != 0)
		return command_fail_passphrase(result, options->passphrase_file, options->out);
	int code = judge_passphrase(passphrase);
	if (code == EXIT_DONE)
		code = passphrase_judge(passphrase);
	if (code != EXIT_DONE) {
		suite_secret_free(passphrase);
		return code;
	}
	*out = passphrase;
	return EXIT_DONE;
}

static int fail_save(int result, const char *path)
{
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), path);
	if (result != -EEXIST)
		return command_fail(result, "cannot write key file '%s'", shown);
	command_say("'%s' exists, and a key file is never replaced; take another name", shown);
	return EXIT_ENVIRONMENT;
}

static int make_key(enum key_kind kind, const char *name, const struct options *options)
{
	char *passphrase = NULL;
	/* asked before the passphrase is; key_save decides */
	if (faccessat(AT_FDCWD, options->out, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fail_save(-EEXIST, options->out);
	if (!options->is_unprotected) {
		int code = ask_passphrase(&passphrase, options);
		if (code != EXIT_DONE)
			return code;
	}
	struct key *key = key_new(kind, name);
	/* kind and name have been checked: there is no memory that can be locked */
	int result = key == NULL ? -ENOMEM : key_save(options->out, key, passphrase);
	suite_secret_free(passphrase);
	int code = EXIT_DONE;
	if (result != 0)
		code = fail_save(result, options->out);
	else if (options->wants_json)
		code = print_json(&key->card, !options->is_unprotected);
	else
		print_card(&key->card);
	key_free(key);
	return code;
}

static int run_new(int argc, char **argv)
{
	struct options options;
	char shown[64];
	int code = read_options(&options, argc, argv);
	if (code != EXIT_DONE)
		return code;
	if (options.word_count != 2 || options.out == NULL || options.name != NULL)
		return command_usage("'key new' needs a kind, a name and -o FILE");
	enum key_kind kind = key_kind_from_name(options.words[0]);
	if (kind == 0)
		return command_usage("there is no kind of key '%s'",
				     text_escape_name(shown, sizeof(shown), options.words[0]));
	if (!name_is_valid(options.words[1]))
		return command_usage("'%s' is not a name: a-z, then up to 30 of a-z 0-9 -",
				     text_escape_name(shown, sizeof(shown), options.words[1]));
	if (options.is_unprotected && options.passphrase_file != NULL)
		return command_usage("--unprotected and --passphrase-file exclude each other");
	return make_key(kind, options.words[1], &options);
}

static int run_show(int argc, char **argv)
{
	struct options options;
	struct card card;
	bool needs_passphrase = false;
	char shown[SHOWN_BYTES];
	int code = read_options(&options, argc, argv);
	if (code != EXIT_DONE)
		return code;
	if (options.word_count == 1 && options.out == NULL && !options.is_unprotected &&
	    token_is_uri(options.words[0]))
		return personcard_show_token(options.words[0], options.name, options.passphrase_file,
					     options.wants_json);
	if (options.word_count != 1 || options.out != NULL || options.is_unprotected ||
	    options.passphrase_file != NULL || options.name != NULL)
		return command_usage("'key show' needs one FILE, and takes --json alone");
	int result = key_load_card(&card, options.words[0], &needs_passphrase);
	if (result != 0)
		return command_fail(result, "key file '%s'",
				    text_escape_name(shown, sizeof(shown), options.words[0]));
	if (options.wants_json)
		return print_json(&card, needs_passphrase);
	print_card(&card);
	return EXIT_DONE;
}

int key_command(int argc, char **argv)
{
	char shown[64];
	if (argc < 2)
		return command_usage("'key' needs 'new' or 'show'");
	if (strcmp(argv[1], "new") == 0)
		return run_new(argc - 1, argv + 1);
	if (strcmp(argv[1], "show") == 0)
		return run_show(argc - 1, argv + 1);
	return command_usage("there is no 'key %s'",
			     text_escape_name(shown, sizeof(shown), argv[1]));
}
