#include "common/keycommand.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/json.h"
#include "common/key.h"
#include "common/registry.h"
#include "common/registrycommand.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static const struct command commands[] = {KEY_COMMAND,
					  REGISTRY_COMMAND,
					  {NULL, NULL, NULL, NULL, NULL}};

/* What the last command printed. */
static char out[65536], err[4096];

static void read_back(char *to, size_t size, const char *name)
{
	FILE *file = fopen(test_path(name), "r");
	size_t n = file == NULL ? 0 : fread(to, 1, size - 1, file);
	to[n] = 0;
	if (file != NULL)
		fclose(file);
}

/* Runs "weir-test WORDS", parted by single blanks, in the tests' folder. */
static int run(const char *words)
{
	char line[1024], *argv[16] = {NULL};
	int argc = 0;
	snprintf(line, sizeof(line), "weir-test %s", words);
	for (char *word = strtok(line, " "); word != NULL && argc < 15; word = strtok(NULL, " "))
		argv[argc++] = word;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		setsid(); /* no terminal to ask */
		if (chdir(test_dir()) < 0 || freopen("out", "w", stdout) == NULL ||
		    freopen("err", "w", stderr) == NULL)
			_exit(99);
		int code = command_main("weir-test", "tests commands", commands, argc, argv);
		fflush(stderr);
		_exit(code);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	read_back(out, sizeof(out), "out");
	read_back(err, sizeof(err), "err");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put(const char *name, const char *text, mode_t mode)
{
	int dir = io_open_dir(AT_FDCWD, test_dir());
	if (io_write_file(dir, name, text, strlen(text), mode) != 0)
		abort();
	io_close(dir);
}

static void test_new(void)
{
	struct stat st;
	char card[sizeof(out)];
	put("good-words", "a good passphrase\n", 0600);
	put("short-words", "seven77\n", 0600);
	put("short-chinese", "一二三四五六七\n", 0600);
	put("no-words", "\n", 0600);
	is_number(run("key new person wang-mei -o wang.key --passphrase-file good-words"),
		  EXIT_DONE, "a key is made under a passphrase");
	ok(strncmp(out, "; fingerprint ", 14) == 0 &&
		   strstr(out, "\n[person wang-mei]\npublic = ") != NULL,
	   "and its card is printed");
	ok(stat(test_path("wang.key"), &st) == 0 && (st.st_mode & 0777) == 0600 &&
		   st.st_size == KEY_FILE_BYTES,
	   "its file is for its owner alone");
	snprintf(card, sizeof(card), "%s", out);
	is_number(run("key show wang.key"), EXIT_DONE, "its card is shown without the passphrase");
	is_text(out, card, "and is the same");
	struct key *key = NULL;
	is_number(key_load(&key, test_path("wang.key"), "a good passphrase"), 0,
		  "the passphrase opens it, with the parameters that daemons use");
	key_free(key);
	is_number(run("key show wang.key --json"), EXIT_DONE, "the card is shown as JSON");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "which can be read");
	struct json_view root = json_view_of(json);
	is_text(json_get_text(root, "kind", ""), "person", "with its kind");
	is_text(json_get_text(root, "name", ""), "wang-mei", "and name");
	ok(json_get_bool(root, "protected", false), "and that it is protected");
	ok(strlen(json_get_text(root, "fingerprint", "")) == 47, "and its fingerprint");
	json_free(json);
	is_number(run("key new person lee -o wang.key --unprotected"), EXIT_ENVIRONMENT,
		  "a key file is never replaced");
	ok(strstr(err, "never replaced") != NULL, "and this is said");
	is_number(run("key show wang.key"), EXIT_DONE, "it is still there");
	is_text(out, card, "as it was");
}

