#include "renewal.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/command.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"
#include "setup.h"
#include "spool.h"
#include "testimony.h"

static const char ANSWER[] = "new epoch";

enum { HEADS_LINE_BYTES = NAME_BYTES + 24, HEADS_FILE_MAX = EPOCH_PASTS_MAX * HEADS_LINE_BYTES, EPOCH_BYTES = 8 };

struct wanted {
	const char *config, *heads;
	bool is_sure;
	uint64_t before; /* the epoch that the receiver has heard last; 0: not said */
	size_t count;
	struct past past[EPOCH_PASTS_MAX];
};

/* ROUTE, the separator, NUMBER. */
static bool note_past(struct wanted *w, const char *text, char separator)
{
	const char *number = strchr(text, separator);
	size_t len = number == NULL ? 0 : (size_t)(number - text);
	assert(w->count < EPOCH_PASTS_MAX);
	struct past *past = &w->past[w->count];
	if (len == 0 || len >= sizeof(past->route) ||
	    text_parse_u64(&past->number, number + 1, BUNDLE_NUMBER_END - 2) != 0)
		return false;
	memcpy(past->route, text, len);
	w->count++;
	return true;
}

static int take_past(struct wanted *w, const char *text)
{
	if (w->count == EPOCH_PASTS_MAX)
		return command_usage("there are too many --past");
	return note_past(w, text, '=') ? 0 : command_usage("--past takes ROUTE=NUMBER, as in tax=123");
}

/* A line that 'weir-inbox heads' prints: "tax 123", or "@0123456789abcdef" for the epoch. */
static bool take_head(struct wanted *w, const char *line)
{
	uint8_t epoch[EPOCH_BYTES];
	if (line[0] != '@')
		return w->count < EPOCH_PASTS_MAX && note_past(w, line, ' ');
	if (w->before != 0 || strlen(line) != 1 + 2 * EPOCH_BYTES || text_unhex(epoch, EPOCH_BYTES, line + 1) != 0)
		return false;
	for (size_t i = 0; i < EPOCH_BYTES; i++)
		w->before = w->before << 8 | epoch[i];
	return w->before != 0;
}

/* What was typed from a sheet of paper, and decides which numbers are given: nobody else may have written it. */
static int take_heads(struct wanted *w)
{
	char problem[PROBLEM_BYTES] = "";
	uint8_t *text = NULL;
	size_t len = 0, number = 0;
	int result = trusted_read(w->heads, 022, HEADS_FILE_MAX, &text, &len);
	bool is_text = result == 0 && strlen((char *)text) == len;
	for (char *at = (char *)text, *line; result == 0 && (line = strsep(&at, "\n")) != NULL;) {
		number++;
		if (is_text && (line[0] == 0 || take_head(w, line)))
			continue;
		snprintf(problem, sizeof(problem), "%zu: a line is ROUTE NUMBER or @EPOCH, as 'weir-inbox heads' prints them",
			 number);
		result = VERDICT_BAD_ENTRY;
	}
	trusted_free(text, len);
	return result == 0 ? 0 : command_fail_file(result, w->heads, problem);
}

static int parse(struct wanted *w, int argc, char **argv)
{
	static const struct option options[] = {
		{"past", required_argument, NULL, 'p'},
		{"heads", required_argument, NULL, 'h'},
		{"yes", no_argument, NULL, 'y'},
		{"config", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	opterr = 0;
	optind = 0;
	int code = 0;
	for (int c; code == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'p')
			code = take_past(w, optarg);
		else if (c == 'h')
			w->heads = optarg;
		else if (c == 'y')
			w->is_sure = true;
		else if (c == 'c')
			w->config = optarg;
		else
			code = command_usage("there is no such option, or it lacks its value");
	}
	w->config = setup_config_path(w->config);
	if (code == 0 && optind != argc)
		code = command_usage("'epoch' takes no argument");
	return code == 0 && w->heads != NULL ? take_heads(w) : code;
}

static int check_routes(const struct wanted *w, const struct registry *registry)
{
	for (size_t i = 0; i < w->count; i++) {
		char shown[2 * NAME_BYTES];
		if (open_route_id(registry, w->past[i].route) == 0)
			return command_fail(VERDICT_UNKNOWN_ROUTE, "route '%s', of which a number was typed",
					    text_escape_name(shown, sizeof(shown), w->past[i].route));
	}
	return 0;
}

/* What root makes here weir-hold could not read afterwards. */
static int check_user(const char *spool)
{
	struct stat st;
	if (stat(spool, &st) < 0)
		return command_fail(-errno, "spool '%s'", spool);
	if (st.st_uid == geteuid())
		return 0;
	command_say("spool '%s' belongs to user %u; say this as that user, for instance by 'setpriv --reuid=%u --clear-groups'",
		    spool, st.st_uid, st.st_uid);
	return EXIT_ENVIRONMENT;
}

static uint64_t typed_for(const struct wanted *w, const char *route)
{
	uint64_t number = 0;
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->past[i].route, route) == 0 && w->past[i].number > number)
			number = w->past[i].number;
	return number;
}

