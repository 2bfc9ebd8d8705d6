#include "inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/openbundle.h"
#include "common/progress.h"
#include "common/text.h"
#include "common/verdict.h"

enum { EPOCH_DIGITS = 16 };

/* "tax-000123" or "tax-000123@0123456789abcdef" */
static bool parse_name(const char *argument, char name[static BUNDLE_NAME_BYTES], uint64_t *epoch)
{
	const char *at = strchrnul(argument, '@');
	size_t len = (size_t)(at - argument);
	char route[NAME_BYTES];
	uint64_t number;
	if (len >= BUNDLE_NAME_BYTES)
		return false;
	memcpy(name, argument, len);
	name[len] = 0;
	*epoch = 0;
	if (bundle_name_parse(name, route, &number) != 0)
		return false;
	uint8_t bytes[EPOCH_DIGITS / 2];
	if (*at == 0)
		return true;
	if (strlen(at + 1) != EPOCH_DIGITS || text_unhex(bytes, sizeof(bytes), at + 1) != 0)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*epoch = *epoch << 8 | bytes[i];
	return true;
}

bool inbox_is_name(const char *argument)
{
	char name[BUNDLE_NAME_BYTES];
	uint64_t epoch;
	return parse_name(argument, name, &epoch);
}

unsigned int inbox_needs(const char *argument)
{
	return inbox_is_name(argument) ? INBOX_ROOTS | INBOX_VAULT : INBOX_ROOTS;
}

void subject_take(struct subject *s, int fd, const char *label)
{
	*s = (struct subject){.fd = fd};
	text_escape_name(s->label, sizeof(s->label), label);
}

void inbox_item_name(char out[static INBOX_NAME_BYTES], const struct vault_item *items,
		     size_t count, size_t index)
{
	const struct vault_item *item = &items[index];
	bool is_ambiguous = false;
	for (size_t i = 0; i < count && !is_ambiguous; i++)
		is_ambiguous =
			items[i].epoch != item->epoch && strcmp(items[i].name, item->name) == 0;
	if (is_ambiguous)
		snprintf(out, INBOX_NAME_BYTES, "%s@%016" PRIx64, item->name, item->epoch);
	else
		snprintf(out, INBOX_NAME_BYTES, "%s", item->name);
}

int inbox_open_item(int vault_fd, const struct vault_item *item)
{
	char name[INBOX_NAME_BYTES];
	snprintf(name, sizeof(name), "%s@%016" PRIx64, item->name, item->epoch);
	return vault_open_bundle(vault_fd, name);
}

/* O_NONBLOCK: a FIFO in a file's place must not hold the program up. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* "tax-000123" or "tax-000123@0123456789abcdef", as inbox_is_name has found it. */
static void expect_name(struct subject *s, const char *argument)
{
	size_t len = strcspn(argument, "@");
	snprintf(s->expected, sizeof(s->expected), "%.*s", (int)len, argument);
	if (argument[len] == '@')
		s->expected_epoch = strtoull(argument + len + 1, NULL, 16);
}

int subject_open(struct subject *s, struct inbox *inbox, const char *argument)
{
	bool is_name = inbox_is_name(argument);
	int fd = is_name ? vault_open_bundle(inbox->vault, argument) : open_file(argument);
	subject_take(s, fd, argument);
	if (is_name)
		expect_name(s, argument);
	if (fd >= 0)
		return EXIT_DONE;
	if (is_name && fd == -ENOENT)
		return command_fail(VERDICT_NO_SUCH_BUNDLE, "'%s'", s->label);
	if (is_name && fd == -EEXIST) {
		command_say("'%s': several epochs have a bundle of this name; say which, as 'list' "
			    "shows them: %s@EPOCH",
			    s->label, s->label);
		return EXIT_REFUSED;
	}
	return command_fail(fd, "cannot read '%s'", s->label);
}

/* The registry under which it was released travels with it, so that it can be judged anywhere. */
static int load_registry(struct subject *s, const struct inbox *inbox)
{
	uint8_t *text = NULL;
	size_t len = 0;
	char problem[PROBLEM_BYTES] = "";
	int result = unpack_registry_text(s->unpack, &text, &len);
	if (result != 0)
		return result;
	if (text == NULL) {
		snprintf(s->problem, sizeof(s->problem),
			 "no registry follows the bundle; make the copy with 'weir-inbox copy'");
		return VERDICT_TOO_FEW_SIGNATURES;
	}
	result = registry_parse(&s->registry, text, len, inbox->roots, problem);
	if (result > 0)
		snprintf(s->problem, sizeof(s->problem), "its registry: %s",
			 problem[0] != 0 ? problem : verdict_explain(result));
	free(text);
	return result;
}

