/* The commands of weir-inbox as a person meets them: what they print, how they end, what they
 * leave. */
#include "receiver/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "receiver/custody.h"
#include "receiver/lost.h"
#include "receiver/notice.h"
#include "receiver/porter.h"
#include "sender/pack.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

#define VECTORS "tests/vectors/"
#define RELEASED 1780300805 /* 2026-06-01, when every key of the vectors' registry was good */

enum { OUTPUT_BYTES = 65536, EPOCH = 0x1234 };

static char out[OUTPUT_BYTES], err[OUTPUT_BYTES];

/* ---- running ---- */

static void slurp(const char *name, char *into)
{
	uint8_t *data;
	size_t len;
	if (io_read_file(AT_FDCWD, test_path(name), OUTPUT_BYTES - 1, &data, &len) != 0)
		abort();
	memcpy(into, data, len + 1);
	free(data);
}

static void redirect(const char *name, int to)
{
	int fd = open(test_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, to) < 0)
		_exit(99);
	close(fd);
}

/* In a process of its own, for a command confines the process that it runs in. */
static int run(int (*command)(int, char **), const char *const *words)
{
	char *argv[32];
	int argc = 0;
	for (; words[argc] != NULL; argc++)
		argv[argc] = strdup(words[argc]);
	argv[argc] = NULL;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		redirect("stdout", STDOUT_FILENO);
		redirect("stderr", STDERR_FILENO);
		int code = command(argc, argv);
		fflush(stdout);
		_exit(code);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	slurp("stdout", out);
	slurp("stderr", err);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
#define RUN(command, ...) run(command, (const char *const[]){&#command[6], __VA_ARGS__, NULL})

static bool says(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		return true;
	note("'%s' is not in: %s", part, text);
	return false;
}

/* Files and folders below a folder of the test. */
static int entries(const char *name)
{
	char command[4200], text[32] = "";
	snprintf(command, sizeof(command), "find '%s' -mindepth 1 2>/dev/null | wc -l",
		 test_path(name));
	FILE *f = popen(command, "r");
	if (f == NULL || fgets(text, sizeof(text), f) == NULL)
		abort();
	pclose(f);
	return atoi(text);
}

/* ---- the world of the vectors ---- */

static void seed_of(uint8_t seed[static SUITE_KEY_BYTES], const char *kind, const char *name)
{
	char words[128];
	snprintf(words, sizeof(words), "weir test vector %s %s", kind, name);
	suite_hash(seed, SUITE_KEY_BYTES, NULL, NULL, 0, words, strlen(words));
}

static void save_key(const char *file, enum key_kind kind, const char *name, const char *passphrase)
{
	struct key *key = key_new(kind, name);
	seed_of(key->secret, key_kind_name(kind), name);
	key_complete(key);
	if (key_save(test_path(file), key, passphrase) != 0)
		abort();
	key_free(key);
}

static void put(const char *name, const void *data, size_t len)
{
	int fd = open(test_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, data, len) != 0)
		abort();
	close(fd);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void copy_vector(const char *vector, const char *name)
{
	uint8_t *data;
	size_t len;
	char path[256];
	snprintf(path, sizeof(path), VECTORS "%s", vector);
	if (io_read_file(AT_FDCWD, path, 1 << 24, &data, &len) != 0)
		abort();
	put(name, data, len);
	free(data);
}

static struct registry *registry;

/* ---- weir-keep, as far as the commands know it ---- */

static volatile sig_atomic_t is_stopping;

static void stop(int number)
{
	(void)number;
	is_stopping = 1;
}

/* What intake gives to custody. */
static struct custody *custody;
static struct custody_site site;

static int take_mandate(struct intake *intake, const struct ledger_who *peer, const uint8_t *bytes, size_t len,
			uint64_t now_s)
{
	(void)intake;
	site.peer = peer;
	site.now_s = now_s;
	return custody_take(custody, &site, bytes, len);
}

static void keep(int listener)
{
	struct key *box = NULL;
	struct diary *diary = NULL;
	struct porter *porter = NULL;
	struct lost *lost = NULL;
	struct annals *annals = NULL;
	struct annals_found found;
	struct custody_found custody_found;
	int vault_fd = io_open_dir(AT_FDCWD, test_path("vault"));
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || signal(SIGTERM, stop) == SIG_ERR ||
	    key_load(&box, test_path("box.key"), NULL) != 0 ||
	    diary_open(&diary, test_path("vault"), box, RELEASED) != 0 ||
	    lost_open(&lost, vault_fd) != 0 || annals_open(&annals, vault_fd, false, &found) != 0 ||
	    custody_open(&custody, vault_fd, true, &custody_found) != 0 ||
	    porter_new(&porter, listener, &(struct import_site){.vault_fd = vault_fd, .diary = diary,
								.registry = registry}) != 0)
		_exit(1);
	site = (struct custody_site){.diary = diary, .annals = annals, .lost = lost, .registry = registry,
				     .box_key = box->card.id};
	porter_set_taker(porter, take_mandate, NULL);
	while (!is_stopping) {
		const struct timespec pause = {0, 1000000};
		porter_turn(porter, 0, (uint64_t)time(NULL));
		diary_commit(diary);
		nanosleep(&pause, NULL);
	}
	porter_turn(porter, 0, (uint64_t)time(NULL));
	porter_free(porter);
	custody_close(custody);
	annals_close(annals);
	lost_close(lost);
	diary_close(diary);
	_exit(0);
}

static pid_t start_keep(void)
{
	int listener = channel_listen(test_path("run/" NOTICE_SOCKET), 0600);
	pid_t child = listener < 0 ? -1 : fork();
	if (child < 0)
		abort();
	if (child == 0)
		keep(listener);
	close(listener);
	return child;
}

static void stop_keep(pid_t child)
{
	int status;
	if (kill(child, SIGTERM) < 0 || waitpid(child, &status, 0) != child || status != 0)
		abort();
}

/* Lines of its ledger with this text. */
static int entered(const char *text)
{
	char command[8400], answer[32] = "";
	snprintf(command, sizeof(command), "cat '%s'/ledger/*.jsonl | grep -cF '%s'", test_path("vault"), text);
	FILE *f = popen(command, "r");
	if (f == NULL || fgets(answer, sizeof(answer), f) == NULL)
		abort();
	pclose(f);
	return atoi(answer);
}


