/* The registry that came over the link, and which one a receiver uses. */
#include "receiver/registrar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { CARD_BYTES = 512 };

static struct key *root, *stranger;
static struct roots *roots;
static const char *roots_path;
static int vault_fd;

static void need(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

/* Whole and signed; remark makes another text of the same version. */
static const char *installation = "moi";

static uint8_t *text_of(unsigned int version, const char *remark, const struct key *signer, size_t *len)
{
	char text[512];
	uint8_t *out = NULL;
	int n = snprintf(text, sizeof(text), "; %s\n[registry]\nformat = 1\nname = %s\nversion = %u\nissued = 2026-11-23\n"
			 "expires = 2027-11-23\n", remark, installation, version);
	need(registry_sign(&out, len, (const uint8_t *)text, (size_t)n, signer) == 0, "cannot sign");
	return out;
}

static struct registry *registry_of(unsigned int version, const char *remark)
{
	size_t len = 0;
	uint8_t *text = text_of(version, remark, root, &len);
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES];
	need(registry_parse(&registry, text, len, roots, problem) == 0, "cannot parse a registry");
	free(text);
	return registry;
}

/* What comes of an object with this text while `in_use` is used. */
static int take(bool *is_new, const uint8_t *text, size_t len, const struct registry *in_use)
{
	struct statement s = {.registry_version = 0};
	uint8_t *body = NULL;
	size_t body_len = 0;
	int fd = memfd_create("object", MFD_CLOEXEC);
	need(open_make(&body, &body_len, &s, OPEN_REGISTRY, text, len) == 0, "no memory");
	need(fd >= 0 && io_pwrite(fd, body, body_len, SEGMENT_BYTES) == 0, "no memory for a file");
	int result = registrar_take(is_new, vault_fd, fd, &s, roots_path, in_use);
	io_close(fd);
	free(body);
	return result;
}

static void take_is(unsigned int version, const char *remark, const struct key *signer,
		    const struct registry *in_use, int wanted, bool wanted_new, const char *sentence)
{
	size_t len = 0;
	bool is_new = !wanted_new;
	uint8_t *text = text_of(version, remark, signer, &len);
	is_text(verdict_name(take(&is_new, text, len, in_use)), verdict_name(wanted), "%s", sentence);
	ok(is_new == wanted_new, wanted_new ? "  and is new" : "  and nothing is new");
	free(text);
}

/* 0: there is none. */
static uint64_t version_in_file(void)
{
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES];
	uint64_t version = 0;
	if (registrar_load(&registry, vault_fd, roots, problem) == 0)
		version = registry_version(registry);
	registry_free(registry);
	return version;
}

static void test_taking(void)
{
	struct registry *in_use = registry_of(5, "in use");
	take_is(5, "in use", root, in_use, 0, false, "the very text in use is taken");
	is_number((int64_t)version_in_file(), 0, "  and not written");
	take_is(5, "another", root, in_use, VERDICT_OLDER_REGISTRY, false, "another text of the same version is refused");
	take_is(4, "older", root, in_use, VERDICT_OLDER_REGISTRY, false, "an older one is refused");
	take_is(6, "strange", stranger, in_use, VERDICT_TOO_FEW_SIGNATURES, false, "one that the roots did not sign is refused");
	installation = "elsewhere";
	take_is(9, "foreign", root, in_use, VERDICT_OTHER_REGISTRY, false, "one of another installation is refused");
	installation = "moi";
	is_number((int64_t)version_in_file(), 0, "none of them is written");
	take_is(7, "newer", root, in_use, 0, true, "a newer one is taken");
	is_number((int64_t)version_in_file(), 7, "  and written");
	take_is(6, "late", root, in_use, VERDICT_OLDER_REGISTRY, false,
		"one that is older than what came before is refused, even if that is not in use yet");
	take_is(7, "again", root, in_use, VERDICT_OLDER_REGISTRY, false, "so is one of the same version");
	is_number((int64_t)version_in_file(), 7, "the one before stays");
	take_is(8, "next", root, in_use, 0, true, "the next is taken");
	is_number((int64_t)version_in_file(), 8, "  in its place");
	registry_free(in_use);
}

static void test_judging(void)
{
	struct registry *in_use = registry_of(5, "in use");
	size_t len = 0, body_len = 0;
	uint8_t *body = NULL, *text = text_of(30, "newer", root, &len);
	struct statement s = {.registry_version = 0};
	int fd = memfd_create("object", MFD_CLOEXEC);
	need(open_make(&body, &body_len, &s, OPEN_REGISTRY, text, len) == 0, "no memory");
	need(fd >= 0 && io_pwrite(fd, body, body_len, SEGMENT_BYTES) == 0, "no memory for a file");
	is_number(registrar_judge(vault_fd, fd, &s, roots_path, in_use), 0, "a newer one is judged to be good");
	is_number((int64_t)version_in_file(), 8, "and not written by that");
	struct registry *later = registry_of(31, "in use");
	is_text(verdict_name(registrar_judge(vault_fd, fd, &s, roots_path, later)), "older-registry",
		"what is older than the one in use is not");
	registry_free(later);
	io_close(fd);
	free(body);
	free(text);
	registry_free(in_use);
}

