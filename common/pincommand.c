#include "pincommand.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bundle.h"
#include "command.h"
#include "key.h"
#include "personcard.h"
#include "rsa.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

enum {
	SHOWN_BYTES = 1024,
	COMMENT_BYTES = 160, /* of a line of 198 */
};

struct options {
	const char *certificate;
	const char *chain;
	const char *name;
};

static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"certificate", required_argument, NULL, 'c'},
		{"chain", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	*options = (struct options){.name = NULL};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == 'c')
			options->certificate = optarg;
		else if (c == 'r')
			options->chain = optarg;
		else {
			(void)command_usage("unknown option, or one without its value");
			return EXIT_USAGE;
		}
	}
	if (options->certificate == NULL || options->chain == NULL || argc - optind != 1) {
		(void)command_usage("'registry pin' needs --certificate CERT, --chain CHAIN and a NAME");
		return EXIT_USAGE;
	}
	options->name = argv[optind];
	char shown[64];
	if (!name_is_valid(options->name))
		return command_usage("'%s' is not a name: a-z, then up to 30 of a-z 0-9 -",
				     text_escape_name(shown, sizeof(shown), options->name));
	return EXIT_DONE;
}

/* A text without a zero byte, which nobody else may have put there: the certificate of another would be as good. */
static int read_text(char **out, const char *path)
{
	uint8_t *data = NULL;
	size_t len;
	int result = trusted_read(path, 022, CERTIFICATE_FILE_MAX, &data, &len);
	if (result != 0)
		return command_fail_file(result, path, "");
	if (memchr(data, 0, len) != NULL) {
		free(data);
		return command_fail_file(VERDICT_BAD_TYPE, path, " it is no text in PEM");
	}
	*out = (char *)data;
	return EXIT_DONE;
}

static void print_comment(const char *what, const char *text)
{
	char shown[COMMENT_BYTES];
	printf("; certificate %s %s\n", what, text_escape_name(shown, sizeof(shown), text));
}

static void print_section(const struct certificate *certificate, const char *name)
{
	char end[32];
	struct card card = {.kind = KEY_PERSON};
	memcpy(card.name, name, strlen(name));
	if (certificate->is_rsa)
		rsa_public(card.public_key, certificate->modulus);
	else
		memcpy(card.public_key, certificate->public_key, SUITE_KEY_BYTES);
	card_identify(&card);
	print_comment("subject", certificate->subject);
	print_comment("issuer", certificate->issuer);
	print_comment("serial", certificate->serial);
	print_comment("ends", text_time(end, sizeof(end), certificate->not_after));
	personcard_print(&card, certificate->is_rsa ? certificate->modulus : NULL);
}

int pin_command(int argc, char **argv)
{
	struct options options;
	struct certificate certificate;
	char *leaf = NULL, *chain = NULL;
	char problem[CERTIFICATE_PROBLEM_BYTES], why[SHOWN_BYTES], shown[SHOWN_BYTES];
	int code = read_options(&options, argc, argv);
	if (code == EXIT_DONE)
		code = read_text(&leaf, options.certificate);
	if (code == EXIT_DONE)
		code = read_text(&chain, options.chain);
	if (code == EXIT_DONE) {
		int result = certificate_check(&certificate, leaf, chain, (uint64_t)time(NULL), problem);
		text_escape_name(shown, sizeof(shown), options.certificate);
		text_escape_name(why, sizeof(why), problem);
		if (result == 0) {
			print_section(&certificate, options.name);
		} else if (result < 0) {
			code = command_fail(result, "certificate '%s'", shown);
		} else {
			command_say("certificate '%s': %s [%s]", shown, why, verdict_name(result));
			code = EXIT_REFUSED;
		}
	}
	free(leaf);
	free(chain);
	return code;
}