static void make_world(void)
{
	struct roots *roots = NULL;
	char problem[PROBLEM_BYTES];
	copy_vector("roots/ok.conf", "roots");
	copy_vector("registry/ok.conf", "registry");
	save_key("agency.key", KEY_RECIPIENT, "tax-agency", NULL);
	save_key("agency.psk", KEY_PSK, "tax-agency", NULL);
	save_key("census.key", KEY_RECIPIENT, "census", NULL);
	save_key("census.psk", KEY_PSK, "census", NULL);
	save_key("locked.key", KEY_RECIPIENT, "tax-agency", "open sesame");
	save_key("box.key", KEY_RECEIVER, "outside-1", NULL);
	save_key("wang-mei.key", KEY_PERSON, "wang-mei", NULL);
	save_key("stranger.key", KEY_PERSON, "stranger", NULL);
	save_key("link.key", KEY_LINK, "l1", NULL);
	put_text("right", "open sesame\n");
	put_text("wrong", "open barley\n");
	put_text("receiver.conf", "[paths]\nregistry = registry\nroots = roots\nvault = vault\nruntime = run\n"
				  "[keys]\nbox = box.key\nlink = link.key\n[link]\nabsent = all\n");
	mkdir(test_path("run"), 0700);
	mkdir(test_path("vault"), 0700);
	mkdir(test_path("vault/bundles"), 0700);
	mkdir(test_path("vault/bundles/0000000000001234"), 0700);
	mkdir(test_path("vault/bundles/0000000000005678"), 0700);
	setenv("WEIR_CONFIG", test_path("receiver.conf"), 1);
	if (roots_load(&roots, test_path("roots"), problem) != 0 ||
	    registry_load(&registry, test_path("registry"), roots, problem) != 0)
		abort();
	roots_free(roots);
}

struct part {
	const char *name;
	const char *text;
};

static int to_file(void *context, const void *data, size_t len)
{
	return io_write(*(int *)context, data, len);
}

/* A bundle by wang-mei for tax-agency, released as tax-NUMBER in an epoch, written to a file. */
static void make_bundle(const char *file, const char *route_name, uint64_t epoch, uint64_t number,
			const struct part *parts, size_t repeat)
{
	uint8_t psk[3][SUITE_KEY_BYTES], seed[SUITE_KEY_BYTES], segment[SEGMENT_BYTES];
	struct endorsements endorsements;
	const struct route *route = registry_route(registry, route_name);
	struct release r = {
		.epoch = epoch, .number = number, .released_at = RELEASED, .route_id = route->id};
	struct statement *s = &r.statement;
	struct pack *pack = NULL;
	memset(segment, 0, sizeof(segment));
	int fd = open(test_path(file), O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, segment, sizeof(segment)) != 0)
		abort();
	for (size_t i = 0; i < route->recipient_count; i++)
		seed_of(psk[i], "psk", route->recipients[i]->card.name);
	struct pack_options options = {.route = route,
				       .psk = psk,
				       .rule = RECORDS_LINES,
				       .threads = 2,
				       .sink = to_file,
				       .context = &fd};
	int result = pack_start(&pack, &options);
	for (; result == 0 && parts->name != NULL; parts++) {
		result = pack_member_begin(pack, parts->name, 1700000000, 0);
		for (size_t i = 0; result == 0 && i < repeat; i++)
			result = pack_add(pack, parts->text, strlen(parts->text));
		if (result == 0)
			result = pack_member_end(pack);
	}
	if (result == 0)
		result = pack_finish(pack, s);
	pack_free(pack);
	if (result != 0)
		abort();
	memcpy(s->route, route->name, NAME_BYTES);
	strcpy(s->person, "wang-mei");
	memcpy(s->person_key, registry_party(registry, KEY_PERSON, "wang-mei")->card.id,
	       KEY_ID_BYTES);
	s->registry_version = registry_version(registry);
	s->created = RELEASED - 5;
	s->destroy_by = RELEASED + 86400 * 3650ULL;
	seed_of(seed, "person", "wang-mei");
	endorse_push(&endorsements, s, seed);
	strcpy(r.box, "inside-1");
	memcpy(r.box_key, registry_party(registry, KEY_SENDER, "inside-1")->card.id, KEY_ID_BYTES);
	struct geometry g = geometry_choose(bundle_object_len(s), 125);
	r.row_len = g.row_len;
	r.source_rows = g.source_rows;
	r.repair_rows = g.repair_rows;
	seed_of(seed, "sender", "inside-1");
	if (release_segment_encode(segment, &r, &endorsements, seed) != 0)
		abort();
	size_t len;
	const uint8_t *text = registry_text(registry, &len);
	if (io_pwrite(fd, segment, sizeof(segment), 0) != 0 || lseek(fd, 0, SEEK_END) < 0 ||
	    io_write(fd, text, len) != 0)
		abort();
	close(fd);
}

static void flip(const char *file, off_t at)
{
	uint8_t byte;
	int fd = open(test_path(file), O_RDWR);
	if (fd < 0 || pread(fd, &byte, 1, at) != 1)
		abort();
	byte ^= 1;
	if (pwrite(fd, &byte, 1, at) != 1)
		abort();
	close(fd);
}

#define VAULT "vault/bundles/0000000000001234/"

static const struct part three[] = {{"folder/one", "1\n"},
				    {"folder/\xe2\x80\xae"
				     "evil",
				     "2\n"},
				    {"two", "3\n"},
				    {NULL, NULL}};
static const struct part single[] = {{"table.csv", "a,b\n"}, {NULL, NULL}};

static void make_vault(void)
{
	make_bundle(VAULT "tax-000001.weir", "tax", EPOCH, 1, three, 10);
	make_bundle(VAULT "tax-000002.weir", "tax", EPOCH, 2, single, 1000);
	make_bundle(VAULT "all-000001.weir", "all", EPOCH, 1, single, 500000);
}

#define KEY "--key", key, "--psk", psk
static char key[256], psk[256];

static void use_keys(const char *recipient)
{
	char name[64];
	snprintf(name, sizeof(name), "%s.key", recipient);
	snprintf(key, sizeof(key), "%s", test_path(name));
	snprintf(name, sizeof(name), "%s.psk", recipient);
	snprintf(psk, sizeof(psk), "%s", test_path(name));
}

/* ---- list, show, verify ---- */