/* A file in the vault under another name than its own. */
static bool is_misnamed(const struct subject *s, const struct release *release)
{
	return s->expected[0] != 0 &&
	       (strcmp(s->name, s->expected) != 0 ||
		(s->expected_epoch != 0 && s->expected_epoch != release->epoch));
}

int subject_read(struct subject *s, const struct inbox *inbox)
{
	s->roots = inbox->roots;
	int result = unpack_open(&s->unpack, s->fd);
	if (result != 0)
		return result;
	const struct release *release = unpack_release(s->unpack);
	bundle_name(s->name, release->statement.route, release->number);
	if (is_misnamed(s, release)) {
		snprintf(s->problem, sizeof(s->problem),
			 "its release says that it is %s of epoch %016" PRIx64
			 ", so somebody has renamed it",
			 s->name, release->epoch);
		return VERDICT_BAD_NAME;
	}
	result = load_registry(s, inbox);
	if (result != 0)
		return result;
	uint64_t wanted = release->statement.registry_version;
	uint64_t version = registry_version(s->registry);
	if (version >= wanted)
		return 0;
	snprintf(s->problem, sizeof(s->problem),
		 "it was sealed under registry %" PRIu64 ", and %" PRIu64
		 " lies behind it; copy it again from the vault",
		 wanted, version);
	return VERDICT_OLDER_REGISTRY;
}

static int parse_carried(struct registry **out, int fd, const struct statement *statement,
			 const struct roots *roots, char problem[static PROBLEM_BYTES])
{
	uint8_t *text = NULL;
	size_t len = 0;
	problem[0] = 0;
	int result = open_read(&text, &len, fd, statement);
	if (result != 0)
		return result;
	result = registry_parse(out, text, len, roots, problem);
	free(text);
	return result;
}

static int judge_carried(struct subject *s)
{
	char problem[PROBLEM_BYTES];
	int result = parse_carried(&s->carried, s->fd, &unpack_release(s->unpack)->statement, s->roots,
				   problem);
	if (result > 0 && problem[0] != 0)
		snprintf(s->problem, sizeof(s->problem), "the registry in it: %s", problem);
	return result;
}

uint64_t inbox_carried_version(int fd, const struct statement *statement)
{
	char problem[PROBLEM_BYTES];
	struct registry *registry = NULL;
	uint64_t version = 0;
	if (parse_carried(&registry, fd, statement, NULL, problem) == 0)
		version = registry_version(registry);
	registry_free(registry);
	return version;
}

int subject_verify(struct subject *s, void (*advance)(void *context, uint64_t segments_done),
		   void *context)
{
	int result = unpack_verify(s->unpack, s->registry, advance, context);
	if (result == 0 && open_is(&unpack_release(s->unpack)->statement))
		result = judge_carried(s);
	s->is_verified = result == 0;
	return result;
}

struct watch {
	struct progress progress;
	int stop;
};

static void watch_advance(void *context, uint64_t segments_done)
{
	struct watch *watch = context;
	struct pollfd fd = {.fd = watch->stop, .events = POLLIN};
	progress_set(&watch->progress, segments_done * SEGMENT_BYTES);
	if (poll(&fd, 1, 0) <= 0)
		return;
	/* Nothing has been made yet that must be taken away: the signal takes its course. */
	progress_end(&watch->progress);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
}

int subject_verify_watched(struct subject *s, int stop_fd)
{
	struct watch watch = {.stop = stop_fd};
	uint64_t segments = unpack_release(s->unpack)->statement.segments;
	progress_start(&watch.progress, "verifying", segments * SEGMENT_BYTES, true);
	int result = subject_verify(s, watch_advance, &watch);
	progress_end(&watch.progress);
	return result;
}

int subject_fail(const struct subject *s, int result)
{
	if (s->problem[0] == 0)
		return command_fail(result, "'%s'", s->label);
	command_say("'%s': %s [%s]", s->label, s->problem, verdict_name(result));
	return EXIT_REFUSED;
}

void subject_close(struct subject *s)
{
	unpack_free(s->unpack);
	registry_free(s->registry);
	registry_free(s->carried);
	if (s->fd >= 0)
		io_close(s->fd);
	*s = (struct subject){.fd = -1};
}