static void test_new_refusals(void)
{
	static const struct {
		const char *words;
		int code;
		const char *said;
	} cases[] = {
		{"key", EXIT_USAGE, "'key' needs 'new' or 'show'"},
		{"key old", EXIT_USAGE, "there is no 'key old'"},
		{"key new person wang", EXIT_USAGE, "-o FILE"},
		{"key new -o x", EXIT_USAGE, "needs a kind"},
		{"key new king wang -o x --unprotected", EXIT_USAGE, "no kind of key 'king'"},
		{"key new person Wang -o x --unprotected", EXIT_USAGE, "'Wang' is not a name"},
		{"key new person wang more -o x --unprotected", EXIT_USAGE, "needs a kind"},
		{"key new person wang -o x --force", EXIT_USAGE, "unknown option"},
		{"key new person wang -o x --unprotected --passphrase-file good-words", EXIT_USAGE,
		 "exclude each other"},
		{"key new person wang -o x --passphrase-file short-words", EXIT_REFUSED,
		 "too short; take at least 8 characters"},
		{"key new person wang -o x --passphrase-file short-chinese", EXIT_REFUSED,
		 "too short; take at least 8 characters"},
		{"key new person wang -o x --passphrase-file no-words", EXIT_REFUSED, "too short"},
		{"key new person wang -o x --passphrase-file id-words", EXIT_REFUSED,
		 "what looks like an identity number, which others know; take words"},
		{"key new person wang -o x --passphrase-file none", EXIT_ENVIRONMENT,
		 "No such file or directory"},
		{"key new person wang -o x", EXIT_ENVIRONMENT, "no terminal to ask"},
		{"key new person wang -o none/x --unprotected", EXIT_ENVIRONMENT,
		 "cannot write key file 'none/x': No such file"},
		{"key show", EXIT_USAGE, "needs one FILE"},
		{"key show none.key", EXIT_ENVIRONMENT, "key file 'none.key': No such file"},
		{"key show good-words", EXIT_REFUSED, "it is not a file of this kind [bad-magic]"},
		{"key show loose.key", EXIT_REFUSED, "[loose-permissions]"},
	};
	put("id-words", "my number is a123-456-789\n", 0600);
	run("key new link l1 -o loose.key --unprotected");
	chmod(test_path("loose.key"), 0640);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_number(run(cases[i].words), cases[i].code, "'%s' fails in its way",
			  cases[i].words);
		ok(strstr(err, cases[i].said) != NULL, "and says: %s", cases[i].said);
		ok(strchr(err, '\n') == err + strlen(err) - 1, "in one line");
	}
	ok(access(test_path("x"), F_OK) != 0, "and nothing was written");
}

/* REGISTRY.md 2: what stands below `public` depends on the kind. */
static void test_second_keys(void)
{
	static const struct {
		const char *kind, *word;
	} cases[] = {{"person", "reading"}, {"recipient", "receipts"}, {"machine", NULL}, {"root", NULL}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char words[128], wanted[256], hex[2 * SUITE_KEY_BYTES + 1], line[128] = "";
		struct key *key = NULL;
		snprintf(words, sizeof(words), "key new %s second -o second-%s.key --unprotected",
			 cases[i].kind, cases[i].kind);
		is_number(run(words), EXIT_DONE, "a %s key is made", cases[i].kind);
		snprintf(words, sizeof(words), "second-%s.key", cases[i].kind);
		is_number(key_load(&key, test_path(words), NULL), 0, "and loaded");
		if (cases[i].word != NULL)
			snprintf(line, sizeof(line), "%s = %s\n", cases[i].word,
				 text_hex(hex, sizeof(hex), key->card.second, SUITE_KEY_BYTES));
		snprintf(wanted, sizeof(wanted), "public = %s\n%s",
			 text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES), line);
		const char *at = strstr(out, "public = ");
		is_text(at != NULL ? at : "", wanted, "its card ends in %s",
			cases[i].word != NULL ? cases[i].word : "public");
		snprintf(words, sizeof(words), "key show second-%s.key --json", cases[i].kind);
		run(words);
		struct json *json = NULL;
		json_parse(&json, out, strlen(out));
		text_hex(hex, sizeof(hex), key->card.second, SUITE_KEY_BYTES);
		for (size_t j = 0; j < 2; j++)
			is_text(json_get_text(json_view_of(json), cases[j].word, "none"),
				i == j ? hex : "none", "as JSON it has %s %s", i == j ? "its" : "no",
				cases[j].word);
		json_free(json);
		key_free(key);
	}
}