static void test_list(void)
{
	is_number(RUN(inbox_list, NULL), 0, "list ends well");
	ok(says(out, "tax-000001") && says(out, "tax-000002") && says(out, "all-000001"),
	   "it names every bundle");
	ok(says(out, "wang-mei") && says(out, "2026-06-01T"), "with person and time");
	put_text("vault/status.json",
		 "{\"bundles\":[{\"name\":\"tax-000003\",\"epoch\":\"0000000000001234\","
		 "\"state\":\"receiving\",\"object_bytes\":1000,\"held_bytes\":375},"
		 "{\"name\":\"\\u001b[2J\",\"state\":\"refused\",\"verdict\":\"bad-root\"}]}");
	is_number(RUN(inbox_list, NULL), 0, "list ends well with bundles on their way");
	ok(says(out, "receiving 37.5 %") && says(out, "refused: bad-root"),
	   "it tells their state and percent");
	ok(strchr(out, 0x1b) == NULL, "what another program wrote is escaped");
	is_number(RUN(inbox_list, "--json", NULL), 0, "list --json ends well");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "and is JSON");
	is_number((int64_t)json_count(json_view_of(json)), 5, "of every bundle");
	json_free(json);
	put_text("vault/status.json",
		 "{\"bundles\":[{\"name\":\"tax-000001\",\"epoch\":\"0000000000001234\",\"state\":\"receiving\"},"
		 "{\"name\":\"tax-000001\",\"epoch\":\"0000000000001235\",\"state\":\"receiving\"}]}");
	is_number(RUN(inbox_list, "--json", NULL), 0, "list with a status that is older than the vault ends well");
	is_number(json_parse(&json, out, strlen(out)), 0, "and is JSON, too");
	is_number((int64_t)json_count(json_view_of(json)), 4, "what has arrived since is not listed twice, and its name of another epoch is");
	json_free(json);
	put_text("vault/status.json", "{broken");
	is_number(RUN(inbox_list, NULL), 0, "a broken status keeps nobody from the list");
	ok(says(err, "status.json"), "but it is said");
	unlink(test_path("vault/status.json"));
	is_number(RUN(inbox_list, "x"), 2, "an argument is a wrong command line");
	is_number(RUN(inbox_list, "--member", "x"), 2, "and so is an option of another command");
}

static void test_show(void)
{
	use_keys("agency");
	is_number(RUN(inbox_show, "tax-000001"), 0, "show ends well without any key");
	ok(says(out, "tax-agency") && says(out, "inside-1") && says(out, "yes: signatures"),
	   "it names recipient and box, and has verified");
	ok(strstr(out, "folder") == NULL, "without a key there are no members");
	is_number(RUN(inbox_show, KEY, "tax-000001"), 0, "show with keys ends well");
	ok(says(out, "folder/one") && says(out, "MODIFIED"), "it lists the members");
	ok(says(out, "folder/\\xe2\\x80\\xae"
		     "evil"),
	   "names that would turn the text around are escaped");
	is_number(RUN(inbox_show, KEY, "--json", "tax-000001"), 0, "show --json ends well");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "and is JSON");
	struct json_view view = json_view_of(json);
	is_text(json_get_text(view, "person", ""), "wang-mei", "with the person");
	is_number((int64_t)json_count(json_get(view, "members")), 3, "and the members");
	json_free(json);
	is_number(RUN(inbox_show, "tax-000009"), 1, "a bundle that is not there is refused");
	ok(says(err, "no-such-bundle"), "and that is said");
	is_number(RUN(inbox_show, NULL), 2, "show needs an argument");
}

static void test_verify(void)
{
	is_number(RUN(inbox_verify, NULL), 0, "verify of the whole vault ends well");
	ok(says(out, "all good: 3 verified"), "and counts");
	is_number(RUN(inbox_verify, "tax-000001", "all-000001"), 0, "verify of two ends well");
	flip(VAULT "tax-000002.weir", 40000);
	is_number(RUN(inbox_verify, NULL), 4, "a flipped bit of the content gives exit code 4");
	ok(says(out, "tax-000002: refused") && says(out, "[bad-root]"),
	   "and the bundle with its verdict");
	ok(says(out, "1 of 3 failed, 2 verified"), "and the others are verified all the same");
	is_number(RUN(inbox_verify, "--json", NULL), 4, "the same as JSON");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "which is JSON");
	json_free(json);
	flip(VAULT "tax-000002.weir", 40000);
	is_number(RUN(inbox_verify, "tax-000009", "tax-000001"), 4,
		  "one that is not there is missing");
	ok(says(out, "tax-000001: good"), "and the other is verified");

	rename(test_path(VAULT "tax-000002.weir"), test_path(VAULT "tax-000008.weir"));
	is_number(RUN(inbox_verify, NULL), 4, "a bundle under another's name is refused");
	ok(says(out, "[bad-name]") && says(out, "tax-000002"), "and says what it is");
	rename(test_path(VAULT "tax-000008.weir"), test_path(VAULT "tax-000002.weir"));
}

