#include "inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"

enum { FILE_MODE = 0644, TRIES = 1000 };

static bool ends_in(const char *path, const char *suffix)
{
	size_t len = strlen(path), suffix_len = strlen(suffix);
	return len > suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

static bool is_receipt(const char *path)
{
	return ends_in(path, ".receipt");
}

static size_t stem_len(const char *path)
{
	return strlen(path) - (is_receipt(path) ? strlen(".receipt") : ends_in(path, ".weir") ? strlen(".weir") : 0);
}

static int split(struct inbox_receipt *r, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	if (name[0] == 0 || strlen(name) >= sizeof(r->name))
		return -ENAMETOOLONG;
	memcpy(r->name, name, strlen(name) + 1);
	if (slash == NULL) {
		r->dir = io_open_dir(AT_FDCWD, ".");
	} else {
		char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
		if (folder == NULL)
			return -ENOMEM;
		r->dir = io_open_dir(AT_FDCWD, folder);
		free(folder);
	}
	return r->dir < 0 ? r->dir : 0;
}

static int make(struct inbox_receipt *r)
{
	r->fd = openat(r->dir, r->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	return r->fd < 0 ? -errno : 0;
}

/* FILE.receipt for FILE.weir, or FILE.2.receipt when that is there, … */
static int make_beside(struct inbox_receipt *r)
{
	char stem[NAME_MAX + 1];
	int result = -EEXIST;
	snprintf(stem, sizeof(stem), "%.*s", (int)stem_len(r->name), r->name);
	for (int i = 1; result == -EEXIST && i < TRIES; i++) {
		char number[16] = "";
		if (i > 1)
			snprintf(number, sizeof(number), ".%d", i);
		int n = snprintf(r->name, sizeof(r->name), "%s%s.receipt", stem, number);
		result = n < 0 || (size_t)n >= sizeof(r->name) ? -ENAMETOOLONG : make(r);
	}
	return result;
}

int inbox_receipt_reserve(struct inbox_receipt *out, const char *path, const char *beside)
{
	char shown[SHOWN_BYTES];
	struct inbox_receipt r = {.dir = -1, .fd = -1};
	const char *from = path != NULL ? path : beside;
	int result = split(&r, from);
	if (result == 0)
		result = path != NULL ? make(&r) : make_beside(&r);
	if (result == 0) {
		*out = r;
		return EXIT_DONE;
	}
	io_close(r.dir);
	text_escape_name(shown, sizeof(shown), from);
	return path != NULL ? command_fail(result, "cannot make the receipt '%s'", shown)
			    : command_fail(result, "cannot make a receipt beside '%s'; say where: --receipt FILE", shown);
}

int inbox_receipt_fill(struct inbox_receipt *r, const struct subject *s, const struct key *recipient)
{
	const struct release *release = unpack_release(s->unpack);
	const struct party *party = registry_party_by_key(s->registry, KEY_RECIPIENT, recipient->card.id);
	if (party == NULL || bytes_are_zero(party->card.second, sizeof(party->card.second))) {
		command_say("the registry has no receipt key of '%s', so there will be no receipt", recipient->card.name);
		return 0;
	}
	memcpy(r->receipt.bundle, s->name, sizeof(r->receipt.bundle));
	r->receipt.epoch = release->epoch;
	memcpy(r->receipt.root, release->statement.root, sizeof(r->receipt.root));
	memcpy(r->receipt.manifest, release->statement.manifest_digest, sizeof(r->receipt.manifest));
	return inbox_receipt_sign_as(r, recipient);
}

int inbox_receipt_sign_as(struct inbox_receipt *r, const struct key *recipient)
{
	r->seed = suite_secret_alloc(SUITE_KEY_BYTES);
	if (r->seed == NULL)
		return -ENOMEM;
	key_receipt_seed(r->seed, recipient);
	memcpy(r->receipt.recipient, recipient->card.name, sizeof(r->receipt.recipient));
	memcpy(r->receipt.key_id, recipient->card.id, sizeof(r->receipt.key_id));
	return 0;
}

static int write_text(struct inbox_receipt *r)
{
	char text[RECEIPT_BYTES_MAX];
	size_t len = 0;
	suite_random(r->receipt.id, sizeof(r->receipt.id));
	r->receipt.at = (uint64_t)time(NULL);
	int result = receipt_encode(text, &len, &r->receipt, r->seed);
	if (result == 0)
		result = io_write(r->fd, text, len);
	if (result == 0)
		result = io_fsync(r->fd);
	if (result == 0)
		result = io_fsync(r->dir);
	r->is_written = result == 0;
	return result;
}

int inbox_receipt_end(struct inbox_receipt *r)
{
	char shown[SHOWN_BYTES];
	int code = EXIT_DONE;
	if (r->fd < 0)
		return code;
	text_escape_name(shown, sizeof(shown), r->name);
	if (r->seed != NULL) {
		int result = write_text(r);
		if (result == 0)
			command_say("receipt '%s': bring it to the receiving box, for 'weir-inbox receipt'", shown);
		else
			code = command_fail(result, "cannot write the receipt '%s'", shown);
	}
	/* nothing was done of which it could tell */
	if (!r->is_written && unlinkat(r->dir, r->name, 0) < 0 && code == EXIT_DONE)
		code = command_fail(-errno, "cannot remove '%s', which is empty", shown);
	suite_secret_free(r->seed);
	io_close(r->fd);
	io_close(r->dir);
	*r = (struct inbox_receipt){.dir = -1, .fd = -1};
	return code;
}

/* ---- destroyed ---- */

static int describe_receipt(struct receipt *out, const char *path, const struct key *recipient)
{
	uint8_t *text = NULL;
	size_t len = 0;
	int result = io_read_file(AT_FDCWD, path, RECEIPT_BYTES_MAX, &text, &len);
	if (result == 0)
		result = receipt_decode(out, (const char *)text, len);
	free(text);
	if (result == 0 && memcmp(out->key_id, recipient->card.id, KEY_ID_BYTES) != 0)
		result = VERDICT_WRONG_KEY;
	return result;
}

/* Which bundle that was: by the receipt of its opening, where the bundle itself is gone, or by itself. */
static int describe(struct inbox_receipt *r, struct inbox *inbox, const char *argument, const struct key *recipient)
{
	char shown[SHOWN_BYTES];
	struct subject s;
	if (is_receipt(argument)) {
		struct receipt opened;
		int result = describe_receipt(&opened, argument, recipient);
		if (result != 0)
			return command_fail(result, "receipt '%s'", text_escape_name(shown, sizeof(shown), argument));
		r->receipt = opened;
		int signing = inbox_receipt_sign_as(r, recipient);
		return signing == 0 ? EXIT_DONE : command_fail(signing, "cannot start");
	}
	int code = subject_open(&s, inbox, argument);
	if (code != EXIT_DONE)
		return code;
	int result = subject_read(&s, inbox);
	if (result == 0)
		result = inbox_receipt_fill(r, &s, recipient);
	code = result == 0 ? EXIT_DONE : subject_fail(&s, result);
	if (code == EXIT_DONE && r->seed == NULL)
		code = EXIT_REFUSED;
	subject_close(&s);
	return code;
}

static int destroy(struct inbox *inbox, const struct inbox_options *options, const char *argument,
		   const struct key *recipient)
{
	struct inbox_receipt r = {.dir = -1, .fd = -1};
	char beside[PATH_MAX];
	snprintf(beside, sizeof(beside), "%.*s.destroyed", (int)stem_len(argument), argument);
	int code = inbox_receipt_reserve(&r, options->receipt, beside);
	if (code != EXIT_DONE)
		return code;
	code = describe(&r, inbox, argument, recipient);
	if (code == EXIT_DONE) {
		r.receipt.kind = RECEIPT_DESTROYED;
		r.receipt.records = r.receipt.bytes = 0;
		r.receipt.result = 0;
		snprintf(r.receipt.how, sizeof(r.receipt.how), "%s", options->how != NULL ? options->how : "");
	} else {
		suite_secret_free(r.seed);
		r.seed = NULL;
	}
	int end = inbox_receipt_end(&r);
	return code != EXIT_DONE ? code : end;
}

static unsigned int needs_of(const struct inbox_options *options)
{
	unsigned int needs = 0;
	for (int i = 0; i < options->argument_count; i++)
		if (!is_receipt(options->arguments[i]))
			needs |= inbox_needs(options->arguments[i]);
	return needs;
}

static int check_destroyed(const struct inbox_options *options)
{
	if (options->argument_count == 0)
		return command_usage("say what was destroyed: FILE.weir, FILE.receipt, or BUNDLE");
	if (options->receipt != NULL && options->argument_count > 1)
		return command_usage("'--receipt' is for one; without it each gets its own beside it");
	int verdict = options->how != NULL ? receipt_check_how(options->how) : 0;
	return verdict == 0 ? EXIT_DONE : command_fail(verdict, "what --how says: %d plain bytes at most", RECEIPT_HOW_MAX);
}

int inbox_destroyed(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	struct key *recipient = NULL;
	int code = inbox_parse(&options, argc, argv, "crkfRw");
	if (code != EXIT_DONE)
		return code;
	code = check_destroyed(&options);
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, needs_of(&options));
	if (code == EXIT_DONE) {
		code = inbox_key_load(&recipient, &options);
		if (code == EXIT_DONE)
			code = inbox_commit(&inbox, &recipient->card);
		if (code == EXIT_DONE)
			code = inbox_confine(true);
		for (int i = 0; code == EXIT_DONE && i < options.argument_count; i++)
			code = destroy(&inbox, &options, options.arguments[i], recipient);
		key_free(recipient);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}

/* ---- receipt ---- */

static int fail_receipt(int result, const char *shown)
{
	char what[SHOWN_BYTES + 16];
	snprintf(what, sizeof(what), "receipt '%s'", shown);
	return inbox_fail_answer(result, what);
}

/* Nothing of it is looked at here: keep judges. */
static int bring(struct inbox *inbox, const char *path)
{
	char shown[SHOWN_BYTES];
	uint8_t *text = NULL;
	size_t len = 0;
	text_escape_name(shown, sizeof(shown), path);
	int result = io_read_file(AT_FDCWD, path, RECEIPT_BYTES_MAX, &text, &len);
	if (result == 0)
		result = inbox_bring_receipt(inbox, text, len);
	free(text);
	if (result == -EEXIST) {
		command_say("receipt '%s' is in the ledger already; each is entered once", shown);
		return EXIT_REFUSED;
	}
	if (result != 0)
		return fail_receipt(result, shown);
	printf("%s: entered\n", shown);
	return EXIT_DONE;
}

int inbox_receipt(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	int code = inbox_parse(&options, argc, argv, "c");
	if (code != EXIT_DONE)
		return code;
	if (options.argument_count == 0)
		code = command_usage("say which: FILE.receipt");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, INBOX_VAULT);
	if (code == EXIT_DONE) {
		for (int i = 0; i < options.argument_count; i++) {
			int brought = bring(&inbox, options.arguments[i]);
			code = code != EXIT_DONE ? code : brought;
		}
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