/* The public key on the card in `out`. */
static void card_public(char to[static 2 * SUITE_KEY_BYTES + 1])
{
	const char *at = strstr(out, "public = ");
	snprintf(to, 2 * SUITE_KEY_BYTES + 1, "%s", at != NULL ? at + 9 : "");
}

static void make_files(void)
{
	static const struct {
		const char *kind, *name;
	} keys[] = {{"root", "root-1"}, {"root", "root-2"}, {"person", "lee"}, {"sender", "inside"},
		    {"receiver", "outside"}, {"recipient", "tax"}, {"psk", "tax"},
		    {"person", "chen"}, {"machine", "nightly"}};
	char hex[9][2 * SUITE_KEY_BYTES + 1], text[4096], words[256], now[32], end[32];
	for (size_t i = 0; i < 9; i++) {
		snprintf(words, sizeof(words), "key new %s %s -o %s-%s.key --unprotected",
			 keys[i].kind, keys[i].name, keys[i].kind, keys[i].name);
		run(words);
		card_public(hex[i]);
	}
	snprintf(text, sizeof(text),
		 "[roots]\nquorum = 2\n[root root-1]\npublic = %s\n[root root-2]\npublic = %s\n",
		 hex[0], hex[1]);
	put("roots", text, 0644);
	/* ends in ten days, so that all of it expires soon */
	uint64_t today = (uint64_t)time(NULL) / 86400 * 86400;
	text_time(now, sizeof(now), today);
	text_time(end, sizeof(end), today + 10 * 86400);
	snprintf(text, sizeof(text),
		 "[registry]\nformat = 1\nname = moi\nversion = 7\nissued = %s\nexpires = %s\n"
		 "[person lee]\npublic = %s\nroles = operator\nsuspended = %s\n[sender inside]\npublic = %s\n"
		 "[receiver outside]\npublic = %s\n[recipient tax]\npublic = %s\npsk = %s\n"
		 "[route tax]\nid = 1\nrecipients = tax\noperators = lee\nformat = csv\n"
		 "records = required\ndestroy_after_days = 30\npriority = 4\n"
		 "[person chen]\npublic = %s\nroles = reviewer officer\noffice = 內政部\n"
		 "[machine nightly]\npublic = %s\n"
		 "[route rolls]\nid = 2\nrecipients = tax\noperators = lee\nformat = csv\n"
		 "records = required\ndestroy_after_days = 30\npriority = 4\nofficers = chen\n"
		 "quorum = 0\nneeds = security legal\nauthority = 戶政司\napproval = No. 12\n"
		 "data_class = highest\nmax_records = 23000000\nmax_bytes_a_day = 20 GiB\n"
		 "expect = daily 06:00\npolicy = household\n"
		 "[policy household]\nversion = 3\ncolumns = id 姓名\nunique = id\nidentity = id\n"
		 "refuse_identity = yes\ndeny = 姓名 [0-9]{4,}\nscan = required\n",
		 now, end, hex[2], now, hex[3], hex[4], hex[5], hex[6], hex[7], hex[8]);
	put("registry", text, 0640);
	snprintf(text, sizeof(text), "[registry]\nformat = 1\nname = moi\nversion = 7\nwrong\n");
	put("bad-registry", text, 0644);
	snprintf(text, sizeof(text),
		 "[registry]\nformat = 1\nname = moi\nversion = 7\nissued = 2020-01-01\n"
		 "expires = 2021-01-01\n");
	put("old-registry", text, 0644);
}