static void test_other_faults(void)
{
	static const char nonsense[] = "nonsense\n";
	struct registry *in_use = registry_of(5, "in use");
	bool is_new = true;
	is_text(verdict_name(take(&is_new, (const uint8_t *)nonsense, sizeof(nonsense) - 1, in_use)),
		"too-few-signatures", "what is no registry is refused");
	const char *path = roots_path;
	roots_path = "/nowhere/roots";
	size_t len = 0;
	uint8_t *text = text_of(99, "newest", root, &len);
	is_number(take(&is_new, text, len, in_use), -ENOENT, "without roots nothing is taken");
	ok(!is_new, "and nothing is new");
	roots_path = path;
	int whole_vault = vault_fd;
	vault_fd = -1;
	is_number(take(&is_new, text, len, in_use), -EBADF, "nor when it cannot be written");
	ok(!is_new, "and nothing is new then");
	vault_fd = whole_vault;
	free(text);
	registry_free(in_use);
}

static void prefer_is(unsigned int version, int wanted, uint64_t used, const char *sentence)
{
	struct registry *registry = registry_of(version, "configured");
	is_number(registrar_prefer(&registry, vault_fd, roots), wanted, "%s", sentence);
	is_number((int64_t)registry_version(registry), (int64_t)used, "  and version %d is used", (int)used);
	registry_free(registry);
}

static void test_preferring(void)
{
	/* 8 came over the link */
	prefer_is(7, 0, 8, "the one that came is preferred to an older one");
	prefer_is(8, 0, 8, "of two with the same version the configured one counts");
	prefer_is(9, 0, 9, "and so does a newer one");
	size_t len = 0;
	uint8_t *text = text_of(20, "strange", stranger, &len);
	need(io_write_file(vault_fd, REGISTRAR_FILE, text, len, 0640) == 0, "cannot write");
	free(text);
	prefer_is(9, VERDICT_TOO_FEW_SIGNATURES, 9, "one that other roots have signed counts nothing");
	installation = "elsewhere";
	text = text_of(22, "foreign", root, &len);
	installation = "moi";
	need(io_write_file(vault_fd, REGISTRAR_FILE, text, len, 0640) == 0, "cannot write");
	free(text);
	prefer_is(9, VERDICT_OTHER_REGISTRY, 9, "nor does one of another installation");
	size_t lost = 0;
	text = text_of(21, "newest", root, &len);
	for (size_t cut = 1; cut < len; cut++) {
		need(io_write_file(vault_fd, REGISTRAR_FILE, text, cut, 0640) == 0, "cannot write");
		struct registry *registry = registry_of(9, "configured");
		lost += registrar_prefer(&registry, vault_fd, roots) == 0 || registry_version(registry) != 9;
		registry_free(registry);
	}
	is_number((int64_t)lost, 0, "nor does one that is cut off, wherever");
	struct registry *in_use = registry_of(9, "in use");
	bool is_new = false;
	is_number(take(&is_new, text, len, in_use), 0, "a good one replaces what counts nothing");
	is_number((int64_t)version_in_file(), 21, "and is there");
	registry_free(in_use);
	free(text);
	need(unlinkat(vault_fd, REGISTRAR_FILE, 0) == 0, "cannot remove");
	prefer_is(3, 0, 3, "where none came the configured one is used");
}

int main(void)
{
	char text[CARD_BYTES], problem[PROBLEM_BYTES];
	if (suite_start() != 0)
		return EXIT_FAILURE;
	root = key_new(KEY_ROOT, "root-1");
	stranger = key_new(KEY_ROOT, "root-2");
	char hex[2 * SUITE_KEY_BYTES + 1];
	size_t len = (size_t)snprintf(text, sizeof(text), "[root root-1]\npublic = %s\n[roots]\nquorum = 1\n",
				      text_hex(hex, sizeof(hex), root->card.public_key, SUITE_KEY_BYTES));
	roots_path = test_path("roots");
	need(io_create_path(roots_path, text, len, 0600) == 0, "cannot write the roots");
	need(roots_load(&roots, roots_path, problem) == 0, problem);
	need(mkdir(test_path("vault"), 0700) == 0, "cannot make a vault");
	vault_fd = io_open_dir(AT_FDCWD, test_path("vault"));
	test_taking();
	test_judging();
	test_other_faults();
	test_preferring();
	io_close(vault_fd);
	roots_free(roots);
	key_free(root);
	key_free(stranger);
	return done_testing();
}