static void test_trust(void)
{
	char path[256], roots[256], text[4096];
	snprintf(path, sizeof(path), "%s", test_path(VAULT "tax-000001.weir"));
	snprintf(roots, sizeof(roots), "%s", test_path("roots"));
	unsetenv("WEIR_CONFIG");
	is_number(RUN(inbox_verify, "--roots", roots, path), 0,
		  "a file is verified with the roots alone");
	is_number(RUN(inbox_verify, path), 2, "without configuration and roots nothing is trusted");
	ok(says(err, "--roots"), "and what is needed is said");
	setenv("WEIR_ROOTS", roots, 1);
	is_number(RUN(inbox_verify, path), 0, "WEIR_ROOTS stands for the option");
	unsetenv("WEIR_ROOTS");
	setenv("WEIR_CONFIG", test_path("receiver.conf"), 1);

	struct key *stranger = key_new(KEY_ROOT, "root-1");
	char hex[2 * SUITE_KEY_BYTES + 1];
	for (size_t i = 0; i < SUITE_KEY_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", stranger->card.public_key[i]);
	key_free(stranger);
	snprintf(text, sizeof(text), "[roots]\nquorum = 1\n[root root-1]\npublic = %s\n", hex);
	put_text("strange", text);
	snprintf(roots, sizeof(roots), "%s", test_path("strange"));
	is_number(RUN(inbox_verify, "--roots", roots, path), 4,
		  "a registry that other roots have signed is refused");
	ok(says(out, "registry"), "and that is said");
	is_number(RUN(inbox_open, "--roots", roots, KEY, path, "-o", test_path("strange.out")), 1,
		  "and nothing is opened by it");
	is_number(entries("strange.out"), 0, "nothing at all");
}

/* ---- open ---- */

static void test_open_folder(void)
{
	char goal[256];
	use_keys("agency");
	snprintf(goal, sizeof(goal), "%s", test_path("opened"));
	is_number(RUN(inbox_open, KEY, "tax-000001", "-o", goal), 0, "open ends well");
	ok(says(err, "opened tax-000001: 3 members, 30 records, 60 B, every digest right"),
	   "and says what it did");
	is_number(entries("opened"), 4, "three members and their folder are there");
	is_number(RUN(inbox_open, KEY, "tax-000001", "-o", goal), 3, "a second time it is refused");
	ok(says(err, "nothing is ever replaced"), "since nothing is replaced");
	ok(strstr(err, "\xe2\x80\xae") == NULL, "with escaped names");
	snprintf(goal, sizeof(goal), "%s", test_path("chosen"));
	is_number(RUN(inbox_open, KEY, "--member", "two", "--member", "folder/one", "tax-000001",
		      "-o", goal),
		  0, "members can be chosen");
	is_number(entries("chosen"), 3, "and no others come");
	snprintf(goal, sizeof(goal), "%s", test_path("absent"));
	is_number(RUN(inbox_open, KEY, "--member", "absent", "tax-000001", "-o", goal), 1,
		  "a member that is not there is refused");
	is_number(access(goal, F_OK), -1, "and nothing is made");
}

static void test_open_stream(void)
{
	use_keys("agency");
	is_number(RUN(inbox_open, KEY, "tax-000002", "-"), 0, "one member goes to standard output");
	is_number((int64_t)strlen(out), 4000, "all of it");
	is_number(RUN(inbox_open, KEY, "tax-000001", "-"), 1, "several do not");
	ok(says(err, "--member"), "and how to choose one is said");
	is_text(out, "", "and not a byte came out");
	is_number(RUN(inbox_open, KEY, "--member", "two", "tax-000001", "-"), 0,
		  "a chosen one does");
	is_number(RUN(inbox_open, KEY, "tax-000001"), 2, "a goal must be named");
	is_number(RUN(inbox_open, KEY, "tax-000001", "-", "-o", "x"), 2, "and only one");
	is_number(RUN(inbox_open, KEY, "tax-000001", "-", "--"), 2, "an empty command is none");
}

static void test_open_command(void)
{
	char script[512];
	use_keys("agency");
	snprintf(script, sizeof(script), "cat > '%s'; echo committed > '%s'", test_path("fed"),
		 test_path("fed.done"));
	is_number(RUN(inbox_open, KEY, "all-000001", "-", "--", "sh", "-c", script), 0,
		  "a command is fed");
	struct stat st = {0};
	stat(test_path("fed"), &st);
	is_number(st.st_size, 2000000, "with all of it");
	is_number(access(test_path("fed.done"), F_OK), 0, "and saw the end");
	is_number(
		RUN(inbox_open, KEY, "tax-000002", "-", "--", "sh", "-c", "cat >/dev/null; exit 7"),
		1, "a command that fails is a failure");
	ok(says(err, "exit 7") && says(err, "command-failed"), "and how it ended is said");
	is_number(RUN(inbox_open, KEY, "tax-000002", "-", "--", "/no/such/command"), 3,
		  "a command that cannot be run is said to be so");
}

/* A vector that is good until the digest of its last member. */
static void make_damaged(const char *file)
{
	struct bytes {
		uint8_t *data;
		size_t len;
	} base, recipe, text;
	if (io_read_file(AT_FDCWD, VECTORS "object/bad-digest--last-member.patch", 1 << 20,
			 &recipe.data, &recipe.len) ||
	    io_read_file(AT_FDCWD, VECTORS "object/ok.bin", 1 << 20, &base.data, &base.len) ||
	    io_read_file(AT_FDCWD, VECTORS "registry/ok.conf", 1 << 20, &text.data, &text.len))
		abort();
	int fd = open(test_path(file), O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, base.data, base.len) != 0 ||
	    io_write(fd, text.data, text.len) != 0)
		abort();
	char *rest = (char *)recipe.data;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		char *value = strchr(line, ' ');
		if (value == NULL || *line < '0' || *line > '9')
			continue;
		for (size_t i = 0; value[1 + 2 * i] != 0; i++) {
			char two[3] = {value[1 + 2 * i], value[2 + 2 * i], 0};
			uint8_t byte = (uint8_t)strtoul(two, NULL, 16);
			if (io_pwrite(fd, &byte, 1, strtoul(line, NULL, 10) + i) != 0)
				abort();
		}
	}
	close(fd);
	free(base.data);
	free(recipe.data);
	free(text.data);
}

static void test_open_damaged(void)
{
	char path[256], goal[256], script[512];
	use_keys("agency");
	make_damaged("damaged.weir");
	snprintf(path, sizeof(path), "%s", test_path("damaged.weir"));
	is_number(RUN(inbox_verify, path), 0, "what was sealed with a wrong digest verifies");
	mkdir(test_path("holds"), 0700);
	put_text("holds/other", "mine");
	snprintf(goal, sizeof(goal), "%s", test_path("holds"));
	is_number(RUN(inbox_open, KEY, path, "-o", goal), 1,
		  "but a member whose digest is wrong is refused");
	ok(says(err, "[bad-digest]") && says(err, "nothing was left"), "with its verdict");
	is_number(entries("holds"), 1, "and of the members before it nothing is left either");
	snprintf(goal, sizeof(goal), "%s", test_path("fresh"));
	is_number(RUN(inbox_open, KEY, path, "-o", goal), 1, "into a new folder just so");
	is_number(access(goal, F_OK), -1, "and the folder is gone");

	snprintf(script, sizeof(script), "cat > '%s'; echo committed > '%s'", test_path("half"),
		 test_path("half.done"));
	is_number(
		RUN(inbox_open, KEY, "--member", "people.csv", path, "-", "--", "sh", "-c", script),
		1, "a command that is given it fails");
	ok(says(err, "[bad-digest]") && says(err, "killed before it saw an end"),
	   "with the verdict");
	is_number(access(test_path("half.done"), F_OK), -1, "and never sees the end of its input");
	is_number(RUN(inbox_open, KEY, "--member", "people.csv", path, "-"), 1,
		  "standard output ends badly too");
	ok(says(err, "what came out is not whole"), "which is said");

	make_bundle("bad.weir", "tax", EPOCH, 7, single, 10);
	flip("bad.weir", 50000);
	snprintf(path, sizeof(path), "%s", test_path("bad.weir"));
	snprintf(script, sizeof(script), "echo started > '%s'; cat", test_path("started"));
	is_number(RUN(inbox_open, KEY, path, "-", "--", "sh", "-c", script), 1,
		  "a wrong tree root is refused");
	ok(says(err, "[bad-root]"), "with its verdict");
	is_number(access(test_path("started"), F_OK), -1, "before a command is run");
}

