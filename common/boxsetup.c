#include "boxsetup.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boxfiles.h"
#include "command.h"
#include "io.h"
#include "key.h"
#include "text.h"
#include "verdict.h"

#define LINK_KEY_NAME "link-1"

enum { PATH_BYTES = 1024, SHOWN_BYTES = 2 * PATH_BYTES, KEYS_MODE = 0700, FOLDER_MODE = 0750, CARD_MODE = 0644 };

struct options {
	const char *answers;
	const char *root; /* "" for this machine */
	bool yes, show;
};

struct setting {
	enum config_side side;
	struct options options;
	struct answer answers[BOXFILES_ANSWERS_END];
	struct niclist nics;
	struct siteplan plan;
};

static const char *answer(const struct setting *setting, enum boxfiles_answer of_sender, enum boxfiles_answer of_receiver)
{
	return setting->answers[setting->side == CONFIG_SENDER ? of_sender : of_receiver].text;
}

static const char *box_name(const struct setting *setting)
{
	return answer(setting, BOXFILES_SENDER_NAME, BOXFILES_RECEIVER_NAME);
}

static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"answers", required_argument, NULL, 'a'}, {"root", required_argument, NULL, 'r'},
		{"yes", no_argument, NULL, 'y'},           {"show", no_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	*options = (struct options){.root = ""};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == 'a')
			options->answers = optarg;
		else if (c == 'r')
			options->root = strcmp(optarg, "/") == 0 ? "" : optarg;
		else if (c == 'y')
			options->yes = true;
		else if (c == 's')
			options->show = true;
		else
			return command_usage("unknown option, or one without its value");
	}
	if (optind != argc || (options->yes && options->show))
		return command_usage("'setup' takes --answers FILE, --root DIR, and --yes or --show");
	if (options->root[0] != 0 && options->root[0] != '/')
		return command_usage("--root needs an absolute path");
	return EXIT_DONE;
}

/* ---- answers ---- */

/* What was answered before is offered again. */
static int load_answers(struct setting *setting)
{
	char path[PATH_BYTES], problem[PROBLEM_BYTES] = "";
	const char *file = setting->options.answers;
	if (file == NULL) {
		snprintf(path, sizeof(path), "%s" BOXFILES_ANSWERS, setting->options.root);
		file = path;
	}
	int result = questions_load(setting->answers, boxfiles_questions, BOXFILES_ANSWERS_END, file, problem);
	if (result == -ENOENT && setting->options.answers == NULL)
		return EXIT_DONE;
	return result == 0 ? EXIT_DONE : command_fail_file(result, file, problem);
}

static void list_nics(const struct setting *setting)
{
	char name[64];
	fputs("Network interfaces of this box:\n", stderr);
	for (size_t i = 0; i < setting->nics.count; i++) {
		const struct niclist_nic *nic = &setting->nics.nics[i];
		fprintf(stderr, "  %-15s %-17s %s%s%s\n", text_escape_name(name, sizeof(name), nic->name),
			nic->permanent[0] != 0 ? nic->permanent : nic->mac, nic->driver, nic->has_carrier ? ", light" : "",
			nic->has_default_route ? ", the way to everybody else" : "");
	}
}

/* Below another root it may be a NIC of another machine, of which its address would have to be known. */
static const char *judge_nic(const struct setting *setting, const char *name)
{
	const struct niclist_nic *nic = niclist_find(&setting->nics, name);
	if (nic == NULL)
		return "there is no such interface on this machine";
	return nic->has_default_route ? "this is the way to everybody else; the link has an interface of its own" : NULL;
}

/* The only one that may be it. */
static void offer_nic(const struct setting *setting, struct answer *given)
{
	const struct niclist_nic *only = NULL;
	size_t count = 0;
	for (size_t i = 0; i < setting->nics.count; i++)
		if (!setting->nics.nics[i].has_default_route) {
			only = &setting->nics.nics[i];
			count++;
		}
	if (count == 1)
		snprintf(given->text, sizeof(given->text), "%s", only->name);
}