static void test_signing(void)
{
	struct stat st;
	is_number(run("registry check registry --roots roots"), EXIT_REFUSED,
		  "a registry that nobody signed is refused");
	ok(strstr(err, "[too-few-signatures]") != NULL && strstr(err, "registry sign") != NULL,
	   "with the next step");
	is_number(run("registry sign registry --key root-root-1.key"), EXIT_DONE,
		  "a root signs it");
	is_text(out, "'registry': version 7 of registry 'moi' is signed by root 'root-1'\n",
		"and is told what");
	is_number(run("registry check registry --roots roots"), EXIT_REFUSED, "one is too few");
	is_number(run("registry sign registry --key root-root-2.key"), EXIT_DONE, "another signs");
	is_number(run("registry check registry --roots roots"), EXIT_DONE, "two are enough");
	ok(strstr(out, "'registry': registry 'moi', version 7, is good and in force until ") == out,
	   "and it is good");
	ok(strstr(out, "people 2, machines 1, senders 1, receivers 1, recipients 1, routes 2\n") != NULL,
	   "its content is counted");
	ok(strstr(out, "note: person lee: suspended\n") != NULL, "a suspended person is told");
	ok(strstr(out, "note: route tax: expires in ") != NULL, "and a route that ends soon");
	ok(stat(test_path("registry"), &st) == 0 && (st.st_mode & 0777) == 0640,
	   "signing leaves the mode of the file");
	is_number(run("registry sign old-registry --key root-root-1.key"), EXIT_DONE,
		  "an old one signed");
	run("registry sign old-registry --key root-root-2.key");
	is_number(run("registry check old-registry --roots roots"), EXIT_REFUSED, "is refused");
	ok(strstr(err, "[expired]") != NULL, "because it has expired");
	is_number(run("registry show old-registry --roots roots"), EXIT_DONE,
		  "but can be looked at");
}

static void test_showing(void)
{
	is_number(run("registry show registry --roots roots"), EXIT_DONE, "a registry is shown");
	ok(strstr(out, "registry moi, version 7, issued ") == out, "with its version");
	ok(strstr(out, "\n  person     lee ") != NULL && strstr(out, "  suspended\n") != NULL,
	   "its people and their state");
	static const char *const said[] = {
		"  person     chen ", "             may be: officer reviewer; office: 內政部\n",
		"\n  machine    nightly ",
		"\nroute tax, id 1, expires ", "  authority     not stated\n",
		"  review        none demanded\n  pushed by     lee\n",
		"  approved by   nobody: released without approval\n  opened by     tax\n",
		"  content       csv, record counts required; no rules\n  most a push   no cap\n",
		"\nroute rolls, id 2, expires ", ": not-reviewed\n",
		"  authority     戶政司\n  approval      No. 12\n  data class    highest\n",
		"  review        security: missing\n  review        legal: missing\n",
		"  approved by   nobody: released without approval; officers: chen\n",
		"; policy household, version 3\n  most a push   23,000,000 records\n",
		"  most a day    20.0 GiB\n  expected      daily 06:00\n  destroyed     after 30 days\n",
		"\npolicy household, version 3\n  encoding      any\n  columns       id 姓名\n",
		"  unique        id\n  identity      refused outside its columns\n  identity in   id\n",
		"  denied        姓名: [0-9]{4,}\n  control file  none\n  virus scan    required\n",
		"note: route rolls: not-reviewed\n", "note: machine nightly: expires in ",
	};
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (!ok(strstr(out, said[i]) != NULL, "and says what it has to (%zu)", i))
			note("not said: %s", said[i]);
	is_number(run("registry show registry --roots roots --json"), EXIT_DONE, "or as JSON");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "which can be read");
	struct json_view root = json_view_of(json);
	is_number((int64_t)json_get_number(root, "version", 0), 7, "with its version");
	is_number((int64_t)json_count(json_get(root, "parties")), 6, "its parties");
	struct json_view route = json_at(json_get(root, "routes"), 1), rolls;
	is_text(json_get_text(route, "name", ""), "tax", "its routes");
	is_text(json_text(json_at(json_get(route, "operators"), 0)), "lee", "and their people");
	is_text(json_get_text(route, "policy", "none"), "none", "no policy where there is none");
	rolls = json_at(json_get(root, "routes"), 0);
	is_text(json_get_text(rolls, "state", ""), "not-reviewed", "whether they are reviewed");
	is_text(json_text(json_at(json_get(rolls, "needs"), 1)), "legal", "what they need");
	is_text(json_get_text(rolls, "authority", ""), "戶政司", "by whose leave they are");
	is_text(json_text(json_at(json_get(rolls, "officers"), 0)), "chen", "their officers");
	is_number((int64_t)json_get_number(rolls, "max_bytes_a_day", 0), INT64_C(20) << 30, "their caps");
	is_text(json_get_text(json_at(json_get(root, "parties"), 1), "state", ""), "suspended",
		"people in their state");
	is_text(json_text(json_at(json_get(json_at(json_get(root, "parties"), 0), "roles"), 1)), "reviewer",
		"and with their roles");
	struct json_view policy = json_at(json_get(root, "policies"), 0);
	is_text(json_get_text(json_at(json_get(policy, "deny"), 0), "pattern", ""), "[0-9]{4,}",
		"policies with their patterns");
	ok(json_get_bool(json_at(json_get(policy, "columns"), 0), "unique", false), "and columns");
	is_number((int64_t)json_get_number(json_at(json_get(root, "warnings"), 0), "days_left", 0), 30,
		  "and what ends soon");
	json_free(json);
}

