#include "registrynew.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "command.h"
#include "ini.h"
#include "io.h"
#include "key.h"
#include "registry.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

enum {
	SHOWN_BYTES = 1024,
	CARD_FILE_MAX = 65536,
	SECTION_BYTES = 1024,
	DAYS = 365,
	DAYS_MAX = 1827,
	DAY_S = 86400,
	DATE_LEN = 10, /* of a time; the rest is its hour */
	DESTROY_AFTER_DAYS = 30,
	PRIORITY = 4,
	FILE_MODE = 0644,
};

/* One section of a card file: its lines, without comments. */
struct card_text {
	enum key_kind kind;
	char name[NAME_BYTES];
	char text[SECTION_BYTES];
	size_t len;
	char public[2 * SUITE_KEY_BYTES + 1]; /* "" when it has another key */
};

struct route_wish {
	char name[NAME_BYTES];
	const char *format;
};

struct draft {
	const char *file, *roots, *name;
	uint64_t days;
	struct route_wish routes[REGISTRYNEW_ROUTES_MAX];
	size_t route_count;
	const char *officers[REGISTRYNEW_CARDS_MAX];
	size_t officer_count;
	struct card_text *cards;
	size_t card_count;
};

/* ---- what was asked for ---- */

static int add_route(struct draft *draft, const char *text)
{
	static const char *const formats[] = {"csv", "lines", "json", "opaque"};
	char shown[SHOWN_BYTES];
	const char *equals = strchr(text, '=');
	size_t len = equals == NULL ? strlen(text) : (size_t)(equals - text);
	if (draft->route_count == REGISTRYNEW_ROUTES_MAX)
		return command_usage("more than %d routes: add the others to the text", REGISTRYNEW_ROUTES_MAX);
	struct route_wish *wish = &draft->routes[draft->route_count++];
	snprintf(wish->name, sizeof(wish->name), "%.*s", (int)len, text);
	if (len >= sizeof(wish->name) || !name_is_valid(wish->name))
		return command_usage("'%s' is not a route: a-z, then up to 30 of a-z 0-9 -",
				     text_escape_name(shown, sizeof(shown), text));
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(equals == NULL ? "csv" : equals + 1, formats[i]) == 0)
			wish->format = formats[i];
	if (wish->format == NULL)
		return command_usage("the format of a route is csv, lines, json or opaque, not '%s'",
				     text_escape_name(shown, sizeof(shown), equals + 1));
	return EXIT_DONE;
}

static int read_option(struct draft *draft, int c)
{
	switch (c) {
	case 'r':
		draft->roots = optarg;
		return EXIT_DONE;
	case 'n':
		draft->name = optarg;
		return EXIT_DONE;
	case 'o':
		if (draft->officer_count == REGISTRYNEW_CARDS_MAX)
			return command_usage("more than %d officers", REGISTRYNEW_CARDS_MAX);
		draft->officers[draft->officer_count++] = optarg;
		return EXIT_DONE;
	case 'd':
		if (text_parse_u64(&draft->days, optarg, DAYS_MAX) != 0 || draft->days == 0)
			return command_usage("--days needs a number from 1 to %d", DAYS_MAX);
		return EXIT_DONE;
	case 't':
		return add_route(draft, optarg);
	default:
		return command_usage("unknown option, or one without its value");
	}
}