static int ask_one(struct setting *setting, enum boxfiles_answer i, bool may_ask)
{
	const struct question *question = &boxfiles_questions[i];
	struct answer *given = &setting->answers[i];
	char shown[SHOWN_BYTES];
	bool is_nic = i == BOXFILES_SENDER_NIC || i == BOXFILES_RECEIVER_NIC;
	/* since an earlier setup it may have its new name */
	if (is_nic && given->text[0] != 0 && niclist_find(&setting->nics, given->text) == NULL &&
	    niclist_find(&setting->nics, BOXFILES_NIC) != NULL)
		snprintf(given->text, sizeof(given->text), BOXFILES_NIC);
	if (is_nic && may_ask && given->text[0] == 0)
		offer_nic(setting, given);
	if (is_nic && may_ask)
		list_nics(setting);
	for (;;) {
		int result = may_ask ? questions_ask(given, question) : questions_take(given, question);
		if (result == -ENOENT || result == -ENOTTY) {
			command_say("'%s' has no answer; put '%s = …' below [answers] in a file, for --answers FILE", question->key,
				    question->key);
			return EXIT_ENVIRONMENT;
		}
		if (result != 0)
			return command_fail(result, "'%s' has no answer", question->key);
		const char *wrong = is_nic ? judge_nic(setting, given->text) : NULL;
		if (wrong == NULL)
			return EXIT_DONE;
		if (!may_ask) {
			list_nics(setting);
			command_say("%s = %s: %s [%s]", question->key, text_escape_name(shown, sizeof(shown), given->text), wrong,
				    verdict_name(VERDICT_BAD_CONFIGURATION));
			return EXIT_REFUSED;
		}
		fprintf(stderr, "  %s\n", wrong);
		given->text[0] = 0;
	}
}

static int ask(struct setting *setting)
{
	bool may_ask = setting->options.answers == NULL && isatty(STDIN_FILENO) == 1;
	int result = niclist_read(&setting->nics);
	if (result != 0)
		return command_fail(result, "cannot list the network interfaces");
	int code = load_answers(setting);
	for (enum boxfiles_answer i = 0; code == EXIT_DONE && i < BOXFILES_ANSWERS_END; i++)
		if (boxfiles_asks(setting->side, i))
			code = ask_one(setting, i, may_ask);
	if (code == EXIT_DONE && boxfiles_prefix(setting->answers[BOXFILES_SENDER_ADDRESS].text,
						 setting->answers[BOXFILES_RECEIVER_ADDRESS].text) == 0) {
		command_say("the addresses of the two boxes are in no network in common; take two neighbours, like 192.0.2.1 and "
			    "192.0.2.2 [%s]", verdict_name(VERDICT_BAD_CONFIGURATION));
		code = EXIT_REFUSED;
	}
	return code;
}

/* ---- the plan ---- */

static int make_plan(struct setting *setting, const struct boxsetup_shipped *shipped)
{
	struct config config;
	char problem[PROBLEM_BYTES] = "";
	const struct niclist_nic *nic =
		niclist_find(&setting->nics, answer(setting, BOXFILES_SENDER_NIC, BOXFILES_RECEIVER_NIC));
	setting->plan.root = setting->options.root;
	int result = boxfiles_plan(&setting->plan, setting->side, shipped, setting->answers, nic);
	if (result != 0)
		return command_fail(result, "cannot look at what is there");
	/* the programs have the last word on their configuration; it is the second file */
	const struct siteplan_file *conf = &setting->plan.files[1];
	result = config_parse(&config, setting->side, "/etc/weir/", (const uint8_t *)conf->text, conf->len, problem);
	if (result == 0)
		return EXIT_DONE;
	const char *why = strchr(problem, ' ');
	return command_fail(result, "these answers make no configuration:%s", why == NULL ? "" : why);
}

/* ---- keys ---- */