/* Two reviews, pasted into the text, bring the route into force; any change of it takes it out again. */
static void test_reviewing(void)
{
	static const char *const offices[] = {"security", "legal"};
	char text[8192], section[sizeof(out)], words[256], date[32];
	text_time(date, sizeof(date), (uint64_t)time(NULL));
	read_back(text, sizeof(text), "registry");
	*strstr(text, "[signatures]") = 0;
	char *key = strstr(text, "roles = reviewer officer\n");
	/* the second office has a person of its own */
	char *lee = strstr(text, "roles = operator\nsuspended = ");
	ok(key != NULL && lee != NULL, "the registry has two people");
	memcpy(lee, "roles = operator reviewer\n;=", 28);
	for (size_t i = 0; i < 2; i++) {
		put("reviewed", text, 0644);
		snprintf(words, sizeof(words),
			 "registry review reviewed --route rolls --office %s --key person-%s.key --date %s",
			 offices[i], i == 0 ? "chen" : "lee", date);
		is_number(run(words), EXIT_DONE, "an office reviews the route");
		snprintf(section, sizeof(section), "[review rolls-%s]\nroute = rolls\noffice = %s\n"
			 "person = %s\ndate = %s\nsignature = ", offices[i], offices[i],
			 i == 0 ? "chen" : "lee", date);
		if (!ok(strncmp(out, section, strlen(section)) == 0, "and a section is printed"))
			note("%s%s", out, err);
		strcat(text, out);
	}
	put("reviewed", text, 0644);
	is_number(run("registry sign reviewed --key root-root-1.key"), EXIT_DONE, "a root signs");
	is_number(run("registry sign reviewed --key root-root-2.key"), EXIT_DONE, "and another");
	is_number(run("registry show reviewed --roots roots"), EXIT_DONE, "the registry is good");
	ok(strstr(out, "not-reviewed") == NULL, "and the route in force");
	snprintf(section, sizeof(section), "  review        security: chen, %s: good\n", date);
	ok(strstr(out, section) != NULL, "by the reviews of both");
	char *cap = strstr(text, "max_records = 23000000");
	cap[14] = '9';
	put("changed", text, 0644);
	run("registry sign changed --key root-root-1.key");
	run("registry sign changed --key root-root-2.key");
	is_number(run("registry show changed --roots roots"), EXIT_DONE,
		  "a route that changed breaks nothing else");
	ok(strstr(out, "note: route rolls: not-reviewed\n") != NULL, "but is not in force");
	ok(strstr(out, "note: review rolls-legal of route rolls: void: made of another text, or with "
		       "another key\n") != NULL, "and the review that does not fit is named");
	/* whoever reviews again replaces their section */
	is_number(run("registry review changed --route rolls --office security --key person-chen.key"),
		  EXIT_DONE, "it is reviewed again");
	ok(strncmp(out, "[review rolls-security]\n", 24) == 0, "under the name of the old review");
}