static void show_route(const struct wanted *w, const struct spool *spool, const char *route, uint16_t route_id)
{
	uint64_t first, newest, typed = typed_for(w, route);
	spool_head(spool, route, route_id, &first, &newest);
	bool is_typed = typed > newest;
	printf("%s goes on with %" PRIu64 ", behind %s\n", route, (is_typed ? typed : newest) + 1,
	       is_typed ? "what was typed" : typed > 0 ? "what this spool has given, which is no less than what was typed"
						       : "what this spool has given");
}

static void show(const struct wanted *w, const struct spool *spool, const struct registry *registry)
{
	for (size_t i = 0; i < registry_route_count(registry); i++)
		show_route(w, spool, registry_route_at(registry, i)->name, registry_route_at(registry, i)->id);
	show_route(w, spool, OPEN_ROUTE, OPEN_ROUTE_ID);
}

static int confirm(const struct wanted *w)
{
	char line[64] = "";
	if (w->is_sure)
		return 0;
	printf("Numbers that the receiver has heard of and that are not typed here would be given again.\n"
	       "Type '%s' to begin it: ", ANSWER);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) != NULL)
		line[strcspn(line, "\n")] = 0;
	if (strcmp(line, ANSWER) == 0)
		return 0;
	command_say("nothing was changed");
	return EXIT_REFUSED;
}

/* The epoch that was in use here last, should the spool know nothing of it; 0: it does, or nobody knows. */
static uint64_t lost_epoch(const struct config *config)
{
	struct testimony witness;
	struct life life = {.epoch = 0};
	if (testimony_open(&witness, config->witness) != 0)
		return 0;
	int result = testimony_load(&witness, &life);
	testimony_close(&witness);
	return result == 0 ? life.epoch : 0;
}

static int begin(const struct wanted *w, struct spool *spool, const struct setup *setup)
{
	show(w, spool, setup->registry);
	int code = confirm(w);
	if (code != 0)
		return code;
	uint64_t before = w->before != 0 ? w->before : lost_epoch(&setup->config);
	int result = spool_begin_epoch(spool, before, w->past, w->count);
	if (result != 0)
		return command_fail(result, "cannot begin a new epoch");
	printf("epoch %016" PRIx64 " has begun, it continues %016" PRIx64 "; start weir-hold now\n",
	       spool_epoch(spool), spool_epoch_before(spool));
	return EXIT_DONE;
}

static void tell_of_file(void *context, const char *file, int result)
{
	char name[512];
	(void)context;
	command_say("'%s' is left where it is and not used: %s",
		    text_escape_name(name, sizeof(name), file), verdict_explain(result));
}

static int open_and_begin(const struct wanted *w, const struct setup *setup)
{
	struct spool *spool = NULL;
	char path[2 * CONFIG_PATH_BYTES];
	text_escape_name(path, sizeof(path), setup->config.spool);
	int code = check_routes(w, setup->registry);
	if (code == 0)
		code = check_user(setup->config.spool);
	if (code != 0)
		return code;
	const struct spool_options options = {.path = setup->config.spool, .tell = tell_of_file};
	int result = spool_open(&spool, &options);
	if (result == -EBUSY) {
		command_say("weir-hold has the spool '%s'; stop it first", path);
		return EXIT_ENVIRONMENT;
	}
	if (result != 0)
		return command_fail(result, "cannot open spool '%s'", path);
	code = begin(w, spool, setup);
	spool_close(spool);
	return code;
}

int renewal(int argc, char **argv)
{
	struct setup_problem problem;
	char text[SETUP_TEXT_BYTES];
	struct setup *setup = calloc(1, sizeof(*setup));
	struct wanted *w = calloc(1, sizeof(*w));
	int code = w == NULL || setup == NULL ? command_fail(-ENOMEM, "cannot start") : parse(w, argc, argv);
	if (code == 0 && w != NULL && setup != NULL) {
		int result = setup_load(setup, w->config, &problem);
		if (result != 0) {
			code = command_fail(result, "cannot load %s", setup_describe(text, &problem));
		} else {
			code = open_and_begin(w, setup);
			setup_free(setup);
		}
	}
	free(setup);
	free(w);
	return code;
}
