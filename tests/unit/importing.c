/* A receipt on its way into the ledger of the receiving box. */
#include "receiver/importing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/receipt.h"
#include "common/text.h"
#include "common/verdict.h"
#include "receiver/vault.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

#define NOW UINT64_C(1795478400)
enum { EPOCH = 0x1234 };

static char vault[4096];
static struct key *root, *agency, *box;
static struct registry *registry;
static struct import_site site;
static const struct ledger_who peer = {.has_peer = true, .uid = 1000, .pid = 77};

static void must(bool good, const char *what)
{
	if (!good) {
		note("the test cannot go on: %s", what);
		exit(2);
	}
}

static size_t add_card(char *text, size_t at, const struct key *key)
{
	char hex[2 * SUITE_KEY_BYTES + 1];
	return at + (size_t)sprintf(text + at, "[%s %s]\npublic = %s\n", key_kind_name(key->card.kind), key->card.name,
				    text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES));
}

static void make_registry(void)
{
	char text[4096], hex[2 * SUITE_KEY_BYTES + 1], problem[PROBLEM_BYTES] = "";
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct roots *roots = NULL;
	size_t at = (size_t)sprintf(text, "[registry]\nformat = 1\nname = test\nversion = 1\nissued = 2026-01-01\n"
					  "expires = 2030-01-01\n");
	at = add_card(text, at, agency);
	at += (size_t)sprintf(text + at, "psk = %064d\nreceipts = %s\n", 1,
			      text_hex(hex, sizeof(hex), agency->card.second, SUITE_KEY_BYTES));
	must(registry_sign(&bytes, &len, (const uint8_t *)text, at, root) == 0, "registry_sign");
	at = add_card(text, 0, root);
	at += (size_t)sprintf(text + at, "[roots]\nquorum = 1\n");
	must(roots_parse(&roots, (const uint8_t *)text, at, problem) == 0 &&
	     registry_parse(&registry, bytes, len, roots, problem) == 0, problem);
	free(bytes);
	roots_free(roots);
}

/* As much of a bundle as says what it is and whose: its release, and its head. */
static void deliver(const char *route, uint64_t number, const struct key *recipient)
{
	char name[BUNDLE_NAME_BYTES], path[5000];
	uint8_t object[2 * SEGMENT_BYTES];
	struct head head = {.count = 1};
	struct endorsements endorsements;
	struct release release = {
		.route_id = 7, .epoch = EPOCH, .number = number, .released_at = NOW - 100, .row_len = 4096,
		.source_rows = 16, .repair_rows = 3,
		.statement = {.created = NOW - 200, .destroy_by = NOW + 86400, .registry_version = 1, .segments = 3,
			      .manifest_segments = 1},
	};
	snprintf(release.box, sizeof(release.box), "inside-1");
	snprintf(release.statement.route, sizeof(release.statement.route), "%s", route);
	snprintf(release.statement.person, sizeof(release.statement.person), "wang-mei");
	memset(release.statement.root, 0xee, SUITE_DIGEST_BYTES);
	memset(release.statement.manifest_digest, 0xdd, SUITE_DIGEST_BYTES);
	endorse_push(&endorsements, &release.statement, root->secret);
	must(release_segment_encode(object, &release, &endorsements, root->secret) == 0, "release");
	snprintf(head.route, sizeof(head.route), "%s", route);
	memcpy(head.stanzas[0].key_id, recipient->card.id, KEY_ID_BYTES);
	head_encode(object + SEGMENT_BYTES, &head);
	bundle_name(name, route, number);
	snprintf(path, sizeof(path), "%s/bundles/%016x/%s.weir", vault, EPOCH, name);
	must(io_create_path(path, object, sizeof(object), 0600) == 0, path);
}

static void start(const char *name)
{
	char path[5000];
	snprintf(vault, sizeof(vault), "%s", test_path(name));
	must(mkdir(vault, 0700) == 0, "vault");
	site = (struct import_site){.vault_fd = io_open_dir(AT_FDCWD, vault), .registry = registry};
	must(site.vault_fd >= 0 && vault_prepare(site.vault_fd) == 0, "vault");
	snprintf(path, sizeof(path), "%s/bundles/%016x", vault, EPOCH);
	must(mkdir(path, 0700) == 0 && diary_open(&site.diary, vault, box, NOW) == 0, "diary");
	deliver("tax", 1, agency);
	deliver("tax", 3, root); /* anybody else */
}

static void end(void)
{
	diary_close(site.diary);
	io_close(site.vault_fd);
}

static struct receipt opened(void)
{
	struct receipt r = {.bundle = "tax-000001", .epoch = EPOCH, .at = NOW - 10, .records = 5, .bytes = 6};
	memcpy(r.recipient, agency->card.name, sizeof(r.recipient));
	memcpy(r.key_id, agency->card.id, sizeof(r.key_id));
	memset(r.root, 0xee, sizeof(r.root));
	memset(r.manifest, 0xdd, sizeof(r.manifest));
	return r;
}

static int import(struct receipt r)
{
	uint8_t seed[SUITE_KEY_BYTES];
	char text[RECEIPT_BYTES_MAX];
	size_t len = 0;
	key_receipt_seed(seed, agency);
	must(receipt_encode(text, &len, &r, seed) == 0, "receipt");
	return import_receipt(&site, &peer, text, len, NOW);
}

