#include "sender/psks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/key.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { RECIPIENTS = 3 };

static struct party parties[RECIPIENTS];
static const struct party *recipients[RECIPIENTS];
static struct key *keys[RECIPIENTS];

static const char *path_of(const char *name)
{
	static char path[600];
	snprintf(path, sizeof(path), "%s/%s.key", test_path("psks"), name);
	return path;
}

static void make(void)
{
	io_make_dir(AT_FDCWD, test_path("psks"), 0700);
	for (size_t i = 0; i < RECIPIENTS; i++) {
		char name[NAME_BYTES];
		snprintf(name, sizeof(name), "office-%zu", i);
		keys[i] = key_new(KEY_PSK, name);
		key_save(path_of(name), keys[i], NULL);
		memcpy(parties[i].card.name, keys[i]->card.name, NAME_BYTES);
		memcpy(parties[i].psk_public, keys[i]->card.public_key, SUITE_KEY_BYTES);
		recipients[i] = &parties[i];
	}
}

int main(void)
{
	char where[PSKS_WHERE_BYTES];
	uint8_t(*psks)[SUITE_KEY_BYTES] = NULL;
	struct route route = {.recipients = recipients, .recipient_count = RECIPIENTS};
	if (suite_start() != 0)
		return 1;
	make();
	is_number(psks_load(&psks, test_path("psks"), &route, where), 0, "the keys of all recipients are loaded");
	for (size_t i = 0; i < RECIPIENTS; i++)
		is_bytes(psks[i], keys[i]->secret, SUITE_KEY_BYTES, "each at its place");
	suite_secret_free(psks);
	psks = NULL;
	/* as systemd passes a folder on: a file each, with a prefix */
	io_make_dir(AT_FDCWD, test_path("passed"), 0700);
	char passed[600];
	snprintf(passed, sizeof(passed), "%s/psks_office-1.key", test_path("passed"));
	key_save(passed, keys[1], NULL);
	setenv("CREDENTIALS_DIRECTORY", test_path("passed"), 1);
	unlink(path_of("office-1"));
	is_number(psks_load(&psks, test_path("psks"), &route, where), 0, "a credential takes the place of a file");
	is_bytes(psks[1], keys[1]->secret, SUITE_KEY_BYTES, "with the same key");
	suite_secret_free(psks);
	psks = NULL;
	unsetenv("CREDENTIALS_DIRECTORY");
	key_save(path_of("office-1"), keys[1], NULL);
	parties[1].psk_public[0] ^= 1;
	is_number(psks_load(&psks, test_path("psks"), &route, where), VERDICT_WRONG_KEY,
		  "one that is not the one of the registry is refused");
	is_text(where, "office-1", "by its recipient");
	parties[1].psk_public[0] ^= 1;
	chmod(path_of("office-2"), 0640);
	is_number(psks_load(&psks, test_path("psks"), &route, where), VERDICT_LOOSE_PERMISSIONS,
		  "so is one that others may read");
	is_text(where, path_of("office-2"), "by its file");
	unlink(path_of("office-2"));
	key_save(path_of("office-2"), keys[0], NULL);
	is_number(psks_load(&psks, test_path("psks"), &route, where), VERDICT_WRONG_KEY,
		  "another recipient's key is refused");
	unlink(path_of("office-2"));
	struct key *other = key_new(KEY_LINK, "office-2");
	key_save(path_of("office-2"), other, NULL);
	memcpy(parties[2].psk_public, other->card.public_key, SUITE_KEY_BYTES);
	is_number(psks_load(&psks, test_path("psks"), &route, where), VERDICT_WRONG_KEY,
		  "and so is a key of another kind");
	unlink(path_of("office-2"));
	is_number(psks_load(&psks, test_path("psks"), &route, where), -ENOENT, "one that is not there is missed");
	ok(psks == NULL, "after a failure there are none");
	key_free(other);
	for (size_t i = 0; i < RECIPIENTS; i++)
		key_free(keys[i]);
	return done_testing();
}
