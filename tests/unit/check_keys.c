/* The keys of a box and its registry. */
#include "common/key.h"
#include "common/suite.h"
#include "tests/lib/checks.h"

static const uint8_t *wanted;

static void look_at_box(const struct check *check)
{
	check_key(check, FINDING_BOX_KEY, test_path("box.key"), KEY_RECEIVER, NULL);
}

static void look_at_link(const struct check *check)
{
	check_key(check, FINDING_LINK_KEY, test_path("link.key"), KEY_LINK, NULL);
}

static void look_at_psk(const struct check *check)
{
	check_key(check, FINDING_PRE_SHARED_KEY, test_path("psk.key"), KEY_PSK, wanted);
}

static void save(const char *name, enum key_kind kind, const char *passphrase, uint8_t *public_key)
{
	struct key *key = key_new(kind, "some-name");
	unlink(test_path(name));
	is_number(key == NULL ? -ENOMEM : key_save(test_path(name), key, passphrase), 0, "a key is made");
	if (public_key != NULL && key != NULL)
		memcpy(public_key, key->card.public_key, SUITE_KEY_BYTES);
	key_free(key);
}

int main(void)
{
	const struct config config = {.side = CONFIG_RECEIVER};
	uint8_t public_key[SUITE_KEY_BYTES], other[SUITE_KEY_BYTES] = {1};
	if (suite_start() != 0)
		return 1;
	finds(look_at_box, &config, "red box-key: ", "a key that is not there is red");
	save("box.key", KEY_RECEIVER, NULL, NULL);
	finds(look_at_box, &config, "green box-key: receiver 'some-name', fingerprint ", "one that is there is green");
	chmod(test_path("box.key"), 0640);
	finds(look_at_box, &config, "red box-key: ", "one that others can read is red");
	save("box.key", KEY_RECEIVER, "some words", NULL);
	ok(strstr(found(look_at_box, &config, "box-key"), "is under a passphrase, which a daemon cannot type; type: ") != NULL,
	   "and so is one under a passphrase");
	save("link.key", KEY_LINK, NULL, NULL);
	finds(look_at_link, &config, "green link-key: link 'some-name'", "the key of the link is green");
	save("link.key", KEY_PSK, NULL, NULL);
	finds(look_at_link, &config, "red link-key: ", "a key of another kind is red");
	save("psk.key", KEY_PSK, NULL, public_key);
	wanted = public_key;
	finds(look_at_psk, &config, "green pre-shared-key: ", "the key that the registry names is green");
	wanted = other;
	finds(look_at_psk, &config, "red pre-shared-key: ", "another one is red");
	return done_testing();
}