static void test_registry_refusals(void)
{
	static const struct {
		const char *words;
		int code;
		const char *said;
	} cases[] = {
		{"registry", EXIT_USAGE, "needs 'new', 'review', 'sign', 'check', 'show' or 'pin'"},
		{"registry burn", EXIT_USAGE, "there is no 'registry burn'"},
		{"registry check registry", EXIT_USAGE, "needs --roots ROOTS"},
		{"registry check --roots roots", EXIT_USAGE, "needs one FILE"},
		{"registry show registry", EXIT_USAGE, "needs --roots ROOTS"},
		{"registry sign registry", EXIT_USAGE, "needs --key ROOTKEY"},
		{"registry check registry --roots none", EXIT_ENVIRONMENT, "'none': No such file"},
		{"registry check none --roots roots", EXIT_ENVIRONMENT, "'none': No such file"},
		{"registry check registry --roots registry", EXIT_REFUSED, "registry:1: "},
		{"registry sign none --key root-root-1.key", EXIT_ENVIRONMENT,
		 "'none': No such file"},
		{"registry sign registry --key none.key", EXIT_ENVIRONMENT,
		 "key file 'none.key': No such file"},
		{"registry check registry --roots roots --json", EXIT_USAGE, "takes nothing else"},
		{"registry sign registry --key x --date 2026-01-01", EXIT_USAGE, "--passphrase-file alone"},
		{"registry review registry --key x --route tax", EXIT_USAGE, "needs --route ROUTE --office"},
		{"registry review registry --key x --route tax --office Security", EXIT_USAGE,
		 "'Security' is not an office"},
		{"registry review registry --key x --route tax --office s --date today", EXIT_USAGE,
		 "a date reads 2026-11-23"},
		{"registry review registry --key person-chen.key --route none --office security", EXIT_REFUSED,
		 "route 'none': the registry has no such route"},
		{"registry review bad-registry --key person-chen.key --route none --office security",
		 EXIT_REFUSED, "bad-registry:5: "},
		{"registry review registry --key root-root-1.key --route rolls --office security", EXIT_REFUSED,
		 "it holds a root key, and a person key is needed [wrong-key]"},
		{"registry review registry --key person-lee.key --route rolls --office security", EXIT_REFUSED,
		 "reviewer 'lee': the registry does not allow"},
		{"registry review registry --key second-person.key --route rolls --office security",
		 EXIT_REFUSED, "reviewer 'second': the registry does not name this key"},
		{"registry review registry --key person-chen.key --route rolls --office finance", EXIT_REFUSED,
		 "route 'rolls' needs no review by 'finance'; its 'needs' has to name the office first"},
		{"registry review registry --key person-chen.key --route rolls --office legal --date 2040-01-01",
		 EXIT_REFUSED, "reviewer 'chen': it has expired"},
		{"registry sign registry --key person-lee.key", EXIT_REFUSED,
		 "it holds a person key; a registry is signed with a root key [wrong-key]"},
		{"registry sign bad-registry --key root-root-1.key", EXIT_REFUSED,
		 "weir-test: bad-registry:5: it is neither '[section]' nor 'key = value' nor a comment "
		 "[bad-registry]\n"},
	};
	struct stat before, after;
	stat(test_path("bad-registry"), &before);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_number(run(cases[i].words), cases[i].code, "'%s' fails in its way",
			  cases[i].words);
		ok(strstr(err, cases[i].said) != NULL, "and says: %.60s", cases[i].said);
		if (strstr(err, cases[i].said) == NULL)
			note("%s", err);
	}
	ok(stat(test_path("bad-registry"), &after) == 0 && before.st_ino == after.st_ino,
	   "and a bad registry is left as it was");
}

static void test_wrong_passphrase(void)
{
	put("other-words", "another passphrase\n", 0600);
	is_number(run("key new root root-9 -o root-9.key --passphrase-file good-words"), EXIT_DONE,
		  "a root key under a passphrase");
	is_number(run("registry sign registry --key root-9.key --passphrase-file other-words"),
		  EXIT_REFUSED, "does not sign under another one");
	ok(strstr(err, "[wrong-passphrase]") != NULL, "and this is said");
	is_number(run("registry sign registry --key root-9.key --passphrase-file good-words"),
		  EXIT_DONE, "but under its own");
	is_number(run("registry check registry --roots roots"), EXIT_DONE,
		  "and a stranger's signature does no harm");
}

int main(void)
{
	suite_start();
	test_dir(); /* before there are children */
	unsetenv("WEIR_PASSPHRASE_FILE");
	test_new();
	test_new_refusals();
	test_second_keys();
	make_files();
	test_signing();
	test_showing();
	test_reviewing();
	test_registry_refusals();
	test_wrong_passphrase();
	return done_testing();
}
