#include "ledgercommand.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confine.h"
#include "io.h"
#include "ledgeraudit.h"
#include "ledgershow.h"
#include "text.h"
#include "verdict.h"

enum { SHOWN_BYTES = 1024, DAY_S = 86400 };

struct options {
	struct ledger_filter filter;
	struct ledger_audit audit;
	const char *config;
	bool as_json;
	const char *dir;
};

/* What a ledger may do to the program that reads it, when the other side wrote it: not much. */
static const char *const ledger_calls[] = {
	"openat", "close", "read", "fstat", "newfstatat", "readlinkat", "geteuid", "fcntl", "getdents64", "lseek", "write", "ioctl",
	"mremap",
	NULL,
};

static const struct option names[] = {
	{"since", required_argument, NULL, 's'},    {"until", required_argument, NULL, 'u'},
	{"person", required_argument, NULL, 'p'},   {"event", required_argument, NULL, 'e'},
	{"bundle", required_argument, NULL, 'b'},   {"witness", required_argument, NULL, 'w'},
	{"registry", required_argument, NULL, 'g'}, {"roots", required_argument, NULL, 'r'},
	{"config", required_argument, NULL, 'c'},   {"json", no_argument, NULL, 'j'},
	{NULL, 0, NULL, 0},
};

/* A day alone is its first second for --since, its last for --until. */
static int take_time(uint64_t *out, const char *text, uint64_t rest_of_day)
{
	char shown[64];
	if (text_parse_time(out, text) != 0)
		return command_usage("'%s' is no time: 2026-11-23 or 2026-11-23T08:00:00Z",
				     text_escape_name(shown, sizeof(shown), text));
	if (strlen(text) == 10)
		*out += rest_of_day;
	return EXIT_DONE;
}

static int take_registry(struct ledger_audit *audit, const char *path)
{
	if (audit->registry_count == LEDGER_REGISTRIES_MAX)
		return command_usage("at most %d registries", LEDGER_REGISTRIES_MAX);
	audit->registries[audit->registry_count++] = path;
	return EXIT_DONE;
}

static int take_option(struct options *o, int letter)
{
	switch (letter) {
	case 'g': return take_registry(&o->audit, optarg);
	case 's': return take_time(&o->filter.since, optarg, 0);
	case 'u': return take_time(&o->filter.until, optarg, DAY_S - 1);
	case 'p': o->filter.person = optarg; break;
	case 'e': o->filter.event = optarg; break;
	case 'b': o->filter.bundle = optarg; break;
	case 'w': o->audit.witness = optarg; break;
	case 'r': o->audit.roots = optarg; break;
	case 'c': o->config = optarg; break;
	default: o->as_json = true; break;
	}
	return EXIT_DONE;
}

/* EXIT_DONE, or the exit code after the refusal has been said. */
static int read_options(struct options *options, int argc, char **argv, const char *allowed)
{
	*options = (struct options){.config = NULL};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == '?' || strchr(allowed, c) == NULL)
			return command_usage("an option that is unknown here, or lacks its value");
		int code = take_option(options, c);
		if (code != EXIT_DONE)
			return code;
	}
	if (argc - optind > 1)
		return command_usage("'ledger %s' takes one DIR at most", argv[0]);
	options->dir = argv[optind]; /* NULL without one */
	return EXIT_DONE;
}

/* Who calls, and where what was not given comes from. */
struct place {
	enum config_side side;
	const char *default_config;
	struct config config; /* filled when something is taken from it */
	char dir[CONFIG_PATH_BYTES + 8];
	int dir_fd;
};

static int load_config(struct place *place, const char *given)
{
	char problem[PROBLEM_BYTES] = "";
	const char *path = given != NULL ? given : getenv("WEIR_CONFIG");
	if (path == NULL)
		path = place->default_config;
	int result = config_load(&place->config, place->side, path, problem);
	if (result == 0)
		return EXIT_DONE;
	return command_fail_file(result, path, problem);
}

static int open_dir(struct place *place, const char *given)
{
	char shown[SHOWN_BYTES];
	const char *base = place->side == CONFIG_SENDER ? place->config.spool : place->config.vault;
	if (given == NULL)
		snprintf(place->dir, sizeof(place->dir), "%s/ledger", base);
	const char *path = given != NULL ? given : place->dir;
	place->dir_fd = io_open_dir(AT_FDCWD, path);
	if (place->dir_fd >= 0)
		return EXIT_DONE;
	return command_fail(place->dir_fd, "cannot open the ledger '%s'",
			    text_escape_name(shown, sizeof(shown), path));
}

/* The ledger's directory; then nothing but reading is possible any more. */
static int enter(struct place *place, const char *given)
{
	int code = open_dir(place, given);
	if (code != EXIT_DONE)
		return code;
	int result = confine_calls(ledger_calls);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot confine this program");
}

static int run_show(struct place *place, int argc, char **argv)
{
	struct options options;
	int code = read_options(&options, argc, argv, "supebjc");
	if (code == EXIT_DONE && options.dir == NULL)
		code = load_config(place, options.config);
	if (code == EXIT_DONE)
		code = enter(place, options.dir);
	return code != EXIT_DONE ? code : ledger_show(place->dir_fd, &options.filter, options.as_json);
}

static int run_verify(struct place *place, int argc, char **argv)
{
	struct options options;
	int code = read_options(&options, argc, argv, "uwgrjc");
	if (code != EXIT_DONE)
		return code;
	struct ledger_audit *audit = &options.audit;
	audit->as_json = options.as_json;
	if (options.dir == NULL)
		audit->kind = place->side == CONFIG_SENDER ? KEY_SENDER : KEY_RECEIVER;
	audit->witness_until = options.filter.until;
	if (audit->roots == NULL)
		audit->roots = getenv("WEIR_ROOTS");
	if (options.dir == NULL || audit->roots == NULL || audit->registry_count == 0)
		code = load_config(place, options.config);
	if (code == EXIT_DONE && audit->roots == NULL)
		audit->roots = place->config.roots;
	if (code == EXIT_DONE && audit->registry_count == 0)
		audit->registries[audit->registry_count++] = place->config.registry;
	if (code == EXIT_DONE)
		code = ledger_audit_load(audit);
	if (code == EXIT_DONE)
		code = enter(place, options.dir);
	if (code == EXIT_DONE)
		code = ledger_audit_run(audit, place->dir_fd);
	ledger_audit_free(audit);
	return code;
}

int ledger_command(enum config_side side, const char *default_config, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct place *place, int argc, char **argv);
	} table[] = {{"show", run_show}, {"verify", run_verify}};
	char shown[64];
	struct place place = {.side = side, .default_config = default_config, .dir_fd = -1};
	if (argc < 2)
		return command_usage("'ledger' needs 'show' or 'verify'");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(argv[1], table[i].name) != 0)
			continue;
		int code = table[i].run(&place, argc - 1, argv + 1);
		io_close(place.dir_fd);
		return code;
	}
	return command_usage("there is no 'ledger %s'", text_escape_name(shown, sizeof(shown), argv[1]));
}