static void test_open_keys(void)
{
	char goal[256];
	snprintf(goal, sizeof(goal), "%s", test_path("keys.out"));
	use_keys("census");
	is_number(RUN(inbox_open, KEY, "tax-000001", "-o", goal), 1,
		  "who is no recipient cannot open");
	ok(says(err, "[wrong-recipient]"), "and is told");
	is_number(RUN(inbox_open, KEY, "all-000001", "-o", goal), 0,
		  "each of several recipients can");
	use_keys("agency");
	is_number(RUN(inbox_open, "--key", key, "--psk", test_path("census.psk"), "tax-000001",
		      "-o", goal),
		  1, "another's pre-shared key does not open");
	ok(says(err, "[wrong-key]") && says(err, "pre-shared key 'census'"),
	   "and which key is wrong is told");
	is_number(RUN(inbox_open, "--key", psk, "--psk", key, "tax-000001", "-o", goal), 1,
		  "keys the wrong way round");
	ok(says(err, "it holds a psk key"), "are told to be");
	is_number(RUN(inbox_open, "--key", key, "tax-000001", "-o", goal), 2,
		  "without a pre-shared key nothing goes");
	is_number(RUN(inbox_open, "--key", test_path("absent"), "--psk", psk, "tax-000001", "-o",
		      goal),
		  3, "a key file that is not there is the environment's fault");

	char locked[256], right[256], wrong[256];
	snprintf(locked, sizeof(locked), "%s", test_path("locked.key"));
	snprintf(right, sizeof(right), "%s", test_path("right"));
	snprintf(wrong, sizeof(wrong), "%s", test_path("wrong"));
	is_number(RUN(inbox_open, "--key", locked, "--psk", psk, "--passphrase-file", wrong,
		      "tax-000001", "-o", goal),
		  1, "a wrong passphrase is refused");
	ok(says(err, "[wrong-passphrase]"), "and told");
	is_number(RUN(inbox_open, "--key", locked, "--psk", psk, "--passphrase-file", right,
		      "tax-000001", "-o", goal),
		  0, "the right one opens");
	chmod(key, 0644);
	is_number(RUN(inbox_open, KEY, "tax-000002", "-"), 1,
		  "a key that others can read is refused");
	ok(says(err, "[loose-permissions]"), "and told");
	chmod(key, 0600);
}

/* ---- what weir-keep enters ---- */

static void test_entries(void)
{
	char key_id[2 * KEY_ID_BYTES + 1];
	struct card card;
	bool is_locked;
	if (key_load_card(&card, test_path("agency.key"), &is_locked) != 0)
		abort();
	text_hex(key_id, sizeof(key_id), card.id, KEY_ID_BYTES);
	char who[200];
	snprintf(who, sizeof(who), "\"who\":{\"person\":\"tax-agency\",\"key\":\"%s\",\"uid\":%u,\"pid\":", key_id,
		 (unsigned int)getuid());
	if (rename(test_path("vault/ledger"), test_path("vault/ledger.before")) < 0)
		abort();
	pid_t child = start_keep();
	RUN(inbox_list, "--json");
	RUN(inbox_show, "tax-000001");
	RUN(inbox_show, "tax-000099");
	RUN(inbox_verify, "tax-000001");
	RUN(inbox_verify, test_path("bad.weir"));
	RUN(inbox_gaps, "--json");
	RUN(inbox_copy, "tax-000001", test_path("entered.weir"));
	is_number(RUN(inbox_open, KEY, "tax-000001", "-o", test_path("entered")), 0, "it is opened");
	RUN(inbox_open, "--key", test_path("locked.key"), "--psk", test_path("agency.psk"), "--passphrase-file",
	    test_path("wrong"), "tax-000001", "-o", test_path("never"));
	stop_keep(child);
	is_number(entered("\"verb\":\"list\""), 1, "a list is one entry");
	is_number(entered("\"verb\":\"show\",\"about\":\"tax-000001\",\"exit\":0"), 1, "'show' is, and what about");
	is_number(entered("\"verb\":\"show\",\"about\":\"tax-000099\",\"exit\":1"), 1, "also of what is not there");
	is_number(entered("\"result\":\"ok\",\"who\":"), entered("\"exit\":0") + 3, "what ends well is ok, "
		  "and so are two beginnings, and gaps that were told of");
	is_number(entered("\"verb\":\"verify\",\"about\":\"tax-000001\",\"exit\":0"), 1, "'verify' is");
	is_number(entered("\"exit\":4") , 2, "gaps, and damage that was found, are");
	is_number(entered("\"verb\":\"copy\",\"about\":\"tax-000001\",\"phase\":\"begin\""), 1, "a copy is, before");
	is_number(entered("\"verb\":\"copy\",\"about\":\"tax-000001\",\"phase\":\"end\",\"exit\":0"), 1, "and behind");
	is_number(entered(who), 2, "who opens is named by his key, before and behind");
	is_number(entered("\"phase\":\"end\",\"exit\":0,\"records\":"), 2, "with what came out");
	is_number(entered("\"result\":\"wrong-passphrase\",\"who\""), 1, "who does not get so far is entered with the verdict");
}

static void test_no_keep(void)
{
	is_number(RUN(inbox_list, "--json"), 0, "without weir-keep 'list' works");
	ok(strstr(err, "is not in its ledger: ") != NULL, "and says that it is not entered");
	ok(strstr(strstr(err, "ledger") + 1, "ledger") == NULL, "once");
	is_number(RUN(inbox_copy, "tax-000001", test_path("unentered.weir")), 3, "'copy' does not");
	ok(strstr(err, "weir-keep cannot enter this in its ledger, so it is not done: ") != NULL && entries("unentered.weir") == 0,
	   "and says why");
	is_number(RUN(inbox_open, KEY, "tax-000001", "-o", test_path("unentered")), 3, "'open' does not");
	ok(entries("unentered") == 0, "and leaves nothing");
	int listener = channel_listen(test_path("run/" NOTICE_SOCKET), 0600);
	is_number(RUN(inbox_verify, "tax-000001"), 0, "a keep that does not listen does not hold 'verify' up");
	close(listener);
	unlink(test_path("run/" NOTICE_SOCKET));
	unsetenv("WEIR_CONFIG");
	char path[4096];
	snprintf(path, sizeof(path), "%s", test_path("vault/bundles/0000000000001234/tax-000001.weir"));
	is_number(RUN(inbox_open, "--roots", test_path("roots"), KEY, path, "-o", test_path("elsewhere")), 0,
		  "where there is no receiving box 'open' needs none");
	setenv("WEIR_CONFIG", test_path("receiver.conf"), 1);
}

/* ---- copy ---- */

static void test_copy(void)
{
	char goal[256];
	mkdir(test_path("copies"), 0700);
	snprintf(goal, sizeof(goal), "%s", test_path("copies/a.weir"));
	is_number(RUN(inbox_copy, "tax-000001", goal), 0, "a copy is made");
	is_number(RUN(inbox_verify, goal), 0, "and verifies");
	is_number(entries("copies"), 1, "under its name alone");
	is_number(RUN(inbox_copy, "tax-000002", goal), 3, "it is never replaced");
	is_number(RUN(inbox_copy, test_path("bad.weir"), test_path("copies/b.weir")), 1,
		  "a damaged one is refused");
	is_number(entries("copies"), 1, "and leaves nothing");
	is_number(RUN(inbox_copy, "tax-000001"), 2, "a goal must be named");
	is_number(RUN(inbox_copy, "tax-000001", test_path("no/such/folder.weir")), 3,
		  "in a folder that is there");
}

/* ---- gaps ---- */

static uint16_t passes_promised;
static uint64_t offered_until;

