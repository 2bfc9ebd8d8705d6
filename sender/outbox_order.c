#include "outbox_order.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/command.h"
#include "common/orderreport.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"
#include "outbox.h"

enum { SHOWN_BYTES = 1024, FILE_MAX = 65536 };

const char outbox_order_help[] =
	"A standing order lets a machine push (--kind push, signed by one operator), or the sender box release\n"
	"(--kind release, signed by a quorum of officers), at night and within its bounds.  'new' writes an\n"
	"order that nobody has signed, 'sign' adds a signature, 'show' prints it and judges it.  'load' gives an\n"
	"order to release to this sender box; an order to push goes with every push.  'list' prints what is\n"
	"loaded and what was revoked.  'revoke' ends an order of either kind at once.\n"
	"\n"
	"  --route ROUTE           new, revoke: the one route it is for\n"
	"  --kind KIND             new: push or release\n"
	"  --from TIME             new: its beginning, 2026-11-23 or 2026-11-23T08:00:00Z\n"
	"  --until TIME            new: its end, 30 days later at most\n"
	"  --window HH:MM-HH:MM    new: the hours of the UTC day; 22:00-04:00 crosses midnight\n"
	"  --days DAYS             new: mon,tue,… on which a window starts, in UTC, or daily (the default)\n"
	"  --max-bytes N           new: the most plaintext in one push: bytes, or 20 GiB\n"
	"  --max-records N         new: the most records in one push\n"
	"  --pushes N              new: the most pushes in one UTC day\n"
	"  --machine NAME|CARD     new: the machine or sender box by its name in the registry, or its card in a\n"
	"                          file (a path with a '/' or '.')\n"
	"  -o FILE                 new: where the order goes; an existing file is never replaced\n"
	"  --key FILE              sign, revoke: your key; else WEIR_KEY, else ~/.weir/person.key\n"
	"  --person NAME           sign, revoke: refuse unless the key is this person's\n"
	"  --passphrase-file FILE  sign, revoke: the key's passphrase in its first line\n"
	"  --registry FILE         the registry, with --roots; else that of the configuration\n"
	"  --roots FILE            the roots file that the registry is checked by\n"
	"  --json                  new, show, list: print it as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n"
	"\n"
	"'sign' prints the order before it asks for the passphrase.  When --registry, --config or WEIR_CONFIG\n"
	"names a registry, it signs only what that one would accept from you.\n";

enum word { NEW = 1 << 0, SIGN = 1 << 1, SHOW = 1 << 2, LOAD = 1 << 3, LIST = 1 << 4, REVOKE = 1 << 5 };

static const struct {
	const char *name;
	int has_argument;
	unsigned int words;  /* that take it */
	unsigned int needed; /* by these */
} table[ORDER_OPTION_COUNT] = {
	[ORDER_OPTION_ROUTE] = {"route", required_argument, NEW | REVOKE, NEW | REVOKE},
	[ORDER_OPTION_KIND] = {"kind", required_argument, NEW, NEW},
	[ORDER_OPTION_FROM] = {"from", required_argument, NEW, NEW},
	[ORDER_OPTION_UNTIL] = {"until", required_argument, NEW, NEW},
	[ORDER_OPTION_WINDOW] = {"window", required_argument, NEW, NEW},
	[ORDER_OPTION_DAYS] = {"days", required_argument, NEW, 0},
	[ORDER_OPTION_MAX_BYTES] = {"max-bytes", required_argument, NEW, NEW},
	[ORDER_OPTION_MAX_RECORDS] = {"max-records", required_argument, NEW, NEW},
	[ORDER_OPTION_PUSHES] = {"pushes", required_argument, NEW, NEW},
	[ORDER_OPTION_MACHINE] = {"machine", required_argument, NEW, NEW},
	[ORDER_OPTION_OUT] = {"o", required_argument, NEW, NEW},
	[ORDER_OPTION_KEY] = {"key", required_argument, SIGN | REVOKE, 0},
	[ORDER_OPTION_PERSON] = {"person", required_argument, SIGN | REVOKE, 0},
	[ORDER_OPTION_PASSPHRASE_FILE] = {"passphrase-file", required_argument, SIGN | REVOKE, 0},
	[ORDER_OPTION_REGISTRY] = {"registry", required_argument, NEW | SIGN | SHOW, 0},
	[ORDER_OPTION_ROOTS] = {"roots", required_argument, NEW | SIGN | SHOW, 0},
	[ORDER_OPTION_CONFIG] = {"config", required_argument, NEW | SIGN | SHOW | LOAD | LIST | REVOKE, 0},
	[ORDER_OPTION_JSON] = {"json", no_argument, NEW | SHOW | LIST, 0},
};