/* Lines of the ledger with this text. */
static int entered(const char *text)
{
	char command[8400], answer[32] = "";
	snprintf(command, sizeof(command), "cat '%s'/ledger/*.jsonl | grep -cF '%s'", vault, text);
	FILE *f = popen(command, "r");
	must(f != NULL && fgets(answer, sizeof(answer), f) != NULL, "grep");
	pclose(f);
	return atoi(answer);
}

static int kept(void)
{
	char command[8400], answer[32] = "";
	snprintf(command, sizeof(command), "ls '%s/receipts' 2>/dev/null | wc -l", vault);
	FILE *f = popen(command, "r");
	must(f != NULL && fgets(answer, sizeof(answer), f) != NULL, "ls");
	pclose(f);
	return atoi(answer);
}

static void taken(void)
{
	char who[200], hex[2 * KEY_ID_BYTES + 1];
	start("taken");
	is_number(import(opened()), 0, "a receipt of an opening is taken");
	snprintf(who, sizeof(who), "\"who\":{\"person\":\"tax-agency\",\"key\":\"%s\",\"uid\":1000,\"pid\":77},\"bundle\":\"tax-000001\"",
		 text_hex(hex, sizeof(hex), agency->card.id, KEY_ID_BYTES));
	is_number(entered(who), 1, "and on the disk by then: the recipient, and who brought it");
	is_number(entered("\"event\":\"opened\",\"result\":\"ok\""), 1, "as an opening");
	is_number(entered("\"done_at\":\"2026-11-23T23:59:50Z\",\"records\":5,\"bytes\":6"), 1, "when, and what came out");
	is_number(kept(), 1, "its text is kept");
	is_number(import(opened()), -EEXIST, "a second time it is there already");
	is_number(entered("\"event\":\"opened\""), 1, "and not entered again");
	struct receipt r = opened();
	r.id[0] = 1;
	r.result = VERDICT_DAMAGED;
	is_number(import(r), 0, "another opening is another receipt");
	is_number(entered("\"event\":\"opened\",\"result\":\"damaged\""), 1, "with what came of it");
	r = opened();
	r.kind = RECEIPT_DESTROYED;
	r.records = r.bytes = 0;
	snprintf(r.how, sizeof(r.how), "disk wiped");
	is_number(import(r), 0, "so is a destruction");
	is_number(entered("\"event\":\"destroyed.elsewhere\""), 1, "under its own name");
	is_number(entered("\"how\":\"disk wiped\""), 1, "with its words");
	end();
}

static void refused(void)
{
	start("refused");
	struct receipt r = opened();
	snprintf(r.bundle, sizeof(r.bundle), "tax-000002");
	is_number(import(r), VERDICT_NO_SUCH_BUNDLE, "a bundle that is not in the vault is not known");
	r = opened();
	r.epoch = EPOCH + 1;
	is_number(import(r), VERDICT_NO_SUCH_BUNDLE, "nor one of another epoch");
	r = opened();
	r.root[0] ^= 1;
	is_number(import(r), VERDICT_BAD_ROOT, "another bundle of that name is not meant");
	r = opened();
	snprintf(r.bundle, sizeof(r.bundle), "tax-000003");
	is_number(import(r), VERDICT_WRONG_RECIPIENT, "who could not open it has not");
	r = opened();
	r.manifest[0] ^= 1;
	is_number(import(r), VERDICT_BAD_DIGEST, "nor one of another manifest");
	r = opened();
	r.at = NOW + 3600;
	is_number(import(r), VERDICT_BAD_TIME, "what does not count by the registry is refused");
	is_number(import_receipt(&site, &peer, "nothing", 7, NOW), VERDICT_BAD_ENTRY, "so is nonsense");
	is_number(import_receipt(&site, &peer, "", 0, NOW), VERDICT_BAD_ENTRY, "and nothing at all");
	is_number(kept(), 0, "nothing is kept of any");
	is_number(entered("\"event\":\"opened\""), 0, "and nothing entered");
	end();
}

static void no_room(void)
{
	struct rlimit none = {0, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
	start("no-room");
	must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &none) == 0, "no file may grow");
	is_number(import(opened()), -EFBIG, "what cannot be entered is not taken");
	must(setrlimit(RLIMIT_FSIZE, &all) == 0, "files may grow");
	is_number(kept(), 0, "nor kept");
	must(diary_commit(site.diary) == -EFBIG, "it was told");
	is_number(import(opened()), 0, "it is when it can be");
	/* as a crash leaves it between the two */
	char command[8400];
	snprintf(command, sizeof(command), "rm '%s'/receipts/*", vault);
	must(system(command) == 0, "rm");
	is_number(import(opened()), 0, "an entry whose text a crash took is entered again");
	is_number(entered("\"event\":\"opened\""), 2, "told twice, and not lost");
	end();
}

int main(void)
{
	must(suite_start() == 0, "suite");
	root = key_new(KEY_ROOT, "root-1");
	agency = key_new(KEY_RECIPIENT, "tax-agency");
	box = key_new(KEY_RECEIVER, "outside-1");
	must(root != NULL && agency != NULL && box != NULL, "keys");
	make_registry();
	taken();
	refused();
	no_room();
	registry_free(registry);
	key_free(root);
	key_free(agency);
	key_free(box);
	return done_testing();
}