static void store_catalogue(uint64_t generation, int count, uint64_t destroy_by)
{
	uint8_t bytes[2 + PAGE_BYTES_MAX], seed[SUITE_KEY_BYTES];
	struct page page = {.count = (uint16_t)count,
			    .epoch = EPOCH,
			    .generation = generation,
			    .time = RELEASED,
			    .pages = 1};
	memcpy(page.box_key, registry_party(registry, KEY_SENDER, "inside-1")->card.id,
	       KEY_ID_BYTES);
	for (int i = 0; i < count; i++)
		page.entries[i] = (struct entry){.route_id = 1, .epoch = EPOCH,
						 .number = (uint64_t)(count - i),
						 .geometry = geometry_choose(65536, 125),
						 .destroy_by = destroy_by,
						 .passes = passes_promised,
						 .offered_until = offered_until};
	size_t len;
	seed_of(seed, "sender", "inside-1");
	if (page_encode(bytes + 2, &len, &page, seed) != 0)
		abort();
	bytes[0] = (uint8_t)len;
	bytes[1] = (uint8_t)(len >> 8);
	put("vault/catalogue", bytes, len + 2);
}

static void store_status(uint64_t age_s, uint64_t silent_s, uint64_t generation, int pages_held)
{
	char text[1024], box[2 * KEY_ID_BYTES + 1];
	uint64_t now = (uint64_t)time(NULL);
	text_hex(box, sizeof(box), registry_party(registry, KEY_RECEIVER, "outside-1")->card.id, KEY_ID_BYTES);
	snprintf(
		text, sizeof(text),
		"{\"box_key\":\"%s\",\"time\":%llu,\"last_heartbeat\":%llu,\"generation\":%llu,\"pages\":1,"
		"\"pages_held\":%d,\"registry_version\":7,\"bundles\":["
		"{\"name\":\"tax-000003\",\"epoch\":\"0000000000001234\",\"state\":\"receiving\","
		"\"route_id\":1,\"number\":3,"
		"\"object_bytes\":65536,\"held_bytes\":32768,\"since\":%llu},"
		"{\"name\":\"tax-000004\",\"epoch\":\"0000000000001234\",\"route_id\":1,\"number\":4,"
		"\"state\":\"refused\",\"verdict\":\"bad-root\"}]}",
		box, (unsigned long long)(now - age_s), (unsigned long long)(now - silent_s),
		(unsigned long long)generation, pages_held, (unsigned long long)now);
	put_text("vault/status.json", text);
}

static void test_gaps(void)
{
	uint64_t later = (uint64_t)time(NULL) + 86400;
	is_number(RUN(inbox_gaps, NULL), 4, "a receiver that has never run may lack anything");
	ok(says(out, "never run"), "and that is said");
	store_status(0, 0, 3, 1);
	store_catalogue(3, 2, later);
	is_number(RUN(inbox_gaps, NULL), 0, "when all that is promised is here, gaps ends with 0");
	ok(says(out, "nothing is missing: 2 bundles promised, 2 delivered, last heartbeat"),
	   "and says so");
	passes_promised = 1;
	store_catalogue(3, 5, later);
	is_number(RUN(inbox_gaps, NULL), 4, "when something is missing it ends with 4");
	ok(says(out, "tax-000003") && says(out, "32.0 KiB of 64.0 KiB missing"),
	   "and says what and how much");
	ok(says(out, "tax-000004") && says(out, "[bad-root]"), "what was refused, and why");
	ok(says(out, "tax-000005            lost as a whole       64.0 KiB of 64.0 KiB missing, nothing of it came"),
	   "and what has not begun, though it was sent");
	ok(strstr(out, "tax-000001") == NULL &&
		   says(out, "3 missing: 5 bundles promised, 2 delivered"),
	   "and no other");
	ok(strncmp(out, "3 missing: ", 11) == 0, "the whole of it comes first");
	is_number(RUN(inbox_gaps, "--json", NULL), 4, "the same as JSON");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "which is JSON");
	is_number((int64_t)json_count(json_get(json_view_of(json), "missing")), 3,
		  "with three missing");
	json_free(json);
	store_catalogue(3, 5, RELEASED);
	is_number(RUN(inbox_gaps, NULL), 0, "what would have been destroyed by now is not missed");
	ok(says(out, "3 past their time"), "but counted");

	store_catalogue(3, 2, later);
	store_status(0, 60, 3, 1);
	is_number(RUN(inbox_gaps, NULL), 4, "a sender that is silent may have more");
	ok(says(out, "silent for"), "and that is said");
	store_status(60, 60, 3, 1);
	is_number(RUN(inbox_gaps, NULL), 4, "a keep that does not run knows nothing new");
	ok(says(out, "weir-keep is not running"), "and that is said");
	put_text("vault/status.json", "{\"time\":9999999999,\"last_heartbeat\":0}");
	is_number(RUN(inbox_gaps, NULL), 4, "a keep that has heard nothing yet knows nothing");
	ok(says(out, "no heartbeat has come"), "and that is said");
	store_status(0, 0, 3, 0);
	is_number(RUN(inbox_gaps, NULL), 4,
		  "a page of the catalogue that is missing may promise more");
	ok(says(out, "0 of 1 pages"), "and that is said");
	store_status(0, 0, 4, 1);
	is_number(RUN(inbox_gaps, NULL), 4, "so may a newer catalogue");
	store_status(0, 0, 3, 1);
	flip("vault/catalogue", 2 + 128 + 2 * 64 - 1);
	is_number(RUN(inbox_gaps, NULL), 1,
		  "a catalogue that the sender has not signed is refused");
	ok(says(err, "[bad-signature]"), "and that is said");
}

static void put_status(const char *link, const char *bundle)
{
	char text[2048];
	unsigned long long now = (unsigned long long)time(NULL);
	snprintf(text, sizeof(text), "{\"time\":%llu,\"last_heartbeat\":%llu,\"heard_since\":%llu,\"last_data\":%llu,"
		 "\"generation\":3,\"pages\":1,\"pages_held\":1,\"registry_version\":7%s,\"bundles\":["
		 "{\"name\":\"tax-000003\",\"epoch\":\"0000000000001234\",\"route_id\":1,\"number\":3,"
		 "\"object_bytes\":65536,\"held_bytes\":32768,\"since\":%llu,\"last_arrival\":%llu%s}]}",
		 now, now, now - 100, now, link, now - 50, now - 20, bundle);
	put_text("vault/status.json", text);
}

static void passed(char text[static 256], const char *more)
{
	snprintf(text, 256, ",\"state\":\"receiving\",\"passed\":%llu%s", (unsigned long long)time(NULL) - 10, more);
}