/* What does not fit the word is refused, so that nobody relies on what is not looked at. */
static int check_options(const struct order_options *options, const char *word, unsigned int bit)
{
	for (size_t i = 0; i < ORDER_OPTION_COUNT; i++) {
		const char *dashes = i == ORDER_OPTION_OUT ? "-" : "--";
		if (options->value[i] != NULL && (table[i].words & bit) == 0)
			return command_usage("'order %s' takes no %s%s", word, dashes, table[i].name);
		if (options->value[i] == NULL && (table[i].needed & bit) != 0)
			return command_usage("'order %s' needs %s%s", word, dashes, table[i].name);
	}
	const char *registry = options->value[ORDER_OPTION_REGISTRY];
	if ((registry == NULL) != (options->value[ORDER_OPTION_ROOTS] == NULL))
		return command_usage("--registry and --roots go together");
	if (registry != NULL && options->value[ORDER_OPTION_CONFIG] != NULL)
		return command_usage("--registry and --config exclude each other");
	return EXIT_DONE;
}

static int read_options(struct order_options *out, int argc, char **argv, unsigned int bit)
{
	struct option names[ORDER_OPTION_COUNT + 1] = {{0}};
	for (int i = 0; i < ORDER_OPTION_COUNT; i++)
		names[i] = (struct option){table[i].name, table[i].has_argument, NULL, 256 + i};
	*out = (struct order_options){.operand = NULL};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "o:", names, NULL)) != -1;) {
		if (c == 'o')
			c = 256 + ORDER_OPTION_OUT;
		if (c < 256)
			return command_usage("an option is unknown or lacks its value");
		out->value[c - 256] = optarg != NULL ? optarg : "";
	}
	bool needs_operand = (bit & (NEW | LIST)) == 0;
	if (argc - optind != (needs_operand ? 1 : 0))
		return command_usage(bit == REVOKE    ? "'order %s' needs the ID of one order"
				     : needs_operand ? "'order %s' needs one FILE"
				     : bit == NEW	     ? "'order %s' takes no FILE but -o"
						     : "'order %s' takes no argument",
				     argv[0]);
	out->operand = needs_operand ? argv[optind] : NULL;
	return check_options(out, argv[0], bit);
}

static int load_registry(struct registry **out, const char *registry_path, const char *roots_path)
{
	struct roots *roots = NULL;
	char problem[PROBLEM_BYTES] = "";
	int result = roots_load(&roots, roots_path, problem);
	if (result != 0)
		return command_fail_file(result, roots_path, problem);
	result = registry_load(out, registry_path, roots, problem);
	roots_free(roots);
	return result == 0 ? EXIT_DONE : command_fail_file(result, registry_path, problem);
}

int order_load_registry(struct registry **out, const struct order_options *options)
{
	struct config config;
	if (options->value[ORDER_OPTION_REGISTRY] != NULL)
		return load_registry(out, options->value[ORDER_OPTION_REGISTRY],
				     options->value[ORDER_OPTION_ROOTS]);
	int code = outbox_config(&config, options->value[ORDER_OPTION_CONFIG]);
	return code != EXIT_DONE ? code : load_registry(out, config.registry, config.roots);
}

int order_load_file(struct order *out, const char *path)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	char shown[SHOWN_BYTES];
	int result = trusted_read(path, 022, FILE_MAX, &bytes, &len);
	if (result == 0)
		result = order_decode(out, bytes, len);
	trusted_free(bytes, len);
	return result == 0 ? EXIT_DONE
			   : command_fail(result, "cannot read order '%s'",
					  text_escape_name(shown, sizeof(shown), path));
}

int order_print(const struct order *order, const struct registry *registry,
		const struct order_options *options)
{
	uint64_t now = (uint64_t)time(NULL);
	if (options->value[ORDER_OPTION_JSON] == NULL) {
		order_report_text(order, registry, now);
		return EXIT_DONE;
	}
	int result = order_report_json(order, registry, now);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print the order");
}

int outbox_order_show(const struct order_options *options)
{
	struct registry *registry = NULL;
	struct order order;
	char shown[SHOWN_BYTES];
	int code = order_load_file(&order, options->operand);
	if (code == EXIT_DONE)
		code = order_load_registry(&registry, options);
	if (code == EXIT_DONE)
		code = order_print(&order, registry, options);
	if (code == EXIT_DONE) {
		int verdict = order_report_verdict(&order, registry, (uint64_t)time(NULL));
		if (verdict != 0)
			code = command_fail(verdict, "order '%s' does not count",
					    text_escape_name(shown, sizeof(shown), options->operand));
	}
	registry_free(registry);
	return code;
}

int outbox_order(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum word bit;
		int (*run)(const struct order_options *options);
	} words[] = {
		{"new", NEW, outbox_order_new},
		{"sign", SIGN, outbox_order_sign},
		{"show", SHOW, outbox_order_show},
		{"load", LOAD, outbox_order_load},
		{"list", LIST, outbox_order_list},
		{"revoke", REVOKE, outbox_order_revoke},
	};
	struct order_options options;
	char shown[64];
	if (argc < 2)
		return command_usage("'order' needs 'new', 'sign', 'show', 'load', 'list' or 'revoke'");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(argv[1], words[i].name) != 0)
			continue;
		int code = read_options(&options, argc - 1, argv + 1, words[i].bit);
		return code != EXIT_DONE ? code : words[i].run(&options);
	}
	return command_usage("there is no 'order %s'", text_escape_name(shown, sizeof(shown), argv[1]));
}