static char *below_root(char out[static PATH_BYTES], const struct setting *setting, const char *path)
{
	snprintf(out, PATH_BYTES, "%s%s", setting->options.root, path);
	return out;
}

static int make_folder(const struct setting *setting, const char *path, mode_t mode)
{
	char full[PATH_BYTES], shown[SHOWN_BYTES];
	below_root(full, setting, path);
	if (mkdir(full, mode) == 0 || errno == EEXIST)
		return EXIT_DONE;
	return command_fail(-errno, "cannot make '%s'", text_escape_name(shown, sizeof(shown), full));
}

/* Made when it is not there; out is its card.  EXIT_DONE, or after the refusal has been said. */
static int make_key(const struct setting *setting, const char *path, enum key_kind kind, const char *name, struct card *out)
{
	char full[PATH_BYTES], shown[SHOWN_BYTES];
	bool needs_passphrase = false;
	below_root(full, setting, path);
	text_escape_name(shown, sizeof(shown), full);
	int result = key_load_card(out, full, &needs_passphrase);
	if (result == 0 && (out->kind != kind || (kind != KEY_LINK && strcmp(out->name, name) != 0))) {
		command_say("'%s' holds the %s key of '%s', not that of %s '%s'; answer so, or move it away [%s]", shown,
			    key_kind_name(out->kind), out->name, key_kind_name(kind), name, verdict_name(VERDICT_WRONG_KEY));
		return EXIT_REFUSED;
	}
	if (result != -ENOENT)
		return result == 0 ? EXIT_DONE : command_fail(result, "key file '%s'", shown);
	struct key *key = key_new(kind, name);
	if (key == NULL)
		return command_fail(-errno, "cannot make a key");
	result = key_save(full, key, NULL);
	*out = key->card;
	key_free(key);
	if (result != 0)
		return command_fail(result, "cannot write '%s'", shown);
	printf("%s: made, a new %s key '%s'\n", path, key_kind_name(kind), name);
	return EXIT_DONE;
}

/* Beside the configuration, to be carried to whoever makes the registry. */
static int write_card(const struct setting *setting, const struct card *card)
{
	char path[PATH_BYTES], name[NAME_BYTES + 8], text[CARD_TEXT_BYTES];
	int dir = io_open_dir(AT_FDCWD, below_root(path, setting, "/etc/weir"));
	snprintf(name, sizeof(name), "%s.card", card->name);
	card_text(text, card);
	int result = dir < 0 ? dir : io_write_file(dir, name, text, strlen(text), CARD_MODE);
	io_close(dir);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot write '/etc/weir/%s'", name);
}

static int make_keys(const struct setting *setting)
{
	struct card card, link;
	bool sends = setting->side == CONFIG_SENDER;
	int code = make_folder(setting, BOXFILES_KEYS, KEYS_MODE);
	if (code == EXIT_DONE && sends)
		code = make_folder(setting, BOXFILES_KEYS "/psks", KEYS_MODE);
	if (code == EXIT_DONE)
		code = make_key(setting, BOXFILES_KEYS "/box.key", sends ? KEY_SENDER : KEY_RECEIVER, box_name(setting), &card);
	if (code == EXIT_DONE && sends)
		code = make_key(setting, BOXFILES_KEYS "/link.key", KEY_LINK, LINK_KEY_NAME, &link);
	return code != EXIT_DONE ? code : write_card(setting, &card);
}

/* Another folder than that of the package: it belongs to the one process that writes there. */
static int make_data_folder(const struct setting *setting)
{
	const char *path = answer(setting, BOXFILES_SENDER_FOLDER, BOXFILES_RECEIVER_FOLDER);
	const char *user = setting->side == CONFIG_SENDER ? "weir-hold" : "weir-keep";
	char full[PATH_BYTES], shown[SHOWN_BYTES];
	struct stat st;
	if (setting->options.root[0] != 0 || stat(below_root(full, setting, path), &st) == 0)
		return EXIT_DONE;
	const struct passwd *entry = getpwnam(user);
	if (entry == NULL) {
		command_say("user '%s' is not there yet; type: systemd-sysusers && systemd-tmpfiles --create", user);
		return EXIT_ENVIRONMENT;
	}
	int code = make_folder(setting, path, FOLDER_MODE);
	if (code == EXIT_DONE && chown(full, entry->pw_uid, entry->pw_gid) < 0)
		code = command_fail(-errno, "cannot give '%s' to %s", text_escape_name(shown, sizeof(shown), full), user);
	return code;
}