static void test_kinds(void)
{
	const char *const heals = ",\"heal_rate\":1000000,\"heal_round_bytes\":3000000";
	uint64_t later = (uint64_t)time(NULL) + 86400;
	char bundle[256];
	passes_promised = 0;
	store_catalogue(3, 3, later);
	put_status("", ",\"state\":\"receiving\"");
	is_number(RUN(inbox_gaps, NULL), 0, "what is on its way is not missing");
	ok(says(out, "nothing is missing: 3 bundles promised, 2 delivered, 1 on its way") &&
	   says(out, "tax-000003            receiving             32.0 KiB of 64.0 KiB missing"), "but shown");
	put_status("", ",\"state\":\"checking\"");
	is_number(RUN(inbox_gaps, NULL), 0, "nor is what is being checked");
	put_status("", ",\"state\":\"waiting-for-registry\"");
	is_number(RUN(inbox_gaps, NULL), 4, "what waits for a registry is");
	passed(bundle, ",\"lacks_tail\":true");
	offered_until = later;
	passes_promised = 1;
	store_catalogue(3, 3, later);
	put_status(heals, bundle);
	is_number(RUN(inbox_gaps, NULL), 4, "what was lost is missing");
	ok(says(out, "tax-000003            its end was lost      32.0 KiB of 64.0 KiB missing, promised ") &&
	   says(out, ", last datagram 2"), "its end");
	ok(says(out, "repair is coming, by ") && says(out, " at the latest, in 9 min "), "and that it heals, and when");
	passed(bundle, "");
	put_status("", bundle);
	is_number(RUN(inbox_gaps, NULL), 4, "where nothing is sent again");
	ok(says(out, "a part was lost") && says(out, "no more is coming: read this to the sending side: resend "), "that is said");
	put_status(",\"waiting_bytes\":5000", bundle);
	RUN(inbox_gaps, NULL);
	ok(says(out, "another pass may be coming"), "and that another pass may come");
	is_number(RUN(inbox_gaps, "--json"), 4, "as JSON");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "which is read");
	struct json_view gap = json_at(json_get(json_view_of(json), "missing"), 0);
	is_text(json_get_text(gap, "kind", ""), "part", "it has the kind");
	is_text(json_get_text(gap, "more", ""), "may-come", "and what comes");
	is_number((int64_t)json_get_number(gap, "blocks", 0), 1, "and the blocks");
	json_free(json);
	put_status("", ",\"state\":\"refused\",\"verdict\":\"already-delivered\"");
	is_number(RUN(inbox_gaps, NULL), 0, "what was delivered under another number is not missing");
	ok(says(out, "1 delivered under another number"), "but counted");
	put_status(",\"caught_up\":9999999999", ",\"state\":\"receiving\"");
	passes_promised = 0;
	store_catalogue(2, 3, later);
	is_number(RUN(inbox_gaps, NULL), 0, "a newer catalogue may be a moment late");
	store_catalogue(3, 2, later);
	store_status(0, 0, 3, 1);
}

static void test_lost(void)
{
	struct lost_item items[] = {
		{.id = {EPOCH, 7, 1}, .count = 1, .why = LOST_NOT_OFFERED, .held_bytes = 32768, .object_bytes = 65536, .at_s = RELEASED},
		{.id = {EPOCH + 1, 8, 1}, .count = 3, .why = LOST_NEVER_NAMED, .at_s = RELEASED},
		{.id = {EPOCH + 2, 8, 1}, .count = 1, .why = LOST_TOO_OLD, .at_s = RELEASED},
		{.id = {EPOCH, 1, 1}, .count = 1, .why = LOST_TOO_OLD, .at_s = RELEASED},
	};
	char *text = NULL;
	size_t len = 0;
	if (lost_encode(&text, &len, items, 4) != 0)
		abort();
	put("vault/lost", text, len);
	free(text);
	store_status(0, 0, 3, 1);
	pid_t child = start_keep();
	is_number(RUN(inbox_gaps, NULL), 4, "what is lost for good is missing");
	ok(strncmp(out, "no bundle that is offered is missing: 2 bundles promised, 2 delivered, 3 lost for good", 80) == 0,
	   "and counted, but for what is offered again");
	ok(says(out, "tax-000007            lost for good         the sender no longer offers it; 32.0 KiB of 64.0 KiB had come, ") &&
	   says(out, "weir-inbox gaps --acknowledge tax-000007 --key FILE\n"), "with the reason, and what to do");
	ok(says(out, "never named it here, and 2 numbers behind it") && says(out, "tax-000008@0000000000001235 "),
	   "and by its epoch where two have it");
	is_number(RUN(inbox_gaps, "--json"), 4, "as JSON");
	struct json *json = NULL;
	is_number(json_parse(&json, out, strlen(out)), 0, "which is read");
	is_text(json_get_text(json_at(json_get(json_view_of(json), "given_up"), 0), "why", ""), "not-offered", "it is there");
	json_free(json);
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000007"), 2, "a loss is acknowledged by a person");
	ok(says(err, "whose order is it? Say --key FILE, or WEIR_KEY"), "whose key is asked for");
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000007", "--key", test_path("stranger.key")), 1, "whom the registry knows");
	ok(says(err, "weir-keep does not take the order") && says(err, "[unknown-key]"), "and a stranger is told");
	setenv("WEIR_KEY", test_path("wang-mei.key"), 1);
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000009"), 1, "what is not lost cannot be acknowledged");
	ok(says(err, "'tax-000009' is neither lost for good nor damaged"), "and that is said");
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000008"), 1, "nor what is not one");
	ok(says(err, "more than one epoch"), "and that is said");
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000008@0000000000001236"), 0, "by its epoch it is");
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000007"), 0, "by its name, too");
	ok(says(out, "tax-000007: acknowledged, and in the ledger"), "which is said");
	is_number(entered("\"event\":\"lost.acknowledged\",\"result\":\"ok\",\"who\":{\"person\":\"wang-mei\",\"key\":\""), 2,
		  "and so it is, with who it was");
	is_number(entered("\"event\":\"lost.acknowledged\",\"result\":\"unknown-key\",\"who\":{\"person\":\"stranger\""), 1,
		  "also who was refused");
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000007"), 1, "once");
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000008"), 0, "the last one");
	is_number(RUN(inbox_gaps, NULL), 0, "then nothing is missing");
	is_number(RUN(inbox_gaps, "--acknowledge", "x", "--json"), 2, "an acknowledgement is no list");
	stop_keep(child);
	unlink(test_path("run/" NOTICE_SOCKET));
	put_text("vault/lost", "weir-lost 1\n0000000000001234.1.7 1 refused 0 0 1\n");
	is_number(RUN(inbox_gaps, "--acknowledge", "tax-000007"), 3, "without weir-keep nothing is acknowledged");
	put_text("vault/lost", "nonsense\n");
	is_number(RUN(inbox_gaps, NULL), 1, "a damaged list is not passed over");
	ok(says(err, "cannot read what is lost"), "and that is said");
	unlink(test_path("vault/lost"));
	unsetenv("WEIR_KEY");
}