/* Behind the options come FILE and the cards. */
static int read_options(struct draft *draft, int argc, char **argv)
{
	static const struct option names[] = {
		{"roots", required_argument, NULL, 'r'}, {"name", required_argument, NULL, 'n'},
		{"route", required_argument, NULL, 't'}, {"officer", required_argument, NULL, 'o'},
		{"days", required_argument, NULL, 'd'},  {NULL, 0, NULL, 0},
	};
	int code = EXIT_DONE;
	char shown[SHOWN_BYTES];
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; code == EXIT_DONE && (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
		code = read_option(draft, c);
	if (code != EXIT_DONE)
		return code;
	if (draft->roots == NULL || draft->name == NULL || draft->route_count == 0 || argc - optind < 2)
		return command_usage("'registry new' needs FILE, --roots ROOTS, --name NAME, --route ROUTE and cards");
	if (!name_is_valid(draft->name))
		return command_usage("'%s' is not a name: a-z, then up to 30 of a-z 0-9 -",
				     text_escape_name(shown, sizeof(shown), draft->name));
	draft->file = argv[optind];
	return EXIT_DONE;
}

/* ---- cards ---- */

static const char *take_line(void *context, const char *section, const char *key, const char *value, int line)
{
	struct draft *draft = context;
	(void)line;
	if (key == NULL) {
		char kind[NAME_BYTES] = "";
		const char *blank = strchr(section, ' ');
		if (draft->card_count == REGISTRYNEW_CARDS_MAX)
			return "too many cards: add the others to the text";
		struct card_text *card = &draft->cards[draft->card_count];
		*card = (struct card_text){.len = 0};
		snprintf(kind, sizeof(kind), "%.*s", blank == NULL ? 0 : (int)(blank - section), section);
		card->kind = key_kind_from_name(kind);
		if (card->kind == 0 || !name_is_valid(blank + 1))
			return "this is no card, as 'key show' prints it";
		snprintf(card->name, sizeof(card->name), "%s", blank + 1);
		draft->card_count++;
		return NULL;
	}
	if (section[0] == 0)
		return "a card begins with its section, [KIND NAME]";
	struct card_text *card = &draft->cards[draft->card_count - 1];
	if (strcmp(key, "public") == 0)
		snprintf(card->public, sizeof(card->public), "%s", value);
	size_t room = sizeof(card->text) - card->len;
	int len = snprintf(card->text + card->len, room, "%s = %s\n", key, value);
	if (len < 0 || (size_t)len >= room)
		return "this is more than a card has";
	card->len += (size_t)len;
	return NULL;
}

static int read_card(struct draft *draft, const char *path)
{
	uint8_t *text = NULL;
	size_t len = 0;
	char problem[PROBLEM_BYTES] = "";
	int result = trusted_read(path, 022, CARD_FILE_MAX, &text, &len); /* it says whom the registry will name */
	if (result == 0)
		result = ini_read(text, len, VERDICT_BAD_REGISTRY, take_line, draft, problem);
	trusted_free(text, len);
	return result == 0 ? EXIT_DONE : command_fail_file(result, path, problem);
}

static const struct card_text *find(const struct draft *draft, enum key_kind kind, const char *name)
{
	for (size_t i = 0; i < draft->card_count; i++)
		if (draft->cards[i].kind == kind && (name == NULL || strcmp(draft->cards[i].name, name) == 0))
			return &draft->cards[i];
	return NULL;
}

static bool is_officer(const struct draft *draft, const char *name)
{
	for (size_t i = 0; i < draft->officer_count; i++)
		if (strcmp(draft->officers[i], name) == 0)
			return true;
	return false;
}

static int refuse(const char *text, const char *name)
{
	command_say("%s%s%s%s [%s]", text, name == NULL ? "" : " '", name == NULL ? "" : name, name == NULL ? "" : "'",
		    verdict_name(VERDICT_BAD_REGISTRY));
	return EXIT_REFUSED;
}

/* Whoever is missing would be missed at the first push. */
static int check_cards(const struct draft *draft)
{
	static const enum key_kind kinds[] = {KEY_ROOT, KEY_PERSON, KEY_SENDER, KEY_RECEIVER, KEY_RECIPIENT};
	char shown[SHOWN_BYTES];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (find(draft, kinds[i], NULL) == NULL)
			return refuse("among the cards is none of kind", key_kind_name(kinds[i]));
	for (size_t i = 0; i < draft->officer_count; i++)
		if (find(draft, KEY_PERSON, draft->officers[i]) == NULL)
			return refuse("among the cards is none of officer",
				      text_escape_name(shown, sizeof(shown), draft->officers[i]));
	bool has_operator = false;
	for (size_t i = 0; i < draft->card_count; i++) {
		const struct card_text *card = &draft->cards[i];
		if (find(draft, card->kind, card->name) != card)
			return refuse("two cards name", card->name);
		const struct card_text *psk = card->kind == KEY_RECIPIENT ? find(draft, KEY_PSK, card->name) : NULL;
		if (card->kind == KEY_RECIPIENT && psk == NULL)
			return refuse("among the cards is no pre-shared key of recipient", card->name);
		has_operator = has_operator || (card->kind == KEY_PERSON && !is_officer(draft, card->name));
	}
	return has_operator ? EXIT_DONE : refuse("all people are officers: nobody may push", NULL);
}

/* ---- texts ---- */

static void print_cards(FILE *out, const struct draft *draft)
{
	for (size_t i = 0; i < draft->card_count; i++) {
		const struct card_text *card = &draft->cards[i];
		if (card->kind == KEY_ROOT || card->kind == KEY_PSK || card->kind == KEY_LINK)
			continue;
		fprintf(out, "\n[%s %s]\n%s", key_kind_name(card->kind), card->name, card->text);
		if (card->kind == KEY_PERSON)
			fprintf(out, "roles = %s\n", is_officer(draft, card->name) ? "officer" : "operator");
		if (card->kind == KEY_RECIPIENT)
			fprintf(out, "psk = %s\n", find(draft, KEY_PSK, card->name)->public);
	}
}

/* One to a line: a line has its limit, and a list goes on under its key. */
static void print_list(FILE *out, const struct draft *draft, const char *key, enum key_kind kind, bool officers)
{
	for (size_t i = 0; i < draft->card_count; i++)
		if (draft->cards[i].kind == kind && is_officer(draft, draft->cards[i].name) == officers)
			fprintf(out, "%s = %s\n", key, draft->cards[i].name);
}

static void print_registry(FILE *out, const struct draft *draft, uint64_t now)
{
	char issued[32], expires[32];
	text_time(issued, sizeof(issued), now);
	text_time(expires, sizeof(expires), now + draft->days * DAY_S);
	fprintf(out, "[registry]\nformat = 1\nname = %s\nversion = 1\nissued = %.*s\nexpires = %.*s\n", draft->name,
		DATE_LEN, issued, DATE_LEN, expires);
	print_cards(out, draft);
	for (size_t i = 0; i < draft->route_count; i++) {
		const struct route_wish *route = &draft->routes[i];
		fprintf(out, "\n[route %s]\nid = %zu\n", route->name, i + 1);
		print_list(out, draft, "recipients", KEY_RECIPIENT, false);
		print_list(out, draft, "operators", KEY_PERSON, false);
		print_list(out, draft, "officers", KEY_PERSON, true);
		if (draft->officer_count > 0)
			fputs("quorum = 1\n", out);
		fprintf(out, "format = %s\nrecords = %s\ndestroy_after_days = %d\npriority = %d\n", route->format,
			strcmp(route->format, "opaque") == 0 ? "waived" : "required", DESTROY_AFTER_DAYS, PRIORITY);
	}
}

/* More than half of the root keys sign: with three or more, one can be lost, and one stolen is not enough. */
static void print_roots(FILE *out, const struct draft *draft)
{
	size_t count = 0;
	for (size_t i = 0; i < draft->card_count; i++) {
		const struct card_text *card = &draft->cards[i];
		if (card->kind != KEY_ROOT)
			continue;
		fprintf(out, "[root %s]\n%s\n", card->name, card->text);
		count++;
	}
	fprintf(out, "[roots]\nquorum = %zu\n", count / 2 + 1);
}

/* Nothing is written that a box would refuse; the text of the cards is all that can be wrong with it. */
static int judge(const char *registry_text, size_t registry_len, const char *roots_text, size_t roots_len)
{
	struct registry *registry = NULL;
	struct roots *roots = NULL;
	char problem[PROBLEM_BYTES] = "";
	int result = registry_parse(&registry, (const uint8_t *)registry_text, registry_len, NULL, problem);
	if (result == 0)
		result = roots_parse(&roots, (const uint8_t *)roots_text, roots_len, problem);
	registry_free(registry);
	roots_free(roots);
	if (result == 0)
		return EXIT_DONE;
	const char *why = strchr(problem, ' ');
	return command_fail(result, "these cards make no registry%s%s", why == NULL ? "" : ":", why == NULL ? "" : why);
}

/* Both, or none: what is made in two steps is refused before the first. */
static int check_absent(const char *path)
{
	struct stat st;
	char shown[SHOWN_BYTES];
	if (lstat(path, &st) < 0 && errno == ENOENT)
		return EXIT_DONE;
	return command_fail(-EEXIST, "'%s' is never replaced; move it away first", text_escape_name(shown, sizeof(shown), path));
}

static int write_file(const char *path, const char *text, size_t len)
{
	char shown[SHOWN_BYTES];
	int result = io_create_path(path, text, len, FILE_MODE);
	return result == 0 ? EXIT_DONE
			   : command_fail(result, "cannot write '%s'", text_escape_name(shown, sizeof(shown), path));
}

static int write_both(const struct draft *draft)
{
	char *texts[2] = {NULL, NULL}, file[SHOWN_BYTES], roots[SHOWN_BYTES];
	size_t lens[2] = {0, 0};
	int code = EXIT_DONE;
	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&texts[i], &lens[i]);
		if (out != NULL && i == 0)
			print_registry(out, draft, (uint64_t)time(NULL));
		else if (out != NULL)
			print_roots(out, draft);
		if (out == NULL || fclose(out) != 0)
			code = command_fail(-ENOMEM, "cannot make the registry");
	}
	if (code == EXIT_DONE)
		code = judge(texts[0], lens[0], texts[1], lens[1]);
	if (code == EXIT_DONE)
		code = check_absent(draft->file);
	if (code == EXIT_DONE)
		code = check_absent(draft->roots);
	if (code == EXIT_DONE)
		code = write_file(draft->roots, texts[1], lens[1]);
	if (code == EXIT_DONE)
		code = write_file(draft->file, texts[0], lens[0]);
	free(texts[0]);
	free(texts[1]);
	if (code == EXIT_DONE)
		printf("'%s' and '%s' are made; read the registry, and have it signed: registry sign '%s' --key ROOTKEY\n",
		       text_escape_name(file, sizeof(file), draft->file),
		       text_escape_name(roots, sizeof(roots), draft->roots), file);
	return code;
}

int registry_new_command(int argc, char **argv)
{
	struct draft draft = {.days = DAYS};
	int code = read_options(&draft, argc, argv);
	if (code != EXIT_DONE)
		return code;
	draft.cards = calloc(REGISTRYNEW_CARDS_MAX, sizeof(*draft.cards));
	if (draft.cards == NULL)
		return command_fail(-ENOMEM, "cannot read the cards");
	for (int i = optind + 1; i < argc && code == EXIT_DONE; i++)
		code = read_card(&draft, argv[i]);
	if (code == EXIT_DONE)
		code = check_cards(&draft);
	if (code == EXIT_DONE)
		code = write_both(&draft);
	free(draft.cards);
	return code;
}