/* ---- the whole ---- */

static int write_all(const struct setting *setting)
{
	size_t at = 0;
	char shown[SHOWN_BYTES];
	int result = siteplan_write(&setting->plan, &at);
	if (result != 0)
		return command_fail(result, "cannot write '%s%s'", setting->options.root,
				    text_escape_name(shown, sizeof(shown), setting->plan.files[at].path));
	int code = make_keys(setting);
	return code != EXIT_DONE ? code : make_data_folder(setting);
}

static void say_next(const struct setting *setting)
{
	bool sends = setting->side == CONFIG_SENDER;
	const char *nic = answer(setting, BOXFILES_SENDER_NIC, BOXFILES_RECEIVER_NIC);
	const char *side = sends ? "sender" : "receiver";
	printf("\nThis box is set up.  What is left for people to do:\n");
	printf("- take /etc/weir/%s.card to whoever makes the registry; compare the fingerprint\n", box_name(setting));
	if (sends)
		printf("- take /etc/weir/keys/link.key to the receiving box, by hand, and let nobody else have it\n"
		       "- put each recipient's pre-shared key in /etc/weir/keys/psks\n");
	else
		printf("- bring the sending box's link.key: install -m 600 link.key /etc/weir/keys/\n");
	printf("- put the signed registry and the roots in place: /etc/weir/registry, /etc/weir/roots\n");
	printf("- type: systemctl enable --now systemd-networkd weir-%s.target\n", side);
	if (strcmp(nic, BOXFILES_NIC) != 0)
		printf("- restart the box: from then on '%s' is called " BOXFILES_NIC "\n", nic);
	putchar('\n');
	fflush(stdout);
}

static int decide(const struct setting *setting, bool *go_on)
{
	*go_on = false;
	siteplan_show(&setting->plan);
	fflush(stdout);
	if (setting->options.show)
		return EXIT_DONE;
	*go_on = setting->options.yes || siteplan_count(&setting->plan) == 0 || questions_confirm("Write these files?");
	if (*go_on)
		return EXIT_DONE;
	command_say("nothing was written%s", isatty(STDIN_FILENO) == 1 ? "" : "; say --yes where no terminal is to ask at");
	return EXIT_REFUSED;
}

int boxsetup(enum config_side side, const struct boxsetup_shipped *shipped, boxsetup_check *check, int argc, char **argv)
{
	char path[] = "/etc/weir/receiver.conf", name[] = "check", option[] = "--config";
	char *arguments[] = {name, option, path, NULL};
	bool go_on = false;
	if (side == CONFIG_SENDER)
		snprintf(path, sizeof(path), "/etc/weir/sender.conf");
	struct setting *setting = calloc(1, sizeof(*setting));
	if (setting == NULL)
		return command_fail(-ENOMEM, "cannot begin");
	setting->side = side;
	int code = read_options(&setting->options, argc, argv);
	if (code == EXIT_DONE)
		code = ask(setting);
	if (code == EXIT_DONE)
		code = make_plan(setting, shipped);
	if (code == EXIT_DONE)
		code = decide(setting, &go_on);
	if (code == EXIT_DONE && go_on)
		code = write_all(setting);
	if (code == EXIT_DONE && go_on)
		say_next(setting);
	if (code == EXIT_DONE && go_on && setting->options.root[0] == 0)
		(void)check(3, arguments);
	siteplan_free(&setting->plan);
	free(setting);
	return code;
}
