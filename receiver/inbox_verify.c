#include "inbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

struct tally {
	size_t good;
	size_t bad;
	uint64_t bytes;
	struct json *array; /* NULL: for a person's eye */
	bool environment_failed;
};

static void report_json(struct tally *tally, const struct subject *s, int result)
{
	struct json *object = json_object_new();
	json_set_text(object, "subject", s->label);
	json_set_text(object, "name", s->name[0] != 0 ? s->name : NULL);
	json_set_bool(object, "verified", result == 0);
	json_set_text(object, "verdict", result >= 0 ? verdict_name(result) : "unreadable");
	json_set_text(object, "explanation", verdict_explain(result));
	if (s->problem[0] != 0)
		json_set_text(object, "problem", s->problem);
	if (result == 0) {
		json_set_number(object, "object_bytes",
				bundle_object_len(&unpack_release(s->unpack)->statement));
		inbox_orders_json(object, unpack_endorsements(s->unpack));
	}
	json_append(tally->array, object);
}

static void report_line(const struct subject *s, int result)
{
	char size[32];
	if (result == 0)
		printf("%s: good, %s from %s by %s\n", s->label,
		       text_size(size, sizeof(size),
				 bundle_object_len(&unpack_release(s->unpack)->statement)),
		       unpack_release(s->unpack)->box, unpack_release(s->unpack)->statement.person);
	else if (result < 0)
		printf("%s: unreadable: %s\n", s->label, verdict_explain(result));
	else
		printf("%s: refused: %s [%s]\n", s->label,
		       s->problem[0] != 0 ? s->problem : verdict_explain(result),
		       verdict_name(result));
}

static void count_result(struct tally *tally, const struct subject *s, int result)
{
	if (result == 0) {
		tally->good++;
		tally->bytes += bundle_object_len(&unpack_release(s->unpack)->statement);
	} else {
		tally->bad++;
	}
	if (tally->array != NULL)
		report_json(tally, s, result);
	else
		report_line(s, result);
	fflush(stdout);
}

static void verify_subject(struct tally *tally, struct subject *s, const struct inbox *inbox)
{
	int result = s->fd < 0 ? s->fd : subject_read(s, inbox);
	if (result == 0)
		result = subject_verify_watched(s, -1);
	count_result(tally, s, result);
	subject_close(s);
}

static int verify_vault(struct tally *tally, struct inbox *inbox)
{
	struct vault_item *items = NULL;
	size_t count = 0;
	int result = vault_list(inbox->vault, &items, &count);
	if (result != 0)
		return command_fail(result, "cannot read the vault");
	for (size_t i = 0; i < count; i++) {
		struct subject s;
		char name[INBOX_NAME_BYTES];
		inbox_item_name(name, items, count, i);
		subject_take(&s, inbox_open_item(inbox->vault, &items[i]), name);
		snprintf(s.expected, sizeof(s.expected), "%s", items[i].name);
		s.expected_epoch = items[i].epoch;
		verify_subject(tally, &s, inbox);
	}
	free(items);
	return EXIT_DONE;
}

static int verify_named(struct tally *tally, struct inbox *inbox,
			const struct inbox_options *options)
{
	int worst = EXIT_DONE;
	for (int i = 0; i < options->argument_count; i++) {
		struct subject s;
		int code = subject_open(&s, inbox, options->arguments[i]);
		if (code == EXIT_DONE)
			verify_subject(tally, &s, inbox);
		else
			tally->bad++;
		/* what is not there counts as missing; what cannot be read may be whole */
		if (code == EXIT_ENVIRONMENT)
			worst = code;
	}
	return worst;
}

static int summarise(const struct tally *tally)
{
	char size[32];
	if (tally->array != NULL) {
		int result = json_print(tally->array, stdout);
		if (result != 0)
			return command_fail(result, "cannot print");
	} else if (tally->bad == 0) {
		printf("all good: %zu verified, %s\n", tally->good,
		       text_size(size, sizeof(size), tally->bytes));
	} else {
		printf("%zu of %zu failed, %zu verified, %s\n", tally->bad,
		       tally->bad + tally->good, tally->good,
		       text_size(size, sizeof(size), tally->bytes));
	}
	return tally->bad == 0 ? EXIT_DONE : EXIT_MISSING;
}

static bool needs_vault(const struct inbox_options *options)
{
	bool needs = options->argument_count == 0;
	for (int i = 0; i < options->argument_count; i++)
		needs = needs || inbox_is_name(options->arguments[i]);
	return needs;
}

int inbox_verify(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	struct tally tally = {.array = NULL};
	int code = inbox_parse(&options, argc, argv, "crj");
	if (code != EXIT_DONE)
		return code;
	code = inbox_start(&inbox, &options,
			   INBOX_ROOTS | (needs_vault(&options) ? INBOX_VAULT : 0U));
	if (code == EXIT_DONE) {
		tally.array = options.json ? json_array_new() : NULL;
		code = inbox_confine(false);
		if (code == EXIT_DONE)
			code = options.argument_count == 0 ? verify_vault(&tally, &inbox)
							   : verify_named(&tally, &inbox, &options);
		int summary = summarise(&tally);
		code = code != EXIT_DONE ? code : summary;
		json_free(tally.array);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