static void put_annal_of(uint64_t number, enum annal_what what, enum annal_how how)
{
	struct annals *annals = NULL;
	struct annals_found found;
	struct annal annal = {.id = {EPOCH, number, 1}, .route = "tax", .push_id = {(uint8_t)number}, .what = what,
			      .how = how, .at = RELEASED, .destroy_by = RELEASED + 86400 * 3650ULL};
	int vault_fd = io_open_dir(AT_FDCWD, test_path("vault"));
	if (annals_open(&annals, vault_fd, true, &found) != 0 || annals_write(annals, &annal, 1) != 0)
		abort();
	annals_close(annals);
	close(vault_fd);
}

static void put_annal(uint64_t number, enum annal_what what)
{
	put_annal_of(number, what, ANNAL_NO_WAY);
}

/* Of `gaps --json`: in which of the lists a bundle is, and when it was found damaged, as they say. */
static const char *lists_of(const char *name)
{
	static const char *const lists[] = {"missing", "on_its_way", "given_up", "damaged"};
	static char text[256];
	struct json *json = NULL;
	text[0] = 0;
	RUN(inbox_gaps, "--json");
	if (json_parse(&json, out, strlen(out)) != 0)
		abort();
	for (size_t i = 0; i < 4; i++) {
		struct json_view list = json_get(json_view_of(json), lists[i]);
		for (size_t j = 0; j < json_count(list); j++) {
			const char *found = json_get_text(json_at(list, j), "name", "");
			if (strncmp(found, name, strlen(name)) != 0)
				continue;
			size_t at = strlen(text);
			snprintf(text + at, sizeof(text) - at, "%s%s %s", at > 0 ? ", " : "", lists[i],
				 json_get_text(json_at(list, j), "damaged", "-"));
		}
	}
	json_free(json);
	return text;
}

static void each_loss_is_told_of_once(void)
{
	const struct lost_item item = {.id = {EPOCH, 7, 1}, .count = 1, .why = LOST_NOT_OFFERED, .at_s = RELEASED};
	uint64_t later = (uint64_t)time(NULL) + 86400;
	char *text = NULL;
	size_t len = 0;
	if (lost_encode(&text, &len, &item, 1) != 0)
		abort();
	put("vault/lost", text, len);
	free(text);
	for (uint64_t number = 5; number <= 9; number += 2)
		put_annal(number, ANNAL_DAMAGED);
	passes_promised = 1;
	store_catalogue(3, 6, later);
	is_text(lists_of("tax-000006"), "missing -", "what never was here is missing");
	is_text(lists_of("tax-000005"), "missing 2026-06-01T08:00:05Z", "what was found damaged and is offered is missing, and nothing else");
	is_text(lists_of("tax-000007"), "given_up 2026-06-01T08:00:05Z", "what is not offered any more is lost for good, and nothing else");
	is_text(lists_of("tax-000009"), "damaged -", "where nothing tells whether it comes it is damaged");
	is_number(RUN(inbox_gaps, NULL), 4, "for a person");
	ok(says(out, "tax-000005            damaged               64.0 KiB of 64.0 KiB missing, found damaged 2026-06-01T08:00:05Z"),
	   "the first is shown as damaged");
	ok(says(out, "tax-000007            lost for good         the sender no longer offers it, 2026-06-01T08:00:05Z; it was here, and was found damaged"),
	   "the second as lost for good");
	ok(says(out, "tax-000009@0000000000001234  damaged, found 2026-06-01T08:00:05Z: the sender names it no more; have it pushed again"),
	   "and the third with what to do");
	put_annal_of(9, ANNAL_DAMAGED, ANNAL_KNOWN);
	is_text(lists_of("tax-000009"), "", "when a person has taken note of that it is listed no more");
	put_annal(7, ANNAL_DELIVERED);
	is_text(lists_of("tax-000007"), "", "what was lost and has come after all is lost no more");
	unlink(test_path("vault/lost"));
	unlink(test_path("vault/annals"));
	passes_promised = 0;
	store_catalogue(3, 2, later);
}

static void test_epochs(void)
{
	make_bundle("vault/bundles/0000000000005678/tax-000001.weir", "tax", 0x5678, 1, single, 10);
	is_number(RUN(inbox_show, "tax-000001"), 1, "a name that two epochs have is not guessed");
	ok(says(err, "tax-000001@EPOCH"), "and how to ask is said");
	is_number(RUN(inbox_list, NULL), 0, "list ends well");
	ok(says(out, "tax-000001@0000000000001234") && says(out, "tax-000001@0000000000005678"),
	   "and shows both in full");
	is_number(RUN(inbox_show, "tax-000001@0000000000005678"), 0, "by which either is found");
	is_number(RUN(inbox_verify, NULL), 0, "and both verify");
	ok(says(out, "tax-000001@0000000000005678: good"), "under their full names");
}

/* ---- confinement ---- */

static int reach_network(int argc, char **argv)
{
	(void)argv;
	if (inbox_confine(argc > 0) != 0)
		return 9;
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 1 : 0;
}

static int run_program(int argc, char **argv)
{
	(void)argv;
	char name[] = "true", *words[] = {name, NULL};
	if (inbox_confine(argc > 0) != 0)
		return 9;
	execvp(name, words);
	return 1;
}

static int make_folder(int argc, char **argv)
{
	(void)argv;
	if (inbox_confine(argc > 0) != 0)
		return 9;
	return mkdirat(AT_FDCWD, test_path("made"), 0700) < 0 ? 1 : 0;
}

static void test_confined(void)
{
	is_number(RUN(reach_network, NULL), -SIGSYS,
		  "who opens is killed when it reaches for a network");
	is_number(RUN(run_program, NULL), -SIGSYS, "or for another program");
	is_number(RUN(make_folder, NULL), 0, "but can make folders");
	static const char *const nothing[] = {NULL};
	is_number(run(reach_network, nothing), -SIGSYS,
		  "who lists and verifies is killed for a network");
	is_number(run(make_folder, nothing), -SIGSYS, "and for making a folder");
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	unsetenv("WEIR_KEY");
	unsetenv("WEIR_PSK");
	unsetenv("WEIR_ROOTS");
	unsetenv("WEIR_PASSPHRASE_FILE");
	make_world();
	make_vault();
	pid_t child = start_keep();
	test_list();
	test_show();
	test_verify();
	test_trust();
	test_open_folder();
	test_open_stream();
	test_open_command();
	test_open_damaged();
	test_open_keys();
	test_copy();
	stop_keep(child);
	test_entries();
	unlink(test_path("run/" NOTICE_SOCKET));
	test_no_keep();
	child = start_keep();
	test_gaps();
	test_kinds();
	stop_keep(child);
	unlink(test_path("run/" NOTICE_SOCKET));
	test_lost();
	each_loss_is_told_of_once();
	child = start_keep();
	test_epochs();
	test_confined();
	stop_keep(child);
	registry_free(registry);
	return done_testing();
}
